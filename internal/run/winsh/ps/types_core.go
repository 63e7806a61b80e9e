package ps

import (
	"context"
	"math/big"
	"sync"
)

// Names of types that the engine asks about.
const (
	tObject    = "System.Object"
	tString    = "System.String"
	tInt32     = "System.Int32"
	tArray     = "System.Object[]"
	tArrayList = "System.Collections.ArrayList"
	tCustom    = "System.Management.Automation.PSCustomObject"
	tRuntime   = "System.Management.Automation.RuntimeException"
	tHashtable = "System.Collections.Hashtable"
)

// customType is the type of PSCustomObjects that no session has made.
var customType = sync.OnceValue(func() *Type { return &Type{Name: tCustom} })

// kinds has the types of the values that are no objects.
type kinds struct {
	boolean, byte, sbyte, int16, uint16, int32, uint32, int64, uint64            *Type
	single, double, decimal, bigint, char, str, bytes, hashtable, ordered        *Type
	datetime, timespan, version, guid, regex, typ, block, record, custom, object *Type
	array, ref                                                                   *Type
}

func newKinds(e *Engine) kinds {
	t := e.mustType
	return kinds{
		boolean: t("System.Boolean"), byte: t("System.Byte"), sbyte: t("System.SByte"),
		int16: t("System.Int16"), uint16: t("System.UInt16"), int32: t(tInt32), uint32: t("System.UInt32"),
		int64: t("System.Int64"), uint64: t("System.UInt64"), single: t("System.Single"),
		double: t("System.Double"), decimal: t("System.Decimal"), bigint: t("System.Numerics.BigInteger"),
		char: t("System.Char"), str: t(tString), bytes: t("System.Byte[]"), hashtable: t(tHashtable),
		ordered: t("System.Collections.Specialized.OrderedDictionary"), datetime: t("System.DateTime"),
		timespan: t("System.TimeSpan"), version: t("System.Version"), guid: t("System.Guid"),
		regex: t("System.Text.RegularExpressions.Regex"), typ: t("System.RuntimeType"),
		block: t("System.Management.Automation.ScriptBlock"), record: t("System.Management.Automation.ErrorRecord"),
		custom: t(tCustom), object: t(tObject), array: t(tArray), ref: t("System.Management.Automation.PSReference"),
	}
}

// TypeOf returns the type of a value; $null has none.
func (e *Engine) TypeOf(v any) *Type {
	k := &e.kinds
	switch x := v.(type) {
	case nil, empty:
		return nil
	case *Extended:
		return e.TypeOf(x.Value)
	case *Object:
		return e.canonical(x.Type)
	case string:
		return k.str
	case int32:
		return k.int32
	case bool:
		return k.boolean
	case *Array:
		if x.Type == tArray {
			return k.array
		}
		return e.mustType(x.Type)
	case *Hashtable:
		if x.Ordered {
			return k.ordered
		}
		return k.hashtable
	case Entry:
		return e.mustType("System.Collections.DictionaryEntry")
	case *ErrorRecord:
		return k.record
	case *Exception:
		return e.mustType(x.Type)
	case Enum:
		return e.canonical(x.Type)
	case *Type:
		return k.typ
	case *ScriptBlock:
		return k.block
	}
	return e.scalarType(v)
}

func (e *Engine) scalarType(v any) *Type {
	k := &e.kinds
	switch v.(type) {
	case int64:
		return k.int64
	case float64:
		return k.double
	case byte:
		return k.byte
	case int8:
		return k.sbyte
	case int16:
		return k.int16
	case uint16:
		return k.uint16
	case uint32:
		return k.uint32
	case uint64:
		return k.uint64
	case float32:
		return k.single
	case Decimal:
		return k.decimal
	case *big.Int:
		return k.bigint
	case Char:
		return k.char
	case *Bytes:
		return k.bytes
	case DateTime:
		return k.datetime
	case TimeSpan:
		return k.timespan
	case Version:
		return k.version
	case Guid:
		return k.guid
	case *Regex:
		return k.regex
	case *Ref:
		return k.ref
	case Switch:
		return e.mustType("System.Management.Automation.SwitchParameter")
	}
	return k.object
}

