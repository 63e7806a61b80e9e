package tree

import (
	"context"
	"io"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Layer is one set of changes over what lies below it, and one layer of the
// future image. Layers never change once they have been handed out.
type Layer struct {
	// Changes is what the layer does. It is never nil; for a sealed layer it
	// reads the layer's blob when it is first asked.
	Changes Changes
	// Origin is the blob that already holds the layer's bytes. A layer with
	// an origin is never packed again. nil means that it has to be packed.
	Origin *Origin
	// Sealed says that nobody has read the layer and that reading it costs a
	// download: questions that have an answer without it must not ask it.
	Sealed bool
	// Key names what the layer does where that is known without looking: equal
	// keys imply equal changes. "" means that it has to be found out.
	Key string
	// Env has the variables that the step has set for the whole machine. They
	// are no files: they become the image's environment.
	Env []EnvChange
	// Hives has the layer's changes of registry hives as delta hives, by the
	// name of the hive as the layer format has it ("System", "Software").
	Hives map[string][]byte
	// Label says for people what made the layer ("COPY . /app"), and Where in
	// which file and line ("Dockerfile:7"). Both go into errors.
	Label, Where string
}

// Origin says where a layer's packed bytes are.
type Origin struct {
	// Descriptor is the blob's, with URLs where it is a foreign layer.
	Descriptor ocispec.Descriptor
	// DiffID is the digest of the uncompressed tar.
	DiffID digest.Digest
	// From names the place: "registry.example/repository" for a registry, so
	// that a push into the same registry can mount the blob; "" for the store.
	From string
	// Blob opens the bytes.
	Blob Blob
}

// Blob is the bytes that a descriptor names. Open starts at offset; the reader
// verifies what it delivers against the digest only when it starts at 0 and is
// read to its end.
type Blob interface {
	Open(ctx context.Context, offset int64) (io.ReadCloser, error)
}

// Chain is the layers of an image, oldest first, and what they were made for.
// The zero value is the empty chain of FROM scratch. Chains are values: Push
// leaves its receiver as it is.
type Chain struct {
	// Platform is that of the base image the chain began with; the zero value
	// for scratch.
	Platform ocispec.Platform
	// OS is "windows", "linux", or "" for a chain from scratch whose use
	// decides.
	OS     string
	layers []*Layer
}

// NewChain returns the chain of an image of platform p.
func NewChain(p ocispec.Platform, layers ...*Layer) Chain {
	return Chain{Platform: p, OS: p.OS, layers: slices.Clone(layers)}
}

// Layers returns the layers, oldest first. The caller must not change them.
func (c Chain) Layers() []*Layer { return slices.Clip(c.layers) }

// Push returns the chain with l on top.
func (c Chain) Push(l ...*Layer) Chain {
	c.layers = append(slices.Clip(c.layers), l...)
	return c
}

// Folds reports whether names of the chain are compared without case.
func (c Chain) Folds() bool { return c.OS == "windows" }

// View returns the merged tree of all layers. Looking at it unseals layers
// from the top down, as far as the answer needs.
func (c Chain) View() Tree { return &view{layers: c.layers, fold: c.Folds()} }

// Known returns the merged tree of the layers that can be read for nothing:
// those that are not sealed. Its answers are the same whether or not somebody
// has read the base image before, so it may decide what an image looks like.
func (c Chain) Known() Tree {
	var known []*Layer
	for _, l := range c.layers {
		if !l.Sealed {
			known = append(known, l)
		}
	}
	return &view{layers: known, fold: c.Folds()}
}

// Sealed reports whether the chain has layers that nobody has read.
func (c Chain) Sealed() bool {
	return slices.ContainsFunc(c.layers, func(l *Layer) bool { return l.Sealed })
}

// RawBlob is the power of a Blob to leave the verification to a caller who
// hashes the bytes anyway.
type RawBlob interface {
	OpenRaw(ctx context.Context, offset int64) (io.ReadCloser, error)
}

// OpenRaw opens a blob for a caller who verifies what it reads.
func OpenRaw(ctx context.Context, b Blob, offset int64) (io.ReadCloser, error) {
	if r, ok := b.(RawBlob); ok {
		return r.OpenRaw(ctx, offset)
	}
	return b.Open(ctx, offset)
}
