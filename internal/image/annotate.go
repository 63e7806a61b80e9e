package image

import (
	"fmt"
	"regexp"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Annotations are what --annotation asks for, sorted by where they go.
type Annotations struct {
	list []annotation
}

type annotation struct {
	kind     string // manifest, manifest-descriptor, index
	platform string // "" for all
	key      string
	value    string
}

var annotationKey = regexp.MustCompile(`^(?:([a-z,-]+)(?:\[([^\]]+)\])?:)?(\S+)$`)

// ParseAnnotations reads values of --annotation as docker buildx has them:
// KEY=VALUE, optionally with "manifest:", "index:", "manifest-descriptor:" (or
// several, by commas) in front, and a platform in brackets after that.
func ParseAnnotations(args []string) (Annotations, error) {
	var out Annotations
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		m := annotationKey.FindStringSubmatch(key)
		if !ok || m == nil {
			return out, fmt.Errorf("reading annotation %q: want KEY=VALUE or TYPE:KEY=VALUE", arg)
		}
		kinds := "manifest"
		if m[1] != "" {
			kinds = m[1]
		}
		for _, kind := range strings.Split(kinds, ",") {
			switch kind {
			case "manifest", "index", "manifest-descriptor":
			default:
				return out, fmt.Errorf("reading annotation %q: type %q is not manifest, index or manifest-descriptor", arg, kind)
			}
			out.list = append(out.list, annotation{kind: kind, platform: m[2], key: m[3], value: value})
		}
	}
	return out, nil
}

func (a Annotations) pick(kind string, p *ocispec.Platform) map[string]string {
	var out map[string]string
	for _, x := range a.list {
		if x.kind != kind || x.platform != "" && (p == nil || !isFor(x.platform, *p)) {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[x.key] = x.value
	}
	return out
}

// isFor reports whether text names a platform, with all of its version, the
// beginning of it, or none: entries of an index have the version of the base,
// which users need not know.
func isFor(text string, p ocispec.Platform) bool {
	for {
		if strings.EqualFold(text, FormatPlatform(p)) {
			return true
		}
		switch i := strings.LastIndexByte(p.OSVersion, '.'); {
		case len(p.OSFeatures) > 0:
			p.OSFeatures = nil
		case i > 0:
			p.OSVersion = p.OSVersion[:i]
		case p.OSVersion != "":
			p.OSVersion = ""
		default:
			return text == p.OS+"/"+p.Architecture
		}
	}
}

// Manifest returns the annotations of the manifest for a platform.
func (a Annotations) Manifest(p ocispec.Platform) map[string]string { return a.pick("manifest", &p) }

// Entry returns the annotations of the index entry for a platform.
func (a Annotations) Entry(p ocispec.Platform) map[string]string {
	return a.pick("manifest-descriptor", &p)
}

// Index returns the annotations of the index.
func (a Annotations) Index() map[string]string { return a.pick("index", nil) }
