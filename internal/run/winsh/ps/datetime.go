package ps

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ticks counts 100 ns since the year 1 on the clock that the value shows.
func (d DateTime) ticks() int64 {
	t := d.T
	days := int64(0)
	y, m, day := t.Date()
	days = daysBefore(y) + int64(t.YearDay()) - 1
	_ = m
	_ = day
	h, min, sec := t.Clock()
	return ((days*24+int64(h))*60+int64(min))*60*1e7 + int64(sec)*1e7 + int64(t.Nanosecond()/100)
}

// daysBefore counts the days of all years before y.
func daysBefore(y int) int64 {
	n := int64(y - 1)
	return n*365 + n/4 - n/100 + n/400
}

// Ticks is DateTime.Ticks.
func (d DateTime) Ticks() int64 { return d.ticks() }

// DateTimeOf makes a DateTime of ticks in a zone; UTC for all but local times.
func DateTimeOf(ticks int64, kind DateTimeKind, zone *time.Location) DateTime {
	if kind != KindLocal || zone == nil {
		zone = time.UTC
	}
	sec, rest := ticks/1e7, ticks%1e7
	t := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Add(0)
	u := time.Unix(t.Unix()+sec, rest*100).UTC()
	return DateTime{time.Date(u.Year(), u.Month(), u.Day(), u.Hour(), u.Minute(), u.Second(), u.Nanosecond(), zone), kind}
}

// Add adds a span on the clock.
func (d DateTime) Add(span TimeSpan) DateTime {
	return DateTimeOf(d.ticks()+int64(span), d.Kind, d.T.Location())
}

// Sub is the span between two clocks.
func (d DateTime) Sub(o DateTime) TimeSpan { return TimeSpan(d.ticks() - o.ticks()) }

// String is the invariant text with the zone's kind, for debugging.
func (d DateTime) String() string { return formatDateTime(d, "MM/dd/yyyy HH:mm:ss") }

// standardDate returns the pattern of a standard format letter (en-US).
func standardDate(format string) (pattern string, ok bool) {
	switch format {
	case "d":
		return "M/d/yyyy", true
	case "D":
		return "dddd, MMMM d, yyyy", true
	case "t":
		return "h:mm tt", true
	case "T":
		return "h:mm:ss tt", true
	case "f":
		return "dddd, MMMM d, yyyy h:mm tt", true
	case "F":
		return "dddd, MMMM d, yyyy h:mm:ss tt", true
	case "g":
		return "M/d/yyyy h:mm tt", true
	case "G", "":
		return "M/d/yyyy h:mm:ss tt", true
	case "m", "M":
		return "MMMM d", true
	case "y", "Y":
		return "MMMM yyyy", true
	case "s":
		return "yyyy'-'MM'-'dd'T'HH':'mm':'ss", true
	case "u":
		return "yyyy'-'MM'-'dd HH':'mm':'ss'Z'", true
	case "r", "R":
		return "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'", true
	case "o", "O":
		return "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK", true
	}
	return "", false
}

// FormatDate is DateTime.ToString(format) in en-US.
func FormatDate(d DateTime, format string) (string, error) {
	if len(format) == 1 {
		if format == "U" {
			return formatDateTime(DateTime{d.T.UTC(), KindUTC}, "F"), nil
		}
		if _, ok := standardDate(format); !ok {
			return "", NewException("System.FormatException", "Input string was not in a correct format.")
		}
	}
	return formatDateTime(d, format), nil
}

func formatDateTime(d DateTime, format string) string {
	if p, ok := standardDate(format); ok {
		format = p
	}
	var b strings.Builder
	for i := 0; i < len(format); {
		c := format[i]
		n := 1
		for i+n < len(format) && format[i+n] == c {
			n++
		}
		switch c {
		case '\'', '"':
			end := strings.IndexByte(format[i+1:], c)
			if end < 0 {
				return b.String() + format[i+1:]
			}
			b.WriteString(format[i+1 : i+1+end])
			i += end + 2
			continue
		case '\\':
			if i+1 < len(format) {
				b.WriteByte(format[i+1])
			}
			i += 2
			continue
		case '%':
			i++
			continue
		}
		text, ok := datePart(d, c, n)
		if !ok {
			b.WriteByte(c)
			i++
			continue
		}
		if before, dot := strings.CutSuffix(b.String(), "."); dot && c == 'F' && text == "" {
			// A point without digits behind it vanishes.
			b.Reset()
			b.WriteString(before)
		}
		b.WriteString(text)
		i += n
	}
	return b.String()
}

