package ps

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
)

// outcome is what a command line did.
type outcome struct {
	Out, Err string
	Code     int
	Failed   string // an error that ended the step
}

// start makes a machine whose programs are the engine's and runs one of them.
func start(t testing.TB, e *Engine, program string, args ...string) outcome {
	t.Helper()
	ctx := context.Background()
	m, err := machine.New(machine.Options{
		Root:     tree.Chain{OS: "windows"},
		Programs: programs(e),
		Now:      func() time.Time { return time.Date(2025, 11, 25, 18, 4, 5, 0, time.UTC) },
	})
	if err != nil {
		t.Fatal(err)
	}
	line := program
	for _, a := range args {
		line += " " + machine.QuoteArg(a)
	}
	var stdout, stderr bytes.Buffer
	p := m.Process(line, `C:\`, &stdout, &stderr)
	found, err := m.Find(ctx, program, p.Env, p.Dir, false)
	if err != nil {
		t.Fatal(err)
	}
	code, err := m.Start(ctx, found, p)
	o := outcome{Out: strings.ReplaceAll(stdout.String(), "\r\n", "\n"), Err: strings.ReplaceAll(stderr.String(), "\r\n", "\n"), Code: code}
	if err != nil {
		o.Failed = err.Error()
	}
	return o
}

func programs(e *Engine) map[string]machine.Program {
	list := e.Programs()
	list["args"] = argsProgram{}
	return list
}

// argsProgram writes its arguments, and its standard input if the first is
// "stdin"; "exit N" ends with a code, "err TEXT" writes to stderr.
type argsProgram struct{}

func (argsProgram) Check(context.Context, *machine.Checking, []machine.Arg) error { return nil }

func (argsProgram) Run(_ context.Context, p *machine.Process) (int, error) {
	args := p.Args[1:]
	if len(args) > 0 {
		switch args[0] {
		case "exit":
			return int(args[1][0] - '0'), nil
		case "err":
			_, err := p.Stderr.Write([]byte(args[1] + "\r\n"))
			return 0, err
		case "stdin":
			var b bytes.Buffer
			if _, err := b.ReadFrom(p.Stdin); err != nil {
				return 1, err
			}
			_, err := p.Stdout.Write(b.Bytes())
			return 0, err
		}
	}
	for _, a := range args {
		if _, err := p.Stdout.Write([]byte("<" + a + ">\r\n")); err != nil {
			return 1, err
		}
	}
	return 0, nil
}
