package run

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/zeebo/blake3"

	"github.com/casement/casement/internal/tree"
)

// Key names a step with everything that its result depends on: command,
// environment, directory, account, network and what the layers of root and mounts
// do, whatever made them. Equal keys imply equal steps, but for two things: secrets
// and caches go in by their names, not by what is in them, as in BuildKit, and
// layers that have a key of their own by that. Where the step stands in a file does
// not count. Contents that nobody has read yet are read for it.
func Key(ctx context.Context, s Step) (string, error) {
	h := keyHash{blake3.New()}
	h.list(s.Args)
	h.list(s.Env)
	h.list([]string{s.Dir, s.User, s.Network, s.Root.OS, s.Root.Platform.Architecture, s.Root.Platform.OSVersion})
	if err := h.chain(ctx, s.Root); err != nil {
		return "", err
	}
	h.num(int64(len(s.Mounts)))
	for _, m := range s.Mounts {
		h.list([]string{m.Type, m.Target, m.Selector, m.ID, m.Sharing, fmt.Sprint(m.ReadOnly, m.Optional, m.Size)})
		if m.Type == "bind" || m.Type == "cache" {
			if err := h.chain(ctx, m.Source); err != nil {
				return "", err
			}
		}
	}
	for _, e := range s.SecretEnv {
		h.list([]string{e.ID, e.Name, fmt.Sprint(e.Optional)})
	}
	return h.sum(), nil
}

// LayerKey names what a layer does, by its blob, by the key that it was given
// or by all its changes.
func LayerKey(ctx context.Context, l *tree.Layer) (string, error) {
	switch {
	case l.Origin != nil && l.Origin.DiffID != "":
		return "diff " + l.Origin.DiffID.String(), nil
	case l.Origin != nil:
		return "blob " + l.Origin.Descriptor.Digest.String(), nil
	case l.Key != "":
		return l.Key, nil
	}
	h := keyHash{blake3.New()}
	for c, err := range l.Changes.All(ctx) {
		if err != nil {
			return "", err
		}
		if err := h.change(ctx, c); err != nil {
			return "", err
		}
	}
	for _, e := range l.Env {
		h.list([]string{e.Name, e.Value, fmt.Sprint(e.Unset, e.User)})
	}
	for _, name := range slices.Sorted(maps.Keys(l.Hives)) {
		h.list([]string{name, string(l.Hives[name])})
	}
	return "changes " + h.sum(), nil
}

// keyHash hashes values so that different lists of values cannot look alike.
type keyHash struct{ hash.Hash }

func (h keyHash) sum() string { return "blake3:" + hex.EncodeToString(h.Sum(nil)) }

func (h keyHash) num(n int64) {
	_, _ = h.Write(binary.AppendVarint(nil, n))
}

func (h keyHash) list(list []string) {
	h.num(int64(len(list)))
	for _, s := range list {
		h.num(int64(len(s)))
		_, _ = io.WriteString(h, s)
	}
}

func (h keyHash) times(t tree.Times) {
	for _, t := range []time.Time{t.Modified, t.Accessed, t.Changed, t.Created} {
		if t.IsZero() {
			h.num(0)
			continue
		}
		h.num(t.Unix())
		h.num(int64(t.Nanosecond()))
	}
}

func (h keyHash) chain(ctx context.Context, c tree.Chain) error {
	layers := c.Layers()
	h.num(int64(len(layers)))
	for _, l := range layers {
		k, err := LayerKey(ctx, l)
		if err != nil {
			return err
		}
		h.list([]string{k})
	}
	return nil
}

func (h keyHash) change(ctx context.Context, c tree.Change) error {
	e := c.Entry
	if e == nil {
		h.list([]string{"removed", c.Removed})
		return nil
	}
	h.list([]string{e.Kind.String(), e.Name, e.Target, e.Link, fmt.Sprint(c.Opaque, e.DirLink)})
	h.num(e.Size)
	if e.Kind == tree.File {
		h.times(e.Times)
	}
	if o := e.Owner; o != nil {
		h.list([]string{"owner", o.User, o.Group})
	}
	if u := e.Unix; u != nil {
		h.list([]string{"unix", fmt.Sprint(u.Mode, u.UID, u.GID, u.Char, u.Major, u.Minor)})
		for _, k := range slices.Sorted(maps.Keys(u.Xattrs)) {
			h.list([]string{k, u.Xattrs[k]})
		}
	}
	if w := e.Windows; w != nil {
		h.list([]string{"windows", fmt.Sprint(w.Attributes), string(w.Descriptor)})
		for _, k := range slices.Sorted(maps.Keys(w.EA)) {
			h.list([]string{k, string(w.EA[k])})
		}
	}
	d, err := contentDigest(ctx, e)
	h.list([]string{d})
	return err
}

// contentDigest names the bytes of an entry, reading them if nobody has.
func contentDigest(ctx context.Context, e *tree.Entry) (string, error) {
	if e.Content == nil {
		return "", nil
	}
	if d, ok := e.Content.(tree.Digester); ok {
		if s, err := d.ContentDigest(ctx); err != nil || s != "" {
			return s, err
		}
	}
	r, err := e.Content.Open(ctx)
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := blake3.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", fmt.Errorf("reading /%s: %w", e.Name, err)
	}
	return "blake3:" + hex.EncodeToString(h.Sum(nil)), nil
}
