package tools

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

func chcp() tool {
	return tool{
		grammar: grammar{name: "chcp", own: true, loose: true},
		check: func(in input) error {
			if in.partial || len(in.words) != 1 {
				return nil
			}
			n, err := strconv.Atoi(in.words[0].text)
			if _, known := machine.PageTable(n); err == nil && !known {
				return machine.Refuse("chcp "+in.words[0].text, "casement does not have this code page", "use 437, 1252 or 65001")
			}
			return nil
		},
		run: func(_ context.Context, p *proc, in input) (int, error) {
			page := p.CodePage
			if page == 0 {
				page = machine.PageOEM
			}
			if len(in.words) > 1 {
				p.println("Parameter format not correct - %s", in.words[1].text)
				return 1, nil
			}
			if len(in.words) == 1 {
				n, err := strconv.Atoi(in.words[0].text)
				if err != nil {
					p.println("Parameter format not correct - %s", in.words[0].text)
					return 1, nil
				}
				page, p.CodePage = n, n // the shell takes it over
			}
			p.println("Active code page: %d", page)
			return 0, p.failed
		},
	}
}

// refreshenv is a batch file that Chocolatey installs: it sets the variables of
// the shell that calls it to those that the registry has. The machine finds it
// only where PATH leads to Chocolatey.
func refreshenv() tool {
	return tool{
		grammar: grammar{name: "refreshenv", free: true},
		run: func(ctx context.Context, p *proc, _ input) (int, error) {
			env, err := registryEnvironment(ctx, p)
			if err != nil {
				return 1, err
			}
			p.Export = env
			p.println("Refreshing environment variables from registry for cmd.exe. Please wait...Finished..")
			return 0, p.failed
		},
	}
}

// registryEnvironment is the environment with the machine's and the user's
// persistent variables.
func registryEnvironment(ctx context.Context, p *proc) (*machine.Env, error) {
	env := p.Env.Clone()
	var path []string
	for _, key := range []string{machineEnvironment, userEnvironment} {
		values, err := p.Machine.Registry().Values(ctx, key)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, v := range values {
			text := v.String()
			if v.Type == regExpandSz {
				text = expandVariables(text, p.Env)
			}
			switch strings.ToUpper(v.Name) {
			case "PATH":
				path = append(path, text)
			case "USERNAME", "PROCESSOR_ARCHITECTURE":
				// Those of the process stay.
			default:
				env.Set(v.Name, text)
			}
		}
	}
	if len(path) > 0 {
		env.Set("Path", strings.Join(path, ";"))
	}
	return env, nil
}

// expandVariables replaces %NAME%; what is not set stays.
func expandVariables(text string, env *machine.Env) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "%")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, after, ok := strings.Cut(rest, "%")
		value, set := "", false
		if ok {
			value, set = env.Get(name)
		}
		if !set {
			b.WriteString("%")
			text = rest
			continue
		}
		b.WriteString(value)
		text = after
	}
}

