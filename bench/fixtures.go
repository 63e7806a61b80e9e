package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"github.com/casement/casement/test/testbed"
)

// fixtureVersion changes whenever the fixtures' bytes do.
const fixtureVersion = "fixtures-1"

// fixtures are what the cases work on: made once from fixed seeds and kept.
type fixtures struct {
	Dir          string `json:"-"`
	ContextBytes int64
	Nano         baseLayer
	Core         baseLayer
}

func (f fixtures) context() string  { return filepath.Join(f.Dir, "context") }
func (f fixtures) registry() string { return filepath.Join(f.Dir, "registry") }

// makeFixtures returns the fixtures, making them when the cache lacks them.
func makeFixtures(ctx context.Context, bed testbed.Bed, registry string, log io.Writer) (fixtures, error) {
	dir := filepath.Join(bed.Dir, fixtureVersion)
	record := filepath.Join(dir, "fixtures.json")
	if data, err := os.ReadFile(record); err == nil {
		f := fixtures{Dir: dir}
		if err := json.Unmarshal(data, &f); err != nil {
			return f, fmt.Errorf("reading %s: %w", record, err)
		}
		return f, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fixtures{}, fmt.Errorf("reading %s: %w", record, err)
	}
	fmt.Fprintln(log, "making the fixtures (once; about a minute)")
	// Everything is made aside and renamed last: an interrupted run leaves
	// nothing that looks whole.
	tmp, err := os.MkdirTemp(bed.Dir, "fixtures-*")
	if err != nil {
		return fixtures{}, fmt.Errorf("making the fixtures: %w", err)
	}
	defer os.RemoveAll(tmp)
	f, err := fillFixtures(ctx, tmp, registry)
	if err != nil {
		return f, err
	}
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return f, fmt.Errorf("recording the fixtures: %w", err)
	}
	if err := os.WriteFile(filepath.Join(tmp, "fixtures.json"), data, 0o644); err != nil {
		return f, fmt.Errorf("recording the fixtures: %w", err)
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return f, fmt.Errorf("keeping the fixtures: %w", err)
	}
	if err := os.Rename(tmp, dir); err != nil {
		return f, fmt.Errorf("keeping the fixtures: %w", err)
	}
	f.Dir = dir
	return f, nil
}

func fillFixtures(ctx context.Context, dir, registry string) (fixtures, error) {
	f := fixtures{Dir: dir, ContextBytes: contextBytes}
	v := newVocabulary()
	var g errgroup.Group
	nano, core := filepath.Join(dir, "nano.tar.gz"), filepath.Join(dir, "core.tar.gz")
	g.Go(func() (err error) {
		f.Core, err = writeBase(ctx, v, servercore(), core)
		return err
	})
	g.Go(func() (err error) {
		if err = writeContext(ctx, v, f.context()); err != nil {
			return err
		}
		f.Nano, err = writeBase(ctx, v, nanoserver(), nano)
		return err
	})
	if err := g.Wait(); err != nil {
		return f, err
	}
	server, addr, err := testbed.StartRegistry(ctx, registry, f.registry(), testbed.RegistryOptions{})
	if err != nil {
		return f, err
	}
	defer server.Stop()
	if err := pushBase(ctx, addr, nanoserver(), &f.Nano, nano); err != nil {
		return f, err
	}
	if err := pushBase(ctx, addr, servercore(), &f.Core, core); err != nil {
		return f, err
	}
	return f, errors.Join(os.Remove(nano), os.Remove(core))
}

// pushBase pushes the layer as an image (the tag with "-image") and as an index
// of that one image (the tag).
func pushBase(ctx context.Context, addr string, s baseSpec, l *baseLayer, file string) error {
	img, err := baseImage(s, *l, file)
	if err != nil {
		return fmt.Errorf("making base image %s: %w", s.Repo, err)
	}
	index := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.DockerManifestList), mutate.IndexAddendum{
		Add:        img,
		Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "windows", Architecture: "amd64", OSVersion: s.Version}},
	})
	image, err := name.NewTag(addr + "/" + s.Repo + ":" + s.Tag + "-image")
	if err != nil {
		return fmt.Errorf("naming base image %s: %w", s.Repo, err)
	}
	if err := remote.Write(image, img, remote.WithContext(ctx)); err != nil {
		return fmt.Errorf("pushing base image %s: %w", s.Repo, err)
	}
	if err := remote.WriteIndex(image.Tag(s.Tag), index, remote.WithContext(ctx)); err != nil {
		return fmt.Errorf("pushing base index %s: %w", s.Repo, err)
	}
	digest, err := img.Digest()
	l.Digest = digest.String()
	return err
}

// baseImage is the image of one layer.
func baseImage(s baseSpec, l baseLayer, file string) (v1.Image, error) {
	layer, err := newFileLayer(l, file)
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.DockerManifestSchema2), layer)
	if err != nil {
		return nil, err
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	cfg = cfg.DeepCopy()
	cfg.OS, cfg.Architecture, cfg.OSVersion = "windows", "amd64", s.Version
	cfg.Config.Cmd = []string{`c:\windows\system32\cmd.exe`}
	cfg.History = []v1.History{{CreatedBy: "Apply image " + s.Version}}
	return mutate.ConfigFile(img, cfg)
}

// fileLayer is a compressed layer in a file whose digests are known, so that
// pushing it does not read it more than once.
type fileLayer struct {
	file           string
	digest, diffID v1.Hash
	size           int64
}

func newFileLayer(l baseLayer, file string) (*fileLayer, error) {
	digest, err := v1.NewHash(l.BlobDigest)
	if err != nil {
		return nil, fmt.Errorf("reading a digest: %w", err)
	}
	diffID, err := v1.NewHash(l.DiffID)
	if err != nil {
		return nil, fmt.Errorf("reading a digest: %w", err)
	}
	return &fileLayer{file: file, digest: digest, diffID: diffID, size: l.Size}, nil
}

func (l *fileLayer) Digest() (v1.Hash, error)             { return l.digest, nil }
func (l *fileLayer) DiffID() (v1.Hash, error)             { return l.diffID, nil }
func (l *fileLayer) Size() (int64, error)                 { return l.size, nil }
func (l *fileLayer) MediaType() (types.MediaType, error)  { return types.DockerLayer, nil }
func (l *fileLayer) Compressed() (io.ReadCloser, error)   { return os.Open(l.file) }
func (l *fileLayer) Uncompressed() (io.ReadCloser, error) { return nil, errors.ErrUnsupported }
