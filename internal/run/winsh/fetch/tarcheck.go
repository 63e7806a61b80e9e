package fetch

import (
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// validate looks at the options together, in the order in which bsdtar does.
func (o *tarOptions) validate() error {
	if o.mode == 'h' || o.mode == 'V' {
		return nil
	}
	if o.mode == 0 && o.follow == 'L' {
		o.mode = 'h' // -h alone asks for help
		return nil
	}
	if o.mode == 0 {
		return usagef("Must specify one of -c, -r, -t, -u, -x")
	}
	for i := 0; i < len(o.onlyInModes); i += 2 {
		if !strings.ContainsRune(o.onlyInModes[i+1], rune(o.mode)) {
			return usagef("Option %s is not permitted in mode -%c", o.onlyInModes[i], o.mode)
		}
	}
	if o.auto && o.mode == 'x' {
		o.notices = append(o.notices, "Ignoring option -a in mode -x")
	}
	if o.mode == 'c' {
		return o.validateWriting()
	}
	return nil
}

// validateWriting settles format and compression of a new archive.
func (o *tarOptions) validateWriting() error {
	if o.oldFormat {
		o.format = "ustar"
	}
	if o.auto {
		if format, filter, ok := bySuffix(o.file); ok {
			o.filter = filter
			if o.format == "" {
				o.format = format
			}
		}
	}
	switch o.filter {
	case NoFilter, Gzip, XZ, LZMA, Zstd:
	default:
		return machine.Refuse("tar with compression "+string(o.filter),
			"casement reads this compression at most and does not write it", "use gzip (-z), xz (-J) or zstd (--zstd)")
	}
	switch o.format {
	case "", "pax", "paxr", "restricted", "ustar", "gnutar", "zip":
	default:
		return machine.Refuse("tar --format "+o.format, "casement writes pax, ustar, gnutar and zip only",
			"use one of these formats")
	}
	return nil
}

// bySuffix is what -a makes of the archive's name.
func bySuffix(name string) (format string, filter Filter, ok bool) {
	for _, s := range []struct {
		suffix, format string
		filter         Filter
	}{
		{".tar.gz", "", Gzip}, {".tgz", "", Gzip}, {".taz", "", Gzip},
		{".tar.bz2", "", Bzip2}, {".tbz", "", Bzip2}, {".tbz2", "", Bzip2}, {".tz2", "", Bzip2},
		{".tar.xz", "", XZ}, {".txz", "", XZ},
		{".tar.lzma", "", LZMA}, {".tlz", "", LZMA},
		{".tar.zst", "", Zstd}, {".tzst", "", Zstd},
		{".tar.lz4", "", LZ4}, {".tar.lz", "", Lzip}, {".tar.lzo", "", "lzop"}, {".tzo", "", "lzop"},
		{".tar.Z", "", Compress}, {".taZ", "", Compress}, {".tZ", "", Compress},
		{".gz", "", Gzip}, {".bz2", "", Bzip2}, {".xz", "", XZ}, {".zst", "", Zstd}, {".lzma", "", LZMA},
		{".tar", "", NoFilter}, {".zip", "zip", NoFilter}, {".7z", "7zip", NoFilter},
		{".cpio", "cpio", NoFilter}, {".iso", "iso9660", NoFilter}, {".xar", "xar", NoFilter},
		{".mtree", "mtree", NoFilter}, {".shar", "shar", NoFilter}, {".a", "ar", NoFilter}, {".ar", "ar", NoFilter},
	} {
		if strings.HasSuffix(name, s.suffix) {
			return s.format, s.filter, true
		}
	}
	return "", NoFilter, false
}
