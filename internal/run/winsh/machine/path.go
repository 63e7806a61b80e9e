package machine

import (
	"strings"
	"unicode/utf16"
)

// Full makes a full path of what a program was given, as GetFullPathName does:
// relative to dir, drive-relative ("C:x", "\x"), with . and .., doubled
// slashes, trailing dots and blanks removed, "\\?\C:\x" taken literally. A
// backslash at the end stays. Other drives than C:, shares and devices ("NUL",
// "CON", "COM1") are returned as Windows would spell them ("D:\x",
// "\\srv\share\x", "\\.\NUL"); using them gives an error then ([Device] says
// whether it is a device). Names are not checked: what uses the path does that.
func Full(dir, path string) (string, error) {
	if path == "" || strings.ContainsRune(path, 0) {
		return "", &Error{Op: "resolve", Path: path, Code: ErrorInvalidName}
	}
	if strings.HasPrefix(path, `\\?\`) {
		return path, nil
	}
	if device := dosDevice(path); device != "" {
		return `\\.\` + device, nil
	}
	p := strings.ReplaceAll(path, "/", `\`)
	switch {
	case strings.HasPrefix(p, `\\.\`) || p == `\\.`:
		return `\\.\` + collapse(strings.TrimPrefix(p[3:], `\`)), nil
	case strings.HasPrefix(p, `\\?\`): // with slashes it is normalized
		return `\\?\` + collapse(p[4:]), nil
	case strings.HasPrefix(p, `\\`):
		server, rest, _ := strings.Cut(strings.TrimLeft(p, `\`), `\`)
		share, rest, _ := strings.Cut(strings.TrimLeft(rest, `\`), `\`)
		root := `\\` + server + `\` + share
		if rest = collapse(rest); rest != "" {
			root += `\` + rest
		}
		return root, nil
	}
	drive, p, ok := cutDrive(p)
	if !ok {
		drive = driveOf(dir)
	}
	if !strings.HasPrefix(p, `\`) && strings.EqualFold(drive, driveOf(dir)) {
		// Other drives have no current directory.
		if full := tail(dir); p == "" {
			p = full
		} else {
			p = full + `\` + p
		}
	}
	return drive + `\` + collapse(p), nil
}

// cutDrive cuts "C:" off.
func cutDrive(p string) (drive, rest string, ok bool) {
	if len(p) >= 2 && p[1] == ':' && isLetter(p[0]) {
		return p[:2], p[2:], true
	}
	return "", p, false
}

// driveOf returns the drive of a full path, or what stands for it: the share.
func driveOf(full string) string {
	if drive, _, ok := cutDrive(strings.TrimPrefix(full, `\\?\`)); ok {
		return drive
	}
	if strings.HasPrefix(full, `\\`) {
		parts := strings.SplitN(full[2:], `\`, 3)
		return `\\` + strings.Join(parts[:min(2, len(parts))], `\`)
	}
	return "C:"
}

// tail is what follows the drive or share of a full path.
func tail(full string) string {
	full = strings.TrimPrefix(full, `\\?\`)
	return strings.TrimPrefix(full, driveOf(full))
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// collapse resolves . and .., removes doubled backslashes, and the dots and
// blanks that Windows ignores. It stays at the root. The result has no leading
// backslash.
func collapse(p string) string {
	if plainPath(p) {
		return strings.TrimPrefix(p, `\`)
	}
	parts := strings.Split(p, `\`)
	out := parts[:0]
	for i, part := range parts {
		switch last := i == len(parts)-1; {
		case part == "" || part == ".":
		case part == "..":
			out = out[:max(0, len(out)-1)]
		case !last && strings.HasSuffix(part, ".") && !strings.HasSuffix(part, ".."):
			if part = part[:len(part)-1]; part != "" {
				out = append(out, part)
			}
		default:
			out = append(out, part)
		}
	}
	full := strings.Join(out, `\`)
	if strings.HasSuffix(p, `\`) && full != "" {
		return full + `\`
	}
	// A name of nothing but dots and blanks leaves the backslash in front of it.
	return strings.TrimRight(full, ". ")
}

// plainPath reports whether collapse has nothing to do: nearly always.
func plainPath(p string) bool {
	for i := 0; i < len(p); i++ {
		last := i == len(p)-1
		switch p[i] {
		case '\\':
			if i > 0 && p[i-1] == '\\' || !last && p[i+1] == '.' {
				return false
			}
		case '.':
			if last || i == 0 || p[i+1] == '\\' || p[i+1] == '.' {
				return false
			}
		case ' ':
			if last {
				return false
			}
		}
	}
	return true
}

// Device returns the name of the device that a full path denotes ("NUL"), or "".
func Device(full string) string {
	rest, ok := strings.CutPrefix(full, `\\.\`)
	if !ok {
		return ""
	}
	return dosDevice(rest)
}

// dosDevice returns the device that the last component of a path names, with or
// without an extension, in capitals; "" if none.
func dosDevice(path string) string {
	last := path[strings.LastIndexAny(path, `\/`)+1:]
	if len(last) < 3 {
		return ""
	}
	if len(last) > 2 && last[1] == ':' && isLetter(last[0]) {
		last = last[2:]
	}
	if whole := strings.ToUpper(strings.TrimRight(last, " ")); whole == "CONIN$" || whole == "CONOUT$" {
		return whole
	}
	switch last[0] | 0x20 {
	case 'c', 'n', 'p', 'a', 'l':
	default:
		return ""
	}
	stem := last
	if i := strings.IndexAny(stem, ".:"); i >= 0 {
		stem = stem[:i]
	}
	stem = strings.ToUpper(strings.TrimRight(stem, " "))
	switch stem {
	case "CON", "PRN", "AUX", "NUL":
		return stem
	}
	for _, port := range [...]string{"COM", "LPT"} {
		switch digit, ok := strings.CutPrefix(stem, port); {
		case !ok:
		case len(digit) == 1 && '1' <= digit[0] && digit[0] <= '9', digit == "¹", digit == "²", digit == "³":
			return stem
		}
	}
	return ""
}

// HasWildcard reports whether a path has * or ?.
func HasWildcard(path string) bool {
	return strings.ContainsAny(strings.TrimPrefix(path, `\\?\`), "*?")
}

// spot is where a path leads on C:, before anybody has looked.
type spot struct {
	path   string   // as it was given, for errors
	parts  []string // below C:\
	slash  bool     // it ended in a backslash: only a directory will do
	device string   // "NUL"; then nothing else counts
	stream string   // the name of an alternate data stream, if not ""
}

// last returns the last component, "" for the root.
func (s *spot) last() string {
	if len(s.parts) == 0 {
		return ""
	}
	return s.parts[len(s.parts)-1]
}

// place takes a path apart. The error is what Windows has for paths that
// cannot lead anywhere.
func place(op, path string) (spot, error) {
	s := spot{path: path}
	fail := func(code uint32) (spot, error) { return s, &Error{Op: op, Path: path, Code: code} }
	var full string
	if literal, ok := strings.CutPrefix(path, `\\?\`); ok {
		if strings.HasPrefix(strings.ToUpper(literal), `UNC\`) {
			return fail(ErrorBadNetPath)
		}
		full = literal
	} else {
		var err error
		if full, err = Full(`C:\`, path); err != nil {
			return fail(ErrorInvalidName)
		}
	}
	if s.device = Device(full); s.device != "" {
		return s, nil
	}
	switch drive, rest, ok := cutDrive(full); {
	case strings.HasPrefix(full, `\\.\`), !ok && !strings.HasPrefix(full, `\\`):
		return fail(ErrorFileNotFound)
	case !ok:
		return fail(ErrorBadNetPath)
	case drive[0]|0x20 != 'c':
		return fail(ErrorPathNotFound)
	default:
		rest = strings.TrimPrefix(rest, `\`)
		s.slash = strings.HasSuffix(rest, `\`)
		if rest = strings.TrimSuffix(rest, `\`); rest != "" {
			s.parts = strings.Split(rest, `\`)
		}
	}
	return s, s.checkNames(op)
}

// checkNames refuses what NTFS refuses, and cuts the stream off.
func (s *spot) checkNames(op string) error {
	for i, part := range s.parts {
		bad := part == "" || part == "." || part == ".." || len(part) > 255 && len(utf16.Encode([]rune(part))) > 255
		for j := 0; j < len(part) && !bad; j++ {
			switch c := part[j]; {
			case c < 0x20, c == '<', c == '>', c == '"', c == '|', c == '?', c == '*', c == '/':
				bad = true
			case c == ':':
				if bad = i != len(s.parts)-1 || j == 0; !bad {
					s.stream = part[j+1:]
					s.parts[i] = part[:j]
				}
			}
			if s.stream != "" {
				break
			}
		}
		if bad || strings.HasSuffix(part, ":") {
			return &Error{Op: op, Path: s.path, Code: ErrorInvalidName}
		}
	}
	return nil
}
