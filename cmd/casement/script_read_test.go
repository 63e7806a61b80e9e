package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/casement/casement/internal/winmeta"
)

// An opened is a manifest or an index that a script looks at, and how to get at
// the blobs that it names. It shares no code with what it checks.
type opened struct {
	raw    []byte
	digest digest.Digest
	blob   func(digest.Digest) ([]byte, error)
}

// open reads what a reference or oci:PATH[:TAG] names.
func open(ts *testscript.TestScript, ref string) opened {
	var o opened
	if name, ok := strings.CutPrefix(ref, "oci:"); ok {
		o = openLayout(ts, name)
	} else {
		b := ts.Value(bedKey{}).(*bed)
		host, rest, _ := strings.Cut(ref, "/")
		r := b.registries[host]
		if r == nil {
			ts.Fatalf("no registry of this script is called %s", host)
		}
		repo, which := splitWhich(rest)
		raw, err := r.get("/v2/" + repo + "/manifests/" + which)
		ts.Check(err)
		o.raw = raw
		o.blob = func(d digest.Digest) ([]byte, error) {
			if b, err := r.get("/v2/" + repo + "/blobs/" + d.String()); err == nil {
				return b, nil
			}
			return r.get("/v2/" + repo + "/manifests/" + d.String())
		}
	}
	o.digest = digest.FromBytes(o.raw)
	return o
}

// splitWhich takes the tag or digest off a name in a registry.
func splitWhich(name string) (repo, which string) {
	if repo, d, ok := strings.Cut(name, "@"); ok {
		return repo, d
	}
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		return name[:i], name[i+1:]
	}
	return name, "latest"
}

func openLayout(ts *testscript.TestScript, name string) opened {
	name, tag, _ := strings.Cut(name, ":")
	read := layoutReader(ts, ts.MkAbs(name))
	var ix ocispec.Index
	raw, err := read("index.json")
	ts.Check(err)
	ts.Check(json.Unmarshal(raw, &ix))
	blob := func(d digest.Digest) ([]byte, error) {
		b, err := read("blobs/" + d.Algorithm().String() + "/" + d.Encoded())
		if err == nil && digest.FromBytes(b) != d {
			err = fmt.Errorf("blob %s has the digest %s", d, digest.FromBytes(b))
		}
		return b, err
	}
	var found []ocispec.Descriptor
	for _, m := range ix.Manifests {
		if tag == "" || m.Annotations[ocispec.AnnotationRefName] == tag || strings.HasSuffix(m.Annotations["io.containerd.image.name"], ":"+tag) {
			found = append(found, m)
		}
	}
	if len(found) == 0 {
		ts.Fatalf("%s has no image %q", name, tag)
	}
	raw, err = blob(found[0].Digest)
	ts.Check(err)
	return opened{raw: raw, blob: blob}
}

// layoutReader returns a function that reads the files of a layout.
func layoutReader(ts *testscript.TestScript, name string) func(string) ([]byte, error) {
	fi, err := os.Stat(name)
	ts.Check(err)
	if fi.IsDir() {
		return func(f string) ([]byte, error) { return os.ReadFile(filepath.Join(name, filepath.FromSlash(f))) }
	}
	f, err := os.Open(name)
	ts.Check(err)
	defer f.Close()
	files := map[string][]byte{}
	for tr := tar.NewReader(f); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		ts.Check(err)
		b, err := io.ReadAll(tr)
		ts.Check(err)
		files[strings.TrimPrefix(h.Name, "./")] = b
	}
	return func(f string) ([]byte, error) {
		if b, ok := files[f]; ok {
			return b, nil
		}
		return nil, fmt.Errorf("%s: %s: %w", name, f, fs.ErrNotExist)
	}
}

// choose returns the manifest for a platform, which the first of want is a part
// of, or o itself if it is no index.
func (o opened) choose(ts *testscript.TestScript, want []string) opened {
	var ix ocispec.Index
	ts.Check(json.Unmarshal(o.raw, &ix))
	if ix.Manifests == nil {
		return o
	}
	var have []string
	for _, m := range ix.Manifests {
		p := "none"
		if m.Platform != nil {
			p = strings.TrimSpace(m.Platform.OS + "/" + m.Platform.Architecture + " " + m.Platform.OSVersion)
		}
		if len(want) == 0 || strings.Contains(p, want[0]) {
			raw, err := o.blob(m.Digest)
			ts.Check(err)
			return opened{raw, m.Digest, o.blob}
		}
		have = append(have, p)
	}
	ts.Fatalf("no image of the index is for %q: %q", want, have)
	return o
}

