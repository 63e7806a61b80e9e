package pscmd

import (
	"context"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/winmeta"
)

// childCmdlets lists what is in containers.
func childCmdlets() []*ps.Cmdlet {
	return []*ps.Cmdlet{{
		Name: "Get-ChildItem", Aliases: []string{"dir", "gci", "ls"}, Module: moduleManagement, DefaultSet: "Items",
		Syntax: params(`
			Path string[] @1 pipeline property {Items}
			LiteralPath|PSPath|LP string[] mandatory property {LiteralItems}
			Filter string @2
			Include string[]
			Exclude string[]
			Recurse|s switch
			Depth uint32
			Force switch
			Name switch
			Attributes string[] dynamic
			Directory|ad|d switch dynamic
			File|af switch dynamic
			Hidden|ah|h switch dynamic
			ReadOnly|ar switch dynamic
			System|as switch dynamic
			FollowSymlink switch dynamic 7
			UseTransaction|usetx switch 5.1 !registry transactions need Windows`),
		Process: getChildItem,
	}}
}

const hiddenFlag = winmeta.Hidden

// attributeFilter is what -File, -Hidden and -Attributes ask for.
type attributeFilter struct {
	must, mustNot winmeta.Attributes
	// any are the alternatives of -Attributes: one of them must hold.
	any [][]attributeTerm
	// named are all attributes that are mentioned.
	named winmeta.Attributes
}

// attributeTerm is one attribute of -Attributes, or its absence.
type attributeTerm struct {
	bit winmeta.Attributes
	not bool
}

// names reports whether an attribute is asked for by name.
func (a *attributeFilter) names(bit winmeta.Attributes) bool { return a != nil && a.named&bit != 0 }

func (a *attributeFilter) match(attr winmeta.Attributes) bool {
	if a == nil {
		return true
	}
	if attr&a.must != a.must || attr&a.mustNot != 0 {
		return false
	}
	return len(a.any) == 0 || slices.ContainsFunc(a.any, func(all []attributeTerm) bool {
		return !slices.ContainsFunc(all, func(t attributeTerm) bool { return (attr&t.bit != 0) == t.not })
	})
}

// newAttributeFilter reads the parameters of Get-ChildItem; nil filters nothing.
func newAttributeFilter(c *ps.Call) (*attributeFilter, error) {
	a := &attributeFilter{}
	set := func(name string, bit winmeta.Attributes) {
		if c.Switch(name) {
			a.must |= bit
			a.named |= bit
		}
	}
	set("Directory", winmeta.Directory)
	set("Hidden", winmeta.Hidden)
	set("ReadOnly", winmeta.ReadOnly)
	set("System", winmeta.System)
	if c.Switch("File") {
		a.mustNot |= winmeta.Directory
		a.named |= winmeta.Directory
	}
	for _, text := range c.Strings("Attributes") {
		for _, alt := range strings.Split(text, ",") {
			var all []attributeTerm
			for _, word := range strings.Split(alt, "+") {
				word = strings.TrimSpace(word)
				name, not := strings.CutPrefix(word, "!")
				bit, ok := attributeBit(strings.TrimSpace(name))
				if !ok {
					return nil, fail(psArgument, "Cannot convert value \""+text+"\" to type \"System.Management.Automation.FlagsExpression`1[System.IO.FileAttributes]\".",
						"CannotConvertArgumentNoMessage", ps.InvalidArgument, nil)
				}
				all = append(all, attributeTerm{bit, not})
				a.named |= bit
			}
			a.any = append(a.any, all)
		}
	}
	if a.named == 0 {
		return nil, nil
	}
	return a, nil
}

// attributeBit reads the name or short name of an attribute.
func attributeBit(name string) (winmeta.Attributes, bool) {
	switch strings.ToLower(name) {
	case "readonly", "r":
		return winmeta.ReadOnly, true
	case "hidden", "h":
		return winmeta.Hidden, true
	case "system", "s":
		return winmeta.System, true
	case "directory", "d":
		return winmeta.Directory, true
	case "archive", "a":
		return winmeta.Archive, true
	case "normal":
		return winmeta.Normal, true
	case "temporary":
		return winmeta.Temporary, true
	case "sparsefile":
		return winmeta.Sparse, true
	case "reparsepoint":
		return winmeta.ReparsePoint, true
	case "compressed":
		return winmeta.Compressed, true
	case "offline":
		return winmeta.Offline, true
	case "notcontentindexed":
		return winmeta.NotContentIndexed, true
	case "encrypted":
		return winmeta.Encrypted, true
	}
	return 0, false
}

