package pscmd

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// versionBytes makes a block of a version resource.
func versionBytes(name string, kind uint16, value []byte, inner ...[]byte) []byte {
	pad := func(b []byte) []byte { return append(b, make([]byte, aligned(len(b))-len(b))...) }
	size := len(value)
	if kind == 1 {
		size /= 2
	}
	b := binary.LittleEndian.AppendUint16([]byte{0, 0}, uint16(size))
	b = append(binary.LittleEndian.AppendUint16(b, kind), utf16Bytes(name)...)
	b = append(pad(b), value...)
	for _, i := range inner {
		b = append(pad(b), i...)
	}
	binary.LittleEndian.PutUint16(b, uint16(len(b)))
	return b
}

func utf16Bytes(text string) []byte {
	var b []byte
	for _, u := range append(utf16.Encode([]rune(text)), 0) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// program makes a file in the format PE with a version: of 32 or 64 bits.
func program(kind uint16) []byte {
	fixed := make([]byte, 52)
	for i, v := range []uint32{fixedSignature, 0x10000, 0x10002, 0x30004, 0x50006, 0x70008, 63, 3} {
		binary.LittleEndian.PutUint32(fixed[4*i:], v)
	}
	text := func(name, value string) []byte { return versionBytes(name, 1, utf16Bytes(value)) }
	version := versionBytes("VS_VERSION_INFO", 0, fixed,
		versionBytes("StringFileInfo", 1, nil, versionBytes("040904b0", 1, nil, text("FileVersion", "1.2.3 beta"), text("ProductName", "Ünï"), text("Comments", ""))),
		versionBytes("VarFileInfo", 1, nil, versionBytes("Translation", 0, []byte{0x09, 0x04, 0xb0, 0x04})))

	const at, rva = 0x200, 0x1000
	var rsrc []byte
	u32 := func(list ...uint32) {
		for _, v := range list {
			rsrc = binary.LittleEndian.AppendUint32(rsrc, v)
		}
	}
	u32(0, 0, 0, 1<<16, 16, 1<<31|24) // type 16
	u32(0, 0, 0, 1<<16, 1, 1<<31|48)  // name 1
	u32(0, 0, 0, 1<<16, 0x409, 72)    // English
	u32(rva+88, uint32(len(version)), 0, 0)
	rsrc = append(rsrc, version...)

	b := make([]byte, at)
	copy(b, "MZ")
	b[60] = 0x40
	copy(b[0x40:], "PE\x00\x00")
	put16 := func(at int, v uint16) { binary.LittleEndian.PutUint16(b[at:], v) }
	put32 := func(at int, v uint32) { binary.LittleEndian.PutUint32(b[at:], v) }
	optional, directories := 0xE0, 96
	if kind == 0x20B {
		optional, directories = 0xF0, 112
	}
	put16(0x46, 1)
	put16(0x54, uint16(optional))
	put16(0x58, kind)
	put32(0x58+directories+16, rva)
	section := 0x58 + optional
	for i, v := range []uint32{uint32(len(rsrc)), rva, uint32(len(rsrc)), at} {
		put32(section+8+4*i, v)
	}
	return append(b, rsrc...)
}

// Broken if it fails: a script sees another version of a program than it has.
func TestReadVersion(t *testing.T) {
	for _, kind := range []uint16{0x10B, 0x20B} {
		v, err := readVersion(bytes.NewReader(program(kind)))
		if err != nil {
			t.Fatal(err)
		}
		info := &versionInfo{path: `C:\a.exe`, res: v}
		got := []any{info.parts(fixedFile), info.parts(fixedProduct), info.flag(1), info.flag(2), info.flag(4), info.text("FileVersion"), info.text("ProductName"), info.text("CompanyName"), v.translation}
		want := []any{[4]int32{1, 2, 3, 4}, [4]int32{5, 6, 7, 8}, true, true, false, "1.2.3 beta", "Ünï", "", uint32(0x040904B0)}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
	for _, no := range [][]byte{nil, []byte("MZ"), []byte("text"), program(0x10B)[:0x210], program(0x30B)} {
		if _, err := readVersion(bytes.NewReader(no)); !errors.Is(err, errNoVersion) {
			t.Errorf("%d bytes: %v", len(no), err)
		}
	}
}

// Broken if it fails: a damaged program crashes the step.
func FuzzVersion(f *testing.F) {
	f.Add(program(0x10B))
	f.Add(program(0x20B))
	f.Fuzz(func(_ *testing.T, b []byte) {
		if v, err := readVersion(bytes.NewReader(b)); err == nil {
			_ = v.texts()
		}
		_, _ = parseVersion(b)
	})
}
