package layer

import (
	"archive/tar"
	"bytes"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
)

// A record is one PAX record.
type record struct{ key, value string }

// The records of the two libraries that brought Windows metadata into tars.
const (
	paxAttributes = "MSWINDOWS.fileattr"
	paxDescriptor = "MSWINDOWS.rawsd"
	paxMountpoint = "MSWINDOWS.mountpoint"
	paxEA         = "MSWINDOWS.xattr."
	paxSDDL       = "MSWINDOWS.sd"
	paxCreated    = "LIBARCHIVE.creationtime"
	paxXattr      = "SCHILY.xattr."
)

const blockSize = 512

// header is what one tar header says. All times of an entry are the same whole
// second, see [Plan].
type header struct {
	name, link string
	typeflag   byte
	mode       int64
	uid, gid   int
	size       int64
	time       int64 // seconds since 1970
	major      int64
	minor      int64
	records    []record // own records, sorted by key
	times      bool     // also write the times of access, change and creation
}

// padding returns the number of zero bytes that follow size bytes of content.
func padding(size int64) int64 { return -size & (blockSize - 1) }

// encoder makes the bytes of tar headers: exactly those of archive/tar, which
// a test holds it to, at a tenth of the cost. The zero value works.
type encoder struct {
	recs []record
	pax  []byte
}

// append adds the header's blocks to b.
func (e *encoder) append(b []byte, h *header) ([]byte, error) {
	if len(h.records) == 0 && !h.times {
		return e.appendPlain(b, h)
	}
	if err := e.collect(h); err != nil {
		return nil, err
	}
	e.pax = e.pax[:0]
	for _, r := range e.recs {
		e.pax = appendRecord(e.pax, r)
	}
	dir, file := path.Split(h.name)
	name := toASCII(path.Join(dir, "PaxHeaders.0", file))
	name = strings.TrimRight(name[:min(len(name), 100)], "/")
	x := header{name: name, typeflag: tar.TypeXHeader, size: int64(len(e.pax))}
	b = appendBlock(b, &x)
	b = append(b, e.pax...)
	b = append(b, zeros[:padding(x.size)]...)
	return appendBlock(b, h), nil
}

// collect gathers the records that the header needs, sorted by key.
func (e *encoder) collect(h *header) error {
	e.recs = append(e.recs[:0], h.records...)
	add := func(key, value string) {
		at := len(e.recs)
		for at > 0 && e.recs[at-1].key > key {
			at--
		}
		e.recs = append(e.recs, record{})
		copy(e.recs[at+1:], e.recs[at:])
		e.recs[at] = record{key, value}
	}
	if len(h.name) > 100 || !isASCII(h.name) {
		add("path", h.name)
	}
	if len(h.link) > 100 || !isASCII(h.link) {
		add("linkpath", h.link)
	}
	if h.size >= 1<<33 {
		add("size", strconv.FormatInt(h.size, 10))
	}
	if h.uid >= 1<<21 {
		add("uid", strconv.Itoa(h.uid))
	}
	if h.gid >= 1<<21 {
		add("gid", strconv.Itoa(h.gid))
	}
	seconds := strconv.FormatInt(h.time, 10)
	if h.time < 0 || h.time >= 1<<33 {
		add("mtime", seconds)
	}
	if h.times {
		add("atime", seconds)
		add("ctime", seconds)
		add(paxCreated, seconds)
	}
	total := 0
	for _, r := range e.recs {
		if r.key == "" || strings.ContainsAny(r.key, "=\x00") {
			return fmt.Errorf("encoding the tar header of %s: record %q has no valid name", h.name, r.key)
		}
		total += len(r.key) + len(r.value) + 12
	}
	if total > 1<<20 {
		return fmt.Errorf("encoding the tar header of %s: its metadata exceed 1 MiB, which no reader accepts", h.name)
	}
	return nil
}

