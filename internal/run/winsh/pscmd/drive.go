package pscmd

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// driveCmdlets are about drives and providers.
func driveCmdlets() []*ps.Cmdlet {
	return []*ps.Cmdlet{
		{
			Name: "Get-PSDrive", Aliases: []string{"gdr"}, Module: moduleManagement, DefaultSet: "Name",
			Syntax: params(`
				Name string[] @1 pipeline property {Name}
				LiteralName string[] @1 mandatory property {LiteralName}
				Scope string property
				PSProvider string[] property
				UseTransaction|usetx switch 5.1 !registry transactions need Windows`),
			Process: getDrive,
		},
		{
			Name: "New-PSDrive", Aliases: []string{"ndr"}, Aliases51: []string{"mount"}, Module: moduleManagement, ShouldProcess: true,
			Syntax: params(`
				Name string @1 mandatory property
				PSProvider string @2 mandatory property
				Root string @3 mandatory property empty
				Description string property
				Scope string property
				Persist switch !network drives need Windows
				Credential object ` + noCredential + `
				UseTransaction|usetx switch 5.1 !registry transactions need Windows`),
			Process: newDrive,
		},
		{
			Name: "Remove-PSDrive", Aliases: []string{"rdr"}, Module: moduleManagement, DefaultSet: "Name", ShouldProcess: true,
			Syntax: params(`
				Name string[] @1 mandatory property null empty {Name}
				LiteralName string[] @1 mandatory property pipeline {LiteralName}
				PSProvider string[] property
				Scope string property
				Force switch
				UseTransaction|usetx switch 5.1 !registry transactions need Windows`),
			Process: removeDrive,
		},
		{
			Name: "Get-PSProvider", Module: moduleManagement,
			Syntax:  params(`PSProvider string[] @1 pipeline property notempty`),
			Process: getProvider,
		},
	}
}

// driveObject makes a PSDriveInfo.
func driveObject(s *ps.Session, d *ps.Drive) *ps.Object {
	return s.Object("System.Management.Automation.PSDriveInfo", d)
}

// providerObject makes a ProviderInfo.
func providerObject(s *ps.Session, name string) *ps.Object {
	return s.Object("System.Management.Automation.ProviderInfo", providerName(name))
}

// providerName is the name of a provider as the Data of a ProviderInfo.
type providerName string

func (p providerName) module() string {
	if p == "Certificate" {
		return moduleSecurity
	}
	if p == "WSMan" {
		return "Microsoft.WSMan.Management"
	}
	return moduleCore
}

