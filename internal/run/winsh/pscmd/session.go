package pscmd

import (
	"context"
	"errors"
	"io/fs"
	"regexp"
	"strings"
	"sync"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

const policyType = "Microsoft.PowerShell.ExecutionPolicy"

// sessionCmdlets are about the session and its host.
func sessionCmdlets() []*ps.Cmdlet {
	return []*ps.Cmdlet{
		{
			Name: "Read-Host", Module: moduleUtility,
			Syntax: params(`
				Prompt object @1 remaining
				AsSecureString switch
				MaskInput switch 7`),
			Process: func(context.Context, *ps.Call) error {
				return machine.Refuse("Read-Host", "there is nobody to answer", "give the value as an argument of the build")
			},
		},
		{
			Name: "Clear-Host", Function: true, Aliases: []string{"clear", "cls"}, Process: func(context.Context, *ps.Call) error { return nil },
		},
		{
			Name: "Set-PSDebug", Module: moduleCore, DefaultSet: "on",
			Syntax: params(`
				Trace int range=0..2 {on}
				Step switch {on} !there is nobody who could step
				Strict switch {on}
				Off switch {off}`),
			Process: setDebug,
		},
		{
			Name: "Get-Host", Module: moduleUtility,
			Process: func(ctx context.Context, c *ps.Call) error {
				v, _ := c.Session.Variable("Host")
				return c.Write(ctx, v)
			},
		},
		{Name: "Get-Culture", Module: moduleUtility, Process: writeCulture},
		{Name: "Get-UICulture", Module: moduleUtility, Process: writeCulture},
		{
			Name: "Get-History", Aliases: []string{"ghy", "h", "history"}, Module: moduleCore,
			Syntax: params(`
				Id long[] @1 pipeline
				Count int @2`),
			Process: func(context.Context, *ps.Call) error { return nil }, // -Command keeps none
		},
		{
			Name: "Get-Error", Module: moduleUtility, Edition: ps.Core,
			Syntax: params(`
				InputObject object @1 pipeline
				Newest|Last int range=1..2147483647`),
			Process: getError,
		},
	}
}

// helpCmdlets are Get-Help. Scripts call it where they are asked for help, so that
// only a call is refused.
func helpCmdlets() []*ps.Cmdlet {
	return []*ps.Cmdlet{{
		Name: "Get-Help", Module: moduleCore,
		Syntax: params(`
			Name string @1 property
			Path string
			Category string[]
			Component string[]
			Functionality string[]
			Role string[]
			Detailed switch mandatory {DetailedView}
			Full switch {AllUsersView}
			Examples switch mandatory {Examples}
			Parameter string[] mandatory {Parameters}
			Online switch mandatory {Online}
			ShowWindow switch mandatory {ShowWindow}`),
		Process: func(_ context.Context, c *ps.Call) error {
			return machine.Refuse("Get-Help", "help is not installed in containers", "look it up in the documentation")
		},
	}}
}

// trustCmdlets are about which scripts may run.
func trustCmdlets() []*ps.Cmdlet {
	return []*ps.Cmdlet{
		{
			Name: "Get-ExecutionPolicy", Module: moduleSecurity,
			Syntax: params(`
				Scope string @1 in=Process,CurrentUser,LocalMachine,UserPolicy,MachinePolicy property
				List switch`),
			Process: getPolicy,
		},
		{
			Name: "Set-ExecutionPolicy", Module: moduleSecurity, ShouldProcess: true,
			Syntax: params(`
				ExecutionPolicy ` + policyType + ` @1 mandatory pipeline property
				Scope string @2 in=Process,CurrentUser,LocalMachine,UserPolicy,MachinePolicy property
				Force switch`),
			Process: setPolicy,
		},
		{
			Name: "Unblock-File", Module: moduleUtility, DefaultSet: "ByPath", ShouldProcess: true,
			Syntax: params(`
				Path string[] @1 mandatory {ByPath}
				LiteralPath|PSPath|LP string[] mandatory property {ByLiteralPath}`),
			Process: func(ctx context.Context, c *ps.Call) error {
				// Files here have no mark of the web that could be taken away.
				return finder{s: c.Session, force: true}.each(ctx, c, func(*node) error { return nil })
			},
		},
	}
}

// policyEnum has the names of execution policies.
func policyEnum() *ps.Type {
	return &ps.Type{Name: policyType, Values: []ps.EnumValue{
		{Name: "Unrestricted"}, {Name: "RemoteSigned", Value: 1}, {Name: "AllSigned", Value: 2}, {Name: "Restricted", Value: 3},
		{Name: "Bypass", Value: 4}, {Name: "Undefined", Value: 5},
	}}
}

// traceAtEnd matches a command line that ends in the command that turns tracing
// on.
var traceAtEnd = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)^.*?(set-psdebug\s+-trace[\s:]+[12][\s;"']*)$`)
})

