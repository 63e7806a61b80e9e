package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"
)

// sample is what one run of one tool showed.
type sample struct {
	Wall time.Duration
	Peak int64 // bytes; of the process that does the work
}

// runTimed runs the command to its end. Peak is the command's own; callers
// whose work happens in a daemon replace it.
func runTimed(ctx context.Context, env []string, dir, program string, args ...string) (sample, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	if err != nil {
		text := bytes.TrimSpace(out.Bytes())
		if len(text) > 2000 {
			text = text[len(text)-2000:]
		}
		return sample{}, fmt.Errorf("running %s: %w: %s", program, err, text)
	}
	return sample{Wall: wall, Peak: peakOf(cmd.ProcessState)}, nil
}

// median is the middle value, or the mean of the middle two.
func median[T ~int64](values []T) T {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}
