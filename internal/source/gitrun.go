package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// A MissingToolError says that a program is needed that is not installed.
type MissingToolError struct {
	tool string
	why  string
}

// Error names the program.
func (e *MissingToolError) Error() string {
	return e.why + " needs the program " + e.tool + ", which is not installed"
}

// Hint says what the user can do about it.
func (e *MissingToolError) Hint() string {
	return "install " + e.tool + " and make sure that it is in PATH"
}

// MissingTool returns the name of the program.
func (e *MissingToolError) MissingTool() string { return e.tool }

// A gitError is what git said when it failed.
type gitError struct {
	remote string // as it may be shown
	text   string // the last lines of its messages
}

// Error names the repository and what is wrong.
func (e *gitError) Error() string { return "using the git repository " + e.remote + ": " + e.text }

// Hint says what the user can do about it.
func (e *gitError) Hint() string {
	switch {
	case e.has("could not read Username", "Authentication failed", "terminal prompts disabled", "HTTP 401", "HTTP 403", "error: 401", "error: 403"):
		return "check the URL; for a private repository put a token into the environment variable GIT_AUTH_TOKEN, or for what a Dockerfile adds GIT_AUTH_TOKEN_<HOST> (GIT_AUTH_TOKEN_GIT_EXAMPLE)"
	case e.has("Permission denied (publickey", "Host key verification failed", "Load key"):
		return "check that `ssh` can reach the host: the agent (SSH_AUTH_SOCK), your key, and known_hosts"
	case e.has("not found", "does not exist", "does not appear to be a git repository"):
		return "check the URL"
	case e.has("Could not resolve host", "Connection refused", "timed out", "unable to access"):
		return "check the network and the proxy (HTTPS_PROXY)"
	}
	return ""
}

func (e *gitError) has(texts ...string) bool {
	for _, t := range texts {
		if strings.Contains(e.text, t) {
			return true
		}
	}
	return false
}

// transient reports whether another attempt may do better.
func (e *gitError) transient() bool {
	return e.has("early EOF", "RPC failed", "Connection reset", "timed out", "unexpected disconnect", "remote end hung up",
		"error: 429", "error: 500", "error: 502", "error: 503", "error: 504", "Recv failure")
}

// A gitRun is one call of git.
type gitRun struct {
	remote string   // for messages
	repo   string   // the bare repository, or ""
	env    []string // more environment
	file   bool     // allows the file protocol
	stdin  io.Reader
	args   []string
}

// run calls git and returns what it printed.
func (g *Git) run(ctx context.Context, r gitRun) ([]byte, error) {
	program, err := exec.LookPath(g.program())
	if err != nil {
		return nil, &MissingToolError{tool: "git", why: "the git source " + redact(r.remote)}
	}
	// What the user's configuration could change, and what would run a program
	// of somebody else's choice.
	args := []string{
		"-c", "core.hooksPath=" + os.DevNull, "-c", "core.fsmonitor=false", "-c", "core.autocrlf=false", "-c", "core.eol=lf",
		"-c", "core.symlinks=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "fetch.recurseSubmodules=false",
		"-c", "init.defaultBranch=main", "-c", "advice.detachedHead=false", "-c", "transfer.fsckObjects=false",
	}
	if r.repo != "" {
		args = append(args, "--git-dir="+r.repo)
	}
	cmd := exec.CommandContext(ctx, program, append(args, r.args...)...)
	cmd.Env = append(g.environment(r.file || g.o.AllowFile), r.env...)
	cmd.Stdin = r.stdin
	var out bytes.Buffer
	errs := &tail{max: 8 << 10}
	cmd.Stdout, cmd.Stderr = &out, errs
	withChildren(cmd) // so that cancelling ends git's helpers too
	cmd.WaitDelay = 2 * time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			return nil, fmt.Errorf("running git: %w", err)
		}
		return nil, &gitError{remote: redact(r.remote), text: explainGit(string(errs.b), r.remote, err)}
	}
	return out.Bytes(), nil
}

// explainGit picks the line that says what is wrong out of git's messages.
func explainGit(messages, remote string, err error) string {
	var fatal, other, last string
	for line := range strings.Lines(strings.ReplaceAll(messages, remote, redact(remote))) {
		line = strings.TrimSpace(line)
		switch text, isFatal := strings.CutPrefix(line, "fatal: "); {
		case line == "":
			continue
		case strings.Contains(line, "Permission denied"), strings.Contains(line, "Host key verification"):
			return line // of ssh; what git says then helps nobody
		case isFatal && fatal == "":
			fatal = text
		case other == "" && (strings.HasPrefix(line, "error: ") || strings.HasPrefix(line, "remote: ")):
			other = line
		}
		last = line
	}
	for _, text := range []string{fatal, other, last} {
		if text != "" {
			return text
		}
	}
	return "git failed: " + err.Error()
}

// tail keeps the last bytes that are written to it.
type tail struct {
	b   []byte
	max int
}

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if over := len(t.b) - t.max; over > 0 {
		t.b = append(t.b[:0], t.b[over:]...)
	}
	return len(p), nil
}

func (g *Git) program() string {
	if g.o.Program != "" {
		return g.o.Program
	}
	return "git"
}

// environment is what git gets to see: no configuration of user or system, no
// prompt, and the protocols that are allowed. ssh keeps its agent and the
// user's own configuration, and learns unknown hosts, but accepts no changed key.
func (g *Git) environment(file bool) []string {
	protocols := "https:http:ssh:git"
	if file {
		protocols += ":file"
	}
	env := []string{
		"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_ATTR_NOSYSTEM=1", "GIT_ALLOW_PROTOCOL=" + protocols, "GIT_LFS_SKIP_SMUDGE=1", "GIT_OPTIONAL_LOCKS=0",
		"GIT_NO_REPLACE_OBJECTS=1", "LC_ALL=C",
	}
	if runtime.GOOS != "windows" {
		env = append(env, "HOME="+os.DevNull, "XDG_CONFIG_HOME="+os.DevNull)
	}
	if _, ok := os.LookupEnv("GIT_SSH_COMMAND"); !ok {
		env = append(env, "GIT_SSH_COMMAND=ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new")
	}
	for _, name := range []string{
		"PATH", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
		"GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSH_AUTH_SOCK", "GIT_SSH_COMMAND", "TMPDIR", "TEMP", "TMP",
		"SystemRoot", "SYSTEMROOT", "USERPROFILE", "USERNAME", "ProgramData", "ProgramFiles", "COMSPEC", "PATHEXT", "LOCALAPPDATA", "APPDATA",
	} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// configEnv hands configuration to git in the environment, where other users
// of the computer do not see it as they see arguments.
func configEnv(pairs ...[2]string) []string {
	if len(pairs) == 0 {
		return nil
	}
	env := []string{"GIT_CONFIG_COUNT=" + strconv.Itoa(len(pairs))}
	for i, p := range pairs {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, p[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, p[1]))
	}
	return env
}

// network is run for calls that talk to the remote. They are made again when
// the connection broke.
func (g *Git) network(ctx context.Context, r gitRun) ([]byte, error) {
	pause := 500 * time.Millisecond
	for attempt := 1; ; attempt++ {
		out, err := g.run(ctx, r)
		var ge *gitError
		if err == nil || attempt == 4 || !errors.As(err, &ge) || !ge.transient() {
			return out, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		pause *= 3
	}
}
