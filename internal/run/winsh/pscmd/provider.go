package pscmd

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// Names of providers, as [ps.Path] has them.
const (
	fileSystem  = "FileSystem"
	registry    = "Registry"
	environment = "Environment"
	variables   = "Variable"
	functions   = "Function"
	aliases     = "Alias"
)

// node is an item of a provider that exists.
type node struct {
	ps.Path
	// leaf is the last part of the name as it is stored.
	leaf      string
	container bool
	hidden    bool
	// info is set for files; value for variables, functions, aliases and
	// environment.
	info  *machine.Info
	value any
}

// provider is what items are made of. Errors of methods are those of the
// machine, or records.
type provider interface {
	// stat finds an item; it returns nil if there is none.
	stat(ctx context.Context, s *ps.Session, p ps.Path) (*node, error)
	// list returns the items in a container in the provider's order.
	list(ctx context.Context, s *ps.Session, n *node) ([]*node, error)
	// object makes what Get-Item writes. A value of several objects is written
	// one by one.
	object(ctx context.Context, s *ps.Session, n *node) (any, error)
}

// providerOf returns the provider of a path. Those of certificates and of
// WS-Management are refused: there is nothing behind them.
func providerOf(p ps.Path) (provider, error) {
	switch p.Provider {
	case fileSystem:
		return files{}, nil
	case registry:
		return keys{}, nil
	case environment, variables, functions, aliases:
		return flatOf(p.Provider), nil
	}
	return nil, machine.Refuse(p.String(), "the provider "+p.Provider+" needs Windows", "use files, the registry or the environment instead")
}

