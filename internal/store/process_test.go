package store

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
)

// childVar names the part that a re-executed test binary plays.
const childVar = "STORE_TEST_CHILD"

func TestMain(m *testing.M) {
	role := os.Getenv(childVar)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := playChild(role, os.Getenv("STORE_TEST_DIR"), os.Getenv("STORE_TEST_ARG")); err != nil {
		fmt.Println("child:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func playChild(role, dir, arg string) error {
	s, err := Open(dir, Options{MaxBytes: 1 << 20})
	if err != nil {
		return err
	}
	defer s.Close()
	ctx := context.Background()
	seed, _ := strconv.ParseUint(arg, 10, 64)
	r := rand.New(rand.NewPCG(seed, 1))
	switch role {
	case "churn":
		fmt.Println("ready")
		for {
			if err := churn(ctx, s, r); err != nil {
				return err
			}
		}
	case "work":
		for range 60 {
			if err := churn(ctx, s, r); err != nil {
				return err
			}
		}
		return nil
	case "download":
		return download(ctx, s)
	default:
		return playUnixChild(role, s)
	}
}

// content is a blob that every child can make: its size and bytes come from n.
func content(n int) []byte {
	b := make([]byte, 1+n*n*37%200_000)
	rand.NewChaCha8([32]byte{byte(n), byte(n >> 8)}).Read(b)
	return b
}

// churn does one thing of all that a build does with a store, and checks what the
// store promises meanwhile.
func churn(ctx context.Context, s *Store, r *rand.Rand) error {
	n := r.IntN(40)
	b := content(n)
	d := digest.FromBytes(b)
	switch r.IntN(10) {
	case 0:
		if _, err := s.Prune(ctx, PruneOptions{KeepBytes: 500_000}); err != nil && !errors.Is(err, ErrBusy) {
			return err
		}
		return nil
	case 1:
		return s.Collect(ctx)
	case 2:
		p, err := s.Partial(ctx, d)
		if errors.Is(err, fs.ErrExist) {
			return nil
		} else if err != nil {
			return err
		}
		defer p.Close()
		if _, err := p.Write(b[p.Size():]); err != nil {
			return err
		}
		_, err = p.Commit(ctx)
		return err
	case 3:
		c, err := s.StatCache("/root")
		if err != nil {
			return err
		}
		c.Add(strconv.Itoa(r.IntN(1000)), FileStat{Size: 1, ModTime: int64(n)}, "d:"+strconv.Itoa(n))
		return c.Save()
	case 4, 5, 6:
		rec, err := s.Get("step", strconv.Itoa(n))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		} else if err != nil {
			return err
		}
		// What Get gave must stay while this process lives.
		time.Sleep(time.Duration(r.IntN(3)) * time.Millisecond)
		f, err := s.OpenBlob(rec.Blobs[0])
		if err != nil {
			return fmt.Errorf("a blob that Get promised: %w", err)
		}
		return f.Close()
	default:
		if _, err := s.Add(ctx, bytes.NewReader(b), d); err != nil {
			return err
		}
		return s.Put(ctx, "step", strconv.Itoa(n), []byte(d), d)
	}
}

func download(ctx context.Context, s *Store) error {
	b := content(31)
	p, err := s.Partial(ctx, digest.FromBytes(b))
	if errors.Is(err, fs.ErrExist) {
		fmt.Println("found")
		return nil
	} else if err != nil {
		return err
	}
	for p.Size() < int64(len(b)) {
		n := min(p.Size()+5000, int64(len(b)))
		if _, err := p.Write(b[p.Size():n]); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	if _, err := p.Commit(ctx); err != nil {
		return err
	}
	fmt.Println("loaded")
	return nil
}

func child(t *testing.T, dir, role string, arg int) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVar+"="+role, "STORE_TEST_DIR="+dir, fmt.Sprint("STORE_TEST_ARG=", arg))
	return cmd
}

