package source

import (
	"mime"
	"net/url"
	"path"
	"strings"
	"unicode"
)

// fileName returns what a download is called: the name asked for, else the one
// that the server gives in Content-Disposition, else the last part of the
// URL's path, else "download".
func fileName(rawURL, asked, disposition string) string {
	if asked != "" {
		return safeName(asked)
	}
	if _, params, err := mime.ParseMediaType(disposition); err == nil {
		if n := params["filename"]; n != "" && !strings.HasSuffix(n, "/") {
			return safeName(n)
		}
	}
	if u, err := url.Parse(rawURL); err == nil {
		return safeName(u.Path)
	}
	return safeName("")
}

// safeName returns the last part of a path if it can be a file name on every
// system, and "download" otherwise. Servers choose names, so both kinds of
// slashes end a directory, and a colon cannot begin a stream or a drive.
func safeName(p string) string {
	name := path.Base(strings.ReplaceAll(strings.TrimSpace(p), `\`, "/"))
	if name == "." || name == ".." || name == "/" {
		return "download"
	}
	bad := func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar || r == ':' }
	if strings.ContainsFunc(name, bad) {
		return "download"
	}
	return name
}
