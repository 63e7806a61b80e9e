package dockerfile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	buildkit "github.com/moby/buildkit/client"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/progress"
)

// If this failed, an error would not say where it is, what is wrong, or what
// to do about it.
func TestErrors(t *testing.T) {
	const base = "FROM nanoserver\n"
	for name, tt := range map[string]struct {
		text       string
		change     func(*Request)
		want, hint string // parts of the message and of the hint
		line       int
	}{
		"unknown instruction": {text: base + "COPPY a b\n", want: "Dockerfile:2: unknown instruction: COPPY (did you mean COPY?)", line: 2},
		"missing base":        {text: base + "\nFROM missing:1\n", want: "Dockerfile:3: docker.io/library/missing:1: file does not exist", line: 3},
		"no stage":            {text: base, change: func(r *Request) { r.Target = "two" }, want: `there is no stage "two"`, hint: "the only stage has no name: leave --target out"},
		"no stage, with syntax line": {text: "# syntax=docker/dockerfile:1\n" + base, change: func(r *Request) { r.Target = "two" },
			want: `there is no stage "two"`, hint: "the only stage has no name: leave --target out"},
		"no stage, near a name": {text: "FROM win AS one\nFROM win AS tow\n", change: func(r *Request) { r.Target = "two" }, want: `there is no stage "two"`, hint: "stages are one, tow"},
		"mode":                  {text: base + "COPY --chmod=abc a /\n", want: "Dockerfile:2: --chmod=abc is not a mode", hint: "u=rwX", line: 2},
		"mode out of digits":    {text: base + "COPY --chmod=99 a /\n", want: "Dockerfile:2: --chmod=99 is not a mode", hint: "755", line: 2},
		"mode too large":        {text: base + "ADD --chmod=77777 a /\n", want: "Dockerfile:2: --chmod=77777 is not a mode", hint: "755", line: 2},
		"source that is no stage, near one": {text: "FROM win AS missinh\nFROM win\nCOPY --from=missing a /\n",
			want: "Dockerfile:3: docker.io/library/missing:latest: file does not exist", hint: `no stage is called "missing", so it was taken for an image; did you mean missinh?`, line: 3},
		"source that is no stage": {text: "FROM win AS one\nFROM win AS two\nCOPY --from=missing a /\nFROM win AS later\n", change: func(r *Request) { r.Target = "two" },
			want: "docker.io/library/missing:latest: file does not exist", hint: "stages are one", line: 3},
		"mount that is no stage": {text: base + "RUN --mount=from=missing,target=/m x\n",
			want: "docker.io/library/missing:latest: file does not exist", hint: `there is no stage before this one, so "missing" was taken for an image`, line: 2},
		"source that is an image": {text: "FROM win AS one\n" + base + "COPY --from=missing:1 a /\n",
			want: "docker.io/library/missing:1: file does not exist", line: 3},
		"empty":          {text: "", change: func(r *Request) { r.Dockerfile = []byte{} }, want: "cannot be empty"},
		"only comments":  {text: "# nothing\n", want: "file with no instructions", hint: "FROM", line: 1},
		"no Dockerfile":  {change: func(r *Request) { r.Dockerfile, r.Filename = nil, "x/Dockerfile" }, want: "there is no file x/Dockerfile", hint: "-f"},
		"foreign syntax": {text: "# syntax=example/frontend:2\n" + base, want: `Dockerfile:1: syntax image "example/frontend:2" is not supported`, hint: "docker/dockerfile:1", line: 1},
		"foreign syntax argument": {text: base, change: func(r *Request) { r.BuildArgs = map[string]string{"BUILDKIT_SYNTAX": "example/f"} },
			want: `syntax image "example/f" is not supported`, hint: "docker/dockerfile:1"},
		"drive alone":          {text: base + "COPY a C:\\\n", want: "No relative path specified", hint: "line 2 ends in the escape character, so C:\\ continues", line: 2},
		"other drive":          {text: base + "COPY a D:/x\n", want: "not on the system drive", hint: "no other", line: 2},
		"other drive, WORKDIR": {text: base + "WORKDIR D:/x\n", want: "not on the system drive", hint: "no other", line: 2},
		"mount on other drive": {text: base + "RUN --mount=type=cache,target=D:/c x\n", want: "Dockerfile:2: mount target D:/c: drive D is not there", hint: "drive C:", line: 2},
		"mount on the root":    {text: base + "RUN --mount=type=cache,target=C:/ x\n", want: "the root of drive C:", line: 2},
		"secret":               {text: base + "RUN --mount=type=secret,id=s x\n", want: "secret target is required", hint: `target=C:/path`, line: 2},
		"linux base":           {text: "FROM alpine\n", want: "base image docker.io/library/alpine:latest is for linux and not for windows", hint: "--platform linux/amd64", line: 1},
		"windows base for linux": {text: base, change: func(r *Request) { r.Platforms[0].OS = "linux" },
			want: "is for windows and not for linux", hint: "--platform windows/amd64", line: 1},
		"context name":    {text: base, change: func(r *Request) { r.NamedContexts = map[string]string{"A B": "x"} }, want: `build context "A B"`, hint: "lower-case"},
		"context kind":    {text: base, change: func(r *Request) { r.NamedContexts = map[string]string{"a": "ftp://x"} }, want: `unknown kind of address "ftp://"`, hint: "docker-image://"},
		"context missing": {text: base + "COPY --from=l a /\n", change: func(r *Request) { r.NamedContexts = map[string]string{"l": "oci-layout://missing"} }, want: "oci-layout://missing: file does not exist", line: 2},
		"epoch": {text: base, change: func(r *Request) {
			r.BuildArgs = map[string]string{"SOURCE_DATE_EPOCH": "context"}
			r.Context = "https://example.com/r.git"
		}, want: "asking for the time of git://", hint: "number of seconds"},
		"ignore file": {text: base + "COPY . /\n", change: func(r *Request) { r.Files = unreadable{} }, want: "reading .dockerignore: permission denied"},
		"onbuild":     {text: base + "ONBUILD FROM x\n", want: "FROM isn't allowed as an ONBUILD trigger", line: 2},
	} {
		t.Run(name, func(t *testing.T) {
			req := windows(tt.text)
			if tt.change != nil {
				tt.change(&req)
			}
			_, err := Build(t.Context(), req, images{})
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %T: %v", err, err)
			}
			if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got error %q, want %q", err, tt.want)
			}
			if !strings.Contains(e.Hint(), tt.hint) || tt.hint == "" && e.Hint() != "" {
				t.Errorf("got hint %q, want %q", e.Hint(), tt.hint)
			}
			if e.Where.Line != tt.line {
				t.Errorf("got line %d, want %d", e.Where.Line, tt.line)
			}
			if (e.Excerpt() != "") != (tt.line > 0) {
				t.Errorf("the excerpt is %q", e.Excerpt())
			}
		})
	}
}

