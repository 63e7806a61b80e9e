package registry

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/image"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

// WriteOptions adjusts how images are written to files. The zero value works.
type WriteOptions struct {
	// Store takes the layers that have to be downloaded, so that it is done once
	// and goes on where it stopped. Without one they go from the registry to the
	// file directly.
	Store *store.Store
	// Sealed leaves out the layers that would have to be downloaded.
	Sealed bool
	// Tar makes WriteLayout write a tar and not a directory.
	Tar bool
}

// WriteLayout writes ix as an OCI image layout, under the names refs. An existing
// layout gets the image as well, and names that it has move to the new image, as
// with docker buildx. Any other directory that is not empty is refused. A tar is
// replaced. Whatever happens, dest is either as it was or complete.
func WriteLayout(ctx context.Context, dest string, refs []string, ix image.Index, o WriteOptions) error {
	w, err := newWriting(dest, refs, ix, o)
	if err != nil {
		return err
	}
	exists, err := examine(dest, o.Tar)
	if err != nil {
		return err
	}
	if err := w.fetch(ctx); err != nil {
		return err
	}
	switch {
	case o.Tar:
		return replaceFile(dest, func(f io.Writer) error { return w.tar(ctx, f, nil) })
	case exists:
		return w.into(ctx, dest)
	}
	return w.fresh(ctx, dest)
}

// WriteLayoutTar writes ix as the tar of an OCI image layout to out.
func WriteLayoutTar(ctx context.Context, out io.Writer, refs []string, ix image.Index, o WriteOptions) error {
	w, err := newWriting("the layout", refs, ix, o)
	if err != nil {
		return err
	}
	if err := w.fetch(ctx); err != nil {
		return err
	}
	return w.tar(ctx, out, nil)
}

// WriteArchive writes ix as docker save does: as the tar of an OCI layout with a
// manifest.json that docker load of any age understands. Layers are as they are
// in the image; docker load unpacks compressed ones. It holds a single image.
func WriteArchive(ctx context.Context, out io.Writer, refs []string, ix image.Index, o WriteOptions) error {
	fail := func(err error, hint string) error {
		return &Error{Kind: Invalid, Op: "writing a docker archive", Err: err, hint: hint}
	}
	if len(ix.Images) != 1 {
		return fail(fmt.Errorf("it holds an image for one platform, and there are %d", len(ix.Images)), "choose one platform, or the output type oci")
	}
	if o.Sealed {
		return fail(errors.New("docker load needs all layers"), "leave --sealed out, or choose the output type oci")
	}
	w, err := newWriting("the archive", refs, ix, o)
	if err != nil {
		return err
	}
	legacy, err := w.legacy(ix.Images[0])
	if err != nil {
		return err
	}
	if err := w.fetch(ctx); err != nil {
		return err
	}
	return w.tar(ctx, out, legacy)
}

// writing is an image on its way into files.
type writing struct {
	o     WriteOptions
	ix    image.Index
	refs  []Ref
	blobs []tree.Origin // in the order in which a reader wants them, each once
}