// datePart formats n letters c of a custom format.
func datePart(d DateTime, c byte, n int) (string, bool) {
	t := d.T
	pad := func(v int) string {
		if n == 1 {
			return strconv.Itoa(v)
		}
		return fmt.Sprintf("%02d", v)
	}
	switch c {
	case 'd':
		switch {
		case n == 3:
			return t.Weekday().String()[:3], true
		case n > 3:
			return t.Weekday().String(), true
		}
		return pad(t.Day()), true
	case 'M':
		switch {
		case n == 3:
			return t.Month().String()[:3], true
		case n > 3:
			return t.Month().String(), true
		}
		return pad(int(t.Month())), true
	case 'y':
		if n <= 2 {
			return pad(t.Year() % 100), true
		}
		return fmt.Sprintf("%0*d", n, t.Year()), true
	case 'h':
		return pad((t.Hour()+11)%12 + 1), true
	case 'H':
		return pad(t.Hour()), true
	case 'm':
		return pad(t.Minute()), true
	case 's':
		return pad(t.Second()), true
	case 'f', 'F':
		if n > 7 {
			return "", false
		}
		text := fmt.Sprintf("%07d", t.Nanosecond()/100)[:n]
		if c == 'F' {
			text = strings.TrimRight(text, "0")
		}
		return text, true
	case 't':
		half := "AM"
		if t.Hour() >= 12 {
			half = "PM"
		}
		return half[:min(n, 2)], true
	case 'z':
		_, offset := t.Zone()
		if d.Kind == KindUTC {
			offset = 0
		}
		return zoneText(offset, n), true
	case 'K':
		switch d.Kind {
		case KindUTC:
			return "Z", true
		case KindLocal:
			_, offset := t.Zone()
			return zoneText(offset, 3), true
		}
		return "", true
	case 'g':
		return "A.D.", true
	}
	return "", false
}

func zoneText(offset, n int) string {
	sign := "+"
	if offset < 0 {
		sign, offset = "-", -offset
	}
	h, m := offset/3600, offset/60%60
	switch n {
	case 1:
		return fmt.Sprintf("%s%d", sign, h)
	case 2:
		return fmt.Sprintf("%s%02d", sign, h)
	}
	return fmt.Sprintf("%s%02d:%02d", sign, h, m)
}

// dateLayouts are the texts that DateTime.Parse understands, in Go's terms.
func dateLayouts() []string {
	dates := []string{"1/2/2006", "2006-1-2", "2006/1/2", "2 January 2006", "2 Jan 2006", "January 2, 2006", "January 2 2006", "Jan 2, 2006", "Jan 2 2006",
		"2-Jan-2006", "2-Jan-06", "1-2-2006", "1/2/06", "Monday, January 2, 2006", "Mon, 2 Jan 2006", "Monday, 2 January 2006", "2006.1.2"}
	times := []string{"", " 15:4", " 15:4:5", " 15:4:5.9999999", " 3:4 PM", " 3:4:5 PM", " 3:4PM", " 3:4:5PM", " 3 PM", " 3PM", "T15:4:5.9999999", "T15:4:5", "T15:4"}
	var list []string
	for _, d := range dates {
		for _, t := range times {
			list = append(list, d+t)
		}
	}
	return append(list, "15:4", "15:4:5", "3:4 PM", "3:4:5 PM", "3 PM", "January 2006", "Jan 2006", "2006-1", "January 2", "Jan 2")
}

// ParseDate is DateTime.Parse in en-US. A text with a zone becomes a local time
// of zone; one without has no kind. A time without a date is of today.
func ParseDate(text string, now time.Time) (DateTime, bool) {
	s := strings.Join(strings.Fields(text), " ")
	zone := ""
	for _, z := range []string{"Z", " GMT", " UTC"} {
		if rest, ok := strings.CutSuffix(s, z); ok && rest != "" {
			s, zone = rest, "Z"
			break
		}
	}
	if i := strings.LastIndexAny(s, "+-"); zone == "" && i > 8 && strings.Contains(s[:i], ":") {
		s, zone = strings.TrimSpace(s[:i]), s[i:]
	}
	for _, layout := range dateLayouts() {
		t, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		if !strings.Contains(layout, "2") || layout == "January 2" || layout == "Jan 2" {
			if strings.Contains(layout, "January") || strings.Contains(layout, "Jan") {
				t = t.AddDate(now.Year()-t.Year(), 0, 0)
			} else {
				t = time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
			}
		}
		t = t.Truncate(100)
		if zone == "" {
			return DateTime{t, KindUnspecified}, true
		}
		offset, ok := parseZone(zone)
		if !ok {
			return DateTime{}, false
		}
		return DateTime{t.Add(-offset).In(now.Location()), KindLocal}, true
	}
	return DateTime{}, false
}

func parseZone(z string) (time.Duration, bool) {
	if z == "Z" {
		return 0, true
	}
	digits := strings.Replace(z[1:], ":", "", 1)
	if len(digits) == 1 || len(digits) == 3 {
		digits = "0" + digits
	}
	if len(digits) == 2 {
		digits += "00"
	}
	n, err := strconv.Atoi(digits)
	if err != nil || len(digits) != 4 {
		return 0, false
	}
	d := time.Duration(n/100)*time.Hour + time.Duration(n%100)*time.Minute
	if z[0] == '-' {
		d = -d
	}
	return d, true
}

