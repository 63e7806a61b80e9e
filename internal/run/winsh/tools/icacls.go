package tools

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/winmeta"
)

func icacls() tool {
	return tool{
		grammar: grammar{name: "icacls", free: true},
		check: func(in input) error {
			_, err := parseIcacls(in.words)
			return err
		},
		run: runIcacls,
	}
}

// aclAction is one thing that icacls does to a file.
type aclAction struct {
	verb    string // grant, grant:r, deny, remove, remove:g, remove:d, inheritance, setowner, reset
	value   string // of inheritance, setowner
	entries []aclEntry
	names   []string // of remove
	unknown bool     // more may follow
}

// icaclsJob is a command line of icacls.
type icaclsJob struct {
	name                  string
	actions               []aclAction
	tree, going, quiet, l bool
	bad                   string // what icacls calls an invalid parameter
}

// parseIcacls reads the arguments. The error is a refusal.
func parseIcacls(words []word) (*icaclsJob, error) {
	j := &icaclsJob{}
	if len(words) == 0 {
		return j, machine.Refuse("icacls", "without arguments it prints the help text of Windows", "name a file or directory")
	}
	j.name = words[0].text
	if j.name == "/?" {
		return j, machine.Refuse("icacls /?", "it prints the help text of Windows, which casement does not have", "leave it out")
	}
	for i := 1; i < len(words); i++ {
		w := words[i]
		verb := strings.ToLower(strings.TrimLeft(w.text, "/-"))
		if w.unknown || len(w.text) < 2 || w.text[0] != '/' && w.text[0] != '-' {
			if !w.unknown && j.bad == "" {
				j.bad = w.text
			}
			continue
		}
		n, err := j.switchAt(verb, words[i:])
		if err != nil {
			return j, err
		}
		i += n
	}
	return j, nil
}

// switchAt reads a switch and returns how many words it took beside itself.
func (j *icaclsJob) switchAt(verb string, words []word) (int, error) {
	n := 0
	for n+1 < len(words) && (words[n+1].unknown || !strings.HasPrefix(words[n+1].text, "/")) {
		n++
	}
	values := words[1 : n+1]
	a := aclAction{verb: verb}
	switch verb {
	case "t":
		j.tree = true
		return 0, nil
	case "c":
		j.going = true
		return 0, nil
	case "q":
		j.quiet = true
		return 0, nil
	case "l":
		j.l = true
		return 0, nil
	case "reset":
		j.actions = append(j.actions, a)
		return 0, nil
	case "inheritance:e", "inheritance:d", "inheritance:r":
		a.verb, a.value, _ = strings.Cut(verb, ":")
		j.actions = append(j.actions, a)
		return 0, nil
	case "setowner":
		if n == 0 {
			j.invalid(words[0].text)
			return 0, nil
		}
		a.value, a.unknown = values[0].text, values[0].unknown
		j.actions = append(j.actions, a)
		return 1, j.known(a.unknown, a.value)
	case "grant", "grant:r", "deny", "remove", "remove:g", "remove:d":
		return n, j.accounts(a, words[0], values)
	case "save", "restore", "substitute", "findsid", "verify", "setintegritylevel", "setintegritylevel(oi)(ci)":
		return n, machine.Refuse("icacls /"+verb, "casement only shows, grants, denies, removes, resets, and sets owners and inheritance", "use /grant, /deny, /remove, /inheritance, /setowner or /reset")
	}
	j.invalid(words[0].text)
	return 0, nil
}

func (j *icaclsJob) invalid(text string) {
	if j.bad == "" {
		j.bad = text
	}
}

// known refuses an account that may or may not be there.
func (j *icaclsJob) known(unknown bool, account string) error {
	if unknown {
		return nil
	}
	if _, err := lookupAccount("icacls", account); !errors.Is(err, errNoAccount) {
		return err
	}
	return nil
}

// accounts reads what follows /grant, /deny or /remove.
func (j *icaclsJob) accounts(a aclAction, w word, values []word) error {
	if len(values) == 0 {
		j.invalid(w.text)
		return nil
	}
	for _, v := range values {
		if v.unknown {
			a.unknown = true
			continue
		}
		account := v.text
		if strings.HasPrefix(a.verb, "remove") {
			a.names = append(a.names, account)
		} else {
			e, err := parseAclEntry(v.text)
			if err != nil {
				j.invalid(v.text)
				continue
			}
			account = e.account
			a.entries = append(a.entries, e)
		}
		if err := j.known(false, account); err != nil {
			return err
		}
	}
	j.actions = append(j.actions, a)
	return nil
}

