package fetch

import (
	"archive/tar"
	"archive/zip"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/machine"
)

// stopAfter bounds what a fuzzed archive may unpack to: bombs are no finding.
const stopAfter = 8 << 20

func limited(r io.Reader, left *int64) error {
	n, err := io.Copy(io.Discard, io.LimitReader(r, *left+1))
	if *left -= n; *left < 0 {
		return fs.SkipAll
	}
	return err
}

func FuzzZip(f *testing.F) {
	f.Add([]byte(zipOf(f, zipEntry{name: "a", text: "alpha", method: zip.Deflate}, zipEntry{name: "b/"}, zipEntry{name: "c", text: "x"})))
	f.Add([]byte(zipOf(f, zipEntry{name: "a", text: "alpha", change: func(h *zip.FileHeader) { h.Method = ZipLZMA }})))
	f.Fuzz(func(t *testing.T, data []byte) {
		z, err := OpenZip(strings.NewReader(string(data)), int64(len(data)), NamesOEM)
		if err != nil {
			return
		}
		left := int64(stopAfter)
		var entries []*ZipEntry
		for i := range z.Entries {
			entries = append(entries, &z.Entries[i])
			if r, err := z.Open(entries[i]); err == nil {
				if err := limited(r, &left); errors.Is(err, fs.SkipAll) {
					return
				}
				r.Close()
			}
			if full, err := Place(`C:\d`, z.Entries[i].Name, i%2 == 0); err == nil && !strings.EqualFold(full[:4], `C:\d`) {
				t.Errorf("%q leads to %s", z.Entries[i].Name, full)
			}
		}
		z.Each(t.Context(), entries, func(_ *ZipEntry, r io.Reader) error { return limited(r, &left) })
	})
}

func FuzzArchive(f *testing.F) {
	plain := tarOf(f, tar.Header{Name: "d/", Typeflag: tar.TypeDir}, tar.Header{Name: "d/a", Uname: "alpha"},
		tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "d/a"}, tar.Header{Name: strings.Repeat("long/", 40) + "x", Uname: "x"})
	f.Add([]byte(plain))
	for _, filter := range []Filter{Gzip, Zstd, LZMA, XZ} {
		f.Add([]byte(packed(f, filter, plain)))
	}
	f.Add([]byte(zipOf(f, zipEntry{name: "a", text: "alpha", method: zip.Deflate})))
	f.Add([]byte("BZh91AY&SY"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, src := range []Source{
			{At: strings.NewReader(string(data)), Size: int64(len(data))},
			{Stream: strings.NewReader(string(data))},
		} {
			left := int64(stopAfter)
			_, _ = ReadArchive(t.Context(), src, func(m *Member, r io.Reader) error { return limited(r, &left) })
		}
	})
}

// Whatever tar extracts stays below its directory.
func FuzzTarExtract(f *testing.F) {
	f.Add("a/b", "../x", byte('5'))
	f.Add(`C:\Windows\x`, `\\?\C:\x`, byte('0'))
	f.Add("..\\..\\x", "/x/../../y", byte('2'))
	f.Add("..", "   ", byte('C'))
	f.Add("... ", "a/ /b", byte('0'))
	f.Fuzz(func(t *testing.T, first, second string, kind byte) {
		if len(first)+len(second) > 200 || strings.ContainsRune(first+second, 0) {
			return
		}
		b := newBox(t, machine.Options{Network: noNetwork{}})
		b.dir(`C:\w\in`)
		x := &extraction{t: &tarRun{p: b.Process("tar", `C:\w`, io.Discard, io.Discard), fs: b.FS(),
			o: &tarOptions{}, out: io.Discard, err: io.Discard, name: "tar"}, dir: `C:\w\in`, safe: map[string]bool{}}
		for _, h := range []*tar.Header{{Name: first, Linkname: second, Typeflag: kind}, {Name: second, Typeflag: '0'}, {Name: first + "/z", Typeflag: '0'}} {
			if m, ok := tarMember(h); ok {
				x.t.extract(t.Context(), x, m, strings.NewReader(""))
			}
		}
		ok, err := b.FS().ReadDir(t.Context(), `C:\w`)
		if err != nil || len(ok) != 1 {
			t.Fatalf("%q, %q: %v in C:\\w, %v", first, second, len(ok), err)
		}
	})
}

