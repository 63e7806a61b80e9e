package psnet

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/run/winsh/pscmd"
	"github.com/casement/casement/internal/winmeta"
)

// fileTypes are System.IO.File and Directory, and what they speak of beside the
// types that package pscmd has.
func fileTypes() []*ps.Type {
	return []*ps.Type{
		{Name: "System.IO.File", Abstract: true, Members: fileMembers},
		{Name: "System.IO.Directory", Abstract: true, Members: directoryMembers},
		{Name: "System.IO.FileInfo", Members: fileInfoMembers},
		{Name: "System.IO.DriveInfo", Members: driveMembers, String: func(v any) string { return v.(*ps.Object).Data.(driveInfo).root }, New: overloads(newDrive, "string driveName")},
		names("System.IO.DriveType", "Unknown", "NoRootDirectory", "Removable", "Fixed", "Network", "CDRom", "Ram"),
	}
}

// onPath makes the code of a member whose first argument is a path.
func onPath(f func(ctx context.Context, in *ps.Invoke, path string) (any, error)) run {
	return func(ctx context.Context, in *ps.Invoke) (any, error) {
		path, err := full(in.Session, in.String(0))
		if err != nil {
			return nil, err
		}
		v, err := f(ctx, in, path)
		return v, ioError(in.Session, err)
	}
}

// asked makes the code of Exists: what is wrong with a path is only false.
func asked(dir bool) run {
	return func(ctx context.Context, in *ps.Invoke) (any, error) {
		text := in.String(0)
		path, err := full(in.Session, text)
		if err != nil {
			return false, nil
		}
		info, ok, err := lookFor(ctx, in, path)
		if !ok || err != nil {
			return false, err
		}
		return info.IsDir() == dir && (dir || !isSlash(text[len(text)-1])), nil
	}
}

func fileMembers() []ps.Member {
	const path, enc = "string path", ", System.Text.Encoding encoding"
	list := []ps.Member{
		static("Exists", "bool", asked(false), path),
		static("ReadAllText", "string", onPath(readAllText), path, path+enc),
		static("ReadAllLines", "string[]", onPath(readAllLines), path, path+enc),
		static("ReadLines", "System.Collections.Generic.IEnumerable`1[System.String]", onPath(readAllLines), path, path+enc),
		static("ReadAllBytes", "byte[]", onPath(func(ctx context.Context, in *ps.Invoke, p string) (any, error) {
			if err := sharing(in.Session, p, 1, shareRead); err != nil {
				return nil, err
			}
			b, err := fsOf(in).ReadFile(ctx, p, in.Session.Machine().Limits().Memory)
			return &ps.Bytes{B: b}, err
		}), path),
		static("WriteAllText", "void", onPath(writeText(false)), path+", string contents", path+", string contents"+enc),
		static("AppendAllText", "void", onPath(writeText(true)), path+", string contents", path+", string contents"+enc),
		static("WriteAllLines", "void", onPath(writeLines(false)), path+", string[] contents", path+", string[] contents"+enc),
		static("AppendAllLines", "void", onPath(writeLines(true)), path+", string[] contents", path+", string[] contents"+enc),
		static("WriteAllBytes", "void", onPath(func(ctx context.Context, in *ps.Invoke, p string) (any, error) {
			if !has(in, 1) {
				return nil, nullArgument(in.Session, "bytes")
			}
			if err := sharing(in.Session, p, 2, shareRead); err != nil {
				return nil, err
			}
			return nil, fsOf(in).WriteFile(ctx, p, bytesArg(in, 1))
		}), path+", byte[] bytes"),
		static("Copy", "void", onPath(copyFile), "string sourceFileName, string destFileName", "string sourceFileName, string destFileName, bool overwrite"),
		also(static("Move", "void", onPath(moveFile), "string sourceFileName, string destFileName"), of(ps.Core, overloads(onPath(moveFile), "string sourceFileName, string destFileName, bool overwrite")...)...),
		static("Replace", "void", onPath(replaceFile), "string sourceFileName, string destinationFileName, string destinationBackupFileName", "string sourceFileName, string destinationFileName, string destinationBackupFileName, bool ignoreMetadataErrors"),
		static("Delete", "void", onPath(deleteFile), path),
		static("GetAttributes", fileAttributes, onPath(func(ctx context.Context, in *ps.Invoke, p string) (any, error) {
			info, err := fsOf(in).Lstat(ctx, p)
			if err != nil {
				return nil, err
			}
			a := info.Attributes
			if a == 0 {
				a = winmeta.Normal
			}
			return in.Session.Enum(fileAttributes, int64(a)), nil
		}), path),
		static("SetAttributes", "void", onPath(func(ctx context.Context, in *ps.Invoke, p string) (any, error) {
			return nil, fsOf(in).SetAttributes(ctx, p, winmeta.Attributes(enumArg(in, 1))&settable)
		}), path+", "+fileAttributes+" fileAttributes"),
	}
	list = append(list, openMembers()...)
	list = append(list, times()...)
	list = append(list, aclMembers(false)...)
	return append(list, refusedStatic("files are not encrypted in image layers", "leave it out", "Encrypt", "Decrypt")...)
}

