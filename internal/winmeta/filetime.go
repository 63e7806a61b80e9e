package winmeta

import (
	"math"
	"time"
)

// epochSeconds lies between 1601-01-01, where FILETIME counts from, and 1970.
const epochSeconds = 11644473600

// ticksPerSecond is the resolution of FILETIME, 100 ns.
const ticksPerSecond = 10_000_000

// Filetime returns a time as Windows counts it: units of 100 ns since
// 1601-01-01 UTC, rounded down. Times before that become 0 and times after the
// year 30827 the largest value Windows accepts.
func Filetime(t time.Time) uint64 {
	s := t.Unix()
	switch {
	case s < -epochSeconds:
		return 0
	case s >= math.MaxInt64/ticksPerSecond-epochSeconds:
		return math.MaxInt64
	}
	return uint64(s+epochSeconds)*ticksPerSecond + uint64(t.Nanosecond()/100)
}

// FromFiletime is the inverse of [Filetime]. The result is in UTC.
func FromFiletime(ft uint64) time.Time {
	return time.Unix(int64(ft/ticksPerSecond)-epochSeconds, int64(ft%ticksPerSecond)*100).UTC()
}

// TruncateTime rounds a time down to what NTFS can store: 100 ns, not before
// 1601. The result is in UTC.
func TruncateTime(t time.Time) time.Time { return FromFiletime(Filetime(t)) }