func runIcacls(ctx context.Context, p *proc, in input) (int, error) {
	j, err := parseIcacls(in.words)
	if err != nil {
		return 1, err
	}
	if j.bad != "" {
		p.errln("Invalid parameter \"%s\"", j.bad)
		return machine.ErrorInvalidParameter, nil
	}
	code, fatal := j.resolve(p)
	if fatal != nil {
		return 1, fatal
	}
	if code != 0 {
		p.println("Successfully processed 0 files; Failed processing 1 files")
		return int(code), nil
	}
	files, code, err := j.files(ctx, p)
	if err != nil {
		return 1, err
	}
	done, failed := 0, 0
	if code != 0 {
		p.errln("%s: %s", j.name, message(code))
		failed++
	}
	for _, f := range files {
		n, bad, err := j.each(ctx, p, f.path, f.shown, true)
		if err != nil {
			return 1, err
		}
		done, failed = done+n, failed+bad.count
		if bad.count > 0 {
			code = bad.code
			if !j.going {
				break
			}
		}
	}
	p.println("Successfully processed %d files; Failed processing %d files", done, failed)
	return int(code), p.failed
}

// resolve looks all accounts up once. The code is that of one that does not
// exist, whose message is printed.
func (j *icaclsJob) resolve(p *proc) (uint32, error) {
	for i, a := range j.actions {
		var names []*string
		if a.verb == "setowner" {
			names = append(names, &j.actions[i].value)
		}
		for k := range a.names {
			names = append(names, &a.names[k])
		}
		for k := range a.entries {
			names = append(names, &a.entries[k].account)
		}
		for _, name := range names {
			sid, err := lookupAccount("icacls", *name)
			if errors.Is(err, errNoAccount) {
				p.errln("%s: %s", *name, message(machine.ErrorNoneMapped))
				return machine.ErrorNoneMapped, nil
			}
			if err != nil {
				return 0, err
			}
			*name = string(sid)
		}
	}
	return 0, nil
}

// aclFile is a file to work on, and how it is printed.
type aclFile struct{ path, shown string }

