package tools

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/winmeta"
)

// FuzzFindRegex fails if a pattern of findstr crashes, takes long, or finds
// something else than Go's expression of the same meaning.
func FuzzFindRegex(f *testing.F) {
	for _, s := range []string{`^a.*b$`, `[a-z]*x`, `\<word\>`, `[^0-9]`, `a\.b`, `**`, `[`, `x*x*x*x*x*y`} {
		f.Add(s, "some word a.b xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")
	}
	f.Fuzz(func(t *testing.T, pattern, line string) {
		if len(pattern) > maxRegex || !machine.IsASCII(pattern) || !machine.IsASCII(line) || strings.ContainsAny(line, "\r\n") {
			return
		}
		p, err := compileRegex(pattern, false)
		if err != nil {
			return
		}
		start := time.Now()
		got := p.match([]byte(line), true)
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("%q takes %s", pattern, d)
		}
		inner := strings.TrimSuffix(strings.TrimPrefix(pattern, "^"), "$")
		if strings.ContainsAny(pattern, `[\`) || strings.ContainsAny(inner, "^$") || len(p.regex) == 0 {
			return
		}
		quoted := strings.NewReplacer("(", `\(`, ")", `\)`, "{", `\{`, "}", `\}`, "|", `\|`, "+", `\+`, "?", `\?`, "]", `\]`, ".", `[^\r\n]`).Replace(pattern)
		if re, err := regexp.Compile("(?s)" + quoted); err == nil && re.MatchString(line) != got {
			t.Errorf("%q on %q: %v", pattern, line, got)
		}
	})
}

// FuzzRegFile fails if a file of registry entries crashes the reader, or if what
// was understood does not survive being written.
func FuzzRegFile(f *testing.F) {
	f.Add([]byte("Windows Registry Editor Version 5.00\r\n\r\n[HKEY_LOCAL_MACHINE\\X]\r\n@=\"a\\\\b\"\r\n\"n\"=dword:1\r\n\"h\"=hex(7):61,00,\\\r\n 00,00\r\n\"g\"=-\r\n[-HKEY_CURRENT_USER\\Y]\r\n"))
	f.Add([]byte("REGEDIT4\n[HKEY_USERS\\x]\n\"m\"=\"two\nlines\"\n"))
	f.Add([]byte("\xff\xfeW\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		changes, err := parseRegFile(b)
		if err != nil {
			return
		}
		for _, c := range changes {
			if c.value == nil || c.deleteValue || strings.ContainsAny(c.value.Name, "\r\n") {
				continue
			}
			text := regHeader + "\r\n[HKEY_LOCAL_MACHINE\\X]\r\n" + regFileLine(*c.value) + "\r\n"
			again, err := parseRegFile([]byte(text))
			if err != nil || len(again) != 2 {
				t.Fatalf("%q: %v", text, err)
			}
			if c.value.Type == regSz {
				continue // written up to the first zero
			}
			if v := again[1].value; v.Type != c.value.Type || !bytes.Equal(v.Data, c.value.Data) {
				t.Errorf("%q: %+v is not %+v", text, v, c.value)
			}
		}
	})
}

// FuzzAclEntry fails if a permission crashes the parser, or prints as something
// that is read otherwise.
func FuzzAclEntry(f *testing.F) {
	for _, s := range []string{`Users:(OI)(CI)F`, `*S-1-1-0:(RD,WD)`, `a:b:M`, `x:(`, `x:(F)(F)`, `NT AUTHORITY\SYSTEM:(NP)(RX,W)`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := parseAclEntry(text)
		if err != nil {
			return
		}
		ace := winmeta.ACE{Type: winmeta.Allow, Flags: e.flags, Mask: e.mask, SID: winmeta.Everyone}
		again, err := parseAclEntry(entryText(ace))
		if err != nil {
			t.Fatalf("%q prints as %q: %v", text, entryText(ace), err)
		}
		if e.mask&winmeta.GenericAll == 0 && again.mask != e.mask || again.flags != e.flags {
			t.Errorf("%q: %#x %#x becomes %#x %#x", text, e.mask, e.flags, again.mask, again.flags)
		}
	})
}

// FuzzSwitches fails if arguments crash a parser, or if a check refuses what is
// not known yet.
func FuzzSwitches(f *testing.F) {
	f.Add(`xcopy a b /E/I /D:1-2-2024`)
	f.Add(`robocopy "a b" c /XF x y /LOG:z`)
	f.Add(`icacls x /grant:r Users:(OI)F /T`)
	f.Add(`sc create x binPath= "y z" start= auto`)
	f.Add(`find /v "" x`)
	all := All()
	f.Fuzz(func(t *testing.T, line string) {
		args := machine.SplitCommandLine(line)
		if len(args) == 0 {
			return
		}
		p, ok := all[args[0]]
		if !ok {
			return
		}
		list := make([]machine.Arg, len(args)-1)
		for i, a := range args[1:] {
			list[i].Text = a
		}
		_ = p.Check(t.Context(), &machine.Checking{}, list)
		_ = p.Check(t.Context(), &machine.Checking{Raw: line}, list)
		for i := range list {
			list[i].Unknown = true
		}
		if err := p.Check(t.Context(), &machine.Checking{}, list); err != nil {
			if _, whole := p.(refusal); !whole && len(list) > 0 && args[0] != "certutil" {
				t.Errorf("%s: arguments that are not known are refused: %v", line, err)
			}
		}
	})
}
