package main

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"

	"github.com/casement/casement/internal/image"
	"github.com/casement/casement/internal/progress"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// runFiles lists the files of an image. The list is printed when it is
// complete, so that it does not mix with the display of what is read.
func runFiles(ctx context.Context, env *environment, st *store.Store, img *image.Image, ref string, f *inspectFlags, path string) error {
	files, err := readFiles(ctx, env, st, img, ref, image.ListOptions{Path: path, Layer: f.layer})
	if err != nil {
		var no *image.NoLayerError
		var bad *winmeta.PathError
		if errors.As(err, &no) || errors.As(err, &bad) {
			return &usageError{err, hintOf(err, "")}
		}
		return err
	}
	if f.json {
		enc := json.NewEncoder(env.stdout)
		enc.SetEscapeHTML(false)
		for _, file := range files {
			if err := enc.Encode(file); err != nil {
				return err
			}
		}
		return nil
	}
	windows := img.Descriptor.Platform.OS == "windows"
	t := newTable("MODE", ">SIZE", "MODIFIED", "OWNER", "NAME")
	for _, file := range files {
		t.add(fileMode(file, windows), fileSize(file), fileTime(file), visible(dash(file.Owner)), fileName(file, windows))
	}
	p := newPrinter(env.stdout, env.getenv)
	p.width = 1 << 16 // names are never cut
	p.table(t)
	return nil
}

// readFiles collects the list and shows which layers are read for it.
func readFiles(ctx context.Context, env *environment, st *store.Store, img *image.Image, ref string, o image.ListOptions) (files []image.FileReport, err error) {
	observe, done := showLayers(ctx, env, ref)
	defer func() { done(err) }()
	o.Observe = observe
	for file, err := range img.List(ctx, st, ref, o) {
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// showLayers returns a function that shows how much of which layer is read, and
// one that ends the display. Nothing appears before the first byte.
func showLayers(ctx context.Context, env *environment, ref string) (observe func(l tree.Origin, read, total int64), done func(error)) {
	var (
		mu       sync.Mutex
		recorder *progress.Recorder
		task     *progress.Task
		counters = map[string]*progress.Counter{}
	)
	observe = func(l tree.Origin, read, total int64) {
		mu.Lock()
		defer mu.Unlock()
		if recorder == nil {
			// Without a display the recorder is nil, and silent.
			recorder, _ = progress.Display(ctx, env.stderr, progress.Auto)
			task = recorder.Vertex(progress.Vertex{Name: "reading layers of " + ref})
			task.Start()
		}
		id := shortDigest(l.Descriptor.Digest.String())
		c := counters[id]
		if c == nil {
			c = task.Status(id, id)
			counters[id] = c
		}
		if c.Set(read, total); total > 0 && read >= total {
			c.Done()
		}
	}
	return observe, func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if recorder != nil {
			task.Done(err)
			recorder.Close()
		}
	}
}

// fileMode prints kind and attributes in the letters of PowerShell, or kind and
// mode in those of ls.
func fileMode(f image.FileReport, windows bool) string {
	if f.Kind == "removed" {
		return "removed"
	}
	if !windows {
		return unixMode(f)
	}
	a := winmeta.Attributes(f.Bits)
	letters := []struct {
		set bool
		as  byte
	}{
		{f.Kind == "directory" || f.Kind == "junction" || a.Has(winmeta.Directory), 'd'},
		{a.Has(winmeta.Archive), 'a'}, {a.Has(winmeta.ReadOnly), 'r'},
		{a.Has(winmeta.Hidden), 'h'}, {a.Has(winmeta.System), 's'},
		{f.Kind == "symlink" || f.Kind == "junction" || a.Has(winmeta.ReparsePoint), 'l'},
	}
	b := make([]byte, len(letters))
	for i, l := range letters {
		if b[i] = '-'; l.set {
			b[i] = l.as
		}
	}
	return string(b)
}

func unixMode(f image.FileReport) string {
	b := []byte("-rwxrwxrwx")
	if kind, ok := map[string]byte{"directory": 'd', "symlink": 'l', "device": 'b', "fifo": 'p', "socket": 's'}[f.Kind]; ok {
		b[0] = kind
	}
	for i := range 9 {
		if f.Bits&(1<<(8-i)) == 0 {
			b[1+i] = '-'
		}
	}
	for _, s := range []struct {
		bit   uint32
		at    int
		x, no byte
	}{{0o4000, 3, 's', 'S'}, {0o2000, 6, 's', 'S'}, {0o1000, 9, 't', 'T'}} {
		if f.Bits&s.bit != 0 {
			if b[s.at] == 'x' {
				b[s.at] = s.x
			} else {
				b[s.at] = s.no
			}
		}
	}
	return string(b)
}

func fileSize(f image.FileReport) string {
	if f.Kind != "file" {
		return "-"
	}
	return strconv.FormatInt(f.Size, 10)
}

func fileTime(f image.FileReport) string {
	if f.Modified == nil {
		return "-"
	}
	return f.Modified.Format("2006-01-02 15:04")
}

func fileName(f image.FileReport, windows bool) string {
	name := "/" + f.Name
	if windows {
		name = winmeta.ToWindows(f.Name)
	}
	switch {
	case f.Kind == "hard link" && windows:
		name += " => " + winmeta.ToWindows(f.Target)
	case f.Kind == "hard link":
		name += " => /" + f.Target
	case f.Target != "" && windows:
		name += " -> " + strings.ReplaceAll(f.Target, "/", `\`)
	case f.Target != "":
		name += " -> " + f.Target
	}
	return printable(name)
}
