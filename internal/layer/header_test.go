package layer

import (
	"archive/tar"
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// Broken if it fails: our headers are not those of archive/tar, and the
// format's test vectors, which were made with it, no longer hold.
func TestHeadersAreThoseOfArchiveTar(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	num := func(n ...int64) int64 { return n[r.IntN(len(n))] }
	var enc encoder
	for range 5000 {
		h := header{
			name: pick("a", "Files/x.txt", strings.Repeat("d/", 49)+"xy", strings.Repeat("d/", 50)+"x", "ü/ß.txt",
				strings.Repeat("n", 99), strings.Repeat("n", 100), strings.Repeat("n", 101), strings.Repeat("long/", 60)+"é",
				strings.Repeat("q", 99)+"/r", strings.Repeat("q", 80)+"/"+strings.Repeat("s", 90)),
			typeflag: byte(num(tar.TypeReg, tar.TypeDir, tar.TypeSymlink, tar.TypeLink, tar.TypeChar)),
			mode:     num(0, 0o644, 0o7777, 0o120000, 0o100000, 0o40000),
			uid:      int(num(0, 1000, 1<<21-1, 1<<21)), gid: int(num(0, 7, 1<<21)),
			time:  num(0, 1, 1700000000, 1<<33-1, 1<<33, -5),
			times: r.IntN(2) == 0,
		}
		switch h.typeflag {
		case tar.TypeReg:
			h.size = num(0, 5, 512, 1<<33-1, 1<<33)
		case tar.TypeSymlink, tar.TypeLink:
			h.link = pick("x", `..\y`, "ö", strings.Repeat("l", 101), strings.Repeat("l/", 60))
		case tar.TypeChar:
			h.major, h.minor = num(0, 5), num(0, 1<<20)
		case tar.TypeDir:
			if r.IntN(2) == 0 {
				h.name += "/"
			}
		}
		if r.IntN(2) == 0 {
			h.records = []record{{paxAttributes, pick("16", "32")}, {paxDescriptor, strings.Repeat("A", int(num(1, 76, 80, 84, 85, 900, 974, 975, 976)))}}
		}
		got, err := enc.append(nil, &h)
		if err != nil {
			t.Fatal(err)
		}
		var want bytes.Buffer
		if err := tar.NewWriter(&want).WriteHeader(h.std()); err != nil {
			t.Fatalf("%+v: %v", h, err)
		}
		if !bytes.Equal(got, want.Bytes()) {
			t.Fatalf("header %+v:\ngot  %q\nwant %q", h, got, want.Bytes())
		}
	}
}

func BenchmarkHeader(b *testing.B) {
	h := header{name: "Files/app/some/dir/file.txt", typeflag: tar.TypeReg, mode: modeFile, size: 1234, time: 1700000000, times: true,
		records: []record{{paxAttributes, "32"}, {paxDescriptor, strings.Repeat("A", 168)}}}
	var enc encoder
	var buf []byte
	for b.Loop() {
		buf, _ = enc.append(buf[:0], &h)
	}
}
