package main

import (
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets scripts run this binary as casement, in a process of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"casement": main, "impatient": impatient})
}

// noRaceSleep makes programs with the race detector end when they end: as it
// is, each sleeps a second first, and scripts run hundreds.
const noRaceSleep = "atexit_sleep_ms=0"

// TestScript runs testdata/script/*.txtar: the real program against real
// registries in this process. Besides the commands of testscript there are:
//
//	registry [as=VAR] [auth] [tls] [strict] [fail=N]
//	    starts a registry and sets $REG, or $VAR, to its address. auth wants
//	    user "user" and password "secret"; tls uses the certificate authority
//	    in $WORK/ca.pem; strict keeps blobs of repositories apart and checks
//	    manifests; fail=N answers the first N requests with 503.
//	login [VAR]
//	    puts the credentials for the registry into Docker's config file.
//	fault [VAR] KIND N [SUBSTRING]
//	    spoils the next N requests whose "METHOD /path" has the substring: KIND
//	    is a status code, cut (the answer ends half-way), flip (one byte of
//	    the answer is wrong), drop (the connection ends half-way in the
//	    request), hang (there is no answer) or retry-after (429, and to be
//	    asked again after a second). slow takes a second. none ends
//	    all faults. waitslow [VAR] waits for a slow request.
//	base NAME VERSION[,VERSION...] [VAR] [foreign] [oci] [layers]
//	    pushes a small base image to $REG/NAME. Each VERSION is an os.version,
//	    "windows" for none, or linux/ARCH; several make an index. The layers of
//	    Windows are in the layout of real ones. foreign keeps the layers out of
//	    the registry; oci uses OCI's media types and not Docker's; layers puts
//	    two more layers on it, which replace, add, link and remove files.
//	[!] basebytes N|<N
//	    fails unless N bytes of base layers, or some but less than N, have been
//	    downloaded since the last basebytes (all registries together).
//	requests [VAR]
//	    prints the requests that the registry has got, and forgets them.
//	artifact NAME TYPE
//	    pushes something that is no image to $REG/NAME.
//	layertar REF N [PLATFORM]
//	    prints the entries of layer N of an image: type, name, size, link
//	    target and PAX records, security descriptors as SDDL. N counts from 1,
//	    or from the top if negative. REF is a reference or oci:DIR or oci:TAR;
//	    PLATFORM is a part of "os/arch os.version" if there are several.
//	layerfile REF N NAME [PLATFORM]
//	    prints the content of a file of a layer.
//	config REF [PLATFORM], manifest REF [PLATFORM], index REF
//	    print the JSON, indented and with sorted keys.
//	[!] cmpdigest A B
//	    fails unless two references have the same digest.
//	exit N COMMAND ARG...
//	    runs a program and fails unless it exits with N.
//	httpd DIR, githttpd DIR
//	    starts a web server of files, or of the git repositories in DIR, and
//	    sets $HTTP to its URL.
//	httplog
//	    prints the requests that web servers have got, and forgets them.
//	touch TIME PATH...
//	    sets modification times (RFC 3339).
//	archive FILE DIR
//	    packs DIR; FILE ends in .tar, .tar.gz or .zip.
//	unbase64 FILE TO
//	    decodes a file of the script.
//	tarlist FILE, tree DIR
//	    print what is in a tar or a directory.
//	mktar FILE ENTRIES
//	    makes a tar, compressed if FILE ends in gz, of entries that may be as
//	    wrong as they like. A line of ENTRIES is "KIND NAME [CONTENT]
//	    [KEY=VALUE]...": KIND is file, noise (CONTENT is a number of bytes),
//	    dir, symlink, link, char, block or fifo; words may be Go strings, and
//	    the rest are PAX records, where *N is a value of N bytes. bomb NAME and
//	    huge NAME are headers that announce records or content of 8 GB.
//	baseof NAME VERSION FILE [VAR]
//	    pushes a base image to $REG/NAME with FILE as its only layer.
//	noise FILE SIZE, shorten FILE SIZE, badname DIR NAME, socket FILE
//	    make a file that does not compress, cut one off, make one whose name
//	    has the escapes of Go strings, and make a socket.
//	smalldisk DIR SIZE
//	    mounts a file system of that size; ask [tmpfs] first.
//	transferred sent|received MIN MAX [VAR]
//	    fails unless so many bytes of blobs have left or reached the registry
//	    since the last time.
//	interrupt [VAR] COMMAND ARG...
//	    runs a program until one of its requests hangs, interrupts it, and
//	    fails unless it ends within a second with exit status 130.
//	plainerror
//	    fails unless the last program has printed one error, at most one hint,
//	    and nothing in it that only programmers understand.
//
// "impatient" is casement with short waits between the attempts of a request.
//
// $WORK has the cache (cache), the home directory (home) and the configuration
// of Docker (docker), so a script starts with nothing.
func TestScript(t *testing.T) {
	params := testscript.Params{
		Dir:           filepath.Join("testdata", "script"),
		UpdateScripts: *update,
		Setup:         setupScript,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"registry": cmdRegistry, "login": cmdLogin, "fault": cmdFault, "requests": cmdRequests,
			"base": cmdBase, "basebytes": cmdBaseBytes, "artifact": cmdArtifact,
			"layertar": cmdLayerTar, "layerfile": cmdLayerFile, "config": cmdConfig,
			"manifest": cmdManifest, "index": cmdIndex, "cmpdigest": cmdCmpDigest,
			"exit": cmdExit,
		},
		Condition: scriptCondition,
	}
	maps.Copy(params.Cmds, buildCommands())
	maps.Copy(params.Cmds, faultCommands())
	testscript.Run(t, params)
}

