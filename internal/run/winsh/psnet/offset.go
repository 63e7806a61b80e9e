package psnet

import (
	"context"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// offset is the Data of a DateTimeOffset.
type offset struct{ t time.Time }

const offsetName = "System.DateTimeOffset"

func newOffset(s *ps.Session, t time.Time) *ps.Object {
	return s.Object(offsetName, offset{t.Truncate(100)})
}

// Compare orders moments, for operators and Sort-Object.
func (o offset) Compare(other any) int { return o.t.Compare(other.(offset).t) }

// Operate implements [ps.Operand]: moments differ by time spans.
func (o offset) Operate(s *ps.Session, op string, other any) (any, bool, error) {
	sign := map[string]int64{"op_Addition": 1, "op_Subtraction": -1}[op]
	switch x := other.(type) {
	case ps.TimeSpan:
		if sign != 0 {
			v, err := o.shift(s, sign*int64(x))
			return v, true, err
		}
	case ps.DateTime:
		if sign < 0 {
			return o.since(instant(s, x)), true, nil
		}
	case *ps.Object:
		if y, ok := x.Data.(offset); ok && sign < 0 {
			return o.since(y.t), true, nil
		}
	}
	return nil, false, nil
}

// shift is the moment some ticks later, in the same zone.
func (o offset) shift(s *ps.Session, ticks int64) (any, error) {
	clock := clockOf(o.t)
	d, err := dateOf(s, clock.Ticks()+ticks, clock.Kind)
	if err != nil {
		return nil, err
	}
	return newOffset(s, zoneAt(d.(ps.DateTime).T, away(o.t))), nil
}

// since is the span between two moments.
func (o offset) since(t time.Time) ps.TimeSpan { return utcTime(o.t).Sub(utcTime(t)) }

// clock is the DateTime that an offset shows.
func (o offset) clock() ps.DateTime { return ps.DateTime{T: o.t, Kind: ps.KindLocal} }

func (o offset) text(format string) (string, error) {
	if format == "" {
		format = "M/d/yyyy h:mm:ss tt zzz"
	}
	clock := o.clock()
	switch format {
	case "u", "r", "R":
		clock.T = clock.T.UTC()
	}
	return ps.FormatDate(clock, format)
}

// zoneAt is the time of a clock in a zone that is a duration away from UTC.
func zoneAt(t time.Time, away ps.TimeSpan) time.Time {
	zone := time.FixedZone("", int(away/ps.TicksPerSecond))
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone)
}

// clockOf is the time that a DateTimeOffset's clock shows, of no zone.
func clockOf(t time.Time) ps.DateTime {
	return ps.DateTime{T: time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC), Kind: ps.KindUnspecified}
}

