package ps

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/pslang"
)

// hostWidth is the width of the console that a container's process has.
const hostWidth = 80

func (s *Session) positionMessage(at pslang.Extent) string {
	if at.Source == nil {
		return ""
	}
	return strings.ReplaceAll(at.Describe(s.edition == Core), "\n", "\r\n")
}

// FullID is the FullyQualifiedErrorId.
func (r *ErrorRecord) FullID() string {
	if r.command == "" {
		return r.ID
	}
	if r.ID == "" {
		return r.command
	}
	return r.ID + "," + r.command
}

// reason is CategoryInfo.Reason: the exception's short name.
func (r *ErrorRecord) reason() string {
	if r.Reason != "" || r.Exception == nil {
		return r.Reason
	}
	return r.Exception.Type[strings.LastIndexAny(r.Exception.Type, ".+")+1:]
}

func (s *Session) targetName(r *ErrorRecord) string {
	if r.TargetName != "" || IsNull(r.Target) {
		return r.TargetName
	}
	return s.ToString(r.Target)
}

func (s *Session) targetType(r *ErrorRecord) string {
	if r.TargetType != "" || IsNull(r.Target) {
		return r.TargetType
	}
	if t := s.engine.TypeOf(r.Target); t != nil {
		return t.leaf()
	}
	return ""
}

// categoryInfo is "ObjectNotFound: (C:\x:String) [Get-Item], ItemNotFoundException".
func (s *Session) categoryInfo(r *ErrorRecord) string {
	cut := func(text string) string {
		text = strings.NewReplacer("\r", "", "\n", "").Replace(text)
		u := Units(text)
		if len(u) <= 40 {
			return text
		}
		if s.edition == Core {
			return Text(u[:19]) + "…" + Text(u[len(u)-19:])
		}
		return Text(u[:15]) + "..." + Text(u[len(u)-15:])
	}
	reason := r.reason()
	if r.Reason != "" {
		reason = cut(reason) // the name of a type is never shortened
	}
	return string(r.Category) + ": (" + cut(s.targetName(r)) + ":" + cut(s.targetType(r)) + ") [" + cut(r.Activity) + "], " + reason
}

// errorText is what the host shows of an error.
func (s *Session) errorText(r *ErrorRecord) string {
	view, _ := s.Variable("ErrorView")
	name := strings.ToLower(s.ToString(view))
	switch {
	case name == "categoryview":
		return s.categoryInfo(r)
	case s.edition == Core && name != "normalview":
		return s.conciseView(r)
	}
	return s.normalView(r)
}

// normalView is the view of 5.1.
func (s *Session) normalView(r *ErrorRecord) string {
	if r.native && r.ID == "NativeCommandErrorMessage" {
		return r.Message()
	}
	if r.syntax != nil {
		return r.Message() + s.errorTail(r)
	}
	var b strings.Builder
	if p := s.errorPrefix(r); p != "" {
		b.WriteString(p + " : ")
	}
	b.WriteString(r.Message())
	if pos := s.positionMessage(r.at); pos != "" && !r.noPlace {
		b.WriteString("\r\n" + pos)
	}
	b.WriteString(s.errorTail(r))
	return b.String()
}

// errorTail are the lines with category and id, cut at the console's width.
func (s *Session) errorTail(r *ErrorRecord) string {
	text := ""
	for _, line := range []string{"+ CategoryInfo          : " + s.categoryInfo(r), "+ FullyQualifiedErrorId : " + r.FullID()} {
		text += "\r\n"
		u := Units(line)
		for len(u) > 0 {
			n := min(len(u), hostWidth-6)
			text += "    " + Text(u[:n])
			u = u[n:]
		}
	}
	if r.Details != "" {
		return text
	}
	return text + "\r\n "
}

// errorPrefix is the command in front of the message.
func (s *Session) errorPrefix(r *ErrorRecord) string {
	if r.origin != "" {
		return r.origin
	}
	if r.command != "" || r.native {
		return shownName(r.called, r.Activity)
	}
	return ""
}

// shownName is the name of a command in messages: as it was called, without the
// operator that called it.
func shownName(called, name string) string {
	switch called {
	case "", "&", ".":
		return name
	}
	return called
}

