package cmdsh

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// print prints the entries of a directory.
func (d *dirPrinter) print(ctx context.Context, dir string, entries []*machine.Info) error {
	d.found += len(entries)
	if d.o.bare {
		for _, i := range entries {
			name := i.Name
			if d.o.below {
				name = i.Path
			}
			d.sh.write(1, d.cased(name)+"\r\n")
		}
		return nil
	}
	d.sh.out("\r\n Directory of %s\r\n\r\n", dir)
	files, dirs, bytes := 0, 0, int64(0)
	for _, i := range entries {
		if i.IsDir() {
			dirs++
		} else {
			files++
			bytes += i.Size
		}
	}
	if d.o.wide || d.o.columns {
		d.wide(entries)
	} else {
		for _, i := range entries {
			line, err := d.line(ctx, i)
			if err != nil {
				return err
			}
			d.sh.write(1, line+"\r\n")
		}
	}
	d.files, d.dirs, d.bytes = d.files+files, d.dirs+dirs, d.bytes+bytes
	if len(entries) > 0 {
		d.sh.out("%16d File(s) %14s bytes\r\n", files, d.number(bytes))
	}
	return nil
}

// total prints the sums at the end.
func (d *dirPrinter) total() {
	if d.o.bare {
		return
	}
	if d.o.below {
		d.sh.out("\r\n     Total Files Listed:\r\n%16d File(s) %14s bytes\r\n", d.files, d.number(d.bytes))
	}
	free, _ := d.sh.fs.Free()
	d.sh.out("%16d Dir(s) %15s bytes free\r\n", d.dirs, d.number(free))
}

// line is the line of one entry.
func (d *dirPrinter) line(ctx context.Context, i *machine.Info) (string, error) {
	t := d.when(i)
	var b strings.Builder
	b.WriteString(shortDate(t) + "  " + shortTime(t))
	target := ""
	switch {
	case i.Kind == tree.Junction:
		b.WriteString("    <JUNCTION>     ")
		target = " [" + i.Target + "]"
	case i.Kind == tree.Symlink && i.IsDir():
		b.WriteString("    <SYMLINKD>     ")
		target = " [" + i.Target + "]"
	case i.Kind == tree.Symlink:
		b.WriteString("    <SYMLINK>      ")
		target = " [" + i.Target + "]"
	case i.IsDir():
		b.WriteString("    <DIR>          ")
	default:
		fmt.Fprintf(&b, "%18s ", d.number(i.Size))
	}
	if d.o.owner {
		owner, err := d.owner(ctx, i)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%-22s ", owner)
	}
	b.WriteString(d.cased(i.Name) + target)
	return b.String(), nil
}

// owner returns the owner of a file as DOMAIN\name.
func (d *dirPrinter) owner(ctx context.Context, i *machine.Info) (string, error) {
	descriptor, err := d.sh.fs.Descriptor(ctx, i.Path)
	if err != nil {
		if _, err = win(err); err != nil {
			return "", err
		}
		return "...", nil
	}
	if name, ok := winmeta.AccountName(descriptor.Owner); ok {
		return name, nil
	}
	return descriptor.Owner.String(), nil
}

// when is the time of an entry that is shown.
func (d *dirPrinter) when(i *machine.Info) time.Time {
	switch d.o.time {
	case 'c':
		return i.Times.Created
	case 'a':
		return i.Times.Accessed
	}
	return i.Times.Modified
}

func (d *dirPrinter) number(n int64) string {
	if d.o.noCommas {
		return fmt.Sprint(n)
	}
	return grouped(n)
}

func (d *dirPrinter) cased(name string) string {
	if d.o.lower {
		return strings.ToLower(name)
	}
	return name
}

// screenWidth is that of a console that is none.
const screenWidth = 80

// wide prints names in columns: row by row, or with /d column by column.
func (d *dirPrinter) wide(entries []*machine.Info) {
	names := make([]string, len(entries))
	widest := 1
	for n, i := range entries {
		names[n] = d.cased(i.Name)
		if i.IsDir() {
			names[n] = "[" + names[n] + "]"
		}
		widest = max(widest, utf8.RuneCountInString(names[n])+3)
	}
	columns := max(1, screenWidth/widest)
	rows := (len(names) + columns - 1) / columns
	for r := range rows {
		var line strings.Builder
		width := 0
		for c := range columns {
			n := r*columns + c
			if d.o.columns && !d.o.wide {
				n = c*rows + r
			}
			if n >= len(names) {
				continue
			}
			for ; width < c*widest; width++ {
				line.WriteByte(' ')
			}
			line.WriteString(names[n])
			width += utf8.RuneCountInString(names[n])
		}
		d.sh.write(1, line.String()+"\r\n")
	}
}
