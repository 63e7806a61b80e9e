package fetch

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/flate"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// Cabinet files: stored, or compressed with LZX or with MSZIP, which is deflate
// in blocks of 32 KiB that go on where the last one ended.

// Cabinet is the directory of a cabinet. Its data are read when files are.
type Cabinet struct {
	// Files are in the order of the directory.
	Files []CabFile

	r       io.ReaderAt
	size    int64
	reserve int // bytes that are set aside in each block
	folders []cabFolder
}

type cabFolder struct {
	offset int64
	blocks int
	method uint16 // with the size of the window in the high byte
}

// CabFile is a file of a cabinet.
type CabFile struct {
	Name       string // with backslashes
	Size       int64
	Modified   time.Time
	Attributes winmeta.Attributes
	offset     int64 // in the folder
	folder     int
}

// The ways to compress a folder.
const (
	cabStored = 0
	cabMSZIP  = 1
	cabLZX    = 3
)

const (
	// cabBlock is what a block decompresses to at most.
	cabBlock = 32 << 10
	// cabAgain is how much of a cabinet may be decompressed a second time to
	// come to files that lie before others.
	cabAgain = 1 << 30
	// cabMost is where the contents of a folder end at the latest.
	cabMost = 0x7FFF8000
)

var errCab = formatError(ErrCorrupt, "Invalid CAB archive")

// OpenCabinet reads the directory of a cabinet. Errors about it are
// *[FormatError].
func OpenCabinet(r io.ReaderAt, size int64) (*Cabinet, error) {
	head := make([]byte, 36)
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading cabinet: %w", err)
	}
	if string(head[:4]) != "MSCF" {
		return nil, formatError(ErrNotArchive, "Unrecognized archive format")
	}
	le := binary.LittleEndian
	c := &Cabinet{r: r, size: size}
	flags := le.Uint16(head[30:])
	if flags&3 != 0 {
		return nil, formatError(ErrMethod, "cabinets that are part of a set are not supported")
	}
	at, folderReserve := int64(36), int64(0)
	if flags&4 != 0 {
		more := make([]byte, 4)
		if _, err := r.ReadAt(more, at); err != nil {
			return nil, errCab
		}
		folderReserve, c.reserve = int64(more[2]), int(more[3])
		at += 4 + int64(le.Uint16(more))
	}
	for range le.Uint16(head[26:]) {
		b := make([]byte, 8)
		if _, err := r.ReadAt(b, at); err != nil {
			return nil, errCab
		}
		c.folders = append(c.folders, cabFolder{int64(le.Uint32(b)), int(le.Uint16(b[4:])), le.Uint16(b[6:])})
		at += 8 + folderReserve
	}
	return c, c.readFiles(io.NewSectionReader(r, int64(le.Uint32(head[16:])), size), int(le.Uint16(head[28:])))
}

