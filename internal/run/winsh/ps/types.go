package ps

import (
	"context"
	"strings"
	"sync"
)

// Edition says which PowerShells have something. The zero value is both.
type Edition byte

// Editions.
const (
	Both    Edition = iota
	Desktop         // Windows PowerShell 5.1 (powershell.exe)
	Core            // PowerShell 7 (pwsh.exe)
)

// In reports whether something of edition e is there in the session edition s,
// which is Desktop or Core.
func (e Edition) In(s Edition) bool { return e == Both || e == s }

// Type describes a .NET type. Types of one name are merged: the first that
// sets a field wins, members add up. Names are full .NET names
// ("System.IO.FileInfo"), generic ones with their arity ("…List`1").
type Type struct {
	Name string
	// Aliases are further names, the type accelerators ("regex"); Aliases7 are
	// those that only PowerShell 7 has.
	Aliases, Aliases7 []string
	// Base is the full name of the base type; "" is System.Object, or
	// System.ValueType if Value, or System.Enum if it has Values.
	Base string
	// Implements has full names of interfaces, for -is and arguments.
	Implements []string
	// Value tells structs; Interface and Abstract types cannot be made.
	Value, Interface, Abstract bool
	// Edition has the type. Assembly names what Add-Type -AssemblyName must load
	// in 5.1 before the type is known; "" is loaded always.
	Edition  Edition
	Assembly string
	// Refuse says why a type that exists cannot be used; Way, what to do.
	Refuse, Way string
	// Members makes the members; it is called once, when they are needed.
	Members func() []Member
	// New are the constructors. Args of a generic type are in Invoke.Type.Args.
	New []Overload
	// Convert makes a value of the type from in.Args[0] in casts and arguments,
	// beyond what constructors with one parameter and Parse(string) do. ok is
	// false if it does not know how.
	Convert func(ctx context.Context, in *Invoke) (v any, ok bool, err error)
	// String is ToString(); without it, Data's String method or the type name.
	String func(v any) string
	// Format is ToString(format) for values that -f and ToString take a format for.
	Format func(v any, format string) (string, error)
	// Values make it an enumeration; Flags one whose values are combined.
	Values []EnumValue
	Flags  bool
	// Names returns the PSTypeNames of a value where they are not those of the
	// type and its bases (FileInfo of a provider, say).
	Names func(v any) []string
	// Dynamic has members that depend on the value, like the elements of XML.
	Dynamic *Dynamic
	// View says how Format-Table and its kin show values. Without one the
	// default properties, or all, make a table (up to four) or a list.
	View func() *View
	// Default are the properties that the default view shows if there is no View.
	Default []string

	// Elem is set for array types and Args for closed generic types.
	Elem *Type
	Args []*Type
	// rank is the number of dimensions of an array type.
	rank int

	engine *Engine
	parts  []*Type
	once   sync.Once
	table  map[string]*Member // instance members by lower-case name, of bases too
	static map[string]*Member
	order  []*Member // both, own first, then those of bases
}

// EnumValue is a name of an enumeration.
type EnumValue struct {
	Name  string
	Value int64
}

// Dynamic has members that depend on the value. Get and Set report ok = false
// for names that the value does not have.
type Dynamic struct {
	Get   func(ctx context.Context, in *Invoke, name string) (v any, ok bool, err error)
	Set   func(ctx context.Context, in *Invoke, name string, v any) (ok bool, err error)
	Names func(in *Invoke) []string
}

// MemberKind is the kind of a member of a type.
type MemberKind byte

// Kinds of members. KindAlias, KindScript, KindCode and KindNote are what
// PowerShell's type data adds.
const (
	KindProperty MemberKind = iota
	KindMethod
	KindAlias
	KindScript
	KindCode
	KindNote
	KindParameterized
)

// Member is a property or method of a type.
type Member struct {
	Name   string
	Kind   MemberKind
	Static bool
	// Type is the type of a property and what a method returns, as C# names it
	// ("string", "void", "System.IO.FileInfo").
	Type string
	// Get and Set are for properties; without Set they are read-only. The value
	// for Set is in.Args[0], converted to Type.
	Get func(ctx context.Context, in *Invoke) (any, error)
	Set func(ctx context.Context, in *Invoke) error
	// Target is the member that a KindAlias stands for.
	Target string
	// Overloads are for methods.
	Overloads []Overload
	Edition   Edition
	// Refuse says why a member that exists cannot be used.
	Refuse, Way string
	// owner is the type that declares it.
	owner *Type
}

