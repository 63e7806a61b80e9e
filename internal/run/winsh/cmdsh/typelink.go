package cmdsh

import (
	"bufio"
	"context"
	"io"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// runType is TYPE.
func runType(ctx context.Context, sh *shell, args string) (int, error) {
	flags, words := switches(splitArgs(args))
	if len(flags) > 0 || len(words) == 0 {
		return sh.syntax()
	}
	rc := 0
	for _, w := range words {
		name := unquote(w)
		code, err := sh.typeFiles(ctx, name, len(words) > 1)
		if err != nil {
			return 0, err
		}
		if code != 0 {
			rc = 1
			sh.system(code)
			if len(words) > 1 {
				sh.errout("Error occurred while processing: %s.\r\n", name)
			}
			if code == machine.ErrorPathNotFound {
				break
			}
		}
	}
	return rc, nil
}

// typeFiles prints what one argument names.
func (sh *shell) typeFiles(ctx context.Context, name string, titled bool) (uint32, error) {
	full, err := sh.full(name)
	if err != nil {
		return machine.ErrorFileNotFound, nil
	}
	switch device := machine.Device(full); {
	case device == "NUL":
		return 0, nil
	case device == "CON" && sh.std[0] != nil && sh.std[0].r != nil:
		return 0, sh.typeReader(sh.std[0].r)
	}
	if !machine.HasWildcard(full) {
		if !titled {
			name = ""
		}
		return sh.typeFile(ctx, full, name)
	}
	list, err := sh.fs.Glob(ctx, parentDir(full), baseName(full))
	if code, err := win(err); err != nil || code != 0 {
		return code, err
	}
	prefix := name[:strings.LastIndexAny(name, `\:`)+1]
	found := false
	for _, i := range list {
		if i.IsDir() {
			continue
		}
		found = true
		if code, err := sh.typeFile(ctx, i.Path, prefix+i.Name); err != nil || code != 0 {
			return code, err
		}
	}
	if !found {
		return machine.ErrorFileNotFound, nil
	}
	return 0, nil
}

// typeFile prints a file, and its name on standard error if it is given.
func (sh *shell) typeFile(ctx context.Context, full, name string) (uint32, error) {
	f, err := sh.fs.Open(ctx, full)
	if code, err := win(err); err != nil || code != 0 {
		if code == machine.ErrorDirectory {
			code = machine.ErrorAccessDenied
		}
		return code, err
	}
	defer f.Close()
	if name != "" {
		sh.errout("\r\n%s\r\n\r\n\r\n", name)
	}
	return 0, sh.typeReader(f)
}

// typeReader prints bytes as they are, and UTF-16 with a mark in the code page.
func (sh *shell) typeReader(r io.Reader) error {
	out := sh.std[1]
	if out == nil || out.w == nil {
		return nil
	}
	br := bufio.NewReaderSize(r, 64<<10)
	if head, _ := br.Peek(2); len(head) < 2 || head[0] != 0xFF || head[1] != 0xFE {
		_, err := io.Copy(out.w, br)
		return err
	}
	br.Discard(2)
	buf := make([]byte, 32<<10)
	for {
		n, err := io.ReadFull(br, buf)
		sh.write(1, machine.DecodeUTF16(buf[:n]))
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

const mklinkUsage = `Creates a symbolic link.

MKLINK [[/D] | [/H] | [/J]] Link Target

        /D      Creates a directory symbolic link.  Default is a file
                symbolic link.
        /H      Creates a hard link instead of a symbolic link.
        /J      Creates a Directory Junction.
        Link    Specifies the new symbolic link name.
        Target  Specifies the path (relative or absolute) that the new link
                refers to.
`

// runMklink is MKLINK.
func runMklink(ctx context.Context, sh *shell, args string) (int, error) {
	flags, operands := switches(splitArgs(args))
	kind := ""
	for _, f := range flags {
		if kind = strings.ToLower(f); kind != "d" && kind != "h" && kind != "j" {
			return sh.usage(invalidSwitch(f))
		}
	}
	if len(operands) != 2 {
		sh.errout(syntaxIncorrect + strings.ReplaceAll(mklinkUsage, "\n", "\r\n"))
		return 1, nil
	}
	link, target := unquote(operands[0]), unquote(operands[1])
	fullLink, err := sh.full(link)
	if err != nil {
		return sh.syntax()
	}
	fullTarget, err := sh.full(target)
	if err != nil {
		return sh.syntax()
	}
	made := "symbolic link"
	switch kind {
	case "h":
		made = "Hardlink"
		err = sh.fs.Hardlink(ctx, fullTarget, fullLink)
	case "j":
		made = "Junction"
		err = sh.fs.Junction(ctx, fullTarget, fullLink)
	default:
		err = sh.fs.Symlink(ctx, strings.ReplaceAll(target, "/", `\`), fullLink, kind == "d")
	}
	code, err := win(err)
	switch {
	case err != nil:
		return 0, err
	case code == machine.ErrorPrivilegeNotHeld:
		sh.errout("You do not have sufficient privilege to perform this operation.\r\n")
		return 1, nil
	case code != 0:
		sh.system(code)
		return 1, nil
	}
	sh.changes++
	sh.out("%s created for %s <<===>> %s\r\n", made, link, target)
	return 0, nil
}