// files expands the name.
func (j *icaclsJob) files(ctx context.Context, p *proc) ([]aclFile, uint32, error) {
	full, err := p.full(j.name)
	if err != nil {
		return nil, 0, err
	}
	head, last := splitPath(j.name)
	if !machine.HasWildcard(last) {
		_, err := p.fs().Stat(ctx, full)
		code, fatal := winCode(err)
		if fatal != nil || code != 0 {
			return nil, code, fatal
		}
		shown := j.name
		if !strings.HasSuffix(shown, `:\`) {
			shown = strings.TrimSuffix(shown, `\`)
		}
		return []aclFile{{full, shown}}, 0, nil
	}
	deep := j.tree && last != "*" && last != "*.*"
	out, code, err := matching(ctx, p, parent(full), head, last, deep)
	if err == nil && code == 0 && len(out) == 0 {
		code = machine.ErrorFileNotFound
	}
	return out, code, err
}

// matching lists what matches a pattern in a directory and, where deep, in those
// below it.
func matching(ctx context.Context, p *proc, dir, shown, pattern string, deep bool) ([]aclFile, uint32, error) {
	if err := p.Machine.Tick(ctx); err != nil {
		return nil, 0, err
	}
	infos, err := p.fs().Glob(ctx, dir, pattern)
	if code, fatal := winCode(err); fatal != nil || code != 0 {
		return nil, code, fatal
	}
	var out []aclFile
	for _, info := range infos {
		if deep && info.IsDir() {
			return nil, 0, machine.Refuse("icacls /T with "+pattern, "the directory "+info.Path+" matches, and whether Windows takes all that is in it is not known", "name the directory, or files only")
		}
		out = append(out, aclFile{info.Path, shown + info.Name})
	}
	if !deep {
		return out, 0, nil
	}
	all, err := p.fs().ReadDir(ctx, dir)
	if code, fatal := winCode(err); fatal != nil || code != 0 {
		return out, code, fatal
	}
	for _, info := range all {
		if !info.IsDir() || info.IsLink() {
			continue
		}
		below, code, err := matching(ctx, p, info.Path, shown+info.Name+`\`, pattern, true)
		if out = append(out, below...); err != nil || code != 0 {
			return out, code, err
		}
	}
	return out, 0, nil
}

// aclFailure counts what went wrong.
type aclFailure struct {
	count int
	code  uint32
}

// each works on a file and, with /t, on all below it. It returns how many it
// did.
func (j *icaclsJob) each(ctx context.Context, p *proc, path, shown string, top bool) (int, aclFailure, error) {
	if err := p.Machine.Tick(ctx); err != nil {
		return 0, aclFailure{}, err
	}
	code, fatal := winCode(j.one(ctx, p, path, shown))
	if fatal != nil {
		return 0, aclFailure{}, fatal
	}
	if code != 0 {
		p.errln("%s: %s", shown, message(code))
		if !j.going || !j.tree {
			return 0, aclFailure{1, code}, nil
		}
	}
	done, bad := 1, aclFailure{}
	if code != 0 {
		done, bad = 0, aclFailure{1, code}
	}
	info, err := p.fs().Lstat(ctx, path)
	if err != nil || !j.tree || !info.IsDir() || info.IsLink() && (j.l || !top) {
		return done, bad, err
	}
	below, err := p.fs().ReadDir(ctx, path)
	if code, fatal := winCode(err); fatal != nil || code != 0 {
		p.errln("%s: %s", shown+`\*`, message(code))
		return done, aclFailure{bad.count + 1, code}, fatal
	}
	for _, e := range below {
		n, b, err := j.each(ctx, p, e.Path, shown+`\`+e.Name, false)
		done += n
		if b.count > 0 {
			bad = aclFailure{bad.count + b.count, b.code}
		}
		if err != nil || b.count > 0 && !j.going {
			return done, bad, err
		}
	}
	return done, bad, p.failed
}

// one shows or changes the descriptor of one file.
func (j *icaclsJob) one(ctx context.Context, p *proc, path, shown string) error {
	f := p.fs()
	d, err := f.Descriptor(ctx, path)
	if err != nil {
		return err
	}
	if len(j.actions) == 0 {
		j.show(p, d, shown)
		return nil
	}
	info, err := f.Stat(ctx, path)
	if err != nil {
		return err
	}
	old := d
	for _, a := range j.actions {
		if d, err = a.apply(ctx, p, path, info.IsDir(), d); err != nil {
			return err
		}
	}
	if !old.Equal(d) {
		if old.Owner != d.Owner {
			f = f.Privileged()
		}
		if err := f.SetAccess(ctx, path, d); err != nil {
			return err
		}
	}
	if !j.quiet {
		p.println("processed file: %s", shown)
	}
	return nil
}

// show prints the list of a file.
func (j *icaclsJob) show(p *proc, d winmeta.Descriptor, shown string) {
	p.print("%s ", shown)
	if d.DACL == nil {
		p.print("Everyone:(F)\r\n\r\n")
		return
	}
	if len(d.DACL) == 0 {
		p.print("\r\n\r\n")
		return
	}
	for i, a := range d.DACL {
		if i > 0 {
			p.print("%s ", strings.Repeat(" ", len([]rune(shown))))
		}
		p.println("%s", entryText(a))
	}
	p.print("\r\n")
}

// apply returns the descriptor after an action.
func (a aclAction) apply(ctx context.Context, p *proc, path string, dir bool, d winmeta.Descriptor) (winmeta.Descriptor, error) {
	explicit := func(e winmeta.ACE) bool { return e.Flags&winmeta.Inherited == 0 }
	d.DACL = slices.Clone(d.DACL)
	d.Control |= winmeta.DACLPresent
	switch a.verb {
	case "setowner":
		d.Owner = winmeta.SID(a.value)
	case "reset":
		d.Control &^= winmeta.DACLProtected
		d.DACL = []winmeta.ACE{}
		return p.fs().Inherit(ctx, path, d)
	case "inheritance":
		switch a.value {
		case "e":
			if d.Control&winmeta.DACLProtected == 0 {
				return d, nil
			}
			d.Control &^= winmeta.DACLProtected
			return p.fs().Inherit(ctx, path, d)
		case "d":
			for i := range d.DACL {
				d.DACL[i].Flags &^= winmeta.Inherited
			}
		case "r":
			d.DACL = slices.DeleteFunc(d.DACL, func(e winmeta.ACE) bool { return !explicit(e) })
		}
		d.Control |= winmeta.DACLProtected
	case "remove", "remove:g", "remove:d":
		d.DACL = slices.DeleteFunc(d.DACL, func(e winmeta.ACE) bool {
			return explicit(e) && slices.Contains(a.names, string(e.SID)) &&
				(a.verb == "remove" || a.verb == "remove:g" && e.Type == winmeta.Allow || a.verb == "remove:d" && e.Type == winmeta.Deny)
		})
	default:
		for _, e := range a.entries {
			d.DACL = a.add(d.DACL, e, dir)
		}
	}
	if d.DACL == nil {
		d.DACL = []winmeta.ACE{}
	}
	d.DACL = canonical(d.DACL)
	return d, nil
}

// add puts a permission or denial into a list: into an entry that is alike, or
// in front of those of its class.
func (a aclAction) add(list []winmeta.ACE, e aclEntry, dir bool) []winmeta.ACE {
	add := winmeta.ACE{Type: winmeta.Allow, Flags: e.flags &^ winmeta.Inherited, Mask: e.mask, SID: winmeta.SID(e.account)}
	if !dir {
		add.Flags &^= winmeta.ObjectInherit | winmeta.ContainerInherit | winmeta.InheritOnly | winmeta.NoPropagate
	}
	if a.verb == "deny" {
		add.Type = winmeta.Deny
		if add.Mask != winmeta.FullAccess && add.Mask != synchronize {
			add.Mask &^= synchronize // denying it would deny everything
		}
	}
	explicit := func(x winmeta.ACE) bool {
		return x.Flags&winmeta.Inherited == 0 && x.SID == add.SID && x.Type == add.Type
	}
	if a.verb == "grant:r" {
		list = slices.DeleteFunc(list, explicit)
	}
	for i, x := range list {
		if explicit(x) && x.Flags == add.Flags {
			list[i].Mask |= add.Mask
			return list
		}
	}
	return slices.Insert(list, 0, add)
}
