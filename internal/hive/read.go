package hive

import (
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"sort"
	"strings"
	"sync"
)

const (
	cachedPages  = 512 // of 4096 bytes, kept in memory for each open hive
	nearbyPages  = 16  // how far back the bin of a cell is looked for before all bins are listed
	maxDepth     = 512 // of keys, as in Windows
	maxValueName = 16383
	maxData      = 64 << 20 // of one value; Windows' own limit is what memory it finds
)

// A Hive is an open registry hive. It reads what it is asked for when it is
// asked, keeps at most two megabytes of the file in memory, and may be used by
// many goroutines.
type Hive struct {
	header Header
	file   pager
	root   *Key

	listBins sync.Once
	bins     []uint32 // where each bin starts, and where the last ends
	binsErr  error
}

// Open opens a hive of size bytes for reading. It reads the base block and the
// root key; what is broken elsewhere is found when it is read. A dirty hive
// ([Header.Dirty]) is opened as it is: what its logs hold is not seen, which is
// for the caller to refuse or to accept.
func Open(r io.ReaderAt, size int64) (*Hive, error) {
	h := &Hive{file: pager{r: r, size: size}}
	base, err := h.file.bytes(0, headerBytes)
	if err != nil {
		return nil, err
	}
	if h.header, err = ParseHeader(base); err != nil {
		return nil, err
	}
	if end := blockSize + int64(h.header.BinsSize); size < end {
		return nil, malformed(size, "the file ends here, its bins end at %d", end)
	}
	h.root, err = h.key(h.header.Root, nil)
	return h, err
}

// Header returns the base block.
func (h *Hive) Header() Header { return h.header }

// Root returns the root key.
func (h *Hive) Root() *Key { return h.root }

