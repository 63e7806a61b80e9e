package dockerfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/casement/casement/internal/llb"
)

// mend puts right what the frontend gets wrong. The vertices are new and
// nobody has seen them, so they may change; their digests stay those of what
// the frontend said.
func (c *client) mend(r *Result) error {
	commands := c.commands()
	for v := range r.Graph.Vertices() {
		switch op := v.Op.(type) {
		case *llb.Source:
			c.mendLayout(op)
			if r.Platform.OS == "windows" {
				mendPaths(op)
			}
		case *llb.Exec:
			if op.Platform == nil || op.Platform.OS != "windows" {
				continue
			}
			for i := range op.Mounts {
				dest, err := windowsTarget(op.Mounts[i].Dest)
				if err != nil {
					return &Error{Where: v.Where, err: err, text: c.text()}
				}
				op.Mounts[i].Dest = dest
			}
			if text := commands[v.Where.Line]; text != "" {
				v.Name = renamed(v.Name, text)
			}
		}
	}
	return nil
}

// commands returns the texts of the RUN instructions that have back slashes or
// back quotes, by their lines. The frontend takes those for escape characters
// when it names the steps.
func (c *client) commands() map[int]string {
	out := map[int]string{}
	f, err := parse(c.text())
	if err != nil {
		return out
	}
	for _, s := range f.stages {
		for _, cmd := range s.Commands {
			run, ok := cmd.(*instructions.RunCommand)
			if !ok || len(run.Files) > 0 || !strings.ContainsAny(run.String(), "\\`") {
				continue
			}
			line, _ := linesAt(run.Location())
			out[line] = run.String()
		}
	}
	return out
}

// renamed puts another text behind the counter of a step's name.
func renamed(name, text string) string {
	counter, _, ok := strings.Cut(name, "] ")
	if !ok || !strings.HasPrefix(name, "[") {
		return text
	}
	return counter + "] " + text
}

// mendLayout puts the directory and the digest of an OCI layout where the
// frontend has what stood for them.
func (c *client) mendLayout(s *llb.Source) {
	if !strings.HasPrefix(s.Identifier, "oci-layout://") {
		return
	}
	store := s.Attrs["oci.store"]
	store = store[strings.LastIndexByte(store, '/')+1:]
	text, ok := c.layouts[store]
	if !ok {
		return
	}
	if r, ok := c.resolved[layoutKey(store, s.Platform)]; ok && r.Digest != "" {
		text = layoutDir(text) + "@" + r.Digest.String()
	}
	s.Identifier = "oci-layout://" + text
	delete(s.Attrs, "oci.store")
}

// layoutTag finds the tag and the digest behind the directory of a layout. A
// colon with a slash behind it is of the directory.
var layoutTag = regexp.MustCompile(`^(.+?)(:[\w][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$`)

// layoutDir returns the directory of a layout's text.
func layoutDir(text string) string {
	if m := layoutTag.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return text
}

// mendPaths adds the paths with slashes to the list of what is used of a
// local source, where a Dockerfile for Windows has them with back slashes. On
// Linux the frontend takes those for letters.
func mendPaths(s *llb.Source) {
	const attr = "local.followpaths"
	var paths []string
	if !strings.Contains(s.Attrs[attr], `\`) || json.Unmarshal([]byte(s.Attrs[attr]), &paths) != nil {
		return
	}
	for i, p := range paths {
		if strings.Contains(p, `\`) {
			paths[i] = strings.TrimPrefix(path.Clean("/"+strings.ReplaceAll(p, `\`, "/")), "/")
		}
	}
	slices.Sort(paths)
	if b, err := json.Marshal(slices.Compact(paths)); err == nil {
		s.Attrs[attr] = string(b)
	}
}

// driveInPath finds a drive letter that was taken for the name of a directory,
// or for the beginning of one where the back slash behind it got lost.
var driveInPath = regexp.MustCompile(`(?:^|/)([A-Za-z]):`)

// onlyDrive is the hint for a path on another drive.
const onlyDrive = "Windows images have the drive C: and no other"

// windowsTarget returns a mount target without its drive.
func windowsTarget(dest string) (string, error) {
	dest = strings.ReplaceAll(dest, `\`, "/")
	at := driveInPath.FindAllStringSubmatchIndex(dest, -1)
	if len(at) == 0 {
		return path.Clean(dest), nil
	}
	last := at[len(at)-1]
	if drive := dest[last[2]:last[3]]; !strings.EqualFold(drive, "c") {
		return "", &Error{err: fmt.Errorf("mount target %s: drive %s is not there", dest[last[2]:], drive), hint: onlyDrive}
	}
	out := path.Clean("/" + dest[last[3]+1:])
	if out == "/" {
		return "", errors.New("the root of drive C: cannot be a mount target")
	}
	return out, nil
}
