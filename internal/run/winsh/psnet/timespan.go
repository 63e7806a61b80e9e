package psnet

import (
	"context"
	"math"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/casement/casement/internal/run/winsh/ps"
)

func newSpan(_ context.Context, in *ps.Invoke) (any, error) {
	units := []ps.TimeSpan{ps.TicksPerDay, ps.TicksPerHour, ps.TicksPerMinute, ps.TicksPerSecond, ps.TicksPerMillisecond}
	switch len(in.Args) {
	case 1:
		return ps.TimeSpan(intOf(in.Args[0])), nil
	case 3:
		units = units[1:]
	}
	var t ps.TimeSpan
	for i := range in.Args {
		t += ps.TimeSpan(in.Int(i)) * units[i]
	}
	return t, nil
}

const ticksPerMicrosecond = 10

func spanSelf(in *ps.Invoke) ps.TimeSpan {
	t, _ := ps.Unwrap(in.Self).(ps.TimeSpan)
	return t
}

// spanForm is what a duration looks like; its numbers may be too large.
var spanForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^\s*-?(\d+|(\d+[.:])?\d+:\d+(:\d+(\.\d+)?)?)\s*$`)
})

func spanMembers() []ps.Member {
	part := func(name string, unit, within ps.TimeSpan) ps.Member {
		return prop(name, "int", func(in *ps.Invoke) any {
			n := spanSelf(in) / unit
			if within > 0 {
				n %= within
			}
			return ps.Int(int(n))
		})
	}
	total := func(name string, unit ps.TimeSpan) ps.Member {
		return prop(name, "double", func(in *ps.Invoke) any { return float64(spanSelf(in)) / float64(unit) })
	}
	from := func(name string, unit ps.TimeSpan) ps.Member {
		return static(name, "timespan", can(func(in *ps.Invoke) (any, error) {
			n := floatOf(in.Args[0]) * float64(unit)
			if math.IsNaN(n) || math.Abs(n) > math.MaxInt64 {
				return nil, throw(overflowException, "TimeSpan overflowed because the duration is too long.")
			}
			if desktop(in.Session) && unit > 1 {
				n = math.Trunc(floatOf(in.Args[0])*float64(unit/ps.TicksPerMillisecond)+math.Copysign(0.5, n)) * float64(ps.TicksPerMillisecond)
			}
			return ps.TimeSpan(n), nil
		}), "double value")
	}
	parse := func(in *ps.Invoke) (any, error) {
		text := in.String(0)
		t, ok := ps.ParseSpan(text)
		if !ok && spanForm().MatchString(text) {
			return nil, throw(overflowException, either(in.Session, "The TimeSpan could not be parsed because at least one of the numeric components is out of range or contains too many digits.",
				"The TimeSpan string '"+text+"' could not be parsed because at least one of the numeric components is out of range or contains too many digits."))
		}
		if !ok {
			return nil, throw(formatException, either(in.Session, "String was not recognized as a valid TimeSpan.", "String '"+in.String(0)+"' was not recognized as a valid TimeSpan."))
		}
		return t, nil
	}
	arith := func(name string, f func(a, b ps.TimeSpan) ps.TimeSpan) ps.Member {
		return method(name, "timespan", val(func(in *ps.Invoke) any { return f(spanSelf(in), in.Args[0].(ps.TimeSpan)) }), "timespan ts")
	}
	unary := func(name string, f func(a ps.TimeSpan) ps.TimeSpan) ps.Member {
		return method(name, "timespan", val(func(in *ps.Invoke) any { return f(spanSelf(in)) }), "")
	}
	return append(formatMembers(),
		prop("Ticks", "long", func(in *ps.Invoke) any { return int64(spanSelf(in)) }),
		part("Days", ps.TicksPerDay, 0), part("Hours", ps.TicksPerHour, 24), part("Milliseconds", ps.TicksPerMillisecond, 1000),
		core(part("Microseconds", ticksPerMicrosecond, 1000)), core(prop("Nanoseconds", "int", func(in *ps.Invoke) any { return ps.Int(int(spanSelf(in) % ticksPerMicrosecond * 100)) })),
		part("Minutes", ps.TicksPerMinute, 60), part("Seconds", ps.TicksPerSecond, 60),
		total("TotalDays", ps.TicksPerDay), total("TotalHours", ps.TicksPerHour), total("TotalMilliseconds", ps.TicksPerMillisecond),
		core(total("TotalMicroseconds", ticksPerMicrosecond)), core(prop("TotalNanoseconds", "double", func(in *ps.Invoke) any { return float64(spanSelf(in)) * 100 })),
		total("TotalMinutes", ps.TicksPerMinute), total("TotalSeconds", ps.TicksPerSecond),
		from("FromDays", ps.TicksPerDay), from("FromHours", ps.TicksPerHour), from("FromMinutes", ps.TicksPerMinute), from("FromSeconds", ps.TicksPerSecond), from("FromMilliseconds", ps.TicksPerMillisecond),
		static("FromTicks", "timespan", val(func(in *ps.Invoke) any { return ps.TimeSpan(intOf(in.Args[0])) }), "long value"),
		static("Parse", "timespan", can(parse), "string s", "string input, System.IFormatProvider formatProvider"),
		static("TryParse", "bool", can(func(in *ps.Invoke) (any, error) {
			v, err := parse(in)
			if err != nil {
				v = ps.TimeSpan(0)
			}
			return err == nil, lastArg(in).(*ps.Ref).Set(v)
		}), "string s, out timespan result"),
		constant("Zero", "timespan", ps.TimeSpan(0)), constant("MaxValue", "timespan", ps.TimeSpan(math.MaxInt64)), constant("MinValue", "timespan", ps.TimeSpan(math.MinInt64)),
		constant("TicksPerDay", "long", int64(ps.TicksPerDay)), constant("TicksPerHour", "long", int64(ps.TicksPerHour)), constant("TicksPerMinute", "long", int64(ps.TicksPerMinute)),
		constant("TicksPerSecond", "long", int64(ps.TicksPerSecond)), constant("TicksPerMillisecond", "long", int64(ps.TicksPerMillisecond)),
		arith("Add", func(a, b ps.TimeSpan) ps.TimeSpan { return a + b }), arith("Subtract", func(a, b ps.TimeSpan) ps.TimeSpan { return a - b }),
		unary("Negate", func(a ps.TimeSpan) ps.TimeSpan { return -a }), unary("Duration", func(a ps.TimeSpan) ps.TimeSpan { return max(a, -a) }),
	)
}

// stopwatch is the Data of a Stopwatch.
type stopwatch struct {
	since time.Time // zero while it stands
	sum   time.Duration
}

func (w *stopwatch) elapsed(s *ps.Session) time.Duration {
	if w.since.IsZero() {
		return w.sum
	}
	return w.sum + max(s.Machine().Now().Sub(w.since), 0)
}

func stopwatchType() *ps.Type {
	const typ = "System.Diagnostics.Stopwatch"
	data := self[*stopwatch]
	act := func(name string, f func(w *stopwatch, now time.Time, s *ps.Session)) ps.Member {
		return method(name, "void", do(func(in *ps.Invoke) error { f(data(in), in.Session.Machine().Now(), in.Session); return nil }), "")
	}
	return &ps.Type{
		Name: typ, New: overloads(val(func(in *ps.Invoke) any { return in.Session.Object(typ, &stopwatch{}) }), ""),
		String: func(any) string { return typ },
		Members: func() []ps.Member {
			return []ps.Member{
				static("StartNew", typ, val(func(in *ps.Invoke) any { return in.Session.Object(typ, &stopwatch{since: in.Session.Machine().Now()}) }), ""),
				static("GetTimestamp", "long", val(func(in *ps.Invoke) any { return in.Session.Machine().Now().UnixNano() / 100 }), ""),
				constant("Frequency", "long", int64(10_000_000)), constant("IsHighResolution", "bool", true),
				act("Start", func(w *stopwatch, now time.Time, _ *ps.Session) {
					if w.since.IsZero() {
						w.since = now
					}
				}),
				act("Stop", func(w *stopwatch, _ time.Time, s *ps.Session) { w.sum, w.since = w.elapsed(s), time.Time{} }),
				act("Reset", func(w *stopwatch, _ time.Time, _ *ps.Session) { *w = stopwatch{} }),
				act("Restart", func(w *stopwatch, now time.Time, _ *ps.Session) { *w = stopwatch{since: now} }),
				prop("IsRunning", "bool", func(in *ps.Invoke) any { return !data(in).since.IsZero() }),
				prop("Elapsed", "timespan", func(in *ps.Invoke) any { return ps.TimeSpan(data(in).elapsed(in.Session) / 100) }),
				prop("ElapsedMilliseconds", "long", func(in *ps.Invoke) any { return data(in).elapsed(in.Session).Milliseconds() }),
				prop("ElapsedTicks", "long", func(in *ps.Invoke) any { return int64(data(in).elapsed(in.Session) / 100) }),
			}
		},
	}
}

// timeZoneType is TimeZoneInfo: UTC and the machine's zone, which a container
// has as UTC.
func timeZoneType() *ps.Type {
	const typ = "System.TimeZoneInfo"
	shared := func(name string) ps.Member {
		return field(name, typ, func(in *ps.Invoke) any { return in.Session.Object(typ, name) })
	}
	return &ps.Type{Name: typ, String: func(any) string { return "(UTC) Coordinated Universal Time" }, Members: func() []ps.Member {
		return append([]ps.Member{
			shared("Local"), shared("Utc"),
			prop("Id", "string", func(*ps.Invoke) any { return "UTC" }), prop("DisplayName", "string", func(*ps.Invoke) any { return "(UTC) Coordinated Universal Time" }),
			prop("StandardName", "string", func(*ps.Invoke) any { return "Coordinated Universal Time" }), prop("BaseUtcOffset", "timespan", func(*ps.Invoke) any { return ps.TimeSpan(0) }),
			static("ConvertTimeToUtc", "datetime", val(func(in *ps.Invoke) any { return utcTime(instant(in.Session, in.Args[0].(ps.DateTime))) }), "datetime dateTime"),
		}, refusedStatic("the rules of other time zones are Windows' own", "reckon in UTC", "ConvertTime", "ConvertTimeFromUtc", "ConvertTimeBySystemTimeZoneId", "FindSystemTimeZoneById", "GetSystemTimeZones")...)
	}}
}

// parseExact reads a date by a custom format of .NET.
func parseExact(text, format string, loc *time.Location) (ps.DateTime, bool) {
	p := exactParser{text: text, month: 1, day: 1, year: 1}
	for i := 0; i < len(format); {
		c, n := format[i], 1
		for i+n < len(format) && format[i+n] == c {
			n++
		}
		switch {
		case c == '\'' || c == '"':
			end := strings.IndexByte(format[i+1:], c)
			if end < 0 || !p.literal(format[i+1:i+1+end]) {
				return ps.DateTime{}, false
			}
			i += end + 2
			continue
		case c == '\\' && i+1 < len(format):
			if !p.literal(format[i+1 : i+2]) {
				return ps.DateTime{}, false
			}
			i += 2
			continue
		case c == '%':
			i++
			continue
		}
		if !p.part(c, n) {
			return ps.DateTime{}, false
		}
		i += n
	}
	return p.date(loc)
}

type exactParser struct {
	text                                 string
	year, month, day, hour, minute, secs int
	nanos                                int
	pm, am, hasZone, utc                 bool
	offset                               time.Duration
}

func (p *exactParser) literal(s string) bool {
	rest, ok := strings.CutPrefix(p.text, s)
	p.text = rest
	return ok
}

// digits reads at least low and at most high digits.
func (p *exactParser) digits(low, high int) (int, bool) {
	n, v := 0, 0
	for n < high && n < len(p.text) && p.text[n] >= '0' && p.text[n] <= '9' {
		v = v*10 + int(p.text[n]-'0')
		n++
	}
	p.text = p.text[n:]
	return v, n >= low
}

// number reads n letters' worth: one letter is one or two digits.
func (p *exactParser) number(dst *int, n int) bool {
	v, ok := p.digits(n, max(n, 2))
	*dst = v
	return ok
}

func (p *exactParser) part(c byte, n int) bool {
	switch c {
	case 'y':
		v, ok := p.digits(min(n, 4), max(n, 2))
		if n <= 2 {
			if v += 2000; v > 2049 {
				v -= 100
			}
		}
		p.year = v
		return ok
	case 'M':
		if n < 3 {
			return p.number(&p.month, n)
		}
		for m := time.January; m <= time.December; m++ {
			name := m.String()
			if n == 3 {
				name = name[:3]
			}
			if len(p.text) >= len(name) && strings.EqualFold(p.text[:len(name)], name) {
				p.month, p.text = int(m), p.text[len(name):]
				return true
			}
		}
		return false
	case 'd':
		if n < 3 {
			return p.number(&p.day, n)
		}
		for d := time.Sunday; d <= time.Saturday; d++ {
			name := d.String()
			if n == 3 {
				name = name[:3]
			}
			if len(p.text) >= len(name) && strings.EqualFold(p.text[:len(name)], name) {
				p.text = p.text[len(name):]
				return true
			}
		}
		return false
	case 'H', 'h':
		return p.number(&p.hour, n)
	case 'm':
		return p.number(&p.minute, n)
	case 's':
		return p.number(&p.secs, n)
	}
	return p.rest(c, n)
}

func (p *exactParser) rest(c byte, n int) bool {
	switch c {
	case 'f', 'F':
		before := len(p.text)
		low := n
		if c == 'F' {
			low = 0
		}
		v, ok := p.digits(low, n)
		for k := before - len(p.text); k < 9; k++ {
			v *= 10
		}
		p.nanos = v
		return ok
	case 't':
		half := "AM"
		if len(p.text) > 0 && p.text[0]|0x20 == 'p' {
			half = "PM"
		}
		half = half[:min(n, 2)]
		if len(p.text) < len(half) || !strings.EqualFold(p.text[:len(half)], half) {
			return false
		}
		p.pm, p.am, p.text = half[0] == 'P', half[0] == 'A', p.text[len(half):]
		return true
	case 'z', 'K':
		return p.zone(c)
	}
	return p.literal(strings.Repeat(string(c), n))
}

func (p *exactParser) zone(c byte) bool {
	if strings.HasPrefix(p.text, "Z") {
		p.text, p.utc, p.hasZone = p.text[1:], true, true
		return true
	}
	if p.text == "" || p.text[0] != '+' && p.text[0] != '-' {
		return c == 'K'
	}
	neg := p.text[0] == '-'
	p.text = p.text[1:]
	h, ok := p.digits(1, 2)
	m := 0
	if ok && strings.HasPrefix(p.text, ":") {
		p.text = p.text[1:]
		m, ok = p.digits(2, 2)
	} else if ok && c == 'K' {
		m, ok = p.digits(2, 2)
	}
	p.offset = time.Duration(h)*time.Hour + time.Duration(m)*time.Minute
	if neg {
		p.offset = -p.offset
	}
	p.hasZone = true
	return ok
}

func (p *exactParser) date(loc *time.Location) (ps.DateTime, bool) {
	if p.pm && p.hour < 12 {
		p.hour += 12
	} else if p.am && p.hour == 12 {
		p.hour = 0
	}
	if p.text != "" || p.year < 1 || p.month < 1 || p.month > 12 || p.day < 1 || p.day > daysIn(p.year, p.month) || p.hour > 23 || p.minute > 59 || p.secs > 59 {
		return ps.DateTime{}, false
	}
	t := time.Date(p.year, time.Month(p.month), p.day, p.hour, p.minute, p.secs, p.nanos, time.UTC).Truncate(100)
	if p.hasZone {
		return ps.DateTime{T: t.Add(-p.offset).In(loc), Kind: ps.KindLocal}, true
	}
	return ps.DateTime{T: t}, true
}
