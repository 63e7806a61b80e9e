package dockerfile

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// graphCase is a Dockerfile whose graph is in testdata/graphs.golden.
type graphCase struct {
	name, text string
	change     func(*Request)
	images     images
}

func graphCases() []graphCase {
	const base = "FROM nanoserver\n"
	return []graphCase{
		{name: "from alone", text: base},
		{name: "scratch", text: "FROM scratch\nCOPY a /\n"},
		{name: "copy of everything", text: base + "COPY . /app/\n"},
		{name: "copy of named files", text: base + "COPY a b /app/\nCOPY sub/c.txt C:/app/\n"},
		{name: "back slashes in context paths", text: "# escape=`\n" + base + "COPY sub\\c.txt .\\x\\*.y C:\\app\\\nCOPY sub/c.txt /\n"},
		{name: "drive letters and escape", text: "# escape=`\n" + base + "WORKDIR C:\\app\nCOPY a C:\\y\\\nCOPY a .\\sub\\\nCOPY [\"a b\", \"C:\\\\Program Files\\\\x\\\\\"]\nCOPY a C:\\\n"},
		{name: "chown, chmod, workdir, user", text: base + "WORKDIR /w\nUSER ContainerAdministrator\nWORKDIR /v\nCOPY --chown=Ann:Staff --chmod=755 a /\nCOPY --chown=5:6 --chmod=u=rwX a /\n"},
		{name: "link", text: base + "COPY --link a /app/\nCOPY --link --chmod=600 a /app/\n"},
		{name: "parents and exclude", text: base + "COPY --parents x/./y/*.txt /d/\nCOPY --parents x/y.txt /d/\nCOPY --exclude=*.log --exclude=tmp . /e/\n"},
		{name: "stages", text: "FROM --platform=linux/amd64 golang:1 AS build\nCOPY . /src\nRUN go build -o /out/x.exe\nFROM nanoserver\nCOPY --from=build /out/x.exe /\nCOPY --from=servercore /Windows/System32/netapi32.dll /Windows/System32/\nCOPY --from=0 /src /src\n"},
		{name: "unused stage", text: "FROM golang AS unused\nRUN false\n" + base + "COPY a /\n"},
		{name: "target", text: "FROM nanoserver AS one\nCOPY a /\nFROM nanoserver AS two\nCOPY b /\n", change: func(r *Request) { r.Target = "one" }},
		{name: "heredocs", text: base + "COPY <<EOF <<\"RAW\" /d/\nhello $USER\nEOF\nraw $USER\nRAW\n"},
		{name: "add", text: base + "ADD a.tar.gz /d/\nADD --unpack=false b.tar /d/\nADD --checksum=sha256:" + strings.Repeat("1", 64) + " https://example.com/x.zip /\nADD --unpack https://example.com/y.tgz /y/\nADD https://example.com/z.git#v1:sub /z\nADD --keep-git-dir=true https://example.com/k.git /k\n"},
		{name: "run", text: base + "SHELL [\"powershell\", \"-Command\"]\nENV A=b\nWORKDIR /app\nRUN Write-Host hi\nRUN [\"x.exe\", \"y\"]\nSHELL [\"cmd\", \"/S\", \"/C\"]\nRUN dir\n"},
		{name: "run mounts", text: base + "WORKDIR /app\nRUN --mount=type=cache,target=C:/cache --mount=type=bind,source=src,target=C:\\\\src --mount=type=secret,id=s,target=C:/s.txt --mount=type=cache,target=rel --network=none x\n"},
		{name: "config only", text: base + "ENV A=1 B=\"two words\"\nLABEL l=v\nEXPOSE 80\nVOLUME C:\\\\data\nSTOPSIGNAL SIGTERM\nHEALTHCHECK CMD x\nUSER Ann\nENTRYPOINT [\"x.exe\"]\nCMD y z\nONBUILD COPY . /\n"},
		{name: "args", text: "ARG TAG=ltsc2022\nARG OTHER\nFROM nanoserver:${TAG}\nARG DEST=/d\nCOPY ${OTHER:-a} $DEST/\nCOPY b /$TARGETOS-$TARGETARCH-$BUILDOS/\nARG TARGETOS TARGETARCH BUILDOS\nCOPY b /$TARGETOS-$TARGETARCH-$BUILDOS/\n",
			change: func(r *Request) { r.BuildArgs = map[string]string{"TAG": "ltsc2025", "DEST": "/e"} }},
		{name: "onbuild of the base", text: "FROM trigger\nCOPY b /\n", images: images{onbuild: map[string][]string{"docker.io/library/trigger:latest": {"COPY . /on/", "WORKDIR /on", "COPY --from=servercore /x /"}}}},
		{name: "dockerignore", text: base + "COPY . /\n", change: func(r *Request) {
			r.Files = contextDir(map[string]string{".dockerignore": "# comment\n*.log\n!keep.log\n"})
		}},
		{name: "dockerignore of the Dockerfile", text: base + "COPY . /\n", change: func(r *Request) {
			r.Filename = "sub/My.Dockerfile"
			r.Files = contextDir(map[string]string{".dockerignore": "wrong\n", "sub/My.Dockerfile.dockerignore": "right\n"})
		}},
		{name: "named contexts", text: "FROM base AS x\nCOPY --from=dir a /\nCOPY --from=remote b /\nCOPY --from=layout c /\nCOPY --from=page /context /\nCOPY --from=tagged /t /\n", change: func(r *Request) {
			r.NamedContexts = map[string]string{
				"base": "docker-image://casement/hostprocess", "dir": "../other",
				"remote": "https://example.com/r.git", "layout": "oci-layout://C:/some dir:tag", "page": "https://example.com/p",
				"tagged": "docker-image://registry.example:5000/t@sha256:" + strings.Repeat("2", 64),
			}
			r.Files = Dirs{"dir": contextDir(map[string]string{".dockerignore": "no\n"}).(Dirs)[LocalContext]}
		}},
		{name: "hostprocess", text: "FROM docker.io/casement/hostprocess:v1\nCOPY a /\n"},
		{name: "hostprocess, short", text: "FROM casement/hostprocess\nCOPY a /\n"},
		{name: "git context", text: "", change: func(r *Request) {
			r.Dockerfile, r.Context = nil, "https://example.com/repo.git#main:sub"
			r.Files = anywhere(base + "COPY . /\n")
		}},
		{name: "git context, own Dockerfile", text: base + "COPY . /\n", change: func(r *Request) { r.Context = "https://example.com/repo.git" }},
		{name: "http context", text: "", change: func(r *Request) {
			r.Dockerfile, r.Context = nil, "https://example.com/x.tar.gz"
			r.Files = anywhere(base + "COPY . /\n")
		}},
		{name: "syntax line", text: "# syntax=docker/dockerfile:1.27-labs\n" + base + "COPY a /\n"},
		{name: "syntax mirror", text: "# syntax=registry.example/hub/docker/dockerfile-upstream:master\n" + base},
		{name: "no cache", text: base + "COPY a /\n", change: func(r *Request) { r.NoCache, r.Pull = true, true }},
		{name: "version asked", text: base + "COPY a /\n", change: func(r *Request) { r.Platforms[0].OSVersion = "10.0.20348" }},
		{name: "two platforms", text: "FROM --platform=$BUILDPLATFORM golang AS b\nARG TARGETOSVERSION\nCOPY . /$TARGETOSVERSION/\n" + base + "COPY --from=b /x /\n", change: func(r *Request) {
			r.Platforms = []ocispec.Platform{{OS: "windows", Architecture: "amd64", OSVersion: "10.0.26100"}, {OS: "windows", Architecture: "amd64", OSVersion: "10.0.20348"}}
		}},
		{name: "labels and epoch", text: base + "COPY a /\n", change: func(r *Request) {
			r.Labels = map[string]string{"x": "y"}
			r.BuildArgs = map[string]string{"SOURCE_DATE_EPOCH": "1700000000"}
		}},
		{name: "linux", text: "FROM alpine\nWORKDIR app\nRUN echo hi\nRUN <<EOF\nset -e\necho two\nEOF\nRUN --mount=type=tmpfs,target=/t --mount=type=ssh --mount=type=secret,id=s,env=S true\n", change: func(r *Request) { r.Platforms[0].OS = "linux" }},
	}
}

