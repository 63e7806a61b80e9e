package psnet

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// timeTypes are dates, spans and clocks.
func timeTypes() []*ps.Type {
	const day, clock = "int year, int month, int day", ", int hour, int minute, int second"
	return []*ps.Type{
		{
			Name: "System.DateTime", Members: dateMembers,
			New: overloads(newDate, day, day+clock, day+clock+", int millisecond", day+clock+", System.DateTimeKind kind", day+clock+", int millisecond, System.DateTimeKind kind", "long ticks", "long ticks, System.DateTimeKind kind"),
		},
		{
			Name: "System.TimeSpan", Members: spanMembers,
			New: overloads(newSpan, "long ticks", "int hours, int minutes, int seconds", "int days, int hours, int minutes, int seconds", "int days, int hours, int minutes, int seconds, int milliseconds"),
		},
		offsetType(), stopwatchType(), timeZoneType(),
		flags("System.Globalization.DateTimeStyles", "None", 0, "AllowLeadingWhite", 1, "AllowTrailingWhite", 2, "AllowInnerWhite", 4, "AllowWhiteSpaces", 7, "NoCurrentDateDefault", 8,
			"AdjustToUniversal", 16, "AssumeLocal", 32, "AssumeUniversal", 64, "RoundtripKind", 128),
	}
}

// zone is the machine's.
func zone(s *ps.Session) *time.Location { return s.Machine().Now().Location() }

func localTime(s *ps.Session, t time.Time) ps.DateTime {
	return ps.DateTime{T: t.In(zone(s)).Truncate(100), Kind: ps.KindLocal}
}

func utcTime(t time.Time) ps.DateTime {
	return ps.DateTime{T: t.UTC().Truncate(100), Kind: ps.KindUTC}
}

// instant is the moment that a DateTime means: one without a kind is local.
func instant(s *ps.Session, d ps.DateTime) time.Time {
	if d.Kind == ps.KindUnspecified {
		t := d.T
		return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone(s))
	}
	return d.T
}

// Ticks of years that matter.
const (
	maxTicks  = 3155378975999999999
	unixTicks = 621355968000000000
	fileTicks = 504911232000000000
)

// dateOf makes a DateTime of ticks, if there is one.
func dateOf(s *ps.Session, ticks int64, kind ps.DateTimeKind) (any, error) {
	if ticks < 0 || ticks > maxTicks {
		return nil, outOfRange(s, "The added or subtracted value results in an un-representable DateTime.", "value")
	}
	return ps.DateTimeOf(ticks, kind, zone(s)), nil
}

func kindArg(in *ps.Invoke) ps.DateTimeKind {
	if e, ok := lastArg(in).(ps.Enum); ok {
		return ps.DateTimeKind(e.Value)
	}
	return ps.KindUnspecified
}

func newDate(_ context.Context, in *ps.Invoke) (any, error) {
	if ticks, ok := in.Args[0].(int64); ok && len(in.Args) < 3 {
		if ticks < 0 || ticks > maxTicks {
			return nil, outOfRange(in.Session, "Ticks must be between DateTime.MinValue.Ticks and DateTime.MaxValue.Ticks.", "ticks")
		}
		return ps.DateTimeOf(ticks, kindArg(in), zone(in.Session)), nil
	}
	var n [7]int
	for i, a := range in.Args {
		if _, isKind := a.(ps.Enum); !isKind {
			n[i] = in.Int(i)
		}
	}
	if n[0] < 1 || n[0] > 9999 || n[1] < 1 || n[1] > 12 || n[2] < 1 || n[2] > daysIn(n[0], n[1]) {
		return nil, throw("System.ArgumentOutOfRangeException", "Year, Month, and Day parameters describe an un-representable DateTime.")
	}
	if n[3] < 0 || n[3] > 23 || n[4] < 0 || n[4] > 59 || n[5] < 0 || n[5] > 59 || n[6] < 0 || n[6] > 999 {
		return nil, throw("System.ArgumentOutOfRangeException", "Hour, Minute, and Second parameters describe an un-representable DateTime.")
	}
	loc := time.UTC
	kind := kindArg(in)
	if kind == ps.KindLocal {
		loc = zone(in.Session)
	}
	return ps.DateTime{T: time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], n[6]*1e6, loc), Kind: kind}, nil
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

func dateMembers() []ps.Member {
	list := append(formatMembers(), dateStatics()...)
	list = append(list, dateParts()...)
	return append(list, dateMethods()...)
}

