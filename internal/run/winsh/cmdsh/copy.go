package cmdsh

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// COPY: of single files, of many into a directory, of many into one, and of
// devices.

// copyMode is how a file is read or written: whole, or as text that ends at
// Ctrl+Z.
type copyMode byte

const (
	modeDefault copyMode = iota
	modeBinary
	modeText
)

// copyFile is a file that COPY was given.
type copyFile struct {
	name string
	mode copyMode
}

// copyLine is COPY taken apart.
type copyLine struct {
	sources []copyFile
	to      *copyFile
	joined  bool // sources are joined by +
	touch   bool // a + at the end: the file gets a new time
	asks    bool
	links   bool // /l
	bad     string
	tooMany bool
}

// copyWords takes arguments apart like splitArgs, and at + too.
func copyWords(args string) []string {
	var out []string
	for _, w := range splitArgs(args) {
		quoted, start := false, 0
		for i := 0; i < len(w); i++ {
			switch {
			case w[i] == '"':
				quoted = !quoted
			case w[i] == '+' && !quoted:
				if i > start {
					out = append(out, w[start:i])
				}
				out = append(out, "+")
				start = i + 1
			}
		}
		if start < len(w) {
			out = append(out, w[start:])
		}
	}
	return out
}

func parseCopy(args string) copyLine {
	var c copyLine
	mode, plus := modeDefault, false
	var last *copyFile
	for _, w := range copyWords(args) {
		switch {
		case w == "+":
			plus = len(c.sources) > 0
			c.joined = c.joined || plus
		case strings.HasPrefix(w, "/"):
			flag := strings.ToLower(w[1:])
			c.flag(flag)
			if flag == "a" || flag == "b" {
				if mode = modeText; flag == "b" {
					mode = modeBinary
				}
				if last != nil {
					last.mode = mode
				}
			}
		case len(c.sources) == 0 || plus:
			c.sources = append(c.sources, copyFile{unquote(w), mode})
			last = &c.sources[len(c.sources)-1]
			plus = false
		case c.to == nil:
			c.to = &copyFile{unquote(w), mode}
			last = c.to
		default:
			c.tooMany = true
		}
	}
	c.touch = plus
	if c.to != nil && c.to.mode == modeDefault {
		c.to.mode = mode
	}
	if c.to == nil {
		c.to = &copyFile{".", mode}
	}
	return c
}

// flag takes a switch.
func (c *copyLine) flag(flag string) {
	switch flag {
	case "y":
		c.asks = false
	case "-y":
		c.asks = true
	case "l":
		c.links = true
	case "a", "b", "v", "n", "d", "z", "compress", "nocompress":
	default:
		c.bad = flag
	}
}

