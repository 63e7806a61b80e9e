package tools

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// The small tools that need little more than their arguments.

func timeout() tool {
	return tool{
		grammar: grammar{name: "timeout", dash: true, flags: join(flagsOf(next, "T"), flags("NOBREAK")), invalid: sdkInvalid("TIMEOUT", 1)},
		run: func(_ context.Context, p *proc, in input) (int, error) {
			args := in.operands()
			value, given := in.get("T")
			if !given && len(args) == 1 {
				value.text, given = args[0], true
			} else if len(args) > 0 {
				p.errln("ERROR: Invalid syntax. Default option is not allowed more than '1' time(s).")
				p.errln(`Type "TIMEOUT /?" for usage.`)
				return 1, nil
			}
			if !given {
				p.errln("ERROR: Invalid syntax. Mandatory option '/t' is missing.")
				p.errln(`Type "TIMEOUT /?" for usage.`)
				return 1, nil
			}
			if n, err := strconv.Atoi(value.text); err != nil || n < -1 || n > 99999 {
				p.errln("ERROR: Invalid value for timeout (/T) specified. Valid range is -1 to 99999 seconds.")
				return 1, nil
			}
			// A build has no console to watch for keys.
			p.errln("ERROR: Input redirection is not supported, exiting the process immediately.")
			return 1, nil
		},
	}
}

func choice() tool {
	return tool{
		grammar: grammar{name: "choice", dash: true, flags: join(flagsOf(next, "C", "T", "D", "M"), flags("N", "CS")), invalid: sdkInvalid("CHOICE", 1)},
		run:     runChoice,
	}
}

func runChoice(_ context.Context, p *proc, in input) (int, error) {
	choices := "YN"
	if it, ok := in.get("C"); ok {
		choices = it.text
	}
	if len(in.operands()) > 0 {
		return sdkInvalid("CHOICE", 1)(p, badWord{text: in.operands()[0]}), nil
	}
	if !in.has("CS") {
		choices = strings.ToUpper(choices)
	}
	if in.has("T") != in.has("D") {
		missing := "/D"
		if in.has("D") {
			missing = "/T"
		}
		p.errln("ERROR: Invalid syntax. %s option is missing.", missing)
		p.errln(`Type "CHOICE /?" for usage.`)
		return 1, nil
	}
	if m := in.value("M"); m != "" {
		p.print("%s ", m)
	}
	if !in.has("N") {
		p.print("[%s]?", strings.Join(strings.Split(choices, ""), ","))
	}
	for {
		r, _, err := p.input().ReadRune()
		if errors.Is(err, io.EOF) {
			return 255, machine.Refuse("choice", "nobody is there to choose", "write the chosen command alone, or echo Y | choice")
		}
		if err != nil {
			return 255, err
		}
		c := string(r)
		if !in.has("CS") {
			c = strings.ToUpper(c)
		}
		if i := strings.Index(choices, c); i >= 0 {
			p.println(c)
			return i + 1, nil
		}
	}
}

func whoami() tool {
	return tool{
		grammar: grammar{
			name: "whoami", dash: true, invalid: sdkInvalid("WHOAMI", 1),
			flags: join(flags("USER", "NH"), flagsOf(next, "FO"),
				refusedFlags("only the account's name and SID are known for certain", "use whoami, or whoami /user",
					"GROUPS", "PRIV", "ALL", "UPN", "FQDN", "LOGONID", "CLAIMS")),
		},
		check: func(in input) error {
			if in.bad == nil && !in.partial && !in.has("USER") && (in.has("FO") || in.has("NH")) {
				return machine.Refuse("whoami /FO without /USER", "it is an error that casement does not have the text of", "add /user")
			}
			return nil
		},
		run: func(_ context.Context, p *proc, in input) (int, error) {
			if args := in.operands(); len(args) > 0 {
				return sdkInvalid("WHOAMI", 1)(p, badWord{text: args[0]}), nil
			}
			a := p.Machine.Account()
			name, sid := strings.ToLower(a.Domain+`\`+a.Name), string(a.SID)
			if in.has("USER") {
				return whoamiUser(p, in, name, sid)
			}
			p.println("%s", name)
			return 0, nil
		},
	}
}

// whoamiUser prints the account with its SID as a table, a list or CSV.
func whoamiUser(p *proc, in input, name, sid string) (int, error) {
	const title = "\r\nUSER INFORMATION\r\n----------------\r\n\r\n"
	switch strings.ToUpper(in.value("FO")) {
	case "", "TABLE":
		if !in.has("NH") {
			p.print(title)
			p.println("%-*s %-*s", len(name), "User Name", len(sid), "SID")
			p.println("%s %s", strings.Repeat("=", len(name)), strings.Repeat("=", len(sid)))
		}
		p.println("%s %s", name, sid)
	case "LIST":
		p.print(title)
		p.print("User Name: %s\r\nSID:       %s\r\n", name, sid)
	case "CSV":
		if !in.has("NH") {
			p.println(`"User Name","SID"`)
		}
		p.println(`"%s","%s"`, name, sid)
	default:
		p.errln("ERROR: Invalid syntax. '%s' value is not allowed for '/fo' option.", in.value("FO"))
		p.errln(`Type "WHOAMI /?" for usage.`)
		return 1, nil
	}
	return 0, p.failed
}

func hostname() tool {
	return tool{
		grammar: grammar{name: "hostname", dash: true, flags: refusedFlags("Windows cannot set the name this way either", "leave it out", "S")},
		run: func(_ context.Context, p *proc, in input) (int, error) {
			if len(in.words) > 0 {
				return 1, machine.Refuse("hostname "+in.words[0].text, "the name of a computer is not changed by a build", "use hostname alone")
			}
			name, ok := p.Env.Get("COMPUTERNAME")
			if !ok {
				return 1, machine.Refuse("hostname", "COMPUTERNAME is not set", "do not depend on the name of the computer that builds")
			}
			p.println(name)
			return 0, nil
		},
	}
}
