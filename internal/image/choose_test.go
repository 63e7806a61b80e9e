package image_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/dockerfile"
	"github.com/casement/casement/internal/image"
)

// index makes an index of entries written as platforms; "attestation" is one.
func index(t *testing.T, entries ...string) ocispec.Index {
	t.Helper()
	var ix ocispec.Index
	for _, e := range entries {
		d := ocispec.Descriptor{Digest: digest.FromString(e)}
		if e == "attestation" {
			d.Platform = &ocispec.Platform{OS: "unknown", Architecture: "unknown"}
		} else {
			p := platform(t, e)
			d.Platform = &p
		}
		ix.Manifests = append(ix.Manifests, d)
	}
	return ix
}

func platform(t *testing.T, s string) ocispec.Platform {
	t.Helper()
	p, err := dockerfile.ParsePlatform(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Choosing decides which Windows an image is for. BuildKit takes the first
// entry and stamps what was asked for; both would be wrong in silence here.
func TestChoose(t *testing.T) {
	const (
		w19  = "windows(10.0.17763.5329)/amd64"
		w22a = "windows(10.0.20348.643)/amd64"
		w22b = "windows(10.0.20348.2700)/amd64"
		w25  = "windows(10.0.26100.1742)/amd64"
	)
	tests := []struct {
		entries, want, got string // got is an entry, or "none" or "ambiguous"
	}{
		{w19, "windows/amd64", w19},
		{w22a + " " + w22b, "windows/amd64", w22b}, // by number, not as text
		{w19 + " " + w22a + " " + w25, "windows/amd64", "ambiguous"},
		{w19 + " " + w22a + " " + w25, "windows(10.0.20348)/amd64", w22a},
		{w19 + " " + w22a + " " + w22b, "windows(10.0.20348)/amd64", w22b},
		{w19 + " " + w22a + " " + w22b, "windows/amd64:10.0.20348.643", w22a},
		{w19 + " " + w22a, "windows(10.0.99999.1)/amd64", "none"},
		{w22a, "windows(10.0.20348.1)/amd64", "none"},
		{w22a + " linux/amd64", "linux/amd64", "linux/amd64"},
		{w22a + " linux/amd64", "linux/arm64", "none"},
		{w22a + " attestation", "windows/amd64", w22a},
		{"linux/arm/v6 linux/arm/v7", "linux/arm/v7", "linux/arm/v7"},
		{"linux/arm/v6", "linux/arm/v7", "none"},
		{"windows/amd64", "windows(10.0.20348)/amd64", "windows/amd64"}, // HostProcess: no version serves all
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	for _, tt := range tests {
		entries := strings.Fields(tt.entries)
		for range 6 { // in any order
			rnd.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
			d, err := image.Choose("base", index(t, entries...), platform(t, tt.want))
			got := ""
			var no *image.NoMatchError
			var many *image.AmbiguousError
			switch {
			case errors.As(err, &no):
				got = "none"
			case errors.As(err, &many):
				got = "ambiguous"
			case err != nil:
				got = err.Error()
			default:
				for _, e := range entries {
					if d.Digest == digest.FromString(e) {
						got = e
					}
				}
			}
			if got != tt.got {
				t.Errorf("Choose(%v, %s) = %s, want %s", entries, tt.want, got, tt.got)
			}
			if h, ok := err.(interface{ Hint() string }); err != nil && (!ok || h.Hint() == "") {
				t.Errorf("error without a hint: %v", err)
			}
		}
	}
}

// The messages name the versions and their releases: nobody knows build
// numbers by heart.
func TestChooseErrors(t *testing.T) {
	ix := index(t, "windows(10.0.17763.1)/amd64", "windows(10.0.20348.2)/amd64")
	_, err := image.Choose("registry.example/base:1", ix, platform(t, "windows/amd64"))
	want := "registry.example/base:1 has several Windows versions: windows(10.0.20348.2)/amd64 [ltsc2022], windows(10.0.17763.1)/amd64 [ltsc2019]"
	if d := cmp.Diff(want, fmt.Sprint(err)); d != "" {
		t.Error(d)
	}
	_, err = image.Choose("registry.example/base:1", ix, platform(t, "windows(10.0.26100)/amd64"))
	if got := fmt.Sprint(err); !strings.Contains(got, "no match for platform windows(10.0.26100)/amd64") || !strings.Contains(got, "[ltsc2019]") {
		t.Error(got)
	}
}

// All matchers agree on the newest that fits only if entries are newest first.
func TestNewIndexOrder(t *testing.T) {
	var images []*image.Image
	for _, s := range []string{"windows/amd64", "windows(10.0.20348.643)/amd64", "linux/amd64", "windows(10.0.26100.1)/amd64", "windows(10.0.20348.2700)/amd64"} {
		p := platform(t, s)
		images = append(images, &image.Image{Descriptor: ocispec.Descriptor{Platform: &p, Digest: digest.FromString(s)}})
	}
	ix, err := image.NewIndex(images, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range ix.Images {
		got = append(got, image.FormatPlatform(*i.Descriptor.Platform))
	}
	want := []string{"linux/amd64", "windows(10.0.26100.1)/amd64", "windows(10.0.20348.2700)/amd64", "windows(10.0.20348.643)/amd64", "windows/amd64"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestParseAnnotations(t *testing.T) {
	a, err := image.ParseAnnotations([]string{"k=v", "index:i=1", "manifest,index:both=x=y", "manifest[windows/amd64]:w=1", "manifest-descriptor:d=1"})
	if err != nil {
		t.Fatal(err)
	}
	win, lin := platform(t, "windows(10.0.20348.1)/amd64"), platform(t, "linux/amd64")
	for _, tt := range []struct {
		name      string
		got, want map[string]string
	}{
		{"windows manifest", a.Manifest(win), map[string]string{"k": "v", "both": "x=y", "w": "1"}},
		{"linux manifest", a.Manifest(lin), map[string]string{"k": "v", "both": "x=y"}},
		{"index", a.Index(), map[string]string{"i": "1", "both": "x=y"}},
		{"entry", a.Entry(win), map[string]string{"d": "1"}},
	} {
		if d := cmp.Diff(tt.want, tt.got); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
	for _, bad := range []string{"novalue", "=v", "foo:k=v", "k y=v"} {
		if _, err := image.ParseAnnotations([]string{bad}); err == nil {
			t.Errorf("annotation %q was taken", bad)
		}
	}
}

// An annotation for a platform must not get lost because the base's version is
// longer than what the user wrote, nor reach another platform.
func TestAnnotationPlatform(t *testing.T) {
	p := ocispec.Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0.20348.2700", OSFeatures: []string{"win32k"}}
	for text, want := range map[string]bool{
		"windows/amd64": true, "windows(10.0.20348)/amd64": true, "Windows(10.0.20348.2700)/amd64": true,
		"windows(10.0.20348.2700+win32k)/amd64": true, "windows(10.0.2034)/amd64": false, "windows(10.0.17763)/amd64": false,
		"linux/amd64": false, "windows/arm64": false,
	} {
		a, err := image.ParseAnnotations([]string{"manifest-descriptor[" + text + "]:k=v"})
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Entry(p); (got["k"] == "v") != want {
			t.Errorf("%s gives the entry of %s %v", text, image.FormatPlatform(p), got)
		}
	}
}
