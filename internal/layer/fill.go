package layer

import (
	"context"
	"io"
	"slices"
)

// stream is a large file that several workers read in turn.
type stream struct {
	turn []chan struct{} // turn[i] is closed when slice i may be read
	r    io.ReadCloser
	at   int64
}

// openStreams prepares the turns of all large files, of which members before
// start are done.
func (k *packing) openStreams(start int) {
	k.streams = map[int]*stream{}
	for i, m := range k.members {
		if m.slice < 0 {
			continue
		}
		s := k.streams[m.lo]
		if s == nil {
			s = &stream{}
			k.streams[m.lo] = s
		}
		s.turn = append(s.turn, make(chan struct{}))
		if m.slice == 0 && start <= i || m.slice > 0 && start == i {
			close(s.turn[m.slice])
		}
	}
}

// closeStreams closes what an error left open.
func (k *packing) closeStreams() {
	for _, s := range k.streams {
		if s.r != nil {
			s.r.Close()
		}
	}
}

// skipSlice passes the turn on for a slice that was not read. All slices of a
// file are usually taken over together; if not, the file is read from its start.
func (k *packing) skipSlice(ctx context.Context, m *member) {
	if m.slice < 0 {
		return
	}
	if s := k.streams[m.lo]; m.slice+1 < len(s.turn) {
		go func() {
			if _, err := receive(ctx, s.turn[m.slice]); err == nil {
				close(s.turn[m.slice+1])
			}
		}()
	}
}

// fill reads the tar bytes of a member.
func (k *packing) fill(ctx context.Context, j *job) error {
	m := j.m
	j.raw = slices.Grow(j.raw, int(m.raw))
	var err error
	if m.slice >= 0 {
		j.raw, err = k.fillSlice(ctx, j.raw, m)
	} else {
		j.raw, err = k.fillItems(ctx, j.raw, m)
	}
	if err == nil && m.last {
		j.raw = append(j.raw, zeros[:]...)
		j.raw = append(j.raw, zeros[:]...)
	}
	return err
}

func (k *packing) fillItems(ctx context.Context, b []byte, m *member) ([]byte, error) {
	var enc encoder
	for i := m.lo; i < m.hi; i++ {
		it := &k.plan.items[i]
		var err error
		if b, err = enc.append(b, &it.header); err != nil {
			return b, err
		}
		if it.size == 0 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return b, context.Cause(ctx)
		}
		n := len(b)
		b = b[:n+int(it.size)] // there is room: fill made it
		if err := it.readAll(ctx, b[n:]); err != nil {
			return b, err
		}
		b = append(b, zeros[:padding(it.size)]...)
	}
	return b, nil
}

// readAll fills b with the whole content.
func (it *item) readAll(ctx context.Context, b []byte) error {
	r, err := it.open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := it.read(r, b); err != nil {
		return err
	}
	return it.end(r)
}

func (k *packing) fillSlice(ctx context.Context, b []byte, m *member) ([]byte, error) {
	it := &k.plan.items[m.lo]
	s := k.streams[m.lo]
	if _, err := receive(ctx, s.turn[m.slice]); err != nil {
		return b, err
	}
	var err error
	if m.slice == 0 {
		var enc encoder
		if b, err = enc.append(b, &it.header); err != nil {
			return b, err
		}
	}
	if s.r == nil {
		if s.r, err = it.open(ctx); err != nil {
			return b, err
		}
	}
	off := int64(m.slice) * largeFile
	if s.at < off { // slices before this one came from the old blob
		if _, err := io.CopyN(io.Discard, s.r, off-s.at); err != nil {
			return b, it.read(s.r, make([]byte, 1))
		}
	}
	size := min(largeFile, it.size-off)
	n := len(b)
	b = b[:n+int(size)]
	if err := it.read(s.r, b[n:]); err != nil {
		return b, err
	}
	s.at = off + size
	if s.at == it.size {
		err := it.end(s.r)
		s.r.Close()
		s.r = nil
		b = append(b, zeros[:padding(it.size)]...)
		return b, err
	}
	close(s.turn[m.slice+1])
	return b, nil
}
