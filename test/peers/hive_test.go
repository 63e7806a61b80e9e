//go:build peers

package peers_test

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/casement/casement/internal/hive"
	"github.com/casement/casement/internal/winmeta"
	"github.com/google/go-cmp/cmp"
)

// hivePeer runs a program that reads or changes a hive and returns what it
// prints, without its warnings.
func hivePeer(t *testing.T, stdin, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), peers.programs[name], args...)
	cmd.Env = append(os.Environ(), "PERL_UNICODE=SD", "LC_ALL=C.UTF-8")
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, &stderr)
	}
	return string(out)
}

func writeHive(t *testing.T, b []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hive")
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func utf16le(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// hiveTree is a tree with all that the peers understand: every type of value,
// data of every size that is stored in another way, names in three planes, and
// more subkeys than one list and than two can have.
func hiveTree(t *testing.T) *hive.Node {
	t.Helper()
	at := func(day int) time.Time { return time.Date(2024, 5, day, 1, 2, 3, 0, time.UTC) }
	d, err := winmeta.ParseSDDL("O:BAG:SYD:(A;CI;KA;;;BA)(A;CI;KR;;;BU)")
	if err != nil {
		t.Fatal(err)
	}
	sd, err := d.KeyBytes()
	if err != nil {
		t.Fatal(err)
	}
	root := &hive.Node{Name: "ROOT", Written: at(1), Values: []hive.Value{
		{Name: "", Type: 1, Data: utf16le("default\x00")}, {Name: "Größe", Type: 1, Data: utf16le("text\x00")},
		{Name: "Ключ", Type: 1, Data: utf16le("значение\x00")}, {Name: "𐐀", Type: 2, Data: utf16le("%Path%\x00")}, {Name: `back\slash "quoted"`, Type: 1, Data: utf16le("x\x00")},
	}}
	for typ := range uint32(12) {
		root.Values = append(root.Values, hive.Value{Name: fmt.Sprintf("type %d", typ), Type: typ, Data: []byte{byte(typ), 2, 3, 4}})
	}
	for _, size := range []int{0, 1, 3, 4, 5, 8, 16343, 16344, 16345, 2 * 16344, 2*16344 + 1, 100000} {
		data := bytes.Repeat([]byte("0123456789abc"), size/13+1)[:size]
		root.Values = append(root.Values, hive.Value{Name: fmt.Sprintf("%d bytes", size), Type: 3, Data: data})
	}
	for i, n := range []int{1, 499, 501, 1101} {
		k := &hive.Node{Name: fmt.Sprintf("%d subkeys", n), Written: at(i + 2)}
		for i := range n {
			k.Subkeys = append(k.Subkeys, &hive.Node{Name: fmt.Sprintf("Key_%d", i*7919%n), Written: at(7), Values: []hive.Value{{Name: "n", Type: 4, Data: binary.LittleEndian.AppendUint32(nil, uint32(i))}}})
		}
		root.Subkeys = append(root.Subkeys, k)
	}
	deep := &hive.Node{Name: "bottom", Written: at(8)}
	for range 40 {
		deep = &hive.Node{Name: "deep", Written: at(8), Subkeys: []*hive.Node{deep}}
	}
	root.Subkeys = append(root.Subkeys, deep,
		&hive.Node{Name: "Größe", Class: "a class", Written: at(9), Descriptor: sd}, &hive.Node{Name: "Ключ", Written: at(9)}, &hive.Node{Name: "𐐀", Written: at(9)},
		&hive.Node{Name: "_under", Written: at(9)}, &hive.Node{Name: "Zebra", Written: at(9)}, &hive.Node{Name: strings.Repeat("n", 255), Written: at(9)})
	return root
}

// eachKey calls f for a tree's keys with the names that lead to them.
func eachKey(n *hive.Node, f func(path []string, n *hive.Node)) {
	var walk func(path []string, n *hive.Node)
	walk = func(path []string, n *hive.Node) {
		f(path, n)
		for _, s := range n.Subkeys {
			walk(append(slices.Clone(path), s.Name), s)
		}
	}
	walk(nil, n)
}

// TestHiveWritten: hivex and reglookup find in casement's hives what was written
// into them.
func TestHiveWritten(t *testing.T) {
	tree := hiveTree(t)
	for _, minor := range []int{3, 5, 6} {
		t.Run(fmt.Sprintf("1.%d", minor), func(t *testing.T) {
			b, err := hive.Encode(tree, hive.Options{Minor: minor})
			if err != nil {
				t.Fatal(err)
			}
			file := writeHive(t, b)
			checkRegedit(t, file, tree)
			checkHivexml(t, file, tree)
			checkReglookup(t, file, tree, minor > 3)
		})
	}
}

// regeditLines are the keys and values that hivexregedit should export.
func regeditLines(n *hive.Node) []string {
	var out []string
	eachKey(n, func(path []string, n *hive.Node) {
		key := `\` + strings.Join(path, `\`)
		out = append(out, key)
		for _, v := range n.Values {
			out = append(out, fmt.Sprintf("%s %q %d %x", key, v.Name, v.Type, v.Data))
		}
	})
	slices.Sort(out)
	return out
}

func checkRegedit(t *testing.T, file string, n *hive.Node) {
	t.Helper()
	var got []string
	key := ""
	for line := range strings.Lines(hivePeer(t, "", "hivexregedit", "--export", file, `\`)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "" || strings.HasPrefix(line, "Windows Registry Editor"):
		case strings.HasPrefix(line, "["):
			key = line[1 : len(line)-1]
			got = append(got, key)
		default:
			name, typ, data, err := parseRegedit(line)
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			got = append(got, fmt.Sprintf("%s %q %d %x", key, name, typ, data))
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(regeditLines(n), got); diff != "" {
		t.Errorf("hivexregedit exports (-written +exported):\n%s", diff)
	}
}

// parseRegedit reads a value's line: "name"=hex(1):61,00.
func parseRegedit(line string) (name string, typ uint64, data []byte, err error) {
	rest, ok := strings.CutPrefix(line, "@")
	if !ok {
		quoted, err := strconv.QuotedPrefix(line)
		if err != nil {
			return "", 0, nil, err
		}
		rest = line[len(quoted):]
		name = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(quoted[1 : len(quoted)-1])
	}
	if number, ok := strings.CutPrefix(rest, "=dword:"); ok {
		n, err := strconv.ParseUint(number, 16, 32)
		return name, 4, binary.LittleEndian.AppendUint32(nil, uint32(n)), err
	}
	rest, ok = strings.CutPrefix(rest, "=hex(")
	kind, text, ok2 := strings.Cut(rest, "):")
	if !ok || !ok2 {
		return "", 0, nil, errors.New("not a value")
	}
	if typ, err = strconv.ParseUint(kind, 16, 32); err == nil {
		data, err = hex.DecodeString(strings.ReplaceAll(text, ",", ""))
	}
	return name, typ, data, err
}

// xmlKey is a key as hivexml prints it.
type xmlKey struct {
	Name   string `xml:"name,attr"`
	Mtime  string `xml:"mtime"`
	Values []struct {
		Key string `xml:"key,attr"`
	} `xml:"value"`
	Nodes []xmlKey `xml:"node"`
}

func checkHivexml(t *testing.T, file string, n *hive.Node) {
	t.Helper()
	var doc struct {
		Node xmlKey `xml:"node"`
	}
	if err := xml.Unmarshal([]byte(hivePeer(t, "", "hivexml", file)), &doc); err != nil {
		t.Fatal(err)
	}
	line := func(path []string, written string, values int) string {
		return fmt.Sprintf("%s %s %d values", strings.Join(path, `\`), written, values)
	}
	var want, got []string
	eachKey(n, func(path []string, n *hive.Node) {
		want = append(want, line(path, n.Written.Format(time.RFC3339), len(n.Values)))
	})
	var walk func(path []string, k xmlKey)
	walk = func(path []string, k xmlKey) {
		got = append(got, line(path, k.Mtime, len(k.Values)))
		for _, s := range k.Nodes {
			walk(append(slices.Clone(path), s.Name), s)
		}
	}
	walk(nil, doc.Node)
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("hivexml prints (-written +printed):\n%s", diff)
	}
}

// rawName is a name as it is stored: reglookup shows names that are not Latin-1
// byte by byte.
func rawName(s string) string {
	var latin []byte
	for _, r := range s {
		if r > 0xFF {
			return string(utf16le(s))
		}
		latin = append(latin, byte(r))
	}
	return string(latin)
}

// checkReglookup compares keys with their times, owners and classes, and values
// with their types; big data it only knows of in newer versions.
func checkReglookup(t *testing.T, file string, n *hive.Node, big bool) {
	t.Helper()
	types := []string{"NONE", "SZ", "EXPAND_SZ", "BINARY", "DWORD", "DWORD_BE", "LINK", "MULTI_SZ", "RSRC_LIST", "RSRC_DESC", "RSRC_REQ_LIST", "QWORD"}
	var want []string
	eachKey(n, func(path []string, n *hive.Node) {
		key := ""
		for _, name := range path {
			key += "/" + rawName(name)
		}
		// The root is "/", and its values have another slash.
		shown := key
		if shown == "" {
			shown = "/"
		}
		want = append(want, fmt.Sprintf("%q KEY %s %s", shown, n.Written.Format(time.DateTime), n.Class))
		for _, v := range n.Values {
			line := fmt.Sprintf("%q %s", key+"/"+rawName(v.Name), types[v.Type])
			if path == nil {
				line = fmt.Sprintf("%q %s", "//"+rawName(v.Name), types[v.Type])
			}
			if v.Type == 3 && len(v.Data) > 0 && (big || len(v.Data) <= 16344) {
				line += fmt.Sprintf(" %x", v.Data)
			}
			want = append(want, line)
		}
	})
	got := reglookupLines(t, hivePeer(t, "", "reglookup", "-s", file), big)
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reglookup prints (-written +printed):\n%s", diff)
	}
}

func reglookupLines(t *testing.T, out string, big bool) []string {
	t.Helper()
	r := csv.NewReader(strings.NewReader(out))
	r.LazyQuotes, r.FieldsPerRecord = true, -1
	var lines []string
	for {
		f, err := r.Read()
		if errors.Is(err, io.EOF) {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		if f[0] == "PATH" {
			continue
		}
		name := string(unquotePercent(t, f[0]))
		if f[1] == "KEY" {
			if f[4] != string(winmeta.Administrators) || !strings.Contains(f[7], string(winmeta.Administrators)+":ALLOW") {
				t.Errorf("reglookup says of %q: owner %s, list %s", name, f[4], f[7])
			}
			lines = append(lines, fmt.Sprintf("%q KEY %s %s", name, f[3], f[8]))
			continue
		}
		line := fmt.Sprintf("%q %s", name, f[1])
		if data := unquotePercent(t, f[2]); f[1] == "BINARY" && len(data) > 0 && f[2] != "(null)" && (big || len(data) <= 16344) {
			line += fmt.Sprintf(" %x", data)
		}
		lines = append(lines, line)
	}
}

func unquotePercent(t *testing.T, s string) []byte {
	t.Helper()
	var b []byte
	for i := 0; i < len(s); i++ {
		if s[i] != '%' || i+2 >= len(s) {
			b = append(b, s[i])
			continue
		}
		n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		b, i = append(b, byte(n)), i+2
	}
	return b
}

// TestHiveRead: casement finds in hives that hivex has written what hivex was
// told.
func TestHiveRead(t *testing.T) {
	b, err := hive.Minimal(hive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	file := writeHive(t, b)
	want := &hive.Node{Values: []hive.Value{{Name: "r", Type: 1, Data: utf16le("root\x00")}}}
	for _, n := range []int{3, 600, 1300} {
		k := &hive.Node{Name: fmt.Sprintf("Key %d", n)}
		for i := range n {
			k.Subkeys = append(k.Subkeys, &hive.Node{Name: fmt.Sprintf("sub%d", i*7919%n), Values: []hive.Value{{Name: "n", Type: 4, Data: []byte{byte(i), 0, 0, 0}}}})
		}
		want.Subkeys = append(want.Subkeys, k)
	}
	want.Subkeys = append(want.Subkeys, &hive.Node{Name: "Größe", Values: []hive.Value{{Name: "Ключ", Type: 2, Data: utf16le("Größe\x00")}, {Name: "", Type: 1, Data: utf16le("default\x00")}}},
		&hive.Node{Name: "Ключ", Values: []hive.Value{{Name: "empty", Type: 3}, {Name: "three", Type: 3, Data: []byte{1, 2, 3}}, {Name: "large", Type: 3, Data: bytes.Repeat([]byte{1, 2}, 8000)},
			{Name: "list", Type: 7, Data: utf16le("a\x00b\x00\x00")}, {Name: "long", Type: 11, Data: []byte{1, 2, 3, 4, 5, 6, 7, 8}}, {Name: "own", Type: 0x1234, Data: []byte("x")}}})
	var reg strings.Builder
	reg.WriteString("Windows Registry Editor Version 5.00\n")
	eachKey(want, func(path []string, n *hive.Node) {
		fmt.Fprintf(&reg, "\n[\\%s]\n", strings.Join(path, `\`))
		for _, v := range n.Values {
			name := `"` + v.Name + `"`
			if v.Name == "" {
				name = "@"
			}
			fmt.Fprintf(&reg, "%s=hex(%x):%s\n", name, v.Type, strings.TrimPrefix(strings.ReplaceAll(fmt.Sprintf("% x", v.Data), " ", ","), ","))
		}
	})
	hivePeer(t, reg.String(), "hivexregedit", "--merge", file)

	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	h, err := hive.Open(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	got := readHive(t, h.Root())
	if diff := cmp.Diff(regeditLines(want), regeditLines(got)); diff != "" {
		t.Errorf("casement reads (-merged +read):\n%s", diff)
	}
	for _, path := range []string{`KEY 1300\SUB1299`, "GRÖSSE", "größe", "КЛЮЧ"} {
		if _, err := h.Key(path); (err == nil) == (path == "GRÖSSE") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// readHive reads all of a key with the exported functions alone, and asks for
// each subkey and value by its name too.
func readHive(t *testing.T, k *hive.Key) *hive.Node {
	t.Helper()
	values, err := k.Values()
	if err != nil {
		t.Fatal(err)
	}
	n := &hive.Node{Name: k.Name(), Values: values}
	for _, v := range values {
		if one, err := k.Value(v.Name); err != nil || !bytes.Equal(one.Data, v.Data) {
			t.Errorf("%s: value %q by name: %v, %v", k.Name(), v.Name, one, err)
		}
	}
	for s, err := range k.Subkeys() {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.Subkey(s.Name()); err != nil {
			t.Error(err)
		}
		n.Subkeys = append(n.Subkeys, readHive(t, s))
	}
	return n
}

// TestHiveOfChanges: reglookup, which knows nothing of layers, finds the keys and
// values that a hive of changes sets, and those that lead to them.
func TestHiveOfChanges(t *testing.T) {
	b, err := hive.Encode(&hive.Node{Subkeys: []*hive.Node{{Name: "App", Subkeys: []*hive.Node{{Name: "Gone"}, {Name: "Sub"}}}}}, hive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	base, err := hive.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var c hive.Changes
	for _, change := range []func() (hive.Changes, error){
		func() (hive.Changes, error) {
			return c.SetValue(`App\Sub`, hive.Value{Name: "v", Type: 3, Data: []byte("data")})
		},
		func() (hive.Changes, error) { return c.DeleteKey(`App\Gone`) },
		func() (hive.Changes, error) { return c.CreateKey("New") },
	} {
		if c, err = change(); err != nil {
			t.Fatal(err)
		}
	}
	b, err = hive.EncodeDelta(c, hive.NewView(base), hive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := reglookupLines(t, hivePeer(t, "", "reglookup", "-s", writeHive(t, b)), true)
	slices.Sort(got)
	const at = " KEY 1970-01-01 00:00:00 " // reglookup shows no older ones, as deleted keys have
	want := []string{`"/"` + at, `"/App"` + at, `"/App/Gone"` + at, `"/App/Sub"` + at, `"/App/Sub/v" BINARY 64617461`, `"/New"` + at}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reglookup prints (-written +printed):\n%s", diff)
	}
}