// conciseView is the view of 7.
func (s *Session) conciseView(r *ErrorRecord) string {
	if r.native {
		return r.Message()
	}
	from := r.at.From()
	file := ""
	if r.at.Source != nil {
		file = r.at.Source.Name
	}
	message := r.Message()
	detail := ""
	if r.at.Source != nil && !r.noPlace && (file != "" || from.Line > 1 || r.Category == ParserError) {
		detail, message = s.conciseDetail(r, file, from.Line, message)
	}
	return s.conciseReason(r) + ": " + detail + message
}

// conciseDetail shows the line of an error that stands in a file, or behind the
// first line of a command.
func (s *Session) conciseDetail(r *ErrorRecord, file string, number int, message string) (detail, text string) {
	n := intText(int64(number))
	head := strings.Repeat(" ", max(0, len(n)-4))
	pad := strings.Repeat(" ", max(0, 4-len(n)))
	lines := strings.Split(r.at.Describe(true), "\n")
	detail = "\r\n"
	if file != "" {
		detail = file + ":" + n + "\r\n"
	}
	detail += head + "Line |\r\n"
	prefix := head + "     | "
	code, mark := lines[1][1:], lines[len(lines)-1][1:]
	detail += pad + n + " | " + code + "\r\n" + prefix + mark + "\r\n"
	if _, said, ok := strings.Cut(message, "~\r\n"); ok && r.Category == ParserError {
		message, _, _ = strings.Cut(said, "\r\n\r\n")
	}
	text = prefix + message
	if file == "" && r.Category != ParserError {
		return detail, text
	}
	text = strings.NewReplacer("\r\n", " ", "\n", " ", "\t", " ").Replace(text)
	return detail, s.conciseWrap(text, prefix) + "\r\n"
}

// conciseWrap breaks a message at blanks, each line behind the prefix.
func (s *Session) conciseWrap(text, prefix string) string {
	cut := func(line string) string {
		if len(line) <= hostWidth {
			return line
		}
		if i := strings.LastIndexAny(line[:hostWidth], " \t"); i > 0 {
			return line[:i]
		}
		return line[:hostWidth]
	}
	if len(text) <= hostWidth {
		return text
	}
	first := cut(text)
	out := first + "\r\n"
	rest := strings.TrimSpace(text[len(first):])
	for len(rest)+len(prefix) > hostWidth {
		line := cut(prefix + rest)
		if len(line) <= len(prefix) {
			break
		}
		out += line + "\r\n"
		rest = strings.TrimSpace(rest[len(line)-len(prefix):])
	}
	return out + prefix + strings.TrimSpace(rest)
}

func (s *Session) conciseReason(r *ErrorRecord) string {
	switch {
	case r.Exception != nil && r.Exception.thrown:
		return "Exception"
	case r.origin != "" && r.command != "" && s.global.funcs[strings.ToLower(r.command)] != nil:
		// The view asks Get-Command, which sees what is global.
		return r.command
	case r.Activity != "":
		return r.Activity
	case r.origin != "":
		return r.origin
	case r.Category != "" && r.Category != NotSpecified:
		return string(r.Category)
	case r.reason() != "":
		return r.reason()
	}
	return "Error"
}

func categoryType() *Type {
	names := []Category{NotSpecified, OpenError, CloseError, DeviceError, DeadlockDetected, InvalidArgument, InvalidData, InvalidOperation, InvalidResult, InvalidType,
		MetadataError, NotImplemented, NotInstalled, ObjectNotFound, OperationStopped, OperationTimeout, SyntaxError, ParserError, PermissionDenied, ResourceBusy,
		ResourceExists, ResourceUnavailable, ReadError, WriteError, FromStdErr, SecurityError, ProtocolError, ConnectionError, AuthenticationError, LimitsExceeded,
		QuotaExceeded, NotEnabled}
	t := &Type{Name: "System.Management.Automation.ErrorCategory"}
	for i, n := range names {
		t.Values = append(t.Values, EnumValue{string(n), int64(i)})
	}
	return t
}

func (s *Session) categoryEnum(c Category) any {
	t := s.engine.mustType("System.Management.Automation.ErrorCategory")
	n, err := t.parseEnumName(string(c))
	if err != nil {
		n = 0
	}
	return Enum{t, n}
}

