//go:build peers

// Package peers_test shows casement's images to programs that others have
// written: registries, validators, copiers, unpackers, containerd and BuildKit.
// What they all agree on is right for reasons that casement's own tests cannot
// know.
//
// Every check of check_test.go runs twice: on a control image that
// go-containerregistry makes (control_test.go), so that a failure there blames
// the peer or this package, and on what casement builds (casement_test.go and
// images_test.go). What BuildKit and casement build upon each other is in
// buildkit_test.go. Registry hives, which are inside of images, have readers and
// writers of their own in hive_test.go.
//
// Run it with test/peers/run. It installs what it needs (Debian packages as
// root, Go programs into the user's cache directory) and skips nothing: a peer
// that cannot be had fails the run and says what to install.
package peers_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/casement/casement/test/testbed"
)

// kit is what all tests share: programs by name and the running servers.
type kit struct {
	dir      string
	programs map[string]string
	secure   server // distribution 3, TLS and basic authentication
	old      server // Debian's docker-registry 2.8, plain http
	ctrd     string // socket of containerd
	buildkit string // address of buildkitd
	tls      tlsFiles
}

// server is a registry.
type server struct {
	name, addr string
	ca         string // file to trust; empty for plain http
	config     string // DOCKER_CONFIG with credentials; empty directory without
}

// peers is set once by TestMain, before any test.
var peers kit

func TestMain(m *testing.M) {
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		code = 1
	}
	os.Exit(code)
}

func runAll(m *testing.M) (int, error) {
	ctx := context.Background()
	cache, err := testbed.DefaultDir()
	if err != nil {
		return 1, err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return 1, err
	}
	if peers.dir, err = os.MkdirTemp("", "casement-peers-*"); err != nil {
		return 1, err
	}
	defer os.RemoveAll(peers.dir)
	if err := install(ctx, testbed.Bed{Dir: cache, Log: os.Stderr}); err != nil {
		return 1, err
	}
	if err := buildCasement(ctx); err != nil {
		return 1, err
	}
	stop, err := startServers(ctx)
	defer stop()
	if err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// install gets every peer.
func install(ctx context.Context, bed testbed.Bed) error {
	debian := map[string]string{
		"skopeo": "skopeo", "umoci": "umoci", "docker-registry": "docker-registry", "htpasswd": "apache2-utils", "runc": "runc",
		"hivexml": "libhivex-bin", "hivexregedit": "libwin-hivex-perl", "reglookup": "reglookup",
	}
	if err := bed.NeedPrograms(ctx, debian); err != nil {
		return err
	}
	peers.programs = map[string]string{}
	for name := range debian {
		file, err := testbed.LookProgram(name)
		if err != nil {
			return err
		}
		peers.programs[name] = file
	}
	for _, t := range []testbed.Tool{testbed.Crane(), testbed.Registry(), testbed.Regctl(), testbed.Containerd(), testbed.Ctr(),
		testbed.Buildctl(), testbed.Buildkitd()} {
		file, err := bed.Install(ctx, t)
		if err != nil {
			return err
		}
		peers.programs[t.Name] = file
	}
	return nil
}

// buildCasement builds the program that all this is about, as make build does it,
// so that nothing is compiled twice.
func buildCasement(ctx context.Context) error {
	file := filepath.Join(peers.dir, "casement")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", file, "github.com/casement/casement/cmd/casement")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building casement: %w\n%s", err, out)
	}
	peers.programs["casement"] = file
	return nil
}

// startServers starts both registries, containerd and buildkitd. The function that it
// returns stops what was started, also after an error.
func startServers(ctx context.Context) (func(), error) {
	var running []*testbed.Server
	stop := func() {
		for _, s := range running {
			s.Stop()
		}
	}
	var err error
	peers.tls, err = makeTLS(filepath.Join(peers.dir, "tls"))
	if err != nil {
		return stop, err
	}
	htpasswd := filepath.Join(peers.dir, "htpasswd")
	out, err := exec.CommandContext(ctx, peers.programs["htpasswd"], "-Bbn", "user", "secret").Output()
	if err != nil {
		return stop, fmt.Errorf("running htpasswd: %w", err)
	}
	if err := os.WriteFile(htpasswd, out, 0o644); err != nil {
		return stop, err
	}
	s, addr, err := testbed.StartRegistry(ctx, peers.programs["registry"], filepath.Join(peers.dir, "distribution"),
		testbed.RegistryOptions{Cert: peers.tls.cert, Key: peers.tls.key, Htpasswd: htpasswd,
			ForeignURLs: []string{"^https://localhost:"}})
	if err != nil {
		return stop, err
	}
	running = append(running, s)
	peers.secure = server{name: "distribution", addr: addr, ca: peers.tls.ca, config: filepath.Join(peers.dir, "docker-config")}
	if err := writeCredentials(peers.secure, "user", "secret"); err != nil {
		return stop, err
	}
	s, addr, err = testbed.StartRegistry(ctx, peers.programs["docker-registry"], filepath.Join(peers.dir, "docker-registry"), testbed.RegistryOptions{})
	if err != nil {
		return stop, err
	}
	running = append(running, s)
	peers.old = server{name: "docker-registry", addr: addr, config: filepath.Join(peers.dir, "no-credentials")}
	for _, start := range []func(context.Context) (*testbed.Server, error){startContainerd, startBuildkit} {
		if s, err = start(ctx); err != nil {
			return stop, err
		}
		running = append(running, s)
	}
	return stop, nil
}