// appendPlain adds a header without records of its own, which archive/tar
// writes in USTAR as long as that can express it.
func (e *encoder) appendPlain(b []byte, h *header) ([]byte, error) {
	if len(h.name) <= 100 && isASCII(h.name) && len(h.link) <= 100 && isASCII(h.link) &&
		h.size < 1<<33 && h.uid < 1<<21 && h.gid < 1<<21 && h.time >= 0 && h.time < 1<<33 &&
		h.major < 1<<21 && h.minor < 1<<21 {
		return appendBlock(b, h), nil
	}
	var buf bytes.Buffer
	hdr := h.std()
	if err := tar.NewWriter(&buf).WriteHeader(hdr); err != nil {
		return nil, fmt.Errorf("encoding the tar header of %s: %w", h.name, err)
	}
	return append(b, buf.Bytes()...), nil
}

// std returns the header as archive/tar has it.
func (h *header) std() *tar.Header {
	t := time.Unix(h.time, 0)
	s := &tar.Header{
		Typeflag: h.typeflag, Name: h.name, Linkname: h.link, Mode: h.mode, Uid: h.uid, Gid: h.gid,
		Size: h.size, ModTime: t, Devmajor: h.major, Devminor: h.minor, Format: tar.FormatPAX,
	}
	if len(h.records) > 0 || h.times {
		s.PAXRecords = map[string]string{}
	}
	if h.times {
		s.AccessTime, s.ChangeTime = t, t
		s.PAXRecords[paxCreated] = strconv.FormatInt(h.time, 10)
	}
	for _, r := range h.records {
		s.PAXRecords[r.key] = r.value
	}
	return s
}

var zeros [blockSize]byte

// appendBlock adds the 512 bytes that every header ends with.
func appendBlock(b []byte, h *header) []byte {
	n := len(b)
	b = append(b, zeros[:]...)
	blk := b[n:]
	putString(blk[0:100], h.name)
	putOctal(blk[100:108], h.mode)
	putOctal(blk[108:116], int64(h.uid))
	putOctal(blk[116:124], int64(h.gid))
	putOctal(blk[124:136], h.size)
	putOctal(blk[136:148], h.time)
	blk[156] = h.typeflag
	putString(blk[157:257], h.link)
	copy(blk[257:], "ustar\x0000")
	if h.typeflag != tar.TypeXHeader {
		putOctal(blk[329:337], h.major)
		putOctal(blk[337:345], h.minor)
	}
	sum := int64(8 * ' ')
	for _, c := range blk {
		sum += int64(c)
	}
	putOctal(blk[148:155], sum)
	blk[155] = ' '
	return b
}

// putString fills a text field as archive/tar does: non-ASCII characters are
// left out, and a name that is cut off must not seem to be a directory.
func putString(f []byte, s string) {
	s = toASCII(s)
	copy(f, s)
	if len(s) > len(f) && f[len(f)-1] == '/' {
		f[len(strings.TrimRight(s[:len(f)-1], "/"))] = 0
	}
}

// putOctal fills a number field; what does not fit is written as zero and is
// in a PAX record.
func putOctal(f []byte, x int64) {
	if x < 0 || x >= 1<<(3*(len(f)-1)) {
		x = 0
	}
	for i := len(f) - 2; i >= 0; i-- {
		f[i] = '0' + byte(x&7)
		x >>= 3
	}
}

// appendRecord adds "length key=value\n", where length counts itself.
func appendRecord(b []byte, r record) []byte {
	size := len(r.key) + len(r.value) + 3
	size += decimals(size)
	if n := len(r.key) + len(r.value) + 3 + decimals(size); n != size {
		size = n
	}
	b = strconv.AppendInt(b, int64(size), 10)
	b = append(b, ' ')
	b = append(b, r.key...)
	b = append(b, '=')
	b = append(b, r.value...)
	return append(b, '\n')
}

func decimals(n int) int {
	d := 1
	for ; n >= 10; n /= 10 {
		d++
	}
	return d
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 || s[i] == 0 {
			return false
		}
	}
	return true
}

func toASCII(s string) string {
	if isASCII(s) {
		return s
	}
	b := make([]byte, 0, len(s))
	for _, c := range s {
		if c < 0x80 && c != 0 {
			b = append(b, byte(c))
		}
	}
	return string(b)
}
