package winmeta

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Control holds the control bits of a security descriptor.
type Control uint16

// The control bits that matter for files and registry keys.
const (
	DACLPresent        Control = 0x0004
	SACLPresent        Control = 0x0010
	DACLAutoInheritReq Control = 0x0100
	SACLAutoInheritReq Control = 0x0200
	DACLAutoInherited  Control = 0x0400
	SACLAutoInherited  Control = 0x0800
	DACLProtected      Control = 0x1000
	SACLProtected      Control = 0x2000
	SelfRelative       Control = 0x8000
)

// ACEType says what an access control entry does.
type ACEType uint8

// The entry types that have a name here; others are carried unread.
const (
	Allow          ACEType = 0
	Deny           ACEType = 1
	Audit          ACEType = 2
	AllowCallback  ACEType = 9 // a condition follows the SID
	DenyCallback   ACEType = 10
	AuditCallback  ACEType = 13
	MandatoryLabel ACEType = 0x11
)

// ACEFlags say how an access control entry is inherited.
type ACEFlags uint8

// The inheritance flags, and the two that say what an audit entry records.
const (
	ObjectInherit    ACEFlags = 0x01 // OI: files below get it
	ContainerInherit ACEFlags = 0x02 // CI: directories below get it
	NoPropagate      ACEFlags = 0x04 // NP: but only one level down
	InheritOnly      ACEFlags = 0x08 // IO: does not apply to the object itself
	Inherited        ACEFlags = 0x10 // ID: came from the parent
	AuditSuccess     ACEFlags = 0x40
	AuditFailure     ACEFlags = 0x80
)

// Access masks of files and directories, and of registry keys (Key…).
const (
	FullAccess     uint32 = 0x001F01FF // FA
	ModifyAccess   uint32 = 0x001301BF
	ReadAndExecute uint32 = 0x001200A9
	FileRead       uint32 = 0x00120089 // FR
	FileWrite      uint32 = 0x00120116 // FW
	FileExecute    uint32 = 0x001200A0 // FX
	AddFile        uint32 = 0x00000002 // DC, on a directory
	AddDirectory   uint32 = 0x00000004 // LC, on a directory
	KeyAll         uint32 = 0x000F003F // KA
	KeyRead        uint32 = 0x00020019 // KR
	KeyWrite       uint32 = 0x00020006 // KW
	GenericAll     uint32 = 0x10000000 // GA
	GenericExecute uint32 = 0x20000000 // GX
	GenericWrite   uint32 = 0x40000000 // GW
	GenericRead    uint32 = 0x80000000 // GR
)

// An ACE is one access control entry. Types whose body is not a mask and a SID
// have neither; their whole body is in Extra, so that they survive a round trip.
type ACE struct {
	Type  ACEType
	Flags ACEFlags
	Mask  uint32
	SID   SID
	Extra string // bytes behind the SID (a condition, say), or the whole body
}

// A Descriptor is a security descriptor: whose an object is and who may do
// what with it. Treat it as a value: nothing here changes one in place.
type Descriptor struct {
	Owner, Group SID // empty when the descriptor has none
	// Control is kept as it was read. Bytes adds SelfRelative, and the present
	// bit of a list that is not nil.
	Control Control
	// DACL decides about access, in order. With DACLPresent set and a nil list
	// everybody may do everything; an empty list that is not nil denies all.
	DACL []ACE
	SACL []ACE // what is audited, and mandatory labels
}

const (
	descriptorHeader = 20
	aclHeader        = 8
	aceHeader        = 4
)

// Bytes encodes the descriptor in self-relative form: header, owner, group,
// SACL, DACL. It is an error if a SID is not valid or a list exceeds 64 KiB.
func (d Descriptor) Bytes() ([]byte, error) { return d.encode(false) }

// KeyBytes encodes the descriptor as Windows lays it out for registry keys:
// header, SACL, DACL, owner, group. Readers accept either order; the bytes
// differ.
func (d Descriptor) KeyBytes() ([]byte, error) { return d.encode(true) }

