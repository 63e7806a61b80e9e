package winsh

import (
	"errors"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run"
)

// place says in a refusal where the step stands: in an instruction with several
// lines, in the one that has the construct, as far as that can be told.
func place(err error, s run.Step) error {
	var refused *run.RefusedError
	if errors.As(err, &refused) && refused.Where == (run.Where{}) {
		what := wordOf(refused.Construct)
		if script, _, ok := strings.Cut(baseOf(refused.Script), ":"); ok {
			what = script
		}
		refused.Where = s.Where
		refused.Where.Line += lineOf(s.Where.Text, what)
	}
	return err
}

// wordOf is the word of a construct that the author has written: a program is
// named by its full path, and a type in brackets.
func wordOf(construct string) string {
	word, _, _ := strings.Cut(construct, " ")
	if strings.Contains(word, `\`) {
		word, _, _ = strings.Cut(baseOf(construct), " ")
	}
	return strings.Trim(strings.TrimSuffix(word, "()"), "[]")
}

func baseOf(path string) string { return path[strings.LastIndexAny(path, `\/`)+1:] }

// lineOf returns in which line of an instruction, counted from 0, a word stands:
// the only one, or the first one where a command begins. 0 if there is none.
func lineOf(text, word string) int {
	word = strings.ToLower(word)
	var lines, commands []int
	for i, line := range strings.Split(strings.ToLower(text), "\n") {
		if word == "" || strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for from := 0; ; {
			at := strings.Index(line[from:], word)
			if at < 0 {
				break
			}
			lines = append(lines, i)
			before := line[:from+at]
			from += at + len(word)
			if beginsCommand(before) && endsWord(line[from:]) {
				commands = append(commands, i)
			}
		}
	}
	switch {
	case len(lines) == 1:
		return lines[0]
	case len(commands) > 0:
		return commands[0]
	}
	return 0
}

// beginsCommand reports whether what comes behind a text in lower case is the name
// of a command, or the end of its path.
func beginsCommand(before string) bool {
	const separators = ";&|({}"
	start := strings.LastIndexAny(before, " \t"+separators) + 1
	if strings.Contains(before[start:], "://") {
		return false // what is left is the path of the name, and quotes
	}
	before = strings.TrimRight(before[:start], " \t")
	if before == "" || strings.ContainsAny(before[len(before)-1:], separators) {
		return true
	}
	words := strings.Fields(before)
	last := strings.TrimLeft(words[len(words)-1], "@")
	return slices.Contains([]string{"run", "call", "start", "/w", "/wait", "/c", "-c", "-command", "cmd", "powershell", "pwsh", "powershell.exe", "do", "else"}, last)
}

// endsWord reports whether a word is at its end before a text.
func endsWord(rest string) bool {
	if rest == "" {
		return true
	}
	c := rest[0]
	return c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z')
}