// String is the constant format: [-][d.]hh:mm:ss[.fffffff].
func (t TimeSpan) String() string {
	n, sign := uint64(t), ""
	if t < 0 {
		n, sign = uint64(-t), "-"
	}
	days := n / uint64(TicksPerDay)
	text := fmt.Sprintf("%02d:%02d:%02d", n/uint64(TicksPerHour)%24, n/uint64(TicksPerMinute)%60, n/uint64(TicksPerSecond)%60)
	if days > 0 {
		text = fmt.Sprintf("%d.%s", days, text)
	}
	if f := n % uint64(TicksPerSecond); f > 0 {
		text += fmt.Sprintf(".%07d", f)
	}
	return sign + text
}

// Duration is the span as Go has it.
func (t TimeSpan) Duration() time.Duration { return time.Duration(t) * 100 }

// FormatSpan is TimeSpan.ToString(format).
func FormatSpan(t TimeSpan, format string) (string, error) {
	n := t
	if n < 0 {
		n = -n
	}
	switch format {
	case "", "c", "t", "T":
		return t.String(), nil
	case "g", "G":
		sign := ""
		if t < 0 {
			sign = "-"
		}
		d, h := n/TicksPerDay, n/TicksPerHour%24
		rest := fmt.Sprintf("%02d:%02d", n/TicksPerMinute%60, n/TicksPerSecond%60)
		f := fmt.Sprintf(".%07d", n%TicksPerSecond)
		if format == "G" {
			return fmt.Sprintf("%s%d:%02d:%s%s", sign, d, h, rest, f), nil
		}
		if f = strings.TrimRight(f, "0"); f == "." {
			f = ""
		}
		if d > 0 {
			return fmt.Sprintf("%s%d:%d:%s%s", sign, d, h, rest, f), nil
		}
		return fmt.Sprintf("%s%d:%s%s", sign, h, rest, f), nil
	}
	return formatSpanCustom(n, format)
}

func formatSpanCustom(n TimeSpan, format string) (string, error) {
	bad := NewException("System.FormatException", "Input string was not in a correct format.")
	var b strings.Builder
	for i := 0; i < len(format); {
		c, k := format[i], 1
		for i+k < len(format) && format[i+k] == c {
			k++
		}
		switch c {
		case '\\':
			if i+1 >= len(format) {
				return "", bad
			}
			b.WriteByte(format[i+1])
			i += 2
			continue
		case '\'', '"':
			end := strings.IndexByte(format[i+1:], c)
			if end < 0 {
				return "", bad
			}
			b.WriteString(format[i+1 : i+1+end])
			i += end + 2
			continue
		case '%':
			i++
			continue
		case 'd':
			fmt.Fprintf(&b, "%0*d", k, n/TicksPerDay)
		case 'h':
			fmt.Fprintf(&b, "%0*d", k, n/TicksPerHour%24)
		case 'm':
			fmt.Fprintf(&b, "%0*d", k, n/TicksPerMinute%60)
		case 's':
			fmt.Fprintf(&b, "%0*d", k, n/TicksPerSecond%60)
		case 'f', 'F':
			if k > 7 {
				return "", bad
			}
			f := fmt.Sprintf("%07d", n%TicksPerSecond)[:k]
			if c == 'F' {
				f = strings.TrimRight(f, "0")
			}
			b.WriteString(f)
		default:
			return "", bad
		}
		i += k
	}
	return b.String(), nil
}

// ParseSpan is TimeSpan.Parse: "5" is days, "[-][d.]h:m[:s[.f]]", "d:h:m:s".
func ParseSpan(text string) (TimeSpan, bool) {
	s := strings.TrimSpace(text)
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	parts := strings.Split(s, ":")
	var days, sec int64
	var frac string
	if d, h, ok := strings.Cut(parts[0], "."); ok && len(parts) > 1 {
		parts[0] = h
		n, err := strconv.ParseInt(d, 10, 32)
		if err != nil {
			return 0, false
		}
		days = n
	} else if len(parts) == 4 {
		n, err := strconv.ParseInt(parts[0], 10, 32)
		if err != nil {
			return 0, false
		}
		days, parts = n, parts[1:]
	}
	if len(parts) == 3 {
		parts[2], frac, _ = strings.Cut(parts[2], ".")
	}
	nums := make([]int64, len(parts))
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 31)
		if err != nil {
			return 0, false
		}
		nums[i] = int64(n)
	}
	switch len(nums) {
	case 1:
		days = nums[0]
	case 2, 3:
		if nums[0] > 23 || nums[1] > 59 || len(nums) == 3 && nums[2] > 59 {
			return 0, false
		}
		sec = nums[0]*3600 + nums[1]*60
		if len(nums) == 3 {
			sec += nums[2]
		}
	default:
		return 0, false
	}
	t := TimeSpan(days)*TicksPerDay + TimeSpan(sec)*TicksPerSecond
	if frac != "" {
		f, err := strconv.ParseUint((frac + "0000000")[:7], 10, 32)
		if err != nil || len(frac) > 7 {
			return 0, false
		}
		t += TimeSpan(f)
	}
	if neg {
		t = -t
	}
	return t, true
}
