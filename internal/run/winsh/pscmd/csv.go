package pscmd

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

const csvWriter = `
	Delimiter char @2 {Delimiter}
	UseCulture switch {UseCulture}
	InputObject object mandatory pipeline property
	NoTypeInformation|NTI switch
	IncludeTypeInformation|ITI switch 7
	QuoteFields|QF string[] 7
	UseQuotes|UQ string in=Never,Always,AsNeeded 7
	NoHeader switch 7
`

// csvCmdlets read and write comma-separated values.
func csvCmdlets() []*ps.Cmdlet {
	return []*ps.Cmdlet{
		{
			Name: "ConvertTo-Csv", Module: moduleUtility, DefaultSet: "Delimiter",
			Syntax: params(strings.Replace(csvWriter, "@2", "@2", 1)), Start: startToCSV,
		},
		{
			Name: "Export-Csv", Aliases: []string{"epcsv"}, Module: moduleUtility, DefaultSet: "Delimiter", ShouldProcess: true,
			Syntax: params(csvWriter + `
				Path string @1
				LiteralPath|PSPath|LP string
				Force switch
				NoClobber|NoOverwrite switch
				Encoding string in=Unicode,UTF7,UTF8,ASCII,UTF32,BigEndianUnicode,Default,OEM 5.1
				Encoding object notempty 7
				Append switch`),
			Start: startExportCSV,
		},
		{
			Name: "ConvertFrom-Csv", Module: moduleUtility, DefaultSet: "Delimiter",
			Syntax: params(`
				Delimiter char @2 notnull {Delimiter}
				UseCulture switch mandatory {UseCulture}
				InputObject object[] @1 mandatory null empty pipeline property
				Header string[] @3 notempty`),
			Start: startFromCSV,
		},
		{
			Name: "Import-Csv", Aliases: []string{"ipcsv"}, Module: moduleUtility, DefaultSet: "DelimiterPath",
			Syntax: params(`
				Delimiter char @2 notnull {DelimiterPath,DelimiterLiteralPath}
				Path string[] @1 mandatory pipeline {DelimiterPath,CulturePath}
				LiteralPath|PSPath|LP string[] mandatory property {DelimiterLiteralPath,CultureLiteralPath}
				UseCulture switch mandatory {CulturePath,CultureLiteralPath}
				Header string[] notempty
				Encoding string in=Unicode,UTF7,UTF8,ASCII,UTF32,BigEndianUnicode,Default,OEM 5.1
				Encoding object notempty 7`),
			Process: importCSV,
		},
	}
}

// csvOut writes rows.
type csvOut struct {
	c         *ps.Call
	delimiter string
	columns   []string
	begun     bool
	quotes    string
	fields    []string
	header    bool
	types     bool
}

// csvConflict is the error of parameters that exclude each other.
func csvConflict(c *ps.Call) error {
	switch {
	case c.Has("UseQuotes") && c.Has("QuoteFields"):
		return fail(invalidOperation, "You must specify either the -UseQuotes or -QuoteFields parameters, but not both.", "CannotSpecifyQuoteFieldsAndUseQuotes", ps.InvalidData, nil)
	case c.Switch("Append") && c.Switch("NoHeader"):
		return fail(invalidOperation, "You must specify either the -Append or -NoHeader parameters, but not both.", "CannotSpecifyBothAppendAndNoHeader", ps.InvalidData, nil)
	}
	return nil
}

func newCSVOut(c *ps.Call) *csvOut {
	o := &csvOut{c: c, delimiter: ",", quotes: "always", header: !c.Switch("NoHeader")}
	if c.Has("Delimiter") {
		o.delimiter = c.String("Delimiter")
	}
	if c.Has("UseQuotes") {
		o.quotes = strings.ToLower(c.String("UseQuotes"))
	}
	o.fields = c.Strings("QuoteFields")
	o.types = !c.Switch("NoTypeInformation")
	if c.Session.Edition() == ps.Core {
		o.types = c.Switch("IncludeTypeInformation")
	}
	return o
}

