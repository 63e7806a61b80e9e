package layer

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// The directories at the top of a Windows layer.
const (
	filesDir = "Files"
	hivesDir = "Hives"
	// hiveDelta ends the names of files in Hives ("System_Delta").
	hiveDelta = "_Delta"
)

// The modes that Windows itself writes into layers; nothing reads them.
const (
	modeDir  = 0o040000
	modeFile = 0o100000
	modeLink = 0o120000
)

// windowsPlan brings the changes of a layer into the Windows form.
type windowsPlan struct {
	below tree.Tree
	opts  Options
	nodes map[string]*node // by folded final name
	own   map[string]*tree.Entry
	dirs  map[string]place // by folded name, as the layer has it
	pax   map[paxKey][]record
	// deltas are the layer's delta hives by name.
	deltas map[string][]byte
}

// place is where a directory of the layer comes to lie.
type place struct {
	name  string
	known bool // the layers below may have something in it
}

// prepareWindows makes the entries of a Windows layer: Files, the content with
// every parent, depth-first, and Hives.
func prepareWindows(ctx context.Context, below tree.Tree, l *tree.Layer, o Options) ([]item, error) {
	w := &windowsPlan{
		below: below, opts: o, nodes: map[string]*node{}, own: map[string]*tree.Entry{},
		dirs: map[string]place{"": {"", true}}, pax: map[paxKey][]record{},
		deltas: l.Hives,
	}
	var changes []tree.Change
	for c, err := range l.Changes.All(ctx) {
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
		if c.Entry != nil {
			w.own[tree.Fold(c.Entry.Name)] = c.Entry
		}
	}
	root := &node{made: true}
	for _, c := range changes {
		if c.Name() == "" {
			if c.Entry == nil || c.Entry.Kind != tree.Dir {
				return nil, &EntryError{Rule: "is the root, which must be a directory"}
			}
			root = &node{entry: c.Entry, opaque: c.Opaque}
			continue
		}
		if err := w.add(ctx, c); err != nil {
			return nil, err
		}
	}
	w.nodes[""] = root
	if err := w.complete(ctx); err != nil {
		return nil, err
	}
	return w.items(ctx)
}

// add gives the change its final name and a place among the others.
func (w *windowsPlan) add(ctx context.Context, c tree.Change) error {
	n := &node{given: c.Name(), entry: c.Entry, opaque: c.Opaque, marked: c.Opaque}
	if err := w.checkGiven(n); err != nil {
		return err
	}
	var err error
	if n.name, err = w.finalName(ctx, n); err != nil {
		return err
	}
	if err := w.checkFinal(n); err != nil {
		return err
	}
	key := tree.Fold(n.name)
	if old := w.nodes[key]; old != nil {
		if n, err = merge(old, n); err != nil {
			return err
		}
	}
	w.nodes[key] = n
	return nil
}

// merge decides about two changes whose names Windows takes for the same.
func merge(a, b *node) (*node, error) {
	switch {
	case a.entry == nil && b.entry == nil:
		return a, nil
	case a.entry == nil || b.entry == nil:
		// Removed and made again: the entry replaces what was there. A
		// directory must also hide what the old one had in it.
		if a.entry == nil {
			a, b = b, a
		}
		a.opaque = a.opaque || a.entry.Kind == tree.Dir
		return a, nil
	case a.entry.Kind == tree.Dir && b.entry.Kind == tree.Dir && equalMeta(a.entry, b.entry):
		a.opaque = a.opaque || b.opaque
		return a, nil
	}
	return nil, &EntryError{Name: b.given, Rule: "has the same name as /" + a.given + " for Windows, which does not tell case apart",
		Advice: "rename one of them, or list it in .dockerignore"}
}

// checkGiven refuses what no Windows layer can hold, under the name that the
// user knows.
func (w *windowsPlan) checkGiven(n *node) error {
	for part := range strings.SplitSeq(n.given, "/") {
		if len(part) >= len(whiteout) && strings.EqualFold(part[:len(whiteout)], whiteout) {
			return errWhiteoutName(n.given)
		}
	}
	if err := winmeta.CheckPath(n.given); err != nil {
		return nameError(n.given, err)
	}
	if n.entry == nil {
		return nil
	}
	switch n.entry.Kind {
	case tree.File, tree.Dir, tree.Symlink, tree.Junction, tree.Hardlink:
		return nil
	}
	return &EntryError{Name: n.given, Rule: "is a " + n.entry.Kind.String() + ", which Windows images cannot hold", Advice: ignoreAdvice}
}

