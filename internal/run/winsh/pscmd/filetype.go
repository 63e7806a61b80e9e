package pscmd

import (
	"context"
	"strings"
	"time"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

const fileInfoName = "System.IO.FileInfo"

// fileTypes are System.IO.FileInfo, DirectoryInfo and what belongs to them.
// Streams of files are package psnet's, which adds its members to these.
func fileTypes() []*ps.Type {
	text := func(v any) string { return v.(*ps.Object).Data.(*FileItem).Text }
	return []*ps.Type{
		{
			Name: "System.IO.FileSystemInfo", Base: "System.MarshalByRefObject", Abstract: true,
			String: text, Members: fileSystemMembers, View: fileView,
		},
		{
			Name: fileInfoName, Base: "System.IO.FileSystemInfo", String: text, Default: []string{"LastWriteTime", "Length", "Name"},
			Members: fileMembers,
			New:     []ps.Overload{ps.O("string fileName", newFileItem(NewFileInfo))},
		},
		{
			Name: "System.IO.DirectoryInfo", Base: "System.IO.FileSystemInfo", String: text,
			Members: directoryMembers,
			New:     []ps.Overload{ps.O("string path", newFileItem(NewDirectoryInfo))},
		},
		{Name: "System.MarshalByRefObject", Abstract: true},
		{Name: "System.IO.FileAttributes", Flags: true, Values: []ps.EnumValue{
			{Name: "None", Value: 0}, {Name: "ReadOnly", Value: 1}, {Name: "Hidden", Value: 2}, {Name: "System", Value: 4},
			{Name: "Directory", Value: 16}, {Name: "Archive", Value: 32}, {Name: "Device", Value: 64}, {Name: "Normal", Value: 128},
			{Name: "Temporary", Value: 256}, {Name: "SparseFile", Value: 512}, {Name: "ReparsePoint", Value: 1024},
			{Name: "Compressed", Value: 2048}, {Name: "Offline", Value: 4096}, {Name: "NotContentIndexed", Value: 8192},
			{Name: "Encrypted", Value: 16384}, {Name: "IntegrityStream", Value: 32768}, {Name: "NoScrubData", Value: 131072},
		}},
		{Name: "System.IO.UnixFileMode", Flags: true, Edition: ps.Core, Values: []ps.EnumValue{
			{Name: "None"}, {Name: "OtherExecute", Value: 1}, {Name: "OtherWrite", Value: 2}, {Name: "OtherRead", Value: 4},
			{Name: "GroupExecute", Value: 8}, {Name: "GroupWrite", Value: 16}, {Name: "GroupRead", Value: 32},
			{Name: "UserExecute", Value: 64}, {Name: "UserWrite", Value: 128}, {Name: "UserRead", Value: 256},
			{Name: "StickyBit", Value: 512}, {Name: "SetGroup", Value: 1024}, {Name: "SetUser", Value: 2048},
		}},
		{Name: "System.IO.SearchOption", Values: []ps.EnumValue{{Name: "TopDirectoryOnly"}, {Name: "AllDirectories", Value: 1}}},
	}
}

// newFileItem makes an object of a path that may not exist.
func newFileItem(make func(s *ps.Session, path, text string) *ps.Object) func(context.Context, *ps.Invoke) (any, error) {
	return func(_ context.Context, in *ps.Invoke) (any, error) {
		full, err := fullPath(in.Session, in.String(0))
		if err != nil {
			return nil, err
		}
		return make(in.Session, full, in.String(0)), nil
	}
}

// fullPath is Path.GetFullPath: it knows the process's directory and not the
// location of the session.
func fullPath(s *ps.Session, path string) (string, error) {
	if path == "" {
		if s.Edition() == ps.Desktop {
			return "", ps.NewException(argumentException, "The path is not of a legal form.")
		}
		return "", ps.NewException(argumentException, "The path is empty. (Parameter 'path')")
	}
	return machine.Full(s.Process().Dir, path)
}

// item is the FileItem of an object.
func item(in *ps.Invoke) *FileItem { return in.Data().(*FileItem) }

// fileProp is a property that is made of what is known of the file.
func fileProp(name, typ string, get func(s *ps.Session, f *FileItem, info *machine.Info) any) ps.Member {
	return ps.Prop(name, typ, func(ctx context.Context, in *ps.Invoke) (any, error) {
		f := item(in)
		info, err := f.Info(ctx, in.Session)
		if err != nil {
			return nil, err
		}
		return get(in.Session, f, info), nil
	})
}

// code marks a property as one of PowerShell's type data.
func code(m ps.Member, kind ps.MemberKind, ed ps.Edition) ps.Member {
	m.Kind, m.Edition = kind, ed
	return m
}

// fileSystemMembers are the members that files and directories share.
func fileSystemMembers() []ps.Member {
	list := []ps.Member{
		ps.Prop("FullName", "string", func(_ context.Context, in *ps.Invoke) (any, error) { return item(in).Path, nil }),
		ps.Prop("Extension", "string", func(_ context.Context, in *ps.Invoke) (any, error) { return extension(item(in).name()), nil }),
	}
	for _, which := range []string{"Creation", "LastAccess", "LastWrite"} {
		list = append(list,
			fileProp(which+"Time", "datetime", func(s *ps.Session, _ *FileItem, info *machine.Info) any {
				return Local(s, stamp(info, which))
			}).With(setStamp(which)),
			fileProp(which+"TimeUtc", "datetime", func(_ *ps.Session, _ *FileItem, info *machine.Info) any {
				return UTC(stamp(info, which))
			}).With(setStamp(which)))
	}
	onlyCore := func(m ps.Member) ps.Member {
		m.Edition = ps.Core
		return m
	}
	linkTarget := fileProp("LinkTarget", "string", func(_ *ps.Session, _ *FileItem, info *machine.Info) any {
		if info != nil && info.IsLink() {
			return info.Target
		}
		return nil
	})
	return append(list,
		onlyCore(linkTarget),
		onlyCore(fileProp("UnixFileMode", "System.IO.UnixFileMode", func(s *ps.Session, _ *FileItem, _ *machine.Info) any {
			return s.Enum("System.IO.UnixFileMode", -1) // what .NET says on Windows
		})),
		fileProp("Attributes", "System.IO.FileAttributes", func(s *ps.Session, _ *FileItem, info *machine.Info) any {
			if info == nil {
				return s.Enum("System.IO.FileAttributes", -1)
			}
			a := info.Attributes
			if a == 0 {
				a = winmeta.Normal
			}
			return s.Enum("System.IO.FileAttributes", int64(a))
		}).With(setAttributes),
		ps.Method("Refresh", "void", ps.O("", func(_ context.Context, in *ps.Invoke) (any, error) {
			item(in).Refresh()
			return nil, nil
		})),
	)
}

// existsProp is Exists, and its place among the others.
func existsProp() ps.Member {
	return ps.Prop("Exists", "bool", func(ctx context.Context, in *ps.Invoke) (any, error) { return item(in).Exists(ctx, in.Session) })
}

// targetMembers are what PowerShell tells of links: Target and its kin.
func targetMembers() []ps.Member {
	target := ps.Prop("Target", "string", func(ctx context.Context, in *ps.Invoke) (any, error) {
		info, err := item(in).Info(ctx, in.Session)
		if err != nil {
			return nil, err
		}
		return linkTarget(ctx, in.Session, info)
	})
	resolved := ps.Prop("ResolvedTarget", "string", func(ctx context.Context, in *ps.Invoke) (any, error) {
		return item(in).resolved(ctx, in.Session)
	})
	link := ps.Prop("LinkType", "string", func(ctx context.Context, in *ps.Invoke) (any, error) {
		info, err := item(in).Info(ctx, in.Session)
		if err != nil {
			return nil, err
		}
		return linkType(ctx, in.Session, info)
	})
	return []ps.Member{
		code(resolved, ps.KindCode, ps.Core), code(target, ps.KindCode, ps.Both), code(link, ps.KindCode, ps.Both),
	}
}

// shown has the members that come first when all are listed: those of
// PowerShell's type data, and what the type declares itself.
func shown(own ...ps.Member) []ps.Member {
	mode := func(hardLinks bool) func(context.Context, *ps.Invoke) (any, error) {
		return func(ctx context.Context, in *ps.Invoke) (any, error) {
			return item(in).mode(ctx, in.Session, hardLinks)
		}
	}
	list := []ps.Member{
		code(ps.Prop("Mode", "string", mode(true)), ps.KindCode, ps.Both),
		code(ps.Prop("ModeWithoutHardLink", "string", mode(false)), ps.KindCode, ps.Core),
	}
	for _, m := range own {
		if m.Kind == ps.KindScript {
			list = append(list, m)
		}
	}
	list = append(append(list, targetMembers()...),
		ps.Prop("Name", "string", func(_ context.Context, in *ps.Invoke) (any, error) { return item(in).name(), nil }))
	for _, m := range own {
		if m.Kind != ps.KindScript {
			list = append(list, m)
		}
	}
	return list
}

// setStamp sets a time of the file itself.
func setStamp(which string) func(context.Context, *ps.Invoke) error {
	return func(ctx context.Context, in *ps.Invoke) error {
		d, _ := in.Args[0].(ps.DateTime)
		return SetFileTime(ctx, in.Session, item(in).Path, which, d, item(in).Refresh)
	}
}

// SetFileTime sets the Creation, LastAccess or LastWrite time of a file.
func SetFileTime(ctx context.Context, s *ps.Session, path, which string, d ps.DateTime, done func()) error {
	t := d.T
	if d.Kind == ps.KindUnspecified {
		// A clock without a zone is meant to be the machine's.
		t = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), s.Machine().Now().Location())
	}
	var times tree.Times
	switch which {
	case "Creation":
		times.Created = t
	case "LastAccess":
		times.Accessed = t
	default:
		times.Modified = t
	}
	if done != nil {
		done()
	}
	return s.Machine().FS().SetTimes(ctx, path, times)
}

