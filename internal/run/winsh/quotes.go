package winsh

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/pslang"
)

// The words of a step become one command line, which the C runtime takes apart
// again: quotes that are not written \" group words and vanish, and blanks that
// no quotes group become one. PowerShell puts the words together and parses what
// has come through. Whether that means what was written is found out by parsing
// both.

// Beginnings and ends of the warnings, around what they are about.
const (
	quotesOf    = "the double quotes of "
	quotesLost  = " do not reach PowerShell: Windows takes them out of the command line"
	blanksOf    = "the blanks of "
	blanksLost  = " reach PowerShell as one: Windows takes the command line apart at blanks"
	maxCompared = 32 << 10
)

// warnOfQuotes warns of double quotes, and of blanks, that PowerShell will not
// see although the text means something else without them.
func warnOfQuotes(c *machine.Checking, core bool) {
	if c.Warn == nil || len(c.Raw) > maxCompared {
		return
	}
	text, ok := commandText(c.Raw, core)
	if !ok {
		return
	}
	l := lost(text, core)
	switch {
	case l.part == "":
	case l.blanks:
		c.Warn(1, 1, blanksOf+shorten(l.part)+blanksLost, "write "+shorten(`'"`+strings.Trim(l.part, `'"`)+`"'`)+", which keeps them")
	default:
		c.Warn(1, 1, quotesOf+shorten(l.part)+quotesLost, "write "+kept(l))
	}
}

// kept says how to write a quoted part so that it comes through.
func kept(l loss) string {
	text := strings.TrimSuffix(strings.TrimPrefix(l.part, `"`), `"`)
	if shorten(l.part) != l.part || strings.Contains(text, `"`) {
		return `'…' instead of "…", or \" for each quote that PowerShell has to see`
	}
	single := !strings.ContainsAny(text, "$`'")
	switch {
	case single && collapses(text) && !l.wrapped:
		return `'"` + text + `"'`
	case collapses(text) && !l.wrapped:
		return `\""` + text + `"\"`
	case single:
		return `'` + text + `' or \"` + text + `\"`
	}
	return `\"` + text + `\"`
}

// collapses reports whether blanks of a text would become one.
func collapses(text string) bool { return strings.Contains(text, "  ") || strings.Contains(text, "\t") }

// commandText returns what stands in a command line of PowerShell for the text
// that it is to execute; ok is false where that is a file, or encoded.
func commandText(line string, core bool) (text string, ok bool) {
	_, rest := machine.CutProgram(line)
	for {
		rest = strings.TrimLeft(rest, " \t")
		if rest == "" {
			return "", false
		}
		arg, after := machine.CutArg(rest, core)
		if arg == "" || arg[0] != '-' && arg[0] != '/' {
			return rest, !core
		}
		name := strings.ToLower(strings.TrimLeft(arg, "-/"))
		switch {
		case name != "" && strings.HasPrefix("command", name):
			return strings.Trim(after, " \t"), true
		case name == "", name == "ec", name == "cwa", strings.HasPrefix("file", name), strings.HasPrefix("encodedcommand", name),
			strings.HasPrefix(name, "commandw"):
			return "", false
		case takesValue(name, core):
			_, after = machine.CutArg(strings.TrimLeft(after, " \t"), core)
		}
		rest = after
	}
}

// takesValue reports whether a parameter of PowerShell has a value behind it.
func takesValue(name string, core bool) bool {
	all := []string{"configurationname", "windowstyle", "outputformat", "of", "executionpolicy", "ep", "inputformat", "if"}
	if core {
		all = append(all, "workingdirectory", "wd", "settingsfile", "custompipename")
		return name != "i" && slices.ContainsFunc(all, func(p string) bool { return strings.HasPrefix(p, name) })
	}
	all = append(all, "psconsolefile", "version")
	return slices.ContainsFunc(all, func(p string) bool { return strings.HasPrefix(p, name) })
}

// loss is what does not come through: a quoted part, or a string whose blanks
// become one. In a wrapped text, one in quotes as a whole, blanks stay.
type loss struct {
	part            string
	blanks, wrapped bool
}