func recordNew() []Overload {
	return []Overload{
		O("System.Exception exception, string errorId, System.Management.Automation.ErrorCategory errorCategory, object targetObject", func(_ context.Context, in *Invoke) (any, error) {
			x, _ := in.Args[0].(*Exception)
			if x == nil {
				return nil, NewException("System.Management.Automation.PSArgumentNullException", `Cannot process argument because the value of argument "exception" is null. Change the value of argument "exception" to a non-null value.`)
			}
			return &ErrorRecord{Exception: x, ID: in.String(1), Category: Category(in.Session.EnumName(in.Args[2].(Enum))), Target: in.Args[3]}, nil
		}),
		O("System.Management.Automation.ErrorRecord errorRecord, System.Exception replaceParentContainsErrorRecordException", func(_ context.Context, in *Invoke) (any, error) {
			old, _ := in.Args[0].(*ErrorRecord)
			if old == nil {
				return nil, NewException("System.Management.Automation.PSArgumentNullException", `Cannot process argument because the value of argument "errorRecord" is null. Change the value of argument "errorRecord" to a non-null value.`)
			}
			r := *old
			r.logged, r.final, r.thrown = false, false, false
			if x, _ := in.Args[1].(*Exception); x != nil {
				r.Exception = x
			}
			return &r, nil
		}),
	}
}

func recordMembers() []Member {
	of := func(in *Invoke) *ErrorRecord { return in.Self.(*ErrorRecord) }
	return []Member{
		Prop("Exception", "System.Exception", func(_ context.Context, in *Invoke) (any, error) {
			if x := of(in).Exception; x != nil {
				return x, nil
			}
			return nil, nil
		}),
		Prop("TargetObject", "object", func(_ context.Context, in *Invoke) (any, error) { return of(in).Target, nil }),
		Prop("CategoryInfo", "System.Management.Automation.ErrorCategoryInfo", func(_ context.Context, in *Invoke) (any, error) {
			return in.Session.Object("System.Management.Automation.ErrorCategoryInfo", categoryData{of(in), in.Session}), nil
		}),
		Prop("FullyQualifiedErrorId", "string", func(_ context.Context, in *Invoke) (any, error) { return of(in).FullID(), nil }),
		Prop("ErrorDetails", "object", func(_ context.Context, in *Invoke) (any, error) {
			if of(in).Details == "" {
				return nil, nil
			}
			return NewCustom("Message", of(in).Details, "RecommendedAction", of(in).Recommended), nil
		}),
		Prop("InvocationInfo", "object", func(_ context.Context, in *Invoke) (any, error) {
			return in.Session.Object("System.Management.Automation.InvocationInfo", errorPlace{of(in)}), nil
		}),
		Prop("ScriptStackTrace", "string", func(_ context.Context, in *Invoke) (any, error) { return of(in).stack, nil }),
		Prop("PipelineIterationInfo", "object", func(context.Context, *Invoke) (any, error) { return NewArray(), nil }),
		{Name: "PSMessageDetails", Kind: KindScript, Type: "object", Get: func(context.Context, *Invoke) (any, error) { return nil, nil }},
	}
}

type categoryData struct {
	r *ErrorRecord
	s *Session
}

// String is the whole line.
func (c categoryData) String() string { return c.s.categoryInfo(c.r) }

func categoryMembers() []Member {
	of := func(in *Invoke) categoryData { return in.Data().(categoryData) }
	return []Member{
		Prop("Category", "System.Management.Automation.ErrorCategory", func(_ context.Context, in *Invoke) (any, error) {
			return in.Session.categoryEnum(of(in).r.Category), nil
		}),
		Prop("Activity", "string", func(_ context.Context, in *Invoke) (any, error) { return of(in).r.Activity, nil }),
		Prop("Reason", "string", func(_ context.Context, in *Invoke) (any, error) { return of(in).r.reason(), nil }),
		Prop("TargetName", "string", func(_ context.Context, in *Invoke) (any, error) { return in.Session.targetName(of(in).r), nil }),
		Prop("TargetType", "string", func(_ context.Context, in *Invoke) (any, error) { return in.Session.targetType(of(in).r), nil }),
		Method("GetMessage", "string", O("", func(_ context.Context, in *Invoke) (any, error) { return of(in).String(), nil })),
	}
}

// errorPlace is the InvocationInfo of an error.
type errorPlace struct{ r *ErrorRecord }

// place is what an InvocationInfo is made from.
type place struct {
	at            pslang.Extent
	name, command string
	frame         *invocation
}

func placeOf(in *Invoke) place {
	switch d := in.Data().(type) {
	case errorPlace:
		return place{at: d.r.at, name: cmp.Or(d.r.called, d.r.Activity), command: d.r.Activity}
	case *invocation:
		return place{at: d.at, name: d.name, frame: d}
	}
	return place{}
}