func setAttributes(ctx context.Context, in *ps.Invoke) error {
	e, _ := in.Args[0].(ps.Enum)
	f := item(in)
	f.Refresh()
	return in.Session.Machine().FS().SetAttributes(ctx, f.Path, winmeta.Attributes(e.Value)&writable)
}

// fileMembers are the members of FileInfo.
func fileMembers() []ps.Member {
	return append(shown(
		code(ps.Prop("VersionInfo", versionInfoName, func(ctx context.Context, in *ps.Invoke) (any, error) {
			return VersionInfo(ctx, in.Session, item(in).Path)
		}), ps.KindScript, ps.Both),
		code(ps.Prop("BaseName", "string", func(_ context.Context, in *ps.Invoke) (any, error) {
			return baseName(item(in).name()), nil
		}), ps.KindScript, ps.Both),
		ps.Prop("Length", "long", func(ctx context.Context, in *ps.Invoke) (any, error) {
			f := item(in)
			info, err := f.Info(ctx, in.Session)
			if err != nil {
				return nil, err
			}
			if info == nil || info.IsDir() {
				return nil, f.missing()
			}
			return info.Size, nil
		}),
		ps.Prop("DirectoryName", "string", func(_ context.Context, in *ps.Invoke) (any, error) { return item(in).dir(), nil }),
		ps.Prop("Directory", "System.IO.DirectoryInfo", func(_ context.Context, in *ps.Invoke) (any, error) {
			return NewDirectoryInfo(in.Session, item(in).dir(), item(in).dir()), nil
		}),
		fileProp("IsReadOnly", "bool", func(_ *ps.Session, _ *FileItem, info *machine.Info) any {
			return info == nil || info.Attributes.Has(winmeta.ReadOnly)
		}).With(func(ctx context.Context, in *ps.Invoke) error {
			f := item(in)
			f.Refresh()
			info, err := in.Session.Machine().FS().Stat(ctx, f.Path)
			if err != nil {
				return err
			}
			a := info.Attributes & writable &^ winmeta.ReadOnly
			if in.Bool(0) {
				a |= winmeta.ReadOnly
			}
			return in.Session.Machine().FS().SetAttributes(ctx, f.Path, a)
		}),
		existsProp(),
		ps.Method("Delete", "void", ps.O("", func(ctx context.Context, in *ps.Invoke) (any, error) {
			f := item(in)
			f.Refresh()
			info, err := lstat(ctx, in.Session, f.Path)
			if info == nil || err != nil {
				return nil, err // .NET does not mind a file that is gone
			}
			return nil, in.Session.Machine().FS().Remove(ctx, f.Path)
		})),
		ps.Method("CopyTo", "System.IO.FileInfo", ps.O("string destFileName", copyFileTo), ps.O("string destFileName, bool overwrite", copyFileTo)),
		ps.Method("MoveTo", "void", ps.O("string destFileName", moveItemTo), only7("string destFileName, bool overwrite", moveItemTo)),
	), accessMembers("System.Security.AccessControl.FileSecurity", "fileSecurity")...)
}

