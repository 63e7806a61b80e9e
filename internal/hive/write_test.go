package hive

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/casement/casement/internal/winmeta"
	"github.com/google/go-cmp/cmp"
)

// encode writes a hive with fixed options of a version.
func encode(t testing.TB, n *Node, minor int) []byte {
	t.Helper()
	b, err := Encode(n, Options{Minor: minor})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// readAll reads all of a hive.
func readAll(t testing.TB, b []byte) *Node {
	t.Helper()
	n, err := snapshot(open(t, b))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// written is what reading gives for a node that was written with the options'
// defaults: what the node leaves open is filled in.
func written(t testing.TB, n *Node, parent []byte) *Node {
	t.Helper()
	w := *n
	o := Options{}.withDefaults()
	var err error
	switch {
	case w.Descriptor != nil:
	case parent == nil:
		w.Descriptor, err = o.Descriptor.KeyBytes()
	default:
		w.Descriptor, err = inherit(parent, winmeta.Administrators)
	}
	if err != nil {
		t.Fatal(err)
	}
	if w.Name == "" {
		w.Name = o.RootName
	}
	if w.Written = winmeta.TruncateTime(w.Written); n.Written.IsZero() {
		w.Written = winmeta.TruncateTime(o.Time)
	}
	w.Subkeys = nil
	for _, s := range n.Subkeys {
		w.Subkeys = append(w.Subkeys, written(t, s, w.Descriptor))
	}
	slices.SortFunc(w.Subkeys, func(a, b *Node) int { return compareNames(a.Name, b.Name) })
	return &w
}

func checkRoundTrip(t testing.TB, n *Node, minor int) []byte {
	t.Helper()
	b := encode(t, n, minor)
	if diff := cmp.Diff(lines(written(t, n, nil)), lines(readAll(t, b))); diff != "" {
		t.Errorf("what is read is not what was written (-want +got):\n%s", diff)
	}
	checkShape(t, b)
	return b
}

// lines is a tree as text, a key or value a line.
func lines(n *Node) []string {
	var out []string
	var walk func(n *Node, path string)
	walk = func(n *Node, path string) {
		path += `\` + strconv.Quote(n.Name)
		out = append(out, fmt.Sprintf("%s class=%q sd=%x %s link=%t %v", path, n.Class, n.Descriptor, n.Written.UTC().Format(time.RFC3339Nano), n.Link, n.Layer))
		for _, v := range n.Values {
			data := fmt.Sprintf("%x", v.Data)
			if len(v.Data) > 64 {
				data = fmt.Sprintf("%d bytes %x", len(v.Data), sha256.Sum256(v.Data))
			}
			out = append(out, fmt.Sprintf("%s %q type=%d dead=%t %s", path, v.Name, v.Type, v.Tombstone, data))
		}
		for _, s := range n.Subkeys {
			walk(s, path)
		}
	}
	walk(n, "")
	return out
}

// checkShape looks at what Windows checks when it loads a hive and readers do
// not need: that cells fill the bins, and that each security descriptor knows
// its neighbours and how many keys use it.
func checkShape(t testing.TB, b []byte) {
	t.Helper()
	le := binary.LittleEndian
	bins := b[blockSize:]
	for at := uint32(0); at < uint32(len(bins)); {
		if string(bins[at:at+4]) != "hbin" || le.Uint32(bins[at+4:]) != at {
			t.Fatalf("no bin at %d", at)
		}
		end := at + le.Uint32(bins[at+8:])
		for at += binHeader; at < end; {
			size := int32(le.Uint32(bins[at:]))
			if size > 0 && uint32(size) != end-at {
				t.Fatalf("a free cell at %d that does not end the bin", at)
			}
			at += uint32(max(size, -size))
		}
		if at != end {
			t.Fatalf("cells end at %d, their bin at %d", at, end)
		}
	}
	h := open(t, b)
	if int(h.header.BinsSize) != len(bins) {
		t.Fatalf("the header says %d bytes of bins, there are %d", h.header.BinsSize, len(bins))
	}
	uses := map[uint32]uint32{}
	countUses(t, h.Root(), uses)
	first := h.Root().node.Security
	at, previous := first, le.Uint32(bins[first+4+8:])
	for range len(uses) {
		body := bins[at+4:]
		if got := le.Uint32(body[8:]); got != previous {
			t.Errorf("descriptor at %d has %d before it, want %d", at, got, previous)
		}
		if got := le.Uint32(body[12:]); got != uses[at] || got == 0 {
			t.Errorf("descriptor at %d counts %d keys, %d use it", at, got, uses[at])
		}
		at, previous = le.Uint32(body[4:]), at
	}
	if at != first {
		t.Errorf("the ring of %d descriptors does not close", len(uses))
	}
}

func countUses(t testing.TB, k *Key, uses map[uint32]uint32) {
	t.Helper()
	uses[k.node.Security]++
	for s, err := range k.Subkeys() {
		if err != nil {
			t.Fatal(err)
		}
		countUses(t, s, uses)
	}
}

func TestEncodeEmptyIsMinimal(t *testing.T) {
	for _, o := range []Options{{}, {RootName: "Größe", Minor: 3, Time: time.Unix(1, 0)}, {Minor: 6}} {
		b, err := Encode(&Node{}, o)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b, minimal(t, o)) {
			t.Errorf("%+v: not what Minimal gives", o)
		}
	}
}

func sz(name, s string) Value { return Value{Name: name, Type: 1, Data: encodeUTF16(s + "\x00")} }

// many makes a key with n subkeys.
func many(n int) *Node {
	k := &Node{Name: fmt.Sprintf("%d", n)}
	for i := range n {
		k.Subkeys = append(k.Subkeys, &Node{Name: fmt.Sprintf("Key %d", i*7919%n), Values: []Value{sz("", "x")}})
	}
	return k
}

// sample is a key with one of everything.
func sample() *Node {
	sd, _ := winmeta.Descriptor{Owner: winmeta.Users, DACL: []winmeta.ACE{}}.KeyBytes()
	n := &Node{Name: "ROOT", Class: "a class", Written: time.Date(2024, 5, 6, 7, 8, 9, 100, time.UTC), Values: []Value{
		sz("", "default"), sz("Umlaut ä", "ß"), sz("Ключ", "значение"), sz("𐐀", "𐐨"), sz("\xED\xA0\x80", "half a pair"), sz("back\\slash", "in a value's name"),
		{Name: "none"}, {Name: "three", Type: 3, Data: []byte{1, 2, 3}}, {Name: "four", Type: 4, Data: []byte{1, 2, 3, 4}}, {Name: "five", Type: 3, Data: []byte{1, 2, 3, 4, 5}},
		{Name: "own type", Type: 0xFFFF0012, Data: []byte("?")},
		sz(strings.Repeat("n", maxValueName), "a long name"),
	}}
	for _, size := range []int{segmentSize - 1, segmentSize, segmentSize + 1, 2 * segmentSize, 100_000, 1_500_000} {
		n.Values = append(n.Values, Value{Name: fmt.Sprintf("%d bytes", size), Type: 3, Data: bytes.Repeat([]byte{1, 2, 3, 4, 5}, size/5+1)[:size]})
	}
	deep := &Node{Name: "bottom"}
	for range maxDepth - 1 {
		deep = &Node{Name: "deep", Subkeys: []*Node{deep}}
	}
	n.Subkeys = []*Node{
		many(1), many(leafSize), many(leafSize + 1), many(1101), deep,
		{Name: "guarded", Descriptor: sd, Subkeys: []*Node{{Name: "inherits"}}},
		{Name: "_", Class: "class"}, {Name: "a"}, {Name: "B"}, {Name: "ä"}, {Name: "Ключ𐐀"}, {Name: strings.Repeat("ü", maxKeyName)},
		{Name: "link", Link: true, Values: []Value{{Name: linkValue, Type: typeLink, Data: encodeUTF16(`\Registry\Machine\X`)}}},
	}
	return n
}

func TestRoundTrip(t *testing.T) {
	for minor := minMinor; minor <= maxMinor; minor++ {
		checkRoundTrip(t, sample(), minor)
	}
}

// TestEncodeIsDeterministic: the order in which a node has its subkeys must not
// reach the bytes.
func TestEncodeIsDeterministic(t *testing.T) {
	n, m := sample(), sample()
	slices.Reverse(m.Subkeys)
	if !bytes.Equal(encode(t, n, 5), encode(t, m, 5)) {
		t.Error("two orders of subkeys give two hives")
	}
}

// TestLookup: names in any case lead to their key, in every kind of list.
func TestLookup(t *testing.T) {
	for _, minor := range []int{3, 5} {
		h := open(t, encode(t, sample(), minor))
		for _, path := range []string{`1101\key 1100`, `\500\KEY 17\`, `501\\kEY 500`, "Ä", "_", "КЛЮЧ𐐀", strings.Repeat("Ü", maxKeyName)} {
			k, err := h.Key(path)
			if err != nil {
				t.Errorf("1.%d: %v", minor, err)
			} else if last := path[strings.LastIndexByte(strings.TrimRight(path, `\`), '\\')+1:]; !equalNames(k.Name(), strings.TrimRight(last, `\`)) {
				t.Errorf("1.%d: %s leads to %s", minor, path, k.Name())
			}
		}
		if k, err := h.Key("LINK"); err != nil {
			t.Error(err)
		} else if target, ok, err := k.Link(); !ok || err != nil || target != `\Registry\Machine\X` {
			t.Errorf("the link leads to %q, %v, %v", target, ok, err)
		}
		if v, err := h.Root().Value("UMLAUT Ä"); err != nil || v.Name != "Umlaut ä" {
			t.Errorf("got %v, %v", v, err)
		}
	}
}

// TestHints: lists of old versions keep the first characters of names, if they
// are Latin-1.
func TestHints(t *testing.T) {
	for name, want := range map[string]string{"Größe": "Gr\xF6\xDF", "ab": "ab\x00\x00", "Ключ": "\x00\x00\x00\x00", "abcdЮ": "abcd"} {
		if got := string(hint(name)); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestLookupByName: hashes of another upper-case table do not hide a key.
func TestLookupByName(t *testing.T) {
	b := encode(t, &Node{Subkeys: []*Node{{Name: "ſtraße"}}}, 5)
	i := bytes.Index(b, []byte("lh\x01\x00"))
	binary.LittleEndian.PutUint32(b[i+8:], 12345)
	if _, err := open(t, b).Key("ſTRAßE"); err != nil {
		t.Error(err)
	}
}

func TestEncodeRefuses(t *testing.T) {
	long := &Node{Name: "bottom"}
	for range maxDepth {
		long = &Node{Name: "deep", Subkeys: []*Node{long}}
	}
	for name, n := range map[string]*Node{
		"two subkeys":      {Subkeys: []*Node{{Name: "Ä"}, {Name: "ä"}}},
		"two values":       {Values: []Value{sz("Ä", ""), sz("ä", "")}},
		"no name":          {Subkeys: []*Node{{}}},
		"backslash":        {Subkeys: []*Node{{Name: `a\b`}}},
		"long name":        {Subkeys: []*Node{{Name: strings.Repeat("x", 256)}}},
		"long value name":  {Values: []Value{sz(strings.Repeat("x", maxValueName+1), "")}},
		"long class":       {Class: strings.Repeat("x", maxClass+1)},
		"too deep":         {Subkeys: []*Node{long}},
		"no descriptor":    {Descriptor: []byte("not one")},
		"link to nowhere":  {Subkeys: []*Node{{Name: "link", Link: true}}},
		"dead with values": {Subkeys: []*Node{{Name: "x", Layer: Layer{Semantics: Tombstone}, Values: []Value{sz("", "")}}}},
		"dead with data":   {Values: []Value{{Name: "x", Tombstone: true, Data: []byte("x")}}},
		"merge in a tree":  {Subkeys: []*Node{{Name: "x", Layer: Layer{Semantics: SupersedeTree}, Subkeys: []*Node{{Name: "y"}}}}},
	} {
		if _, err := Encode(n, Options{Minor: 6}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := Encode(&Node{Values: []Value{{Tombstone: true}}}, Options{Minor: 5}); err == nil {
		t.Error("a deleted value in version 1.5: no error")
	}
}

// randomNode makes a tree from a source of numbers.
func randomNode(r *rand.Rand, depth int) *Node {
	name := func(i int) string {
		alphabets := []string{"abcABC", "äöüß", "ключКЛЮЧ", "𐐀𐐨", "_^[0", "\xED\xBF\xBF\xED\xA0\x80"}
		return fmt.Sprintf("%s%d%s", alphabets[r.IntN(len(alphabets))], i, strings.Repeat("x", r.IntN(9)))
	}
	n := &Node{Name: name(0), Written: time.Unix(r.Int64N(1<<33), r.Int64N(1e9))}
	if r.IntN(4) == 0 {
		n.Class = name(1)
	}
	if r.IntN(4) == 0 {
		n.Descriptor, _ = winmeta.Descriptor{Owner: winmeta.Users, Group: winmeta.LocalSystem, DACL: []winmeta.ACE{
			{Mask: r.Uint32(), SID: winmeta.CreatorOwner, Flags: winmeta.ACEFlags(r.IntN(32))}}}.KeyBytes()
	}
	for i := range r.IntN(6) {
		size := r.IntN(12)
		if r.IntN(30) == 0 {
			size = r.IntN(3 * segmentSize)
		}
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		n.Values = append(n.Values, Value{Name: name(i), Type: r.Uint32N(12), Data: data})
	}
	if depth > 0 {
		count := r.IntN(7)
		if r.IntN(50) == 0 {
			count, depth = r.IntN(2000), 1
		}
		for i := range count {
			s := randomNode(r, depth-1)
			s.Name = name(i)
			n.Subkeys = append(n.Subkeys, s)
		}
	}
	return n
}

func TestRoundTripRandom(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		checkRoundTrip(t, randomNode(r, 3), minMinor+r.IntN(maxMinor-minMinor+1))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// FuzzRoundTrip: whatever the tree, what is written is read back alike.
func FuzzRoundTrip(f *testing.F) {
	f.Add(uint64(1), uint64(2), byte(3), "name", "class", []byte("data"))
	f.Add(uint64(3), uint64(4), byte(6), "Ключ", "", []byte{})
	f.Fuzz(func(t *testing.T, a, b uint64, minor byte, name, text string, data []byte) {
		r := rand.New(rand.NewPCG(a, b))
		n := randomNode(r, 2)
		// Names that are not UTF-8 have no units of their own.
		name, text = decodeUTF16(encodeUTF16(name)), decodeUTF16(encodeUTF16(text))
		n.Subkeys = append(n.Subkeys, &Node{Name: name, Class: text, Values: []Value{{Name: text, Type: r.Uint32(), Data: data}}})
		m := minMinor + int(minor)%(maxMinor-minMinor+1)
		if _, err := Encode(n, Options{Minor: m}); err != nil {
			return
		}
		checkRoundTrip(t, n, m)
	})
}