// If this failed, a Dockerfile would build something else than it says.
func TestGraphs(t *testing.T) {
	var b strings.Builder
	for _, tt := range graphCases() {
		t.Run(tt.name, func(t *testing.T) {
			req := windows(tt.text)
			if tt.change != nil {
				tt.change(&req)
			}
			fmt.Fprintf(&b, "== %s\n", tt.name)
			if tt.text != "" {
				fmt.Fprintf(&b, "%s", tt.text)
			}
			results, err := Build(t.Context(), req, tt.images)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range results {
				fmt.Fprintf(&b, "-- %s\n", FormatPlatform(r.Platform))
				if err := r.Graph.WriteText(&b); err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&b, "config %s\n", configText(t, r.Config))
				if r.Epoch != nil {
					fmt.Fprintf(&b, "epoch %d\n", r.Epoch.Unix())
				}
				for v := range r.Graph.Vertices() {
					fmt.Fprintf(&b, "  %q at %q", v.Name, v.Where.String())
					if v.IgnoreCache {
						b.WriteString(" no cache")
					}
					b.WriteByte('\n')
				}
			}
			b.WriteByte('\n')
		})
	}
	golden(t, "graphs.golden", strings.ReplaceAll(b.String(), "\r", ""))
}

// configText returns what matters of an image config.
func configText(t *testing.T, config []byte) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(config, &m); err != nil {
		t.Fatal(err)
	}
	delete(m, "rootfs")
	h, _ := m["history"].([]any)
	m["history"] = len(h)
	out, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// If this failed, the digests of vertices, which name steps on the screen,
// would differ from build to build.
func TestDeterministic(t *testing.T) {
	var texts []string
	for range 2 {
		var b strings.Builder
		for _, tt := range graphCases() {
			req := windows(tt.text)
			if tt.change != nil {
				tt.change(&req)
			}
			results, err := Build(t.Context(), req, tt.images)
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			for _, r := range results {
				for v := range r.Graph.Vertices() {
					fmt.Fprintf(&b, "%s %s\n", v.Digest, v.Name)
				}
				b.Write(r.Config)
			}
		}
		texts = append(texts, b.String())
	}
	if texts[0] != texts[1] {
		t.Errorf("first\n%s\nthen\n%s", texts[0], texts[1])
	}
	if regexp.MustCompile(`local.session|/tmp/`).MatchString(texts[0]) {
		t.Error("the machine shows in what is built")
	}
}
