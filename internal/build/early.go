package build

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/casement/casement/internal/layer"
	"github.com/casement/casement/internal/registry"
	"github.com/casement/casement/internal/tree"
)

// earlyPush sends layers to registries before the image is complete: finished
// ones while others are packed, and a layer that is being packed as it grows.
// The zero value sends nothing.
type earlyPush struct {
	client *registry.Client
	refs   []registry.Ref
	group  *errgroup.Group
	ctx    context.Context // of the group
	cancel context.CancelFunc
	// streams are the uploads of the layer that is being packed, running those
	// of all layers.
	streams []chan struct{}
	running sync.WaitGroup
}

// uploadsAtOnce bounds the layers on their way; the client has its own limit of
// connections.
const uploadsAtOnce = 16

func newEarlyPush(ctx context.Context, c *registry.Client, refs []registry.Ref) *earlyPush {
	ctx, cancel := context.WithCancel(ctx)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(uploadsAtOnce)
	return &earlyPush{client: c, refs: refs, group: g, ctx: ctx, cancel: cancel}
}

// growing returns what image.Parts wants: the start of uploads that follow the
// packing; nil if nothing is pushed.
func (e *earlyPush) growing() func(context.Context, *layer.Growing) {
	if e.group == nil {
		return nil
	}
	return func(_ context.Context, g *layer.Growing) {
		e.streams = nil
		var all sync.WaitGroup
		for _, r := range e.refs {
			done := make(chan struct{})
			e.streams = append(e.streams, done)
			all.Go(func() {
				defer close(done)
				// What it cannot do, the push of the finished layer does again,
				// and reports.
				_ = e.client.PushGrowing(e.ctx, r, g)
			})
		}
		e.running.Go(func() {
			all.Wait()
			_ = g.Close() // only read
		})
	}
}

// packed sends a finished layer, or makes sure that its stream has arrived.
func (e *earlyPush) packed(_ context.Context, o tree.Origin) {
	if e.group == nil {
		return
	}
	streams := e.streams
	e.streams = nil
	for i, r := range e.refs {
		e.group.Go(func() error {
			if i < len(streams) {
				<-streams[i]
			}
			return e.client.PushLayer(e.ctx, r, o)
		})
	}
}

// wait returns when everything has arrived.
func (e *earlyPush) wait() error {
	if e.group == nil {
		return nil
	}
	return e.group.Wait()
}

// stop gives up what is on its way and returns when nothing is any more. After
// wait it does nothing but let go.
func (e *earlyPush) stop() {
	if e.group != nil {
		e.cancel()
		_ = e.group.Wait() // wait has reported it, or the build has failed for another reason
		e.running.Wait()
	}
}
