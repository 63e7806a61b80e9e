package pscmd

import (
	"context"
	"io"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/run/winsh/pslang"
)

// stringDataCmdlets read tables that are written as text.
func stringDataCmdlets() []*ps.Cmdlet {
	return []*ps.Cmdlet{
		{
			Name: "ConvertFrom-StringData", Module: moduleUtility,
			Syntax: params(`
				StringData string @1 mandatory empty pipeline
				Delimiter char @2 7`),
			Process: stringData,
		},
		{
			Name: "Import-PowerShellDataFile", Module: moduleUtility, DefaultSet: "ByPath",
			Syntax: params(`
				Path string[] @1 mandatory {ByPath}
				LiteralPath|PSPath|LP string[] mandatory property {ByLiteralPath}
				SkipLimitCheck switch 7`),
			Process: importDataFile,
		},
	}
}

// stringData reads "name=value" lines, with the escapes of regular expressions.
func stringData(ctx context.Context, c *ps.Call) error {
	delimiter := "="
	if c.Has("Delimiter") {
		delimiter = c.String("Delimiter")
	}
	table := ps.NewHashtable()
	for _, line := range strings.FieldsFunc(c.String("StringData"), func(r rune) bool { return r == '\r' || r == '\n' }) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, delimiter)
		if !ok {
			return fail(psInvalidOperation, "Data line '"+line+"' is not in 'name=value' format.", "InvalidOperation", ps.InvalidOperation, nil)
		}
		name = strings.TrimSpace(name)
		if _, dup := table.Get(name); dup {
			return fail(psInvalidOperation, "Data item '"+name+"' in line '"+line+"' is already defined.", "InvalidOperation", ps.InvalidOperation, nil)
		}
		text, err := unescapeRegex(strings.TrimSpace(value))
		if err != nil {
			return err
		}
		table.Put(name, text)
	}
	return c.Write(ctx, table)
}

// unescapeRegex is Regex.Unescape.
func unescapeRegex(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	r := []rune(s)
	for i := 0; i < len(r); i++ {
		if r[i] != '\\' {
			b.WriteRune(r[i])
			continue
		}
		i++
		if i == len(r) {
			return "", badEscape(s, `Illegal \ at end of pattern.`)
		}
		hex := func(n int) bool {
			if i+n >= len(r) {
				return false
			}
			var x rune
			for _, d := range r[i+1 : i+1+n] {
				v := strings.IndexRune("0123456789abcdef", d|0x20)
				if d >= '0' && d <= '9' {
					v = int(d - '0')
				}
				if v < 0 {
					return false
				}
				x = x*16 + rune(v)
			}
			b.WriteRune(x)
			i += n
			return true
		}
		switch e := r[i]; {
		case strings.ContainsRune("ntrfva", e):
			b.WriteByte("\n\t\r\f\v\a"[strings.IndexRune("ntrfva", e)])
		case e == 'e':
			b.WriteByte(0x1b)
		case e == 'b':
			b.WriteByte('\b')
		case e == 'x' && hex(2), e == 'u' && hex(4):
		case e == '_' || e >= '0' && e <= '9' || e|0x20 >= 'a' && e|0x20 <= 'z':
			return "", badEscape(s, `Unrecognized escape sequence \`+string(e)+".")
		default:
			b.WriteRune(e)
		}
	}
	return b.String(), nil
}

func badEscape(s, why string) error {
	return ps.NewException(argumentException, `parsing "`+s+`" - `+why)
}

// importDataFile reads a .psd1 file: a table that may not do anything.
func importDataFile(ctx context.Context, c *ps.Call) error {
	list, literal := paths(c)
	for _, path := range list {
		nodes, err := finder{s: c.Session}.find(ctx, path, literal)
		if err != nil {
			if fatal(err) {
				return err
			}
			if err := c.Error(ctx, fail(invalidOperation, "The file '"+path+"' could not be parsed as a PowerShell Data File.", "CouldNotParseAsPowerShellDataFileNoFile", ps.ObjectNotFound, path)); err != nil {
				return err
			}
			continue
		}
		for _, n := range nodes {
			v, err := DataFile(ctx, c.Session, n.Name)
			if err != nil {
				return report(ctx, c, err)
			}
			if err := c.Write(ctx, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// DataFile evaluates a data file: its text is an expression.
func DataFile(ctx context.Context, s *ps.Session, path string) (any, error) {
	f, err := s.Machine().FS().Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := defaultCharset(s).NewReader(f)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(r, 16<<20))
	if err != nil {
		return nil, err
	}
	block, err := s.Parse(ctx, string(text), path)
	if err != nil {
		return nil, err
	}
	if !dataOnly(block) {
		return nil, machine.Refuse("Import-PowerShellDataFile "+path, "the file is more than a table of constants", "run it as a script")
	}
	out, err := s.Call(ctx, block, ps.CallOptions{})
	return ps.Collect(out), err
}

// dataOnly reports whether a block is a table of constants: no commands, no
// calls, and of the variables only those that are constants.
func dataOnly(block *ps.ScriptBlock) bool {
	ok := true
	pslang.Walk(block.Body, func(n pslang.Node) bool {
		switch x := n.(type) {
		case *pslang.Command, *pslang.Invoke, *pslang.Assignment, *pslang.Function, *pslang.ScriptBlockExpression:
			ok = false
		case *pslang.Variable:
			switch strings.ToLower(x.Name) {
			case "true", "false", "null", "psscriptroot":
			default:
				ok = false
			}
		}
		return ok
	})
	return ok
}
