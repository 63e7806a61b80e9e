package cmdsh

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// dynamic returns the value of a variable that cmd makes up.
func (sh *shell) dynamic(name string) (string, bool) {
	switch strings.ToUpper(name) {
	case "ERRORLEVEL":
		return fmt.Sprint(sh.errorlevel), true
	case "CD":
		return sh.dir, true
	case "DATE":
		return longDate(sh.m.Now()), true
	case "TIME":
		return preciseTime(sh.m.Now()), true
	case "RANDOM":
		// The generator of the C runtime.
		sh.random = sh.random*214013 + 2531011
		return fmt.Sprint(sh.random >> 16 & 0x7FFF), true
	case "CMDCMDLINE":
		return sh.p.CommandLine, true
	case "CMDEXTVERSION":
		return "2", true
	case "HIGHESTNUMANODENUMBER":
		return "0", true
	case "=EXITCODE":
		return fmt.Sprintf("%08X", uint32(sh.exitCode)), true
	case "=EXITCODEASCII":
		if sh.exitCode < ' ' || sh.exitCode > '~' {
			return "", false
		}
		return string(rune(sh.exitCode)), true
	case "=C:":
		return sh.dir, true
	case "__CD__":
		return under(sh.dir, ""), true
	case "__APPDIR__":
		return `C:\Windows\system32\`, true
	}
	return "", false
}

// Dates and times as an American Windows writes them, in the time zone of
// containers.
func longDate(t time.Time) string  { return t.UTC().Format("Mon 01/02/2006") }
func shortDate(t time.Time) string { return t.UTC().Format("01/02/2006") }
func shortTime(t time.Time) string { return t.UTC().Format("03:04 PM") }
func preciseTime(t time.Time) string {
	t = t.UTC()
	return fmt.Sprintf("%2d:%02d:%02d.%02d", t.Hour(), t.Minute(), t.Second(), t.Nanosecond()/1e7)
}

// expandFor replaces the variables of FOR: phase 4.
func (sh *shell) expandFor(ctx context.Context, s string) (string, error) {
	i := strings.IndexByte(s, '%')
	if i < 0 {
		return s, nil
	}
	var b strings.Builder
	for {
		b.WriteString(s[:i])
		s = s[i+1:]
		text, n, err := sh.forVariable(ctx, s)
		if err != nil {
			return "", err
		}
		if n == 0 {
			b.WriteByte('%')
		} else {
			b.WriteString(text)
			s = s[n:]
		}
		if i = strings.IndexByte(s, '%'); i < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
	}
}

// forVariable returns the value of the variable whose percent sign stands before
// s, and how many bytes of s are its name; 0 if there is no such variable.
func (sh *shell) forVariable(ctx context.Context, s string) (string, int, error) {
	if s == "" {
		return "", 0, nil
	}
	if s[0] == '~' && sh.extensions {
		if end, size := sh.modifiers(s); size > 0 {
			r, _ := utf8.DecodeRuneInString(s[end:])
			text, err := sh.modifyPath(ctx, sh.forVars[r], s[1:end], "")
			return text, end + size, err
		}
	}
	r, size := utf8.DecodeRuneInString(s)
	if v, ok := sh.forVars[r]; ok {
		return v, size, nil
	}
	return "", 0, nil
}

// modifiers finds the name of the variable behind ~ and modifiers: as many
// modifiers as there can be, as long as a variable follows.
func (sh *shell) modifiers(s string) (end, size int) {
	i := 1
	for i < len(s) && strings.IndexByte("fdpnxsatzFDPNXSATZ", s[i]) >= 0 {
		i++
	}
	first := 1
	if i < len(s) && s[i] == '$' {
		if colon := strings.IndexByte(s[i:], ':'); colon > 0 {
			i += colon + 1
			first = i
		}
	}
	for ; i >= first; i-- {
		if i < len(s) {
			r, size := utf8.DecodeRuneInString(s[i:])
			if _, ok := sh.forVars[r]; ok {
				return i, size
			}
		}
	}
	return 0, 0
}

// modifyPath returns a parameter changed as the modifiers behind ~ say. self is
// the batch file where the parameter is its name.
func (sh *shell) modifyPath(ctx context.Context, value, modifiers, self string) (string, error) {
	value = stripQuotes(value)
	mods, search, found := strings.Cut(modifiers, "$")
	mods = strings.ToLower(mods)
	if found {
		var err error
		if value, err = sh.searchPath(ctx, strings.TrimSuffix(search, ":"), value); err != nil {
			return "", err
		}
	}
	if mods == "" || value == "" && self == "" {
		return value, nil
	}
	full := self
	if full == "" {
		var err error
		if full, err = sh.full(value); err != nil {
			return "", nil
		}
	}
	out, err := sh.fileFacts(ctx, full, mods)
	if err != nil {
		return "", err
	}
	if strings.Contains(mods, "s") {
		if err := sh.refuseShort(ctx, full); err != nil {
			return "", err
		}
	}
	if strings.ContainsAny(mods, "fdpnxs") {
		out = append(out, pathParts(full, mods))
	}
	return strings.Join(out, " "), nil
}

// refuseShort returns a refusal if something on a path may have a short name, which
// is not known.
func (sh *shell) refuseShort(ctx context.Context, full string) error {
	for i := 3; i < len(full); {
		end := len(full)
		if j := strings.IndexByte(full[i:], '\\'); j >= 0 {
			end = i + j
		}
		name := full[i:end]
		if machine.MayBeShortened(name) {
			there, err := sh.fs.Exists(ctx, full[:end])
			if _, err := win(err); err != nil || !there {
				return err
			}
			return machine.Refuse("%~s", name+" may have a short name, and short names do not exist here", "leave the s out, and put quotes around the path")
		}
		i = end + 1
	}
	return nil
}

// fileFacts returns attributes, time and size of a file where the modifiers ask
// for them.
func (sh *shell) fileFacts(ctx context.Context, full, mods string) ([]string, error) {
	if !strings.ContainsAny(mods, "atz") {
		return nil, nil
	}
	info, err := sh.fs.Lstat(ctx, full)
	if code, err := win(err); err != nil || code != 0 {
		return nil, err
	}
	var out []string
	if strings.Contains(mods, "a") {
		out = append(out, attributeLetters(info))
	}
	if strings.Contains(mods, "t") {
		t := info.Times.Modified
		out = append(out, shortDate(t)+" "+shortTime(t))
	}
	if strings.Contains(mods, "z") {
		out = append(out, fmt.Sprint(info.Size))
	}
	return out, nil
}

// attributeLetters is what %~a shows.
func attributeLetters(i *machine.Info) string {
	letters := []byte("-----------")
	for at, a := range []struct {
		is     winmeta.Attributes
		letter byte
	}{
		{winmeta.Directory, 'd'}, {winmeta.ReadOnly, 'r'}, {winmeta.Archive, 'a'}, {winmeta.Hidden, 'h'},
		{winmeta.System, 's'}, {winmeta.Compressed, 'c'}, {winmeta.Offline, 'o'}, {winmeta.Temporary, 't'},
		{winmeta.ReparsePoint, 'l'},
	} {
		if i.Attributes.Has(a.is) || a.is == winmeta.ReparsePoint && (i.Kind == tree.Symlink || i.Kind == tree.Junction) {
			letters[at] = a.letter
		}
	}
	return string(letters)
}

// pathParts returns the parts of a full path that the modifiers name.
func pathParts(full, mods string) string {
	if strings.Contains(mods, "f") || !strings.ContainsAny(mods, "dpnx") {
		return full
	}
	drive, rest := "", full
	if len(full) > 1 && full[1] == ':' {
		drive, rest = full[:2], full[2:]
	}
	slash := strings.LastIndexByte(rest, '\\')
	dir, name := rest[:slash+1], rest[slash+1:]
	ext := ""
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		name, ext = name[:dot], name[dot:]
	}
	var out string
	for _, part := range []struct{ mod, text string }{{"d", drive}, {"p", dir}, {"n", name}, {"x", ext}} {
		if strings.Contains(mods, part.mod) {
			out += part.text
		}
	}
	return out
}

// searchPath looks for a file in the directories that a variable lists.
func (sh *shell) searchPath(ctx context.Context, variable, name string) (string, error) {
	list, _ := sh.lookup(variable)
	if name == "" {
		return "", nil
	}
	for _, dir := range strings.Split(list, ";") {
		if dir = unquote(dir); dir == "" {
			continue
		}
		full, err := machine.Full(sh.dir, strings.TrimSuffix(dir, `\`)+`\`+name)
		if err != nil {
			continue
		}
		ok, err := sh.fs.Exists(ctx, full)
		if err != nil && !errors.Is(err, fs.ErrPermission) {
			return "", err
		}
		if ok {
			return full, nil
		}
	}
	if strings.EqualFold(variable, "PATH") { // what Windows has and this machine does not show
		if f, err := sh.m.FindKnown(ctx, name, sh.env, sh.dir, false); err == nil && strings.EqualFold(baseName(f.Path), name) {
			return f.Path, nil
		}
	}
	return "", nil
}

// expandDelayed replaces !…!: phase 5.
func (sh *shell) expandDelayed(s string) (string, error) {
	if strings.IndexByte(s, '!') < 0 {
		return s, nil
	}
	return sh.expander().delayed(s)
}

// delayed replaces !…! in text that has a !; carets are looked at only there. As
// with percent signs, what is not defined vanishes in a batch file and stays on
// the command line.
func (x *expander) delayed(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); {
		switch s[i] {
		case '^':
			i++
			if i < len(s) {
				b.WriteByte(s[i])
				i++
			}
		case '!':
			for i+1 < len(s) && s[i+1] == '!' {
				i++
			}
			text, n, err := x.delayedVariable(s[i+1:])
			if err != nil {
				return "", err
			}
			b.WriteString(text)
			i += 1 + n
		default:
			b.WriteByte(s[i])
			i++
		}
	}
	return b.String(), nil
}

// delayedVariable returns what stands for the ! before s and the n bytes of s
// that belong to it.
func (x *expander) delayedVariable(s string) (text string, n int, err error) {
	lone := "!"
	if x.params != nil {
		lone = ""
	}
	stop := strings.IndexAny(s, "!:")
	if !x.extensions {
		stop = strings.IndexByte(s, '!')
	}
	if stop < 0 {
		return lone, 0, nil
	}
	if s[stop] == ':' && stop+1 < len(s) && s[stop+1] == '!' {
		stop++
	}
	value, defined := x.get(s[:stop])
	switch {
	case s[stop] == '!' && defined:
		return value, stop + 1, nil
	case !defined && x.params != nil && strings.IndexByte(s, '!') >= 0:
		return "", strings.IndexByte(s, '!') + 1, nil
	case s[stop] == '!' || !defined:
		return lone, 0, nil
	}
	text, n, ok, err := modify(value, s[stop+1:], '!')
	if err != nil || !ok {
		return lone, 0, err
	}
	return text, stop + 1 + n, nil
}
