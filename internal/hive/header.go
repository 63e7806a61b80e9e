package hive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/casement/casement/internal/winmeta"
)

const (
	minMinor     = 3
	maxMinor     = 6
	checksumAt   = 508
	headerBytes  = 512 // the part of the base block that the checksum covers, and itself
	fileNameAt   = 48
	fileNameSize = 64
)

// A FormatError says where a file breaks the format of registry hives.
type FormatError struct {
	Offset  int64 // from the start of the file
	Problem string
}

// Error names the place and the problem.
func (e *FormatError) Error() string {
	return fmt.Sprintf("registry hive at byte %d: %s", e.Offset, e.Problem)
}

func malformed(offset int64, format string, args ...any) error {
	return &FormatError{Offset: offset, Problem: fmt.Sprintf(format, args...)}
}

// A Header is the base block of a hive.
type Header struct {
	Primary, Secondary uint32 // sequence numbers; unequal while a write is unfinished
	Written            uint64 // FILETIME of the last write
	Major, Minor       uint32
	Type               uint32 // 0 for a hive, others for its logs
	Format             uint32 // 1
	Root               uint32 // offset of the root key from the first bin
	BinsSize           uint32 // bytes of bins behind the base block
	Clustering         uint32
	FileName           string // tail of the path the hive was last used under
	Flags              uint32
}

// Dirty reports whether the hive was not written to its end, so that Windows
// would need its logs to repair it.
func (h Header) Dirty() bool { return h.Primary != h.Secondary }

// Version is the format's version, "1.5".
func (h Header) Version() string { return fmt.Sprintf("%d.%d", h.Major, h.Minor) }

// encode returns the base block with its checksum.
func (h Header) encode() []byte {
	b := make([]byte, blockSize)
	le := binary.LittleEndian
	copy(b, "regf")
	le.PutUint32(b[4:], h.Primary)
	le.PutUint32(b[8:], h.Secondary)
	le.PutUint64(b[12:], h.Written)
	for i, v := range [...]uint32{h.Major, h.Minor, h.Type, h.Format, h.Root, h.BinsSize, h.Clustering} {
		le.PutUint32(b[20+4*i:], v)
	}
	for i, u := range utf16.Encode([]rune(h.FileName)) {
		if 2*i < fileNameSize {
			le.PutUint16(b[fileNameAt+2*i:], u)
		}
	}
	le.PutUint32(b[144:], h.Flags)
	le.PutUint32(b[checksumAt:], checksum(b))
	return b
}

// checksum is the exclusive or of the words in front of it; the two values that
// a broken disk likes to return are avoided.
func checksum(b []byte) uint32 {
	var x uint32
	for i := 0; i < checksumAt; i += 4 {
		x ^= binary.LittleEndian.Uint32(b[i:])
	}
	switch x {
	case 0xFFFFFFFF:
		return 0xFFFFFFFE
	case 0:
		return 1
	}
	return x
}

// ParseHeader reads and checks the base block, of which the first 512 bytes are
// enough. What is wrong with it is a [*FormatError].
func ParseHeader(b []byte) (Header, error) {
	var h Header
	if len(b) < headerBytes {
		return h, malformed(int64(len(b)), "the file ends inside the base block")
	}
	if string(b[:4]) != "regf" {
		return h, malformed(0, "signature %q, want \"regf\"", b[:4])
	}
	le := binary.LittleEndian
	if got, want := le.Uint32(b[checksumAt:]), checksum(b); got != want {
		return h, malformed(checksumAt, "checksum %08x, computed %08x", got, want)
	}
	h = Header{
		Primary: le.Uint32(b[4:]), Secondary: le.Uint32(b[8:]), Written: le.Uint64(b[12:]),
		Major: le.Uint32(b[20:]), Minor: le.Uint32(b[24:]), Type: le.Uint32(b[28:]), Format: le.Uint32(b[32:]),
		Root: le.Uint32(b[36:]), BinsSize: le.Uint32(b[40:]), Clustering: le.Uint32(b[44:]), Flags: le.Uint32(b[144:]),
	}
	name, _ := decodeName(b[fileNameAt:fileNameAt+fileNameSize], false)
	h.FileName, _, _ = strings.Cut(name, "\x00")
	return h, h.check()
}

