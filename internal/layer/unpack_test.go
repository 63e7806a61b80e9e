package layer

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/casement/casement/internal/tree"
)

// bz2 is the tar of one file a with the content a, as bzip2 packs it, for the
// standard library only reads that format.
const bz2 = "QlpoOTFBWSZTWQ6oAAAAAAAA"

// Broken if it fails: ADD does not unpack what it should, or not twice alike.
func TestUnpack(t *testing.T) {
	data := tarWith(t, &tar.Header{Typeflag: tar.TypeDir, Name: "d/"}, reg("d/x"), link("h", "d/x"), reg(".wh.literal"), reg("a"), reg("a"),
		&tar.Header{Typeflag: tar.TypeSymlink, Name: "l", Linkname: "/d"})
	var zs, x bytes.Buffer
	zw, _ := zstd.NewWriter(&zs)
	zw.Write(data)
	zw.Close()
	xw, err := xz.NewWriter(&x)
	if err != nil {
		t.Fatal(err)
	}
	xw.Write(data)
	xw.Close()
	for name, packed := range map[string][]byte{"tar": data, "gzip": gzipped(data), "zstd": zs.Bytes(), "xz": x.Bytes()} {
		t.Run(name, func(t *testing.T) {
			st := openStore(t)
			for range 2 {
				tr, ok, err := Unpack(t.Context(), text(packed), st)
				if err != nil || !ok {
					t.Fatalf("Unpack: %t, %v", ok, err)
				}
				got := map[string]string{}
				for e, err := range tree.Walk(t.Context(), tr, "") {
					if err != nil {
						t.Fatal(err)
					}
					got[e.Name] = e.Kind.String() + " " + e.Target + read(t, e)
				}
				want := map[string]string{"d": "directory ", "d/x": "file d/x", "h": "file d/x", ".wh.literal": "file .wh.literal", "a": "file a", "l": "symlink /d"}
				if d := cmp.Diff(want, got); d != "" {
					t.Error(d)
				}
			}
		})
	}
}

// Broken if it fails: ADD unpacks ordinary files, or what leads out of the tree.
func TestUnpackRefuses(t *testing.T) {
	st := openStore(t)
	broken, err := base64.StdEncoding.DecodeString(bz2)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"empty": nil, "text": []byte("just text"), "zeros": make([]byte, 4096), "gzip of text": gzipped([]byte("text")),
		"short gzip": gzipped([]byte("text"))[:5], "bad bzip2": broken, "long text": bytes.Repeat([]byte("text "), 1000),
	} {
		if _, ok, err := Unpack(t.Context(), text(data), st); ok || err != nil {
			t.Errorf("%s: %t, %v", name, ok, err)
		}
	}
	for name, data := range map[string][]byte{
		"dots": tarWith(t, reg("../x")), "absolute": tarWith(t, reg("/x")), "link out": tarWith(t, link("a", "../x")),
		"link to nothing": tarWith(t, link("a", "x")), "cut": tarWith(t, reg("a"), reg("bbb"))[:1024+513],
		"below link": tarWith(t, &tar.Header{Typeflag: tar.TypeSymlink, Name: "l", Linkname: "/etc"}, reg("l/x")),
	} {
		_, _, err := Unpack(t.Context(), text(data), st)
		t.Run(name, func(t *testing.T) { wantEntryError(t, err) })
	}
}

// FuzzUnpack: no archive makes the reader crash or leave the tree.
func FuzzUnpack(f *testing.F) {
	f.Add(tarWith(f, reg("a"), link("b", "a")))
	f.Add(gzipped(tarWith(f, reg("d/x"))))
	st := openStore(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		tr, ok, err := Unpack(t.Context(), text(data), st)
		if err != nil || !ok {
			return
		}
		for e, err := range tree.Walk(t.Context(), tr, "") {
			if err != nil {
				t.Fatal(err)
			}
			if tree.Clean(e.Name) != e.Name {
				t.Fatalf("name %q", e.Name)
			}
		}
	})
}
