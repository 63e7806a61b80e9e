package pscmd

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// pathCmdlets work on the text of paths, or find out what they lead to.
func pathCmdlets() []*ps.Cmdlet {
	return []*ps.Cmdlet{
		{
			Name: "Join-Path", Module: moduleManagement,
			Syntax: params(`
				Path|PSPath string[] @1 mandatory pipeline property
				ChildPath string @2 mandatory null empty property 5.1
				ChildPath string[] @2 mandatory null empty property 7
				AdditionalChildPath string[] @3 null empty property remaining 7
				Extension string property notnull 7
				Resolve switch
				Credential object ` + noCredential + `
				UseTransaction|usetx switch 5.1 !registry transactions need Windows`),
			Process: joinPath,
		},
		{
			Name: "Split-Path", Module: moduleManagement, DefaultSet: "ParentSet",
			Syntax: params(`
				Path string[] @1 mandatory pipeline property {ParentSet,LeafSet,LeafBaseSet,ExtensionSet,QualifierSet,NoQualifierSet,IsAbsoluteSet}
				LiteralPath|PSPath|LP string[] mandatory property {LiteralPathSet}
				Qualifier switch @2 property mandatory {QualifierSet}
				NoQualifier switch property mandatory {NoQualifierSet}
				Parent switch property {ParentSet}
				Leaf switch property mandatory {LeafSet}
				LeafBase switch property mandatory {LeafBaseSet} 7
				Extension switch property mandatory {ExtensionSet} 7
				IsAbsolute switch mandatory {IsAbsoluteSet}
				Resolve switch
				Credential object ` + noCredential + `
				UseTransaction|usetx switch 5.1 !registry transactions need Windows`),
			Process: splitPath,
		},
		{
			Name: "Test-Path", Module: moduleManagement, DefaultSet: "Path",
			Syntax: params(`
				Path string[] @1 mandatory pipeline property {Path} 5.1
				LiteralPath|PSPath|LP string[] mandatory property {LiteralPath} 5.1
				Path string[] @1 mandatory null empty pipeline property {Path} 7
				LiteralPath|PSPath|LP string[] mandatory null empty property {LiteralPath} 7
				Filter string
				Include string[]
				Exclude string[]
				PathType|Type string in=Any,Container,Leaf
				IsValid switch
				OlderThan datetime dynamic
				NewerThan datetime dynamic
				Credential object ` + noCredential + `
				UseTransaction|usetx switch 5.1 !registry transactions need Windows`),
			Process: testPath,
		},
		{
			Name: "Resolve-Path", Aliases: []string{"rvpa"}, Module: moduleManagement, DefaultSet: "Path",
			Syntax: params(itemPaths + `
				Relative switch
				RelativeBasePath string 7 !paths relative to another directory than the location are not worked out => use Push-Location and -Relative
				Force switch 7
				Credential object ` + noCredential + `
				UseTransaction|usetx switch 5.1 !registry transactions need Windows`),
			Process: resolvePath,
		},
		{
			Name: "Convert-Path", Aliases: []string{"cvpa"}, Module: moduleManagement, DefaultSet: "Path",
			Syntax: params(itemPaths + `
				Force switch 7
				UseTransaction|usetx switch 5.1 !registry transactions need Windows`),
			Process: func(ctx context.Context, c *ps.Call) error {
				return newFinder(c).each(ctx, c, func(n *node) error { return c.Write(ctx, n.Name) })
			},
		},
	}
}

