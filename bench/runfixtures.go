package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/klauspost/compress/gzip"

	"github.com/casement/casement/internal/hive"
	"github.com/casement/casement/test/testbed"
)

// runFixtureVersion changes whenever the fixtures of "bench run" do.
const runFixtureVersion = "fixtures-run-1"

const (
	// The archive has 10,000 entries, which are about 100 MB packed and a bit
	// more than twice that unpacked, as archives of real software.
	archiveEntries = 10_000
	archiveBytes   = 220_000_000
	// hashedBytes is the size of the file that is hashed.
	hashedBytes = 1_000_000_000
	// toolEntries and toolBytes are those of the small archive of the build.
	toolEntries = 300
	toolBytes   = 8_000_000
)

// runFixtures are directories with what the cases work on.
type runFixtures struct{ dir string }

func runFixturesIn(bed testbed.Bed) runFixtures {
	return runFixtures{filepath.Join(bed.Dir, runFixtureVersion)}
}

// archive is a context with big.zip and, in last.txt, the name of its last entry;
// hash is one with big.bin.
func (f runFixtures) archive() string { return filepath.Join(f.dir, "archive") }
func (f runFixtures) hash() string    { return filepath.Join(f.dir, "hash") }

// app is the context of the build of eight steps; base is what it is built on,
// an OCI layout.
func (f runFixtures) app() string  { return filepath.Join(f.dir, "app") }
func (f runFixtures) base() string { return filepath.Join(f.dir, "base") }

// makeRunFixtures makes them when the cache lacks them: aside, and renamed last.
func makeRunFixtures(ctx context.Context, bed testbed.Bed) error {
	f := runFixturesIn(bed)
	if _, err := os.Stat(f.dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(bed.Dir, 0o755); err != nil {
		return fmt.Errorf("making the cache directory: %w", err)
	}
	fmt.Fprintln(bed.Log, "making the fixtures (once; about a minute)")
	tmp, err := os.MkdirTemp(bed.Dir, "fixtures-*")
	if err != nil {
		return fmt.Errorf("making the fixtures: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := (runFixtures{tmp}).fill(ctx); err != nil {
		return fmt.Errorf("making the fixtures: %w", err)
	}
	return os.Rename(tmp, f.dir)
}

func (f runFixtures) fill(ctx context.Context) error {
	for _, dir := range []string{f.archive(), f.hash(), filepath.Join(f.app(), "conf")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	v := newVocabulary()
	specs := appSpecs(v, archiveEntries, archiveBytes)
	if _, err := writeZip(ctx, v, filepath.Join(f.archive(), "big.zip"), specs); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(f.archive(), "last.txt"), []byte(specs[len(specs)-1].name), 0o644); err != nil {
		return err
	}
	if err := writeFile(filepath.Join(f.hash(), "big.bin"), rand.NewChaCha8([32]byte{7}), hashedBytes); err != nil {
		return err
	}
	if err := f.writeApp(ctx, v); err != nil {
		return err
	}
	return f.writeBase(ctx, v)
}

// writeZip writes files into an archive and returns its SHA-256.
func writeZip(ctx context.Context, v *vocabulary, file string, specs []fileSpec) (sum string, err error) {
	f, err := os.Create(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	z := zip.NewWriter(io.MultiWriter(f, h))
	fixed := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, s := range specs {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: s.name, Method: zip.Deflate, Modified: fixed})
		if err != nil {
			return "", err
		}
		if _, err := io.CopyN(w, v.reader(s.kind, seedOf(4, s.seed)), s.size); err != nil {
			return "", err
		}
	}
	err = errors.Join(z.Close(), f.Close()) // the first adds the directory to the sum
	return hex.EncodeToString(h.Sum(nil)), err
}

// writeApp makes the context of the build: an archive, its sum, and settings.
func (f runFixtures) writeApp(ctx context.Context, v *vocabulary) error {
	sum, err := writeZip(ctx, v, filepath.Join(f.app(), "tool.zip"), appSpecs(v, toolEntries, toolBytes))
	if err != nil {
		return err
	}
	settings := "{\r\n" + strings.Repeat("  \"url\": \"http://localhost:8080/\",\r\n", 100) + "}\r\n"
	for name, text := range map[string]string{"tool.zip.sha256": sum + "\r\n", "conf/server.json": settings, "conf/client.json": settings} {
		if err := os.WriteFile(filepath.Join(f.app(), filepath.FromSlash(name)), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// writeBase makes a base of a few hundred files with a registry in it.
func (f runFixtures) writeBase(ctx context.Context, v *vocabulary) error {
	s := baseSpec{Repo: "windows/small", Tag: "1", Version: "10.0.20348.2849", entries: 400, bytes: 12_000_000, seed: 13}
	file := filepath.Join(f.dir, "base.tar.gz")
	l, err := writeSmallBase(ctx, v, s, file)
	if err != nil {
		return err
	}
	img, err := baseImage(s, l, file)
	if err != nil {
		return err
	}
	p, err := layout.Write(f.base(), empty.Index)
	if err != nil {
		return err
	}
	return errors.Join(p.AppendImage(img), os.Remove(file))
}

// writeSmallBase is writeBase for a base whose registry is real, since steps
// look into it.
func writeSmallBase(ctx context.Context, v *vocabulary, s baseSpec, file string) (baseLayer, error) {
	registry, err := hive.Minimal(hive.Options{})
	if err != nil {
		return baseLayer{}, err
	}
	f, err := os.Create(file)
	if err != nil {
		return baseLayer{}, err
	}
	defer f.Close()
	blob := &meter{w: f, sum: sha256.New()}
	z := gzip.NewWriter(blob)
	tarred := &meter{w: z, sum: sha256.New()}
	l := testbed.NewLayerWriter(tarred)
	fixed := time.Date(2024, 11, 1, 0, 0, 0, 0, time.UTC)
	for _, e := range baseEntries(v, s) {
		if err = ctx.Err(); err != nil {
			break
		}
		if strings.Contains(e.name, "/config/") {
			err = l.File(e.name, fixed, int64(len(registry)), bytes.NewReader(registry))
		} else {
			err = e.write(l, v, s, fixed)
		}
		if err != nil {
			break
		}
	}
	if err := errors.Join(err, l.Close(), z.Close(), f.Close()); err != nil {
		return baseLayer{}, err
	}
	return baseLayer{Size: blob.n, BlobDigest: blob.digest(), DiffID: tarred.digest()}, nil
}
