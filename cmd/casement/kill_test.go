package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	ggcr "github.com/google/go-containerregistry/pkg/registry"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// killBed is a registry with a base, two contexts and the environment of the
// builds that are killed.
type killBed struct {
	dir  string
	reg  *testRegistry
	slow *httptest.Server // the same registry, slow
}

func newKillBed(t *testing.T) *killBed {
	t.Helper()
	b := &killBed{dir: t.TempDir()}
	b.reg = &testRegistry{bases: map[string]bool{}, closing: make(chan struct{}), inner: ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0)))}
	b.reg.server = httptest.NewServer(b.reg)
	b.reg.host = b.reg.server.Listener.Addr().String()
	b.slow = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		b.reg.ServeHTTP(&slowWriter{w}, q)
	}))
	t.Cleanup(func() {
		close(b.reg.closing)
		b.slow.Close()
		b.reg.server.Close()
	})
	p := ocispec.Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0.20348.1"}
	if _, err := b.reg.pushBase("base", "1", p, ociTypes(), false, false); err != nil {
		t.Fatal(err)
	}
	write := func(name string, content []byte) {
		t.Helper()
		name = filepath.Join(b.dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, content, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, baseTime(), baseTime()); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 40 {
		write(fmt.Sprintf("ctx/files/%02d.bin", i), noise(fmt.Sprint(i), 400_000))
	}
	write("ctx/Dockerfile", []byte("FROM casement/hostprocess\nCOPY files C:/app/\n"))
	write("from/Dockerfile", []byte("ARG HOST\nFROM ${HOST}/base:1 AS b\nFROM casement/hostprocess\nCOPY --from=b C:/Windows/System32 C:/app/\nENV X=1\n"))
	return b
}

// slowWriter sends some megabytes a second.
type slowWriter struct{ http.ResponseWriter }

// Write implements io.Writer.
func (w *slowWriter) Write(b []byte) (int, error) {
	total := 0
	for len(b) > 0 {
		n, err := w.ResponseWriter.Write(b[:min(len(b), 64<<10)])
		total += n
		if err != nil {
			return total, err
		}
		if f, ok := w.ResponseWriter.(http.Flusher); ok {
			f.Flush()
		}
		b = b[n:]
		time.Sleep(4 * time.Millisecond)
	}
	return total, nil
}

// command returns a casement in a process of its own.
func (b *killBed) command(ctx context.Context, cache string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.CommandContext(ctx, "casement", args...) // testscript.Main has put it into the path
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "CASEMENT_CACHE="+cache, "HOME="+b.dir, "DOCKER_CONFIG="+b.dir, "GORACE="+noRaceSleep)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	return cmd, &stderr
}

// kinds are the builds that are killed; each has the registry as its argument.
func (b *killBed) kinds() map[string][]string {
	slow := b.slow.Listener.Addr().String()
	return map[string][]string{
		"copy":      {"build", "ctx"},
		"layout":    {"build", "-o", "type=oci,dest=OUT,tar=false", "ctx"},
		"archive":   {"build", "-o", "type=docker,dest=OUT", "ctx"},
		"copy from": {"build", "--build-arg", "HOST=" + slow, "from"},
		"push":      {"build", "-t", slow + "/TAG:1", "--push", "ctx"},
	}
}

// run runs casement to its end.
func (b *killBed) run(t *testing.T, cache string, args ...string) string {
	t.Helper()
	cmd, stderr := b.command(t.Context(), cache, args...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("casement %s: %v\n%s", strings.Join(args, " "), err, stderr)
	}
	return string(out)
}

// digest builds and returns the image's digest.
func (b *killBed) digest(t *testing.T, cache string, args []string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "meta.json")
	b.run(t, cache, append(args[:len(args)-1:len(args)-1], "--metadata-file", file, args[len(args)-1])...)
	meta, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(meta), `"containerimage.digest": "`)
	d, _, _ := strings.Cut(rest, `"`)
	if !strings.HasPrefix(d, "sha256:") {
		t.Fatalf("no digest in %s", meta)
	}
	return d
}

// fill puts names that no other round has into arguments.
func fillArgs(args []string, round string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = strings.ReplaceAll(strings.ReplaceAll(a, "OUT", "out"+round), "TAG", "repo"+round)
	}
	return out
}

// A process that is killed at any moment loses nothing: the next build with the
// same cache gives the image that a fresh cache gives, outputs are whole or not
// there, the cache can be listed, and nothing temporary stays in it.
func TestKill(t *testing.T) {
	b := newKillBed(t)
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	for kind, args := range b.kinds() {
		t.Run(kind, func(t *testing.T) {
			began := time.Now()
			want := b.digest(t, filepath.Join(b.dir, "fresh "+kind), fillArgs(args, "-fresh-"+kind[:4]))
			whole := time.Since(began)
			cache := filepath.Join(b.dir, "killed "+kind)
			for life := range 3 {
				if err := os.RemoveAll(cache); err != nil {
					t.Fatal(err)
				}
				for kill := range 3 { // each goes on with what the ones before have left
					these := fillArgs(args, fmt.Sprintf("-%s-%d-%d", kind[:4], life, kill))
					after := time.Duration(rng.Int64N(int64(whole)))
					ctx, cancel := context.WithTimeout(t.Context(), after)
					cmd, _ := b.command(ctx, cache, these...)
					err := cmd.Run()
					cancel()
					t.Logf("killed after %v of %v: %v", after, whole, err)
					b.checkOutput(t, these)
					b.run(t, cache, "du")
				}
				these := fillArgs(args, fmt.Sprintf("-%s-%d-end", kind[:4], life))
				if got := b.digest(t, cache, these); got != want {
					t.Fatalf("after three kills the image is %s, and with a fresh cache %s", got, want)
				}
			}
			b.run(t, cache, "prune", "--all")
			b.checkEmpty(t, cache)
		})
	}
}

