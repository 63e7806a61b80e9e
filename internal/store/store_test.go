package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
)

func open(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func add(t testing.TB, s *Store, text string) digest.Digest {
	t.Helper()
	d, err := s.Add(t.Context(), strings.NewReader(text), "")
	if err != nil {
		t.Fatal(err)
	}
	return d.Digest
}

func read(t testing.TB, s *Store, d digest.Digest) string {
	t.Helper()
	f, err := s.OpenBlob(d)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// age makes the file look as if it had last been used so long ago.
func age(t testing.TB, name string, d time.Duration) {
	t.Helper()
	then := time.Now().Add(-d)
	if err := os.Chtimes(name, then, then); err != nil {
		t.Fatal(err)
	}
}

func (s *Store) blobFile(d digest.Digest) string { return s.path(blobDir, d.Encoded()) }

func files(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// Broken: what is written cannot be read again, or is there under a wrong name.
func TestBlobRoundTrip(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	want := digest.FromString("hello")
	if _, err := s.Stat(want); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("Stat of a missing blob: %v", err)
	}
	if _, err := s.OpenBlob(want); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("OpenBlob of a missing blob: %v", err)
	}
	for range 2 { // the second time it is there already
		w, err := s.Create(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, "hel")
		io.WriteString(w, "lo")
		desc, err := w.Commit(t.Context(), want)
		if err != nil || desc.Digest != want || desc.Size != 5 {
			t.Fatalf("Commit: %v, %v", desc, err)
		}
		if err := w.Close(); err != nil {
			t.Fatalf("Close after Commit: %v", err)
		}
	}
	if got := read(t, s, want); got != "hello" {
		t.Errorf("read %q", got)
	}
	if n, err := s.Stat(want); n != 5 || err != nil {
		t.Errorf("Stat: %d, %v", n, err)
	}
	if left := files(t, s.path(tempDir)); len(left) != 0 {
		t.Errorf("left in temp: %v", left)
	}
}

// Broken: a blob with wrong bytes gets in, or an aborted one stays.
func TestBlobRefused(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	want := digest.FromString("other")
	_, err := s.Add(t.Context(), strings.NewReader("hello"), want)
	var de *DigestError
	if !errors.As(err, &de) || de.Want != want || de.Got != digest.FromString("hello") || de.Size != 5 {
		t.Errorf("wrong digest: %v", err)
	}
	w, _ := s.Create(t.Context())
	io.WriteString(w, "never")
	w.Close()
	if _, err := w.Write(nil); err == nil {
		t.Error("Write after Close worked")
	}
	ctx, cancel := context.WithCancel(t.Context())
	w, _ = s.Create(ctx)
	cancel()
	if _, err := w.Commit(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("Commit after cancel: %v", err)
	}
	if got := append(files(t, s.path(tempDir)), files(t, s.path(blobDir))...); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
	for _, d := range []digest.Digest{"", "sha256:", "sha256:../../../../etc/passwd", "md5:00", "sha512:" + digest.Digest(strings.Repeat("0", 128)),
		"sha256:" + digest.Digest(strings.Repeat("A", 64))} {
		if _, err := s.Stat(d); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("digest %q: %v", d, err)
		}
	}
}

