package psnet

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// pathTypes has System.IO.Path.
func pathTypes() []*ps.Type {
	return []*ps.Type{{Name: "System.IO.Path", Abstract: true, Members: pathMembers}}
}

func pathMembers() []ps.Member {
	checked := func(f func(p string) any) run {
		return can(func(in *ps.Invoke) (any, error) {
			p := in.String(0)
			if desktop(in.Session) && strings.ContainsFunc(p, invalidPathChar) {
				return nil, throw(argumentException, "Illegal characters in path.")
			}
			return f(p), nil
		})
	}
	text := func(f func(p string) string) run { return checked(func(p string) any { return f(p) }) }
	list := []ps.Member{
		static("Combine", "string", combine, "string path1, string path2", "string path1, string path2, string path3", "string path1, string path2, string path3, string path4", "params string[] paths"),
		static("GetFileName", "string", text(fileName), "string path"),
		static("GetFileNameWithoutExtension", "string", text(func(p string) string {
			name := fileName(p)
			if i := strings.LastIndexByte(name, '.'); i >= 0 {
				return name[:i]
			}
			return name
		}), "string path"),
		static("GetExtension", "string", text(extension), "string path"),
		static("HasExtension", "bool", checked(func(p string) any { return extension(p) != "" }), "string path"),
		static("ChangeExtension", "string", checkedChange, "string path, string extension"),
		static("GetDirectoryName", "string", directoryName, "string path"),
		static("GetPathRoot", "string", pathRoot, "string path"),
		static("IsPathRooted", "bool", checked(func(p string) any { return isRooted(p) }), "string path"),
		static("GetFullPath", "string", can(func(in *ps.Invoke) (any, error) { return full(in.Session, in.String(0)) }), "string path"),
		static("GetTempPath", "string", val(func(in *ps.Invoke) any { return tempPath(in.Session) }), ""),
		static("GetTempFileName", "string", tempFile, ""),
		static("GetRandomFileName", "string", val(func(*ps.Invoke) any { return randomName() }), ""),
		static("GetInvalidFileNameChars", "char[]", val(func(*ps.Invoke) any { return chars(`"<>|` + controls() + `:*?\/`) }), ""),
		static("GetInvalidPathChars", "char[]", val(func(in *ps.Invoke) any { return chars(invalidPathChars(in.Session)) }), ""),
		field("InvalidPathChars", "char[]", func(in *ps.Invoke) any { return chars(invalidPathChars(in.Session)) }),
		constant("DirectorySeparatorChar", "char", ps.Char('\\')), constant("AltDirectorySeparatorChar", "char", ps.Char('/')),
		constant("PathSeparator", "char", ps.Char(';')), constant("VolumeSeparatorChar", "char", ps.Char(':')),
	}
	return append(list, corePathMembers()...)
}

// corePathMembers are those that .NET Framework does not have.
func corePathMembers() []ps.Member {
	return only(ps.Core,
		static("Join", "string", val(func(in *ps.Invoke) any {
			parts := in.Args
			if len(parts) == 1 {
				parts = ps.Items(parts[0])
			}
			out := ""
			for _, p := range parts {
				out = joinParts(out, in.Session.ToString(p), false)
			}
			return out
		}), "string path1, string path2", "string path1, string path2, string path3", "string path1, string path2, string path3, string path4", "params string[] paths"),
		static("GetFullPath", "string", can(func(in *ps.Invoke) (any, error) {
			base := in.String(1)
			if !isFullyQualified(base) {
				return nil, badArgument(in.Session, "Basepath argument is not fully qualified.", "basePath")
			}
			p, err := machine.Full(base, in.String(0))
			return p, ioError(in.Session, err)
		}), "string path, string basePath"),
		static("GetRelativePath", "string", can(func(in *ps.Invoke) (any, error) {
			from, err := full(in.Session, in.String(0))
			if err != nil {
				return nil, err
			}
			to, err := full(in.Session, in.String(1))
			if err != nil {
				return nil, err
			}
			return relativePath(from, to), nil
		}), "string relativeTo, string path"),
		static("IsPathFullyQualified", "bool", val(func(in *ps.Invoke) any { return isFullyQualified(in.String(0)) }), "string path"),
		static("EndsInDirectorySeparator", "bool", val(func(in *ps.Invoke) any {
			p := in.String(0)
			return p != "" && isSlash(p[len(p)-1])
		}), "string path"),
		static("TrimEndingDirectorySeparator", "string", val(func(in *ps.Invoke) any {
			p := in.String(0)
			if n := len(p); n > 0 && isSlash(p[n-1]) && n > rootLength(p) {
				return p[:n-1]
			}
			return p
		}), "string path"),
		static("Exists", "bool", func(ctx context.Context, in *ps.Invoke) (any, error) {
			p, err := full(in.Session, in.String(0))
			if err != nil {
				return false, nil
			}
			_, ok, err := lookFor(ctx, in, p)
			return ok, err
		}, "string path"),
	)
}

