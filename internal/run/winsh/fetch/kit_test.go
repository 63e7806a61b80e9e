package fetch

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func clock() time.Time { return time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC) }

// box is a machine with the programs of this package.
type box struct {
	*machine.Machine
	t testing.TB
}

func newBox(t testing.TB, o machine.Options) *box {
	t.Helper()
	o.Root = tree.NewChain(ocispec.Platform{OS: "windows", Architecture: "amd64"})
	o.Now = clock
	o.Programs = Programs()
	if o.Network == nil {
		n := NewNetwork(&http.Transport{})
		t.Cleanup(n.CloseIdleConnections)
		o.Network = n
	}
	m, err := machine.New(o)
	if err != nil {
		t.Fatal(err)
	}
	b := &box{m, t}
	if err := m.FS().MkdirAll(t.Context(), `C:\w`); err != nil {
		t.Fatal(err)
	}
	return b
}

// run runs a command line in C:\w and returns its output and exit code.
func (b *box) run(line string) (stdout, stderr string, code int) {
	b.t.Helper()
	stdout, stderr, code, err := b.try(line, "")
	if err != nil {
		b.t.Fatalf("%s: %v", line, err)
	}
	return stdout, stderr, code
}

func (b *box) try(line, stdin string) (stdout, stderr string, code int, err error) {
	b.t.Helper()
	var out, errs bytes.Buffer
	p := b.Process(line, `C:\w`, &out, &errs)
	p.Stdin = strings.NewReader(stdin)
	prog := Programs()[p.Args[0]]
	var args []machine.Arg
	for _, a := range p.Args[1:] {
		args = append(args, machine.Arg{Text: a})
	}
	if err := prog.Check(b.t.Context(), &machine.Checking{Machine: b.Machine}, args); err != nil {
		return "", "", 0, err
	}
	code, err = prog.Run(b.t.Context(), p)
	return out.String(), errs.String(), code, err
}

// refused runs a line that must be refused, and returns the construct.
func (b *box) refused(line string) string {
	b.t.Helper()
	_, _, _, err := b.try(line, "")
	var r *run.RefusedError
	if !errors.As(err, &r) {
		b.t.Fatalf("%s: %v, want a refusal", line, err)
	}
	if strings.HasSuffix(r.Reason, ".") || r.Way == "" {
		b.t.Errorf("%s: refusal %+v lacks a way or has a full stop", line, r)
	}
	return r.Construct
}

func (b *box) write(name, text string) {
	b.t.Helper()
	if err := b.FS().WriteFile(b.t.Context(), name, []byte(text)); err != nil {
		b.t.Fatal(err)
	}
}

func (b *box) read(name string) string {
	b.t.Helper()
	text, err := b.FS().ReadFile(b.t.Context(), name, 1<<30)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

// list shows what is below a directory: "dir\", "file=content", "link->target",
// with "@time" for times that were set.
func (b *box) list(dir string) string {
	b.t.Helper()
	var lines []string
	err := b.FS().Walk(context.Background(), dir, func(i *machine.Info) error {
		name := strings.TrimPrefix(i.Path, dir+`\`)
		switch {
		case i.IsLink():
			kind := "->"
			if i.IsDir() {
				kind = "=>"
			}
			name += kind + i.Target
		case i.IsDir():
			name += `\`
		default:
			text := b.read(i.Path)
			if len(text) > 40 {
				text = fmt.Sprintf("%d bytes", len(text))
			}
			name += "=" + text
		}
		if at := i.Times.Modified; !at.Equal(clock()) && !i.IsLink() {
			name += "@" + at.UTC().Format("2006-01-02T15:04:05")
		}
		if a := i.Attributes.String(); strings.Contains(a, "readonly") {
			name += " (readonly)"
		}
		lines = append(lines, name)
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// tarOf makes a tar of headers; Linkname-less regular ones have their Uname as
// content.
func tarOf(t testing.TB, headers ...tar.Header) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		text := h.Uname
		h.Uname = ""
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(text))
		}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		if h.ModTime.IsZero() {
			h.ModTime = time.Date(2020, 1, 2, 3, 4, 6, 0, time.UTC)
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			w.Write([]byte(text))
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// zipEntry is an entry of zipOf.
type zipEntry struct {
	name, text string
	method     uint16
	change     func(*zip.FileHeader)
}

// zipOf makes a zip with the DOS time 2021-06-05 04:03:02.
func zipOf(t testing.TB, entries ...zipEntry) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: e.method}
		stamp(h, time.Date(2021, 6, 5, 4, 3, 2, 0, time.UTC))
		packed := []byte(e.text)
		if e.method == zip.Deflate {
			var p bytes.Buffer
			d, _ := flateWriter(&p)
			d.Write(packed)
			d.Close()
			packed = p.Bytes()
		}
		h.CRC32 = crc32.ChecksumIEEE([]byte(e.text))
		h.UncompressedSize64, h.CompressedSize64 = uint64(len(e.text)), uint64(len(packed))
		if e.change != nil {
			e.change(h)
		}
		raw, err := w.CreateRaw(h)
		if err != nil {
			t.Fatal(err)
		}
		raw.Write(packed)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// lines joins lines as the programs print them.
func lines(l ...string) string { return strings.Join(l, "\r\n") + "\r\n" }
