package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// extraction writes members below a directory.
type extraction struct {
	t   *tarRun
	dir string // full path
	// safe has the directories, as written in names, that are known to exist
	// and to be reached without links.
	safe map[string]bool
	// dirs wait for their times and attributes until all is written.
	dirs []dirFixup
}

type dirFixup struct {
	path     string
	times    tree.Times
	readOnly bool
}

// memberError is what bsdtar prints behind the name of a member that it could
// not extract. Severe ones end the work.
type memberError struct {
	text, errno string
	severe      bool
}

func (e *memberError) Error() string { return e.text }

// failed makes a memberError of a Windows error; other errors stay.
func failed(err error, format string, args ...any) error {
	if !windowsError(err) {
		return err
	}
	return &memberError{text: fmt.Sprintf(format, args...), errno: strerror(err)}
}

func refusedMember(format string, args ...any) error {
	return &memberError{text: fmt.Sprintf(format, args...), errno: "Unknown error"}
}

// extract does one member of -x.
func (t *tarRun) extract(ctx context.Context, x *extraction, m *Member, r io.Reader) error {
	if !t.edit(m) {
		return nil
	}
	shown := safeName(m.Name)
	switch {
	case t.o.verbose > 1:
		fmt.Fprintf(t.err, "x %s", t.longLine(m))
	case t.o.verbose > 0:
		fmt.Fprintf(t.err, "x %s", shown)
	}
	var err error
	if t.o.stdout {
		if m.Kind == tree.File || m.Kind == tree.Hardlink {
			_, err = io.Copy(t.p.Stdout, r)
			err = contentFault(err)
		}
	} else {
		err = x.member(ctx, m, r)
	}
	var bad *memberError
	if err != nil && !errors.As(err, &bad) {
		return err
	}
	if bad != nil {
		if t.o.verbose == 0 {
			fmt.Fprint(t.err, shown)
		}
		fmt.Fprintf(t.err, ": %s: %s", bad.text, bad.errno)
		t.code = 1
	}
	if bad != nil || t.o.verbose > 0 {
		fmt.Fprint(t.err, "\n")
	}
	if bad != nil && bad.severe {
		return fs.SkipAll
	}
	return nil
}

// contentFault makes a memberError of what was wrong with a content.
func contentFault(err error) error {
	var f *FormatError
	if !errors.As(err, &f) || errors.Is(err, ErrMethod) || errors.Is(err, ErrEncrypted) {
		return err
	}
	return &memberError{text: f.Text, errno: "Unknown error", severe: !errors.Is(err, ErrChecksum)}
}

// edit applies --strip-components and makes names relative; false drops the
// member.
func (t *tarRun) edit(m *Member) bool {
	hard := m.Kind == tree.Hardlink
	if t.o.strip > 0 {
		if m.Name = stripComponents(m.Name, t.o.strip); m.Name == "" {
			return false
		}
		if hard {
			if m.Link = stripComponents(m.Link, t.o.strip); m.Link == "" {
				return false
			}
		}
	}
	if t.o.absolute {
		return true
	}
	if m.Name = t.relative(m.Name); m.Name == "" {
		m.Name = "."
	}
	if hard {
		m.Link = t.relative(m.Link)
		return m.Link != ""
	}
	return true
}

func stripComponents(name string, n int) string {
	for ; n > 0; n-- {
		i := strings.IndexAny(name, `/\`)
		if i < 0 {
			return ""
		}
		name = name[i+1:]
	}
	return strings.TrimLeft(name, `/\`)
}

// relative removes drive letters and leading slashes, and says so once.
func (t *tarRun) relative(name string) string {
	warn := func(text string) {
		if !t.warned {
			t.warn(text)
			t.warned = true
		}
	}
	slash := func(i int) bool { return i < len(name) && (name[i] == '/' || name[i] == '\\') }
	if slash(0) && slash(1) && slash(3) && (name[2] == '.' || name[2] == '?') {
		unc := len(name) > 7 && name[2] == '?' && strings.EqualFold(name[4:7], "UNC") && slash(7)
		if name = name[4:]; unc {
			name = name[4:]
		}
		warn("Removing leading drive letter from member names")
	}
	for {
		before := name
		if len(name) >= 2 && name[1] == ':' && isLetter(name[0]) {
			name = name[2:]
			warn("Removing leading drive letter from member names")
		}
		for slash(0) {
			warn(fmt.Sprintf("Removing leading '%c' from member names", before[0]))
			switch {
			case strings.HasPrefix(name[1:], "..") && slash(3):
				name = name[3:]
			case strings.HasPrefix(name[1:], ".") && slash(2):
				name = name[2:]
			default:
				name = name[1:]
			}
		}
		if name == before {
			return name
		}
	}
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// clean makes a member's name one for Windows: characters that Windows does
// not have become "_", "." and doubled slashes vanish. The result has slashes.
func (x *extraction) clean(name string) (string, error) {
	name = strings.ReplaceAll(name, `\`, "/")
	drive := ""
	if x.t.o.absolute && len(name) > 2 && name[1] == ':' && isLetter(name[0]) {
		drive, name = name[:2], name[2:]
	}
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`:*?"<>|`, r) {
			return '_'
		}
		return r
	}, name)
	var out []string
	for _, part := range strings.Split(name, "/") {
		switch {
		case part == "" || part == ".":
			continue
		case part == ".." && !x.t.o.absolute:
			return "", refusedMember("Path contains '..'")
		}
		out = append(out, part)
	}
	clean := strings.Join(out, "/")
	if strings.HasPrefix(name, "/") {
		clean = "/" + clean
	}
	if clean = drive + clean; clean == "" {
		clean = "."
	}
	return clean, nil
}

