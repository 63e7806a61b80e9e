package layer

import (
	"archive/tar"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/casement/casement/internal/tree"
)

// whiteout is how both formats begin the name of a removed entry, and opaque
// is the marker of a directory that hides what is below it.
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

// prepareLinux makes the entries of an ordinary OCI layer: the layer's own
// entries as they are, and no parents that it does not have.
func prepareLinux(ctx context.Context, l *tree.Layer, o Options) ([]item, error) {
	var items []item
	links := map[string]bool{} // names of this layer that are no directories
	var nodes []*node
	for c, err := range l.Changes.All(ctx) {
		if err != nil {
			return nil, err
		}
		if c.Name() == "" {
			continue // the root itself is not an entry of a Linux layer
		}
		if err := checkLinuxName(c.Name()); err != nil {
			return nil, err
		}
		if c.Entry != nil && c.Entry.Kind != tree.Dir {
			links[c.Name()] = true
		}
		nodes = append(nodes, &node{name: c.Name(), given: c.Name(), entry: c.Entry, opaque: c.Opaque})
	}
	for _, n := range nodes {
		for p := tree.Parent(n.name); p != ""; p = tree.Parent(p) {
			if links[p] {
				return nil, &EntryError{Name: n.given, Rule: "lies below /" + p + ", which is no directory in the same layer",
					Advice: "copy to the directory itself, not through a link"}
			}
		}
	}
	slices.SortFunc(nodes, func(a, b *node) int { return compareNames(a.name, b.name) })
	if err := group(ctx, nodes, func(s string) string { return s }); err != nil {
		return nil, err
	}
	for _, n := range nodes {
		if n.entry == nil {
			name := tree.Join(tree.Parent(n.name), whiteout+tree.Base(n.name))
			items = append(items, item{header: header{name: name, typeflag: tar.TypeReg, mode: 0o644, time: o.seconds(nil)}})
			continue
		}
		it, err := linuxItem(n, o)
		if err != nil {
			return nil, err
		}
		items = append(items, it)
		if n.opaque && n.entry.Kind == tree.Dir {
			items = append(items, item{header: header{name: n.name + "/" + opaque, typeflag: tar.TypeReg, mode: 0o644, time: o.seconds(nil)}})
		}
	}
	return items, nil
}

func checkLinuxName(name string) error {
	if tree.Clean(name) != name || strings.ContainsRune(name, 0) {
		return &EntryError{Name: strings.ReplaceAll(name, "\x00", "\\0"), Rule: "is not a clean name"}
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, whiteout) {
			return errWhiteoutName(name)
		}
	}
	return nil
}

func errWhiteoutName(name string) error {
	return &EntryError{Name: name, Rule: "has a name that begins with .wh., which means a removed file in a layer",
		Advice: "rename it, or list it in .dockerignore"}
}

func linuxItem(n *node, o Options) (item, error) {
	e := n.entry
	it := item{header: header{name: n.name, time: o.seconds(e)}}
	u := e.Unix
	if u == nil {
		u = &tree.Unix{Mode: defaultMode(e.Kind)}
	}
	it.mode, it.uid, it.gid = int64(u.Mode&0o7777), u.UID, u.GID
	if err := numericOwner(&it.header, e); err != nil {
		return it, err
	}
	if n.linkTo != "" {
		it.typeflag, it.link = tar.TypeLink, n.linkTo
		return it, nil
	}
	for _, k := range slices.Sorted(maps.Keys(u.Xattrs)) {
		it.records = append(it.records, record{paxXattr + k, u.Xattrs[k]})
	}
	switch e.Kind {
	case tree.File:
		it.typeflag, it.size, it.content = tar.TypeReg, e.Size, e.Content
	case tree.Dir:
		it.typeflag, it.name = tar.TypeDir, n.name+"/"
	case tree.Symlink, tree.Junction:
		it.typeflag, it.link = tar.TypeSymlink, e.Target
		if e.Target == "" || strings.ContainsRune(e.Target, 0) || !utf8.ValidString(e.Target) {
			return it, &EntryError{Name: n.given, Rule: "is a link without a usable target"}
		}
	case tree.Device:
		it.typeflag, it.major, it.minor = tar.TypeBlock, u.Major, u.Minor
		if u.Char {
			it.typeflag = tar.TypeChar
		}
	case tree.Fifo:
		it.typeflag = tar.TypeFifo
	default:
		return it, &EntryError{Name: n.given, Rule: "is a " + e.Kind.String() + ", which no layer can hold", Advice: ignoreAdvice}
	}
	return it, nil
}

const ignoreAdvice = "list it in .dockerignore"

func defaultMode(k tree.Kind) uint32 {
	switch k {
	case tree.Dir:
		return 0o755
	case tree.Symlink, tree.Junction:
		return 0o777
	}
	return 0o644
}

