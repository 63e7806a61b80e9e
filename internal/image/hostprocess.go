package image

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/hive"
	"github.com/casement/casement/internal/layer"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// HostProcessName is the name under which Dockerfiles take the built-in base
// for HostProcess containers: FROM casement/hostprocess.
const HostProcessName = "casement/hostprocess"

// IsHostProcess reports whether a reference, as the frontend normalises it,
// means the built-in base.
func IsHostProcess(ref string) bool {
	ref, _, _ = strings.Cut(ref, "@")
	ref = strings.TrimPrefix(ref, "docker.io/")
	return ref == HostProcessName || ref == HostProcessName+":latest"
}

// hives are the five files without which Windows does not import a base layer.
func hives() []string { return []string{"DEFAULT", "SAM", "SECURITY", "SOFTWARE", "SYSTEM"} }

// HostProcess makes the base image for HostProcess containers: nothing but the
// five registry hives that the import of a base layer looks for, each a valid
// empty one (windows-image-format 5). It has no os.version, so every Windows
// takes it. Its bytes are the same everywhere and always.
func HostProcess(ctx context.Context, st *store.Store, architecture string) (*Image, tree.Chain, error) {
	l, err := hostProcessLayer()
	if err != nil {
		return nil, tree.Chain{}, err
	}
	plan, err := layer.Prepare(ctx, nil, l, layer.Options{Format: layer.Windows, Base: true})
	if err != nil {
		return nil, tree.Chain{}, err
	}
	o, err := plan.Pack(ctx, st, nil)
	if err != nil {
		return nil, tree.Chain{}, fmt.Errorf("packing the HostProcess base: %w", err)
	}
	l.Origin = &o
	platform := ocispec.Platform{OS: "windows", Architecture: architecture}
	img := &Image{Layers: []tree.Origin{o}}
	created := time.Unix(0, 0).UTC()
	config := ocispec.Image{
		Created:  &created,
		Platform: platform,
		Config:   ocispec.ImageConfig{Cmd: []string{`c:\windows\system32\cmd.exe`}},
		RootFS:   ocispec.RootFS{Type: "layers"},
		History:  []ocispec.History{{Created: &created, CreatedBy: HostProcessName}},
	}
	config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, o.DiffID)
	if img.Config, err = json.Marshal(config); err != nil {
		return nil, tree.Chain{}, err
	}
	if err := img.describe(platform, nil); err != nil {
		return nil, tree.Chain{}, err
	}
	return img, tree.NewChain(platform, l), nil
}

func hostProcessLayer() (*tree.Layer, error) {
	content, err := hive.Minimal(hive.Options{})
	if err != nil {
		return nil, err
	}
	const config = "Windows/System32/config"
	var changes []tree.Change
	for _, dir := range []string{"", "Windows", "Windows/System32", config} {
		changes = append(changes, tree.Change{Entry: &tree.Entry{
			Name: dir, Kind: tree.Dir, Windows: &tree.Windows{Descriptor: winmeta.DefaultDescriptor(true)},
		}})
	}
	for _, name := range hives() {
		changes = append(changes, tree.Change{Entry: &tree.Entry{
			Name: tree.Join(config, name), Kind: tree.File, Size: int64(len(content)), Content: tree.Bytes(content),
			Windows: &tree.Windows{Descriptor: winmeta.DefaultDescriptor(false)},
		}})
	}
	return &tree.Layer{Changes: tree.NewSet(changes), Label: "base of " + HostProcessName}, nil
}