// An image is named once, however the frontend and the resolver each say it.
func TestImageIsNamedOnce(t *testing.T) {
	for from, want := range map[string]string{
		"nano":                     "Dockerfile:1: no match for it in docker.io/library/nano:latest",
		"r.example/nano":           "Dockerfile:1: no match for it in r.example/nano:latest",
		"r.example/nano:2":         "Dockerfile:1: no match for it in r.example/nano:2",
		"docker.io/library/nano:3": "Dockerfile:1: no match for it in docker.io/library/nano:3",
	} {
		_, err := Build(t.Context(), windows("FROM "+from+"\n"), unmatched{})
		if err == nil || err.Error() != want {
			t.Errorf("FROM %s: got error %v, want %s", from, err, want)
		}
	}
}

// unmatched has every image for another platform.
type unmatched struct{ images }

func (unmatched) Resolve(_ context.Context, ref string, _ *ocispec.Platform) (Resolved, error) {
	return Resolved{}, fmt.Errorf("no match for it in %s", ref)
}

// unreadable has files that nobody may read.
type unreadable struct{}

func (unreadable) ReadFile(_ context.Context, _ *llb.Graph, name string) ([]byte, error) {
	if name == ".dockerignore" {
		return nil, fs.ErrPermission
	}
	return nil, fs.ErrNotExist
}

