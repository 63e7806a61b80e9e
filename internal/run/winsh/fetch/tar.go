package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/machine"
)

// tarVersion is what `tar --version` prints.
const tarVersion = "bsdtar 3.7.7 - libarchive 3.7.7 zlib/1.2.13.1-motley liblzma/5.4.3 bz2lib/1.0.8 libzstd/1.5.5 cng/2.0 libb2/bundled"

// tarProgram is C:\Windows\System32\tar.exe, which is bsdtar.
type tarProgram struct{}

// Check implements [machine.Program].
func (tarProgram) Check(_ context.Context, _ *machine.Checking, args []machine.Arg) error {
	words, ok := knownWords(args)
	if !ok || len(args) > 0 && args[0].Unknown { // the first word may be letters
		return nil // looked at again before it runs
	}
	_, err := parseTar(words)
	var refused *run.RefusedError
	if errors.As(err, &refused) {
		return refused
	}
	return nil
}

// knownWords returns the arguments with something that is certainly no option
// in place of an unknown value; false if what is unknown may be an option.
func knownWords(args []machine.Arg) ([]string, bool) {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = a.Text
		if !a.Unknown {
			continue
		}
		if strings.HasPrefix(a.Text, "-") {
			return nil, false
		}
		words[i] += "x"
	}
	return words, true
}

// Run implements [machine.Program].
func (tarProgram) Run(ctx context.Context, p *machine.Process) (int, error) {
	t := &tarRun{p: p, fs: p.Machine.FS(), out: textWriter{p.Stdout}, err: textWriter{p.Stderr}, name: "tar"}
	if len(p.Args) > 0 {
		t.name = path.Base(strings.ReplaceAll(p.Args[0], `\`, "/"))
		t.args = p.Args[1:]
	}
	return t.run(ctx)
}

// tarRun is one run of tar.
type tarRun struct {
	p        *machine.Process
	fs       *machine.FS
	o        *tarOptions
	out, err io.Writer
	name     string
	args     []string
	code     int
	warned   bool // about leading slashes

	uWidth, gsWidth int
}

func (t *tarRun) run(ctx context.Context) (int, error) {
	var usage *tarUsage
	o, err := parseTar(t.args)
	if errors.As(err, &usage) {
		if usage.text != "" {
			t.warn(usage.text)
		}
		if usage.help {
			fmt.Fprintf(t.err, "Usage:\n  List:    %[1]s -tf <archive-filename>\n"+
				"  Extract: %[1]s -xf <archive-filename>\n"+
				"  Create:  %[1]s -cf <archive-filename> [filenames...]\n"+
				"  Help:    %[1]s --help\n", t.name)
		}
		return 1, nil
	}
	if err != nil {
		return 0, err
	}
	t.o = o
	for _, n := range o.notices {
		t.warn(n)
	}
	switch o.mode {
	case 'h':
		t.help()
		return 0, nil
	case 'V':
		fmt.Fprintf(t.out, "%s \n", tarVersion)
		return 0, nil
	case 'c':
		err = t.create(ctx)
	default:
		err = t.read(ctx)
	}
	var fatal *tarUsage
	if errors.As(err, &fatal) {
		t.warn(fatal.text)
		return 1, nil
	}
	if err != nil {
		return 0, err
	}
	if t.code != 0 {
		t.warn("Error exit delayed from previous errors.")
	}
	return t.code, nil
}

// warn prints a message as bsdtar does.
func (t *tarRun) warn(text string) { fmt.Fprintf(t.err, "%s: %s\n", t.name, text) }

// chdir returns the directory that -C has asked for.
func (t *tarRun) chdir(ctx context.Context, dir, to string) (string, error) {
	if to == "" {
		return dir, nil
	}
	full, err := machine.Full(dir, to)
	if err == nil {
		var info *machine.Info
		info, err = t.fs.Stat(ctx, full)
		if err == nil && info.IsDir() {
			return full, nil
		}
	}
	if err != nil && !windowsError(err) {
		return "", err
	}
	return "", usagef("could not chdir to '%s'\n", to)
}

func (t *tarRun) help() {
	who := t.name
	if who != "bsdtar" {
		who += "(bsdtar)"
	}
	fmt.Fprintf(t.out, "%s: manipulate archive files\n"+strings.ReplaceAll(`First option must be a mode specifier:
  -c Create  -r Add/Replace  -t List  -u Update  -x Extract
Common Options:
  -b #  Use # 512-byte records per I/O block
  -f <filename>  Location of archive (default \\.\tape0)
  -v    Verbose
  -w    Interactive
Create: %p -c [options] [<file> | <dir> | @<archive> | -C <dir> ]
  <file>, <dir>  add these items to archive
  -z, -j, -J, --lzma  Compress archive with gzip/bzip2/xz/lzma
  --format {ustar|pax|cpio|shar}  Select archive format
  --exclude <pattern>  Skip files that match pattern
  -C <dir>  Change to <dir> before processing remaining files
  @<archive>  Add entries from <archive> to output
List: %p -t [options] [<patterns>]
  <patterns>  If specified, list only entries that match
Extract: %p -x [options] [<patterns>]
  <patterns>  If specified, extract only entries that match
  -k    Keep (don't overwrite) existing files
  -m    Don't restore modification times
  -O    Write entries to stdout, don't restore to disk
  -p    Restore permissions (including ACLs, owner, file flags)
`, "%p", t.name)+"%s \n", who, tarVersion)
}
