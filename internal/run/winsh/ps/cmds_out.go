package ps

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

func outCmdlets() []*Cmdlet {
	input := Parameter{Name: "InputObject", FromPipeline: true}
	host := func(name string, more ...Parameter) *Cmdlet {
		return &Cmdlet{Name: name, Module: modCore, Parameters: append([]Parameter{input}, more...), Start: startOutHost}
	}
	outHost := host("Out-Host", Parameter{Name: "Paging", Type: "switch"})
	outHost.Aliases = []string{"oh"}
	return []*Cmdlet{
		host("Out-Default", Parameter{Name: "Transcript", Type: "switch"}),
		outHost,
		{Name: "Out-Null", Module: modCore, Parameters: []Parameter{input}, Process: func(context.Context, *Call) error { return nil }},
		{Name: "Out-String", Aliases7: []string{"ost"}, Module: modUtility, Parameters: []Parameter{input,
			{Name: "Stream", Type: "switch", Sets: []string{"StreamFormatting"}}, {Name: "Width", Type: "int", Min: 2, Max: 1 << 31},
			{Name: "NoNewline", Type: "switch", Edition: Core, Sets: []string{"NoNewLineFormatting"}}},
			DefaultSet: "NoNewLineFormatting", Start: startOutString},
	}
}

func inputObject(c *Call) any {
	if v, ok := c.Input(); ok {
		return v
	}
	return c.Value("InputObject")
}

func startOutHost(_ context.Context, c *Call) (Steps, error) {
	s := c.Session
	p := s.NewPrinter(hostWidth, func(_ context.Context, text string) error { return s.host.write(s.host.out, text+"\r\n") })
	return Steps{
		Process: func(ctx context.Context, c *Call) error {
			v := inputObject(c)
			if r, ok := Unwrap(v).(*ErrorRecord); ok && !r.native {
				return s.host.show(ctx, StreamError, r)
			}
			return p.Write(ctx, v)
		},
		End: func(ctx context.Context, _ *Call) error { return p.Close(ctx) },
	}, nil
}

func startOutString(_ context.Context, c *Call) (Steps, error) {
	var b strings.Builder
	s, stream := c.Session, c.Switch("Stream")
	end := "\r\n"
	if c.Switch("NoNewline") {
		end = ""
	}
	p := s.NewPrinter(c.Int("Width", 0), func(ctx context.Context, text string) error {
		if stream {
			return c.Write(ctx, text)
		}
		b.WriteString(text + end)
		return s.fits(int64(b.Len()))
	})
	return Steps{
		Process: func(ctx context.Context, c *Call) error { return p.Write(ctx, inputObject(c)) },
		End: func(ctx context.Context, c *Call) error {
			if err := p.Close(ctx); err != nil || stream {
				return err
			}
			return c.Write(ctx, b.String())
		},
	}, nil
}

