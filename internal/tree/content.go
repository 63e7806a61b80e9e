package tree

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
)

// Bytes is content in memory, for small things that the build itself makes.
type Bytes []byte

// Open implements [Content].
func (b Bytes) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(b)), nil
}

// Size implements [Content].
func (b Bytes) Size() int64 { return int64(len(b)) }

// ContentDigest implements [Digester].
func (b Bytes) ContentDigest(context.Context) (string, error) {
	return fmt.Sprintf("sha256:%x", sha256.Sum256(b)), nil
}

// ReadFile returns the bytes of a file of the tree, following links. Files
// above limit bytes are an error.
func ReadFile(ctx context.Context, t Tree, name string, limit int64) ([]byte, error) {
	to, e, err := Resolve(ctx, t, name, true)
	if err != nil {
		return nil, err
	}
	if e.Kind != File {
		return nil, fmt.Errorf("reading /%s: it is a %s", to, e.Kind)
	}
	if e.Size > limit {
		return nil, fmt.Errorf("reading /%s: it has %d bytes, more than %d", to, e.Size, limit)
	}
	if e.Content == nil {
		return nil, nil
	}
	r, err := e.Content.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, limit))
}
