package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/casement/casement/internal/image"
	"github.com/casement/casement/internal/layer"
	"github.com/casement/casement/internal/tree"
)

// roots yields the trees to export and the directory of each: the root itself
// for one platform, a directory a platform for several, as docker buildx has
// it.
func roots(all []solved) map[string]tree.Tree {
	out := map[string]tree.Tree{}
	for _, s := range all {
		dir := ""
		if len(all) > 1 {
			dir = strings.NewReplacer("/", "_", "(", "_", ")", "").Replace(image.FormatPlatform(s.Platform))
		}
		out[dir] = s.chain.View()
	}
	return out
}

// prefetch reads what base images there are below the files in one pass a
// layer, and not in one for each file.
func prefetch(ctx context.Context, all map[string]tree.Tree) error {
	for _, t := range all {
		if err := tree.Prefetch(ctx, t, ""); err != nil {
			return err
		}
	}
	return nil
}

// writeTar writes the files of the images as a plain tar: names from the root
// of the file system, without anything that makes a layer of it.
func writeTar(ctx context.Context, w io.Writer, all []solved, epoch *time.Time) error {
	trees := roots(all)
	if err := prefetch(ctx, trees); err != nil {
		return err
	}
	var changes []tree.Change
	for dir, t := range trees {
		if dir != "" {
			changes = append(changes, tree.Change{Entry: &tree.Entry{Name: dir, Kind: tree.Dir}})
		}
		for e, err := range tree.Walk(ctx, t, "") {
			if err != nil {
				return err
			}
			changes = append(changes, tree.Change{Entry: plain(e, dir)})
		}
	}
	l := &tree.Layer{Changes: tree.NewSet(changes), Label: "files of the image"}
	plan, err := layer.Prepare(ctx, nil, l, layer.Options{Format: layer.Linux, Epoch: epoch})
	if err != nil {
		return err
	}
	_, err = plan.WriteTar(ctx, w)
	return err
}

// plain is an entry of an image as an ordinary tar has it. Owners that only
// Windows knows are left out, and junctions become symbolic links.
func plain(e *tree.Entry, dir string) *tree.Entry {
	c := *e
	c.Name = tree.Join(dir, e.Name)
	c.Link = ""
	if c.Kind == tree.Junction {
		c.Kind = tree.Symlink
	}
	if c.Unix == nil {
		c.Owner = nil
	}
	return &c
}

// writeLocal writes the files of the images into a directory. epoch, if not nil,
// is the time that they get.
func writeLocal(ctx context.Context, dest string, all []solved, epoch *time.Time) error {
	trees := roots(all)
	if err := prefetch(ctx, trees); err != nil {
		return err
	}
	if err := os.MkdirAll(dest, 0o755); err != nil {
		return err
	}
	// A root keeps hostile names and links inside the directory.
	root, err := os.OpenRoot(dest)
	if err != nil {
		return err
	}
	defer root.Close()
	for dir, t := range trees {
		if dir != "" {
			if err := root.MkdirAll(dir, 0o755); err != nil {
				return err
			}
		}
		for e, err := range tree.Walk(ctx, t, "") {
			if err != nil {
				return err
			}
			if e = plain(e, dir); epoch != nil {
				e.Times = tree.Times{Modified: *epoch}
			}
			if err := writeEntry(ctx, root, e); err != nil {
				return fmt.Errorf("writing %s: %w", e.Name, err)
			}
		}
	}
	return nil
}

func writeEntry(ctx context.Context, root *os.Root, e *tree.Entry) error {
	name := filepath.FromSlash(e.Name)
	mode := os.FileMode(0o644)
	if e.Kind == tree.Dir {
		mode = 0o755
	}
	if e.Unix != nil {
		mode = os.FileMode(e.Unix.Mode & 0o777)
	}
	switch e.Kind {
	case tree.Dir:
		// The owner has to be able to write into it until the end.
		if err := root.Mkdir(name, mode|0o700); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
		return nil
	case tree.Symlink:
		if err := root.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return root.Symlink(e.Target, name)
	case tree.File:
		return writeFile(ctx, root, name, mode, e)
	}
	return fmt.Errorf("a %s cannot be written to a directory", e.Kind)
}

func writeFile(ctx context.Context, root *os.Root, name string, mode os.FileMode, e *tree.Entry) error {
	// What is there may be a link to another file, or not be writable.
	if err := root.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer f.Close()
	if e.Content != nil {
		r, err := e.Content.Open(ctx)
		if err != nil {
			return err
		}
		defer r.Close()
		if _, err := io.Copy(f, r); err != nil {
			return err
		}
	}
	if err := f.Close(); err != nil {
		return err
	}
	if m := e.Times.Modified; !m.IsZero() {
		return root.Chtimes(name, m, m)
	}
	return nil
}