// only7 is an overload of PowerShell 7's .NET.
func only7(params string, run func(context.Context, *ps.Invoke) (any, error)) ps.Overload {
	o := ps.O(params, run)
	o.Edition = ps.Core
	return o
}

func copyFileTo(ctx context.Context, in *ps.Invoke) (any, error) {
	dest, err := fullPath(in.Session, in.String(0))
	if err != nil {
		return nil, err
	}
	if err := in.Session.Machine().FS().CopyFile(ctx, item(in).Path, dest, !in.Bool(1)); err != nil {
		return nil, err
	}
	return NewFileInfo(in.Session, dest, in.String(0)), nil
}

// moveItemTo moves a file or directory; the object is the moved one then.
func moveItemTo(ctx context.Context, in *ps.Invoke) (any, error) {
	f := item(in)
	dest, err := fullPath(in.Session, in.String(0))
	if err != nil {
		return nil, err
	}
	if err := in.Session.Machine().FS().Rename(ctx, f.Path, dest, in.Bool(1)); err != nil {
		return nil, err
	}
	f.Path, f.Text = dest, in.String(0)
	f.Refresh()
	return nil, nil
}

// directoryMembers are the members of DirectoryInfo.
func directoryMembers() []ps.Member {
	up := func(path, text string, in *ps.Invoke) any {
		if path == "" {
			return nil
		}
		return NewDirectoryInfo(in.Session, path, text)
	}
	return append(shown(
		code(ps.Prop("BaseName", "string", func(_ context.Context, in *ps.Invoke) (any, error) { return item(in).name(), nil }), ps.KindScript, ps.Both),
		ps.Prop("FullName", "string", func(_ context.Context, in *ps.Invoke) (any, error) { return item(in).Path, nil }),
		ps.Prop("Parent", "System.IO.DirectoryInfo", func(_ context.Context, in *ps.Invoke) (any, error) {
			path := item(in).dir()
			if in.Session.Edition() == ps.Desktop {
				return up(path, path[strings.LastIndexByte(path, '\\')+1:], in), nil // .NET Framework has only the name
			}
			return up(path, path, in), nil
		}),
		existsProp(),
		ps.Prop("Root", "System.IO.DirectoryInfo", func(_ context.Context, in *ps.Invoke) (any, error) {
			root := item(in).Path[:min(3, len(item(in).Path))]
			return up(root, root, in), nil
		}),
		ps.Method("Create", "void", ps.O("", func(ctx context.Context, in *ps.Invoke) (any, error) {
			item(in).Refresh()
			return nil, in.Session.Machine().FS().MkdirAll(ctx, item(in).Path)
		})),
		ps.Method("CreateSubdirectory", "System.IO.DirectoryInfo", ps.O("string path", func(ctx context.Context, in *ps.Invoke) (any, error) {
			path, err := machine.Full(item(in).Path, in.String(0))
			if err != nil {
				return nil, err
			}
			return NewDirectoryInfo(in.Session, path, path), in.Session.Machine().FS().MkdirAll(ctx, path)
		})),
		ps.Method("Delete", "void", ps.O("", deleteDirectory), ps.O("bool recursive", deleteDirectory)),
		ps.Method("MoveTo", "void", ps.O("string destDirName", moveItemTo)),
		listing("GetFiles", "System.IO.FileInfo[]", true, false), listing("EnumerateFiles", "System.IO.FileInfo[]", true, false),
		listing("GetDirectories", "System.IO.DirectoryInfo[]", false, true), listing("EnumerateDirectories", "System.IO.DirectoryInfo[]", false, true),
		listing("GetFileSystemInfos", "System.IO.FileSystemInfo[]", true, true), listing("EnumerateFileSystemInfos", "System.IO.FileSystemInfo[]", true, true),
	), accessMembers("System.Security.AccessControl.DirectorySecurity", "directorySecurity")...)
}

