package registry

import (
	"errors"
	"strings"
	"testing"
)

// References mean what they mean to docker; else images come from or go to the
// wrong place.
func TestParse(t *testing.T) {
	const d = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for _, c := range []struct{ in, host, repository, which, str, familiar string }{
		{"nanoserver:x", DockerHub, "library/nanoserver", "x", "docker.io/library/nanoserver:x", "nanoserver:x"},
		{"nanoserver", DockerHub, "library/nanoserver", "latest", "docker.io/library/nanoserver:latest", "nanoserver:latest"},
		{"me/app:1", DockerHub, "me/app", "1", "docker.io/me/app:1", "me/app:1"},
		{"docker.io/me/app", DockerHub, "me/app", "latest", "docker.io/me/app:latest", "me/app:latest"},
		{"index.docker.io/nanoserver", DockerHub, "library/nanoserver", "latest", "docker.io/library/nanoserver:latest", "nanoserver:latest"},
		{"docker.io/0.0/app", DockerHub, "0.0/app", "latest", "docker.io/0.0/app:latest", "docker.io/0.0/app:latest"},
		{"docker.io/localhost/app", DockerHub, "localhost/app", "latest", "docker.io/localhost/app:latest", "docker.io/localhost/app:latest"},
		{"library/a/b:1", DockerHub, "library/a/b", "1", "docker.io/library/a/b:1", "library/a/b:1"},
		{"localhost/app", "localhost", "app", "latest", "localhost/app:latest", "localhost/app:latest"},
		{"localhost:5000/a/b:V1", "localhost:5000", "a/b", "V1", "localhost:5000/a/b:V1", "localhost:5000/a/b:V1"},
		{"[::1]:5000/app:1", "[::1]:5000", "app", "1", "[::1]:5000/app:1", "[::1]:5000/app:1"},
		{"mcr.microsoft.com/windows/nanoserver:ltsc2022", "mcr.microsoft.com", "windows/nanoserver", "ltsc2022",
			"mcr.microsoft.com/windows/nanoserver:ltsc2022", "mcr.microsoft.com/windows/nanoserver:ltsc2022"},
		{"r.example/app@" + d, "r.example", "app", d, "r.example/app@" + d, "r.example/app@" + d},
		{"r.example/app:1@" + d, "r.example", "app", d, "r.example/app:1@" + d, "r.example/app:1@" + d},
	} {
		r, err := Parse(c.in)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if r.Host != c.host || r.Repository != c.repository || r.Which() != c.which || r.String() != c.str || r.Familiar() != c.familiar {
			t.Errorf("%s gives %+v, %s, %s", c.in, r, r, r.Familiar())
		}
	}
}

// A reference that is none gives one line with a reason, and a hint where the
// mistake is a usual one.
func TestParseErrors(t *testing.T) {
	for in, hint := range map[string]string{
		"https://r.example/app:1": `"r.example/app:1"`,
		"r.example/App":           "lower-case",
		"":                        "looks like",
		"r.example/app@sha256:12": "",
		"a b":                     "",
		"r.example/app:":          "",
	} {
		_, err := Parse(in)
		e := wantKind(t, err, Invalid)
		if !strings.Contains(e.Hint(), hint) {
			t.Errorf("%q: hint %q lacks %q", in, e.Hint(), hint)
		}
		t.Log(err)
	}
}

// What parses can be printed and parsed again; else names change on their way
// through an OCI layout.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"a", "a:b", "r.example:5000/a/b:c", "[::1]:1/a", "a@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "index.docker.io/a", "A/b", "docker.io/library/x:1", "docker.io/0.0/0", "library/a/b", "docker.io/localhost/x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Parse(s)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || strings.ContainsRune(err.Error(), '\n') {
				t.Errorf("error %q", err)
			}
			return
		}
		again, err := Parse(r.String())
		if err != nil || again != r {
			t.Errorf("%q gives %+v, and again %+v, %v", s, r, again, err)
		}
		if again, err := Parse(r.Familiar()); err != nil || again != r {
			t.Errorf("%q gives %+v, and as %s %+v, %v", s, r, r.Familiar(), again, err)
		}
	})
}

// The header comes from whatever answers at that address.
func FuzzParseChallenge(f *testing.F) {
	for _, s := range []string{`Bearer realm="https://a.example/t",service="s",scope="a b"`, `Basic realm="x, y"`, `bearer realm=x`, `Bearer realm="\"`, ``, `Basic`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if c, ok := parseChallenge(s); ok && c.scheme == "bearer" && c.realm == "" {
			t.Errorf("%q gives a bearer challenge without realm", s)
		}
	})
}

// Challenges are read as registries write them; else nobody gets in.
func TestParseChallenge(t *testing.T) {
	for in, want := range map[string]challenge{
		`Bearer realm="https://a.example/token",service="reg",scope="repository:x:pull,push"`: {"bearer", "https://a.example/token", "reg", "repository:x:pull,push"},
		`Basic realm="Registry Realm"`: {scheme: "basic", realm: "Registry Realm"},
		`BASIC`:                        {scheme: "basic"},
		`Bearer realm=https://a.example/t, service=reg`: {scheme: "bearer", realm: "https://a.example/t", service: "reg"},
	} {
		if got, ok := parseChallenge(in); !ok || got != want {
			t.Errorf("%s gives %+v, %v", in, got, ok)
		}
	}
	for _, in := range []string{"", "Negotiate", "Bearer service=x"} {
		if got, ok := parseChallenge(in); ok {
			t.Errorf("%q gives %+v", in, got)
		}
	}
}

// Near tags are those that somebody who mistyped one would want to see.
func TestNearest(t *testing.T) {
	tags := []string{"ltsc2016", "ltsc2019", "ltsc2022", "ltsc2025", "ltsc2022-amd64", "1809", "20H2", "ltsc2025-amd64", "latest"}
	for tag, want := range map[string]string{
		"ltsc2023":  "ltsc2022 ltsc2025 ltsc2016 ltsc2019", // by mistakes, then by name
		"ltcs2022":  "ltsc2022",
		"LTSC2022":  "ltsc2022",
		"ltsc":      "ltsc2016",
		"something": "",
		"1809-kb":   "1809",
	} {
		got := strings.Join(nearest(tag, tags, 5), " ")
		first, _, _ := strings.Cut(want, " ")
		if (want == "") != (got == "") || !strings.HasPrefix(got, first) {
			t.Errorf("%s: near are %q, want something like %q", tag, got, want)
		}
	}
}

// Secrets in addresses do not reach the screen.
func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"get https://user:pw@a.example/x?sig=secret: no": "get https://a.example/x no",
		`"http://a.example/x?k=v" and ?plain`:            `"http://a.example/x" and ?plain`,
		"nothing":                                        "nothing",
	} {
		if got := redact(in); strings.Contains(got, "secret") || strings.Contains(got, "pw") || strings.Contains(got, "k=v") {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}
