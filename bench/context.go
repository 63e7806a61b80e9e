package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

const (
	contextFiles = 10_000
	contextBytes = 200_000_000
	contextDirs  = 400
)

// fileSpec is one file of a fixture before its bytes exist.
type fileSpec struct {
	name string
	kind kind
	size int64
	seed uint64
}

// extensions says which endings files of a kind have.
func extensions(k kind) []string {
	return map[kind][]string{
		prose:   {".txt", ".md", ".log", ".html"},
		source:  {".cs", ".js", ".ts", ".ps1", ".css"},
		table:   {".json", ".csv", ".xml"},
		program: {".dll", ".exe", ".pdb"},
		noise:   {".png", ".zip", ".woff2", ".jpg"},
	}[k]
}

// writeContext makes the build context below dir.
func writeContext(ctx context.Context, v *vocabulary, dir string) error {
	specs := contextSpecs(v)
	made := map[string]bool{}
	fixed := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	for i, s := range specs {
		if err := ctx.Err(); err != nil {
			return err
		}
		file := filepath.Join(dir, filepath.FromSlash(s.name))
		if parent := filepath.Dir(file); !made[parent] {
			if err := os.MkdirAll(parent, 0o755); err != nil {
				return fmt.Errorf("making the context: %w", err)
			}
			made[parent] = true
		}
		if err := writeFile(file, v.reader(s.kind, seedOf(2, s.seed)), s.size); err != nil {
			return fmt.Errorf("making the context: %w", err)
		}
		t := fixed.Add(time.Duration(i) * time.Minute)
		if err := os.Chtimes(file, t, t); err != nil {
			return fmt.Errorf("making the context: %w", err)
		}
	}
	return nil
}

func writeFile(name string, r io.Reader, size int64) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if _, err := io.CopyN(f, r, size); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// contextSpecs plans the build context.
func contextSpecs(v *vocabulary) []fileSpec { return appSpecs(v, contextFiles, contextBytes) }

// appSpecs plans a tree like a published web application with its sources: a few
// hundred directories, many small files, some of several megabytes.
func appSpecs(v *vocabulary, files int, bytes int64) []fileSpec {
	rng := seedOf(3, 3)
	dirs := randomDirs(v, rng, contextDirs)
	sizes := randomSizes(rng, 2.2, files, bytes, 6<<20)
	seen := map[string]bool{}
	specs := make([]fileSpec, 0, files)
	for i, size := range sizes {
		k := contextKind(rng, size)
		name := ""
		for name == "" || seen[name] {
			ext := extensions(k)
			name = dirs[skewedWide(rng, len(dirs))] + "/" + v.name(rng) + ext[rng.IntN(len(ext))]
		}
		seen[name] = true
		specs = append(specs, fileSpec{name: name, kind: k, size: size, seed: uint64(i)})
	}
	return specs
}

// contextKind draws a kind: small files are mostly text, large ones mostly not.
func contextKind(rng *rand.Rand, size int64) kind {
	weights := [...]int{prose: 20, source: 45, table: 20, program: 5, noise: 10}
	if size > 64<<10 {
		weights = [...]int{prose: 15, source: 20, table: 20, program: 25, noise: 20}
	}
	n := rng.IntN(100)
	for k, w := range weights {
		if n -= w; n < 0 {
			return kind(k)
		}
	}
	return noise
}

// randomDirs makes directory names, each below an earlier one or at the top.
func randomDirs(v *vocabulary, rng *rand.Rand, n int) []string {
	dirs := []string{"src", "wwwroot", "bin", "docs", "node_modules"}
	seen := map[string]bool{}
	for len(dirs) < n {
		d := dirs[skewed(rng, len(dirs))] + "/" + v.name(rng)
		if !seen[d] && len(d) < 150 {
			seen[d] = true
			dirs = append(dirs, d)
		}
	}
	return dirs
}

// skewedWide draws from [0, n) with a mild preference for low numbers.
func skewedWide(rng *rand.Rand, n int) int {
	f := rng.Float64()
	return int(math.Pow(f, 1.3) * float64(n))
}

// randomSizes draws n sizes from a log-normal distribution with that spread, as
// file sizes have, none above most, and scales them to the sum wanted.
func randomSizes(rng *rand.Rand, spread float64, n int, sum, most int64) []int64 {
	raw := make([]float64, n)
	for i := range raw {
		raw[i] = math.Exp(spread * rng.NormFloat64())
	}
	sizes := make([]int64, n)
	scale := 1.0
	// Cutting at most lowers the sum; a few rounds find the scale that makes up.
	for range 20 {
		var total int64
		for i, x := range raw {
			sizes[i] = min(int64(x*scale*float64(sum)/float64(n)), most)
			total += sizes[i]
		}
		scale *= float64(sum) / float64(total)
	}
	return sizes
}