// If this failed, an author would learn that paths are wrong only from the
// image.
func TestTraps(t *testing.T) {
	const base = "FROM nanoserver\n"
	for name, tt := range map[string]struct {
		text string
		want []string // parts of the warnings, in order
	}{
		"clean":                  {"# escape=`\n" + base + "COPY a C:\\y\\\nWORKDIR C:\\a\\b\nENV P=C:\\x\\y\n", nil},
		"clean continuation":     {base + "COPY a \\\n  b /c/\nRUN dir && \\\n  ver\nENV A=1 \\\n  B=2\n", nil},
		"swallowed line":         {base + "COPY a C:\\y\\\nCOPY b /\n", []string{"WindowsLineEnd: the line ends in the escape character, so C:\\y\\ continues on the next line (line 2)"}},
		"swallowed, relative":    {base + "COPY a sub\\\nENV A=b\n", []string{"WindowsLineEnd: the line ends in the escape character, so sub\\ "}},
		"swallowed in RUN":       {base + "RUN mkdir C:\\y\\\nENV A=b\n", []string{"WindowsLineEnd"}},
		"comment":                {base + "# C:\\y\\\nENV A=b\n", nil},
		"double back slash":      {base + "WORKDIR C:\\\\a\\\\b\\\\\n", nil},
		"lost separators":        {base + "WORKDIR C:\\a\\b\nENV P=C:\\Program\\x\nCOPY a\\b /\n", []string{"WORKDIR takes the back slashes of C:\\a\\b for escape characters, what is left is C:ab (line 2)", "ENV takes", "COPY takes"}},
		"percent signs":          {"# escape=`\n" + base + "ENV PATH=\"C:\\app;%PATH%\"\n", []string{"WindowsEnvReference: ENV PATH keeps %PATH% as it is written (line 3)"}},
		"percent signs, other":   {base + "ENV A=100% B=50%x\n", nil},
		"quoted blank":           {"# escape=`\n" + base + "COPY a C:\\Program` Files\\y\\\n", []string{"WindowsQuotedBlank: a back quote does not keep a blank in a path of COPY (line 3)"}},
		"continued with a blank": {"# escape=`\n" + base + "COPY a `\n  b C:\\x\\\n", nil},
		"list that is no JSON":   {base + "RUN [\"C:\\x.exe\", \"a\"]\nENTRYPOINT ['x']\n", []string{"WindowsExecForm: the list of RUN is no JSON, so the shell gets it as it is written (line 2)"}},
		"list that is JSON":      {base + "RUN [\"C:\\\\x.exe\", \"a\"]\nRUN [int] \"1\"\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := warnings(t, windows(tt.text))
			got = keep(got, "Windows")
			if len(got) != len(tt.want) {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
			for i := range got {
				if !strings.Contains(got[i], tt.want[i]) {
					t.Errorf("got %q, want %q", got[i], tt.want[i])
				}
			}
		})
	}
	t.Run("linux", func(t *testing.T) {
		req := windows("FROM alpine\nCOPY a sub\\\nENV A=%B%\n")
		req.Platforms[0].OS = "linux"
		if got := keep(warnings(t, req), "Windows"); got != nil {
			t.Errorf("got %q", got)
		}
	})
}

func keep(list []string, prefix string) []string {
	var out []string
	for _, s := range list {
		if strings.HasPrefix(s, prefix) {
			out = append(out, s)
		}
	}
	return out
}

// warnings builds and returns what was warned of.
func warnings(t *testing.T, req Request) []string {
	t.Helper()
	var out []string
	for _, s := range record(t, &req, nil) {
		for _, w := range s.Warnings {
			if w.SourceInfo == nil || len(w.Range) == 0 {
				t.Errorf("no place: %s", w.Short)
			}
			out = append(out, string(w.Short))
		}
	}
	return out
}