// lines returns what an object adds: with the first one the header.
func (o *csvOut) lines(ctx context.Context, v any) ([]string, error) {
	var list []string
	if !o.begun {
		o.begun = true
		if o.columns == nil {
			o.columns = o.columnsOf(v)
		} else if err := o.misses(v); err != nil {
			return nil, err
		}
		if o.types {
			name := o.c.Session.TypeNames(v)[0]
			list = append(list, "#TYPE "+name)
		}
		if o.header {
			var heads []string
			for _, c := range o.columns {
				heads = append(heads, o.quote(c, c))
			}
			list = append(list, strings.Join(heads, o.delimiter))
		}
	}
	row, err := o.row(ctx, v)
	return append(list, row), err
}

// misses is the error of an object that is appended to a file and has not all of
// its columns.
func (o *csvOut) misses(v any) error {
	if o.c.Switch("Force") {
		return nil
	}
	has := o.columnsOf(v)
	for _, column := range o.columns {
		if slices.ContainsFunc(has, func(name string) bool { return strings.EqualFold(name, column) }) {
			continue
		}
		return fail(invalidOperation, "Cannot append CSV content to the following file: "+o.c.String("Path")+o.c.String("LiteralPath")+
			". The appended object does not have a property that corresponds to the following column: "+column+
			". To continue with mismatched properties, add the -Force parameter, and then retry the command.",
			"CannotAppendCsvWithMismatchedPropertyNames", ps.InvalidData, column)
	}
	return nil
}

func (o *csvOut) columnsOf(v any) []string {
	if h, ok := ps.Unwrap(v).(*ps.Hashtable); ok && o.c.Session.Edition() == ps.Core {
		var names []string
		for _, k := range h.Keys() {
			names = append(names, o.c.Session.ToString(k))
		}
		return names
	}
	var names []string
	for _, p := range o.c.Session.Properties(v) {
		if p.Gettable && !p.Hidden {
			names = append(names, p.Name)
		}
	}
	return names
}

func (o *csvOut) row(ctx context.Context, v any) (string, error) {
	var cells []string
	h, table := ps.Unwrap(v).(*ps.Hashtable)
	for _, name := range o.columns {
		var x any
		var err error
		if table && o.c.Session.Edition() == ps.Core {
			x, _ = h.Get(name)
		} else if x, _, err = o.c.Session.Property(ctx, v, name); err != nil {
			if fatal(err) {
				return "", err
			}
			x = nil
		}
		if ps.IsNull(x) {
			cells = append(cells, "")
			continue
		}
		cells = append(cells, o.quote(name, csvText(o.c.Session, x)))
	}
	return strings.Join(cells, o.delimiter), nil
}

// csvText is a value as ToString() of .NET writes it: lists show their type.
func csvText(s *ps.Session, v any) string {
	if a, ok := ps.Unwrap(v).(*ps.Array); ok {
		return a.Type
	}
	if _, ok := ps.Unwrap(v).(*ps.Bytes); ok {
		return "System.Byte[]"
	}
	return s.Display(v)
}

