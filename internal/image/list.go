package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// FileReport is one line of a listing. Its JSON form is an interface of the
// program, as that of [Report].
type FileReport struct {
	// Name is the full name, with slashes and without one in front.
	Name string `json:"name"`
	// Kind is file, directory, symlink, junction, hard link, device, fifo,
	// socket or, in the listing of a single layer, removed.
	Kind     string     `json:"kind"`
	Size     int64      `json:"size"`
	Modified *time.Time `json:"modified,omitempty"`
	// Target is where a link points.
	Target string `json:"target,omitempty"`
	// Owner is an account of Windows by name, or its SID, or "uid:gid".
	Owner string `json:"owner,omitempty"`
	// Attributes are those of Windows, as "archive|hidden".
	Attributes string `json:"attributes,omitempty"`
	// Mode is that of Linux, in octal.
	Mode string `json:"mode,omitempty"`
	// Bits are the numbers behind Attributes or Mode.
	Bits uint32 `json:"-"`
}

// ListOptions says what to list. The zero value lists the whole image.
type ListOptions struct {
	// Path limits the list to a file, or a directory with all that is in it.
	// It is a Windows path or one with slashes.
	Path string
	// Layer lists only this layer, counted from 1; 0 is the merged view.
	Layer int
	// Observe hears how much of a layer has been read; may be nil.
	Observe func(l tree.Origin, read, total int64)
}

// List yields the files of an image. It reads layers: those that it needs, and
// those that the store knows not again. ref names the image in errors.
func (img *Image) List(ctx context.Context, st *store.Store, ref string, o ListOptions) iter.Seq2[FileReport, error] {
	return func(yield func(FileReport, error) bool) {
		fail := func(err error) { yield(FileReport{}, err) }
		chain := img.Chain(st, ref, o.Observe)
		path, err := listPath(o.Path, chain.Folds())
		if err != nil {
			fail(err)
			return
		}
		if o.Layer == 0 {
			listView(ctx, chain.View(), ref, path, yield)
			return
		}
		layers := chain.Layers()
		if o.Layer < 0 || o.Layer > len(layers) {
			fail(&NoLayerError{Ref: ref, Layer: o.Layer, Have: len(layers)})
			return
		}
		where := fmt.Sprintf("layer %d of %s", o.Layer, ref)
		listLayer(ctx, layers[o.Layer-1].Changes, where, path, chain.Folds(), yield)
	}
}

// NoLayerError says that an image does not have a layer of that number.
type NoLayerError struct {
	Ref         string
	Layer, Have int
}

// Error implements error.
func (e *NoLayerError) Error() string {
	return fmt.Sprintf("%s has no layer %d", e.Ref, e.Layer)
}

// Hint says which layers there are.
func (e *NoLayerError) Hint() string {
	if e.Have == 0 {
		return "it has no layers at all"
	}
	return fmt.Sprintf("its layers are 1 (the oldest) to %d", e.Have)
}

// listPath turns a path as users write it into a name.
func listPath(p string, windows bool) (string, error) {
	if windows {
		return winmeta.ToSlash(p)
	}
	return tree.Clean(p), nil
}

func listView(ctx context.Context, t tree.Tree, ref, path string, yield func(FileReport, error) bool) {
	dir := path
	if path != "" {
		name, e, err := tree.Resolve(ctx, t, path, false)
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				err = fmt.Errorf("%s has no file /%s: %w", ref, path, fs.ErrNotExist)
			}
			yield(FileReport{}, err)
			return
		}
		if !yield(reportEntry(e), nil) || e.Kind != tree.Dir {
			return
		}
		dir = name
	}
	for e, err := range tree.Walk(ctx, t, dir) {
		if err != nil {
			yield(FileReport{}, err)
			return
		}
		if !yield(reportEntry(e), nil) {
			return
		}
	}
}

func listLayer(ctx context.Context, c tree.Changes, where, path string, fold bool, yield func(FileReport, error) bool) {
	found := path == ""
	for ch, err := range c.All(ctx) {
		if err != nil {
			yield(FileReport{}, err)
			return
		}
		if ch.Name() == "" || !within(ch.Name(), path, fold) {
			continue
		}
		found = true
		r := FileReport{Name: ch.Removed, Kind: "removed"}
		if ch.Entry != nil {
			r = reportEntry(ch.Entry)
		}
		if !yield(r, nil) {
			return
		}
	}
	if !found {
		yield(FileReport{}, fmt.Errorf("%s says nothing of /%s: %w", where, path, fs.ErrNotExist))
	}
}

// within reports whether name is dir or below it.
func within(name, dir string, fold bool) bool {
	if fold {
		name, dir = tree.Fold(name), tree.Fold(dir)
	}
	return dir == "" || name == dir || strings.HasPrefix(name, dir+"/")
}

// reportEntry describes an entry.
func reportEntry(e *tree.Entry) FileReport {
	r := FileReport{Name: e.Name, Kind: e.Kind.String(), Size: e.Size, Target: e.Target}
	if t := e.Times.Modified; !t.IsZero() {
		t = t.UTC()
		r.Modified = &t
	}
	switch {
	case e.Windows != nil:
		r.Bits = e.Windows.Attributes
		r.Attributes = winmeta.Attributes(r.Bits).String()
		r.Owner = ownerOf(e.Windows.Descriptor)
	case e.Unix != nil:
		r.Bits = e.Unix.Mode
		r.Mode = fmt.Sprintf("%04o", r.Bits)
		r.Owner = strconv.Itoa(e.Unix.UID) + ":" + strconv.Itoa(e.Unix.GID)
	}
	return r
}

// ownerOf returns the owner that a security descriptor names: by its name if
// it is the same in every Windows, else by its SID.
func ownerOf(descriptor []byte) string {
	d, err := winmeta.ParseDescriptor(descriptor)
	if err != nil {
		return "" // a listing is no place to fail for it
	}
	if name, ok := winmeta.AccountName(d.Owner); ok {
		return name
	}
	return string(d.Owner)
}
