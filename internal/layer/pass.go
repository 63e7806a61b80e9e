package layer

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"

	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

// pass is one walk through the tar of a sealed layer, which can pause.
type pass struct {
	stream *tarStream
	tr     *tar.Reader
	last   string // name of the last header, for errors
	// here is the last header as long as nothing of its content was read, so
	// that a later question can still take it.
	here *tar.Header
	hash hash.Hash // of the tar; nil if nobody means to read to its end
}

// Read lets the tar reader see, and the hash have, the stream.
func (p *pass) Read(b []byte) (int, error) {
	n, err := p.stream.Read(b)
	if p.hash != nil {
		p.hash.Write(b[:n])
	}
	return n, err
}

func (s *sealed) startPass(ctx context.Context, toEnd bool) error {
	if s.pass != nil {
		return nil
	}
	stream, err := openTarStream(ctx, s.st, s.origin, toEnd, s.observe)
	if err != nil {
		return err
	}
	s.pass = &pass{stream: stream}
	if toEnd && s.origin.DiffID != "" {
		s.pass.hash = sha256.New()
	}
	s.pass.tr = tar.NewReader(s.pass)
	return nil
}

// advance moves the pass on until done says so; nil means to the end. takes,
// if not nil, sees every entry and says whose content goes into the store.
func (s *sealed) advance(ctx context.Context, done func() bool, takes func(*rec) bool) error {
	out := &extraction{}
	err := s.walk(ctx, done, takes, out)
	if err != nil {
		s.endPass()
	}
	if errors.Is(err, store.ErrCorrupt) {
		out.drop()
		s.x, s.files = nil, nil // none of it can be believed
		return err
	}
	if cerr := out.finish(ctx, s); err == nil {
		err = cerr
	}
	if kerr := s.keep(context.WithoutCancel(ctx), false); err == nil {
		err = kerr
	}
	return err
}

func (s *sealed) walk(ctx context.Context, done func() bool, takes func(*rec) bool, out *extraction) error {
	if err := s.startPass(ctx, done == nil); err != nil {
		return err
	}
	p := s.pass
	p.stream.request = ctx.Done()
	if p.here != nil && takes != nil {
		if err := s.visit(ctx, p.here, takes, out); err != nil {
			return err
		}
	}
	for n := 0; done == nil || !done() || p.stream.nearEnd(); n++ {
		if n&0xff == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p.here = nil
		h, err := p.tr.Next()
		if err == io.EOF {
			return s.reachEnd(ctx)
		}
		if err != nil {
			return s.readError(ctx, err)
		}
		p.last = h.Name
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		p.here = h
		if err := s.visit(ctx, h, takes, out); err != nil {
			return err
		}
	}
	return nil
}

// visit indexes one header and extracts its content if it is wanted.
func (s *sealed) visit(ctx context.Context, h *tar.Header, takes func(*rec) bool, out *extraction) error {
	pos := s.pass.stream.pos
	fresh := pos > s.x.end
	if fresh {
		if err := s.x.add(h, pos); err != nil {
			return err
		}
		s.x.end = pos
	}
	if takes == nil {
		return nil
	}
	r := s.at(h, pos)
	if r == nil || !takes(r) {
		return nil
	}
	if _, have := s.files[r.offset]; have || r.size == 0 {
		return nil
	}
	s.pass.here = nil
	if err := out.add(ctx, s, r); err != nil {
		if errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errGivenUp) {
			return s.readError(ctx, err)
		}
		return err
	}
	return nil
}

// at returns the rec of the header whose content begins at pos, nil if it has
// none.
func (s *sealed) at(h *tar.Header, pos int64) *rec {
	full, err := s.x.clean(h.Name)
	if err != nil {
		return nil
	}
	if _, ok := s.x.inHives(full); ok {
		for i := range s.x.hives {
			if s.x.hives[i].offset == pos {
				return &s.x.hives[i]
			}
		}
		return nil
	}
	name, ok := inTreeOf(s.format, full)
	if !ok {
		return nil
	}
	if i, ok := s.x.find(name, false); ok && s.x.recs[i].offset == pos {
		return &s.x.recs[i]
	}
	return nil
}

// reachEnd is called behind the last entry: the rest of the blob must be there
// and right before the index counts as complete.
func (s *sealed) reachEnd(ctx context.Context) error {
	if _, err := io.Copy(io.Discard, s.pass); err != nil {
		return s.readError(ctx, err)
	}
	if s.pass.hash != nil {
		if got := sumOf(s.pass.hash); got != s.origin.DiffID {
			return fmt.Errorf("reading %s: its content has the digest %s, but the image's config says %s",
				s.name(), got, s.origin.DiffID)
		}
		s.x.diffID = s.origin.DiffID
	}
	s.x.done = true
	s.saved = -1
	s.endPass()
	return nil
}