// combine joins two parts of a path as providers do: slashes become
// backslashes, and there is one between the parts.
func combine(parent, child string) string {
	parent, child = strings.ReplaceAll(parent, "/", `\`), strings.ReplaceAll(child, "/", `\`)
	if parent == "" {
		return child
	}
	if !strings.HasSuffix(parent, `\`) {
		parent += `\`
	}
	return parent + strings.TrimPrefix(child, `\`)
}

func joinPath(ctx context.Context, c *ps.Call) error {
	child := ""
	for i, part := range append(c.Strings("ChildPath"), c.Strings("AdditionalChildPath")...) {
		if i == 0 {
			child = part
			continue
		}
		child = combine(child, part)
	}
	for _, path := range c.Strings("Path") {
		if err := knownDrive(c.Session, path); err != nil {
			if err := report(ctx, c, err); err != nil {
				return err
			}
			continue
		}
		joined := combine(path, child)
		if c.Has("Extension") {
			joined = strings.TrimSuffix(joined, extension(joined))
			if ext := c.String("Extension"); ext != "" {
				joined += "." + strings.TrimPrefix(ext, ".")
			}
		}
		if !c.Switch("Resolve") {
			if err := c.Write(ctx, joined); err != nil {
				return err
			}
			continue
		}
		nodes, err := finder{s: c.Session}.find(ctx, joined, false)
		if err != nil {
			if err := report(ctx, c, err); err != nil {
				return err
			}
		}
		for _, n := range nodes {
			if err := c.Write(ctx, n.String()); err != nil {
				return err
			}
		}
	}
	return nil
}

// qualifier returns the drive of a path ("C", "HKLM") or its provider
// ("Registry" of "Registry::HKEY_USERS"), and what follows.
func qualifier(path string) (name, rest string, provider, ok bool) {
	i := strings.IndexByte(path, ':')
	if i <= 0 {
		return "", path, false, false
	}
	if strings.HasPrefix(path[i:], "::") {
		return path[:i], path[i+2:], true, true
	}
	if strings.ContainsAny(path[:i], `\/.`) {
		return "", path, false, false
	}
	return path[:i], path[i+1:], false, true
}

// knownDrive is the error for a path whose drive does not exist.
func knownDrive(s *ps.Session, path string) error {
	name, _, provider, ok := qualifier(path)
	if !ok || provider {
		return nil
	}
	for _, d := range s.Drives() {
		if strings.EqualFold(d.Name, name) {
			return nil
		}
	}
	return fail(driveNotFound, "Cannot find drive. A drive with the name '"+name+"' does not exist.", "DriveNotFound", ps.ObjectNotFound, name)
}

func splitPath(ctx context.Context, c *ps.Call) error {
	list, literal := paths(c)
	if c.Switch("Resolve") {
		var found []string
		for _, path := range list {
			nodes, err := finder{s: c.Session}.find(ctx, path, literal)
			if err != nil {
				if err := report(ctx, c, err); err != nil {
					return err
				}
			}
			for _, n := range nodes {
				found = append(found, n.String())
			}
		}
		list = found
	}
	for _, path := range list {
		v, err := splitOne(c, path)
		if err != nil {
			err = report(ctx, c, err)
		} else {
			err = c.Write(ctx, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func splitOne(c *ps.Call, path string) (any, error) {
	name, rest, provider, qualified := qualifier(path)
	switch {
	case c.Switch("IsAbsolute"):
		return qualified, nil
	case c.Switch("Qualifier"):
		i := strings.IndexByte(path, ':')
		if i < 0 {
			return nil, fail("System.FormatException", "Cannot parse path because path '"+path+"' does not have a qualifier specified.",
				"ParsePathFormatError", ps.InvalidArgument, path)
		}
		if provider {
			return name + "::", nil
		}
		return path[:i+1], nil
	case c.Switch("NoQualifier"):
		if qualified && (provider || rest != "") {
			return rest, nil
		}
		return path, nil
	}
	// A drive need not exist here, so that addresses of the web have leaves, too.
	leaf := leafName(path)
	switch {
	case c.Switch("Leaf"):
		return leaf, nil
	case c.Switch("LeafBase"):
		return strings.TrimSuffix(strings.TrimSuffix(leaf, extension(leaf)), "."), nil
	case c.Switch("Extension"):
		return extension(leaf), nil
	}
	return parentName(path), nil
}

// leafName is the last part of the text of a path.
func leafName(path string) string {
	full := strings.ReplaceAll(path, "/", `\`)
	short := strings.TrimRight(full, `\`)
	if strings.HasSuffix(short, ":") && len(full) > len(short) {
		return short + `\`
	}
	return short[strings.LastIndexByte(short, '\\')+1:]
}

// parentName is the text of a path without its last part.
func parentName(path string) string {
	full := strings.ReplaceAll(path, "/", `\`)
	_, rest, provider, ok := qualifier(full)
	short := strings.TrimRight(full, `\`)
	if ok && strings.Trim(rest, `\`) == "" {
		return ""
	}
	i := strings.LastIndexByte(short, '\\')
	prefix := len(full) - len(rest)
	switch {
	case i < 0 || provider && i < prefix:
		return ""
	case i == 0:
		return `\`
	case strings.HasPrefix(full, `\\`) && strings.LastIndexByte(short[:i], '\\') <= 1:
		return ""
	}
	up := short[:i]
	// A drive of files keeps its root; the registry's has none to show.
	if j := strings.LastIndexByte(up, ':'); j == len(up)-1 && (j == 1 || provider && j-prefix == 1) {
		return up + `\`
	}
	return up
}

func testPath(ctx context.Context, c *ps.Call) error {
	list, literal := paths(c)
	f := newFinder(c)
	f.force = true
	null := func() error {
		return c.Error(ctx, fail(argumentNullException, "Value cannot be null. (Parameter 'The provided Path argument was null or an empty collection.')",
			"NullPathNotPermitted", ps.InvalidArgument, nil))
	}
	if len(list) == 0 {
		return null()
	}
	values := c.Values("Path")
	if literal {
		values = c.Values("LiteralPath")
	}
	for i, path := range list {
		if i < len(values) && ps.IsNull(values[i]) {
			if err := null(); err != nil {
				return err
			}
			continue
		}
		ok, err := testOne(ctx, c, f, path, literal)
		if err == nil && !ok {
			err = inVain(c.Session, path)
		}
		if err != nil {
			return err
		}
		if err := c.Write(ctx, ok); err != nil {
			return err
		}
	}
	return nil
}

// cacheWait remembers whether a script has asked for PowerShell's cache of
// modules in vain, and slept since.
type cacheWait struct{ asked, slept bool }

type cacheWaitKey struct{}

func cacheWaitOf(s *ps.Session) *cacheWait {
	return s.Value(cacheWaitKey{}, func() any { return &cacheWait{} }).(*cacheWait)
}

// inVain refuses to wait for a file that PowerShell writes in the background,
// and nothing does here: images of PowerShell warm it up in a loop that asks for
// it and sleeps.
func inVain(s *ps.Session, path string) error {
	if !strings.EqualFold(path[strings.LastIndexAny(path, `\/`)+1:], "ModuleAnalysisCache") {
		return nil
	}
	w := cacheWaitOf(s)
	if w.asked && w.slept {
		return machine.Refuse("waiting for "+path, "PowerShell on Windows writes this cache of modules in the background, and here nothing does",
			"leave the step out: PowerShell makes the cache when it first runs in a container")
	}
	w.asked, w.slept = true, false
	return nil
}

func testOne(ctx context.Context, c *ps.Call, f finder, path string, literal bool) (bool, error) {
	if strings.TrimSpace(path) == "" {
		return false, nil
	}
	if c.Switch("IsValid") {
		return validPath(c.Session, path), nil
	}
	nodes, err := f.find(ctx, path, literal)
	if err != nil {
		if fatal(err) {
			return false, err
		}
		return false, nil
	}
	kind := strings.ToLower(c.String("PathType"))
	for _, n := range nodes {
		if kind == "container" && !n.container || kind == "leaf" && n.container {
			continue
		}
		if n.info != nil && !inTime(c, n) {
			continue
		}
		return true, nil
	}
	return false, nil
}

// inTime applies -OlderThan and -NewerThan.
func inTime(c *ps.Call, n *node) bool {
	t := n.info.Times.Modified
	if d, ok := c.Value("OlderThan").(ps.DateTime); ok && !t.Before(instant(c.Session, d)) {
		return false
	}
	if d, ok := c.Value("NewerThan").(ps.DateTime); ok && !t.After(instant(c.Session, d)) {
		return false
	}
	return true
}

// validPath reports whether the text can be a path.
func validPath(s *ps.Session, path string) bool {
	if knownDrive(s, path) != nil {
		return false
	}
	if _, err := s.Resolve(path); err != nil {
		return false
	}
	_, rest, _, _ := qualifier(path)
	return !strings.ContainsFunc(rest, func(r rune) bool { return r < ' ' || strings.ContainsRune(`<>"|:`, r) })
}

func resolvePath(ctx context.Context, c *ps.Call) error {
	return newFinder(c).each(ctx, c, func(n *node) error {
		if c.Switch("Relative") {
			return c.Write(ctx, relativePath(c.Session, n.Path))
		}
		return c.Write(ctx, c.Session.PathInfo(n.Path))
	})
}

// relativePath is a path as it is seen from the session's location.
func relativePath(s *ps.Session, p ps.Path) string {
	at := s.Location()
	switch {
	case p.Provider == fileSystem && at.Provider == fileSystem:
		// What counts is where the drives lead.
		if !strings.EqualFold(p.Name[:min(2, len(p.Name))], at.Name[:min(2, len(at.Name))]) {
			return p.Name
		}
	case at.Provider != p.Provider || p.Drive == nil || at.Drive == nil || !strings.EqualFold(at.Drive.Name, p.Drive.Name):
		return p.String()
	}
	from, to := split(at.Name), split(p.Name)
	same := 0
	for same < len(from) && same < len(to) && strings.EqualFold(from[same], to[same]) {
		same++
	}
	if same == len(from) {
		if same == len(to) {
			// The location itself is seen from its parent.
			return `..\` + leafOf(p)
		}
		return `.\` + strings.Join(to[same:], `\`)
	}
	return strings.Repeat(`..\`, len(from)-same) + strings.Join(to[same:], `\`)
}

func split(name string) []string {
	return strings.FieldsFunc(name, func(r rune) bool { return r == '\\' })
}
