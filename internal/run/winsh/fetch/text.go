package fetch

import (
	"bytes"
	"errors"
	"io"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// textWriter is a stream in the text mode of the C runtime: line feeds become
// carriage return and line feed.
type textWriter struct{ w io.Writer }

func (t textWriter) Write(p []byte) (int, error) {
	if bytes.IndexByte(p, '\n') < 0 {
		return t.w.Write(p)
	}
	if _, err := t.w.Write(bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n"))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// strerror is the C runtime's text for what a Windows function failed with.
func strerror(err error) string {
	switch machine.CodeOf(err) {
	case machine.ErrorFileNotFound, machine.ErrorPathNotFound, machine.ErrorBadNetPath, 67, 161, 206, 18, 15:
		return "No such file or directory"
	case machine.ErrorAccessDenied, machine.ErrorSharingViolation, 33, 19, 16, 65, 108, 158:
		return "Permission denied"
	case machine.ErrorFileExists, machine.ErrorAlreadyExists:
		return "File exists"
	case machine.ErrorDirNotEmpty:
		return "Directory not empty"
	case 112:
		return "No space left on device"
	}
	return "Invalid argument"
}

// windowsError reports whether an error is one that Windows reports to a
// program, which says so and goes on, and not one that ends the step.
func windowsError(err error) bool {
	var e *machine.Error
	return errors.As(err, &e)
}
