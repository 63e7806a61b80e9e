package ps

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/casement/casement/internal/run/winsh/pslang"
	"github.com/dlclark/regexp2"
)

// Regex is a System.Text.RegularExpressions.Regex. Options are .NET's bits
// (IgnoreCase 1, Multiline 2, ExplicitCapture 4, Singleline 16,
// IgnorePatternWhitespace 32, RightToLeft 64, ECMAScript 256, CultureInvariant
// 512). Places in RE's matches are runes.
type Regex struct {
	Pattern string
	Options int64
	RE      *regexp2.Regexp
}

// String is the pattern.
func (r *Regex) String() string { return r.Pattern }

// regexTimeout ends a match that backtracks without end.
const regexTimeout = 30 * time.Second

// knownOptions are the options that change what a pattern matches.
const knownOptions = 1 | 2 | 4 | 16 | 32 | 64 | 256

// NewRegex compiles a pattern of .NET. The error is the exception that .NET
// would throw.
func NewRegex(pattern string, options int64) (*Regex, error) {
	re, err := regexp2.Compile(pattern, regexp2.RegexOptions(options&knownOptions))
	if err != nil {
		return nil, badRegex(pattern, err, Desktop)
	}
	re.MatchTimeout = regexTimeout
	return &Regex{Pattern: pattern, Options: options, RE: re}, nil
}

// maxGroups bounds a pattern: compiling takes the square of its groups within
// each other, and cannot be interrupted.
const maxGroups = 5000

// NewRegex compiles a pattern whose matches end before the step's time is up.
func (s *Session) NewRegex(pattern string, options int64) (*Regex, error) {
	if strings.Count(pattern, "(") > maxGroups {
		return nil, limitError("a regular expression has too many groups")
	}
	r, err := NewRegex(pattern, options)
	if err != nil && s.edition == Core {
		if _, cause := regexp2.Compile(pattern, regexp2.RegexOptions(options&knownOptions)); cause != nil {
			err = badRegex(pattern, cause, Core)
		}
	}
	if err == nil && s.process != nil {
		r.RE.MatchTimeout = min(regexTimeout, s.process.Machine.Limits().Elapsed/4)
	}
	return r, err
}

// regex returns the compiled form of an operator's right operand.
func (s *Session) regex(v any, options int64) (*Regex, error) {
	if r, ok := Unwrap(v).(*Regex); ok {
		return r, nil
	}
	pattern := s.ToString(v)
	key := regexKey{pattern, options}
	if r := s.regexes[key]; r != nil {
		return r, nil
	}
	r, err := s.NewRegex(pattern, options)
	if _, tooMuch := err.(limitError); tooMuch {
		return nil, err
	}
	if err != nil {
		rec := s.fail(tRuntime, "The regular expression pattern "+pattern+" is not valid.", "InvalidRegularExpression", InvalidOperation, pattern)
		rec.Exception.Inner = ToException(err)
		return nil, rec
	}
	if s.regexes == nil || len(s.regexes) > 200 {
		s.regexes = map[regexKey]*Regex{}
	}
	s.regexes[key] = r
	return r, nil
}

type regexKey struct {
	pattern string
	options int64
}

func caseOption(caseSensitive bool) int64 {
	if caseSensitive {
		return 0
	}
	return 1
}

func (s *Session) regexFailed(err error) error {
	if strings.Contains(err.Error(), "timeout") {
		return limitError("a regular expression took longer than " + regexTimeout.String())
	}
	return s.fail(tRuntime, err.Error(), "RuntimeException", NotSpecified, nil)
}

// match is -match and -notmatch. A match of a single text sets $Matches.
func (s *Session) match(a, b any, not, caseSensitive bool) (any, error) {
	re, err := s.regex(b, caseOption(caseSensitive))
	if err != nil {
		return nil, err
	}
	if Enumerable(a) && !isEmpty(a) {
		var list []any
		for _, v := range Items(a) {
			ok, err := re.RE.MatchString(s.ToString(v))
			if err != nil {
				return nil, s.regexFailed(err)
			}
			if ok != not {
				list = append(list, v)
			}
		}
		return NewArray(list...), nil
	}
	m, err := re.RE.FindStringMatch(s.ToString(a))
	if err != nil {
		return nil, s.regexFailed(err)
	}
	if m != nil {
		h := &Hashtable{}
		for i := m.GroupCount() - 1; i >= 0; i-- {
			g := &m.Groups()[i]
			if len(g.Captures) == 0 {
				continue
			}
			if n, err := strconv.Atoi(g.Name); err == nil {
				h.Put(Int(n), g.String())
			} else {
				h.Put(g.Name, g.String())
			}
		}
		if err := s.SetVariable("Matches", h); err != nil {
			return nil, err
		}
	}
	return (m != nil) != not, nil
}

