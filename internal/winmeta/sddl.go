package winmeta

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// SDDL is the text form of security descriptors that Windows administrators
// know: O:BAG:SYD:PAI(A;OICI;FA;;;BA). This file reads and prints the part of
// it that files and registry keys use. What SDDL cannot say, casement prints in
// two extensions and reads back: an entry type as a number (0x05), and bytes
// behind the SID as a seventh field in hexadecimal.

// code pairs an SDDL token with its value.
type code[T any] struct {
	name  string
	value T
}

func sidCodes() []code[SID] {
	return []code[SID]{
		{"BA", Administrators}, {"BU", Users}, {"SY", LocalSystem}, {"CO", CreatorOwner},
		{"AU", AuthenticatedUsers}, {"WD", Everyone}, {"CG", CreatorGroup}, {"LS", LocalService},
		{"NS", NetworkService}, {"AN", "S-1-5-7"}, {"IU", "S-1-5-4"}, {"SU", "S-1-5-6"},
		{"NU", "S-1-5-2"}, {"RC", "S-1-5-12"}, {"PS", "S-1-5-10"}, {"OW", "S-1-3-4"},
		{"AC", "S-1-15-2-1"}, {"WR", "S-1-5-33"}, {"BG", "S-1-5-32-546"}, {"PU", "S-1-5-32-547"},
		{"BO", "S-1-5-32-551"}, {"RD", "S-1-5-32-555"}, {"IS", "S-1-5-32-568"},
		{"LW", "S-1-16-4096"}, {"ME", "S-1-16-8192"}, {"HI", "S-1-16-12288"}, {"SI", "S-1-16-16384"},
	}
}

func typeCodes() []code[ACEType] {
	return []code[ACEType]{
		{"A", Allow}, {"D", Deny}, {"AU", Audit}, {"ML", MandatoryLabel},
		{"XA", AllowCallback}, {"XD", DenyCallback}, {"XU", AuditCallback},
	}
}

func flagCodes() []code[ACEFlags] {
	return []code[ACEFlags]{
		{"OI", ObjectInherit}, {"CI", ContainerInherit}, {"NP", NoPropagate},
		{"IO", InheritOnly}, {"ID", Inherited}, {"SA", AuditSuccess}, {"FA", AuditFailure},
	}
}

// wholeMasks are printed only for exactly these masks; bitMasks are combined.
func wholeMasks() []code[uint32] {
	return []code[uint32]{
		{"FA", FullAccess}, {"FR", FileRead}, {"FW", FileWrite}, {"FX", FileExecute},
		{"KA", KeyAll}, {"KR", KeyRead}, {"KW", KeyWrite}, {"KX", KeyRead},
	}
}

func bitMasks() []code[uint32] {
	return []code[uint32]{
		{"CC", 1}, {"DC", 2}, {"LC", 4}, {"SW", 8}, {"RP", 0x10}, {"WP", 0x20}, {"DT", 0x40},
		{"LO", 0x80}, {"CR", 0x100}, {"SD", 0x10000}, {"RC", 0x20000}, {"WD", 0x40000},
		{"WO", 0x80000}, {"GA", GenericAll}, {"GX", GenericExecute}, {"GW", GenericWrite}, {"GR", GenericRead},
	}
}

// labelMasks are the rights of mandatory labels: no write, read, execute up.
func labelMasks() []code[uint32] {
	return []code[uint32]{{"NW", 1}, {"NR", 2}, {"NX", 4}}
}

// String returns the descriptor in SDDL.
func (d Descriptor) String() string {
	d = d.normal()
	var b strings.Builder
	if d.Owner != "" {
		b.WriteString("O:" + sidText(d.Owner))
	}
	if d.Group != "" {
		b.WriteString("G:" + sidText(d.Group))
	}
	list := func(name string, present, p, ar, ai Control, aces []ACE) {
		if d.Control&present == 0 {
			return
		}
		b.WriteString(name)
		for _, f := range []code[Control]{{"P", p}, {"AR", ar}, {"AI", ai}} {
			if d.Control&f.value != 0 {
				b.WriteString(f.name)
			}
		}
		if aces == nil {
			b.WriteString("NO_ACCESS_CONTROL")
		}
		for _, a := range aces {
			b.WriteString(a.String())
		}
	}
	list("D:", DACLPresent, DACLProtected, DACLAutoInheritReq, DACLAutoInherited, d.DACL)
	list("S:", SACLPresent, SACLProtected, SACLAutoInheritReq, SACLAutoInherited, d.SACL)
	return b.String()
}

