package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// bench runs cases. Everything it points to lives in dir and goes with it.
type bench struct {
	dir      string
	registry string // the registry itself, for timed runs
	proxy    *countingProxy
	context  string
	changing string // the file of the context that changes
	changes  int
	targets  int
	rounds   int
	tools    map[string]tool
	log      io.Writer
}

// row is the result of one entrant of a case.
type row struct {
	Label    string
	Median   time.Duration
	Walls    []time.Duration
	Peak     int64    // the largest of all runs
	Traffic  *traffic // nil for what does not talk to a registry
	Layers   []int64  // sizes of the layers above the base
	toolName string
}

// caseResult is the result of one case.
type caseResult struct {
	Name  string
	Title string
	Rows  []*row
	Aims  []aimResult
	Took  time.Duration
}

type aimResult struct {
	Text   string
	AtMost float64
	Value  float64
	Unit   string
	Ran    bool
	Met    bool
}

func (r caseResult) row(label string) *row {
	for _, x := range r.Rows {
		if x.Label == label {
			return x
		}
	}
	return nil
}

// run does one case: rounds of timed runs in which the tools take turns, then
// one run each through the counting proxy.
func (b *bench) run(ctx context.Context, c benchCase) (caseResult, error) {
	start := time.Now()
	res := caseResult{Name: c.Name, Title: c.Title}
	var entrants []entrant
	for _, e := range c.entrants {
		if b.tools[e.tool] != nil {
			entrants = append(entrants, e)
			res.Rows = append(res.Rows, &row{Label: e.Label, toolName: e.tool})
		}
	}
	if err := b.timed(ctx, c, entrants, res.Rows); err != nil {
		return res, err
	}
	for i, e := range entrants {
		if e.tool == "pipeline" {
			continue
		}
		fmt.Fprintf(b.log, "%s: counting %s\n", c.Name, e.Label)
		t, err := b.counted(ctx, c, e)
		if err != nil {
			return res, fmt.Errorf("counting %s in case %s: %w", e.Label, c.Name, err)
		}
		res.Rows[i].Traffic = &t
	}
	for _, t := range b.tools {
		t.stop()
	}
	for _, a := range c.aims {
		v, ran := a.of(res)
		res.Aims = append(res.Aims, aimResult{Text: a.Text, AtMost: a.AtMost, Value: v, Unit: a.Unit, Ran: ran, Met: ran && v <= a.AtMost})
	}
	res.Took = time.Since(start)
	return res, nil
}

func (b *bench) timed(ctx context.Context, c benchCase, entrants []entrant, rows []*row) error {
	kept := make([]job, len(entrants))
	if c.again {
		for i, e := range entrants {
			fmt.Fprintf(b.log, "%s: first build of %s\n", c.Name, e.Label)
			kept[i] = b.job(c, b.registry)
			if err := b.first(ctx, c, e, kept[i]); err != nil {
				return fmt.Errorf("preparing %s for case %s: %w", e.Label, c.Name, err)
			}
		}
	}
	for round := range b.rounds {
		if c.change {
			if err := b.changeFile(); err != nil {
				return err
			}
		}
		for k := range entrants {
			// Every round another tool goes first.
			i := (k + round) % len(entrants)
			e, j := entrants[i], kept[i]
			if !c.again {
				j = b.job(c, b.registry)
				if err := b.prepare(ctx, e, j); err != nil {
					return fmt.Errorf("preparing %s for case %s: %w", e.Label, c.Name, err)
				}
			}
			s, layers, err := b.measure(ctx, c, e, j)
			if err != nil {
				return fmt.Errorf("case %s: %w", c.Name, err)
			}
			fmt.Fprintf(b.log, "%s: %d/%d %-22s %7.2f s\n", c.Name, round+1, b.rounds, e.Label, s.Wall.Seconds())
			rows[i].Walls = append(rows[i].Walls, s.Wall)
			rows[i].Peak = max(rows[i].Peak, s.Peak)
			rows[i].Layers = layers
		}
	}
	for _, r := range rows {
		r.Median = median(r.Walls)
	}
	return nil
}

// measure does one timed build and checks that it left an image.
func (b *bench) measure(ctx context.Context, c benchCase, e entrant, j job) (sample, []int64, error) {
	if err := writeDockerfile(j, c.dockerfile(j.registry)); err != nil {
		return sample{}, nil, err
	}
	settle()
	s, err := b.tools[e.tool].build(ctx, j)
	if err != nil || e.tool == "pipeline" {
		return s, nil, err
	}
	layers, err := b.layersOf(ctx, j.target)
	if err != nil {
		return s, nil, fmt.Errorf("looking at what %s pushed: %w", e.Label, err)
	}
	return s, layers, nil
}

