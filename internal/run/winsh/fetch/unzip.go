package fetch

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	"github.com/klauspost/compress/flate"
)

const (
	// chunkSize is the unit in which contents go from the unpackers to the
	// caller, and chunksAhead how many of one entry may wait.
	chunkSize   = 128 << 10
	chunksAhead = 8
	// entriesAhead bounds how many entries are unpacked before their turn, so
	// memory stays below (entriesAhead + processors) * chunksAhead * chunkSize.
	entriesAhead = 32
)

// Each unpacks entries with all processors and gives them to visit one after
// the other, in the order of the list, each with a reader of its content. The
// reader is valid until visit returns; visit need not read all of it, but what
// is read is checked (see [Zip.Open]) only at its end. Directories come with an
// empty reader. The first error ends the work.
func (z *Zip) Each(ctx context.Context, entries []*ZipEntry, visit func(*ZipEntry, io.Reader) error) error {
	outer := ctx
	ctx, cancel := context.WithCancel(ctx)
	p := &unpacking{z: z, order: make(chan *unpackJob, entriesAhead), jobs: make(chan *unpackJob)}
	var wg sync.WaitGroup
	defer wg.Wait() // after cancel
	defer cancel()
	wg.Go(func() { p.dispatch(ctx, entries) })
	for range min(runtime.GOMAXPROCS(0), len(entries)) {
		wg.Go(func() { p.work(ctx) })
	}
	for job := range p.order {
		r := &chunkReader{p: p, job: job, stop: ctx.Done()}
		err := visit(job.entry, r)
		if outer.Err() != nil {
			break
		}
		if err != nil {
			return err
		}
		r.leave()
	}
	if err := outer.Err(); err != nil {
		return fmt.Errorf("unpacking archive: %w", err)
	}
	return nil
}

// unpacking is one run of [Zip.Each]. Jobs go to the workers in the order of
// the entries; each has a channel of its own, which the caller empties in the
// same order. The oldest job always has a worker, so the others may wait.
type unpacking struct {
	z      *Zip
	order  chan *unpackJob
	jobs   chan *unpackJob
	chunks sync.Pool // of *chunk
}

type unpackJob struct {
	entry *ZipEntry
	out   chan *chunk
	gone  chan struct{} // closed when nobody reads any more
}

// chunk is a piece of a content. The last one of an entry has an error.
type chunk struct {
	data []byte
	err  error
	buf  [chunkSize]byte
}

func (p *unpacking) dispatch(ctx context.Context, entries []*ZipEntry) {
	defer close(p.order)
	defer close(p.jobs)
	for _, e := range entries {
		depth := min(chunksAhead, int(e.Size/chunkSize)+2)
		j := &unpackJob{entry: e, out: make(chan *chunk, depth), gone: make(chan struct{})}
		select {
		case p.order <- j:
		case <-ctx.Done():
			return
		}
		select {
		case p.jobs <- j:
		case <-ctx.Done():
			return
		}
	}
}

// work unpacks jobs until there are no more.
func (p *unpacking) work(ctx context.Context) {
	var in inflater
	for j := range p.jobs {
		if ctx.Err() != nil {
			return
		}
		if j.entry.Dir && j.entry.Size == 0 {
			close(j.out)
			continue
		}
		r, err := in.open(p.z, j.entry)
		p.pump(ctx, j, r, err)
		close(j.out)
		in.release()
	}
}

// pump sends a content in chunks.
func (p *unpacking) pump(ctx context.Context, j *unpackJob, r io.Reader, err error) {
	for {
		c, _ := p.chunks.Get().(*chunk)
		if c == nil {
			c = new(chunk)
		}
		n := 0
		for err == nil && n < len(c.buf) {
			var m int
			m, err = r.Read(c.buf[n:])
			n += m
		}
		c.data, c.err = c.buf[:n], err
		select {
		case j.out <- c:
		case <-j.gone:
			return
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// chunkReader reads what a worker sends.
type chunkReader struct {
	p    *unpacking
	job  *unpackJob
	stop <-chan struct{}
	cur  *chunk
	err  error
}

// next makes cur a chunk with data, unless there is an error to return.
func (r *chunkReader) next() error {
	for r.err == nil && (r.cur == nil || len(r.cur.data) == 0) {
		if r.cur != nil {
			r.err = r.cur.err
			r.p.chunks.Put(r.cur)
			r.cur = nil
			continue
		}
		select {
		case c, ok := <-r.job.out:
			if !ok {
				r.err = io.EOF
			}
			r.cur = c
		case <-r.stop:
			r.err = context.Canceled
		}
	}
	return r.err
}

// Read implements io.Reader.
func (r *chunkReader) Read(p []byte) (int, error) {
	if err := r.next(); err != nil {
		return 0, err
	}
	n := copy(p, r.cur.data)
	r.cur.data = r.cur.data[n:]
	return n, nil
}

// WriteTo implements io.WriterTo, so that io.Copy needs no other buffer.
func (r *chunkReader) WriteTo(w io.Writer) (int64, error) {
	var sum int64
	for {
		err := r.next()
		if errors.Is(err, io.EOF) {
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
		n, err := w.Write(r.cur.data)
		sum += int64(n)
		r.cur.data = r.cur.data[n:]
		if err != nil {
			return sum, err
		}
	}
}

// leave ends the job, read or not.
func (r *chunkReader) leave() {
	close(r.job.gone)
	r.cur, r.err = nil, io.ErrClosedPipe
}

// inflater is what a worker keeps from entry to entry.
type inflater struct {
	flate io.ReadCloser
	buf   *bufio.Reader
	small []byte
	mem   bytes.Reader
	check checkedReader
	other io.Closer // a decoder that is not reused
}

// release ends the decoder of an entry, which may have goroutines.
func (in *inflater) release() {
	if in.other != nil {
		in.other.Close()
		in.other = nil
	}
}

// open starts an entry. Deflate, which is nearly all that there is, reuses
// its tables and buffers.
func (in *inflater) open(z *Zip, e *ZipEntry) (io.Reader, error) {
	raw, err := z.raw(e)
	if err != nil {
		return nil, err
	}
	packed, err := in.source(raw)
	if err != nil {
		return nil, err
	}
	var r io.ReadCloser
	switch e.Method {
	case ZipStore:
		r = io.NopCloser(packed)
	case ZipDeflate:
		if in.flate == nil {
			in.flate = flate.NewReader(packed)
		} else if err := in.flate.(flate.Resetter).Reset(packed, nil); err != nil {
			return nil, fmt.Errorf("resetting inflate: %w", err)
		}
		r = in.flate
	default:
		if r, err = zipDecoder(e, bufio.NewReader(packed)); err != nil {
			return nil, err
		}
		in.other = r
	}
	in.check = checkedReader{r: r, want: e.CRC, left: e.Size}
	return &in.check, nil
}

// source reads a small entry in one go, and a large one through a buffer.
func (in *inflater) source(raw *io.SectionReader) (io.Reader, error) {
	if raw.Size() > chunkSize {
		if in.buf == nil {
			in.buf = bufio.NewReaderSize(raw, chunkSize)
		} else {
			in.buf.Reset(raw)
		}
		return in.buf, nil
	}
	if in.small == nil {
		in.small = make([]byte, chunkSize)
	}
	n, err := io.ReadFull(raw, in.small[:raw.Size()])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	in.mem.Reset(in.small[:n])
	return &in.mem, nil
}