const fileAttributes = "System.IO.FileAttributes"

// settable are the attributes that SetFileAttributes changes.
const settable = winmeta.ReadOnly | winmeta.Hidden | winmeta.System | winmeta.Archive | winmeta.Temporary | winmeta.Offline | winmeta.NotContentIndexed

func readAllText(ctx context.Context, in *ps.Invoke, path string) (any, error) {
	return wholeText(ctx, in.Session, path, encodingArg(in, 1))
}

func readAllLines(ctx context.Context, in *ps.Invoke, path string) (any, error) {
	if err := sharing(in.Session, path, 1, shareRead); err != nil {
		return nil, err
	}
	f, err := fsOf(in).Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t := &textReader{s: in.Session, cs: encodingArg(in, 1), stream: &Stream{b: &reading{r: f}}}
	lines, size := []any{}, int64(0)
	for {
		line, ok, err := t.line()
		if err != nil {
			return nil, err
		}
		if !ok {
			return ps.NewTyped("System.String", lines), nil
		}
		if size += int64(len(line)) + 32; size > 1<<20 {
			if err := limit(in.Session, size); err != nil {
				return nil, err
			}
		}
		lines = append(lines, line)
	}
}

func writeText(appending bool) func(ctx context.Context, in *ps.Invoke, path string) (any, error) {
	return func(ctx context.Context, in *ps.Invoke, path string) (any, error) {
		return nil, saveText(ctx, in.Session, path, encodingArg(in, 2), appending, func(put func(string) error) error { return put(in.String(1)) })
	}
}

