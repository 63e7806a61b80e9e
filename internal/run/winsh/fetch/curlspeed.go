package fetch

import (
	"context"
	"fmt"
	"time"
)

// watchSpeed ends a transfer that has been slower than --speed-limit for
// --speed-time. The speed is that of the last five seconds, as curl has it.
func (t *curlTransfer) watchSpeed(ctx context.Context, cancel context.CancelFunc) {
	const window = 6 // readings, a second apart
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	readings, low := []int64{0}, 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		readings = append(readings, t.got.Load())
		if len(readings) > window {
			readings = readings[1:]
		}
		speed := (readings[len(readings)-1] - readings[0]) / int64(len(readings)-1)
		if low++; speed >= int64(t.c.o.speedLimit) {
			low = 0
		}
		if low > t.c.o.speedTime {
			t.slow.Store(true)
			cancel()
			return
		}
	}
}

// tooSlow is how a transfer ends that watchSpeed has ended.
func (t *curlTransfer) tooSlow() error {
	return &curlFailure{code: 28, text: fmt.Sprintf("Operation too slow. Less than %d bytes/sec transferred the last %d seconds", t.c.o.speedLimit, t.c.o.speedTime)}
}
