package machine

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// Windows may have made a second name in the form 8.3 for a file: PROGRA~1. Which
// number a name got depends on the order in which files were made, and whether
// there are such names at all on the volume, so they do not exist here. A name
// that nothing has and that may be one is refused: to take it for absent could
// make another directory, or lead a script the wrong way.

// refuseShort returns a refusal if a name that was not found may be the short name
// of something in the directory that is known without a look into a sealed layer.
func (f *FS) refuseShort(ctx context.Context, path string, dir *node, name string) error {
	stem, ext, ok := cutShort(name)
	if !ok {
		return nil
	}
	names, err := f.knownNames(ctx, dir)
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, long := range names {
		if shortens(stem, ext, long) {
			return Refuse(path, name+` may be the short name of "`+long+`", and short names do not exist here`, "write the long name")
		}
	}
	return nil
}

// cutShort takes a name of the form 8.3 with a number apart: what is before the
// tilde, and the extension, in capitals.
func cutShort(name string) (stem, ext string, ok bool) {
	if len(name) > len("ABCDEF~1.TXT") || !strings.Contains(name, "~") {
		return "", "", false
	}
	stem, ext, _ = strings.Cut(strings.ToUpper(name), ".")
	stem, number, _ := strings.Cut(stem, "~")
	ok = stem != "" && len(stem)+len("~")+len(number) <= 8 && number != "" && strings.Trim(number, "0123456789") == "" && len(ext) <= 3
	return stem, ext, ok
}

// shortens reports whether a long name may have been shortened to a stem and an
// extension: to its first letters, or to its first two with a number of four digits.
func shortens(stem, ext, long string) bool {
	base, longExt, plain := cutLong(long)
	if plain || ext != longExt[:min(len(longExt), 3)] {
		return false
	}
	if len(stem) == 6 && strings.Trim(stem[2:], "0123456789ABCDEF") == "" && strings.HasPrefix(base, stem[:2]) {
		return true
	}
	return strings.HasPrefix(base, stem) && len(stem) >= min(len(base), 4)
}

// MayBeShortened reports whether a name is none of the form 8.3, so that Windows
// may have made a second one for it.
func MayBeShortened(name string) bool {
	_, _, plain := cutLong(name)
	return !plain
}

// cutLong takes a long name apart as Windows does before it shortens it. plain
// says that it needs no short name.
func cutLong(long string) (base, ext string, plain bool) {
	base, ext = strings.ToUpper(long), ""
	if i := strings.LastIndexByte(base, '.'); i > 0 {
		base, ext = base[:i], base[i+1:]
	}
	clean := strings.NewReplacer(" ", "", ".", "", "+", "_", ",", "_", ";", "_", "=", "_", "[", "_", "]", "_")
	b, e := clean.Replace(base), clean.Replace(ext)
	return b, e, b == base && e == ext && len(b) <= 8 && len(e) <= 3
}

// knownNames lists what is known to be in a directory.
func (f *FS) knownNames(ctx context.Context, dir *node) ([]string, error) {
	var names []string
	for _, n := range dir.kids {
		if n.object != nil {
			names = append(names, n.name)
		}
	}
	if dir.src == nil {
		return names, nil
	}
	b := dir.src.base
	below := b.known
	if !b.blind {
		below = b.whole
	}
	for e, err := range below.Entries(ctx, dir.src.name) {
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return nil, err
		}
		names = append(names, tree.Base(e.Name))
	}
	if b.mount != nil {
		return names, nil
	}
	for _, d := range winmeta.StandardDirs() {
		if d.Path != "" && tree.SameName(tree.Parent(d.Path), dir.src.name) {
			names = append(names, tree.Base(d.Path))
		}
	}
	if dir.src.name == "" {
		names = append(names, "Documents and Settings")
	}
	return names, nil
}
