package winsh

import (
	"errors"
	"strings"
	"unicode"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/winmeta"
)

// Reads returns what a step will look for in its base, as far as its text tells:
// a path in a directory of Windows, a directory that it lists, or a key of the
// registry; "" if it names nothing of the kind. Only running it shows what it
// really reads.
func Reads(s run.Step) string {
	if s.Root.OS != "windows" || len(s.Args) == 0 {
		return ""
	}
	text := strings.Join(s.Args[1:], " ")
	if key := readKey(text); key != "" {
		return key
	}
	lists := listsSomething(text)
	for _, w := range strings.FieldsFunc(knownVariables(text), func(r rune) bool { return strings.ContainsRune("\t\n\r\"';|&<>,={}", r) }) {
		for _, name := range pathsIn(w) {
			top := strings.ContainsAny(name, "*?") && !strings.Contains(name, "/")
			if ofWindows(name) || top || lists && (name == "" || winmeta.IsStandardDir(name)) {
				return winmeta.ToWindows(winmeta.SpellPath(name))
			}
		}
	}
	return ""
}

// listsSomething reports whether a text has a command that lists directories.
func listsSomething(text string) bool {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !strings.ContainsRune("-/.", r) })
	for i, w := range words {
		switch strings.TrimSuffix(w, ".exe") {
		case "dir", "ls", "gci", "get-childitem", "tree", "xcopy", "robocopy":
			return true
		case "/r", "/d":
			if i > 0 && words[i-1] == "for" {
				return true
			}
		}
	}
	return false
}

// knownVariables returns a text in small letters with the directories in place of
// the variables that every Windows has for them, as either shell spells them.
func knownVariables(text string) string {
	var pairs []string
	for _, v := range [][2]string{
		{"systemroot", `c:\windows`}, {"windir", `c:\windows`}, {"systemdrive", "c:"},
		{"programfiles(x86)", `c:\program files (x86)`}, {"commonprogramfiles", `c:\program files\common files`},
		{"programfiles", `c:\program files`}, {"programw6432", `c:\program files`},
		{"programdata", `c:\programdata`}, {"allusersprofile", `c:\programdata`}, {"public", `c:\users\public`},
	} {
		pairs = append(pairs, "%"+v[0]+"%", v[1], "${env:"+v[0]+"}", v[1])
		if !strings.Contains(v[0], "(") { // which ends a name without braces
			pairs = append(pairs, "$env:"+v[0], v[1])
		}
	}
	return strings.NewReplacer(pairs...).Replace(strings.ToLower(text))
}

// pathsIn returns the paths on drive C that begin in w, which is in small letters. A path with blanks ends
// where w does, or at its first blank: nobody can tell which is meant.
func pathsIn(w string) []string {
	low := strings.ReplaceAll(w, "/", `\`)
	var out []string
	for {
		i := strings.Index(low, `c:\`)
		if i < 0 {
			return out
		}
		low = low[i:]
		for _, cand := range []string{strings.Fields(low)[0], low} {
			if name, err := winmeta.ToSlash(strings.TrimRight(cand, `) `)); err == nil {
				out = append(out, name)
			}
		}
		low = low[len(`c:\`):]
	}
}

// ofWindows reports whether a name lies below a directory that a base brings,
// and is not itself one that every Windows has.
func ofWindows(name string) bool {
	top, _, below := strings.Cut(name, "/")
	return below && winmeta.IsStandardDir(top) && !winmeta.IsStandardDir(name) && !strings.ContainsAny(name, "$%")
}

// readKey returns the registry key that a text asks for, as far as a reading
// command is next to it.
func readKey(text string) string {
	for _, verb := range []string{"reg query", "reg.exe query", "reg export", "get-itemproperty", "get-itempropertyvalue", "get-childitem", "test-path", "get-item "} {
		if i := strings.Index(strings.ToLower(text), verb); i >= 0 {
			if key := keyBehind(text[i+len(verb):]); key != "" {
				return key
			}
		}
	}
	return ""
}

// Foresee returns what a step's text says about changes of the registry that the
// image would lose: keys that a writing command names literally. It is nil if
// there are none. The command may not be reached, or change nothing.
func (p RegistryPolicy) Foresee(s run.Step) *LostError {
	text := strings.Join(s.Args, " ")
	low := strings.ToLower(text)
	var changes []machine.RegistryChange
	for _, verb := range []string{"reg add ", "reg.exe add ", "new-item ", "new-itemproperty ", "set-itemproperty "} {
		for from := 0; ; {
			i := strings.Index(low[from:], verb)
			if i < 0 {
				break
			}
			from += i + len(verb)
			if key := keyBehind(text[from:]); key != "" && !strings.ContainsAny(key, "$%!") && !under(key, environmentKeys()) {
				changes = append(changes, machine.RegistryChange{Key: key})
			}
		}
	}
	_, err := p.kept(changes)
	lost, _ := errors.AsType[*LostError](err)
	return lost
}

// environmentKeys hold the variables that become those of the image.
func environmentKeys() []string {
	return []string{
		`HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment`, `HKLM\SYSTEM\ControlSet001\Control\Session Manager\Environment`,
		`HKCU\Environment`,
	}
}

// keyBehind returns the registry key that a text begins with, behind the name of
// its parameter; "" if it begins with something else.
func keyBehind(text string) string {
	rest := strings.TrimLeft(text, " \t")
	for _, p := range []string{"-path ", "-literalpath ", "-force ", "-path:", "-literalpath:"} {
		if len(rest) > len(p) && strings.EqualFold(rest[:len(p)], p) {
			rest = strings.TrimLeft(rest[len(p):], " \t")
		}
	}
	ends := " \t;|&)"
	rest = strings.TrimLeft(rest, `\`) // of \"
	if rest != "" && (rest[0] == '"' || rest[0] == '\'') {
		ends, rest = rest[:1], rest[1:]
	}
	if i := strings.IndexAny(rest, ends); i >= 0 {
		rest = rest[:i]
	}
	rest = strings.TrimRight(rest, `\`)
	if p := "registry::"; len(rest) > len(p) && strings.EqualFold(rest[:len(p)], p) {
		rest = rest[len(p):]
	}
	key := canonicalKey(rest)
	if root, _, _ := strings.Cut(key, `\`); !isRoot(root) {
		return ""
	}
	return key
}
