package pscmd

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// FileItem is the Data of a FileInfo or DirectoryInfo.
type FileItem struct {
	// Path is the full path.
	Path string
	// Text is what ToString gives: the path as the object was made with.
	Text string
	Dir  bool
	// info is what was seen when it was last looked at; looked says whether that
	// has happened, since nil means that there is no such file.
	info   *machine.Info
	looked bool
}

// FileObject makes the object that a cmdlet writes for a file or directory: with
// the properties of a provider's item.
func FileObject(s *ps.Session, p ps.Path, info *machine.Info) *ps.Object {
	o := newFile(s, p.Name, p.Name, info.IsDir())
	item := o.Data.(*FileItem)
	item.info, item.looked = info, true
	itemProperties(s, o, p, info.IsDir())
	return o
}

// NewFileInfo makes the object of [IO.FileInfo]::new(path); path is full, text
// is what it was made with.
func NewFileInfo(s *ps.Session, path, text string) *ps.Object { return newFile(s, path, text, false) }

// NewDirectoryInfo makes the object of [IO.DirectoryInfo]::new(path).
func NewDirectoryInfo(s *ps.Session, path, text string) *ps.Object {
	return newFile(s, path, text, true)
}

func newFile(s *ps.Session, path, text string, dir bool) *ps.Object {
	typ := "System.IO.FileInfo"
	if dir {
		typ = "System.IO.DirectoryInfo"
	}
	return s.Object(typ, &FileItem{Path: path, Text: text, Dir: dir})
}

// itemProperties adds what a provider says of its item: PSPath and its kin.
func itemProperties(s *ps.Session, e interface{ Set(string, any) }, p ps.Path, container bool) {
	e.Set("PSPath", p.Qualified())
	if up, ok := parent(p); ok {
		e.Set("PSParentPath", up.Qualified())
	} else {
		e.Set("PSParentPath", "")
	}
	e.Set("PSChildName", leafOf(p))
	if p.Drive != nil {
		e.Set("PSDrive", driveObject(s, p.Drive))
	}
	e.Set("PSProvider", providerObject(s, p.Provider))
	e.Set("PSIsContainer", container)
}

// Info returns what is known of the file, nil if it does not exist. It is
// looked up once, as .NET does, until [FileItem.Refresh].
func (f *FileItem) Info(ctx context.Context, s *ps.Session) (*machine.Info, error) {
	if f.looked {
		return f.info, nil
	}
	info, err := lstat(ctx, s, f.Path)
	if err != nil {
		return nil, err
	}
	f.info, f.looked = info, true
	return info, nil
}

// Refresh forgets what was seen.
func (f *FileItem) Refresh() { f.info, f.looked = nil, false }

// Exists reports whether there is such a file, or such a directory.
func (f *FileItem) Exists(ctx context.Context, s *ps.Session) (bool, error) {
	info, err := f.Info(ctx, s)
	return info != nil && info.IsDir() == f.Dir, err
}

// missing is the exception for a file that is not there.
func (f *FileItem) missing() error {
	if f.Dir {
		return &ps.Exception{Type: directoryNotFound, Message: "Could not find a part of the path '" + f.Path + "'."}
	}
	return &ps.Exception{Type: fileNotFound, Message: "Could not find file '" + f.Path + "'.", Data: map[string]any{"FileName": f.Path}}
}

