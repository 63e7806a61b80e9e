package winsh_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// archiveTime is when every file of an archive was last changed.
func archiveTime() time.Time { return time.Date(2020, 1, 2, 3, 4, 6, 0, time.UTC) }

// origin is the internet: it answers every URL by what the name of the file
// tells, and by a list of exceptions.
type origin struct {
	serve map[string]string // contents by pattern of the name

	mu     sync.Mutex
	bodies []body // what was downloaded, in order, without sums
}

// body is one download.
type body struct {
	name string
	data []byte
}

// ServeHTTP implements http.Handler.
func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.URL.Path, "/releases/download/") && r.Host == "github.com" {
		// Assets of releases lie on another host.
		http.Redirect(w, r, "https://assets.example"+strings.Replace(r.URL.EscapedPath(), "/releases/download/", "/", 1), http.StatusFound)
		return
	}
	name := path.Base(r.URL.Path)
	data, known := o.content(name)
	if !known {
		http.NotFound(w, r)
		return
	}
	if !isSum(name) && r.Method == http.MethodGet {
		o.mu.Lock()
		o.bodies = append(o.bodies, body{name, data})
		o.mu.Unlock()
	}
	w.Header().Set("Content-Type", contentType(name))
	w.Header().Set("Last-Modified", archiveTime().Format(http.TimeFormat))
	w.Header().Set("Content-Length", fmt.Sprint(len(data)))
	w.Write(data)
}

func contentType(name string) string {
	switch path.Ext(name) {
	case ".txt", ".ps1", ".asc", ".py":
		return "text/plain; charset=utf-8"
	case ".json":
		return "application/json"
	case "", ".html":
		return "text/html; charset=utf-8"
	}
	return "application/octet-stream"
}

// isSum reports whether a file has sums of others.
func isSum(name string) bool {
	ext := path.Ext(name)
	return strings.HasPrefix(ext, ".sha") || ext == ".md5" || strings.HasSuffix(name, "-sha.txt") || strings.HasPrefix(strings.ToLower(name), "sha")
}

// content is what a name stands for.
func (o *origin) content(name string) (data []byte, known bool) {
	spec, special := "", false
	for pattern, s := range o.serve {
		if ok, _ := path.Match(pattern, name); ok {
			spec, special = s, true
		}
	}
	if text, literal := strings.CutPrefix(spec, "="); literal {
		return []byte(o.expand(text)), true
	}
	low := strings.ToLower(name)
	of := strings.TrimSuffix(name, path.Ext(name))
	switch {
	case strings.HasPrefix(path.Ext(low), ".sha512"):
		data, known := o.content(of)
		return fmt.Appendf(nil, "%s\n", sum(data, 128)), known
	case path.Ext(low) == ".sha256":
		data, known := o.content(of)
		return fmt.Appendf(nil, "%s  %s\n", sum(data, 64), of), known
	case strings.HasSuffix(low, ".zip"), strings.HasSuffix(low, ".nupkg"):
		return zipped(cmp.Or(spec, usual(of))), true
	case strings.HasSuffix(low, ".tar.gz"), strings.HasSuffix(low, ".tgz"):
		return tarred(cmp.Or(spec, usual(strings.TrimSuffix(of, ".tar")))), true
	case strings.HasSuffix(low, ".cab"), strings.HasSuffix(low, ".msu"):
		return cabinet(cmp.Or(spec, usual(of))), true
	case path.Ext(low) == "" && !special:
		return nil, false
	}
	return member(name), true
}

// expand puts sums into a text: {sha256:NAME} is that of the content of NAME.
func (o *origin) expand(text string) string {
	return regexp.MustCompile(`\{sha(\d+):([^}]+)\}`).ReplaceAllStringFunc(text, func(m string) string {
		kind, name, _ := strings.Cut(strings.Trim(m, "{}"), ":")
		data, _ := o.content(name)
		return sum(data, map[string]int{"sha1": 40, "sha256": 64, "sha512": 128}[kind])
	})
}

// usual is what an archive has inside unless the test says otherwise: a
// directory of its name with a program.
func usual(stem string) string {
	tool := strings.ToLower(regexp.MustCompile(`^[A-Za-z]+`).FindString(stem))
	return stem + "/|" + stem + "/README.md|" + stem + "/bin/|" + stem + "/bin/" + cmp.Or(tool, "tool") + ".exe"
}

// member is the content of a file, made of its name.
func member(name string) []byte {
	switch path.Ext(strings.ToLower(name)) {
	case ".zip":
		return zipped(usual(strings.TrimSuffix(name, path.Ext(name))))
	case ".exe", ".dll", ".msi", ".jar", ".war", ".pdb", ".gem":
		return []byte("MZ\x90\x00" + name + "\x00")
	}
	return []byte("This is " + name + ".\n")
}