const (
	timeZones       = `HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Time Zones\`
	timeZoneSetting = `HKLM\SYSTEM\CurrentControlSet\Control\TimeZoneInformation`
)

func tzutil() tool {
	return tool{
		grammar: grammar{
			name: "tzutil", flags: join(flags("G"), flagsOf(next, "S"),
				refusedFlags("the names of time zones are not translated", "leave it out", "L")),
		},
		run: func(ctx context.Context, p *proc, in input) (int, error) {
			switch {
			case in.has("G") && len(in.items) == 1:
				v, err := p.Machine.Registry().Value(ctx, timeZoneSetting, "TimeZoneKeyName")
				if errors.Is(err, fs.ErrNotExist) {
					p.print("UTC")
					return 0, p.failed
				}
				p.print("%s", v.String())
				return 0, errors.Join(err, p.failed)
			case in.has("S") && len(in.items) == 1:
				return 0, setTimeZone(ctx, p, in.value("S"))
			}
			return 1, machine.Refuse("tzutil with these arguments", "it prints the help text of Windows", "write tzutil /g or tzutil /s NAME")
		},
	}
}

// setTimeZone writes what Windows writes when the time zone is set.
func setTimeZone(ctx context.Context, p *proc, name string) error {
	name, noDST := strings.CutSuffix(name, "_dstoff")
	r := p.Machine.Registry()
	v, err := r.Value(ctx, timeZones+name, "TZI")
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(v.Data) != 44 {
		return machine.Refuse("tzutil /s "+name, "the registry of the base image has no such time zone", "use the name of one that Windows knows")
	}
	if err != nil {
		return err
	}
	dword := func(at int) uint32 { return binary.LittleEndian.Uint32(v.Data[at:]) }
	bias, standard, daylight := dword(0), dword(4), dword(8)
	disabled := uint32(0)
	if noDST || binary.LittleEndian.Uint16(v.Data[30:]) == 0 {
		daylight = standard
	}
	if noDST {
		disabled = 1
	}
	if binary.LittleEndian.Uint16(v.Data[30:]) != 0 && !noDST {
		return machine.Refuse("tzutil /s "+name, "the zone has summer time, and whether it is in force depends on the day of the build", "use a zone without, such as UTC, or add _dstoff to the name")
	}
	values := []machine.RegValue{
		machine.RegDword("Bias", bias), machine.RegDword("StandardBias", standard), machine.RegDword("DaylightBias", daylight),
		machine.RegDword("ActiveTimeBias", bias+standard), machine.RegDword("DynamicDaylightTimeDisabled", disabled),
		machine.RegBinary("StandardStart", slices.Clone(v.Data[12:28])), machine.RegBinary("DaylightStart", slices.Clone(v.Data[28:44])),
		machine.RegString("TimeZoneKeyName", name),
	}
	for from, to := range map[string]string{"MUI_Std": "StandardName", "MUI_Dlt": "DaylightName"} {
		text, err := r.Value(ctx, timeZones+name, from)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil {
			values = append(values, machine.RegString(to, text.String()))
		}
	}
	for _, v := range values {
		if err := r.SetValue(ctx, timeZoneSetting, v); err != nil {
			return err
		}
	}
	return nil
}

func fsutil() tool {
	return tool{
		grammar: grammar{name: "fsutil", free: true},
		check: func(in input) error {
			if len(in.words) >= 2 && (in.words[0].unknown || in.words[1].unknown) {
				return nil
			}
			if len(in.words) == 4 && fsutilCommands()[strings.ToLower(in.words[0].text+" "+in.words[1].text)] != nil {
				return nil
			}
			return machine.Refuse("fsutil with these arguments", "volumes are not part of casement's machine", "use fsutil file createnew PATH SIZE or fsutil hardlink create NEW OLD only")
		},
		run: func(ctx context.Context, p *proc, in input) (int, error) {
			run := fsutilCommands()[strings.ToLower(in.words[0].text+" "+in.words[1].text)]
			full, err := p.full(in.words[2].text)
			if err != nil {
				return 1, err
			}
			code, fatal := winCode(run(ctx, p, full, in.words[3].text))
			if fatal != nil {
				return 1, fatal
			}
			if code != 0 {
				p.println("Error %d: %s", code, message(code))
				return 1, p.failed
			}
			return 0, p.failed
		},
	}
}

// fsutilCommands has the commands that are done, by both their words.
func fsutilCommands() map[string]func(ctx context.Context, p *proc, full, second string) error {
	return map[string]func(ctx context.Context, p *proc, full, second string) error{
		"file createnew": fsutilCreate, "hardlink create": fsutilHardlink,
	}
}

// fsutilCreate makes a file of zeros.
func fsutilCreate(ctx context.Context, p *proc, full, text string) error {
	size, err := strconv.ParseUint(text, 0, 40)
	if err != nil {
		return machine.Refuse("fsutil file createnew with the size "+text, "it is not a number of bytes that fits an image", "write a number below 1 TiB")
	}
	w, err := p.fs().Create(ctx, full, machine.CreateOptions{New: true})
	if err != nil {
		return err
	}
	zeros := make([]byte, 64<<10)
	for left := size; left > 0 && err == nil; {
		n := min(left, uint64(len(zeros)))
		_, err = w.Write(zeros[:n])
		left -= n
	}
	if cerr := w.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", full, err)
	}
	p.println("File %s is created", full)
	return nil
}

// fsutilHardlink gives a file another name.
func fsutilHardlink(ctx context.Context, p *proc, full, existing string) error {
	old, err := p.full(existing)
	if err != nil {
		return err
	}
	if err := p.fs().Hardlink(ctx, old, full); err != nil {
		return err
	}
	p.println("Hardlink created for %s <<===>> %s", full, old)
	return nil
}

// taskkill ends processes, of which a build has none beside the step's own.
func taskkill() tool {
	system := []string{"svchost.exe", "services.exe", "lsass.exe", "csrss.exe", "wininit.exe", "winlogon.exe", "smss.exe", "cexecsvc.exe", "fontdrvhost.exe", "conhost.exe", "cmd.exe", "powershell.exe", "pwsh.exe"}
	return tool{
		grammar: grammar{
			name: "taskkill", dash: true, invalid: sdkInvalid("TASKKILL", 1),
			flags: join(flags("F", "T"), flagsOf(next, "IM", "PID"), refusedFlags("processes are only ended by name or number here", "use /IM or /PID", "FI", "S", "U", "P")),
		},
		check: func(in input) error {
			for _, it := range in.items {
				name := strings.ToLower(it.text)
				if it.flag == "IM" && (machine.HasWildcard(name) || slices.Contains(system, name)) {
					return machine.Refuse("taskkill /IM "+it.text, "Windows itself runs such processes", "end only what the step has started")
				}
			}
			return nil
		},
		run: func(_ context.Context, p *proc, in input) (int, error) {
			some := false
			for _, it := range in.items {
				if it.flag == "IM" || it.flag == "PID" {
					some = true
					p.errln("ERROR: The process \"%s\" not found.", it.text)
				}
			}
			if !some {
				p.errln("ERROR: Invalid syntax. Neither /FI nor /PID nor /IM were specified.")
				p.errln(`Type "TASKKILL /?" for usage.`)
				return 1, p.failed
			}
			return 128, p.failed
		},
	}
}
