package dockerfile

import (
	"errors"
	"io/fs"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// If this failed, --platform would not take what docker buildx or crane take.
func TestParsePlatform(t *testing.T) {
	for text, want := range map[string]ocispec.Platform{
		"windows/amd64":                    {OS: "windows", Architecture: "amd64"},
		"windows":                          {OS: "windows", Architecture: "amd64"},
		"Windows/x86_64":                   {OS: "windows", Architecture: "amd64"},
		" linux/arm64/v8 ":                 {OS: "linux", Architecture: "arm64"},
		"linux/arm/v7":                     {OS: "linux", Architecture: "arm", Variant: "v7"},
		"linux":                            {OS: "linux", Architecture: runtime.GOARCH},
		"windows(10.0.20348)/amd64":        {OS: "windows", Architecture: "amd64", OSVersion: "10.0.20348"},
		"windows(10.0.20348.3328)/amd64":   {OS: "windows", Architecture: "amd64", OSVersion: "10.0.20348.3328"},
		"windows(10.0.17763+win32k)/amd64": {OS: "windows", Architecture: "amd64", OSVersion: "10.0.17763", OSFeatures: []string{"win32k"}},
		"windows/amd64:10.0.20348.1":       {OS: "windows", Architecture: "amd64", OSVersion: "10.0.20348.1"},
		"windows(ltsc2022)/amd64":          {OS: "windows", Architecture: "amd64", OSVersion: "10.0.20348"},
		"windows(1809)/amd64":              {OS: "windows", Architecture: "amd64", OSVersion: "10.0.17763"},
		"windows/amd64:ltsc2025":           {OS: "windows", Architecture: "amd64", OSVersion: "10.0.26100"},
		"windows(ltsc2019+win32k)":         {OS: "windows", Architecture: "amd64", OSVersion: "10.0.17763", OSFeatures: []string{"win32k"}},
	} {
		got, err := ParsePlatform(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
		if again, err := ParsePlatform(FormatPlatform(got)); err != nil || !cmp.Equal(again, got) {
			t.Errorf("%q is printed as %q, which is read as %v, %v", text, FormatPlatform(got), again, err)
		}
	}
}

// If this failed, a mistyped platform would build something nobody wants.
func TestParsePlatformRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "not of the form",
		"amd64":                        "not of the form",
		"darwin/arm64":                 "images for darwin cannot be built",
		"windows/amd46":                `unknown architecture "amd46"`,
		"windows(2022)/amd64":          `"2022" is not a version of Windows`,
		"windows(10.0)/amd64":          "not a version of Windows",
		"windows(10.0.x)/amd64":        "not a version of Windows",
		"windows(10.0.1)/amd64:10.0.2": "two versions",
		"windows/amd64:":               "an empty one",
		"linux(5)/amd64":               "only Windows has versions",
		"linux/amd64:10.0.20348":       "only Windows has versions",
		"windows/amd64/v2/x":           "not of the form",
		"windows/*":                    "not of the form",
		"windows(ltsc2022/amd64":       "not of the form",
	} {
		_, err := ParsePlatform(text)
		var e *PlatformError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) || e.Hint() == "" || e.Text != text {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	if _, err := ParsePlatforms("windows/amd64,x"); err == nil {
		t.Error("a bad platform in a list passes")
	}
}

// If this failed, one platform given twice would be built twice.
func TestParsePlatforms(t *testing.T) {
	got, err := ParsePlatforms("windows/amd64,linux/amd64", "windows", "windows(ltsc2022)/amd64", "windows/amd64:10.0.20348")
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, p := range got {
		texts = append(texts, FormatPlatform(p))
	}
	if diff := cmp.Diff([]string{"windows/amd64", "linux/amd64", "windows(10.0.20348)/amd64"}, texts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// If this failed, a text from the command line could crash the program, or be
// read in two ways.
func FuzzParsePlatform(f *testing.F) {
	for _, s := range []string{"windows/amd64", "windows(10.0.17763+win32k)/amd64", "windows/amd64:ltsc2022", "linux/arm64/v8", "windows(%2F)/amd64", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePlatform(s)
		if err != nil {
			return
		}
		if again, err := ParsePlatform(FormatPlatform(p)); err != nil || !cmp.Equal(again, p) {
			t.Errorf("%q is read as %+v, printed as %q and read as %+v, %v", s, p, FormatPlatform(p), again, err)
		}
	})
}

// If this failed, a build without --platform would make an image of another
// system than its base's, or not say what there is to choose.
func TestPlatform(t *testing.T) {
	host := FormatPlatform(hostLinux())
	plat := func(texts ...string) []ocispec.Platform {
		ps, err := ParsePlatforms(texts...)
		if err != nil {
			t.Fatal(err)
		}
		return ps
	}
	res := images{platforms: map[string][]ocispec.Platform{
		"docker.io/library/both:latest":      append(plat("windows(10.0.20348.1)/amd64", "windows(10.0.26100.1)/amd64", "linux/arm64", "linux/amd64"), ocispec.Platform{OS: "unknown", Architecture: "unknown"}),
		"docker.io/library/both1:latest":     plat("windows(10.0.20348.1)/amd64", "linux/amd64"),
		"docker.io/library/releases:latest":  plat("windows(10.0.26100.2)/amd64", "windows(10.0.20348.7)/amd64", "windows(10.0.17763.1)/amd64"),
		"docker.io/library/revisions:latest": plat("windows(10.0.20348.2)/amd64", "windows(10.0.20348.1)/amd64"),
		"docker.io/library/winarm:latest":    plat("windows(10.0.20348.2)/arm64"),
		"docker.io/library/winboth:latest":   plat("windows(10.0.26100.2)/arm64", "windows(10.0.26100.1)/amd64"),
		"docker.io/library/s390x:latest":     plat("linux/s390x"),
		"docker.io/library/foreign:latest":   plat("linux/s390x", "linux/riscv64"),
		"docker.io/library/bsd:latest":       {{OS: "freebsd", Architecture: "amd64"}},
		"oci-layout://dir:tag":               plat("windows(10.0.20348.2)/amd64"),
	}}
	for name, tt := range map[string]struct {
		text      string
		change    func(*Request)
		want      string
		err, hint string
	}{
		"windows base":        {text: "FROM nanoserver", want: "windows/amd64"},
		"linux base":          {text: "FROM alpine", want: host},
		"scratch":             {text: "FROM scratch", want: host},
		"hostprocess":         {text: "FROM casement/hostprocess", want: "windows/amd64"},
		"last stage":          {text: "FROM alpine AS a\nFROM nanoserver", want: "windows/amd64"},
		"through stages":      {text: "FROM nanoserver AS a\nFROM alpine AS b\nFROM a AS c\nFROM C", want: "windows/amd64"},
		"stage called twice":  {text: "FROM alpine AS a\nFROM nanoserver AS a\nFROM a", want: "windows/amd64"},
		"target":              {text: "FROM alpine AS a\nFROM nanoserver AS b", change: func(r *Request) { r.Target = "A" }, want: host},
		"target by number":    {text: "FROM alpine\nFROM nanoserver", change: func(r *Request) { r.Target = "0" }, want: host},
		"no target":           {text: "FROM alpine AS a\nFROM nanoserver", change: func(r *Request) { r.Target = "x" }, err: `there is no stage "x"`, hint: "stages are a; one without"},
		"argument default":    {text: "ARG B=nano\nARG F=${B}server\nFROM $F", want: "windows/amd64"},
		"argument given":      {text: "ARG B=alpine\nFROM $B", change: func(r *Request) { r.BuildArgs = map[string]string{"B": "nanoserver"} }, want: "windows/amd64"},
		"argument empty":      {text: "ARG B\nFROM $B", err: "Dockerfile:2: base name ($B) should not be blank", hint: "--build-arg"},
		"literal platform":    {text: "FROM --platform=windows/amd64 both", want: "windows/amd64"},
		"literal version":     {text: "FROM --platform=windows(10.0.20348)/amd64 both", want: "windows(10.0.20348)/amd64"},
		"build platform":      {text: "FROM --platform=$BUILDPLATFORM both", want: "linux/amd64"},
		"target platform":     {text: "FROM --platform=$TARGETPLATFORM nanoserver", want: "windows/amd64"},
		"bad platform":        {text: "FROM --platform=vax both", err: `Dockerfile:1: platform "vax"`, hint: "windows/amd64"},
		"depends on platform": {text: "ARG P=x-$TARGETOS\nFROM $P", err: "depends on the platform", hint: "--platform"},
		"platform given":      {text: "FROM base-$TARGETOS", change: func(r *Request) { r.BuildArgs = map[string]string{"TARGETOS": "linux"} }, want: host},
		"both":                {text: "FROM both", err: "Dockerfile:1: base image docker.io/library/both:latest is there for windows and linux", hint: "one of --platform 'windows(10.0.20348)/amd64', --platform 'windows(10.0.26100)/amd64', --platform linux/amd64, --platform linux/arm64"},
		"both, one release":   {text: "FROM both1", err: "windows and linux", hint: "one of --platform windows/amd64, --platform linux/amd64"},
		"releases": {text: "FROM releases", err: "several releases of Windows: 10.0.17763.1 (ltsc2019), 10.0.20348.7 (ltsc2022), 10.0.26100.2 (ltsc2025)",
			hint: "one of --platform 'windows(10.0.17763)/amd64', --platform 'windows(10.0.20348)/amd64', --platform 'windows(10.0.26100)/amd64'"},
		"revisions":                {text: "FROM revisions", want: "windows/amd64"},
		"windows arm":              {text: "FROM winarm", want: "windows/arm64"},
		"windows and arm":          {text: "FROM winboth", want: "windows/amd64"},
		"one linux":                {text: "FROM s390x", want: "linux/s390x"},
		"foreign linux":            {text: "FROM foreign", err: "several architectures", hint: "one of --platform linux/riscv64, --platform linux/s390x"},
		"other system":             {text: "FROM bsd", err: "for neither windows nor linux"},
		"missing":                  {text: "\nFROM missing", err: "Dockerfile:2: base image docker.io/library/missing:latest: missing"},
		"named context, image":     {text: "FROM x", change: func(r *Request) { r.NamedContexts = map[string]string{"x": "docker-image://nanoserver"} }, want: "windows/amd64"},
		"named context, stage":     {text: "FROM alpine AS x", change: func(r *Request) { r.NamedContexts = map[string]string{"x": "docker-image://nanoserver"} }, want: "windows/amd64"},
		"named context, layout":    {text: "FROM x", change: func(r *Request) { r.NamedContexts = map[string]string{"x": "oci-layout://dir:tag"} }, want: "windows/amd64"},
		"named context, directory": {text: "FROM x", change: func(r *Request) { r.NamedContexts = map[string]string{"x": "."} }, want: host},
		"git": {change: func(r *Request) {
			r.Dockerfile, r.Context, r.Files = nil, "https://example.com/r.git", anywhere("FROM nanoserver")
		}, want: "windows/amd64"},
		"syntax line":    {text: "# syntax=docker/dockerfile:1\nFROM nanoserver", want: "windows/amd64"},
		"foreign syntax": {text: "# syntax=x/y\nFROM nanoserver", err: "is not supported", hint: "syntax"},
		"no Dockerfile":  {change: func(r *Request) { r.Dockerfile = nil }, err: "there is no file Dockerfile", hint: "-f"},
		"broken":         {text: "FROM nanoserver\nFRMO", err: "Dockerfile:2: unknown instruction: FRMO"},
	} {
		t.Run(name, func(t *testing.T) {
			req := windows(tt.text)
			req.Platforms = nil
			if tt.change != nil {
				tt.change(&req)
			}
			got, err := Platform(t.Context(), req, res)
			if tt.err == "" {
				if err != nil || FormatPlatform(got) != tt.want {
					t.Errorf("got %s, %v, want %s", FormatPlatform(got), err, tt.want)
				}
				return
			}
			var h interface{ Hint() string }
			if err == nil || !strings.Contains(err.Error(), strings.ReplaceAll(tt.err, ": missing", "")) {
				t.Fatalf("got %s, %v, want %q", FormatPlatform(got), err, tt.err)
			}
			if !errors.As(err, &h) || !strings.Contains(h.Hint(), tt.hint) {
				t.Errorf("got hint %q, want %q", h.Hint(), tt.hint)
			}
			if name == "missing" && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the resolver's error is lost in %v", err)
			}
		})
	}
}
