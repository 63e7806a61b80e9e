package registry

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/image"
)

// Form is how an image lies in the file system.
type Form uint8

// The forms of images in files.
const (
	OCIDir    Form = 1 + iota // an OCI image layout, a directory
	OCITar                    // an OCI image layout in a tar
	DockerTar                 // what docker save wrote before it wrote OCI layouts too
)

// String returns the form in words.
func (f Form) String() string {
	switch f {
	case OCIDir:
		return "OCI layout"
	case OCITar:
		return "OCI layout in a tar"
	case DockerTar:
		return "docker archive"
	}
	return "unknown"
}

// Detect tells what the file or directory holds. An archive of docker save that
// is an OCI layout as well counts as that.
func Detect(name string) (Form, error) {
	f, err := openFiles(name)
	if err != nil {
		return 0, err
	}
	return f.form()
}

// Open opens whatever Detect finds.
func Open(name string) (image.Place, error) {
	form, err := Detect(name)
	if err != nil {
		return nil, err
	}
	if form == DockerTar {
		return OpenArchive(name)
	}
	return OpenLayout(name)
}

// files are the files of a directory or a tar, by slash-separated names.
type files struct {
	name string // what the user called it
	dir  bool
	tar  map[string]span
}

// span is where a file lies in a tar.
type span struct {
	off, size int64
	link      string // instead, the name of another file
}

// maxFiles is how many files a tar of images may have. It bounds the memory that
// looking into some other tar costs.
const maxFiles = 1 << 18

// openFiles finds the files. No file stays open: the names and places are enough.
func openFiles(name string) (*files, error) {
	fi, err := os.Stat(name)
	if err != nil {
		if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, &Error{Kind: Other, Op: "reading the image", Ref: name, Err: err}
	}
	f := &files{name: name, dir: fi.IsDir()}
	if f.dir {
		return f, nil
	}
	t, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading an image: %w", err)
	}
	defer t.Close()
	if err := refuseCompressed(t, name); err != nil {
		return nil, err
	}
	f.tar, err = scanTar(t)
	if err != nil {
		return nil, f.fail(fmt.Errorf("this is no tar of an image: %w", err), "")
	}
	return f, nil
}

func (f *files) fail(err error, hint string) *Error {
	kind := Invalid
	if errors.Is(err, fs.ErrNotExist) {
		kind = NotFound
	}
	return &Error{Kind: kind, Op: "reading", Ref: f.name, Err: err, hint: hint}
}

func refuseCompressed(t *os.File, name string) error {
	head := make([]byte, 4)
	n, _ := t.ReadAt(head, 0)
	for kind, magic := range map[string]string{"gzip": "\x1f\x8b", "zstd": "\x28\xb5\x2f\xfd", "xz": "\xfd7zX", "bzip2": "BZh"} {
		if bytes.HasPrefix(head[:n], []byte(magic)) {
			return &Error{Kind: Invalid, Op: "reading", Ref: name, Err: errors.New("the tar is compressed with " + kind),
				hint: "decompress it: images are read from the middle of the file"}
		}
	}
	return nil
}

// scanTar returns the places of the regular files. The contents are skipped by
// seeking, so the size of the tar does not matter.
func scanTar(t io.ReadSeeker) (map[string]span, error) {
	found := map[string]span{}
	tr := tar.NewReader(t)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
		switch h.Typeflag {
		case tar.TypeReg:
			off, err := t.Seek(0, io.SeekCurrent)
			if err != nil {
				return nil, err
			}
			if len(h.PAXRecords["GNU.sparse.major"]) > 0 {
				continue // its bytes are not in one piece; nobody writes images so
			}
			found[name] = span{off: off, size: h.Size}
		case tar.TypeSymlink:
			found[name] = span{link: strings.TrimPrefix(path.Clean("/"+path.Join(path.Dir(name), h.Linkname)), "/")}
		case tar.TypeLink:
			found[name] = span{link: strings.TrimPrefix(path.Clean("/"+h.Linkname), "/")}
		}
		if len(found) > maxFiles {
			return nil, errors.New("it has too many files")
		}
	}
}

// form tells what the files are.
func (f *files) form() (Form, error) {
	switch {
	case f.dir && f.has(ocispec.ImageIndexFile):
		return OCIDir, nil
	case f.has(ocispec.ImageLayoutFile) && f.has(ocispec.ImageIndexFile):
		return OCITar, nil
	case !f.dir && f.has("manifest.json"):
		return DockerTar, nil
	case f.dir:
		return 0, f.fail(errors.New("the directory is no OCI image layout: it has no index.json"), "")
	}
	return 0, f.fail(errors.New("the file is neither an OCI image layout nor a docker archive"), "")
}

func (f *files) has(name string) bool {
	rc, _, err := f.open(name, 0)
	if err != nil {
		return false
	}
	rc.Close()
	return true
}

// open returns a file from off on, and its whole size.
func (f *files) open(name string, off int64) (io.ReadCloser, int64, error) {
	if f.dir {
		return openAt(filepath.Join(f.name, filepath.FromSlash(name)), off)
	}
	s, ok := f.tar[name]
	for range 8 {
		if s.link == "" {
			break
		}
		s, ok = f.tar[s.link]
	}
	if !ok || s.link != "" {
		return nil, 0, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	t, err := os.Open(f.name)
	if err != nil {
		return nil, 0, err
	}
	off = min(off, s.size)
	return section{io.NewSectionReader(t, s.off+off, s.size-off), t}, s.size, nil
}

func openAt(name string, off int64) (io.ReadCloser, int64, error) {
	t, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	fi, err := t.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: name, Err: errors.New("not a file")}
	}
	if err == nil {
		_, err = t.Seek(off, io.SeekStart)
	}
	if err != nil {
		t.Close()
		return nil, 0, err
	}
	return t, fi.Size(), nil
}

// section is a part of a file that closes the file.
type section struct {
	io.Reader
	io.Closer
}

// read returns a small file.
func (f *files) read(name string) ([]byte, error) {
	rc, size, err := f.open(name, 0)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	if size > maxManifest {
		return nil, fmt.Errorf("%s has %d bytes, which is too much", name, size)
	}
	return io.ReadAll(io.LimitReader(rc, maxManifest))
}
