package winsh_test

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/layer"
	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// builder makes images of lines and looks at the tars that they are.
type builder struct {
	st     *store.Store
	chain  tree.Chain
	user   string
	env    []string
	policy string
	// tars are those of all layers, the base's first.
	tars [][]byte
	base *tree.Layer // as it was before it was packed
}

// open makes the base one that can be read for nothing.
func (b *builder) open() *builder {
	b.chain = tree.NewChain(b.chain.Platform, b.base)
	return b
}

// newBuilder begins with a base image that nobody has read, of these entries.
func newBuilder(t *testing.T, base ...*tree.Entry) *builder {
	t.Helper()
	st, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	b := &builder{st: st, chain: tree.NewChain(ocispec.Platform{OS: "windows", Architecture: "amd64"})}
	var changes []tree.Change
	for _, d := range winmeta.StandardDirs() {
		if d.Path == "" || d.Optional {
			continue
		}
		sd, _ := winmeta.DirDescriptor(d.Path)
		e := &tree.Entry{Name: d.Path, Kind: tree.Dir, Windows: &tree.Windows{Attributes: uint32(winmeta.DirAttributes(d.Path)), Descriptor: sd}}
		changes = append(changes, tree.Change{Entry: e})
	}
	for _, e := range base {
		changes = append(changes, tree.Change{Entry: e})
	}
	l := &tree.Layer{Changes: tree.NewSet(changes)}
	b.base = l
	data := b.tar(t, l, layer.Options{Base: true})
	p, err := layer.Prepare(t.Context(), nil, l, layer.Options{Base: true})
	if err != nil {
		t.Fatal(err)
	}
	origin, err := p.Pack(t.Context(), st, nil)
	if err != nil {
		t.Fatal(err)
	}
	b.chain = b.chain.Push(layer.Sealed(st, origin, layer.Windows, "base", nil))
	b.tars = append(b.tars, data)
	return b
}

// tar is the layer as the image has it.
func (b *builder) tar(t *testing.T, l *tree.Layer, o layer.Options) []byte {
	t.Helper()
	p, err := layer.Prepare(t.Context(), b.chain.Known(), l, o)
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if _, err := p.WriteTar(t.Context(), &buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// args are the words of a line: "ps: …", "pwsh: …" or cmd's.
func args(line string) []string {
	if text, ok := strings.CutPrefix(line, "ps: "); ok {
		return []string{"powershell", "-Command", text}
	}
	if text, ok := strings.CutPrefix(line, "pwsh: "); ok {
		return []string{"pwsh", "-Command", text}
	}
	return []string{"cmd", "/S", "/C", line}
}

// try executes a line.
func (b *builder) try(t *testing.T, line string) (*tree.Layer, string, error) {
	t.Helper()
	policy, err := winsh.ParseRegistryPolicy(b.policy)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	r := winsh.New(winsh.Options{Store: b.st, Registry: policy})
	s := run.Step{Args: args(line), Root: b.chain, User: b.user, Env: b.chain.Environment(b.env), Stdout: &out, Stderr: &out}
	res, err := r.Run(t.Context(), s)
	if err != nil {
		return nil, out.String(), err
	}
	// The solver notes what the Dockerfile says of the variables.
	l := *res.Layer
	l.Env = slices.Clone(l.Env)
	for i, c := range l.Env {
		if value, ok := b.chain.Variable(b.env, c.Name); ok {
			l.Env[i].Over = &value
		}
	}
	return &l, out.String(), nil
}

// run executes lines, one step each.
func (b *builder) run(t *testing.T, lines ...string) string {
	t.Helper()
	all := ""
	for _, line := range lines {
		l, out, err := b.try(t, line)
		all += out
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		b.push(t, l)
	}
	return all
}

// build adds the layers of lines, and reports whether there is a last one: refused
// is part of the error that the last line has to end in, if it is not empty.
func (b *builder) build(t *testing.T, lines []string, refused string) bool {
	t.Helper()
	last := lines[len(lines)-1]
	b.run(t, lines[:len(lines)-1]...)
	l, out, err := b.try(t, last)
	if refused != "" {
		if err == nil || !strings.Contains(err.Error(), refused) {
			t.Errorf("%s: %v\n%s", last, err, out)
		}
		return false
	}
	if err != nil {
		t.Errorf("%s: %v\n%s", last, err, out)
		return false
	}
	b.push(t, l)
	return true
}

// push adds a layer.
func (b *builder) push(t *testing.T, l *tree.Layer) {
	t.Helper()
	data := b.tar(t, l, layer.Options{})
	b.tars = append(b.tars, data)
	b.chain = b.chain.Push(l)
	checkTar(t, data)
}

// tarEntry is one entry of a tar.
type tarEntry struct {
	*tar.Header
	data []byte
}

func tarEntries(t *testing.T, data []byte) []tarEntry {
	t.Helper()
	var out []tarEntry
	tr := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := tr.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, tarEntry{h, b})
	}
}

