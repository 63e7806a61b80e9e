package image

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/winmeta"
)

// NoMatchError says that an index has no image for a platform.
type NoMatchError struct {
	Ref  string
	Want ocispec.Platform
	// Have are the platforms that there are.
	Have []ocispec.Platform
	// Tags are tags of the same repository that may serve the platform.
	Tags []string
}

// Error implements error.
func (e *NoMatchError) Error() string {
	if e.Want.OS == "" {
		return fmt.Sprintf("%s is there for several platforms: %s", e.Ref, list(e.Have))
	}
	return fmt.Sprintf("no match for platform %s in %s: it has %s", FormatPlatform(e.Want), e.Ref, list(e.Have))
}

// Hint says what to ask for.
func (e *NoMatchError) Hint() string {
	if len(e.Tags) > 0 {
		return "these tags of the repository may have it: " + strings.Join(e.Tags, ", ")
	}
	if i := slices.IndexFunc(e.Have, func(p ocispec.Platform) bool { return p.OS == e.Want.OS }); i < 0 && len(e.Have) > 0 && e.Want.OS != "" {
		p := FormatPlatform(e.Have[0])
		return "build with --platform '" + p + "', write FROM --platform=" + p + " if other stages only copy from this one, or use another tag"
	}
	var flags []string
	for _, p := range e.Have {
		flags = append(flags, "--platform '"+FormatPlatform(p)+"'")
	}
	if len(flags) > 3 {
		flags = flags[:3]
	}
	return "use " + strings.Join(flags, " or ") + ", or another tag"
}

// AmbiguousError says that an index has several images that a platform could
// mean, and that the choice matters.
type AmbiguousError struct {
	Ref  string
	Want ocispec.Platform
	Have []ocispec.Platform
}

// Error implements error.
func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%s has several Windows versions: %s", e.Ref, list(e.Have))
}

// Hint says how to choose.
func (e *AmbiguousError) Hint() string {
	p := e.Have[0]
	if v, err := winmeta.ParseVersion(p.OSVersion); err == nil {
		p.OSVersion = fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Build)
	}
	return "choose one, for example --platform '" + FormatPlatform(p) + "'"
}

func list(ps []ocispec.Platform) string {
	if len(ps) == 0 {
		return "no images"
	}
	names := make([]string, len(ps))
	for i, p := range ps {
		names[i] = DescribePlatform(p)
	}
	return strings.Join(names, ", ")
}

// FormatPlatform writes a platform as containerd and BuildKit read it:
// "windows(10.0.20348.2849)/amd64", "linux/arm64/v8".
func FormatPlatform(p ocispec.Platform) string {
	s := p.OS
	if p.OSVersion != "" || len(p.OSFeatures) > 0 {
		s += "(" + p.OSVersion
		for _, f := range p.OSFeatures {
			s += "+" + f
		}
		s += ")"
	}
	for _, part := range []string{p.Architecture, p.Variant} {
		if part != "" {
			s += "/" + part
		}
	}
	return s
}

// DescribePlatform is FormatPlatform with the name of the Windows release.
func DescribePlatform(p ocispec.Platform) string {
	s := FormatPlatform(p)
	if r, ok := winmeta.ReleaseOf(p.OSVersion); ok && p.OS == "windows" {
		s += " [" + r.Name + "]"
	}
	return s
}

// isAttestation reports whether an index entry is no image but a statement
// about one.
func isAttestation(d ocispec.Descriptor) bool {
	if d.Annotations["vnd.docker.reference.type"] == "attestation-manifest" {
		return true
	}
	return d.Platform != nil && d.Platform.OS == "unknown" && d.Platform.Architecture == "unknown"
}

// Platforms returns the platforms of an index's images, in the order of the
// index, each once.
func Platforms(ix ocispec.Index) []ocispec.Platform {
	var out []ocispec.Platform
	for _, d := range ix.Manifests {
		if d.Platform == nil || isAttestation(d) {
			continue
		}
		same := func(p ocispec.Platform) bool { return FormatPlatform(p) == FormatPlatform(*d.Platform) }
		if !slices.ContainsFunc(out, same) {
			out = append(out, *d.Platform)
		}
	}
	return out
}

// Choose returns the entry of an index for a platform. The order of the index
// does not matter. Of several revisions of one Windows build the newest is
// taken. Several builds are an [*AmbiguousError] unless want has a version;
// a version that nothing has is a [*NoMatchError], never something near it.
// ref is for errors.
func Choose(ref string, ix ocispec.Index, want ocispec.Platform) (ocispec.Descriptor, error) {
	var found []ocispec.Descriptor
	for _, d := range ix.Manifests {
		if d.Platform != nil && !isAttestation(d) && Fits(*d.Platform, want) {
			found = append(found, d)
		}
	}
	if len(found) == 0 {
		return ocispec.Descriptor{}, &NoMatchError{Ref: ref, Want: want, Have: Platforms(ix)}
	}
	if want.OS != "windows" {
		return bestVariant(found, want), nil
	}
	slices.SortStableFunc(found, func(a, b ocispec.Descriptor) int {
		return cmp.Or(compareVersions(b.Platform.OSVersion, a.Platform.OSVersion), cmp.Compare(a.Digest, b.Digest))
	})
	if want.OSVersion == "" {
		var builds []int
		for _, d := range found {
			if b := buildOf(d.Platform.OSVersion); b != 0 && !slices.Contains(builds, b) {
				builds = append(builds, b)
			}
		}
		if len(builds) > 1 {
			return ocispec.Descriptor{}, &AmbiguousError{Ref: ref, Want: want, Have: platformsOf(found)}
		}
	}
	return found[0], nil
}

func platformsOf(ds []ocispec.Descriptor) []ocispec.Platform {
	return Platforms(ocispec.Index{Manifests: ds})
}

// Fits reports whether an image made for have is what somebody means who asks
// for want.
func Fits(have, want ocispec.Platform) bool {
	h, w := platforms.Normalize(have), platforms.Normalize(want)
	if h.OS != w.OS || h.Architecture != w.Architecture {
		return false
	}
	if w.Variant != "" && h.Variant != w.Variant && !(h.Variant == "" && want.Variant == "") {
		return false
	}
	for _, f := range w.OSFeatures {
		if !slices.Contains(h.OSFeatures, f) {
			return false
		}
	}
	return winmeta.Matches(w.OSVersion, h.OSVersion)
}

// bestVariant prefers the exact variant, then none, then the first.
func bestVariant(found []ocispec.Descriptor, want ocispec.Platform) ocispec.Descriptor {
	for _, v := range []string{want.Variant, ""} {
		for _, d := range found {
			if d.Platform.Variant == v {
				return d
			}
		}
	}
	return found[0]
}

// compareVersions orders os.version by number; none is below all.
func compareVersions(a, b string) int {
	va, ea := winmeta.ParseVersion(a)
	vb, eb := winmeta.ParseVersion(b)
	if ea != nil || eb != nil {
		return cmp.Compare(a, b)
	}
	return va.Compare(vb)
}

func buildOf(osVersion string) int {
	v, err := winmeta.ParseVersion(osVersion)
	if err != nil {
		return 0
	}
	return v.Build
}
