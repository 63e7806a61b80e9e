package winmeta

import (
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

const (
	maxComponentUnits = 255
	maxPathUnits      = 32767
	longPathUnits     = 240
	whiteoutPrefix    = ".wh."
)

// A NameError reports a name that cannot, or must not, be in a Windows image.
type NameError struct {
	Path      string // the whole path, as it was given; may equal Component
	Component string // the part that is at fault
	Rule      string // what is wrong with it: "is a reserved device name"
	hint      string
}

// Error names the path, the component if it is not all of it, and the rule.
func (e *NameError) Error() string {
	if e.Component == "" || e.Component == e.Path {
		return fmt.Sprintf("name %q %s", e.Path, e.Rule)
	}
	return fmt.Sprintf("path %q: %q %s", e.Path, e.Component, e.Rule)
}

// Hint says what to do about it.
func (e *NameError) Hint() string { return e.hint }

// CheckName reports, as a [*NameError], why a single name cannot be a file or
// directory of a Windows image; nil if it can. It refuses what NTFS refuses,
// and what can be created but then not be opened or deleted by programs:
// reserved device names and names that end in a dot or a blank.
func CheckName(component string) error {
	if rule, hint := nameRule(component); rule != "" {
		return &NameError{Path: component, Component: component, Rule: rule, hint: hint}
	}
	return nil
}

// CheckPath applies [CheckName] to each component of a clean slash-separated
// path and limits its length. The root, "", is a valid path.
func CheckPath(name string) error {
	if name == "" {
		return nil
	}
	for c := range strings.SplitSeq(name, "/") {
		if rule, hint := nameRule(c); rule != "" {
			return &NameError{Path: name, Component: c, Rule: rule, hint: hint}
		}
	}
	// The limit counts from the root of the layer, where the path is Files\….
	if n := utf16Len(`Files\`) + utf16Len(name); n > maxPathUnits {
		return &NameError{Path: name, Rule: fmt.Sprintf("is %d UTF-16 units long, the limit is %d", n, maxPathUnits), hint: "use a shorter path"}
	}
	return nil
}

// CheckWrite applies [CheckPath] and also refuses places that an image layer
// must not write to, in any spelling: everything below
// Windows/System32/config, where the registry hives lie that only the hive
// code may produce, and the directories that Windows keeps for itself on each
// volume: System Volume Information, WcSandboxState and $Recycle.Bin at the
// root, which importers and exporters of layers drop or overwrite. Resolve
// junctions first; see [ResolveStandardJunctions].
func CheckWrite(name string) error {
	if err := CheckPath(name); err != nil {
		return err
	}
	folded := fold(name)
	if strings.HasPrefix(folded, "WINDOWS/SYSTEM32/CONFIG/") {
		return &NameError{Path: name, Rule: "lies in the directory of the registry hives, which a layer must not change",
			hint: "registry changes cannot be copied in as hive files; set environment variables with ENV, or import settings when the container starts"}
	}
	root, _, _ := strings.Cut(folded, "/")
	switch root {
	case "SYSTEM VOLUME INFORMATION", "WCSANDBOXSTATE", "$RECYCLE.BIN":
		return &NameError{Path: name, Component: name[:len(pathRoot(name))], Rule: "is reserved for Windows at the root of the volume",
			hint: "exclude it, for instance in .dockerignore"}
	}
	return nil
}

func pathRoot(name string) string {
	root, _, _ := strings.Cut(name, "/")
	return root
}

// nameRule returns the rule that a component breaks and a hint, or "".
func nameRule(c string) (rule, hint string) {
	switch {
	case c == "":
		return "has an empty component", "use a relative path without doubled or trailing slashes"
	case c == "." || c == "..":
		return "is not a name", "use a clean path without . and .."
	case !utf8.ValidString(c):
		return "is not valid UTF-8", "rename the file"
	}
	if i := strings.IndexFunc(c, forbidden); i >= 0 {
		return forbiddenRule(c[i]), "rename it: Windows allows neither control characters nor any of < > : \" / \\ | ? * in names"
	}
	switch last := c[len(c)-1]; {
	case last == '.':
		return "ends in a dot", "rename it: Windows programs cannot open such a file"
	case last == ' ':
		return "ends in a blank", "rename it: Windows programs cannot open such a file"
	}
	if dev := reservedDevice(c); dev != "" {
		return "is reserved for the device " + dev + ", with or without an extension", "rename it: Windows programs cannot open such a file"
	}
	if strings.HasPrefix(c, whiteoutPrefix) {
		return "begins with .wh., which marks deletions in layers", "rename it"
	}
	if n := utf16Len(c); n > maxComponentUnits {
		return fmt.Sprintf("is %d UTF-16 units long, the limit is %d", n, maxComponentUnits), "use a shorter name"
	}
	return "", ""
}

func forbidden(r rune) bool {
	return r < 0x20 || strings.ContainsRune(`<>:"/\|?*`, r)
}

func forbiddenRule(c byte) string {
	switch {
	case c < 0x20:
		return fmt.Sprintf("contains the control character U+%04X", c)
	case c == ':':
		return "contains a colon, which would make an alternate data stream"
	case c == '\\' || c == '/':
		return fmt.Sprintf("contains the path separator %c", c)
	}
	return fmt.Sprintf("contains the character %c", c)
}

// reservedDevice returns the device that Win32 programs reach by this name, or
// "". Whatever follows the first dot does not matter ("NUL.tar.gz"), nor do
// blanks in front of it ("CON .txt"). Windows 11 has relaxed this for some
// names; images run on older hosts too.
func reservedDevice(c string) string {
	stem, _, _ := strings.Cut(c, ".")
	stem = strings.ToUpper(strings.TrimRight(stem, " "))
	switch stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return stem
	}
	for _, port := range [...]string{"COM", "LPT"} {
		if digit, ok := strings.CutPrefix(stem, port); ok {
			switch digit {
			case "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³":
				return stem
			}
		}
	}
	return ""
}

// LongPathWarn reports whether a path is so long, as C:\… at least 240 UTF-16
// units, that programs which rely on the classic limit of 260 may stumble over
// it. The image itself is valid.
func LongPathWarn(name string) bool {
	return utf16Len(`C:\`)+utf16Len(name) >= longPathUnits
}

// A PathError reports a Windows path that does not lead to a place on drive C.
type PathError struct {
	Path string
	Rule string
}

// Error names the path and what is wrong with it.
func (e *PathError) Error() string { return "path " + quote(e.Path) + " " + e.Rule }

// Hint says what a path may look like.
func (e *PathError) Hint() string {
	return `a container has only drive C: write C:\dir\file, C:/dir/file or /dir/file`
}

// ToSlash turns a Windows path as users write it, C:\app\x, c:/app/x, \app\x or
// app\x, into a clean name, app/x. The drive may be left out; any other drive
// than C, a path relative to a drive's current directory (C:app, or C: alone),
// a share and a device path are a [*PathError]. Like Windows, it stays at the
// root when .. would leave it. It does not check the names themselves.
func ToSlash(windowsPath string) (string, error) {
	p := strings.ReplaceAll(windowsPath, `\`, "/")
	bad := func(rule string) (string, error) { return "", &PathError{Path: windowsPath, Rule: rule} }
	if rest, ok := strings.CutPrefix(p, "//?/"); ok && len(rest) > 2 && rest[1] == ':' {
		p = rest // the long form of a drive path
	}
	if strings.HasPrefix(p, "//") {
		return bad("is a network share or a device")
	}
	if len(p) >= 2 && p[1] == ':' {
		if p[0] != 'c' && p[0] != 'C' {
			return bad("is not on drive C")
		}
		p = p[2:]
		if !strings.HasPrefix(p, "/") {
			return bad("is relative to the current directory of a drive")
		}
	}
	return strings.TrimPrefix(path.Clean("/"+p), "/"), nil
}

// ToWindows turns a clean name into the path that Windows programs use: app/x
// into C:\app\x.
func ToWindows(name string) string {
	return `C:\` + strings.ReplaceAll(name, "/", `\`)
}
