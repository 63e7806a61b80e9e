package cmdsh_test

import (
	"strings"
	"testing"
)

// Loops of 10,000 iterations may take 0.2 s; a step that does nothing, 5 ms.
func BenchmarkLoops(b *testing.B) {
	for _, line := range []string{
		`for /l %i in (1,1,10000) do @rem`,
		`for /l %i in (1,1,10000) do @echo %i`,
		`for /l %i in (1,1,10000) do @echo %i >nul`,
		`for /l %i in (1,1,10000) do @set /a x=%i*2+1 >nul`,
		`for /l %i in (1,1,10000) do @if %i equ 5000 (echo half) else set x=%i`,
		`(for /l %i in (1,1,10000) do @echo %i) > out.txt`,
		`cd .`,
	} {
		b.Run(strings.ReplaceAll(line, " ", "_"), func(b *testing.B) {
			m := newBox(b)
			for b.Loop() {
				m.c(line)
			}
		})
	}
	b.Run("goto", func(b *testing.B) {
		m := newBox(b)
		for b.Loop() {
			m.batch("set i=0\n:again\nset /a i+=1\nif %i% lss 10000 goto again\n")
		}
	})
	b.Run("call", func(b *testing.B) {
		m := newBox(b)
		for b.Loop() {
			m.batch("for /l %%i in (1,1,10000) do call :sub %%i\ngoto :eof\n:sub\nset x=%1\n")
		}
	})
	b.Run("append", func(b *testing.B) {
		m := newBox(b)
		for b.Loop() {
			m.c("for /l %i in (1,1,10000) do @echo %i>>out.txt")
		}
	})
}