func isSlash(c byte) bool { return c == '\\' || c == '/' }

// fileName is what follows the last separator.
func fileName(p string) string { return p[strings.LastIndexAny(p, `\/:`)+1:] }

// extension is ".txt", and "" for a name without one.
func extension(p string) string {
	name := fileName(p)
	i := strings.LastIndexByte(name, '.')
	if i < 0 || i == len(name)-1 {
		return ""
	}
	return name[i:]
}

func isRooted(p string) bool {
	return p != "" && isSlash(p[0]) || len(p) >= 2 && p[1] == ':'
}

func isFullyQualified(p string) bool {
	return len(p) >= 2 && isSlash(p[0]) && (isSlash(p[1]) || p[1] == '?') || len(p) >= 3 && p[1] == ':' && isSlash(p[2])
}

// rootLength is the length of "C:\", "C:", "\" or "\\server\share".
func rootLength(p string) int {
	switch {
	case len(p) >= 2 && isSlash(p[0]) && isSlash(p[1]):
		n := 2
		for parts := 0; n < len(p); n++ {
			if isSlash(p[n]) {
				if parts++; parts == 2 {
					break
				}
			}
		}
		return n
	case p != "" && isSlash(p[0]):
		return 1
	case len(p) >= 2 && p[1] == ':':
		if len(p) > 2 && isSlash(p[2]) {
			return 3
		}
		return 2
	}
	return 0
}

