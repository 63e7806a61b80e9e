package cmdsh

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
)

// seeds are lines with all that is special.
func seeds() []string {
	return []string{
		`echo %a%%%b ^& "c & d" > x 2>&1 & (echo e) || echo f`,
		"if /i not \"a\"==b (\n:: x\necho ^\nc\n) else if exist d echo e",
		`for /f "usebackq tokens=1,2-3* delims=,; eol=# skip=1" %%i in ('a ^| b') do @echo %%~dpnxi %%j`,
		"setlocal enabledelayedexpansion\nset x=1\necho !x:~0,-1! !x:a=b! ^^!\ngoto :x\n:x\ncall :y %%1 %~dp0\n:y\nshift\nexit /b 3",
		`set /a "x=(1+2)*3,y<<=2,!z" & set "v=a b" & set /p q=`,
		`cmd /v:on /c "for /l %i in (1,1,3) do @echo !i! %i" | (type con & rem)`,
		"\u00a0echo a\xff %~f0 %~$PATH:1 ) ( @@ <nul >>y",
		`copy /b a+b,, c & move *.x *.y & ren a? b* & dir /s /o-n & del /q * & rd /s /q x & md a\b`,
	}
}

// flat are parameters that need no machine.
type flat struct{}

func (flat) all() string { return "a b" }

func (flat) parameter(_ context.Context, digit int, _ bool, modifiers string) (string, error) {
	return modifiers + strings.Repeat("p", digit), nil
}

// Broken if it fails: some text crashes or hangs the parser.
func FuzzParse(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, text string, batch bool) {
		if len(text) > 1<<13 {
			return
		}
		x := &expander{get: func(name string) (string, bool) { return "v" + name, len(name)%2 == 1 }, extensions: true}
		if batch {
			x.params = flat{}
		}
		rest := strings.Split(text, "\n")
		p := &parser{next: func() (string, origin, bool, error) {
			if len(rest) == 0 {
				return "", nil, false, nil
			}
			line, from, err := x.line(t.Context(), rest[0])
			rest = rest[1:]
			return line, from, true, err
		}}
		for {
			n, ok, err := p.statement()
			if err != nil || !ok {
				return
			}
			for _, shown := range []bool{false, true} {
				d := display{shown: shown}
				d.node(n)
			}
		}
	})
}

// Broken if it fails: some text crashes the interpreter, or ends in an error that
// is neither a refusal nor a limit.
func FuzzRun(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, text string, batch bool) {
		if len(text) > 1<<12 {
			return
		}
		m, err := machine.New(machine.Options{
			Root:     tree.NewChain(ocispec.Platform{OS: "windows", Architecture: "amd64"}),
			Programs: map[string]machine.Program{"cmd": Program()},
			Limits:   machine.Limits{Steps: 3000, Output: 1 << 16, Depth: 20, Elapsed: 10 * time.Second},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		line := "cmd /c " + text
		if batch {
			line = `cmd /q /c C:\w\t.cmd a "b c"`
			if err := m.FS().MkdirAll(ctx, `C:\w`); err != nil {
				t.Fatal(err)
			}
			if err := m.FS().WriteFile(ctx, `C:\w\t.cmd`, []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		p := m.Process(line, `C:\w`, nil, nil)
		found, err := m.Find(ctx, "cmd", p.Env, p.Dir, false)
		if err != nil {
			t.Fatal(err)
		}
		_, err = m.Start(ctx, found, p)
		var refused *run.RefusedError
		var limit *machine.LimitError
		if err != nil && !errors.As(err, &refused) && !errors.As(err, &limit) {
			t.Errorf("%v", err)
		}
	})
}