func dateStatics() []ps.Member {
	at := func(name string, get func(in *ps.Invoke) any) ps.Member { return field(name, "datetime", get) }
	return []ps.Member{
		at("Now", func(in *ps.Invoke) any { return localTime(in.Session, in.Session.Machine().Now()) }),
		at("UtcNow", func(in *ps.Invoke) any { return utcTime(in.Session.Machine().Now()) }),
		at("Today", func(in *ps.Invoke) any { return midnight(localTime(in.Session, in.Session.Machine().Now())) }),
		at("MinValue", func(*ps.Invoke) any { return ps.DateTimeOf(0, ps.KindUnspecified, nil) }),
		at("MaxValue", func(*ps.Invoke) any { return ps.DateTimeOf(maxTicks, ps.KindUnspecified, nil) }),
		only(ps.Core, at("UnixEpoch", func(*ps.Invoke) any { return ps.DateTimeOf(unixTicks, ps.KindUTC, nil) }))[0],
		static("Parse", "datetime", can(parseDate), "string s", "string s, System.IFormatProvider provider", "string s, System.IFormatProvider provider, System.Globalization.DateTimeStyles styles"),
		static("ParseExact", "datetime", can(parseDateExact), "string s, string format, System.IFormatProvider provider", "string s, string format, System.IFormatProvider provider, System.Globalization.DateTimeStyles style",
			"string s, string[] formats, System.IFormatProvider provider, System.Globalization.DateTimeStyles style"),
		static("TryParse", "bool", can(func(in *ps.Invoke) (any, error) { return tried(in, parseDate) }), "string s, out datetime result", "string s, System.IFormatProvider provider, System.Globalization.DateTimeStyles styles, out datetime result"),
		static("TryParseExact", "bool", can(func(in *ps.Invoke) (any, error) { return tried(in, parseDateExact) }), "string s, string format, System.IFormatProvider provider, System.Globalization.DateTimeStyles style, out datetime result"),
		static("DaysInMonth", "int", can(func(in *ps.Invoke) (any, error) {
			if in.Int(1) < 1 || in.Int(1) > 12 {
				return nil, outOfRange(in.Session, "Month must be between one and twelve.", "month")
			}
			return ps.Int(daysIn(in.Int(0), in.Int(1))), nil
		}), "int year, int month"),
		static("IsLeapYear", "bool", val(func(in *ps.Invoke) any { return daysIn(in.Int(0), 2) == 29 }), "int year"),
		static("SpecifyKind", "datetime", val(func(in *ps.Invoke) any {
			return ps.DateTimeOf(in.Args[0].(ps.DateTime).Ticks(), kindArg(in), zone(in.Session))
		}), "datetime value, System.DateTimeKind kind"),
		static("FromFileTime", "datetime", val(func(in *ps.Invoke) any {
			return localTime(in.Session, ps.DateTimeOf(intOf(in.Args[0])+fileTicks, ps.KindUTC, nil).T)
		}), "long fileTime"),
		static("FromFileTimeUtc", "datetime", val(func(in *ps.Invoke) any { return ps.DateTimeOf(intOf(in.Args[0])+fileTicks, ps.KindUTC, nil) }), "long fileTime"),
		static("FromBinary", "datetime", val(func(in *ps.Invoke) any {
			n := intOf(in.Args[0])
			kind := ps.DateTimeKind(uint64(n) >> 62 & 3)
			return ps.DateTimeOf(n&(1<<62-1), min(kind, ps.KindLocal), zone(in.Session))
		}), "long dateData"),
		static("FromOADate", "datetime", val(func(in *ps.Invoke) any {
			return ps.DateTimeOf(599264352000000000+int64(math.Round(floatOf(in.Args[0])*86400000))*10000, ps.KindUnspecified, nil)
		}), "double d"),
		static("Compare", "int", val(func(in *ps.Invoke) any {
			a, b := in.Args[0].(ps.DateTime).Ticks(), in.Args[1].(ps.DateTime).Ticks()
			return sign(a - b)
		}), "datetime t1, datetime t2"),
	}
}

func sign(n int64) int32 {
	switch {
	case n > 0:
		return 1
	case n < 0:
		return -1
	}
	return 0
}

func midnight(d ps.DateTime) ps.DateTime {
	t := d.T
	return ps.DateTime{T: time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, t.Location()), Kind: d.Kind}
}

// parseDate is DateTime.Parse.
func parseDate(in *ps.Invoke) (any, error) {
	d, ok := ps.ParseDate(in.String(0), in.Session.Machine().Now())
	if !ok {
		return nil, throw(formatException, in.Session.BadDateText(in.String(0)))
	}
	return adjust(in, d), nil
}

func badDate(s *ps.Session, text string) error {
	return throw(formatException, either(s, "String was not recognized as a valid DateTime.", "String '"+text+"' was not recognized as a valid DateTime."))
}

