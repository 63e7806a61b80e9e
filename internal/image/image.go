// Package image is about container images as values: manifests, configs and
// indexes, choosing from an index, and turning the chains of a build into
// images.
//
// [Image] and [Index] are what a build makes and a registry moves. [Load]
// finds the image of a platform behind a reference, without reading its
// layers, and [Image.Chain] gives it to the solver as a chain of sealed
// layers. [Assemble] goes the other way: it packs what a chain has no blobs
// for and writes config and manifest.
package image

import (
	"context"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/tree"
)

// Image is one image for one platform.
type Image struct {
	// Descriptor is that of the manifest; its Platform has os.version and
	// os.features.
	Descriptor ocispec.Descriptor
	// Manifest and Config are the exact bytes that their digests name.
	Manifest, Config []byte
	// ConfigDescriptor names the config.
	ConfigDescriptor ocispec.Descriptor
	// Layers are the layers, oldest first.
	Layers []tree.Origin
}

// Index is what a reference names: one image, or several under an index.
type Index struct {
	// Descriptor names Raw. For a single image it is the image's manifest.
	Descriptor ocispec.Descriptor
	// Raw is the index's bytes; nil if the reference is to be that of a single
	// manifest.
	Raw    []byte
	Images []*Image
}

// Place is somewhere images can be read: a registry repository, an OCI layout,
// a docker archive.
type Place interface {
	// Manifest returns the manifest or index that ref names there: a tag, a
	// digest, or "" for the only or default one. The error matches
	// fs.ErrNotExist when there is none.
	Manifest(ctx context.Context, ref string) (ocispec.Descriptor, []byte, error)
	// Blob returns the bytes of a blob of this place.
	Blob(d ocispec.Descriptor) tree.Blob
	// From is the place's name for Origin.From: "host/repository" for a
	// registry, else "".
	From() string
}