// checkFinal refuses places that a layer must not write to.
func (w *windowsPlan) checkFinal(n *node) error {
	check := winmeta.CheckWrite
	if w.opts.Base {
		check = winmeta.CheckPath
	}
	if err := check(n.name); err != nil {
		return nameError(n.given, err)
	}
	return nil
}

// nameError turns an error of the name rules into one of the layer.
func nameError(name string, err error) error {
	e := &EntryError{Name: name, Rule: "cannot be in a Windows image: " + err.Error(), Err: err}
	if ne, ok := errors.AsType[*winmeta.NameError](err); ok {
		e.Rule = ne.Rule
		if q := strconv.Quote(ne.Component); ne.Component != "" && (ne.Component != tree.Base(name) || q != `"`+strings.TrimSpace(ne.Component)+`"`) {
			e.Detail = "because of " + strconv.Quote(ne.Component)
		}
	}
	return e
}

// finalName resolves the links that lower layers have on the way to a name and
// spells it as they do.
func (w *windowsPlan) finalName(ctx context.Context, n *node) (string, error) {
	if n.entry != nil && n.entry.Kind == tree.Dir {
		p, err := w.dir(ctx, n.given, 0)
		return p.name, err
	}
	parent, err := w.dir(ctx, tree.Parent(n.given), 0)
	if err != nil {
		return "", err
	}
	full := tree.Join(parent.name, tree.Base(n.given))
	if parent.known {
		e, err := w.lookup(ctx, full)
		if err != nil {
			return "", err
		}
		if e != nil {
			return tree.Join(parent.name, tree.Base(e.Name)), nil
		}
	}
	return winmeta.SpellPath(full), nil
}

