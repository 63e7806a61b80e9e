// Package source turns what a build starts from into trees: a local directory,
// a file behind an http or https URL, a git repository.
//
// Start with [OpenLocal], [NewHTTP] and [NewGit]. Each of the three has a
// method Pin, which takes the attributes that a source vertex of the graph
// carries and answers with a [solve.Pinned]: a key that names the content, and
// a function that fetches it. [ParseContext] says which of them the CONTEXT
// argument of a build command means.
//
// What is read is distrusted. Links never lead out of a context, a file that
// changes while it is read is an error and not a mixture, downloads are
// verified, git runs without hooks, without the user's configuration and with
// a short list of protocols, and neither passwords nor queries of URLs get
// into messages.
//
// The package refuses to look at names and kinds with the eyes of Windows:
// that two names differ only in case, or that a fifo cannot be in a Windows
// layer, is for package layer to find.
package source

import (
	"net/url"
	"strings"

	"github.com/casement/casement/internal/tree"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// hinted is an error with advice for the user.
type hinted struct {
	err  error
	hint string
}

func withHint(err error, hint string) error { return &hinted{err, hint} }

// Error says what is wrong.
func (h *hinted) Error() string { return h.err.Error() }

// Unwrap returns the error without the advice.
func (h *hinted) Unwrap() error { return h.err }

// Hint says what the user can do about it.
func (h *hinted) Hint() string { return h.hint }

// oneLayer is the chain of a source: a single layer that has no platform.
func oneLayer(set *tree.Set, label string) tree.Chain {
	return tree.NewChain(ocispec.Platform{}, &tree.Layer{Changes: set, Label: label})
}

// withParents returns the entries with the directories above them that are
// missing, made by dir.
func withParents(entries []*tree.Entry, dir func(name string) *tree.Entry) *tree.Set {
	have := make(map[string]bool, len(entries))
	changes := make([]tree.Change, 0, len(entries))
	for _, e := range entries {
		have[e.Name] = true
		changes = append(changes, tree.Change{Entry: e})
	}
	for _, e := range entries {
		for p := tree.Parent(e.Name); p != "" && !have[p]; p = tree.Parent(p) {
			have[p] = true
			changes = append(changes, tree.Change{Entry: dir(p)})
		}
	}
	return tree.NewSet(changes)
}

// redact returns a URL as it may be shown: without user, password and query.
func redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		raw, _, _ = strings.Cut(raw, "?")
		if i := strings.LastIndexByte(raw, '@'); i >= 0 {
			raw = raw[i+1:]
		}
		return raw
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
	return u.String()
}
