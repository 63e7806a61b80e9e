package tools

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

const (
	regDone     = "The operation completed successfully."
	regNotFound = "ERROR: The system was unable to find the specified registry key or value."
	regDenied   = "ERROR: Access is denied."
)

// regCommand is one of reg's commands.
type regCommand struct {
	flags []flag
	run   func(ctx context.Context, p *proc, in input) (int, error)
	// keys is how many key names the command takes.
	keys int
}

// regCommands has the commands that are done here.
func regCommands() map[string]regCommand {
	views := flagsOf(colon, "REG")
	values := join(flagsOf(nextAny, "V"), flags("VE"))
	return map[string]regCommand{
		"ADD":    {join(values, flagsOf(nextAny, "T", "D", "S"), flags("F"), views), regAdd, 1},
		"DELETE": {join(values, flags("VA", "F"), views), regDelete, 1},
		"QUERY":  {join(values, flagsOf(nextAny, "F", "T", "SE"), flags("S", "K", "D", "C", "E", "Z"), views), regQuery, 1},
		"COPY":   {join(flags("S", "F"), views), regCopy, 2},
		"EXPORT": {join(flags("Y"), views), regExport, 2},
		"IMPORT": {views, regImport, 1},
	}
}

func reg() tool {
	return tool{
		grammar: grammar{name: "reg", free: true},
		check: func(in input) error {
			if len(in.words) == 0 || in.words[0].unknown {
				return nil
			}
			_, err := regParse(in)
			return err
		},
		run: func(ctx context.Context, p *proc, in input) (int, error) {
			name := "REG"
			if len(in.words) == 0 {
				return regSyntax(p, name), nil
			}
			cmd, ok := regCommands()[strings.ToUpper(in.words[0].text)]
			if !ok {
				return regSyntax(p, name), nil
			}
			args, err := regParse(in)
			if err != nil {
				return 1, err
			}
			if !args.has("REG") && p.of32() {
				args.items = append(args.items, item{flag: "REG", text: "32"})
			}
			name += " " + strings.ToUpper(in.words[0].text)
			if args.bad != nil || len(args.operands()) != cmd.keys {
				return regSyntax(p, name), nil
			}
			return cmd.run(ctx, p, args)
		},
	}
}

// regParse parses the arguments of a command, or refuses it.
func regParse(in input) (input, error) {
	name := strings.ToUpper(in.words[0].text)
	switch name {
	case "/?", "-?", "/H", "-H":
		return in, machine.Refuse("reg "+name, "it prints the help text of Windows, which casement does not have", "leave it out")
	case "SAVE", "RESTORE", "LOAD", "UNLOAD", "COMPARE", "FLAGS":
		return in, machine.Refuse("reg "+strings.ToLower(name), "it works on hive files or on what only a running registry has", "use reg add, reg delete, reg copy or reg import")
	}
	cmd, ok := regCommands()[name]
	if !ok {
		return in, nil
	}
	g := grammar{name: "reg " + strings.ToLower(name), dash: true, flags: cmd.flags}
	args, err := g.parse(in.words[1:])
	if err != nil {
		return in, err
	}
	if it, ok := args.get("REG"); ok && it.text != "32" && it.text != "64" && args.bad == nil {
		args.bad = &badWord{text: "/reg:" + it.text}
	}
	if args.bad == nil {
		args.bad = regMisplaced(args, cmd.keys)
	}
	if args.value("REG") == "32" {
		for _, key := range args.operands() {
			if _, err := regView(key); err != nil {
				return in, err
			}
		}
	}
	return args, nil
}

// regMisplaced finds what reg takes for wrong although each word is right: keys
// come first, no switch stands there twice, and only one says which value.
func regMisplaced(args input, keys int) *badWord {
	for i, it := range args.items {
		if (it.flag == "") != (i < keys) && !args.partial {
			return &badWord{text: it.text}
		}
	}
	if name, ok := args.twice(); ok {
		return &badWord{text: "/" + name, double: true}
	}
	which := 0
	for _, name := range []string{"V", "VE", "VA"} {
		if args.has(name) {
			which++
		}
	}
	if which > 1 {
		return &badWord{text: "/v"}
	}
	return nil
}

