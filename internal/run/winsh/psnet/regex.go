package psnet

import (
	"context"
	"strconv"
	"strings"

	"github.com/dlclark/regexp2"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

const (
	regexName = "System.Text.RegularExpressions.Regex"
	matchName = "System.Text.RegularExpressions.Match"
	groupName = "System.Text.RegularExpressions.Group"
)

// match is the Data of a Match that a Regex has found. Those of the engine's
// operators and of Select-String have the *regexp2.Match itself.
type match struct {
	m  *regexp2.Match // nil is Match.Empty
	re *regexp2.Regexp
	// wide says that the text has characters of two units, so that places have to
	// be counted anew.
	wide []rune
}

// place is a place in UTF-16 units.
func (m *match) place(runes int) int {
	if m.wide == nil {
		return runes
	}
	return len(ps.Units(string(m.wide[:runes])))
}

func (m *match) size(index, runes int) int {
	if m.wide == nil {
		return runes
	}
	return len(ps.Units(string(m.wide[index : index+runes])))
}

// wideText is the text as runes if places in it are not those of .NET.
func wideText(text string) []rune {
	for _, r := range text {
		if r > 0xffff {
			return []rune(text)
		}
	}
	return nil
}

func matchOf(in *ps.Invoke) *match {
	switch d := in.Data().(type) {
	case *match:
		return d
	case *regexp2.Match:
		return &match{m: d}
	}
	return &match{}
}

// group is the Data of a Group or Capture.
type group struct {
	m    *match
	g    *regexp2.Group // nil for a capture, and for what did not take part
	c    *regexp2.Capture
	name string
}

// regexTypes are Regex and what it finds.
func regexTypes() []*ps.Type {
	value := func(v any) string {
		switch d := v.(*ps.Object).Data.(type) {
		case *match:
			if d.m != nil {
				return d.m.String()
			}
		case *regexp2.Match:
			return d.String()
		case *group:
			if d.c != nil {
				return d.c.String()
			}
		}
		return ""
	}
	const capture = "System.Text.RegularExpressions.Capture"
	return []*ps.Type{
		{
			Name: regexName, Members: regexMembers,
			New: overloads(can(func(in *ps.Invoke) (any, error) { return in.Session.NewRegex(in.String(0), enumArg(in, 1)) }), "string pattern", "string pattern, "+regexOptions+" options", "string pattern, "+regexOptions+" options, timespan matchTimeout"),
		},
		flags(regexOptions, "None", 0, "IgnoreCase", 1, "Multiline", 2, "ExplicitCapture", 4, "Compiled", 8, "Singleline", 16, "IgnorePatternWhitespace", 32, "RightToLeft", 64, "ECMAScript", 256, "CultureInvariant", 512, "NonBacktracking", 1024),
		{Name: capture, String: value, Members: captureMembers},
		{Name: groupName, Base: capture, String: value, Members: groupMembers},
		{Name: matchName, Base: groupName, String: value, Members: matchMembers},
		{Name: "System.Text.RegularExpressions.MatchCollection", Implements: []string{"System.Collections.IEnumerable", "System.Collections.ICollection"}, Members: listMembers},
		{Name: "System.Text.RegularExpressions.CaptureCollection", Implements: []string{"System.Collections.IEnumerable", "System.Collections.ICollection"}, Members: listMembers},
		{Name: "System.Text.RegularExpressions.GroupCollection", Implements: []string{"System.Collections.IEnumerable", "System.Collections.ICollection"}, Members: groupListMembers},
		delegate("System.Text.RegularExpressions.MatchEvaluator"), {Name: "System.Delegate", Abstract: true},
	}
}

const regexOptions = "System.Text.RegularExpressions.RegexOptions"

// compiled returns the Regex of a pattern that is an argument. Compiled ones are
// kept for the session.
func compiled(in *ps.Invoke, pattern string, options int64) (*ps.Regex, error) {
	type key struct {
		pattern string
		options int64
	}
	type cacheKey struct{}
	cache := in.Session.Value(cacheKey{}, func() any { return map[key]*ps.Regex{} }).(map[key]*ps.Regex)
	k := key{pattern, options}
	if re := cache[k]; re != nil {
		return re, nil
	}
	re, err := in.Session.NewRegex(pattern, options)
	if err != nil {
		return nil, err
	}
	if len(cache) > 200 {
		clear(cache)
	}
	cache[k] = re
	return re, nil
}

// onRegex makes the code of a method that Regex has twice: static, with the
// pattern behind the text, and of an object.
func onRegex(f func(ctx context.Context, in *ps.Invoke, re *ps.Regex, text string, rest []any) (any, error)) (static, instance run) {
	static = func(ctx context.Context, in *ps.Invoke) (any, error) {
		options := int64(0)
		rest := in.Args[2:]
		for i, a := range rest {
			if e, ok := a.(ps.Enum); ok {
				options, rest = e.Value, rest[:i]
				break
			}
		}
		re, err := compiled(in, in.String(1), options)
		if err != nil {
			return nil, err
		}
		v, err := f(ctx, in, re, in.String(0), rest)
		return v, timedOut(err)
	}
	instance = func(ctx context.Context, in *ps.Invoke) (any, error) {
		re, _ := ps.Unwrap(in.Self).(*ps.Regex)
		v, err := f(ctx, in, re, in.String(0), in.Args[1:])
		return v, timedOut(err)
	}
	return static, instance
}

// timedOut ends a step whose expression does not come to an end.
func timedOut(err error) error {
	if err != nil && strings.Contains(err.Error(), "match timeout") {
		return &machine.LimitError{What: "a regular expression", Limit: 30, Unit: "seconds"}
	}
	return err
}

func regexMembers() []ps.Member {
	const text, pattern, options = "string input", "string input, string pattern", ", " + regexOptions + " options"
	const limited = options + ", timespan matchTimeout"
	var list []ps.Member
	both := func(name, returns string, f func(ctx context.Context, in *ps.Invoke, re *ps.Regex, text string, rest []any) (any, error), middle []string, last ...string) {
		s, i := onRegex(f)
		var statics, instances []string
		for _, m := range middle {
			statics = append(statics, pattern+m, pattern+m+options, pattern+m+limited)
			instances = append(instances, text+m)
			for _, l := range last {
				instances = append(instances, text+m+l)
			}
		}
		list = append(list, static(name, returns, s, statics...), method(name, returns, i, instances...))
	}
	none := []string{""}
	both("IsMatch", "bool", isMatch, none, ", int startat")
	both("Match", matchName, firstMatch, none, ", int startat", ", int beginning, int length")
	both("Matches", "System.Text.RegularExpressions.MatchCollection", everyMatch, none, ", int startat")
	both("Replace", "string", replaceMatches, []string{", string replacement", ", scriptblock evaluator"}, ", int count", ", int count, int startat")
	both("Split", "string[]", splitMatches, none, ", int count", ", int count, int startat")
	re := func(in *ps.Invoke) *ps.Regex { r, _ := ps.Unwrap(in.Self).(*ps.Regex); return r }
	return append(list,
		static("Escape", "string", val(func(in *ps.Invoke) any { return escapeRegex(in.String(0)) }), "string str"),
		static("Unescape", "string", can(func(in *ps.Invoke) (any, error) {
			s, err := regexp2.Unescape(in.String(0))
			if err != nil {
				return nil, throw(argumentException, "parsing \""+in.String(0)+"\" - Unrecognized escape sequence.")
			}
			return s, nil
		}), "string str"),
		prop("Options", regexOptions, func(in *ps.Invoke) any { return in.Session.Enum(regexOptions, re(in).Options) }),
		prop("MatchTimeout", "timespan", func(*ps.Invoke) any { return ps.TimeSpan(-10000) }),
		prop("RightToLeft", "bool", func(in *ps.Invoke) any { return re(in).Options&64 != 0 }),
		method("GetGroupNames", "string[]", val(func(in *ps.Invoke) any { return ps.Strings(re(in).RE.GetGroupNames()) }), ""),
		method("GetGroupNumbers", "int[]", val(func(in *ps.Invoke) any { return ints(re(in).RE.GetGroupNumbers()) }), ""),
		method("GroupNameFromNumber", "string", val(func(in *ps.Invoke) any { return re(in).RE.GroupNameFromNumber(in.Int(0)) }), "int i"),
		method("GroupNumberFromName", "int", val(func(in *ps.Invoke) any { return ps.Int(re(in).RE.GroupNumberFromName(in.String(0))) }), "string name"),
		method("ToString", "string", val(func(in *ps.Invoke) any { return re(in).Pattern }), ""),
	)
}

func ints(list []int) *ps.Array {
	items := make([]any, len(list))
	for i, n := range list {
		items[i] = ps.Int(n)
	}
	return ps.NewTyped("System.Int32", items)
}

// escapeRegex escapes \, *, +, ?, |, {, [, (, ), ^, $, ., # and blanks.
func escapeRegex(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch r {
		case '\t':
			b.WriteString(`\t`)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\f':
			b.WriteString(`\f`)
		case '\\', '*', '+', '?', '|', '{', '[', '(', ')', '^', '$', '.', '#', ' ':
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// startOf is the place where a search begins, in runes of the text.
func startOf(in *ps.Invoke, text string, rest []any) (int, error) {
	if len(rest) == 0 {
		return 0, nil
	}
	at := int(intOf(rest[0]))
	size := textLen(text)
	if at < 0 || at > size {
		return 0, outOfRange(in.Session, "Start index cannot be less than 0 or greater than input length.", "startat")
	}
	return len([]rune(cut(text, 0, at))), nil
}

func isMatch(_ context.Context, in *ps.Invoke, re *ps.Regex, text string, rest []any) (any, error) {
	if len(rest) == 0 {
		return re.RE.MatchString(text)
	}
	at, err := startOf(in, text, rest)
	if err != nil {
		return nil, err
	}
	m, err := re.RE.FindStringMatchStartingAt(text, at)
	return m != nil, err
}

func newMatch(s *ps.Session, re *regexp2.Regexp, m *regexp2.Match, wide []rune) *ps.Object {
	return s.Object(matchName, &match{m: m, re: re, wide: wide})
}

func firstMatch(_ context.Context, in *ps.Invoke, re *ps.Regex, text string, rest []any) (any, error) {
	at, err := startOf(in, text, rest)
	if err != nil {
		return nil, err
	}
	if len(rest) == 2 { // a part of the text only
		from, n := int(intOf(rest[0])), int(intOf(rest[1]))
		if n < 0 || from+n > textLen(text) {
			return nil, outOfRange(in.Session, "Length cannot be less than 0 or exceed input length.", "length")
		}
		text = cut(text, 0, from+n)
	}
	var m *regexp2.Match
	if at == 0 {
		m, err = re.RE.FindStringMatch(text)
	} else {
		m, err = re.RE.FindRunesMatchStartingAt([]rune(text), at)
	}
	return newMatch(in.Session, re.RE, m, wideText(text)), err
}

func everyMatch(ctx context.Context, in *ps.Invoke, re *ps.Regex, text string, rest []any) (any, error) {
	at, err := startOf(in, text, rest)
	if err != nil {
		return nil, err
	}
	list, wide := []any{}, wideText(text)
	m, err := re.RE.FindRunesMatchStartingAt([]rune(text), at)
	if at == 0 {
		m, err = re.RE.FindStringMatch(text)
	}
	for m != nil && err == nil {
		if err := in.Session.Machine().Tick(ctx); err != nil {
			return nil, err
		}
		list = append(list, newMatch(in.Session, re.RE, m, wide))
		m, err = re.RE.FindNextMatch(m)
	}
	return &ps.Array{Type: "System.Text.RegularExpressions.MatchCollection", Items: list}, err
}

// replaceMatches is Replace with a text or a script block.
func replaceMatches(ctx context.Context, in *ps.Invoke, re *ps.Regex, text string, rest []any) (any, error) {
	count := -1
	if len(rest) > 1 {
		count = int(intOf(rest[1]))
	}
	at := -1
	if len(rest) > 2 {
		var err error
		if at, err = startOf(in, text, rest[2:]); err != nil {
			return nil, err
		}
	}
	block, isBlock := ps.Unwrap(rest[0]).(*ps.ScriptBlock)
	if !isBlock {
		out, err := re.RE.Replace(text, in.Session.ToString(rest[0]), at, count)
		if err != nil {
			return nil, err
		}
		return out, limit(in.Session, int64(len(out)))
	}
	var failed error
	wide := wideText(text)
	out, err := re.RE.ReplaceFunc(text, func(m regexp2.Match) string {
		if failed != nil {
			return ""
		}
		res, err := in.Session.Call(ctx, block, ps.CallOptions{Args: []any{newMatch(in.Session, re.RE, &m, wide)}})
		if err != nil {
			failed = err
		}
		return in.Session.ToString(ps.Collect(res))
	}, at, count)
	if failed != nil {
		return nil, failed
	}
	return out, err
}

// splitMatches is Split: groups are parts too.
func splitMatches(_ context.Context, in *ps.Invoke, re *ps.Regex, text string, rest []any) (any, error) {
	count := 0
	if len(rest) > 0 {
		if count = int(intOf(rest[0])); count < 0 {
			return nil, outOfRange(in.Session, "Count cannot be less than -1.", "count")
		}
	}
	runes := []rune(text)
	var list []string
	at := 0
	m, err := re.RE.FindRunesMatch(runes)
	for n := 1; m != nil && err == nil && n != count; n++ {
		list = append(list, string(runes[at:m.Index]))
		for i, g := range m.Groups() {
			if i > 0 && len(g.Captures) > 0 {
				list = append(list, g.String())
			}
		}
		at = m.Index + m.Length
		m, err = re.RE.FindNextMatch(m)
	}
	return ps.Strings(append(list, string(runes[at:]))), err
}

// captureMembers are those of Capture, which Group and Match have too.
func captureMembers() []ps.Member {
	text := func(in *ps.Invoke) any { return in.Session.ToString(in.Self) }
	span := func(in *ps.Invoke) (m *match, index, length int) {
		switch d := in.Data().(type) {
		case *group:
			if d.c == nil {
				return d.m, 0, 0
			}
			return d.m, d.c.Index, d.c.Length
		default:
			m := matchOf(in)
			if m.m == nil {
				return m, 0, 0
			}
			return m, m.m.Index, m.m.Length
		}
	}
	return []ps.Member{
		prop("Index", "int", func(in *ps.Invoke) any { m, at, _ := span(in); return ps.Int(m.place(at)) }),
		prop("Length", "int", func(in *ps.Invoke) any { m, at, n := span(in); return ps.Int(m.size(at, n)) }),
		prop("Value", "string", text),
		method("ToString", "string", val(text), ""),
	}
}

func groupMembers() []ps.Member {
	return []ps.Member{
		prop("Success", "bool", func(in *ps.Invoke) any {
			if g, ok := in.Data().(*group); ok {
				return g.c != nil
			}
			return matchOf(in).m != nil
		}),
		prop("Name", "string", func(in *ps.Invoke) any {
			if g, ok := in.Data().(*group); ok {
				return g.name
			}
			return "0"
		}),
		prop("Captures", "System.Text.RegularExpressions.CaptureCollection", func(in *ps.Invoke) any {
			m, g := matchOf(in), (*regexp2.Group)(nil)
			if x, ok := in.Data().(*group); ok {
				m, g = x.m, x.g
			} else if m.m != nil {
				g = &m.m.Group
			}
			list := []any{}
			if g != nil {
				for i := range g.Captures {
					list = append(list, in.Session.Object("System.Text.RegularExpressions.Capture", &group{m: m, c: &g.Captures[i]}))
				}
			}
			return &ps.Array{Type: "System.Text.RegularExpressions.CaptureCollection", Items: list}
		}),
	}
}

func matchMembers() []ps.Member {
	return []ps.Member{
		prop("Groups", "System.Text.RegularExpressions.GroupCollection", func(in *ps.Invoke) any {
			return in.Session.Object("System.Text.RegularExpressions.GroupCollection", &groupList{s: in.Session, m: matchOf(in)})
		}),
		method("NextMatch", matchName, can(func(in *ps.Invoke) (any, error) {
			m := matchOf(in)
			if m.m == nil || m.re == nil {
				return newMatch(in.Session, m.re, nil, nil), nil
			}
			next, err := m.re.FindNextMatch(m.m)
			return newMatch(in.Session, m.re, next, m.wide), timedOut(err)
		}), ""),
		method("Result", "string", can(func(in *ps.Invoke) (any, error) { return expand(in, matchOf(in)) }), "string replacement"),
		field("Empty", matchName, func(in *ps.Invoke) any { return newMatch(in.Session, nil, nil, nil) }),
	}
}

// expand replaces $1, ${name}, $$ and $& by what a match has.
func expand(in *ps.Invoke, m *match) (any, error) {
	if m.m == nil {
		return nil, throw(notSupported, "Result cannot be called on a failed Match.")
	}
	text := in.String(0)
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '$' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		rest := text[i+1:]
		switch {
		case rest[0] == '$':
			b.WriteByte('$')
			i++
		case rest[0] == '&':
			b.WriteString(m.m.String())
			i++
		case rest[0] == '{' && strings.Contains(rest, "}"):
			name := rest[1:strings.IndexByte(rest, '}')]
			if g := m.m.GroupByName(name); g != nil {
				b.WriteString(g.String())
			}
			i += len(name) + 2
		case rest[0] >= '0' && rest[0] <= '9':
			n := 1
			for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
				n++
			}
			k, err := strconv.Atoi(rest[:n])
			if err == nil && m.m.GroupByNumber(k) != nil {
				b.WriteString(m.m.GroupByNumber(k).String())
			}
			i += n
		default:
			b.WriteByte('$')
		}
	}
	return b.String(), nil
}

// groupList is the Data of a GroupCollection.
type groupList struct {
	s *ps.Session
	m *match
}

func (l *groupList) groups() []regexp2.Group {
	if l.m.m == nil {
		return nil
	}
	return l.m.m.Groups()
}

func (l *groupList) object(g *regexp2.Group) *ps.Object {
	if g == nil || len(g.Captures) == 0 {
		name := ""
		if g != nil {
			name = g.Name
		}
		return l.s.Object(groupName, &group{m: l.m, name: name})
	}
	return l.s.Object(groupName, &group{m: l.m, g: g, c: &g.Capture, name: g.Name})
}

// Each implements [ps.Sequence]. The first group is the match.
func (l *groupList) Each(yield func(any) bool) {
	for i := range l.Len() {
		if !yield(l.At(i)) {
			return
		}
	}
}

// Len implements [ps.List]. A match that failed has one group.
func (l *groupList) Len() int { return max(len(l.groups()), 1) }

// At implements [ps.List].
func (l *groupList) At(i int) any {
	if i == 0 {
		return l.s.Object(matchName, l.m)
	}
	g := l.groups()
	return l.object(&g[i])
}

// SetAt implements [ps.List].
func (l *groupList) SetAt(int, any) error { return throw(notSupported, "Collection is read-only.") }

func groupListMembers() []ps.Member {
	data := self[*groupList]
	return []ps.Member{
		prop("Count", "int", func(in *ps.Invoke) any { return ps.Int(data(in).Len()) }),
		indexer(groupName, val(func(in *ps.Invoke) any {
			l := data(in)
			if name, ok := in.Args[0].(string); ok {
				if l.m.m != nil {
					return l.object(l.m.m.GroupByName(name))
				}
				return l.object(nil)
			}
			n := in.Int(0)
			if n == 0 {
				return l.At(0)
			}
			if l.m.m != nil && n > 0 {
				return l.object(l.m.m.GroupByNumber(n))
			}
			return l.object(nil)
		}), "int groupnum", "string groupname"),
	}
}

// listMembers are those of read-only lists.
func listMembers() []ps.Member {
	return []ps.Member{
		prop("Count", "int", func(in *ps.Invoke) any { return ps.Int(len(in.Self.(*ps.Array).Items)) }),
		method("Item", "System.Object", can(func(in *ps.Invoke) (any, error) {
			items, i := in.Self.(*ps.Array).Items, in.Int(0)
			if i < 0 || i >= len(items) {
				return nil, badIndex(in.Session, "i")
			}
			return items[i], nil
		}), "int i"),
		method("GetEnumerator", enumeratorName, val(func(in *ps.Invoke) any { return newEnumerator(in.Session, in.Self.(*ps.Array).Items) }), ""),
	}
}
