package psnet

import (
	"context"
	"strings"
	"unicode"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// culture is the Data of a CultureInfo: "" is the invariant one, "en-US" the
// machine's. The formats of all others are Windows' own.
type culture string

const cultureName = "System.Globalization.CultureInfo"

func newCulture(s *ps.Session, name string) (any, error) {
	switch strings.ToLower(name) {
	case "", "iv", "invariant":
		return s.Object(cultureName, culture("")), nil
	case "en-us":
		return s.Object(cultureName, culture("en-US")), nil
	case "en":
		return s.Object(cultureName, culture("en")), nil
	}
	return nil, machine.Refuse("[Globalization.CultureInfo] "+name, "the formats of this culture are not known", "use en-US or the invariant culture")
}

// isInvariant reports whether an object is the invariant culture.
func isInvariant(o *ps.Object) bool {
	if o == nil {
		return false
	}
	c, ok := o.Data.(culture)
	return ok && c == ""
}

// cultureTypes are the culture and its formats.
func cultureTypes() []*ps.Type {
	made := can(func(in *ps.Invoke) (any, error) { return newCulture(in.Session, in.String(0)) })
	return []*ps.Type{
		invariantType(),
		{
			Name: cultureName, Aliases: []string{"cultureinfo"}, Implements: []string{"System.IFormatProvider", "System.ICloneable"}, Members: cultureMembers,
			New: overloads(made, "string name", "string name, bool useUserOverride"), String: func(v any) string { return string(v.(*ps.Object).Data.(culture)) },
			Convert: func(_ context.Context, in *ps.Invoke) (any, bool, error) {
				text, ok := ps.Unwrap(in.Args[0]).(string)
				if !ok {
					return nil, false, nil
				}
				v, err := newCulture(in.Session, text)
				return v, err == nil, err
			},
		},
		{Name: "System.IFormatProvider", Interface: true},
		{Name: "System.Globalization.TextInfo", Members: func() []ps.Member {
			return []ps.Member{
				method("ToTitleCase", "string", val(func(in *ps.Invoke) any { return titleCase(in.String(0)) }), "string str"),
				method("ToUpper", "string", val(func(in *ps.Invoke) any { return upper(in.String(0)) }), "string str"),
				method("ToLower", "string", val(func(in *ps.Invoke) any { return lower(in.String(0)) }), "string str"),
				prop("ListSeparator", "string", func(*ps.Invoke) any { return "," }), prop("ANSICodePage", "int", func(*ps.Invoke) any { return int32(1252) }),
				prop("OEMCodePage", "int", func(*ps.Invoke) any { return int32(437) }), prop("CultureName", "string", func(in *ps.Invoke) any { return string(in.Data().(culture)) }),
			}
		}},
		{Name: "System.Globalization.NumberFormatInfo", Implements: []string{"System.IFormatProvider"}, Members: func() []ps.Member {
			return []ps.Member{
				prop("NumberDecimalSeparator", "string", func(*ps.Invoke) any { return "." }), prop("NumberGroupSeparator", "string", func(*ps.Invoke) any { return "," }),
				prop("NegativeSign", "string", func(*ps.Invoke) any { return "-" }),
				field("InvariantInfo", "System.Globalization.NumberFormatInfo", func(in *ps.Invoke) any {
					return in.Session.Object("System.Globalization.NumberFormatInfo", culture(""))
				}),
			}
		}},
		{Name: "System.Globalization.DateTimeFormatInfo", Implements: []string{"System.IFormatProvider"}, Members: dateFormatMembers},
	}
}

func cultureMembers() []ps.Member {
	data := func(in *ps.Invoke) culture { return in.Data().(culture) }
	fixed := func(name, of string) ps.Member {
		return field(name, cultureName, func(in *ps.Invoke) any { return in.Session.Object(cultureName, culture(of)) })
	}
	// current is the culture of the thread, which can only be set to what it is.
	current := func(name string) ps.Member {
		return fixed(name, "en-US").With(func(_ context.Context, in *ps.Invoke) error {
			if d, ok := dataOf[culture](in, 0); ok && d == "" {
				return machine.Refuse("[CultureInfo]::"+name, "the session's culture stays en-US", "give the culture to ToString")
			}
			return nil
		})
	}
	part := func(name, typ string) ps.Member {
		return prop(name, typ, func(in *ps.Invoke) any { return in.Session.Object(typ, data(in)) })
	}
	get := can(func(in *ps.Invoke) (any, error) { return newCulture(in.Session, in.String(0)) })
	names := map[culture][2]string{"": {"Invariant Language (Invariant Country)", "ivl"}, "en-US": {"English (United States)", "eng"}, "en": {"English", "eng"}}
	return []ps.Member{
		fixed("InvariantCulture", ""), current("CurrentCulture"), current("CurrentUICulture"), current("DefaultThreadCurrentCulture"), current("DefaultThreadCurrentUICulture"), fixed("InstalledUICulture", "en-US"),
		static("GetCultureInfo", cultureName, get, "string name"), static("CreateSpecificCulture", cultureName, get, "string name"),
		prop("LCID", "int", func(in *ps.Invoke) any { return map[culture]int32{"": 127, "en-US": 1033, "en": 9}[data(in)] }),
		prop("Name", "string", func(in *ps.Invoke) any { return string(data(in)) }),
		prop("DisplayName", "string", func(in *ps.Invoke) any { return names[data(in)][0] }),
		prop("EnglishName", "string", func(in *ps.Invoke) any { return names[data(in)][0] }),
		prop("TwoLetterISOLanguageName", "string", func(in *ps.Invoke) any {
			if data(in) == "" {
				return "iv"
			}
			return "en"
		}),
		prop("ThreeLetterISOLanguageName", "string", func(in *ps.Invoke) any { return names[data(in)][1] }),
		part("TextInfo", "System.Globalization.TextInfo"), part("NumberFormat", "System.Globalization.NumberFormatInfo"), part("DateTimeFormat", "System.Globalization.DateTimeFormatInfo"),
		method("Clone", "System.Object", val(func(in *ps.Invoke) any { return in.Self }), ""),
	}
}

func dateFormatMembers() []ps.Member {
	const typ = "System.Globalization.DateTimeFormatInfo"
	pattern := func(name, letter string) ps.Member {
		return prop(name, "string", func(in *ps.Invoke) any { return exactPattern(letter, in.Data().(culture) == "") })
	}
	shared := func(name, of string) ps.Member {
		return field(name, typ, func(in *ps.Invoke) any { return in.Session.Object(typ, culture(of)) })
	}
	return []ps.Member{
		shared("InvariantInfo", ""), shared("CurrentInfo", "en-US"),
		pattern("ShortDatePattern", "d"), pattern("LongDatePattern", "D"), pattern("ShortTimePattern", "t"), pattern("LongTimePattern", "T"),
	}
}

// titleCase makes the first letter of each word a capital, but leaves words of
// capitals alone.
func titleCase(s string) string {
	var b strings.Builder
	word := []rune{}
	flush := func() {
		t := string(word)
		if len(word) > 0 && (len(word) == 1 || t != upper(t)) {
			word[0] = unicode.ToUpper(word[0])
			t = string(word[0]) + lower(string(word[1:]))
		}
		b.WriteString(t)
		word = word[:0]
	}
	for _, r := range s {
		if unicode.IsLetter(r) || r == '\'' && len(word) > 0 {
			word = append(word, r)
			continue
		}
		flush()
		b.WriteRune(r)
	}
	flush()
	return b.String()
}

// exactPattern is the custom format that a standard one stands for, in en-US or
// the invariant culture.
func exactPattern(format string, inv bool) string {
	patterns := map[string][2]string{
		"d": {"M/d/yyyy", "MM/dd/yyyy"}, "D": {"dddd, MMMM d, yyyy", "dddd, dd MMMM yyyy"}, "t": {"h:mm tt", "HH:mm"}, "T": {"h:mm:ss tt", "HH:mm:ss"},
		"f": {"dddd, MMMM d, yyyy h:mm tt", "dddd, dd MMMM yyyy HH:mm"}, "F": {"dddd, MMMM d, yyyy h:mm:ss tt", "dddd, dd MMMM yyyy HH:mm:ss"},
		"g": {"M/d/yyyy h:mm tt", "MM/dd/yyyy HH:mm"}, "G": {"M/d/yyyy h:mm:ss tt", "MM/dd/yyyy HH:mm:ss"}, "": {"M/d/yyyy h:mm:ss tt", "MM/dd/yyyy HH:mm:ss"},
		"m": {"MMMM d", "MMMM dd"}, "M": {"MMMM d", "MMMM dd"}, "y": {"MMMM yyyy", "yyyy MMMM"}, "Y": {"MMMM yyyy", "yyyy MMMM"},
		"s": {"yyyy'-'MM'-'dd'T'HH':'mm':'ss", "yyyy'-'MM'-'dd'T'HH':'mm':'ss"}, "u": {"yyyy'-'MM'-'dd HH':'mm':'ss'Z'", "yyyy'-'MM'-'dd HH':'mm':'ss'Z'"},
		"r": {"ddd, dd MMM yyyy HH':'mm':'ss 'GMT'", "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'"}, "R": {"ddd, dd MMM yyyy HH':'mm':'ss 'GMT'", "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'"},
		"o": {"yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK", "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK"}, "O": {"yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK", "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK"},
	}
	p, ok := patterns[format]
	switch {
	case !ok:
		return format
	case inv:
		return p[1]
	}
	return p[0]
}

// formatInvariant is ToString(format, CultureInfo.InvariantCulture).
func formatInvariant(s *ps.Session, v any, format string) (string, error) {
	if d, ok := ps.Unwrap(v).(ps.DateTime); ok {
		return ps.FormatDate(d, exactPattern(format, true))
	}
	text, err := s.Format(v, format)
	if len(format) > 0 && format[0]|0x20 == 'c' && len(format) <= 3 {
		text = strings.Replace(text, "$", "¤", 1)
	}
	return text, err
}

// invariantDate is a date that formats itself in the invariant culture.
const invariantDate = "System.Globalization.InvariantDate"

func invariantType() *ps.Type {
	text := func(v any, format string) (string, error) {
		return ps.FormatDate(v.(*ps.Object).Data.(ps.DateTime), exactPattern(format, true))
	}
	return &ps.Type{Name: invariantDate, Format: text, String: func(v any) string {
		t, _ := text(v, "")
		return t
	}}
}

// compositeInvariant is String.Format with the invariant culture.
func compositeInvariant(ctx context.Context, s *ps.Session, format string, args []any) (any, error) {
	for i, a := range args {
		if d, ok := ps.Unwrap(a).(ps.DateTime); ok {
			args[i] = s.Object(invariantDate, d)
		}
	}
	return s.Composite(format, args)
}