// lost compares what the text says with what PowerShell gets of it.
func lost(text string, core bool) loss {
	var words []string
	for rest := strings.TrimLeft(text, " \t"); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		var w string
		w, rest = machine.CutArg(rest, core)
		words = append(words, w)
	}
	got := strings.Join(words, " ")
	if strings.HasPrefix(text, `"`) && len(words) == 1 {
		return loss{} // quotes around the whole are for the command line
	}
	intended := strings.NewReplacer(`\"""`, `\"`, `"""`, `\"`).Replace(text) // so a quote is written, too
	meant := unwrapped(intended)
	wrapped := meant != intended
	meant = ungrouped(meant)
	want, ok := meaning(unescaped(meant, true), core)
	if !ok {
		return loss{}
	}
	if come, ok := meaning(got, core); ok && come == want {
		return loss{}
	}
	parts := quotedParts(meant)
	for _, p := range parts[:min(len(parts), 50)] {
		without := meant[:p.from] + meant[p.from+1:p.to] + meant[min(p.to+1, len(meant)):]
		if m, ok := meaning(unescaped(without, true), core); !ok || m != want {
			return loss{part: meant[p.from:min(p.to+1, len(meant))], wrapped: wrapped}
		}
	}
	return loss{part: collapsing(unescaped(meant, false), core), blanks: true}
}

// unwrapped takes quotes off that are meant to be around the whole text, but end
// at the first quote in it.
func unwrapped(text string) string {
	parts := quotedParts(text)
	if len(parts) < 2 || parts[0].from != 0 || len(text) < 2 || !strings.HasSuffix(text, `"`) {
		return text
	}
	end := parts[0].to
	if blank := " \t(=,;"; end > 0 && strings.IndexByte(blank, text[end-1]) >= 0 || end+1 < len(text) && strings.IndexByte(blank+"|)+.", text[end+1]) < 0 {
		return text[1 : len(text)-1]
	}
	return text
}

// ungrouped takes quotes off that are there to keep the blanks of a string:
// '"a  b"' and \""a  b"\".
func ungrouped(text string) string {
	parts := quotedParts(text)
	for _, p := range slices.Backward(parts) {
		for _, q := range []string{"'", `\"`} {
			if p.to < len(text) && collapses(text[p.from:p.to]) && strings.HasSuffix(text[:p.from], q) && strings.HasPrefix(text[p.to+1:], q) {
				text = text[:p.from] + text[p.from+1:p.to] + text[p.to+1:]
				break
			}
		}
	}
	return text
}

// span is a quoted part: the places of its two quotes, the second at the end of
// the text if it is missing.
type span struct{ from, to int }

// quotedParts returns the parts of a text between quotes that group.
func quotedParts(text string) []span {
	var out []span
	slashes, open := 0, -1
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			slashes++
			continue
		case c != '"' || slashes%2 == 1:
		case open < 0:
			open = i
		default:
			out = append(out, span{open, i})
			open = -1
		}
		slashes = 0
	}
	if open >= 0 {
		out = append(out, span{open, len(text)})
	}
	return out
}