func (x *extraction) full(name string) (string, error) {
	full, err := machine.Full(x.dir, strings.ReplaceAll(name, "/", `\`))
	return full, failed(err, "Can't create '%s'", strings.ReplaceAll(name, "/", `\`))
}

// member writes one member.
func (x *extraction) member(ctx context.Context, m *Member, r io.Reader) error {
	name, err := x.clean(m.Name)
	if err != nil {
		return err
	}
	full, err := x.full(name)
	if err != nil {
		return err
	}
	if m.Kind != tree.Dir && tree.SameName(strings.TrimRight(full, `\`), strings.TrimRight(x.dir, `\`)) {
		// A name of blanks or dots vanishes on Windows, and is the directory itself.
		return &memberError{text: "Can't create '" + backslash(name) + "'", errno: "Invalid argument"}
	}
	if err := x.links(ctx, name); err != nil {
		return err
	}
	switch m.Kind {
	case tree.Device, tree.Fifo, tree.Socket:
		return &memberError{text: "Can't create '" + backslash(name) + "'", errno: "Invalid argument"}
	case tree.Hardlink:
		if err := x.hardlinkTarget(ctx, m); err != nil {
			return err
		}
	}
	if m.Kind != tree.Dir && x.t.o.unlinkFirst {
		if err := x.unlink(ctx, full); err != nil {
			return failed(err, "Could not unlink")
		}
	}
	return x.put(ctx, m, name, full, r)
}

func backslash(s string) string { return strings.ReplaceAll(s, "/", `\`) }

// put creates the member, and makes room for it where something is in the way.
func (x *extraction) put(ctx context.Context, m *Member, name, full string, r io.Reader) error {
	var err error
	if there, serr := x.kept(ctx, full); serr != nil {
		return serr
	} else if there {
		err = &machine.Error{Op: "open", Path: full, Code: machine.ErrorFileExists}
	} else if err = x.unlinkLink(ctx, full, name); err == nil {
		if err := x.room(ctx, m, name); err != nil {
			return err
		}
		err = x.create(ctx, m, name, full, r)
	}
	switch machine.CodeOf(err) {
	case machine.ErrorPathNotFound, machine.ErrorFileNotFound:
		if m.Kind == tree.Hardlink && x.exists(ctx, full, parentOf(name)) {
			return &memberError{text: "Hard-link target '" + m.Link + "' does not exist.", errno: strerror(err)}
		}
		if err := x.parent(ctx, name); err != nil {
			return err
		}
		err = x.create(ctx, m, name, full, r)
	}
	switch machine.CodeOf(err) {
	case machine.ErrorFileExists, machine.ErrorAlreadyExists, machine.ErrorAccessDenied:
		err = x.inTheWay(ctx, m, name, full, r, err)
	}
	if m.Kind == tree.Hardlink {
		switch machine.CodeOf(err) {
		case machine.ErrorPathNotFound, machine.ErrorFileNotFound:
			return &memberError{text: "Hard-link target '" + m.Link + "' does not exist.", errno: strerror(err)}
		}
	}
	return failed(err, "Can't create '%s'", backslash(name))
}

// kept reports whether something is there that -k may keep, if need be by
// looking into a sealed base.
func (x *extraction) kept(ctx context.Context, full string) (bool, error) {
	if !x.t.o.keepOld && !x.t.o.keepNewer {
		return false, nil
	}
	_, err := x.t.fs.Lstat(ctx, full)
	if err == nil || !windowsError(err) {
		return err == nil, err
	}
	return false, nil
}

// unlinkLink removes a link that is where a member goes, so that nothing is
// written through it.
func (x *extraction) unlinkLink(ctx context.Context, full, name string) error {
	if x.t.o.absolute {
		return nil
	}
	info, err := x.t.fs.LstatDest(ctx, full)
	switch {
	case windowsError(err):
		return nil
	case err != nil:
		return err
	case info.IsLink():
		return failed(x.t.fs.Remove(ctx, full), "Could not remove symlink %s", backslash(name))
	}
	return nil
}

// exists reports whether the directory of a member is there.
func (x *extraction) exists(ctx context.Context, full, parent string) bool {
	if x.safe[parent] {
		return true
	}
	ok, err := x.t.fs.Exists(ctx, full[:max(strings.LastIndexByte(full, '\\'), 3)])
	return ok && err == nil
}

// create makes the member where nothing is.
func (x *extraction) create(ctx context.Context, m *Member, name, full string, r io.Reader) error {
	fsys := x.t.fs
	times := m.Times
	if x.t.o.noTimes {
		times = tree.Times{}
	}
	switch m.Kind {
	case tree.Dir:
		err := fsys.Mkdir(ctx, full)
		if err == nil {
			x.later(full, times, m)
			x.safe[name] = true
		}
		return err
	case tree.Symlink:
		if err := x.unlink(ctx, full); err != nil {
			return err
		}
		clear(x.safe)
		return fsys.Symlink(ctx, backslash(m.Link), full, m.DirLink || leadsToDir(m.Link))
	case tree.Hardlink:
		target, err := x.clean(m.Link)
		if err != nil {
			return err
		}
		from, err := x.full(target)
		if err != nil {
			return err
		}
		if err := fsys.Hardlink(ctx, from, full); err != nil || m.Size == 0 {
			return err
		}
		return x.write(ctx, full, r, machine.CreateOptions{Times: times})
	}
	return x.write(ctx, full, r, machine.CreateOptions{New: true, Times: times})
}

// leadsToDir guesses as bsdtar does, which asks the text and not the disk.
func leadsToDir(target string) bool {
	t := backslash(target)
	return t == "." || t == ".." || strings.HasSuffix(t, `\`) || strings.HasSuffix(t, `\.`) || strings.HasSuffix(t, `\..`)
}

// write copies a content to a file. What is wrong with the content leaves the
// file with what there was.
func (x *extraction) write(ctx context.Context, full string, r io.Reader, o machine.CreateOptions) error {
	o.Times = fileTimes(o.Times)
	w, err := x.t.fs.Create(ctx, full, o)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	if cerr := w.Close(); err == nil {
		err = cerr
	}
	return contentFault(err)
}

// fileTimes are those that bsdtar sets: never the time of change.
func fileTimes(t tree.Times) tree.Times {
	return tree.Times{Modified: t.Modified, Accessed: t.Accessed, Created: t.Created}
}

// inTheWay decides what happens to what exists.
func (x *extraction) inTheWay(ctx context.Context, m *Member, name, full string, r io.Reader, cause error) error {
	info, err := x.t.fs.LstatDest(ctx, full)
	if errors.Is(err, fs.ErrNotExist) {
		return cause
	}
	if err != nil {
		return failed(err, "Can't stat existing object")
	}
	isDir := info.Kind == tree.Dir
	switch {
	case info.IsLink() && !x.t.o.absolute:
		if err := x.unlinkLink(ctx, full, name); err != nil {
			return err
		}
		return x.create(ctx, m, name, full, r)
	case x.t.o.keepOld:
		return nil
	case info.IsLink():
		target, err := x.t.fs.Stat(ctx, full)
		isDir = err == nil && target.IsDir()
	}
	switch {
	case x.t.o.keepNewer && !isDir && !info.Times.Modified.Before(m.Times.Modified):
		return nil
	case isDir && m.Kind == tree.Dir:
		if !x.t.o.noTimes {
			x.later(full, m.Times, m)
		}
		return nil
	case isDir:
		if err := x.t.fs.Remove(ctx, full); err != nil {
			return failed(err, "Can't remove already-existing dir")
		}
		clear(x.safe)
	default:
		if err := x.t.fs.Remove(ctx, full); err != nil {
			return failed(err, "Can't unlink already-existing object")
		}
	}
	return x.create(ctx, m, name, full, r)
}

// unlink removes what is there, if it is a file, a link or an empty directory.
func (x *extraction) unlink(ctx context.Context, full string) error {
	err := x.t.fs.Remove(ctx, full)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// room makes the directories above a member where nothing is known of them, since
// creating it would ask a sealed base for them.
func (x *extraction) room(ctx context.Context, m *Member, name string) error {
	dir := parentOf(name)
	if dir == "" || x.safe[dir] || m.Kind == tree.Hardlink {
		return nil
	}
	full, err := x.full(dir)
	if err != nil {
		return err
	}
	if _, err := x.t.fs.StatDest(ctx, full); errors.Is(err, fs.ErrNotExist) {
		return x.parent(ctx, name)
	}
	return nil
}

// parent makes the directories above a member.
func (x *extraction) parent(ctx context.Context, name string) error {
	dir := parentOf(name)
	if dir == "" || dir == "." || dir == "/" {
		return nil
	}
	full, err := x.full(dir)
	if err != nil {
		return err
	}
	if err := x.parent(ctx, dir); err != nil {
		return err
	}
	err = x.t.fs.Mkdir(ctx, full)
	if err == nil {
		x.safe[dir] = true
		return nil
	}
	info, serr := x.t.fs.StatDest(ctx, full)
	switch {
	case serr == nil && info.IsDir():
		return nil
	case serr == nil && x.t.o.keepOld:
		return &memberError{text: "Can't create directory '" + backslash(dir) + "'", errno: "File exists"}
	case serr == nil: // a file is in the way
		if rerr := x.t.fs.Remove(ctx, full); rerr != nil {
			return failed(rerr, "Can't create directory '%s': Conflicting file cannot be removed", backslash(dir))
		}
		err = x.t.fs.Mkdir(ctx, full)
	}
	return failed(err, "Failed to create dir '%s'", backslash(dir))
}

func parentOf(name string) string {
	if i := strings.LastIndexByte(name, '/'); i > 0 {
		return name[:i]
	}
	return ""
}

// links guards against names that lead through links. A link at the very end
// is no danger: it is replaced (see inTheWay).
func (x *extraction) links(ctx context.Context, name string) error {
	dir := parentOf(name)
	if x.t.o.absolute || dir == "" || x.safe[dir] {
		return nil
	}
	if err := x.links(ctx, dir); err != nil {
		return err
	}
	full, err := x.full(dir)
	if err != nil {
		return err
	}
	info, err := x.t.fs.LstatDest(ctx, full)
	switch {
	case windowsError(err):
		return nil // not there yet, or found again when the member is made
	case err != nil:
		return err
	case info.IsLink() && x.t.o.unlinkFirst:
		return failed(x.t.fs.Remove(ctx, full), "Cannot remove intervening symlink %s", backslash(dir))
	case info.IsLink():
		return throughLink("Cannot extract through symlink ", dir)
	case info.Kind == tree.Dir:
		x.safe[dir] = true
	}
	return nil
}

func throughLink(text, name string) error {
	return &memberError{text: text + backslash(name), errno: "too many symbolic link levels"}
}

// hardlinkTarget refuses targets that are links, or lead through one.
func (x *extraction) hardlinkTarget(ctx context.Context, m *Member) error {
	target, err := x.clean(m.Link)
	if err != nil || x.t.o.absolute {
		return err
	}
	parts := strings.Split(target, "/")
	for i := range parts {
		sub := strings.Join(parts[:i+1], "/")
		full, err := x.full(sub)
		if err != nil {
			return err
		}
		info, err := x.t.fs.LstatDest(ctx, full)
		if err != nil {
			return nil // found again when the link is made
		}
		if info.IsLink() && i < len(parts)-1 {
			return throughLink("Cannot extract through symlink ", sub)
		}
		if info.IsLink() {
			return throughLink("Cannot write hardlink to symlink ", sub)
		}
	}
	return nil
}

// later keeps times and attributes of a directory.
func (x *extraction) later(full string, times tree.Times, m *Member) {
	x.dirs = append(x.dirs, dirFixup{full, fileTimes(times), x.t.o.perms && m.Mode&0o200 == 0})
}

// finish sets what was kept, the deepest first. The root of the drive keeps its
// times: it has none of its own in an image.
func (x *extraction) finish(ctx context.Context) error {
	slices.SortStableFunc(x.dirs, func(a, b dirFixup) int { return strings.Compare(b.path, a.path) })
	for _, d := range x.dirs {
		if len(d.path) <= 3 {
			continue
		}
		err := error(nil)
		if d.times != (tree.Times{}) {
			err = x.t.fs.SetTimes(ctx, d.path, d.times)
		}
		if err == nil && d.readOnly {
			err = x.t.fs.SetAttributes(ctx, d.path, winmeta.Directory|winmeta.ReadOnly)
		}
		if err != nil && !windowsError(err) {
			return err
		}
		if err != nil {
			x.t.warn(path.Base(strings.ReplaceAll(d.path, `\`, "/")) + ": Can't restore time")
			x.t.code = 1
		}
	}
	return nil
}
