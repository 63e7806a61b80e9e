package machine

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// RegType is the type of a value: REG_SZ 1, REG_EXPAND_SZ 2, REG_BINARY 3,
// REG_DWORD 4, REG_MULTI_SZ 7, REG_QWORD 11, REG_NONE 0.
type RegType uint32

// The types of values that programs name.
const (
	RegTypeNone     RegType = 0
	RegTypeString   RegType = 1
	RegTypeExpand   RegType = 2
	RegTypeBinary   RegType = 3
	RegTypeDword    RegType = 4
	RegTypeDwordBig RegType = 5
	RegTypeLink     RegType = 6
	RegTypeMulti    RegType = 7
	RegTypeQword    RegType = 11
)

// RegValue is a value. Data is as the registry stores it (UTF-16LE with a
// terminating zero for strings).
type RegValue struct {
	Name string
	Type RegType
	Data []byte
}

// RegString makes a REG_SZ.
func RegString(name, s string) RegValue { return RegValue{name, RegTypeString, utf16Bytes(s)} }

// RegExpand makes a REG_EXPAND_SZ.
func RegExpand(name, s string) RegValue { return RegValue{name, RegTypeExpand, utf16Bytes(s)} }

// RegMulti makes a REG_MULTI_SZ.
func RegMulti(name string, s []string) RegValue {
	var b []byte
	for _, x := range s {
		b = append(b, utf16Bytes(x)...)
	}
	return RegValue{name, RegTypeMulti, append(b, 0, 0)}
}

// RegDword makes a REG_DWORD.
func RegDword(name string, n uint32) RegValue {
	return RegValue{name, RegTypeDword, binary.LittleEndian.AppendUint32(nil, n)}
}

// RegQword makes a REG_QWORD.
func RegQword(name string, n uint64) RegValue {
	return RegValue{name, RegTypeQword, binary.LittleEndian.AppendUint64(nil, n)}
}

// RegBinary makes a REG_BINARY.
func RegBinary(name string, b []byte) RegValue { return RegValue{name, RegTypeBinary, b} }

// String is the text of a REG_SZ or REG_EXPAND_SZ, up to its zero.
func (v RegValue) String() string {
	s, _, _ := strings.Cut(DecodeUTF16(v.Data), "\x00")
	return s
}

// Strings are those of a REG_MULTI_SZ.
func (v RegValue) Strings() []string {
	var out []string
	for s := range strings.SplitSeq(DecodeUTF16(v.Data), "\x00") {
		if s == "" {
			break
		}
		out = append(out, s)
	}
	return out
}

// Uint is the number of a REG_DWORD or REG_QWORD.
func (v RegValue) Uint() uint64 {
	var b [8]byte
	copy(b[:], v.Data)
	if v.Type == RegTypeDwordBig {
		return uint64(binary.BigEndian.Uint32(b[:]))
	}
	return binary.LittleEndian.Uint64(b[:])
}

// Text is the value as reg.exe prints it.
func (v RegValue) Text() string {
	switch v.Type {
	case RegTypeString, RegTypeExpand, RegTypeLink:
		return v.String()
	case RegTypeMulti:
		return strings.Join(v.Strings(), `\0`)
	case RegTypeDword, RegTypeQword, RegTypeDwordBig:
		return fmt.Sprintf("0x%x", v.Uint())
	}
	return fmt.Sprintf("%X", v.Data)
}

// utf16Bytes is text as the registry keeps it, with a zero at its end.
func utf16Bytes(s string) []byte { return append(EncodeUTF16(s), 0, 0) }

// regTypes are the names of the types.
func regTypes() map[RegType]string {
	return map[RegType]string{
		0: "REG_NONE", 1: "REG_SZ", 2: "REG_EXPAND_SZ", 3: "REG_BINARY", 4: "REG_DWORD", 5: "REG_DWORD_BIG_ENDIAN",
		6: "REG_LINK", 7: "REG_MULTI_SZ", 8: "REG_RESOURCE_LIST", 9: "REG_FULL_RESOURCE_DESCRIPTOR",
		10: "REG_RESOURCE_REQUIREMENTS_LIST", 11: "REG_QWORD",
	}
}

// String is the name of the type, "REG_SZ".
func (t RegType) String() string {
	if s, ok := regTypes()[t]; ok {
		return s
	}
	return "REG_TYPE_" + strconv.FormatUint(uint64(t), 10)
}

// ParseRegType reads the name of a type, in any case.
func ParseRegType(s string) (t RegType, ok bool) {
	s = strings.ToUpper(s)
	if s == "REG_DWORD_LITTLE_ENDIAN" {
		return RegTypeDword, true
	}
	for t, name := range regTypes() {
		if name == s {
			return t, true
		}
	}
	return 0, false
}