func writeCmdlets() []*Cmdlet {
	message := func(name, class string, n Stream, alias ...string) *Cmdlet {
		return &Cmdlet{Name: name, Module: modUtility, Class: class, Parameters: []Parameter{
			{Name: "Message", Aliases: append([]string{"Msg"}, alias...), Type: "string", Pos: 1, Mandatory: true, AllowEmpty: true, FromPipeline: true}},
			Process: func(ctx context.Context, c *Call) error { return c.frame.writeStream(ctx, n, c.String("Message")) }}
	}
	return []*Cmdlet{
		{Name: "Write-Output", Aliases: []string{"echo", "write"}, Module: modUtility, Parameters: []Parameter{
			{Name: "InputObject", Type: "object[]", Pos: 1, Mandatory: true, AllowNull: true, AllowEmpty: true, FromPipeline: true, Remaining: true},
			{Name: "NoEnumerate", Type: "switch"}},
			Process: writeOutput},
		{Name: "Write-Host", Module: modUtility, Parameters: []Parameter{
			{Name: "Object", Aliases: []string{"Msg", "Message"}, Type: "object", Pos: 1, FromPipeline: true, Remaining: true},
			{Name: "NoNewline", Type: "switch"}, {Name: "Separator", Type: "object"},
			{Name: "ForegroundColor", Type: "string", ValidateSet: consoleColors()}, {Name: "BackgroundColor", Type: "string", ValidateSet: consoleColors()}},
			Process: writeHost},
		writeErrorCmdlet(),
		message("Write-Warning", "", StreamWarning), message("Write-Verbose", "", StreamVerbose), message("Write-Debug", "", StreamDebug),
		{Name: "Write-Information", Module: modUtility, Parameters: []Parameter{
			{Name: "MessageData", Aliases: []string{"Msg", "Message"}, Pos: 1, Mandatory: true, FromPipeline: true},
			{Name: "Tags", Type: "string[]", Pos: 2}},
			Process: func(ctx context.Context, c *Call) error {
				return c.Information(ctx, c.Value("MessageData"), c.Strings("Tags")...)
			}},
		{Name: "Write-Progress", Module: modUtility, Parameters: []Parameter{
			{Name: "Activity", Type: "string", Pos: 1, Mandatory: true, Edition: Desktop}, {Name: "Activity", Type: "string", Pos: 1, Edition: Core}, {Name: "Status", Type: "string", Pos: 2}, {Name: "Id", Type: "int", Pos: 3},
			{Name: "PercentComplete", Type: "int"}, {Name: "SecondsRemaining", Type: "int"}, {Name: "CurrentOperation", Type: "string"},
			{Name: "ParentId", Type: "int"}, {Name: "Completed", Type: "switch"}, {Name: "SourceId", Type: "int"}},
			// Nobody sees a bar where the output is no terminal.
			Process: func(context.Context, *Call) error { return nil }},
	}
}

func consoleColors() []string {
	return []string{"Black", "DarkBlue", "DarkGreen", "DarkCyan", "DarkRed", "DarkMagenta", "DarkYellow", "Gray", "DarkGray", "Blue", "Green", "Cyan", "Red", "Magenta", "Yellow", "White"}
}

func writeOutput(ctx context.Context, c *Call) error {
	v := c.Value("InputObject")
	if a, ok := Unwrap(v).(*Array); ok && len(a.Items) == 1 {
		v = a.Items[0]
	}
	if c.Switch("NoEnumerate") {
		return c.Write(ctx, v)
	}
	return c.WriteEach(ctx, v)
}