func (o *csvOut) quote(column, text string) string {
	quoted := `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
	switch {
	case len(o.fields) > 0:
		if !slices.ContainsFunc(o.fields, func(f string) bool { return strings.EqualFold(f, column) }) {
			return text
		}
	case o.quotes == "never":
		return text
	case o.quotes == "asneeded":
		if !strings.ContainsAny(text, "\"\r\n"+o.delimiter) {
			return text
		}
	}
	return quoted
}

// each returns a Process that does something with the lines of each object.
func (o *csvOut) each(do func(ctx context.Context, c *ps.Call, line string) error) func(context.Context, *ps.Call) error {
	return func(ctx context.Context, c *ps.Call) error {
		v := c.Value("InputObject")
		if ps.IsNull(v) {
			return nil
		}
		lines, err := o.lines(ctx, v)
		if err != nil {
			return err
		}
		for _, l := range lines {
			if err := do(ctx, c, l); err != nil {
				return err
			}
		}
		return nil
	}
}

func startToCSV(_ context.Context, c *ps.Call) (ps.Steps, error) {
	if err := csvConflict(c); err != nil {
		return ps.Steps{}, err
	}
	o := newCSVOut(c)
	return ps.Steps{Process: o.each(func(ctx context.Context, c *ps.Call, line string) error { return c.Write(ctx, line) })}, nil
}

func startExportCSV(ctx context.Context, c *ps.Call) (ps.Steps, error) {
	if !c.Has("Path") && !c.Has("LiteralPath") {
		return ps.Steps{}, fail(invalidOperation, "You must specify either the -Path or -LiteralPath parameters, but not both.", "CannotSpecifyPathAndLiteralPath", ps.InvalidData, nil)
	}
	if err := csvConflict(c); err != nil {
		return ps.Steps{}, err
	}
	other := ASCII()
	if c.Session.Edition() == ps.Core {
		other = UTF8(false)
	}
	cs, _, err := charsetOf(c, "Encoding", other)
	if err != nil {
		return ps.Steps{}, err
	}
	yes, err := c.ShouldProcess(ctx, c.String("Path")+c.String("LiteralPath"), "Export-Csv")
	if err != nil || !yes {
		return ps.Steps{}, err
	}
	o := newCSVOut(c)
	if c.Switch("Append") {
		if err := o.appendTo(ctx); err != nil {
			return ps.Steps{}, err
		}
	}
	out, err := openOutFile(ctx, c, "Path", cs, outOptions{append: c.Switch("Append"), force: c.Switch("Force"), noClobber: c.Switch("NoClobber"), explicit: c.Has("Encoding")})
	if err != nil {
		return ps.Steps{}, err
	}
	return ps.Steps{
		Process: o.each(func(_ context.Context, _ *ps.Call, line string) error {
			_, err := out.w.Write(out.charset.Encode(line + "\r\n"))
			return err
		}),
		End:   out.finish,
		Close: out.shut,
	}, nil
}

// appendTo takes the columns of the file that rows are appended to.
func (o *csvOut) appendTo(ctx context.Context) error {
	path, err := outPath(ctx, o.c, "Path")
	if err != nil {
		return err
	}
	f, err := o.c.Session.Machine().FS().Open(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return outFileError(err)
	}
	defer f.Close()
	text, err := UTF8(false).NewReader(f)
	if err != nil {
		return err
	}
	r := &csvReader{r: text, delimiter: []rune(o.delimiter)[0]}
	for {
		row, ok, err := r.row()
		if err != nil {
			return err
		}
		if !ok {
			return nil
		}
		if len(row) > 0 && strings.HasPrefix(row[0].text, "#TYPE ") {
			continue
		}
		for _, cell := range row {
			o.columns = append(o.columns, cell.text)
		}
		o.types, o.header = false, false
		return nil
	}
}

// csvCell is a value of a row; a quoted one is not empty even if it is.
type csvCell struct {
	text   string
	quoted bool
}

// csvReader reads rows, which quotes may stretch over lines.
type csvReader struct {
	r         *bufio.Reader
	delimiter rune
}

// row reads one row. Lines without anything are left out.
func (r *csvReader) row() ([]csvCell, bool, error) {
	for {
		row, ok, err := r.line()
		if err != nil || !ok {
			return nil, false, err
		}
		if len(row) == 1 && row[0].text == "" && !row[0].quoted {
			continue
		}
		return row, true, nil
	}
}

func (r *csvReader) line() ([]csvCell, bool, error) {
	var row []csvCell
	var cell strings.Builder
	quoted, inside, any := false, false, false
	end := func() {
		row = append(row, csvCell{cell.String(), quoted})
		cell.Reset()
		quoted = false
	}
	for {
		c, _, err := r.r.ReadRune()
		if errors.Is(err, io.EOF) {
			if !any {
				return nil, false, nil
			}
			end()
			return row, true, nil
		}
		if err != nil {
			return nil, false, err
		}
		any = true
		switch {
		case inside && c == '"':
			next, _, err := r.r.ReadRune()
			if err == nil && next == '"' {
				cell.WriteByte('"')
				continue
			}
			if err == nil {
				if err := r.r.UnreadRune(); err != nil {
					return nil, false, err
				}
			}
			inside = false
		case inside:
			cell.WriteRune(c)
		case c == '"' && strings.TrimSpace(cell.String()) == "":
			cell.Reset()
			quoted, inside = true, true
		case c == r.delimiter:
			end()
		case c == '\r' || c == '\n':
			if c == '\r' {
				if next, _, err := r.r.ReadRune(); err == nil && next != '\n' {
					if err := r.r.UnreadRune(); err != nil {
						return nil, false, err
					}
				}
			}
			end()
			return row, true, nil
		case (c == ' ' || c == '\t') && cell.Len() == 0 && !quoted: // blanks before a value do not count
		case quoted && (c == ' ' || c == '\t'): // nor those behind a quote
		default:
			cell.WriteRune(c)
		}
	}
}

// objects turns rows into objects.
func (r *csvReader) objects(ctx context.Context, c *ps.Call, header []string, write func(*ps.Object) error) error {
	typ := ""
	for first := true; ; first = false {
		row, ok, err := r.row()
		if err != nil || !ok {
			return err
		}
		if first && strings.HasPrefix(row[0].text, "#TYPE ") && !row[0].quoted {
			typ = strings.TrimPrefix(row[0].text, "#TYPE ")
			continue
		}
		if header == nil {
			if header, err = csvHeader(ctx, c, row); err != nil {
				return err
			}
			continue
		}
		o := ps.NewCustom()
		for i, name := range header {
			var v any
			if i < len(row) {
				v = row[i].text
			}
			o.Set(name, v)
		}
		if typ != "" {
			o.AddType("CSV:" + typ)
			o.AddType(typ)
		}
		if err := c.Session.Machine().Tick(ctx); err != nil {
			return err
		}
		if err := write(o); err != nil {
			return err
		}
	}
}

// csvHeader reads the names of columns; those without one are numbered.
func csvHeader(ctx context.Context, c *ps.Call, row []csvCell) ([]string, error) {
	names := make([]string, 0, len(row))
	missing := false
	for i, cell := range row {
		name := cell.text
		if name == "" {
			missing = true
			name = "H" + strconv.Itoa(i+1)
		}
		if slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) }) {
			return nil, fail("System.Management.Automation.ExtendedTypeSystemException", "The member \""+name+"\" is already present.", "AlreadyPresentPSMemberInfoInternalCollectionAdd", ps.NotSpecified, nil)
		}
		names = append(names, name)
	}
	if missing {
		return names, c.Warning(ctx, `One or more headers were not specified. Default names starting with "H" have been used in place of any missing headers.`)
	}
	return names, nil
}

func csvDelimiter(c *ps.Call) rune {
	if c.Has("Delimiter") {
		if r := []rune(c.String("Delimiter")); len(r) > 0 {
			return r[0]
		}
	}
	return ','
}

func startFromCSV(_ context.Context, c *ps.Call) (ps.Steps, error) {
	var text strings.Builder
	return ps.Steps{
		Process: func(_ context.Context, c *ps.Call) error {
			for _, line := range c.Strings("InputObject") {
				text.WriteString(line + "\r\n")
			}
			return nil
		},
		End: func(ctx context.Context, c *ps.Call) error {
			r := &csvReader{r: bufio.NewReader(strings.NewReader(text.String())), delimiter: csvDelimiter(c)}
			return r.objects(ctx, c, csvNames(c), func(o *ps.Object) error { return c.Write(ctx, o) })
		},
	}, nil
}

func csvNames(c *ps.Call) []string {
	if c.Has("Header") {
		return c.Strings("Header")
	}
	return nil
}

func importCSV(ctx context.Context, c *ps.Call) error {
	cs, _, err := charsetOf(c, "Encoding", UTF8(false))
	if err != nil {
		return err
	}
	list, literal := paths(c)
	for _, path := range list {
		nodes, err := finder{s: c.Session}.find(ctx, path, literal)
		if err != nil {
			if fatal(err) {
				return err
			}
			full := path
			if p, err := c.Session.File(path); err == nil {
				full = p
			}
			return fail(fileNotFound, "Could not find file '"+full+"'.", "FileOpenFailure", ps.OpenError, nil)
		}
		for _, n := range nodes {
			if err := importCSVFile(ctx, c, n, cs); err != nil {
				return err
			}
		}
	}
	return nil
}

func importCSVFile(ctx context.Context, c *ps.Call, n *node, cs *Charset) error {
	if n.Provider != fileSystem {
		return machine.Refuse("Import-Csv "+n.String(), "only files can be imported", "")
	}
	f, err := c.Session.Machine().FS().Open(ctx, n.Name)
	if err != nil {
		return outFileError(err)
	}
	defer f.Close()
	text, err := cs.NewReader(f)
	if err != nil {
		return err
	}
	r := &csvReader{r: text, delimiter: csvDelimiter(c)}
	ctx = withOpen(ctx, n.Name)
	return r.objects(ctx, c, csvNames(c), func(o *ps.Object) error { return c.Write(ctx, o) })
}
