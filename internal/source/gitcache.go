package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A GitItem is something that [Git] keeps between builds: a fetched repository,
// or the files of a commit.
type GitItem struct {
	Name string // below GitOptions.Dir
	Size int64
	Used time.Time // last
}

// removedPrefix begins the names of what is being removed. A process that is
// killed in between leaves something that nobody takes for a whole repository.
const removedPrefix = "removed-"

// Cached lists what is kept, least recently used first. Other processes may
// change it meanwhile.
func (g *Git) Cached(ctx context.Context) ([]GitItem, error) {
	out, err := g.items()
	for i := range out {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		out[i].Size = diskUse(filepath.Join(g.o.Dir, filepath.FromSlash(out[i].Name)))
	}
	return out, err
}

// Expire removes what nobody has used since the time unused. It is cheap if that
// is nothing.
func (g *Git) Expire(ctx context.Context, unused time.Time) error {
	list, err := g.items()
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(it GitItem) bool { return !it.Used.Before(unused) })
	_, err = g.Remove(ctx, list, unused)
	return err
}

// items is Cached without sizes.
func (g *Git) items() ([]GitItem, error) {
	var out []GitItem
	for _, kind := range []string{"remotes", "trees"} {
		list, err := os.ReadDir(filepath.Join(g.o.Dir, kind))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("listing git repositories: %w", err)
		}
		for _, d := range list {
			if fi, err := d.Info(); err == nil {
				out = append(out, GitItem{Name: kind + "/" + d.Name(), Used: fi.ModTime()})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b GitItem) int { return a.Used.Compare(b.Used) })
	return out, nil
}

// Remove removes those of the items that nobody has used since the time unused,
// and returns them. Give it the start of the oldest build that runs: builds
// read what they have used until they end.
func (g *Git) Remove(ctx context.Context, items []GitItem, unused time.Time) ([]GitItem, error) {
	var gone []GitItem
	for _, it := range items {
		ok, err := g.remove(ctx, it, unused)
		if err != nil {
			return gone, fmt.Errorf("removing git repositories: %w", err)
		}
		if ok {
			gone = append(gone, it)
		}
	}
	return gone, nil
}

// lockPatience is how long a removal waits for who uses a repository right now.
const lockPatience = 100 * time.Millisecond

func (g *Git) remove(ctx context.Context, it GitItem, unused time.Time) (bool, error) {
	kind, name, _ := strings.Cut(it.Name, "/")
	within, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	unlock, err := g.lock(within, strings.TrimSuffix(kind, "s")+"-"+strings.TrimSuffix(name, ".git"))
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return false, nil // in use
	}
	if err != nil {
		return false, err
	}
	defer unlock()
	full := filepath.Join(g.o.Dir, kind, name)
	fi, err := os.Lstat(full)
	if err != nil || !fi.ModTime().Before(unused) {
		return false, nil // gone meanwhile, or in use
	}
	away := filepath.Join(g.o.Dir, kind, removedPrefix+strings.TrimPrefix(name, removedPrefix))
	if away != full {
		if err := os.RemoveAll(away); err != nil {
			return false, err
		}
		if err := os.Rename(full, away); err != nil {
			return false, err
		}
	}
	return true, os.RemoveAll(away)
}

// diskUse returns the bytes of all files below dir.
func diskUse(dir string) (size int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if fi, err := d.Info(); err == nil {
				size += fi.Size()
			}
		}
		return nil
	})
	return size
}