// prepare brings a tool into the state in which the entrant starts.
func (b *bench) prepare(ctx context.Context, e entrant, j job) error {
	t := b.tools[e.tool]
	if err := t.reset(ctx); err != nil {
		return err
	}
	if e.prime == nil {
		return nil
	}
	if err := writeDockerfile(j, e.prime(j.registry)); err != nil {
		return err
	}
	j.target = b.target()
	_, err := t.build(ctx, j)
	return err
}

// first does the build that the timed ones of a case repeat.
func (b *bench) first(ctx context.Context, c benchCase, e entrant, j job) error {
	if err := b.prepare(ctx, e, j); err != nil {
		return err
	}
	if err := writeDockerfile(j, c.dockerfile(j.registry)); err != nil {
		return err
	}
	_, err := b.tools[e.tool].build(ctx, j)
	return err
}

// counted does the case once more through the proxy.
func (b *bench) counted(ctx context.Context, c benchCase, e entrant) (traffic, error) {
	j := b.job(c, b.proxy.addr)
	var err error
	if c.again {
		err = b.first(ctx, c, e, j)
	} else {
		err = b.prepare(ctx, e, j)
	}
	if err != nil {
		return traffic{}, err
	}
	if c.change {
		if err := b.changeFile(); err != nil {
			return traffic{}, err
		}
	}
	if err := writeDockerfile(j, c.dockerfile(j.registry)); err != nil {
		return traffic{}, err
	}
	b.proxy.take()
	_, err = b.tools[e.tool].build(ctx, j)
	return b.proxy.take(), err
}

func (b *bench) target() string {
	b.targets++
	return fmt.Sprintf("bench/app%d:1", b.targets)
}

func (b *bench) job(c benchCase, registry string) job {
	return job{registry: registry, base: c.base, dockerfile: filepath.Join(b.dir, "dockerfile"), context: b.context, target: b.target(), env: c.env}
}

func writeDockerfile(j job, text string) error {
	if err := os.MkdirAll(j.dockerfile, 0o755); err != nil {
		return fmt.Errorf("writing the Dockerfile: %w", err)
	}
	if err := os.WriteFile(filepath.Join(j.dockerfile, "Dockerfile"), []byte(text), 0o644); err != nil {
		return fmt.Errorf("writing the Dockerfile: %w", err)
	}
	return nil
}

// changeFile replaces a file of the context by one that differs in a few bytes.
// It renames a new file over the old, since the old is linked to the fixture.
func (b *bench) changeFile() error {
	b.changes++
	data, err := os.ReadFile(b.changing)
	if err != nil {
		return fmt.Errorf("changing a file: %w", err)
	}
	copy(data[len(data)/2:], fmt.Sprintf("change %6d", b.changes))
	tmp := filepath.Join(b.dir, "changed")
	if err := os.WriteFile(tmp, data, 0o644); err != nil {
		return fmt.Errorf("changing a file: %w", err)
	}
	if err := os.Rename(tmp, b.changing); err != nil {
		return fmt.Errorf("changing a file: %w", err)
	}
	return nil
}

// linkTree makes a copy of a tree whose files are hard links.
func linkTree(dst, src string) error {
	return filepath.WalkDir(src, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dst, strings.TrimPrefix(p, src))
		if d.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		return os.Link(p, to)
	})
}

// layersOf asks the registry for the sizes of an image's layers above the base.
func (b *bench) layersOf(ctx context.Context, target string) ([]int64, error) {
	repo, ref, _ := strings.Cut(target, ":")
	var m struct {
		Manifests []struct{ Digest string }
		Layers    []struct{ Size int64 }
	}
	for range 2 {
		if err := b.getManifest(ctx, repo, ref, &m); err != nil {
			return nil, err
		}
		if len(m.Layers) > 0 {
			var sizes []int64
			for _, l := range m.Layers[1:] {
				sizes = append(sizes, l.Size)
			}
			return sizes, nil
		}
		if len(m.Manifests) == 0 {
			break
		}
		ref = m.Manifests[0].Digest
	}
	return nil, fmt.Errorf("%s holds no image", target)
}

func (b *bench) getManifest(ctx context.Context, repo, ref string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+b.registry+"/v2/"+repo+"/manifests/"+ref, nil)
	if err != nil {
		return fmt.Errorf("asking for %s: %w", ref, err)
	}
	req.Header.Set("Accept", "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("asking for %s: %w", ref, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("asking for %s: %s", ref, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}
