package winsh_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/hive"
	"github.com/casement/casement/internal/layer"
	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// realCase is lines of one Dockerfile that are executed one after the other,
// each on what the ones before have made.
type realCase struct {
	file  string
	lines []int
	// seed is what is there before: files of the base and of COPY steps, as a
	// list of paths without the drive (see members).
	seed string
	// texts are more files, by path.
	texts map[string]string
	// serve has contents of downloads by pattern of the file name: a list of an
	// archive's members, or "=" and a text.
	serve map[string]string
	// args are values for the file's arguments.
	args map[string]string
	// fails says that the line ends with another code than 0, as it would on
	// Windows.
	fails bool
	// refused is what the first line is refused for when it gets there: nothing of
	// it is left.
	refused string
	// shell is that of the base; nil for cmd.
	shell []string
	// keys are registry keys of the base below CurrentControlSet, with semicolons
	// between them; "" for a base without hives.
	keys string
	// renames says that the files that the first line renames are there.
	renames bool
}

// Broken if it fails: a line of a real Dockerfile leaves another image than
// before. The golden file has what each line adds, changes and removes.
func TestRealRuns(t *testing.T) {
	classes := map[string]string{}
	for _, l := range corpus(t) {
		classes[l.file+":"+l.line] = l.class + ", " + l.shell
	}
	var net *origin
	st, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	w := &world{store: st, runner: newRunner(st, internet(t, func() http.Handler { return net })), classes: classes}
	for _, c := range realCases() {
		net = &origin{serve: c.serve}
		w.net = net
		w.do(t, c)
	}
	if out := os.Getenv("REALRUN_DETAIL"); out != "" {
		if err := os.WriteFile(out, w.detail.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if w.lines < 60 {
		t.Errorf("only %d lines were executed", w.lines)
	}
	golden(t, "realrun.golden", w.listing.String())
}

// world is what all lines have in common.
type world struct {
	store   *store.Store
	runner  *winsh.Runner
	net     *origin
	classes map[string]string // class and shell by place
	lines   int
	listing strings.Builder
	detail  bytes.Buffer // what the lines print, for people
}

// do executes the lines of a case.
func (w *world) do(t *testing.T, c realCase) {
	t.Helper()
	f := readRealFile(t, c.file)
	root := seeded(w.seed(f, c))
	if c.keys != "" {
		root = root.Push(systemHive(t, c.keys))
	}
	for _, n := range c.lines {
		at := place(c.file, n)
		class, ok := w.classes[at]
		if !ok {
			t.Fatalf("%s is no line of the corpus", at)
		}
		w.lines++
		s := f.step(t, n, c.args, c.shell)
		s.Root = withDir(root, s.Dir)
		fmt.Fprintf(&w.listing, "== %s (%s)\n", at, class)
		fmt.Fprintf(&w.detail, "== %s (%s)\n%s\n", at, class, strings.Join(s.Args, " "))
		w.learnSums(t, &s)
		if c.refused != "" {
			w.refuse(t, s, c.refused)
		} else if l := w.run(t, s, c.fails); l != nil {
			root = s.Root.Push(l)
		}
	}
}

// seed returns the files that a case begins with.
func (w *world) seed(f realFile, c realCase) map[string][]byte {
	seeds := map[string][]byte{}
	add := func(name string, data []byte) { seeds[name] = data }
	if c.seed != "" {
		members(c.seed, add)
	}
	for name, text := range c.texts {
		seeds[name] = []byte(w.net.expand(text))
	}
	if !c.renames {
		return seeds
	}
	dir := ""
	if m := regexp.MustCompile(`(?m)^WORKDIR\s+C:/(.*)$`).FindStringSubmatch(f.text); m != nil {
		dir = m[1]
	}
	for _, m := range regexp.MustCompile(`-Path '(\.\\[^']+)'`).FindAllStringSubmatch(f.until(c.lines[0]), -1) {
		name := tree.Join(dir, strings.ReplaceAll(m[1], `\`, "/"))
		seeds[name] = member(tree.Base(name))
	}
	return seeds
}

// seeded is the file system that has these files; names that end in a slash are
// directories.
func seeded(seeds map[string][]byte) tree.Chain {
	root := tree.NewChain(ocispec.Platform{OS: "windows", Architecture: "amd64"})
	if len(seeds) == 0 {
		return root
	}
	var changes []tree.Change
	dirs := map[string]bool{}
	for name, data := range seeds {
		for dir := tree.Parent(tree.Clean(name)); dir != "" && !dirs[dir]; dir = tree.Parent(dir) {
			dirs[dir] = true
			changes = append(changes, tree.Change{Entry: &tree.Entry{Name: winmeta.SpellPath(dir), Kind: tree.Dir}})
		}
		e := &tree.Entry{Name: winmeta.SpellPath(tree.Clean(name)), Kind: tree.File, Size: int64(len(data)), Content: tree.Bytes(data)}
		if strings.HasSuffix(name, "/") {
			e = &tree.Entry{Name: e.Name, Kind: tree.Dir}
		}
		changes = append(changes, tree.Change{Entry: e})
	}
	return root.Push(&tree.Layer{Changes: tree.NewSet(changes)})
}

// systemHive is a layer with a SYSTEM hive that has these keys.
func systemHive(t *testing.T, keys string) *tree.Layer {
	t.Helper()
	control := &hive.Node{Name: "ControlSet001"}
	for _, path := range append(strings.Split(keys, ";"), `Control\Session Manager\Environment`) {
		n := control
		for name := range strings.SplitSeq(path, `\`) {
			i := slices.IndexFunc(n.Subkeys, func(s *hive.Node) bool { return s.Name == name })
			if i < 0 {
				i = len(n.Subkeys)
				n.Subkeys = append(n.Subkeys, &hive.Node{Name: name})
			}
			n = n.Subkeys[i]
		}
	}
	current := machine.RegDword("Current", 1)
	selected := &hive.Node{Name: "Select", Values: []hive.Value{{Name: current.Name, Type: uint32(current.Type), Data: current.Data}}}
	b, err := hive.Encode(&hive.Node{Name: "SYSTEM", Subkeys: []*hive.Node{selected, control}}, hive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &tree.Layer{Changes: tree.NewSet([]tree.Change{{Entry: &tree.Entry{Name: "Windows/System32/config/SYSTEM", Kind: tree.File, Size: int64(len(b)), Content: tree.Bytes(b)}}})}
}

// withDir adds the directory that WORKDIR has made.
func withDir(root tree.Chain, dir string) tree.Chain {
	var changes []tree.Change
	for ; dir != ""; dir = tree.Parent(dir) {
		if _, err := root.View().Lookup(context.Background(), dir); err != nil && !winmeta.IsStandardDir(dir) {
			changes = append(changes, tree.Change{Entry: &tree.Entry{Name: dir, Kind: tree.Dir}})
		}
	}
	if changes == nil {
		return root
	}
	return root.Push(&tree.Layer{Changes: tree.NewSet(changes)})
}

// newRunner returns a runner for whom no change of the registry is an error.
func newRunner(st *store.Store, transport *http.Transport) *winsh.Runner {
	all := winsh.RegistryPolicy{Mode: winsh.RegistryDrop, Drop: []string{"HKLM", "HKCU", "HKCR", "HKU"}}
	now := func() time.Time { return archiveTime().AddDate(5, 0, 0) }
	return winsh.New(winsh.Options{Store: st, Transport: transport, Registry: all, Version: "test", Now: now})
}

// run executes a step as a build does, and lists the layer.
func (w *world) run(t *testing.T, s run.Step, fails bool) *tree.Layer {
	t.Helper()
	var out bytes.Buffer
	s.Stdout, s.Stderr = &out, &out
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	res, err := w.runner.Run(ctx, s)
	fmt.Fprintf(&w.detail, "%s-- %v\n\n", &out, err)
	var exit *run.ExitError
	switch {
	case errors.As(err, &exit):
		fmt.Fprintf(&w.listing, "exit code %d\n", exit.Code)
		if !fails {
			t.Errorf("%s: %v\n%s", s.Where, err, &out)
		}
		return nil
	case err != nil:
		t.Errorf("%s: %v\n%s", s.Where, err, &out)
		return nil
	case fails:
		t.Errorf("%s works, and should not", s.Where)
	}
	text := w.list(t, res.Layer)
	for c := range res.Layer.Changes.All(t.Context()) {
		fmt.Fprintln(&w.detail, w.change(t, c))
	}
	w.listing.WriteString(text)
	w.again(t, s, text)
	w.pack(t, s, res.Layer)
	return res.Layer
}

// pack writes the layer as an image has it.
func (w *world) pack(t *testing.T, s run.Step, l *tree.Layer) {
	t.Helper()
	p, err := layer.Prepare(t.Context(), s.Root.Known(), l, layer.Options{})
	if err == nil {
		_, err = p.Pack(t.Context(), w.store, nil)
	}
	if err != nil {
		t.Errorf("%s: %v", s.Where, err)
	}
}

// refuse executes a step that turns out to need what is not here.
func (w *world) refuse(t *testing.T, s run.Step, construct string) {
	t.Helper()
	unknown := s
	unknown.Root, unknown.RootUnknown = seeded(nil), true
	if err := w.runner.Check(t.Context(), unknown); err != nil {
		t.Errorf("%s is refused too early: %v", s.Where, err)
	}
	_, err := w.runner.Run(t.Context(), s)
	var refused *run.RefusedError
	if !errors.As(err, &refused) || refused.Construct != construct {
		t.Errorf("%s: %v, and not a refusal of %s", s.Where, err, construct)
		return
	}
	fmt.Fprintf(&w.listing, "refused for %s\n", refused.Construct)
	fmt.Fprintf(&w.detail, "-- %v\n\n", err)
}

// again runs a step once more: its result is known, and its layer is the same.
// And without the knowledge it has the same layer, and tells what it has done to
// the registry.
func (w *world) again(t *testing.T, s run.Step, want string) {
	t.Helper()
	s.Stdout, s.Stderr = io.Discard, io.Discard
	res, err := w.runner.Run(t.Context(), s)
	if err != nil || !res.Cached {
		t.Errorf("%s is not known when it comes again: %v", s.Where, err)
	} else if got := w.list(t, res.Layer); got != want {
		t.Errorf("%s: known as\n%s\ninstead of\n%s", s.Where, got, want)
	}
	spool, err := machine.NewSpool(t.Context(), w.store)
	if err != nil {
		t.Fatal(err)
	}
	defer spool.Close()
	out, err := w.runner.Do(t.Context(), s, spool)
	if err != nil || out.ExitCode != 0 {
		t.Errorf("%s the second time: %v", s.Where, err)
		return
	}
	if got := w.list(t, &tree.Layer{Changes: tree.NewSet(out.Result.Changes), Env: res.Layer.Env}); got != want {
		t.Errorf("%s: the second time\n%s\ninstead of\n%s", s.Where, got, want)
	}
	for _, c := range out.Result.Registry {
		verb := "set"
		if c.Delete {
			verb = "delete"
		}
		fmt.Fprintln(&w.listing, strings.TrimSpace(fmt.Sprintf("registry %s %s %q %s %s", verb, c.Key, c.Name, c.Type, c.Value)))
	}
}

// learnSums puts the sums of what the server answers into the line and its
// environment in the place of the real ones. A line that goes on with a wrong
// sum has not looked at it.
func (w *world) learnSums(t *testing.T, s *run.Step) {
	t.Helper()
	line := &s.Args[len(s.Args)-1]
	before := len(w.net.bodies)
	for k, literal := range sumsIn(*line, s.Env) {
		_, err := w.runner.Run(t.Context(), *s)
		var exit *run.ExitError
		if !errors.As(err, &exit) {
			t.Errorf("%s with a wrong sum: %v", s.Where, err)
			return
		}
		if len(w.net.bodies) == 0 {
			t.Errorf("%s has a sum of nothing", s.Where)
			return
		}
		i := len(w.net.bodies) - 1
		if before+k < i {
			i = before + k
		}
		right := sum(w.net.bodies[i].data, len(literal))
		if literal == strings.ToUpper(literal) {
			right = strings.ToUpper(right)
		}
		*line = strings.ReplaceAll(*line, literal, right)
		for j, kv := range s.Env {
			s.Env[j] = strings.ReplaceAll(kv, literal, right)
		}
		w.net.bodies = w.net.bodies[:before]
	}
}

// sumsIn returns the sums that a line compares with, in order: those in its
// text, and those that its variables have.
func sumsIn(line string, env []string) []string {
	var sums []string
	isSum := regexp.MustCompile(`^(?:[0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{96}|[0-9A-Fa-f]{128})$`)
	for _, m := range regexp.MustCompile(`'([0-9A-Fa-f]{32,128})'`).FindAllStringSubmatch(line, -1) {
		if isSum.MatchString(m[1]) && !slices.Contains(sums, m[1]) {
			sums = append(sums, m[1])
		}
	}
	type found struct {
		at  int
		sum string
	}
	var vars []found
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		if at := strings.LastIndex(strings.ToLower(line), "env:"+strings.ToLower(name)); at >= 0 && isSum.MatchString(value) {
			vars = append(vars, found{at, value})
		}
	}
	slices.SortFunc(vars, func(a, b found) int { return a.at - b.at })
	for _, v := range vars {
		sums = append(sums, v.sum)
	}
	return sums
}

// list writes down a layer.
func (w *world) list(t *testing.T, l *tree.Layer) string {
	t.Helper()
	var b strings.Builder
	for c, err := range l.Changes.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&b, w.change(t, c))
	}
	// What is long is told in one line.
	if n := strings.Count(b.String(), "\n"); n > 100 {
		digest := sum([]byte(b.String()), 64)
		b.Reset()
		fmt.Fprintf(&b, "%d changes, which are listed as sha256:%s\n", n, digest)
	}
	for _, e := range l.Env {
		if e.Unset {
			fmt.Fprintf(&b, "env without %s\n", e.Name)
		} else {
			fmt.Fprintf(&b, "env %s=%s\n", e.Name, e.Value)
		}
	}
	return b.String()
}

// change is one change in a line.
func (w *world) change(t *testing.T, c tree.Change) string {
	t.Helper()
	if c.Entry == nil {
		return "- /" + c.Removed
	}
	e := c.Entry
	out := []string{"+ /" + e.Name, e.Kind.String()}
	if e.Kind == tree.File {
		out = append(out, w.contentOf(t, e)...)
	}
	if e.Target != "" {
		out = append(out, "to "+e.Target)
	}
	if e.DirLink {
		out = append(out, "which is a directory")
	}
	if e.Link != "" {
		out = append(out, "linked as "+e.Link)
	}
	if m := e.Times.Modified; !m.IsZero() {
		if m.Equal(archiveTime()) {
			out = append(out, "of the archive's time")
		} else {
			out = append(out, m.UTC().Format(time.RFC3339Nano))
		}
	}
	if e.Windows != nil {
		if a := winmeta.Attributes(e.Windows.Attributes); a != 0 {
			out = append(out, a.String())
		}
		if e.Windows.Descriptor != nil {
			d, err := winmeta.ParseDescriptor(e.Windows.Descriptor)
			if err != nil {
				t.Error(err)
			}
			out = append(out, d.String())
		}
	}
	return strings.Join(out, "  ")
}

// contentOf describes the bytes of a file. The size of what was served is left
// out where it is that of a compressed archive.
func (w *world) contentOf(t *testing.T, e *tree.Entry) []string {
	t.Helper()
	var data []byte
	if e.Content != nil {
		r, err := e.Content.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if data, err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	if int64(len(data)) != e.Size {
		t.Errorf("/%s has %d bytes and says %d", e.Name, len(data), e.Size)
	}
	for _, b := range w.net.bodies {
		if bytes.Equal(b.data, data) {
			return []string{"as it was served"}
		}
	}
	if bytes.Equal(data, member(tree.Base(e.Name))) {
		return []string{"made of its name"}
	}
	return []string{shown(e.Name, data)}
}

// shown describes the bytes of a file: text as it is, archives by what they
// hold, since compressed bytes are not the same in every version.
func shown(name string, data []byte) string {
	size := fmt.Sprintf("%d bytes  ", len(data))
	switch {
	case bytes.HasPrefix(data, []byte("PK")):
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return size + err.Error()
		}
		var names []string
		for _, f := range z.File {
			names = append(names, fmt.Sprintf("%q", f.Name))
		}
		return "a zip of " + strings.Join(names, ", ")
	case bytes.HasPrefix(data, []byte("\x1f\x8b")):
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return size + err.Error()
		}
		inner, err := io.ReadAll(r)
		if err != nil {
			return size + err.Error()
		}
		return "a gzip file of " + shown(name, inner)
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		units := make([]uint16, len(data)/2-1)
		for i := range units {
			units[i] = binary.LittleEndian.Uint16(data[2+2*i:])
		}
		return size + fmt.Sprintf("UTF-16 %q", string(utf16.Decode(units)))
	case utf8.Valid(data) && len(data) <= 4000 && !bytes.ContainsRune(data, 0), len(data) <= 80:
		return size + fmt.Sprintf("%q", data)
	}
	return size + "sha256:" + sum(data, 64)
}