// checkStore checks every file that counts: each blob has the bytes of its name,
// each record decodes, and Get gives a record only with all its blobs.
func checkStore(t *testing.T, dir string) {
	t.Helper()
	s := open(t, dir, Options{})
	for _, name := range files(t, s.path(blobDir)) {
		b, err := os.ReadFile(s.path(blobDir, name))
		if sum := sha256.Sum256(b); err != nil || hex.EncodeToString(sum[:]) != name {
			t.Errorf("blob %s has other bytes (%v)", name, err)
		}
	}
	for n := range 40 {
		rec, err := s.Get("step", strconv.Itoa(n))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			t.Error(err)
			continue
		}
		if want := digest.FromBytes(content(n)); rec.Blobs[0] != want || string(rec.Value) != want.String() {
			t.Errorf("record %d is for %s", n, rec.Blobs[0])
		} else if got := read(t, s, want); got != string(content(n)) {
			t.Errorf("record %d gives other bytes", n)
		}
	}
	c := statCache(t, s, "/root")
	c.Lookup("", FileStat{})
	if _, err := os.Stat(c.name); err == nil && c.table.len() == 0 {
		t.Error("the stat cache is damaged")
	}
	s.Close()
}

// Broken: a kill at the wrong moment leaves wrong blobs, records for blobs that
// are not there, or rubbish that is never removed.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 2))
	rounds := 30
	if testing.Short() {
		rounds = 5
	}
	for i := range rounds {
		cmd := child(t, dir, "churn", i)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(out)
		if line, err := lines.ReadString('\n'); line != "ready\n" {
			t.Fatalf("child said %q, %v", line, err)
		}
		time.Sleep(time.Duration(r.IntN(60_000)) * time.Microsecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if rest, _ := io.ReadAll(lines); len(rest) > 0 {
			t.Errorf("child said %s", rest)
		}
		_ = cmd.Wait() // says that it was killed
		checkStore(t, dir)
	}
	s := open(t, dir, Options{})
	if _, err := s.Prune(t.Context(), PruneOptions{}); err != nil {
		t.Fatal(err)
	}
	if left := files(t, s.path(tempDir)); len(left) != 0 {
		t.Errorf("left in temp: %v", left)
	}
	if left := files(t, s.path(leaseDir)); len(left) != 1 {
		t.Errorf("leases: %v", left)
	}
}

// Broken: processes that work at the same time take blobs away from each other, or
// fail on what another does.
func TestProcesses(t *testing.T) {
	dir := t.TempDir()
	old := open(t, dir, Options{})
	for n := range 40 { // what only a touch at the right moment saves from the collectors
		d := add(t, old, string(content(n)))
		if err := old.Put(t.Context(), "step", strconv.Itoa(n), []byte(d), d); err != nil {
			t.Fatal(err)
		}
		record, _ := old.recordPath("step", strconv.Itoa(n))
		age(t, record, time.Hour)
		age(t, old.blobFile(d), time.Hour)
	}
	old.Close()
	var running []*exec.Cmd
	var outputs []*bytes.Buffer
	for i := range 4 {
		cmd := child(t, dir, "work", 100+i)
		out := new(bytes.Buffer)
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		running, outputs = append(running, cmd), append(outputs, out)
	}
	for i, cmd := range running {
		if err := cmd.Wait(); err != nil {
			t.Errorf("child %d: %v: %s", i, err, outputs[i])
		}
	}
	checkStore(t, dir)
}

// Broken: goroutines of one build do so to each other.
func TestGoroutines(t *testing.T) {
	s := open(t, t.TempDir(), Options{MaxBytes: 1 << 20})
	errs := make(chan error)
	for i := range 8 {
		go func() {
			r := rand.New(rand.NewPCG(uint64(i), 3))
			for range 30 {
				if err := churn(t.Context(), s, r); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	checkStore(t, s.Dir())
}

// Broken: several processes download one blob several times.
func TestDownloadOnce(t *testing.T) {
	dir := t.TempDir()
	var running []*exec.Cmd
	var outputs []*strings.Builder
	for range 3 {
		cmd := child(t, dir, "download", 0)
		out := new(strings.Builder)
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		running, outputs = append(running, cmd), append(outputs, out)
	}
	count := map[string]int{}
	for i, cmd := range running {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, outputs[i])
		}
		count[outputs[i].String()]++
	}
	if count["loaded\n"] != 1 || count["found\n"] != 2 {
		t.Errorf("outcomes: %v", count)
	}
}
