package winmeta

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// A SID identifies an account or group. It is the canonical text form,
// "S-1-5-32-544", so values compare with == and can be constants. The empty
// SID means none. Text from outside goes through [ParseSID] or
// [LookupAccount]; a conversion SID("…") does not check anything.
type SID string

// The SIDs that casement itself writes or decides by. [LookupAccount] knows
// more by name.
const (
	Everyone               SID = "S-1-1-0"
	CreatorOwner           SID = "S-1-3-0"
	CreatorGroup           SID = "S-1-3-1"
	AuthenticatedUsers     SID = "S-1-5-11"
	LocalSystem            SID = "S-1-5-18"
	LocalService           SID = "S-1-5-19"
	NetworkService         SID = "S-1-5-20"
	Administrators         SID = "S-1-5-32-544"
	Users                  SID = "S-1-5-32-545"
	ContainerAdministrator SID = "S-1-5-93-2-1"
	ContainerUser          SID = "S-1-5-93-2-2"
	TrustedInstaller       SID = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
)

// maxSubAuthorities is SID_MAX_SUB_AUTHORITIES.
const maxSubAuthorities = 15

// ParseSID reads the text form of a SID and returns its canonical spelling:
// capital S, decimal numbers without leading zeros, and an authority of 2^32 or
// more in hexadecimal, as Windows prints it.
func ParseSID(text string) (SID, error) {
	parts := strings.Split(text, "-")
	if len(parts) < 3 || !strings.EqualFold(parts[0], "S") || parts[1] != "1" {
		return "", fmt.Errorf("parsing SID %q: want S-1-<authority>-<number>…", text)
	}
	if len(parts)-3 > maxSubAuthorities {
		return "", fmt.Errorf("parsing SID %q: more than %d sub-authorities", text, maxSubAuthorities)
	}
	authority, err := parseAuthority(parts[2])
	if err != nil {
		return "", fmt.Errorf("parsing SID %q: authority %q is not a 48-bit number", text, parts[2])
	}
	subs := make([]uint32, 0, maxSubAuthorities)
	for _, p := range parts[3:] {
		n, err := strconv.ParseUint(p, 10, 32)
		if err != nil {
			return "", fmt.Errorf("parsing SID %q: %q is not a 32-bit number", text, p)
		}
		subs = append(subs, uint32(n))
	}
	return makeSID(authority, subs...), nil
}

func parseAuthority(s string) (uint64, error) {
	if hex, ok := strings.CutPrefix(strings.ToLower(s), "0x"); ok {
		return strconv.ParseUint(hex, 16, 48)
	}
	return strconv.ParseUint(s, 10, 48)
}

func makeSID(authority uint64, subs ...uint32) SID {
	b := append(make([]byte, 0, 64), "S-1-"...)
	if authority >= 1<<32 {
		b = fmt.Appendf(b, "0x%012x", authority)
	} else {
		b = strconv.AppendUint(b, authority, 10)
	}
	for _, n := range subs {
		b = append(b, '-')
		b = strconv.AppendUint(b, uint64(n), 10)
	}
	return SID(b)
}

// Valid reports whether the SID is one that [ParseSID] could have returned.
func (s SID) Valid() bool {
	p, err := ParseSID(string(s))
	return err == nil && p == s
}

// String returns the text form.
func (s SID) String() string { return string(s) }

// Bytes returns the binary form, or nil when the SID is empty or not valid.
func (s SID) Bytes() []byte {
	p, err := ParseSID(string(s))
	if err != nil || p != s {
		return nil
	}
	parts := strings.Split(string(s), "-")
	authority, _ := parseAuthority(parts[2])
	out := make([]byte, 8, 8+4*(len(parts)-3))
	binary.BigEndian.PutUint64(out, authority) // 48 bits: leaves bytes 0 and 1 free
	out[0], out[1] = 1, byte(len(parts)-3)
	for _, t := range parts[3:] {
		n, _ := strconv.ParseUint(t, 10, 32)
		out = binary.LittleEndian.AppendUint32(out, uint32(n))
	}
	return out
}

// decodeSID reads a binary SID at the start of b and returns it with the number
// of bytes it takes.
func decodeSID(b []byte) (SID, int, error) {
	if len(b) < 8 {
		return "", 0, fmt.Errorf("SID cut off after %d bytes", len(b))
	}
	if b[0] != 1 {
		return "", 0, fmt.Errorf("SID revision %d, want 1", b[0])
	}
	n := int(b[1])
	if n > maxSubAuthorities {
		return "", 0, fmt.Errorf("SID with %d sub-authorities, at most %d are possible", n, maxSubAuthorities)
	}
	size := 8 + 4*n
	if len(b) < size {
		return "", 0, fmt.Errorf("SID of %d bytes cut off after %d", size, len(b))
	}
	authority := binary.BigEndian.Uint64(b) & (1<<48 - 1)
	var subs [maxSubAuthorities]uint32
	for i := range n {
		subs[i] = binary.LittleEndian.Uint32(b[8+4*i:])
	}
	return makeSID(authority, subs[:n]...), size, nil
}
