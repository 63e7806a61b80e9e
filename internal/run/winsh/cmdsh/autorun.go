package cmdsh

import (
	"context"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// What the registry says about each start of cmd: for the machine, and then for
// the user, who has the last word. Windows comes with the defaults there, so that
// only what steps have set is looked at.

// startup is what the registry says.
type startup struct {
	delayed, noExtensions bool
	autorun               []string // texts that are executed before anything else
}

// startupOf reads it.
func startupOf(ctx context.Context, m *machine.Machine, env *machine.Env) (startup, error) {
	var s startup
	for _, root := range []string{"HKLM", "HKCU"} {
		key := root + `\Software\Microsoft\Command Processor`
		for _, name := range []string{"DelayedExpansion", "EnableExtensions", "AutoRun"} {
			v, ok, err := m.Registry().Known(ctx, key, name)
			if err != nil {
				return s, err
			}
			if !ok {
				continue
			}
			switch on := startupFlag(v); {
			case name == "DelayedExpansion":
				s.delayed = on
			case name == "EnableExtensions":
				s.noExtensions = !on
			case v.Type == machine.RegTypeExpand:
				s.autorun = append(s.autorun, env.Expand(v.String()))
			case v.Type == machine.RegTypeString:
				s.autorun = append(s.autorun, v.String())
			}
		}
	}
	return s, nil
}

// startupFlag reads a switch, which may be a number or text.
func startupFlag(v machine.RegValue) bool {
	if v.Type == machine.RegTypeDword {
		return v.Uint() != 0
	}
	return number(v.String()) != 0
}

// startUp applies what the registry says, where the switches say nothing else.
func (sh *shell) startUp(ctx context.Context, o options) error {
	s, err := startupOf(ctx, sh.m, sh.env)
	if err != nil {
		return err
	}
	sh.delayed = s.delayed
	if o.delayedGiven {
		sh.delayed = o.delayed
	}
	sh.extensions = !s.noExtensions
	if o.extensionsGiven {
		sh.extensions = !o.noExtensions
	}
	if o.noAutorun {
		return nil
	}
	for _, text := range s.autorun {
		if _, err := sh.runLine(ctx, text); err != nil {
			return err
		}
	}
	return nil
}
