package dockerfile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/progress"
)

// trap is a line that says something else than it seems to.
type trap struct {
	rule, msg  string
	detail     string
	line, last int
	// err marks a line that is likely to be the reason of an error.
	path string
}

// warning returns the trap in the form of the frontend's own warnings.
func (t trap) warning(file string, text []byte) progress.Warning {
	return progress.Warning{
		Short:  fmt.Sprintf("%s: %s (line %d)", t.rule, t.msg, t.line),
		Detail: []string{t.detail},
		File:   file, Text: text, Level: 1,
		Lines: []progress.Lines{{First: t.line, Last: max(t.line, t.last)}},
	}
}

// warnTraps warns of the traps of a Dockerfile that makes a Windows image.
func (c *client) warnTraps(results []Result) {
	if !slices.ContainsFunc(results, func(r Result) bool { return r.Platform.OS == "windows" }) {
		return
	}
	seen := make(map[string]bool)
	for _, t := range windowsTraps(c.text()) {
		if w := t.warning(c.req.Filename, c.text()); !seen[w.Short] {
			seen[w.Short] = true
			c.loading.Warn(w)
		}
	}
}

// windowsTraps returns what can be seen in the text.
func windowsTraps(text []byte) []trap {
	out := lineEndTraps(text)
	f, err := parse(text)
	if err != nil {
		return out
	}
	for _, s := range f.stages {
		for _, cmd := range s.Commands {
			var words []string
			switch cmd := cmd.(type) {
			case *instructions.RunCommand:
				out = append(out, listTraps(text, cmd, cmd.PrependShell)...)
			case *instructions.CmdCommand:
				out = append(out, listTraps(text, cmd, cmd.PrependShell)...)
			case *instructions.EntrypointCommand:
				out = append(out, listTraps(text, cmd, cmd.PrependShell)...)
			case *instructions.EnvCommand:
				out = append(out, envTraps(cmd)...)
				for _, e := range cmd.Env {
					words = append(words, e.Value)
				}
			case *instructions.CopyCommand:
				out = append(out, quoteTraps(f, text, cmd)...)
				words = append(slices.Clone(cmd.SourcePaths), cmd.DestPath)
			case *instructions.AddCommand:
				out = append(out, quoteTraps(f, text, cmd)...)
				words = append(slices.Clone(cmd.SourcePaths), cmd.DestPath)
			case *instructions.WorkdirCommand:
				out = append(out, quoteTraps(f, text, cmd)...)
				words = []string{cmd.Path}
			}
			if f.escape == '\\' {
				out = append(out, separatorTraps(cmd, words)...)
			}
		}
	}
	return out
}

// The last word of a line that ends in a back slash: a path with a drive, or
// with another back slash in it, whose end the author did not mean as a
// continuation.
var (
	drivePath = regexp.MustCompile(`(?:^|[\s"'=,;(\[])([A-Za-z]:\\(?:[^\s"']*\\)?)[ \t]*\r?$`)
	anyPath   = regexp.MustCompile(`[ \t]((?:\.{0,2}|[\w.%-]+|[A-Za-z]:)\\(?:[^\s"'&|]*\\)?)[ \t]*\r?$`)
	pathLines = regexp.MustCompile(`(?i)^\s*(?:ONBUILD\s+)?(?:COPY|ADD|WORKDIR|VOLUME)\s`)
)

// lineEndTraps finds paths at the ends of lines whose last back slash is the
// escape character, so that the next line is taken for the rest of the path.
func lineEndTraps(text []byte) []trap {
	if escapeIsBackquote(text) {
		return nil
	}
	var out []trap
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), "#") || strings.HasSuffix(strings.TrimRight(line, " \t\r"), `\\`) {
			continue
		}
		m := drivePath.FindStringSubmatch(line)
		if m == nil && pathLines.MatchString(line) {
			m = anyPath.FindStringSubmatch(line)
		}
		// A back slash alone behind a blank is a continuation and meant so.
		if m == nil || m[1] == `\` {
			continue
		}
		out = append(out, trap{
			rule: "WindowsLineEnd", line: i + 1, last: min(i+2, len(lines)), path: m[1],
			msg:    fmt.Sprintf("the line ends in the escape character, so %s continues on the next line", m[1]),
			detail: "Write \"# escape=`\" in the first line of the Dockerfile, or end the path in a slash.",
		})
	}
	return out
}

// explanation is the hint for an error that the line caused.
func (t trap) explanation() string {
	return fmt.Sprintf("line %d ends in the escape character, so %s continues on the next line; "+
		"write \"# escape=`\" in the first line of the Dockerfile, or end the path in a slash", t.line, t.path)
}