func (d Descriptor) encode(listsFirst bool) ([]byte, error) {
	d = d.normal()
	owner, group := d.Owner.Bytes(), d.Group.Bytes()
	if owner == nil && d.Owner != "" {
		return nil, fmt.Errorf("encoding security descriptor: owner %q is not a SID", string(d.Owner))
	}
	if group == nil && d.Group != "" {
		return nil, fmt.Errorf("encoding security descriptor: group %q is not a SID", string(d.Group))
	}
	sacl, err := encodeACL(d.SACL)
	if err != nil {
		return nil, fmt.Errorf("encoding security descriptor: SACL: %w", err)
	}
	dacl, err := encodeACL(d.DACL)
	if err != nil {
		return nil, fmt.Errorf("encoding security descriptor: DACL: %w", err)
	}
	out := make([]byte, descriptorHeader, descriptorHeader+len(owner)+len(group)+len(sacl)+len(dacl))
	out[0] = 1
	binary.LittleEndian.PutUint16(out[2:], uint16(d.Control))
	add := func(field int, part []byte) {
		if part != nil {
			binary.LittleEndian.PutUint32(out[field:], uint32(len(out)))
			out = append(out, part...)
		}
	}
	if listsFirst {
		add(12, sacl)
		add(16, dacl)
	}
	add(4, owner)
	add(8, group)
	if !listsFirst {
		add(12, sacl)
		add(16, dacl)
	}
	return out, nil
}

// normal is the form that decoding the encoded descriptor gives.
func (d Descriptor) normal() Descriptor {
	d.Control |= SelfRelative
	if d.DACL != nil {
		d.Control |= DACLPresent
	}
	if d.SACL != nil {
		d.Control |= SACLPresent
	}
	return d
}

func encodeACL(list []ACE) ([]byte, error) {
	if list == nil {
		return nil, nil
	}
	out := make([]byte, aclHeader, aclHeader+28*len(list))
	out[0] = 2
	for i, a := range list {
		if a.Type.object() {
			out[0] = 4 // ACL_REVISION_DS: object entries need it
		}
		body := make([]byte, aceHeader, 64)
		body[0], body[1] = byte(a.Type), byte(a.Flags)
		if a.Type.plain() {
			sid := a.SID.Bytes()
			if sid == nil {
				return nil, fmt.Errorf("entry %d: %q is not a SID", i, string(a.SID))
			}
			body = binary.LittleEndian.AppendUint32(body, a.Mask)
			body = append(body, sid...)
		}
		body = append(body, a.Extra...)
		if len(body)%4 != 0 {
			return nil, fmt.Errorf("entry %d: %d bytes, not a multiple of 4", i, len(body))
		}
		if len(out)+len(body) > 0xFFFF {
			return nil, fmt.Errorf("longer than 65535 bytes with entry %d of %d", i+1, len(list))
		}
		binary.LittleEndian.PutUint16(body[2:], uint16(len(body)))
		out = append(out, body...)
	}
	binary.LittleEndian.PutUint16(out[2:], uint16(len(out)))
	binary.LittleEndian.PutUint16(out[4:], uint16(len(list)))
	return out, nil
}

// plain reports whether the body of such an entry is a mask and a SID.
func (t ACEType) plain() bool {
	switch t {
	case Allow, Deny, Audit, 3, AllowCallback, DenyCallback, AuditCallback, 14, MandatoryLabel, 0x12, 0x13, 0x14:
		return true
	}
	return false
}

// object reports whether such an entry carries object GUIDs.
func (t ACEType) object() bool { return 5 <= t && t <= 8 || t == 11 || t == 12 || t == 15 || t == 16 }

// ParseDescriptor decodes a self-relative security descriptor. It accepts the
// parts in any order and padding between them, and refuses parts that do not
// lie inside b.
func ParseDescriptor(b []byte) (Descriptor, error) {
	d, err := decodeDescriptor(b)
	if err != nil {
		return Descriptor{}, fmt.Errorf("parsing security descriptor: %w", err)
	}
	return d, nil
}

