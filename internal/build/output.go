package build

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/registry"
)

// Output is where an image goes: one value of --output.
type Output struct {
	// Type is registry, oci, docker, tar or local.
	Type string
	// Dest is a file or a directory; "-" is Writer.
	Dest string
	// Writer takes what goes to standard output.
	Writer io.Writer
	// Sealed leaves the base image's layers out of an OCI layout.
	Sealed bool
	// AsDir writes an OCI layout as a directory and not as a tar.
	AsDir bool
	// Overwrite lets a local output go into a directory that has files.
	Overwrite bool
}

// ParseOutput reads a value of --output as docker buildx has it:
// "type=TYPE[,dest=PATH]…", or a path alone for a local directory, or "-" for
// a tar on standard output.
func ParseOutput(s string) (Output, error) {
	fields, err := csv.NewReader(strings.NewReader(s)).Read()
	if err != nil {
		return Output{}, &UsageError{fmt.Sprintf("output %q cannot be read: %v", s, err), outputHint}
	}
	if len(fields) == 1 && !strings.Contains(s, "=") {
		if s == "-" {
			return Output{Type: "tar", Dest: "-"}, nil
		}
		return Output{Type: "local", Dest: s}, nil
	}
	var o Output
	for _, f := range fields {
		key, value, _ := strings.Cut(f, "=")
		if err := o.set(strings.TrimSpace(key), value); err != nil {
			return Output{}, &UsageError{fmt.Sprintf("output %q: %v", s, err), outputHint}
		}
	}
	return o, o.check(s)
}

const outputHint = "for example --output type=oci,dest=image.tar or --output type=registry"

func (o *Output) set(key, value string) error {
	isTrue := value == "" || value == "true" || value == "1"
	switch key {
	case "type":
		o.Type = value
	case "dest":
		o.Dest = value
	case "tar":
		o.AsDir = !isTrue
	case "sealed":
		o.Sealed = isTrue
	case "overwrite":
		o.Overwrite = isTrue
	case "push":
		if !isTrue {
			return errors.New("push=false means no output")
		}
	default:
		return fmt.Errorf("%q is not an attribute that casement knows", key)
	}
	return nil
}

func (o *Output) check(s string) error {
	switch o.Type {
	case "image":
		o.Type = "registry"
	case "registry":
		if o.Dest != "" {
			return &UsageError{fmt.Sprintf("output %q: a registry has no dest", s), "name the image by --tag"}
		}
	case "oci", "docker", "tar", "local":
		if o.Dest == "" && o.Type != "local" {
			o.Dest = "-"
		}
		if o.Dest == "" {
			return &UsageError{fmt.Sprintf("output %q has no dest", s), "add dest=DIRECTORY"}
		}
	case "":
		return &UsageError{fmt.Sprintf("output %q has no type", s), outputHint}
	default:
		return &UsageError{fmt.Sprintf("output type %q is not known", o.Type), "types are registry, oci, docker, tar and local"}
	}
	return nil
}

// checkOutputs finds what would fail at the end of a build before it begins.
func checkOutputs(outputs []Output, refs []registry.Ref) error {
	stdout := 0
	for _, o := range outputs {
		if o.Dest == "-" {
			stdout++
		}
		if o.Type == "registry" && len(refs) == 0 {
			return &UsageError{"pushing needs a name for the image", "add --tag REGISTRY/NAME:TAG"}
		}
		if o.Sealed && o.Type != "oci" {
			return &UsageError{"only an OCI layout can be written without base layers", "use --output type=oci with sealed=true"}
		}
		if err := o.checkDest(); err != nil {
			return err
		}
	}
	if stdout > 1 {
		return &UsageError{"two outputs cannot both go to standard output", "give them files by dest=PATH"}
	}
	return nil
}

// checkDest refuses a destination that would lose something.
func (o Output) checkDest() error {
	if o.Dest == "-" || o.Dest == "" {
		return nil
	}
	fi, err := os.Stat(o.Dest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &outputError{o.Dest, err}
	}
	switch {
	case o.Type == "local" && !fi.IsDir():
		return &ExistsError{o.Dest, "is a file", "name a directory"}
	case o.Type == "local" && !o.Overwrite:
		if list, err := os.ReadDir(o.Dest); err != nil || len(list) > 0 {
			return &ExistsError{o.Dest, "is not empty", "name a new directory, or add overwrite=true to write into it"}
		}
	case o.Type == "oci" && o.AsDir && !fi.IsDir():
		return &ExistsError{o.Dest, "is a file", "name a directory, or leave out tar=false"}
	case o.Type == "oci" && o.AsDir && foreign(o.Dest):
		return &ExistsError{o.Dest, "has something else than an OCI layout in it", "name a new directory, an empty one, or an OCI layout"}
	case o.Type != "local" && fi.IsDir() && !(o.Type == "oci" && o.AsDir):
		return &ExistsError{o.Dest, "is a directory", "name a file; an OCI layout as a directory is type=oci,tar=false"}
	}
	return nil
}

// foreign reports whether a directory has files and is no OCI layout.
func foreign(dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, ocispec.ImageIndexFile)); err == nil {
		return false
	}
	list, err := os.ReadDir(dir)
	return err == nil && len(list) > 0
}

// outputError is a fault of writing an output.
type outputError struct {
	dest string
	err  error
}

// Error says what could not be written, and why. Names of temporary files mean
// nothing to users.
func (e *outputError) Error() string {
	text, prefix := e.err.Error(), "writing "+e.dest
	var pe *fs.PathError
	var le *os.LinkError
	switch {
	case errors.As(e.err, &pe):
		text = strings.Replace(text, pe.Error(), pe.Err.Error(), 1)
	case errors.As(e.err, &le):
		text = strings.Replace(text, le.Error(), le.Err.Error(), 1)
	}
	text = strings.TrimPrefix(text, "writing an image: ")
	if strings.HasPrefix(text, prefix) {
		return text
	}
	return prefix + ": " + text
}

// Unwrap returns the cause.
func (e *outputError) Unwrap() error { return e.err }

// Hint says how to go on.
func (e *outputError) Hint() string {
	var h interface{ Hint() string }
	var pe *fs.PathError
	switch {
	case errors.As(e.err, &h):
		return h.Hint()
	case errors.Is(e.err, fs.ErrPermission):
		return "name a place that you can write"
	case errors.As(e.err, &pe):
		return "nothing is left half-written there; make room, or name another place"
	}
	return ""
}

// ExistsError says that an output would overwrite something.
type ExistsError struct {
	Path, Problem, Advice string
}

// Error implements error.
func (e *ExistsError) Error() string { return fmt.Sprintf("output %s %s", e.Path, e.Problem) }

// Hint says how to go on.
func (e *ExistsError) Hint() string { return e.Advice }

// Is makes the error match fs.ErrExist.
func (e *ExistsError) Is(target error) bool { return target == fs.ErrExist }
