package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/rogpeppe/go-internal/testscript"
)

// faultCommands are the commands that bring trouble.
func faultCommands() map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	return map[string]func(ts *testscript.TestScript, neg bool, args []string){
		"smalldisk": cmdSmallDisk, "mktar": cmdMkTar, "baseof": cmdBaseOf, "shorten": cmdShorten, "noise": cmdNoise,
		"badname": cmdBadName, "socket": cmdSocket, "transferred": cmdTransferred,
		"interrupt": cmdInterrupt, "waitslow": cmdWaitSlow, "plainerror": cmdPlainError,
	}
}

// impatient is casement with short waits between the attempts of a request.
func impatient() {
	os.Exit(mainExit(context.Background(), environment{
		args: os.Args[1:], stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, lookupenv: os.LookupEnv, backoff: 5 * time.Millisecond,
	}))
}

// scriptCondition answers the conditions of scripts that testscript does not
// know: caps (rights can be taken off a process), tmpfs (one can be mounted).
func scriptCondition(cond string) (bool, error) {
	switch cond {
	case "caps":
		_, err := exec.LookPath("setpriv")
		return err == nil && runtime.GOOS == "linux" && os.Geteuid() == 0, nil
	case "tmpfs":
		return runtime.GOOS == "linux" && os.Geteuid() == 0 && canMount(), nil
	}
	return false, fmt.Errorf("condition %q is not known", cond)
}

// canMount finds out by doing it: containers often keep root from mounting.
func canMount() bool {
	dir, err := os.MkdirTemp("", "casement-mount-*")
	if err != nil {
		return false
	}
	defer os.RemoveAll(dir)
	if exec.Command("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", dir).Run() != nil {
		return false
	}
	return exec.Command("umount", dir).Run() == nil
}

func cmdSmallDisk(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, len(args) == 2, "smalldisk DIR SIZE")
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+args[1], "tmpfs", dir).CombinedOutput()
	if err != nil {
		ts.Fatalf("mounting %s: %v: %s", dir, err, out)
	}
	ts.Defer(func() { _ = exec.Command("umount", dir).Run() })
}

// cmdMkTar makes a tar of any entries, however wrong.
func cmdMkTar(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, len(args) == 2, "mktar FILE ENTRIES")
	var raw bytes.Buffer
	tw := tar.NewWriter(&raw)
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		fields, err := splitQuoted(line)
		ts.Check(err)
		if len(fields) == 0 {
			continue
		}
		if fields[0] == "bomb" || fields[0] == "huge" {
			ts.Check(tw.Flush())
			rawHeader(&raw, fields[0], fields[1])
			continue
		}
		h, content, err := tarEntry(fields)
		if err != nil {
			ts.Fatalf("%s: %q: %v", args[1], line, err)
		}
		ts.Check(tw.WriteHeader(h))
		_, err = io.WriteString(tw, content)
		ts.Check(err)
	}
	ts.Check(tw.Close())
	b := raw.Bytes()
	if strings.HasSuffix(args[0], "gz") {
		var packed bytes.Buffer
		zw := gzip.NewWriter(&packed)
		_, err := zw.Write(b)
		ts.Check(err)
		ts.Check(zw.Close())
		b = packed.Bytes()
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o644))
}

// rawHeader writes what archive/tar does not: bomb is a header that announces
// PAX records of 8 GB, huge a file of 8 GB without its content.
func rawHeader(w *bytes.Buffer, kind, name string) {
	var b [512]byte
	copy(b[:100], name)
	copy(b[100:], "0000644\x000000000\x000000000\x0077777777777\x0000000000000\x00        ")
	b[156] = '0'
	if kind == "bomb" {
		b[156] = 'x'
	}
	copy(b[257:], "ustar\x0000")
	sum := 0
	for _, c := range b {
		sum += int(c)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
	w.Write(b[:])
}

// tarEntry reads "KIND NAME [CONTENT or TARGET] [KEY=VALUE]...".
func tarEntry(fields []string) (*tar.Header, string, error) {
	kinds := map[string]byte{
		"file": tar.TypeReg, "noise": tar.TypeReg, "dir": tar.TypeDir, "symlink": tar.TypeSymlink, "link": tar.TypeLink,
		"char": tar.TypeChar, "block": tar.TypeBlock, "fifo": tar.TypeFifo,
	}
	kind, ok := kinds[fields[0]]
	if !ok || len(fields) < 2 {
		return nil, "", fmt.Errorf("wants a kind and a name")
	}
	h := &tar.Header{Typeflag: kind, Name: fields[1], Mode: 0o644, ModTime: baseTime(), Format: tar.FormatPAX}
	content, rest := "", fields[2:]
	if len(rest) > 0 && (kind == tar.TypeReg || kind == tar.TypeSymlink || kind == tar.TypeLink) {
		content, rest = rest[0], rest[1:]
	}
	switch {
	case fields[0] == "noise":
		n, err := strconv.Atoi(content)
		if err != nil {
			return nil, "", err
		}
		content = string(noise(h.Name, n))
	case kind == tar.TypeSymlink || kind == tar.TypeLink:
		h.Linkname, content = content, ""
	case kind == tar.TypeDir:
		h.Mode = 0o755
	}
	h.Size = int64(len(content))
	for _, r := range rest {
		key, value, _ := strings.Cut(r, "=")
		if n, ok := strings.CutPrefix(value, "*"); ok { // much of it
			count, err := strconv.Atoi(n)
			if err != nil {
				return nil, "", err
			}
			value = strings.Repeat("x", count)
		}
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords[key] = value
	}
	return h, content, nil
}

// splitQuoted splits a line at spaces; words in quotes are Go strings.
func splitQuoted(line string) ([]string, error) {
	var out []string
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		if line[0] != '"' {
			word, rest, _ := strings.Cut(line, " ")
			out, line = append(out, word), rest
			continue
		}
		q, err := strconv.QuotedPrefix(line)
		if err != nil {
			return nil, err
		}
		word, err := strconv.Unquote(q)
		if err != nil {
			return nil, err
		}
		out, line = append(out, word), line[len(q):]
	}
	return out, nil
}

