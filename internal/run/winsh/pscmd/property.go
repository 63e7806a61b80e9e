package pscmd

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// propertyFilters and propertyPaths are parameters that the cmdlets share.
const (
	propertyFilters = `
		Filter string
		Include string[]
		Exclude string[]
		Force switch
		Credential object ` + noCredential + `
		UseTransaction|usetx switch 5.1 !registry transactions need Windows`
	propertyPaths = `
		Path string[] @1 mandatory property {Path}
		LiteralPath|PSPath|LP string[] mandatory property {LiteralPath}`
)

// propertyCmdlets are about the properties of items: values of registry keys,
// and what is known of files.
func propertyCmdlets() []*ps.Cmdlet {
	return []*ps.Cmdlet{
		{
			Name: "Get-ItemProperty", Aliases: []string{"gp"}, Module: moduleManagement, DefaultSet: "Path",
			Syntax:  params(itemPaths + `Name|PSProperty string[] @2` + propertyFilters),
			Process: getItemProperty,
		},
		{
			Name: "Get-ItemPropertyValue", Aliases: []string{"gpv"}, Module: moduleManagement, DefaultSet: "Path",
			Syntax: params(`
				Path string[] @1 pipeline property {Path}
				LiteralPath|PSPath|LP string[] mandatory property {LiteralPath}
				Name|PSProperty string[] @2 mandatory` + propertyFilters),
			Process: getItemPropertyValue,
		},
		{
			Name: "Set-ItemProperty", Aliases: []string{"sp"}, Module: moduleManagement, DefaultSet: "propertyValuePathSet", ShouldProcess: true,
			Syntax: params(`
				Path string[] @1 mandatory property {propertyValuePathSet,propertyPSObjectPathSet}
				LiteralPath|PSPath|LP string[] mandatory property {propertyValueLiteralPathSet,propertyPSObjectLiteralPathSet}
				Name|PSProperty string @2 mandatory property {propertyValuePathSet,propertyValueLiteralPathSet}
				Value object @3 mandatory null empty property {propertyValuePathSet,propertyValueLiteralPathSet}
				InputObject object mandatory pipeline property {propertyPSObjectPathSet,propertyPSObjectLiteralPathSet}
				Type string property dynamic
				PassThru switch` + propertyFilters),
			Process: setItemProperty,
		},
		{
			Name: "New-ItemProperty", Module: moduleManagement, DefaultSet: "Path", ShouldProcess: true,
			Syntax: params(propertyPaths + `
				Name|PSProperty string @2 mandatory property
				PropertyType|Type string property
				Value object property` + propertyFilters),
			Process: newItemProperty,
		},
		{
			Name: "Remove-ItemProperty", Aliases: []string{"rp"}, Module: moduleManagement, DefaultSet: "Path", ShouldProcess: true,
			Syntax: params(propertyPaths + `
				Name|PSProperty string[] @2 mandatory property` + propertyFilters),
			Process: removeItemProperty,
		},
	}
}

