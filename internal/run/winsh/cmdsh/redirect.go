package cmdsh

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// Redirections, and the files and pipes behind handles.

// redirected executes do with redirections. One that fails is reported, and
// nothing is executed; the code is 1, and ERRORLEVEL stays.
func (sh *shell) redirected(ctx context.Context, list []redir, do func() (int, error)) (int, error) {
	if len(list) == 0 {
		return do()
	}
	saved := sh.std
	var opened []*stream
	restore := func() error {
		sh.std = saved
		var first error
		for i := len(opened) - 1; i >= 0; i-- {
			if err := opened[i].close(); err != nil && first == nil {
				first = err
			}
		}
		return first
	}
	for i, r := range list {
		if overruled(list[i+1:], r.handle) {
			continue
		}
		s, ok, err := sh.open(ctx, r)
		if err != nil || !ok {
			return 1, errors.Join(err, restore())
		}
		if r.dup < 0 && s.close != nil {
			opened = append(opened, s)
		}
		sh.std[r.handle] = s
	}
	rc, err := do()
	if cerr := restore(); err == nil {
		err = cerr
	}
	return rc, err
}

// overruled reports whether a later redirection has the same handle: only the
// last one counts.
func overruled(later []redir, handle int) bool {
	for _, r := range later {
		if r.handle == handle {
			return true
		}
	}
	return false
}

// open opens what a redirection names. ok is false if Windows would not; that
// has been reported then.
func (sh *shell) open(ctx context.Context, r redir) (*stream, bool, error) {
	if r.dup >= 0 {
		if s := sh.std[r.dup]; s != nil {
			return s, true, nil
		}
		sh.errout("The handle could not be duplicated\r\nduring redirection of handle %d.\r\n", r.handle)
		return nil, false, nil
	}
	target, err := sh.piece(ctx, r.target)
	if err != nil {
		_, err = sh.complain(err)
		return nil, false, err
	}
	target = unquote(strings.TrimSpace(target))
	full, err := sh.full(target)
	if err != nil {
		sh.system(machine.ErrorPathNotFound)
		return nil, false, nil
	}
	switch device := machine.Device(full); {
	case device == "NUL":
		return &stream{r: strings.NewReader("")}, true, nil
	case strings.HasPrefix(device, "CON"):
		if r.op == "<" {
			return sh.std[0], true, nil
		}
		return sh.console, true, nil
	}
	var s *stream
	if r.op == "<" {
		s, err = sh.openInput(ctx, full)
	} else {
		s, err = sh.openOutput(ctx, full, r.op == ">>")
	}
	code, err := win(err)
	if err != nil {
		return nil, false, err
	}
	if code != 0 {
		sh.system(code)
		return nil, false, nil
	}
	return s, true, nil
}

func (sh *shell) openInput(ctx context.Context, full string) (*stream, error) {
	f, err := sh.fs.Open(ctx, full)
	if err != nil {
		return nil, err
	}
	return &stream{r: f, close: f.Close}, nil
}

func (sh *shell) openOutput(ctx context.Context, full string, add bool) (*stream, error) {
	f, err := sh.fs.Create(ctx, full, machine.CreateOptions{Append: add})
	if err != nil {
		return nil, err
	}
	sh.changes++
	w := &buffered{w: f}
	return &stream{w: w, close: func() error { return errors.Join(w.flush(), f.Close()) }}, nil
}

// buffered collects small writes, as those of echo in a loop are.
type buffered struct {
	w   io.Writer
	buf []byte
}

const bufferSize = 32 << 10

// Write implements io.Writer.
func (b *buffered) Write(p []byte) (int, error) {
	if len(b.buf)+len(p) > bufferSize {
		if err := b.flush(); err != nil {
			return 0, err
		}
	}
	if len(p) >= bufferSize {
		return b.w.Write(p)
	}
	b.buf = append(b.buf, p...)
	return len(p), nil
}

func (b *buffered) flush() error {
	if len(b.buf) == 0 {
		return nil
	}
	_, err := b.w.Write(b.buf)
	b.buf = b.buf[:0]
	return err
}

// spill keeps what goes through a pipe: in memory, and in a temporary file when
// it is much.
type spill struct {
	buf  []byte
	file *os.File
}

const spillAt = 4 << 20

// Write implements io.Writer.
func (s *spill) Write(p []byte) (int, error) {
	if s.file == nil && len(s.buf)+len(p) <= spillAt {
		s.buf = append(s.buf, p...)
		return len(p), nil
	}
	if s.file == nil {
		f, err := os.CreateTemp("", "casement-pipe-")
		if err != nil {
			return 0, err
		}
		// The name goes at once where the system can; Close sees to the rest.
		os.Remove(f.Name())
		s.file = f
		if _, err := f.Write(s.buf); err != nil {
			return 0, err
		}
		s.buf = nil
	}
	return s.file.Write(p)
}

// reader returns what was written, from the beginning.
func (s *spill) reader() (io.Reader, error) {
	if s.file == nil {
		return strings.NewReader(string(s.buf)), nil
	}
	_, err := s.file.Seek(0, io.SeekStart)
	return s.file, err
}

// Close forgets it.
func (s *spill) Close() {
	if s.file != nil {
		s.file.Close()
		os.Remove(s.file.Name())
	}
}
