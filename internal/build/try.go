package build

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/source"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// TryRequest is one line to execute as RUN would. The zero value of each field
// but Line is its default.
type TryRequest struct {
	// Line is the text of RUN, or with Script the text that the shell itself
	// parses, with no Windows command line in between.
	Line   string
	Script bool
	// Shell is "cmd", "powershell" or "pwsh"; "" is the base's SHELL, and cmd
	// without one.
	Shell string
	// Base is an image to start from, as [OpenImage] has it; "" and "scratch" are
	// an empty machine. Platform chooses from an index.
	Base     string
	Platform ocispec.Platform
	// Seed is a directory of this computer that is copied to C:\ first.
	Seed string
	// Export is a directory that receives what the line has added or changed.
	Export string
	// Env has NAME=VALUE on top of the base's.
	Env []string
	// User and Dir (a Windows path) are the base's if they are empty; without
	// a base ContainerAdministrator and C:\.
	User, Dir      string
	Network        string
	Stdout, Stderr io.Writer
	// Warn hears of what is likely not meant as it is written; nil does not listen.
	Warn func(run.Warning)
}

// Tried is what a line did.
type Tried struct {
	ExitCode int
	Changes  []TriedChange
	// Env has the variables that were set persistently; a removed one is "".
	Env      map[string]string
	Registry []machine.RegistryChange
}

// TriedChange is one change of drive C:.
type TriedChange struct {
	Path   string `json:"path"`   // "C:\a.txt"
	Change string `json:"change"` // add, modify or remove
	Type   string `json:"type"`   // file, dir or link
	Size   int64  `json:"size"`
}

// Try executes one line.
func Try(ctx context.Context, req TryRequest, t Tools) (*Tried, error) {
	if fi, err := os.Stat(req.Export); err == nil && !fi.IsDir() {
		return nil, &UsageError{fmt.Sprintf("the export %s is no directory", req.Export), "name a directory, which is made if it is not there"}
	}
	if err := checkLine(req.Line); err != nil {
		return nil, err
	}
	step, err := tryStep(ctx, req, t)
	if err != nil {
		return nil, err
	}
	runner := inProcess(Request{}, t)
	spool, err := machine.NewSpool(ctx, t.Store)
	if err != nil {
		return nil, err
	}
	defer spool.Close()
	out, err := runner.Do(ctx, step, spool)
	if err != nil {
		return nil, inLine(err)
	}
	tried := &Tried{ExitCode: out.ExitCode, Env: map[string]string{}, Registry: out.Result.Registry}
	for name, value := range out.Result.Env {
		tried.Env[name] = ""
		if value != nil {
			tried.Env[name] = *value
		}
	}
	if tried.Changes, err = triedChanges(ctx, step.Root, out); err != nil {
		return nil, err
	}
	if req.Export != "" {
		err = exportChanges(ctx, req.Export, out.Result.Changes)
	}
	return tried, err
}

// checkLine is about what no command line has.
func checkLine(line string) error {
	switch {
	case strings.ContainsRune(line, 0):
		return &UsageError{"LINE has a NUL character", "text in UTF-16 begins with a mark (BOM) that says so"}
	case !utf8.ValidString(line):
		return &UsageError{"LINE is not UTF-8", "convert it, for example with iconv -f WINDOWS-1252 -t UTF-8"}
	}
	return nil
}

// tryStep makes the step of the line.
func tryStep(ctx context.Context, req TryRequest, t Tools) (run.Step, error) {
	base, err := openTryBase(ctx, req, t)
	if err != nil {
		return run.Step{}, err
	}
	step := run.Step{
		Root: base.root, Env: mergeEnv(base.root, base.config.Env, req.Env), User: cmp.Or(req.User, base.config.User),
		Network: req.Network, Stdout: req.Stdout, Stderr: req.Stderr, Warn: req.Warn, Where: run.Where{Text: req.Line},
	}
	if step.Dir, err = tryDir(req, base); err != nil {
		return step, err
	}
	if req.Seed != "" {
		l, err := seedLayer(ctx, req.Seed)
		if err != nil {
			return step, err
		}
		step.Root = step.Root.Push(l)
	}
	if req.Shell == "" && (req.Script || len(base.config.Shell) == 0) {
		req.Shell = shellName(base.config.Shell)
	}
	if req.Script && strings.Contains(req.Line, "\n") && req.Shell == "cmd" {
		// cmd reads a command line to its first line end; several lines are a
		// batch file.
		step.Args, step.Mounts = []string{"cmd", "/S", "/C", tryBatch}, []run.Mount{batchMount(req.Line)}
		return step, nil
	}
	step.Args, err = tryArgs(req, base.config.Shell)
	return step, err
}