func driveTypes() []*ps.Type {
	drive := func(in *ps.Invoke) *ps.Drive { return in.Data().(*ps.Drive) }
	text := func(name string, get func(d *ps.Drive) string) ps.Member {
		return ps.Prop(name, "string", func(_ context.Context, in *ps.Invoke) (any, error) { return get(drive(in)), nil })
	}
	space := func(name string, pick func(free, total int64) int64) ps.Member {
		return code(ps.Prop(name, "long", func(_ context.Context, in *ps.Invoke) (any, error) {
			if drive(in).Provider != fileSystem {
				return nil, nil
			}
			return pick(in.Session.Machine().FS().Free()), nil
		}), ps.KindScript, ps.Both)
	}
	return []*ps.Type{
		{
			Name:   "System.Management.Automation.PSDriveInfo",
			String: func(v any) string { return v.(*ps.Object).Data.(*ps.Drive).Name },
			Members: func() []ps.Member {
				return []ps.Member{
					text("CurrentLocation", func(d *ps.Drive) string { return d.Current }),
					text("Name", func(d *ps.Drive) string { return d.Name }),
					ps.Prop("Provider", "System.Management.Automation.ProviderInfo", func(_ context.Context, in *ps.Invoke) (any, error) {
						return providerObject(in.Session, drive(in).Provider), nil
					}),
					text("Root", func(d *ps.Drive) string { return d.Root }),
					text("Description", func(d *ps.Drive) string { return d.Description }),
					ps.Prop("DisplayRoot", "string", func(context.Context, *ps.Invoke) (any, error) { return nil, nil }),
					space("Used", func(free, total int64) int64 { return total - free }),
					space("Free", func(free, _ int64) int64 { return free }),
				}
			},
			View: driveView,
		},
		{
			Name: "System.Management.Automation.ProviderInfo",
			String: func(v any) string {
				p := v.(*ps.Object).Data.(providerName)
				return p.module() + `\` + string(p)
			},
			Members: func() []ps.Member {
				return []ps.Member{
					ps.Prop("Name", "string", func(_ context.Context, in *ps.Invoke) (any, error) { return string(in.Data().(providerName)), nil }),
					ps.Prop("ModuleName", "string", func(_ context.Context, in *ps.Invoke) (any, error) { return in.Data().(providerName).module(), nil }),
					ps.Prop("Drives", "System.Management.Automation.PSDriveInfo[]", func(_ context.Context, in *ps.Invoke) (any, error) {
						var list []any
						for _, d := range in.Session.Drives() {
							if d.Provider == string(in.Data().(providerName)) {
								list = append(list, driveObject(in.Session, d))
							}
						}
						return ps.NewTyped("System.Management.Automation.PSDriveInfo", list), nil
					}),
				}
			},
			View: func() *ps.View {
				return &ps.View{Table: []ps.Column{{Property: "Name", Width: 20}, {Property: "Drives"}}}
			},
		},
	}
}

func driveView() *ps.View {
	gigabytes := func(name string) func(context.Context, *ps.Session, any) (any, error) {
		return func(ctx context.Context, s *ps.Session, v any) (any, error) {
			n, _, err := s.Property(ctx, v, name)
			if err != nil || n == nil {
				return nil, err
			}
			return s.Composite("{0:0.00}", []any{float64(n.(int64)) / (1 << 30)})
		}
	}
	return &ps.View{Table: []ps.Column{
		{Property: "Name", Width: 10},
		{Label: "Used (GB)", Width: 13, Right: true, Value: gigabytes("Used")},
		{Label: "Free (GB)", Width: 13, Right: true, Value: gigabytes("Free")},
		{Label: "Provider", Width: 13, Value: func(_ context.Context, _ *ps.Session, v any) (any, error) {
			return v.(*ps.Object).Data.(*ps.Drive).Provider, nil
		}},
		{Property: "Root", Width: 35},
		{Property: "CurrentLocation", Right: true},
	}}
}

func getDrive(ctx context.Context, c *ps.Call) error {
	names := c.Strings("Name")
	literal := c.Has("LiteralName")
	if literal {
		names = c.Strings("LiteralName")
	}
	if len(names) == 0 {
		names = []string{"*"}
	}
	for _, name := range names {
		found := false
		for _, d := range c.Session.Drives() {
			if literal && !strings.EqualFold(name, d.Name) || !literal && !ps.Like(name, d.Name, false) {
				continue
			}
			if c.Has("PSProvider") && !likeAny(c.Strings("PSProvider"), d.Provider) {
				continue
			}
			found = true
			if err := c.Write(ctx, driveObject(c.Session, d)); err != nil {
				return err
			}
		}
		if !found && (literal || !ps.HasWildcard(name)) {
			if err := c.Error(ctx, fail(driveNotFound, "Cannot find drive. A drive with the name '"+name+"' does not exist.",
				"GetLocationNoMatchingDrive", ps.ObjectNotFound, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func newDrive(ctx context.Context, c *ps.Call) error {
	s := c.Session
	d := &ps.Drive{Name: c.String("Name"), Root: c.String("Root"), Description: c.String("Description")}
	for _, p := range []string{fileSystem, registry, environment, variables, functions, aliases} {
		if strings.EqualFold(p, c.String("PSProvider")) || strings.EqualFold(moduleCore+`\`+p, c.String("PSProvider")) {
			d.Provider = p
		}
	}
	if d.Provider == "" {
		if known := []string{"Certificate", "WSMan"}; slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, c.String("PSProvider")) }) {
			return machine.Refuse("New-PSDrive -PSProvider "+c.String("PSProvider"), "the provider needs Windows", "")
		}
		return c.Error(ctx, fail("System.Management.Automation.ProviderNotFoundException", "Cannot find a provider with the name '"+c.String("PSProvider")+"'.",
			"ProviderNotFound", ps.ObjectNotFound, c.String("PSProvider")))
	}
	if d.Name == "" || strings.ContainsAny(d.Name, `;~/\.:`) {
		return fail(psArgument, `Cannot process the drive name because the drive name contains one or more of the following characters that are not valid: ; ~ / \ . :`,
			"Argument", ps.InvalidArgument, nil)
	}
	yes, err := c.ShouldProcess(ctx, "Name: "+d.Name+" Provider: "+moduleCore+`\`+d.Provider+" Root: "+d.Root, "New drive")
	if err != nil || !yes {
		return err
	}
	if err := driveRoot(ctx, s, d); err != nil {
		return report(ctx, c, err)
	}
	for _, old := range s.Drives() {
		if strings.EqualFold(old.Name, d.Name) {
			return c.Error(ctx, fail("System.Management.Automation.SessionStateException", "A drive with the name '"+d.Name+"' already exists.",
				"DriveAlreadyExists", ps.ResourceExists, d.Name))
		}
	}
	s.AddDrive(d)
	return c.Write(ctx, driveObject(s, d))
}

// driveRoot finds the root of a new drive in its provider.
func driveRoot(ctx context.Context, s *ps.Session, d *ps.Drive) error {
	switch d.Provider {
	case fileSystem:
		full, err := s.File(d.Root)
		if err != nil {
			return err
		}
		ok, err := isDir(ctx, s, full)
		if err != nil {
			return err
		}
		if !ok {
			return fail(ioException, `The specified drive root "`+d.Root+`" either does not exist, or it is not a folder.`, "DriveRootError", ps.ReadError, driveObject(s, d))
		}
		d.Root = full
	case registry:
		root := d.Root
		if strings.Contains(root, "::") || strings.Contains(root, ":") {
			p, err := s.Resolve(root)
			if err != nil {
				return err
			}
			root = p.Name
		}
		root = strings.Trim(strings.ReplaceAll(root, "/", `\`), `\`)
		ok, err := s.Machine().Registry().KeyExists(ctx, root)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return registryError(err)
		}
		if !ok && root != "" {
			return fail(argumentException, "Unable to create a drive with the specified root. The root path does not exist.", "NewDriveRootDoesNotExist", ps.InvalidArgument, root)
		}
		d.Root = root
	}
	return nil
}

func removeDrive(ctx context.Context, c *ps.Call) error {
	names := append(c.Strings("Name"), c.Strings("LiteralName")...)
	for _, name := range names {
		found := false
		for _, d := range c.Session.Drives() {
			if !ps.Like(name, d.Name, false) {
				continue
			}
			found = true
			yes, err := c.ShouldProcess(ctx, "Name: "+d.Name+" Provider: "+moduleCore+`\`+d.Provider+" Root: "+d.Root, "Remove Drive")
			if err != nil {
				return err
			}
			at := c.Session.Location().Drive
			if at != nil && at.Name == d.Name && !c.Switch("Force") {
				if err := c.Error(ctx, fail(psInvalidOperation, "Cannot remove drive '"+d.Name+"' because it is in use.", "InvalidOperation", ps.InvalidOperation, nil)); err != nil {
					return err
				}
				continue
			}
			if yes {
				c.Session.RemoveDrive(d.Name)
			}
		}
		if !found {
			if err := c.Error(ctx, fail(driveNotFound, "Cannot find drive. A drive with the name '"+name+"' does not exist.", "DriveNotFound", ps.ObjectNotFound, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func getProvider(ctx context.Context, c *ps.Call) error {
	all := []string{registry, aliases, environment, fileSystem, functions, variables}
	wanted := c.Strings("PSProvider")
	for _, p := range all {
		if len(wanted) > 0 && !likeAny(wanted, p) {
			continue
		}
		if err := c.Write(ctx, providerObject(c.Session, p)); err != nil {
			return err
		}
	}
	return nil
}