// lookup finds an entry of the layers below; nil if there is none.
func (w *windowsPlan) lookup(ctx context.Context, name string) (*tree.Entry, error) {
	e, err := w.below.Lookup(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return e, err
}

// dir says where the directory name comes to lie: the spelling of lower
// layers, else Windows' own, else that which the layer has first.
func (w *windowsPlan) dir(ctx context.Context, name string, links int) (place, error) {
	key := tree.Fold(name)
	if p, ok := w.dirs[key]; ok {
		return p, nil
	}
	if links > maxLinkChain {
		return place{}, &EntryError{Name: name, Rule: "leads through too many links"}
	}
	parent, err := w.dir(ctx, tree.Parent(name), links)
	if err != nil {
		return place{}, err
	}
	p, err := w.enter(ctx, parent, tree.Base(name), links)
	if err == nil {
		w.dirs[key] = p
	}
	return p, err
}

// enter is one step of dir.
func (w *windowsPlan) enter(ctx context.Context, parent place, base string, links int) (place, error) {
	full := tree.Join(parent.name, base)
	if own := w.own[tree.Fold(full)]; own != nil && own.Kind != tree.Dir {
		return place{name: full}, nil // refused later: an entry below no directory
	}
	var e *tree.Entry
	if parent.known {
		var err error
		if e, err = w.lookup(ctx, full); err != nil {
			return place{}, err
		}
	}
	switch {
	case e == nil:
	case e.Kind == tree.Symlink || e.Kind == tree.Junction:
		target, err := tree.LinkTarget(e)
		if err != nil {
			return place{}, &EntryError{Name: full, Rule: "is a link that leaves the image", Detail: err.Error()}
		}
		return w.dir(ctx, target, links+1)
	default:
		return place{tree.Join(parent.name, tree.Base(e.Name)), true}, nil
	}
	if r := winmeta.ResolveStandardJunctions(full); r != full {
		return w.dir(ctx, r, links+1)
	}
	return place{name: winmeta.SpellPath(full)}, nil
}

// complete adds the removals that stand for opaque directories, and parents.
func (w *windowsPlan) complete(ctx context.Context) error {
	for _, n := range w.sorted() {
		if n.name != "" {
			if err := w.addParents(n); err != nil {
				return err
			}
		}
	}
	w.respell()
	for _, n := range w.sorted() {
		if n.opaque && n.entry != nil && n.entry.Kind == tree.Dir {
			if err := w.expand(ctx, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// respell makes names begin as their parents are spelled; different spellings
// of one directory can come from removals and directories that only files name.
func (w *windowsPlan) respell() {
	var wrong []*node
	for _, n := range w.nodes {
		if n.name == "" {
			continue
		}
		if p := tree.Parent(n.name); p != "" && w.nodes[tree.Fold(p)].name != p {
			wrong = append(wrong, n)
		}
	}
	for len(wrong) > 0 {
		slices.SortFunc(wrong, func(a, b *node) int { return len(a.name) - len(b.name) })
		for _, n := range wrong {
			n.name = tree.Join(w.nodes[tree.Fold(tree.Parent(n.name))].name, tree.Base(n.name))
		}
		wrong = slices.DeleteFunc(wrong, func(n *node) bool {
			p := tree.Parent(n.name)
			return w.nodes[tree.Fold(p)].name == p
		})
	}
}

// sorted returns the nodes in the order of their names.
func (w *windowsPlan) sorted() []*node {
	all := slices.Collect(maps.Values(w.nodes))
	slices.SortFunc(all, func(a, b *node) int { return compareNames(a.name, b.name) })
	return all
}

// addParents makes sure that every parent of n is there and a directory.
func (w *windowsPlan) addParents(n *node) error {
	for name := tree.Parent(n.name); name != ""; name = tree.Parent(name) {
		key := tree.Fold(name)
		p := w.nodes[key]
		switch {
		case p == nil:
			w.nodes[key] = &node{name: name, given: name, made: true}
			continue
		case p.made:
			return nil
		case p.entry == nil && n.entry == nil:
			// A removed directory takes with it what is removed inside.
			delete(w.nodes, tree.Fold(n.name))
			return nil
		case p.entry == nil:
			// Removed, but with new content: a directory that hides the old.
			p.entry, p.opaque = &tree.Entry{Name: name, Kind: tree.Dir}, true
		case p.entry.Kind != tree.Dir:
			return &EntryError{Name: n.given, Rule: "lies below /" + p.given + ", which is a " + p.entry.Kind.String() + " in the same layer",
				Advice: "Windows cannot import entries below a link; copy to the directory that it points to"}
		}
	}
	return nil
}

// expand replaces the mark that a directory hides what lower layers have in it
// by removals, because Windows knows no such mark.
func (w *windowsPlan) expand(ctx context.Context, dir *node) error {
	e, err := w.lookup(ctx, dir.name)
	if err != nil {
		return err
	}
	if e == nil && dir.marked {
		return &EntryError{Name: dir.given, Rule: "replaces a directory whose old content is not known, and Windows layers can only remove what they name",
			Advice: "remove the content in a step that runs on Windows, or use another directory"}
	}
	if e == nil || e.Kind != tree.Dir {
		return nil
	}
	for e, err := range w.below.Entries(ctx, dir.name) {
		if err != nil {
			return err
		}
		name := tree.Join(dir.name, tree.Base(e.Name))
		n := w.nodes[tree.Fold(name)]
		switch {
		case n == nil:
			w.nodes[tree.Fold(name)] = &node{name: name, given: e.Name}
		case (n.made || n.entry != nil && n.entry.Kind == tree.Dir) && e.Kind == tree.Dir:
			if err := w.expand(ctx, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// items writes the headers.
func (w *windowsPlan) items(ctx context.Context) ([]item, error) {
	nodes := w.sorted()
	if err := group(ctx, nodes, tree.Fold); err != nil {
		return nil, err
	}
	items := make([]item, 0, len(nodes)+1)
	for _, n := range nodes {
		it, err := w.item(ctx, n)
		if err != nil {
			return nil, err
		}
		items = append(items, it)
	}
	// Removals sort under the name that they have in the tar.
	slices.SortStableFunc(items, func(a, b item) int { return compareNames(a.name, b.name) })
	if !w.opts.Base {
		h := header{name: hivesDir, typeflag: tar.TypeDir, mode: modeDir, time: w.opts.seconds(nil), times: true}
		h.records = w.records(winmeta.DirectoryAttributes, winmeta.DefaultDescriptor(true))
		items = append(items, item{header: h})
	}
	return append(items, w.hives()...), nil
}

// hives returns the delta hives of the layer.
func (w *windowsPlan) hives() []item {
	var items []item
	for _, name := range slices.Sorted(maps.Keys(w.deltas)) {
		data := w.deltas[name]
		h := header{
			name: hivesDir + "/" + name + hiveDelta, typeflag: tar.TypeReg, mode: modeFile,
			size: int64(len(data)), time: w.opts.seconds(nil), times: true,
		}
		h.records = w.records(winmeta.Archive, winmeta.DefaultDescriptor(false))
		items = append(items, item{header: h, content: tree.Bytes(data)})
	}
	return items
}

func (w *windowsPlan) item(ctx context.Context, n *node) (item, error) {
	it := item{header: header{name: filesDir, time: w.opts.seconds(n.entry), times: true, mode: modeFile}}
	if n.name != "" {
		it.name = filesDir + "/" + n.name
	}
	if n.entry == nil && !n.made {
		it.name = filesDir + "/" + tree.Join(tree.Parent(n.name), whiteout+tree.Base(n.name))
		it.typeflag, it.times = tar.TypeReg, false
		return it, nil
	}
	e, err := w.metadata(ctx, n)
	if err != nil {
		return it, err
	}
	if n.linkTo != "" {
		it.typeflag, it.mode, it.link = tar.TypeLink, 0o644, filesDir+"/"+n.linkTo
		it.records = w.records(attributes(e, false), nil)
		return it, nil
	}
	dirLink := false
	switch e.Kind {
	case tree.File:
		it.typeflag, it.size, it.content = tar.TypeReg, e.Size, e.Content
	case tree.Dir:
		it.typeflag, it.mode = tar.TypeDir, modeDir
	case tree.Symlink, tree.Junction:
		dirLink = w.pointsToDir(ctx, n)
		it.typeflag, it.mode = tar.TypeSymlink, modeLink
		if it.link, err = linkname(n.name, e); err != nil {
			return it, err
		}
	}
	sd, err := w.descriptor(n, e, e.Kind == tree.Dir || dirLink)
	if err != nil {
		return it, err
	}
	a := attributes(e, dirLink)
	if e.Kind == tree.Dir && !w.opts.Base && (e.Windows == nil || e.Windows.Attributes == 0) {
		a = winmeta.DirAttributes(n.name)
	}
	it.records = w.records(a, sd)
	if e.Kind == tree.Junction {
		it.records = sortedRecords(it.records, record{paxMountpoint, "1"})
	}
	if e.Windows != nil {
		for _, k := range slices.Sorted(maps.Keys(e.Windows.EA)) {
			it.records = sortedRecords(it.records, record{paxEA + k, base64.StdEncoding.EncodeToString(e.Windows.EA[k])})
		}
	}
	return it, nil
}

// metadata returns the entry whose metadata count: a directory about which the
// layer says nothing repeats what lower layers say of it, because an entry
// replaces descriptor and attributes.
func (w *windowsPlan) metadata(ctx context.Context, n *node) (*tree.Entry, error) {
	e := n.entry
	if e == nil {
		e = &tree.Entry{Name: n.name, Kind: tree.Dir}
	}
	silent := e.Owner == nil && (e.Windows == nil || e.Windows.Descriptor == nil && e.Windows.Attributes == 0)
	if e.Kind != tree.Dir || !silent || n.opaque {
		return e, nil
	}
	old, err := w.lookup(ctx, n.name)
	if err != nil || old == nil || old.Kind != tree.Dir {
		return e, err
	}
	merged := *e
	merged.Owner, merged.Windows = old.Owner, old.Windows
	return &merged, nil
}

// descriptor chooses the security descriptor: the entry's own, that of its
// owner, that of the standard directory, the default.
func (w *windowsPlan) descriptor(n *node, e *tree.Entry, dir bool) ([]byte, error) {
	switch {
	case e.Windows != nil && e.Windows.Descriptor != nil:
		if _, err := winmeta.ParseDescriptor(e.Windows.Descriptor); err != nil {
			return nil, &EntryError{Name: n.given, Rule: "has a security descriptor that cannot be read", Detail: err.Error(), Err: err}
		}
		return e.Windows.Descriptor, nil
	case e.Owner != nil && (e.Owner.User != "" || e.Owner.Group != ""):
		sd, err := ownedDescriptor(*e.Owner, dir)
		if err != nil {
			return nil, &EntryError{Name: n.given, Rule: "has an owner that cannot be written: " + err.Error(), Err: err}
		}
		return sd, nil
	case e.Kind == tree.Dir && !w.opts.Base:
		if sd, ok := winmeta.DirDescriptor(n.name); ok {
			return sd, nil
		}
	}
	return winmeta.DefaultDescriptor(dir), nil
}

// paxKey makes entries with equal metadata share their records.
type paxKey struct {
	attributes winmeta.Attributes
	descriptor string
}

func (w *windowsPlan) records(a winmeta.Attributes, sd []byte) []record {
	key := paxKey{a, string(sd)}
	if r, ok := w.pax[key]; ok {
		return r
	}
	r := []record{{paxAttributes, strconv.FormatUint(uint64(a), 10)}}
	if sd != nil {
		r = append(r, record{paxDescriptor, base64.StdEncoding.EncodeToString(sd)})
	}
	w.pax[key] = r
	return r
}

// sortedRecords returns the records with one more, in their order.
func sortedRecords(rs []record, r record) []record {
	out := append(slices.Clip(rs), r)
	slices.SortFunc(out, func(a, b record) int { return bytes.Compare([]byte(a.key), []byte(b.key)) })
	return out
}

// pointsToDir reports whether a link is one to a directory, which Windows has
// to know when the link is made.
func (w *windowsPlan) pointsToDir(ctx context.Context, n *node) bool {
	e := n.entry
	if e.Kind == tree.Junction || e.DirLink || strings.HasSuffix(e.Target, "/") {
		return true
	}
	if e.Windows != nil && winmeta.Attributes(e.Windows.Attributes).Has(winmeta.ReparsePoint) {
		return winmeta.Attributes(e.Windows.Attributes).Has(winmeta.Directory)
	}
	at := *e
	at.Name = n.name
	for range maxLinkChain {
		target, err := tree.LinkTarget(&at)
		if err != nil {
			return false
		}
		t := w.nodes[tree.Fold(target)]
		if t == nil {
			_, e, err := tree.Resolve(ctx, w.below, target, true)
			return err == nil && e.Kind == tree.Dir || err != nil && winmeta.IsStandardDir(target)
		}
		if t.made || target == "" {
			return true
		}
		if t.entry == nil || t.entry.Kind != tree.Symlink {
			return t.entry != nil && (t.entry.Kind == tree.Dir || t.entry.Kind == tree.Junction)
		}
		at = *t.entry
		at.Name = t.name
	}
	return false
}

// linkname translates the target of a link to what Windows stores: with
// backslashes, drive-rooted where it was absolute, and never below Files.
func linkname(name string, e *tree.Entry) (string, error) {
	t := e.Target
	if t == "" || strings.ContainsRune(t, 0) || !utf8.ValidString(t) {
		return "", &EntryError{Name: name, Rule: "is a link without a usable target"}
	}
	drive := len(t) >= 2 && t[1] == ':'
	device := strings.HasPrefix(t, "//") && (e.Windows != nil || e.Kind == tree.Junction)
	if e.Kind == tree.Junction && !drive && !device {
		at := *e
		at.Name = name
		inside, err := tree.LinkTarget(&at)
		if err != nil {
			return "", &EntryError{Name: name, Rule: "is a junction whose target cannot be written", Detail: err.Error()}
		}
		return winmeta.ToWindows(inside), nil
	}
	if strings.HasPrefix(t, "/") && !device {
		t = "/" + strings.TrimLeft(t, "/")
	}
	if len(t) > 1 && !strings.HasSuffix(t, ":/") {
		t = strings.TrimRight(t, "/")
	}
	if t == "" {
		return "", fmt.Errorf("writing the link /%s: its target %q is empty", name, e.Target)
	}
	return strings.ReplaceAll(t, "/", `\`), nil
}
