package layer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"

	"github.com/casement/casement/internal/tree"
)

// formatVersion goes into every key: raise it whenever the same plan would
// give other bytes than before.
const formatVersion = "casement layer 1"

// Plan is a layer that is ready to be written: every tar entry in its final
// form and order. Nothing in it can fail any more but reading contents. The
// times in it are whole seconds: those of the epoch, if the options have one,
// else the modification times of files and 1970 for all that has no meaningful
// time.
type Plan struct {
	items []item
	opts  Options
	size  int64 // of the tar
	what  string
	named atomic.Pointer[[]string] // content digests, once they are known
}

// item is one tar entry with its content.
type item struct {
	header
	encoded int32 // bytes of the encoded header
	content tree.Content
}

// length returns how many bytes of the tar the item takes.
func (it *item) length() int64 {
	return int64(it.encoded) + it.size + padding(it.size)
}

// trailer ends every tar.
const trailer = 2 * blockSize

// Prepare checks the layer l and brings it into the form in which it will be
// written. below is what is known of the layers under it without reading any
// ([tree.Chain.Known]); it may be nil.
func Prepare(ctx context.Context, below tree.Tree, l *tree.Layer, o Options) (*Plan, error) {
	if below == nil {
		below = tree.Chain{}.Known()
	}
	p := &Plan{opts: o, what: where(l)}
	var err error
	if o.Format == Linux {
		p.items, err = prepareLinux(ctx, l, o)
	} else {
		p.items, err = prepareWindows(ctx, below, l, o)
	}
	if err != nil {
		return nil, locate(err, p.what)
	}
	var enc encoder
	var buf []byte
	p.size = trailer
	for i := range p.items {
		it := &p.items[i]
		if buf, err = enc.append(buf[:0], &it.header); err != nil {
			return nil, err
		}
		it.encoded = int32(len(buf))
		p.size += it.length()
	}
	return p, nil
}

// where names a layer for people.
func where(l *tree.Layer) string {
	if l.Where == "" || l.Label == "" {
		return l.Where + l.Label
	}
	return l.Where + ": " + l.Label
}

// blame puts the layer's name before an error of packing it.
func (p *Plan) blame(err error) error {
	if p.what == "" {
		return err
	}
	return fmt.Errorf("%s: %w", p.what, err)
}

// locate puts the layer's name into an EntryError that lacks it.
func locate(err error, what string) error {
	if e, ok := err.(*EntryError); ok && e.Layer == "" {
		e.Layer = what
	}
	return err
}

// seconds returns the time that an entry gets.
func (o *Options) seconds(e *tree.Entry) int64 {
	switch {
	case o.Epoch != nil:
		return o.Epoch.Unix()
	case e == nil || e.Kind != tree.File && e.Kind != tree.Hardlink || e.Times.Modified.IsZero():
		return 0
	}
	return e.Times.Modified.Unix()
}

// compareNames is tree.Compare for clean names, without looking at components:
// a slash sorts before everything else.
func compareNames(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] == b[i] {
			continue
		}
		switch {
		case a[i] == '/':
			return -1
		case b[i] == '/':
			return 1
		case a[i] < b[i]:
			return -1
		}
		return 1
	}
	return len(a) - len(b)
}

// contentDigest names the bytes of a content; "" if it cannot cheaply.
func contentDigest(ctx context.Context, c tree.Content) (string, error) {
	if c == nil {
		return "empty", nil
	}
	d, ok := c.(tree.Digester)
	if !ok {
		return "", nil
	}
	return d.ContentDigest(ctx)
}

