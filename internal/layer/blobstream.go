package layer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"

	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

// How far a stream is read ahead of what was asked for.
const (
	readStep    = 64 << 10 // of the blob
	piecesAhead = 4
	chunkSize   = 128 << 10 // of the tar
	chunkAhead  = 2
	cheapRest   = 256 << 10 // of the blob
)

// blobReader delivers a blob from its start: from the store, or from a partial
// download and, behind its end, from where the blob is, adding to the download.
type blobReader struct {
	local   io.ReadCloser // not nil: the blob is in the store
	st      *store.Store
	part    *store.Partial
	at      int64
	net     io.ReadCloser
	origin  tree.Origin
	observe func(read, total int64)
	ended   bool
	left    atomic.Int64 // of a download whose size is known
}

func openBlobReader(ctx context.Context, st *store.Store, o tree.Origin, observe func(read, total int64)) (*blobReader, error) {
	b := &blobReader{st: st, origin: o, observe: observe}
	d := o.Descriptor.Digest
	for range 2 {
		f, err := st.OpenBlob(d)
		if err == nil {
			b.local = f
			return b, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		b.part, err = st.Partial(ctx, d)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	if b.part == nil {
		return nil, fmt.Errorf("reading blob %s: %w", d, fs.ErrNotExist)
	}
	b.left.Store(o.Descriptor.Size)
	if size := o.Descriptor.Size; size > 0 && b.part.Size() > size {
		if err := b.part.Reset(); err != nil {
			b.part.Close()
			return nil, err
		}
	}
	return b, nil
}

// read is io.Reader's Read with a context.
func (b *blobReader) read(ctx context.Context, p []byte) (int, error) {
	if b.local != nil {
		return b.local.Read(p)
	}
	if have := b.part.Size() - b.at; have > 0 {
		n, err := b.part.ReadAt(p[:min(int64(len(p)), have)], b.at)
		b.at += int64(n)
		b.left.Store(b.origin.Descriptor.Size - b.at)
		if n > 0 {
			err = nil
		}
		return n, err
	}
	if b.ended {
		return 0, io.EOF
	}
	size := b.origin.Descriptor.Size
	if size > 0 && b.at == size {
		return 0, b.finish(ctx)
	}
	if b.net == nil {
		var err error
		if b.net, err = tree.OpenRaw(ctx, b.origin.Blob, b.at); err != nil { // the store verifies
			return 0, err // names the blob and the place
		}
	}
	if size > 0 {
		p = p[:min(int64(len(p)), size-b.at)]
	}
	n, err := b.net.Read(p[:min(len(p), readStep)])
	if n > 0 {
		if _, werr := b.part.Write(p[:n]); werr != nil {
			return 0, werr
		}
		b.at += int64(n)
		b.left.Store(size - b.at)
		if b.observe != nil {
			b.observe(b.at, size)
		}
		return n, nil
	}
	if err == io.EOF {
		if size > 0 {
			return 0, fmt.Errorf("reading blob %s: %w after %d bytes of %d", b.origin.Descriptor.Digest, io.ErrUnexpectedEOF, b.at, size)
		}
		return 0, b.finish(ctx)
	}
	if errors.Is(err, store.ErrCorrupt) {
		b.distrust(ctx)
	}
	return 0, err
}

// finish verifies the whole blob and returns io.EOF if it is right. Wrong bytes
// are thrown away.
func (b *blobReader) finish(ctx context.Context) error {
	if _, err := b.part.Commit(ctx); err != nil {
		if wrong, ok := errors.AsType[*store.DigestError](err); ok {
			b.distrust(ctx)
			return &contentError{strings.TrimSuffix("blob "+wrong.Want.String()+" of "+b.origin.From, " of "),
				"arrived damaged: its bytes have the digest " + wrong.Got.String(),
				"the registry or something on the way to it damages data; try again", err}
		}
		return fmt.Errorf("reading blob %s: %w", b.origin.Descriptor.Digest, err)
	}
	b.ended = true
	return io.EOF
}

// distrust throws the download away, and what was made of it.
func (b *blobReader) distrust(ctx context.Context) {
	_ = b.part.Discard()
	_ = b.st.Distrust(context.WithoutCancel(ctx), b.origin.Descriptor.Digest)
}

func (b *blobReader) close() {
	if b.local != nil {
		b.local.Close()
	}
	if b.net != nil {
		b.net.Close()
	}
	if b.part != nil {
		b.part.Close()
	}
}

// ahead reads a blobReader in a goroutine of its own, so that receiving,
// storing and hashing the blob take their time beside decompressing it.
type ahead struct {
	pieces chan []byte
	spare  chan []byte
	cur    []byte // unread part of buf
	buf    []byte
	err    error // why it ended; valid once pieces is closed
}

// readAhead starts the goroutine, which ends with the blob, with an error, or
// with the context, and then closes b.
func readAhead(ctx context.Context, b *blobReader) *ahead {
	a := &ahead{pieces: make(chan []byte, piecesAhead), spare: make(chan []byte, piecesAhead+2)}
	go func() {
		defer close(a.pieces)
		defer b.close()
		for {
			var buf []byte
			select {
			case buf = <-a.spare:
			default:
				buf = make([]byte, readStep)
			}
			n, err := b.read(ctx, buf[:readStep])
			if n > 0 {
				select {
				case a.pieces <- buf[:n]:
				case <-ctx.Done():
					err = context.Cause(ctx)
				}
			}
			if err != nil {
				a.err = err
				return
			}
		}
	}()
	return a
}

// Read implements io.Reader.
func (a *ahead) Read(p []byte) (int, error) {
	if len(a.cur) == 0 {
		if a.buf != nil {
			a.spare <- a.buf[:readStep] // never blocks: there is room for all
			a.buf = nil
		}
		b, ok := <-a.pieces
		if !ok {
			return 0, a.err
		}
		a.buf, a.cur = b, b
	}
	n := copy(p, a.cur)
	a.cur = a.cur[n:]
	return n, nil
}

// drain waits for the goroutine to end.
func (a *ahead) drain() {
	for range a.pieces {
	}
}

// decompress returns the tar inside r, going by the first bytes as runtimes do
// and not by the media type.
func decompress(r io.Reader) (io.Reader, func(), error) {
	br := bufio.NewReaderSize(r, readStep)
	magic, err := br.Peek(4)
	if err != nil && err != io.EOF {
		return nil, nil, err
	}
	switch {
	case len(magic) >= 2 && magic[0] == 0x1f && magic[1] == 0x8b:
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, nil, err
		}
		return z, func() { z.Close() }, nil
	case string(magic) == "\x28\xb5\x2f\xfd", len(magic) == 4 && magic[0]&0xf0 == 0x50 && string(magic[1:]) == "\x2a\x4d\x18":
		z, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, nil, err
		}
		return z, z.Close, nil
	}
	return br, func() {}, nil
}