// record builds and returns what readers of the progress see.
func record(t *testing.T, req *Request, wantErr error) []buildkit.SolveStatus {
	t.Helper()
	var log bytes.Buffer
	rec, err := progress.Display(t.Context(), &log, progress.RawJSON)
	if err != nil {
		t.Fatal(err)
	}
	req.Progress = rec
	if _, err := Build(t.Context(), *req, images{}); !errors.Is(err, wantErr) {
		t.Fatal(err)
	}
	rec.Close()
	var out []buildkit.SolveStatus
	dec := json.NewDecoder(&log)
	for dec.More() {
		var s buildkit.SolveStatus
		if err := dec.Decode(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

// If this failed, the frontend's own warnings would get lost, or each would
// come once for every platform.
func TestLintWarnings(t *testing.T) {
	req := windows("from nanoserver\nCOPY a /\nCMD x\n")
	req.Platforms = append(req.Platforms, ocispec.Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0.20348"})
	got := warnings(t, req)
	want := []string{"ConsistentInstructionCasing: ", "JSONArgsRecommended: "}
	if len(got) != 2 || !strings.HasPrefix(got[0], want[0]) || !strings.HasPrefix(got[1], want[1]) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// If this failed, the screen would stand still while bases are looked up, or
// steps would look unfinished.
func TestProgress(t *testing.T) {
	req := windows("FROM nanoserver\nCOPY --from=servercore /a /\nCOPY . /\n")
	req.Dockerfile = nil
	req.Files = Dirs{LocalDockerfile: fstest.MapFS{"Dockerfile": {Data: []byte("FROM nanoserver\nCOPY . /\n")}}, LocalContext: fstest.MapFS{}}
	for name, tt := range map[string]struct {
		text string
		err  error
		want []string
	}{
		"good": {"FROM nanoserver\nCOPY . /\n", nil, []string{
			"[internal] load build definition from Dockerfile", "[internal] load metadata for docker.io/library/nanoserver:latest", "[internal] load .dockerignore"}},
		"bad": {"FROM missing\n", fs.ErrNotExist, []string{
			"[internal] load build definition from Dockerfile", "[internal] load metadata for docker.io/library/missing:latest"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := req
			r.Files = Dirs{LocalDockerfile: fstest.MapFS{"Dockerfile": {Data: []byte(tt.text)}}, LocalContext: fstest.MapFS{}}
			done := map[string]bool{}
			for _, s := range record(t, &r, tt.err) {
				for _, v := range s.Vertexes {
					done[v.Name] = v.Completed != nil
				}
			}
			for _, w := range tt.want {
				if !done[w] {
					t.Errorf("step %q is missing or not done: %v", w, done)
				}
			}
			delete(done, "[internal] load .dockerignore") // may come or not before an error
			if tt.err != nil && len(done) != len(tt.want) {
				t.Errorf("steps are %v", done)
			}
		})
	}
}

// If this failed, --check would say something else than docker buildx.
func TestCheck(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want string
		ok   bool
	}{
		"clean": {"FROM nanoserver\nCOPY a /\n", "Check complete, no warnings found.\n", true},
		"warnings": {"FROM nanoserver\nENV PATH=%PATH%\nCMD x\n", `Check complete, 2 warnings have been found!

WARNING: WindowsEnvReference
ENV PATH keeps %PATH% as it is written
Neither the build nor Windows expands percent signs in an image's environment. Write ${NAME} for a variable of the image.

Dockerfile:2
--------------------
   1 |     FROM nanoserver
   2 | >>> ENV PATH=%PATH%
   3 |     CMD x
--------------------

WARNING: JSONArgsRecommended - https://docs.docker.com/go/dockerfile/rule/json-args-recommended/
JSON arguments recommended for CMD to prevent unintended behavior related to OS signals

Dockerfile:3
--------------------
   1 |     FROM nanoserver
   2 |     ENV PATH=%PATH%
   3 | >>> CMD x
--------------------
`, false},
		"here-documents": {"FROM nanoserver\nRUN <<EOF\ndir\nEOF\nRUN <<EOF\ndir\nver\nEOF\nSHELL [\"powershell\", \"-Command\"]\nRUN <<EOF\ndir\nver\nEOF\n", `Check complete, 1 warning has been found!

WARNING: WindowsHeredoc
cmd runs only the first line of a here-document
Join the commands with && or use SHELL ["powershell", "-Command"].

Dockerfile:5
--------------------
   3 |     dir
   4 |     EOF
   5 | >>> RUN <<EOF
   6 | >>> dir
   7 | >>> ver
   8 | >>> EOF
   9 |     SHELL ["powershell", "-Command"]
  10 |     RUN <<EOF
--------------------
`, false},
		"error": {"FROM nanoserver\nCOPY a D:/\n", `
ERROR: removing drive letter: The specified path is not on the system drive (C:)

Dockerfile:2
--------------------
   1 |     FROM nanoserver
   2 | >>> COPY a D:/
--------------------
`, false},
		"unknown": {"FROM nanoserver\nCOPPY a /\n", `
ERROR: unknown instruction: COPPY (did you mean COPY?)

Dockerfile:2
--------------------
   1 |     FROM nanoserver
   2 | >>> COPPY a /
--------------------
`, false},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := Check(t.Context(), windows(tt.text), images{})
			if err != nil {
				t.Fatal(err)
			}
			if f.Text() != tt.want {
				t.Errorf("got\n%s\nwant\n%s", f.Text(), tt.want)
			}
			if f.OK() != tt.ok {
				t.Errorf("OK is %v", f.OK())
			}
		})
	}
	req := windows("")
	req.Dockerfile = nil
	if _, err := Check(t.Context(), req, images{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing Dockerfile gives %v", err)
	}
}

// A check has to work without a network: every image that cannot be reached is
// noted once, no warning comes of not knowing it, and what is wrong is found.
func TestCheckOffline(t *testing.T) {
	const text = "FROM far AS a\nWORKDIR /src\nCOPY . .\nRUN make\n" +
		"FROM far\nWORKDIR /app\nCOPY --from=a /src/app /usr/bin/\nCOPY --from=other:1 /x /app/\nENTRYPOINT [\"/usr/bin/app\"]\n"
	for _, tt := range []struct {
		more, warning string
		platforms     []ocispec.Platform
		notes         []string
	}{
		{notes: []string{"could not be determined, checked for windows/amd64", "base image docker.io/library/other:1"}},
		{more: "MAINTAINER me\n", warning: "MaintainerDeprecated", notes: []string{"could not be determined", "other:1"}},
		{platforms: []ocispec.Platform{{OS: "linux", Architecture: "amd64"}}, notes: []string{"docker.io/library/", "docker.io/library/"}},
	} {
		req := windows(text + tt.more)
		req.Platforms = tt.platforms
		f, err := Check(t.Context(), req, nowhere{})
		if err != nil {
			t.Fatal(err)
		}
		if f.Err != nil || len(f.Notes) != len(tt.notes) || (tt.warning == "") != f.OK() || !strings.Contains(f.Text(), tt.warning) {
			t.Errorf("%v: error %v, notes %q, text\n%s", tt.platforms, f.Err, f.Notes, f.Text())
			continue
		}
		for i, n := range tt.notes {
			if !strings.Contains(f.Notes[i], n) {
				t.Errorf("note %q is not about %q", f.Notes[i], n)
			}
		}
	}
	// A build needs what a check can do without.
	if _, err := Build(t.Context(), windows(text), nowhere{}); !errors.Is(err, ErrUnreachable) {
		t.Errorf("building: %v", err)
	}
}

// nowhere is a resolver without a network.
type nowhere struct{}

func (nowhere) Resolve(_ context.Context, ref string, _ *ocispec.Platform) (Resolved, error) {
	return Resolved{}, fmt.Errorf("%s: %w", ref, ErrUnreachable)
}

func (nowhere) Platforms(_ context.Context, ref string) ([]ocispec.Platform, error) {
	return nil, fmt.Errorf("%s: %w", ref, ErrUnreachable)
}
