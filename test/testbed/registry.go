package testbed

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// RegistryOptions are the settings of a registry server. The zero value is a
// plain http registry without authentication.
type RegistryOptions struct {
	// Cert and Key are files; with them the registry speaks TLS.
	Cert, Key string
	// Htpasswd is a file of bcrypt entries; with it the registry asks for a name
	// and a password.
	Htpasswd string
	// ForeignURLs are regular expressions of the addresses that a foreign layer
	// may have. Without any, a manifest with such layers is refused.
	ForeignURLs []string
}

// StartRegistry runs a distribution registry, the program given (version 2 and
// 3 have the same settings), on a free loopback port. It keeps its contents in
// dir and returns the address as host:port.
func StartRegistry(ctx context.Context, program, dir string, o RegistryOptions) (*Server, string, error) {
	addr, err := FreeAddr()
	if err != nil {
		return nil, "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, "", fmt.Errorf("making the registry's directory: %w", err)
	}
	config := dir + ".yml"
	if err := os.WriteFile(config, []byte(o.config(addr, dir)), 0o644); err != nil {
		return nil, "", fmt.Errorf("writing the registry's settings: %w", err)
	}
	cmd := exec.CommandContext(ctx, program, "serve", config)
	// The exporter for traces would look for a collector and complain.
	cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	cmd.Dir = filepath.Dir(dir)
	s, err := StartServer(ctx, cmd, Dialable("tcp", addr))
	if err != nil {
		return nil, "", fmt.Errorf("starting a registry: %w", err)
	}
	return s, addr, nil
}

func (o RegistryOptions) config(addr, dir string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n")
	fmt.Fprintf(&b, "storage:\n  filesystem: {rootdirectory: %q}\n  delete: {enabled: true}\n", dir)
	fmt.Fprintf(&b, "http:\n  addr: %s\n", addr)
	if o.Cert != "" {
		fmt.Fprintf(&b, "  tls: {certificate: %q, key: %q}\n", o.Cert, o.Key)
	}
	if o.Htpasswd != "" {
		fmt.Fprintf(&b, "auth: {htpasswd: {realm: test, path: %q}}\n", o.Htpasswd)
	}
	if len(o.ForeignURLs) > 0 {
		fmt.Fprintf(&b, "validation: {manifests: {urls: {allow: [")
		for i, u := range o.ForeignURLs {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "%q", u)
		}
		b.WriteString("]}}}\n")
	}
	return b.String()
}
