package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/casement/casement/internal/hive"
	"github.com/casement/casement/test/testbed"
)

// baseTypes are the media types of a base image.
type baseTypes struct {
	index, manifest, config, layer, foreign string
}

func dockerTypes() baseTypes {
	const v2 = "application/vnd.docker.distribution.manifest"
	return baseTypes{
		v2 + ".list.v2+json", v2 + ".v2+json", "application/vnd.docker.container.image.v1+json",
		"application/vnd.docker.image.rootfs.diff.tar.gzip", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
	}
}

func ociTypes() baseTypes {
	return baseTypes{
		ocispec.MediaTypeImageIndex, ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageConfig,
		ocispec.MediaTypeImageLayerGzip, "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
	}
}

// baseTime is the time of everything in a base image.
func baseTime() time.Time { return time.Date(2025, 3, 4, 5, 6, 7, 0, time.UTC) }

func cmdBase(ts *testscript.TestScript, neg bool, args []string) {
	r, rest := registryOf(ts, args)
	positive(ts, neg, len(rest) >= 2, "base NAME VERSION[,VERSION...] [VAR] [foreign] [oci] [layers]")
	repo, tag := splitWhich(rest[0])
	types := dockerTypes()
	if slices.Contains(rest[2:], "oci") {
		types = ociTypes()
	}
	foreign, layered := slices.Contains(rest[2:], "foreign"), slices.Contains(rest[2:], "layers")
	var entries []ocispec.Descriptor
	versions := strings.Split(rest[1], ",")
	for _, v := range versions {
		p := ocispec.Platform{OS: "windows", Architecture: "amd64", OSVersion: v}
		if os, arch, ok := strings.Cut(v, "/"); ok {
			p = ocispec.Platform{OS: os, Architecture: arch}
		} else if v == "windows" {
			p.OSVersion = ""
		}
		name := tag
		if len(versions) > 1 {
			name = ""
		}
		d, err := r.pushBase(repo, name, p, types, foreign, layered)
		ts.Check(err)
		entries = append(entries, d)
	}
	if len(versions) > 1 {
		_, err := r.putManifest(repo, tag, types.index, ocispec.Index{
			Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: types.index, Manifests: entries,
		})
		ts.Check(err)
	}
}

// pushBase makes and pushes a base image of one layer, or of three.
func (r *testRegistry) pushBase(repo, tag string, p ocispec.Platform, types baseTypes, foreign, layered bool) (ocispec.Descriptor, error) {
	writers := []func(io.Writer, string) error{linuxBase}
	if p.OS == "windows" {
		writers[0] = windowsBase
		if layered {
			writers = append(writers, windowsUpdate, windowsCleanUp)
		}
	}
	var layers []ocispec.Descriptor
	var diffIDs []digest.Digest
	for _, write := range writers {
		d, diffID, err := r.pushLayer(repo, types, foreign, func(w io.Writer) error { return write(w, p.OS+p.Architecture+p.OSVersion) })
		if err != nil {
			return ocispec.Descriptor{}, err
		}
		layers, diffIDs = append(layers, d), append(diffIDs, diffID)
	}
	config, err := json.MarshalIndent(baseConfig(p, diffIDs), "", "  ")
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	if err := r.putBlob(repo, config); err != nil {
		return ocispec.Descriptor{}, err
	}
	m, err := r.putManifest(repo, tag, types.manifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: types.manifest,
		Config: ocispec.Descriptor{MediaType: types.config, Digest: digest.FromBytes(config), Size: int64(len(config))},
		Layers: layers,
	})
	return ocispec.Descriptor{MediaType: types.manifest, Digest: digest.FromBytes(m), Size: int64(len(m)), Platform: &p}, err
}

// pushLayer packs and pushes a layer of a base image, whose downloads count.
func (r *testRegistry) pushLayer(repo string, types baseTypes, foreign bool, write func(io.Writer) error) (ocispec.Descriptor, digest.Digest, error) {
	var raw, packed bytes.Buffer
	if err := write(&raw); err != nil {
		return ocispec.Descriptor{}, "", err
	}
	zw := gzip.NewWriter(&packed)
	if _, err := zw.Write(raw.Bytes()); err != nil {
		return ocispec.Descriptor{}, "", err
	}
	if err := zw.Close(); err != nil {
		return ocispec.Descriptor{}, "", err
	}
	d := ocispec.Descriptor{MediaType: types.layer, Digest: digest.FromBytes(packed.Bytes()), Size: int64(packed.Len())}
	if foreign {
		d.MediaType, d.URLs = types.foreign, []string{r.server.URL + "/elsewhere/" + d.Digest.String()}
	} else if err := r.putBlob(repo, packed.Bytes()); err != nil {
		return ocispec.Descriptor{}, "", err
	}
	r.mu.Lock()
	r.bases[d.Digest.String()] = true
	r.mu.Unlock()
	return d, digest.FromBytes(raw.Bytes()), nil
}

func baseConfig(p ocispec.Platform, diffIDs []digest.Digest) ocispec.Image {
	t := baseTime()
	var history []ocispec.History
	for i := range diffIDs {
		by := "Apply image " + strings.TrimSpace(p.OS+" "+p.OSVersion)
		if i > 0 {
			by = fmt.Sprintf("Install update %d", i)
		}
		history = append(history, ocispec.History{Created: &t, CreatedBy: by})
	}
	c := ocispec.Image{
		Created: &t, Platform: p,
		RootFS:  ocispec.RootFS{Type: "layers", DiffIDs: diffIDs},
		History: history,
	}
	if p.OS == "windows" {
		c.Config = ocispec.ImageConfig{User: "ContainerUser", Cmd: []string{`c:\windows\system32\cmd.exe`}}
	} else {
		c.Config = ocispec.ImageConfig{Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, Cmd: []string{"/bin/sh"}}
	}
	return c
}

