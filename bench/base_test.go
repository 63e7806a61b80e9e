package main

import (
	"path"
	"strings"
	"testing"
	"time"
)

// TestBaseEntries: a base that no Windows could import would measure nothing.
// Every parent comes once and first, no two names differ only in case, a hard
// link follows its target, and the file that the COPY --from case wants is there.
func TestBaseEntries(t *testing.T) {
	v := newVocabulary()
	for _, s := range []baseSpec{nanoserver(), servercore()} {
		seen := map[string]bool{".": true}
		folded := map[string]bool{}
		links := 0
		var total int64
		entries := baseEntries(v, s)
		for _, e := range entries {
			low := strings.ToLower(e.name)
			if folded[low] {
				t.Errorf("%s: %s comes twice", s.Repo, e.name)
			}
			if !seen[path.Dir(e.name)] {
				t.Errorf("%s: %s comes before its directory", s.Repo, e.name)
			}
			if e.target != "" {
				links++
				if !seen[e.target] {
					t.Errorf("%s: %s links to %s, which does not precede it", s.Repo, e.name, e.target)
				}
			}
			seen[e.name], folded[low] = true, true
			total += e.size
		}
		if !seen[wantedFile] {
			t.Errorf("%s lacks %s", s.Repo, wantedFile)
		}
		if links == 0 || total < s.bytes*95/100 || total > s.bytes*105/100 {
			t.Errorf("%s has %d links and %d bytes, want some and about %d", s.Repo, links, total, s.bytes)
		}
	}
}

// TestContextSpecs: the context is of the size that the aims are about, has the
// files that it should and none that Windows refuses.
func TestContextSpecs(t *testing.T) {
	specs := contextSpecs(newVocabulary())
	folded := map[string]bool{}
	var total, large int64
	for _, s := range specs {
		low := strings.ToLower(s.name)
		if folded[low] {
			t.Errorf("%s comes twice", s.name)
		}
		folded[low] = true
		total += s.size
		if s.size > 1<<20 {
			large++
		}
	}
	if len(specs) != contextFiles || total < contextBytes*99/100 || total > contextBytes*101/100 || large < 10 {
		t.Errorf("%d files of %d bytes, %d of them large", len(specs), total, large)
	}
}

// TestMedian: the middle value, or the mean of the middle two.
func TestMedian(t *testing.T) {
	for _, c := range []struct {
		in   []time.Duration
		want time.Duration
	}{{nil, 0}, {[]time.Duration{3}, 3}, {[]time.Duration{9, 1, 5}, 5}, {[]time.Duration{9, 1, 5, 7}, 6}} {
		if got := median(c.in); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.in, got, c.want)
		}
	}
}
