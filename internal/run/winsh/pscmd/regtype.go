package pscmd

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// RegKey is the Data of a Microsoft.Win32.RegistryKey.
type RegKey struct {
	// Path is the full name ("HKEY_LOCAL_MACHINE\SOFTWARE").
	Path     string
	Writable bool
}

// NewRegistryKey makes the object of a key, open for reading.
func NewRegistryKey(s *ps.Session, path string) *ps.Object {
	return s.Object("Microsoft.Win32.RegistryKey", &RegKey{Path: path})
}

func registryTypes() []*ps.Type {
	return []*ps.Type{
		{
			Name: "Microsoft.Win32.RegistryKey", Base: "System.MarshalByRefObject", Implements: []string{"System.IDisposable"},
			String:  func(v any) string { return v.(*ps.Object).Data.(*RegKey).Path },
			Members: registryMembers, View: registryView,
		},
		{Name: "Microsoft.Win32.RegistryValueKind", Values: []ps.EnumValue{
			{Name: "None", Value: -1}, {Name: "Unknown", Value: kindUnknown}, {Name: "String", Value: kindString}, {Name: "ExpandString", Value: kindExpand},
			{Name: "Binary", Value: kindBinary}, {Name: "DWord", Value: kindDWord}, {Name: "MultiString", Value: kindMulti}, {Name: "QWord", Value: kindQWord},
		}},
		{Name: "Microsoft.Win32.RegistryValueOptions", Flags: true, Values: []ps.EnumValue{{Name: "None"}, {Name: "DoNotExpandEnvironmentNames", Value: 1}}},
		{Name: "Microsoft.Win32.RegistryHive", Values: []ps.EnumValue{
			{Name: "ClassesRoot", Value: -2147483648}, {Name: "CurrentUser", Value: -2147483647}, {Name: "LocalMachine", Value: -2147483646},
			{Name: "Users", Value: -2147483645}, {Name: "PerformanceData", Value: -2147483644}, {Name: "CurrentConfig", Value: -2147483643},
		}},
		{Name: "Microsoft.Win32.RegistryView", Values: []ps.EnumValue{{Name: "Default"}, {Name: "Registry64", Value: 256}, {Name: "Registry32", Value: 512}}},
	}
}

func regKey(in *ps.Invoke) *RegKey { return in.Data().(*RegKey) }

