package ps

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
)

// FuzzEvaluate runs arbitrary texts under limits: nothing may crash, hang or
// take memory without end.
func FuzzEvaluate(f *testing.F) {
	for _, s := range []string{
		"1..9 | % { $_ * 2 } | ? { $_ -gt 4 }", "function f($a,[int]$b=2){ \"$a$b\" }; f 1 @args", "try { throw 'x' } catch { $_ } finally { 1/0 }",
		"$h = @{a=1;b=@(1,2)}; $h.b[-1]; $h.Keys; [ordered]@{x=1}[0]", "switch -regex ('abc') { 'b' { $Matches[0] } default { break } }",
		"'{0:N2} {1,-5}' -f 1.5,'x'; 'a,b' -split ','; 'x' -replace '(.)','$1$1'", "[int]'5' + '3'; [string[]](1,2); 'x' -as [int]",
		"$x = { param($p) $p }; & $x 1; . { $y = 2 }; $y; $x.GetNewClosure()", "trap { continue } 1/0; $a[0] = 1; $a,$b = 1,2,3",
		"args a 'b c' 2>&1 | Out-String; $LASTEXITCODE; exit 3", "[pscustomobject]@{a=1} | Format-Table; ,@(1,2) | Format-List",
		"$env:X='y'; \"$env:X $(1+1)\"; ${function:f} = { 1 }; f", "'t' > f.txt; Write-Error e -ErrorAction Stop", "while ($true) { $s += 'xxxxxxxxxxxxxxxxxxxxxxxx' }",
		"function g { g }; g", "'a' * 100000000; 1..100000000", "[regex]$r = '(a+)+$'; 'aaaaaaaaaaaaaaaaaaaaaaaaaaab' -match $r", "&{ begin { 1 } process { $_ } end { $input } }",
		"Set-StrictMode -Version 3; $q.w; @{}['x'].y", "iex '1; iex \"2\"'", "1 | % { break }; :l foreach ($i in 1) { continue l }", "[ref]$z = 1; $i++; -bnot 5 -shl 3",
	} {
		f.Add(s, false)
		f.Add(s, true)
	}
	e := New(Config{})
	f.Fuzz(func(t *testing.T, text string, core bool) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		m, err := machine.New(machine.Options{
			Root: tree.Chain{OS: "windows"}, Programs: programs(e),
			Limits: machine.Limits{Steps: 20_000, Output: 1 << 20, Memory: 1 << 20, Depth: 50, Elapsed: time.Second},
		})
		if err != nil {
			t.Fatal(err)
		}
		program := "powershell"
		if core {
			program = "pwsh"
		}
		p := m.Process(program, `C:\`, io.Discard, io.Discard)
		h := e.Programs()[program].(*host)
		s := h.session(p)
		began := time.Now()
		b, err := s.Parse(ctx, text, "")
		if err == nil {
			err = s.runMain(ctx, b)
		}
		_, _ = h.exitCode(ctx, s, err, s.ok)
		_ = s.host.flush(ctx)
		if d := time.Since(began); d > 8*time.Second {
			t.Fatalf("%q took %v", text, d)
		}
	})
}

// FuzzFormat formats numbers and dates with arbitrary formats.
func FuzzFormat(f *testing.F) {
	for _, s := range []string{"{0:N2}", "{0,-5:x8}|{1}", "{0:#,##0.0#;(0);zero}", "{0:yyyy'x'MM}", "{{{0}}}", "{0:P}", "{0:E3}", "{0:\\h\\h}"} {
		f.Add(s, 1234.5)
	}
	f.Fuzz(func(t *testing.T, format string, n float64) {
		if strings.Contains(format, ",") && len(format) > 40 {
			return
		}
		s := &Session{engine: New(Config{}), edition: Core}
		s.global = newScope(nil)
		s.scope = s.global
		for _, v := range []any{n, int32(n), DateTime{T: time.Unix(int64(int32(n)), 0).UTC()}, TimeSpan(int64(int32(n)))} {
			_, _ = s.Composite(format, []any{v})
		}
	})
}

// FuzzHost gives the host programs arbitrary command lines.
func FuzzHost(f *testing.F) {
	f.Add("-Command 1+1")
	f.Add("-NoProfile -ExecutionPolicy Bypass -File x.ps1 -a:b")
	f.Add("-e MQA= -x")
	e := New(Config{})
	f.Fuzz(func(t *testing.T, line string) {
		m, err := machine.New(machine.Options{Root: tree.Chain{OS: "windows"}, Programs: programs(e), Limits: machine.Limits{Steps: 1000, Output: 1 << 16, Memory: 1 << 20, Depth: 20}})
		if err != nil {
			t.Fatal(err)
		}
		for name, p := range e.Programs() {
			var out bytes.Buffer
			proc := m.Process(name+" "+line, `C:\`, &out, &out)
			_, _ = p.Run(t.Context(), proc)
		}
	})
}