// readError says where reading has failed.
func (s *sealed) readError(ctx context.Context, err error) error {
	if errors.Is(err, errGivenUp) || ctx.Err() != nil {
		return context.Cause(ctx)
	}
	// If the download is wrong, that is the reason, and its bytes must go.
	if _, berr := io.Copy(io.Discard, s.pass); berr != nil {
		err = berr
	}
	switch {
	case errors.Is(err, errGivenUp):
		return context.Cause(ctx)
	case s.pass.last == "" && (errors.Is(err, tar.ErrHeader) || errors.Is(err, tar.ErrFieldTooLong)):
		return &contentError{s.name(), "is no tar, compressed or not", "whoever made the image has put something else into it; do not use it", err}
	case errors.Is(err, tar.ErrHeader), errors.Is(err, tar.ErrFieldTooLong):
		return &EntryError{Layer: s.name(), Name: lastName(s.pass.last), Rule: "is followed by a damaged tar header", Err: err,
			Advice: "the layer is damaged or hostile; do not use it"}
	case s.pass.last != "" && errors.Is(err, io.ErrUnexpectedEOF):
		return &EntryError{Layer: s.name(), Name: lastName(s.pass.last), Rule: "is where the layer breaks off", Err: err,
			Advice: "the image was pushed damaged: its digest is right, its content is not; use another"}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || isCorrupt(err) {
		return &contentError{s.name(), "is damaged", "the image was pushed damaged: its digest is right, its content is not; use another", err}
	}
	if _, ok := errors.AsType[*store.Error](err); ok || errors.Is(err, store.ErrCorrupt) {
		return err
	}
	return fmt.Errorf("reading %s: %w", s.name(), err)
}

// isCorrupt reports whether a decompressor has met what it did not understand.
func isCorrupt(err error) bool {
	_, ok := errors.AsType[flate.CorruptInputError](err)
	return ok || errors.Is(err, zstd.ErrMagicMismatch) || errors.Is(err, zstd.ErrCRCMismatch)
}

// contentError says that a layer's bytes, which are those of its digest, make
// no sense.
type contentError struct {
	layer, problem, advice string
	err                    error
}

// Error implements error.
func (e *contentError) Error() string { return e.layer + " " + e.problem }

// Hint says what to do about it.
func (e *contentError) Hint() string { return e.advice }

// Unwrap returns what the reader said.
func (e *contentError) Unwrap() error { return e.err }

// inTreeOf is index.inTree without counting.
func inTreeOf(f Format, name string) (string, bool) {
	x := index{format: f}
	return x.inTree(name)
}

// kindExtracted is the kind of the record that says which contents of a layer
// are in the store: one blob for each pass, because a file each would cost the
// disk a sync each.
const kindExtracted = "extracted"

// extracted says where a content is in the store.
type extracted struct {
	Blob digest.Digest
	At   int64
	Size int64
}

func (e extracted) open(st *store.Store) (io.ReadCloser, error) {
	f, err := st.OpenBlob(e.Blob)
	if err != nil {
		return nil, err
	}
	return section{io.NewSectionReader(f, e.At, e.Size), f}, nil
}

// extractedBlob is the form of the record.
type extractedBlob struct {
	Blob  digest.Digest `json:"blob"`
	Files [][3]int64    `json:"files"` // offset in the tar, offset in the blob, size
}

func loadExtracted(st *store.Store, layer digest.Digest, trust string) map[int64]extracted {
	out := map[int64]extracted{}
	rec, err := st.Get(kindExtracted, layer.String()+trust)
	if err != nil {
		return out
	}
	var list []extractedBlob
	if json.Unmarshal(rec.Value, &list) != nil {
		return out
	}
	for _, b := range list {
		for _, f := range b.Files {
			if f[0] >= 0 && f[1] >= 0 && f[2] >= 0 {
				out[f[0]] = extracted{b.Blob, f[1], f[2]}
			}
		}
	}
	return out
}

// extraction collects the contents that one advance extracts.
type extraction struct {
	w     *store.Writer
	files [][3]int64
}

func (e *extraction) add(ctx context.Context, s *sealed, r *rec) error {
	if e.w == nil {
		var err error
		if e.w, err = s.st.Create(ctx); err != nil {
			return err
		}
	}
	at := e.w.Size()
	n, err := io.CopyBuffer(struct{ io.Writer }{e.w}, s.pass.tr, make([]byte, chunkSize))
	if err != nil {
		return err
	}
	if n != r.size {
		return fmt.Errorf("reading /%s: %w", r.name, io.ErrUnexpectedEOF)
	}
	e.files = append(e.files, [3]int64{r.offset, at, n})
	return nil
}

// drop forgets the contents.
func (e *extraction) drop() {
	if e.w != nil {
		e.w.Close()
	}
}

// finish makes the contents durable. After an error what was read completely
// is kept, too.
func (e *extraction) finish(ctx context.Context, s *sealed) error {
	if e.w == nil {
		return nil
	}
	defer e.w.Close()
	if len(e.files) == 0 {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	desc, err := e.w.Commit(ctx, "")
	if err != nil {
		return err
	}
	for _, f := range e.files {
		s.files[f[0]] = extracted{desc.Digest, f[1], f[2]}
	}
	byBlob := map[digest.Digest]*extractedBlob{}
	var list []*extractedBlob
	var blobs []digest.Digest
	for offset, f := range s.files {
		b := byBlob[f.Blob]
		if b == nil {
			if _, err := s.st.Stat(f.Blob); err != nil {
				continue // collected meanwhile
			}
			b = &extractedBlob{Blob: f.Blob}
			byBlob[f.Blob] = b
			list, blobs = append(list, b), append(blobs, f.Blob)
		}
		b.Files = append(b.Files, [3]int64{offset, f.At, f.Size})
	}
	value, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("keeping extracted files: %w", err)
	}
	return s.st.Put(ctx, kindExtracted, s.origin.Descriptor.Digest.String()+s.trust, value, blobs...)
}

var _ tree.Implier = (*sealed)(nil)