// tryDir is the directory that the line starts in, as a tree name.
func tryDir(req TryRequest, base tryBase) (string, error) {
	path := cmp.Or(req.Dir, base.config.WorkingDir, `C:\`)
	dir, err := winmeta.ToSlash(path)
	if err == nil && strings.ContainsAny(dir, `<>:"|?*`) {
		err = fmt.Errorf("%s is no path of Windows", path)
	}
	switch {
	case err == nil:
		return dir, nil
	case req.Dir == "":
		return "", fmt.Errorf("the working directory of the base: %w", err)
	}
	return "", &UsageError{err.Error(), `for example --workdir C:\app`}
}

// tryBase is what a line starts from.
type tryBase struct {
	root   tree.Chain
	config baseConfig
}

// baseConfig is an image's config with the SHELL that OCI does not know.
type baseConfig struct {
	ocispec.ImageConfig
	Shell []string
}

// openTryBase opens the base, or makes the empty machine.
func openTryBase(ctx context.Context, req TryRequest, t Tools) (tryBase, error) {
	want := req.Platform
	if want.OS == "" {
		want.OS, want.Architecture = "windows", "amd64"
	}
	if req.Base == "" || req.Base == "scratch" {
		return tryBase{root: tree.NewChain(want)}, nil
	}
	ref, err := imageRef(req.Base)
	if err != nil {
		return tryBase{}, err
	}
	b, err := newImages(t).load(ctx, ref, &want)
	if err != nil {
		return tryBase{}, AboutImage(req.Base, err)
	}
	var config struct{ Config baseConfig }
	if err := json.Unmarshal(b.img.Config, &config); err != nil {
		return tryBase{}, fmt.Errorf("reading the config of %s: %w", req.Base, err)
	}
	return tryBase{b.chain, config.Config}, nil
}

// tryBatch is where a script of several lines for cmd lies.
const tryBatch = `C:\Windows\Temp\try.cmd`

// batchMount brings a script of several lines as a batch file, which is not part
// of what the line changes.
func batchMount(text string) run.Mount {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n") + "\r\n"
	e := &tree.Entry{Name: "try.cmd", Kind: tree.File, Size: int64(len(text)), Content: tree.Bytes(text)}
	set := tree.NewSet([]tree.Change{{Entry: e}})
	return run.Mount{
		Type: "bind", Target: "Windows/Temp/try.cmd", Selector: e.Name, ReadOnly: true,
		Source: tree.NewChain(ocispec.Platform{OS: "windows"}, &tree.Layer{Changes: set}),
	}
}

// inLine gives a refusal that is in that batch file its place in LINE.
func inLine(err error) error {
	refused, ok := errors.AsType[*run.RefusedError](err)
	if !ok {
		return err
	}
	line, ok := strings.CutPrefix(refused.Script, tryBatch+":")
	if n, numErr := strconv.Atoi(line); ok && numErr == nil {
		c := *refused
		c.Script, c.Line, c.Column = "", n, 0
		return &c
	}
	return err
}

// mergeEnv returns the variables of base with those of more on top.
func mergeEnv(c tree.Chain, base, more []string) []string {
	out := slices.Clone(base)
	for _, kv := range more {
		name, _, _ := strings.Cut(kv, "=")
		out = slices.DeleteFunc(out, func(o string) bool {
			_, same := c.Variable([]string{o}, name)
			return same
		})
		out = append(out, kv)
	}
	return out
}

// shellName returns the name of the shell that a SHELL calls; cmd without one.
func shellName(shell []string) string {
	if len(shell) == 0 {
		return "cmd"
	}
	name := strings.ToLower(strings.Trim(shell[0], `"`))
	return strings.TrimSuffix(name[strings.LastIndexAny(name, `\/`)+1:], ".exe")
}

