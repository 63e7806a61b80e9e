package layer

import (
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

// Info is what is known of a layer from earlier passes over it.
type Info struct {
	Format Format
	// Complete says that the layer was read to its end; otherwise the numbers
	// count what was read.
	Complete bool
	// Files counts regular files and hard links, Dirs directories, Links
	// symbolic links and junctions, Whiteouts removed names.
	Files, Dirs, Links, Whiteouts int
	// Bytes is the size of the files.
	Bytes int64
	// Hives are the files below Hives, in the order of the tar.
	Hives []string
	// UtilityVM counts the entries of the utility VM, and Other those at places
	// that nothing reads.
	UtilityVM, Other int
}

// Summary returns what the store knows of the layer blob d; false if nobody
// has read or packed it.
func Summary(st *store.Store, d digest.Digest) (Info, bool) {
	for _, f := range []Format{Windows, Linux} {
		if x := loadIndex(st, f, d, st.Trust(d)); x != nil {
			return x.summary(), true
		}
	}
	return Info{}, false
}

func (x *index) summary() Info {
	i := Info{Format: x.format, Complete: x.done, Hives: x.hiveNames(), UtilityVM: int(x.vm), Other: int(x.other)}
	for k := range x.recs {
		r := &x.recs[k]
		switch {
		case r.what != isEntry:
			i.Whiteouts++
		case r.kind == tree.File:
			i.Files++
			i.Bytes += r.size
		case r.kind == tree.Hardlink:
			i.Files++
		case r.kind == tree.Dir:
			i.Dirs++
		case r.kind == tree.Symlink || r.kind == tree.Junction:
			i.Links++
		}
	}
	return i
}

func linuxPlatform() ocispec.Platform { return ocispec.Platform{OS: "linux"} }

// hiveNames lists the files of the directory Hives.
func (x *index) hiveNames() []string {
	var names []string
	for i := range x.hives {
		names = append(names, x.hives[i].name)
	}
	return names
}
