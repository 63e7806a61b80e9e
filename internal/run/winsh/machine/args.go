package machine

import "strings"

// SplitCommandLine takes a command line apart by the rules of the C runtime
// (CommandLineToArgvW), the program's name first.
func SplitCommandLine(line string) []string {
	if strings.Trim(line, " \t") == "" {
		return nil
	}
	name, rest := cutProgram(line)
	args := []string{name}
	for {
		rest = strings.TrimLeft(rest, " \t")
		if rest == "" {
			return args
		}
		var arg string
		arg, rest = cutArg(rest)
		args = append(args, arg)
	}
}

// NextArg takes the first argument off a command line that does not begin with a
// blank, or the program's name, which has rules of its own.
func NextArg(line string, program bool) (arg, rest string) {
	if program {
		return cutProgram(line)
	}
	return cutArg(line)
}

// cutProgram cuts the program's name off: quotes group, backslashes are nothing
// special.
func cutProgram(line string) (name, rest string) {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			quoted = !quoted
		case (c == ' ' || c == '\t') && !quoted:
			return b.String(), line[i:]
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), ""
}

// cutArg cuts one argument off. Of backslashes before a quote two stand for
// one, and an odd one takes the quote's meaning; two quotes inside a quoted
// part stand for one.
func cutArg(s string) (arg, rest string) {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(s); {
		slashes := 0
		for i < len(s) && s[i] == '\\' {
			slashes++
			i++
		}
		if i == len(s) || s[i] != '"' {
			for range slashes {
				b.WriteByte('\\')
			}
			if i == len(s) {
				break
			}
			if (s[i] == ' ' || s[i] == '\t') && !quoted {
				return b.String(), s[i:]
			}
			b.WriteByte(s[i])
			i++
			continue
		}
		for range slashes / 2 {
			b.WriteByte('\\')
		}
		switch {
		case slashes%2 == 1:
			b.WriteByte('"')
		case quoted && i+1 < len(s) && s[i+1] == '"':
			b.WriteByte('"')
			i++
		default:
			quoted = !quoted
		}
		i++
	}
	return b.String(), ""
}

// QuoteArg makes text one argument for those rules.
func QuoteArg(arg string) string {
	if arg != "" && !strings.ContainsAny(arg, " \t\n\v\"") {
		return arg
	}
	var b strings.Builder
	b.WriteByte('"')
	slashes := 0
	for i := 0; i < len(arg); i++ {
		switch arg[i] {
		case '\\':
			slashes++
		case '"':
			// The backslashes in front are doubled, and one is for the quote.
			for range slashes + 1 {
				b.WriteByte('\\')
			}
			slashes = 0
		default:
			slashes = 0
		}
		b.WriteByte(arg[i])
	}
	for range slashes {
		b.WriteByte('\\')
	}
	b.WriteByte('"')
	return b.String()
}