// adjust applies a DateTimeStyles argument.
func adjust(in *ps.Invoke, d ps.DateTime) ps.DateTime {
	styles := int64(0)
	for _, a := range in.Args {
		if e, ok := a.(ps.Enum); ok {
			styles = e.Value
		}
	}
	if d.Kind == ps.KindUnspecified {
		switch {
		case styles&64 != 0:
			d = ps.DateTime{T: d.T, Kind: ps.KindUTC}
			if styles&16 == 0 {
				return localTime(in.Session, d.T)
			}
		case styles&32 != 0:
			d = ps.DateTime{T: instant(in.Session, d), Kind: ps.KindLocal}
		}
	}
	if styles&16 != 0 && d.Kind == ps.KindLocal || styles&128 != 0 && strings.HasSuffix(strings.TrimSpace(in.String(0)), "Z") {
		return utcTime(d.T)
	}
	return d
}

// tried is TryParse over a method that throws.
func tried(in *ps.Invoke, parse func(in *ps.Invoke) (any, error)) (any, error) {
	n := len(in.Args) - 1
	short := *in
	short.Args = in.Args[:n]
	v, err := parse(&short)
	if err != nil {
		v = ps.DateTimeOf(0, ps.KindUnspecified, nil)
	}
	return err == nil, in.Args[n].(*ps.Ref).Set(v)
}

func parseDateExact(in *ps.Invoke) (any, error) {
	formats := []string{in.Session.ToString(in.Args[1])}
	if ps.Enumerable(in.Args[1]) {
		formats = stringsArg(in, 1)
	}
	inv := len(in.Args) > 2 && isInvariant(object(in, 2))
	for _, f := range formats {
		if d, ok := parseExact(in.String(0), exactPattern(f, inv), zone(in.Session)); ok {
			return adjust(in, d), nil
		}
	}
	return nil, badDate(in.Session, in.String(0))
}

func dateParts() []ps.Member {
	part := func(name string, get func(d ps.DateTime) int) ps.Member {
		return prop(name, "int", func(in *ps.Invoke) any { return ps.Int(get(dateSelf(in))) })
	}
	return []ps.Member{
		prop("Date", "datetime", func(in *ps.Invoke) any { return midnight(dateSelf(in)) }),
		part("Day", func(d ps.DateTime) int { return d.T.Day() }),
		prop("DayOfWeek", "System.DayOfWeek", func(in *ps.Invoke) any { return in.Session.Enum("System.DayOfWeek", int64(dateSelf(in).T.Weekday())) }),
		part("DayOfYear", func(d ps.DateTime) int { return d.T.YearDay() }), part("Hour", func(d ps.DateTime) int { return d.T.Hour() }),
		prop("Kind", "System.DateTimeKind", func(in *ps.Invoke) any { return in.Session.Enum("System.DateTimeKind", int64(dateSelf(in).Kind)) }),
		part("Millisecond", func(d ps.DateTime) int { return d.T.Nanosecond() / 1e6 }), part("Minute", func(d ps.DateTime) int { return d.T.Minute() }),
		part("Month", func(d ps.DateTime) int { return int(d.T.Month()) }), part("Second", func(d ps.DateTime) int { return d.T.Second() }),
		prop("Ticks", "long", func(in *ps.Invoke) any { return dateSelf(in).Ticks() }),
		prop("TimeOfDay", "timespan", func(in *ps.Invoke) any { d := dateSelf(in); return d.Sub(midnight(d)) }),
		part("Year", func(d ps.DateTime) int { return d.T.Year() }),
		{Name: "DateTime", Kind: ps.KindScript, Type: "string", Get: func(ctx context.Context, in *ps.Invoke) (any, error) {
			d := dateSelf(in)
			date, err := ps.FormatDate(d, "D")
			if err != nil {
				return nil, err
			}
			clock, err := ps.FormatDate(d, "T")
			return date + " " + clock, err
		}},
	}
}

func dateSelf(in *ps.Invoke) ps.DateTime {
	d, _ := ps.Unwrap(in.Self).(ps.DateTime)
	return d
}

