package pscmd

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// keys is the provider Registry. Its paths are full names of keys.
type keys struct{}

func (keys) stat(ctx context.Context, s *ps.Session, p ps.Path) (*node, error) {
	if p.Name != "" {
		ok, err := s.Machine().Registry().KeyExists(ctx, p.Name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, registryError(err)
		}
		if !ok {
			return nil, nil
		}
	}
	return &node{Path: p, leaf: leafOf(p), container: true}, nil
}

// hives are the roots, in the order in which Get-ChildItem Registry:: shows them.
func hives() []string {
	return []string{"HKEY_LOCAL_MACHINE", "HKEY_CURRENT_USER", "HKEY_CLASSES_ROOT", "HKEY_CURRENT_CONFIG", "HKEY_USERS"}
}

func (keys) list(ctx context.Context, s *ps.Session, n *node) ([]*node, error) {
	names := hives()
	if n.Name != "" {
		var err error
		if names, err = s.Machine().Registry().Subkeys(ctx, n.Name); err != nil {
			return nil, registryError(err)
		}
	}
	list := make([]*node, len(names))
	for i, name := range names {
		list[i] = &node{Path: join(n.Path, name), leaf: name, container: true}
	}
	return list, nil
}

func (keys) object(ctx context.Context, s *ps.Session, n *node) (any, error) {
	o := NewRegistryKey(s, n.Name)
	values, err := s.Machine().Registry().Values(ctx, n.Name)
	if err != nil && n.Name != "" {
		return nil, registryError(err)
	}
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = shownName(v.Name)
	}
	o.Set("Property", ps.Strings(names))
	itemProperties(s, o, n.Path, true)
	return o, nil
}

// shownName is the name of a value as PowerShell shows it.
func shownName(name string) string {
	if name == "" {
		return "(default)"
	}
	return name
}

// storedName is the name that the registry has for what a script calls a value.
func storedName(name string) string {
	if strings.EqualFold(name, "(default)") {
		return ""
	}
	return name
}

// registryError is the exception that .NET has for an error of the registry.
func registryError(err error) error {
	if fatal(err) {
		return err
	}
	if errors.Is(err, fs.ErrPermission) {
		return ps.NewException(securityException, "Requested registry access is not allowed.")
	}
	if errors.Is(err, fs.ErrNotExist) {
		return ps.NewException(argumentException, "The registry key at the specified path does not exist.")
	}
	return err
}

// reportKey writes an error of the registry: its id is the exception's type.
func reportKey(ctx context.Context, c *ps.Call, err error, cat ps.Category, target any) error {
	err = registryError(err)
	if fatal(err) {
		return err
	}
	x := ps.ToException(err)
	if x.Type == securityException || x.Type == unauthorized {
		cat = ps.PermissionDenied
	}
	return reportAs(ctx, c, err, x.Type, cat, target)
}

// valueOf makes the object that .NET has for a value of the registry. Texts
// with variables are expanded unless raw.
func valueOf(s *ps.Session, v machine.RegValue, raw bool) any {
	switch v.Type {
	case kindString:
		return v.String()
	case kindExpand:
		if raw {
			return v.String()
		}
		return ExpandVariables(s, v.String())
	case kindMulti:
		return ps.Strings(v.Strings())
	case kindDWord:
		return int32(uint32(v.Uint()))
	case kindQWord:
		return int64(v.Uint())
	}
	return &ps.Bytes{B: v.Data}
}

// propertyOf makes the value that the provider shows: numbers are not negative.
func propertyOf(s *ps.Session, v machine.RegValue) any {
	switch x := valueOf(s, v, false).(type) {
	case int32:
		if x < 0 {
			return uint32(x)
		}
		return x
	case int64:
		if x < 0 {
			return uint64(x)
		}
		return x
	default:
		return x
	}
}

// ExpandVariables replaces %NAME% by variables of the environment, as
// [Environment]::ExpandEnvironmentVariables does.
func ExpandVariables(s *ps.Session, text string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "%")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, after, ok := strings.Cut(rest, "%")
		if !ok {
			b.WriteString("%" + rest)
			return b.String()
		}
		if v, found := s.Process().Env.Get(name); found && name != "" {
			b.WriteString(v)
			text = after
			continue
		}
		b.WriteString("%" + name)
		text = "%" + after
	}
}

// Kinds of values as Microsoft.Win32.RegistryValueKind numbers them.
const (
	kindUnknown = 0
	kindString  = 1
	kindExpand  = 2
	kindBinary  = 3
	kindDWord   = 4
	kindMulti   = 7
	kindQWord   = 11
)

// kindOf reads the name of a kind.
func kindOf(s *ps.Session, text string) (int64, error) {
	if text == "" {
		return kindUnknown, nil
	}
	t := s.FindType("Microsoft.Win32.RegistryValueKind")
	for _, v := range t.Values {
		if strings.EqualFold(v.Name, text) {
			return v.Value, nil
		}
	}
	return 0, ps.NewError(argumentException, `Could not bind parameter 'Type'. Could not convert "`+text+
		`" to "Microsoft.Win32.RegistryValueKind". The possible enumeration values are "String, ExpandString, Binary, DWord, MultiString, QWord, Unknown".`,
		argumentException, ps.InvalidArgument, text)
}

