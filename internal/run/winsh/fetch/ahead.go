package fetch

import "io"

const (
	aheadSize   = 256 << 10
	aheadBlocks = 4
)

// aheadReader reads a stream in a goroutine of its own, a few blocks ahead of
// who uses it, so that unpacking and hashing take two processors.
type aheadReader struct {
	full  chan aheadBlock
	empty chan []byte
	stop  chan struct{}
	cur   []byte // what is left of the block
	last  []byte // the block that next or Read gave out
	err   error
}

type aheadBlock struct {
	data []byte
	err  error
}

// readAhead starts reading. Close ends it, though not a read of r that blocks.
func readAhead(r io.Reader) *aheadReader {
	a := &aheadReader{
		full:  make(chan aheadBlock, aheadBlocks),
		empty: make(chan []byte, aheadBlocks),
		stop:  make(chan struct{}),
	}
	for range aheadBlocks {
		a.empty <- make([]byte, aheadSize)
	}
	go a.run(r)
	return a
}

func (a *aheadReader) run(r io.Reader) {
	for {
		var buf []byte
		select {
		case buf = <-a.empty:
		case <-a.stop:
			return
		}
		n, err := 0, error(nil)
		for n < len(buf) && err == nil {
			var m int
			m, err = r.Read(buf[n:])
			n += m
		}
		select {
		case a.full <- aheadBlock{buf[:n], err}:
		case <-a.stop:
			return
		}
		if err != nil {
			return
		}
	}
}

// next returns the next bytes, which are valid until the next call, together
// with the error that follows them.
func (a *aheadReader) next() ([]byte, error) {
	if len(a.cur) > 0 {
		b := a.cur
		a.cur = nil
		return b, a.err
	}
	if a.err != nil {
		return nil, a.err
	}
	if a.last != nil {
		a.empty <- a.last[:cap(a.last)]
	}
	b := <-a.full
	a.last, a.err = b.data, b.err
	return b.data, b.err
}

// Read implements io.Reader.
func (a *aheadReader) Read(p []byte) (int, error) {
	if len(a.cur) == 0 {
		a.cur, _ = a.next()
	}
	if len(a.cur) == 0 && a.err != nil {
		return 0, a.err
	}
	n := copy(p, a.cur)
	a.cur = a.cur[n:]
	return n, nil
}

// Close lets the goroutine end.
func (a *aheadReader) Close() error {
	close(a.stop)
	return nil
}
