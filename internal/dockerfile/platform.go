package dockerfile

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/winmeta"
)

// PlatformError is a text that is not a platform to build for.
type PlatformError struct {
	Text   string
	reason string
	hint   string
}

// Error says what is wrong with the text.
func (e *PlatformError) Error() string {
	return fmt.Sprintf("platform %q: %s", e.Text, e.reason)
}

// Hint says what a platform looks like.
func (e *PlatformError) Hint() string { return e.hint }

// architectures are those that images are made for.
func architectures() []string {
	return []string{"386", "amd64", "arm", "arm64", "loong64", "mips64le", "ppc64le", "riscv64", "s390x"}
}

// ParsePlatforms reads lists of platforms, separated by commas, and drops
// repetitions. [ParsePlatform] says what a platform looks like.
func ParsePlatforms(lists ...string) ([]ocispec.Platform, error) {
	var out []ocispec.Platform
	seen := make(map[string]bool)
	for _, list := range lists {
		for text := range strings.SplitSeq(list, ",") {
			p, err := ParsePlatform(text)
			if err != nil {
				return nil, err
			}
			if id := FormatPlatform(p); !seen[id] {
				seen[id] = true
				out = append(out, p)
			}
		}
	}
	return out, nil
}

// ParsePlatform reads a platform: OS[(VERSION[+FEATURE…])]/ARCHITECTURE[/VARIANT]
// as docker buildx has it, with the Windows version also at the end
// (windows/amd64:10.0.20348.1, as crane has it), and also by the name of its
// release (windows(ltsc2022)/amd64). The architecture of Windows is amd64 if
// none is given, that of Linux the one of this machine. The result is
// normalised.
func ParsePlatform(text string) (ocispec.Platform, error) {
	bad := func(hint, reason string, args ...any) (ocispec.Platform, error) {
		return ocispec.Platform{}, &PlatformError{Text: text, reason: fmt.Sprintf(reason, args...), hint: hint}
	}
	const forms = "write for example windows/amd64, windows(10.0.20348)/amd64, windows(ltsc2022)/amd64 or linux/arm64"
	spec, version, crane := strings.Cut(strings.TrimSpace(text), ":")
	if !strings.Contains(spec, "/") {
		// Without an architecture the parser would take this machine's system
		// for the missing half.
		os, _, _ := strings.Cut(strings.ToLower(spec), "(")
		switch os {
		case "windows":
			spec += "/amd64"
		case "linux":
			spec += "/" + runtime.GOARCH
		default:
			return bad(forms, "it is not of the form OS/ARCHITECTURE")
		}
	}
	p, err := platforms.Parse(spec)
	if err != nil {
		return bad(forms, "it is not of the form OS/ARCHITECTURE")
	}
	if crane {
		if p.OSVersion != "" || version == "" {
			return bad(forms, "it has two versions or an empty one")
		}
		p.OSVersion = version
	}
	p = platforms.Normalize(p)
	switch {
	case p.OS != "windows" && p.OS != "linux":
		return bad("images are made for windows or linux", "images for %s cannot be built", p.OS)
	case !slices.Contains(architectures(), p.Architecture):
		return bad("architectures are "+strings.Join(architectures(), ", "), "unknown architecture %q", p.Architecture)
	case p.OS != "windows" && (p.OSVersion != "" || len(p.OSFeatures) > 0):
		return bad(forms, "only Windows has versions and features")
	case p.OSVersion != "":
		if p.OSVersion, err = windowsVersion(p.OSVersion); err != nil {
			return bad("give a build such as 10.0.20348 or a release: "+strings.Join(releaseNames(), ", "), "%v", err)
		}
	}
	return p, nil
}

// FormatPlatform returns the text that [ParsePlatform] reads.
func FormatPlatform(p ocispec.Platform) string { return platforms.FormatAll(p) }

// windowsVersion reads a version or the name of a release.
func windowsVersion(text string) (string, error) {
	if r, ok := winmeta.ReleaseByName(text); ok {
		return fmt.Sprintf("10.0.%d", r.Build), nil
	}
	v, err := winmeta.ParseVersion(text)
	if err != nil || v.Parts < 3 {
		return "", fmt.Errorf("%q is not a version of Windows", text)
	}
	return v.String(), nil
}

// releaseNames returns the releases that base images exist for.
func releaseNames() []string {
	var names []string
	for _, r := range winmeta.Releases() {
		if r.Kind == winmeta.LongTerm {
			names = append(names, r.Name)
		}
	}
	return names
}
