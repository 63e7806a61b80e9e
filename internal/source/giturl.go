package source

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// A GitURL is a git repository, and what of it is wanted.
type GitURL struct {
	// Remote is what git itself takes: a URL without query and fragment, or
	// user@host:path.
	Remote string
	// Ref is a branch, tag, full reference or commit; "" is the default branch.
	Ref string
	// Subdir is the directory that is wanted, "" for the root.
	Subdir string
	// Checksum is the beginning of the commit's or tag's hash, or "".
	Checksum string
	// KeepGitDir and Submodules are nil if the URL does not say.
	KeepGitDir, Submodules *bool
	// MTime is "checkout", "commit" or "".
	MTime string
	// FetchByCommit takes Checksum for the commit without asking for Ref.
	FetchByCommit bool
}

// ParseGitURL reads a git URL as Docker writes them:
//
//	https://host/path.git#ref:subdir
//	https://host/path.git?branch=main&subdir=dir
//	git://host/path, ssh://user@host/path
//	user@host:path.git#ref
//	github.com/owner/repository
//
// ok says whether s is a git URL at all; err, what is wrong with one.
func ParseGitURL(s string) (u GitURL, ok bool, err error) {
	var query, fragment string
	scheme, _, hasScheme := strings.Cut(s, "://")
	switch {
	case strings.HasPrefix(s, "./"), strings.HasPrefix(s, "../"):
		return u, false, nil
	case strings.HasPrefix(s, "github.com/"):
		u.Remote, query, fragment, err = splitGitURL("https://" + s)
	case hasScheme && isAlphanumeric(scheme):
		switch strings.ToLower(scheme) {
		case "http", "https":
			parsed, err := url.Parse(s)
			if err != nil || !strings.HasSuffix(parsed.Path, ".git") {
				return u, false, nil // a file, or nothing
			}
		case "ssh", "git":
		default:
			return u, false, nil
		}
		u.Remote, query, fragment, err = splitGitURL(s)
	default:
		if u.Remote, query, fragment, ok = splitSCP(s); !ok {
			return GitURL{}, false, nil
		}
	}
	if err != nil {
		return GitURL{}, true, err
	}
	var subdir string
	u.Ref, subdir, _ = strings.Cut(fragment, ":")
	u.Subdir = cleanSubdir(subdir)
	if err := u.readQuery(query); err != nil {
		return GitURL{}, true, fmt.Errorf("reading the git URL %s: %w", redact(u.Remote), err)
	}
	if err := errors.Join(checkRemote(u.Remote, false), checkRef(u.Ref)); err != nil {
		return GitURL{}, true, err
	}
	return u, true, nil
}

func cleanSubdir(s string) string { return strings.TrimPrefix(path.Join("/", s), "/") }

func splitGitURL(s string) (remote, query, fragment string, err error) {
	u, err := url.Parse(s)
	if err != nil {
		return "", "", "", fmt.Errorf("reading the git URL %s: it is no URL", redact(s))
	}
	query, fragment = u.RawQuery, u.Fragment
	u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = "", false, "", ""
	return u.String(), query, fragment, nil
}

// splitSCP reads user@host:path?query#fragment.
func splitSCP(s string) (remote, query, fragment string, ok bool) {
	user, rest, ok := strings.Cut(s, "@")
	if !ok || user == "" || !only(user, "-_") {
		return "", "", "", false
	}
	host, p, ok := strings.Cut(rest, ":")
	if !ok || host == "" || !only(host, "-.") || strings.ContainsAny(s, "\n\x00") {
		return "", "", "", false
	}
	if i := strings.IndexAny(p, "?#"); i >= 0 {
		tail := p[i:]
		p = p[:i]
		if tail[0] == '?' {
			query, fragment, _ = strings.Cut(tail[1:], "#")
		} else {
			fragment = tail[1:]
		}
	}
	return user + "@" + host + ":" + p, query, fragment, true
}

func isAlphanumeric(s string) bool { return s != "" && only(s, "") }