// joinParts puts one path behind another; with rooted, one with a root replaces
// what is before it.
func joinParts(a, b string, rooted bool) string {
	switch {
	case b == "":
		return a
	case a == "" || rooted && isRooted(b):
		return b
	case isSlash(a[len(a)-1]) || rooted && a[len(a)-1] == ':' || !rooted && isSlash(b[0]):
		return a + b
	}
	return a + `\` + b
}

func combine(_ context.Context, in *ps.Invoke) (any, error) {
	parts := in.Args
	if len(parts) == 1 {
		parts = ps.Items(parts[0])
	}
	out := ""
	for _, v := range parts {
		p := in.Session.ToString(v)
		if desktop(in.Session) && strings.ContainsFunc(p, invalidPathChar) {
			return nil, throw(argumentException, "Illegal characters in path.")
		}
		out = joinParts(out, p, true)
	}
	return out, nil
}

func checkedChange(_ context.Context, in *ps.Invoke) (any, error) {
	p, ext := in.String(0), in.String(1)
	if p == "" {
		return p, nil
	}
	base := p
	if i := strings.LastIndexByte(p, '.'); i >= 0 && !strings.ContainsAny(p[i:], `\/:`) {
		base = p[:i]
	}
	if ps.IsNull(in.Args[1]) || ext == "" && len(in.Args) == 2 {
		// PowerShell passes $null as an empty text, which leaves the dot.
		return base + ".", nil
	}
	if !strings.HasPrefix(ext, ".") {
		ext = "." + ext
	}
	return base + ext, nil
}

func directoryName(_ context.Context, in *ps.Invoke) (any, error) {
	s, p := in.Session, in.String(0)
	switch {
	case p == "" && desktop(s):
		return nil, throw(argumentException, "The path is not of a legal form.")
	case p == "":
		return nil, nil
	case desktop(s) && strings.ContainsFunc(p, invalidPathChar):
		return nil, throw(argumentException, "Illegal characters in path.")
	}
	root := rootLength(p)
	if len(p) <= root {
		return nil, nil
	}
	end := len(p)
	for end > root && !isSlash(p[end-1]) {
		end--
	}
	for end > root && isSlash(p[end-1]) {
		end--
	}
	return tidy(p[:end]), nil
}

// tidy makes single backslashes of slashes.
func tidy(p string) string {
	p = strings.ReplaceAll(p, "/", `\`)
	if len(p) < 2 {
		return p
	}
	head, rest := p[:1], p[1:]
	if strings.HasPrefix(p, `\\`) {
		head, rest = `\\`, p[2:]
	}
	for strings.Contains(rest, `\\`) {
		rest = strings.ReplaceAll(rest, `\\`, `\`)
	}
	return head + rest
}

func pathRoot(_ context.Context, in *ps.Invoke) (any, error) {
	p := in.String(0)
	switch {
	case p == "" && desktop(in.Session):
		return nil, throw(argumentException, "The path is not of a legal form.")
	case p == "":
		return nil, nil
	}
	return tidy(p[:rootLength(p)]), nil
}

// relativePath leads from one full path to another.
func relativePath(from, to string) string {
	a := strings.Split(strings.TrimRight(from, `\`), `\`)
	b := strings.Split(strings.TrimRight(to, `\`), `\`)
	if !strings.EqualFold(a[0], b[0]) {
		return to
	}
	n := 0
	for n < len(a) && n < len(b) && strings.EqualFold(a[n], b[n]) {
		n++
	}
	var parts []string
	for range a[n:] {
		parts = append(parts, "..")
	}
	parts = append(parts, b[n:]...)
	if len(parts) == 0 {
		return "."
	}
	return strings.Join(parts, `\`)
}

// tempPath is the directory for temporary files, with a backslash.
func tempPath(s *ps.Session) string {
	for _, name := range []string{"TMP", "TEMP", "USERPROFILE"} {
		if v, _ := s.Process().Env.Get(name); v != "" {
			if p, err := machine.Full(currentDir(s), v); err == nil {
				return strings.TrimRight(p, `\`) + `\`
			}
		}
	}
	return `C:\Windows\`
}

// tempFile makes an empty file. Windows takes the clock for its name; here names
// are counted, so that what is left behind has the same name each time.
func tempFile(ctx context.Context, in *ps.Invoke) (any, error) {
	dir := tempPath(in.Session)
	for n := 0x1001; n <= 0xffff; n++ {
		path := dir + "tmp" + strings.ToUpper(strconv.FormatInt(int64(n), 16)) + ".tmp"
		w, err := fsOf(in).Create(ctx, path, machine.CreateOptions{New: true})
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, ioError(in.Session, err)
		}
		return path, w.Close()
	}
	return nil, throw(ioException, "The file exists.")
}

// randomName is a name of eight and three letters or digits.
func randomName() string {
	const letters = "abcdefghijklmnopqrstuvwxyz012345"
	b := make([]byte, 12)
	for i := range b {
		b[i] = letters[rand.IntN(len(letters))]
	}
	b[8] = '.'
	return string(b)
}

func chars(text string) *ps.Array {
	var items []any
	for _, r := range text {
		items = append(items, ps.Char(r))
	}
	return ps.NewTyped("System.Char", items)
}

// controls are the characters 0 to 31.
func controls() string {
	b := make([]byte, 32)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}

func invalidPathChars(s *ps.Session) string {
	if desktop(s) {
		return `"<>|` + controls()
	}
	return "|" + controls()
}

// lookFor describes what a full path leads to, if it is there. Errors are those
// that Windows would not report.
func lookFor(ctx context.Context, in *ps.Invoke, path string) (*machine.Info, bool, error) {
	info, err := fsOf(in).Stat(ctx, path)
	if err != nil {
		if isWindows(err) {
			return nil, false, nil
		}
		return nil, false, err
	}
	return info, true, nil
}
