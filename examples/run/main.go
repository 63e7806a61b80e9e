// Command run builds the examples of RUN in Windows stages: it serves what they
// download on a loopback address, in archives of the usual shape, and calls
// bin/casement for each Dockerfile below it.
//
//	go run ./examples/run
package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

func main() {
	log.SetFlags(0)
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

// file is one file of an archive.
type file struct{ name, text string }

// run serves the files and builds the examples that are named, or all.
func run(names []string) error {
	files, sums, err := downloads()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data)
	})}
	go func() { _ = srv.Serve(l) }()
	defer srv.Close()
	if len(names) == 0 {
		names = []string{"tool", "sdk", "web"}
	}
	for _, name := range names {
		if err := build(name, "http://"+l.Addr().String(), sums); err != nil {
			return fmt.Errorf("building example %s: %w", name, err)
		}
	}
	return nil
}

// build builds one example on the base that needs no download, and lists what
// the image has.
func build(name, mirror string, sums map[string]string) error {
	dir := filepath.Join("examples", "run", name)
	image := filepath.Join("dist", "example-"+name+".tar")
	args := []string{
		"build", "--build-arg", "BASE=casement/hostprocess", "--build-arg", "MIRROR=" + mirror,
		"--build-arg", "TOOL_SHA256=" + sums["tool"], "--output", "type=oci,dest=" + image, dir,
	}
	if err := casement(args...); err != nil {
		return err
	}
	return casement("inspect", "--files", image, `C:\`+map[string]string{"tool": "tool", "sdk": "sdk", "web": "web"}[name])
}

func casement(args ...string) error {
	fmt.Fprintf(os.Stderr, "\n$ casement")
	for _, a := range args {
		fmt.Fprintf(os.Stderr, " %s", a)
	}
	fmt.Fprintln(os.Stderr)
	cmd := exec.Command(filepath.Join("bin", "casement"), args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// downloads makes what the examples download, by path, and the sums of it.
func downloads() (files map[string][]byte, sums map[string]string, err error) {
	program := "MZ: a program of this name would be here"
	tool, err := zipped([]file{{"bin/tool.exe", program}, {"bin/tool.dll", program}, {"share/tool.txt", "a manual\r\n"}})
	if err != nil {
		return nil, nil, err
	}
	const top = "sdk-v22.4.1-win-x64"
	sdk, err := zipped([]file{
		{top + "/sdk.exe", program}, {top + "/lib/index.js", "exports = {}\n"}, {top + "/package.json", `{"name": "sdk", "version": "22.4.1"}` + "\n"},
	})
	if err != nil {
		return nil, nil, err
	}
	web, err := tarred([]file{
		{"web-2.9.1/web.exe", program}, {"web-2.9.1/licenses/README", "the licences\n"}, {"web-2.9.1/LICENSE", "a licence\n"}, {"web-2.9.1/README.md", "# web\n"},
	})
	if err != nil {
		return nil, nil, err
	}
	return map[string][]byte{
		"/tool/1.8.0/tool-1.8.0-windows-amd64.zip": tool,
		"/sdk/" + top + ".zip":                     sdk,
		"/sdk/SHASUMS256.txt":                      []byte(sum(sdk) + "  " + top + ".zip\n"),
		"/web/web-2.9.1.tar.gz":                    web,
	}, map[string]string{"tool": sum(tool)}, nil
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

func zipped(files []file) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		w, err := z.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)})
		if err != nil {
			return nil, err
		}
		if _, err := io.WriteString(w, f.text); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return b.Bytes(), err
}

func tarred(files []file) ([]byte, error) {
	var b bytes.Buffer
	g := gzip.NewWriter(&b)
	t := tar.NewWriter(g)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.text)), ModTime: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
		if err := t.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := io.WriteString(t, f.text); err != nil {
			return nil, err
		}
	}
	if err := t.Close(); err != nil {
		return nil, err
	}
	err := g.Close()
	return b.Bytes(), err
}
