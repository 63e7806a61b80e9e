package image_test

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/image"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

func openStore(t *testing.T) *store.Store {
	t.Helper()
	st, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// The layer of the HostProcess base is pinned by the format's test vector:
// another digest means that the bytes of every Windows layer have changed.
func TestHostProcess(t *testing.T) {
	st := openStore(t)
	img, chain, err := image.HostProcess(t.Context(), st, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := img.Layers[0].DiffID, digest.Digest("sha256:508b835471e77a4cdf2dd2133bd879d31c04b159dc01f8a8c938694e6d867f27"); got != want {
		t.Errorf("diff ID %s, want the vector's %s", got, want)
	}
	if chain.Sealed() || chain.Platform.OSVersion != "" || chain.OS != "windows" {
		t.Errorf("chain: sealed %v, platform %+v", chain.Sealed(), chain.Platform)
	}
	again, _, err := image.HostProcess(t.Context(), openStore(t), "amd64")
	if err != nil || again.Descriptor.Digest != img.Descriptor.Digest {
		t.Errorf("a second machine makes %v, %v; the first %s", again.Descriptor.Digest, err, img.Descriptor.Digest)
	}
	for ref, want := range map[string]bool{
		"docker.io/casement/hostprocess:latest": true, "casement/hostprocess": true, "casement/hostprocess@sha256:00": true,
		"docker.io/casement/hostprocess:1": false, "registry.example/casement/hostprocess": false, "docker.io/library/casement": false,
	} {
		if image.IsHostProcess(ref) != want {
			t.Errorf("IsHostProcess(%q) = %v", ref, !want)
		}
	}
}

// sealedBase is a base image whose layer fails the test when it is read.
func sealedBase(t *testing.T, osVersion string) tree.Chain {
	return tree.NewChain(ocispec.Platform{OS: "windows", Architecture: "amd64", OSVersion: osVersion, OSFeatures: []string{"win32k"}},
		&tree.Layer{Sealed: true, Changes: unreadable{t}, Origin: &tree.Origin{
			Descriptor: ocispec.Descriptor{MediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip", Digest: digest.FromString("base"), Size: 7},
			DiffID:     digest.FromString("base diff"), From: "registry.example/base", Blob: unreadable{t},
		}})
}

type unreadable struct{ t *testing.T }

func (u unreadable) Open(context.Context, int64) (io.ReadCloser, error) {
	u.t.Error("the base's bytes were read")
	return nil, io.ErrUnexpectedEOF
}

func (u unreadable) Find(context.Context, string, bool) (tree.Change, error) {
	u.t.Error("the base was asked")
	return tree.Change{}, io.ErrUnexpectedEOF
}

func (u unreadable) List(ctx context.Context, _ string, _ bool) iter.Seq2[tree.Change, error] {
	return u.All(ctx)
}

func (u unreadable) All(context.Context) iter.Seq2[tree.Change, error] {
	return func(func(tree.Change, error) bool) { u.t.Error("the base was listed") }
}

func added(name, text string) *tree.Layer {
	e := &tree.Entry{Name: name, Kind: tree.File, Size: int64(len(text)), Content: tree.Bytes(text)}
	return &tree.Layer{Changes: tree.NewSet([]tree.Change{{Entry: e}}), Label: "COPY " + name}
}

// Config and manifest of an image on a sealed base: os.version is the base's
// and not what was asked for, layers without changes are left out, unknown
// fields stay, the clock has no say.
func TestAssemble(t *testing.T) {
	const config = `{"architecture":"amd64","os":"windows","os.version":"10.0.99999","created":"2026-01-02T03:04:05Z",
		"config":{"Env":["A=b"],"ArgsEscaped":true,"Healthcheck":{"Test":["NONE"]}},"x-unknown":1,
		"rootfs":{"type":"layers","diff_ids":["` + "sha256:0000000000000000000000000000000000000000000000000000000000000000" + `"]},
		"history":[{"created":"2020-01-01T00:00:00Z","created_by":"Apply image"},
		{"created":"2026-01-02T03:04:05Z","created_by":"COPY a"},{"created":"2026-01-02T03:04:05Z","created_by":"ENV A=b","empty_layer":true},
		{"created":"2026-01-02T03:04:05Z","created_by":"WORKDIR /there"},{"created":"2026-01-02T03:04:05Z","created_by":"COPY b"}]}`
	base := `{"history":[{"created":"2020-01-01T00:00:00Z"}]}`
	empty := &tree.Layer{Changes: tree.NewSet(nil), Label: "WORKDIR"}
	chain := sealedBase(t, "10.0.20348.2700").Push(added("app/a", "1"), empty, added("app/b", "2"))
	img, err := image.Assemble(t.Context(), openStore(t), image.Parts{
		Chain: chain, Config: []byte(config), BaseConfig: []byte(base),
		Platform:    ocispec.Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0.20348"},
		Annotations: map[string]string{"k": "v"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(img.Layers); n != 3 {
		t.Fatalf("%d layers, want 3: the empty one is left out", n)
	}
	var c struct {
		OSVersion  string   `json:"os.version"`
		OSFeatures []string `json:"os.features"`
		Created    string
		Config     struct {
			ArgsEscaped bool
			Healthcheck struct{ Test []string }
		}
		Unknown int `json:"x-unknown"`
		RootFS  struct {
			DiffIDs []digest.Digest `json:"diff_ids"`
		}
		History []struct {
			Created   string
			CreatedBy string `json:"created_by"`
			Empty     bool   `json:"empty_layer"`
		}
	}
	if err := json.Unmarshal(img.Config, &c); err != nil {
		t.Fatal(err)
	}
	if c.OSVersion != "10.0.20348.2700" || len(c.OSFeatures) != 1 || img.Descriptor.Platform.OSVersion != c.OSVersion {
		t.Errorf("os.version %q, features %v, descriptor %+v: want the base's", c.OSVersion, c.OSFeatures, img.Descriptor.Platform)
	}
	if !c.Config.ArgsEscaped || c.Config.Healthcheck.Test == nil || c.Unknown != 1 {
		t.Errorf("fields of the frontend's config were lost: %s", img.Config)
	}
	if len(c.RootFS.DiffIDs) != 3 || c.RootFS.DiffIDs[0] != digest.FromString("base diff") {
		t.Errorf("diff IDs %v", c.RootFS.DiffIDs)
	}
	var history []string
	for _, h := range c.History {
		s := h.Created[:4] + " " + h.CreatedBy
		if h.Empty {
			s += " (empty)"
		}
		history = append(history, s)
	}
	want := []string{"2020 Apply image", "1970 COPY a", "1970 ENV A=b (empty)", "1970 WORKDIR /there (empty)", "1970 COPY b"}
	if d := cmp.Diff(want, history); d != "" || c.Created[:4] != "1970" {
		t.Errorf("created %s, history (-want +got):\n%s", c.Created, d)
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(img.Manifest, &m); err != nil || m.Layers[0].MediaType != ocispec.MediaTypeImageLayerGzip || m.Annotations["k"] != "v" {
		t.Errorf("manifest %s, %v", img.Manifest, err)
	}
}

// Which entry of the history is whose: viewers go through it together with the
// layers. Bases whose history is missing, or speaks of another number of layers
// than they have, must not shift what the build's own steps are shown to have
// made.
func TestHistoryOfBase(t *testing.T) {
	step := func(what string, empty bool) ocispec.History {
		return ocispec.History{CreatedBy: what, EmptyLayer: empty}
	}
	for name, test := range map[string]struct {
		base []ocispec.History
		own  []ocispec.History
		want string
	}{
		"as it should be": {[]ocispec.History{step("FROM", false)}, []ocispec.History{step("COPY", false)}, "FROM,COPY"},
		"none":            {nil, []ocispec.History{step("COPY", false), step("ENV", true)}, "?,COPY,ENV-"},
		"too short":       {[]ocispec.History{step("ENV", true)}, []ocispec.History{step("COPY", false)}, "ENV-,?,COPY"},
		"too long":        {[]ocispec.History{step("FROM", false), step("more", false)}, []ocispec.History{step("COPY", false)}, "FROM,more-,COPY"},
		"nothing at all":  {nil, nil, "?,?"},
		"too many of own": {[]ocispec.History{step("FROM", false)}, []ocispec.History{step("lost", false), step("COPY", false)}, "FROM,lost-,COPY"},
	} {
		t.Run(name, func(t *testing.T) {
			base, err := json.Marshal(ocispec.Image{History: test.base})
			if err != nil {
				t.Fatal(err)
			}
			config, err := json.Marshal(ocispec.Image{History: append(slices.Clone(test.base), test.own...)})
			if err != nil {
				t.Fatal(err)
			}
			img, err := image.Assemble(t.Context(), openStore(t), image.Parts{
				Chain: sealedBase(t, "10.0.20348.2700").Push(added("app/a", "1")), Config: config, BaseConfig: base,
				Platform: ocispec.Platform{OS: "windows", Architecture: "amd64"},
			})
			if err != nil {
				t.Fatal(err)
			}
			var c ocispec.Image
			if err := json.Unmarshal(img.Config, &c); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, h := range c.History {
				s := h.CreatedBy
				if s == "" {
					s = "?"
				}
				if h.EmptyLayer {
					s += "-"
				}
				got = append(got, s)
			}
			if s := strings.Join(got, ","); s != test.want {
				t.Errorf("history %s, want %s", s, test.want)
			}
		})
	}
}
