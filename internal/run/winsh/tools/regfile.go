package tools

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// Files of registry entries (.reg): reg import and reg export.

// regChange is one line of a .reg file.
type regChange struct {
	key       string
	deleteKey bool
	// value is set for lines with a name; deleteValue for name=-.
	value       *machine.RegValue
	deleteValue bool
}

// regANSI is the code page of files that are not UTF-16.
const regANSI = 1252

// regHeader is the first line of the files that are written.
const regHeader = "Windows Registry Editor Version 5.00"

// regLineError is a line of a .reg file that says nothing. Windows skips it
// without a word.
type regLineError struct {
	line int
	text string
}

// Error implements error.
func (e *regLineError) Error() string {
	return fmt.Sprintf("reading registry entries: line %d is not understood: %s", e.line, e.text)
}

// errRegEncoding is a .reg file whose characters Windows may read in two ways.
var errRegEncoding = errors.New("reading registry entries: how Windows reads UTF-8 with a byte order mark is not certain beyond ASCII")

// parseRegFile reads a .reg file, UTF-16 or in the ANSI code page, which is what
// Windows takes everything else for.
func parseRegFile(b []byte) ([]regChange, error) {
	text, ok := fromUTF16(b)
	if !ok {
		plain, marked := bytes.CutPrefix(b, []byte{0xEF, 0xBB, 0xBF})
		if text = machine.DecodePage(regANSI, plain); marked && !machine.IsASCII(text) {
			return nil, errRegEncoding
		}
	}
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	f := regFile{lines: lines}
	head := strings.TrimSpace(f.take())
	switch {
	case head == regHeader:
	case head == "REGEDIT4":
		f.ansi = true
	default:
		return nil, &regLineError{1, head}
	}
	for f.next < len(f.lines) {
		if err := f.line(); err != nil {
			return nil, err
		}
	}
	return f.changes, nil
}

// regFile is a .reg file while it is read.
type regFile struct {
	lines   []string
	next    int
	ansi    bool // strings in hex are bytes, not UTF-16
	key     string
	deleted bool // the key is one that is deleted
	changes []regChange
}

// take returns the next line.
func (f *regFile) take() string {
	if f.next >= len(f.lines) {
		return ""
	}
	f.next++
	return f.lines[f.next-1]
}

// line reads one entry, with the lines that continue it.
func (f *regFile) line() error {
	number := f.next + 1
	text := strings.TrimSpace(f.take())
	bad := &regLineError{number, text}
	switch {
	case text == "" || text[0] == ';' || text[0] == '#':
		return nil
	case text[0] == '[':
		if !strings.HasSuffix(text, "]") || len(text) < 3 {
			return bad
		}
		key := text[1 : len(text)-1]
		key, f.deleted = strings.CutPrefix(key, "-")
		f.key = key
		f.changes = append(f.changes, regChange{key: key, deleteKey: f.deleted})
		return nil
	case f.key == "" || f.deleted:
		return bad
	}
	name, rest := "", ""
	switch text[0] {
	case '@':
		rest = text[1:]
	case '"':
		var ok bool
		if name, rest, ok = f.quoted(text[1:]); !ok {
			return bad
		}
	default:
		return bad
	}
	rest, ok := strings.CutPrefix(strings.TrimLeft(rest, " \t"), "=")
	if !ok {
		return bad
	}
	c := regChange{key: f.key}
	v, remove, ok := f.data(name, strings.TrimSpace(rest))
	if !ok {
		return bad
	}
	c.value, c.deleteValue = &v, remove
	f.changes = append(f.changes, c)
	return nil
}

// quoted reads up to the closing quote, over line ends if need be.
func (f *regFile) quoted(s string) (text, rest string, ok bool) {
	var b strings.Builder
	for {
		for i := 0; i < len(s); i++ {
			switch {
			case s[i] == '\\' && i+1 < len(s):
				i++
				b.WriteByte(s[i])
			case s[i] == '"':
				return b.String(), s[i+1:], true
			default:
				b.WriteByte(s[i])
			}
		}
		if f.next >= len(f.lines) {
			return "", "", false
		}
		b.WriteString("\r\n")
		s = f.take()
	}
}

