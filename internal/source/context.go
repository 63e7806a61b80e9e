package source

import (
	"archive/tar"
	"bufio"
	"bytes"
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

// archiveHead is how many bytes IsArchive looks at: one block of a tar.
const archiveHead = 512

// IsArchive reports whether r is at the beginning of a tar, plain or
// compressed, as opposed to a Dockerfile. It consumes nothing. r must buffer
// at least 512 bytes, as every [bufio.Reader] does that nobody made smaller.
func IsArchive(r *bufio.Reader) bool {
	head, _ := r.Peek(archiveHead) // a shorter text is no tar
	for _, magic := range []string{"\x1f\x8b\x08", "BZh", "\xfd7zXZ\x00", "\x28\xb5\x2f\xfd"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	if len(head) < archiveHead {
		return false
	}
	// The reader of the standard library knows all kinds of headers, and
	// checks their sums.
	_, err := tar.NewReader(bytes.NewReader(head)).Next()
	return err == nil || bytes.HasPrefix(head[257:], []byte("ustar"))
}
