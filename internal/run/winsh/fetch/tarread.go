package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
)

// read lists or extracts.
func (t *tarRun) read(ctx context.Context) error {
	sel, err := t.selection(ctx)
	if err != nil {
		return err
	}
	src, file, err := t.open(ctx)
	if err != nil {
		return err
	}
	if file != nil {
		defer file.Close()
	}
	dir, err := t.chdir(ctx, t.p.Dir, t.o.dir)
	if err != nil {
		return err
	}
	x := &extraction{t: t, dir: dir, safe: map[string]bool{}}
	format, err := ReadArchive(ctx, src, func(m *Member, r io.Reader) error {
		if err := t.p.Machine.Tick(ctx); err != nil {
			return err
		}
		if t.o.fastRead && sel.allUsed() {
			return fs.SkipAll
		}
		if m.Name == "" {
			t.warn("Archive entry has empty or unreadable filename ... skipping")
			t.code = 1
			return nil
		}
		t.reown(m)
		if !sel.takes(m.Name) {
			return nil
		}
		if t.o.mode == 't' {
			return t.list(m)
		}
		return t.extract(ctx, x, m, r)
	})
	if err := t.verdict(err, format.Name != ""); err != nil {
		return err
	}
	if err := x.finish(ctx); err != nil {
		return err
	}
	for _, p := range sel.include {
		if !p.used {
			t.warn(p.text + ": Not found in archive")
			t.code = 1
		}
	}
	return nil
}

// open opens the archive.
func (t *tarRun) open(ctx context.Context) (Source, machine.File, error) {
	if t.o.file == "-" {
		return Source{Stream: t.p.Stdin}, nil, nil
	}
	full, err := machine.Full(t.p.Dir, t.o.file)
	if err == nil && machine.Device(full) != "" {
		return Source{}, nil, machine.Refuse("tar -f "+t.o.file, "it is a device", "name a file")
	}
	var f machine.File
	var info *machine.Info
	if err == nil {
		info, err = t.fs.Stat(ctx, full)
	}
	if err == nil && info.IsDir() {
		return Source{}, nil, usagef("Error opening archive: Couldn't visit directory '%s'", t.o.file)
	}
	if err == nil {
		f, err = t.fs.Open(ctx, full)
	}
	if windowsError(err) {
		return Source{}, nil, usagef("Error opening archive: Failed to open '%s'", t.o.file)
	}
	if err != nil {
		return Source{}, nil, err
	}
	return Source{At: f, Size: info.Size}, f, nil
}

// verdict reports what was wrong with the archive, whose format is known when
// it could be opened.
func (t *tarRun) verdict(err error, opened bool) error {
	var f *FormatError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrMethod) && errors.As(err, &f):
		return machine.Refuse("tar of this archive", strings.TrimSuffix(f.Text, "."), "use a tar (gz, bz2, xz, zst), zip, 7z or cab archive")
	case errors.Is(err, ErrEncrypted):
		return machine.Refuse("tar of an encrypted archive", "there is nobody to ask for the passphrase during a build",
			"use an archive without a passphrase")
	case errors.As(err, &f) && !opened:
		return usagef("Error opening archive: %s", f.Text)
	case errors.As(err, &f):
		t.warn(f.Text)
		t.code = 1
		return nil
	}
	return err
}

// reown applies --owner and its kin.
func (t *tarRun) reown(m *Member) {
	if t.o.uid >= 0 {
		m.UID, m.User = t.o.uid, ""
	}
	if t.o.gid >= 0 {
		m.GID, m.Group = t.o.gid, ""
	}
	if t.o.user != nil {
		m.User = *t.o.user
	}
	if t.o.group != nil {
		m.Group = *t.o.group
	}
}

// selection says which members are wanted.
type selection struct {
	include, exclude []*pathPattern
}