func deleteDirectory(ctx context.Context, in *ps.Invoke) (any, error) {
	f := item(in)
	f.Refresh()
	if in.Bool(0) {
		return nil, in.Session.Machine().FS().RemoveAll(ctx, f.Path, false)
	}
	return nil, in.Session.Machine().FS().Remove(ctx, f.Path)
}

// listing is a method that lists what is in a directory.
func listing(name, returns string, files, dirs bool) ps.Member {
	run := func(ctx context.Context, in *ps.Invoke) (any, error) {
		pattern := "*"
		if len(in.Args) > 0 {
			pattern = in.String(0)
		}
		all := false
		if len(in.Args) > 1 {
			e, _ := in.Args[1].(ps.Enum)
			all = e.Value == 1
		}
		infos, err := ListFiles(ctx, in.Session, item(in).Path, pattern, all, files, dirs)
		if err != nil {
			return nil, err
		}
		items := make([]any, len(infos))
		for i, info := range infos {
			o := newFile(in.Session, info.Path, info.Path, info.IsDir())
			if in.Session.Edition() == ps.Desktop {
				o.Data.(*FileItem).Text = info.Name
			}
			o.Data.(*FileItem).info, o.Data.(*FileItem).looked = info, true
			items[i] = o
		}
		return ps.NewTyped(returns[:len(returns)-2], items), nil
	}
	return ps.Method(name, returns, ps.O("", run), ps.O("string searchPattern", run), ps.O("string searchPattern, System.IO.SearchOption searchOption", run))
}

