package layer

import (
	"archive/tar"
	"bufio"
	"compress/bzip2"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	"github.com/ulikunitz/xz"

	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

// kindUnpacked is the kind of the records about archives: content digest ->
// the blob with all contents, and the index.
const kindUnpacked = "unpacked"

// Unpack returns the tree of an archive, for ADD: a tar, plain or compressed
// by gzip, bzip2, xz or zstd. What it is is found in its bytes, not in its
// name; the second result is false if c is no archive. The contents go into
// the store. Archives whose names lead out of the tree are refused.
func Unpack(ctx context.Context, c tree.Content, st *store.Store) (tree.Tree, bool, error) {
	if c == nil || c.Size() == 0 {
		return nil, false, nil
	}
	key, err := contentDigest(ctx, c)
	if err != nil {
		return nil, false, err
	}
	if t, ok := loadUnpacked(st, key); ok {
		return t, true, nil
	}
	r, err := c.Open(ctx)
	if err != nil {
		return nil, false, err
	}
	defer r.Close()
	in := readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, context.Cause(ctx)
		}
		return r.Read(p)
	})
	z, closeReader, err := decompressAny(in)
	if err != nil {
		if ctx.Err() != nil {
			return nil, false, context.Cause(ctx)
		}
		return nil, false, nil // the magic of an archive, but not the rest
	}
	defer closeReader()
	tr := tar.NewReader(z)
	h, err := tr.Next()
	if err != nil {
		if ctx.Err() != nil {
			return nil, false, context.Cause(ctx)
		}
		return nil, false, nil
	}
	t, err := unpackTar(ctx, tr, h, st, key)
	if err != nil {
		return nil, false, err
	}
	return t, true, nil
}

// decompressAny is decompress for everything that ADD unpacks.
func decompressAny(r io.Reader) (io.Reader, func(), error) {
	br := bufio.NewReaderSize(r, readStep)
	magic, err := br.Peek(6)
	if err != nil && err != io.EOF {
		return nil, nil, err
	}
	switch {
	case len(magic) >= 3 && string(magic[:3]) == "BZh":
		return bzip2.NewReader(br), func() {}, nil
	case string(magic) == "\xfd7zXZ\x00":
		z, err := xz.ReaderConfig{DictCap: 1 << 20}.NewReader(br)
		return z, func() {}, err
	}
	return decompress(br)
}

// unpackTar reads the archive from its first header on.
func unpackTar(ctx context.Context, tr *tar.Reader, h *tar.Header, st *store.Store, key string) (tree.Tree, error) {
	w, err := st.Create(ctx)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	x := newIndex(Linux, "")
	x.archive = true
	buf := make([]byte, chunkSize)
	for err == nil {
		if h.Typeflag != tar.TypeXGlobalHeader {
			at := w.Size()
			if err := x.add(h, at); err != nil {
				return nil, err
			}
			n, err := io.CopyBuffer(struct{ io.Writer }{w}, tr, buf)
			if err != nil {
				return nil, unpackError(ctx, x, h.Name, err)
			}
			if n != h.Size && h.Typeflag == tar.TypeReg {
				return nil, unpackError(ctx, x, h.Name, io.ErrUnexpectedEOF)
			}
		}
		last := h.Name
		if h, err = tr.Next(); err != nil && err != io.EOF {
			return nil, unpackError(ctx, x, last, err)
		}
	}
	if err := x.checkParents(); err != nil {
		return nil, err
	}
	desc, err := w.Commit(ctx, "")
	if err != nil {
		return nil, err
	}
	x.done, x.diffID = true, desc.Digest
	if value := x.encode(); key != "" && len(value) < maxIndexRecord {
		if err := st.Put(ctx, kindUnpacked, indexVersion+key, value, desc.Digest); err != nil {
			return nil, err
		}
	}
	return x.tree(st)
}

func unpackError(ctx context.Context, x *index, name string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) {
		e, _ := x.refuse(name, "is where the archive is damaged").(*EntryError)
		e.Err, e.Advice = err, "the archive is damaged; fetch it again"
		return e
	}
	return fmt.Errorf("unpacking an archive at %s: %w", name, err)
}

// checkParents refuses entries below links: an unpacker that followed them
// could be led anywhere.
func (x *index) checkParents() error {
	for i := range x.recs {
		r := &x.recs[i]
		for p := tree.Parent(r.name); p != ""; p = tree.Parent(p) {
			if j, ok := x.find(p, false); ok && x.recs[j].kind != tree.Dir {
				return x.refuse(r.name, "lies below /"+p+", which is no directory")
			}
		}
	}
	return nil
}

// tree returns the tree of an unpacked archive, whose contents are the blob
// x.diffID.
func (x *index) tree(st *store.Store) (tree.Tree, error) {
	for i := range x.recs {
		if r := &x.recs[i]; r.kind == tree.Hardlink {
			t, err := x.target(r)
			if err != nil {
				return nil, err
			}
			if t == nil {
				return nil, x.refuse(r.name, "is a hard link to /"+r.link+", which is not in the archive")
			}
		}
	}
	blob := x.diffID
	set, err := x.changes(func(r *rec) tree.Content { return unpackedContent{st, blob, r.offset, r.size} })
	if err != nil {
		return nil, err
	}
	return tree.NewChain(linuxPlatform(), &tree.Layer{Changes: set}).Known(), nil
}

func loadUnpacked(st *store.Store, key string) (tree.Tree, bool) {
	if key == "" {
		return nil, false
	}
	rec, err := st.Get(kindUnpacked, indexVersion+key)
	if err != nil || len(rec.Blobs) != 1 {
		return nil, false
	}
	x, err := decodeIndex(rec.Value, Linux, "")
	if err != nil || x.diffID != rec.Blobs[0] {
		return nil, false
	}
	t, err := x.tree(st)
	return t, err == nil
}

// unpackedContent is a file of an archive: a part of the blob of all contents.
type unpackedContent struct {
	st       *store.Store
	blob     digest.Digest
	at, size int64
}

// Size implements [tree.Content].
func (c unpackedContent) Size() int64 { return c.size }

// ContentDigest implements [tree.Digester].
func (c unpackedContent) ContentDigest(context.Context) (string, error) {
	return fmt.Sprintf("tar:%s@%d+%d", c.blob, c.at, c.size), nil
}

// Open implements [tree.Content].
func (c unpackedContent) Open(context.Context) (io.ReadCloser, error) {
	return extracted{c.blob, c.at, c.size}.open(c.st)
}

// readerFunc is a function as a reader.
type readerFunc func(p []byte) (int, error)

// Read implements io.Reader.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