// propertyMoves are the cmdlets that clear, rename, copy and move properties.
func propertyMoves() []*ps.Cmdlet {
	return []*ps.Cmdlet{
		{
			Name: "Clear-ItemProperty", Aliases: []string{"clp"}, Module: moduleManagement, DefaultSet: "Path", ShouldProcess: true,
			Syntax: params(propertyPaths + `
				Name string @2 mandatory property
				PassThru switch` + propertyFilters),
			Process: clearItemProperty,
		},
		{
			Name: "Rename-ItemProperty", Aliases: []string{"rnp"}, Module: moduleManagement, DefaultSet: "Path", ShouldProcess: true,
			Syntax: params(`
				Path string @1 mandatory property {Path}
				LiteralPath|PSPath|LP string mandatory property {LiteralPath}
				Name|PSProperty string @2 mandatory property
				NewName string @3 mandatory property
				PassThru switch` + propertyFilters),
			Process: renameItemProperty,
		},
		{
			Name: "Copy-ItemProperty", Aliases: []string{"cpp"}, Module: moduleManagement, DefaultSet: "Path", ShouldProcess: true,
			Syntax: params(propertyPaths + `
				Destination string @2 mandatory property
				Name|PSProperty string @3 mandatory property
				PassThru switch` + propertyFilters),
			Process: func(ctx context.Context, c *ps.Call) error { return transferProperty(ctx, c, false) },
		},
		{
			Name: "Move-ItemProperty", Aliases: []string{"mp"}, Module: moduleManagement, DefaultSet: "Path", ShouldProcess: true,
			Syntax: params(propertyPaths + `
				Destination string @2 mandatory property
				Name|PSProperty string[] @3 mandatory property
				PassThru switch` + propertyFilters),
			Process: func(ctx context.Context, c *ps.Call) error { return transferProperty(ctx, c, true) },
		},
	}
}

// noProperties is the error of providers whose items have no properties.
func noProperties() error {
	return fail(psNotSupported, "Cannot use interface. The IPropertyCmdletProvider interface is not supported by this provider.", "NotSupported", ps.NotImplemented, nil)
}

// propertyBag finishes the object that has properties of an item.
func propertyBag(s *ps.Session, o *ps.Object, p ps.Path) *ps.Object {
	itemProperties(s, o, p, true)
	o.Remove("PSIsContainer")
	return o
}

