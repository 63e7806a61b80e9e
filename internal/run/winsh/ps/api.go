package ps

import "context"

// ToString converts as "$x" and [string] do: numbers and dates in the invariant
// culture, elements of collections joined with blanks ($OFS).
func (s *Session) ToString(v any) string { return s.toString(v) }

// Display is ToString() of .NET in the culture of the machine (en-US): what
// -f, Out-File and tables show ("11/25/2025 6:04:05 PM").
func (s *Session) Display(v any) string { return s.display(v) }

// Format applies a .NET format string to a value, as {0:format} does; "" is
// its Display.
func (s *Session) Format(v any, format string) (string, error) { return s.formatValue(v, format) }

// Composite is [string]::Format and -f.
func (s *Session) Composite(format string, args []any) (string, error) {
	return s.composite(format, args)
}

// ToBool converts as if ($x) does.
func (s *Session) ToBool(v any) bool { return toBool(v) }

// Cast converts as [type]$v does. The error is an *ErrorRecord.
func (s *Session) Cast(ctx context.Context, v any, t *Type) (any, error) { return s.cast(ctx, v, t) }

// CastTo is Cast to a type by name; it fails for names that are no type.
func (s *Session) CastTo(ctx context.Context, v any, typ string) (any, error) {
	return s.castTo(ctx, v, typ)
}

// Is is $v -is [type].
func (s *Session) Is(v any, t *Type) bool { return s.is(v, t) }

// Equal is $a -eq $b (or -ceq) for single values.
func (s *Session) Equal(a, b any, caseSensitive bool) bool { return s.equal(a, b, caseSensitive) }

// Compare orders two values as -lt and Sort-Object do; it fails for values that
// have no order.
func (s *Session) Compare(a, b any, caseSensitive bool) (int, error) {
	return s.compare(a, b, caseSensitive)
}

// Like matches a PowerShell wildcard pattern (*, ?, [a-z], ` as escape).
func Like(pattern, text string, caseSensitive bool) bool { return like(pattern, text, caseSensitive) }

// HasWildcard reports whether a text is a PowerShell wildcard pattern.
func HasWildcard(s string) bool { return hasWildcard(s) }

// EscapeWildcard and UnescapeWildcard are [WildcardPattern]::Escape and Unescape.
func EscapeWildcard(s string) string   { return escapeWildcard(s) }
func UnescapeWildcard(s string) string { return unescapeWildcard(s) }

// Enumerable reports whether a pipeline unrolls the value: arrays and lists,
// not strings and dictionaries.
func Enumerable(v any) bool { return enumerable(v) }

// Each calls yield for what a pipeline makes of a value: its elements if it is
// Enumerable, itself if not, nothing for [Empty]; $null is one object.
func Each(v any, yield func(any) bool) { each(v, yield) }

// Items returns what Each yields.
func Items(v any) []any {
	var list []any
	each(v, func(x any) bool { list = append(list, x); return true })
	return list
}

// Collect makes one value of what a pipeline wrote: [Empty], the one object, or
// an object[].
func Collect(items []any) any {
	switch len(items) {
	case 0:
		return Empty()
	case 1:
		return items[0]
	}
	return NewArray(items...)
}

// Property reads a property as $v.name does, added ones first. ok is false if
// there is none (elements of collections are not looked at).
func (s *Session) Property(ctx context.Context, v any, name string) (value any, ok bool, err error) {
	return s.property(ctx, v, name)
}

// SetProperty assigns to a property.
func (s *Session) SetProperty(ctx context.Context, v any, name string, value any) error {
	return s.setProperty(ctx, v, name, value)
}

// Invoke calls a method as $v.name(args) does, or a static one if v is a *[Type]
// and static is set.
func (s *Session) Invoke(ctx context.Context, v any, name string, static bool, args ...any) (any, error) {
	return s.invoke(ctx, v, name, static, args)
}

// New makes an object as [type]::new(args) does.
func (s *Session) New(ctx context.Context, t *Type, args ...any) (any, error) {
	return s.construct(ctx, t, args)
}

// MemberInfo describes a member of a value, as Get-Member lists it.
type MemberInfo struct {
	Name string
	// Kind is "Property", "NoteProperty", "AliasProperty", "ScriptProperty",
	// "CodeProperty", "ParameterizedProperty", "Method", "ScriptMethod".
	Kind string
	// Definition is Get-Member's.
	Definition string
	// Gettable properties can be read with [Session.Property].
	Gettable, Settable bool
	Hidden             bool
}

// Properties returns the properties of a value in the order in which PowerShell
// shows them.
func (s *Session) Properties(v any) []MemberInfo { return s.properties(v) }

// Methods returns the methods of a value.
func (s *Session) Methods(v any) []MemberInfo { return s.methods(v) }

// TypeOf returns the type of a value; $null has none.
func (s *Session) TypeOf(v any) *Type { return s.typeOf(v) }

// TypeNames returns the PSTypeNames of a value.
func (s *Session) TypeNames(v any) []string { return s.typeNames(v) }

// FindType looks a type up as [name] does, with the namespaces that the script
// uses. nil if there is none, or its assembly has not been loaded.
func (s *Session) FindType(name string) *Type { return s.lookupType(name) }

// LoadAssembly is Add-Type -AssemblyName; ok is false if there is none.
func (s *Session) LoadAssembly(name string) (ok bool) { return s.loadAssembly(name) }

// EnumName is the text of an enumeration's value: "Machine", "Hidden, System",
// or the number.
func (s *Session) EnumName(e Enum) string { return s.enumName(e) }

// Object makes an object of a type by its full name.
func (s *Session) Object(typ string, data any) *Object {
	return &Object{Type: s.Engine().mustType(typ), Data: data}
}

// Enum makes a value of an enumeration by the type's full name.
func (s *Session) Enum(typ string, value int64) Enum {
	return Enum{Type: s.Engine().mustType(typ), Value: value}
}
