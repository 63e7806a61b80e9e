package tools

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/winmeta"
)

func takeown() tool {
	return tool{
		grammar: grammar{
			name: "takeown", dash: true, invalid: sdkInvalid("TAKEOWN", 1),
			flags: join(flagsOf(next, "F", "D"), flags("A", "R", "SKIPSL"),
				refusedFlags("it works on another computer", "leave it out", "S", "U", "P")),
		},
		run: runTakeown,
	}
}

func runTakeown(ctx context.Context, p *proc, in input) (int, error) {
	name, ok := in.get("F")
	switch {
	case len(in.operands()) > 0:
		return sdkInvalid("TAKEOWN", 1)(p, badWord{text: in.operands()[0]}), nil
	case !ok:
		p.errln("ERROR: Invalid syntax. Mandatory option '/f' is missing.")
		p.errln(`Type "TAKEOWN /?" for usage.`)
		return 1, nil
	case in.has("D") && !in.has("R"):
		p.errln("ERROR: Invalid syntax. /D can be specified only when /R is specified.")
		p.errln(`Type "TAKEOWN /?" for usage.`)
		return 1, nil
	case in.has("A") && !p.Machine.Account().Admin:
		p.errln("ERROR: The current logged on user does not have administrative privileges.")
		return 1, nil
	}
	full, err := p.full(name.text)
	if err != nil {
		return 1, err
	}
	infos, err := p.expandName(ctx, full)
	code, fatal := winCode(err)
	if fatal != nil {
		return 1, fatal
	}
	if code == 0 && len(infos) == 0 {
		code = machine.ErrorFileNotFound
	}
	if code != 0 {
		p.errln("ERROR: %s", message(code))
		return 1, nil
	}
	result := 0
	for _, info := range infos {
		ok, err := takeOne(ctx, p, in, info)
		if err != nil {
			return 1, err
		}
		if !ok {
			result = 1
		}
	}
	return result, p.failed
}

// expandName returns what a full path stands for: itself, or what matches its
// last part.
func (p *proc) expandName(ctx context.Context, full string) ([]*machine.Info, error) {
	last := full[strings.LastIndexByte(full, '\\')+1:]
	if machine.HasWildcard(last) {
		return p.fs().Glob(ctx, parent(full), last)
	}
	info, err := p.fs().Lstat(ctx, full)
	if err != nil {
		return nil, err
	}
	return []*machine.Info{info}, nil
}

// takeOne takes ownership of a file or directory and, with /R, of all below.
func takeOne(ctx context.Context, p *proc, in input, info *machine.Info) (bool, error) {
	if err := p.Machine.Tick(ctx); err != nil {
		return false, err
	}
	account := p.Machine.Account()
	owner, whose := account.SID, `user "`+account.Domain+`\`+account.Name+`"`
	if in.has("A") {
		owner, whose = winmeta.Administrators, "the administrators group"
	}
	f := p.fs()
	if account.Admin {
		f = f.Privileged()
	}
	d, err := f.Descriptor(ctx, info.Path)
	if err == nil {
		d.Owner = owner
		err = f.SetDescriptor(ctx, info.Path, d)
	}
	code, fatal := winCode(err)
	if fatal != nil {
		return false, fatal
	}
	if code != 0 {
		p.errln("ERROR: The current logged on user does not have ownership privileges on\r\n       the file (or folder) \"%s\".", info.Path)
		return false, p.failed
	}
	p.println("\r\nSUCCESS: The file (or folder): \"%s\" now owned by %s.", info.Path, whose)
	if !in.has("R") || !info.IsDir() || info.IsLink() {
		return true, p.failed
	}
	below, err := f.ReadDir(ctx, info.Path)
	if err != nil {
		return false, err
	}
	all := true
	for _, e := range below {
		ok, err := takeOne(ctx, p, in, e)
		if err != nil {
			return false, err
		}
		all = all && ok
	}
	return all, nil
}