// Overload is one signature of a method or constructor.
type Overload struct {
	Params []Param
	Run    func(ctx context.Context, in *Invoke) (any, error)
	// Refuse says why this overload cannot be used.
	Refuse, Way string
	Edition     Edition
}

// Param is a parameter of an overload.
type Param struct {
	Name, Type string
	// Params marks the last one as C#'s params array; Ref a ref or out parameter,
	// for which the argument is a *[Ref].
	Params, Ref bool
}

// Invoke is one use of a member.
type Invoke struct {
	Session *Session
	// Type is the type that the member was looked up in; its Args are those of a
	// generic type.
	Type *Type
	// Self is the object; nil for static members and constructors.
	Self any
	// Args are converted to the parameters' types; a params array is one *Array.
	Args []any
}

// String returns an argument as a string; $null is "".
func (in *Invoke) String(i int) string { return in.Session.ToString(in.arg(i)) }

// Int returns an argument that is a number.
func (in *Invoke) Int(i int) int {
	n, _ := toInt64(in.arg(i))
	return int(n)
}

// Bool returns an argument that is a boolean.
func (in *Invoke) Bool(i int) bool { return in.Session.ToBool(in.arg(i)) }

// Data returns the Data of Self.
func (in *Invoke) Data() any {
	if o, ok := in.Self.(*Object); ok {
		return o.Data
	}
	return in.Self
}

func (in *Invoke) arg(i int) any {
	if i < len(in.Args) {
		return in.Args[i]
	}
	return nil
}

// Ref is what [ref] makes: a System.Management.Automation.PSReference.
type Ref struct {
	Get func() any
	Set func(v any) error
}

// O makes an overload. The parameters are written as in C#: "string path, params
// object[] args", "ref int result", "".
func O(params string, run func(ctx context.Context, in *Invoke) (any, error)) Overload {
	return Overload{Params: Sig(params), Run: run}
}

// Sig parses the parameters of an overload.
func Sig(params string) []Param {
	if strings.TrimSpace(params) == "" {
		return nil
	}
	var list []Param
	depth, start := 0, 0
	add := func(text string) {
		var p Param
		words := strings.Fields(text)
		for len(words) > 0 {
			switch words[0] {
			case "params":
				p.Params = true
			case "ref", "out":
				p.Ref = true
			default:
				p.Type = words[0]
				if len(words) > 1 {
					p.Name = words[1]
				}
				list = append(list, p)
				return
			}
			words = words[1:]
		}
	}
	for i := range len(params) {
		switch params[i] {
		case '[', '<':
			depth++
		case ']', '>':
			depth--
		case ',':
			if depth == 0 {
				add(params[start:i])
				start = i + 1
			}
		}
	}
	add(params[start:])
	return list
}

// Method makes an instance method.
func Method(name, returns string, overloads ...Overload) Member {
	return Member{Name: name, Kind: KindMethod, Type: returns, Overloads: overloads}
}

// StaticMethod makes a static method.
func StaticMethod(name, returns string, overloads ...Overload) Member {
	return Member{Name: name, Kind: KindMethod, Static: true, Type: returns, Overloads: overloads}
}

// Prop makes an instance property that can only be read.
func Prop(name, typ string, get func(ctx context.Context, in *Invoke) (any, error)) Member {
	return Member{Name: name, Type: typ, Get: get}
}

// StaticProp makes a static property that can only be read.
func StaticProp(name, typ string, get func(ctx context.Context, in *Invoke) (any, error)) Member {
	return Member{Name: name, Type: typ, Static: true, Get: get}
}

// With returns the member with a setter.
func (m Member) With(set func(ctx context.Context, in *Invoke) error) Member {
	m.Set = set
	return m
}

// Refused returns the member as one that exists and cannot be used.
func (m Member) Refused(reason, way string) Member {
	m.Refuse, m.Way = reason, way
	return m
}
