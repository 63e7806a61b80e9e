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
