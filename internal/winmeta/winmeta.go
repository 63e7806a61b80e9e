// Package winmeta holds what is known about Windows as data: file attributes,
// accounts and security descriptors, the directories and junctions that every
// base image has, the rules for file names, Windows releases and which host
// runs which image, and the notations for paths and times.
//
// It is pure Go and behaves the same on every system; nothing in it asks the
// machine it runs on. The packages that read and write layers, resolve
// Dockerfile paths and choose base images take their facts from here, so a
// fact is written down, and corrected, once.
//
// Where to start: [CheckWrite] decides whether a name may enter an image,
// [SpellPath] gives it the spelling that Windows uses, and [DefaultDescriptor],
// [OwnedDescriptor] and [DirDescriptor] say who may do what with it. For
// versions begin at [Compatible] and [Matches].
//
// It refuses rather than guesses: an account name that only a running Windows
// could look up is an error, and a directory whose default descriptor is not
// known for certain has none in the table and inherits from its parent.
//
// Names are, as everywhere inside casement, clean slash-separated paths
// relative to C:\, whose own name is "". [ToSlash] and [ToWindows] convert.
package winmeta

import (
	"strings"
	"unicode"
)

// fold gives the form in which two names are the same file to NTFS. NTFS maps
// each UTF-16 unit through the upper-case table stored on the volume; Unicode's
// simple upper-case mapping is a little wider (it also folds U+0131, U+017F,
// U+00B5 and letters outside the first plane). The difference is safe: names
// that it wrongly takes for equal are refused as a collision, never merged.
func fold(s string) string {
	ascii := true
	for i := range len(s) {
		if s[i] >= 0x80 {
			ascii = false
			break
		}
	}
	if ascii {
		return strings.ToUpper(s)
	}
	return strings.Map(unicode.ToUpper, s)
}

// equalFold reports whether two names are the same to NTFS; see fold.
func equalFold(a, b string) bool {
	return a == b || fold(a) == fold(b)
}

// utf16Len is the number of UTF-16 units that a valid UTF-8 string takes,
// which is what Windows counts when it limits names.
func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}