func (t *tarRun) selection(ctx context.Context) (*selection, error) {
	s := &selection{}
	names := append(append([]string{}, t.o.include...), t.o.args...)
	if t.o.filesFrom != "" && t.o.mode != 'c' {
		more, err := t.namesIn(ctx, t.o.filesFrom, t.o.null)
		if err != nil {
			return nil, err
		}
		names = append(names, more...)
	}
	for _, n := range names {
		s.include = append(s.include, &pathPattern{text: n, below: !t.o.noRecursion})
	}
	out := append([]string{}, t.o.exclude...)
	for _, f := range t.o.excludeFrom {
		more, err := t.namesIn(ctx, f, false)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	for _, n := range out {
		s.exclude = append(s.exclude, &pathPattern{text: strings.TrimRight(n, "/"), loose: true})
	}
	return s, nil
}

// takes reports whether a member is wanted. A pattern counts as found when the
// member is not excluded.
func (s *selection) takes(name string) bool {
	for _, p := range s.exclude {
		if p.matches(name) {
			return false
		}
	}
	if len(s.include) == 0 {
		return true
	}
	// bsdtar marks the patterns that have found nothing yet before it asks
	// the others, so that each is used once.
	var any bool
	for _, p := range s.include {
		if (!any || !p.used) && p.matches(name) {
			p.used, any = true, true
		}
	}
	return any
}

func (s *selection) allUsed() bool {
	for _, p := range s.include {
		if !p.used {
			return false
		}
	}
	return len(s.include) > 0
}

// namesIn reads a list of names from a file.
func (t *tarRun) namesIn(ctx context.Context, file string, null bool) ([]string, error) {
	var data []byte
	var err error
	if file == "-" {
		data, err = io.ReadAll(io.LimitReader(t.p.Stdin, 16<<20))
	} else {
		var full string
		if full, err = machine.Full(t.p.Dir, file); err == nil {
			data, err = t.fs.ReadFile(ctx, full, 16<<20)
		}
	}
	if windowsError(err) {
		return nil, usagef("Error inclusion pattern: Failed to open '%s'", file)
	}
	if err != nil {
		return nil, err
	}
	split := func(r rune) bool { return r == '\n' || r == '\r' }
	if null {
		split = func(r rune) bool { return r == 0 }
	}
	return strings.FieldsFunc(string(data), split), nil
}

// list prints a member for -t.
func (t *tarRun) list(m *Member) error {
	out := t.out
	if t.o.stdout {
		out = t.err
	}
	line := safeName(m.Name)
	if t.o.verbose > 0 {
		line = t.longLine(m)
	}
	_, err := io.WriteString(out, line+"\n")
	return err
}

// longLine is a member as "ls -l" has it.
func (t *tarRun) longLine(m *Member) string {
	if t.uWidth == 0 {
		t.uWidth, t.gsWidth = 6, 13
	}
	user, group := m.User, m.Group
	if user == "" {
		user = fmt.Sprintf("%d ", m.UID)
	}
	if group == "" {
		group = fmt.Sprint(m.GID)
	}
	size := fmt.Sprint(m.Size)
	if m.Kind == tree.Device {
		size = fmt.Sprintf("%d,%d", m.Major, m.Minor)
	}
	t.uWidth = max(t.uWidth, len(user))
	if len(group)+len(size) >= t.gsWidth {
		t.gsWidth = len(group) + len(size) + 1
	}
	when := m.Times.Modified.UTC()
	const halfYear = 365 * 24 * time.Hour / 2
	layout := "Jan 02 15:04"
	if age := when.Sub(t.p.Machine.Now()); age < -halfYear || age > halfYear {
		layout = "Jan 02  2006"
	}
	line := fmt.Sprintf("%s 0 %-*s %s%*s %s %s", modeText(m), t.uWidth, user,
		group, t.gsWidth-len(group), size, when.Format(layout), safeName(m.Name))
	switch m.Kind {
	case tree.Hardlink:
		line += " link to " + safeName(m.Link)
	case tree.Symlink:
		line += " -> " + safeName(m.Link)
	}
	return line
}

// modeText is the type and the permissions of a member, with a blank after.
func modeText(m *Member) string {
	kind := map[tree.Kind]byte{tree.Dir: 'd', tree.Symlink: 'l', tree.Hardlink: 'h', tree.Fifo: 'p', tree.Socket: 's'}[m.Kind]
	switch {
	case m.Kind == tree.Device && m.Char:
		kind = 'c'
	case m.Kind == tree.Device:
		kind = 'b'
	case kind == 0:
		kind = '-'
	}
	b := []byte{kind, 'r', 'w', 'x', 'r', 'w', 'x', 'r', 'w', 'x', ' '}
	for i := range 9 {
		if m.Mode&(0o400>>i) == 0 {
			b[i+1] = '-'
		}
	}
	for _, s := range []struct {
		bit  uint32
		at   int
		char byte
	}{{0o4000, 3, 's'}, {0o2000, 6, 's'}, {0o1000, 9, 't'}} {
		if m.Mode&s.bit == 0 {
			continue
		}
		if b[s.at] == '-' {
			s.char -= 'a' - 'A'
		}
		b[s.at] = s.char
	}
	return string(b)
}

// safeName escapes what cannot be printed.
func safeName(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= 0x20 && r != 0x7f && r != '\\':
			b.WriteRune(r)
		case strings.ContainsRune("\a\b\f\n\r\t\v\\", r):
			b.WriteString(map[rune]string{'\a': `\a`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`,
				'\t': `\t`, '\v': `\v`, '\\': `\\`}[r])
		default:
			fmt.Fprintf(&b, `\%03o`, r)
		}
	}
	return b.String()
}
