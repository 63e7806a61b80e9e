package machine

import "strings"

// SplitCommandLine takes a command line apart as its program does, the program's
// name first: programs of Windows by the rules of CommandLineToArgvW and the C
// runtime of Windows, pwsh by those of the newer runtime that it is built with.
func SplitCommandLine(line string) []string {
	if strings.Trim(line, " \t") == "" {
		return nil
	}
	name, rest := CutProgram(line)
	newer := strings.TrimSuffix(strings.ToLower(name[strings.LastIndexAny(name, `\/`)+1:]), ".exe") == "pwsh"
	args := []string{name}
	for {
		rest = strings.TrimLeft(rest, " \t")
		if rest == "" {
			return args
		}
		var arg string
		arg, rest = CutArg(rest, newer)
		args = append(args, arg)
	}
}

// CutProgram cuts the program's name off a command line: quotes group,
// backslashes are nothing special.
func CutProgram(line string) (name, rest string) {
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

// CutArg cuts the first argument off a text that does not begin with a blank. Of
// backslashes before a quote two stand for one, and an odd one takes the quote's
// meaning; two quotes inside a quoted part stand for one, and end that part
// unless the runtime is the newer one: there """a  b""" is a, b, and here "a  b".
func CutArg(s string, newer bool) (arg, rest string) {
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
			quoted = newer
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
