package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
)

// UnzipOptions adjust [Unzip]. The zero value is ExtractToDirectory of .NET
// Framework: what exists stays, and is an error.
type UnzipOptions struct {
	// Overwrite replaces files that exist.
	Overwrite bool
	// Sanitize makes "_" of characters that names cannot have, as .NET does;
	// .NET Framework fails with an error of the file system.
	Sanitize bool
}

// Unzip extracts all of an archive to a directory, which it makes, in the order
// of the archive and with all processors. The first error ends it, and what was
// extracted before stays: a *[FormatError] about the archive, or a
// *machine.Error with the path that could not be written.
func Unzip(ctx context.Context, fsys *machine.FS, z *Zip, dest string, o UnzipOptions) error {
	if err := fsys.MkdirAll(ctx, dest); err != nil {
		return err
	}
	entries := make([]*ZipEntry, len(z.Entries))
	for i := range z.Entries {
		entries[i] = &z.Entries[i]
	}
	w := EntryWriter{FS: fsys}
	return z.Each(ctx, entries, func(e *ZipEntry, r io.Reader) error {
		full, err := Place(dest, e.Name, o.Sanitize)
		if err != nil {
			return err
		}
		if strings.HasSuffix(e.Name, "/") || strings.HasSuffix(e.Name, `\`) {
			if e.Size != 0 {
				return formatError(ErrCorrupt, "Zip entry name ends in directory separator character but contains data.")
			}
			return w.Dir(ctx, full)
		}
		return w.File(ctx, full, e, r, o.Overwrite)
	})
}

// Place returns the full path that an entry has below a directory (a full path
// itself). A name that leads out of it gives an error that matches [ErrOutside].
func Place(dest, name string, sanitize bool) (string, error) {
	name = strings.ReplaceAll(name, "/", `\`)
	if sanitize {
		name = strings.Map(func(r rune) rune {
			if r < 0x20 || strings.ContainsRune(`"<>|:*?`, r) {
				return '_'
			}
			return r
		}, name)
	}
	full, err := machine.Full(dest, name)
	if err != nil {
		return "", err
	}
	root := strings.TrimRight(dest, `\`)
	if len(full) < len(root) || !strings.EqualFold(full[:len(root)], root) ||
		len(full) > len(root) && full[len(root)] != '\\' {
		return "", formatError(ErrOutside,
			"Extracting Zip entry would have resulted in a file outside the specified destination directory.")
	}
	return full, nil
}

// EntryWriter writes entries one after the other, and remembers which
// directories are there. Its zero value with an FS is ready.
type EntryWriter struct {
	FS   *machine.FS
	last string // the directory of the last file
}

// Dir makes a directory and those above it.
func (w *EntryWriter) Dir(ctx context.Context, full string) error {
	return w.FS.MkdirAll(ctx, full)
}

// File writes a file with the time of its entry, and the directories above it.
func (w *EntryWriter) File(ctx context.Context, full string, e *ZipEntry, r io.Reader, overwrite bool) error {
	if dir := full[:max(strings.LastIndexByte(full, '\\'), 3)]; dir != w.last {
		if err := w.FS.MkdirAll(ctx, dir); err != nil {
			return err
		}
		w.last = dir
	}
	f, err := w.FS.Create(ctx, full, machine.CreateOptions{New: !overwrite, Times: tree.Times{Modified: e.DOSTime}})
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("extracting %s: %w", e.Name, err)
	}
	return nil
}