// only reports whether s has nothing but ASCII letters, digits and extra.
func only(s, extra string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune(extra, r)
	})
}

// readQuery takes the parameters of a URL.
func (u *GitURL) readQuery(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("the query is damaged")
	}
	var tag, branch string
	set := func(to *string, v, what string) error {
		if *to != "" && *to != v {
			return fmt.Errorf("%s conflicts: %q and %q", what, *to, v)
		}
		*to = v
		return nil
	}
	for name, list := range values {
		v := list[0]
		isFlag := name == "submodules" || name == "keep-git-dir" || name == "fetch-by-commit"
		if len(list) > 1 {
			return fmt.Errorf("query %q has several values", name)
		}
		if v == "" && !isFlag {
			return fmt.Errorf("query %q has no value", name)
		}
		flag := true
		if isFlag && v != "" {
			if flag, err = strconv.ParseBool(v); err != nil {
				return fmt.Errorf("query %q has the value %q, which is neither true nor false", name, v)
			}
		}
		switch name {
		case "ref":
			err = set(&u.Ref, v, "ref")
		case "tag":
			tag = "refs/tags/" + strings.TrimPrefix(v, "refs/tags/")
		case "branch":
			branch = "refs/heads/" + strings.TrimPrefix(v, "refs/heads/")
		case "subdir":
			// "/sub" and "sub" are the same directory.
			err = set(&u.Subdir, cleanSubdir(v), "subdir")
		case "checksum", "commit":
			u.Checksum = v
		case "keep-git-dir":
			u.KeepGitDir = &flag
		case "submodules":
			u.Submodules = &flag
		case "fetch-by-commit":
			u.FetchByCommit = flag
		case "mtime":
			if v != "checkout" && v != "commit" {
				return fmt.Errorf("mtime is %q and must be checkout or commit", v)
			}
			u.MTime = v
		default:
			return fmt.Errorf("unknown query %q", name)
		}
		if err != nil {
			return err
		}
	}
	if tag != "" && branch != "" {
		return errors.New("it has both a branch and a tag")
	}
	if more := tag + branch; more != "" {
		return set(&u.Ref, more, "ref")
	}
	return nil
}

// checkRemote refuses what git could take for an option or would run a program
// for, and protocols that are not on the list.
func checkRemote(remote string, allowFile bool) error {
	bad := func(why string) error {
		return fmt.Errorf("using the git repository %s: %s", redact(remote), why)
	}
	if strings.HasPrefix(remote, "-") || strings.ContainsFunc(remote, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return bad("it is not the name of a repository")
	}
	scheme, _, ok := strings.Cut(remote, "://")
	if !ok {
		if r, _, _, ok := splitSCP(remote); ok && r == remote {
			if _, rest, _ := strings.Cut(remote, "@"); strings.HasPrefix(rest, "-") || strings.Contains(rest, ":-") {
				return bad("host and path must not begin with a dash")
			}
			return nil
		}
		return bad("it is no URL")
	}
	switch strings.ToLower(scheme) {
	case "https", "http", "ssh", "git":
		u, err := url.Parse(remote)
		if err != nil || u.Hostname() == "" || strings.HasPrefix(u.Hostname(), "-") || strings.HasPrefix(u.Path, "/-") ||
			u.User != nil && strings.HasPrefix(u.User.Username(), "-") {
			return bad("it is no URL of a repository")
		}
		return nil
	case "file":
		if allowFile {
			return nil
		}
	}
	return withHint(bad("the protocol "+scheme+" is not allowed"), "use https or ssh")
}

// checkRef refuses what is no name of a reference, or could be an option.
func checkRef(ref string) error {
	if strings.HasPrefix(ref, "-") || strings.Contains(ref, "..") || strings.ContainsAny(ref, " ~^:?*[\\") ||
		strings.ContainsFunc(ref, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("using the git reference %q: git allows no such name", ref)
	}
	return nil
}

// isCommit reports whether s is a whole hash.
func isCommit(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}
