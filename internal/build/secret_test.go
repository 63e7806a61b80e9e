package build

import "testing"

// A token that the user gives for the CONTEXT must not be sent to whatever
// host a Dockerfile names; one for a host may be.
func TestSecrets(t *testing.T) {
	env := map[string]string{"GIT_AUTH_TOKEN": "mine", "GIT_AUTH_TOKEN_GIT_EXAMPLE_8443": "theirs", "HTTP_AUTH_TOKEN_x": "h"}
	all := secret(func(n string) string { return env[n] })
	for _, tt := range []struct{ name, all, dockerfile string }{
		{"GIT_AUTH_TOKEN", "mine", ""},
		{"GIT_AUTH_TOKEN.git.example:8443", "theirs", "theirs"},
		{"GIT_AUTH_TOKEN.other.example", "", ""},
		{"HTTP_AUTH_TOKEN_x", "h", "h"},
	} {
		a, _ := all(t.Context(), tt.name)
		d, _ := scoped(all)(t.Context(), tt.name)
		if string(a) != tt.all || string(d) != tt.dockerfile {
			t.Errorf("%s: contexts get %q, a Dockerfile %q; want %q and %q", tt.name, a, d, tt.all, tt.dockerfile)
		}
	}
	if v, err := secret(nil)(t.Context(), "GIT_AUTH_TOKEN"); v != nil || err != nil {
		t.Errorf("without an environment: %q, %v", v, err)
	}
}

// Broken if it fails: a secret comes from elsewhere than its flag says.
func TestParseSecret(t *testing.T) {
	lookup := func(n string) (string, bool) { return "v", n == "TOKEN" || n == "id" }
	for text, want := range map[string]Secret{
		"id=a,src=f.txt":           {File: "f.txt"},
		"id=a,source=f.txt":        {File: "f.txt"},
		`"id=a","src=f,1.txt"`:     {File: "f,1.txt"},
		"id=a,type=file,src=TOKEN": {File: "TOKEN"},
		"id=a,env=TOKEN":           {Env: "TOKEN"},
		"id=a,type=env,src=TOKEN":  {Env: "TOKEN"},
		"id=id":                    {Env: "id"},
		"id=id,type=env":           {Env: "id"},
		"id=id,type=file":          {File: "id"},
		"id=other":                 {File: "other"},
		"ID=a, src=x=y":            {File: "x=y"},
	} {
		if _, got, err := ParseSecret(text, lookup); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "id=", "src=x", "a", "id=a,src=", "id=a,env=X,src=y", "id=a,what=x", "id=a,type=tar", `id="a`} {
		if _, got, err := ParseSecret(text, lookup); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

// FuzzParseSecret: no flag makes the program crash, and a secret has one source.
func FuzzParseSecret(f *testing.F) {
	f.Add("id=a,src=f")
	f.Add(`"id=a","env=B"`)
	f.Fuzz(func(t *testing.T, text string) {
		id, s, err := ParseSecret(text, func(string) (string, bool) { return "", false })
		if err == nil && (id == "" || (s.File == "") == (s.Env == "")) {
			t.Errorf("%q: %q %+v", text, id, s)
		}
	})
}
