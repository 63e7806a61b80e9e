package ps

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// String is "1.2", "1.2.3" or "1.2.3.4".
func (v Version) String() string {
	s := intText(int64(v.Major)) + "." + intText(int64(v.Minor))
	if v.Build >= 0 {
		s += "." + intText(int64(v.Build))
		if v.Revision >= 0 {
			s += "." + intText(int64(v.Revision))
		}
	}
	return s
}

// ParseVersion is Version.Parse: two to four numbers. The error is .NET's
// exception.
func ParseVersion(s string) (Version, error) {
	v := Version{Build: -1, Revision: -1}
	parts := strings.Split(s, ".")
	if len(parts) < 2 || len(parts) > 4 {
		return v, NewException("System.ArgumentException", "Version string portion was too short or too long.")
	}
	for i, dst := range []*int32{&v.Major, &v.Minor, &v.Build, &v.Revision}[:len(parts)] {
		n, err := strconv.ParseInt(strings.TrimSpace(parts[i]), 10, 32)
		if err != nil {
			return v, NewException("System.FormatException", "Input string was not in a correct format.")
		}
		if n < 0 {
			return v, NewException("System.ArgumentOutOfRangeException", "Version's parameters must be greater than or equal to zero.\r\nParameter name: "+[]string{"version", "version", "build", "revision"}[i])
		}
		*dst = int32(n)
	}
	return v, nil
}

// String is the "D" form.
func (g Guid) String() string {
	h := hex.EncodeToString(g[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// Format is Guid.ToString(format): D, N, B, P or X.
func (g Guid) Format(format string) (string, error) {
	d := g.String()
	switch strings.ToUpper(format) {
	case "", "D":
		return d, nil
	case "N":
		return strings.ReplaceAll(d, "-", ""), nil
	case "B":
		return "{" + d + "}", nil
	case "P":
		return "(" + d + ")", nil
	case "X":
		h := strings.ReplaceAll(d, "-", "")
		parts := []string{h[:8], h[8:12], h[12:16]}
		for i := 16; i < 32; i += 2 {
			parts = append(parts, h[i:i+2])
		}
		return "{0x" + strings.Join(parts[:3], ",0x") + ",{0x" + strings.Join(parts[3:], ",0x") + "}}", nil
	}
	return "", NewException("System.FormatException", `Format String can be only "D", "d", "N", "n", "P", "p", "B", "b", "X" or "x".`)
}

// ParseGuid reads the forms D, N, B and P.
func ParseGuid(s string) (g Guid, ok bool) {
	s = strings.TrimSpace(s)
	if len(s) == 38 && (s[0] == '{' && s[37] == '}' || s[0] == '(' && s[37] == ')') {
		s = s[1:37]
	}
	if len(s) == 36 {
		if s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
			return g, false
		}
		s = s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	}
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 16 {
		return g, false
	}
	copy(g[:], b)
	return g, true
}

// parseEnum reads names and numbers of an enumeration, separated by commas.
// Names may be cut short where that is unambiguous.
func (t *Type) parseEnum(text string) (int64, error) {
	var v int64
	parts := strings.Split(text, ",")
	if len(parts) > 1 && !t.Flags {
		return 0, &enumError{kind: "EnumerationNoFlagAndComma"}
	}
	for _, p := range parts {
		n, err := t.parseEnumName(strings.TrimSpace(p))
		if err != nil {
			return 0, err
		}
		v |= n
	}
	return v, nil
}

func (t *Type) parseEnumName(name string) (int64, error) {
	var found []EnumValue
	for _, x := range t.Values {
		if strings.EqualFold(x.Name, name) {
			return x.Value, nil
		}
		if name != "" && len(x.Name) > len(name) && strings.EqualFold(x.Name[:len(name)], name) {
			found = append(found, x)
		}
	}
	if n, err := strconv.ParseInt(name, 10, 64); err == nil {
		if !t.hasEnum(n) {
			return 0, &enumError{kind: "Undefined"}
		}
		return n, nil
	}
	switch len(found) {
	case 1:
		return found[0].Value, nil
	case 0:
		return 0, &enumError{kind: "EnumerationNoValue"}
	}
	return 0, &enumError{kind: "MoreThanOneValue", first: found[0].Name, second: found[1].Name}
}

// hasEnum reports whether a number is a value, or made of flags.
func (t *Type) hasEnum(n int64) bool {
	all := int64(0)
	for _, x := range t.Values {
		if x.Value == n {
			return true
		}
		all |= x.Value
	}
	return t.Flags && n&^all == 0
}

type enumError struct{ kind, first, second string }

func (e *enumError) Error() string { return e.kind }

// enumNames is the list in messages.
func (t *Type) enumNames() string {
	names := make([]string, len(t.Values))
	for i, x := range t.Values {
		names[i] = x.Name
	}
	return strings.Join(names, ",")
}

// BadDateText is what DateTime.Parse says of a text. A word that is in no date is
// named by its place.
func (s *Session) BadDateText(text string) string {
	at := unknownDateWord(text)
	switch {
	case s.edition == Core && at >= 0:
		return "The string '" + text + "' was not recognized as a valid DateTime. There is an unknown word starting at index '" + strconv.Itoa(at) + "'."
	case s.edition == Core:
		return "String '" + text + "' was not recognized as a valid DateTime."
	case at >= 0:
		return "The string was not recognized as a valid DateTime. There is an unknown word starting at index " + strconv.Itoa(at) + "."
	}
	return "String was not recognized as a valid DateTime."
}

// unknownDateWord is the place of the first word that is no part of dates, or -1.
func unknownDateWord(text string) int {
	for at := 0; at < len(text); {
		n := strings.IndexFunc(text[at:], func(r rune) bool { return !unicode.IsLetter(r) })
		if n < 0 {
			n = len(text) - at
		}
		if n == 0 {
			at++
			continue
		}
		word := strings.ToLower(text[at : at+n])
		known := strings.Contains(" t z gmt utc am pm a p ad bc th ", " "+word+" ")
		for m := range 12 {
			name := strings.ToLower(time.Month(m + 1).String())
			known = known || word == name || word == name[:3]
		}
		for d := range 7 {
			name := strings.ToLower(time.Weekday(d).String())
			known = known || word == name || word == name[:3]
		}
		if !known {
			return at
		}
		at += n
	}
	return -1
}

func (s *Session) badSpanText(text string) string {
	if s.edition == Core {
		return "String '" + text + "' was not recognized as a valid TimeSpan."
	}
	return "String was not recognized as a valid TimeSpan."
}

func (s *Session) badGuidText() string {
	if s.edition == Core {
		return "Unrecognized Guid format."
	}
	return "Guid should contain 32 digits with 4 dashes (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx)."
}
