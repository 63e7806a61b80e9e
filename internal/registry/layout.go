package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/image"
	"github.com/casement/casement/internal/tree"
)

// imageName is the annotation in which containerd and docker keep the whole
// reference; the OCI one has the tag only, when they write it.
const imageName = "io.containerd.image.name"

// local is an OCI layout or a docker archive as an image.Place.
type local struct {
	f *files
	// index has an entry for each name, and raw its bytes, which for a docker
	// archive are made up.
	index ocispec.Index
	raw   []byte
	// made are manifests that are in no file, and at the files of blobs that are
	// not at the usual place.
	made map[digest.Digest][]byte
	at   map[digest.Digest]string
}

// OpenLayout opens an OCI image layout: a directory, or a tar of one.
func OpenLayout(name string) (image.Place, error) {
	f, err := openFiles(name)
	if err != nil {
		return nil, err
	}
	l := &local{f: f}
	if l.raw, err = f.read(ocispec.ImageIndexFile); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			_, err := f.form()
			if err == nil {
				err = f.fail(errors.New("this is no OCI image layout: it has no index.json"), "")
			}
			return nil, err
		}
		return nil, f.fail(err, "")
	}
	if err := json.Unmarshal(l.raw, &l.index); err != nil {
		return nil, f.fail(fmt.Errorf("index.json: %w", err), "")
	}
	return l, nil
}

// From implements image.Place.
func (l *local) From() string { return "" }

// String returns the name of the directory or the file.
func (l *local) String() string { return l.f.name }

// Manifest implements image.Place. which is a digest, a tag, or a whole name. ""
// stands for the only image; if there are several without names, such as one for
// each platform, index.json itself is the index.
func (l *local) Manifest(_ context.Context, which string) (ocispec.Descriptor, []byte, error) {
	if which == "" {
		return l.only()
	}
	if d, err := digest.Parse(which); err == nil {
		for _, m := range l.index.Manifests {
			if m.Digest == d {
				return l.manifest(m)
			}
		}
		return l.manifest(ocispec.Descriptor{Digest: d})
	}
	var found []ocispec.Descriptor
	for _, m := range l.index.Manifests {
		if named(m, which) && !slices.ContainsFunc(found, func(o ocispec.Descriptor) bool { return o.Digest == m.Digest }) {
			found = append(found, m)
		}
	}
	switch len(found) {
	case 1:
		return l.manifest(found[0])
	case 0:
		return ocispec.Descriptor{}, nil, l.f.fail(fmt.Errorf("there is no image %s: %w", quote(which), fs.ErrNotExist), l.names())
	}
	return ocispec.Descriptor{}, nil, l.f.fail(fmt.Errorf("several images are called %s", quote(which)), l.names())
}

// named reports whether an entry of index.json has the name.
func named(m ocispec.Descriptor, name string) bool {
	full, short := m.Annotations[imageName], m.Annotations[ocispec.AnnotationRefName]
	if name == full || name == short {
		return true
	}
	if short == "" && full == "" {
		return false
	}
	// "docker.io/library/x:1" and "x:1" are the same, and "1" is its tag.
	have, err := Parse(full)
	if err != nil {
		if have, err = Parse(short); err != nil || !strings.ContainsAny(short, ":/") {
			return false
		}
	}
	want, err := Parse(name)
	return err == nil && want == have || name == have.Tag
}

// only returns the image of a layout that has but one.
func (l *local) only() (ocispec.Descriptor, []byte, error) {
	all := l.index.Manifests
	var names bool
	digests := map[digest.Digest]bool{}
	for _, m := range all {
		names = names || m.Annotations[imageName] != "" || m.Annotations[ocispec.AnnotationRefName] != ""
		digests[m.Digest] = true
	}
	switch {
	case len(all) == 0:
		return ocispec.Descriptor{}, nil, l.f.fail(fmt.Errorf("there is no image in it: %w", fs.ErrNotExist), "")
	case len(digests) == 1:
		return l.manifest(all[0])
	case names:
		return ocispec.Descriptor{}, nil, l.f.fail(errors.New("there are several images in it"), l.names())
	}
	return ocispec.Descriptor{MediaType: ocispec.MediaTypeImageIndex, Digest: digest.FromBytes(l.raw), Size: int64(len(l.raw))}, l.raw, nil
}

