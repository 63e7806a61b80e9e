package fetch

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// creation writes an archive.
type creation struct {
	t     *tarRun
	sel   *selection
	dir   string // the current directory, which -C changes
	self  string // full path of the archive, which does not go into itself
	tar   *tar.Writer
	zip   *ZipWriter
	links map[string]string // first names of files with several
}

// create makes an archive.
func (t *tarRun) create(ctx context.Context) error {
	sel, err := t.selection(ctx)
	if err != nil {
		return err
	}
	if len(t.o.args) == 0 && t.o.filesFrom == "" {
		return usagef("no files or directories specified")
	}
	c := &creation{t: t, sel: sel, dir: t.p.Dir, links: map[string]string{}}
	sel.include = nil
	for _, in := range t.o.include {
		sel.include = append(sel.include, &pathPattern{text: in, below: true})
	}
	out, closeOut, err := c.open(ctx)
	if err != nil {
		return err
	}
	err = c.archive(ctx, out)
	if cerr := closeOut(); err == nil {
		err = cerr
	}
	return err
}

// archive writes the archive to out.
func (c *creation) archive(ctx context.Context, out io.Writer) error {
	packed, err := NewEncoder(c.t.o.filter, out)
	if err != nil {
		return fmt.Errorf("packing archive: %w", err)
	}
	if c.t.o.format == "zip" {
		c.zip = NewZipWriter(packed)
	} else {
		c.tar = tar.NewWriter(packed)
	}
	if c.dir, err = c.t.chdir(ctx, c.dir, c.t.o.dir); err != nil {
		return err
	}
	if err := c.operands(ctx); err != nil {
		return err
	}
	if c.zip != nil {
		err = c.zip.Close()
	} else {
		err = c.tar.Close()
	}
	if err != nil {
		return fmt.Errorf("ending archive: %w", err)
	}
	if err := packed.Close(); err != nil {
		return fmt.Errorf("packing archive: %w", err)
	}
	return nil
}

// open makes the archive's file. Standard output gets whole records.
func (c *creation) open(ctx context.Context) (io.Writer, func() error, error) {
	if c.t.o.file == "-" {
		size := c.t.o.block
		if size == 0 {
			size = 20 * 512
		}
		w := &recordWriter{w: c.t.p.Stdout, size: size}
		return w, w.pad, nil
	}
	full, err := machine.Full(c.dir, c.t.o.file)
	var w machine.Writer
	if err == nil {
		w, err = c.t.fs.Create(ctx, full, machine.CreateOptions{})
	}
	if windowsError(err) {
		return nil, nil, usagef("Failed to open '%s'", c.t.o.file)
	}
	if err != nil {
		return nil, nil, err
	}
	c.self = full
	if c.t.o.block > 0 {
		r := &recordWriter{w: w, size: c.t.o.block}
		return r, func() error { return errors.Join(r.pad(), w.Close()) }, nil
	}
	return w, w.Close, nil
}

// recordWriter fills the last record with zeros.
type recordWriter struct {
	w    io.Writer
	size int
	sum  int64
}

func (r *recordWriter) Write(p []byte) (int, error) {
	n, err := r.w.Write(p)
	r.sum += int64(n)
	return n, err
}

func (r *recordWriter) pad() error {
	if rest := int(r.sum % int64(r.size)); rest > 0 {
		_, err := r.w.Write(make([]byte, r.size-rest))
		return err
	}
	return nil
}