// writeCredentials writes a Docker config file for one registry.
func writeCredentials(s server, user, password string) error {
	if err := os.MkdirAll(s.config, 0o755); err != nil {
		return err
	}
	auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	return os.WriteFile(filepath.Join(s.config, "config.json"),
		fmt.Appendf(nil, `{"auths": {%q: {"auth": %q}}}`, s.addr, auth), 0o600)
}

func startContainerd(ctx context.Context) (*testbed.Server, error) {
	dir := filepath.Join(peers.dir, "containerd")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	peers.ctrd = filepath.Join(dir, "sock")
	config := filepath.Join(dir, "config.toml")
	text := fmt.Sprintf("version = 3\nroot = %q\nstate = %q\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\", \"io.containerd.cri.v1.images\", \"io.containerd.cri.v1.runtime\"]\n[grpc]\naddress = %q\n[ttrpc]\naddress = %q\n",
		filepath.Join(dir, "root"), filepath.Join(dir, "state"), peers.ctrd, peers.ctrd+".ttrpc")
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, peers.programs["containerd"], "-c", config)
	cmd.Dir = dir
	return testbed.StartServer(ctx, cmd, func(ctx context.Context) error {
		out, err := exec.CommandContext(ctx, peers.programs["ctr"], "-a", peers.ctrd, "version").CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// startBuildkit starts buildkitd, which knows both registries.
func startBuildkit(ctx context.Context) (*testbed.Server, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("buildkitd needs root: run the tests as root")
	}
	dir := filepath.Join(peers.dir, "buildkit")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	peers.buildkit = "unix://" + filepath.Join(dir, "sock")
	config := filepath.Join(dir, "buildkitd.toml")
	text := fmt.Sprintf("root = %q\n[grpc]\naddress = [%q]\n[worker.oci]\nenabled = true\nsnapshotter = \"overlayfs\"\nnetworkMode = \"host\"\ngc = false\n"+
		"[worker.containerd]\nenabled = false\n[registry.%q]\nhttp = true\n[registry.%q]\nhttp = false\nca = [%q]\n",
		filepath.Join(dir, "state"), peers.buildkit, peers.old.addr, peers.secure.addr, peers.secure.ca)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, peers.programs["buildkitd"], "--config", config)
	// Debian's runc is where a user's PATH may not lead.
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	return testbed.StartServer(ctx, cmd, func(ctx context.Context) error {
		return exec.CommandContext(ctx, peers.programs["buildctl"], "--addr", peers.buildkit, "debug", "workers").Run()
	})
}

// environ is the environment for a program that talks to the registry: its
// authority and credentials and nothing of this user's.
func (s server) environ() []string {
	var env []string
	for _, kv := range os.Environ() {
		switch key, _, _ := strings.Cut(kv, "="); key {
		case "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "SOURCE_DATE_EPOCH", "CASEMENT_CACHE", "REGCTL_CONFIG":
		default:
			env = append(env, kv)
		}
	}
	env = append(env, "DOCKER_CONFIG="+s.config, "REGISTRY_AUTH_FILE="+filepath.Join(s.config, "config.json"),
		"REGCTL_CONFIG="+filepath.Join(peers.dir, "regctl.json"))
	if s.ca != "" {
		env = append(env, "SSL_CERT_FILE="+s.ca)
	}
	return env
}

// do runs a peer and returns what it printed to stdout; a failure ends the test.
func do(t *testing.T, s server, program string, args ...string) string {
	t.Helper()
	out, errs, err := try(t, s.environ(), program, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", filepath.Base(program), strings.Join(args, " "), err, out, errs)
	}
	return strings.TrimSpace(out)
}

func try(t *testing.T, env []string, program string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	if file, ok := peers.programs[program]; ok {
		program = file
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = env
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}
