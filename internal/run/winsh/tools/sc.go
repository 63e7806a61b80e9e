package tools

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// Services, which are keys of the registry until Windows starts them: sc writes
// what the service control manager would write.

const servicesKey = `HKLM\SYSTEM\CurrentControlSet\Services\`

// System errors that sc is known for.
const (
	errServiceMissing = 1060
	errServiceExists  = 1073
)

func sc() tool {
	return tool{grammar: grammar{name: "sc", free: true}, check: scCheck, run: runSc}
}

// scMessage is the text of a code, with those that are about services.
func scMessage(code uint32) string {
	switch code {
	case errServiceMissing:
		return "The specified service does not exist as an installed service."
	case errServiceExists:
		return "The specified service already exists."
	}
	return message(code)
}

// scFail prints a failed call and returns its code.
func scFail(p *proc, call string, code uint32) int {
	p.println("[SC] %s FAILED %d:\r\n\r\n%s\r\n", call, code, scMessage(code))
	return int(code)
}

// scOptions are the options of each command that is done here; what is not in
// the list is refused.
func scOptions(command string) []string {
	switch command {
	case "create", "config":
		return []string{"type", "start", "error", "binpath", "group", "tag", "depend", "obj", "displayname", "password"}
	case "failure":
		return []string{"reset", "reboot", "command", "actions"}
	}
	return nil
}

func scCheck(in input) error {
	if len(in.words) == 0 {
		return machine.Refuse("sc", "without arguments it prints the help text of Windows", "say what to do")
	}
	command := strings.ToLower(in.words[0].text)
	if in.words[0].unknown {
		return nil
	}
	if strings.HasPrefix(command, `\\`) {
		return machine.Refuse("sc "+command, "it works on another computer", "leave the computer out")
	}
	way := "query the registry below HKLM\\SYSTEM\\CurrentControlSet\\Services, or let the container do it when it starts"
	switch command {
	case "start", "stop", "pause", "continue", "control", "interrogate":
		return machine.Refuse("sc "+command, "no services run during a build", "start the service in the container's entry point; sc config NAME start= auto starts it with the container")
	case "query", "queryex":
		if len(in.words) < 2 || strings.Contains(in.words[1].text, "=") {
			return machine.Refuse("sc "+command, "no services run during a build", way)
		}
		return nil
	case "create", "config", "failure":
		return scCheckOptions(command, in)
	case "delete", "description", "failureflag", "sidtype", "privs":
		if len(in.words) < 2 {
			return machine.Refuse("sc "+command, "without a service it prints the help text of Windows", "name a service")
		}
		return nil
	}
	return machine.Refuse("sc "+command, "casement does only create, config, delete, description, failure, failureflag, sidtype, privs and query", way)
}

func scCheckOptions(command string, in input) error {
	if len(in.words) < 2 {
		return machine.Refuse("sc "+command, "without a service it prints the help text of Windows", "name a service")
	}
	for _, o := range scPairs(in) {
		if o.unknown {
			return nil
		}
		if o.bad || !contains(scOptions(command), o.name) {
			return machine.Refuse("sc "+command+" "+o.word, "it is not an option that casement knows, or its value is missing", "options are written name= value")
		}
		if command != "failure" {
			if _, err := scOption(o.name, o.value); err != nil {
				return err
			}
		}
	}
	return nil
}

// scPair is an option with its value, which follows in the next word or, in the
// Windows of today, behind the equals sign.
type scPair struct {
	word, name, value string
	bad, unknown      bool
}

// scPairs are the options behind the command and the service.
func scPairs(in input) []scPair {
	var list []scPair
	for i := 2; i < len(in.words); i++ {
		w := in.words[i]
		o := scPair{word: w.text, unknown: w.unknown}
		name, value, ok := strings.Cut(w.text, "=")
		o.name, o.value, o.bad = strings.ToLower(name), value, !ok
		if ok && value == "" && !w.unknown {
			if i++; i == len(in.words) {
				o.bad = true
			} else {
				o.value, o.unknown = in.words[i].text, in.words[i].unknown
			}
		}
		list = append(list, o)
	}
	return list
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// scOption makes the values of the registry that an option stands for.
func scOption(name, value string) ([]machine.RegValue, error) {
	number := func(valueName string, table map[string]uint32) ([]machine.RegValue, error) {
		n, ok := table[strings.ToLower(value)]
		if !ok {
			return nil, machine.Refuse("sc "+name+"= "+value, "casement does not set this", "use one of those that services of a container have")
		}
		return []machine.RegValue{machine.RegDword(valueName, n)}, nil
	}
	switch name {
	case "type":
		return number("Type", map[string]uint32{"own": 0x10, "share": 0x20})
	case "start":
		if strings.EqualFold(value, "delayed-auto") {
			return []machine.RegValue{machine.RegDword("Start", 2), machine.RegDword("DelayedAutostart", 1)}, nil
		}
		return number("Start", map[string]uint32{"auto": 2, "demand": 3, "disabled": 4})
	case "error":
		return number("ErrorControl", map[string]uint32{"ignore": 0, "normal": 1, "severe": 2, "critical": 3})
	case "binpath":
		return []machine.RegValue{machine.RegExpand("ImagePath", value)}, nil
	case "displayname":
		return []machine.RegValue{machine.RegString("DisplayName", value)}, nil
	case "group":
		return []machine.RegValue{machine.RegString("Group", value)}, nil
	case "depend":
		return scDepend(value), nil
	case "obj":
		return scAccount(value)
	case "tag":
		if strings.EqualFold(value, "no") {
			return nil, nil
		}
	case "password":
		if value == "" {
			return nil, nil
		}
		return nil, machine.Refuse("sc password=", "passwords of services lie in a store that only Windows can write", "use an account without a password, such as LocalSystem")
	}
	return nil, machine.Refuse("sc "+name+"=", "casement does not set this", "leave it out")
}

func scDepend(value string) []machine.RegValue {
	var services, groups []string
	for d := range strings.SplitSeq(value, "/") {
		if g, ok := strings.CutPrefix(d, "+"); ok {
			groups = append(groups, g)
		} else if d != "" {
			services = append(services, d)
		}
	}
	out := []machine.RegValue{machine.RegMulti("DependOnService", services)}
	if len(groups) > 0 {
		out = append(out, machine.RegMulti("DependOnGroup", groups))
	}
	return out
}

func scAccount(value string) ([]machine.RegValue, error) {
	for _, known := range []string{
		"LocalSystem", `NT AUTHORITY\LocalService`, `NT AUTHORITY\NetworkService`, `NT AUTHORITY\Local Service`, `NT AUTHORITY\Network Service`,
	} {
		if strings.EqualFold(value, known) {
			return []machine.RegValue{machine.RegString("ObjectName", value)}, nil
		}
	}
	if len(value) > 11 && strings.EqualFold(value[:11], `NT SERVICE\`) {
		return []machine.RegValue{machine.RegString("ObjectName", value)}, nil
	}
	return nil, machine.Refuse("sc obj= "+value, "whether the account exists and may log on as a service is not known", "use LocalSystem, NT AUTHORITY\\LocalService or NT AUTHORITY\\NetworkService")
}

func runSc(ctx context.Context, p *proc, in input) (int, error) {
	command, name := strings.ToLower(in.words[0].text), in.words[1].text
	key := servicesKey + name
	exists, err := p.Machine.Registry().KeyExists(ctx, key)
	if err != nil {
		return 1, err
	}
	if !p.Machine.Account().Admin && command != "query" && command != "queryex" {
		if command == "create" {
			return scFail(p, "OpenSCManager", machine.ErrorAccessDenied), nil
		}
		return scFail(p, "OpenService", machine.ErrorAccessDenied), nil
	}
	if command == "create" {
		if exists {
			return scFail(p, "CreateService", errServiceExists), nil
		}
		return scCreate(ctx, p, key, in)
	}
	if command == "query" || command == "queryex" {
		if !exists {
			return scFail(p, "EnumQueryServicesStatus:OpenService", errServiceMissing), nil
		}
		return 1, machine.Refuse("sc "+command+" "+name, "the service exists and whether it would run is not known", `query the registry: reg query "HKLM\SYSTEM\CurrentControlSet\Services\`+name+`"`)
	}
	if !exists {
		return scFail(p, "OpenService", errServiceMissing), nil
	}
	call := "ChangeServiceConfig2"
	switch command {
	case "delete":
		call, err = "DeleteService", p.Machine.Registry().DeleteKey(ctx, key)
	case "config":
		call = "ChangeServiceConfig"
		err = scSet(ctx, p, key, in, nil)
	case "failure":
		err = scFailure(ctx, p, key, in)
	default:
		err = scOneValue(ctx, p, key, command, in)
	}
	return scEnd(p, call, err)
}

// scEnd prints how a call ended.
func scEnd(p *proc, call string, err error) (int, error) {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return scFail(p, call, machine.ErrorAccessDenied), nil
	case err != nil:
		return 1, err
	}
	p.println("[SC] %s SUCCESS", call)
	return 0, nil
}

// scCreate writes a new service with the defaults of CreateService.
func scCreate(ctx context.Context, p *proc, key string, in input) (int, error) {
	given := map[string]bool{}
	for _, o := range scPairs(in) {
		given[o.name] = true
	}
	if !given["binpath"] {
		return 1, machine.Refuse("sc create without binPath=", "it prints the help text of Windows", "add binPath= and the service's command line")
	}
	var values []machine.RegValue
	for _, d := range []struct {
		option string
		value  machine.RegValue
	}{
		{"type", machine.RegDword("Type", 0x10)}, {"start", machine.RegDword("Start", 3)},
		{"error", machine.RegDword("ErrorControl", 1)}, {"obj", machine.RegString("ObjectName", "LocalSystem")},
	} {
		if !given[d.option] {
			values = append(values, d.value)
		}
	}
	return scEnd(p, "CreateService", scSet(ctx, p, key, in, values))
}

// scSet writes values and those of the options, in the manager's order.
func scSet(ctx context.Context, p *proc, key string, in input, values []machine.RegValue) error {
	r := p.Machine.Registry()
	for _, o := range scPairs(in) {
		more, err := scOption(o.name, o.value)
		if err != nil {
			return err
		}
		if o.name == "start" && len(more) == 1 {
			if err := r.DeleteValue(ctx, key, "DelayedAutostart"); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		values = append(values, more...)
	}
	order := []string{"Type", "Start", "ErrorControl", "ImagePath", "DisplayName", "Group", "DependOnService", "DependOnGroup", "ObjectName", "DelayedAutostart"}
	slices.SortStableFunc(values, func(a, b machine.RegValue) int {
		return cmp.Compare(slices.Index(order, a.Name), slices.Index(order, b.Name))
	})
	for _, v := range values {
		if v.Name == "DisplayName" && strings.EqualFold(v.String(), in.words[1].text) {
			continue // the manager does not write what is the same as the name
		}
		if err := r.SetValue(ctx, key, v); err != nil {
			return err
		}
	}
	return nil
}

// scOneValue does the commands that write a single value.
func scOneValue(ctx context.Context, p *proc, key, command string, in input) error {
	r := p.Machine.Registry()
	text := ""
	if len(in.words) > 2 {
		text = in.words[2].text
	}
	remove := func(name string) error {
		if err := r.DeleteValue(ctx, key, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	switch command {
	case "description":
		if text == "" {
			return remove("Description")
		}
		return r.SetValue(ctx, key, machine.RegString("Description", text))
	case "privs":
		if text == "" {
			return remove("RequiredPrivileges")
		}
		return r.SetValue(ctx, key, machine.RegMulti("RequiredPrivileges", strings.Split(text, "/")))
	case "failureflag":
		n, err := strconv.ParseUint(text, 10, 1)
		if err != nil {
			return machine.Refuse("sc failureflag "+text, "it takes 0 or 1", "write 0 or 1")
		}
		return r.SetValue(ctx, key, machine.RegDword("FailureActionsOnNonCrashFailures", uint32(n)))
	}
	kinds := map[string]uint32{"none": 0, "unrestricted": 1, "restricted": 3}
	n, ok := kinds[strings.ToLower(text)]
	if !ok {
		return machine.Refuse("sc sidtype "+text, "it takes none, unrestricted or restricted", "write one of these")
	}
	return r.SetValue(ctx, key, machine.RegDword("ServiceSidType", n))
}

// scFailure writes what happens when the service fails.
func scFailure(ctx context.Context, p *proc, key string, in input) error {
	r := p.Machine.Registry()
	reset, actions, any := uint64(0), []byte(nil), false
	for _, o := range scPairs(in) {
		value := o.value
		var err error
		switch o.name {
		case "reset":
			any = true
			if strings.EqualFold(value, "infinite") {
				reset = 0xFFFFFFFF
			} else {
				reset, err = strconv.ParseUint(value, 10, 32)
			}
		case "actions":
			any = true
			actions, err = scActions(value)
		case "reboot":
			err = r.SetValue(ctx, key, machine.RegString("RebootMessage", value))
		case "command":
			err = r.SetValue(ctx, key, machine.RegString("FailureCommand", value))
		}
		var number *strconv.NumError
		if errors.As(err, &number) {
			return machine.Refuse("sc failure "+o.name+"= "+value, "it has a number that is none", "correct it")
		}
		if err != nil {
			return err
		}
	}
	if !any {
		return nil
	}
	// SERVICE_FAILURE_ACTIONS as the manager stores it: reset period, two
	// pointers, the number of actions, and where they begin.
	b := binary.LittleEndian.AppendUint32(nil, uint32(reset))
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(actions)/8))
	b = binary.LittleEndian.AppendUint32(b, 0x14)
	return r.SetValue(ctx, key, machine.RegBinary("FailureActions", append(b, actions...)))
}

// scActions reads "restart/5000/run/1000//" as kinds and delays.
func scActions(text string) ([]byte, error) {
	var out []byte
	parts := strings.Split(text, "/")
	if text == "" {
		parts = nil
	}
	for i := 0; i < len(parts); i += 2 {
		kind, ok := map[string]uint32{"": 0, "restart": 1, "reboot": 2, "run": 3}[strings.ToLower(parts[i])]
		if !ok {
			return nil, machine.Refuse("sc failure actions= "+text, parts[i]+" is not an action", "use run, restart and reboot, each with a time in milliseconds")
		}
		delay := uint64(0)
		if i+1 < len(parts) && parts[i+1] != "" {
			var err error
			if delay, err = strconv.ParseUint(parts[i+1], 10, 32); err != nil {
				return nil, err
			}
		}
		out = binary.LittleEndian.AppendUint32(out, kind)
		out = binary.LittleEndian.AppendUint32(out, uint32(delay))
	}
	return out, nil
}