func writeLines(appending bool) func(ctx context.Context, in *ps.Invoke, path string) (any, error) {
	return func(ctx context.Context, in *ps.Invoke, path string) (any, error) {
		return nil, saveText(ctx, in.Session, path, encodingArg(in, 2), appending, func(put func(string) error) error {
			for _, line := range stringsArg(in, 1) {
				if err := put(line + "\r\n"); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// openMembers are the methods that open a file.
func openMembers() []ps.Member {
	open := func(mode, access, share int64) run {
		return func(ctx context.Context, in *ps.Invoke) (any, error) {
			f, err := openFile(ctx, in.Session, in.String(0), mode, access, share)
			if err != nil {
				return nil, err
			}
			return newFileStream(in.Session, f), nil
		}
	}
	text := func(mode int64) run {
		return func(ctx context.Context, in *ps.Invoke) (any, error) {
			f, err := openFile(ctx, in.Session, in.String(0), mode, 2, shareRead)
			if err != nil {
				return nil, err
			}
			o := newFileStream(in.Session, f)
			w := &textWriter{s: in.Session, stream: o.Data.(*Stream), object: o, cs: pscmd.UTF8(false), newLine: "\r\n"}
			return w.opened(), nil
		}
	}
	const path, mode = "string path", "string path, System.IO.FileMode mode"
	return []ps.Member{
		static("OpenRead", fileStream, open(modeOpen, 1, shareRead), path), static("OpenWrite", fileStream, open(modeOpenOrCreate, 2, shareNone), path),
		static("Create", fileStream, open(modeCreate, 3, shareNone), path, path+", int bufferSize"),
		static("Open", fileStream, newFile(shareNone), mode, mode+", System.IO.FileAccess access", mode+", System.IO.FileAccess access, System.IO.FileShare share"),
		static("OpenText", "System.IO.StreamReader", newStreamReader, path),
		static("CreateText", "System.IO.StreamWriter", text(modeCreate), path), static("AppendText", "System.IO.StreamWriter", text(modeAppend), path),
	}
}

func copyFile(ctx context.Context, in *ps.Invoke, from string) (any, error) {
	s := in.Session
	to, err := full(s, in.String(1))
	if err != nil {
		return nil, err
	}
	if info, ok, err := lookFor(ctx, in, to); err != nil {
		return nil, err
	} else if ok && info.IsDir() {
		return nil, throw(ioException, either(s, `The target file "`+to+`" is a directory, not a file.`, "The target file '"+to+"' is a directory, not a file."))
	}
	if info, ok, err := lookFor(ctx, in, from); err == nil && ok && info.IsDir() {
		return nil, &machine.Error{Op: "copy", Path: from, Code: machine.ErrorAccessDenied}
	}
	return nil, fsOf(in).CopyFile(ctx, from, to, !in.Bool(2))
}

func moveFile(ctx context.Context, in *ps.Invoke, from string) (any, error) {
	s := in.Session
	to, err := full(s, in.String(1))
	if err != nil {
		return nil, err
	}
	info, err := fsOf(in).Lstat(ctx, from)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
		return nil, &machine.Error{Op: "move", Path: from, Code: machine.ErrorFileNotFound}
	}
	if err != nil {
		return nil, err
	}
	if err := sharing(s, from, 0, shareNone); err != nil {
		return nil, err
	}
	return nil, alreadyThere(s, fsOf(in).Rename(ctx, from, to, in.Bool(2)))
}

// alreadyThere words the error of a move whose target exists.
func alreadyThere(s *ps.Session, err error) error {
	if code := machine.CodeOf(err); code == machine.ErrorAlreadyExists || code == machine.ErrorFileExists {
		return throw(ioException, either(s, machine.MessageFor(machine.ErrorAlreadyExists)+"\r\n", machine.MessageFor(machine.ErrorAlreadyExists)))
	}
	return err
}

// replaceFile is File.Replace: the old file may stay as a backup.
func replaceFile(ctx context.Context, in *ps.Invoke, from string) (any, error) {
	to, err := full(in.Session, in.String(1))
	if err != nil {
		return nil, err
	}
	if _, err := fsOf(in).Stat(ctx, to); err != nil {
		return nil, err
	}
	if text := in.String(2); text != "" {
		backup, err := full(in.Session, text)
		if err != nil {
			return nil, err
		}
		if err := fsOf(in).Rename(ctx, to, backup, true); err != nil {
			return nil, err
		}
	}
	return nil, fsOf(in).Rename(ctx, from, to, true)
}

// deleteFile is content if there is no such file.
func deleteFile(ctx context.Context, in *ps.Invoke, path string) (any, error) {
	info, err := fsOf(in).Lstat(ctx, path)
	switch {
	case machine.CodeOf(err) == machine.ErrorFileNotFound:
		return nil, nil
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, &machine.Error{Op: "delete", Path: path, Code: machine.ErrorAccessDenied}
	}
	if err := sharing(in.Session, path, 0, shareNone); err != nil {
		return nil, err
	}
	return nil, fsOf(in).Remove(ctx, path)
}

// times are the methods that read and set times, which File and Directory share.
func times() []ps.Member {
	var list []ps.Member
	for _, which := range []string{"Creation", "LastAccess", "LastWrite"} {
		for _, zone := range []string{"", "Utc"} {
			list = append(list,
				static("Get"+which+"Time"+zone, "datetime", onPath(func(ctx context.Context, in *ps.Invoke, p string) (any, error) {
					o := pscmd.NewFileInfo(in.Session, p, p)
					v, _, err := in.Session.Property(ctx, o, which+"Time"+zone)
					return v, err
				}), "string path"),
				static("Set"+which+"Time"+zone, "void", onPath(func(ctx context.Context, in *ps.Invoke, p string) (any, error) {
					d, _ := in.Args[1].(ps.DateTime)
					if zone == "Utc" && d.Kind == ps.KindUnspecified {
						d.Kind = ps.KindUTC
					}
					return nil, pscmd.SetFileTime(ctx, in.Session, p, which, d, nil)
				}), "string path, datetime time"))
		}
	}
	return list
}

// aclMembers read and set security descriptors.
func aclMembers(dir bool) []ps.Member {
	typ := "System.Security.AccessControl.FileSecurity"
	if dir {
		typ = "System.Security.AccessControl.DirectorySecurity"
	}
	get := onPath(func(ctx context.Context, in *ps.Invoke, p string) (any, error) {
		d, err := fsOf(in).Descriptor(ctx, p)
		if err != nil {
			return nil, err
		}
		return pscmd.SecurityObject(in.Session, d, dir), nil
	})
	set := onPath(func(ctx context.Context, in *ps.Invoke, p string) (any, error) {
		sec, ok := dataOf[*pscmd.Security](in, 1)
		if !ok {
			return nil, nullArgument(in.Session, "security")
		}
		return nil, pscmd.SetSecurity(ctx, in.Session, p, sec)
	})
	return only(ps.Desktop,
		static("GetAccessControl", typ, get, "string path", "string path, System.Security.AccessControl.AccessControlSections includeSections"),
		static("SetAccessControl", "void", set, "string path, "+typ+" security"))
}

// fileInfoMembers are the streams of a FileInfo.
func fileInfoMembers() []ps.Member {
	path := func(in *ps.Invoke) string { return in.Data().(*pscmd.FileItem).Path }
	open := func(how, access, share int64) run {
		return func(ctx context.Context, in *ps.Invoke) (any, error) {
			mode, access, share := how, access, share
			if len(in.Args) > 0 {
				mode = enumArg(in, 0)
				access = defaultAccess(mode)
			}
			if len(in.Args) > 1 {
				access = enumArg(in, 1)
			}
			if len(in.Args) > 2 {
				share = enumArg(in, 2)
			}
			f, err := openFile(ctx, in.Session, path(in), mode, access, share)
			if err != nil {
				return nil, err
			}
			in.Data().(*pscmd.FileItem).Refresh()
			return newFileStream(in.Session, f), nil
		}
	}
	// through calls a method of File with the path in front.
	through := func(name string) run {
		return func(ctx context.Context, in *ps.Invoke) (any, error) {
			m := in.Session.Engine().Type("System.IO.File").StaticMember(name)
			in.Data().(*pscmd.FileItem).Refresh()
			return m.Overloads[0].Run(ctx, &ps.Invoke{Session: in.Session, Args: append([]any{path(in)}, in.Args...)})
		}
	}
	const mode = "System.IO.FileMode mode"
	return []ps.Member{
		method("OpenRead", fileStream, open(modeOpen, 1, shareRead), ""), method("OpenWrite", fileStream, open(modeOpenOrCreate, 2, shareNone), ""),
		method("Create", fileStream, open(modeCreate, 3, shareNone), ""),
		method("Open", fileStream, open(0, 0, shareNone), mode, mode+", System.IO.FileAccess access", mode+", System.IO.FileAccess access, System.IO.FileShare share"),
		method("OpenText", "System.IO.StreamReader", through("OpenText"), ""), method("CreateText", "System.IO.StreamWriter", through("CreateText"), ""),
		method("AppendText", "System.IO.StreamWriter", through("AppendText"), ""),
	}
}

// driveInfo is the Data of a DriveInfo.
type driveInfo struct{ root string }

func newDrive(_ context.Context, in *ps.Invoke) (any, error) {
	name := strings.ToUpper(strings.TrimRight(in.String(0), `:\/`))
	if len(name) != 1 || name[0] < 'A' || name[0] > 'Z' {
		return nil, throw(argumentException, "Object must be a root directory (\"C:\\\") or a drive letter (\"C\").")
	}
	return in.Session.Object("System.IO.DriveInfo", driveInfo{name + `:\`}), nil
}

func driveMembers() []ps.Member {
	data := func(in *ps.Invoke) driveInfo { return in.Data().(driveInfo) }
	space := func(name string, get func(free, total int64) int64) ps.Member {
		return ps.Prop(name, "long", can(func(in *ps.Invoke) (any, error) {
			if data(in).root != `C:\` {
				return nil, throw("System.IO.DriveNotFoundException", "Could not find the drive '"+data(in).root+"'. The drive might not be ready or might not be mapped.")
			}
			return get(fsOf(in).Free()), nil
		}))
	}
	free := func(free, _ int64) int64 { return free }
	return []ps.Member{
		prop("Name", "string", func(in *ps.Invoke) any { return data(in).root }),
		prop("DriveType", "System.IO.DriveType", func(in *ps.Invoke) any {
			if data(in).root == `C:\` {
				return in.Session.Enum("System.IO.DriveType", 3)
			}
			return in.Session.Enum("System.IO.DriveType", 1)
		}),
		prop("DriveFormat", "string", func(*ps.Invoke) any { return "NTFS" }),
		prop("IsReady", "bool", func(in *ps.Invoke) any { return data(in).root == `C:\` }),
		space("AvailableFreeSpace", free), space("TotalFreeSpace", free), space("TotalSize", func(_, total int64) int64 { return total }),
		prop("RootDirectory", "System.IO.DirectoryInfo", func(in *ps.Invoke) any {
			return pscmd.NewDirectoryInfo(in.Session, data(in).root, data(in).root)
		}),
		prop("VolumeLabel", "string", func(*ps.Invoke) any { return "" }),
		static("GetDrives", "System.IO.DriveInfo[]", val(func(in *ps.Invoke) any {
			return ps.NewTyped("System.IO.DriveInfo", []any{in.Session.Object("System.IO.DriveInfo", driveInfo{`C:\`})})
		}), ""),
	}
}