// join makes the path of a child of a container.
func join(p ps.Path, child string) ps.Path {
	q := p
	switch {
	case p.Name == "":
		q.Name = child
	case strings.HasSuffix(p.Name, `\`):
		q.Name = p.Name + child
	default:
		q.Name = p.Name + `\` + child
	}
	return q
}

// parent returns the path of the container, and false for a root.
func parent(p ps.Path) (ps.Path, bool) {
	q := p
	name := strings.TrimSuffix(p.Name, `\`)
	i := strings.LastIndexByte(name, '\\')
	switch {
	case i < 0:
		if p.Provider == fileSystem || name == "" {
			return p, false
		}
		q.Name = ""
	case p.Provider == fileSystem && i == 2:
		q.Name = name[:3]
	default:
		q.Name = name[:i]
	}
	return q, true
}

// leafOf returns the last part of a provider's path; a root is its own.
func leafOf(p ps.Path) string {
	name := strings.TrimSuffix(p.Name, `\`)
	if i := strings.LastIndexByte(name, '\\'); i >= 0 {
		return name[i+1:]
	}
	return p.Name
}

// finder finds the items that the path parameters of a cmdlet lead to.
type finder struct {
	s *ps.Session
	// force finds hidden items, too.
	force bool
	// dest finds what is about to be written, see [files].
	dest             bool
	include, exclude []string
	filter           string
	// needed makes it an error that wildcards match nothing.
	needed bool
	// attributes are what Get-ChildItem's -File, -Hidden and so on ask for.
	attributes *attributeFilter
}

// newFinder takes the parameters that item cmdlets share.
func newFinder(c *ps.Call) finder {
	return finder{
		s: c.Session, force: c.Switch("Force"), filter: c.String("Filter"),
		include: c.Strings("Include"), exclude: c.Strings("Exclude"),
	}
}

// filtered reports whether even a path without wildcards is compared with
// names: -Filter alone does not do that.
func (f finder) filtered() bool { return len(f.include) > 0 || len(f.exclude) > 0 }

// find returns the items of a path. A literal one has no wildcards, and filters
// do not matter. What is not there is an *[ps.ErrorRecord], unless the path has
// wildcards.
func (f finder) find(ctx context.Context, path string, literal bool) ([]*node, error) {
	if f.filter != "" {
		if p, err := f.s.Resolve(path); err == nil && p.Provider != fileSystem {
			return nil, fail(psNotSupported, "Cannot call method. The provider does not support the use of filters.", "NotSupported", ps.NotImplemented, nil)
		}
	}
	if literal || !ps.HasWildcard(path) && !f.filtered() {
		n, err := f.one(ctx, path, literal)
		if err != nil {
			return nil, err
		}
		return []*node{n}, nil
	}
	p, err := f.s.Resolve(path)
	if err != nil {
		return nil, err
	}
	pr, err := providerOf(p)
	if err != nil {
		return nil, err
	}
	return f.glob(ctx, pr, p)
}

// one returns the item of a path without wildcards.
func (f finder) one(ctx context.Context, path string, literal bool) (*node, error) {
	if !literal {
		path = ps.UnescapeWildcard(path)
	}
	p, err := f.s.Resolve(path)
	if err != nil {
		return nil, err
	}
	return f.must(ctx, p)
}

// must returns an item or says that it is not there.
func (f finder) must(ctx context.Context, p ps.Path) (*node, error) {
	pr, err := providerOf(p)
	if err != nil {
		return nil, err
	}
	if f.dest && p.Provider == fileSystem {
		pr = files{dest: true}
	}
	n, err := pr.stat(ctx, f.s, p)
	if err != nil {
		return nil, err
	}
	if n == nil {
		return nil, notFound(p)
	}
	return n, nil
}

// glob expands wildcards: it goes down from the first directory without any.
func (f finder) glob(ctx context.Context, pr provider, p ps.Path) ([]*node, error) {
	var leaves []string
	base := p
	for ps.HasWildcard(base.Name) || len(leaves) == 0 {
		up, ok := parent(base)
		if !ok {
			break
		}
		leaves = append(leaves, leafOf(base))
		base = up
	}
	base.Name = ps.UnescapeWildcard(base.Name)
	dir, err := f.must(ctx, base)
	if err != nil {
		return nil, err
	}
	dirs := []*node{dir}
	for i := len(leaves) - 1; i >= 0; i-- {
		var next []*node
		for _, d := range dirs {
			found, err := f.match(ctx, pr, d, leaves[i], i == 0)
			if err != nil {
				return nil, err
			}
			for _, n := range found {
				if i == 0 || n.container {
					next = append(next, n)
				}
			}
		}
		dirs = next
	}
	return dirs, nil
}

// match returns the items in a container that match one part of a path. Filters
// count for the last part only.
func (f finder) match(ctx context.Context, pr provider, d *node, leaf string, last bool) ([]*node, error) {
	if !last && !ps.HasWildcard(leaf) {
		n, err := pr.stat(ctx, f.s, join(d.Path, ps.UnescapeWildcard(leaf)))
		if n == nil || err != nil {
			return nil, err
		}
		return []*node{n}, nil
	}
	list, err := pr.list(ctx, f.s, d)
	if err != nil {
		return nil, err
	}
	var found []*node
	for _, n := range list {
		if !f.visible(n) || !ps.Like(leaf, n.leaf, false) || last && !f.passes(n) {
			continue
		}
		found = append(found, n)
	}
	return found, nil
}

// visible reports whether wildcards and listings see an item at all.
func (f finder) visible(n *node) bool {
	return f.force || !n.hidden || f.attributes.names(hiddenFlag)
}

// passes reports whether an item gets through -Filter, -Include and -Exclude.
func (f finder) passes(n *node) bool {
	if f.filter != "" && !f.passesFilter(n) || n.info != nil && !f.attributes.match(n.info.Attributes) {
		return false
	}
	return f.included(n)
}

// passesFilter applies -Filter, which the provider itself understands: Win32
// wildcards for files, PowerShell's for the others.
func (f finder) passesFilter(n *node) bool {
	if n.Provider == fileSystem {
		return machine.Match(f.filter, n.leaf)
	}
	return ps.Like(f.filter, n.leaf, false)
}

// included applies -Include and -Exclude.
func (f finder) included(n *node) bool {
	return (len(f.include) == 0 || likeAny(f.include, n.leaf)) && !likeAny(f.exclude, n.leaf)
}

func likeAny(patterns []string, name string) bool {
	for _, p := range patterns {
		if ps.Like(p, name, false) {
			return true
		}
	}
	return false
}

// notFound is "Cannot find path 'C:\x' because it does not exist."
func notFound(p ps.Path) *ps.ErrorRecord {
	return pathNotFound(p.String())
}

func pathNotFound(path string) *ps.ErrorRecord {
	return fail("System.Management.Automation.ItemNotFoundException",
		"Cannot find path '"+path+"' because it does not exist.", "PathNotFound", ps.ObjectNotFound, path)
}

// paths is the paths that a cmdlet was given, and whether they are literal.
func paths(c *ps.Call) (list []string, literal bool) {
	if c.Has("LiteralPath") {
		return c.Strings("LiteralPath"), true
	}
	return c.Strings("Path"), false
}

// each calls do for every item that the path parameters lead to. Paths that
// lead nowhere are errors that do not stop the others.
func (f finder) each(ctx context.Context, c *ps.Call, do func(*node) error) error {
	return f.eachPath(ctx, c, func(path string, nodes []*node) error {
		if len(nodes) == 0 && f.needed {
			if err := c.Error(ctx, nothingThere(path)); err != nil {
				return err
			}
		}
		for _, n := range nodes {
			if err := do(n); err != nil {
				return err
			}
		}
		return nil
	})
}

// eachPath calls do for every path parameter with the items that it leads to.
// Paths that lead nowhere are errors that do not stop the others.
func (f finder) eachPath(ctx context.Context, c *ps.Call, do func(path string, nodes []*node) error) error {
	list, literal := paths(c)
	for _, path := range list {
		nodes, err := f.find(ctx, path, literal)
		if err != nil {
			err = report(ctx, c, err)
		} else {
			err = do(path, nodes)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// nothingThere is the error of cmdlets for contents if wildcards match nothing.
func nothingThere(path string) *ps.ErrorRecord {
	return fail("System.Exception", "An object at the specified path "+path+" does not exist, or has been filtered by the -Include or -Exclude parameter.",
		"ItemNotFound", ps.ObjectNotFound, path)
}

// write writes the object of an item.
func write(ctx context.Context, c *ps.Call, n *node) error {
	pr, err := providerOf(n.Path)
	if err != nil {
		return err
	}
	v, err := pr.object(ctx, c.Session, n)
	if err != nil && n.Provider == registry {
		return reportKey(ctx, c, err, ps.ReadError, n.Name)
	}
	if err != nil {
		return report(ctx, c, err)
	}
	return c.Write(ctx, v)
}
