package pscmd

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
)

// versionResource is the resource of a program or library that says its
// version: numbers, and texts in one language or several.
type versionResource struct {
	fixed [13]uint32 // VS_FIXEDFILEINFO
	// tables are the texts by language and code page in eight hexadecimal digits,
	// in lower case.
	tables map[string]map[string]string
	// translation is the language (low half) and code page of the texts.
	translation uint32
}

// numbers of VS_FIXEDFILEINFO.
const (
	fixedSignature   = 0xFEEF04BD
	fixedFile        = 2 // and 3
	fixedProduct     = 4 // and 5
	fixedFlags       = 7
	defaultVersionID = 0x040904E4 // English and the ANSI code page
)

// maxVersion is the size of a resource that is still believed to be a version.
const maxVersion = 1 << 20

var errNoVersion = errors.New("no version resource")

// readVersion finds the version of a file in the format PE. The error is
// errNoVersion for what is no such file, or has none.
func readVersion(r io.ReaderAt) (*versionResource, error) {
	section, rva, err := resourceSection(r)
	if err != nil {
		return nil, err
	}
	// Resources are a tree: type, name, language. A version is of type 16 and is
	// called 1.
	at := uint32(0)
	for _, id := range []uint32{16, 1, 0} {
		if at, err = resourceEntry(section, at, id); err != nil {
			return nil, err
		}
	}
	var data [2]uint32 // address and size
	if err := readAt(section, at, &data); err != nil {
		return nil, err
	}
	if data[0] < rva || data[1] > maxVersion {
		return nil, errNoVersion
	}
	b := make([]byte, data[1])
	if n, err := section.ReadAt(b, int64(data[0]-rva)); n < len(b) {
		return nil, noVersion(err)
	}
	return parseVersion(b)
}

// noVersion makes errNoVersion of the end of a file: what points behind it is
// no resource.
func noVersion(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errNoVersion
	}
	return fmt.Errorf("reading a version resource: %w", err)
}

func readAt(r io.ReaderAt, at uint32, v any) error {
	if err := binary.Read(io.NewSectionReader(r, int64(at), 1<<16), binary.LittleEndian, v); err != nil {
		return noVersion(err)
	}
	return nil
}

// resourceSection finds the section with the resources, and its address.
func resourceSection(r io.ReaderAt) (*io.SectionReader, uint32, error) {
	var dos struct {
		Magic [2]byte
		_     [58]byte
		Next  uint32
	}
	if err := readAt(r, 0, &dos); err != nil || string(dos.Magic[:]) != "MZ" {
		return nil, 0, noVersion(err)
	}
	var head struct {
		Magic    [4]byte
		_        uint16
		Sections uint16
		_        [12]byte
		Optional uint16
		_        uint16
		Kind     uint16
	}
	if err := readAt(r, dos.Next, &head); err != nil || string(head.Magic[:]) != "PE\x00\x00" {
		return nil, 0, noVersion(err)
	}
	optional := dos.Next + 24
	directories := map[uint16]uint32{0x10B: 96, 0x20B: 112}[head.Kind]
	if directories == 0 {
		return nil, 0, errNoVersion
	}
	var rva uint32
	if err := readAt(r, optional+directories+2*8, &rva); err != nil || rva == 0 {
		return nil, 0, noVersion(err)
	}
	sections := make([]struct {
		_                           [8]byte
		Virtual, At, Size, Position uint32
		_                           [16]byte
	}, head.Sections)
	if err := readAt(r, optional+uint32(head.Optional), sections); err != nil {
		return nil, 0, err
	}
	for _, s := range sections {
		if rva >= s.At && rva-s.At < s.Size {
			skip := int64(rva - s.At)
			return io.NewSectionReader(r, int64(s.Position)+skip, int64(s.Size)-skip), rva, nil
		}
	}
	return nil, 0, errNoVersion
}