// data reads what is behind the equals sign.
func (f *regFile) data(name, s string) (v machine.RegValue, remove, ok bool) {
	lower := strings.ToLower(s)
	switch {
	case s == "-":
		return machine.RegValue{Name: name}, true, true
	case strings.HasPrefix(s, `"`):
		text, rest, ok := f.quoted(s[1:])
		rest = strings.TrimSpace(rest)
		return machine.RegString(name, text), false, ok && (rest == "" || rest[0] == ';')
	case strings.HasPrefix(lower, "dword:"):
		digits, _, _ := strings.Cut(s[len("dword:"):], ";")
		n, err := strconv.ParseUint(strings.TrimSpace(digits), 16, 32)
		return machine.RegDword(name, uint32(n)), false, err == nil
	case strings.HasPrefix(lower, "hex"):
		kind, digits, ok := strings.Cut(lower[len("hex"):], ":")
		t := uint64(regBinary)
		if ok && kind != "" {
			inner, ok1 := strings.CutPrefix(kind, "(")
			inner, ok2 := strings.CutSuffix(inner, ")")
			n, err := strconv.ParseUint(inner, 16, 32)
			if !ok1 || !ok2 || err != nil {
				return v, false, false
			}
			t = n
		}
		b, ok2 := f.hex(digits)
		v = machine.RegValue{Name: name, Type: machine.RegType(t), Data: b}
		if f.ansi && (v.Type == regExpandSz || v.Type == regMultiSz) {
			v.Data = machine.EncodeUTF16(machine.DecodePage(regANSI, b))
		}
		return v, false, ok && ok2
	}
	return v, false, false
}

