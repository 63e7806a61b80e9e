package pscmd

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// timeCmdlets are about dates and waiting.
func timeCmdlets() []*ps.Cmdlet {
	const parts = `
		Year|Y int range=1..9999 property
		Month|MO int range=1..12 property
		Day int range=1..31 property
		Hour|H int range=0..23 property
		Minute|M int range=0..59 property
		Second|S int range=0..59 property
		Millisecond int range=0..999 property`
	return []*ps.Cmdlet{
		{
			Name: "Get-Date", Module: moduleUtility, DefaultSet: "net",
			Syntax: params(`
				Date|LastWriteTime datetime @1 pipeline property
				UnixTimeSeconds|UnixTime long property 7` + parts + `
				DisplayHint string in=Date,Time,DateTime
				UFormat string mandatory {UFormat}
				Format string {net}
				AsUTC switch 7`),
			Process: getDate,
		},
		{
			Name: "New-TimeSpan", Module: moduleUtility, DefaultSet: "Date",
			Syntax: params(`
				Start|LastWriteTime datetime @1 pipeline property {Date}
				End datetime @2 property {Date}
				Days int {Time}
				Hours int {Time}
				Minutes int {Time}
				Seconds int {Time}
				Milliseconds int {Time} 7`),
			Process: newTimeSpan,
		},
		{
			Name: "Start-Sleep", Aliases: []string{"sleep"}, Module: moduleUtility, DefaultSet: "Seconds",
			Syntax: params(`
				Seconds int @1 mandatory pipeline property range=0..2147483 {Seconds} 5.1
				Seconds double @1 mandatory pipeline property {Seconds} 7
				Milliseconds|ms int mandatory property range=0..2147483647 {Milliseconds}
				Duration|ts timespan mandatory property {FromTimeSpan} 7`),
			Process: startSleep,
		},
	}
}

// instant is the moment that a DateTime means: a clock without a zone is the
// machine's.
func instant(s *ps.Session, d ps.DateTime) time.Time {
	if d.Kind != ps.KindUnspecified {
		return d.T
	}
	t := d.T
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), s.Machine().Now().Location())
}

func getDate(ctx context.Context, c *ps.Call) error {
	s := c.Session
	d := Local(s, s.Machine().Now())
	if v, ok := ps.Unwrap(c.Value("Date")).(ps.DateTime); ok {
		d = v
	}
	if c.Has("UnixTimeSeconds") {
		n, _ := c.Value("UnixTimeSeconds").(int64)
		d = Local(s, time.Unix(n, 0))
	}
	t := d.T
	part := func(name string, now int) int {
		if c.Has(name) {
			return c.Int(name, now)
		}
		return now
	}
	ms := t.Nanosecond()
	if c.Has("Millisecond") {
		ms = c.Int("Millisecond", 0) * int(time.Millisecond)
	}
	year, month := part("Year", t.Year()), time.Month(part("Month", int(t.Month())))
	day := part("Day", t.Day())
	if last := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day(); day > last && !c.Has("Day") {
		day = last
	}
	d.T = time.Date(year, month, day, part("Hour", t.Hour()), part("Minute", t.Minute()), part("Second", t.Second()), ms, t.Location())
	if c.Switch("AsUTC") {
		d = UTC(instant(s, d))
	}
	switch {
	case c.Has("UFormat"):
		return c.Write(ctx, unixFormat(s, d, c.String("UFormat")))
	case c.Has("Format"):
		text, err := dateText(s, d, c.String("Format"))
		if err != nil {
			return err
		}
		return c.Write(ctx, text)
	case c.Has("DisplayHint"):
		x := &ps.Extended{Value: d}
		x.Set("DisplayHint", c.String("DisplayHint"))
		return c.Write(ctx, x)
	}
	return c.Write(ctx, d)
}

// dateText formats a date for -Format, which has four names of its own.
func dateText(s *ps.Session, d ps.DateTime, format string) (string, error) {
	switch strings.ToLower(format) {
	case "filedate":
		return d.T.Format("20060102"), nil
	case "filedateuniversal":
		return instant(s, d).UTC().Format("20060102") + "Z", nil
	case "filedatetime":
		return d.T.Format("20060102T150405") + fraction(d.T), nil
	case "filedatetimeuniversal":
		u := instant(s, d).UTC()
		return u.Format("20060102T150405") + fraction(u) + "Z", nil
	}
	return s.Format(d, format)
}

// fraction is ffff: four digits of the second.
func fraction(t time.Time) string { return fmt.Sprintf("%04d", t.Nanosecond()/100_000) }

// unixFormat is -UFormat: the letters of date(1).
func unixFormat(s *ps.Session, d ps.DateTime, format string) string {
	var b strings.Builder
	format = strings.TrimPrefix(format, "+")
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		b.WriteString(unixLetter(s, d, format[i]))
	}
	return b.String()
}

