package testbed

import (
	"archive/tar"
	"fmt"
	"io"
	"time"
)

// LayerWriter writes a tar in the layout of a Windows base layer: names below
// Files without trailing slashes, PAX headers with attributes, security
// descriptors and all four times, hard links with Files in front of their
// target. It does not sort and does not add parents: callers write entries as a
// Windows exporter would, depth first in byte order.
type LayerWriter struct {
	tw *tar.Writer
}

// NewLayerWriter starts a layer.
func NewLayerWriter(w io.Writer) *LayerWriter { return &LayerWriter{tw: tar.NewWriter(w)} }

// Security descriptors, self-relative and in base64, with full access for
// administrators and the system and read access for users: one for directories
// (with inheritance) and one for files.
const (
	dirDescriptor  = "AQAEgBQAAAAkAAAAAAAAADAAAAABAgAAAAAABSAAAAAgAgAAAQEAAAAAAAUSAAAAAgCoAAcAAAAAAxgA/wEfAAECAAAAAAAFIAAAACACAAAAAxQA/wEfAAEBAAAAAAAFEgAAAAAAGAD/AR8AAQIAAAAAAAUgAAAAIAIAAAALFAAAAAAQAQEAAAAAAAMAAAAAAAMYAKkAEgABAgAAAAAABSAAAAAhAgAAAAIYAAQAAAABAgAAAAAABSAAAAAhAgAAAAIYAAIAAAABAgAAAAAABSAAAAAhAgAA"
	fileDescriptor = "AQAEgBQAAAAkAAAAAAAAADAAAAABAgAAAAAABSAAAAAgAgAAAQEAAAAAAAUSAAAAAgBMAAMAAAAAABgA/wEfAAECAAAAAAAFIAAAACACAAAAABQA/wEfAAEBAAAAAAAFEgAAAAAAGACpABIAAQIAAAAAAAUgAAAAIQIAAA=="
)

func header(name string, t time.Time, attributes, descriptor string) *tar.Header {
	h := &tar.Header{
		Name: name, Format: tar.FormatPAX,
		ModTime: t, AccessTime: t, ChangeTime: t,
		PAXRecords: map[string]string{
			"MSWINDOWS.fileattr":      attributes,
			"LIBARCHIVE.creationtime": fmt.Sprint(t.Unix()),
		},
	}
	if descriptor != "" {
		h.PAXRecords["MSWINDOWS.rawsd"] = descriptor
	}
	return h
}

// Dir writes a directory.
func (l *LayerWriter) Dir(name string, t time.Time) error {
	h := header(name, t, "16", dirDescriptor)
	h.Typeflag, h.Mode = tar.TypeDir, 0o40000
	return l.write(h)
}

// File writes a file with size bytes of r.
func (l *LayerWriter) File(name string, t time.Time, size int64, r io.Reader) error {
	h := header(name, t, "32", fileDescriptor)
	h.Typeflag, h.Mode, h.Size = tar.TypeReg, 0o100000, size
	if err := l.write(h); err != nil {
		return err
	}
	if _, err := io.CopyN(l.tw, r, size); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

// Link writes a hard link to an earlier file. Exporters give it no descriptor.
func (l *LayerWriter) Link(name, target string, t time.Time) error {
	h := header(name, t, "32", "")
	h.Typeflag, h.Linkname, h.Mode = tar.TypeLink, target, 0o644
	return l.write(h)
}

// Close writes the end of the tar.
func (l *LayerWriter) Close() error {
	if err := l.tw.Close(); err != nil {
		return fmt.Errorf("ending the layer: %w", err)
	}
	return nil
}

func (l *LayerWriter) write(h *tar.Header) error {
	if err := l.tw.WriteHeader(h); err != nil {
		return fmt.Errorf("writing the header of %s: %w", h.Name, err)
	}
	return nil
}