func escapeIsBackquote(text []byte) bool {
	v, _, _, ok := parser.ParseDirective("escape", text)
	return ok && v == "`"
}

// envReference is a variable as cmd writes it.
var envReference = regexp.MustCompile(`%[A-Za-z_][A-Za-z0-9_()]*%`)

// envTraps finds variables that nobody will expand.
func envTraps(cmd *instructions.EnvCommand) []trap {
	var out []trap
	first, last := linesAt(cmd.Location())
	for _, e := range cmd.Env {
		if m := envReference.FindString(e.Value); m != "" {
			out = append(out, trap{
				rule: "WindowsEnvReference", line: first, last: last,
				msg:    fmt.Sprintf("ENV %s keeps %s as it is written", e.Key, m),
				detail: "Neither the build nor Windows expands percent signs in an image's environment. Write ${NAME} for a variable of the image.",
			})
		}
	}
	return out
}

// lostSeparator is a back slash between two parts of a path. One behind a
// drive's colon may get lost without harm.
var lostSeparator = regexp.MustCompile(`[^\\:]\\[\w.%$-]`)

// separatorTraps finds paths whose separators are taken for escape characters.
func separatorTraps(cmd instructions.Command, words []string) []trap {
	var out []trap
	first, last := linesAt(cmd.Location())
	for _, w := range words {
		if strings.ContainsAny(w, `"'`) || !lostSeparator.MatchString(w) {
			continue
		}
		left := strings.NewReplacer(`\\`, `\`, `\`, "").Replace(w)
		out = append(out, trap{
			rule: "WindowsSeparator", line: first, last: last,
			msg:    fmt.Sprintf("%s takes the back slashes of %s for escape characters, what is left is %s", strings.ToUpper(cmd.Name()), w, left),
			detail: "Write \"# escape=`\" in the first line of the Dockerfile, or write the path with slashes.",
		})
	}
	return out
}

// quotedBlank is a blank behind a back quote, inside a word.
var quotedBlank = regexp.MustCompile("[^\\s`]` +[^\\s`]")

// quoteTraps finds blanks that are meant to be part of a path.
func quoteTraps(f *file, text []byte, cmd instructions.Command) []trap {
	first, last := linesAt(cmd.Location())
	if f.escape != '`' || !quotedBlank.MatchString(linesOf(text, first, last)) {
		return nil
	}
	return []trap{{
		rule: "WindowsQuotedBlank", line: first, last: last,
		msg:    fmt.Sprintf("a back quote does not keep a blank in a path of %s", cmd.Name()),
		detail: `The path ends at the blank. Write the JSON form: ["source", "C:\\Program Files\\x\\"].`,
	}}
}

// brokenList is what looks like the exec form behind the name of an instruction
// and its flags.
var brokenList = regexp.MustCompile(`(?s)^\s*(?:ONBUILD\s+)?[A-Za-z]+\s+(?:--\S+\s+)*\[\s*".*\]\s*$`)

// listTraps finds lists of words that are no JSON, so that they are taken for the
// text of a command.
func listTraps(text []byte, cmd instructions.Command, shell bool) []trap {
	first, last := linesAt(cmd.Location())
	if !shell || !brokenList.MatchString(linesOf(text, first, last)) {
		return nil
	}
	t := trap{
		rule: "WindowsExecForm", line: first, last: last,
		msg:    fmt.Sprintf("the list of %s is no JSON, so the shell gets it as it is written", strings.ToUpper(cmd.Name())),
		detail: "Put double quotes around each word, and write each \\ of a path twice.",
	}
	return []trap{t}
}

// heredocTraps finds scripts of which cmd runs the first line only.
func heredocTraps(g *llb.Graph) []trap {
	var out []trap
	for v := range g.Vertices() {
		e, ok := v.Op.(*llb.Exec)
		if !ok || len(e.Args) < 2 || v.Where.Line == 0 {
			continue
		}
		shell := strings.ToLower(strings.TrimSuffix(strings.ToLower(e.Args[0]), ".exe"))
		script := strings.TrimSpace(e.Args[len(e.Args)-1])
		if shell == "cmd" && strings.Contains(script, "\n") {
			out = append(out, trap{
				rule: "WindowsHeredoc", line: v.Where.Line, last: v.Where.EndLine,
				msg:    "cmd runs only the first line of a here-document",
				detail: "Join the commands with && or use SHELL [\"powershell\", \"-Command\"].",
			})
		}
	}
	return out
}

// linesAt returns the first and the last line of some ranges.
func linesAt(at []parser.Range) (first, last int) {
	var l llb.Location
	for _, r := range at {
		l = widen(l, r.Start.Line, r.End.Line)
	}
	return l.Line, l.EndLine
}
