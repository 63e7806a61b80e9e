package ps

import (
	"context"
	"io"
	"testing"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
)

// BenchmarkScripts measures what a build waits for: starting a step, checking
// one, and loops of 10,000 iterations, which may take 0.2 s.
func BenchmarkScripts(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"start", "1"},
		{"for", "$s = 0; for ($i = 0; $i -lt 10000; $i++) { $s += $i }"},
		{"foreach", "foreach ($i in 1..10000) { $x = \"a$i\" }"},
		{"pipeline", "1..10000 | % { $_ } | Out-Null"},
		{"where", "1..10000 | Where-Object { $_ -gt 5000 } | Out-Null"},
		{"function", "function f($x) { $x + 1 }; for ($i = 0; $i -lt 10000; $i++) { $y = f $i }"},
		{"cmdlet", "for ($i = 0; $i -lt 10000; $i++) { Write-Output $i | Out-Null }"},
		{"method", "for ($i = 0; $i -lt 10000; $i++) { $x = $i.ToString() }"},
		{"try", "for ($i = 0; $i -lt 10000; $i++) { try { throw 'x' } catch { } }"},
		{"append", "$a = @(); for ($i = 0; $i -lt 2000; $i++) { $a += $i }"},
	} {
		b.Run(c.name, func(b *testing.B) {
			e := New(Config{})
			for b.Loop() {
				m, err := machine.New(machine.Options{Root: tree.Chain{OS: "windows"}, Programs: e.Programs()})
				if err != nil {
					b.Fatal(err)
				}
				p := m.Process("powershell -Command "+machine.QuoteArg(c.text), `C:\`, io.Discard, io.Discard)
				f, err := m.Find(context.Background(), "powershell", p.Env, p.Dir, false)
				if err != nil {
					b.Fatal(err)
				}
				if code, err := m.Start(context.Background(), f, p); err != nil || code != 0 {
					b.Fatal(code, err)
				}
			}
		})
	}
	b.Run("new engine", func(b *testing.B) {
		for b.Loop() {
			New(Config{})
		}
	})
}