// cmdBaseOf pushes a base image whose only layer is a file, right or wrong.
func cmdBaseOf(ts *testscript.TestScript, neg bool, args []string) {
	r, rest := registryOf(ts, args)
	positive(ts, neg, len(rest) == 3, "baseof NAME VERSION FILE [VAR]")
	repo, tag := splitWhich(rest[0])
	p := ocispec.Platform{OS: "windows", Architecture: "amd64", OSVersion: rest[1]}
	if os, arch, ok := strings.Cut(rest[1], "/"); ok {
		p = ocispec.Platform{OS: os, Architecture: arch}
	}
	blob := []byte(ts.ReadFile(rest[2]))
	diffID := digest.FromBytes(blob)
	if raw, err := uncompress(blob); err == nil {
		diffID = digest.FromBytes(raw)
	}
	ts.Check(r.putBlob(repo, blob))
	config, err := json.Marshal(baseConfig(p, []digest.Digest{diffID}))
	ts.Check(err)
	ts.Check(r.putBlob(repo, config))
	r.mu.Lock()
	r.bases[digest.FromBytes(blob).String()] = true
	r.mu.Unlock()
	_, err = r.putManifest(repo, tag, ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: ocispec.Descriptor{MediaType: ocispec.MediaTypeImageConfig, Digest: digest.FromBytes(config), Size: int64(len(config))},
		Layers: []ocispec.Descriptor{{MediaType: ocispec.MediaTypeImageLayerGzip, Digest: digest.FromBytes(blob), Size: int64(len(blob))}},
	})
	ts.Check(err)
}

// cmdShorten cuts a file off.
func cmdShorten(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, len(args) == 2, "shorten FILE SIZE")
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

// cmdNoise makes a file that does not compress.
func cmdNoise(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, len(args) == 2, "noise FILE SIZE")
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	name := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(name), 0o755))
	ts.Check(os.WriteFile(name, noise(args[0], n), 0o644))
}

// cmdBadName makes a file whose name is a Go string, with bytes that no script
// can hold.
func cmdBadName(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, len(args) == 2, "badname DIR QUOTED")
	name, err := strconv.Unquote(`"` + args[1] + `"`)
	ts.Check(err)
	ts.Check(os.WriteFile(filepath.Join(ts.MkAbs(args[0]), name), []byte("x\n"), 0o644))
}

// cmdSocket leaves a Unix socket behind.
func cmdSocket(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, len(args) == 1, "socket FILE")
	// Names of sockets are short; the way to the file may not be.
	dir, err := os.MkdirTemp("", "s")
	ts.Check(err)
	defer os.RemoveAll(dir)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unix"})
	ts.Check(err)
	l.SetUnlinkOnClose(false)
	ts.Check(l.Close())
	ts.Check(os.Rename(filepath.Join(dir, "s"), ts.MkAbs(args[0])))
}