func regSyntax(p *proc, command string) int {
	p.errln("ERROR: Invalid syntax.")
	p.errln(`Type "%s /?" for usage.`, command)
	return 1
}

// regKey is a key name of the command line: as the registry knows it, and as
// reg prints it.
type regKey struct{ path, shown string }

// regKeyOf reads a key name. ok is false for what reg calls an invalid name.
func regKeyOf(name string, in input) (k regKey, ok bool, err error) {
	if strings.HasPrefix(name, `\\`) {
		return k, false, machine.Refuse("reg with "+name, "it is the registry of another computer", "leave the computer out")
	}
	root, rest, _ := strings.Cut(name, `\`)
	long := regRoot(root)
	alone := strings.HasSuffix(name, `\`) && rest == "" // a root with a backslash
	rest = strings.TrimSuffix(rest, `\`)
	if long == "" || alone || strings.HasPrefix(rest, `\`) || strings.HasSuffix(rest, `\`) || strings.Contains(rest, `\\`) {
		return k, false, nil
	}
	k.shown = long
	if rest != "" {
		k.shown += `\` + rest
	}
	k.path = k.shown
	if in.value("REG") == "32" {
		k.path, err = regView(k.shown)
	}
	return k, true, err
}

// regRoot is the full name of a root key, "" if there is none such.
func regRoot(name string) string {
	for short, long := range map[string]string{
		"HKLM": "HKEY_LOCAL_MACHINE", "HKCU": "HKEY_CURRENT_USER", "HKCR": "HKEY_CLASSES_ROOT",
		"HKU": "HKEY_USERS", "HKCC": "HKEY_CURRENT_CONFIG",
	} {
		if strings.EqualFold(name, short) || strings.EqualFold(name, long) {
			return long
		}
	}
	return ""
}

// regShared are the keys below SOFTWARE that programs of 32 bits share with
// those of 64.
func regShared() []string {
	const nt = `Microsoft\Windows NT\CurrentVersion\`
	return []string{
		`WOW6432Node`, `Policies`, `RegisteredApplications`, `Microsoft\COM3`, `Microsoft\CTF\SystemShared`, `Microsoft\CTF\TIP`,
		`Microsoft\Cryptography\Calais\Current`, `Microsoft\Cryptography\Calais\Readers`, `Microsoft\Cryptography\Services`,
		`Microsoft\DFS`, `Microsoft\Driver Signing`, `Microsoft\EnterpriseCertificates`, `Microsoft\EventSystem`, `Microsoft\MSMQ`,
		`Microsoft\Non-Driver Signing`, `Microsoft\Notepad\DefaultFonts`, `Microsoft\OLE`, `Microsoft\RAS`, `Microsoft\RPC`,
		`Microsoft\SOFTWARE\Microsoft\Shared Tools\MSInfo`, `Microsoft\SystemCertificates`, `Microsoft\TermServLicensing`,
		`Microsoft\Transaction Server`, `Microsoft\Windows\CurrentVersion\Control Panel\Cursors\Schemes`,
		`Microsoft\Windows\CurrentVersion\Explorer\AutoplayHandlers`, `Microsoft\Windows\CurrentVersion\Explorer\DriveIcons`,
		`Microsoft\Windows\CurrentVersion\Explorer\KindMap`, `Microsoft\Windows\CurrentVersion\Group Policy`,
		`Microsoft\Windows\CurrentVersion\Policies`, `Microsoft\Windows\CurrentVersion\PreviewHandlers`,
		`Microsoft\Windows\CurrentVersion\Setup`, `Microsoft\Windows\CurrentVersion\Telephony\Locations`,
		nt + `Console`, nt + `FontDpi`, nt + `FontLink`, nt + `FontMapper`, nt + `Fonts`, nt + `FontSubstitutes`,
		nt + `Gre_Initialize`, nt + `Image File Execution Options`, nt + `LanguagePack`, nt + `NetworkCards`, nt + `Perflib`,
		nt + `Ports`, nt + `Print`, nt + `ProfileList`, nt + `Time Zones`,
	}
}

// regView returns the key that a program of 32 bits gets for a name.
func regView(key string) (string, error) {
	root, rest, _ := strings.Cut(key, `\`)
	root = regRoot(root)
	first, below, _ := strings.Cut(rest, `\`)
	switch {
	case root == "HKEY_CLASSES_ROOT" || strings.EqualFold(first, "SOFTWARE") && hasPrefixKey(below, "Classes"):
		return "", machine.Refuse("reg /reg:32 with "+key, "parts of the classes are shared between 32 and 64 bits and parts are not", `name the key itself, HKLM\SOFTWARE\WOW6432Node\Classes`)
	case root != "HKEY_LOCAL_MACHINE" || !strings.EqualFold(first, "SOFTWARE"):
		return key, nil
	}
	for _, s := range regShared() {
		if hasPrefixKey(below, s) {
			return key, nil
		}
	}
	return strings.TrimSuffix(root+`\`+first+`\WOW6432Node\`+below, `\`), nil
}

// hasPrefixKey reports whether a key is prefix or lies below it.
func hasPrefixKey(key, prefix string) bool {
	return len(key) >= len(prefix) && strings.EqualFold(key[:len(prefix)], prefix) && (len(key) == len(prefix) || key[len(prefix)] == '\\')
}

// regFailed prints what reg says of an error of the registry.
func regFailed(p *proc, err error) (int, error) {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.errln(regNotFound)
	case errors.Is(err, fs.ErrPermission):
		p.errln(regDenied)
	default:
		code, fatal := winCode(err)
		if fatal != nil {
			return 1, fatal
		}
		p.errln("ERROR: %s", message(code))
	}
	return 1, nil
}

// regConfirm asks unless /f is there; ok is false if the answer is no.
func regConfirm(p *proc, in input, force, question, what string) (ok bool, err error) {
	if in.has(force) {
		return true, nil
	}
	answer, err := p.ask(question, what, "add /"+strings.ToLower(force))
	if err != nil {
		return false, err
	}
	if a := strings.ToUpper(strings.TrimSpace(answer)); a == "Y" || a == "YES" {
		return true, nil
	}
	p.println("The operation was canceled by the user.")
	return false, nil
}

func regAdd(ctx context.Context, p *proc, in input) (int, error) {
	key, ok, err := regKeyOf(in.operands()[0], in)
	if err != nil {
		return 1, err
	}
	if !ok {
		p.errln("ERROR: Invalid key name.")
		p.errln(`Type "REG ADD /?" for usage.`)
		return 1, nil
	}
	r := p.Machine.Registry()
	if !in.has("V") && !in.has("VE") {
		in.items = append(in.items, item{flag: "VE"}) // the default value, also where there is nothing to write
	}
	v, complaint := regValueOf(in)
	if complaint != "" {
		p.errln("%s", complaint)
		p.errln(`Type "REG ADD /?" for usage.`)
		return 1, nil
	}
	// Whether there is such a value matters only to the question; the base is not
	// read to find it out for nothing.
	have := fs.ErrNotExist
	if !in.has("F") {
		_, have = r.Value(ctx, key.path, v.Name)
	}
	switch {
	case have == nil:
		ok, err := regConfirm(p, in, "F", "Value "+v.Name+" exists, overwrite(Yes/No)? ", "add of a value that exists")
		if err != nil || !ok {
			return 0, err
		}
	case !errors.Is(have, fs.ErrNotExist):
		return regFailed(p, have)
	}
	if _, err := r.CreateKey(ctx, key.path); err != nil {
		return regFailed(p, err)
	}
	if err := r.SetValue(ctx, key.path, v); err != nil {
		return regFailed(p, err)
	}
	p.println(regDone)
	return 0, nil
}

func regDelete(ctx context.Context, p *proc, in input) (int, error) {
	key, ok, err := regKeyOf(in.operands()[0], in)
	if err != nil {
		return 1, err
	}
	if !ok {
		p.errln("ERROR: Invalid key name.")
		p.errln(`Type "REG DELETE /?" for usage.`)
		return 1, nil
	}
	r := p.Machine.Registry()
	exists, err := r.KeyExists(ctx, key.path)
	if err != nil {
		return regFailed(p, err)
	}
	if !exists {
		p.errln(regNotFound)
		return 1, nil
	}
	name := in.value("V")
	switch {
	case in.has("VA"):
		return regDeleteAll(ctx, p, in, key)
	case in.has("V") || in.has("VE"):
		if _, err := r.Value(ctx, key.path, name); err != nil {
			return regFailed(p, err)
		}
		ok, err := regConfirm(p, in, "F", "Delete the registry value "+name+" (Yes/No)? ", "delete")
		if err != nil || !ok {
			return 0, err
		}
		err = r.DeleteValue(ctx, key.path, name)
		if err != nil {
			return regFailed(p, err)
		}
	default:
		if !strings.Contains(key.shown, `\`) {
			p.errln(regDenied)
			return 1, nil
		}
		ok, err := regConfirm(p, in, "F", "Permanently delete the registry key "+key.shown+" (Yes/No)? ", "delete")
		if err != nil || !ok {
			return 0, err
		}
		if err := r.DeleteKey(ctx, key.path); err != nil {
			return regFailed(p, err)
		}
	}
	p.println(regDone)
	return 0, nil
}

// regDeleteAll removes every value of a key.
func regDeleteAll(ctx context.Context, p *proc, in input, key regKey) (int, error) {
	ok, err := regConfirm(p, in, "F", "Delete all values under the registry key "+key.shown+" (Yes/No)? ", "delete")
	if err != nil || !ok {
		return 0, err
	}
	r := p.Machine.Registry()
	values, err := r.Values(ctx, key.path)
	if err != nil {
		return regFailed(p, err)
	}
	for _, v := range values {
		if err := r.DeleteValue(ctx, key.path, v.Name); err != nil {
			return regFailed(p, err)
		}
	}
	p.println(regDone)
	return 0, nil
}

func regCopy(ctx context.Context, p *proc, in input) (int, error) {
	from, ok, err := regKeyOf(in.operands()[0], in)
	if err != nil {
		return 1, err
	}
	to, ok2, err := regKeyOf(in.operands()[1], in)
	if err != nil {
		return 1, err
	}
	if !ok || !ok2 {
		p.errln("ERROR: Invalid key name.")
		p.errln(`Type "REG COPY /?" for usage.`)
		return 1, nil
	}
	if strings.EqualFold(from.path, to.path) {
		p.errln("ERROR: The registry entry cannot be copied onto itself.")
		return 1, nil
	}
	if in.has("S") && hasPrefixKey(to.path, from.path) {
		return 1, machine.Refuse("reg copy of a key into itself", "it would never end", "copy to a key that is not below the first")
	}
	if done, err := regCopyKey(ctx, p, in, from.path, to.path); err != nil {
		return regFailed(p, err)
	} else if done {
		p.println(regDone)
	}
	return 0, nil
}

// regCopyKey copies a key; it returns false if the user does not want to go on.
func regCopyKey(ctx context.Context, p *proc, in input, from, to string) (bool, error) {
	if err := p.Machine.Tick(ctx); err != nil {
		return false, err
	}
	r := p.Machine.Registry()
	values, err := r.Values(ctx, from)
	if err != nil {
		return false, err
	}
	if _, err := r.CreateKey(ctx, to); err != nil {
		return false, err
	}
	for _, v := range values {
		if _, err := r.Value(ctx, to, v.Name); err == nil && !in.has("F") {
			return false, machine.Refuse("reg copy over a value that exists", "it asks whether to overwrite it", "add /f")
		}
		if err := r.SetValue(ctx, to, v); err != nil {
			return false, err
		}
	}
	if !in.has("S") {
		return true, nil
	}
	subkeys, err := r.Subkeys(ctx, from)
	if err != nil {
		return false, err
	}
	for _, s := range subkeys {
		if done, err := regCopyKey(ctx, p, in, from+`\`+s, to+`\`+s); err != nil || !done {
			return done, err
		}
	}
	return true, nil
}