// tarStream is the uncompressed bytes of a blob, decompressed in a goroutine of
// its own that stays a little ahead.
type tarStream struct {
	chunks chan []byte
	spare  chan []byte
	cur    []byte // unread part of buf
	buf    []byte
	pos    int64 // bytes delivered
	err    error // of the producer; valid once chunks is closed
	cancel context.CancelFunc
	done   chan struct{} // closed when the producer has ended
	// request is done when the caller of the moment gives up.
	request <-chan struct{}
	blob    *blobReader
}

// nearEnd reports whether a download has so little to come that it costs next
// to nothing to read on and verify it.
func (s *tarStream) nearEnd() bool {
	return s.blob.local == nil && s.blob.origin.Descriptor.Size > 0 && s.blob.left.Load() <= cheapRest
}

// openTarStream begins to read a blob. toEnd says that it will be read to its
// end, where it is verified.
func openTarStream(ctx context.Context, st *store.Store, o tree.Origin, toEnd bool, observe func(read, total int64)) (*tarStream, error) {
	b, err := openBlobReader(ctx, st, o, observe)
	if err != nil {
		return nil, err
	}
	if toEnd && b.part != nil {
		if err := b.part.HashEarly(ctx); err != nil {
			b.close()
			return nil, err
		}
	}
	// The stream may serve several callers, one after the other.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &tarStream{chunks: make(chan []byte, chunkAhead), spare: make(chan []byte, chunkAhead+2), cancel: cancel, done: make(chan struct{}), blob: b}
	go func() {
		defer close(s.done)
		blob := readAhead(ctx, b)
		s.err = s.produce(ctx, blob)
		cancel()
		blob.drain()
		close(s.chunks)
	}()
	return s, nil
}

// produce sends chunks until the blob ends, which includes its verification.
func (s *tarStream) produce(ctx context.Context, blob io.Reader) error {
	r, closeReader, err := decompress(blob)
	if err != nil {
		return noEOF(err)
	}
	defer closeReader()
	for {
		var buf []byte
		select {
		case buf = <-s.spare:
		default:
			buf = make([]byte, chunkSize)
		}
		n, err := io.ReadFull(r, buf[:chunkSize])
		if n > 0 {
			select {
			case s.chunks <- buf[:n]:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF && n > 0 && atEnd(r) {
			// What follows the compressed data still belongs to the blob.
			_, err := io.Copy(io.Discard, blob)
			return err
		}
		if err != nil {
			// Whose fault is it? Wrong bytes of a download must not be kept.
			if _, berr := io.Copy(io.Discard, blob); berr != nil {
				return berr
			}
			return noEOF(err)
		}
	}
}

// atEnd tells a stream that ended from one that was cut off: both make
// io.ReadFull report an unexpected end, only the first keeps saying EOF.
func atEnd(r io.Reader) bool {
	n, err := r.Read(make([]byte, 1))
	return n == 0 && err == io.EOF
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

var errGivenUp = errors.New("the caller has given up")

func (s *tarStream) Read(p []byte) (int, error) {
	if len(s.cur) == 0 {
		if s.buf != nil {
			s.spare <- s.buf[:chunkSize] // never blocks: there is room for all
			s.buf = nil
		}
		select {
		case b, ok := <-s.chunks:
			if !ok {
				if s.err != nil {
					return 0, s.err
				}
				return 0, io.EOF
			}
			s.buf, s.cur = b, b
		case <-s.request:
			return 0, errGivenUp
		}
	}
	n := copy(p, s.cur)
	s.cur = s.cur[n:]
	s.pos += int64(n)
	return n, nil
}

func (s *tarStream) close() {
	s.cancel()
	for range s.chunks { // lets the producer see that
	}
	<-s.done
}

// blobName names a blob in messages.
func blobName(d digest.Digest) string { return "layer " + d.String() }
