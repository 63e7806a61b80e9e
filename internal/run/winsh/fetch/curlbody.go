package fetch

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// curlFailure is how a transfer or the whole of curl ends: with an exit code
// and a text behind "curl: ".
type curlFailure struct {
	code int
	text string
	bare bool // without the code in parentheses
}

func (f *curlFailure) Error() string { return f.text }

// readLocal reads a file that an option names; "-" is standard input.
func (c *curlRun) readLocal(ctx context.Context, name, option string) ([]byte, error) {
	b, err := c.localBytes(ctx, name)
	if windowsError(err) {
		c.say("Failed to open " + name)
		return nil, &curlUsage{code: 26, text: "option " + option + ": error encountered when reading a file", help: true}
	}
	return b, err
}

// localBytes reads a file, or standard input for "-".
func (c *curlRun) localBytes(ctx context.Context, name string) ([]byte, error) {
	if name == "-" {
		b, err := io.ReadAll(io.LimitReader(c.p.Stdin, c.p.Machine.Limits().Memory))
		if err != nil {
			return nil, fmt.Errorf("reading standard input: %w", err)
		}
		return b, nil
	}
	full, err := machine.Full(c.p.Dir, name)
	if err != nil {
		return nil, err
	}
	return c.fs.ReadFile(ctx, full, c.p.Machine.Limits().Memory)
}

// postData joins all -d, --data-… and --json to one text.
func (c *curlRun) postData(ctx context.Context) ([]byte, error) {
	var all []byte
	for _, d := range c.o.data {
		text, err := c.oneData(ctx, d)
		if err != nil {
			return nil, err
		}
		if len(all) > 0 && d.kind != 'j' {
			all = append(all, '&')
		}
		all = append(all, text...)
	}
	return all, nil
}

func (c *curlRun) oneData(ctx context.Context, d curlData) ([]byte, error) {
	if d.kind == 'u' {
		return c.encodedData(ctx, d.text)
	}
	file, isFile := strings.CutPrefix(d.text, "@")
	if !isFile || d.kind == 'r' {
		return []byte(d.text), nil
	}
	b, err := c.readLocal(ctx, file, "-d")
	if err == nil && d.kind == 'a' {
		b = bytes.Map(func(r rune) rune {
			if r == '\r' || r == '\n' || r == 0 {
				return -1
			}
			return r
		}, b)
	}
	return b, err
}

// encodedData reads the argument of --data-urlencode: content, =content,
// name=content, @file or name@file.
func (c *curlRun) encodedData(ctx context.Context, text string) ([]byte, error) {
	i := strings.IndexAny(text, "=@")
	name, content := "", []byte(text)
	if i >= 0 {
		name, content = text[:i], []byte(text[i+1:])
		if text[i] == '@' {
			var err error
			if content, err = c.readLocal(ctx, text[i+1:], "--data-urlencode"); err != nil {
				return nil, err
			}
		}
	}
	out := urlEncode(content)
	if name != "" {
		out = name + "=" + out
	}
	return []byte(out), nil
}

// urlEncode escapes all but unreserved characters; blanks become "+".
func urlEncode(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		switch {
		case isLetter(c), c >= '0' && c <= '9', strings.IndexByte("-._~", c) >= 0:
			s.WriteByte(c)
		case c == ' ':
			s.WriteByte('+')
		default:
			fmt.Fprintf(&s, "%%%02X", c)
		}
	}
	return s.String()
}

// formPart is one part of a multipart form.
type formPart struct {
	header string
	text   []byte
	file   string // full path, if the content is a file
	size   int64
}

// formBody makes the body of -F, and its Content-Type.
func (c *curlRun) formBody(ctx context.Context) (*Body, string, error) {
	var seed [11]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return nil, "", fmt.Errorf("making a boundary: %w", err)
	}
	boundary := "------------------------" + hex.EncodeToString(seed[:])
	var parts []formPart
	size := int64(0)
	for _, spec := range c.o.form {
		p, err := c.formPart(ctx, spec)
		if err != nil {
			return nil, "", err
		}
		p.header = "--" + boundary + "\r\n" + p.header + "\r\n\r\n"
		size += int64(len(p.header)) + p.size + 2
		parts = append(parts, p)
	}
	end := "--" + boundary + "--\r\n"
	size += int64(len(end))
	open := func(ctx context.Context) (io.ReadCloser, error) {
		var readers []io.Reader
		var files closers
		for _, p := range parts {
			var content io.Reader = bytes.NewReader(p.text)
			if p.file != "" {
				f, err := c.fs.Open(ctx, p.file)
				if err != nil {
					files.Close()
					return nil, err
				}
				files = append(files, f)
				content = f
			}
			readers = append(readers, strings.NewReader(p.header), content, strings.NewReader("\r\n"))
		}
		readers = append(readers, strings.NewReader(end))
		return struct {
			io.Reader
			io.Closer
		}{io.MultiReader(readers...), files}, nil
	}
	return &Body{Open: open, Size: size}, "multipart/form-data; boundary=" + boundary, nil
}

