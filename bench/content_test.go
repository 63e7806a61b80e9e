package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"
)

// TestContentCompresses holds the kinds near the ratios of real files: if one
// drifts, the bases miss their sizes and the cases measure something else.
func TestContentCompresses(t *testing.T) {
	v := newVocabulary()
	for k, want := range map[kind][2]float64{prose: {2, 4}, source: {3, 7}, table: {2, 6}, program: {1.8, 2.8}, noise: {0.9, 1.1}} {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		const size = 2 << 20
		if _, err := io.CopyN(z, v.reader(k, seedOf(9, uint64(k))), size); err != nil {
			t.Fatal(err)
		}
		z.Close()
		if ratio := size / float64(packed.Len()); ratio < want[0] || ratio > want[1] {
			t.Errorf("kind %d compresses %.2f times, want %.1f to %.1f", k, ratio, want[0], want[1])
		} else {
			t.Logf("kind %d compresses %.2f times", k, ratio)
		}
	}
}

// TestContentIsStable holds the fixtures to their seed: two readers of one seed
// give the same bytes, two seeds do not.
func TestContentIsStable(t *testing.T) {
	v := newVocabulary()
	read := func(seed uint64) []byte {
		b, err := io.ReadAll(io.LimitReader(v.reader(program, seedOf(9, seed)), 100_000))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if !bytes.Equal(read(1), read(1)) {
		t.Error("one seed gave two contents")
	}
	if bytes.Equal(read(1), read(2)) {
		t.Error("two seeds gave one content")
	}
}
