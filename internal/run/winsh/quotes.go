package winsh

import (
	"fmt"
	"strings"

	"github.com/casement/casement/internal/run"
)

// warnOfQuotes warns of double quotes that PowerShell will not see. The words of
// a step become one command line, which the C runtime takes apart again: quotes
// that are not written \" group words and vanish. For text that means the same
// without them nothing is said.
func warnOfQuotes(s run.Step, line string) {
	if s.Warn == nil || !s.RootUnknown || len(s.Args) < 2 || !isPowerShell(s.Args[0]) {
		return
	}
	text := s.Args[len(s.Args)-1]
	for _, a := range s.Args[1 : len(s.Args)-1] {
		if low := strings.ToLower(a); strings.HasPrefix(low, "-e") && strings.HasPrefix("-encodedcommand", low) || strings.HasPrefix(low, "-f") && strings.HasPrefix("-file", low) {
			return // a script's arguments, or no text at all
		}
	}
	lost := lostQuotes(text)
	if lost == "" {
		return
	}
	s.Warn(
		fmt.Sprintf("the double quotes of %s do not reach PowerShell: Windows takes them out of the command line", shorten(lost)),
		`write '…' instead of "…", or \" for each quote that PowerShell has to see`)
}

// lostQuotes returns the first quoted part of a text whose quotes vanish and
// matter: without them it would be several words, or none, or be read as
// something else.
func lostQuotes(text string) string {
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
			if part := text[open+1 : i]; matters(text, open, i, part) {
				return text[open : i+1]
			}
			open = -1
		}
		slashes = 0
	}
	if open >= 0 {
		return text[open:]
	}
	return ""
}

// matters reports whether a quoted part means something else without quotes.
func matters(text string, from, to int, part string) bool {
	if part == "" || strings.ContainsAny(part, " \t\r\n;|&(){}<>@,'`#$") {
		return true
	}
	// Where an expression stands, a word is not a string.
	before := strings.TrimRight(text[:from], " \t")
	if before == "" || strings.HasSuffix(before, "=") || strings.HasSuffix(before, "(") || strings.HasSuffix(before, ",") {
		return true
	}
	for _, op := range []string{"-eq", "-ne", "-like", "-match", "-replace", "-notlike", "-notmatch", "-contains", "-in", "-split", "-join", "+"} {
		if strings.HasSuffix(strings.ToLower(before), op) {
			return true
		}
	}
	after := strings.TrimLeft(text[to+1:], " \t")
	return strings.HasPrefix(after, "+") || strings.HasPrefix(after, ".")
}

// isPowerShell reports whether a program's name is one of PowerShell's.
func isPowerShell(name string) bool {
	name = strings.ToLower(strings.Trim(name, `"`))
	name = name[strings.LastIndexAny(name, `\/`)+1:]
	name = strings.TrimSuffix(name, ".exe")
	return name == "powershell" || name == "pwsh"
}

// shorten cuts a text for a message.
func shorten(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
