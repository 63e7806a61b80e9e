package ps

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"unicode"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/pslang"
)

// nativeArgs collects the arguments of a program in the two forms that
// PowerShell keeps of them: one text, which is all that 5.1 knows, and a list,
// which 7 quotes by the rules of C programs. 7 still passes the text to some
// programs, and to all in mode Legacy.
//
// The oddities are Windows's: the text leaves quotes in arguments alone, so
// that programs do not get them; an argument that is empty there leaves a
// second blank; 5.1 lets a backslash at the end escape the quote behind it; and
// 7 takes a list like a,b from the source.
type nativeArgs struct {
	s *Session
	// asText says that the program gets the text, fromSource that lists come
	// from the source.
	asText, fromSource bool

	any  bool
	text strings.Builder
	list []string
}

// newNativeArgs begins the arguments of a program.
func (s *Session) newNativeArgs(path string) *nativeArgs {
	b := &nativeArgs{s: s, asText: true}
	if s.edition == Desktop {
		return b
	}
	mode, _ := s.Variable("PSNativeCommandArgumentPassing")
	switch strings.ToLower(s.ToString(mode)) {
	case "windows", "2":
		b.fromSource, b.asText = true, legacyPassing(path)
	case "standard", "1":
		b.fromSource, b.asText = true, false
	}
	return b
}

// legacyPassing says for which programs PowerShell 7 (mode Windows) passes
// arguments as 5.1 does.
func legacyPassing(path string) bool {
	name := strings.ToLower(path[strings.LastIndexByte(path, '\\')+1:])
	switch strings.TrimSuffix(name, extension(name)) {
	case "cmd", "cscript", "find", "sqlcmd", "wscript":
		return true
	}
	switch extension(name) {
	case ".bat", ".cmd", ".js", ".vbs", ".wsf":
		return true
	}
	return false
}

// commandLine is the command line of the program at path.
func (b *nativeArgs) commandLine(path string) string {
	line := `"` + path + `"`
	if !b.asText {
		for _, a := range b.list {
			line += " " + machine.QuoteArg(a)
		}
		return line
	}
	if b.text.Len() == 0 {
		return line
	}
	return line + " " + b.text.String()
}

// withBlocks makes of a script block among the arguments what PowerShell gives to
// a program: it takes it for PowerShell itself, which gets the block encoded.
func withBlocks(args []argument) (list []argument, has bool) {
	for _, a := range args {
		block, ok := Unwrap(a.value).(*ScriptBlock)
		if !ok || a.isParam || has {
			list = append(list, a)
			continue
		}
		has = true
		if n := len(list) - 1; n >= 0 && list[n].isParam && list[n].param != "" && !list[n].has && strings.HasPrefix("command", strings.ToLower(list[n].param)) {
			list = list[:n]
		}
		list = append(list, argument{isParam: true, param: "encodedCommand", name: "-encodedCommand", at: a.at},
			argument{value: encodedCommand(block.String()), has: true, at: a.at})
	}
	if !has {
		return args, false
	}
	for _, text := range []string{"-inputFormat", "none", "-outputFormat", "text"} {
		list = append(list, argument{value: text, has: true})
	}
	return list, true
}

// refuseObjects refuses objects for the block that a program gets, or from it.
func refuseObjects(at pslang.Extent, name string) error {
	return refuseAt(at, name+" {...}", "PowerShell would exchange objects with the program", "give the commands as text in single quotes")
}

// hasArgs reports whether there are arguments for a block.
func hasArgs(args []argument) bool {
	for _, a := range args {
		if a.isParam && a.param != "" && strings.HasPrefix("args", strings.ToLower(a.param)) {
			return true
		}
	}
	return false
}

