package tools

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/fetch"
	"github.com/casement/casement/internal/run/winsh/machine"
)

// certVerbs are the verbs of certutil that are done here, spelled as it prints
// them.
func certVerbs() map[string]func(ctx context.Context, p *proc, c certArgs) (int, error) {
	return map[string]func(ctx context.Context, p *proc, c certArgs) (int, error){
		"hashfile": certHash, "encode": certEncode, "decode": certDecode,
		"decodehex": certDecodeHex, "encodehex": certEncodeHex, "URLCache": certURLCache, "addstore": certAddStore,
	}
}

// certArgs is a command line of certutil.
type certArgs struct {
	verb         string
	args         []string
	force, split bool
}

func certutil() tool {
	return tool{
		grammar: grammar{name: "certutil", free: true},
		check: func(in input) error {
			_, err := parseCert(in.words)
			return err
		},
		run: func(ctx context.Context, p *proc, in input) (int, error) {
			c, err := parseCert(in.words)
			if err != nil {
				return 1, err
			}
			return certVerbs()[c.verb](ctx, p, c)
		},
	}
}

// parseCert reads the arguments. What certutil can do and casement cannot is a
// refusal, which is nearly all of it.
func parseCert(words []word) (certArgs, error) {
	var c certArgs
	unknown := false
	for _, w := range words {
		unknown = unknown || w.unknown
		name := strings.ToLower(strings.TrimLeft(w.text, "-/"))
		if w.unknown || w.text == "" || w.text[0] != '-' && w.text[0] != '/' {
			c.args = append(c.args, w.text)
			continue
		}
		known := false
		for verb := range certVerbs() {
			if strings.EqualFold(verb, name) {
				c.verb, known = verb, true
			}
		}
		switch {
		case known:
		case name == "f":
			c.force = true
		case name == "split":
			c.split = true
		case slices.Contains([]string{"delstore", "importpfx", "store", "viewstore", "verifystore", "generatesstfromwu"}, name):
			return c, machine.Refuse("certutil "+w.text, "of the stores of certificates casement does only add to those of the machine",
				"use certutil -addstore STORE FILE, or do it when the container starts, in its entry point")
		default:
			return c, machine.Refuse("certutil "+w.text, "certificates and their stores are not part of casement's machine", "use certutil for -hashfile, -encode, -decode, -decodehex, -encodehex, -urlcache and -addstore only")
		}
	}
	if c.verb == "" && !unknown {
		return c, machine.Refuse("certutil without a verb", "certificates and their stores are not part of casement's machine", "use -hashfile, -encode, -decode or -urlcache")
	}
	least, most := 2, 3
	switch c.verb {
	case "addstore":
		least, most = 2, 2
		if !unknown && len(c.args) > 0 && certStores()[strings.ToUpper(c.args[0])][0] == "" {
			return c, machine.Refuse("certutil -addstore "+c.args[0], "casement does not know this store", certStoreWay)
		}
	case "hashfile":
		least, most = 1, 2
	case "URLCache":
		least, most = 1, 2
		if !unknown && (!c.force || !c.split && len(c.args) < 2) {
			return c, machine.Refuse("certutil -urlcache without -f and a file", "it reads and keeps the cache of Windows", "write certutil -urlcache -f URL FILE")
		}
	}
	if !unknown && (len(c.args) < least || len(c.args) > most) {
		return c, machine.Refuse("certutil -"+c.verb+" with these arguments", "it prints the help text of Windows", "name the files")
	}
	return c, nil
}

func (c certArgs) done(p *proc) (int, error) {
	p.println("CertUtil: -%s command completed successfully.", c.verb)
	return 0, p.failed
}

// certCode is the number of an error as certutil prints it.
func certCode(code uint32) string {
	symbol := map[uint32]string{
		machine.ErrorFileNotFound: "ERROR_FILE_NOT_FOUND", machine.ErrorPathNotFound: "ERROR_PATH_NOT_FOUND",
		machine.ErrorAccessDenied: "ERROR_ACCESS_DENIED", machine.ErrorInvalidData: "ERROR_INVALID_DATA",
		machine.ErrorFileExists: "ERROR_FILE_EXISTS", 1006: "ERROR_FILE_INVALID", machine.ErrorInvalidParameter: "ERROR_INVALID_PARAMETER",
		machine.ErrorSharingViolation: "ERROR_SHARING_VIOLATION", machine.ErrorInvalidName: "ERROR_INVALID_NAME",
	}[code]
	return fmt.Sprintf("0x%08x (WIN32: %d %s)", 0x80070000|code, code, symbol)
}

// fail prints an error as certutil does; its exit code is the whole HRESULT.
func (c certArgs) fail(p *proc, code uint32) (int, error) {
	text := message(code)
	if code == 1006 {
		text = "The volume for a file has been externally altered so that the opened file is no longer valid."
	}
	p.println("CertUtil: -%s command FAILED: %s", c.verb, certCode(code))
	p.println("CertUtil: %s", text)
	return int(int32(0x80070000 | code)), p.failed
}