// readFiles reads the list of files.
func (c *Cabinet) readFiles(r io.Reader, n int) error {
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
		f := CabFile{
			Size: int64(le.Uint32(b)), offset: int64(le.Uint32(b[4:])), folder: int(le.Uint16(b[8:])),
			Modified: cabTime(le.Uint16(b[10:]), le.Uint16(b[12:])),
		}
		if f.folder >= len(c.folders) {
			return formatError(ErrMethod, "cabinets that are part of a set are not supported")
		}
		bits := le.Uint16(b[14:])
		f.Name = strings.ToValidUTF8(string(name[:len(name)-1]), "\uFFFD")
		if bits&0x80 == 0 {
			f.Name = machine.DecodePage(1252, name[:len(name)-1])
		}
		f.Name = strings.ReplaceAll(f.Name, "/", `\`)
		f.Attributes = winmeta.Attributes(bits) & (winmeta.ReadOnly | winmeta.Hidden | winmeta.System | winmeta.Archive)
		c.Files = append(c.Files, f)
	}
	return nil
}

// cabTime is a date and time of DOS, in the machine's time zone, which is UTC.
func cabTime(date, clock uint16) time.Time {
	return time.Date(1980+int(date>>9), time.Month(date>>5&15), int(date&31), int(clock>>11), int(clock>>5&63), int(clock&31)*2, 0, time.UTC)
}

// Safe reports whether a name stays in the directory that it is extracted to.
func (f CabFile) Safe() bool {
	for part := range strings.SplitSeq(f.Name, `\`) {
		if part == ".." || winmeta.CheckName(part) != nil {
			return false
		}
	}
	return true
}

// Sort brings files into the order of their data.
func (c *Cabinet) Sort(files []CabFile) {
	slices.SortStableFunc(files, func(a, b CabFile) int {
		return cmp.Or(cmp.Compare(a.folder, b.folder), cmp.Compare(a.offset, b.offset))
	})
}

// Each visits files with their contents, which are valid until visit returns. A
// file whose data begin before the end of the last one's has its folder read from
// the beginning again. Cabinets that share data between files need that; so that
// it comes to an end, it is an error after some time. In the order of [Cabinet.Sort]
// other files never need it.
func (c *Cabinet) Each(ctx context.Context, files []CabFile, visit func(CabFile, io.Reader) error) error {
	var r *cabReader
	folder, at, again := -1, int64(0), int64(0)
	for _, f := range files {
		if back := f.folder == folder && f.offset < at; back || f.folder != folder {
			if back {
				again += f.offset
			}
			if again > cabAgain {
				return formatError(ErrMethod, "cabinets with many files that share data are not supported")
			}
			var err error
			if r, err = c.open(f.folder); err != nil {
				return err
			}
			folder, at = f.folder, 0
		}
		if err := r.skip(ctx, f.offset-at); err != nil {
			return cabError(err)
		}
		content := &cabContent{r: r, left: f.Size}
		err := visit(f, content)
		if at = f.offset + f.Size - content.left; err != nil {
			return err
		}
	}
	return nil
}

// cabError makes an end that comes too early an error of the cabinet.
func cabError(err error) error {
	if errors.Is(err, io.EOF) {
		return errCab
	}
	return err
}

// cabContent is the content of one file.
type cabContent struct {
	r    io.Reader
	left int64
}

// Read implements io.Reader.
func (c *cabContent) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	if c.left -= int64(n); err != nil {
		err = cabError(err)
	}
	return n, err
}

// checkOrder fails for what bsdtar does not take: files that do not follow each
// other without a gap, and in the order of the folders.
func (c *Cabinet) checkOrder() error {
	bad := formatError(ErrCorrupt, "Invalid CAB header")
	if len(c.Files) == 0 {
		return bad
	}
	data := int64(0)
	for _, f := range c.folders {
		if f.offset <= data {
			return bad
		}
		data = f.offset
	}
	folder, at := 0, int64(0)
	for _, f := range c.Files {
		if f.folder > folder {
			folder, at = f.folder, 0
		}
		if f.folder < folder || f.offset != at || f.Size > 0 && c.folders[folder].blocks == 0 {
			return bad
		}
		if at += f.Size; at > cabMost {
			return bad
		}
	}
	return nil
}

// visitCab visits the files of a cabinet as bsdtar sees them.
func visitCab(ctx context.Context, src Source, visit func(*Member, io.Reader) error) error {
	c, err := OpenCabinet(src.At, src.Size)
	if err != nil {
		return err
	}
	if err := c.checkOrder(); err != nil {
		return err
	}
	return c.Each(ctx, c.Files, func(f CabFile, r io.Reader) error {
		m := &Member{Name: strings.ReplaceAll(f.Name, `\`, "/"), Kind: tree.File, Size: f.Size, Mode: 0o666, Times: tree.Times{Modified: f.Modified}}
		if f.Attributes.Has(winmeta.ReadOnly) {
			m.Mode = 0o444
		}
		return visit(m, r)
	})
}

// cabReader decompresses a folder from its beginning.
type cabReader struct {
	c      *Cabinet
	at     int64
	blocks int
	method uint16
	rest   []byte // decompressed and not yet read

	window  []byte // the last block of MSZIP
	inflate io.ReadCloser
	lzx     *lzxReader
	packed  []byte // of LZX, not yet used
	frames  []int  // sizes of the frames whose data have been read
}

// open returns a reader of a folder.
func (c *Cabinet) open(folder int) (*cabReader, error) {
	f := c.folders[folder]
	r := &cabReader{c: c, at: f.offset, blocks: f.blocks, method: f.method & 15}
	switch bits := uint(f.method >> 8 & 31); {
	case r.method == cabStored || r.method == cabMSZIP:
	case r.method == cabLZX && bits >= 15 && bits <= 21:
		r.lzx = newLZX(r, bits)
	case r.method == cabLZX:
		return nil, errCab
	default:
		return nil, formatError(ErrMethod, "cabinets that are compressed with Quantum are not supported")
	}
	return r, nil
}

// skip passes over n bytes.
func (r *cabReader) skip(ctx context.Context, n int64) error {
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("reading cabinet: %w", err)
		}
		some := min(n, int64(len(r.rest)))
		r.rest = r.rest[some:]
		if n -= some; n == 0 {
			return nil
		}
		if err := r.fill(); err != nil {
			return err
		}
	}
}

// fill decompresses until there is something to read.
func (r *cabReader) fill() error {
	for len(r.rest) == 0 {
		if r.blocks == 0 && len(r.frames) == 0 {
			return io.EOF
		}
		if err := r.next(); err != nil {
			return err
		}
	}
	return nil
}

// Read implements io.Reader.
func (r *cabReader) Read(p []byte) (int, error) {
	if err := r.fill(); err != nil {
		return 0, err
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// next decompresses a block more.
func (r *cabReader) next() (err error) {
	if r.lzx != nil {
		if len(r.frames) == 0 {
			if err := r.feed(); err != nil {
				return err
			}
		}
		size := r.frames[0]
		r.frames = r.frames[1:]
		r.rest, err = r.lzx.frame(size)
		return err
	}
	data, size, err := r.block()
	if err != nil {
		return err
	}
	if r.method == cabStored {
		r.rest = data
		return nil
	}
	if !bytes.HasPrefix(data, []byte("CK")) {
		return errCab
	}
	src := bytes.NewReader(data[2:])
	if r.inflate == nil {
		r.inflate = flate.NewReaderDict(src, nil)
	} else if err := r.inflate.(flate.Resetter).Reset(src, r.window); err != nil {
		return errCab
	}
	out := make([]byte, size)
	if _, err := io.ReadFull(r.inflate, out); err != nil {
		return errCab
	}
	r.rest, r.window = out, out
	return nil
}

// feed reads a block of LZX, whose data go on over the ends of blocks.
func (r *cabReader) feed() error {
	data, size, err := r.block()
	if err != nil {
		return err
	}
	r.packed, r.frames = append(r.packed, data...), append(r.frames, size)
	return nil
}

// ReadByte implements [io.ByteReader] for LZX.
func (r *cabReader) ReadByte() (byte, error) {
	for len(r.packed) == 0 {
		if r.blocks == 0 {
			return 0, io.EOF
		}
		if err := r.feed(); err != nil {
			return 0, err
		}
	}
	c := r.packed[0]
	r.packed = r.packed[1:]
	return c, nil
}

// block reads the data of the next block, and what they decompress to.
func (r *cabReader) block() (data []byte, size int, err error) {
	head := make([]byte, 8+r.c.reserve)
	if _, err := r.c.r.ReadAt(head, r.at); err != nil {
		return nil, 0, errCab
	}
	le := binary.LittleEndian
	packed, size := int(le.Uint16(head[4:])), int(le.Uint16(head[6:]))
	data = make([]byte, packed)
	if n, err := r.c.r.ReadAt(data, r.at+int64(len(head))); err != nil && n < packed {
		return nil, 0, errCab
	}
	r.at += int64(len(head) + packed)
	r.blocks--
	if sum := le.Uint32(head); size > cabBlock || sum != 0 && sum != cabSum(head[4:8], cabSum(data, 0)) && r.c.reserve == 0 {
		return nil, 0, errCab
	}
	return data, size, nil
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