func FuzzTarOptions(f *testing.F) {
	f.Add("-xzf a.tgz --strip-components=1 -C d")
	f.Add("xvf a --exclude x -- y")
	f.Fuzz(func(t *testing.T, line string) {
		usageOnly(t, line, func(a []string) error { _, err := parseTar(a); return err })
	})
}

func FuzzCurlOptions(f *testing.F) {
	f.Add("-fSLo x http://h/ --retry 5 -H a:b")
	f.Add("--no-progress-meter -w %{http_code} -d @x -")
	f.Fuzz(func(t *testing.T, line string) {
		usageOnly(t, line, func(a []string) error { _, err := parseCurl(a, "", nil); return err })
	})
}

// usageOnly checks that a parser gives nothing but refusals and words of usage.
func usageOnly(t *testing.T, line string, parse func([]string) error) {
	err := parse(strings.Fields(line))
	var refused *run.RefusedError
	var tu *tarUsage
	var cu *curlUsage
	if err != nil && !errors.As(err, &refused) && !errors.As(err, &tu) && !errors.As(err, &cu) {
		t.Errorf("%s: %v", line, err)
	}
}

func FuzzCurlURL(f *testing.F) {
	f.Add("http://u:p@h:80/a/../b?c#d", "%{url_effective}\\n%{x}")
	f.Add("{a,b}/[1-3]", "%{")
	f.Fuzz(func(t *testing.T, text, format string) {
		g, err := parseGlob(text, false)
		if err != nil {
			return
		}
		n := 0
		for u, sets := range g.all() {
			c := &curlRun{o: &curlOptions{proto: everyProtocol(), writeOut: strings.TrimLeft(format, "@")}, out: &curlStdout{w: io.Discard}, err: io.Discard}
			tr := &curlTransfer{c: c, job: &curlJob{}, input: u, began: time.Now()}
			if p, err := tr.parseURL(); err == nil {
				tr.url = p
				cleanName(remoteName(p))
			}
			fillName(format, sets)
			if err := tr.writeOut(context.Background(), nil); err != nil {
				t.Error(err)
			}
			if n++; n > 20 {
				break
			}
		}
	})
}

func FuzzPathPattern(f *testing.F) {
	f.Add("a/*/[b-d]?", "a/x/ce", true)
	f.Add("./a//b$", "./a/b/", false)
	f.Add("**********a", strings.Repeat("b", 100), true)
	f.Fuzz(func(t *testing.T, pattern, name string, loose bool) {
		if len(pattern)+len(name) > 400 {
			return
		}
		p := &pathPattern{text: pattern, loose: loose, below: true}
		p.matches(name)
		if !strings.ContainsAny(name, `*?[]\^$`) && name != "" && !strings.Contains(name, "/.") {
			q := &pathPattern{text: name, below: true}
			if !q.matches(name) {
				t.Errorf("%q does not match itself", name)
			}
		}
	})
}

// Files of options and of passwords are any text.
func FuzzCurlFiles(f *testing.F) {
	f.Add("-o \"a\\tb\" # c\nurl: x y\n")
	f.Add("machine h login \"a\\\"b\" password c\nmacdef x\n\ndefault login d\n")
	f.Fuzz(func(t *testing.T, text string) {
		o := &curlOptions{proto: everyProtocol(), protoRedir: redirProtocols(), readFile: func(string) (string, bool, error) { return text, true, nil }}
		usageOnly(t, text, func([]string) error { return o.config(curlTable(), "c") })
		entries, _ := parseNetrc(text)
		n := netrc{entries: entries}
		n.user(&url.URL{Host: "h"}, nil)
		n.user(&url.URL{Host: "h"}, url.User("a"))
	})
}
