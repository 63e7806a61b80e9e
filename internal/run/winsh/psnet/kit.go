package psnet

import (
	"context"
	"errors"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// run is the code of a member.
type run = func(ctx context.Context, in *ps.Invoke) (any, error)

// val makes the code of a member that needs nothing but its arguments and
// cannot fail.
func val(f func(in *ps.Invoke) any) run {
	return func(_ context.Context, in *ps.Invoke) (any, error) { return f(in), nil }
}

// can makes the code of a member that can fail.
func can(f func(in *ps.Invoke) (any, error)) run {
	return func(_ context.Context, in *ps.Invoke) (any, error) { return f(in) }
}

// do makes the code of a member that returns nothing.
func do(f func(in *ps.Invoke) error) run {
	return func(_ context.Context, in *ps.Invoke) (any, error) { return nil, f(in) }
}

// nothing is the code of a member that has nothing to do here.
func nothing(context.Context, *ps.Invoke) (any, error) { return nil, nil }

// overloads makes signatures that share their code.
func overloads(f run, signatures ...string) []ps.Overload {
	list := make([]ps.Overload, len(signatures))
	for i, s := range signatures {
		list[i] = ps.O(s, f)
	}
	return list
}

// of keeps overloads to one edition.
func of(ed ps.Edition, list ...ps.Overload) []ps.Overload {
	for i := range list {
		list[i].Edition = ed
	}
	return list
}

// method makes an instance method whose signatures share their code.
func method(name, returns string, f run, signatures ...string) ps.Member {
	return ps.Method(name, returns, overloads(f, signatures...)...)
}

// static makes a static method whose signatures share their code.
func static(name, returns string, f run, signatures ...string) ps.Member {
	return ps.StaticMethod(name, returns, overloads(f, signatures...)...)
}

// also adds overloads to a method.
func also(m ps.Member, list ...ps.Overload) ps.Member {
	m.Overloads = append(m.Overloads, list...)
	return m
}

// prop makes an instance property that cannot fail.
func prop(name, typ string, get func(in *ps.Invoke) any) ps.Member {
	return ps.Prop(name, typ, val(get))
}

// field makes a static property that cannot fail.
func field(name, typ string, get func(in *ps.Invoke) any) ps.Member {
	return ps.StaticProp(name, typ, val(get))
}

// constant makes a static property that is always the same.
func constant(name, typ string, v any) ps.Member {
	return field(name, typ, func(*ps.Invoke) any { return v })
}

// indexer makes the member that an index in brackets means.
func indexer(returns string, f run, signatures ...string) ps.Member {
	return ps.Member{Name: "Item", Kind: ps.KindParameterized, Type: returns, Overloads: overloads(f, signatures...)}
}

// only keeps members to one edition.
func only(ed ps.Edition, list ...ps.Member) []ps.Member {
	for i := range list {
		list[i].Edition = ed
	}
	return list
}

// core keeps a member to PowerShell 7.
func core(m ps.Member) ps.Member {
	m.Edition = ps.Core
	return m
}

// refused makes members that exist and cannot be used, of any signature.
func refused(reason, way string, names ...string) []ps.Member {
	list := make([]ps.Member, len(names))
	for i, n := range names {
		list[i] = ps.Method(n, "System.Object", ps.O("params object[] args", nil)).Refused(reason, way)
	}
	return list
}

// refusedStatic is refused for static methods.
func refusedStatic(reason, way string, names ...string) []ps.Member {
	list := refused(reason, way, names...)
	for i := range list {
		list[i].Static = true
	}
	return list
}

// enum makes an enumeration of names and numbers.
func enum(name string, pairs ...any) *ps.Type {
	t := &ps.Type{Name: name, Values: make([]ps.EnumValue, 0, len(pairs)/2)}
	for i := 0; i+1 < len(pairs); i += 2 {
		t.Values = append(t.Values, ps.EnumValue{Name: pairs[i].(string), Value: int64(pairs[i+1].(int))})
	}
	return t
}

// flags makes an enumeration whose values are combined.
func flags(name string, pairs ...any) *ps.Type {
	t := enum(name, pairs...)
	t.Flags = true
	return t
}

// names makes an enumeration that counts from 0.
func names(name string, list ...string) *ps.Type {
	t := &ps.Type{Name: name, Values: make([]ps.EnumValue, len(list))}
	for i, n := range list {
		t.Values[i] = ps.EnumValue{Name: n, Value: int64(i)}
	}
	return t
}

// enumArg is the number of an argument that is an enumeration; missing is 0.
func enumArg(in *ps.Invoke, i int) int64 {
	if i >= len(in.Args) {
		return 0
	}
	e, _ := in.Args[i].(ps.Enum)
	return e.Value
}

// has reports whether there is an argument that is not $null.
func has(in *ps.Invoke, i int) bool { return i < len(in.Args) && !ps.IsNull(in.Args[i]) }

// object is an argument that is an object of .NET, or nil.
func object(in *ps.Invoke, i int) *ps.Object {
	if i >= len(in.Args) {
		return nil
	}
	o, _ := ps.Unwrap(in.Args[i]).(*ps.Object)
	return o
}

// dataOf is the Data of an argument, if it is a T.
func dataOf[T any](in *ps.Invoke, i int) (d T, ok bool) {
	if o := object(in, i); o != nil {
		d, ok = o.Data.(T)
	}
	return d, ok
}

// self is the Data of the object whose member runs.
func self[T any](in *ps.Invoke) T {
	d, _ := in.Data().(T)
	return d
}

// bytesArg is an argument that is a byte[]; $null is nil.
func bytesArg(in *ps.Invoke, i int) []byte {
	if i >= len(in.Args) {
		return nil
	}
	b, _ := ps.Unwrap(in.Args[i]).(*ps.Bytes)
	if b == nil {
		return nil
	}
	return b.B
}

// stringsArg are the elements of an argument as texts.
func stringsArg(in *ps.Invoke, i int) []string {
	if !has(in, i) {
		return nil
	}
	var list []string
	for _, v := range ps.Items(in.Args[i]) {
		list = append(list, in.Session.ToString(v))
	}
	return list
}

// Types that exceptions on every page have.
const (
	argumentException = "System.ArgumentException"
	invalidOperation  = "System.InvalidOperationException"
	notSupported      = "System.NotSupportedException"
	formatException   = "System.FormatException"
	overflowException = "System.OverflowException"
	ioException       = "System.IO.IOException"
	invalidData       = "System.IO.InvalidDataException"
)

func throw(typ, message string) error { return ps.NewException(typ, message) }

// desktop reports whether .NET Framework is meant.
func desktop(s *ps.Session) bool { return s.Edition() == ps.Desktop }

// either is one of two texts, by the session's .NET.
func either(s *ps.Session, framework, core string) string {
	if desktop(s) {
		return framework
	}
	return core
}

// paramText is what messages about an argument end with.
func paramText(s *ps.Session, name string) string {
	return either(s, "\r\nParameter name: "+name, " (Parameter '"+name+"')")
}

// badArgument is an ArgumentException about a parameter.
func badArgument(s *ps.Session, message, name string) error {
	return &ps.Exception{Type: argumentException, Message: message + paramText(s, name), Data: map[string]any{"ParamName": name}}
}

// nullArgument is an ArgumentNullException.
func nullArgument(s *ps.Session, name string) error {
	return &ps.Exception{Type: "System.ArgumentNullException", Message: "Value cannot be null." + paramText(s, name), Data: map[string]any{"ParamName": name}}
}

// outOfRange is an ArgumentOutOfRangeException.
func outOfRange(s *ps.Session, message, name string) error {
	return &ps.Exception{Type: "System.ArgumentOutOfRangeException", Message: message + paramText(s, name), Data: map[string]any{"ParamName": name}}
}

// badIndex is what lists say to an index that they do not have.
func badIndex(s *ps.Session, name string) error {
	return outOfRange(s, either(s, "Index was out of range. Must be non-negative and less than the size of the collection.",
		"Index was out of range. Must be non-negative and less than the size of the collection."), name)
}

// badFormat is the FormatException for a text that is no number.
func badFormat(s *ps.Session, text string) error {
	return throw(formatException, either(s, "Input string was not in a correct format.", "The input string '"+text+"' was not in a correct format."))
}

// ioError makes the exception of System.IO for an error of the machine. Others
// are returned as they are.
func ioError(s *ps.Session, err error) error {
	var m *machine.Error
	if err == nil || !errors.As(err, &m) {
		return err
	}
	x := ps.ToException(err)
	if x.Type != ioException || m.Code == machine.ErrorFileExists || m.Code == machine.ErrorSharingViolation {
		return x
	}
	switch {
	case m.Code == machine.ErrorAlreadyExists && m.Path != "":
	case desktop(s):
		x.Message = m.Message() + "\r\n"
	case m.Path != "":
		x.Message = m.Message() + " : '" + m.Path + "'"
	}
	return x
}

// isWindows reports whether an error is one that Windows would report.
func isWindows(err error) bool {
	var m *machine.Error
	return errors.As(err, &m)
}

// currentDir is the directory of the process, which Set-Location does not
// change.
func currentDir(s *ps.Session) string { return s.Process().Dir }

// full is Path.GetFullPath.
func full(s *ps.Session, path string) (string, error) {
	if err := checkPath(s, path); err != nil {
		return "", err
	}
	p, err := machine.Full(currentDir(s), path)
	if err != nil {
		return "", ioError(s, err)
	}
	return p, nil
}

// checkPath fails for paths that no file can have.
func checkPath(s *ps.Session, path string) error {
	switch {
	case strings.TrimSpace(path) == "" && path != "" || path == "":
		if path == "" {
			return throw(argumentException, either(s, "The path is not of a legal form.", "The path is empty. (Parameter 'path')"))
		}
		return throw(argumentException, "The path is not of a legal form.")
	case strings.ContainsRune(path, 0):
		return throw(argumentException, either(s, "Illegal characters in path.", "Null character in path. (Parameter 'path')"))
	case desktop(s) && strings.ContainsFunc(path, invalidPathChar):
		return throw(argumentException, "Illegal characters in path.")
	}
	return nil
}

// invalidPathChar tells what .NET Framework refuses in every path.
func invalidPathChar(r rune) bool { return r < ' ' || r == '"' || r == '<' || r == '>' || r == '|' }

// fsOf returns the machine's files.
func fsOf(in *ps.Invoke) *machine.FS { return in.Session.Machine().FS() }

// limit fails if a value would be larger than a step may have.
func limit(s *ps.Session, size int64) error {
	if most := s.Machine().Limits().Memory; size > most {
		return &machine.LimitError{What: "a value", Limit: most, Unit: "bytes"}
	}
	return nil
}