func sidText(s SID) string {
	for _, c := range sidCodes() {
		if c.value == s {
			return c.name
		}
	}
	return string(s)
}

// String returns the entry in SDDL, in parentheses.
func (a ACE) String() string {
	typ := fmt.Sprintf("%#02x", uint8(a.Type))
	for _, c := range typeCodes() {
		if c.value == a.Type {
			typ = c.name
		}
	}
	var flags strings.Builder
	rest := a.Flags
	for _, c := range flagCodes() {
		if rest&c.value != 0 {
			flags.WriteString(c.name)
			rest &^= c.value
		}
	}
	if rest != 0 { // a bit without a name: say all of it as a number
		flags.Reset()
		fmt.Fprintf(&flags, "%#02x", uint8(a.Flags))
	}
	fields := []string{typ, flags.String(), "", "", "", ""}
	if a.Type.plain() {
		fields[2], fields[5] = maskText(a.Type, a.Mask), sidText(a.SID)
	}
	if a.Extra != "" {
		fields = append(fields, hex.EncodeToString([]byte(a.Extra)))
	}
	return "(" + strings.Join(fields, ";") + ")"
}

// maskText follows Windows: a name for the whole mask, else the names of all
// its bits if each has one, else the number.
func maskText(t ACEType, m uint32) string {
	bits := bitMasks()
	if t == MandatoryLabel {
		bits = labelMasks()
	}
	for _, c := range wholeMasks() {
		if c.value == m {
			return c.name
		}
	}
	var b strings.Builder
	rest := m
	for _, c := range bits {
		if rest&c.value != 0 {
			b.WriteString(c.name)
			rest &^= c.value
		}
	}
	if rest != 0 || m == 0 {
		return fmt.Sprintf("%#x", m)
	}
	return b.String()
}

// ParseSDDL reads the text form of a security descriptor: owner, group, DACL
// and SACL in any order, each at most once, with blanks allowed between them.
func ParseSDDL(text string) (Descriptor, error) {
	d := Descriptor{Control: SelfRelative}
	seen := ""
	rest := strings.TrimSpace(text)
	for rest != "" {
		if len(rest) < 2 || rest[1] != ':' || !strings.Contains("OGDS", rest[:1]) {
			return Descriptor{}, fmt.Errorf("parsing SDDL: want O:, G:, D: or S: at %q", excerpt(rest))
		}
		kind := rest[:1]
		if strings.Contains(seen, kind) {
			return Descriptor{}, fmt.Errorf("parsing SDDL: %s: given twice", kind)
		}
		seen += kind
		var err error
		rest = rest[2:]
		switch kind {
		case "O":
			d.Owner, rest, err = cutSID(rest)
		case "G":
			d.Group, rest, err = cutSID(rest)
		case "D":
			var c Control
			c, d.DACL, rest, err = cutACL(rest)
			d.Control |= DACLPresent | c
		case "S":
			var c Control
			c, d.SACL, rest, err = cutACL(rest)
			d.Control |= SACLPresent | c<<1 // each SACL bit is twice its DACL bit
		}
		if err != nil {
			return Descriptor{}, fmt.Errorf("parsing SDDL: %s: %w", kind, err)
		}
		rest = strings.TrimSpace(rest)
	}
	return d, nil
}

func excerpt(s string) string {
	const n = 24
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}

// cutSID reads a SID that ends where the next part begins.
func cutSID(s string) (SID, string, error) {
	s = strings.TrimLeft(s, " ")
	end := len(s)
	if i := strings.IndexByte(s, ':'); i > 0 {
		end = i - 1 // the letter before the colon starts the next part
	}
	sid, err := sidFromText(strings.TrimSpace(s[:end]))
	return sid, s[end:], err
}

