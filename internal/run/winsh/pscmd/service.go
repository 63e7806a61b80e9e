package pscmd

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// Services are keys of the registry until Windows starts them: New-Service and
// its kin write what the service control manager would write.

const (
	servicesKey       = `HKLM\SYSTEM\CurrentControlSet\Services\`
	serviceController = "System.ServiceProcess.ServiceController"
	serviceException  = "Microsoft.PowerShell.Commands.ServiceCommandException"
	noServices        = "services do not run while an image is built"
	startLater        = "start it when the container starts"
)

func serviceCmdlets() []*ps.Cmdlet {
	password := "object !passwords of services lie in a store that only Windows can write => use LocalSystem"
	return []*ps.Cmdlet{
		{
			Name: "New-Service", Module: moduleManagement, ShouldProcess: true,
			Syntax: params(`
				Name|ServiceName string @1 mandatory
				BinaryPathName|Path string @2 mandatory
				DisplayName string notempty
				Description string notempty
				SecurityDescriptorSddl|sd string 7 !rights of services are not kept
				StartupType string in=Automatic,Manual,Disabled,Boot,System 5.1
				StartupType string in=Automatic,Manual,Disabled,AutomaticDelayedStart 7
				Credential ` + password + `
				DependsOn string[]`),
			Process: newService,
		},
		{
			Name: "Set-Service", Module: moduleManagement, ShouldProcess: true,
			Syntax: params(`
				ComputerName|cn string[] 5.1 !there are no other computers
				Name|ServiceName|SN string @1 mandatory pipeline property
				DisplayName|DN string notempty
				Description string notnull
				Credential ` + password + `
				SecurityDescriptorSddl|sd string 7 !rights of services are not kept
				StartupType|StartMode|SM|ST string in=Automatic,Manual,Disabled,Boot,System 5.1
				StartupType|StartMode|SM|ST|StartType string in=Automatic,Manual,Disabled,AutomaticDelayedStart 7
				Status string !` + noServices + ` => ` + startLater + `
				Force switch 7
				PassThru switch`),
			Process: setService,
		},
		{
			Name: "Remove-Service", Module: moduleManagement, Edition: ps.Core, ShouldProcess: true,
			Syntax:  params(`Name|ServiceName|SN string @1 mandatory pipeline property`),
			Process: removeService,
		},
	}
}

// service is the Data of a ServiceController.
type service struct{ name, display string }

func serviceTypes() []*ps.Type {
	refused := func(static bool, names ...string) (list []ps.Member) {
		for _, n := range names {
			m := ps.Method(n, "System.Object", ps.O("params object[] args", nil)).Refused(noServices, startLater)
			m.Static = static
			list = append(list, m)
		}
		return list
	}
	text := func(name string, get func(v service) string) ps.Member {
		return ps.Prop(name, "string", func(_ context.Context, in *ps.Invoke) (any, error) { return get(in.Data().(service)), nil })
	}
	return []*ps.Type{
		{
			Name: serviceController, Base: "System.ComponentModel.Component",
			String: func(v any) string { return v.(*ps.Object).Data.(service).name },
			New:    []ps.Overload{{Params: ps.Sig("string name"), Refuse: noServices, Way: "use sc.exe or New-Service to write them"}},
			Members: func() []ps.Member {
				return append(append([]ps.Member{
					code(text("Name", func(v service) string { return v.name }), ps.KindScript, ps.Both),
					text("ServiceName", func(v service) string { return v.name }), text("DisplayName", func(v service) string { return v.display }),
					ps.Prop("Status", "System.ServiceProcess.ServiceControllerStatus", func(_ context.Context, in *ps.Invoke) (any, error) {
						return in.Session.Enum("System.ServiceProcess.ServiceControllerStatus", 1), nil
					}),
				}, refused(false, "Start", "Stop", "WaitForStatus", "Refresh", "Pause", "Continue")...), refused(true, "GetServices", "GetDevices")...)
			},
			View: func() *ps.View {
				return &ps.View{Table: []ps.Column{{Property: "Status", Width: 8, Left: true}, {Property: "Name", Width: 18, Left: true}, {Property: "DisplayName", Width: 38, Left: true}}}
			},
			Default: []string{"Status", "Name", "DisplayName"},
		},
		{Name: "System.ServiceProcess.ServiceControllerStatus", Values: []ps.EnumValue{
			{Name: "Stopped", Value: 1}, {Name: "StartPending", Value: 2}, {Name: "StopPending", Value: 3}, {Name: "Running", Value: 4},
			{Name: "ContinuePending", Value: 5}, {Name: "PausePending", Value: 6}, {Name: "Paused", Value: 7},
		}},
	}
}

// serviceStart are the values of a way to start.
func serviceStart(kind string) (machine.RegValue, error) {
	n, ok := map[string]uint32{"automatic": 2, "automaticdelayedstart": 2, "manual": 3, "disabled": 4}[strings.ToLower(kind)]
	if !ok {
		return machine.RegValue{}, machine.Refuse("-StartupType "+kind, "drivers are not installed here", "use Automatic, Manual or Disabled")
	}
	return machine.RegDword("Start", n), nil
}

// serviceError writes the error of one service.
func serviceError(ctx context.Context, c *ps.Call, name, display, what, why, id string) error {
	return c.Error(ctx, fail(serviceException, "Service '"+display+" ("+name+")' cannot be "+what+" due to the following error: "+why, id, ps.PermissionDenied, name))
}

func newService(ctx context.Context, c *ps.Call) error {
	name, display, r := c.String("Name"), c.String("DisplayName"), c.Session.Machine().Registry()
	yes, err := c.ShouldProcess(ctx, name, "New-Service")
	if err != nil || !yes {
		return err
	}
	kind := "Automatic"
	if c.Has("StartupType") {
		kind = c.String("StartupType")
	}
	start, err := serviceStart(kind)
	if err != nil {
		return err
	}
	exists, err := r.KeyExists(ctx, servicesKey+name)
	switch {
	case err != nil:
		return err
	case !c.Session.Machine().Account().Admin:
		return serviceError(ctx, c, name, display, "created", "Access is denied", "CouldNotNewService")
	case exists:
		return serviceError(ctx, c, name, display, "created", "The specified service already exists", "CouldNotNewService")
	}
	values := []machine.RegValue{
		machine.RegDword("Type", 0x10), start, machine.RegDword("ErrorControl", 1),
		machine.RegExpand("ImagePath", c.String("BinaryPathName")), machine.RegString("ObjectName", "LocalSystem"),
	}
	if c.Has("DependsOn") {
		values = append(values, machine.RegMulti("DependOnService", c.Strings("DependsOn")))
	}
	if strings.EqualFold(kind, "AutomaticDelayedStart") {
		values = append(values, machine.RegDword("DelayedAutostart", 1))
	}
	for _, v := range append(values, serviceTexts(c, name)...) {
		if err := r.SetValue(ctx, servicesKey+name, v); err != nil {
			return report(ctx, c, err)
		}
	}
	return c.Write(ctx, serviceObject(c.Session, name, display))
}

// serviceTexts are the values of -DisplayName and -Description. A name that is
// the service's own is not written.
func serviceTexts(c *ps.Call, name string) (list []machine.RegValue) {
	if c.Has("DisplayName") && !strings.EqualFold(c.String("DisplayName"), name) {
		list = append(list, machine.RegString("DisplayName", c.String("DisplayName")))
	}
	if c.Has("Description") {
		list = append(list, machine.RegString("Description", c.String("Description")))
	}
	return list
}

func serviceObject(s *ps.Session, name, display string) *ps.Object {
	if display == "" {
		display = name
	}
	return s.Object(serviceController, service{name, display})
}

// findService reports whether a service is there; if not it has written the error.
func findService(ctx context.Context, c *ps.Call, name string) (bool, error) {
	ok, err := c.Session.Machine().Registry().KeyExists(ctx, servicesKey+name)
	if err != nil || ok {
		return ok, err
	}
	return false, c.Error(ctx, fail(invalidOperation, "Service "+name+" was not found on computer '.'.", "InvalidOperationException", ps.ObjectNotFound, "."))
}

func setService(ctx context.Context, c *ps.Call) error {
	name, r := c.String("Name"), c.Session.Machine().Registry()
	ok, err := findService(ctx, c, name)
	if err != nil || !ok {
		return err
	}
	display := name
	if v, err := r.Value(ctx, servicesKey+name, "DisplayName"); err == nil {
		display = v.String()
	}
	yes, err := c.ShouldProcess(ctx, display+" ("+name+")", "Set-Service")
	if err != nil || !yes {
		return err
	}
	if !c.Session.Machine().Account().Admin {
		return serviceError(ctx, c, name, display, "configured", "Access is denied", "CouldNotSetService")
	}
	values := serviceTexts(c, name)
	if c.Has("StartupType") {
		start, err := serviceStart(c.String("StartupType"))
		if err != nil {
			return err
		}
		values = append(values, start)
	}
	if c.Session.Edition() == ps.Core {
		if strings.EqualFold(c.String("StartupType"), "AutomaticDelayedStart") {
			values = append(values, machine.RegDword("DelayedAutostart", 1))
		} else if err := r.DeleteValue(ctx, servicesKey+name, "DelayedAutostart"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return report(ctx, c, err)
		}
	}
	for _, v := range values {
		if err := r.SetValue(ctx, servicesKey+name, v); err != nil {
			return report(ctx, c, err)
		}
	}
	if !c.Switch("PassThru") {
		return nil
	}
	if c.Has("DisplayName") {
		display = c.String("DisplayName")
	}
	return c.Write(ctx, serviceObject(c.Session, name, display))
}

func removeService(ctx context.Context, c *ps.Call) error {
	name := c.String("Name")
	ok, err := findService(ctx, c, name)
	if err != nil || !ok {
		return err
	}
	yes, err := c.ShouldProcess(ctx, name, "Remove-Service")
	if err != nil || !yes {
		return err
	}
	if !c.Session.Machine().Account().Admin {
		return serviceError(ctx, c, name, name, "removed", "Access is denied", "CouldNotRemoveService")
	}
	return report(ctx, c, c.Session.Machine().Registry().DeleteKey(ctx, servicesKey+name))
}
