package machine

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/tree"
)

// ComputerName is the name of every machine.
const ComputerName = "CASEMENT"

// setting is a variable as the registry has it.
type setting struct {
	name, value string
	expand      bool // REG_EXPAND_SZ
}

// machineSettings are the variables that Windows has for the whole machine, with
// those of the image on top. They are what
// HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment shows.
func (m *Machine) machineSettings() []setting {
	arch, identifier, level, revision := "AMD64", "AMD64 Family 25 Model 1 Stepping 1, AuthenticAMD", "25", "0101"
	if m.opts.Root.Platform.Architecture == "arm64" {
		arch, identifier, level, revision = "ARM64", "ARMv8 (64-bit) Family 8 Model D0C Revision 301, ARM Limited", "3340", "0301"
	}
	list := []setting{
		{"ComSpec", `%SystemRoot%\system32\cmd.exe`, true},
		{"DriverData", `C:\Windows\System32\Drivers\DriverData`, false},
		{"NUMBER_OF_PROCESSORS", "2", false},
		{"OS", "Windows_NT", false},
		{"Path", defaultPath, true},
		{"PATHEXT", ".COM;.EXE;.BAT;.CMD;.VBS;.VBE;.JS;.JSE;.WSF;.WSH;.MSC", false},
		{"PROCESSOR_ARCHITECTURE", arch, false},
		{"PROCESSOR_IDENTIFIER", identifier, false},
		{"PROCESSOR_LEVEL", level, false},
		{"PROCESSOR_REVISION", revision, false},
		{"PSModulePath", `%ProgramFiles%\WindowsPowerShell\Modules;%SystemRoot%\system32\WindowsPowerShell\v1.0\Modules`, true},
		{"TEMP", `%SystemRoot%\TEMP`, true},
		{"TMP", `%SystemRoot%\TEMP`, true},
		{"USERNAME", "SYSTEM", false},
		{"windir", `%SystemRoot%`, true},
	}
	for _, v := range m.registry.systemVariables() {
		list = override(list, setting{v.Name, v.String(), v.Type == RegTypeExpand})
	}
	for _, v := range m.image.List() {
		if name, value, _ := strings.Cut(v, "="); name != "" && !m.ofUser(name) {
			list = override(list, setting{name: name, value: value})
		}
	}
	return list
}

// ofUser reports whether a variable of the image is one that a step of the build
// has set for the user.
func (m *Machine) ofUser(name string) bool {
	user, key := false, tree.Fold(name)
	for _, l := range m.opts.Root.Layers() {
		for _, c := range l.Env {
			if tree.Fold(c.Name) == key {
				user = c.User && !c.Unset
			}
		}
	}
	return user
}

// override sets a variable in a list, keeping the spelling of its name.
func override(list []setting, s setting) []setting {
	for i := range list {
		if strings.EqualFold(list[i].name, s.name) {
			list[i].value, list[i].expand = s.value, s.expand
			return list
		}
	}
	return append(list, s)
}

// systemVariables are the variables of the base's SYSTEM hive, as far as it is
// known: a sealed base is not read for them.
func (r *Registry) systemVariables() []RegValue {
	slot, _ := r.slotOf(keyPath{"HKLM", "SYSTEM"})
	if slot.whole == nil && len(r.m.base.sealed) > 0 {
		return nil
	}
	// Nothing is downloaded here. A hive that cannot be read is an error for who
	// asks for something in it.
	view, err := r.open(context.Background(), slot, sure)
	if err != nil {
		return nil
	}
	key, _, err := r.lookup(view, slot, keyPath{"CurrentControlSet", "Control", "Session Manager", "Environment"})
	if err != nil || key == nil {
		return nil
	}
	values, err := (&belowKey{key: key}).values()
	if err != nil {
		return nil
	}
	return values
}

// defaultPath is the machine's PATH in Server Core images.
const defaultPath = `%SystemRoot%\system32;%SystemRoot%;%SystemRoot%\System32\Wbem;%SYSTEMROOT%\System32\WindowsPowerShell\v1.0\;%SYSTEMROOT%\System32\OpenSSH\`

// userSettings are the variables of the account: HKCU\Environment.
func (m *Machine) userSettings() []setting {
	list := []setting{
		{"Path", `%USERPROFILE%\AppData\Local\Microsoft\WindowsApps;`, true},
		{"TEMP", `%USERPROFILE%\AppData\Local\Temp`, true},
		{"TMP", `%USERPROFILE%\AppData\Local\Temp`, true},
	}
	for _, v := range m.image.List() {
		if name, value, _ := strings.Cut(v, "="); name != "" && m.ofUser(name) {
			list = override(list, setting{name: name, value: value})
		}
	}
	return list
}

// environment is what the first process of a container finds: the block that
// Windows makes for the account, and the variables of the image on top.
func (m *Machine) environment() *Env {
	e := m.fixedEnv()
	for _, s := range m.machineSettings() {
		if s.name == "USERNAME" {
			continue // of the services
		}
		e.Set(s.name, s.text(e))
	}
	for _, s := range m.userSettings() {
		value := s.text(e)
		switch _, ofImage := m.image.Get(s.name); {
		case ofImage:
		case s.name == "Path":
			machine, _ := e.Get("Path")
			e.Set("Path", JoinPath(machine, value))
		default:
			e.Set(s.name, value)
		}
	}
	for _, v := range m.image.List() {
		e.put(v)
	}
	return e
}

// text is the value with what it refers to.
func (s setting) text(e *Env) string {
	if s.expand {
		return e.Expand(s.value)
	}
	return s.value
}

// fixedEnv are the variables that Windows makes up for each session.
func (m *Machine) fixedEnv() *Env {
	p := m.account.Profile
	return NewEnv([]string{
		`ALLUSERSPROFILE=C:\ProgramData`,
		`APPDATA=` + p + `\AppData\Roaming`,
		`CommonProgramFiles=C:\Program Files\Common Files`,
		`CommonProgramFiles(x86)=C:\Program Files (x86)\Common Files`,
		`CommonProgramW6432=C:\Program Files\Common Files`,
		`COMPUTERNAME=` + ComputerName,
		`LOCALAPPDATA=` + p + `\AppData\Local`,
		`ProgramData=C:\ProgramData`,
		`ProgramFiles=C:\Program Files`,
		`ProgramFiles(x86)=C:\Program Files (x86)`,
		`ProgramW6432=C:\Program Files`,
		`PUBLIC=C:\Users\Public`,
		`SystemDrive=C:`,
		`SystemRoot=C:\Windows`,
		`USERDOMAIN=` + m.account.Domain,
		`USERNAME=` + m.account.Name,
		`USERPROFILE=` + p,
	})
}

// JoinPath appends those directories of the user's PATH to the machine's that it
// does not have yet.
func JoinPath(machine, user string) string {
	have := map[string]bool{}
	for _, dir := range strings.Split(machine, ";") {
		have[pathKey(dir)] = true
	}
	out := machine
	for _, dir := range strings.Split(user, ";") {
		if key := pathKey(dir); key == "" || have[key] {
			continue
		}
		if out != "" && !strings.HasSuffix(out, ";") {
			out += ";"
		}
		out += dir
	}
	return out
}

func pathKey(dir string) string {
	return strings.ToUpper(strings.TrimRight(strings.Trim(dir, `" `), `\`))
}

