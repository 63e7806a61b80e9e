package build

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/casement/casement/internal/dockerfile"
	"github.com/casement/casement/internal/image"
	"github.com/casement/casement/internal/progress"
	"github.com/casement/casement/internal/registry"
	"github.com/casement/casement/internal/tree"
)

// solved is the result of the frontend for one platform, evaluated.
type solved struct {
	dockerfile.Result
	chain tree.Chain
}

// publish turns chains into images and sends them where the outputs say. A
// layer is on its way to the registries as soon as it is packed.
func (b *builder) publish(ctx context.Context, all []solved) (image.Index, error) {
	task := b.tools.Progress.Vertex(progress.Vertex{ID: "export", Name: "exporting to image"})
	task.Start()
	index, err := b.assembleAndPush(ctx, task, all)
	task.Done(err)
	if err != nil {
		return image.Index{}, err
	}
	for _, o := range b.req.Outputs {
		if o.Type == "registry" {
			continue
		}
		if err := b.write(ctx, o, index, all); err != nil {
			return image.Index{}, err
		}
	}
	return index, nil
}

func (b *builder) assembleAndPush(ctx context.Context, task *progress.Task, all []solved) (image.Index, error) {
	push := slices.ContainsFunc(b.req.Outputs, func(o Output) bool { return o.Type == "registry" })
	b.tools.Transfers.below(task)
	early := &earlyPush{}
	if push {
		early = newEarlyPush(ctx, b.tools.Registry, firstOfHosts(b.refs))
	}
	defer early.stop()
	var images []*image.Image
	for _, s := range all {
		img, err := image.Assemble(ctx, b.tools.Store, image.Parts{
			Chain: s.chain, Config: s.Config, BaseConfig: s.BaseConfig, Platform: s.Platform,
			Annotations: b.req.Annotations.Manifest(s.Platform),
			Compression: b.req.Compression, Level: b.req.Level, Epoch: b.req.Epoch, NoCache: b.req.NoCache,
			Observe: func(l *tree.Layer) image.PackObserver { return packing(task, l, len(all) > 1, s) },
			Growing: early.growing(),
			Packed:  early.packed,
		})
		if err != nil {
			return image.Index{}, err
		}
		images = append(images, img)
	}
	index, err := image.NewIndex(images, b.req.Annotations.Index(), b.req.Annotations.Entry)
	if err != nil {
		return image.Index{}, err
	}
	if err := early.wait(); err != nil {
		return image.Index{}, err
	}
	task.Status("exporting manifest "+index.Descriptor.Digest.String(), "").Done()
	if !push {
		return index, nil
	}
	return index, b.tools.Registry.Push(ctx, b.refs, index, registry.PushOptions{})
}

// firstOfHosts returns one reference a registry: the others mount from it.
func firstOfHosts(refs []registry.Ref) []registry.Ref {
	var out []registry.Ref
	for _, r := range refs {
		if !slices.ContainsFunc(out, func(o registry.Ref) bool { return o.Host == r.Host }) {
			out = append(out, r)
		}
	}
	return out
}

// packer shows the packing of one layer: it implements image.PackObserver. What
// is complete at once was packed by an earlier build.
type packer struct {
	task    *progress.Task
	label   string
	counter *progress.Counter
}

func packing(task *progress.Task, l *tree.Layer, many bool, s solved) image.PackObserver {
	p := &packer{task: task, label: l.Label}
	if many {
		p.label += " (" + image.FormatPlatform(s.Platform) + ")"
	}
	return p
}

// Progress implements image.PackObserver.
func (p *packer) Progress(done, total int64) {
	if p.counter == nil {
		verb := "packing "
		if done == total {
			verb = "already packed: "
		}
		p.counter = p.task.Status(verb+p.label, verb+p.label)
	}
	p.counter.Set(done, total)
}

// End implements image.PackObserver.
func (p *packer) End(error) {
	if p.counter != nil {
		p.counter.Done()
	}
}

// write writes one output that is not a registry.
func (b *builder) write(ctx context.Context, o Output, index image.Index, all []solved) error {
	names := map[string]string{"oci": "oci image format", "docker": "docker image format", "tar": "tarball", "local": "client directory"}
	task := b.tools.Progress.Vertex(progress.Vertex{ID: "write " + o.Type + o.Dest, Name: "exporting to " + names[o.Type] + ": " + o.Dest})
	task.Start()
	b.tools.Transfers.below(task)
	err := b.writeTo(ctx, o, index, all)
	if err != nil {
		err = &outputError{o.Dest, err}
	}
	task.Done(err)
	return err
}

func (b *builder) writeTo(ctx context.Context, o Output, index image.Index, all []solved) error {
	var refs []string
	for _, r := range b.refs {
		refs = append(refs, r.String())
	}
	w := registry.WriteOptions{Store: b.tools.Store, Sealed: o.Sealed, Tar: !o.AsDir}
	switch {
	case o.Type == "oci" && o.Dest != "-" && !special(o.Dest):
		return registry.WriteLayout(ctx, o.Dest, refs, index, w)
	case o.Type == "local":
		return writeLocal(ctx, o.Dest, all, b.req.Epoch)
	}
	return toFile(o, func(f io.Writer) error {
		switch o.Type {
		case "oci":
			return registry.WriteLayoutTar(ctx, f, refs, index, w)
		case "docker":
			return registry.WriteArchive(ctx, f, refs, index, w)
		}
		return writeTar(ctx, f, all, b.req.Epoch)
	})
}

// toFile writes a file that is either complete or not there. Devices and pipes
// are written to as they are.
func toFile(o Output, write func(io.Writer) error) error {
	if o.Dest == "-" {
		return write(o.Writer)
	}
	if special(o.Dest) {
		f, err := os.OpenFile(o.Dest, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	}
	if err := os.MkdirAll(filepath.Dir(o.Dest), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(o.Dest), "."+filepath.Base(o.Dest)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), o.Dest)
}

// special reports whether a destination is a device or a pipe, such as
// /dev/null or what the shell writes for >(command): putting a file in its
// place would be wrong, and as root do harm.
func special(dest string) bool {
	fi, err := os.Stat(dest)
	return err == nil && !fi.Mode().IsRegular() && !fi.IsDir()
}