// setDebug turns tracing on only where nothing is left to be traced.
func setDebug(_ context.Context, c *ps.Call) error {
	if c.Switch("Strict") {
		return machine.Refuse("Set-PSDebug -Strict", "this strict mode is not supported", "use Set-StrictMode -Version 1")
	}
	line := c.Session.Process().CommandLine
	if c.Int("Trace", 0) > 0 && (strings.Count(strings.ToLower(line), "set-psdebug") != 1 || !traceAtEnd().MatchString(line)) {
		return machine.Refuse("Set-PSDebug -Trace", "the lines of a script are not traced", "leave it out")
	}
	return nil
}

func writeCulture(ctx context.Context, c *ps.Call) error {
	t := c.Session.FindType("System.Globalization.CultureInfo")
	if t == nil {
		return machine.Refuse(c.Cmdlet.Name, "cultures are not known here", "the culture is en-US")
	}
	v, err := c.Session.New(ctx, t, "en-US")
	if err != nil {
		return err
	}
	return c.Write(ctx, v)
}

const (
	policyKey   = `SOFTWARE\Microsoft\PowerShell\1\ShellIds\Microsoft.PowerShell`
	policyValue = "ExecutionPolicy"
	policyEnv   = "PSExecutionPolicyPreference"
)

// scopes are the places of the execution policy, the strongest first.
func scopes() []string {
	return []string{"MachinePolicy", "UserPolicy", "Process", "CurrentUser", "LocalMachine"}
}