// cmdTransferred prints, or checks, how many bytes of blobs have gone where.
func cmdTransferred(ts *testscript.TestScript, neg bool, args []string) {
	r, rest := registryOf(ts, args)
	positive(ts, neg, len(rest) == 3, "transferred sent|received MIN MAX [VAR]")
	lo, err := strconv.ParseInt(rest[1], 10, 64)
	ts.Check(err)
	hi, err := strconv.ParseInt(rest[2], 10, 64)
	ts.Check(err)
	r.mu.Lock()
	defer r.mu.Unlock()
	got := map[string]*int64{"sent": &r.sent, "received": &r.received}[rest[0]]
	if got == nil {
		ts.Fatalf("%q is neither sent nor received", rest[0])
	}
	ts.Logf("%s %d bytes", rest[0], *got)
	if *got < lo || *got > hi {
		ts.Fatalf("%d bytes were %s, and not between %d and %d", *got, rest[0], lo, hi)
	}
	*got = 0
}

// countingReader counts what is uploaded, and breaks off half-way when told.
type countingReader struct {
	io.ReadCloser
	r    *testRegistry
	left int64 // -1: all of it
}

// Read implements io.Reader.
func (c *countingReader) Read(p []byte) (int, error) {
	if c.left == 0 {
		panic(http.ErrAbortHandler)
	}
	if c.left > 0 {
		p = p[:min(int64(len(p)), c.left)]
	}
	n, err := c.ReadCloser.Read(p)
	if c.left > 0 {
		c.left -= int64(n)
	}
	c.r.mu.Lock()
	c.r.received += int64(n)
	c.r.mu.Unlock()
	return n, err
}

// hang keeps a request until its sender gives up or the script ends.
func (r *testRegistry) hang(q *http.Request) {
	r.mu.Lock()
	r.hanging++
	r.mu.Unlock()
	select {
	case <-q.Context().Done():
	case <-r.closing:
	}
}

// cmdInterrupt starts a program, waits until a request hangs in the registry,
// interrupts it, and fails unless it ends within a second with status 130.
func cmdInterrupt(ts *testscript.TestScript, neg bool, args []string) {
	r, rest := registryOf(ts, args)
	positive(ts, neg, len(rest) > 0, "interrupt [VAR] COMMAND ARG...")
	cmd := exec.Command(rest[0], rest[1:]...)
	if path, err := exec.LookPath(rest[0]); err == nil {
		cmd.Path = path
	}
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stderr = ts.MkAbs("."), &stderr
	cmd.Env = scriptEnv(ts)
	r.mu.Lock()
	before := r.hanging
	r.mu.Unlock()
	ts.Check(cmd.Start())
	deadline := time.Now().Add(20 * time.Second)
	for {
		r.mu.Lock()
		now := r.hanging
		r.mu.Unlock()
		if now > before {
			break
		}
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			ts.Fatalf("no request has hung; stderr:\n%s", stderr.Bytes())
		}
		time.Sleep(5 * time.Millisecond)
	}
	began := time.Now()
	ts.Check(cmd.Process.Signal(os.Interrupt))
	_ = cmd.Wait()
	took := time.Since(began)
	fmt.Fprint(ts.Stderr(), stderr.String())
	ts.Logf("ended after %v with %v", took, cmd.ProcessState)
	if code := cmd.ProcessState.ExitCode(); code != 130 || took > time.Second {
		ts.Fatalf("exit status %d after %v; stderr:\n%s", code, took, stderr.Bytes())
	}
}

// cmdWaitSlow waits until a request is being answered slowly.
func cmdWaitSlow(ts *testscript.TestScript, neg bool, args []string) {
	r, rest := registryOf(ts, args)
	positive(ts, neg, len(rest) == 0, "waitslow [VAR]")
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		r.mu.Lock()
		n := r.hanging
		r.hanging = 0
		r.mu.Unlock()
		if n > 0 {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("no request was slow")
		}
	}
}

// scriptEnv is the environment of a script's programs.
func scriptEnv(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "DOCKER_CONFIG", "CASEMENT_CACHE", "TMPDIR", "GOCOVERDIR", "TESTSCRIPT_COMMAND"} {
		if v := ts.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// cmdOneLine fails unless a stream has one line that begins with error: and at
// most one with hint:, and nothing that only programmers understand.
func cmdPlainError(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, len(args) == 0, "plainerror")
	errs, hints := 0, 0
	sc := bufio.NewScanner(strings.NewReader(ts.ReadFile("stderr")))
	for sc.Scan() {
		line := sc.Text()
		text, isErr := strings.CutPrefix(line, "error: ")
		hint, isHint := strings.CutPrefix(line, "hint: ")
		switch {
		case isErr:
			errs++
		case isHint:
			hints++
			text = hint
		default:
			continue
		}
		for _, bad := range []string{": open ", "openat", "lstat", "%!", "<nil>", "rpc error", "&{", "goroutine", "failed to", "EOF", "context canceled"} {
			if strings.Contains(text, bad) {
				ts.Fatalf("the message has %q: %s", bad, line)
			}
		}
	}
	if errs != 1 || hints > 1 {
		ts.Fatalf("%d lines of errors and %d of hints", errs, hints)
	}
}
