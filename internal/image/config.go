package image

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/tree"
)

// finishConfig completes the frontend's config: platform, diff IDs, history
// and dates. Fields that it does not know stay as they are. present says, for
// each layer that the build made, whether the image has it; all others are the
// base's.
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
	below := len(layers)
	for _, is := range present {
		if is {
			below--
		}
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
		"history":      finishHistory(history, baseHistory(p.BaseConfig), created, below, present),
	}
	if err := setEnvironment(fields, p.Chain); err != nil {
		return nil, err
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

// setEnvironment adds the variables that steps have set for the whole machine to
// those of the Dockerfile.
func setEnvironment(fields map[string]json.RawMessage, c tree.Chain) error {
	var config map[string]json.RawMessage
	if raw := fields["config"]; raw != nil {
		if err := json.Unmarshal(raw, &config); err != nil {
			return fmt.Errorf("reading the image config: %w", err)
		}
	}
	var env []string
	if raw := config["Env"]; raw != nil {
		if err := json.Unmarshal(raw, &env); err != nil {
			return fmt.Errorf("reading the environment of the image config: %w", err)
		}
	}
	all := c.Environment(env)
	if slices.Equal(all, env) {
		return nil
	}
	if config == nil {
		config = map[string]json.RawMessage{}
	}
	raw, err := json.Marshal(all)
	if err != nil {
		return err
	}
	config["Env"] = raw
	if fields["config"], err = json.Marshal(config); err != nil {
		return err
	}
	return nil
}

// finishHistory makes the history say how many layers there are, and which of
// its entries belong to the base: the first base ones, which get as many layers
// as the base has (below), whatever its own history says of them. The others
// belong to the layers that the build made; those whose layer had no changes
// are marked as empty. They get the date of the build, which is not the clock's.
func finishHistory(history []ocispec.History, base int, created time.Time, below int, present []bool) []ocispec.History {
	base = min(base, len(history))
	out := baseEntries(slices.Clone(history[:base]), below, created)
	own := slices.Clone(history[base:])
	left := len(present)
	for i := len(own) - 1; i >= 0; i-- {
		h := &own[i]
		h.Created = &created
		if !h.EmptyLayer {
			left--
			h.EmptyLayer = left < 0 || !present[left]
		}
	}
	for i := range max(left, 0) {
		if present[i] {
			out = append(out, unknownStep(created))
		}
	}
	return append(out, own...)
}

// baseEntries makes the history of a base speak of as many layers as the base
// has. Tools that append layers often forget it.
func baseEntries(history []ocispec.History, layers int, created time.Time) []ocispec.History {
	for i := range history {
		if h := &history[i]; !h.EmptyLayer {
			layers--
			h.EmptyLayer = layers < 0
		}
	}
	for ; layers > 0; layers-- {
		history = append(history, unknownStep(created))
	}
	return history
}

// unknownStep is the entry of a layer of which no history says how it was made.
func unknownStep(created time.Time) ocispec.History {
	return ocispec.History{Created: &created, Comment: "casement"}
}

// baseHistory returns how many history entries the config of the base has.
func baseHistory(config []byte) int {
	var c ocispec.Image
	if json.Unmarshal(config, &c) != nil {
		return 0
	}
	return len(c.History)
}