// policyOf returns the policy of one scope; "" is undefined.
func policyOf(ctx context.Context, s *ps.Session, scope string) (string, error) {
	key, name := "", policyValue
	switch scope {
	case "Process":
		v, _ := s.Process().Env.Get(policyEnv)
		return v, nil
	case "MachinePolicy":
		key = `HKLM\SOFTWARE\Policies\Microsoft\Windows\PowerShell`
	case "UserPolicy":
		key = `HKCU\SOFTWARE\Policies\Microsoft\Windows\PowerShell`
	case "CurrentUser":
		key = `HKCU\` + policyKey
	default:
		key = `HKLM\` + policyKey
	}
	if s.Edition() == ps.Core {
		return "", nil // it is in a file beside the program, which images do not have
	}
	v, err := s.Machine().Registry().Value(ctx, key, name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", registryError(err)
	}
	return v.String(), nil
}

// effectivePolicy is the policy that counts: on servers RemoteSigned, if none is
// set.
func effectivePolicy(ctx context.Context, s *ps.Session) (string, error) {
	for _, scope := range scopes() {
		p, err := policyOf(ctx, s, scope)
		if err != nil || p != "" && !strings.EqualFold(p, "Undefined") {
			return p, err
		}
	}
	return "RemoteSigned", nil
}

func getPolicy(ctx context.Context, c *ps.Call) error {
	enum := func(name string) (any, error) {
		if name == "" {
			name = "Undefined"
		}
		return c.Session.CastTo(ctx, name, policyType)
	}
	if c.Switch("List") {
		for _, scope := range scopes() {
			p, err := policyOf(ctx, c.Session, scope)
			if err != nil {
				return err
			}
			v, err := enum(p)
			if err != nil {
				return err
			}
			if err := c.Write(ctx, ps.NewCustom("Scope", scope, "ExecutionPolicy", v)); err != nil {
				return err
			}
		}
		return nil
	}
	var p string
	var err error
	if c.Has("Scope") {
		p, err = policyOf(ctx, c.Session, scopeName(c))
	} else {
		p, err = effectivePolicy(ctx, c.Session)
	}
	if err != nil {
		return err
	}
	v, err := enum(p)
	if err != nil {
		return err
	}
	return c.Write(ctx, v)
}

// scopeName is -Scope as it is spelt.
func scopeName(c *ps.Call) string {
	for _, s := range scopes() {
		if strings.EqualFold(s, c.String("Scope")) {
			return s
		}
	}
	return "LocalMachine"
}

func setPolicy(ctx context.Context, c *ps.Call) error {
	s := c.Session
	e, _ := c.Value("ExecutionPolicy").(ps.Enum)
	policy, scope := s.EnumName(e), scopeName(c)
	yes, err := c.ShouldProcess(ctx, policy, "Set-ExecutionPolicy")
	if err != nil || !yes {
		return err
	}
	switch scope {
	case "MachinePolicy", "UserPolicy":
		return fail(invalidOperation, "Cannot set execution policy. Execution policies at the MachinePolicy or UserPolicy scopes must be set through Group Policy.", "CantSetGroupPolicy", ps.InvalidOperation, nil)
	case "Process":
		if policy == "Undefined" {
			s.Process().Env.Unset(policyEnv)
		} else {
			s.Process().Env.Set(policyEnv, policy)
		}
	default:
		if err := storePolicy(ctx, c, scope, policy); err != nil {
			return err
		}
	}
	if policy == "Undefined" {
		return nil
	}
	now, err := effectivePolicy(ctx, s)
	if err != nil || strings.EqualFold(now, policy) {
		return err
	}
	product := "PowerShell"
	if s.Edition() == ps.Desktop {
		product = "Windows PowerShell"
	}
	r := fail(securityException, "Security error.", "ExecutionPolicyOverride", ps.PermissionDenied, nil)
	r.Details = product + " updated your execution policy successfully, but the setting is overridden by a policy defined at a more specific scope.  Due to the override, your shell will retain its current effective execution policy of " +
		now + ". Type \"Get-ExecutionPolicy -List\" to view your execution policy settings. For more information please see \"Get-Help Set-ExecutionPolicy\"."
	r.Recommended = "Contact your system administrator."
	return r
}

// storePolicy writes the policy of a user or of the machine into the registry.
func storePolicy(ctx context.Context, c *ps.Call, scope, policy string) error {
	if c.Session.Edition() == ps.Core {
		return machine.Refuse("Set-ExecutionPolicy -Scope "+scope, "PowerShell 7 keeps it in a file beside the program", "use -Scope Process")
	}
	key := `HKLM\` + policyKey
	if scope == "CurrentUser" {
		key = `HKCU\` + policyKey
	}
	r := c.Session.Machine().Registry()
	var err error
	if policy == "Undefined" {
		err = r.DeleteValue(ctx, key, policyValue)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	} else {
		err = r.SetValue(ctx, key, machine.RegString(policyValue, policy))
	}
	if err == nil {
		return nil
	}
	if errors.Is(err, fs.ErrPermission) {
		message := `Access to the registry key 'HKEY_LOCAL_MACHINE\` + policyKey + `' is denied.`
		rec := fail(unauthorized, message, unauthorized, ps.PermissionDenied, nil)
		rec.Details = message + " \r\nTo change the execution policy for the default (LocalMachine) scope, start Windows PowerShell with the \"Run as administrator\" option. To change the execution policy for the current user, run \"Set-ExecutionPolicy -Scope CurrentUser\"."
		return rec
	}
	return err
}

func getError(ctx context.Context, c *ps.Call) error {
	if v := inputOf(c); !ps.IsNull(v) {
		return c.Write(ctx, v)
	}
	list := c.Session.Errors().Items
	n := c.Int("Newest", 1)
	for _, v := range list[:min(n, len(list))] {
		if err := c.Write(ctx, v); err != nil {
			return err
		}
	}
	return nil
}