// encodedCommand is what -EncodedCommand takes for a text.
func encodedCommand(text string) string {
	var raw []byte
	for _, u := range Units(text) {
		raw = binary.LittleEndian.AppendUint16(raw, u)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// add adds an argument.
func (b *nativeArgs) add(a argument) {
	if b.any {
		b.text.WriteByte(' ')
	}
	b.any = true
	if a.verbatim {
		if rest := b.s.expandPercent(strings.TrimLeft(a.raw, " \t")); rest != "" {
			b.text.WriteString(" " + rest)
			b.list = append(b.list, wordsOf(rest)...)
		}
		return
	}
	if a.isParam {
		b.text.WriteString(a.name)
		if !strings.HasSuffix(a.name, ":") {
			b.list = append(b.list, a.name)
		}
		if a.space {
			b.text.WriteByte(' ')
		}
	}
	switch {
	case !a.has:
	case a.hasRaw:
		b.text.WriteString(a.raw)
		b.listed(a, a.raw)
	default:
		b.value(a)
	}
}

// wordsOf are the parts of text between blanks.
func wordsOf(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' })
}

// listed adds text to the list, behind the name of its parameter if both were
// written as one.
func (b *nativeArgs) listed(a argument, text string) {
	switch {
	case !a.isParam || !strings.HasSuffix(a.name, ":"):
		b.list = append(b.list, text)
	case a.space:
		b.list = append(b.list, a.name, text)
	default:
		b.list = append(b.list, a.name+text)
	}
}

// value adds the value of an argument; each element of a list is one.
func (b *nativeArgs) value(a argument) {
	wrote := false
	for i, v := range Items(a.value) {
		text := b.s.ToString(v)
		if text == "" {
			if b.fromSource && !IsNull(v) {
				b.listed(a, "")
			}
			continue
		}
		if core := b.s.edition == Core; core && i > 0 || wrote {
			b.text.WriteString(listGap(a.list, i, core))
		}
		wrote = true
		switch {
		case needQuotes(text, b.s.edition):
			b.text.WriteString(`"` + text)
			if b.s.edition == Core {
				b.text.WriteString(text[len(strings.TrimRight(text, `\`)):])
			}
			b.text.WriteByte('"')
			b.listed(a, text)
		case a.list != nil && b.fromSource:
			for _, word := range wordsOf(a.list.At().Text()) {
				b.text.WriteString(word)
				b.listed(a, word)
			}
			return
		default:
			b.text.WriteString(text)
			b.listed(a, text)
		}
	}
}

// listGap is what comes before element i of a list: of one that was written
// with commas, the comma, in 5.1 only if there are no blanks in the list.
func listGap(list *pslang.List, i int, core bool) string {
	if list == nil {
		return " "
	}
	if !core {
		for j := range list.Items[1:] {
			if list.Items[j].At().End+1 != list.Items[j+1].At().Start {
				return " "
			}
		}
		return ","
	}
	prev, next := list.Items[i-1].At(), list.Items[i].At()
	between := prev.Source.Text[prev.End:next.Start]
	switch {
	case len(between) == 1:
		return ","
	case between[0] == ',':
		return ", "
	case between[len(between)-1] == ',':
		return " ,"
	}
	return " , "
}

// needQuotes says if a text has blanks outside of quotes.
func needQuotes(text string, ed Edition) bool {
	inside, slash := false, false
	for _, r := range text {
		if r == '"' && !(slash && ed == Core) {
			inside = !inside
		} else if unicode.IsSpace(r) && !inside {
			return true
		}
		slash = r == '\\'
	}
	return false
}

// expandPercent replaces %NAME% behind --%.
func (s *Session) expandPercent(text string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '%')
		if i < 0 {
			break
		}
		j := strings.IndexByte(text[i+1:], '%')
		if j < 0 {
			break
		}
		name := text[i+1 : i+1+j]
		if v, ok := s.process.Env.Get(name); ok && name != "" {
			b.WriteString(text[:i] + v)
			text = text[i+j+2:]
			continue
		}
		b.WriteString(text[:i+1])
		text = text[i+1:]
	}
	return b.String() + text
}