// coreTypes are the types of the values, with what the engine itself knows of
// them; package psnet adds the rest of their members.
func coreTypes() []*Type {
	number := func(name string, alias ...string) *Type {
		return &Type{Name: name, Aliases: alias, Value: true, Members: formattable, Implements: []string{"System.IComparable", "System.IFormattable", "System.IConvertible"}}
	}
	short, uint_, ulong, ushort := number("System.Int16"), number("System.UInt32"), number("System.UInt64"), number("System.UInt16")
	short.Aliases7, uint_.Aliases7 = []string{"short", "int16"}, []string{"uint"}
	ulong.Aliases7, ushort.Aliases7 = []string{"ulong"}, []string{"ushort"}
	uint_.Aliases, ulong.Aliases, ushort.Aliases = []string{"uint32"}, []string{"uint64"}, []string{"uint16"}
	return []*Type{
		{Name: tObject, Members: objectMembers},
		{Name: "System.ValueType", Base: tObject, Abstract: true},
		{Name: "System.Enum", Base: "System.ValueType", Abstract: true},
		{Name: "System.Void", Aliases: []string{"void"}, Value: true},
		number("System.Boolean", "bool"), number("System.Byte", "byte"), number("System.SByte", "sbyte"),
		short, ushort, number(tInt32, "int", "int32"), uint_, number("System.Int64", "long", "int64"), ulong,
		number("System.Single", "single", "float"), number("System.Double", "double"), number("System.Decimal", "decimal"),
		number("System.Numerics.BigInteger", "bigint"), number("System.Char", "char"),
		number("System.DateTime", "datetime"), number("System.TimeSpan", "timespan"), number("System.Guid", "guid"),
		{Name: tString, Aliases: []string{"string"}, Members: stringMembers,
			Implements: []string{"System.IComparable", "System.Collections.IEnumerable", "System.ICloneable"}},
		{Name: "System.Array", Aliases: []string{"array"}, Abstract: true, Members: arrayMembers,
			Implements: []string{"System.Collections.IEnumerable", "System.Collections.ICollection", "System.Collections.IList", "System.ICloneable"}},
		{Name: tArrayList, Members: countMembers,
			Implements: []string{"System.Collections.IEnumerable", "System.Collections.ICollection", "System.Collections.IList", "System.ICloneable"}},
		{Name: "System.Collections.Generic.List`1", Members: countMembers,
			Implements: []string{"System.Collections.IEnumerable", "System.Collections.ICollection", "System.Collections.IList"}},
		{Name: tHashtable, Aliases: []string{"hashtable"}, Members: dictionaryMembers,
			Implements: []string{"System.Collections.IDictionary", "System.Collections.ICollection", "System.Collections.IEnumerable", "System.ICloneable"}},
		{Name: "System.Collections.Specialized.OrderedDictionary", Aliases7: []string{"ordered"}, Members: dictionaryMembers,
			Implements: []string{"System.Collections.IDictionary", "System.Collections.ICollection", "System.Collections.IEnumerable"}},
		{Name: "System.Collections.DictionaryEntry", Value: true, Members: entryMembers},
		{Name: "System.Version", Aliases: []string{"version"}, Members: versionMembers, Implements: []string{"System.IComparable", "System.ICloneable"}},
		{Name: "System.Text.RegularExpressions.Regex", Aliases: []string{"regex"}},
		{Name: "System.Reflection.MemberInfo", Abstract: true},
		{Name: "System.Type", Aliases: []string{"type"}, Base: "System.Reflection.MemberInfo", Abstract: true, Members: typeMembers},
		{Name: "System.RuntimeType", Base: "System.Type"},
		{Name: "System.Nullable`1", Value: true},
		{Name: "System.IComparable", Interface: true}, {Name: "System.IFormattable", Interface: true},
		{Name: "System.IConvertible", Interface: true}, {Name: "System.ICloneable", Interface: true}, {Name: "System.IDisposable", Interface: true},
		{Name: "System.Collections.IEnumerable", Interface: true}, {Name: "System.Collections.ICollection", Interface: true},
		{Name: "System.Collections.IList", Interface: true}, {Name: "System.Collections.IDictionary", Interface: true},
		{Name: "System.Management.Automation.PSObject", Aliases: []string{"psobject", "pscustomobject"}},
		{Name: tCustom},
		{Name: "System.Management.Automation.PSReference", Aliases: []string{"ref"}, Members: refMembers},
		{Name: "System.Management.Automation.SwitchParameter", Aliases: []string{"switch"}, Value: true, Members: switchMembers},
		{Name: "System.Management.Automation.ScriptBlock", Aliases: []string{"scriptblock"}, Members: blockMembers},
		{Name: "System.Management.Automation.ErrorRecord", Members: recordMembers, New: recordNew()},
		{Name: "System.Management.Automation.ErrorCategoryInfo", Members: categoryMembers},
		{Name: "System.Management.Automation.InvocationInfo", Members: invocationMembers},
		{Name: "System.Management.Automation.ActionPreference", Values: []EnumValue{
			{"SilentlyContinue", 0}, {"Stop", 1}, {"Continue", 2}, {"Inquire", 3}, {"Ignore", 4}, {"Suspend", 5}, {"Break", 6}}},
		{Name: "System.StringComparison", Values: []EnumValue{{"CurrentCulture", 0}, {"CurrentCultureIgnoreCase", 1}, {"InvariantCulture", 2}, {"InvariantCultureIgnoreCase", 3}, {"Ordinal", 4}, {"OrdinalIgnoreCase", 5}}},
		{Name: "System.DateTimeKind", Values: []EnumValue{{"Unspecified", 0}, {"Utc", 1}, {"Local", 2}}},
		{Name: "System.DayOfWeek", Values: []EnumValue{{"Sunday", 0}, {"Monday", 1}, {"Tuesday", 2}, {"Wednesday", 3}, {"Thursday", 4}, {"Friday", 5}, {"Saturday", 6}}},
		{Name: "System.Management.Automation.SplitOptions", Flags: true, Values: []EnumValue{{"SimpleMatch", 1}, {"RegexMatch", 2}, {"CultureInvariant", 4}, {"IgnorePatternWhitespace", 8}, {"Multiline", 16}, {"Singleline", 32}, {"IgnoreCase", 64}, {"ExplicitCapture", 128}}},
		categoryType(),
		{Name: "System.Management.Automation.InformationRecord", Members: informationMembers},
		{Name: "System.Management.Automation.WarningRecord", Members: messageMembers, String: messageText},
		{Name: "System.Management.Automation.VerboseRecord", Members: messageMembers, String: messageText},
		{Name: "System.Management.Automation.DebugRecord", Members: messageMembers, String: messageText},
		{Name: "System.Management.Automation.HostInformationMessage", Members: hostMessageMembers, String: hostMessageText},
	}
}