// replace is -replace.
func (s *Session) replace(ctx context.Context, a, b any, caseSensitive bool) (any, error) {
	var with any = ""
	args := []any{b}
	if Enumerable(b) {
		args = Items(b)
	}
	if len(args) > 2 {
		return nil, s.fail(tRuntime, "The -replace operator allows only two elements to follow it, not "+intText(int64(len(args)))+".", "BadReplaceArgument", InvalidOperation, b)
	}
	if len(args) == 2 {
		with = args[1]
	}
	var pattern any = ""
	if len(args) > 0 {
		pattern = args[0]
	}
	re, err := s.regex(pattern, caseOption(caseSensitive))
	if err != nil {
		return nil, err
	}
	one := func(v any) (any, error) { return s.replaceOne(ctx, re, s.ToString(v), with) }
	if !Enumerable(a) || isEmpty(a) {
		return one(a)
	}
	var list []any
	for _, v := range Items(a) {
		r, err := one(v)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return NewArray(list...), nil
}

func (s *Session) replaceOne(ctx context.Context, re *Regex, text string, with any) (any, error) {
	block, isBlock := Unwrap(with).(*ScriptBlock)
	if !isBlock || s.edition != Core {
		out, err := re.RE.Replace(text, s.ToString(with), -1, -1)
		if err != nil {
			return nil, s.regexFailed(err)
		}
		return out, s.fits(int64(len(out)))
	}
	var failed error
	out, err := re.RE.ReplaceFunc(text, func(m regexp2.Match) string {
		if failed != nil {
			return ""
		}
		match := s.Object("System.Text.RegularExpressions.Match", &m)
		res, err := s.Call(ctx, block, CallOptions{Under: match, HasUnder: true, SameScope: true})
		if err != nil {
			failed = err
		}
		return s.ToString(Collect(res))
	}, -1, -1)
	if failed != nil {
		return nil, failed
	}
	if err != nil {
		return nil, s.regexFailed(err)
	}
	return out, nil
}

// split is the binary -split; the unary one is split on blanks of trimmed text.
func (s *Session) split(ctx context.Context, a, b any, caseSensitive bool) (any, error) {
	args := []any{b}
	if Enumerable(b) {
		args = Items(b)
	}
	if len(args) == 0 {
		return nil, s.fail(tRuntime, "The argument to operator '-split' is not valid: .", "BadOperatorArgument", InvalidOperation, b)
	}
	limit := int64(0)
	if len(args) > 1 {
		n, err := s.castInt(args[1])
		if err != nil {
			return nil, err
		}
		limit = n
	}
	options, simple := caseOption(caseSensitive), false
	if len(args) > 2 && !IsNull(args[2]) && s.ToString(args[2]) != "" {
		v, err := s.castNamed(args[2], "System.Management.Automation.SplitOptions")
		if err != nil {
			return nil, err
		}
		flags := v.(Enum).Value
		if s.splitClash(flags) {
			return nil, s.fail("System.Management.Automation.ParseException", "The options of -split cannot be combined: "+s.ToString(v)+".", "InvalidSplitOptionCombination", ParserError, nil)
		}
		options, simple = splitOptions(flags, options)
	}
	var list []string
	for _, v := range Items(a) {
		text := s.ToString(v)
		var parts []string
		var err error
		if block, ok := Unwrap(args[0]).(*ScriptBlock); ok {
			parts, err = s.splitBy(ctx, block, text, limit)
		} else {
			pattern := args[0]
			if simple {
				pattern = regexp2.Escape(s.ToString(pattern))
			}
			var re *Regex
			if re, err = s.regex(pattern, options); err == nil {
				parts, err = s.splitRegex(re, text, limit)
			}
		}
		if err != nil {
			return nil, err
		}
		list = append(list, parts...)
	}
	return Strings(list), nil
}

// splitClash reports options that -split refuses together: SimpleMatch and any
// but IgnoreCase, and in 5.1 Singleline and Multiline.
func (s *Session) splitClash(flags int64) bool {
	const simpleMatch, singleline, multiline, ignoreCase = 1, 16, 32, 64
	return flags&simpleMatch != 0 && flags&^(simpleMatch|ignoreCase) != 0 ||
		s.edition != Core && flags&singleline != 0 && flags&multiline != 0
}

// splitOptions turns PowerShell's SplitOptions into those of regular
// expressions.
func splitOptions(v, options int64) (int64, bool) {
	for _, o := range [][2]int64{{64, 1}, {16, 2}, {32, 16}, {8, 32}, {128, 4}} {
		if v&o[0] != 0 {
			options |= o[1]
		}
	}
	return options, v&1 != 0
}

// splitRegex cuts a text at the matches; groups are results too. A limit above
// zero is the largest number of parts, one below zero counts from the end (7).
func (s *Session) splitRegex(re *Regex, text string, limit int64) ([]string, error) {
	if limit < 0 && s.edition != Core {
		limit = 0
	}
	runes := []rune(text)
	matches, err := allMatches(re, runes)
	if err != nil {
		return nil, s.regexFailed(err)
	}
	if n := limit; n > 0 && int64(len(matches)) >= n {
		matches = matches[:n-1]
	} else if n < 0 && int64(len(matches)) >= -n {
		matches = matches[int64(len(matches))+n+1:]
	}
	var list []string
	at := 0
	for _, m := range matches {
		list = append(list, string(runes[at:m.Index]))
		for i, g := range m.Groups() {
			if i > 0 && len(g.Captures) > 0 {
				list = append(list, g.String())
			}
		}
		at = m.Index + m.Length
	}
	return append(list, string(runes[at:])), nil
}

func allMatches(re *Regex, text []rune) ([]*regexp2.Match, error) {
	var list []*regexp2.Match
	m, err := re.RE.FindRunesMatch(text)
	for m != nil && err == nil {
		list = append(list, m)
		m, err = re.RE.FindNextMatch(m)
	}
	return list, err
}

// splitBy cuts a text at the characters for which a block is true.
func (s *Session) splitBy(ctx context.Context, block *ScriptBlock, text string, limit int64) ([]string, error) {
	if limit < 0 && s.edition != Core {
		limit = 0
	}
	units := Units(text)
	var cuts []int
	for n := range units {
		if limit > 0 && int64(len(cuts))+1 >= limit || limit < 0 && int64(len(cuts))+1 >= -limit {
			break
		}
		i := n
		if limit < 0 {
			i = len(units) - 1 - n // from the end
		}
		out, err := s.Call(ctx, block, CallOptions{Under: charText(Char(units[i])), HasUnder: true, Args: []any{text, Int(i)}})
		if err != nil {
			return nil, err
		}
		if toBool(Collect(out)) {
			cuts = append(cuts, i)
		}
	}
	slices.Sort(cuts)
	var list []string
	at := 0
	for _, i := range cuts {
		list = append(list, Text(units[at:i]))
		at = i + 1
	}
	return append(list, Text(units[at:])), nil
}

// like is -like and -notlike.
func (s *Session) like(a, b any, not, caseSensitive bool) any {
	parts := parseWild(s.ToString(b), caseSensitive)
	one := func(v any) bool {
		return matchWild(parts, foldRunes(s.ToString(v), caseSensitive)) != not
	}
	if !Enumerable(a) || isEmpty(a) {
		return one(a)
	}
	var list []any
	for _, v := range Items(a) {
		if one(v) {
			list = append(list, s.ToString(v))
		}
	}
	return NewArray(list...)
}

// join is the binary and the unary -join.
func (s *Session) join(a any, sep string) string {
	var b strings.Builder
	first := true
	Each(a, func(v any) bool {
		if !first {
			b.WriteString(sep)
		}
		first = false
		b.WriteString(s.elementText(v, false))
		return true
	})
	return b.String()
}

// unarySplit is -split $a.
func (s *Session) unarySplit(a any) any {
	var list []string
	for _, v := range Items(a) {
		f := strings.Fields(s.ToString(v))
		if len(f) == 0 {
			f = []string{""}
		}
		list = append(list, f...)
	}
	return Strings(list)
}

// matchOp tells the operators with regular expressions and wildcards apart.
func (s *Session) matchOp(ctx context.Context, op pslang.Op, a, b any, caseSensitive bool) (any, error) {
	switch op {
	case pslang.OpLike, pslang.OpNotLike:
		return s.like(a, b, op == pslang.OpNotLike, caseSensitive), nil
	case pslang.OpMatch, pslang.OpNotMatch:
		return s.match(a, b, op == pslang.OpNotMatch, caseSensitive)
	case pslang.OpReplace:
		return s.replace(ctx, a, b, caseSensitive)
	}
	return s.split(ctx, a, b, caseSensitive)
}