// digests returns the content digests of all items, computed in parallel, ""
// where there is none.
func (p *Plan) digests(ctx context.Context) ([]string, error) {
	if known := p.named.Load(); known != nil {
		return *known, nil
	}
	out := make([]string, len(p.items))
	g, ctx := errgroup.WithContext(ctx)
	const step = 64
	g.SetLimit(2 * runtime.GOMAXPROCS(0))
	for lo := 0; lo < len(p.items); lo += step {
		g.Go(func() error {
			for i := lo; i < min(lo+step, len(p.items)); i++ {
				d, err := contentDigest(ctx, p.items[i].content)
				if err != nil {
					return p.blame(p.items[i].blame(err))
				}
				out[i] = d
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	p.named.Store(&out)
	return out, nil
}

// Key names the packed result: plans with equal, non-empty keys pack to equal
// blobs. It is "" when a content has no digest.
func (p *Plan) Key(ctx context.Context) (string, error) {
	digests, err := p.digests(ctx)
	if err != nil {
		return "", err
	}
	key, _ := p.keys(p.members(), digests)
	return key, nil
}

// keys names the plan and its members. A member without a name has "", and
// then the plan has none either. The hash is BLAKE3 for the reason why contents
// are named by it: these are tens of megabytes of headers in a large layer.
func (p *Plan) keys(members []member, digests []string) (plan string, of []string) {
	h := blake3.New()
	fmt.Fprintf(h, "%s\x00%d %d %d\x00", formatVersion, p.opts.Format, p.opts.Compression, p.opts.Level)
	whole := true
	for i := range members {
		k := members[i].key(p, digests)
		of = append(of, k)
		whole = whole && k != ""
		_, _ = h.WriteString(k) // all of one length
	}
	if !whole {
		return "", of
	}
	return "blake3:" + hex.EncodeToString(h.Sum(nil)), of
}

// appendKey adds an unambiguous short form of a header and its content.
func appendKey(b []byte, h *header, content string) []byte {
	str := func(s string) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	str(h.name)
	str(h.link)
	b = append(b, h.typeflag)
	for _, n := range [...]int64{h.mode, int64(h.uid), int64(h.gid), h.size, h.time, h.major, h.minor} {
		b = binary.AppendVarint(b, n)
	}
	b = binary.AppendUvarint(b, uint64(len(h.records)))
	for _, r := range h.records {
		str(r.key)
		str(r.value)
	}
	if h.times {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	str(content)
	return b
}

// WriteTar writes the tar to w.
func (p *Plan) WriteTar(ctx context.Context, w io.Writer) (Written, error) {
	h := sha256.New()
	out := io.MultiWriter(w, h)
	var enc encoder
	var buf []byte
	copyBuf := make([]byte, 64<<10)
	for i := range p.items {
		it := &p.items[i]
		var err error
		if buf, err = enc.append(buf[:0], &it.header); err != nil {
			return Written{}, err
		}
		if _, err := out.Write(buf); err != nil {
			return Written{}, fmt.Errorf("writing a layer: %w", err)
		}
		if err := it.copyTo(ctx, out, copyBuf); err != nil {
			return Written{}, err
		}
		if _, err := out.Write(zeros[:padding(it.size)]); err != nil {
			return Written{}, fmt.Errorf("writing a layer: %w", err)
		}
	}
	for range trailer / blockSize {
		if _, err := out.Write(zeros[:]); err != nil {
			return Written{}, fmt.Errorf("writing a layer: %w", err)
		}
	}
	return Written{DiffID: sumOf(h), Size: p.size, Entries: len(p.items)}, nil
}

// copyTo writes the content, which must have exactly as many bytes as the
// header says.
func (it *item) copyTo(ctx context.Context, w io.Writer, buf []byte) error {
	if it.size == 0 {
		return nil
	}
	r, err := it.open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	for left := it.size; left > 0; {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		part := buf[:min(left, int64(len(buf)))]
		if err := it.read(r, part); err != nil {
			return err
		}
		if _, err := w.Write(part); err != nil {
			return fmt.Errorf("writing a layer: %w", err)
		}
		left -= int64(len(part))
	}
	return it.end(r)
}

// blame puts the item's name before an error of its content, unless that has a
// name already: that of where the content really is.
func (it *item) blame(err error) error {
	if strings.Contains(err.Error(), tree.Base(it.name)) {
		return err
	}
	return fmt.Errorf("reading /%s: %w", it.name, err)
}

// open opens the content of an item that has one.
func (it *item) open(ctx context.Context) (io.ReadCloser, error) {
	if it.content == nil {
		return nil, fmt.Errorf("reading %s: %w: it should have %d bytes and has no content", it.name, tree.ErrChanged, it.size)
	}
	r, err := it.content.Open(ctx)
	if err != nil {
		return nil, it.blame(err)
	}
	return r, nil
}

// read fills b from the item's content.
func (it *item) read(r io.Reader, b []byte) error {
	n, err := io.ReadFull(r, b)
	switch {
	case err == nil:
		return nil
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return fmt.Errorf("reading /%s: the file %w: it is shorter than %d bytes now", it.name, tree.ErrChanged, it.size)
	}
	if errors.Is(err, tree.ErrChanged) {
		return err // names the file, where it really is
	}
	return fmt.Errorf("reading /%s after %d bytes of %d: %w", it.name, n, it.size, err)
}

// end checks that the content has no more bytes.
func (it *item) end(r io.Reader) error {
	var b [1]byte
	for {
		n, err := r.Read(b[:])
		switch {
		case n > 0:
			return fmt.Errorf("reading /%s: the file %w: it is longer than %d bytes now", it.name, tree.ErrChanged, it.size)
		case err == io.EOF:
			return nil
		case errors.Is(err, tree.ErrChanged):
			return err
		case err != nil:
			return fmt.Errorf("reading /%s: %w", it.name, err)
		}
	}
}