// hex reads bytes, "01,02,\" and so on in the next lines.
func (f *regFile) hex(s string) ([]byte, bool) {
	var out []byte
	for {
		s, _, _ = strings.Cut(s, ";")
		body, more := strings.CutSuffix(strings.TrimSpace(s), `\`)
		for part := range strings.SplitSeq(body, ",") {
			if part = strings.TrimSpace(part); part == "" {
				continue
			}
			n, err := strconv.ParseUint(part, 16, 8)
			if err != nil {
				return nil, false
			}
			out = append(out, byte(n))
		}
		if !more || f.next >= len(f.lines) {
			return out, true
		}
		s = f.take()
	}
}

func regImport(ctx context.Context, p *proc, in input) (int, error) {
	switch code, err := regImportFile(ctx, p, "reg import", in.operands()[0], in); {
	case err != nil:
		return 1, err
	case code == machine.ErrorAccessDenied:
		p.errln("ERROR: Error accessing the registry.")
		return 1, nil
	case code != 0:
		p.errln("ERROR: Error opening the file. There may be a disk or file system error.")
		return 1, nil
	}
	// Windows itself sends the good news to standard error here.
	p.errln(regDone)
	return 0, nil
}

// regImportFile makes the changes of a .reg file for a command. The code is that of a file that
// cannot be read, or ErrorAccessDenied for the registry.
func regImportFile(ctx context.Context, p *proc, command, name string, in input) (code uint32, err error) {
	what := command + " " + name
	full, err := p.full(name)
	if err != nil {
		return 0, err
	}
	b, err := p.readAll(ctx, full)
	switch code, fatal := winCode(err); {
	case fatal != nil:
		return 0, fatal
	case code != 0:
		return machine.ErrorFileNotFound, nil
	}
	changes, err := parseRegFile(b)
	if errors.Is(err, errRegEncoding) {
		return 0, machine.Refuse(what, err.Error(), "save the file as UTF-16, which is Unicode to Notepad")
	}
	if err != nil {
		return 0, machine.Refuse(what, err.Error()+", and Windows would skip it silently", "correct the file")
	}
	r := p.Machine.Registry()
	for _, c := range changes {
		if err := p.Machine.Tick(ctx); err != nil {
			return 0, err
		}
		key, ok, err := regKeyOf(c.key, in)
		if err != nil {
			return 0, err
		}
		if !ok {
			return 0, machine.Refuse(what, "it has the key "+c.key+", which Windows would skip silently", "correct the file")
		}
		if err := regApply(ctx, r, key.path, c); errors.Is(err, fs.ErrPermission) {
			return machine.ErrorAccessDenied, nil
		} else if err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// regedit imports files without a window, which is all that a build can use it
// for.
func regedit() tool {
	const way = "write regedit /s FILE, or reg import FILE"
	return tool{
		grammar: grammar{name: "regedit", dash: true, flags: join(flags("S"), refusedFlags("it is only called to import files here", way, "E", "A", "D", "L", "R", "C", "M", "I"))},
		check: func(in input) error {
			if !in.partial && (in.bad != nil || !in.has("S") || len(in.operands()) == 0) {
				return machine.Refuse("regedit without /s and a file", "it opens a window", way)
			}
			return nil
		},
		run: func(ctx context.Context, p *proc, in input) (int, error) {
			for _, name := range in.operands() {
				code, err := regImportFile(ctx, p, "regedit /s", name, in)
				if err != nil {
					return 1, err
				}
				if code != 0 {
					return 1, machine.Refuse("regedit /s "+name, "it fails without a word ("+strings.TrimSuffix(message(code), ".")+")", "name a file that is there, and keys that the account may change")
				}
			}
			return 0, p.failed
		},
	}
}

// regApply makes one change; what is not there need not be deleted.
func regApply(ctx context.Context, r *machine.Registry, key string, c regChange) error {
	var err error
	switch {
	case c.deleteKey:
		err = r.DeleteKey(ctx, key)
	case c.value == nil:
		_, err = r.CreateKey(ctx, key)
	case c.deleteValue:
		err = r.DeleteValue(ctx, key, c.value.Name)
	default:
		return r.SetValue(ctx, key, *c.value)
	}
	if (c.deleteKey || c.deleteValue) && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func regExport(ctx context.Context, p *proc, in input) (int, error) {
	key, ok, err := regKeyOf(in.operands()[0], in)
	if err != nil {
		return 1, err
	}
	if !ok {
		p.errln("ERROR: Invalid key name.")
		p.errln(`Type "REG EXPORT /?" for usage.`)
		return 1, nil
	}
	full, err := p.full(in.operands()[1])
	if err != nil {
		return 1, err
	}
	if there, err := p.fs().Exists(ctx, full); err != nil {
		return 1, err
	} else if there {
		ok, err := regConfirm(p, in, "Y", "File "+in.operands()[1]+" already exists. Overwrite (Yes/No)? ", "export over a file that exists")
		if err != nil || !ok {
			return 0, err
		}
	}
	var b strings.Builder
	b.WriteString(regHeader + "\r\n")
	if err := regWrite(ctx, p, &b, key); err != nil {
		return regFailed(p, err)
	}
	b.WriteString("\r\n")
	err = p.fs().WriteFile(ctx, full, append([]byte{0xFF, 0xFE}, machine.EncodeUTF16(b.String())...))
	if code, fatal := winCode(err); fatal != nil {
		return 1, fatal
	} else if code != 0 {
		p.errln("ERROR: Unable to write to the file. There may be a disk or file system error.")
		return 1, nil
	}
	p.println(regDone)
	return 0, nil
}

// regWrite writes a key and all below it.
func regWrite(ctx context.Context, p *proc, b *strings.Builder, key regKey) error {
	if err := p.Machine.Tick(ctx); err != nil {
		return err
	}
	r := p.Machine.Registry()
	values, err := r.Values(ctx, key.path)
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "\r\n[%s]\r\n", key.shown)
	for _, v := range values {
		b.WriteString(regFileLine(v) + "\r\n")
	}
	subkeys, err := r.Subkeys(ctx, key.path)
	if err != nil {
		return err
	}
	for _, s := range subkeys {
		if err := regWrite(ctx, p, b, regKey{key.path + `\` + s, key.shown + `\` + s}); err != nil {
			return err
		}
	}
	return nil
}

// regFileLine is a value as a .reg file has it.
func regFileLine(v machine.RegValue) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace
	name := `"` + escape(v.Name) + `"=`
	if v.Name == "" {
		name = "@="
	}
	switch {
	case v.Type == regSz: // up to the first zero, whatever follows
		return name + `"` + escape(v.String()) + `"`
	case v.Type == regDword && len(v.Data) == 4:
		return fmt.Sprintf("%sdword:%08x", name, v.Uint())
	case v.Type == regBinary:
		name += "hex:"
	default:
		name += fmt.Sprintf("hex(%x):", uint32(v.Type))
	}
	var b strings.Builder
	b.WriteString(name)
	col := len(name)
	for i, c := range v.Data {
		fmt.Fprintf(&b, "%02x", c)
		if i == len(v.Data)-1 {
			break
		}
		b.WriteByte(',')
		if col += 3; col > 76 {
			b.WriteString("\\\r\n  ")
			col = 2
		}
	}
	return b.String()
}
