package image

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/tree"
)

// finishConfig completes the frontend's config: platform, diff IDs, history
// and dates. Fields that it does not know stay as they are. present says, for
// each layer that the build made, whether the image has it.
func finishConfig(p Parts, platform ocispec.Platform, layers []tree.Origin, present []bool) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(p.Config, &fields); err != nil {
		return nil, fmt.Errorf("reading the image config: %w", err)
	}
	var history []ocispec.History
	if h, ok := fields["history"]; ok {
		if err := json.Unmarshal(h, &history); err != nil {
			return nil, fmt.Errorf("reading the history of the image config: %w", err)
		}
	}
	created := time.Unix(0, 0).UTC()
	if p.Epoch != nil {
		created = p.Epoch.UTC()
	}
	diffIDs := make([]digest.Digest, len(layers))
	for i, l := range layers {
		diffIDs[i] = l.DiffID
	}
	set := map[string]any{
		"architecture": platform.Architecture,
		"os":           platform.OS,
		"created":      created,
		"rootfs":       ocispec.RootFS{Type: "layers", DiffIDs: diffIDs},
		"history":      finishHistory(history, baseHistory(p.BaseConfig), created, len(layers), present),
	}
	for name, value := range map[string]string{"os.version": platform.OSVersion, "variant": platform.Variant} {
		delete(fields, name)
		if value != "" {
			set[name] = value
		}
	}
	delete(fields, "os.features")
	if len(platform.OSFeatures) > 0 {
		set["os.features"] = platform.OSFeatures
	}
	for name, value := range set {
		raw, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		fields[name] = raw
	}
	return json.Marshal(fields)
}

// finishHistory makes the history say how many layers there are. The last
// entries that speak of layers belong to the layers that the build made; those
// whose layer had no changes are marked as empty. Entries that the build has
// written, those after the first base ones, get the date of the build, which
// is not the clock's.
func finishHistory(history []ocispec.History, base int, created time.Time, layers int, present []bool) []ocispec.History {
	own := len(present)
	i := len(history) - 1
	for ; i >= 0 && own > 0; i-- {
		if h := &history[i]; !h.EmptyLayer {
			own--
			h.EmptyLayer = !present[own]
		}
	}
	count := 0
	for j := range history {
		h := &history[j]
		if j >= base {
			h.Created = &created
		}
		if !h.EmptyLayer {
			if count++; count > layers {
				h.EmptyLayer = true
			}
		}
	}
	for ; count < layers; count++ {
		history = append(history, ocispec.History{Created: &created, Comment: "casement"})
	}
	return history
}

// baseHistory returns how many history entries the config of the base has.
func baseHistory(config []byte) int {
	var c ocispec.Image
	if json.Unmarshal(config, &c) != nil {
		return 0
	}
	return len(c.History)
}
