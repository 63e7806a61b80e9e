package fetch

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// Archives that Go does not write: made by bzip2 and by zip -fz.
const (
	bzippedTar = "QlpoOTFBWSZTWfdV45YAAHP7gMkAAAJAAf+AACBgRF5ACAggAFQ0ptTTIzUNHoRtBJJPUMhoaBoH3ciCEG7oQjKukSlJXoEMmI1zdDsBxAED" +
		"d6uiaqkBR57RekTFqsvdK/OwzYbdCIgMi7kinChIe6rxywA="
	zip64 = "UEsDBC0AAAAAAGEgxVJqOeDQ//////////8FABQAYS50eHQBABAABQAAAAAAAAAFAAAAAAAAAGFscGhhUEsBAh4DLQAAAAAAYSDFUmo54NAF" +
		"AAAA/////wUADAAAAAAAAQAAAKSBAAAAAGEudHh0AQAIAAUAAAAAAAAAUEsGBiwAAAAAAAAAHgMtAAAAAAAAAAAAAQAAAAAAAAABAAAAAAAAAD8" +
		"AAAAAAAAAPAAAAAAAAABQSwYHAAAAAHsAAAAAAAAAAQAAAFBLBQYAAAAAAQABAD8AAAD/////AAA="
)

func TestForeignArchives(t *testing.T) {
	for name, text := range map[string]string{"bzip2": bzippedTar, "zip64": zip64} {
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		var got string
		_, err = ReadArchive(t.Context(), Source{At: bytes.NewReader(data), Size: int64(len(data))}, func(m *Member, r io.Reader) error {
			b, err := io.ReadAll(r)
			got += m.Name + "=" + string(b)
			return err
		})
		if err != nil || strings.TrimPrefix(got, "p/") != "a.txt=alpha" {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
}

// Answers are unpacked whatever the server means by deflate; bad data is told
// from a transfer that fails.
func TestDecodeContent(t *testing.T) {
	var gz, raw bytes.Buffer
	g := gzip.NewWriter(&gz)
	g.Write([]byte("alpha"))
	g.Close()
	f, _ := flate.NewWriter(&raw, 6)
	f.Write([]byte("alpha"))
	f.Close()
	const zlibbed = "\x78\x9c\x4b\xcc\x29\xc8\x48\x04\x00\x06\x2c\x02\x07"
	for _, tc := range []struct {
		encoding, data, want string
		err                  error
	}{
		{"gzip", gz.String(), "alpha", nil}, {"x-gzip, identity", gz.String(), "alpha", nil}, {"", "alpha", "alpha", nil},
		{"deflate", raw.String(), "alpha", nil}, {"gzip", "", "", nil}, {"deflate", "", "", nil},
		{"gzip", "rubbish, not packed", "", ErrCorrupt}, {"gzip", gz.String()[:12], "", ErrCorrupt}, {"br", "x", "", ErrMethod},
		{"deflate", zlibbed[:11], "alpha", ErrCorrupt},
	} {
		var got []byte
		r, err := DecodeContent(tc.encoding, strings.NewReader(tc.data))
		if err == nil {
			got, err = io.ReadAll(r)
		}
		if (tc.err != nil || err != nil) && !errors.Is(err, tc.err) || tc.err == nil && string(got) != tc.want {
			t.Errorf("%s of %.5q: %q %v, want %q %v", tc.encoding, tc.data, got, err, tc.want, tc.err)
		}
	}
	r, err := DecodeContent("gzip", io.MultiReader(strings.NewReader(gz.String()[:12]), &failingReader{}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a transfer that fails: %v", err)
	}
}

// Save reports how far it is, and keeps what arrived.
func TestSave(t *testing.T) {
	b := newBox(t, machine.Options{})
	var last int64
	n, err := Save(t.Context(), b.FS(), `C:\w\x`, strings.NewReader("0123456789"), machine.CreateOptions{}, func(done int64) { last = done })
	if n != 10 || err != nil || last != 10 || b.read(`C:\w\x`) != "0123456789" {
		t.Errorf("%d bytes, %v, progress %d", n, err, last)
	}
	_, err = Save(t.Context(), b.FS(), `C:\w\y`, io.MultiReader(strings.NewReader("012"), &failingReader{}), machine.CreateOptions{}, nil)
	if !errors.Is(err, io.ErrClosedPipe) || b.read(`C:\w\y`) != "012" {
		t.Errorf("cut: %v, %q", err, b.read(`C:\w\y`))
	}
	if _, err = Save(t.Context(), b.FS(), `C:\no\y`, strings.NewReader(""), machine.CreateOptions{}, nil); machine.CodeOf(err) != machine.ErrorPathNotFound {
		t.Errorf("no directory: %v", err)
	}
}