// name is the last part, with the root's as it is.
func (f *FileItem) name() string {
	path := strings.TrimSuffix(f.Path, `\`)
	if len(path) == 2 {
		return path + `\`
	}
	return path[strings.LastIndexByte(path, '\\')+1:]
}

// dir is the path of the directory that the file is in, or "" for a root.
func (f *FileItem) dir() string {
	return ps.DirectoryOf(strings.TrimSuffix(f.Path, `\`))
}

// mode is the column Mode of listings.
func (f *FileItem) mode(ctx context.Context, s *ps.Session, hardLinks bool) (string, error) {
	info, err := f.Info(ctx, s)
	if info == nil || err != nil {
		return "", err
	}
	a := info.Attributes
	flag := func(bit winmeta.Attributes, c byte) byte {
		if a.Has(bit) {
			return c
		}
		return '-'
	}
	rest := []byte{flag(winmeta.Archive, 'a'), flag(winmeta.ReadOnly, 'r'), flag(winmeta.Hidden, 'h'), flag(winmeta.System, 's')}
	first := flag(winmeta.Directory, 'd')
	if s.Edition() == ps.Desktop {
		return string(first) + string(rest) + string(flag(winmeta.ReparsePoint, 'l')), nil
	}
	more := info.IsLink()
	if hardLinks && !more {
		if more, err = hardLinked(ctx, s, info); err != nil {
			return "", err
		}
	}
	if more {
		first = 'l'
	}
	return string(first) + string(rest), nil
}

// hardLinked reports whether a file has further names.
func hardLinked(ctx context.Context, s *ps.Session, info *machine.Info) (bool, error) {
	if info.IsDir() || info.IsLink() {
		return false, nil
	}
	if info.Entry != nil && info.Entry.Link != "" {
		return true, nil
	}
	names, err := s.Machine().FS().Links(ctx, info.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return len(names) > 1, err
}

// linkType is LinkType: SymbolicLink, Junction, HardLink, or nil.
func linkType(ctx context.Context, s *ps.Session, info *machine.Info) (any, error) {
	switch {
	case info == nil:
		return nil, nil
	case info.Kind == tree.Symlink:
		return "SymbolicLink", nil
	case info.Kind == tree.Junction:
		return "Junction", nil
	}
	ok, err := hardLinked(ctx, s, info)
	if !ok || err != nil {
		return nil, err
	}
	return "HardLink", nil
}

// linkTarget is Target. In 5.1 it is a list, which has the other names of a file
// with several.
func linkTarget(ctx context.Context, s *ps.Session, info *machine.Info) (any, error) {
	link := info != nil && info.IsLink()
	switch {
	case s.Edition() == ps.Core && link:
		return info.Target, nil
	case s.Edition() == ps.Core:
		return nil, nil
	case link:
		return ps.Strings([]string{info.Target}), nil
	case info == nil || info.IsDir():
		return ps.Strings(nil), nil
	}
	names, err := s.Machine().FS().Links(ctx, info.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return ps.Strings(slices.DeleteFunc(names, func(name string) bool { return tree.SameName(name, info.Path) })), nil
}

// resolved is where the file is behind all links, ResolvedTarget of 7.
func (f *FileItem) resolved(ctx context.Context, s *ps.Session) (any, error) {
	const most = 63 // what Windows follows
	path := f.Path
	for range most {
		info, err := lstat(ctx, s, path)
		if err != nil {
			return nil, err
		}
		if info == nil || !info.IsLink() {
			break
		}
		if path, err = machine.Full(path[:max(3, strings.LastIndexByte(path, '\\'))], info.Target); err != nil {
			return nil, err
		}
	}
	return path, nil
}

// Local makes a DateTime of the machine's zone.
func Local(s *ps.Session, t time.Time) ps.DateTime {
	return ps.DateTime{T: t.In(s.Machine().Now().Location()).Truncate(100), Kind: ps.KindLocal}
}

// UTC makes a DateTime in UTC.
func UTC(t time.Time) ps.DateTime {
	return ps.DateTime{T: t.UTC().Truncate(100), Kind: ps.KindUTC}
}

// noFile is what .NET gives for the times of a file that does not exist.
func noFile() time.Time { return time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC) }

// stamp picks one time of a file. Those that nobody set are the modification's.
func stamp(info *machine.Info, which string) time.Time {
	if info == nil {
		return noFile()
	}
	t := info.Times.Modified
	switch which {
	case "Creation":
		if !info.Times.Created.IsZero() {
			t = info.Times.Created
		}
	case "LastAccess":
		if !info.Times.Accessed.IsZero() {
			t = info.Times.Accessed
		}
	}
	if t.IsZero() {
		return noFile()
	}
	return t
}
