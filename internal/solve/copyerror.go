package solve

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/tree"
)

// NotFoundError says that a source of COPY or ADD does not exist.
type NotFoundError struct {
	// Path is the source as written.
	Path string
	// Similar are names beside it that could be meant.
	Similar []string
	// Target is where the source points if it is a link to nothing.
	Target string
	// Outside says that the Dockerfile has a path that goes up, Ignored that the
	// source is there but an ignore file excludes it.
	Outside, Ignored bool
}

// Error implements error.
func (e *NotFoundError) Error() string {
	if e.Target != "" {
		return fmt.Sprintf("%q is a link to %q, where nothing is", strings.TrimPrefix(e.Path, "/"), e.Target)
	}
	return fmt.Sprintf("%q is not there to be copied", strings.TrimPrefix(e.Path, "/"))
}

// Is makes the error match fs.ErrNotExist.
func (e *NotFoundError) Is(target error) bool { return target == fs.ErrNotExist }

// Hint says where to look.
func (e *NotFoundError) Hint() string {
	if e.Target != "" {
		return "links lead nowhere outside of what is copied from; put the file itself there, or copy the directory that has the link"
	}
	if e.Ignored {
		return "it is in the build context, but .dockerignore excludes it"
	}
	if len(e.Similar) > 0 {
		return "did you mean " + strings.Join(e.Similar, " or ") + "?"
	}
	if e.Outside {
		return "../ does not lead out of the build context: take a directory further up as the context, or --build-context"
	}
	return "the path is relative to the build context (or the stage of --from); .dockerignore may exclude it"
}

// notFound says what is wrong with a source that does not exist.
func (w *copier) notFound(ctx context.Context, name string) error {
	if e, err := w.from.Lookup(ctx, name); err == nil && (e.Kind == tree.Symlink || e.Kind == tree.Junction) {
		return &NotFoundError{Path: w.op.Src, Target: e.Target}
	}
	return &NotFoundError{Path: w.op.Src, Similar: similar(ctx, w.from, name)}
}

// kindError is the refusal to put an entry in place of another kind.
func kindError(kind tree.Kind, have *tree.Entry) error {
	if have == nil {
		have = &tree.Entry{Kind: tree.Dir}
	}
	return &hintError{fmt.Errorf("copying a %s onto /%s, which is a %s", kind, have.Name, have.Kind), "copy to another name, or remove what is there first"}
}