// Broken: the packer, which hashes by itself and uploads while the disk syncs,
// cannot read what it wrote, or its digest is not taken.
func TestWriterUnhashed(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	w, err := s.CreateUnhashed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	big := strings.Repeat("0123456789abcdef", 1<<20)
	io.WriteString(w, big)
	w.StartSync()
	r, err := w.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	io.WriteString(w, "more") // after a sync was started
	w.StartSync()
	want := digest.FromString(big + "more")
	if _, err := w.Commit(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != big+"more" {
		t.Errorf("reading the open file after Commit: %d bytes, %v", len(got), err)
	}
	if got := read(t, s, want); got != big+"more" {
		t.Error("the blob differs")
	}
	w2, _ := s.CreateUnhashed(t.Context())
	if _, err := w2.Commit(t.Context(), ""); err == nil {
		t.Error("Commit without any digest worked")
	}
}

// Broken: a disk that loses bits gives wrong images for ever.
func TestVerify(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	d := add(t, s, "hello")
	if err := s.Verify(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(s.blobFile(d), []byte("hellO"), 0o600)
	var de *DigestError
	if err := s.Verify(t.Context(), d); !errors.As(err, &de) {
		t.Errorf("damaged blob: %v", err)
	}
	if _, err := s.Stat(d); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("damaged blob is still there: %v", err)
	}
	if add(t, s, "hello"); read(t, s, d) != "hello" {
		t.Error("it did not come back")
	}
}

// Broken: records are lost, mixed up, or believed although they are damaged or
// need a blob that is gone.
func TestRecords(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	ctx := t.Context()
	a, b := add(t, s, "a"), add(t, s, "b")
	if _, err := s.Get("step", "k"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("miss: %v", err)
	}
	if err := s.Put(ctx, "step", "k", []byte("v"), a, b); err != nil {
		t.Fatal(err)
	}
	r, err := s.Get("step", "k")
	if err != nil || string(r.Value) != "v" || len(r.Blobs) != 2 || r.Blobs[0] != a || r.Blobs[1] != b {
		t.Fatalf("Get: %v, %v", r, err)
	}
	if _, err := s.Get("other", "k"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("other kind: %v", err)
	}
	if err := s.Put(ctx, "step", "k", []byte("v2")); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Get("step", "k"); err != nil || string(r.Value) != "v2" || len(r.Blobs) != 0 {
		t.Errorf("replaced: %v, %v", r, err)
	}
	if err := s.Put(ctx, "step", "x", nil, digest.FromString("nowhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a record for a missing blob: %v", err)
	}
	for _, kind := range []string{"", "..", "a/b", "A"} {
		if err := s.Put(ctx, kind, "k", nil); err == nil {
			t.Errorf("kind %q was taken", kind)
		}
	}
	if err := s.Put(ctx, "step", "big", make([]byte, maxRecord)); err == nil {
		t.Error("a record of 16 MiB was taken")
	}
	if left := files(t, s.path(tempDir)); len(left) != 0 {
		t.Errorf("left in temp: %v", left)
	}
}

// Broken: a damaged record or a lost blob stops a build, or is used.
func TestRecordDamage(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	d := add(t, s, "blob")
	name, err := s.recordPath("step", "k")
	if err != nil {
		t.Fatal(err)
	}
	flip := func(b []byte) []byte { b[len(b)-1] ^= 1; return b }
	damage := map[string]func(){
		"truncated": func() { b, _ := os.ReadFile(name); os.WriteFile(name, b[:len(b)-1], 0o600) },
		"empty":     func() { os.WriteFile(name, nil, 0o600) },
		"bit":       func() { b, _ := os.ReadFile(name); os.WriteFile(name, flip(b), 0o600) },
		"other key": func() { os.WriteFile(name, encodeRecord(record{kind: "step", key: "K"}), 0o600) },
		"directory": func() { os.Remove(name); os.Mkdir(name, 0o700) },
		"blob gone": func() { os.Remove(s.blobFile(d)) },
		"blob short": func() {
			if err := os.Truncate(s.blobFile(d), 1); err != nil {
				t.Fatal(err)
			}
		},
	}
	for what, hurt := range damage {
		add(t, s, "blob")
		if err := s.Put(t.Context(), "step", "k", []byte("v"), d); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		hurt()
		if r, err := s.Get("step", "k"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, %v", what, r, err)
		}
		os.Remove(name)
	}
	if n, err := s.Stat(d); err == nil && n != 4 {
		t.Errorf("a blob of %d bytes, not 4, is still there", n)
	}
}

// Broken: a download begins anew although half of it was there, or two processes
// write into one file.
func TestPartial(t *testing.T) {
	dir := t.TempDir()
	s, ctx := open(t, dir, Options{}), t.Context()
	d := digest.FromString("hello world")
	p, err := s.Partial(ctx, d)
	if err != nil || p.Size() != 0 {
		t.Fatal(p, err)
	}
	io.WriteString(p, "hello")
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if _, err := open(t, dir, Options{}).Partial(short, d); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a second holder: %v", err)
	}
	p.Close()
	s.Close()

	s = open(t, dir, Options{})
	p, err = s.Partial(ctx, d)
	if err != nil || p.Size() != 5 {
		t.Fatalf("resumed at %d, %v", p.Size(), err)
	}
	var de *DigestError
	if _, err := p.Commit(ctx); !errors.As(err, &de) || de.Size != 5 {
		t.Errorf("Commit of a half: %v", err)
	}
	waiting := make(chan error, 1)
	go func() {
		_, err := s.Partial(ctx, d)
		waiting <- err
	}()
	io.WriteString(p, " world")
	b := make([]byte, 7)
	if n, err := p.ReadAt(b, 4); n != 7 || string(b) != "o world" {
		t.Errorf("ReadAt: %q, %v", b[:n], err)
	}
	if desc, err := p.Commit(ctx); err != nil || desc.Size != 11 || desc.Digest != d {
		t.Fatal(desc, err)
	}
	if err := <-waiting; !errors.Is(err, fs.ErrExist) {
		t.Errorf("who waited got %v", err)
	}
	if got := read(t, s, d); got != "hello world" {
		t.Errorf("read %q", got)
	}
	if left := files(t, s.path(partialDir)); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// Broken: wrong bytes of an earlier download cannot be got rid of.
func TestPartialWrong(t *testing.T) {
	s, ctx := open(t, t.TempDir(), Options{}), t.Context()
	d := digest.FromString("right")
	p, _ := s.Partial(ctx, d)
	io.WriteString(p, "wrong")
	var de *DigestError
	if _, err := p.Commit(ctx); !errors.As(err, &de) {
		t.Fatal(err)
	}
	if err := p.Reset(); err != nil || p.Size() != 0 {
		t.Fatal(err)
	}
	io.WriteString(p, "wr")
	p.Discard()
	if left := files(t, s.path(partialDir)); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	p, _ = s.Partial(ctx, d)
	io.WriteString(p, "right")
	if _, err := p.Commit(ctx); err != nil {
		t.Error(err)
	}
	// An empty download is nothing to keep.
	p, _ = s.Partial(ctx, digest.FromString("never begun"))
	p.Close()
	if left := files(t, s.path(partialDir)); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// Broken: a directory that cannot be used gives a riddle and not a way out.
func TestOpenErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o600)
	dirs := []string{file, filepath.Join(file, "below")}
	if os.Getuid() > 0 {
		ro := filepath.Join(t.TempDir(), "ro")
		os.Mkdir(ro, 0o500)
		dirs = append(dirs, ro, filepath.Join(ro, "below"))
	}
	for _, dir := range dirs {
		_, err := Open(dir, Options{})
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Hint(), "CASEMENT_CACHE") || !strings.Contains(err.Error(), dir) {
			t.Errorf("Open: %v (%T)", err, err)
		}
	}
}

