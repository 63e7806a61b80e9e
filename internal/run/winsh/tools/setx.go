package tools

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// The keys of the persistent environment.
const (
	machineEnvironment = `HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment`
	userEnvironment    = `HKCU\Environment`
)

// setxLimit is how much of a value setx keeps.
const setxLimit = 1024

func setx() tool {
	const way = "write setx NAME VALUE, with the value itself"
	return tool{
		grammar: grammar{
			name: "setx", dash: true,
			flags: join(flags("M"),
				refusedFlags("it writes to another computer", "leave it out", "S", "U", "P"),
				refusedFlags("it takes the value out of the registry", way, "K"),
				refusedFlags("it takes the value out of a file", way, "F", "A", "R", "X", "D")),
			invalid: sdkInvalid("SETX", 1),
		},
		run: runSetx,
	}
}

func runSetx(ctx context.Context, p *proc, in input) (int, error) {
	args := in.operands()
	switch flag, twice := in.twice(); {
	case twice:
		return sdkInvalid("SETX", 1)(p, badWord{text: "/" + flag, double: true}), nil
	case len(args) > 2:
		p.errln("ERROR: Invalid syntax. Default option is not allowed more than '2' time(s).")
		p.errln(`Type "SETX /?" for usage.`)
		return 1, nil
	case len(args) < 2:
		p.errln("ERROR: Invalid syntax.")
		p.errln(`Type "SETX /?" for usage.`)
		return 1, nil
	}
	name, value := args[0], args[1]
	if n := machine.UTF16Len(value); n > setxLimit {
		p.errln("WARNING: The data being saved is truncated to %d characters.", setxLimit)
		value = truncateUTF16(value, setxLimit)
	}
	key := userEnvironment
	if in.has("M") {
		key = machineEnvironment
	}
	v := machine.RegString(name, value)
	if strings.Contains(value, "%") {
		v = machine.RegExpand(name, value)
	}
	if err := p.Machine.Registry().SetValue(ctx, key, v); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			p.errln("ERROR: Access to the registry path is denied.")
			return 1, nil
		}
		return 1, err
	}
	p.println("\r\nSUCCESS: Specified value was saved.")
	return 0, nil
}

// truncateUTF16 cuts text after so many UTF-16 units, before a character that
// would be split.
func truncateUTF16(text string, limit int) string {
	n := 0
	for i, r := range text {
		n++
		if r > 0xFFFF {
			n++
		}
		if n > limit {
			return text[:i]
		}
	}
	return text
}
