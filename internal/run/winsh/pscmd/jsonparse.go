package pscmd

import (
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// notConverted begins the messages of PowerShell 7.
const notConverted = "Conversion from JSON failed with error: "

// jsonOptions say how JSON is read. The zero value is PowerShell 7's way with
// no depth.
type jsonOptions struct {
	depth int
	// desktop is the JavaScriptSerializer of 5.1; strict allows nothing that is
	// not in the standard.
	desktop, strict bool
	hashtables      bool
	dates           string
}

// jsonParser reads JSON, with what the two libraries of PowerShell allow beside
// the standard: comments (7), texts in single quotes, names without quotes,
// commas at the end.
type jsonParser struct {
	s    *ps.Session
	text string
	pos  int
	opts jsonOptions
	raw  bool // tree keeps texts of values as they are written
	// path leads to the value that is being read; last is the name that was
	// read last in the outermost object.
	path []string
	last string
}

// parseJSON turns a text into objects. The error is an *[ps.ErrorRecord].
func parseJSON(s *ps.Session, text string, o jsonOptions) (any, error) {
	v, err := readJSON(s, text, o)
	if err != nil {
		return nil, thrown(err)
	}
	return v, nil
}

func readJSON(s *ps.Session, text string, o jsonOptions) (any, error) {
	p := &jsonParser{s: s, text: strings.TrimPrefix(text, "\uFEFF"), opts: o}
	p.blank()
	if p.pos == len(p.text) {
		if o.strict {
			return nil, p.unexpected()
		}
		return nil, nil
	}
	v, err := p.value(1)
	if err != nil {
		return nil, err
	}
	p.blank()
	if p.pos < len(p.text) {
		if o.desktop {
			return nil, ps.NewException(argumentException, "Invalid JSON primitive: "+p.text[p.pos+len(p.char()):]+".")
		}
		return nil, p.wrong("Additional text encountered after finished reading JSON content: " + p.char() + ".")
	}
	return v, nil
}

// tree reads a text into the writer's form.
func (p *jsonParser) tree() (any, error) {
	p.raw = true
	p.blank()
	v, err := p.value(1)
	if err == nil {
		p.blank()
		if p.pos < len(p.text) {
			err = p.unexpected()
		}
	}
	return v, err
}

// wrong is the exception of PowerShell 7, with the place.
func (p *jsonParser) wrong(message string) error {
	line := strings.Count(p.text[:p.pos], "\n") + 1
	column := p.pos - strings.LastIndexByte(p.text[:p.pos], '\n') - 1
	path := strings.TrimPrefix(strings.Join(p.path, ""), ".")
	return ps.NewException(argumentException, notConverted+strings.TrimSuffix(message, ".")+". Path '"+path+"', line "+
		strconv.Itoa(line)+", position "+strconv.Itoa(column)+".")
}

// debug is the exception of 5.1, with the text and the index behind the
// character that should be another one.
func (p *jsonParser) debug(message string) error {
	if p.pos < len(p.text) {
		p.pos += len(p.char())
	}
	return ps.NewException(argumentException, message+" ("+strconv.Itoa(utf16Len(p.text[:p.pos]))+"): "+p.text)
}

func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

func (p *jsonParser) char() string {
	r, _ := utf8.DecodeRuneInString(p.text[p.pos:])
	return string(r)
}

func (p *jsonParser) unexpected() error {
	if p.opts.desktop {
		return ps.NewException(argumentException, "Invalid JSON primitive: "+p.word()+".")
	}
	if p.pos >= len(p.text) {
		return p.ended(len(p.path))
	}
	if len(p.path) == 0 && (p.pos == 0 || p.text[p.pos-1] == '\n') { // nothing is read yet
		return ps.NewException(argumentException, notConverted+"Unexpected character encountered while parsing value: "+p.char()+". Path '', line 0, position 0.")
	}
	return p.wrong("Unexpected character encountered while parsing value: " + p.char())
}

// ended is the error of a text that ends inside of so many objects and arrays.
// The outermost object is read by another part of the library than the rest.
func (p *jsonParser) ended(open int) error {
	switch {
	case open != 1 || !strings.HasPrefix(strings.TrimLeft(p.text, " \t\r\n"), "{"):
		path := strings.TrimPrefix(strings.Join(p.path[:max(open-1, 0)], ""), ".")
		return ps.NewException(argumentException, "Conversion from JSON failed with error: Unexpected end when reading token. Path '"+path+"'.")
	case p.last == "":
		return p.wrong("Unexpected end when reading JSON")
	}
	p.path = []string{"." + p.last}
	return p.wrong("Unexpected end when deserializing object")
}

// word is the run of letters and digits at this place.
func (p *jsonParser) word() string {
	i := p.pos
	if p.opts.desktop {
		end := strings.IndexFunc(p.text[i:], func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(".-_+", r)
		})
		if end < 0 {
			return p.text[i:]
		}
		return p.text[i : i+end]
	}
	for i < len(p.text) && (p.text[i] >= 0x80 || strings.IndexByte(" \t\r\n,:{}[]\"'", p.text[i]) < 0) {
		i++
	}
	return p.text[p.pos:i]
}