// ListFiles lists what Directory.GetFiles and its kin find below a directory.
func ListFiles(ctx context.Context, s *ps.Session, dir, pattern string, all, files, dirs bool) ([]*machine.Info, error) {
	f := s.Machine().FS()
	infos, err := f.ReadDir(ctx, dir)
	if err != nil {
		return nil, err
	}
	var list []*machine.Info
	for _, info := range infos {
		if (info.IsDir() && dirs || !info.IsDir() && files) && machine.Match(pattern, info.Name) {
			list = append(list, info)
		}
	}
	if !all {
		return list, nil
	}
	for _, info := range infos {
		if !info.IsDir() {
			continue
		}
		below, err := ListFiles(ctx, s, dir+`\`+info.Name, pattern, all, files, dirs)
		if err != nil {
			return nil, err
		}
		list = append(list, below...)
	}
	return list, nil
}

// nameOrLink is the name in listings: PowerShell 7 says where links lead.
func nameOrLink(ctx context.Context, s *ps.Session, v any) (any, error) {
	f := v.(*ps.Object).Data.(*FileItem)
	info, err := f.Info(ctx, s)
	if err != nil || info == nil || !info.IsLink() || s.Edition() == ps.Desktop {
		return f.name(), err
	}
	return f.name() + " -> " + info.Target, nil
}

// fileView is the listing of directories.
func fileView() *ps.View {
	when := func(ctx context.Context, s *ps.Session, v any) (any, error) {
		d, _, err := s.Property(ctx, v, "LastWriteTime")
		if err != nil {
			return nil, err
		}
		form := "{0,10}  {1,8}"
		if s.Edition() == ps.Core {
			form = "{0,10} {1,8}"
		}
		date, err := s.Format(d, "d")
		if err != nil {
			return nil, err
		}
		clock, err := s.Format(d, "t")
		if err != nil {
			return nil, err
		}
		return s.Composite(form, []any{date, clock})
	}
	size := func(ctx context.Context, s *ps.Session, v any) (any, error) {
		f := v.(*ps.Object).Data.(*FileItem)
		info, err := f.Info(ctx, s)
		if err != nil || info == nil || info.IsDir() {
			return nil, err
		}
		return info.Size, nil
	}
	return &ps.View{
		Table: []ps.Column{
			{Label: "Mode", Width: 7, Value: func(ctx context.Context, s *ps.Session, v any) (any, error) {
				return v.(*ps.Object).Data.(*FileItem).mode(ctx, s, false)
			}},
			{Label: "LastWriteTime", Width: 25, Width7: 26, Right: true, Value: when},
			{Label: "Length", Width: 14, Right: true, Value: size},
			{Label: "Name", Value: nameOrLink},
		},
		List: []ps.Column{
			{Property: "Name"}, {Label: "Length", Value: size, Type: fileInfoName}, {Property: "CreationTime"}, {Property: "LastWriteTime"},
			{Property: "LastAccessTime"}, {Property: "Mode"}, {Property: "LinkType"}, {Property: "Target"}, {Property: "VersionInfo", Type: fileInfoName},
		},
		Wide: "Name",
		Group: func(ctx context.Context, s *ps.Session, v any) string {
			p, _, _ := s.Property(ctx, v, "PSParentPath")
			return s.ToString(p)
		},
		Header: func(group string) string {
			const provider = `Microsoft.PowerShell.Core\FileSystem::`
			if len(group) > len(provider) && group[:len(provider)] == provider {
				group = group[len(provider):]
			}
			return "    Directory: " + group
		},
	}
}
