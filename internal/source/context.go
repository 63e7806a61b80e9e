package source

import (
	"os"
	"strings"
)

// ContextKind says what the CONTEXT argument of a build is.
type ContextKind uint8

// The kinds of contexts.
const (
	ContextDir   ContextKind = 1 + iota // a local directory
	ContextGit                          // a git repository
	ContextHTTP                         // a file behind a URL: a tar, or a Dockerfile
	ContextStdin                        // standard input: a tar, or a Dockerfile
)

// String returns the kind in a few words.
func (k ContextKind) String() string {
	switch k {
	case ContextDir:
		return "directory"
	case ContextGit:
		return "git repository"
	case ContextHTTP:
		return "URL"
	case ContextStdin:
		return "standard input"
	}
	return "unknown"
}

// ParseContext says what arg means. A directory of that name comes first, as
// in docker buildx; what is nothing else is a directory that does not exist.
// The error is about a git URL that cannot be meant as it is.
func ParseContext(arg string) (ContextKind, error) {
	if arg == "-" {
		return ContextStdin, nil
	}
	if fi, err := os.Stat(arg); err == nil && fi.IsDir() {
		return ContextDir, nil
	}
	if _, ok, err := ParseGitURL(arg); ok {
		return ContextGit, err
	}
	if strings.HasPrefix(arg, "http://") || strings.HasPrefix(arg, "https://") {
		return ContextHTTP, nil
	}
	return ContextDir, nil
}