// below is the path of a subkey.
func (k *RegKey) below(name string) string {
	name = strings.Trim(name, `\`)
	if name == "" {
		return k.Path
	}
	return k.Path + `\` + name
}

func (k *RegKey) mayWrite() error {
	if !k.Writable {
		return ps.NewException(unauthorized, "Cannot write to the registry key.")
	}
	return nil
}

// registryMembers are the members of RegistryKey.
func registryMembers() []ps.Member {
	reg := func(in *ps.Invoke) *machine.Registry { return in.Session.Machine().Registry() }
	count := func(name string, n func(ctx context.Context, in *ps.Invoke) (int, error)) ps.Member {
		return ps.Prop(name, "int", func(ctx context.Context, in *ps.Invoke) (any, error) {
			c, err := n(ctx, in)
			return ps.Int(c), err
		})
	}
	none := func(context.Context, *ps.Invoke) (any, error) { return nil, nil }
	return []ps.Member{
		count("SubKeyCount", func(ctx context.Context, in *ps.Invoke) (int, error) {
			list, err := reg(in).Subkeys(ctx, regKey(in).Path)
			return len(list), err
		}),
		count("ValueCount", func(ctx context.Context, in *ps.Invoke) (int, error) {
			list, err := reg(in).Values(ctx, regKey(in).Path)
			return len(list), err
		}),
		ps.Prop("Name", "string", func(_ context.Context, in *ps.Invoke) (any, error) { return regKey(in).Path, nil }),
		ps.Prop("View", "Microsoft.Win32.RegistryView", func(_ context.Context, in *ps.Invoke) (any, error) {
			return in.Session.Enum("Microsoft.Win32.RegistryView", 0), nil
		}),
		ps.Method("GetValue", "System.Object", ps.O("string name", getRegValue), ps.O("string name, System.Object defaultValue", getRegValue),
			ps.O("string name, System.Object defaultValue, Microsoft.Win32.RegistryValueOptions options", getRegValue)),
		ps.Method("GetValueNames", "string[]", ps.O("", func(ctx context.Context, in *ps.Invoke) (any, error) {
			list, err := reg(in).Values(ctx, regKey(in).Path)
			names := make([]string, len(list))
			for i, v := range list {
				names[i] = v.Name
			}
			return ps.Strings(names), registryErrorOrNil(err)
		})),
		ps.Method("GetSubKeyNames", "string[]", ps.O("", func(ctx context.Context, in *ps.Invoke) (any, error) {
			list, err := reg(in).Subkeys(ctx, regKey(in).Path)
			return ps.Strings(list), registryErrorOrNil(err)
		})),
		ps.Method("GetValueKind", "Microsoft.Win32.RegistryValueKind", ps.O("string name", func(ctx context.Context, in *ps.Invoke) (any, error) {
			v, err := reg(in).Value(ctx, regKey(in).Path, in.String(0))
			if err != nil {
				return nil, ps.NewException(ioException, "The specified registry key does not exist.")
			}
			kind := int64(v.Type)
			if kind == 0 {
				kind = -1
			}
			return in.Session.Enum("Microsoft.Win32.RegistryValueKind", kind), nil
		})),
		ps.Method("OpenSubKey", "Microsoft.Win32.RegistryKey", ps.O("string name", openSubKey), ps.O("string name, bool writable", openSubKey)),
		ps.Method("CreateSubKey", "Microsoft.Win32.RegistryKey", ps.O("string subkey", createSubKey), ps.O("string subkey, bool writable", createSubKey)),
		ps.Method("SetValue", "void", ps.O("string name, System.Object value", setRegValue),
			ps.O("string name, System.Object value, Microsoft.Win32.RegistryValueKind valueKind", setRegValue)),
		ps.Method("DeleteValue", "void", ps.O("string name", deleteRegValue), ps.O("string name, bool throwOnMissingValue", deleteRegValue)),
		ps.Method("DeleteSubKey", "void", ps.O("string subkey", deleteSubKey), ps.O("string subkey, bool throwOnMissingSubKey", deleteSubKey)),
		ps.Method("DeleteSubKeyTree", "void", ps.O("string subkey", deleteSubKeyTree), ps.O("string subkey, bool throwOnMissingSubKey", deleteSubKeyTree)),
		ps.Method("Close", "void", ps.O("", none)), ps.Method("Dispose", "void", ps.O("", none)), ps.Method("Flush", "void", ps.O("", none)),
	}
}

func registryErrorOrNil(err error) error {
	if err == nil {
		return nil
	}
	return registryError(err)
}

func getRegValue(ctx context.Context, in *ps.Invoke) (any, error) {
	v, err := in.Session.Machine().Registry().Value(ctx, regKey(in).Path, in.String(0))
	if errors.Is(err, fs.ErrNotExist) {
		if len(in.Args) > 1 {
			return in.Args[1], nil
		}
		return nil, nil
	}
	if err != nil {
		return nil, registryError(err)
	}
	raw := false
	if len(in.Args) > 2 {
		e, _ := in.Args[2].(ps.Enum)
		raw = e.Value&1 != 0
	}
	return valueOf(in.Session, v, raw), nil
}

func openSubKey(ctx context.Context, in *ps.Invoke) (any, error) {
	path := regKey(in).below(in.String(0))
	ok, err := in.Session.Machine().Registry().KeyExists(ctx, path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, registryError(err)
	}
	if !ok {
		return nil, nil
	}
	o := NewRegistryKey(in.Session, path)
	o.Data.(*RegKey).Writable = in.Bool(1)
	return o, nil
}

func createSubKey(ctx context.Context, in *ps.Invoke) (any, error) {
	k := regKey(in)
	if err := k.mayWrite(); err != nil {
		return nil, err
	}
	path := k.below(in.String(0))
	if _, err := in.Session.Machine().Registry().CreateKey(ctx, path); err != nil {
		return nil, registryError(err)
	}
	o := NewRegistryKey(in.Session, path)
	o.Data.(*RegKey).Writable = len(in.Args) < 2 || in.Bool(1)
	return o, nil
}

func setRegValue(ctx context.Context, in *ps.Invoke) (any, error) {
	k := regKey(in)
	if err := k.mayWrite(); err != nil {
		return nil, err
	}
	if ps.IsNull(in.Args[1]) {
		return nil, ps.NewException(argumentNullException, "Value cannot be null.\r\nParameter name: value")
	}
	kind := int64(kindUnknown)
	if len(in.Args) > 2 {
		e, _ := in.Args[2].(ps.Enum)
		kind = e.Value
	}
	v, err := regValue(ctx, in.Session, in.String(0), in.Args[1], kind)
	if err != nil {
		return nil, err
	}
	return nil, registryErrorOrNil(in.Session.Machine().Registry().SetValue(ctx, k.Path, v))
}

func deleteRegValue(ctx context.Context, in *ps.Invoke) (any, error) {
	k := regKey(in)
	if err := k.mayWrite(); err != nil {
		return nil, err
	}
	err := in.Session.Machine().Registry().DeleteValue(ctx, k.Path, in.String(0))
	if errors.Is(err, fs.ErrNotExist) {
		if len(in.Args) > 1 && !in.Bool(1) {
			return nil, nil
		}
		return nil, ps.NewException(argumentException, "No value exists with that name.")
	}
	return nil, registryErrorOrNil(err)
}

func deleteSubKey(ctx context.Context, in *ps.Invoke) (any, error) {
	k := regKey(in)
	if err := k.mayWrite(); err != nil {
		return nil, err
	}
	path := k.below(in.String(0))
	list, err := in.Session.Machine().Registry().Subkeys(ctx, path)
	if err == nil && len(list) > 0 {
		return nil, ps.NewException(invalidOperation, "Registry key has subkeys and recursive removes are not supported by this method.")
	}
	return deleteKeyAt(ctx, in, path, "Cannot delete a subkey tree because the subkey does not exist.")
}

func deleteSubKeyTree(ctx context.Context, in *ps.Invoke) (any, error) {
	k := regKey(in)
	if err := k.mayWrite(); err != nil {
		return nil, err
	}
	return deleteKeyAt(ctx, in, k.below(in.String(0)), "Cannot delete a subkey tree because the subkey does not exist.")
}

func deleteKeyAt(ctx context.Context, in *ps.Invoke, path, missing string) (any, error) {
	r := in.Session.Machine().Registry()
	ok, err := r.KeyExists(ctx, path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, registryError(err)
	}
	if !ok {
		if len(in.Args) > 1 && !in.Bool(1) {
			return nil, nil
		}
		return nil, ps.NewException(argumentException, missing)
	}
	return nil, registryErrorOrNil(r.DeleteKey(ctx, path))
}

// registryView is the listing of keys: each with its values.
func registryView() *ps.View {
	return &ps.View{
		Table: []ps.Column{
			{Label: "Name", Property: "PSChildName", Width: 30},
			{Label: "Property", Value: registryLines},
		},
		Group: func(ctx context.Context, s *ps.Session, v any) string {
			p, _, _ := s.Property(ctx, v, "PSParentPath")
			return s.ToString(p)
		},
		Header: func(group string) string {
			return "    Hive: " + strings.TrimPrefix(group, `Microsoft.PowerShell.Core\Registry::`)
		},
	}
}

// registryLines are the values of a key as its listing shows them: a list of
// names and values.
func registryLines(ctx context.Context, s *ps.Session, v any) (any, error) {
	values, err := s.Machine().Registry().Values(ctx, v.(*ps.Object).Data.(*RegKey).Path)
	if err != nil && fatal(err) {
		return nil, err
	}
	if len(values) == 0 { // or the key cannot be read
		return "", nil
	}
	o := ps.NewCustom()
	for _, value := range values {
		o.Set(shownName(value.Name), propertyOf(s, value))
	}
	var lines []string
	p := s.NewPrinter(120, func(_ context.Context, line string) error {
		if line = strings.TrimRight(line, " "); line != "" {
			lines = append(lines, line)
		}
		return nil
	})
	out, err := s.RunCommand(ctx, "Format-List", ps.NewHashtable("InputObject", o))
	if err != nil {
		return nil, err
	}
	for _, item := range out {
		if err := p.Write(ctx, item); err != nil {
			return nil, err
		}
	}
	if err := p.Close(ctx); err != nil {
		return nil, err
	}
	return strings.Join(lines, "\n"), nil
}