// bedKey is where a script's registries are.
type bedKey struct{}

// bed is the surroundings of one script.
type bed struct {
	registries map[string]*testRegistry // by address
	servers    []*httptest.Server
	http       *httpLog
}

func setupScript(env *testscript.Env) error {
	b := &bed{registries: map[string]*testRegistry{}}
	env.Values[bedKey{}] = b
	env.Defer(func() {
		for _, r := range b.registries {
			close(r.closing)
			r.server.Close()
		}
		for _, s := range b.servers {
			s.Close()
		}
	})
	for name, dir := range map[string]string{"CASEMENT_CACHE": "cache", "HOME": "home", "DOCKER_CONFIG": "docker", "USERPROFILE": "home"} {
		dir = filepath.Join(env.WorkDir, dir)
		env.Setenv(name, dir)
		if name != "CASEMENT_CACHE" {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
		}
	}
	// Nothing of the machine's settings reaches a script.
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "SSL_CERT_FILE", "SOURCE_DATE_EPOCH", "NO_COLOR"} {
		env.Setenv(name, "")
	}
	env.Setenv("GORACE", noRaceSleep)
	return nil
}

// registryOf returns the registry whose address is in the variable that one of
// args names, else that of $REG, and the other arguments.
func registryOf(ts *testscript.TestScript, args []string) (*testRegistry, []string) {
	b := ts.Value(bedKey{}).(*bed)
	name, rest := "REG", args[:0:0]
	for _, a := range args {
		if _, ok := b.registries[ts.Getenv(a)]; ok && ts.Getenv(a) != "" {
			name = a
			continue
		}
		rest = append(rest, a)
	}
	r := b.registries[ts.Getenv(name)]
	if r == nil {
		ts.Fatalf("there is no registry in $%s", name)
	}
	return r, rest
}

// positive refuses the negation of commands for which it means nothing.
func positive(ts *testscript.TestScript, neg bool, ok bool, usage string) {
	if neg || !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

func cmdExit(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, len(args) > 1, "exit N COMMAND ARG...")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var ee *exec.ExitError
		if !errors.As(err, &ee) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = ee.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, and not %d", got, want)
	}
}

func cmdCmpDigest(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: cmpdigest A B")
	}
	a, b := open(ts, args[0]), open(ts, args[1])
	if same := a.digest == b.digest; same == neg {
		ts.Fatalf("%s is %s\n%s is %s", args[0], a.digest, args[1], b.digest)
	}
}

func cmdConfig(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, len(args) == 1 || len(args) == 2, "config REF [PLATFORM]")
	img := open(ts, args[0]).choose(ts, args[1:])
	printCanonical(ts, img.config(ts))
}

func cmdManifest(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, len(args) == 1 || len(args) == 2, "manifest REF [PLATFORM]")
	printCanonical(ts, open(ts, args[0]).choose(ts, args[1:]).raw)
}

func cmdIndex(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, len(args) == 1, "index REF")
	printCanonical(ts, open(ts, args[0]).raw)
}

func cmdLayerTar(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, len(args) == 2 || len(args) == 3, "layertar REF N [PLATFORM]")
	printTar(ts, open(ts, args[0]).choose(ts, args[2:]).layer(ts, args[1]))
}

func cmdLayerFile(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, len(args) == 3 || len(args) == 4, "layerfile REF N NAME [PLATFORM]")
	printTarFile(ts, open(ts, args[0]).choose(ts, args[3:]).layer(ts, args[1]), args[2])
}

// TestScriptsAreRun fails if a script has a name that TestScript does not find.
func TestScriptsAreRun(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join("testdata", "script"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".txtar") {
			t.Errorf("%s is no .txtar", e.Name())
		}
	}
	fmt.Fprintln(t.Output(), len(entries), "scripts")
}
