package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
)

// Content is made, not stored: every file's bytes follow from a seed. The kinds
// compress as real files of their kind do, and no block occurs twice, because a
// repeated block would flatter compressors and caches.
type kind int

const (
	prose   kind = iota // documents, logs, help texts
	source              // program text
	table               // JSON and CSV
	program             // programs and libraries
	noise               // images, archives, fonts: what does not compress
)

// seedOf makes the seed of one file from the fixture's and the file's number.
func seedOf(fixture, n uint64) *rand.Rand { return rand.New(rand.NewPCG(fixture, n)) }

// vocabulary is the word model that all text comes from.
type vocabulary struct {
	words []string
	// next holds, for every word, the words that tend to follow it.
	next [][]uint32
}

const (
	vocabularySize = 12000
	followers      = 24
)

func newVocabulary() *vocabulary {
	rng := seedOf(1, 1)
	onset := strings.Fields("b c d f g h j k l m n p r s t v w z bl br ch cl cr dr fl fr gl gr pl pr sc sh sk sl sp st str th tr qu")
	nucleus := strings.Fields("a e i o u ai ea ee ie oa oo ou")
	coda := strings.Fields("n r s t l m d ng nt st ck rd ll ss x th ve te ne")
	v := &vocabulary{}
	seen := map[string]bool{}
	for len(v.words) < vocabularySize {
		var w string
		for range 1 + skewed(rng, 3) {
			w += onset[rng.IntN(len(onset))] + nucleus[rng.IntN(len(nucleus))]
		}
		if rng.IntN(3) > 0 {
			w += coda[rng.IntN(len(coda))]
		}
		// Five letters and more: no word is a device name such as "con".
		if len(w) >= 5 && !seen[w] || len(v.words) < 200 && !seen[w] {
			seen[w] = true
			v.words = append(v.words, w)
		}
	}
	for range v.words {
		f := make([]uint32, followers)
		for i := range f {
			f[i] = uint32(skewed(rng, len(v.words)))
		}
		v.next = append(v.next, f)
	}
	return v
}

// skewed draws from [0, n), low numbers far more often, roughly as words do.
func skewed(rng *rand.Rand, n int) int {
	f := rng.Float64()
	return int(f * f * f * float64(n))
}

// name makes a file or directory name of one or two words.
func (v *vocabulary) name(rng *rand.Rand) string {
	w := v.words[200+rng.IntN(len(v.words)-200)]
	if rng.IntN(3) == 0 {
		w += "-" + v.words[200+rng.IntN(len(v.words)-200)]
	}
	return w
}

// reader returns an endless stream of the kind's content.
func (v *vocabulary) reader(k kind, rng *rand.Rand) io.Reader {
	g := &generator{v: v, rng: rng}
	switch k {
	case prose:
		g.fill = g.prose
	case source:
		g.fill = g.source
	case table:
		g.fill = g.table
	case program:
		g.fill = g.machine
	default:
		var seed [32]byte
		for i := 0; i < len(seed); i += 8 {
			binary.LittleEndian.PutUint64(seed[i:], rng.Uint64())
		}
		return rand.NewChaCha8(seed)
	}
	return g
}

// generator hands out what fill appends, a piece at a time.
type generator struct {
	v    *vocabulary
	rng  *rand.Rand
	fill func()
	buf  []byte
	off  int
	word uint32
	// ids are the identifiers of this file: a program uses few names often.
	ids []string
	// idioms are the instruction sequences that this program repeats.
	idioms []string
}

func (g *generator) Read(p []byte) (int, error) {
	if g.off == len(g.buf) {
		g.buf, g.off = g.buf[:0], 0
		for len(g.buf) < 16<<10 {
			g.fill()
		}
	}
	n := copy(p, g.buf[g.off:])
	g.off += n
	return n, nil
}

func (g *generator) str(s string) { g.buf = append(g.buf, s...) }

// say appends the next word of the chain. One in six starts afresh, so that
// long texts do not fall into a loop.
func (g *generator) say() string {
	if g.rng.IntN(6) == 0 {
		g.word = uint32(skewed(g.rng, len(g.v.words)))
	} else {
		g.word = g.v.next[g.word][skewed(g.rng, followers)]
	}
	return g.v.words[g.word]
}

// prose appends a sentence.
func (g *generator) prose() {
	for i := range 5 + g.rng.IntN(16) {
		w := g.say()
		if i == 0 {
			g.str(strings.ToUpper(w[:1]))
			w = w[1:]
		} else {
			g.str(" ")
		}
		g.str(w)
		if g.rng.IntN(11) == 0 {
			g.str(",")
		}
	}
	g.str(". ")
	if g.rng.IntN(5) == 0 {
		g.str("\n\n")
	}
}