// resourceEntry returns where the entry of an id in the directory at a place
// leads. Of languages (id 0) English is taken, or else the first.
func resourceEntry(r io.ReaderAt, at, id uint32) (uint32, error) {
	const below = 1 << 31 // leads to a directory
	var head struct {
		_          [12]byte
		Named, IDs uint16
	}
	if err := readAt(r, at&^below, &head); err != nil {
		return 0, err
	}
	entries := make([][2]uint32, min(int(head.IDs), 4096))
	if err := readAt(r, at&^below+16+8*uint32(head.Named), entries); err != nil {
		return 0, err
	}
	found, ok := uint32(0), false
	for i, e := range entries {
		if e[0] == id || id == 0 && (i == 0 || e[0] == 0x409) {
			found, ok = e[1], true
		}
	}
	if !ok || (found&below == 0) != (id == 0) {
		return 0, errNoVersion
	}
	return found, nil
}

// parseVersion reads the resource itself: blocks with a name, a value and blocks
// inside.
func parseVersion(b []byte) (*versionResource, error) {
	root, _, ok := versionBlockOf(b)
	if !ok || root.name != "VS_VERSION_INFO" {
		return nil, errNoVersion
	}
	v := &versionResource{tables: map[string]map[string]string{}, translation: defaultVersionID}
	if err := readAt(bytes.NewReader(root.value), 0, &v.fixed); err != nil || v.fixed[0] != fixedSignature {
		return nil, noVersion(err)
	}
	root.each(func(kind versionBlock) {
		kind.each(func(part versionBlock) {
			switch {
			case strings.EqualFold(kind.name, "StringFileInfo"):
				texts := map[string]string{}
				part.each(func(text versionBlock) { texts[strings.ToLower(text.name)] = utf16Text(text.value) })
				v.tables[strings.ToLower(part.name)] = texts
			case strings.EqualFold(part.name, "Translation") && len(part.value) >= 4:
				v.translation = uint32(binary.LittleEndian.Uint16(part.value))<<16 | uint32(binary.LittleEndian.Uint16(part.value[2:]))
			}
		})
	})
	return v, nil
}

// versionBlock is a block of a version resource.
type versionBlock struct {
	name         string
	value, inner []byte
}

// versionBlockOf takes the block at the beginning of b, and returns its length.
func versionBlockOf(b []byte) (versionBlock, int, bool) {
	const head = 6 // lengths of the block and of its value, kind of the value
	if len(b) < head {
		return versionBlock{}, 0, false
	}
	length, size, kind := int(binary.LittleEndian.Uint16(b)), int(binary.LittleEndian.Uint16(b[2:])), binary.LittleEndian.Uint16(b[4:])
	if length < head || length > len(b) {
		return versionBlock{}, 0, false
	}
	b = b[:length]
	name := utf16Text(b[head:])
	at := aligned(head + 2*len(utf16.Encode([]rune(name))) + 2)
	if kind == 1 {
		// The length of a text is in characters, but some tools write it in bytes.
		size *= 2
	}
	value := b[min(at, length):]
	value = value[:min(size, len(value))]
	return versionBlock{name: name, value: value, inner: b[min(aligned(at+len(value)), length):]}, length, true
}

// each calls do for each block inside.
func (v versionBlock) each(do func(versionBlock)) {
	for b := v.inner; ; {
		inner, length, ok := versionBlockOf(b)
		if !ok {
			return
		}
		do(inner)
		b = b[min(aligned(length), len(b)):]
	}
}

func aligned(n int) int { return (n + 3) &^ 3 }

// utf16Text is the text in b up to the first NUL.
func utf16Text(b []byte) string {
	var units []uint16
	for ; len(b) >= 2; b = b[2:] {
		u := binary.LittleEndian.Uint16(b)
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units))
}

// texts are the texts that .NET shows, by their names in lower case: those of the
// translation, or else of those that Windows tries.
func (v *versionResource) texts() map[string]string {
	for _, id := range []uint32{v.translation, 0x040904B0, defaultVersionID} {
		if texts := v.tables[fmt.Sprintf("%08x", id)]; texts["fileversion"] != "" {
			return texts
		}
	}
	return v.tables["04090000"]
}
