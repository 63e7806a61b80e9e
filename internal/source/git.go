package source

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/casement/casement/internal/solve"
	"github.com/casement/casement/internal/tree"
)

// GitOptions adjusts a [Git]. Dir must be set; the rest works as it is.
type GitOptions struct {
	// Dir keeps fetched repositories and checked-out trees between builds.
	// Everything in it can be removed while no build runs.
	Dir string
	// Program is the git program; the default is "git".
	Program string
	// Secret gives tokens.
	Secret SecretFunc
	// AllowFile permits file URLs.
	AllowFile bool
}

// Git is the source of git repositories. It needs the git program, 2.31 or
// newer, and only then: [MissingToolError] says so otherwise. It is safe for
// concurrent use, also by several processes.
type Git struct {
	o    GitOptions
	mu   sync.Mutex
	busy map[string]chan struct{}
}

// NewGit returns the source.
func NewGit(o GitOptions) *Git {
	if dir, err := filepath.Abs(o.Dir); err == nil {
		o.Dir = dir // git is run in other directories
	}
	return &Git{o: o, busy: map[string]chan struct{}{}}
}

// gitRequest is a git source as the graph describes it.
type gitRequest struct {
	remote        string
	ref           string
	checksum      string
	subdir        string
	keepGitDir    bool
	noSubmodules  bool
	fetchByCommit bool
	token, header string // names of secrets
	login         string // user:password of the URL
	commit        string // what ref is; "" before resolve
}

// Pin finds out which commit is meant: by asking the remote, unless the
// reference is a whole commit hash. Load then fetches that commit, as shallowly
// as the server allows, into a repository that is kept.
//
// The tree is what `git checkout` makes, with line ends as .gitattributes says
// and no filters (git-lfs leaves its pointers). Permissions are 0644, 0755 for
// programs and directories. Every time is that of the commit: BuildKit's
// default is the time of the checkout, which is different in each build.
// Submodules are in their places, without .git files. With git.keepgitdir there
// is a .git with that one commit.
//
// The secrets that git.authtokensecret and git.authheadersecret name, with
// ".<host>" at the end or without, are sent to the remote's host only. For ssh
// the user's own agent, configuration and known hosts are used.
func (g *Git) Pin(ctx context.Context, identifier string, attrs map[string]string) (solve.Pinned, error) {
	r, err := g.parse(identifier, attrs)
	if err != nil {
		return solve.Pinned{}, err
	}
	if r, err = g.resolve(ctx, r); err != nil {
		return solve.Pinned{}, err
	}
	return solve.Pinned{Key: r.key(), Load: func(ctx context.Context) (tree.Chain, error) {
		set, err := g.load(ctx, r)
		if err != nil {
			return tree.Chain{}, err
		}
		return oneLayer(set, redact(r.remote)), nil
	}}, nil
}

// parse reads an identifier, git://host/path#ref:subdir, and the attributes.
func (g *Git) parse(identifier string, attrs map[string]string) (gitRequest, error) {
	var r gitRequest
	rest, ok := strings.CutPrefix(identifier, "git://")
	if !ok {
		return r, fmt.Errorf("reading the git source %s: it does not begin with git://", redact(identifier))
	}
	at, fragment, _ := strings.Cut(rest, "#")
	var subdir string
	r.ref, subdir, _ = strings.Cut(fragment, ":")
	r.subdir = cleanSubdir(subdir)
	r.remote = at
	if _, _, _, scp := splitSCP(at); !scp && !strings.Contains(at, "://") {
		r.remote = "https://" + at
	}
	for name, v := range attrs {
		switch name {
		case "git.fullurl":
			r.remote = v
		case "git.keepgitdir":
			r.keepGitDir = v == "true"
		case "git.skipsubmodules":
			r.noSubmodules = v == "true"
		case "git.fetchbycommit":
			r.fetchByCommit = v == "true"
		case "git.checksum":
			r.checksum = v
		case "git.authtokensecret":
			r.token = v
		case "git.authheadersecret":
			r.header = v
		case "git.bundle", "git.checkoutbundle", "git.sig.pubkey", "git.sig.rejectexpired", "git.sig.requiresignedtag", "git.sig.ignoresignedtag":
			return r, fmt.Errorf("reading the git source %s: %s is not supported", redact(r.remote), name)
		}
	}
	if r.checksum != "" && strings.Trim(r.checksum, "0123456789abcdef") != "" {
		return r, fmt.Errorf("reading the git source %s: the checksum %q is no commit hash", redact(r.remote), r.checksum)
	}
	if strings.Contains(r.subdir, "\x00") {
		return r, fmt.Errorf("reading the git source %s: the subdirectory is no name", redact(r.remote))
	}
	if err := errors.Join(checkRemote(r.remote, g.o.AllowFile), checkRef(r.ref)); err != nil {
		return r, err
	}
	r.takeLogin()
	return r, nil
}

// takeLogin moves user and password out of the remote: arguments of a process
// can be seen by others.
func (r *gitRequest) takeLogin() {
	u, err := url.Parse(r.remote)
	if err != nil || u.User == nil || u.Scheme != "https" && u.Scheme != "http" {
		return
	}
	password, ok := u.User.Password()
	if !ok {
		return
	}
	r.login = u.User.Username() + ":" + password
	u.User = nil
	r.remote = u.String()
}

// key names the tree. A commit names all of its content, so the remote only
// matters where it is written down, in .git.
func (r gitRequest) key() string {
	parts := []any{r.commit, r.subdir, r.noSubmodules}
	if r.keepsGit() {
		parts = append(parts, redact(r.remote), r.ref)
	}
	b, _ := json.Marshal(parts) // plain values marshal
	sum := sha256.Sum256(b)
	return "git:" + hex.EncodeToString(sum[:])
}

