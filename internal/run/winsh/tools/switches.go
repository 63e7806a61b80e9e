package tools

import (
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// grammar says what a tool's arguments look like. Windows has several families
// of them; the fields are where they differ.
type grammar struct {
	name  string // in small letters, for refusals
	flags []flag
	// dash lets switches begin with - too.
	dash bool
	// own says that the tool takes its command line apart by the older rules:
	// a slash begins a switch wherever it stands outside of quotes, and a
	// backslash before a quote is nothing special (xcopy, find, fc …).
	own bool
	// letters lets switches of one letter stand together ("/sim").
	letters bool
	// loose leaves words that look like switches, and are none, to the tool as
	// operands.
	loose bool
	// free has no switches at all: the tool parses its words itself.
	free bool
	// invalid reports a switch that Windows does not have either, or one that
	// lacks its value, and returns the exit code; nil leaves input.bad to run.
	invalid func(p *proc, b badWord) int
}

// flag is one switch.
type flag struct {
	name string // in capitals, without the slash
	kind argKind
	// reason and way refuse the switch: Windows has it and casement does not.
	reason, way string
}

// argKind says where the value of a switch is.
type argKind uint8

const (
	plain      argKind = iota // no value
	colon                     // "/NAME:value"
	maybeColon                // "/NAME" or "/NAME:value"
	next                      // "/NAME value", or "/NAME:value"; the value is no switch
	nextAny                   // "/NAME value", whatever the value looks like
	list                      // "/NAME a b c" up to the next switch
)

// word is one argument before it is understood.
type word struct {
	text    string
	quoted  bool // began with a quote; only known for tools with own rules
	unknown bool // more may follow, at check time
}

// item is one argument that is understood.
type item struct {
	flag    string // the switch's name in capitals; "" for an operand
	text    string // the operand, or the value
	values  []string
	unknown bool
}

// badWord is an argument that the tool itself would complain about.
type badWord struct {
	text   string
	lacks  bool // the switch is right and its value is missing
	double bool // the switch stands there twice, where that is an error
}

// input is a tool's command line after parsing.
type input struct {
	words []word
	items []item
	bad   *badWord
	// partial says that some arguments are not known yet.
	partial bool
}

// runWords are the words of a process.
func (g grammar) runWords(p *machine.Process) []word {
	if g.own && p.CommandLine != "" {
		return lexOwn(p.CommandLine)
	}
	words := make([]word, 0, len(p.Args))
	for i, a := range p.Args {
		if i > 0 {
			words = append(words, word{text: a})
		}
	}
	return words
}

// checkWords are the words of a check: of the whole line, or as far as known.
func (g grammar) checkWords(raw string, args []machine.Arg) []word {
	unknown := slices.ContainsFunc(args, func(a machine.Arg) bool { return a.Unknown })
	if g.own && raw != "" && !unknown {
		return lexOwn(raw)
	}
	words := make([]word, 0, len(args))
	for _, a := range args {
		if g.own && !a.Unknown {
			words = append(words, splitSlashes(a.Text)...)
		} else {
			words = append(words, word{text: a.Text, unknown: a.Unknown})
		}
	}
	return words
}

// splitSlashes takes an argument apart where switches are glued to it, as
// lexOwn does. Text with blanks must have been in quotes and stays whole.
func splitSlashes(text string) []word {
	if strings.ContainsAny(text, " \t") {
		return []word{{text: text, quoted: true}}
	}
	var words []word
	for text != "" {
		end := strings.IndexByte(text[1:], '/') + 1
		if end == 0 {
			end = len(text)
		}
		words, text = append(words, word{text: text[:end]}), text[end:]
	}
	return words
}

// cutProgram drops the program's name from a command line. Switches may be glued
// to a bare name ("xcopy/?").
func cutProgram(line string) string {
	rest := strings.TrimLeft(line, " \t")
	if quoted, ok := strings.CutPrefix(rest, `"`); ok {
		_, rest, _ = strings.Cut(quoted, `"`)
		return rest
	}
	end := strings.IndexAny(rest, " \t")
	if end < 0 {
		end = len(rest)
	}
	if name := rest[:end]; !strings.ContainsAny(name, `:\.`) {
		if slash := strings.IndexByte(name, '/'); slash >= 0 {
			end = slash
		}
	}
	return rest[end:]
}

// lexOwn takes a command line apart by the rules of the older tools and drops
// the program's name.
func lexOwn(line string) []word {
	rest := cutProgram(line)
	var words []word
	for {
		rest = strings.TrimLeft(rest, " \t")
		if rest == "" {
			return words
		}
		w := word{quoted: rest[0] == '"'}
		var b strings.Builder
		in, i := false, 0
		for ; i < len(rest); i++ {
			c := rest[i]
			if c == '"' {
				in = !in
				continue
			}
			if !in && (c == ' ' || c == '\t' || c == '/' && i > 0) {
				break
			}
			b.WriteByte(c)
		}
		w.text, rest = b.String(), rest[i:]
		words = append(words, w)
	}
}

// parse sorts words into switches and operands. The error is a refusal.
func (g grammar) parse(words []word) (input, error) {
	in := input{words: words}
	for i := 0; i < len(words); i++ {
		w := words[i]
		if w.unknown {
			in.partial = true
		}
		if !g.isSwitch(w) {
			in.items = append(in.items, item{text: w.text, unknown: w.unknown})
			continue
		}
		if w.unknown {
			continue
		}
		if w.text[1:] == "?" {
			return in, machine.Refuse(g.name+" "+w.text, "it prints the help text of Windows, which casement does not have", "leave it out")
		}
		n, err := g.parseSwitch(&in, words[i:])
		if err != nil {
			return in, err
		}
		i += n
	}
	return in, nil
}

// isSwitch reports whether a word looks like a switch.
func (g grammar) isSwitch(w word) bool {
	if g.free || w.quoted || len(w.text) < 2 && !(g.own && w.text == "/") {
		return false
	}
	return w.text[0] == '/' || g.dash && w.text[0] == '-'
}

// parseSwitch reads the switch at words[0] and returns how many more words it
// took.
func (g grammar) parseSwitch(in *input, words []word) (int, error) {
	text := words[0].text
	name, value, hasColon := strings.Cut(text[1:], ":")
	f, ok := g.find(name)
	if !ok || hasColon && f.kind == plain {
		if g.letters && g.parseLetters(in, name, value, hasColon) {
			return 0, nil
		}
		if g.loose {
			in.items = append(in.items, item{text: text})
		} else if in.bad == nil {
			in.bad = &badWord{text: text}
		}
		return 0, nil
	}
	if f.reason != "" {
		return 0, machine.Refuse(g.name+" "+text[:1]+name, f.reason, f.way)
	}
	it := item{flag: f.name, text: value}
	taken := 0
	switch {
	case f.kind == nextAny || f.kind == next && !hasColon:
		if len(words) < 2 || f.kind == next && g.isSwitch(words[1]) && !words[1].unknown {
			if in.bad == nil {
				in.bad = &badWord{text: text, lacks: true}
			}
			return 0, nil
		}
		it.text, it.unknown, taken = words[1].text, words[1].unknown, 1
		in.partial = in.partial || words[1].unknown
	case f.kind == list:
		for _, w := range words[1:] {
			if g.isSwitch(w) {
				break
			}
			it.values, taken = append(it.values, w.text), taken+1
			in.partial = in.partial || w.unknown
		}
	case f.kind == colon && !hasColon && in.bad == nil:
		in.bad = &badWord{text: text, lacks: true}
	}
	in.items = append(in.items, it)
	return taken, nil
}

// parseLetters reads switches of one letter that stand together; the last may
// have a value ("/sic:text").
func (g grammar) parseLetters(in *input, text, value string, hasColon bool) bool {
	var items []item
	for i := range len(text) {
		f, ok := g.find(text[i : i+1])
		last := hasColon && i == len(text)-1
		if !ok || f.reason != "" || last && f.kind == plain || !last && f.kind != plain && f.kind != maybeColon {
			return false
		}
		it := item{flag: f.name}
		if last {
			it.text = value
		}
		items = append(items, it)
	}
	in.items = append(in.items, items...)
	return len(items) > 0
}

func (g grammar) find(name string) (flag, bool) {
	for _, f := range g.flags {
		if strings.EqualFold(f.name, name) {
			return f, true
		}
	}
	return flag{}, false
}

// has reports whether a switch is there.
func (in input) has(name string) bool {
	_, ok := in.get(name)
	return ok
}

// get returns the last occurrence of a switch.
func (in input) get(name string) (item, bool) {
	for i := len(in.items) - 1; i >= 0; i-- {
		if in.items[i].flag == name {
			return in.items[i], true
		}
	}
	return item{}, false
}

// value returns the value of a switch, "" without it.
func (in input) value(name string) string {
	it, _ := in.get(name)
	return it.text
}

// values returns all that the lists of a switch have.
func (in input) values(name string) []string {
	var all []string
	for _, it := range in.items {
		if it.flag == name {
			all = append(all, it.values...)
		}
	}
	return all
}

// operands returns the arguments that are not switches.
func (in input) operands() []string {
	var all []string
	for _, it := range in.items {
		if it.flag == "" {
			all = append(all, it.text)
		}
	}
	return all
}

// twice returns the first switch that occurs more than once.
func (in input) twice() (string, bool) {
	seen := map[string]bool{}
	for _, it := range in.items {
		if it.flag != "" && seen[it.flag] {
			return it.flag, true
		}
		seen[it.flag] = true
	}
	return "", false
}

// flags makes switches without values.
func flags(names ...string) []flag {
	out := make([]flag, len(names))
	for i, n := range names {
		out[i].name = n
	}
	return out
}

// flagsOf makes switches whose values are where kind says.
func flagsOf(kind argKind, names ...string) []flag {
	out := flags(names...)
	for i := range out {
		out[i].kind = kind
	}
	return out
}

// refusedFlags makes switches that are refused, whatever their values.
func refusedFlags(reason, way string, names ...string) []flag {
	out := flagsOf(maybeColon, names...)
	for i := range out {
		out[i].reason, out[i].way = reason, way
	}
	return out
}

// join puts lists of switches together.
func join(lists ...[]flag) []flag {
	var all []flag
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// sdkInvalid is how the family of setx, timeout, where, takeown, choice and
// whoami reports wrong usage.
func sdkInvalid(name string, code int) func(p *proc, b badWord) int {
	return func(p *proc, b badWord) int {
		switch {
		case b.lacks:
			p.errln("ERROR: Invalid syntax. Value expected for '%s'.", strings.ToLower(b.text))
		case b.double:
			p.errln("ERROR: Invalid syntax. '%s' option is not allowed more than '1' time(s).", strings.ToLower(b.text))
		default:
			p.errln("ERROR: Invalid argument/option - '%s'.", b.text)
		}
		p.errln(`Type "%s /?" for usage.`, name)
		return code
	}
}
