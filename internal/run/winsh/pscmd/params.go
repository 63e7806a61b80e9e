package pscmd

import (
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// params reads the parameters of a cmdlet, when they are asked for, one a line:
//
//	Path|FullName string[] @1 mandatory pipeline property {Path,Both}
//	Encoding string in=Ascii,UTF8 5.1
//	Depth uint32
//	FromSession object !there are no sessions with other computers
//
// The name comes first, with its aliases; then the type. @N is the position;
// {A,B} are the sets; pipeline, property, remaining, mandatory, null, empty,
// notempty, notnull and dynamic are what the fields of [ps.Parameter] say; in= lists the
// values that are allowed and range= their limits; 5.1 and 7 are the only edition that has it. What
// follows ! is the reason why it cannot be used, and what to do instead behind =>.
//
// The text is constant, so a mistake in it is a panic, which [TestParams] finds.
func params(text string) func() []ps.Parameter {
	return func() []ps.Parameter { return readParams(text) }
}

func readParams(text string) []ps.Parameter {
	var list []ps.Parameter
	for line := range strings.Lines(text) {
		line, refuse, _ := strings.Cut(strings.TrimSpace(line), "!")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(words) < 2 {
			panic("pscmd: a parameter without type: " + line)
		}
		names := strings.Split(words[0], "|")
		p := ps.Parameter{Name: names[0], Aliases: names[1:], Type: words[1]}
		p.Refuse, p.Way, _ = strings.Cut(refuse, " => ")
		for _, w := range words[2:] {
			attribute(&p, w)
		}
		list = append(list, p)
	}
	return list
}

// attribute reads one word behind the type.
func attribute(p *ps.Parameter, word string) {
	key, value, _ := strings.Cut(word, "=")
	switch {
	case word[0] == '@':
		p.Pos, _ = strconv.Atoi(word[1:])
		return
	case word[0] == '{':
		p.Sets = strings.Split(strings.Trim(word, "{}"), ",")
		return
	case key == "in":
		p.ValidateSet = strings.Split(value, ",")
		return
	case key == "range":
		from, to, _ := strings.Cut(value, "..")
		p.Min, _ = strconv.ParseInt(from, 10, 64)
		p.Max, _ = strconv.ParseInt(to, 10, 64)
		return
	}
	switch word {
	case "mandatory":
		p.Mandatory = true
	case "pipeline":
		p.FromPipeline = true
	case "property":
		p.FromProperty = true
	case "remaining":
		p.Remaining = true
	case "dynamic":
		p.Dynamic = true
	case "null":
		p.AllowNull = true
	case "empty":
		p.AllowEmpty = true
	case "notempty":
		p.NotEmpty = true
	case "notnull":
		p.NotNull = true
	case "5.1":
		p.Edition = ps.Desktop
	case "7":
		p.Edition = ps.Core
	default:
		panic("pscmd: what is " + word + " of the parameter " + p.Name)
	}
}