func objectMembers() []Member {
	return []Member{
		Method("ToString", "string", O("", func(_ context.Context, in *Invoke) (any, error) {
			return in.Session.methodText(in.Self), nil
		})),
		Method("GetType", "type", O("", func(_ context.Context, in *Invoke) (any, error) {
			return in.Session.engine.TypeOf(in.Self), nil
		})),
		Method("Equals", "bool", O("System.Object obj", func(_ context.Context, in *Invoke) (any, error) {
			return SameValue(in.Self, in.Args[0]), nil
		})),
		Method("GetHashCode", "int", O("", func(_ context.Context, in *Invoke) (any, error) {
			return hashCode(in.Self), nil
		})),
		StaticMethod("ReferenceEquals", "bool", O("System.Object objA, System.Object objB", func(_ context.Context, in *Invoke) (any, error) {
			return sameReference(in.Args[0], in.Args[1]), nil
		})),
	}
}

// formattable is ToString(format) of numbers, dates and their kin.
func formattable() []Member {
	return []Member{Method("ToString", "string", O("string format", func(_ context.Context, in *Invoke) (any, error) {
		return in.Session.Format(in.Self, in.String(0))
	}))}
}

func stringMembers() []Member {
	return []Member{
		Prop("Length", "int", func(_ context.Context, in *Invoke) (any, error) {
			s, _ := Unwrap(in.Self).(string)
			return Int(utf16Len(s)), nil
		}),
		StaticProp("Empty", "string", func(context.Context, *Invoke) (any, error) { return "", nil }),
	}
}