func certHash(ctx context.Context, p *proc, c certArgs) (int, error) {
	name := "SHA1"
	if len(c.args) > 1 {
		name = strings.ToUpper(c.args[1])
	}
	h, ok := fetch.NewHash(name)
	if name == "MD2" || name == "MD4" {
		return 1, machine.Refuse("certutil -hashfile with "+name, "nobody should trust this hash, and casement does not have it", "use SHA256")
	}
	if !ok || name == "RIPEMD160" {
		return c.fail(p, machine.ErrorInvalidParameter)
	}
	full, err := p.full(c.args[0])
	if err != nil {
		return 1, err
	}
	f, err := p.fs().Open(ctx, full)
	if code, fatal := winCode(err); fatal != nil {
		return 1, fatal
	} else if code != 0 {
		return c.fail(p, code)
	}
	defer f.Close()
	info, err := p.fs().Stat(ctx, full)
	if err != nil {
		return 1, err
	}
	if info.Size == 0 {
		return c.fail(p, 1006) // Windows maps the file, and an empty one has no map
	}
	sum, err := fetch.Digest(ctx, f, h)
	if err != nil {
		return 1, fmt.Errorf("hashing %s: %w", full, err)
	}
	p.println("%s hash of %s:", name, c.args[0])
	p.println("%x", sum)
	return c.done(p)
}

// read reads the input file of an encoding.
func (c certArgs) read(ctx context.Context, p *proc) ([]byte, uint32, error) {
	full, err := p.full(c.args[0])
	if err != nil {
		return nil, 0, err
	}
	b, err := p.readAll(ctx, full)
	code, fatal := winCode(err)
	return b, code, fatal
}

// write writes the output file, which must not exist without -f.
func (c certArgs) write(ctx context.Context, p *proc, in, out []byte) (int, error) {
	full, err := p.full(c.args[1])
	if err != nil {
		return 1, err
	}
	p.println("Input Length = %d", len(in))
	w, err := p.fs().Create(ctx, full, machine.CreateOptions{New: !c.force})
	if code, fatal := winCode(err); fatal != nil {
		return 1, fatal
	} else if code != 0 {
		p.println("EncodeToFile returned %s %s", message(code), certCode(code))
		return c.fail(p, code)
	}
	_, err = w.Write(out)
	if cerr := w.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return 1, fmt.Errorf("writing %s: %w", full, err)
	}
	p.println("Output Length = %d", len(out))
	return c.done(p)
}

func certEncode(ctx context.Context, p *proc, c certArgs) (int, error) {
	b, code, err := c.read(ctx, p)
	if err != nil || code != 0 {
		return failOr(c, p, code, err)
	}
	var out strings.Builder
	out.WriteString("-----BEGIN CERTIFICATE-----\r\n")
	out.WriteString(base64Lines(b))
	out.WriteString("-----END CERTIFICATE-----\r\n")
	return c.write(ctx, p, b, []byte(out.String()))
}

func failOr(c certArgs, p *proc, code uint32, err error) (int, error) {
	if err != nil {
		return 1, err
	}
	return c.fail(p, code)
}

// base64Lines is base64 in lines of 64.
func base64Lines(b []byte) string {
	text := base64.StdEncoding.EncodeToString(b)
	var out strings.Builder
	for len(text) > 0 {
		n := min(64, len(text))
		out.WriteString(text[:n] + "\r\n")
		text = text[n:]
	}
	return out.String()
}

func certDecode(ctx context.Context, p *proc, c certArgs) (int, error) {
	b, code, err := c.read(ctx, p)
	if err != nil || code != 0 {
		return failOr(c, p, code, err)
	}
	out, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(base64Body(string(b))), ""))
	if err != nil || len(out) == 0 {
		p.println("DecodeFile returned %s %s", message(machine.ErrorInvalidData), certCode(machine.ErrorInvalidData))
		return c.fail(p, machine.ErrorInvalidData)
	}
	return c.write(ctx, p, b, out)
}

// base64Body is what stands between the first two lines of dashes, if the first
// says BEGIN and the second END, and else the whole text.
func base64Body(text string) string {
	var body strings.Builder
	inside := false
	for line := range strings.Lines(text) {
		switch mark := strings.TrimSpace(line); {
		case !inside:
			inside = strings.HasPrefix(mark, "-----BEGIN")
		case strings.HasPrefix(mark, "-----END"):
			return body.String()
		default:
			body.WriteString(line)
		}
	}
	return text
}

func certDecodeHex(ctx context.Context, p *proc, c certArgs) (int, error) {
	if len(c.args) > 2 {
		return 1, machine.Refuse("certutil -decodehex with a type", "hexadecimal digits are decoded only plain", "leave the type out")
	}
	b, code, err := c.read(ctx, p)
	if err != nil || code != 0 {
		return failOr(c, p, code, err)
	}
	out, err := hex.DecodeString(strings.Join(strings.Fields(string(b)), ""))
	if err != nil {
		return 1, machine.Refuse("certutil -decodehex of "+c.args[0], "it is not plain hexadecimal digits", "write digits and blanks only")
	}
	return c.write(ctx, p, b, out)
}

func certEncodeHex(ctx context.Context, p *proc, c certArgs) (int, error) {
	kind := ""
	if len(c.args) > 2 {
		kind = c.args[2]
	}
	n, err := strconv.ParseUint(kind, 0, 32)
	if kind == "" {
		err = strconv.ErrSyntax
	}
	const noBreaks = 0x40000000
	if t := n &^ noBreaks; err != nil || t != 1 && t != 12 {
		return 1, machine.Refuse("certutil -encodehex "+kind, "only base64 (1) and plain hexadecimal (12) are written", "add 1, 12, 0x40000001 or 0x4000000c")
	}
	b, code, err := c.read(ctx, p)
	if err != nil || code != 0 {
		return failOr(c, p, code, err)
	}
	text := ""
	switch n {
	case 1:
		text = base64Lines(b)
	case 1 | noBreaks:
		text = base64.StdEncoding.EncodeToString(b)
	case 12:
		text = hex.EncodeToString(b) + "\r\n"
	default:
		text = hex.EncodeToString(b)
	}
	return c.write(ctx, p, b, []byte(text))
}