func dateMethods() []ps.Member {
	add := func(name string, unit ps.TimeSpan) ps.Member {
		return method(name, "datetime", can(func(in *ps.Invoke) (any, error) {
			d := dateSelf(in)
			ticks, err := unitTicks(in, unit)
			if err != nil {
				return nil, err
			}
			return dateOf(in.Session, d.Ticks()+ticks, d.Kind)
		}), "double value")
	}
	text := func(name, format string) ps.Member {
		return method(name, "string", can(func(in *ps.Invoke) (any, error) { return ps.FormatDate(dateSelf(in), format) }), "")
	}
	span := func(name string, f func(d ps.DateTime, t ps.TimeSpan) int64) ps.Member {
		return method(name, "datetime", can(func(in *ps.Invoke) (any, error) {
			d := dateSelf(in)
			return dateOf(in.Session, f(d, in.Args[0].(ps.TimeSpan)), d.Kind)
		}), "timespan value")
	}
	month := func(name string, scale int) ps.Member {
		return method(name, "datetime", can(func(in *ps.Invoke) (any, error) { return addMonths(in.Session, dateSelf(in), in.Int(0)*scale) }), "int months")
	}
	return []ps.Member{
		span("Add", func(d ps.DateTime, t ps.TimeSpan) int64 { return d.Ticks() + int64(t) }),
		also(span("Subtract", func(d ps.DateTime, t ps.TimeSpan) int64 { return d.Ticks() - int64(t) }),
			ps.O("datetime value", val(func(in *ps.Invoke) any { return dateSelf(in).Sub(in.Args[0].(ps.DateTime)) }))),
		add("AddDays", ps.TicksPerDay), add("AddHours", ps.TicksPerHour), add("AddMinutes", ps.TicksPerMinute), add("AddSeconds", ps.TicksPerSecond), add("AddMilliseconds", ps.TicksPerMillisecond),
		method("AddTicks", "datetime", can(func(in *ps.Invoke) (any, error) {
			return dateOf(in.Session, dateSelf(in).Ticks()+intOf(in.Args[0]), dateSelf(in).Kind)
		}), "long value"),
		month("AddMonths", 1), month("AddYears", 12),
		method("ToUniversalTime", "datetime", val(func(in *ps.Invoke) any { return utcTime(instant(in.Session, dateSelf(in))) }), ""),
		method("ToLocalTime", "datetime", val(func(in *ps.Invoke) any {
			d := dateSelf(in)
			if d.Kind == ps.KindLocal {
				return d
			}
			return localTime(in.Session, d.T)
		}), ""),
		text("ToShortDateString", "d"), text("ToLongDateString", "D"), text("ToShortTimeString", "t"), text("ToLongTimeString", "T"),
		method("ToFileTime", "long", val(func(in *ps.Invoke) any { return utcTime(instant(in.Session, dateSelf(in))).Ticks() - fileTicks }), ""),
		method("ToFileTimeUtc", "long", val(func(in *ps.Invoke) any {
			d := dateSelf(in)
			if d.Kind == ps.KindLocal {
				d = utcTime(d.T)
			}
			return d.Ticks() - fileTicks
		}), ""),
		method("ToOADate", "double", val(func(in *ps.Invoke) any {
			return float64(dateSelf(in).Ticks()-599264352000000000) / float64(ps.TicksPerDay)
		}), ""),
		method("ToBinary", "long", val(func(in *ps.Invoke) any { d := dateSelf(in); return int64(uint64(d.Ticks()) | uint64(d.Kind)<<62) }), ""),
		method("IsDaylightSavingTime", "bool", val(func(in *ps.Invoke) any { return dateSelf(in).T.IsDST() }), ""),
		method("Equals", "bool", val(func(in *ps.Invoke) any {
			d, ok := ps.Unwrap(in.Args[0]).(ps.DateTime)
			return ok && d.Ticks() == dateSelf(in).Ticks()
		}), "System.Object value"),
	}
}

// addMonths keeps the day, or takes the last one of a shorter month.
// unitTicks are as many units as the argument says, for AddDays and its kin: to
// the millisecond in 5.1.
func unitTicks(in *ps.Invoke, unit ps.TimeSpan) (int64, error) {
	n := floatOf(in.Args[0])
	if all := n * float64(unit); math.IsNaN(all) || math.Abs(all) > float64(math.MaxInt64/2) {
		return 0, outOfRange(in.Session, "Value to add was out of range.", "value")
	}
	if !desktop(in.Session) {
		return int64(n * float64(unit)), nil
	}
	ticks := int64(math.Floor(math.Abs(n)*float64(unit/ps.TicksPerMillisecond)+0.5)) * int64(ps.TicksPerMillisecond)
	if n < 0 {
		ticks = -ticks
	}
	return ticks, nil
}

func addMonths(s *ps.Session, d ps.DateTime, n int) (any, error) {
	t := d.T
	m := int(t.Month()) - 1 + n
	year := t.Year() + m/12
	if m %= 12; m < 0 {
		m, year = m+12, year-1
	}
	if year < 1 || year > 9999 {
		return nil, outOfRange(s, "The added or subtracted value results in an un-representable DateTime.", "months")
	}
	day := min(t.Day(), daysIn(year, m+1))
	return ps.DateTime{T: time.Date(year, time.Month(m+1), day, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location()), Kind: d.Kind}, nil
}
