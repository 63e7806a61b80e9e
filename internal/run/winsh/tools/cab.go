package tools

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/klauspost/compress/flate"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/winmeta"
)

// Cabinet files, as far as makecab writes them by default: one cabinet, stored
// or compressed with MSZIP, which is deflate in blocks of 32 KiB that go on
// where the last one ended.

// cabinet is a cabinet's directory. Its data are read when files are.
type cabinet struct {
	r       io.ReaderAt
	size    int64
	reserve int // bytes that are set aside in each block
	folders []cabFolder
	files   []cabFile
}

type cabFolder struct {
	offset int64
	blocks int
	method uint16
}

// cabFile is a file of a cabinet.
type cabFile struct {
	name       string // with backslashes
	size       int64
	offset     int64 // in the folder
	folder     int
	modified   time.Time
	attributes winmeta.Attributes
}

// The ways to compress a folder.
const (
	cabStored = 0
	cabMSZIP  = 1
)

// errCabMethod is a cabinet that is compressed in a way that is not done here,
// or that goes on in another one.
var errCabMethod = errors.New("reading cabinet: compressed with LZX or Quantum, or part of a set")

// errCab is a cabinet that is damaged.
var errCab = errors.New("reading cabinet: it is damaged")

// cabBlock is what a block decompresses to at most.
const cabBlock = 32 << 10

// openCabinet reads the directory of a cabinet; ok is false if it is none.
func openCabinet(r io.ReaderAt, size int64) (c *cabinet, ok bool, err error) {
	head := make([]byte, 36)
	if _, err := r.ReadAt(head, 0); err != nil || string(head[:4]) != "MSCF" {
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, false, fmt.Errorf("reading cabinet: %w", err)
		}
		return nil, false, nil
	}
	le := binary.LittleEndian
	c = &cabinet{r: r, size: size}
	flags := le.Uint16(head[30:])
	if flags&3 != 0 {
		return nil, true, errCabMethod
	}
	at, folderReserve := int64(36), int64(0)
	if flags&4 != 0 {
		more := make([]byte, 4)
		if _, err := r.ReadAt(more, at); err != nil {
			return nil, true, errCab
		}
		folderReserve, c.reserve = int64(more[2]), int(more[3])
		at += 4 + int64(le.Uint16(more))
	}
	for range le.Uint16(head[26:]) {
		b := make([]byte, 8)
		if _, err := r.ReadAt(b, at); err != nil {
			return nil, true, errCab
		}
		c.folders = append(c.folders, cabFolder{int64(le.Uint32(b)), int(le.Uint16(b[4:])), le.Uint16(b[6:]) & 15})
		at += 8 + folderReserve
	}
	return c, true, c.readFiles(io.NewSectionReader(r, int64(le.Uint32(head[16:])), size), int(le.Uint16(head[28:])))
}

// readFiles reads the list of files.
func (c *cabinet) readFiles(r io.Reader, n int) error {
	br := bufio.NewReader(r)
	le := binary.LittleEndian
	for range n {
		b := make([]byte, 16)
		if _, err := io.ReadFull(br, b); err != nil {
			return errCab
		}
		name, err := br.ReadBytes(0)
		if err != nil || len(name) > 1024 || len(name) < 2 {
			return errCab
		}
		f := cabFile{
			size: int64(le.Uint32(b)), offset: int64(le.Uint32(b[4:])), folder: int(le.Uint16(b[8:])),
			modified: dosTime(le.Uint16(b[10:]), le.Uint16(b[12:])),
		}
		if f.folder >= len(c.folders) {
			return errCabMethod // the first or last file of a set
		}
		bits := le.Uint16(b[14:])
		f.name = string(name[:len(name)-1])
		if bits&0x80 == 0 {
			f.name = machine.DecodePage(1252, name[:len(name)-1])
		}
		f.attributes = winmeta.Attributes(bits) & (winmeta.ReadOnly | winmeta.Hidden | winmeta.System | winmeta.Archive)
		c.files = append(c.files, f)
	}
	return nil
}

// dosTime is a date and time of DOS, in the machine's time zone, which is UTC.
func dosTime(date, clock uint16) time.Time {
	return time.Date(1980+int(date>>9), time.Month(date>>5&15), int(date&31), int(clock>>11), int(clock>>5&63), int(clock&31)*2, 0, time.UTC)
}

// safe reports whether a name stays in the directory that it is extracted to.
func (f cabFile) safe() bool {
	for part := range strings.SplitSeq(strings.ReplaceAll(f.name, "/", `\`), `\`) {
		if part == ".." || winmeta.CheckName(part) != nil {
			return false
		}
	}
	return true
}

// folderReader decompresses a folder from its beginning.
type folderReader struct {
	c       *cabinet
	at      int64
	blocks  int
	method  uint16
	rest    []byte // decompressed and not yet read
	window  []byte // the last block
	inflate io.ReadCloser
}

// open returns a reader of a folder.
func (c *cabinet) open(folder int) (*folderReader, error) {
	f := c.folders[folder]
	if f.method != cabStored && f.method != cabMSZIP {
		return nil, errCabMethod
	}
	return &folderReader{c: c, at: f.offset, blocks: f.blocks, method: f.method}, nil
}

// Read implements io.Reader.
func (f *folderReader) Read(p []byte) (int, error) {
	for len(f.rest) == 0 {
		if f.blocks == 0 {
			return 0, io.EOF
		}
		if err := f.block(); err != nil {
			return 0, err
		}
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// block decompresses the next block.
func (f *folderReader) block() error {
	head := make([]byte, 8+f.c.reserve)
	if _, err := f.c.r.ReadAt(head, f.at); err != nil {
		return errCab
	}
	packed, plainSize := int(binary.LittleEndian.Uint16(head[4:])), int(binary.LittleEndian.Uint16(head[6:]))
	data := make([]byte, packed)
	if _, err := f.c.r.ReadAt(data, f.at+int64(len(head))); err != nil && !(errors.Is(err, io.EOF) && f.at+int64(len(head)+packed) == f.c.size) {
		return errCab
	}
	f.at += int64(len(head) + packed)
	f.blocks--
	if sum := binary.LittleEndian.Uint32(head); sum != 0 && sum != cabSum(head[4:8], cabSum(data, 0)) && f.c.reserve == 0 {
		return errCab
	}
	if f.method == cabStored {
		f.rest = data
		return nil
	}
	if plainSize > cabBlock || !bytes.HasPrefix(data, []byte("CK")) {
		return errCab
	}
	src := bytes.NewReader(data[2:])
	if f.inflate == nil {
		f.inflate = flate.NewReaderDict(src, nil)
	} else if err := f.inflate.(flate.Resetter).Reset(src, f.window); err != nil {
		return errCab
	}
	out := make([]byte, plainSize)
	if _, err := io.ReadFull(f.inflate, out); err != nil {
		return errCab
	}
	f.rest, f.window = out, out
	return nil
}

// cabSum is the checksum of cabinets: the exclusive or of 32-bit words.
func cabSum(b []byte, sum uint32) uint32 {
	for ; len(b) >= 4; b = b[4:] {
		sum ^= binary.LittleEndian.Uint32(b)
	}
	var last uint32
	for _, c := range b {
		last = last<<8 | uint32(c)
	}
	return sum ^ last
}
