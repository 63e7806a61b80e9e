package psnet

import (
	"context"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

type leftKey struct{}

// leftOpen is what a script has opened and not closed.
//
// When PowerShell ends, Windows closes its files. What these hold in their
// buffers then, .NET Framework writes and .NET loses; what is held by the
// writers around them, both lose. A script that relies on the first works here
// as well, the other ones are refused: that they lose something is never what
// they are for.
type leftOpen struct {
	files   map[*file]bool
	writers map[unfinished]bool
}

// unfinished is a writer over a stream.
type unfinished interface {
	// holds tells the type of a writer that has something which its stream
	// does not have yet.
	holds() string
}

func left(s *ps.Session) *leftOpen {
	return s.Value(leftKey{}, func() any {
		l := &leftOpen{files: map[*file]bool{}, writers: map[unfinished]bool{}}
		s.AtEnd(func(ctx context.Context) error { return l.end(ctx, s) })
		return l
	}).(*leftOpen)
}

// end closes the files at the end of the process.
func (l *leftOpen) end(ctx context.Context, s *ps.Session) error {
	for w := range l.writers {
		if typ := w.holds(); typ != "" {
			return notClosed(typ, "the script ends without closing it, and what it holds would be lost")
		}
	}
	for f := range l.files {
		if f.fresh && !desktop(s) {
			return notClosed(fileStream, "the script ends without closing it, and PowerShell 7 would lose what it holds")
		}
		if err := f.close(ctx); err != nil {
			return err
		}
	}
	return nil
}

func notClosed(typ, reason string) error {
	return machine.Refuse("["+typ+"]", reason, "call its method Dispose")
}