func decodeDescriptor(b []byte) (Descriptor, error) {
	var d Descriptor
	if len(b) < descriptorHeader {
		return d, fmt.Errorf("%d bytes are less than a header", len(b))
	}
	if b[0] != 1 {
		return d, fmt.Errorf("revision %d, want 1", b[0])
	}
	d.Control = Control(binary.LittleEndian.Uint16(b[2:]))
	if d.Control&SelfRelative == 0 {
		return d, errors.New("not in self-relative form")
	}
	part := func(field int) ([]byte, error) {
		off := binary.LittleEndian.Uint32(b[field:])
		switch {
		case off == 0:
			return nil, nil
		case off < descriptorHeader || uint64(off) >= uint64(len(b)):
			return nil, fmt.Errorf("offset %d outside the %d bytes", off, len(b))
		}
		return b[off:], nil
	}
	for _, p := range []struct {
		field int
		name  string
		sid   *SID
	}{{4, "owner", &d.Owner}, {8, "group", &d.Group}} {
		raw, err := part(p.field)
		if err == nil && raw != nil {
			*p.sid, _, err = decodeSID(raw)
		}
		if err != nil {
			return d, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	for _, p := range []struct {
		field   int
		name    string
		present Control
		list    *[]ACE
	}{{12, "SACL", SACLPresent, &d.SACL}, {16, "DACL", DACLPresent, &d.DACL}} {
		if d.Control&p.present == 0 {
			continue // Windows ignores the offset too
		}
		raw, err := part(p.field)
		if err == nil && raw != nil {
			*p.list, err = decodeACL(raw)
		}
		if err != nil {
			return d, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return d, nil
}

func decodeACL(b []byte) ([]ACE, error) {
	if len(b) < aclHeader {
		return nil, fmt.Errorf("cut off after %d bytes", len(b))
	}
	if b[0] < 2 || b[0] > 4 {
		return nil, fmt.Errorf("revision %d, want 2 to 4", b[0])
	}
	size, count := int(binary.LittleEndian.Uint16(b[2:])), int(binary.LittleEndian.Uint16(b[4:]))
	if size < aclHeader || size > len(b) {
		return nil, fmt.Errorf("claims %d bytes where %d are left", size, len(b))
	}
	b = b[aclHeader:size]
	if count > len(b)/aceHeader {
		return nil, fmt.Errorf("claims %d entries in %d bytes", count, len(b))
	}
	list := make([]ACE, 0, count)
	for i := range count {
		a, n, err := decodeACE(b)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, err)
		}
		list, b = append(list, a), b[n:]
	}
	return list, nil
}

func decodeACE(b []byte) (ACE, int, error) {
	if len(b) < aceHeader {
		return ACE{}, 0, fmt.Errorf("cut off after %d bytes", len(b))
	}
	a := ACE{Type: ACEType(b[0]), Flags: ACEFlags(b[1])}
	size := int(binary.LittleEndian.Uint16(b[2:]))
	if size < aceHeader || size > len(b) || size%4 != 0 {
		return a, 0, fmt.Errorf("claims %d bytes where %d are left", size, len(b))
	}
	body := b[aceHeader:size]
	if a.Type.plain() {
		if len(body) < 4 {
			return a, 0, errors.New("no access mask")
		}
		a.Mask = binary.LittleEndian.Uint32(body)
		sid, n, err := decodeSID(body[4:])
		if err != nil {
			return a, 0, err
		}
		a.SID, body = sid, body[4+n:]
	}
	a.Extra = string(body)
	return a, size, nil
}

// Equal reports whether two descriptors encode alike.
func (d Descriptor) Equal(e Descriptor) bool {
	d, e = d.normal(), e.normal()
	return d.Owner == e.Owner && d.Group == e.Group && d.Control == e.Control &&
		(d.DACL == nil) == (e.DACL == nil) && slices.Equal(d.DACL, e.DACL) &&
		(d.SACL == nil) == (e.SACL == nil) && slices.Equal(d.SACL, e.SACL)
}
