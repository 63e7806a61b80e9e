package pscmd

import (
	"bufio"
	"context"
	"strconv"
	"strings"

	"github.com/dlclark/regexp2"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// matchCmdlets look for text.
func matchCmdlets() []*ps.Cmdlet {
	return []*ps.Cmdlet{{
		Name: "Select-String", Aliases: []string{"sls"}, Module: moduleUtility, DefaultSet: "File",
		Syntax: params(`
			InputObject object mandatory null empty pipeline {Object} 5.1
			InputObject object mandatory null empty pipeline {Object,ObjectRaw} 7
			Pattern string[] @1 mandatory
			Path string[] @2 mandatory property {File} 5.1
			Path string[] @2 mandatory property {File,FileRaw} 7
			LiteralPath|PSPath|LP string[] mandatory property {LiteralFile} 5.1
			LiteralPath|PSPath|LP string[] mandatory property {LiteralFile,LiteralFileRaw} 7
			Raw switch mandatory {ObjectRaw,FileRaw,LiteralFileRaw} 7
			SimpleMatch switch
			CaseSensitive switch
			Quiet switch {Object,File,LiteralFile}
			List switch
			NoEmphasis switch 7
			Include string[] notempty
			Exclude string[] notempty
			NotMatch switch
			AllMatches switch
			Encoding string in=unicode,utf7,utf8,utf32,ascii,bigendianunicode,default,oem 5.1
			Encoding object notempty 7
			Context int[] notempty
			Culture string 7 !texts are compared as in en-US`),
		Start: startSelectString,
	}}
}

// MatchInfo is the Data of what Select-String writes.
type MatchInfo struct {
	Line, Path, Pattern string
	Number              int
	IgnoreCase          bool
	Matches             []*regexp2.Match
	context             bool
	before, after       []string
}

// search is one call of Select-String.
type search struct {
	c             *ps.Call
	patterns      []string
	regexes       []*ps.Regex
	charset       *Charset
	before, after int
	lines         *tracker
	number        int
	done          bool
}

func startSelectString(_ context.Context, c *ps.Call) (ps.Steps, error) {
	s := &search{c: c, patterns: c.Strings("Pattern")}
	if !c.Switch("SimpleMatch") {
		options := int64(1)
		if c.Switch("CaseSensitive") {
			options = 0
		}
		for _, p := range s.patterns {
			re, err := c.Session.NewRegex(p, options)
			if err != nil {
				return ps.Steps{}, fail(argumentException, "The string "+p+" is not a valid regular expression: "+ps.ToException(err).Message, "InvalidRegex", ps.InvalidArgument, nil)
			}
			s.regexes = append(s.regexes, re)
		}
	}
	var err error
	if s.charset, _, err = charsetOf(c, "Encoding", UTF8(false)); err != nil {
		return ps.Steps{}, err
	}
	if list := c.Values("Context"); len(list) > 0 && !c.Switch("Raw") {
		s.before, s.after = intOf(list[0]), intOf(list[len(list)-1])
	}
	s.lines = s.newTracker()
	return ps.Steps{Process: s.process, End: func(ctx context.Context, _ *ps.Call) error {
		if s.done {
			return nil
		}
		s.lines.finish()
		_, err := s.flush(ctx, s.lines)
		return err
	}}, nil
}

func (s *search) process(ctx context.Context, c *ps.Call) error {
	if s.done {
		return nil
	}
	list, literal := paths(c)
	v := inputOf(c)
	if o, ok := ps.Unwrap(v).(*ps.Object); ok && len(list) == 0 {
		if f, ok := o.Data.(*FileItem); ok && !f.Dir {
			list, literal = []string{f.Path}, true
		}
	}
	if len(list) > 0 {
		return s.paths(ctx, list, literal)
	}
	s.number++
	text := c.Session.ToString(v)
	if o, ok := ps.Unwrap(v).(*ps.Object); ok {
		if m, ok := o.Data.(*MatchInfo); ok {
			text = m.Line
		}
	}
	m, err := s.match(text)
	if err != nil {
		return err
	}
	if m != nil {
		m.Number = s.number
	}
	s.lines.add(text, m)
	found, err := s.flush(ctx, s.lines)
	if found && c.Switch("Quiet") {
		s.done = true
	}
	return err
}

// paths searches files.
func (s *search) paths(ctx context.Context, list []string, literal bool) error {
	for _, path := range list {
		nodes, err := finder{s: s.c.Session}.find(ctx, path, literal)
		if err != nil {
			if err := report(ctx, s.c, err); err != nil {
				return err
			}
			continue
		}
		for _, n := range nodes {
			if n.container || len(s.c.Strings("Include")) > 0 && !likeAny(s.c.Strings("Include"), n.leaf) || likeAny(s.c.Strings("Exclude"), n.leaf) {
				continue
			}
			found, err := s.file(ctx, n)
			if err != nil {
				return err
			}
			if found && s.c.Switch("Quiet") {
				s.done = true
				return nil
			}
		}
	}
	if s.c.Switch("Quiet") {
		return s.c.Write(ctx, false)
	}
	return nil
}

func (s *search) file(ctx context.Context, n *node) (bool, error) {
	f, err := s.c.Session.Machine().FS().Open(ctx, n.Name)
	if err != nil {
		if fatal(err) {
			return false, err
		}
		x := ps.ToException(err)
		return false, s.c.Error(ctx, fail(argumentException, "The file "+n.Name+" cannot be read: "+x.Message, "ProcessingFile", ps.InvalidArgument, nil))
	}
	defer f.Close()
	text, err := s.charset.NewReader(f)
	if err != nil {
		return false, err
	}
	return s.read(withOpen(ctx, n.Name), n.Name, text)
}

func (s *search) read(ctx context.Context, path string, text *bufio.Reader) (bool, error) {
	t := s.newTracker()
	found := false
	for number := 1; ; number++ {
		line, ok, err := readLine(text)
		if err != nil {
			return found, err
		}
		if !ok {
			break
		}
		if err := s.c.Session.Machine().Tick(ctx); err != nil {
			return found, err
		}
		m, err := s.match(line)
		if err != nil {
			return found, err
		}
		if m != nil {
			m.Path, m.Number = path, number
		}
		t.add(line, m)
		if len(t.out) > 0 {
			found = true
			if s.c.Switch("Quiet") || s.c.Switch("List") {
				break
			}
			if _, err := s.flush(ctx, t); err != nil {
				return found, err
			}
		}
	}
	t.finish()
	more, err := s.flush(ctx, t)
	return found || more, err
}

// match compares a line with the patterns; nil is no match.
func (s *search) match(line string) (*MatchInfo, error) {
	not, all := s.c.Switch("NotMatch"), s.c.Switch("AllMatches")
	m := &MatchInfo{Line: line, IgnoreCase: !s.c.Switch("CaseSensitive")}
	hit := false
	for i, p := range s.patterns {
		m.Pattern = p
		if len(s.regexes) == 0 {
			if m.IgnoreCase {
				hit = strings.Contains(strings.ToLower(line), strings.ToLower(p))
			} else {
				hit = strings.Contains(line, p)
			}
		} else {
			x, err := s.regexes[i].RE.FindStringMatch(line)
			for x != nil && err == nil {
				m.Matches = append(m.Matches, x)
				if !all || not {
					break
				}
				x, err = s.regexes[i].RE.FindNextMatch(x)
			}
			if err != nil {
				return nil, ps.NewException("System.Text.RegularExpressions.RegexMatchTimeoutException", "The Regex engine has timed out while trying to match a pattern to an input string.")
			}
			hit = len(m.Matches) > 0
		}
		if hit {
			break
		}
	}
	if not {
		hit = !hit
		m.Pattern, m.Matches = s.patterns[0], nil
	}
	if !hit {
		return nil, nil
	}
	return m, nil
}

// flush writes what a tracker has ready.
func (s *search) flush(ctx context.Context, t *tracker) (bool, error) {
	if len(t.out) == 0 {
		return false, nil
	}
	list := t.out
	t.out = nil
	if s.c.Switch("Quiet") && !s.c.Switch("List") {
		return true, s.c.Write(ctx, true)
	}
	if s.c.Switch("List") {
		list = list[:1]
	}
	for _, m := range list {
		var v any = s.c.Session.Object("Microsoft.PowerShell.Commands.MatchInfo", m)
		if s.c.Switch("Raw") {
			v = m.Line
		}
		if err := s.c.Write(ctx, v); err != nil {
			return true, err
		}
	}
	return true, nil
}

// tracker gives matches the lines around them. A match is ready when the lines
// behind it have been seen; lines are shown once.
type tracker struct {
	before, after int
	ring          []string
	open          []*MatchInfo
	out           []*MatchInfo
}

func (s *search) newTracker() *tracker { return &tracker{before: s.before, after: s.after} }

func (t *tracker) add(line string, m *MatchInfo) {
	if t.before == 0 && t.after == 0 {
		if m != nil {
			t.out = append(t.out, m)
		}
		return
	}
	for _, o := range t.open {
		o.after = append(o.after, line)
	}
	if m != nil {
		m.context = true
		m.before = append([]string(nil), t.ring...)
		t.open = append(t.open, m)
	}
	for len(t.open) > 0 && len(t.open[0].after) >= t.after {
		t.out = append(t.out, t.open[0])
		t.open = t.open[1:]
	}
	t.ring = append(t.ring, line)
	if len(t.ring) > t.before {
		t.ring = t.ring[1:]
	}
}

func (t *tracker) finish() {
	t.out = append(t.out, t.open...)
	t.open = nil
}

// text is a match as it is shown, with paths as seen from a directory.
func (m *MatchInfo) text(dir string) string {
	path := m.Path
	if dir != "" && path != "" {
		if rest, ok := cutFold(path, strings.TrimSuffix(dir, `\`)+`\`); ok {
			path = rest
		}
	}
	one := func(prefix string, number int, line string) string {
		if m.Path == "" {
			return prefix + line
		}
		return prefix + path + ":" + strconv.Itoa(number) + ":" + line
	}
	if !m.context {
		return one("", m.Number, m.Line)
	}
	var lines []string
	n := m.Number - len(m.before)
	for _, l := range m.before {
		lines = append(lines, one("  ", n, l))
		n++
	}
	lines = append(lines, one("> ", n, m.Line))
	for _, l := range m.after {
		n++
		lines = append(lines, one("  ", n, l))
	}
	return strings.Join(lines, "\r\n")
}

// cutFold is strings.CutPrefix without regard to case.
func cutFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

// MatchObject makes the object of a match of a regular expression.
func MatchObject(s *ps.Session, m *regexp2.Match) *ps.Object {
	return s.Object("System.Text.RegularExpressions.Match", m)
}

// matchTypes are the results of searching.
func matchTypes() []*ps.Type {
	info := func(name, typ string, get func(in *ps.Invoke, m *MatchInfo) any) ps.Member {
		return ps.Prop(name, typ, func(_ context.Context, in *ps.Invoke) (any, error) { return get(in, in.Data().(*MatchInfo)), nil })
	}
	return []*ps.Type{
		{
			Name:   "Microsoft.PowerShell.Commands.MatchInfo",
			String: func(v any) string { return v.(*ps.Object).Data.(*MatchInfo).text("") },
			Members: func() []ps.Member {
				path := func(m *MatchInfo) string {
					if m.Path == "" {
						return "InputStream"
					}
					return m.Path
				}
				return []ps.Member{
					info("IgnoreCase", "bool", func(_ *ps.Invoke, m *MatchInfo) any { return m.IgnoreCase }),
					info("LineNumber", "int", func(_ *ps.Invoke, m *MatchInfo) any { return ps.Int(m.Number) }),
					info("Line", "string", func(_ *ps.Invoke, m *MatchInfo) any { return m.Line }),
					info("Filename", "string", func(_ *ps.Invoke, m *MatchInfo) any { return leafName(path(m)) }),
					info("Path", "string", func(_ *ps.Invoke, m *MatchInfo) any { return path(m) }),
					info("Pattern", "string", func(_ *ps.Invoke, m *MatchInfo) any { return m.Pattern }),
					info("Context", "System.Object", func(_ *ps.Invoke, m *MatchInfo) any {
						if !m.context {
							return nil
						}
						return ps.NewCustom("PreContext", ps.Strings(m.before), "PostContext", ps.Strings(m.after))
					}),
					info("Matches", "System.Text.RegularExpressions.Match[]", func(in *ps.Invoke, m *MatchInfo) any {
						list := make([]any, len(m.Matches))
						for i, x := range m.Matches {
							list[i] = MatchObject(in.Session, x)
						}
						return ps.NewTyped("System.Text.RegularExpressions.Match", list)
					}),
				}
			},
			View: func() *ps.View {
				return &ps.View{Custom: func(_ context.Context, s *ps.Session, v any) []string {
					return strings.Split(v.(*ps.Object).Data.(*MatchInfo).text(s.Location().String()), "\r\n")
				}}
			},
		},
	}
}

// intOf is a number that has been converted already.
func intOf(v any) int {
	n, _ := ps.Unwrap(v).(int32)
	return int(n)
}