func (h Header) check() error {
	switch {
	case h.Major != 1 || h.Minor < minMinor || h.Minor > maxMinor:
		return malformed(20, "version %s, want 1.%d to 1.%d", h.Version(), minMinor, maxMinor)
	case h.Type != 0:
		return malformed(28, "file type %d: a log, not a hive", h.Type)
	case h.Format != 1:
		return malformed(32, "storage format %d, want 1", h.Format)
	case h.BinsSize == 0 || h.BinsSize%blockSize != 0:
		return malformed(40, "%d bytes of bins, want a multiple of %d", h.BinsSize, blockSize)
	case h.Root < binHeader || h.Root%8 != 0 || h.Root >= h.BinsSize:
		return malformed(36, "root key at %d, outside the %d bytes of bins or between cells", h.Root, h.BinsSize)
	}
	return nil
}

// Info is what [Check] learns of a hive.
type Info struct {
	Header
	RootName    string
	RootWritten time.Time
	Subkeys     int // directly below the root
	Values      int // of the root itself
}

// Check reads the header, the bins up to the one that holds the root key, and
// the root key, and checks each against the others. It reads no further and
// keeps next to nothing in memory, so r may be a file inside a layer's stream. A
// file that is not a hive is a [*FormatError]; a dirty hive is not an error.
func Check(r io.Reader) (Info, error) {
	base := make([]byte, blockSize)
	if n, err := io.ReadFull(r, base); err != nil {
		return Info{}, readError(int64(n), err)
	}
	h, err := ParseHeader(base)
	if err != nil {
		return Info{}, err
	}
	cell, err := rootCell(r, h)
	if err != nil {
		return Info{}, err
	}
	at := blockSize + int64(h.Root)
	k, err := decodeKeyNode(cell)
	if err != nil {
		return Info{}, malformed(at, "root key: %v", err)
	}
	if k.Flags&keyRoot == 0 {
		return Info{}, malformed(at, "the key is not marked as a root")
	}
	return Info{
		Header: h, RootName: k.Name, RootWritten: winmeta.FromFiletime(k.Time),
		Subkeys: int(k.SubkeyCount), Values: int(k.ValueCount),
	}, nil
}

// rootCell walks from bin to bin and returns the body of the root key's cell, or
// as much of it as a key can use.
func rootCell(r io.Reader, h Header) ([]byte, error) {
	var start uint32
	var head [binHeader]byte
	for {
		at := blockSize + int64(start)
		if n, err := io.ReadFull(r, head[:]); err != nil {
			return nil, readError(at+int64(n), err)
		}
		size, err := binSize(head[:], start, h.BinsSize)
		if err != nil {
			return nil, err
		}
		if h.Root-start < size {
			return readCell(r, start+binHeader, h.Root, start+size)
		}
		if n, err := io.CopyN(io.Discard, r, int64(size)-binHeader); err != nil {
			return nil, readError(at+binHeader+n, err)
		}
		start += size
	}
}

func binSize(head []byte, start, total uint32) (uint32, error) {
	at := blockSize + int64(start)
	if string(head[:4]) != "hbin" {
		return 0, malformed(at, "signature %q, want \"hbin\"", head[:4])
	}
	if own := binary.LittleEndian.Uint32(head[4:]); own != start {
		return 0, malformed(at+4, "the bin says it is at %d, it is at %d", own, start)
	}
	size := binary.LittleEndian.Uint32(head[8:])
	if size == 0 || size%blockSize != 0 || size > total-start {
		return 0, malformed(at+8, "bin of %d bytes where %d are left", size, total-start)
	}
	return size, nil
}

// readCell skips from position to the cell at offset and returns its body. The
// cell must end inside the bin.
func readCell(r io.Reader, position, offset, binEnd uint32) ([]byte, error) {
	at := blockSize + int64(offset)
	if offset < position {
		return nil, malformed(at, "root key inside the header of a bin")
	}
	if n, err := io.CopyN(io.Discard, r, int64(offset-position)); err != nil {
		return nil, readError(blockSize+int64(position)+n, err)
	}
	var field [4]byte
	if n, err := io.ReadFull(r, field[:]); err != nil {
		return nil, readError(at+int64(n), err)
	}
	size := -int64(int32(binary.LittleEndian.Uint32(field[:])))
	if size < 8 || size%8 != 0 || size > int64(binEnd-offset) {
		return nil, malformed(at, "root key's cell has the size %d, want one in use inside its bin", -size)
	}
	body := make([]byte, min(size-4, keyNodeSize+2*maxKeyName))
	if n, err := io.ReadFull(r, body); err != nil {
		return nil, readError(at+4+int64(n), err)
	}
	return body, nil
}

// readError tells a file that is too short from one that cannot be read.
func readError(at int64, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return malformed(at, "the file ends here")
	}
	return fmt.Errorf("reading registry hive: %w", err)
}
