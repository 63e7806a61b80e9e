package tools

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/winmeta"
)

// cacls is what icacls replaced. It shows lists here and changes none.
func cacls() tool {
	const way = "use icacls"
	return tool{
		grammar: grammar{
			name: "cacls", dash: true,
			flags: refusedFlags("it is deprecated, and its changes follow other rules than icacls'", way,
				"T", "M", "L", "S", "E", "C", "G", "R", "P", "D"),
		},
		check: func(in input) error {
			if !in.partial && len(in.operands()) != 1 {
				return machine.Refuse("cacls with these arguments", "it prints the help text of Windows", way)
			}
			return nil
		},
		run: func(ctx context.Context, p *proc, in input) (int, error) {
			full, err := p.full(in.operands()[0])
			if err != nil {
				return 1, err
			}
			infos, err := p.expandName(ctx, full)
			code, fatal := winCode(err)
			if fatal != nil {
				return 1, fatal
			}
			if code != 0 || len(infos) == 0 {
				p.println("The system cannot find the file specified.")
				return 1, p.failed
			}
			for _, info := range infos {
				d, err := p.fs().Descriptor(ctx, info.Path)
				if err != nil {
					return 1, err
				}
				p.print("%s ", info.Path)
				for i, a := range d.DACL {
					if i > 0 {
						p.print("%s ", strings.Repeat(" ", len([]rune(info.Path))))
					}
					text, ok := caclsText(a)
					if !ok {
						return 1, machine.Refuse("cacls "+in.operands()[0], "it prints special rights in words", way)
					}
					p.println("%s", text)
				}
				p.print("\r\n")
			}
			return 0, p.failed
		},
	}
}

// caclsText is an entry as cacls prints it; ok is false for special rights.
func caclsText(a winmeta.ACE) (string, bool) {
	letter := map[uint32]string{winmeta.FullAccess: "F", winmeta.GenericAll: "F", winmeta.ModifyAccess: "C", winmeta.ReadAndExecute: "R"}[a.Mask]
	if a.Type == winmeta.Deny && a.Mask == winmeta.FullAccess {
		letter = "N"
	}
	var b strings.Builder
	b.WriteString(accountText(a.SID) + ":")
	for _, f := range []struct {
		flag winmeta.ACEFlags
		name string
	}{
		{winmeta.ObjectInherit, "(OI)"}, {winmeta.ContainerInherit, "(CI)"}, {winmeta.InheritOnly, "(IO)"},
		{winmeta.NoPropagate, "(NP)"}, {winmeta.Inherited, "(ID)"},
	} {
		if a.Flags&f.flag != 0 {
			b.WriteString(f.name)
		}
	}
	return b.String() + letter, letter != "" && (a.Type == winmeta.Allow || letter == "N")
}