// checkOutput fails if a file output is there and not whole.
func (b *killBed) checkOutput(t *testing.T, args []string) {
	t.Helper()
	for _, a := range args {
		_, dest, ok := strings.Cut(a, "dest=")
		if !ok {
			continue
		}
		dest, _, _ = strings.Cut(dest, ",")
		if _, err := os.Stat(filepath.Join(b.dir, dest)); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		b.run(t, filepath.Join(b.dir, "inspect"), "inspect", "./"+dest)
	}
}

// checkEmpty fails if a cache that was pruned has content left.
func (b *killBed) checkEmpty(t *testing.T, cache string) {
	t.Helper()
	err := filepath.WalkDir(cache, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		fi, err := d.Info()
		if err == nil && fi.Size() > 64<<10 {
			t.Errorf("%s with %d bytes has survived prune --all", name, fi.Size())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Ctrl-C ends a build within a second, with one line and exit status 130, and
// leaves no output behind.
func TestInterrupt(t *testing.T) {
	b := newKillBed(t)
	for kind, args := range b.kinds() {
		t.Run(kind, func(t *testing.T) {
			cache := filepath.Join(b.dir, "interrupted "+kind)
			start := time.Now()
			b.digest(t, cache, fillArgs(args, "-whole-"+kind[:4]))
			whole, interrupted := time.Since(start), 0
			for round := range 4 {
				if err := os.RemoveAll(cache); err != nil {
					t.Fatal(err)
				}
				these := fillArgs(args, fmt.Sprintf("-%s-i%d", kind[:4], round))
				cmd, stderr := b.command(t.Context(), cache, these...)
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(50*time.Millisecond + whole*time.Duration(round)/6)
				began := time.Now()
				if err := cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
					t.Skipf("this system has no interrupts: %v", err)
				}
				_ = cmd.Wait()
				took := time.Since(began)
				switch code := cmd.ProcessState.ExitCode(); code {
				case exitOK: // it was done
				case exitInterrupted:
					interrupted++
					if !strings.HasSuffix(stderr.String(), "casement: interrupted\n") || strings.Contains(stderr.String(), "\nerror:") {
						t.Errorf("round %d: stderr is\n%s", round, stderr)
					}
					b.checkNothing(t, these)
				default:
					if stderr.Len() == 0 {
						break // killed by the signal before main began
					}
					t.Errorf("round %d: exit status %d (%v)\n%s", round, code, cmd.ProcessState, stderr)
				}
				if took > time.Second {
					t.Errorf("round %d: it took %v", round, took)
				}
			}
			t.Logf("%d of 4 builds were interrupted", interrupted)
		})
	}
}

// checkNothing fails if an interrupted build has left an output, or half of one.
func (b *killBed) checkNothing(t *testing.T, args []string) {
	t.Helper()
	for _, a := range args {
		_, dest, ok := strings.Cut(a, "dest=")
		if !ok {
			continue
		}
		dest, _, _ = strings.Cut(dest, ",")
		left, err := filepath.Glob(filepath.Join(b.dir, "*"+dest+"*"))
		hidden, _ := filepath.Glob(filepath.Join(b.dir, "."+dest+"*"))
		if err != nil || len(left)+len(hidden) > 0 {
			t.Errorf("left behind: %q %q %v", left, hidden, err)
		}
	}
}

// Builds that share a cache at the same time do not disturb each other.
func TestConcurrentProcesses(t *testing.T) {
	b := newKillBed(t)
	slow := b.slow.Listener.Addr().String()
	builds := [][]string{
		{"build", "ctx"}, {"build", "--build-arg", "HOST=" + slow, "from"},
		{"build", "ctx"}, {"build", "--build-arg", "HOST=" + slow, "from"},
	}
	want := map[string]string{}
	for _, args := range builds[:2] {
		want[args[len(args)-1]] = b.digest(t, filepath.Join(b.dir, "fresh"+args[len(args)-1]), args)
	}
	for _, n := range []int{2, 4} {
		cache := filepath.Join(b.dir, fmt.Sprint("shared", n))
		var wg sync.WaitGroup
		for i := range n {
			// Two of the same first, then all four.
			args := builds[(i*2+n/4*i)%4]
			if n == 4 {
				args = builds[i]
			}
			wg.Go(func() {
				if got := b.digest(t, cache, args); got != want[args[len(args)-1]] {
					t.Errorf("of %d builds at once, %v gives %s and not %s", n, args, got, want[args[len(args)-1]])
				}
			})
		}
		wg.Wait()
	}
}