// blank skips white space, and comments where they are allowed.
func (p *jsonParser) blank() {
	for p.pos < len(p.text) {
		rest := p.text[p.pos:]
		switch {
		case strings.IndexByte(" \t\r\n", rest[0]) >= 0:
			p.pos++
		case p.opts.desktop || p.opts.strict:
			return
		case strings.HasPrefix(rest, "//"):
			i := strings.IndexByte(rest, '\n')
			if i < 0 {
				i = len(rest)
			}
			p.pos += i
		case strings.HasPrefix(rest, "/*") && strings.Contains(rest, "*/"):
			p.pos += strings.Index(rest, "*/") + 2
		default:
			return
		}
	}
}

func (p *jsonParser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

// nested reads an object or a list, which must not lie too deep.
func (p *jsonParser) nested(depth int, c byte) (any, error) {
	if depth > p.opts.depth && p.opts.depth > 0 && !p.opts.desktop {
		return nil, ps.NewException(argumentException, "Conversion from JSON failed with error: The reader's MaxDepth of "+strconv.Itoa(p.opts.depth)+" has been exceeded. Path '"+
			strings.TrimPrefix(strings.Join(p.path, ""), ".")+"', line 1, position "+strconv.Itoa(p.pos+1)+".")
	}
	if depth > 2000 {
		return nil, ps.NewException(argumentException, "RecursionLimit exceeded.")
	}
	if c == '{' {
		return p.object(depth)
	}
	return p.array(depth)
}

// value reads one value.
func (p *jsonParser) value(depth int) (any, error) {
	switch c := p.peek(); {
	case c == '{' || c == '[':
		return p.nested(depth, c)
	case c == '"' || c == '\'' && !p.opts.strict:
		start := p.pos
		s, err := p.quoted()
		if err != nil {
			return nil, err
		}
		if p.raw {
			return jsonRaw(p.text[start:p.pos]), nil
		}
		return p.texts(s, p.text[start:p.pos]), nil
	}
	return p.primitive()
}

// texts makes a date of a text that looks like one, as the libraries do.
func (p *jsonParser) texts(s, quoted string) any {
	if p.opts.dates == "string" {
		return s
	}
	if strings.HasPrefix(s, "/Date(") && strings.HasSuffix(s, ")/") && (strings.HasPrefix(quoted, `"\/`) || !p.opts.desktop) {
		inner := s[6 : len(s)-2]
		if i := strings.LastIndexAny(inner, "+-"); i > 0 {
			inner = inner[:i]
		}
		if ms, err := strconv.ParseInt(inner, 10, 64); err == nil {
			return ps.DateTime{T: time.UnixMilli(ms).UTC(), Kind: ps.KindUTC}
		}
	}
	if p.opts.desktop || len(s) < 19 || s[4] != '-' || s[10] != 'T' {
		return s
	}
	return p.isoDate(s)
}

// isoDate reads ISO 8601; what is not that stays text.
func (p *jsonParser) isoDate(s string) any {
	const base = "2006-01-02T15:04:05.999999999"
	if t, err := time.Parse(base+"Z07:00", s); err == nil {
		if strings.HasSuffix(s, "Z") && p.opts.dates != "local" || p.opts.dates == "utc" {
			return ps.DateTime{T: t.UTC().Truncate(100), Kind: ps.KindUTC}
		}
		if p.s == nil {
			return s
		}
		return Local(p.s, t)
	}
	if t, err := time.Parse(base, s); err == nil {
		return ps.DateTime{T: t.Truncate(100)}
	}
	return s
}

func (p *jsonParser) array(depth int) (any, error) {
	p.pos++
	var list []any
	for i := 0; ; i++ {
		p.blank()
		if p.peek() == ']' {
			if i > 0 && (p.opts.desktop || p.opts.strict) {
				return nil, p.debug("Invalid array passed in, extra trailing ','.")
			}
			break
		}
		if p.opts.desktop && p.pos == len(p.text) {
			return nil, p.debug(map[bool]string{true: "Invalid array passed in, ']' expected.", false: "Invalid array passed in, extra trailing ','."}[i == 0])
		}
		p.path = append(p.path, "["+strconv.Itoa(i)+"]")
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		p.blank()
		c := p.peek()
		if c != ',' && c != ']' {
			return nil, p.missing("Invalid array passed in, ',' expected.")
		}
		p.path = p.path[:len(p.path)-1]
		if c == ']' {
			break
		}
		p.pos++
	}
	p.pos++
	if p.raw {
		if list == nil {
			list = []any{}
		}
		return list, nil
	}
	return ps.NewArray(list...), nil
}

// missing is the error of a list or object that does not go on.
func (p *jsonParser) missing(desktop string) error {
	if p.opts.desktop {
		return p.debug(desktop)
	}
	if p.pos >= len(p.text) {
		return p.ended(len(p.path))
	}
	c := p.char()
	p.pos++
	err := p.wrong("After parsing a value an unexpected character was encountered: " + c)
	p.pos--
	return err
}

func (p *jsonParser) object(depth int) (any, error) {
	p.pos++
	out := p.newObject()
	for first := true; ; first = false {
		p.blank()
		if p.peek() == '}' {
			if !first && (p.opts.strict || p.opts.desktop) {
				return nil, p.unexpected()
			}
			break
		}
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		p.blank()
		if p.peek() != ':' {
			if p.opts.desktop {
				return nil, p.debug("Invalid object passed in, ':' or '}' expected.")
			}
			c := "\x00"
			if p.pos < len(p.text) {
				c = p.char()
			}
			return nil, p.wrong("Invalid character after parsing property name. Expected ':' but got: " + c)
		}
		p.pos++
		p.blank()
		p.path = append(p.path, "."+name)
		if len(p.path) == 1 {
			p.last = name
		}
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if err := p.put(out, name, v); err != nil {
			return nil, err
		}
		p.blank()
		c := p.peek()
		if c != ',' && c != '}' {
			return nil, p.missing("Invalid object passed in, ':' or '}' expected.")
		}
		p.path = p.path[:len(p.path)-1]
		if c == '}' {
			break
		}
		p.pos++
	}
	p.pos++
	return out, nil
}

func (p *jsonParser) newObject() any {
	switch {
	case p.raw:
		return &jsonMap{}
	case p.opts.hashtables:
		h := ps.NewHashtable()
		h.CaseSensitive = true // the order is kept in any case
		return h
	}
	return ps.NewCustom()
}

func (p *jsonParser) put(out any, name string, v any) error {
	switch o := out.(type) {
	case *jsonMap:
		o.add(name, v)
	case *ps.Hashtable:
		o.Put(name, v)
	case *ps.Object:
		if name == "" && p.opts.desktop {
			return fail(psArgument, `Cannot process argument because the value of argument "name" is not valid. Change the value of the "name" argument and run the operation again.`, "Argument", ps.InvalidArgument, nil)
		}
		if name == "" {
			return ps.NewException(invalidOperation, "The provided JSON includes a property whose name is an empty string, this is only supported using the -AsHashTable switch.")
		}
		if old := o.Find(name); old != nil && old.Name != name && !p.opts.desktop {
			return ps.NewException(invalidOperation, "Cannot convert the JSON string because it contains keys with different casing. Please use the -AsHashTable switch instead. The key that was attempted to be added to the existing key '"+
				old.Name+"' was '"+name+"'.")
		} else if old != nil && p.opts.desktop && old.Name != name {
			return ps.NewException(invalidOperation, "Cannot convert the JSON string because a dictionary that was converted from the string contains the duplicated keys '"+old.Name+"' and '"+name+"'.")
		}
		o.Set(name, v)
	}
	return nil
}

// name reads the name of a property.
func (p *jsonParser) name() (string, error) {
	if c := p.peek(); c == '"' || c == '\'' && !p.opts.strict {
		return p.quoted()
	}
	w := p.word()
	if p.opts.desktop {
		p.pos += len(w)
		switch {
		case p.peek() == ':' && w == "":
			p.pos--
			return "", p.debug("Invalid object passed in, member name expected.")
		case w == "":
			return "", p.debug("Invalid object passed in, ':' or '}' expected.")
		}
		return w, nil
	}
	if w == "" || p.opts.strict {
		if p.pos >= len(p.text) {
			return "", p.ended(len(p.path) + 1)
		}
		c := p.char()
		p.pos++
		err := p.wrong("Invalid property identifier character: " + c)
		p.pos--
		return "", err
	}
	p.pos += len(w)
	return w, nil
}

// quoted reads a text in quotes.
func (p *jsonParser) quoted() (string, error) {
	quote := p.text[p.pos]
	p.pos++
	var units []uint16
	var b strings.Builder
	flush := func() {
		b.WriteString(string(utf16.Decode(units)))
		units = units[:0]
	}
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		switch {
		case c == quote:
			flush()
			p.pos++
			return b.String(), nil
		case c != '\\':
			flush()
			b.WriteByte(c)
			p.pos++
			continue
		}
		p.pos++
		if p.pos == len(p.text) {
			break
		}
		e := p.text[p.pos]
		p.pos++
		if e == 'u' && p.pos+4 <= len(p.text) {
			n, err := strconv.ParseUint(p.text[p.pos:p.pos+4], 16, 16)
			if err == nil {
				units = append(units, uint16(n))
				p.pos += 4
				continue
			}
		}
		flush()
		i := strings.IndexByte(`"\/bfnrt'`, e)
		if i < 0 {
			if p.opts.desktop {
				p.pos--
				return "", p.debug("Unrecognized escape sequence.")
			}
			return "", p.wrong("Bad JSON escape sequence: \\" + string(rune(e)))
		}
		b.WriteByte("\"\\/\b\f\n\r\t'"[i])
	}
	if p.opts.desktop {
		return "", p.debug("Unterminated string passed in.")
	}
	return "", p.wrong("Unterminated string. Expected delimiter: " + string(rune(quote)))
}