// names tells the names that there are, as a hint.
func (l *local) names() string {
	var names []string
	for _, m := range l.index.Manifests {
		if len(names) == 8 {
			names = append(names, "...")
			break
		}
		name := m.Annotations[imageName]
		if name == "" {
			name = m.Annotations[ocispec.AnnotationRefName]
		}
		if name == "" {
			name = m.Digest.String()
		}
		names = append(names, oneLine(name))
	}
	if len(names) == 0 {
		return ""
	}
	return "there are: " + strings.Join(names, ", ")
}

// manifest reads and verifies a manifest.
func (l *local) manifest(d ocispec.Descriptor) (ocispec.Descriptor, []byte, error) {
	where := Ref{Repository: l.f.name, Digest: d.Digest}
	raw, ok := l.made[d.Digest]
	if !ok {
		if err := d.Digest.Validate(); err != nil {
			return d, nil, l.f.fail(fmt.Errorf("the digest %s: %w", quote(d.Digest.String()), err), "")
		}
		var err error
		if raw, err = l.f.read(blobPath(d.Digest)); err != nil {
			return d, nil, l.f.fail(fmt.Errorf("manifest %s: %w", d.Digest, plain(err)), "")
		}
	}
	if got := d.Digest.Algorithm().FromBytes(raw); got != d.Digest {
		return d, nil, corrupt("reading the manifest in", l.f.name, d.Digest, got)
	}
	seen, err := describe(where, d.MediaType, raw)
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			e.Op, e.Ref = "reading", l.f.name
		}
		return d, nil, err
	}
	seen.Platform = d.Platform
	seen.Annotations = d.Annotations
	return seen, raw, nil
}

// plain returns the reason of an error without the path, which the caller says better.
func plain(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

func blobPath(d digest.Digest) string {
	return ocispec.ImageBlobsDir + "/" + d.Algorithm().String() + "/" + d.Encoded()
}

// Blob implements image.Place.
func (l *local) Blob(d ocispec.Descriptor) tree.Blob { return localBlob{l, d} }

type localBlob struct {
	l *local
	d ocispec.Descriptor
}

// Open implements tree.Blob.
func (b localBlob) Open(ctx context.Context, offset int64) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if err := checkDescriptor("reading", b.l.f.name, b.d, offset); err != nil {
		return nil, err
	}
	name, ok := b.l.at[b.d.Digest]
	if !ok {
		name = blobPath(b.d.Digest)
	}
	where := "blob " + b.d.Digest.String() + " of " + b.l.f.name
	rc, size, err := b.l.f.open(name, offset)
	if err != nil {
		kind, hint := Other, ""
		if errors.Is(err, fs.ErrNotExist) {
			kind, hint = NotFound, "the layout was made without the layers of its base image; it can be completed from the registry that has them"
		}
		return nil, &Error{Kind: kind, Op: "reading", Ref: where, Err: plain(err), hint: hint}
	}
	if size != b.d.Size {
		rc.Close()
		return nil, &Error{Kind: Corrupt, Op: "reading", Ref: where, Detail: fmt.Sprintf("expected %d bytes, got %d", b.d.Size, size),
			hint: "the file is damaged: write it again"}
	}
	rd := &reader{d: b.d, op: "reading", name: where, off: offset, cur: rc,
		pause:   func(_ int, err error) error { return err },
		connect: func() (io.ReadCloser, error) { return nil, io.ErrUnexpectedEOF }}
	if offset == 0 {
		rd.hash = b.d.Digest.Algorithm().Hash()
	}
	return rd, nil
}