// zonedText is a time that ends in the distance of its zone from UTC.
var zonedText = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(.*\d:\d.*?)\s*(?:([+-])(\d{1,2}):?(\d\d)|[zZ])\s*$`)
})

// parseOffset is DateTimeOffset.Parse: a text without a zone is local.
func parseOffset(in *ps.Invoke, text string) (any, error) {
	s := in.Session
	m := zonedText().FindStringSubmatch(text)
	if m != nil {
		text = m[1]
	}
	d, ok := ps.ParseDate(text, s.Machine().Now())
	if !ok {
		return nil, badDate(s, text)
	}
	if m == nil || d.Kind != ps.KindUnspecified {
		return newOffset(s, instant(s, d)), nil
	}
	hours, _ := strconv.Atoi(m[3])
	minutes, _ := strconv.Atoi(m[4])
	away := ps.TimeSpan(hours)*ps.TicksPerHour + ps.TimeSpan(minutes)*ps.TicksPerMinute
	if m[2] == "-" {
		away = -away
	}
	return newOffset(s, zoneAt(d.T, away)), nil
}

func offsetType() *ps.Type {
	return &ps.Type{
		Name: offsetName, Value: true, Implements: []string{"System.IComparable", "System.IFormattable"}, Members: offsetMembers,
		String: func(v any) string {
			text, _ := v.(*ps.Object).Data.(offset).text("")
			return text
		},
		Format: func(v any, format string) (string, error) { return v.(*ps.Object).Data.(offset).text(format) },
		Convert: func(_ context.Context, in *ps.Invoke) (any, bool, error) {
			switch x := ps.Unwrap(in.Args[0]).(type) {
			case ps.DateTime:
				return newOffset(in.Session, instant(in.Session, x)), true, nil
			case string:
				v, err := parseOffset(in, x)
				return v, err == nil, err
			}
			return nil, false, nil
		},
		New: overloads(can(makeOffset), "datetime dateTime", "datetime dateTime, timespan offset", "long ticks, timespan offset",
			"int year, int month, int day, int hour, int minute, int second, timespan offset",
			"int year, int month, int day, int hour, int minute, int second, int millisecond, timespan offset", ""),
	}
}

// makeOffset is the constructors.
func makeOffset(in *ps.Invoke) (any, error) {
	s := in.Session
	if len(in.Args) == 0 {
		return newOffset(s, time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)), nil
	}
	away, zoned := in.Args[len(in.Args)-1].(ps.TimeSpan)
	d, isDate := in.Args[0].(ps.DateTime)
	if zoned {
		if err := checkAway(s, d, away); err != nil {
			return nil, err
		}
	}
	if isDate && !zoned {
		return newOffset(s, instant(s, d)), nil
	}
	if isDate {
		return newOffset(s, zoneAt(d.T, away)), nil
	}
	if len(in.Args) == 2 {
		return newOffset(s, zoneAt(ps.DateTimeOf(intOf(in.Args[0]), ps.KindUnspecified, nil).T, away)), nil
	}
	n := make([]int, 7)
	for i := range in.Args[:len(in.Args)-1] {
		n[i] = in.Int(i)
	}
	if n[0] < 1 || n[0] > 9999 || n[1] < 1 || n[1] > 12 || n[2] < 1 || n[2] > daysIn(n[0], n[1]) {
		return nil, outOfRange(s, "Year, Month, and Day parameters describe an un-representable DateTime.", "")
	}
	if n[3] < 0 || n[3] > 23 || n[4] < 0 || n[4] > 59 || n[5] < 0 || n[5] > 59 || n[6] < 0 || n[6] > 999 {
		return nil, outOfRange(s, "Hour, Minute, and Second parameters describe an un-representable DateTime.", "")
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], n[6]*int(time.Millisecond), time.UTC)
	return newOffset(s, zoneAt(t, away)), nil
}

// checkAway refuses a distance from UTC that a date cannot have.
func checkAway(s *ps.Session, d ps.DateTime, away ps.TimeSpan) error {
	switch {
	case away%ps.TicksPerMinute != 0:
		return throw(argumentException, "Offset must be specified in whole minutes."+paramText(s, "offset"))
	case away > 14*ps.TicksPerHour || away < -14*ps.TicksPerHour:
		return outOfRange(s, "Offset must be within plus and minus 14 hours.", "offset")
	case d.Kind == ps.KindUTC && away != 0:
		return throw(argumentException, "The UTC Offset for Utc DateTime instances must be 0."+paramText(s, "offset"))
	case d.Kind == ps.KindLocal && away != localAway(s, d):
		return throw(argumentException, "The UTC Offset of the local dateTime parameter does not match the offset argument."+paramText(s, "offset"))
	}
	return nil
}

// localAway is the distance from UTC that a local time has.
func localAway(s *ps.Session, d ps.DateTime) ps.TimeSpan { return away(instant(s, d)) }

func offsetSelf(in *ps.Invoke) time.Time { return in.Data().(offset).t }

// away is the distance from UTC.
func away(t time.Time) ps.TimeSpan {
	_, n := t.Zone()
	return ps.TimeSpan(n) * ps.TicksPerSecond
}

func offsetMembers() []ps.Member {
	return append(append(offsetParts(), offsetStatics()...), offsetMethods()...)
}

// offsetParts are the properties.
func offsetParts() []ps.Member {
	when := func(name string, get func(in *ps.Invoke, t time.Time) any) ps.Member {
		return prop(name, "datetime", func(in *ps.Invoke) any { return get(in, offsetSelf(in)) })
	}
	part := func(name string, get func(t time.Time) int) ps.Member {
		return prop(name, "int", func(in *ps.Invoke) any { return ps.Int(get(offsetSelf(in))) })
	}
	return []ps.Member{
		when("DateTime", func(_ *ps.Invoke, t time.Time) any { return clockOf(t) }),
		when("UtcDateTime", func(_ *ps.Invoke, t time.Time) any { return utcTime(t) }),
		when("LocalDateTime", func(in *ps.Invoke, t time.Time) any { return localTime(in.Session, t) }),
		when("Date", func(_ *ps.Invoke, t time.Time) any { return midnight(clockOf(t)) }),
		part("Day", time.Time.Day),
		prop("DayOfWeek", "System.DayOfWeek", func(in *ps.Invoke) any { return in.Session.Enum("System.DayOfWeek", int64(offsetSelf(in).Weekday())) }),
		part("DayOfYear", time.Time.YearDay), part("Hour", time.Time.Hour), part("Millisecond", func(t time.Time) int { return t.Nanosecond() / 1e6 }),
		core(part("Microsecond", func(t time.Time) int { return t.Nanosecond() / 1e3 % 1e3 })), core(part("Nanosecond", func(t time.Time) int { return t.Nanosecond() % 1e3 })),
		part("Minute", time.Time.Minute), part("Month", func(t time.Time) int { return int(t.Month()) }),
		prop("Offset", "timespan", func(in *ps.Invoke) any { return away(offsetSelf(in)) }),
		core(part("TotalOffsetMinutes", func(t time.Time) int { return int(away(t) / ps.TicksPerMinute) })),
		part("Second", time.Time.Second),
		prop("Ticks", "long", func(in *ps.Invoke) any { return clockOf(offsetSelf(in)).Ticks() }),
		prop("UtcTicks", "long", func(in *ps.Invoke) any { return utcTime(offsetSelf(in)).Ticks() }),
		prop("TimeOfDay", "timespan", func(in *ps.Invoke) any {
			d := clockOf(offsetSelf(in))
			return ps.TimeSpan(d.Ticks() - midnight(d).Ticks())
		}),
		part("Year", time.Time.Year),
	}
}

func offsetStatics() []ps.Member {
	unix := func(name, unit string, scale int64, make func(n int64) time.Time) ps.Member {
		lo, hi := -62135596800*scale, 253402300800*scale-1
		return static(name, offsetName, can(func(in *ps.Invoke) (any, error) {
			n := intOf(in.Args[0])
			if n < lo || n > hi {
				return nil, outOfRange(in.Session, "Valid values are between "+strconv.FormatInt(lo, 10)+" and "+strconv.FormatInt(hi, 10)+", inclusive.", unit)
			}
			return newOffset(in.Session, make(n).UTC()), nil
		}), "long "+unit)
	}
	at := func(name string, t time.Time) ps.Member {
		return field(name, offsetName, func(in *ps.Invoke) any { return newOffset(in.Session, t) })
	}
	parse := can(func(in *ps.Invoke) (any, error) { return parseOffset(in, in.String(0)) })
	return []ps.Member{
		field("Now", offsetName, func(in *ps.Invoke) any { return newOffset(in.Session, in.Session.Machine().Now()) }),
		field("UtcNow", offsetName, func(in *ps.Invoke) any { return newOffset(in.Session, in.Session.Machine().Now().UTC()) }),
		at("MinValue", time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)), at("MaxValue", time.Date(9999, 12, 31, 23, 59, 59, 999999900, time.UTC)),
		core(at("UnixEpoch", time.Unix(0, 0).UTC())),
		unix("FromUnixTimeSeconds", "seconds", 1, func(n int64) time.Time { return time.Unix(n, 0) }),
		unix("FromUnixTimeMilliseconds", "milliseconds", 1000, time.UnixMilli),
		static("FromFileTime", offsetName, val(func(in *ps.Invoke) any {
			return newOffset(in.Session, ps.DateTimeOf(intOf(in.Args[0])+fileTicks, ps.KindUTC, nil).T.In(zone(in.Session)))
		}), "long fileTime"),
		static("Compare", "int", val(func(in *ps.Invoke) any {
			a, _ := dataOf[offset](in, 0)
			b, _ := dataOf[offset](in, 1)
			return ps.Int(a.t.Compare(b.t))
		}), offsetName+" first, "+offsetName+" second"),
		static("Parse", offsetName, parse, "string input", "string input, System.IFormatProvider formatProvider"),
		static("TryParse", "bool", can(func(in *ps.Invoke) (any, error) {
			v, err := parseOffset(in, in.String(0))
			if err != nil {
				v = newOffset(in.Session, time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC))
			}
			return err == nil, lastArg(in).(*ps.Ref).Set(v)
		}), "string input, out System.DateTimeOffset result"),
	}
}

func offsetMethods() []ps.Member {
	moved := func(in *ps.Invoke, ticks int64) (any, error) { return in.Data().(offset).shift(in.Session, ticks) }
	add := func(name string, unit ps.TimeSpan) ps.Member {
		return method(name, offsetName, can(func(in *ps.Invoke) (any, error) {
			ticks, err := unitTicks(in, unit)
			if err != nil {
				return nil, err
			}
			return moved(in, ticks)
		}), "double value")
	}
	months := func(name, arg string, unit int) ps.Member {
		return method(name, offsetName, can(func(in *ps.Invoke) (any, error) {
			d, err := addMonths(in.Session, clockOf(offsetSelf(in)), in.Int(0)*unit)
			if err != nil {
				return nil, err
			}
			return newOffset(in.Session, zoneAt(d.(ps.DateTime).T, away(offsetSelf(in)))), nil
		}), arg)
	}
	other := func(in *ps.Invoke) (time.Time, bool) {
		o, ok := dataOf[offset](in, 0)
		return o.t, ok
	}
	return []ps.Member{
		method("ToUnixTimeSeconds", "long", val(func(in *ps.Invoke) any { return offsetSelf(in).Unix() }), ""),
		method("ToUnixTimeMilliseconds", "long", val(func(in *ps.Invoke) any { return offsetSelf(in).UnixMilli() }), ""),
		method("ToFileTime", "long", val(func(in *ps.Invoke) any { return utcTime(offsetSelf(in)).Ticks() - fileTicks }), ""),
		method("ToUniversalTime", offsetName, val(func(in *ps.Invoke) any { return newOffset(in.Session, offsetSelf(in).UTC()) }), ""),
		method("ToLocalTime", offsetName, val(func(in *ps.Invoke) any { return newOffset(in.Session, offsetSelf(in).In(zone(in.Session))) }), ""),
		method("ToOffset", offsetName, val(func(in *ps.Invoke) any {
			by := in.Args[0].(ps.TimeSpan)
			return newOffset(in.Session, offsetSelf(in).In(time.FixedZone("", int(by/ps.TicksPerSecond))))
		}), "timespan offset"),
		method("ToString", "string", can(func(in *ps.Invoke) (any, error) {
			format := ""
			if len(in.Args) > 0 {
				format, _ = in.Args[0].(string)
			}
			return in.Data().(offset).text(format)
		}), "", "string format", "System.IFormatProvider formatProvider", "string format, System.IFormatProvider formatProvider"),
		add("AddDays", ps.TicksPerDay), add("AddHours", ps.TicksPerHour), add("AddMinutes", ps.TicksPerMinute), add("AddSeconds", ps.TicksPerSecond), add("AddMilliseconds", ps.TicksPerMillisecond),
		months("AddMonths", "int months", 1), months("AddYears", "int years", 12),
		method("AddTicks", offsetName, can(func(in *ps.Invoke) (any, error) { return moved(in, intOf(in.Args[0])) }), "long ticks"),
		method("Add", offsetName, can(func(in *ps.Invoke) (any, error) { return moved(in, int64(in.Args[0].(ps.TimeSpan))) }), "timespan timeSpan"),
		method("Subtract", "System.Object", can(func(in *ps.Invoke) (any, error) {
			if t, ok := other(in); ok {
				return in.Data().(offset).since(t), nil
			}
			return moved(in, -int64(in.Args[0].(ps.TimeSpan)))
		}), offsetName+" value", "timespan value"),
		method("CompareTo", "int", val(func(in *ps.Invoke) any {
			t, _ := other(in)
			return ps.Int(offsetSelf(in).Compare(t))
		}), offsetName+" other"),
		method("Equals", "bool", val(func(in *ps.Invoke) any {
			t, ok := other(in)
			return ok && offsetSelf(in).Equal(t)
		}), "System.Object obj"),
	}
}