func TestDefaultDir(t *testing.T) {
	dir := t.TempDir()
	got, err := DefaultDir(func(k string) string { return map[string]string{"CASEMENT_CACHE": dir}[k] })
	if err != nil || got != dir {
		t.Errorf("with CASEMENT_CACHE: %q, %v", got, err)
	}
	t.Setenv("XDG_CACHE_HOME", dir)
	t.Setenv("HOME", dir)
	t.Setenv("LocalAppData", dir)
	got, err = DefaultDir(func(string) string { return "" })
	if err != nil || !strings.HasPrefix(got, dir) || filepath.Base(got) != "casement" {
		t.Errorf("without: %q, %v", got, err)
	}
}

// Broken: a damaged or hostile record file crashes a build, or decodes to
// something that was never written.
func FuzzRecord(f *testing.F) {
	f.Add(encodeRecord(record{}))
	f.Add(encodeRecord(record{kind: "step", key: "k", value: []byte("v"), blobs: []recordBlob{{digest.FromString("x"), 3}}}))
	f.Add([]byte(recordMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := decodeRecord(b); err == nil && len(encodeRecord(r)) > len(b) {
			t.Errorf("%q became longer", b)
		}
		// Past the checksum, too.
		if r, err := decodeBody(b); err == nil {
			again, err := decodeRecord(encodeRecord(r))
			if err != nil || again.kind != r.kind || again.key != r.key || !bytes.Equal(again.value, r.value) || len(again.blobs) != len(r.blobs) {
				t.Errorf("%q: %v and then %v, %v", b, r, again, err)
			}
		}
	})
}

// Open must be next to nothing: a build in which nothing changed pays it too.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		s, err := Open(dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}

func BenchmarkGet(b *testing.B) {
	s := open(b, b.TempDir(), Options{})
	if err := s.Put(b.Context(), "step", "k", []byte("value"), add(b, s, "x")); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Get("step", "k"); err != nil {
			b.Fatal(err)
		}
	}
}

// What a layer costs on its way into the store, with and without hashing.
func BenchmarkWriter(b *testing.B) {
	data := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{}).Read(data)
	for _, hashed := range []bool{true, false} {
		b.Run(fmt.Sprintf("hashed=%v", hashed), func(b *testing.B) {
			s := open(b, b.TempDir(), Options{})
			b.SetBytes(32 << 20)
			for b.Loop() {
				w, err := s.CreateUnhashed(b.Context())
				if hashed {
					w.Close()
					w, err = s.Create(b.Context())
				}
				if err != nil {
					b.Fatal(err)
				}
				for range 32 {
					w.Write(data)
				}
				w.Close()
			}
		})
	}
}