// runCopy is COPY. In a batch file, and on the command line of cmd /c, it
// replaces files without asking.
func runCopy(ctx context.Context, sh *shell, args string) (int, error) {
	preset, _ := sh.env.Get("COPYCMD")
	c := parseCopy(preset + " " + args)
	if c.bad != "" || c.tooMany || len(c.sources) == 0 {
		return sh.syntax()
	}
	if err := c.refused(); err != nil {
		return 0, err
	}
	full, err := sh.full(c.to.name)
	if err != nil {
		return sh.syntax()
	}
	p := &copier{sh: sh, line: c, to: full}
	if p.intoDir, err = sh.takesIn(ctx, full, c.sources[0].name); err != nil {
		return 0, err
	}
	if strings.HasSuffix(full, `\`) && !p.intoDir {
		return p.end(machine.ErrorPathNotFound, nil)
	}
	p.to = trimSlash(full)
	found, code, err := p.find(ctx)
	if err != nil {
		return 0, err
	}
	if code != 0 {
		sh.system(code)
		if p.listed || c.joined {
			sh.out("%9d file(s) copied.\r\n", 0)
		}
		return 1, nil
	}
	if p.joins(found) {
		return p.end(p.join(ctx, found))
	}
	for _, f := range found {
		if f.shown != "" {
			sh.out("%s\r\n", f.shown)
		}
		if code, err := p.one(ctx, f); err != nil || code != 0 {
			return p.end(code, err)
		}
	}
	return p.end(0, nil)
}

// refused says why a COPY cannot be done.
func (c *copyLine) refused() error {
	const way = "copy the files one by one"
	switch {
	case c.links:
		return machine.Refuse("copy /l", "links are copied as the files that they lead to only", "use mklink to make the link")
	case c.joined && machine.HasWildcard(c.to.name):
		return machine.Refuse("copy with + and a pattern for the destination", "how files are paired then is not known for certain", way)
	}
	return nil
}

func checkCopy(_ context.Context, _ *checker, args string) error {
	c := parseCopy(args)
	if c.bad != "" || c.tooMany || len(c.sources) == 0 {
		return nil
	}
	return c.refused()
}

// copier is one COPY.
type copier struct {
	sh      *shell
	line    copyLine
	to      string // full path of the destination
	intoDir bool
	copied  int
	listed  bool // a pattern that matches nothing has been printed
	all     bool // every question has been answered
}

// source is a file that is copied.
type source struct {
	path  string // full
	name  string // last component
	shown string // how it is printed, "" if it is not
	mode  copyMode
	wild  bool
}

// end reports what was copied.
func (p *copier) end(code uint32, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	if code != 0 {
		p.sh.system(code)
	}
	p.sh.out("%9d file(s) copied.\r\n", p.copied)
	if code != 0 || p.copied == 0 {
		return 1, nil
	}
	return 0, nil
}

// find lists the sources. The code is that of one which is not there.
func (p *copier) find(ctx context.Context) ([]source, uint32, error) {
	var all []source
	for _, f := range p.line.sources {
		full, err := p.sh.full(f.name)
		if err != nil {
			return nil, machine.ErrorFileNotFound, nil
		}
		if machine.Device(full) != "" {
			all = append(all, source{path: full, name: machine.Device(full), mode: f.mode, shown: p.shown(f.name)})
			continue
		}
		name := f.name
		if !machine.HasWildcard(full) {
			info, err := p.sh.fs.Stat(ctx, full)
			code, err := win(err)
			if err != nil || code != 0 {
				if machine.CodeOf(err) == 0 && code == machine.ErrorInvalidName {
					code = machine.ErrorFileNotFound
				}
				return nil, code, err
			}
			if !info.IsDir() {
				all = append(all, source{path: full, name: baseName(full), mode: f.mode, shown: p.shown(f.name)})
				continue
			}
			full, name = under(full, "*"), under(f.name, "*")
		}
		list, err := p.sh.fs.Glob(ctx, parentDir(full), baseName(full))
		if code, err := win(err); err != nil || code != 0 {
			return nil, code, err
		}
		prefix, n := name[:strings.LastIndexAny(name, `\:`)+1], 0
		for _, i := range list {
			if i.IsDir() || !(delOptions{}).takes(i) {
				continue // a pattern does not mean hidden files
			}
			n++
			all = append(all, source{path: i.Path, name: i.Name, mode: f.mode, shown: prefix + i.Name, wild: true})
		}
		if n == 0 {
			p.listed = true
			p.sh.out("%s\r\n", name)
			return nil, machine.ErrorFileNotFound, nil
		}
	}
	return all, 0, nil
}

// shown is how a source is printed that was named: only where there are several.
func (p *copier) shown(name string) string {
	if p.line.joined {
		return name
	}
	return ""
}

// joins reports whether the sources become one file.
func (p *copier) joins(found []source) bool {
	if p.line.joined {
		return true
	}
	return found[0].wild && !p.intoDir && !machine.HasWildcard(p.to)
}

// one copies one file.
func (p *copier) one(ctx context.Context, f source) (uint32, error) {
	to := p.to
	switch {
	case machine.Device(to) != "":
		p.copied++
		return 0, p.toDevice(ctx, f)
	case machine.HasWildcard(to):
		to = under(parentDir(to), machine.MaskName(baseName(to), f.name))
	case p.intoDir:
		to = under(to, f.name)
	}
	if strings.EqualFold(to, f.path) {
		p.sh.errout("The file cannot be copied onto itself.\r\n")
		return 0, nil
	}
	if no, err := p.declined(ctx, to); err != nil || no {
		return 0, err
	}
	p.sh.changes++
	var err error
	if f.mode == modeText || machine.Device(f.path) != "" {
		err = p.write(ctx, to, []source{f}, f.mode == modeText && p.line.to.mode == modeText)
	} else {
		err = p.sh.fs.CopyFile(ctx, f.path, to, false)
	}
	code, err := win(err)
	if code == 0 && err == nil {
		p.copied++
	}
	return code, err
}

// declined asks whether a file may be replaced, if it has to.
func (p *copier) declined(ctx context.Context, to string) (bool, error) {
	if !p.line.asks || p.all {
		return false, nil
	}
	there, err := p.sh.isFile(ctx, to)
	if err != nil || !there {
		return false, err
	}
	answer, err := p.sh.askOverwrite("copy", to)
	p.all = answer == 'A'
	return answer == 'N', err
}

// join copies all sources into one file.
func (p *copier) join(ctx context.Context, found []source) (uint32, error) {
	to := p.to
	if p.intoDir {
		to = under(to, found[0].name)
	}
	text := p.line.to.mode != modeBinary
	same := strings.EqualFold(to, found[0].path)
	if !same {
		if no, err := p.declined(ctx, to); err != nil || no {
			return 0, err
		}
	}
	var parts []source
	for i, f := range found {
		p.sh.out("%s\r\n", f.shown)
		if i > 0 && strings.EqualFold(f.path, to) {
			p.sh.errout("Content of destination file lost before copy.\r\n")
			continue
		}
		if f.mode == modeDefault {
			f.mode = modeText
		}
		if p.line.touch {
			f.mode, text = modeBinary, false
		}
		parts = append(parts, f)
	}
	p.sh.changes++
	err := p.write(ctx, to, parts, text)
	code, err := win(err)
	if code == 0 && err == nil {
		p.copied = 1
	}
	return code, err
}

// write makes a file of others. end adds the mark of the end of a text.
func (p *copier) write(ctx context.Context, to string, parts []source, end bool) error {
	// The first part can be the destination itself: it is read before.
	var opened []io.Reader
	var closers []io.Closer
	defer func() {
		for _, c := range closers {
			c.Close()
		}
	}()
	for _, f := range parts {
		r, err := p.open(ctx, f.path)
		if err != nil {
			return err
		}
		closers = append(closers, r)
		if f.mode == modeText {
			opened = append(opened, &textEnd{r: r})
		} else {
			opened = append(opened, r)
		}
	}
	if len(parts) > 0 && strings.EqualFold(parts[0].path, to) {
		kept := &spill{}
		defer kept.Close()
		if _, err := io.Copy(kept, opened[0]); err != nil {
			return err
		}
		r, err := kept.reader()
		if err != nil {
			return err
		}
		closers[0].Close()
		opened[0] = r
	}
	w, err := p.sh.fs.Create(ctx, to, machine.CreateOptions{})
	if err != nil {
		return err
	}
	_, err = io.Copy(w, io.MultiReader(opened...))
	if err == nil && end {
		_, err = w.Write([]byte{0x1A})
	}
	return errors.Join(err, w.Close())
}

// open opens a source.
func (p *copier) open(ctx context.Context, full string) (io.ReadCloser, error) {
	switch device := machine.Device(full); {
	case device == "":
		return p.sh.fs.Open(ctx, full)
	case device == "CON" && p.sh.std[0] != nil && p.sh.std[0].r != nil:
		return io.NopCloser(p.sh.std[0].r), nil
	}
	return io.NopCloser(strings.NewReader("")), nil
}

// toDevice copies to NUL or the console.
func (p *copier) toDevice(ctx context.Context, f source) error {
	r, err := p.open(ctx, f.path)
	if err != nil {
		_, err = win(err)
		return err
	}
	defer r.Close()
	if machine.Device(p.to) != "CON" || p.sh.console.w == nil {
		return nil
	}
	_, err = io.Copy(p.sh.console.w, r)
	return err
}

// textEnd ends at Ctrl+Z.
type textEnd struct {
	r    io.Reader
	done bool
}

// Read implements io.Reader.
func (t *textEnd) Read(p []byte) (int, error) {
	if t.done {
		return 0, io.EOF
	}
	n, err := t.r.Read(p)
	if i := bytes.IndexByte(p[:n], 0x1A); i >= 0 {
		t.done = true
		return i, io.EOF
	}
	return n, err
}
