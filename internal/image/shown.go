package image

import (
	"bytes"
	"context"
	"io"
	"io/fs"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/tree"
)

// Place returns a place that has nothing but the image, for those who look at
// images wherever they are.
func (img *Image) Place() Place { return single{img} }

// single is an image as a Place.
type single struct{ img *Image }

// From implements [Place].
func (s single) From() string { return "" }

// Manifest implements [Place].
func (s single) Manifest(_ context.Context, ref string) (ocispec.Descriptor, []byte, error) {
	if d := s.img.Descriptor; ref != "" && digest.Digest(ref) != d.Digest {
		return ocispec.Descriptor{}, nil, &fs.PathError{Op: "finding the manifest", Path: ref, Err: fs.ErrNotExist}
	}
	return s.img.Descriptor, s.img.Manifest, nil
}

// Blob implements [Place].
func (s single) Blob(d ocispec.Descriptor) tree.Blob {
	if d.Digest == s.img.ConfigDescriptor.Digest {
		return bytesBlob(s.img.Config)
	}
	for _, l := range s.img.Layers {
		if l.Descriptor.Digest == d.Digest {
			return l.Blob
		}
	}
	return bytesBlob(nil)
}

// bytesBlob is a small blob in memory.
type bytesBlob []byte

// Open implements [tree.Blob].
func (b bytesBlob) Open(_ context.Context, offset int64) (io.ReadCloser, error) {
	if offset > int64(len(b)) {
		offset = int64(len(b))
	}
	return io.NopCloser(bytes.NewReader(b[offset:])), nil
}