func listLen(_ context.Context, in *Invoke) (any, error) {
	n, _ := length(in.Self)
	return Int(n), nil
}

func arrayMembers() []Member {
	return []Member{
		{Name: "Count", Kind: KindAlias, Type: "int", Target: "Length"},
		Prop("Length", "int", listLen),
		Prop("LongLength", "long", func(_ context.Context, in *Invoke) (any, error) {
			n, _ := length(in.Self)
			return int64(n), nil
		}),
		Prop("Rank", "int", func(context.Context, *Invoke) (any, error) { return int32(1), nil }),
		Prop("IsFixedSize", "bool", func(context.Context, *Invoke) (any, error) { return true, nil }),
		Prop("IsReadOnly", "bool", func(context.Context, *Invoke) (any, error) { return false, nil }),
	}
}

func countMembers() []Member {
	return []Member{Prop("Count", "int", listLen)}
}

func dictionaryMembers() []Member {
	return []Member{
		Prop("Count", "int", func(_ context.Context, in *Invoke) (any, error) {
			return Int(in.Self.(*Hashtable).Len()), nil
		}),
		Prop("Keys", "System.Collections.ICollection", func(_ context.Context, in *Invoke) (any, error) {
			return NewArray(in.Self.(*Hashtable).Keys()...), nil
		}),
		Prop("Values", "System.Collections.ICollection", func(_ context.Context, in *Invoke) (any, error) {
			a := NewArray()
			for _, x := range in.Self.(*Hashtable).Entries() {
				a.Items = append(a.Items, x.Value)
			}
			return a, nil
		}),
	}
}

func entryMembers() []Member {
	return []Member{
		{Name: "Name", Kind: KindAlias, Type: "object", Target: "Key"},
		Prop("Key", "object", func(_ context.Context, in *Invoke) (any, error) { return Unwrap(in.Self).(Entry).Key, nil }),
		Prop("Value", "object", func(_ context.Context, in *Invoke) (any, error) { return Unwrap(in.Self).(Entry).Value, nil }),
	}
}

func versionMembers() []Member {
	part := func(name string, get func(v Version) int32) Member {
		return Prop(name, "int", func(_ context.Context, in *Invoke) (any, error) { return get(Unwrap(in.Self).(Version)), nil })
	}
	return []Member{
		part("Major", func(v Version) int32 { return v.Major }),
		part("Minor", func(v Version) int32 { return v.Minor }),
		part("Build", func(v Version) int32 { return v.Build }),
		part("Revision", func(v Version) int32 { return v.Revision }),
	}
}

func refMembers() []Member {
	return []Member{
		Prop("Value", "object", func(_ context.Context, in *Invoke) (any, error) {
			return in.Self.(*Ref).Get(), nil
		}).With(func(_ context.Context, in *Invoke) error { return in.Self.(*Ref).Set(in.Args[0]) }),
	}
}

func switchMembers() []Member {
	on := func(_ context.Context, in *Invoke) (any, error) { return bool(Unwrap(in.Self).(Switch)), nil }
	return []Member{
		Prop("IsPresent", "bool", on),
		Method("ToBool", "bool", O("", on)),
	}
}

func typeMembers() []Member {
	text := func(name string, get func(t *Type) any) Member {
		return Prop(name, "object", func(_ context.Context, in *Invoke) (any, error) { return get(in.Self.(*Type)), nil })
	}
	return []Member{
		text("FullName", func(t *Type) any { return t.Name }),
		text("Name", func(t *Type) any { return t.leaf() }),
		text("Namespace", func(t *Type) any { return t.namespace() }),
		text("BaseType", func(t *Type) any {
			if b := t.BaseType(); b != nil {
				return b
			}
			return nil
		}),
		text("IsEnum", func(t *Type) any { return t.Values != nil }),
		text("IsArray", func(t *Type) any { return t.Elem != nil }),
		text("IsValueType", func(t *Type) any { return t.Inherits("System.ValueType") }),
		text("IsInterface", func(t *Type) any { return t.Interface }),
		text("IsAbstract", func(t *Type) any { return t.Abstract || t.Interface }),
		text("IsGenericType", func(t *Type) any { return len(t.Args) > 0 }),
	}
}
