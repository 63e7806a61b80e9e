package tools

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/winmeta"
)

func treeTool() tool {
	return tool{
		grammar: grammar{
			name: "tree", own: true, flags: flags("F", "A"),
			invalid: func(p *proc, b badWord) int {
				p.println("Invalid switch - %s", b.text)
				return 1
			},
		},
		run: runTree,
	}
}

// treeLines are the pieces that a tree is drawn with.
type treeLines struct{ branch, last, bar, gap string }

func runTree(ctx context.Context, p *proc, in input) (int, error) {
	args := in.operands()
	if len(args) > 1 {
		p.println("Too many parameters - %s", args[1])
		return 1, nil
	}
	shown, full := "C:.", p.Dir
	if len(args) == 1 {
		var err error
		if full, err = p.full(args[0]); err != nil {
			return 1, err
		}
		shown = strings.ToUpper(full)
	}
	t := treeLines{"├───", "└───", "│   ", "    "}
	if in.has("A") {
		t = treeLines{"+---", `\---`, "|   ", "    "}
	}
	p.println("Folder PATH listing")
	p.println("Volume serial number is %s", machine.VolumeSerial)
	p.println("%s", shown)
	info, err := p.fs().Stat(ctx, full)
	code, fatal := winCode(err)
	if fatal != nil {
		return 1, fatal
	}
	if code != 0 || !info.IsDir() {
		p.println("Invalid path - %s", strings.ToUpper(full[min(2, len(full)):]))
		p.println("No subfolders exist \r\n")
		return 1, p.failed
	}
	some, err := t.dir(ctx, p, in.has("F"), full, "")
	if err == nil && !some {
		p.println("No subfolders exist \r\n")
	}
	return 0, err
}

// dir prints what is in a directory; some says whether it has directories.
func (t treeLines) dir(ctx context.Context, p *proc, files bool, dir, indent string) (some bool, err error) {
	if err := p.Machine.Tick(ctx); err != nil {
		return false, err
	}
	all, err := p.fs().ReadDir(ctx, dir)
	if code, fatal := winCode(err); fatal != nil || code != 0 {
		return false, fatal
	}
	var dirs []*machine.Info
	var names []string
	for _, e := range all {
		switch {
		case e.Attributes&(winmeta.Hidden|winmeta.System) != 0:
		case e.IsDir():
			dirs = append(dirs, e)
		default:
			names = append(names, e.Name)
		}
	}
	if files && len(names) > 0 {
		lead := indent + t.gap
		if len(dirs) > 0 {
			lead = indent + t.bar
		}
		for _, n := range names {
			p.println("%s%s", lead, n)
		}
		p.println("%s", lead)
	}
	for i, d := range dirs {
		line, next := t.branch, t.bar
		if i == len(dirs)-1 {
			line, next = t.last, t.gap
		}
		p.println("%s%s%s", indent, line, d.Name)
		if d.IsLink() {
			continue
		}
		if _, err := t.dir(ctx, p, files, d.Path, indent+next); err != nil {
			return true, err
		}
	}
	return len(dirs) > 0, p.failed
}