// Key returns the key at a path below the root, with backslashes between the
// names, which may be in any case. "" is the root. Symbolic links are keys like
// others ([Key.Link]). A key that is not there is an error that matches
// fs.ErrNotExist.
func (h *Hive) Key(path string) (*Key, error) {
	k := h.root
	for name := range names(path) {
		var err error
		if k, err = k.Subkey(name); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// names yields the names of a path. As Windows does, it takes several
// backslashes for one.
func names(path string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for name := range strings.SplitSeq(path, `\`) {
			if name != "" && !yield(name) {
				return
			}
		}
	}
}

// notFound is the error for a key or value that a hive does not have.
func notFound(kind, name string) error {
	return fmt.Errorf("registry %s %q: %w", kind, name, fs.ErrNotExist)
}

// A cell is a piece of a bin that is in use.
type cell struct {
	hive *Hive
	at   uint32 // offset from the first bin
	size uint32 // of the body, which starts 4 bytes behind at
}

// cell finds the cell at an offset and makes sure that it lies in a bin.
func (h *Hive) cell(at uint32, what string) (cell, error) {
	pos := blockSize + int64(at)
	if at%8 != 0 || at < binHeader || at >= h.header.BinsSize {
		return cell{}, malformed(pos, "%s outside the %d bytes of bins or between cells", what, h.header.BinsSize)
	}
	start, end, err := h.bin(at)
	if err != nil {
		return cell{}, err
	}
	if at-start < binHeader {
		return cell{}, malformed(pos, "%s inside the header of a bin", what)
	}
	b, err := h.file.bytes(pos, 4)
	if err != nil {
		return cell{}, err
	}
	size := -int64(int32(binary.LittleEndian.Uint32(b)))
	if size < 8 || size%8 != 0 || size > int64(end-at) {
		return cell{}, malformed(pos, "%s in a cell of the size %d, want one in use inside its bin", what, -size)
	}
	return cell{h, at, uint32(size) - 4}, nil
}

// pos is where byte i of the body lies in the file.
func (c cell) pos(i uint32) int64 { return blockSize + int64(c.at) + 4 + int64(i) }

// bytes returns n bytes of the body from byte i on. They are shared: do not
// write to them.
func (c cell) bytes(i, n uint32, what string) ([]byte, error) {
	if i > c.size || n > c.size-i {
		return nil, malformed(c.pos(0), "%s needs %d bytes of a cell that has %d", what, uint64(i)+uint64(n), c.size)
	}
	return c.hive.file.bytes(c.pos(i), int(n))
}

// signed reads the body of a cell that begins with a signature.
func (c cell) signed(signature string, n uint32, what string) ([]byte, error) {
	b, err := c.bytes(0, n, what)
	if err != nil {
		return nil, err
	}
	if string(b[:2]) != signature {
		return nil, malformed(c.pos(0), "signature %q, want %q", b[:2], signature)
	}
	return b, nil
}

// bin returns the bounds of the bin that an offset lies in. Nearly all bins are
// one page long; the few that are not are found a little further back. What is
// not found so, as in damaged files, is looked up in the list of all bins, which
// costs a read for each.
func (h *Hive) bin(at uint32) (start, end uint32, err error) {
	page := at &^ (blockSize - 1)
	for range nearbyPages {
		b, err := h.file.bytes(blockSize+int64(page), binHeader)
		if err != nil {
			return 0, 0, err
		}
		if string(b[:4]) == "hbin" && binary.LittleEndian.Uint32(b[4:]) == page {
			if size, err := binSize(b, page, h.header.BinsSize); err == nil && at-page < size {
				return page, page + size, nil
			}
			break
		}
		if page == 0 {
			break
		}
		page -= blockSize
	}
	h.listBins.Do(func() { h.bins, h.binsErr = h.allBins() })
	if h.binsErr != nil {
		return 0, 0, h.binsErr
	}
	i := sort.Search(len(h.bins), func(i int) bool { return h.bins[i] > at })
	return h.bins[i-1], h.bins[i], nil
}

func (h *Hive) allBins() ([]uint32, error) {
	bins := []uint32{0}
	for start := uint32(0); start < h.header.BinsSize; {
		b, err := h.file.bytes(blockSize+int64(start), binHeader)
		if err != nil {
			return nil, err
		}
		size, err := binSize(b, start, h.header.BinsSize)
		if err != nil {
			return nil, err
		}
		start += size
		bins = append(bins, start)
	}
	return bins, nil
}

// A pager reads a file through a cache of its pages.
type pager struct {
	r    io.ReaderAt
	size int64

	mu    sync.Mutex
	pages map[int64][]byte
	order []int64 // of the pages, as they came; the oldest goes first
	next  int     // in order, once it is full
}

// bytes returns n bytes of the file. They are shared: do not write to them.
func (p *pager) bytes(at int64, n int) ([]byte, error) {
	if at+int64(n) > p.size {
		return nil, malformed(p.size, "the file ends here")
	}
	first := at / blockSize
	if at-first*blockSize+int64(n) <= blockSize {
		page, err := p.page(first)
		if err != nil {
			return nil, err
		}
		return page[at-first*blockSize:][:n:n], nil
	}
	b := make([]byte, n)
	if n > 4*blockSize { // data of values passes the cache by
		return b, p.read(b, at)
	}
	for done := 0; done < n; {
		pos := at + int64(done)
		page, err := p.page(pos / blockSize)
		if err != nil {
			return nil, err
		}
		done += copy(b[done:], page[pos%blockSize:])
	}
	return b, nil
}

func (p *pager) page(number int64) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b, ok := p.pages[number]; ok {
		return b, nil
	}
	b := make([]byte, min(blockSize, p.size-number*blockSize))
	if err := p.read(b, number*blockSize); err != nil {
		return nil, err
	}
	if p.pages == nil {
		p.pages = map[int64][]byte{}
	}
	if len(p.order) < cachedPages {
		p.order = append(p.order, number)
	} else {
		delete(p.pages, p.order[p.next])
		p.order[p.next] = number
		p.next = (p.next + 1) % cachedPages
	}
	p.pages[number] = b
	return b, nil
}

func (p *pager) read(b []byte, at int64) error {
	if n, err := p.r.ReadAt(b, at); n < len(b) {
		return readError(at+int64(n), err)
	}
	return nil
}