func (o opened) manifest(ts *testscript.TestScript) ocispec.Manifest {
	var m ocispec.Manifest
	ts.Check(json.Unmarshal(o.raw, &m))
	return m
}

func (o opened) config(ts *testscript.TestScript) []byte {
	b, err := o.blob(o.manifest(ts).Config.Digest)
	ts.Check(err)
	return b
}

// layer returns the tar of a layer, and fails if it is not what the config says.
func (o opened) layer(ts *testscript.TestScript, number string) []byte {
	n, err := strconv.Atoi(number)
	ts.Check(err)
	m := o.manifest(ts)
	if n < 0 {
		n += len(m.Layers) + 1
	}
	if n < 1 || n > len(m.Layers) {
		ts.Fatalf("there is no layer %s: the image has %d", number, len(m.Layers))
	}
	raw, err := o.blob(m.Layers[n-1].Digest)
	ts.Check(err)
	tarBytes, err := uncompress(raw)
	ts.Check(err)
	var c ocispec.Image
	ts.Check(json.Unmarshal(o.config(ts), &c))
	if got, want := digest.FromBytes(tarBytes), c.RootFS.DiffIDs[n-1]; got != want {
		ts.Fatalf("layer %d has the diff ID %s, and the config says %s", n, got, want)
	}
	return tarBytes
}

func uncompress(b []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(b, []byte{0x1f, 0x8b}):
		r, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(r)
	case bytes.HasPrefix(b, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		r, err := zstd.NewReader(bytes.NewReader(b))
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return io.ReadAll(r)
	}
	return b, nil
}

// printTar prints the entries of a tar, one a line.
func printTar(ts *testscript.TestScript, b []byte) {
	names := map[byte]string{
		tar.TypeReg: "file", tar.TypeDir: "dir", tar.TypeSymlink: "symlink", tar.TypeLink: "link",
		tar.TypeChar: "char", tar.TypeBlock: "block", tar.TypeFifo: "fifo",
	}
	for tr := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		ts.Check(err)
		kind := names[h.Typeflag]
		if kind == "" {
			kind = fmt.Sprintf("type-%c", h.Typeflag)
		}
		line := fmt.Sprintf("%s %s size=%d mode=%o uid=%d gid=%d", kind, strconv.QuoteToASCII(h.Name), h.Size, h.Mode, h.Uid, h.Gid)
		if h.Linkname != "" {
			line += " target=" + strconv.QuoteToASCII(h.Linkname)
		}
		line += " mtime=" + h.ModTime.UTC().Format("2006-01-02T15:04:05.999999999Z")
		for _, key := range slices.Sorted(maps.Keys(h.PAXRecords)) {
			line += " " + key + "=" + paxText(key, h.PAXRecords[key])
		}
		fmt.Fprintln(ts.Stdout(), line)
	}
}

// paxText prints the value of a PAX record.
func paxText(key, value string) string {
	if key == "MSWINDOWS.rawsd" {
		if b, err := base64.StdEncoding.DecodeString(value); err == nil {
			if d, err := winmeta.ParseDescriptor(b); err == nil {
				return d.String()
			}
		}
	}
	if strings.ContainsAny(value, " \n\"") || value == "" {
		return strconv.QuoteToASCII(value)
	}
	return value
}

func printTarFile(ts *testscript.TestScript, b []byte, name string) {
	for tr := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			ts.Fatalf("the layer has no %s", name)
		}
		ts.Check(err)
		if h.Name == name {
			_, err := io.Copy(ts.Stdout(), tr)
			ts.Check(err)
			return
		}
	}
}

// printCanonical prints JSON with sorted keys.
func printCanonical(ts *testscript.TestScript, raw []byte) {
	var v any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	ts.Check(dec.Decode(&v))
	enc := json.NewEncoder(ts.Stdout())
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	ts.Check(enc.Encode(v))
}
