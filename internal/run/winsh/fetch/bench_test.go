package fetch

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/store"
)

// hundred is a zip of 100 MB with 10,000 entries, made once.
var hundred = sync.OnceValue(func() []byte {
	b := &testing.B{}
	return []byte(big(b, 10000, 13500))
})

// side runs two ways of the same work in turns and reports their medians and
// the factor between them.
func side(b *testing.B, ours, theirs func()) {
	var a, z []time.Duration
	for b.Loop() {
		for _, w := range []struct {
			run func()
			to  *[]time.Duration
		}{{ours, &a}, {theirs, &z}} {
			runtime.GC()
			begin := time.Now()
			w.run()
			*w.to = append(*w.to, time.Since(begin))
		}
	}
	median := func(d []time.Duration) time.Duration { slices.SortFunc(d, cmp.Compare); return d[len(d)/2] }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(a).Seconds(), "s/ours")
	b.ReportMetric(median(z).Seconds(), "s/theirs")
	b.ReportMetric(median(a).Seconds()/median(z).Seconds(), "factor")
}

// The goal: at most 1.2 times bsdtar (Debian: libarchive-tools). Ours are all of
// Unzip, with names, access checks, digests and the store.
func BenchmarkUnzip(b *testing.B) {
	bsdtar, err := exec.LookPath("bsdtar")
	if err != nil {
		b.Skip("there is no bsdtar")
	}
	data := hundred()
	dir := b.TempDir()
	file := filepath.Join(dir, "a.zip")
	if err := os.WriteFile(file, data, 0o644); err != nil {
		b.Fatal(err)
	}
	st, err := store.Open(filepath.Join(dir, "store"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	b.Logf("%d bytes", len(data))
	var peak uint64
	ours := func() {
		spool, err := machine.NewSpool(b.Context(), st)
		if err != nil {
			b.Fatal(err)
		}
		defer spool.Close()
		m := newBox(b, machine.Options{Spool: spool})
		f, err := os.Open(file)
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		z, err := OpenZip(f, int64(len(data)), NamesUTF8)
		if err != nil {
			b.Fatal(err)
		}
		if err := Unzip(b.Context(), m.FS(), z, `C:\out`, UnzipOptions{}); err != nil {
			b.Fatal(err)
		}
		var mem runtime.MemStats
		runtime.ReadMemStats(&mem)
		peak = max(peak, mem.HeapInuse)
	}
	n := 0
	theirs := func() {
		n++
		out := filepath.Join(dir, "out", fmt.Sprint(n))
		if err := os.MkdirAll(out, 0o755); err != nil {
			b.Fatal(err)
		}
		if text, err := exec.Command(bsdtar, "-xf", file, "-C", out).CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, text)
		}
	}
	side(b, ours, theirs)
	b.ReportMetric(float64(peak)/(1<<20), "MiB-heap")
}

// The goal: at most 1.2 times sha256sum.
func BenchmarkHash(b *testing.B) {
	sum, err := exec.LookPath("sha256sum")
	if err != nil {
		b.Skip("there is no sha256sum")
	}
	file := filepath.Join(b.TempDir(), "x")
	if err := os.WriteFile(file, bytes.Repeat([]byte("0123456789abcdef"), 16<<20), 0o644); err != nil {
		b.Fatal(err)
	}
	side(b, func() {
		f, err := os.Open(file)
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		h, _ := NewHash("SHA256")
		if _, err := Digest(b.Context(), f, h); err != nil {
			b.Fatal(err)
		}
	}, func() {
		if err := exec.Command(sum, file).Run(); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkCheck is what a line costs before anything runs.
func BenchmarkCheck(b *testing.B) {
	args := []machine.Arg{{Text: "-fSLo"}, {Text: "x.zip"}, {Text: "https://example.test/x.zip"}, {Text: "--retry"}, {Text: "5"}}
	for b.Loop() {
		if err := (curlProgram{}).Check(b.Context(), nil, args); err != nil {
			b.Fatal(err)
		}
		if err := (tarProgram{}).Check(b.Context(), nil, []machine.Arg{{Text: "-xzf"}, {Text: "a"}}); err != nil {
			b.Fatal(err)
		}
	}
}

// Unpacking must not take memory that grows with the archive.
func TestUnzipMemory(t *testing.T) {
	data := big(t, 100, 250000)
	z, err := OpenZip(strings.NewReader(data), int64(len(data)), NamesUTF8)
	if err != nil {
		t.Fatal(err)
	}
	var list []*ZipEntry
	for i := range z.Entries {
		list = append(list, &z.Entries[i])
	}
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	peak, sum := uint64(0), int64(0)
	err = z.Each(t.Context(), list, func(e *ZipEntry, r io.Reader) error {
		n, err := io.Copy(io.Discard, r)
		sum += n
		if sum%7 == 0 {
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapInuse)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if limit := before.HeapInuse + 64<<20; peak > limit {
		t.Errorf("%d MiB in use to unpack %d MiB, want at most %d", peak>>20, sum>>20, limit>>20)
	}
}
