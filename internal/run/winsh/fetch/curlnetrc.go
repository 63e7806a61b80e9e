package fetch

import (
	"context"
	"net/url"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// netrc is a file of names and passwords for hosts.
type netrc struct {
	entries []netrcEntry
	missing bool
}

// netrcEntry is what a file says of a host; "" is every host.
type netrcEntry struct {
	host            string
	login, password *string
}

// errNetrc is how curl ends when the file that has to be there is not.
var errNetrc = &curlFailure{code: 26, text: ".netrc error: no such file"}

// readNetrc reads the file that the options ask for: the one that is named, or
// that of the home directory. Nil is none.
func (c *curlRun) readNetrc(ctx context.Context) (*netrc, error) {
	o := c.o
	if !o.netrc && !o.netrcOptional && o.netrcFile == "" || o.user != nil {
		return nil, nil
	}
	names := []string{o.netrcFile}
	if o.netrcFile == "" {
		home, _ := c.p.Env.Get("HOME")
		if home == "" {
			home, _ = c.p.Env.Get("USERPROFILE")
		}
		names = []string{home + `\.netrc`, home + `\_netrc`}
	}
	for _, name := range names {
		b, err := c.localBytes(ctx, name)
		if windowsError(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		entries, ok := parseNetrc(string(b))
		if !ok {
			return nil, machine.Refuse("curl with "+name, "it is not a list of words", "close its quotes, and leave out control characters")
		}
		return &netrc{entries: entries}, nil
	}
	return &netrc{missing: true}, nil
}

// parseNetrc reads the entries of a file. ok is false for a quote that is not
// closed, and for characters that belong nowhere.
func parseNetrc(text string) (entries []netrcEntry, ok bool) {
	macro := false
	var keyword string
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		line = strings.TrimLeft(line, " \t")
		if macro {
			macro = line != ""
			continue
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		for line != "" {
			var token string
			if token, line, ok = netrcToken(line); !ok {
				return nil, false
			}
			line = strings.TrimLeft(line, " \t")
			last := len(entries) - 1
			switch word := strings.ToLower(token); {
			case keyword == "machine":
				entries = append(entries, netrcEntry{host: strings.ToLower(token)})
				keyword = ""
			case keyword == "login" && last >= 0:
				entries[last].login, keyword = &token, ""
			case keyword == "password" && last >= 0:
				entries[last].password, keyword = &token, ""
			case word == "default":
				entries = append(entries, netrcEntry{})
			case word == "macdef":
				macro, line = true, ""
			case word == "machine" || last >= 0 && (word == "login" || word == "password"):
				keyword = word
			}
		}
	}
	return entries, true
}

// netrcToken cuts off a word, which may be in quotes.
func netrcToken(line string) (token, rest string, ok bool) {
	if line[0] != '"' {
		end := strings.IndexFunc(line, func(r rune) bool { return r <= ' ' })
		if end < 0 {
			return line, "", true
		}
		return line[:end], line[end+1:], end > 0
	}
	var b strings.Builder
	for i := 1; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			return b.String(), line[i+1:], true
		case c == '\\' && i+1 < len(line):
			i++
			if at := strings.IndexByte("nrt", line[i]); at >= 0 {
				b.WriteByte("\n\r\t"[at])
			} else {
				b.WriteByte(line[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

// netrcUser completes the name and the password of a transfer.
func (t *curlTransfer) netrcUser(u *url.URL, own *url.Userinfo) (*url.Userinfo, error) {
	n, o := t.job.netrc, t.c.o
	if n == nil {
		return own, nil
	}
	if own != nil && o.netrcOptional {
		if _, has := own.Password(); has {
			return own, nil
		}
	}
	if n.missing && !o.netrcOptional {
		return nil, errNetrc
	}
	return n.user(u, own), nil
}

// user returns the name and password for a URL, which may have its own name; nil
// is none.
func (n *netrc) user(u *url.URL, own *url.Userinfo) *url.Userinfo {
	host := strings.ToLower(u.Hostname())
	for i, e := range n.entries {
		if e.host != "" && e.host != host || e.login == nil && e.password == nil {
			continue
		}
		if own != nil {
			if e.password != nil && (e.login == nil || *e.login == own.Username()) {
				return url.UserPassword(own.Username(), *e.password)
			}
			continue
		}
		name, password := "", ""
		if e.login != nil {
			name = *e.login
		}
		if e.password != nil {
			password = *e.password
		} else if i < len(n.entries)-1 {
			continue // a later one may have a password
		}
		return url.UserPassword(name, password)
	}
	return own
}