// environment tells res the variables that the step has set for the machine or the
// user, as the image's environment has to have them: what they refer to is put in,
// the user's hide the machine's, PATH is the machine's with the user's behind it,
// and empty ones are none. It returns what an image's environment cannot say: that a
// variable is gone which Windows has without it.
func (r *Registry) environment(ctx context.Context, res *Result) (lost []RegistryChange, err error) {
	refs := r.references()
	done := map[string]bool{}
	for _, key := range []string{r.userEnvironment(), machineEnvironment} {
		k := r.stepAt(key)
		if k == nil {
			continue
		}
		for _, fold := range k.order {
			if done[fold] {
				continue
			}
			done[fold] = true
			name := k.values[fold].Name
			value, user, err := r.effective(ctx, refs, name, key == r.userEnvironment())
			if err != nil {
				return nil, err
			}
			if _, ofImage := r.m.image.Get(name); value == "" && !ofImage {
				if k.values[fold].gone {
					lost = append(lost, RegistryChange{Key: keyPath(strings.Split(key, `\`)).shown(&r.m.account), Name: name, Type: k.values[fold].Type.String(), Delete: true})
				}
				continue
			}
			if res.Env == nil {
				res.Env, res.UserEnv = map[string]*string{}, map[string]bool{}
			}
			if res.Env[name] = nil; value != "" {
				res.Env[name] = &value
			}
			if user {
				res.UserEnv[name] = true
			}
		}
	}
	return lost, nil
}

// references are the values that variables refer to.
type references struct {
	before *Env // what the step began with
	after  *Env // with what it has set, but for PATH
}

// references collects what variables may refer to. Windows makes the environment
// of a container anew, plain values first, so that a variable may refer to one
// that was set after it.
func (r *Registry) references() references {
	refs := references{r.m.environment(), r.m.environment()}
	for _, expand := range []bool{false, true} {
		for _, key := range []string{machineEnvironment, r.userEnvironment()} {
			k := r.stepAt(key)
			if k == nil {
				continue
			}
			for _, fold := range k.order {
				v := k.values[fold]
				if v.gone || expand != (v.Type == RegTypeExpand) || strings.EqualFold(v.Name, "PATH") {
					continue
				}
				value := v.String()
				if expand {
					value = refs.expand(v.Name, value)
				}
				refs.after.Set(v.Name, value)
			}
		}
	}
	return refs
}

// expand puts values into that of a variable. It may refer to what it was itself.
func (r references) expand(name, value string) string {
	e := r.after.Clone()
	if own, ok := r.before.Get(name); ok {
		e.Set(name, own)
	} else {
		e.Unset(name)
	}
	return e.Expand(value)
}

// effective returns the value of a variable that the step has set or deleted for
// the user, or only for the machine. user says that it is the user's.
func (r *Registry) effective(ctx context.Context, refs references, name string, ofUser bool) (value string, user bool, err error) {
	text := func(key string) (string, error) {
		v, err := r.Value(ctx, key, name)
		if CodeOf(err) == ErrorFileNotFound {
			return "", nil
		}
		if v.Type == RegTypeExpand {
			return refs.expand(name, v.String()), err
		}
		return v.String(), err
	}
	machine, err := text(machineEnvironment)
	if err != nil {
		return "", false, err
	}
	isPath := strings.EqualFold(name, "PATH")
	if !ofUser && !isPath && !r.m.ofUser(name) {
		return machine, false, nil
	}
	own, err := text(`HKCU\Environment`)
	switch {
	case err != nil:
		return "", false, err
	case isPath:
		if _, ofImage := r.m.image.Get(name); ofImage && !ofUser {
			own = "" // the image's PATH has it, or does not want it
		}
		return JoinPath(machine, own), false, nil
	case own == "":
		return machine, false, nil
	}
	return own, true, nil
}

// stepAt returns what the step has done to a key by its path; nil if nothing.
func (r *Registry) stepAt(key string) *regKey {
	k, _, _ := r.step(strings.Split(key, `\`))
	if k == nil || len(k.values) == 0 {
		return nil
	}
	return k
}
