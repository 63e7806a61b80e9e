package registry

import (
	_ "crypto/sha256" // digests are checked by the algorithms that are linked in
	_ "crypto/sha512"
	"errors"
	"strings"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
)

// DockerHub is the host of images that are named without one.
const DockerHub = "index.docker.io"

// Ref names an image of a registry.
type Ref struct {
	// Host is the registry, with the port if it is not the usual one.
	Host string
	// Repository is the name within the registry ("library/nanoserver").
	Repository string
	// Tag and Digest say which image. One of them is set; where both are, the
	// digest counts.
	Tag    string
	Digest digest.Digest
}

// Parse reads a reference as users write it. A name without a host is one of
// Docker Hub, a reference with neither tag nor digest means the tag latest.
func Parse(ref string) (Ref, error) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return Ref{}, &Error{Kind: Invalid, Op: "reading the reference", Ref: quote(ref), Err: plainRefError(err), hint: refHint(ref)}
	}
	r := Ref{Host: reference.Domain(named), Repository: reference.Path(named)}
	if r.Host == "docker.io" {
		r.Host = DockerHub
		if !strings.Contains(r.Repository, "/") {
			r.Repository = "library/" + r.Repository // "index.docker.io/x" comes without it
		}
	}
	if t, ok := named.(reference.Tagged); ok {
		r.Tag = t.Tag()
	}
	if d, ok := named.(reference.Digested); ok {
		r.Digest = d.Digest()
	}
	if r.Tag == "" && r.Digest == "" {
		r.Tag = "latest"
	}
	return r, nil
}

// plainRefError drops the words that every error of the parser starts with.
func plainRefError(err error) error {
	text := strings.TrimPrefix(err.Error(), reference.ErrReferenceInvalidFormat.Error())
	if text = strings.TrimPrefix(text, ": "); text == "" {
		text = "not of the form [registry/]repository[:tag][@digest]"
	}
	return errors.New(oneLine(text))
}

func refHint(ref string) string {
	switch {
	case strings.Contains(ref, "://"):
		_, rest, _ := strings.Cut(ref, "://")
		return "leave the scheme out: " + quote(rest)
	case ref != strings.ToLower(ref):
		return "registries know lower-case names only; tags may have capitals"
	case strings.TrimSpace(ref) == "":
		return "a reference looks like registry.example/team/app:1.0"
	}
	return ""
}

// quote makes a string that a user gave fit for one line.
func quote(s string) string {
	if len(s) > 200 {
		s = s[:200] + "..."
	}
	return `"` + oneLine(s) + `"`
}

// From returns the repository as an Origin names it: "host/repository".
func (r Ref) From() string { return r.Host + "/" + r.Repository }

// Name returns the repository as containerd spells it: that of Docker Hub begins
// with docker.io.
func (r Ref) Name() string {
	if r.Host == DockerHub {
		return "docker.io/" + r.Repository
	}
	return r.From()
}

// String returns the whole reference, with the repository as in Name.
func (r Ref) String() string {
	s := r.Name()
	if r.Tag != "" {
		s += ":" + r.Tag
	}
	if r.Digest != "" {
		s += "@" + r.Digest.String()
	}
	return s
}

// Familiar returns the reference as docker lists it: without the host and the
// directory that stand for Docker Hub, as far as what is left still means r. The
// name "0.0/app" alone would be one of a registry 0.0.
func (r Ref) Familiar() string {
	whole := r.String()
	name, ok := strings.CutPrefix(whole, "docker.io/")
	if !ok {
		return whole
	}
	short := strings.TrimPrefix(name, "library/")
	for _, s := range []string{short, name} {
		if again, err := Parse(s); err == nil && again == r {
			return s
		}
	}
	return whole
}

// Which returns what names the image within the repository: the digest if there
// is one, else the tag.
func (r Ref) Which() string {
	if r.Digest != "" {
		return r.Digest.String()
	}
	return r.Tag
}

// with returns r for another image of the same repository.
func (r Ref) with(which string) Ref {
	r.Tag, r.Digest = "", ""
	if d, err := digest.Parse(which); err == nil {
		r.Digest = d
	} else {
		r.Tag = which
	}
	return r
}