// primitive reads numbers and words.
func (p *jsonParser) primitive() (any, error) {
	w := p.word()
	if w == "" && p.opts.desktop && p.pos == len(p.text) {
		return nil, nil // what is missing is seen behind it
	}
	if w == "" {
		return nil, p.unexpected()
	}
	var v any
	switch w {
	case "true":
		v = true
	case "false":
		v = false
	case "null":
	case "NaN", "Infinity", "-Infinity":
		if p.opts.strict {
			return nil, p.unexpected()
		}
		v, _ = strconv.ParseFloat(w, 64)
	case "undefined":
		if p.opts.desktop || p.opts.strict {
			return nil, p.unexpected()
		}
	default:
		n, ok := p.number(w)
		if !ok {
			return nil, p.unexpected()
		}
		v = n
	}
	p.pos += len(w)
	if p.raw {
		return jsonRaw(w), nil
	}
	return v, nil
}

// number reads a number: 5.1 prefers the smallest type, 7 takes long and
// double.
func (p *jsonParser) number(w string) (any, bool) {
	if c := w[0]; c != '-' && c != '.' && (c < '0' || c > '9') && (c != '+' || !p.opts.desktop) || strings.ContainsAny(w, "_pPiI") {
		return nil, false
	}
	if len(w) > 1 && w[0] == '0' && !p.opts.desktop && !p.opts.strict && strings.IndexByte(".eE", w[1]) < 0 { // hexadecimal or octal
		n, err := strconv.ParseInt(w, 0, 64)
		return n, err == nil
	}
	if n, err := strconv.ParseInt(w, 10, 64); err == nil {
		if p.opts.desktop {
			return ps.Int(int(n)), true
		}
		return n, true
	}
	if b, ok := new(big.Int).SetString(w, 10); ok {
		if !p.opts.desktop {
			return b, true
		}
		if b.BitLen() <= 96 {
			return ps.Decimal{Unscaled: b}, true
		}
	}
	if p.opts.desktop && !strings.ContainsAny(w, "eE") {
		if d, ok := decimalOf(w); ok {
			return d, true
		}
	}
	f, err := strconv.ParseFloat(w, 64)
	return f, err == nil
}

// decimalOf reads a number with a point as a decimal of at most 28 digits.
func decimalOf(w string) (ps.Decimal, bool) {
	whole, frac, _ := strings.Cut(w, ".")
	b, ok := new(big.Int).SetString(whole+frac, 10)
	if !ok || b.BitLen() > 96 || len(frac) > 28 {
		return ps.Decimal{}, false
	}
	return ps.Decimal{Unscaled: b, Scale: len(frac)}, true
}