func sidFromText(s string) (SID, error) {
	for _, c := range sidCodes() {
		if c.name == s {
			return c.value, nil
		}
	}
	return ParseSID(s)
}

// cutACL reads list flags and entries. The flags are returned as the DACL's.
func cutACL(s string) (Control, []ACE, string, error) {
	var c Control
flags:
	for {
		for _, f := range []code[Control]{{"P", DACLProtected}, {"AR", DACLAutoInheritReq}, {"AI", DACLAutoInherited}} {
			if rest, ok := strings.CutPrefix(s, f.name); ok {
				c |= f.value
				s = rest
				continue flags
			}
		}
		break
	}
	if rest, ok := strings.CutPrefix(s, "NO_ACCESS_CONTROL"); ok {
		return c, nil, rest, nil
	}
	list := []ACE{}
	for {
		s = strings.TrimLeft(s, " ")
		if !strings.HasPrefix(s, "(") {
			return c, list, s, nil
		}
		body, rest, ok := strings.Cut(s[1:], ")")
		if !ok {
			return c, nil, s, fmt.Errorf("entry %q has no closing parenthesis", excerpt(s))
		}
		a, err := parseACE(body)
		if err != nil {
			return c, nil, s, fmt.Errorf("entry (%s): %w", excerpt(body), err)
		}
		list, s = append(list, a), rest
	}
}

func parseACE(body string) (ACE, error) {
	var a ACE
	fields := strings.Split(body, ";")
	if len(fields) != 6 && len(fields) != 7 {
		return a, fmt.Errorf("%d fields, want 6", len(fields))
	}
	typ, err := parseType(fields[0])
	if err != nil {
		return a, err
	}
	flags, err := parseCodes(fields[1], 8, flagCodes())
	if err != nil {
		return a, fmt.Errorf("flags: %w", err)
	}
	a.Type, a.Flags = typ, ACEFlags(flags)
	if fields[3] != "" || fields[4] != "" {
		return a, fmt.Errorf("object GUIDs do not occur on files and keys")
	}
	if typ.plain() {
		if a.SID, err = sidFromText(fields[5]); err != nil {
			return a, err
		}
		mask, err := parseCodes(fields[2], 32, wholeMasks(), bitMasks(), labelMasks())
		if err != nil {
			return a, fmt.Errorf("rights: %w", err)
		}
		a.Mask = uint32(mask)
	} else if fields[2] != "" || fields[5] != "" {
		return a, fmt.Errorf("entry type %#x has neither rights nor SID", uint8(typ))
	}
	if len(fields) == 7 {
		extra, err := hex.DecodeString(fields[6])
		if err != nil || len(extra)%4 != 0 {
			return a, fmt.Errorf("bytes behind the SID: want whole groups of eight hexadecimal digits")
		}
		a.Extra = string(extra)
	}
	return a, nil
}

func parseType(s string) (ACEType, error) {
	for _, c := range typeCodes() {
		if c.name == s {
			return c.value, nil
		}
	}
	n, err := strconv.ParseUint(s, 0, 8)
	if err != nil {
		return 0, fmt.Errorf("entry type %q is not known", s)
	}
	return ACEType(n), nil
}

// parseCodes reads a number, or two-letter codes set beside each other.
func parseCodes[T ~uint8 | ~uint32](s string, bits int, tables ...[]code[T]) (uint64, error) {
	if s != "" && '0' <= s[0] && s[0] <= '9' {
		n, err := strconv.ParseUint(s, 0, bits)
		if err != nil {
			return 0, fmt.Errorf("%q is not a number of %d bits", s, bits)
		}
		return n, nil
	}
	var v uint64
next:
	for s != "" {
		for _, t := range tables {
			for _, c := range t {
				if rest, ok := strings.CutPrefix(s, c.name); ok {
					v |= uint64(c.value)
					s = rest
					continue next
				}
			}
		}
		return 0, fmt.Errorf("%q is not known", excerpt(s))
	}
	return v, nil
}