// regValue makes the value that the registry stores of an object, in a kind or
// in the one that belongs to the object's type. The error is an *[ps.ErrorRecord].
func regValue(ctx context.Context, s *ps.Session, name string, v any, kind int64) (machine.RegValue, error) {
	if kind == kindUnknown {
		kind = naturalKind(v)
		if a, ok := ps.Unwrap(v).(*ps.Array); ok && kind == kindString {
			return machine.RegValue{}, ps.NewException(argumentException, "RegistryKey.SetValue does not support arrays of type '"+
				strings.TrimPrefix(a.Type, "System.")+"'. Only Byte[] and String[] are supported.")
		}
	}
	null := ps.IsNull(v)
	switch kind {
	case kindDWord, kindQWord:
		if null {
			v = int32(0)
		}
		n, err := wideNumber(ctx, s, v, kind == kindDWord)
		if err != nil {
			return machine.RegValue{}, err
		}
		if kind == kindDWord {
			return machine.RegDword(name, uint32(n)), nil
		}
		return machine.RegQword(name, n), nil
	case kindMulti:
		var list []string
		for _, item := range ps.Items(v) {
			list = append(list, s.ToString(item))
		}
		if null {
			list = nil
		}
		return machine.RegMulti(name, list), nil
	case kindBinary, -1:
		if null {
			return machine.RegBinary(name, nil), nil
		}
		b, err := s.CastTo(ctx, v, "byte[]")
		if err != nil {
			return machine.RegValue{}, err
		}
		out := machine.RegBinary(name, toBytes(b))
		if kind == -1 {
			out.Type = 0
		}
		return out, nil
	case kindExpand:
		return machine.RegExpand(name, s.ToString(v)), nil
	}
	return machine.RegString(name, s.ToString(v)), nil
}

// naturalKind is the kind that belongs to the type of an object.
func naturalKind(v any) int64 {
	switch x := ps.Unwrap(v).(type) {
	case int32:
		return kindDWord
	case int64:
		return kindQWord
	case *ps.Bytes:
		return kindBinary
	case *ps.Array:
		if x.Type == "System.String[]" {
			return kindMulti
		}
	}
	return kindString
}

// wideNumber converts to an integer as the registry provider does: signed, and
// if that does not fit unsigned.
func wideNumber(ctx context.Context, s *ps.Session, v any, narrow bool) (uint64, error) {
	signed, unsigned := "long", "uint64"
	if narrow {
		signed, unsigned = "int", "uint32"
	}
	n, err := s.CastTo(ctx, v, signed)
	if err != nil {
		u, err2 := s.CastTo(ctx, v, unsigned)
		if err2 != nil {
			return 0, err2
		}
		n = u
	}
	switch x := n.(type) {
	case int32:
		return uint64(uint32(x)), nil
	case uint32:
		return uint64(x), nil
	case int64:
		return uint64(x), nil
	case uint64:
		return x, nil
	}
	return 0, nil
}

// toBytes returns the bytes of a byte[].
func toBytes(v any) []byte {
	switch x := ps.Unwrap(v).(type) {
	case *ps.Bytes:
		return x.B
	case byte:
		return []byte{x}
	case *ps.Array:
		b := make([]byte, 0, len(x.Items))
		for _, item := range x.Items {
			if n, ok := ps.Unwrap(item).(byte); ok {
				b = append(b, n)
			}
		}
		return b
	}
	return nil
}

// newKey makes a registry key for New-Item.
func newKey(ctx context.Context, c *ps.Call, p ps.Path, kind string, value any, hasValue bool) error {
	r := c.Session.Machine().Registry()
	n, err := (keys{}).stat(ctx, c.Session, p)
	if err != nil {
		return reportKey(ctx, c, err, ps.WriteError, p.Name)
	}
	if n != nil && !c.Switch("Force") {
		return c.Error(ctx, fail(ioException, "A key in this path already exists.", ioException, ps.ResourceExists, NewRegistryKey(c.Session, p.Name)))
	}
	if n != nil {
		if err := r.DeleteKey(ctx, p.Name); err != nil {
			return reportKey(ctx, c, err, ps.WriteError, p.Name)
		}
	}
	up, _ := parent(p)
	if !c.Switch("Force") {
		if n, err := (keys{}).stat(ctx, c.Session, up); err != nil || n == nil {
			if err == nil {
				err = ps.NewException(argumentException, "The registry key at the specified path does not exist.")
				return reportAs(ctx, c, err, argumentException, ps.InvalidArgument, up.Name)
			}
			return reportKey(ctx, c, err, ps.OpenError, up.Name)
		}
	}
	if _, err := r.CreateKey(ctx, p.Name); err != nil {
		return reportKey(ctx, c, err, ps.WriteError, p.Name)
	}
	if hasValue {
		k, err := kindOf(c.Session, kind)
		if err != nil {
			return report(ctx, c, err)
		}
		v, err := regValue(ctx, c.Session, "", value, k)
		if err == nil {
			err = r.SetValue(ctx, p.Name, v)
		}
		if err != nil {
			return reportKey(ctx, c, err, ps.WriteError, p.Name)
		}
	}
	return write(ctx, c, &node{Path: p, leaf: leafOf(p), container: true})
}

// copyKey copies a key with its values, and what is below it if recurse.
func copyKey(ctx context.Context, s *ps.Session, from, to string, recurse bool) error {
	r := s.Machine().Registry()
	if _, err := r.CreateKey(ctx, to); err != nil {
		return err
	}
	values, err := r.Values(ctx, from)
	if err != nil {
		return err
	}
	for _, v := range values {
		if err := r.SetValue(ctx, to, v); err != nil {
			return err
		}
	}
	if !recurse {
		return nil
	}
	subkeys, err := r.Subkeys(ctx, from)
	if err != nil {
		return err
	}
	for _, name := range subkeys {
		if err := copyKey(ctx, s, from+`\`+name, to+`\`+name, true); err != nil {
			return err
		}
	}
	return nil
}
