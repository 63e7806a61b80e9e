package fetch

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/flate"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/machine"
)

func flateWriter(w io.Writer) (*flate.Writer, error) { return flate.NewWriter(w, 6) }

// packed wraps a tar in a filter.
func packed(t testing.TB, f Filter, data string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := NewEncoder(f, &b)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, data)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func usual(t testing.TB) string {
	return tarOf(t,
		tar.Header{Name: "p/", Typeflag: tar.TypeDir, Mode: 0o755},
		tar.Header{Name: "p/a.txt", Uname: "alpha"},
		tar.Header{Name: "p/sub/b.txt", Uname: "beta", Mode: 0o444},
		tar.Header{Name: "p/link", Typeflag: tar.TypeSymlink, Linkname: "sub/b.txt"},
		tar.Header{Name: "p/hard", Typeflag: tar.TypeLink, Linkname: "p/a.txt"})
}

// tarCase is an extraction with what it leaves: names, contents, links and
// times. Each line of want would differ if an option or a rule of Windows were
// missed.
type tarCase struct {
	name, line string
	archive    string
	before     func(*box)
	want       string
	stderr     string
	code       int
}

const stamped = "@2020-01-02T03:04:06"

func tarOptionCases() []tarCase {
	all := lines(`p\`+stamped, `p\a.txt=alpha`+stamped, `p\hard=alpha`+stamped, `p\link->sub\b.txt`, `p\sub\`, `p\sub\b.txt=beta`+stamped)
	return []tarCase{
		{name: "plain", line: "tar -xf a.tar", want: all},
		{name: "old style", line: "tar xf a.tar", want: all},
		{name: "long options", line: "tar --extract --no-same-owner --file a.tar", want: all},
		{name: "directory", line: "tar -x -C d -f a.tar", before: func(b *box) { b.FS().Mkdir(context.Background(), `C:\w\d`) },
			want: lines(`d\`, `d\p\`+stamped, `d\p\a.txt=alpha`+stamped, `d\p\hard=alpha`+stamped, `d\p\link->sub\b.txt`, `d\p\sub\`, `d\p\sub\b.txt=beta`+stamped)},
		{name: "no times", line: "tar -xmf a.tar", want: lines(`p\`, `p\a.txt=alpha`, `p\hard=alpha`, `p\link->sub\b.txt`, `p\sub\`, `p\sub\b.txt=beta`)},
		{name: "strip", line: "tar -xf a.tar --strip-components=1", want: lines(`a.txt=alpha`+stamped, `hard=alpha`+stamped, `link->sub\b.txt`, `sub\`, `sub\b.txt=beta`+stamped)},
		{name: "one member", line: "tar -xf a.tar p/a.txt", want: lines(`p\`, `p\a.txt=alpha`+stamped)},
		{name: "member with dot", line: "tar -xf a.tar ./p/sub", want: lines(`p\`, `p\sub\`, `p\sub\b.txt=beta`+stamped)},
		{name: "pattern and exclusion", line: "tar -xf a.tar --include p/* --exclude b.txt --exclude link --exclude hard", want: lines(`p\`+stamped, `p\a.txt=alpha`+stamped)},
		{name: "missing member", line: "tar -xf a.tar nope p/a.txt", want: lines(`p\`, `p\a.txt=alpha`+stamped),
			stderr: lines("tar: nope: Not found in archive", "tar: Error exit delayed from previous errors."), code: 1},
		{name: "verbose", line: "tar -xvf a.tar p/a.txt", want: lines(`p\`, `p\a.txt=alpha`+stamped), stderr: lines("x p/a.txt")},
		{name: "keeps old files", line: "tar -xkf a.tar p/a.txt", before: func(b *box) { b.dir(`C:\w\p`); b.write(`C:\w\p\a.txt`, "mine") },
			want: lines(`p\`, `p\a.txt=mine`)},
		{name: "overwrites", line: "tar -xf a.tar p/a.txt", before: func(b *box) { b.dir(`C:\w\p`); b.write(`C:\w\p\A.TXT`, "mine") },
			want: lines(`p\`, `p\a.txt=alpha`+stamped)},
		{name: "a file where a directory goes", line: "tar -xf a.tar p/a.txt", before: func(b *box) { b.write(`C:\w\p`, "file") },
			want: lines(`p\`, `p\a.txt=alpha`+stamped)},
		{name: "a full directory where a file goes", line: "tar -xf a.tar p/a.txt", before: func(b *box) { b.dir(`C:\w\p\a.txt\x`) },
			want: lines(`p\`, `p\a.txt\`, `p\a.txt\x\`), code: 1,
			stderr: lines("p/a.txt: Can't remove already-existing dir: Directory not empty", "tar: Error exit delayed from previous errors.")},
	}
}

func tarDangerCases(t *testing.T) []tarCase {
	return []tarCase{
		{name: "dotdot", line: "tar -xf a.tar", archive: tarOf(t, tar.Header{Name: "../x", Uname: "1"}, tar.Header{Name: "ok", Uname: "2"}),
			want: lines("ok=2" + stamped), code: 1, stderr: lines("../x: Path contains '..': Unknown error", "tar: Error exit delayed from previous errors.")},
		{name: "absolute", line: "tar -xf a.tar", archive: tarOf(t, tar.Header{Name: "/x", Uname: "1"}, tar.Header{Name: "C:/y", Uname: "2"}),
			want: lines("x=1"+stamped, "y=2"+stamped), stderr: lines("tar: Removing leading '/' from member names")},
		{name: "characters that Windows does not have", line: "tar -xf a.tar", archive: tarOf(t, tar.Header{Name: "aa:b*?.txt", Uname: "1"}),
			want: lines("aa_b__.txt=1" + stamped)},
		{name: "through a link", line: "tar -xf a.tar", code: 1,
			archive: tarOf(t, tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "../../Windows/"}, tar.Header{Name: "l/x", Uname: "1"}),
			want:    lines(`l=>..\..\Windows\`),
			stderr:  lines("l/x: Cannot extract through symlink l: too many symbolic link levels", "tar: Error exit delayed from previous errors.")},
		{name: "over a link", line: "tar -xf a.tar",
			archive: tarOf(t, tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "t"}, tar.Header{Name: "l", Uname: "1"}),
			want:    lines("l=1" + stamped)},
		{name: "hard link to nothing", line: "tar -xf a.tar", archive: tarOf(t, tar.Header{Name: "h", Typeflag: tar.TypeLink, Linkname: "no"}), code: 1,
			stderr: lines("h: Hard-link target 'no' does not exist.: No such file or directory", "tar: Error exit delayed from previous errors.")},
		{name: "device", line: "tar -xf a.tar", archive: tarOf(t, tar.Header{Name: "n", Typeflag: tar.TypeChar}), code: 1,
			stderr: lines("n: Can't create 'n': Invalid argument", "tar: Error exit delayed from previous errors.")},
		{name: "empty archive", line: "tar -xf a.tar", archive: "-"},
		{name: "not an archive", line: "tar -xf a.tar", archive: strings.Repeat("nothing ", 200), code: 1,
			stderr: lines("tar: Error opening archive: Unrecognized archive format")},
		{name: "no archive", line: "tar -xf b.tar", code: 1, stderr: lines("tar: Error opening archive: Failed to open 'b.tar'")},
		{name: "option of another mode", line: "tar -xf a.tar --one-file-system", code: 1, stderr: lines("tar: Option --one-file-system is not permitted in mode -x")},
		{name: "no directory", line: "tar -xf a.tar -C no", code: 1, stderr: lines("tar: could not chdir to 'no'", "")},
		{name: "cut", line: "tar -xf a.tar", archive: usual(t)[:1300], code: 1, want: lines(`p\`+stamped, `p\a.txt=alpha`+stamped),
			stderr: lines("tar: Truncated tar archive detected while reading next header", "tar: Error exit delayed from previous errors.")},
		{name: "cut gzip", line: "tar -xf a.tar", archive: packed(t, Gzip, usual(t))[:100], code: 1,
			stderr: lines("tar: Error opening archive: Found invalid data while decoding.")},
	}
}

func TestTarExtract(t *testing.T) {
	for _, tc := range append(tarOptionCases(), tarDangerCases(t)...) {
		t.Run(tc.name, func(t *testing.T) {
			b := newBox(t, machine.Options{})
			data := tc.archive
			switch data {
			case "":
				data = usual(t)
			case "-":
				data = ""
			}
			b.write(`C:\w\a.tar`, data)
			if tc.before != nil {
				tc.before(b)
			}
			_, stderr, code := b.run(tc.line)
			b.FS().Remove(t.Context(), `C:\w\a.tar`)
			got := b.list(`C:\w`)
			if d := cmp.Diff(strings.TrimSuffix(strings.ReplaceAll(tc.want, "\r\n", "\n"), "\n"), got); d != "" {
				t.Errorf("files (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tc.stderr, stderr); d != "" {
				t.Errorf("stderr (-want +got):\n%s", d)
			}
			if code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
		})
	}
}

func (b *box) dir(name string) {
	b.t.Helper()
	if err := b.FS().MkdirAll(b.t.Context(), name); err != nil {
		b.t.Fatal(err)
	}
}

// Every format that can be read gives the same files, from a file and, where
// it is a stream, from standard input.
func TestTarFormats(t *testing.T) {
	plain := usual(t)
	zipped := zipOf(t, zipEntry{name: "p/", text: ""}, zipEntry{name: `p/a.txt`, text: "alpha", method: zip.Deflate},
		zipEntry{name: "p/sub/b.txt", text: strings.Repeat("beta", 100000), method: zip.Deflate})
	for name, data := range map[string]string{
		"tar": plain, "gz": packed(t, Gzip, plain), "xz": packed(t, XZ, plain), "zst": packed(t, Zstd, plain),
		"lzma": packed(t, LZMA, plain), "gz twice": packed(t, Gzip, packed(t, Gzip, plain)), "zip": zipped,
		"zip in a program": "MZ" + strings.Repeat("x", 5000) + zipped,
	} {
		t.Run(name, func(t *testing.T) {
			for _, line := range []string{"tar -xzf a.bin", "tar -xf -"} {
				if name == "zip in a program" && line == "tar -xf -" {
					continue
				}
				b := newBox(t, machine.Options{})
				b.write(`C:\w\a.bin`, data)
				_, stderr, code, err := b.try(line, data)
				if err != nil || code != 0 || stderr != "" {
					t.Fatalf("%s: code %d, %v, stderr %q", line, code, err, stderr)
				}
				if got := b.read(`C:\w\p\a.txt`); got != "alpha" {
					t.Errorf("%s: a.txt is %q", line, got)
				}
				if got := b.read(`C:\w\p\sub\b.txt`); !strings.HasPrefix(got, "beta") {
					t.Errorf("%s: b.txt is %q", line, got)
				}
			}
		})
	}
}

// The verbose listing is that of ls -l, with the widths of bsdtar.
func TestTarList(t *testing.T) {
	b := newBox(t, machine.Options{})
	b.write(`C:\w\a.tar`, usual(t))
	out, _, _ := b.run("tar -tf a.tar")
	if d := cmp.Diff(lines("p/", "p/a.txt", "p/sub/b.txt", "p/link", "p/hard"), out); d != "" {
		t.Errorf("-t (-want +got):\n%s", d)
	}
	out, _, _ = b.run("tar -tvf a.tar")
	want := lines(
		"drwxr-xr-x  0 0      0           0 Jan 02  2020 p/",
		"-rw-r--r--  0 0      0           5 Jan 02  2020 p/a.txt",
		"-r--r--r--  0 0      0           4 Jan 02  2020 p/sub/b.txt",
		"lrw-r--r--  0 0      0           0 Jan 02  2020 p/link -> sub/b.txt",
		"hrw-r--r--  0 0      0           0 Jan 02  2020 p/hard link to p/a.txt")
	if d := cmp.Diff(want, out); d != "" {
		t.Errorf("-tv (-want +got):\n%s", d)
	}
	if out, _, _ = b.run("tar -xOf a.tar p/sub/b.txt"); out != "beta" {
		t.Errorf("-xO printed %q", out)
	}
}

// A damaged zip tells which member is bad, goes on after a wrong checksum, and
// exits with 1.
func TestTarDamagedZip(t *testing.T) {
	b := newBox(t, machine.Options{})
	wrong := func(h *zip.FileHeader) { h.CRC32 ^= 1 }
	b.write(`C:\w\crc.zip`, zipOf(t, zipEntry{name: "a", text: "aaaa", change: wrong}, zipEntry{name: "b", text: "bbbb"}))
	_, stderr, code := b.run("tar -xf crc.zip")
	if !strings.HasPrefix(stderr, "a: ZIP bad CRC: 0x") || code != 1 {
		t.Errorf("code %d, stderr %q", code, stderr)
	}
	if b.read(`C:\w\b`) != "bbbb" || b.read(`C:\w\a`) != "aaaa" {
		t.Error("the members are not there")
	}
	secret := func(h *zip.FileHeader) { h.Flags |= 1 }
	b.write(`C:\w\enc.zip`, zipOf(t, zipEntry{name: "a", text: "aaaa", change: secret}))
	b.refused("tar -xf enc.zip")
	d64 := func(h *zip.FileHeader) { h.Method = ZipDeflate64 }
	b.write(`C:\w\d64.zip`, zipOf(t, zipEntry{name: "a", text: "aaaa", change: d64}))
	b.refused("tar -xf d64.zip")
	b.write(`C:\w\x.iso`, strings.Repeat("\x00", 16*2048)+"\x01CD001\x01"+strings.Repeat("\x00", 2048))
	if got := b.refused("tar -xf x.iso"); got != "tar of this archive" {
		t.Error(got)
	}
	b.write(`C:\w\x.rar`, "Rar!\x1a\x07"+strings.Repeat("x", 100))
	if got := b.refused("tar -xf x.rar"); got != "tar of this archive" {
		t.Error(got)
	}
}

// An archive that is made has the order, the modes and the names of bsdtar on
// Windows, and what it holds comes out again.
func TestTarCreate(t *testing.T) {
	b := newBox(t, machine.Options{})
	b.dir(`C:\w\q\a\x`)
	b.dir(`C:\w\q\b`)
	for _, f := range []string{`1.txt`, `a\f1`, `a\x\g.exe`, `b\h`} {
		b.write(`C:\w\q\`+f, f)
	}
	if err := b.FS().Symlink(t.Context(), `a\x`, `C:\w\q\l`, true); err != nil {
		t.Fatal(err)
	}
	_, stderr, code := b.run("tar -cvzf o.tgz q")
	if code != 0 {
		t.Fatalf("code %d: %s", code, stderr)
	}
	want := lines("a q", "a q/1.txt", "a q/a", "a q/b", "a q/l", "a q/b/h", "a q/a/f1", "a q/a/x", "a q/a/x/g.exe")
	if d := cmp.Diff(want, stderr); d != "" {
		t.Errorf("names (-want +got):\n%s", d)
	}
	out, _, _ := b.run("tar -tvf o.tgz q/a/x q/l")
	want = lines("lrwxrwxrwx  0 0      0           0 Mar 04 05:06 q/l -> a/x",
		"drwxrwxrwx  0 0      0           0 Mar 04 05:06 q/a/x/",
		"-rwxrwxrwx  0 0      0           9 Mar 04 05:06 q/a/x/g.exe")
	if d := cmp.Diff(want, out); d != "" {
		t.Errorf("modes (-want +got):\n%s", d)
	}
	before := b.list(`C:\w\q`)
	for _, f := range []string{"o.tar", "o.tar.xz", "o.tar.zst", "o.zip"} {
		b.run("tar -acf " + f + " -C q .")
		b.dir(`C:\w\r`)
		_, stderr, code := b.run("tar -xf " + f + " -C r")
		if code != 0 {
			t.Errorf("%s: code %d: %s", f, code, stderr)
		}
		got := b.list(`C:\w\r`)
		want := before
		if f == "o.zip" { // has no type of link
			want = strings.ReplaceAll(before, `l=>a\x`, `l->a\x`)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", f, d)
		}
		if err := b.FS().RemoveAll(t.Context(), `C:\w\r`, true); err != nil {
			t.Fatal(err)
		}
	}
	if out, _, _ := b.run("tar -cf - q/1.txt"); len(out) != 10240 {
		t.Errorf("standard output got %d bytes, not a whole record", len(out))
	}
	_, stderr, code = b.run("tar -cf s.tar s.tar nope")
	if want := lines("tar: s.tar: Can't add archive to itself", "tar: nope: Couldn't visit directory: No such file or directory",
		"tar: Error exit delayed from previous errors."); stderr != want || code != 1 {
		t.Errorf("code %d, stderr %q", code, stderr)
	}
}

// Wrong command lines get the messages of bsdtar; options that would matter and
// are not there are refused.
func TestTarOptions(t *testing.T) {
	usage := lines("Usage:", "  List:    tar -tf <archive-filename>", "  Extract: tar -xf <archive-filename>",
		"  Create:  tar -cf <archive-filename> [filenames...]", "  Help:    tar --help")
	for line, want := range map[string]string{
		"tar":                              lines("tar: Must specify one of -c, -r, -t, -u, -x"),
		"tar -f x":                         lines("tar: Must specify one of -c, -r, -t, -u, -x"),
		"tar --nope":                       lines("tar: Option --nope is not supported") + usage,
		"tar --no-s -x":                    lines("tar: Ambiguous option --no-s (matches --no-same-owner and --no-same-permissions)") + usage,
		"tar -x -f":                        lines("tar: Option -f requires an argument") + usage,
		"tar xf":                           lines("tar: Option f requires an argument") + usage,
		"tar -xtf a":                       lines("tar: Can't specify both -t and -x"),
		"tar -?":                           usage,
		"tar -c -f x.tar":                  lines("tar: no files or directories specified"),
		"tar -t -U -f a":                   lines("tar: Option -U is not permitted in mode -t"),
		"tar -x --strip-components=a -f b": lines("tar: Invalid argument to --strip-components"),
		"tar -xzj -f a":                    lines("tar: Can't specify both -j and -z"),
		"tar -x --gzip=3 -f a":             lines("tar: Option --gzip does not allow an argument") + usage,
	} {
		b := newBox(t, machine.Options{})
		_, stderr, code := b.run(line)
		if line == "tar --no-s -x" {
			if !strings.HasPrefix(stderr, "tar: Ambiguous option --no-s (matches ") || code != 1 {
				t.Errorf("%s: %q", line, stderr)
			}
			continue
		}
		if stderr != want || code != 1 {
			t.Errorf("%s: code %d, stderr\n%s\nwant\n%s", line, code, stderr, want)
		}
	}
	b := newBox(t, machine.Options{})
	for line, want := range map[string]string{
		"tar -rf a b": "tar -r", "tar --update -f a b": "tar --update", "tar -cjf a b": "tar with compression bzip2",
		"tar -acf x.7z a": "tar --format 7zip", "tar -x --options zip:x -f a": "tar --options",
		"tar -xwf a": "tar -w", "tar --newer-than x -xf a": "tar --newer-than", "tar -c --format=cpio -f x y": "tar --format cpio",
	} {
		if got := b.refused(line); got != want {
			t.Errorf("%s: refused %q, want %q", line, got, want)
		}
	}
}

// Patterns match what bsdtar matches; --exclude looks for them in every
// component, the others from the start.
func TestTarPatterns(t *testing.T) {
	for _, tc := range []struct {
		pattern, yes, no string
		loose            bool
	}{
		{pattern: "a", yes: "a a/ a/b ./a", no: "ab b/a"},
		{pattern: "a", yes: "b/a b/a/c", no: "ba b/ab", loose: true},
		{pattern: "*.txt", yes: "x.txt d/x.txt", no: "x.txt.gz"},
		{pattern: "d/*/x", yes: "d/a/x d/a/b/x", no: "d/x"},
		{pattern: "[a-c]?", yes: "ab cx/y", no: "dx a"},
		{pattern: "[!a]*", yes: "b bc", no: "a ab"},
		{pattern: "a$", yes: "a a/", no: "a/b"},
		{pattern: "^a", yes: "a a/b", no: "b/a", loose: true},
		{pattern: "/a", yes: "/a", no: "a b/a", loose: true},
		{pattern: `\*`, yes: "*", no: "a"},
		{pattern: "[x", yes: "[x", no: "x"},
		{pattern: "a/./b", yes: "a/b a//b", no: "a/c"},
	} {
		p := pathPattern{text: tc.pattern, loose: tc.loose, below: true}
		for _, name := range strings.Fields(tc.yes) {
			if !p.matches(name) {
				t.Errorf("%s does not match %s", tc.pattern, name)
			}
		}
		for _, name := range strings.Fields(tc.no) {
			if p.matches(name) {
				t.Errorf("%s matches %s", tc.pattern, name)
			}
		}
	}
}

// What is not known when a line is checked is not refused, unless an option is.
func TestTarCheckUnknown(t *testing.T) {
	c := &machine.Checking{}
	ok := []machine.Arg{{Text: "-xf"}, {Unknown: true}, {Text: "-C"}, {Text: `C:\`, Unknown: true}}
	if err := (tarProgram{}).Check(t.Context(), c, ok); err != nil {
		t.Errorf("unknown names are refused: %v", err)
	}
	var r *run.RefusedError
	bad := []machine.Arg{{Text: "-rf"}, {Unknown: true}}
	if err := (tarProgram{}).Check(t.Context(), c, bad); !errors.As(err, &r) {
		t.Errorf("-r of an unknown archive is let through: %v", err)
	}
}