// What administrators make below C:\ inherits.
const (
	inheritedDir  = "O:BAG:SYD:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)(A;OICIID;0x1200a9;;;BU)(A;CIID;LC;;;BU)(A;CIID;DC;;;BU)(A;OICIIOID;GA;;;CO)"
	inheritedFile = "O:BAG:SYD:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;0x1200a9;;;BU)"
)

// String is a line about an entry: what is usual is left out.
func (m tarEntry) String() string {
	s := fmt.Sprintf("%c %s", m.Typeflag, m.Name)
	if m.Linkname != "" {
		s += " -> " + m.Linkname
	}
	if m.PAXRecords["MSWINDOWS.mountpoint"] != "" {
		s += " junction"
	}
	dir := m.Typeflag == tar.TypeDir
	usual := map[byte]string{tar.TypeDir: "16", tar.TypeReg: "32", tar.TypeLink: "32"}[m.Typeflag]
	if a := m.PAXRecords["MSWINDOWS.fileattr"]; a != usual && !m.whiteout() {
		s += " a=" + a
		dir = dir || a == "1040"
	}
	if raw, err := base64.StdEncoding.DecodeString(m.PAXRecords["MSWINDOWS.rawsd"]); err == nil && len(raw) > 0 {
		std, ok := winmeta.DirDescriptor(strings.TrimPrefix(strings.TrimPrefix(m.Name, "Files"), "/"))
		switch {
		case m.Typeflag == tar.TypeDir && ok && bytes.Equal(std, raw) && m.Name != "Hives":
			s += " std"
		case bytes.Equal(raw, winmeta.DefaultDescriptor(dir)):
		default:
			d, err := winmeta.ParseDescriptor(raw)
			if err != nil {
				s += " bad " + err.Error()
			}
			switch text := d.String(); text {
			case inheritedDir, inheritedFile:
				s += " inherited"
			default:
				s += " " + text
			}
		}
	}
	if u := m.ModTime.Unix(); u != 0 {
		s += " " + m.ModTime.UTC().Format(time.RFC3339)
	}
	if m.Typeflag == tar.TypeReg && m.Size > 0 {
		s += fmt.Sprintf(" %.40q", m.data)
	}
	return s
}

func (m tarEntry) whiteout() bool {
	return strings.HasPrefix(m.Name[strings.LastIndexByte(m.Name, '/')+1:], ".wh.")
}

// last lists what the last layer has, without the two directories of every layer.
func (b *builder) last(t *testing.T) string {
	t.Helper()
	return list(t, b.tars[len(b.tars)-1])
}

func list(t *testing.T, data []byte) string {
	var lines []string
	for _, m := range tarEntries(t, data) {
		if line := m.String(); line != "5 Hives" && line != "5 Files std" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// checkTar looks for what importers of Windows layers refuse or misread.
func checkTar(t *testing.T, data []byte) {
	t.Helper()
	seen := map[string]byte{}
	bad := func(m tarEntry, format string, args ...any) {
		t.Errorf("%s: %s", m.Name, fmt.Sprintf(format, args...))
	}
	for i, m := range tarEntries(t, data) {
		if i == 0 && m.Name != "Files" {
			bad(m, "comes first")
		}
		key := tree.Fold(m.Name)
		if m.whiteout() {
			key = tree.Fold(strings.Replace(m.Name, "/.wh.", "/", 1))
			if len(m.PAXRecords) > 0 && !slices.Equal(slices.Collect(maps.Keys(m.PAXRecords)), []string{"path"}) || m.Size > 0 || m.Typeflag != tar.TypeReg || !strings.HasPrefix(m.Name, "Files/") {
				bad(m, "a removal with %v", m.PAXRecords)
			}
		}
		if _, ok := seen[key]; ok {
			bad(m, "is there twice")
		}
		seen[key] = m.Typeflag
		if p := tree.Parent(key); p != "" && seen[p] != tar.TypeDir {
			bad(m, "its directory is not there")
		}
		if strings.HasSuffix(m.Name, "/") || strings.ContainsAny(m.Name, `\:`) {
			bad(m, "has a name that importers misread")
		}
		if m.whiteout() {
			continue
		}
		for _, k := range []string{"MSWINDOWS.fileattr", "LIBARCHIVE.creationtime", "atime", "ctime", "MSWINDOWS.rawsd"} {
			if _, ok := m.PAXRecords[k]; !ok && !(k == "MSWINDOWS.rawsd" && m.Typeflag == tar.TypeLink) {
				bad(m, "has no %s", k)
			}
		}
		if m.Typeflag == tar.TypeLink && seen[tree.Fold(m.Linkname)] != tar.TypeReg {
			bad(m, "links to %s, which is not before it", m.Linkname)
		}
		if m.Typeflag == tar.TypeSymlink && (strings.Contains(m.Linkname, "/") || strings.HasPrefix(m.Linkname, "Files")) {
			bad(m, "leads to %s", m.Linkname)
		}
	}
}