// members are the files of an archive, of which a list has the names; those of
// directories end in a slash. A name may have a content of its own: NAME=TEXT,
// NAME=zip:LIST with semicolons in the list (and commas in a list in that),
// or NAME=cab:LIST.
func members(list string, each func(name string, data []byte)) {
	for _, name := range strings.Split(list, "|") {
		name, text, own := strings.Cut(name, "=")
		inner, isZip := strings.CutPrefix(text, "zip:")
		files, isCab := strings.CutPrefix(text, "cab:")
		switch {
		case isZip:
			each(name, zipped(strings.NewReplacer(";", "|", ",", ";").Replace(inner)))
		case text == "@sif":
			each(name, []byte(sifConfig))
		case isCab:
			each(name, cabinet(strings.ReplaceAll(files, ";", "|")))
		case own:
			each(name, []byte(text))
		default:
			each(name, member(path.Base(name)))
		}
	}
}

func zipped(list string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	members(list, func(name string, data []byte) {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: archiveTime()}
		if strings.HasSuffix(name, "/") {
			h.Method, data = zip.Store, nil
		}
		f := must(w.CreateHeader(h))
		must(f.Write(data))
	})
	check(w.Close())
	return b.Bytes()
}

func tarred(list string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	members(list, func(name string, data []byte) {
		h := &tar.Header{Name: name, Mode: 0o644, ModTime: archiveTime(), Size: int64(len(data))}
		if strings.HasSuffix(name, "/") {
			h.Mode, h.Size, h.Typeflag, data = 0o755, 0, tar.TypeDir, nil
		}
		check(w.WriteHeader(h))
		must(w.Write(data))
	})
	check(w.Close())
	check(z.Close())
	return b.Bytes()
}

// cabinet is a cabinet that stores its files in one block.
func cabinet(list string) []byte {
	var table, data []byte
	files := 0
	le := binary.LittleEndian
	members(list, func(name string, text []byte) {
		if strings.HasSuffix(name, "/") {
			return // cabinets have no directories
		}
		t := archiveTime()
		table = le.AppendUint32(table, uint32(len(text)))
		table = le.AppendUint32(table, uint32(len(data)))
		table = le.AppendUint16(table, 0)
		table = le.AppendUint16(table, uint16((t.Year()-1980)<<9|int(t.Month())<<5|t.Day()))
		table = le.AppendUint16(table, uint16(t.Hour()<<11|t.Minute()<<5|t.Second()/2))
		table = le.AppendUint16(table, 0x20)
		table = append(append(table, strings.ReplaceAll(name, "/", `\`)...), 0)
		data = append(data, text...)
		files++
	})
	const header, folder = 36, 8
	at := header + folder + len(table)
	out := []byte("MSCF\x00\x00\x00\x00")
	out = le.AppendUint32(out, uint32(at+8+len(data)))
	out = append(out, 0, 0, 0, 0)
	out = le.AppendUint32(out, header+folder)
	out = append(out, 0, 0, 0, 0, 3, 1) // the version
	out = le.AppendUint16(out, 1)
	out = le.AppendUint16(out, uint16(files))
	out = append(out, 0, 0, 0, 0, 0, 0) // no flags, set and number 0
	out = le.AppendUint32(out, uint32(at))
	out = le.AppendUint16(out, 1) // blocks
	out = le.AppendUint16(out, 0) // stored
	out = append(out, table...)
	out = append(out, 0, 0, 0, 0) // no checksum
	out = le.AppendUint16(out, uint16(len(data)))
	out = le.AppendUint16(out, uint16(len(data)))
	return append(out, data...)
}

// sum is the sum whose hexadecimal form has so many digits.
func sum(data []byte, digits int) string {
	switch digits {
	case 32:
		s := md5.Sum(data)
		return hex.EncodeToString(s[:])
	case 40:
		s := sha1.Sum(data)
		return hex.EncodeToString(s[:])
	case 64:
		s := sha256.Sum256(data)
		return hex.EncodeToString(s[:])
	case 96:
		s := sha512.Sum384(data)
		return hex.EncodeToString(s[:])
	}
	s := sha512.Sum512(data)
	return hex.EncodeToString(s[:])
}

// internet starts servers for http and https, and returns a transport that
// reaches them under every name.
func internet(t testing.TB, handler func() http.Handler) *http.Transport {
	t.Helper()
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler().ServeHTTP(w, r) })
	plain, secure := httptest.NewServer(h), httptest.NewTLSServer(h)
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	to := func(server *httptest.Server) string { return must(url.Parse(server.URL)).Host }
	return &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			target := to(plain)
			if strings.HasSuffix(addr, ":443") {
				target = to(secure)
			}
			return new(net.Dialer).DialContext(ctx, network, target)
		},
		// Nobody has a certificate for the hosts of real lines.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