func invocationMembers() []Member {
	prop := func(name, typ string, get func(in *Invoke, p place) any) Member {
		return Prop(name, typ, func(_ context.Context, in *Invoke) (any, error) { return get(in, placeOf(in)), nil })
	}
	return []Member{
		prop("MyCommand", "object", func(in *Invoke, p place) any { return in.Session.myCommand(p) }),
		prop("BoundParameters", "object", func(_ *Invoke, p place) any {
			if p.frame == nil || p.frame.bound == nil {
				return &Hashtable{}
			}
			return p.frame.bound
		}),
		prop("UnboundArguments", "object", func(_ *Invoke, p place) any {
			if p.frame == nil {
				return NewArray()
			}
			return NewArray(p.frame.args...)
		}),
		prop("ScriptLineNumber", "int", func(_ *Invoke, p place) any { return Int(p.at.From().Line) }),
		prop("OffsetInLine", "int", func(_ *Invoke, p place) any { return Int(p.at.From().Column) }),
		prop("HistoryId", "long", func(*Invoke, place) any { return int64(1) }),
		prop("ScriptName", "string", func(_ *Invoke, p place) any { return scriptName(p) }),
		prop("Line", "string", func(_ *Invoke, p place) any {
			if p.at.Source == nil {
				return ""
			}
			return p.at.Source.Line(p.at.From().Line)
		}),
		prop("Statement", "string", func(_ *Invoke, p place) any { return p.at.Text() }),
		prop("PositionMessage", "string", func(in *Invoke, p place) any { return in.Session.positionMessage(p.at) }),
		prop("PSScriptRoot", "string", func(_ *Invoke, p place) any { return DirectoryOf(fmt.Sprint(orEmpty(scriptName(p)))) }),
		prop("PSCommandPath", "string", func(_ *Invoke, p place) any { return orEmpty(scriptName(p)) }),
		prop("InvocationName", "string", func(_ *Invoke, p place) any { return p.name }),
		prop("PipelineLength", "int", func(_ *Invoke, p place) any { return Int(frameInt(p, func(f *invocation) int { return f.length })) }),
		prop("PipelinePosition", "int", func(_ *Invoke, p place) any { return Int(frameInt(p, func(f *invocation) int { return f.place })) }),
		prop("ExpectingInput", "bool", func(_ *Invoke, p place) any { return p.frame != nil && p.frame.piped }),
	}
}

func frameInt(p place, get func(*invocation) int) int {
	if p.frame == nil {
		return 0
	}
	return get(p.frame)
}

func orEmpty(v any) any {
	if v == nil {
		return ""
	}
	return v
}

func scriptName(p place) any {
	if p.at.Source == nil || p.at.Source.Name == "" {
		return nil
	}
	return p.at.Source.Name
}

// DirectoryOf is the directory that a full path is in, or "" for a drive without
// its backslash.
func DirectoryOf(path string) string {
	i := strings.LastIndexByte(path, '\\')
	switch {
	case i < 0:
		return ""
	case i == 2:
		return path[:3]
	}
	return path[:i]
}

// myCommand is $MyInvocation.MyCommand.
func (s *Session) myCommand(p place) any {
	if p.frame == nil {
		if p.command == "" {
			return nil
		}
		if c := s.engine.Cmdlet(p.command, s.edition); c != nil {
			return s.CommandObject(CmdletInfo(c))
		}
		return nil
	}
	f := p.frame
	if f.script && f.file != "" {
		return s.CommandObject(&CommandInfo{Kind: "ExternalScript", Name: f.file[strings.LastIndexByte(f.file, '\\')+1:], Definition: f.file, Block: f.block, Found: machine.Found{Path: f.file}})
	}
	if f.block != nil && f.block.name != "" {
		return s.CommandObject(functionInfo(f.block))
	}
	return s.CommandObject(&CommandInfo{Kind: "Script", Block: f.block, Definition: blockText(f.block)})
}

func blockText(b *ScriptBlock) string {
	if b == nil {
		return ""
	}
	return b.String()
}

// invocationObject is $MyInvocation of a call.
func (s *Session) invocationObject(f *invocation) any {
	if f == nil {
		f = &invocation{}
	}
	return s.Object("System.Management.Automation.InvocationInfo", f)
}
