package winsh_test

import (
	"archive/tar"
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// imported is what Windows makes of layers: a line about each entry by folded name.
type imported map[string]string

// add imports one layer as Windows does: entries replace what is there, a directory
// only what is said of it, and then what is removed goes.
func (im imported) add(t *testing.T, data []byte) {
	t.Helper()
	drop := func(key string) {
		maps.DeleteFunc(im, func(k, _ string) bool { return k == key || strings.HasPrefix(k, key+"/") })
	}
	var removed []string
	files := map[string]string{}
	for _, m := range tarEntries(t, data) {
		name, ok := strings.CutPrefix(m.Name, "Files/")
		if !ok {
			continue
		}
		key := tree.Fold(name)
		if m.whiteout() {
			removed = append(removed, tree.Fold(tree.Join(tree.Parent(name), strings.TrimPrefix(tree.Base(name), ".wh."))))
			continue
		}
		line := fmt.Sprintf("%s %s %s", m.PAXRecords["MSWINDOWS.fileattr"], m.Linkname, m.data)
		if raw, err := base64.StdEncoding.DecodeString(m.PAXRecords["MSWINDOWS.rawsd"]); err == nil && len(raw) > 0 {
			d, err := winmeta.ParseDescriptor(raw)
			if err != nil {
				t.Fatal(err)
			}
			// A COPY's files are protected by a list that says the same once less.
			seen := map[winmeta.ACE]bool{}
			d.DACL = slices.DeleteFunc(d.DACL, func(a winmeta.ACE) bool {
				defer func() { seen[a] = true }()
				return seen[a]
			})
			line += " " + d.String()
		}
		if m.Typeflag == tar.TypeLink {
			line = files[tree.Fold(strings.TrimPrefix(m.Linkname, "Files/"))]
		}
		if m.Typeflag != tar.TypeDir || !strings.HasPrefix(im[key], "dir") {
			drop(key)
		}
		files[key] = line
		if m.Typeflag == tar.TypeDir {
			line = "dir " + line
		}
		im[key] = line
	}
	for _, key := range removed {
		if _, ok := im[key]; !ok {
			t.Errorf("%s is removed and not there", key)
		}
		drop(key)
	}
}

func (im imported) lines() []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(im)) {
		out = append(out, k+": "+im[k])
	}
	return out
}

// randomLine is an operation on few names.
func randomLine(r *rand.Rand, i int) string {
	dirs := []string{`C:\plain`, `C:\data`, `C:\data\sub`, `C:\new`, `C:\plain\in`}
	files := []string{`a.txt`, `b.txt`, `f.txt`, `g.txt`}
	dir := func() string { return dirs[r.IntN(len(dirs))] }
	file := func() string { return dir() + `\` + files[r.IntN(len(files))] }
	switch r.IntN(15) {
	case 0:
		return "mkdir " + dir()
	case 1:
		return fmt.Sprintf("echo %d>%s", i, file())
	case 2:
		return fmt.Sprintf("echo %d>>%s", i, file())
	case 3:
		return "del /f /q /a " + file()
	case 4:
		return "rd /s /q " + dir()
	case 5:
		return "copy /y " + file() + " " + file()
	case 6:
		return "move /y " + file() + " " + file()
	case 7:
		return "move /y " + dir() + " " + dir()
	case 8:
		return "attrib " + []string{"+r", "-r", "+h", "-h", "-a", "+a"}[r.IntN(6)] + " " + []string{file(), dir()}[r.IntN(2)]
	case 9:
		return "icacls " + []string{file(), dir()}[r.IntN(2)] + " " + []string{"/grant Users:(OI)(CI)M", "/inheritance:r", "/inheritance:d", "/inheritance:e", "/remove Users", "/reset"}[r.IntN(6)]
	case 10:
		return "ren " + file() + " " + files[r.IntN(len(files))]
	case 11:
		return "mklink /J " + dir() + " " + dir()
	case 12:
		return "mklink " + file() + " " + file()
	case 13:
		return "rd " + dir()
	}
	return "xcopy /e /i /y /q " + dir() + " " + dir()
}

// Broken if it fails: lines that are steps of their own give another image than as
// one step, with their exit codes, or than upon a base that nobody has read.
func TestSplitSteps(t *testing.T) {
	for seed := range uint64(25) {
		r := rand.New(rand.NewPCG(seed, 5))
		var lines []string
		for i := range 2 + r.IntN(7) {
			lines = append(lines, randomLine(r, i)+" >nul 2>nul & (call echo %^ERRORLEVEL%)>>C:\\codes.txt")
		}
		results := map[string][]string{}
		for _, how := range []string{"split", "joined", "read"} {
			b := newBuilder(t, auditBase(t)...)
			if how != "read" {
				b.open()
			}
			b.run(t, `type nul>C:\codes.txt`)
			switch how {
			case "split":
				b.run(t, lines...)
			case "joined":
				b.run(t, strings.Join(lines, " & "))
			case "read":
				b.run(t, `dir /s C:\ >nul & `+strings.Join(lines, " & "))
			}
			im := imported{}
			for _, data := range b.tars {
				im.add(t, data)
			}
			results[how] = im.lines()
		}
		for _, how := range []string{"split", "read"} {
			if d := cmp.Diff(results["joined"], results[how]); d != "" {
				t.Fatalf("seed %d: (-joined +%s)\n%s\n%s", seed, how, d, strings.Join(lines, "\n"))
			}
		}
	}
}