// unescaped resolves backslashes before quotes, as the C runtime does. Quotes
// that group stay there or not; blanks do in any case.
func unescaped(text string, quotes bool) string {
	var b strings.Builder
	slashes := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\\' {
			slashes++
			continue
		}
		if c == '"' {
			b.WriteString(strings.Repeat(`\`, slashes/2))
			if quotes || slashes%2 == 1 {
				b.WriteByte('"')
			}
		} else {
			b.WriteString(strings.Repeat(`\`, slashes))
			b.WriteByte(c)
		}
		slashes = 0
	}
	return b.String() + strings.Repeat(`\`, slashes)
}

// meaning describes what a text says to PowerShell. Whether a string is quoted,
// and a number or a variable as an argument is a string, makes no difference; ok
// is false for what PowerShell would not parse.
func meaning(text string, core bool) (string, bool) {
	b, err := pslang.Parse(text, pslang.Options{Core: core})
	if err != nil {
		return "", false
	}
	pslang.Walk(b, func(n pslang.Node) bool {
		switch n := n.(type) {
		case *pslang.String:
			n.Quote = pslang.QuoteBare
		case *pslang.Expandable:
			n.Quote = pslang.QuoteBare
		case *pslang.Command:
			for i, a := range n.Args {
				n.Args[i] = asWord(a)
			}
		}
		return true
	})
	return pslang.Print(b), true
}

// asWord is an argument as a string, if it may as well be one.
func asWord(a pslang.Argument) pslang.Argument {
	switch a := a.(type) {
	case *pslang.Number:
		return &pslang.String{Extent: a.Extent, Value: a.At().Text()}
	case *pslang.Expandable:
		if v, ok := a.Parts[0].(*pslang.Variable); ok && len(a.Parts) == 1 {
			return v
		}
	}
	return a
}

// collapsing returns the first string of a text that has blanks that become one.
func collapsing(text string, core bool) string {
	found := ""
	b, err := pslang.Parse(text, pslang.Options{Core: core})
	if err != nil {
		return ""
	}
	pslang.Walk(b, func(n pslang.Node) bool {
		if s, ok := n.(*pslang.String); ok && found == "" && collapses(s.Value) {
			found = s.At().Text()
		}
		return found == ""
	})
	return found
}

// warnings returns the function that a check calls for what it finds in the text
// of a step; nil if nobody listens.
func warnings(s run.Step) func(line, column int, message, hint string) {
	if s.Warn == nil {
		return nil
	}
	return func(_, _ int, message, hint string) {
		if isExecForm(s) {
			message, hint = asJSON(message), asJSON(hint) // as the author has to write it
		}
		s.Warn(run.Warning{Line: lineOfText(s.Where.Text, about(message)), Message: message, Hint: hint})
	}
}

// about returns the part of the text that a warning is about.
func about(message string) string {
	for _, ends := range [][2]string{{quotesOf, quotesLost}, {blanksOf, blanksLost}} {
		if part, ok := strings.CutPrefix(message, ends[0]); ok {
			return strings.TrimSuffix(strings.TrimSuffix(part, ends[1]), "…")
		}
	}
	return ""
}

// lineOfText returns in which line of an instruction, counted from 0, a text
// stands; 0 if it is in several or in none.
func lineOfText(text, part string) int {
	found, n := 0, 0
	for i, line := range strings.Split(text, "\n") {
		if part != "" && strings.Contains(line, part) {
			found, n = i, n+1
		}
	}
	if n != 1 {
		return 0
	}
	return found
}

// wordLost is the end of the warning about a word of the exec form.
const wordLost = " is not one for the program: the words of the exec form are joined by blanks, without quotes"

// warnOfWords warns of words of the exec form that the program will not see as
// they are. Shells that join their words again lose nothing.
func warnOfWords(s run.Step) {
	if s.Warn == nil || !isExecForm(s) {
		return
	}
	words := s.Args[1:]
	switch low := strings.ToLower(s.Args[0]); {
	case isPowerShell(s.Args[0]):
		if _, ok := commandText(commandLine(s), strings.Contains(low, "pwsh")); ok {
			return
		}
	case strings.TrimSuffix(low[strings.LastIndexAny(low, `\/`)+1:], ".exe") == "cmd":
		i := slices.IndexFunc(words, func(w string) bool { return strings.EqualFold(w, "/c") || strings.EqualFold(w, "/k") })
		if words = words[i+1:]; len(words) == 1 {
			return
		}
	}
	for _, w := range words {
		quoted := machine.QuoteArg(w)
		if quoted == w || strings.Contains(w, `"`) {
			continue
		}
		written := `"` + asJSON(w) + `"`
		s.Warn(run.Warning{
			Line: lineOfText(s.Where.Text, written), Message: "the word " + shorten(written) + wordLost, Hint: "write its quotes, too: " + shorten(`"`+asJSON(quoted)+`"`),
		})
		return
	}
}

// isExecForm reports whether a step is written as a list of words.
func isExecForm(s run.Step) bool {
	i := strings.IndexByte(s.Where.Text, '[')
	if i < 0 || len(s.Args) == 0 {
		return false
	}
	var words []string
	text := strings.NewReplacer("\\\r\n", "", "\\\n", "", "`\r\n", "", "`\n", "").Replace(s.Where.Text[i:])
	return json.Unmarshal([]byte(text), &words) == nil && slices.Equal(words, s.Args)
}

// asJSON writes a text as it stands in a string of JSON.
func asJSON(text string) string { return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) }

// isPowerShell reports whether a program's name is one of PowerShell's.
func isPowerShell(name string) bool {
	name = strings.ToLower(strings.Trim(name, `"`))
	name = name[strings.LastIndexAny(name, `\/`)+1:]
	name = strings.TrimSuffix(name, ".exe")
	return name == "powershell" || name == "pwsh"
}

// shorten cuts a text for a message, which is one line.
func shorten(s string) string {
	const most = 60
	first, _, more := strings.Cut(s, "\n")
	if r := []rune(first); len(r) > most || more {
		return string(r[:min(len(r), most)]) + "…"
	}
	return s
}