// numericOwner applies an owner that nobody has resolved yet, which only works
// for numbers.
func numericOwner(h *header, e *tree.Entry) error {
	if e.Owner == nil {
		return nil
	}
	for _, f := range []struct {
		text string
		to   *int
	}{{e.Owner.User, &h.uid}, {e.Owner.Group, &h.gid}} {
		if f.text == "" {
			continue
		}
		n, err := strconv.ParseUint(f.text, 10, 31)
		if err != nil {
			return &EntryError{Name: e.Name, Rule: fmt.Sprintf("has the owner %q, which is not a number", f.text),
				Advice: "use numeric ids in --chown"}
		}
		*f.to = int(n)
	}
	return nil
}

// node is an entry on its way to an item.
type node struct {
	name   string // final, without Files
	given  string // as the layer has it, for errors
	entry  *tree.Entry
	opaque bool
	marked bool // opaque, and the layer itself says so
	// linkTo is the final name of the entry that this one is a hard link to.
	linkTo string
	// made says that the layer does not have the directory but needs it.
	made bool
}

// maxLinkChain bounds how many hard links may lead to each other.
const maxLinkChain = 40

// group turns the names of one file into one entry and hard links to it. A
// link whose target sorts behind it changes places with it, because readers
// want the target first. nodes are in their final order; key is the form in
// which names are compared.
func group(ctx context.Context, nodes []*node, key func(string) string) error {
	byName := map[string]*node{}
	for _, n := range nodes {
		if n.entry != nil && (n.entry.Kind == tree.File || n.entry.Kind == tree.Hardlink) {
			byName[key(n.given)] = n
		}
	}
	files := map[*node]*node{} // every name of a file with several -> the file
	for _, n := range nodes {
		switch {
		case n.entry == nil:
		case n.entry.Kind == tree.File && n.entry.Link != "":
			files[n] = n
		case n.entry.Kind == tree.Hardlink:
			file, err := linkedFile(n, byName, key)
			if err != nil {
				return err
			}
			files[n], files[file] = file, file
		}
	}
	first := map[string]*node{}
	for _, n := range nodes {
		file := files[n]
		if file == nil {
			continue
		}
		id := "name " + key(file.given)
		if file.entry.Link != "" {
			id = "link " + file.entry.Link
		}
		if n != file {
			e := *file.entry
			e.Name = n.entry.Name
			n.entry = &e
		}
		head := first[id]
		if head == nil {
			first[id] = n
			continue
		}
		same, err := sameFile(ctx, head.entry, n.entry)
		if err != nil {
			return err
		}
		if same {
			n.linkTo = head.name
		}
	}
	return nil
}

// linkedFile follows hard links to the file that they name.
func linkedFile(n *node, byName map[string]*node, key func(string) string) (*node, error) {
	at := n
	for range maxLinkChain {
		if at.entry.Kind == tree.File {
			return at, nil
		}
		next := byName[key(at.entry.Target)]
		if next == nil {
			break
		}
		at = next
	}
	return nil, &EntryError{Name: n.given, Rule: "is a hard link to /" + n.entry.Target + ", which is no file of the same layer",
		Advice: "copy both names in one step, or copy the file"}
}

// sameFile reports whether two names of a file may share one entry: what the
// steps since asked for them must be the same, too.
func sameFile(ctx context.Context, a, b *tree.Entry) (bool, error) {
	if a.Size != b.Size || !equalMeta(a, b) || !a.Times.Modified.Equal(b.Times.Modified) {
		return false, nil
	}
	da, err := contentDigest(ctx, a.Content)
	if err != nil {
		return false, fmt.Errorf("reading %s: %w", a.Name, err)
	}
	db, err := contentDigest(ctx, b.Content)
	if err != nil {
		return false, fmt.Errorf("reading %s: %w", b.Name, err)
	}
	return da == db, nil
}

// equalMeta reports whether two entries have the same metadata.
func equalMeta(a, b *tree.Entry) bool {
	return equalPointers(a.Owner, b.Owner, func(x, y *tree.Owner) bool { return *x == *y }) &&
		equalPointers(a.Unix, b.Unix, func(x, y *tree.Unix) bool {
			return x.Mode == y.Mode && x.UID == y.UID && x.GID == y.GID && maps.Equal(x.Xattrs, y.Xattrs)
		}) &&
		equalPointers(a.Windows, b.Windows, func(x, y *tree.Windows) bool {
			return x.Attributes == y.Attributes && slices.Equal(x.Descriptor, y.Descriptor) &&
				maps.EqualFunc(x.EA, y.EA, slices.Equal[[]byte])
		})
}

func equalPointers[T any](a, b *T, eq func(x, y *T) bool) bool {
	if a == nil || b == nil {
		return a == b
	}
	return eq(a, b)
}