func newWriting(dest string, refs []string, ix image.Index, o WriteOptions) (*writing, error) {
	w := &writing{o: o, ix: ix}
	for _, s := range refs {
		r, err := Parse(s)
		if err != nil {
			return nil, err
		}
		w.refs = append(w.refs, r)
	}
	raw := top(ix)
	if raw == nil {
		return nil, &Error{Kind: Invalid, Op: "writing", Ref: dest, Err: errors.New("there is no image")}
	}
	seen := map[digest.Digest]bool{}
	add := func(o tree.Origin) {
		if !seen[o.Descriptor.Digest] {
			seen[o.Descriptor.Digest] = true
			w.blobs = append(w.blobs, o)
		}
	}
	add(tree.Origin{Descriptor: ix.Descriptor, Blob: memory(raw)})
	for _, img := range ix.Images {
		add(tree.Origin{Descriptor: img.Descriptor, Blob: memory(img.Manifest)})
	}
	for _, l := range blobs(ix, PushOptions{AllowForeign: true}) {
		if l.From != "" && o.Sealed {
			continue
		}
		if l.Blob == nil {
			return nil, &Error{Kind: NotFound, Op: "writing", Ref: dest, Err: fmt.Errorf("the bytes of layer %s are not here", l.Descriptor.Digest)}
		}
		add(l)
	}
	for _, b := range w.blobs {
		if err := checkDescriptor("writing", dest, b.Descriptor, 0); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// fetch gets the layers that are elsewhere into the store before anything is written.
func (w *writing) fetch(ctx context.Context) error {
	if w.o.Store == nil || w.o.Sealed {
		return nil
	}
	return fetchAll(ctx, w.o.Store, w.ix)
}

// open opens a blob for copying.
func (w *writing) open(ctx context.Context, o tree.Origin) (io.ReadCloser, error) {
	if o.From != "" && w.o.Store != nil {
		if f, err := w.o.Store.OpenBlob(o.Descriptor.Digest); err == nil {
			return f, nil
		}
	}
	return o.Blob.Open(ctx, 0)
}

// copy writes a blob, which must have its size.
func (w *writing) copy(ctx context.Context, to io.Writer, o tree.Origin) error {
	rc, err := w.open(ctx, o)
	if err != nil {
		return err
	}
	defer rc.Close()
	if f, ok := rc.(*os.File); ok {
		// The system may copy a file by itself; closing it ends that. Other readers
		// know the context.
		stop := context.AfterFunc(ctx, func() { f.Close() })
		defer stop()
	}
	n, err := io.Copy(to, rc)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err == nil && n != o.Descriptor.Size {
		err = &Error{Kind: Corrupt, Op: "reading", Ref: "blob " + o.Descriptor.Digest.String(), Detail: fmt.Sprintf("expected %d bytes, got %d", o.Descriptor.Size, n)}
	}
	return err
}

// entries are the image's entries of index.json: one for each name.
func (w *writing) entries() []ocispec.Descriptor {
	if len(w.refs) == 0 {
		return []ocispec.Descriptor{w.ix.Descriptor}
	}
	var all []ocispec.Descriptor
	for _, r := range w.refs {
		d := w.ix.Descriptor
		d.Annotations = maps.Clone(d.Annotations)
		if d.Annotations == nil {
			d.Annotations = map[string]string{}
		}
		d.Annotations[imageName] = r.String()
		d.Annotations[ocispec.AnnotationRefName] = r.Tag
		if r.Tag == "" {
			delete(d.Annotations, ocispec.AnnotationRefName)
		}
		all = append(all, d)
	}
	return all
}

// merge returns index.json with the image in it.
func (w *writing) merge(old *ocispec.Index) ([]byte, error) {
	ix := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex}
	if old != nil {
		ix = *old
	}
	ix.Versioned = specs.Versioned{SchemaVersion: 2}
	fresh := w.entries()
	var kept []ocispec.Descriptor
	for _, m := range ix.Manifests {
		if !replaced(m, fresh) {
			kept = append(kept, m)
		}
	}
	ix.Manifests = append(kept, fresh...)
	return json.Marshal(ix)
}

// replaced reports whether one of the new entries takes the place of an old one:
// it has its name, or neither has one and they are the same image. A layout whose
// entries have tags only has one image for each tag.
func replaced(old ocispec.Descriptor, fresh []ocispec.Descriptor) bool {
	for _, d := range fresh {
		oldName, oldTag := old.Annotations[imageName], old.Annotations[ocispec.AnnotationRefName]
		name, tag := d.Annotations[imageName], d.Annotations[ocispec.AnnotationRefName]
		switch {
		case oldName != "" && name != "":
			if oldName == name {
				return true
			}
		case oldTag != "" || tag != "":
			if oldTag == tag || oldTag == name {
				return true
			}
		case old.Digest == d.Digest:
			return true
		}
	}
	return false
}

// layoutFile is the content of the file oci-layout.
func layoutFile() []byte {
	return []byte(`{"imageLayoutVersion":"` + ocispec.ImageLayoutVersion + `"}`)
}

// tar writes everything, the same bytes every time. legacy is manifest.json; nil
// for none. What tells a reader about the rest comes first.
func (w *writing) tar(ctx context.Context, out io.Writer, legacy []byte) error {
	tw := tar.NewWriter(out)
	file := func(name string, size int64) error {
		return tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, Format: tar.FormatPAX})
	}
	index, err := w.merge(nil)
	if err != nil {
		return err
	}
	small := []struct {
		name string
		raw  []byte
	}{{ocispec.ImageLayoutFile, layoutFile()}, {ocispec.ImageIndexFile, index}, {"manifest.json", legacy}}
	for _, f := range small {
		if f.raw == nil {
			continue
		}
		if err := file(f.name, int64(len(f.raw))); err != nil {
			return err
		}
		if _, err := tw.Write(f.raw); err != nil {
			return err
		}
	}
	dirs := map[string]bool{}
	for _, b := range w.blobs {
		name := blobPath(b.Descriptor.Digest)
		for _, dir := range []string{ocispec.ImageBlobsDir + "/", name[:strings.LastIndexByte(name, '/')+1]} {
			if dirs[dir] {
				continue
			}
			dirs[dir] = true
			if err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755, Format: tar.FormatPAX}); err != nil {
				return err
			}
		}
		if err := file(name, b.Descriptor.Size); err != nil {
			return err
		}
		if err := w.copy(ctx, tw, b); err != nil {
			return err
		}
	}
	return tw.Close()
}

