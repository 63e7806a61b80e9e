package testbed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"
)

// Server is a running program that this process has started.
type Server struct {
	cmd  *exec.Cmd
	log  *tail
	done chan struct{}
	err  error // of Wait; valid once done is closed
}

// StartServer runs the command and waits until ready says nil. ready is called
// every few milliseconds with the rest of a 30 second limit. A command that
// exits first is an error with the end of its output.
func StartServer(ctx context.Context, cmd *exec.Cmd, ready func(context.Context) error) (*Server, error) {
	s := &Server{cmd: cmd, log: &tail{max: 8 << 10}, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = s.log, s.log
	// An ended context asks the server to stop rather than killing it, so that
	// it can remove its mounts and sockets.
	if cmd.Cancel != nil {
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		cmd.WaitDelay = 10 * time.Second
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	go func() {
		s.err = cmd.Wait()
		close(s.done)
	}()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		err := ready(ctx)
		if err == nil {
			return s, nil
		}
		select {
		case <-s.done:
			return nil, fmt.Errorf("%s ended at once: %w: %s", cmd.Path, errors.Join(s.err, err), s.log)
		case <-ctx.Done():
			s.Stop()
			return nil, fmt.Errorf("%s is not ready: %w: %s", cmd.Path, err, s.log)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// PID is the process id of the server.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Output is the end of what the server has printed.
func (s *Server) Output() string { return s.log.String() }

// Stop ends the server, politely first. It may be called more than once.
func (s *Server) Stop() {
	if s == nil {
		return
	}
	_ = s.cmd.Process.Signal(os.Interrupt)
	select {
	case <-s.done:
	case <-time.After(10 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.done
	}
}

// FreeAddr returns a loopback address that nobody listens on at the moment.
func FreeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// Dialable is a ready function: somebody accepts connections at the address.
func Dialable(network, addr string) func(context.Context) error {
	return func(ctx context.Context) error {
		var d net.Dialer
		c, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return err
		}
		return c.Close()
	}
}

// tail keeps the last bytes written to it.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
	max int
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(p)
	if over := t.buf.Len() - t.max; over > 0 {
		t.buf.Next(over)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}
