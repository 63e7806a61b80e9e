package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// repository returns the bare repository of the remote, with the commit in it.
// The caller must hold the lock of the remote.
func (g *Git) repository(ctx context.Context, r gitRequest) (string, error) {
	repo := filepath.Join(g.o.Dir, "remotes", fileHash(r.remote)+".git")
	if err := g.initialise(ctx, r, repo); err != nil {
		return "", err
	}
	now := time.Now()
	_ = os.Chtimes(repo, now, now) // for Remove; its failure costs a fetch
	if g.has(ctx, r, repo) {
		return repo, nil
	}
	env, err := g.auth(ctx, r)
	if err != nil {
		return "", err
	}
	// A git that was killed leaves this behind, and nobody else holds it now.
	_ = os.Remove(filepath.Join(repo, "shallow.lock"))
	fetch := func(args ...string) error {
		_, err := g.network(ctx, gitRun{remote: r.remote, repo: repo, env: env, args: append([]string{"fetch", "--quiet", "--no-tags", "--force"}, args...)})
		return err
	}
	keep := ":refs/casement/" + r.commit
	attempts := [][]string{
		{"--depth=1", "--", r.remote, r.commit + keep},
		{"--", r.remote, "+refs/heads/*:refs/casement/heads/*", "+refs/tags/*:refs/casement/tags/*"},
	}
	if r.ref != "" {
		// The tip of a reference is what every server gives, and with luck it
		// still is the commit.
		attempts = append([][]string{{"--depth=1", "--", r.remote, "+" + r.ref + keep}}, attempts...)
		attempts[2] = append(attempts[2], "+"+r.ref+":refs/casement/tip")
	}
	for i, args := range attempts {
		if _, err := os.Lstat(filepath.Join(repo, "shallow")); err == nil && i == len(attempts)-1 {
			args = append([]string{"--unshallow"}, args...)
		}
		err := fetch(args...)
		if err == nil && g.has(ctx, r, repo) {
			return repo, nil
		}
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		var ge *gitError
		if errors.As(err, &ge) && !ge.has("shallow", "not our ref", "unadvertised object", "couldn't find remote ref", "not found in upstream", "--depth") ||
			err != nil && ge == nil {
			return "", err
		}
	}
	return "", withHint(fmt.Errorf("using the git repository %s: it does not have the commit %s", redact(r.remote), r.commit),
		"check the commit; a commit that no branch or tag leads to may be gone")
}

// initialise makes the bare repository if it is not there.
func (g *Git) initialise(ctx context.Context, r gitRequest, repo string) error {
	if _, err := os.Stat(filepath.Join(repo, "HEAD")); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("opening a git repository: %w", err)
	}
	if err := os.RemoveAll(repo); err != nil { // half of one, perhaps
		return fmt.Errorf("making a git repository: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(repo), 0o700); err != nil {
		return fmt.Errorf("making a git repository: %w", err)
	}
	temp, err := os.MkdirTemp(filepath.Dir(repo), "new")
	if err != nil {
		return fmt.Errorf("making a git repository: %w", err)
	}
	defer os.RemoveAll(temp)
	args := []string{"init", "--quiet", "--bare", "--template="}
	if len(r.commit) == 64 {
		args = append(args, "--object-format=sha256")
	}
	if _, err := g.run(ctx, gitRun{remote: r.remote, args: append(args, temp)}); err != nil {
		return err
	}
	if err := os.Rename(temp, repo); err != nil {
		return fmt.Errorf("making a git repository: %w", err)
	}
	return nil
}

// has reports whether the repository has the commit.
func (g *Git) has(ctx context.Context, r gitRequest, repo string) bool {
	_, err := g.run(ctx, gitRun{remote: r.remote, repo: repo, args: []string{"cat-file", "-e", r.commit + "^{commit}"}})
	return err == nil
}

// A gitFile is an entry of a commit.
type gitFile struct {
	Name string
	Mode string // as git has it: 100644, 100755, 120000 for a link, 160000 for a submodule
	hash string
}

// list returns the entries of the commit.
func (g *Git) list(ctx context.Context, r gitRequest, repo string) ([]gitFile, error) {
	out, err := g.run(ctx, gitRun{remote: r.remote, repo: repo, args: []string{"ls-tree", "-r", "-z", "--full-tree", r.commit}})
	if err != nil {
		return nil, err
	}
	var files []gitFile
	for line := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		meta, name, ok := strings.Cut(line, "\t")
		fields := strings.Fields(meta)
		if !ok || len(fields) != 3 {
			continue // the commit is empty
		}
		files = append(files, gitFile{Name: name, Mode: fields[0], hash: fields[2]})
	}
	return files, nil
}