// tryArgs returns the words of the step: those of a SHELL with the line.
func tryArgs(req TryRequest, shell []string) ([]string, error) {
	kind := req.Shell
	switch {
	case kind == "":
		return append(slices.Clone(shell), req.Line), nil
	case kind == "cmd" && req.Script:
		return []string{"cmd", "/S", "/C", `"` + req.Line + `"`}, nil
	case kind == "cmd":
		return []string{"cmd", "/S", "/C", req.Line}, nil
	case (kind == "powershell" || kind == "pwsh") && req.Script:
		return []string{kind, "-EncodedCommand", encodedCommand(req.Line)}, nil
	case kind == "powershell" || kind == "pwsh":
		return []string{kind, "-Command", req.Line}, nil
	}
	return nil, &UsageError{fmt.Sprintf("shell %q is not known", kind), "shells are cmd, powershell and pwsh"}
}

// encodedCommand is the form in which PowerShell takes a text as it is: base64
// of its UTF-16LE.
func encodedCommand(text string) string {
	units := utf16.Encode([]rune(text))
	b := make([]byte, 0, 2*len(units))
	for _, u := range units {
		b = append(b, byte(u), byte(u>>8))
	}
	return base64.StdEncoding.EncodeToString(b)
}

// seedLayer is a directory of this computer as a layer.
func seedLayer(ctx context.Context, dir string) (*tree.Layer, error) {
	if fi, err := os.Stat(dir); err != nil || !fi.IsDir() {
		return nil, &UsageError{fmt.Sprintf("the seed %s is no directory", dir), "name a directory of this computer, whose content is to be in C:\\"}
	}
	l, err := source.OpenLocal(dir, source.LocalOptions{Name: "seed"})
	if err != nil {
		return nil, fmt.Errorf("opening the seed: %w", err)
	}
	set, err := l.Tree(ctx, source.Selection{})
	if err != nil {
		return nil, fmt.Errorf("reading the seed: %w", err)
	}
	return &tree.Layer{Changes: set, Label: "seed"}, nil
}

// triedChanges describes changes. A base that the line has not read is not read
// to find out what was there before.
func triedChanges(ctx context.Context, root tree.Chain, did *winsh.Outcome) ([]TriedChange, error) {
	whole, known := root.View(), root.Known()
	out := []TriedChange{}
	for _, c := range did.Result.Changes {
		if c.Entry == nil && c.Removed == "" || did.Result.Guessed[c.Removed] || c.Entry != nil && did.Result.Repeated[c.Name()] {
			continue
		}
		before := known
		if !did.Blind || c.Entry == nil {
			before = whole // the line has asked already
		}
		ch := TriedChange{Path: winmeta.ToWindows(c.Name()), Change: "add", Type: "file"}
		old, err := before.Lookup(ctx, c.Name())
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		e := c.Entry
		switch {
		case e == nil:
			ch.Change, e = "remove", old
		case old != nil || e.Kind == tree.Dir && winmeta.IsStandardDir(c.Name()):
			ch.Change = "modify"
		}
		if e != nil {
			switch e.Kind {
			case tree.Dir:
				ch.Type = "dir"
			case tree.Symlink, tree.Junction:
				ch.Type = "link"
			default:
				ch.Size = e.Size
			}
		}
		if ch.Change == "remove" {
			ch.Size = 0
		}
		out = append(out, ch)
	}
	return out, nil
}

// exportChanges writes what was added or changed to a directory.
func exportChanges(ctx context.Context, dest string, changes []tree.Change) error {
	if err := os.MkdirAll(dest, 0o755); err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	root, err := os.OpenRoot(dest)
	if err != nil {
		return err
	}
	defer root.Close()
	byName := map[string]*tree.Entry{}
	for _, c := range changes {
		if c.Entry != nil {
			byName[c.Entry.Name] = c.Entry
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(byName), tree.Compare) {
		e := byName[name]
		if name == "" {
			continue
		}
		if e.Kind == tree.Hardlink && byName[e.Target] != nil {
			f := *byName[e.Target]
			f.Name = e.Name
			e = &f
		}
		e = plain(e, "")
		if e.Times.Modified.IsZero() {
			e.Times = tree.Times{}
		}
		if dir := tree.Parent(name); dir != "" {
			if err := root.MkdirAll(dir, 0o755); err != nil {
				return fmt.Errorf("exporting %s: %w", name, err)
			}
		}
		if err := writeEntry(ctx, root, e); err != nil {
			return fmt.Errorf("exporting %s: %w", name, err)
		}
	}
	return nil
}

// Refused returns the refusal that an error is, or nil.
func Refused(err error) *run.RefusedError {
	var r *run.RefusedError
	errors.As(err, &r)
	return r
}