// operands archives what the command line names, with -C in between.
func (c *creation) operands(ctx context.Context) error {
	args := c.t.o.args
	for i := 0; i < len(args); i++ {
		a := args[i]
		if strings.HasPrefix(a, "-C") {
			to := a[2:]
			if to == "" {
				if i++; i == len(args) {
					c.t.warn("Missing argument for -C")
					c.t.code = 1
					return nil
				}
				to = args[i]
			}
			if to == "" {
				c.t.warn("Meaningless argument for -C: ''")
				c.t.code = 1
				return nil
			}
			var err error
			if c.dir, err = c.t.chdir(ctx, c.dir, to); err != nil {
				return err
			}
			continue
		}
		if strings.HasPrefix(a, "@") {
			return machine.Refuse("tar "+a, "adding the members of another archive is not supported",
				"extract the other archive first and name its files")
		}
		if err := c.hierarchy(ctx, a); err != nil {
			return err
		}
	}
	if c.t.o.filesFrom == "" {
		return nil
	}
	names, err := c.t.namesIn(ctx, c.t.o.filesFrom, c.t.o.null)
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := c.hierarchy(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// hierarchy archives one operand with all below it. The last component may be
// a pattern.
func (c *creation) hierarchy(ctx context.Context, name string) error {
	full, err := machine.Full(c.dir, name)
	if err == nil && machine.HasWildcard(name) {
		return c.glob(ctx, name, full)
	}
	var info *machine.Info
	if err == nil {
		info, err = c.stat(ctx, full, c.t.o.follow != 0)
	}
	if windowsError(err) {
		c.t.warn(name + ": Couldn't visit directory: " + strerror(err))
		c.t.code = 1
		return nil
	}
	if err != nil {
		return err
	}
	return c.tree(ctx, strings.ReplaceAll(name, `\`, "/"), info)
}

// glob archives what a pattern in the last component matches.
func (c *creation) glob(ctx context.Context, name, full string) error {
	slash := strings.LastIndexAny(name, `/\`)
	dir := full[:strings.LastIndexByte(full, '\\')+1]
	found, err := c.t.fs.Glob(ctx, dir, name[slash+1:])
	if err != nil && !windowsError(err) {
		return err
	}
	if len(found) == 0 {
		c.t.warn(name + ": Couldn't visit directory: No such file or directory")
		c.t.code = 1
	}
	for _, info := range found {
		if err := c.tree(ctx, strings.ReplaceAll(name[:slash+1], `\`, "/")+info.Name, info); err != nil {
			return err
		}
	}
	return nil
}

func (c *creation) stat(ctx context.Context, full string, follow bool) (*machine.Info, error) {
	if follow {
		if info, err := c.t.fs.Stat(ctx, full); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return info, err
		}
	}
	return c.t.fs.Lstat(ctx, full)
}

// tree archives a file or directory. Like bsdtar it lists a directory whole
// before it goes into the directories in it, the last one first.
func (c *creation) tree(ctx context.Context, name string, info *machine.Info) error {
	type step struct {
		name string
		info *machine.Info
	}
	enter, err := c.add(ctx, name, info)
	if err != nil || !enter {
		return err
	}
	stack := []step{{name, info}}
	for len(stack) > 0 {
		top := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		entries, err := c.t.fs.ReadDir(ctx, top.info.Path)
		if windowsError(err) {
			c.t.warn(top.name + ": Couldn't visit directory: " + strerror(err))
			c.t.code = 1
			continue
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			sub := strings.TrimSuffix(top.name, "/") + "/" + e.Name
			if c.t.o.follow == 'L' && e.IsLink() {
				if e, err = c.stat(ctx, e.Path, true); err != nil {
					return err
				}
			}
			enter, err := c.add(ctx, sub, e)
			if err != nil {
				return err
			}
			if enter {
				stack = append(stack, step{sub, e})
			}
		}
	}
	return nil
}

// add writes one member, and says whether to go into it.
func (c *creation) add(ctx context.Context, name string, info *machine.Info) (enter bool, err error) {
	if err := c.t.p.Machine.Tick(ctx); err != nil {
		return false, err
	}
	m := c.member(name, info)
	if !c.sel.takes(m.Name) {
		return false, nil
	}
	if !c.t.edit(m) {
		return m.Kind == tree.Dir, nil
	}
	if c.t.o.verbose > 0 {
		shown := safeName(m.Name)
		if c.t.o.verbose > 1 {
			shown = c.t.longLine(m)
		}
		fmt.Fprintf(c.t.err, "a %s", strings.TrimSuffix(shown, "/"))
	}
	if strings.EqualFold(info.Path, c.self) {
		c.t.warn(m.Name + ": Can't add archive to itself")
	} else if err := c.write(ctx, m, info); err != nil {
		return false, err
	}
	if c.t.o.verbose > 0 {
		fmt.Fprint(c.t.err, "\n")
	}
	return m.Kind == tree.Dir && !c.t.o.noRecursion, nil
}

// member describes a file as bsdtar on Windows sees it: permissions come from
// the read-only attribute and from the extension.
func (c *creation) member(name string, info *machine.Info) *Member {
	m := &Member{Name: name, Kind: tree.File, Size: info.Size, Mode: 0o666, Times: info.Times}
	lower := strings.ToLower(info.Name)
	switch {
	case info.IsLink():
		m.Kind, m.Link, m.Size, m.Mode = tree.Symlink, strings.ReplaceAll(info.Target, `\`, "/"), 0, 0o777
		m.DirLink = info.IsDir()
	case info.Kind == tree.Dir:
		m.Kind, m.Size, m.Mode = tree.Dir, 0, 0o777
		m.Name = strings.TrimSuffix(name, "/") + "/"
	default:
		for _, ext := range []string{".exe", ".com", ".bat", ".cmd"} {
			if strings.HasSuffix(lower, ext) {
				m.Mode = 0o777
			}
		}
		if first, ok := c.first(name, info); ok && c.zip == nil {
			m.Kind, m.Link, m.Size = tree.Hardlink, first, 0
		}
	}
	if info.Attributes.Has(winmeta.ReadOnly) {
		m.Mode &^= 0o222
	}
	c.t.reown(m)
	return m
}

// first returns the name under which a file with several names is in the
// archive already.
func (c *creation) first(name string, info *machine.Info) (string, bool) {
	if info.Entry == nil || info.Entry.Link == "" {
		return "", false
	}
	if first, ok := c.links[info.Entry.Link]; ok {
		return first, true
	}
	c.links[info.Entry.Link] = name
	return "", false
}

// write writes header and content.
func (c *creation) write(ctx context.Context, m *Member, info *machine.Info) error {
	var content io.Reader = strings.NewReader("")
	if m.Kind == tree.File {
		f, err := c.t.fs.Open(ctx, info.Path)
		if windowsError(err) {
			c.t.warn(m.Name + ": Couldn't open " + backslash(m.Name) + ": " + strerror(err))
			c.t.code = 1
			return nil
		}
		if err != nil {
			return err
		}
		defer f.Close()
		content = f
	}
	if c.zip != nil {
		return c.zip.add(m, content)
	}
	if err := c.tar.WriteHeader(c.header(m)); err != nil {
		return fmt.Errorf("archiving %s: %w", m.Name, err)
	}
	if _, err := io.Copy(c.tar, content); err != nil {
		return fmt.Errorf("archiving %s: %w", m.Name, err)
	}
	return nil
}

func (c *creation) header(m *Member) *tar.Header {
	h := &tar.Header{
		Name: m.Name, Linkname: m.Link, Size: m.Size, Mode: int64(m.Mode), ModTime: m.Times.Modified,
		Uid: m.UID, Gid: m.GID, Uname: m.User, Gname: m.Group, Typeflag: tar.TypeReg,
	}
	switch m.Kind {
	case tree.Dir:
		h.Typeflag = tar.TypeDir
	case tree.Symlink:
		h.Typeflag = tar.TypeSymlink
		if m.DirLink {
			h.PAXRecords = map[string]string{"LIBARCHIVE.symlinktype": "dir"}
		}
	case tree.Hardlink:
		h.Typeflag = tar.TypeLink
	}
	switch c.t.o.format {
	case "ustar":
		h.Format, h.PAXRecords = tar.FormatUSTAR, nil
	case "gnutar":
		h.Format, h.PAXRecords = tar.FormatGNU, nil
	case "pax":
		h.Format = tar.FormatPAX
	}
	return h
}

// add writes a member as bsdtar does: with a mode of Unix and exact times.
func (z *ZipWriter) add(m *Member, content io.Reader) error {
	if m.Kind == tree.Symlink {
		content = strings.NewReader(m.Link)
	}
	return z.entry(m, content)
}
