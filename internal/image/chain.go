package image

import (
	"fmt"
	"io"

	"github.com/casement/casement/internal/layer"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

// Chain gives the image to the solver: its layers, sealed. ref names the image
// in errors. observe, if not nil, hears how many bytes of a layer have been
// read.
func (img *Image) Chain(st *store.Store, ref string, observe func(l tree.Origin, read, total int64)) tree.Chain {
	p := *img.Descriptor.Platform
	format := FormatOf(p.OS)
	layers := make([]*tree.Layer, len(img.Layers))
	for i, o := range img.Layers {
		var see func(read, total int64)
		if observe != nil {
			see = func(read, total int64) { observe(o, read, total) }
		}
		layers[i] = layer.Sealed(st, o, format, fmt.Sprintf("layer %d of %s", i+1, ref), see)
	}
	return tree.NewChain(p, layers...)
}

// FormatOf returns the layer format of an operating system.
func FormatOf(os string) layer.Format {
	if os == "windows" {
		return layer.Windows
	}
	return layer.Linux
}

// readAll reads up to limit bytes, and it is an error if there are more.
func readAll(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("more than %d bytes", limit)
	}
	return b, err
}