// unixLayout returns the layout of the clock for a letter that means
// the same in both editions.
func unixLayout(letter byte) (string, bool) {
	l, ok := map[byte]string{
		'A': "Monday", 'a': "Mon", 'B': "January", 'b': "Jan", 'h': "Jan", 'D': "01/02/06", 'd': "02",
		'e': "_2", 'H': "15", 'I': "03", 'M': "04", 'm': "01", 'n': "\n", 'p': "PM", 'R': "15:04",
		'r': "03:04:05 PM", 'S': "05", 'T': "15:04:05", 't': "\t", 'X': "15:04:05", 'x': "01/02/06", 'Y': "2006", 'y': "06", 'Z': "-07",
	}[letter]
	return l, ok
}

func unixLetter(s *ps.Session, d ps.DateTime, letter byte) string {
	t := d.T
	if l, ok := unixLayout(letter); ok {
		return t.Format(l)
	}
	switch letter {
	case 'C':
		return strconv.Itoa(t.Year() / 100)
	case 'U', 'W':
		return strconv.Itoa(t.YearDay() / 7)
	case 'w':
		return strconv.Itoa(int(t.Weekday()))
	}
	if s.Edition() == ps.Desktop {
		return unixLetter51(s, t, letter)
	}
	year, week := t.ISOWeek()
	switch letter {
	case 'c':
		return t.Format("Mon 02 Jan 2006 15:04:05")
	case 'F':
		return t.Format("2006-01-02")
	case 'G':
		return fmt.Sprintf("%04d", year)
	case 'g':
		return fmt.Sprintf("%02d", year%100)
	case 'j':
		return fmt.Sprintf("%03d", t.YearDay())
	case 'k':
		return fmt.Sprintf("%2d", t.Hour())
	case 'l':
		return fmt.Sprintf("%2d", (t.Hour()+11)%12+1)
	case 's':
		return strconv.FormatInt(instant(s, d).Unix(), 10)
	case 'u':
		return strconv.Itoa((int(t.Weekday())+6)%7 + 1)
	case 'V':
		return fmt.Sprintf("%02d", week)
	}
	return string(letter)
}

// unixLetter51 has the letters that Windows PowerShell reads otherwise.
func unixLetter51(s *ps.Session, t time.Time, letter byte) string {
	switch letter {
	case 'c':
		return t.Format("Mon Jan _2 15:04:05 2006")
	case 'G':
		return t.Format("2006")
	case 'g':
		return t.Format("06")
	case 'j':
		return strconv.Itoa(t.YearDay())
	case 'k':
		return t.Format("15")
	case 'l':
		return t.Format("03")
	case 's':
		// The clock is taken for one in UTC, and ticks are shown.
		f := float64(t.UnixNano()/100) / 1e7
		_, offset := t.Zone()
		return s.ToString(f + float64(offset))
	case 'u':
		return strconv.Itoa(int(t.Weekday()))
	case 'V':
		return strconv.Itoa(t.YearDay()/7 + 1)
	}
	return string(letter)
}

func newTimeSpan(ctx context.Context, c *ps.Call) error {
	if c.Set() == "Time" {
		total := ps.TimeSpan(c.Int("Days", 0))*ps.TicksPerDay + ps.TimeSpan(c.Int("Hours", 0))*ps.TicksPerHour +
			ps.TimeSpan(c.Int("Minutes", 0))*ps.TicksPerMinute + ps.TimeSpan(c.Int("Seconds", 0))*ps.TicksPerSecond +
			ps.TimeSpan(c.Int("Milliseconds", 0))*ps.TicksPerMillisecond
		return c.Write(ctx, total)
	}
	now := Local(c.Session, c.Session.Machine().Now())
	start, end := now, now
	if d, ok := ps.Unwrap(c.Value("Start")).(ps.DateTime); ok {
		start = d
	}
	if d, ok := ps.Unwrap(c.Value("End")).(ps.DateTime); ok {
		end = d
	}
	// .NET subtracts clocks, whatever their kinds are.
	a, b := clock(start), clock(end)
	return c.Write(ctx, ps.TimeSpan(b.Sub(a).Nanoseconds()/100))
}

// clock is the clock of a date as if it were in UTC.
func clock(d ps.DateTime) time.Time {
	t := d.T
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

func startSleep(ctx context.Context, c *ps.Call) error {
	d := time.Duration(c.Int("Milliseconds", 0)) * time.Millisecond
	switch x := ps.Unwrap(c.Value("Seconds")).(type) {
	case int32:
		d = time.Duration(x) * time.Second
	case float64:
		d = time.Duration(x * float64(time.Second))
	}
	if t, ok := c.Value("Duration").(ps.TimeSpan); ok {
		d = time.Duration(t) * 100
	}
	cacheWaitOf(c.Session).slept = true
	return sleep(ctx, d)
}