// lister is one call of Get-ChildItem.
type lister struct {
	finder
	c       *ps.Call
	recurse bool
	depth   int
	// names writes paths below top instead of objects.
	names bool
	// visited are the directories that have been listed, where -FollowSymlink
	// could lead to them again; nil without it.
	visited map[string]bool
}

func getChildItem(ctx context.Context, c *ps.Call) error {
	attributes, err := newAttributeFilter(c)
	if err != nil {
		return err
	}
	l := &lister{finder: newFinder(c), c: c, recurse: c.Switch("Recurse") || c.Has("Depth"), depth: -1, names: c.Switch("Name")}
	l.attributes = attributes
	if c.Has("Depth") {
		l.depth = c.Int("Depth", 0)
	}
	list, literal := paths(c)
	if len(list) == 0 && !literal {
		list = []string{""}
	}
	for _, path := range list {
		if path == "" {
			path = "."
		}
		if err := l.path(ctx, path, literal); err != nil {
			return err
		}
	}
	return nil
}

// path lists what one path means.
func (l *lister) path(ctx context.Context, path string, literal bool) error {
	here := *l
	path, err := here.fixRecursion(ctx, path, literal)
	if err != nil {
		return report(ctx, l.c, err)
	}
	byItem := len(here.include) > 0 || len(here.exclude) > 0
	plain := here.finder
	wild := !literal && ps.HasWildcard(path)
	if here.recurse {
		plain.include, plain.exclude, plain.filter, plain.attributes = nil, nil, "", nil
	}
	nodes, err := plain.find(ctx, path, literal)
	if err != nil {
		return report(ctx, l.c, err)
	}
	for _, n := range nodes {
		if here.recurse && l.c.Switch("FollowSymlink") {
			here.visited = map[string]bool{}
		}
		switch {
		case byItem:
			err = here.items(ctx, n, here.depth, "")
		case n.container && (!wild || here.recurse):
			err = here.tree(ctx, n, here.depth, "")
		default:
			err = here.single(ctx, n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fixRecursion does what people expect of "dir *.txt -Recurse": the last part is
// looked for in all directories below.
func (l *lister) fixRecursion(ctx context.Context, path string, literal bool) (string, error) {
	if !l.recurse || literal || strings.HasSuffix(path, `\`) || strings.HasSuffix(path, "/") {
		return path, nil
	}
	i := strings.LastIndexAny(path, `\/`)
	leaf, dir := path[i+1:], path[:i+1]
	if dir == "" {
		dir = "."
	}
	if leaf == "*" && (len(l.include) == 0 || l.c.Switch("File") || l.c.Switch("Directory")) {
		return dir, nil
	}
	if len(l.include) > 0 || strings.ContainsAny(leaf, ":") || leaf == "." || leaf == ".." {
		return path, nil
	}
	if !ps.HasWildcard(path) {
		p, err := l.s.Resolve(ps.UnescapeWildcard(path))
		if err != nil {
			return "", err
		}
		if n, err := l.must(ctx, p); err == nil && n.container {
			return path, nil
		} else if err != nil && fatal(err) {
			return "", err
		}
	}
	l.include = []string{leaf}
	return dir, nil
}

// single writes an item that a path led to by itself.
func (l *lister) single(ctx context.Context, n *node) error {
	if n.info != nil {
		if !l.attributes.match(n.info.Attributes) || n.hidden && !l.visible(n) {
			return nil
		}
	}
	if l.names {
		return l.c.Write(ctx, n.leaf)
	}
	return l.write(ctx, n, false)
}

// write writes an item; listed says that a listing has found it.
func (l *lister) write(ctx context.Context, n *node, listed bool) error {
	if n.Provider != fileSystem {
		return write(ctx, l.c, n)
	}
	o := FileObject(l.s, n.Path, n.info)
	if listed && l.s.Edition() == ps.Desktop {
		o.Data.(*FileItem).Text = n.leaf
	}
	return l.c.Write(ctx, o)
}

// show reports whether an item of a directory is written.
func (l *lister) show(n *node) bool {
	return (n.info == nil || l.attributes.match(n.info.Attributes)) && (l.filter == "" || l.passesFilter(n))
}

// enter reports whether the recursion goes into an item.
func (l *lister) enter(n *node, depth int) bool {
	if !l.recurse || !n.container || depth == 0 {
		return false
	}
	return n.info == nil || !n.info.IsLink() || l.visited != nil
}

// visit reports whether a directory is to be listed: with -FollowSymlink each one
// is listed once, whatever leads to it.
func (l *lister) visit(ctx context.Context, n *node) (bool, error) {
	if l.visited == nil || n.info == nil {
		return true, nil
	}
	dir, err := l.s.Machine().FS().Stat(ctx, n.Name)
	if err != nil && fatal(err) {
		return false, err
	}
	if err == nil && !l.visited[dir.Path] {
		l.visited[dir.Path] = true
		return true, nil
	}
	return false, l.c.Warning(ctx, "Skip already-visited directory "+n.Name+".")
}

// read lists a directory. What cannot be read is reported, and the listing goes
// on.
func (l *lister) read(ctx context.Context, n *node) ([]*node, error) {
	pr, err := providerOf(n.Path)
	if err != nil {
		return nil, err
	}
	list, err := pr.list(ctx, l.s, n)
	if err == nil {
		return list, l.s.Machine().Tick(ctx)
	}
	if n.Provider != fileSystem {
		return nil, reportKey(ctx, l.c, err, ps.ReadError, n.Name)
	}
	return nil, fileError{"Dir", ps.ReadError, n.Name}.report(ctx, l.c, err)
}

// tree writes the items of a directory, then those of the directories in it.
func (l *lister) tree(ctx context.Context, n *node, depth int, prefix string) error {
	if ok, err := l.visit(ctx, n); err != nil || !ok {
		return err
	}
	list, err := l.read(ctx, n)
	if err != nil {
		return err
	}
	if n.Provider != fileSystem {
		return l.nested(ctx, list, depth, prefix)
	}
	for _, child := range list {
		if l.visible(child) && l.show(child) {
			if err := l.put(ctx, child, prefix); err != nil {
				return err
			}
		}
	}
	for _, child := range list {
		if l.enter(child, depth) && l.visible(child) {
			if err := l.tree(ctx, child, depth-1, prefix+child.leaf+`\`); err != nil {
				return err
			}
		}
	}
	return nil
}

// nested is the order of the registry: each key is followed by those in it.
func (l *lister) nested(ctx context.Context, list []*node, depth int, prefix string) error {
	for _, child := range list {
		if l.filter == "" || l.passesFilter(child) {
			if err := l.put(ctx, child, prefix); err != nil {
				return err
			}
		}
		if l.enter(child, depth) {
			if err := l.tree(ctx, child, depth-1, prefix+child.leaf+`\`); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *lister) put(ctx context.Context, n *node, prefix string) error {
	if l.names {
		return l.c.Write(ctx, prefix+n.leaf)
	}
	return l.write(ctx, n, true)
}

// items is the way with -Include and -Exclude.
func (l *lister) items(ctx context.Context, n *node, depth int, prefix string) error {
	if !n.container {
		if l.included(n) {
			return l.single(ctx, n)
		}
		return nil
	}
	if ok, err := l.visit(ctx, n); err != nil || !ok {
		return err
	}
	list, err := l.read(ctx, n)
	if err != nil {
		return err
	}
	for _, child := range list {
		if !l.visible(child) {
			continue
		}
		if l.show(child) && l.included(child) {
			if l.names {
				err = l.c.Write(ctx, prefix+child.leaf)
			} else {
				err = l.write(ctx, child, false)
			}
			if err != nil {
				return err
			}
		}
		if l.enter(child, depth) {
			if err := l.items(ctx, child, depth-1, prefix+child.leaf+`\`); err != nil {
				return err
			}
		}
	}
	return nil
}
