package psnet

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/run/winsh/pscmd"
)

// directoryMembers are those of System.IO.Directory.
func directoryMembers() []ps.Member {
	const path, pattern, option = "string path", "string path, string searchPattern", "string path, string searchPattern, System.IO.SearchOption searchOption"
	list := []ps.Member{
		static("Exists", "bool", asked(true), path),
		static("CreateDirectory", "System.IO.DirectoryInfo", onPath(createDirectory), path, path+", System.Security.AccessControl.DirectorySecurity directorySecurity"),
		static("Delete", "void", onPath(func(ctx context.Context, in *ps.Invoke, p string) (any, error) {
			return nil, removeDirectory(ctx, in, p, len(in.Args) > 1 && in.Bool(1))
		}), path, path+", bool recursive"),
		static("Move", "void", onPath(moveDirectory), "string sourceDirName, string destDirName"),
		static("GetCurrentDirectory", "string", val(func(in *ps.Invoke) any { return currentDir(in.Session) }), ""),
		static("SetCurrentDirectory", "void", func(ctx context.Context, in *ps.Invoke) (any, error) {
			return nil, setCurrentDir(ctx, in, in.String(0))
		}, path),
		static("GetParent", "System.IO.DirectoryInfo", onPath(func(_ context.Context, in *ps.Invoke, p string) (any, error) {
			root := rootLength(p)
			end := strings.LastIndexByte(p, '\\')
			if len(p) <= root || end < 0 {
				return nil, nil
			}
			p = p[:max(end, root)]
			return pscmd.NewDirectoryInfo(in.Session, p, p), nil
		}), path),
		static("GetDirectoryRoot", "string", onPath(func(_ context.Context, _ *ps.Invoke, p string) (any, error) { return p[:rootLength(p)], nil }), path),
		static("GetLogicalDrives", "string[]", val(func(*ps.Invoke) any { return ps.Strings([]string{`C:\`}) }), ""),
	}
	for _, l := range []struct {
		name        string
		files, dirs bool
	}{{"Files", true, false}, {"Directories", false, true}, {"FileSystemEntries", true, true}} {
		run := onPath(listDirectory(l.files, l.dirs))
		list = append(list, static("Get"+l.name, "string[]", run, path, pattern, option),
			static("Enumerate"+l.name, "System.Collections.Generic.IEnumerable`1[System.String]", run, path, pattern, option))
	}
	list = append(list, times()...)
	return append(list, aclMembers(true)...)
}

func createDirectory(ctx context.Context, in *ps.Invoke, path string) (any, error) {
	info, ok, err := lookForDest(ctx, in, path)
	if err != nil {
		return nil, err
	}
	if ok && !info.IsDir() {
		return nil, &machine.Error{Op: "mkdir", Path: path, Code: machine.ErrorAlreadyExists}
	}
	if err := fsOf(in).MkdirAll(ctx, path); err != nil {
		return nil, err
	}
	if sec, given := dataOf[*pscmd.Security](in, 1); given && !ok {
		if err := pscmd.SetSecurity(ctx, in.Session, path, sec); err != nil {
			return nil, err
		}
	}
	return pscmd.NewDirectoryInfo(in.Session, path, in.String(0)), nil
}

// lookForDest is lookFor for a path that is about to be made.
func lookForDest(ctx context.Context, in *ps.Invoke, path string) (*machine.Info, bool, error) {
	info, err := fsOf(in).StatDest(ctx, path)
	if err != nil {
		if isWindows(err) {
			return nil, false, nil
		}
		return nil, false, err
	}
	return info, true, nil
}

func removeDirectory(ctx context.Context, in *ps.Invoke, path string, recursive bool) error {
	info, err := fsOf(in).Lstat(ctx, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &machine.Error{Op: "rmdir", Path: path, Code: machine.ErrorPathNotFound}
	case err != nil:
		return err
	case !info.IsDir():
		return throw(ioException, either(in.Session, "The directory name is invalid.\r\n", "The directory name is invalid. : '"+path+"'"))
	case recursive && !info.IsLink():
		return readOnlyName(fsOf(in).RemoveAll(ctx, path, false))
	}
	return fsOf(in).Remove(ctx, path)
}

// readOnlyName makes .NET's error of a file in a directory that cannot be
// deleted: it has only the name.
func readOnlyName(err error) error {
	var m *machine.Error
	if errors.As(err, &m) && m.Code == machine.ErrorAccessDenied {
		return throw("System.UnauthorizedAccessException", "Access to the path '"+fileName(m.Path)+"' is denied.")
	}
	return err
}

func moveDirectory(ctx context.Context, in *ps.Invoke, from string) (any, error) {
	s := in.Session
	to, err := full(s, in.String(1))
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(strings.TrimRight(from, `\`), strings.TrimRight(to, `\`)) {
		return nil, throw(ioException, "Source and destination path must be different.")
	}
	if len(from) > 1 && len(to) > 1 && !strings.EqualFold(from[:2], to[:2]) {
		return nil, throw(ioException, "Source and destination path must have identical roots. Move will not work across volumes.")
	}
	if _, err := fsOf(in).Lstat(ctx, from); errors.Is(err, fs.ErrNotExist) {
		return nil, &machine.Error{Op: "move", Path: from, Code: machine.ErrorPathNotFound}
	} else if err != nil {
		return nil, err
	}
	return nil, alreadyThere(s, fsOf(in).Rename(ctx, strings.TrimRight(from, `\`), strings.TrimRight(to, `\`), false))
}

// listDirectory lists paths below a directory, which begin as the path that was
// given.
func listDirectory(files, dirs bool) func(ctx context.Context, in *ps.Invoke, path string) (any, error) {
	return func(ctx context.Context, in *ps.Invoke, path string) (any, error) {
		pattern := "*"
		if len(in.Args) > 1 {
			pattern = in.String(1)
		}
		given, at := in.String(0), strings.TrimRight(path, `\`)
		// A pattern may lead on to a directory below.
		if i := strings.LastIndexAny(pattern, `\/`); i >= 0 {
			at, given, pattern = at+`\`+strings.ReplaceAll(pattern[:i], "/", `\`), joinParts(given, pattern[:i], true), pattern[i+1:]
		}
		dir := at
		if len(dir) == 2 {
			dir += `\`
		}
		infos, err := pscmd.ListFiles(ctx, in.Session, dir, pattern, enumArg(in, 2) == 1, files, dirs)
		if err != nil {
			return nil, err
		}
		items := make([]any, 0, len(infos))
		for _, info := range infos {
			rest := info.Path
			if len(rest) > len(at) {
				rest = rest[len(at)+1:]
			}
			items = append(items, joinParts(given, rest, true))
		}
		return ps.NewTyped("System.String", items), nil
	}
}