// keepsGit reports whether there will be a .git. As in BuildKit, a
// subdirectory never has one.
func (r gitRequest) keepsGit() bool { return r.keepGitDir && r.subdir == "" }

// resolve finds the commit of the reference, and the reference's full name.
func (g *Git) resolve(ctx context.Context, r gitRequest) (gitRequest, error) {
	switch {
	case r.fetchByCommit && r.checksum != "":
		if !isCommit(r.checksum) {
			return r, fmt.Errorf("using the git repository %s: to fetch by commit, the checksum must be a whole commit hash", redact(r.remote))
		}
		r.commit, r.ref = r.checksum, ""
		return r, nil
	case isCommit(r.ref):
		if !strings.HasPrefix(r.ref, r.checksum) {
			return r, wrongCommit(r, r.ref)
		}
		r.commit, r.ref = r.ref, ""
		return r, nil
	}
	env, err := g.auth(ctx, r)
	if err != nil {
		return r, err
	}
	ref := r.ref
	args := []string{"ls-remote", "--symref", "--", r.remote, "HEAD"}
	if ref != "" {
		args = []string{"ls-remote", "--", r.remote, ref, ref + "^{}"}
	}
	out, err := g.network(ctx, gitRun{remote: r.remote, env: env, args: args})
	if err != nil {
		return r, err
	}
	found, commit, tag := chooseRef(string(out), ref)
	if commit == "" {
		what := "the reference " + ref
		if ref == "" {
			what = "a default branch"
		}
		hint := "check the name of the branch or tag"
		if len(ref) >= 4 && len(ref) < 40 && strings.Trim(ref, "0123456789abcdef") == "" {
			hint = "a commit has to be given with its whole hash"
		}
		return r, withHint(fmt.Errorf("using the git repository %s: it does not have %s", redact(r.remote), what), hint)
	}
	if !strings.HasPrefix(commit, r.checksum) && (tag == "" || !strings.HasPrefix(tag, r.checksum)) {
		return r, wrongCommit(r, commit)
	}
	r.ref, r.commit = found, commit
	return r, nil
}

func wrongCommit(r gitRequest, got string) error {
	return withHint(fmt.Errorf("using the git repository %s: the commit is %s and not %s", redact(r.remote), got, r.checksum),
		"if the new commit is the right one, change the checksum")
}

// chooseRef reads what ls-remote prints. Of several references that ref can
// mean, a branch comes before a tag. tag is the hash of an annotated tag
// itself, whose commit is commit.
func chooseRef(out, ref string) (name, commit, tag string) {
	refs := map[string]string{}
	for line := range strings.Lines(out) {
		hash, n, ok := strings.Cut(strings.TrimRight(line, "\r\n"), "\t")
		if target, isSym := strings.CutPrefix(hash, "ref: "); isSym && n == "HEAD" {
			refs["ref"] = target
		} else if ok && isCommit(hash) {
			refs[n] = hash
		}
	}
	if ref == "" {
		if name = refs["ref"]; name == "" || checkRef(name) != nil {
			name = "HEAD"
		}
		return name, refs["HEAD"], ""
	}
	for _, n := range []string{
		"refs/" + strings.TrimPrefix(ref, "refs/"), "refs/heads/" + strings.TrimPrefix(ref, "refs/heads/"), "refs/tags/" + strings.TrimPrefix(ref, "refs/tags/"),
	} {
		if hash := refs[n]; hash != "" {
			if peeled := refs[n+"^{}"]; peeled != "" {
				return n, peeled, hash
			}
			return n, hash, ""
		}
	}
	if ref == "HEAD" {
		return ref, refs[ref], ""
	}
	return "", "", ""
}

// auth returns the environment with the header for the remote's host.
func (g *Git) auth(ctx context.Context, r gitRequest) ([]string, error) {
	u, err := url.Parse(r.remote)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return nil, nil // ssh has its own ways
	}
	header := func(value string) []string {
		scope := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/"}).String()
		return configEnv([2]string{"http." + scope + ".extraheader", "Authorization: " + value})
	}
	if r.login != "" {
		return header("basic " + base64.StdEncoding.EncodeToString([]byte(r.login))), nil
	}
	if g.o.Secret == nil {
		return nil, nil
	}
	for _, s := range []struct {
		name  string
		token bool
	}{{r.header + "." + u.Host, false}, {r.token + "." + u.Host, true}, {r.header, false}, {r.token, true}} {
		if s.name == "" || s.name[0] == '.' {
			continue
		}
		v, err := g.o.Secret(ctx, s.name)
		if err != nil {
			return nil, fmt.Errorf("reading the secret %s: %w", s.name, err)
		}
		if v == nil {
			continue
		}
		value := strings.TrimSpace(string(v))
		if s.token {
			value = "basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:"+value))
		}
		return header(value), nil
	}
	return nil, nil
}

// lock takes the repository or tree called name, in this process and among
// others.
func (g *Git) lock(ctx context.Context, name string) (unlock func(), err error) {
	done, err := lockKey(ctx, &g.mu, g.busy, name)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(g.o.Dir, "locks")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		done()
		return nil, fmt.Errorf("locking a git repository: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		done()
		return nil, fmt.Errorf("locking a git repository: %w", err)
	}
	for {
		ok, err := tryLock(f)
		if ok {
			return func() { f.Close(); done() }, nil
		}
		if err == nil {
			select {
			case <-time.After(50 * time.Millisecond):
				continue
			case <-ctx.Done():
				err = context.Cause(ctx)
			}
		}
		f.Close()
		done()
		return nil, err
	}
}

// fileHash is a file name for anything.
func fileHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}