// source appends a few lines of a function in a C-like language.
func (g *generator) source() {
	if g.ids == nil {
		for range 60 {
			a, b := g.say(), g.say()
			g.ids = append(g.ids, a+strings.ToUpper(b[:1])+b[1:])
		}
	}
	id := func() string { return g.ids[skewed(g.rng, len(g.ids))] }
	g.buf = fmt.Appendf(g.buf, "/// %s %s %s %s.\npublic %s %s(%s %s) {\n", g.say(), g.say(), g.say(), g.say(), id(), id(), id(), g.say())
	for range 3 + g.rng.IntN(9) {
		switch g.rng.IntN(6) {
		case 0:
			g.buf = fmt.Appendf(g.buf, "    if (%s.%s == %d) {\n        return %s(%s, \"%s %s\");\n    }\n", id(), id(), g.rng.IntN(5000), id(), g.say(), g.say(), g.say())
		case 1:
			g.buf = fmt.Appendf(g.buf, "    for (int i = 0; i < %s.%s; i++) {\n        %s[i] = %s(%s);\n    }\n", id(), g.say(), id(), id(), id())
		case 2:
			g.buf = fmt.Appendf(g.buf, "    var %s = new %s(%s, %d);\n", g.say(), id(), id(), g.rng.IntN(100000))
		case 3:
			g.buf = fmt.Appendf(g.buf, "    // %s %s %s %s %s\n", g.say(), g.say(), g.say(), g.say(), g.say())
		default:
			g.buf = fmt.Appendf(g.buf, "    %s.%s(%s, %s.%s);\n", id(), id(), g.say(), id(), g.say())
		}
	}
	g.str("}\n\n")
}

// table appends a JSON record or a line of values.
func (g *generator) table() {
	u := g.rng.Uint64()
	if u&3 == 0 {
		g.buf = fmt.Appendf(g.buf, "%d,%s,%d.%02d,2024-%02d-%02dT%02d:%02d:%02dZ,%s %s\n", u>>40, g.say(), u>>8&0xfff, u>>20%100,
			1+u>>24%12, 1+u>>28%28, u>>32%24, u>>36%60, u>>42%60, g.say(), g.say())
		return
	}
	g.buf = fmt.Appendf(g.buf, "  {\"id\": \"%08x-%04x\", \"name\": \"%s\", \"enabled\": %t, \"weight\": %d.%d, \"tags\": [\"%s\", \"%s\"], \"note\": \"%s %s %s\"},\n",
		uint32(u>>8), uint16(u>>40), g.say(), u&4 == 0, u>>16&0xff, u>>30&0xfff, g.say(), g.say(), g.say(), g.say(), g.say())
}

// machine appends a piece of a program file: instructions from a skewed set
// with addresses and constants in between, names, wide strings, padding, and
// resources that do not compress.
func (g *generator) machine() {
	switch g.rng.IntN(16) {
	case 0: // names of imports
		for range 40 {
			g.str(g.say())
			g.str(g.say())
			g.buf = append(g.buf, 0)
		}
	case 1: // wide strings
		for range 120 {
			for _, c := range []byte(g.say()) {
				g.buf = append(g.buf, c, 0)
			}
			g.buf = append(g.buf, ' ', 0)
		}
	case 2: // padding up to a section
		g.buf = append(g.buf, make([]byte, 512+g.rng.IntN(3000))...)
	case 3: // packed resources
		for range 300 {
			g.buf = binary.LittleEndian.AppendUint64(g.buf, g.rng.Uint64())
		}
	case 4: // tables of addresses
		at := g.rng.Uint32() & 0x7fffff
		for range 300 {
			at += g.rng.Uint32N(400)
			g.buf = binary.LittleEndian.AppendUint64(g.buf, 0x180000000+uint64(at))
		}
	default:
		g.code()
	}
}

// code appends instructions. Most come from the file's stock of idioms, as a
// compiler writes the same sequences again and again; the rest are single ones.
func (g *generator) code() {
	ops := [...]string{"\x48\x8b", "\x48\x89", "\xe8", "\x48\x8d", "\x8b", "\x0f\x84", "\x48\x83\xc4", "\x33", "\x85", "\x75", "\x74", "\xff\x15",
		"\x4c\x8b", "\x45\x33", "\x89", "\xeb", "\x48\x85", "\xc3\xcc\xcc\xcc", "\x40\x53\x48\x83\xec", "\x41\xb8", "\x66\x0f\x6f", "\xf3\x0f\x10", "\x0f\xb6", "\xe9"}
	for len(g.idioms) < 512 {
		from := len(g.buf)
		for range 2 + g.rng.IntN(3) {
			g.instruction(ops[skewed(g.rng, len(ops))])
		}
		g.idioms = append(g.idioms, string(g.buf[from:]))
	}
	for range 300 {
		if g.rng.IntN(3) == 0 {
			g.instruction(ops[skewed(g.rng, len(ops))])
		} else {
			g.str(g.idioms[skewed(g.rng, len(g.idioms))])
		}
	}
}

func (g *generator) instruction(op string) {
	u := g.rng.Uint64()
	g.str(op)
	g.buf = append(g.buf, byte(0xc0|(u>>10&3)<<3|(u>>13&3)))
	switch u >> 20 & 7 {
	case 0, 1:
		g.buf = append(g.buf, byte(u>>32)&0x78)
	case 2: // a relative address
		g.buf = append(g.buf, byte(u>>32), byte(u>>40), byte(u>>48)&3, 0)
	case 3:
		g.buf = append(g.buf, 0x24, byte(u>>32)&0x78)
	}
}