// valuesNamed returns the values of a key whose names match, and reports names
// without wildcards that are not there.
func valuesNamed(ctx context.Context, c *ps.Call, n *node, names []string, literal bool) ([]machine.RegValue, error) {
	all, err := c.Session.Machine().Registry().Values(ctx, n.Name)
	if err != nil {
		return nil, reportKey(ctx, c, err, ps.ReadError, n.Name)
	}
	if len(names) == 0 {
		return all, nil
	}
	var list []machine.RegValue
	for _, want := range names {
		found := false
		for _, v := range all {
			name := shownName(v.Name)
			if !literal && ps.Like(want, name, false) || strings.EqualFold(want, name) {
				list = append(list, v)
				found = true
			}
		}
		if !found && !ps.HasWildcard(want) {
			if err := c.Error(ctx, noSuchProperty(want, n.Name)); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}

func noSuchProperty(name, path string) *ps.ErrorRecord {
	return fail(psArgument, "Property "+name+" does not exist at path "+path+".", psArgument, ps.InvalidArgument, name)
}

func getItemProperty(ctx context.Context, c *ps.Call) error {
	names := c.Strings("Name")
	return newFinder(c).each(ctx, c, func(n *node) error {
		switch n.Provider {
		case registry:
			values, err := valuesNamed(ctx, c, n, names, c.Has("LiteralPath"))
			if err != nil || len(values) == 0 {
				return err
			}
			o := ps.NewCustom()
			for _, v := range values {
				o.Set(shownName(v.Name), propertyOf(c.Session, v))
			}
			return c.Write(ctx, propertyBag(c.Session, o, n.Path))
		case fileSystem:
			return getFileProperty(ctx, c, n, names)
		}
		return noProperties()
	})
}

// getFileProperty writes the object of a file, or some properties of it.
func getFileProperty(ctx context.Context, c *ps.Call, n *node, names []string) error {
	file := FileObject(c.Session, n.Path, n.info)
	if len(names) == 0 || len(names) == 1 && names[0] == "*" {
		return c.Write(ctx, file)
	}
	o := ps.NewCustom()
	for _, name := range names {
		v, ok, err := c.Session.Property(ctx, file, name)
		if err != nil {
			return err
		}
		if !ok {
			if err := c.Error(ctx, fail(ioException, "The property "+name+" does not exist or was not found.", "GetValueError", ps.ReadError, name)); err != nil {
				return err
			}
			continue
		}
		o.Set(name, v)
	}
	if len(o.Added()) == 0 {
		return nil
	}
	return c.Write(ctx, propertyBag(c.Session, o, n.Path))
}

func getItemPropertyValue(ctx context.Context, c *ps.Call) error {
	f := newFinder(c)
	names := c.Strings("Name")
	one := func(n *node) error {
		switch n.Provider {
		case registry:
			values, err := valuesNamed(ctx, c, n, names, c.Has("LiteralPath"))
			if err != nil {
				return err
			}
			for _, v := range values {
				if err := c.Write(ctx, propertyOf(c.Session, v)); err != nil {
					return err
				}
			}
			return nil
		case fileSystem:
			file := FileObject(c.Session, n.Path, n.info)
			for _, name := range names {
				v, ok, err := c.Session.Property(ctx, file, name)
				if err != nil {
					return err
				}
				if !ok {
					err = c.Error(ctx, fail(ioException, "The property "+name+" does not exist or was not found.", "GetValueError", ps.ReadError, name))
				} else {
					err = c.Write(ctx, v)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}
		return noProperties()
	}
	if !c.Has("Path") && !c.Has("LiteralPath") {
		n, err := f.must(ctx, c.Session.Location())
		if err != nil {
			return report(ctx, c, err)
		}
		return one(n)
	}
	return f.each(ctx, c, one)
}

func setItemProperty(ctx context.Context, c *ps.Call) error {
	type pair struct {
		name  string
		value any
	}
	var pairs []pair
	if c.Has("Name") {
		pairs = []pair{{c.String("Name"), c.Value("Value")}}
	} else {
		v := inputOf(c)
		for _, p := range c.Session.Properties(v) {
			x, _, err := c.Session.Property(ctx, v, p.Name)
			if err != nil {
				return err
			}
			pairs = append(pairs, pair{p.Name, x})
		}
	}
	return newFinder(c).each(ctx, c, func(n *node) error {
		o := ps.NewCustom()
		for _, p := range pairs {
			ok, err := setProperty(ctx, c, n, p.name, p.value)
			if err != nil {
				return err
			}
			if ok {
				o.Set(p.name, p.value)
			}
		}
		if !c.Switch("PassThru") || len(o.Added()) == 0 {
			return nil
		}
		return c.Write(ctx, propertyBag(c.Session, o, n.Path))
	})
}

// setProperty sets one property of an item. It returns false when an error has
// been written.
func setProperty(ctx context.Context, c *ps.Call, n *node, name string, value any) (bool, error) {
	switch n.Provider {
	case registry:
		yes, err := c.ShouldProcess(ctx, "Item: "+n.Name+" Property: "+name, "Set Property")
		if err != nil || !yes {
			return false, err
		}
		kind, err := kindOf(c.Session, c.String("Type"))
		if err != nil {
			return false, report(ctx, c, err)
		}
		if err := storeValue(ctx, c, n, name, value, kind); err != nil {
			return false, reportKey(ctx, c, err, ps.WriteError, name)
		}
		return true, nil
	case fileSystem:
		action := "Set Property File"
		if n.container {
			action = "Set Property Directory"
		}
		yes, err := c.ShouldProcess(ctx, "Item: "+n.Name+" Property: "+name+" Value: "+c.Session.ToString(value), action)
		if err != nil || !yes {
			return false, err
		}
		return setFileProperty(ctx, c, n, name, value)
	}
	return false, noProperties()
}

func setFileProperty(ctx context.Context, c *ps.Call, n *node, name string, value any) (bool, error) {
	file := FileObject(c.Session, n.Path, n.info)
	if _, ok, err := c.Session.Property(ctx, file, name); err != nil || !ok {
		if err == nil {
			err = fail(ioException, "The property "+name+" does not exist or was not found.", "SetPropertyError", ps.ReadError, name)
		}
		return false, report(ctx, c, err)
	}
	if strings.EqualFold(name, "attributes") {
		e, err := c.Session.CastTo(ctx, value, "System.IO.FileAttributes")
		if err != nil {
			return false, err
		}
		const allowed = 0x01 | 0x02 | 0x04 | 0x20 | 0x80
		if e.(ps.Enum).Value&^allowed != 0 {
			return false, c.Error(ctx, fail(ioException, "The attribute cannot be set because attributes are not supported. Only the following attributes can be set: Archive, Hidden, Normal, ReadOnly, or System.",
				"SetPropertyError", ps.ReadError, name))
		}
	}
	return true, c.Session.SetProperty(ctx, file, name, value)
}

// storeValue writes a value of a key. Without a kind it keeps the one that the
// value has, if the object can be converted to that.
func storeValue(ctx context.Context, c *ps.Call, n *node, name string, value any, kind int64) error {
	r := c.Session.Machine().Registry()
	name = storedName(name)
	if kind == kindUnknown {
		old, err := r.Value(ctx, n.Name, name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil {
			v, err := regValue(ctx, c.Session, name, value, int64(old.Type))
			if err == nil {
				return r.SetValue(ctx, n.Name, v)
			}
			if fatal(err) {
				return err
			}
		}
	}
	v, err := regValue(ctx, c.Session, name, value, kind)
	if err != nil {
		return err
	}
	return r.SetValue(ctx, n.Name, v)
}

func newItemProperty(ctx context.Context, c *ps.Call) error {
	name := c.String("Name")
	return newFinder(c).each(ctx, c, func(n *node) error {
		if n.Provider != registry {
			return fail(psNotSupported, "Cannot use interface. The IDynamicPropertyCmdletProvider interface is not implemented by this provider.", "NotSupported", ps.NotImplemented, nil)
		}
		yes, err := c.ShouldProcess(ctx, "Item: "+n.Name+" Property: "+name, "New Property")
		if err != nil || !yes {
			return err
		}
		kind, err := kindOf(c.Session, c.String("PropertyType"))
		if err != nil {
			return report(ctx, c, err)
		}
		r := c.Session.Machine().Registry()
		if _, err := r.Value(ctx, n.Name, storedName(name)); err == nil && !c.Switch("Force") {
			return c.Error(ctx, fail(ioException, "The property already exists.", ioException, ps.ResourceExists, n.Name))
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return reportKey(ctx, c, err, ps.WriteError, n.Name)
		}
		if err := storeValue(ctx, c, n, name, c.Value("Value"), kind); err != nil {
			return reportKey(ctx, c, err, ps.WriteError, n.Name)
		}
		v, err := r.Value(ctx, n.Name, storedName(name))
		if err != nil {
			return reportKey(ctx, c, err, ps.ReadError, n.Name)
		}
		return c.Write(ctx, propertyBag(c.Session, ps.NewCustom(name, propertyOf(c.Session, v)), n.Path))
	})
}

func removeItemProperty(ctx context.Context, c *ps.Call) error {
	return newFinder(c).each(ctx, c, func(n *node) error {
		if n.Provider != registry {
			return fail(psNotSupported, "Cannot use interface. The IDynamicPropertyCmdletProvider interface is not implemented by this provider.", "NotSupported", ps.NotImplemented, nil)
		}
		values, err := valuesNamed(ctx, c, n, c.Strings("Name"), c.Has("LiteralPath"))
		if err != nil {
			return err
		}
		for _, v := range values {
			yes, err := c.ShouldProcess(ctx, "Item: "+n.Name+" Property: "+shownName(v.Name), "Remove Property")
			if err != nil {
				return err
			}
			if !yes {
				continue
			}
			if err := c.Session.Machine().Registry().DeleteValue(ctx, n.Name, v.Name); err != nil {
				if err := reportKey(ctx, c, err, ps.WriteError, v.Name); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// clearItemProperty sets a value to the nothing of its kind.
func clearItemProperty(ctx context.Context, c *ps.Call) error {
	return newFinder(c).each(ctx, c, func(n *node) error {
		switch n.Provider {
		case registry:
			values, err := valuesNamed(ctx, c, n, []string{c.String("Name")}, c.Has("LiteralPath"))
			if err != nil {
				return err
			}
			for _, v := range values {
				yes, err := c.ShouldProcess(ctx, "Item: "+n.Name+" Property: "+shownName(v.Name), "Clear Property")
				if err != nil || !yes {
					return err
				}
				empty, err := regValue(ctx, c.Session, v.Name, nil, int64(v.Type))
				if err == nil {
					err = c.Session.Machine().Registry().SetValue(ctx, n.Name, empty)
				}
				if err != nil {
					return reportKey(ctx, c, err, ps.WriteError, v.Name)
				}
			}
			return nil
		case fileSystem:
			if !strings.EqualFold(c.String("Name"), "Attributes") {
				return c.Error(ctx, fail(argumentException, "The property cannot be cleared because the property is not supported. Only the Attributes property can be cleared.", "ClearPropertyArgumentError", ps.InvalidArgument, n.Name))
			}
			if err := c.Session.Machine().FS().SetAttributes(ctx, n.Name, 0); err != nil {
				return reportAs(ctx, c, err, "ClearPropertyUnauthorizedAccessError", ps.PermissionDenied, n.Name)
			}
			return nil
		}
		return noProperties()
	})
}

func renameItemProperty(ctx context.Context, c *ps.Call) error {
	return newFinder(c).each(ctx, c, func(n *node) error {
		if n.Provider != registry {
			return noProperties()
		}
		yes, err := c.ShouldProcess(ctx, "Item: "+n.Name+" SourceProperty: "+c.String("Name")+" DestinationProperty: "+c.String("NewName"), "Rename property.")
		if err != nil || !yes {
			return err
		}
		return moveValue(ctx, c, n, c.String("Name"), n, c.String("NewName"), true)
	})
}

// moveValue copies or moves a value to another key or name.
func moveValue(ctx context.Context, c *ps.Call, from *node, name string, to *node, newName string, remove bool) error {
	r := c.Session.Machine().Registry()
	v, err := r.Value(ctx, from.Name, storedName(name))
	if errors.Is(err, fs.ErrNotExist) {
		return c.Error(ctx, noSuchProperty(name, from.Name))
	}
	if err == nil {
		v.Name = storedName(newName)
		err = r.SetValue(ctx, to.Name, v)
	}
	if err == nil && remove {
		err = r.DeleteValue(ctx, from.Name, storedName(name))
	}
	if err != nil {
		return reportKey(ctx, c, err, ps.WriteError, from.Name)
	}
	if !c.Switch("PassThru") {
		return nil
	}
	at := to.Path
	if !remove {
		at = from.Path // a copy is shown as what it is of
	}
	return c.Write(ctx, propertyBag(c.Session, ps.NewCustom(newName, propertyOf(c.Session, v)), at))
}

func transferProperty(ctx context.Context, c *ps.Call, remove bool) error {
	to, err := finder{s: c.Session}.one(ctx, c.String("Destination"), false)
	if err != nil {
		return report(ctx, c, err)
	}
	return newFinder(c).each(ctx, c, func(n *node) error {
		if n.Provider != registry || to.Provider != registry {
			return noProperties()
		}
		action := map[bool]string{true: "Move Property", false: "Copy Property"}[remove]
		for _, name := range c.Strings("Name") {
			yes, err := c.ShouldProcess(ctx, "Item: "+n.Name+" SourceProperty: "+name+" DestinationItem: "+to.Name+" DestinationProperty: "+name, action)
			if err != nil || !yes {
				return err
			}
			if err := moveValue(ctx, c, n, name, to, name, remove); err != nil {
				return err
			}
		}
		return nil
	})
}