// noise returns bytes that do not compress, the same for the same seed.
func noise(seed string, n int) []byte {
	h := fnv.New64a()
	_, _ = io.WriteString(h, seed)
	r := rand.New(rand.NewPCG(h.Sum64(), 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// windowsBase writes a base layer as Windows exports it: no Hives directory,
// the registry's own files in place, and hard links into WinSxS.
func windowsBase(w io.Writer, seed string) error {
	h, err := hive.Minimal(hive.Options{})
	if err != nil {
		return err
	}
	lw := testbed.NewLayerWriter(w)
	dir := func(names ...string) (err error) {
		for _, name := range names {
			if err == nil {
				err = lw.Dir(name, baseTime())
			}
		}
		return err
	}
	file := func(name string, b []byte) error {
		return lw.File(name, baseTime(), int64(len(b)), bytes.NewReader(b))
	}
	steps := []error{dir("Files"), file("Files/License.txt", []byte("terms\r\n")),
		dir("Files/Program Files", "Files/Program Files/Common Files", "Files/ProgramData", "Files/Users", "Files/Users/Public",
			"Files/Windows", "Files/Windows/System32"),
		file("Files/Windows/System32/cmd.exe", noise(seed+"cmd", 2000)), dir("Files/Windows/System32/config")}
	for _, name := range []string{"DEFAULT", "SAM", "SECURITY", "SOFTWARE", "SYSTEM"} {
		steps = append(steps, file("Files/Windows/System32/config/"+name, h))
	}
	steps = append(steps,
		file("Files/Windows/System32/kernel32.dll", noise(seed+"kernel32", 20_000)),
		file("Files/Windows/System32/netapi32.dll", noise(seed+"netapi32", 30_000)),
		file("Files/Windows/System32/ntdll.dll", noise(seed+"ntdll", 3_000_000)),
		dir("Files/Windows/WinSxS"),
		lw.Link("Files/Windows/WinSxS/netapi32.dll", "Files/Windows/System32/netapi32.dll", baseTime()),
		lw.Close())
	for _, err := range steps {
		if err != nil {
			return err
		}
	}
	return nil
}

// windowsUpdate writes a layer that replaces and adds files of a base.
func windowsUpdate(w io.Writer, _ string) error {
	lw := testbed.NewLayerWriter(w)
	file := func(name, text string) error {
		return lw.File(name, baseTime(), int64(len(text)), strings.NewReader(text))
	}
	return errors.Join(
		lw.Dir("Files", baseTime()), file("Files/.wh.License.txt", ""),
		lw.Dir("Files/App", baseTime()), lw.Dir("Files/App/Config", baseTime()),
		file("Files/App/Config/one.json", "1\n"), file("Files/App/Config/three.json", "3\n"), file("Files/App/Config/two.json", "2\n"),
		file("Files/App/tool.exe", "tool\n"),
		lw.Dir("Files/Windows", baseTime()), lw.Dir("Files/Windows/System32", baseTime()),
		file("Files/Windows/System32/kernel32.dll", "updated\n"),
		lw.Dir("Hives", baseTime()), lw.Close())
}

// windowsCleanUp writes a layer that removes a file, and links to one of the
// layer below in other letters, as Windows does.
func windowsCleanUp(w io.Writer, _ string) error {
	lw := testbed.NewLayerWriter(w)
	return errors.Join(
		lw.Dir("Files", baseTime()), lw.Dir("Files/App", baseTime()), lw.Dir("Files/App/Config", baseTime()),
		lw.File("Files/App/Config/.wh.two.json", baseTime(), 0, strings.NewReader("")),
		lw.Link("Files/App/alias.exe", "Files/APP/TOOL.exe", baseTime()),
		lw.Dir("Hives", baseTime()), lw.Close())
}

// linuxBase writes a small root file system.
func linuxBase(w io.Writer, seed string) error {
	tw := tar.NewWriter(w)
	content := noise(seed, 20_000)
	for _, h := range []*tar.Header{
		{Typeflag: tar.TypeDir, Name: "bin/", Mode: 0o755},
		{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755, Size: int64(len(content))},
		{Typeflag: tar.TypeSymlink, Name: "bin/sh", Linkname: "busybox", Mode: 0o777},
		{Typeflag: tar.TypeDir, Name: "etc/", Mode: 0o755},
		{Typeflag: tar.TypeReg, Name: "etc/passwd", Mode: 0o644, Size: 60},
		{Typeflag: tar.TypeReg, Name: "etc/group", Mode: 0o644, Size: 27},
		{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777},
	} {
		h.ModTime = baseTime()
		if err := tw.WriteHeader(h); err != nil {
			return err
		}
		text := content
		switch h.Name {
		case "etc/passwd":
			text = []byte("root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/app:/bin/sh\n")
		case "etc/group":
			text = []byte("root:x:0:\napp:x:1000:\nx:x:2")
		}
		if _, err := tw.Write(text[:h.Size]); err != nil {
			return err
		}
	}
	return tw.Close()
}

func cmdArtifact(ts *testscript.TestScript, neg bool, args []string) {
	r, rest := registryOf(ts, args)
	positive(ts, neg, len(rest) == 2, "artifact NAME TYPE")
	repo, tag := splitWhich(rest[0])
	ts.Check(r.putBlob(repo, []byte("{}")))
	blob := ocispec.Descriptor{MediaType: ocispec.MediaTypeEmptyJSON, Digest: digest.FromString("{}"), Size: 2}
	_, err := r.putManifest(repo, tag, ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: rest[1],
		Config: blob, Layers: []ocispec.Descriptor{blob},
	})
	ts.Check(err)
}
