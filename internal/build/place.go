package build

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/casement/casement/internal/image"
	"github.com/casement/casement/internal/registry"
)

// Prefixes of what names an image in another place than a registry, or says that
// it is in one.
const (
	layoutPrefix = "oci-layout://"
	shortLayout  = "oci:"
	imagePrefix  = "docker-image://"
)

// OpenImage finds what people call an image on the command line: a reference, or
// an archive or a layout of this computer. An existing file is an archive; a
// directory needs oci: or a path that cannot be a reference.
func OpenImage(ctx context.Context, arg string, t Tools) (image.Place, string, error) {
	ref, err := imageRef(arg)
	if err != nil {
		return nil, "", err
	}
	if image.IsHostProcess(ref) {
		img, _, err := image.HostProcess(ctx, t.Store, "amd64")
		if err != nil {
			return nil, "", err
		}
		return img.Place(), "", nil
	}
	return newImages(t).place(ctx, ref)
}

// imageRef returns what people call an image as the graph has it: a whole
// reference, or "oci-layout://PATH" with a tag or a digest.
func imageRef(arg string) (string, error) {
	for _, p := range []string{layoutPrefix, shortLayout} {
		if path, ok := strings.CutPrefix(arg, p); ok {
			return layoutPrefix + path, nil
		}
	}
	name := strings.TrimPrefix(arg, imagePrefix)
	fi, err := os.Stat(arg)
	if err == nil && fi.Mode().IsRegular() || looksLikePath(arg) {
		return layoutPrefix + arg, nil
	}
	ref, perr := registry.Parse(name)
	if perr != nil {
		advice := hint(perr)
		if err == nil {
			advice = "for the directory, say oci:" + arg
		}
		return "", &UsageError{perr.Error(), advice}
	}
	return ref.String(), nil
}

func looksLikePath(arg string) bool {
	return arg == "." || arg == ".." || strings.HasPrefix(arg, "./") || strings.HasPrefix(arg, "../") ||
		filepath.IsAbs(arg) || strings.Contains(arg, `\`) || strings.HasSuffix(arg, ".tar")
}

// AboutImage adds to an error about a reference that the directory of that name
// has an image.
func AboutImage(arg string, err error) error {
	if err == nil || looksLikePath(arg) {
		return err
	}
	if _, serr := os.Stat(filepath.Join(arg, "oci-layout")); serr != nil {
		return err
	}
	return &layoutError{err, arg}
}

// layoutError is an error about a reference that is the name of a layout, too.
type layoutError struct {
	error
	dir string
}

// Unwrap returns the error about the reference.
func (e *layoutError) Unwrap() error { return e.error }

// Hint says how to name the layout.
func (e *layoutError) Hint() string { return "for the OCI layout in the directory, say oci:" + e.dir }

// openLayout opens "PATH", "PATH:TAG" or "PATH@DIGEST": an OCI layout in a
// directory or a tar, or an archive of docker save.
func openLayout(text string) (image.Place, string, error) {
	path, which := cutDigest(text)
	path, tag := cutTag(path)
	if which == "" {
		which = tag
	}
	if path == "" {
		return nil, "", &UsageError{fmt.Sprintf("%s%s names no directory and no file", layoutPrefix, text), "for example " + layoutPrefix + "dist"}
	}
	p, err := registry.Open(path)
	return p, which, err
}

// cutDigest splits "name@sha256:…". Directories may have an @ of their own.
func cutDigest(ref string) (name, digest string) {
	if i := strings.LastIndex(ref, "@sha256:"); i >= 0 {
		return ref[:i], ref[i+1:]
	}
	return ref, ""
}

// cutTag takes the tag off a path, unless the path exists with it or only the
// letter of a drive would be left.
func cutTag(name string) (path, tag string) {
	i := strings.LastIndexByte(name, ':')
	if i <= len(filepath.VolumeName(name)) || strings.ContainsAny(name[i:], `/\`) {
		return name, ""
	}
	if _, err := os.Stat(name); err == nil {
		return name, ""
	}
	return name[:i], name[i+1:]
}