type closers []io.Closer

func (c closers) Close() error {
	for _, x := range c {
		x.Close()
	}
	return nil
}

// formPart reads "name=value", "name=@file;type=…;filename=…" or "name=<file".
func (c *curlRun) formPart(ctx context.Context, spec curlPart) (formPart, error) {
	name, value, ok := strings.Cut(spec.spec, "=")
	if !ok {
		return formPart{}, &curlUsage{code: 2, text: "option -F: is badly used here", help: true}
	}
	disposition := `Content-Disposition: form-data; name="` + quoteForm(name) + `"`
	if spec.literal {
		return formPart{header: disposition, text: []byte(value), size: int64(len(value))}, nil
	}
	content, kind, as, named, err := formOptions(spec.spec, value)
	if err != nil {
		return formPart{}, err
	}
	part := formPart{text: []byte(content)}
	switch {
	case strings.HasPrefix(content, "@") && content != "@-":
		full, size, err := c.formFile(ctx, strings.Trim(content[1:], `"`))
		if err != nil {
			return formPart{}, err
		}
		part.file, part.text, part.size = full, nil, size
		if !named {
			as, named = path.Base(strings.ReplaceAll(full, `\`, "/")), true
		}
		if kind == "" {
			kind = typeOfName(as)
		}
	case strings.HasPrefix(content, "@"), strings.HasPrefix(content, "<"):
		b, err := c.localBytes(ctx, strings.Trim(content[1:], `"`))
		if windowsError(err) {
			err = &curlFailure{code: 26, text: "Failed to open/read local data from file/application"}
		}
		if err != nil {
			return formPart{}, err
		}
		part.text = b
		if content[0] == '@' && !named {
			as, named = "-", true
		}
	}
	if part.file == "" {
		part.size = int64(len(part.text))
	}
	if part.header = disposition; named {
		part.header += `; filename="` + quoteForm(as) + `"`
	}
	if kind != "" {
		part.header += "\r\nContent-Type: " + kind
	}
	return part, nil
}

// formOptions reads what follows the content of a part, behind semicolons.
func formOptions(spec, value string) (content, kind, as string, named bool, err error) {
	pieces := splitQuoted(value, ';')
	content = pieces[0]
	for _, p := range pieces[1:] {
		k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
		switch strings.ToLower(k) {
		case "type":
			kind = v
		case "filename":
			as, named = strings.Trim(v, `"`), true
		case "headers", "encoder":
			return "", "", "", false, machine.Refuse("curl -F with ;"+k, "it is not supported", "leave it out")
		default:
			content += ";" + p
		}
	}
	if content != "" && strings.IndexByte("@<", content[0]) >= 0 && len(splitQuoted(content, ',')) > 1 {
		return "", "", "", false, machine.Refuse("curl -F "+spec, "several files in one part are not supported", "write one -F for each file")
	}
	return content, kind, as, named, nil
}

// splitQuoted splits text at a separator that is not in quotes, which have to
// stand around a whole value.
func splitQuoted(text string, separator byte) []string {
	var parts []string
	in, from := false, 0
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && in:
			i++
		case text[i] == '"' && (in || i == from || strings.IndexByte("=@<", text[i-1]) >= 0):
			in = !in
		case text[i] == separator && !in:
			parts, from = append(parts, text[from:i]), i+1
		}
	}
	return append(parts, text[min(from, len(text)):])
}

func quoteForm(s string) string {
	return strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A").Replace(s)
}

func (c *curlRun) formFile(ctx context.Context, name string) (string, int64, error) {
	full, err := machine.Full(c.p.Dir, name)
	var info *machine.Info
	if err == nil {
		info, err = c.fs.Stat(ctx, full)
	}
	if windowsError(err) {
		return "", 0, &curlFailure{code: 26, text: "Failed to open/read local data from file/application"}
	}
	if err != nil {
		return "", 0, err
	}
	return full, info.Size, nil
}

// typeOfName is curl's own short table of content types.
func typeOfName(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".gif":
		return "image/gif"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".png":
		return "image/png"
	case ".svg":
		return "image/svg+xml"
	case ".txt":
		return "text/plain"
	case ".htm", ".html":
		return "text/html"
	case ".pdf":
		return "application/pdf"
	case ".xml":
		return "application/xml"
	}
	return "application/octet-stream"
}