// writeHost writes to the host; a redirected information stream gets it as a
// record.
func writeHost(ctx context.Context, c *Call) error {
	s := c.Session
	sep := " "
	if c.Has("Separator") {
		sep = c.String("Separator")
	}
	text := hostText(s, c.Value("Object"), sep)
	rec := s.Object("System.Management.Automation.InformationRecord",
		&information{s: s, host: true, tags: []string{"PSHOST"}, data: s.Object("System.Management.Automation.HostInformationMessage", hostMessage{text, c.Switch("NoNewline")})})
	if l := c.frame.vars.info; l != nil {
		l.Items = append(l.Items, rec)
	}
	if c.frame.vars.infoAction == "Ignore" {
		return nil
	}
	if to := s.streams[StreamInformation]; to != nil {
		return to(ctx, rec)
	}
	end := "\r\n"
	if c.Switch("NoNewline") {
		end = ""
	}
	return s.HostWrite(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n") + end)
}

// hostText joins what Write-Host gets: elements of collections are joined too.
func hostText(s *Session, v any, sep string) string {
	switch {
	case IsNull(v):
		return ""
	case Enumerable(v):
		var parts []string
		for _, x := range Items(v) {
			parts = append(parts, hostText(s, x, sep))
		}
		return strings.Join(parts, sep)
	}
	if h, ok := Unwrap(v).(*Hashtable); ok {
		var parts []string
		for range h.Entries() {
			parts = append(parts, "System.Collections.DictionaryEntry")
		}
		return strings.Join(parts, sep)
	}
	return s.Display(v)
}

func writeErrorCmdlet() *Cmdlet {
	own, exc, rec := []string{"NoException"}, []string{"WithException"}, []string{"ErrorRecord"}
	both := []string{"NoException", "WithException"}
	return &Cmdlet{
		Name: "Write-Error", Module: modUtility, DefaultSet: "NoException",
		Parameters: []Parameter{
			{Name: "Message", Aliases: []string{"Msg"}, Type: "string", Pos: 1, Mandatory: true, AllowNull: true, AllowEmpty: true, FromPipeline: true, Sets: own},
			{Name: "Message", Type: "string", Sets: exc},
			{Name: "Exception", Type: "System.Exception", Mandatory: true, Sets: exc, Edition: Desktop},
			{Name: "Exception", Type: "System.Exception", Pos: 1, Mandatory: true, Sets: exc, Edition: Core},
			{Name: "ErrorRecord", Type: "System.Management.Automation.ErrorRecord", Mandatory: true, Sets: rec, Edition: Desktop},
			{Name: "ErrorRecord", Type: "System.Management.Automation.ErrorRecord", Pos: 1, Mandatory: true, Sets: rec, Edition: Core},
			{Name: "Category", Type: "System.Management.Automation.ErrorCategory", Sets: both},
			{Name: "ErrorId", Type: "string", Sets: both}, {Name: "TargetObject", Sets: both},
			{Name: "RecommendedAction", Type: "string"}, {Name: "CategoryActivity", Aliases: []string{"Activity"}, Type: "string"},
			{Name: "CategoryReason", Aliases: []string{"Reason"}, Type: "string"}, {Name: "CategoryTargetName", Aliases: []string{"TargetName"}, Type: "string"},
			{Name: "CategoryTargetType", Aliases: []string{"TargetType"}, Type: "string"},
		},
		Process: writeErrorRecord,
	}
}

// writeErrorRecord writes an error that belongs to the function or script that
// calls Write-Error.
func writeErrorRecord(ctx context.Context, c *Call) error {
	s := c.Session
	var r *ErrorRecord
	if x, ok := c.Value("ErrorRecord").(*ErrorRecord); ok {
		c := *x
		c.logged, c.final, c.thrown = false, false, false
		r = &c
	} else {
		x, _ := c.Value("Exception").(*Exception)
		if x == nil {
			x = NewException("Microsoft.PowerShell.Commands.WriteErrorException", c.String("Message"))
		}
		r = &ErrorRecord{Exception: x, ID: c.String("ErrorId"), Category: NotSpecified, Target: c.Value("TargetObject")}
		if r.ID == "" {
			r.ID = x.Type
		}
		if e, ok := c.Value("Category").(Enum); ok {
			r.Category = Category(s.EnumName(e))
		}
		if c.Has("Message") && c.Has("Exception") {
			r.Details = c.String("Message")
		}
	}
	r.Recommended = c.String("RecommendedAction")
	r.Activity, r.Reason = "Write-Error", c.String("CategoryReason")
	if c.Has("CategoryActivity") {
		r.Activity = c.String("CategoryActivity")
	}
	r.TargetName, r.TargetType = c.String("CategoryTargetName"), c.String("CategoryTargetType")
	s.callerOf(r)
	return c.frame.e.writeErrorTo(ctx, r, c.frame.vars.errorAction, c.frame.vars.err)
}

// callerOf gives an error the place and the name of the function or script
// that writes it.
func (s *Session) callerOf(r *ErrorRecord) {
	f := s.frame
	switch {
	case f == nil:
		r.noPlace = true
	case f.block != nil && f.block.name != "":
		r.origin, r.called, r.at = shownName(f.name, f.block.name), f.name, f.at
		r.command = f.block.name
	case f.file != "" && f.script:
		r.origin, r.at = f.file, f.at
		r.command, r.noPlace = f.file[strings.LastIndexByte(f.file, '\\')+1:], f.at.Source == nil
	default:
		r.origin, r.noPlace = blockText(f.block), true
	}
	if r.command == "" {
		r.command = ""
	}
}

// formatParams are those that all Format-* cmdlets have.
func formatParams(more ...Parameter) []Parameter {
	return append([]Parameter{
		{Name: "Property", Type: "object[]", Pos: 1},
		{Name: "GroupBy", Type: "object"}, {Name: "View", Type: "string", Refuse: "named views are not supported", Way: "use -Property"},
		{Name: "ShowError", Type: "switch", Refuse: "errors of properties are not shown", Way: "leave the parameter out"},
		{Name: "DisplayError", Type: "switch", Refuse: "errors of properties are not shown", Way: "leave the parameter out"},
		{Name: "Force", Type: "switch"},
		{Name: "Expand", Type: "string", ValidateSet: []string{"CoreOnly", "EnumOnly", "Both"}, Refuse: "collections are always expanded", Way: "leave the parameter out"},
		{Name: "InputObject", FromPipeline: true},
	}, more...)
}

func formatCmdlets() []*Cmdlet {
	make := func(name, alias string, sh shape, more ...Parameter) *Cmdlet {
		return &Cmdlet{Name: name, Aliases: []string{alias}, Module: modUtility, Parameters: formatParams(more...),
			Start: func(ctx context.Context, c *Call) (Steps, error) { return startFormat(c, sh) }}
	}
	return []*Cmdlet{
		make("Format-Table", "ft", shapeTable, Parameter{Name: "AutoSize", Type: "switch"}, Parameter{Name: "HideTableHeaders", Type: "switch"}, Parameter{Name: "Wrap", Type: "switch"},
			Parameter{Name: "RepeatHeader", Type: "switch", Edition: Core}),
		make("Format-List", "fl", shapeList),
		make("Format-Wide", "fw", shapeWide, Parameter{Name: "AutoSize", Type: "switch"}, Parameter{Name: "Column", Type: "int"}),
		{Name: "Format-Custom", Aliases: []string{"fc"}, Module: modUtility, Refuse: "the custom format of objects is not supported", Way: "use Format-List"},
	}
}

// startFormat collects the objects and writes them as one formatted document;
// texts and numbers pass through, those behind the first object within it.
func startFormat(c *Call, sh shape) (Steps, error) {
	s := c.Session
	var items []any
	var l *layout
	force := c.Switch("Force")
	one := func(ctx context.Context, v any) error {
		if IsNull(v) {
			return nil
		}
		if l == nil {
			if !force && s.isOutOfBand(v) {
				return c.Write(ctx, v)
			}
			made, err := formatLayout(ctx, c, sh, v)
			if err != nil {
				return err
			}
			l = made
		}
		items = append(items, v)
		return nil
	}
	return Steps{
		Process: func(ctx context.Context, c *Call) error {
			v := inputObject(c)
			if h, ok := Unwrap(v).(*Hashtable); ok {
				for _, e := range h.Entries() {
					if err := one(ctx, e); err != nil {
						return err
					}
				}
				return nil
			}
			for _, x := range Items(v) {
				if err := one(ctx, x); err != nil {
					return err
				}
			}
			return nil
		},
		End: func(ctx context.Context, _ *Call) error {
			if len(items) == 0 {
				return nil
			}
			f := &formatted{layout: l, items: items, force: force}
			return c.Write(ctx, s.Object("Microsoft.PowerShell.Commands.Internal.Format.FormatStartData", f))
		},
	}, nil
}

// formatLayout is how a Format-* cmdlet shows objects like v.
func formatLayout(ctx context.Context, c *Call, sh shape, v any) (*layout, error) {
	s := c.Session
	l := &layout{shape: sh, auto: true}
	w, name := s.findView(v)
	switch {
	case c.Has("Property"):
		columns, err := formatColumns(ctx, c, v)
		if err != nil {
			return nil, err
		}
		l.columns = columns
	case w != nil && sh == shapeTable && w.Table != nil:
		l = s.viewLayout(w, name)
		l.auto = l.auto || c.Switch("AutoSize")
	case w != nil && sh == shapeList && w.List != nil:
		l = &layout{shape: sh, columns: w.List, view: w, typ: name, group: w.Group, header: w.Header}
	case w != nil && sh == shapeList && w.Table != nil && w.Group != nil:
		l = &layout{shape: sh, columns: s.defaultColumns(v), view: w, typ: name, each: true, group: w.Group, header: w.Header}
	case sh == shapeWide:
		l.columns = []Column{{Property: wideProperty(s, w, v)}}
	default:
		l.columns, l.each = s.defaultColumns(v), true
		if sh == shapeTable && len(l.columns) > 10 {
			l.columns = l.columns[:10]
		}
	}
	if g := c.Value("GroupBy"); g != nil {
		col, err := formatColumn(ctx, c, g)
		if err != nil {
			return nil, err
		}
		l.group = func(ctx context.Context, s *Session, v any) string { return s.cell(ctx, col, v) }
		l.header = func(group string) string { return "   " + col.label() + ": " + group }
	}
	if len(l.columns) == 0 && sh != shapeCustom {
		l.shape, l.custom = shapeCustom, func(_ context.Context, s *Session, v any) []string { return splitLines(s.Display(v)) }
	}
	if sh == shapeTable && l.view == nil && len(l.columns) > 0 {
		l.auto = l.columns[0].Width == 0 || c.Switch("AutoSize")
	}
	l.hide, l.wrap = l.hide || c.Switch("HideTableHeaders"), c.Switch("Wrap")
	l.perRow = c.Int("Column", 0)
	if sh == shapeWide {
		l.auto = c.Switch("AutoSize")
	}
	return l, nil
}

func wideProperty(s *Session, w *View, v any) string {
	if w != nil && w.Wide != "" {
		return w.Wide
	}
	for _, m := range s.Properties(v) {
		if strings.EqualFold(m.Name, "Name") || strings.EqualFold(m.Name, "Id") {
			return m.Name
		}
	}
	if list := s.defaultColumns(v); len(list) > 0 {
		return list[0].Property
	}
	return ""
}

func formatColumns(ctx context.Context, c *Call, v any) ([]Column, error) {
	var list []Column
	for _, p := range c.Values("Property") {
		if name, ok := Unwrap(p).(string); ok && HasWildcard(name) {
			for _, m := range c.Session.Properties(v) {
				if m.Gettable && Like(name, m.Name, false) {
					list = append(list, Column{Property: m.Name})
				}
			}
			continue
		}
		col, err := formatColumn(ctx, c, p)
		if err != nil {
			return nil, err
		}
		if col.Value == nil {
			for _, m := range c.Session.Properties(v) {
				if strings.EqualFold(m.Name, col.Property) {
					col.Property = m.Name
				}
			}
		}
		list = append(list, col)
	}
	return list, nil
}

// formatColumn reads a property of Format-*: a name, a script block, or a table
// with Label, Expression, Width, Alignment and FormatString.
func formatColumn(_ context.Context, c *Call, p any) (Column, error) {
	switch x := Unwrap(p).(type) {
	case *ScriptBlock:
		return Column{Label: x.String(), Value: blockValue(x)}, nil
	case *Hashtable:
		var col Column
		for _, e := range x.Entries() {
			key := strings.ToLower(c.Session.ToString(e.Key))
			switch {
			case key == "":
			case strings.HasPrefix("label", key), strings.HasPrefix("name", key):
				col.Label = c.Session.ToString(e.Value)
			case strings.HasPrefix("expression", key):
				if b, ok := Unwrap(e.Value).(*ScriptBlock); ok {
					col.Value = blockValue(b)
					if col.Label == "" {
						col.Property = b.String()
					}
				} else {
					col.Property = c.Session.ToString(e.Value)
				}
			case strings.HasPrefix("width", key):
				n, _ := toInt64(e.Value)
				col.Width = int(n)
			case strings.HasPrefix("alignment", key):
				a := strings.ToLower(c.Session.ToString(e.Value))
				col.Left, col.Right, col.Center = a == "left", a == "right", a == "center"
			case strings.HasPrefix("formatstring", key):
				col.Format = c.Session.ToString(e.Value)
			default:
				return col, machine.Refuse("Format-Table key "+key, "this key of a calculated property is not known", "use Label and Expression")
			}
		}
		return col, nil
	}
	return Column{Property: c.Session.ToString(p)}, nil
}

// blockValue computes a column by a script block.
func blockValue(b *ScriptBlock) func(ctx context.Context, s *Session, v any) (any, error) {
	return func(ctx context.Context, s *Session, v any) (any, error) {
		out, err := s.Call(ctx, b, CallOptions{Under: v, HasUnder: true, SameScope: true})
		return notEmpty(Collect(out)), err
	}
}