// legacy returns manifest.json.
func (w *writing) legacy(img *image.Image) ([]byte, error) {
	a := archived{Config: blobPath(img.ConfigDescriptor.Digest), Layers: []string{}, RepoTags: []string{}}
	for _, r := range w.refs {
		if r.Tag != "" {
			r.Digest = ""
			a.RepoTags = append(a.RepoTags, r.Familiar())
		}
	}
	for _, l := range img.Layers {
		a.Layers = append(a.Layers, blobPath(l.Descriptor.Digest))
		if Foreign(l.Descriptor.MediaType) {
			if a.LayerSources == nil {
				a.LayerSources = map[digest.Digest]ocispec.Descriptor{}
			}
			a.LayerSources[l.DiffID] = l.Descriptor
		}
	}
	return json.Marshal([]archived{a})
}

// examine says whether dest is an OCI layout, and refuses what must not be overwritten.
func examine(dest string, asTar bool) (exists bool, err error) {
	refuse := func(why, hint string) (bool, error) {
		return false, &Error{Kind: Invalid, Op: "writing", Ref: dest, Err: errors.New(why), hint: hint}
	}
	fi, err := os.Stat(dest)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("writing an image: %w", err)
	case asTar && fi.IsDir():
		return refuse("it is a directory", "name a file, or write a directory with tar=false")
	case asTar:
		return false, nil
	case !fi.IsDir():
		return refuse("it is a file and no directory", "name a directory, or write a tar")
	}
	if _, err := os.Stat(filepath.Join(dest, ocispec.ImageIndexFile)); err == nil {
		if _, err := OpenLayout(dest); err != nil {
			return false, err
		}
		return true, nil
	}
	entries, err := os.ReadDir(dest)
	if err != nil {
		return false, fmt.Errorf("writing an image: %w", err)
	}
	if len(entries) > 0 {
		return refuse("the directory has something else than an OCI layout in it", "name a new directory, an empty one, or an OCI layout")
	}
	return false, nil
}

// fresh writes a new layout beside its place and moves it there.
func (w *writing) fresh(ctx context.Context, dest string) error {
	dest = filepath.Clean(dest)
	if err := os.MkdirAll(filepath.Dir(dest), 0o755); err != nil {
		return fmt.Errorf("writing an image: %w", err)
	}
	temp, err := os.MkdirTemp(filepath.Dir(dest), "."+filepath.Base(dest)+".*.tmp")
	if err != nil {
		return fmt.Errorf("writing an image: %w", err)
	}
	defer os.RemoveAll(temp)
	if err := os.Chmod(temp, 0o755); err != nil {
		return fmt.Errorf("writing an image: %w", err)
	}
	if err := w.into(ctx, temp); err != nil {
		return err
	}
	if err := os.Remove(dest); err != nil && !errors.Is(err, fs.ErrNotExist) { // an empty directory
		return fmt.Errorf("writing an image: %w", err)
	}
	if err := os.Rename(temp, dest); err != nil {
		return fmt.Errorf("writing an image: %w", err)
	}
	return nil
}

// into adds the image to a layout: first the blobs, in the end the index.
func (w *writing) into(ctx context.Context, dir string) error {
	for _, b := range w.blobs {
		name := filepath.Join(dir, filepath.FromSlash(blobPath(b.Descriptor.Digest)))
		if fi, err := os.Stat(name); err == nil && fi.Size() == b.Descriptor.Size {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return fmt.Errorf("writing an image: %w", err)
		}
		if err := replaceFile(name, func(f io.Writer) error { return w.copy(ctx, f, b) }); err != nil {
			return err
		}
	}
	// Read as late as possible, so that somebody else's image is not lost.
	var old *ocispec.Index
	raw, err := os.ReadFile(filepath.Join(dir, ocispec.ImageIndexFile))
	if err == nil {
		old = new(ocispec.Index)
		err = json.Unmarshal(raw, old)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading %s: %w", filepath.Join(dir, ocispec.ImageIndexFile), err)
	}
	index, err := w.merge(old)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		raw  []byte
	}{{ocispec.ImageLayoutFile, layoutFile()}, {ocispec.ImageIndexFile, index}} {
		if err := replaceFile(filepath.Join(dir, f.name), func(w io.Writer) error {
			_, err := io.Copy(w, bytes.NewReader(f.raw))
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// replaceFile writes a file beside its place and moves it there when it is complete.
func replaceFile(name string, write func(io.Writer) error) (err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("writing an image: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*.tmp")
	if err != nil {
		return fmt.Errorf("writing an image: %w", err)
	}
	defer func() {
		f.Close()
		os.Remove(f.Name()) // after the rename there is none
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("writing an image: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("writing an image: %w", err)
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return fmt.Errorf("writing an image: %w", err)
	}
	return nil
}
