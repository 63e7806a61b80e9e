package fetch

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// Files of options: those of -K, and the one that curl reads by itself before its
// command line.

// maxConfigFiles bounds how many files of options are read: they may name each
// other.
const maxConfigFiles = 64

// config reads the options of a file. Without a way to read files, which is so
// when a line is only checked, it notes that there will be more.
func (o *curlOptions) config(table []curlOption, name string) error {
	if o.readFile == nil {
		o.partial = true
		return nil
	}
	if o.configs++; o.configs > maxConfigFiles {
		return machine.Refuse("curl -K "+name, "files of options name each other without end", "leave out the option in the file")
	}
	text, ok, err := o.readFile(name)
	if err != nil {
		return err
	}
	failed := func(before string) error {
		text := "option -K: error encountered when reading a file"
		if !o.silent {
			text = before + "cannot read config from '" + name + "'\ncurl: " + text
		}
		return &curlUsage{code: 26, text: text, help: true}
	}
	if !ok {
		return failed("")
	}
	shown := name
	if name == "-" {
		shown = "<stdin>"
	}
	number := 0
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		if trimmed := strings.TrimLeft(line, " \t"); trimmed == "" || trimmed[0] == '#' {
			continue
		}
		number++ // curl does not count the others
		option, param, warning := configLine(line)
		if warning {
			o.warnings = append(o.warnings, fmt.Sprintf("%s:%d: warning: '%s' uses unquoted whitespace", shown, number, option), "This may cause side-effects. Consider using double quotes?")
		}
		err := o.configOption(table, option, param)
		var usage *curlUsage
		if errors.As(err, &usage) {
			_, reason, _ := strings.Cut(usage.text, ": ")
			return failed(fmt.Sprintf("%s:%d: '%s' %s\ncurl: ", shown, number, option, reason))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// configOption acts on an option of a file, whose dashes may be missing.
func (o *curlOptions) configOption(table []curlOption, option string, param *string) (err error) {
	used := false
	if strings.HasPrefix(option, "-") {
		used, err = o.option(table, option, param)
	} else {
		used, err = o.long(table, option, option, param)
	}
	if err == nil && !used && param != nil && *param != "" {
		return badArg(option, "had unsupported trailing garbage")
	}
	return err
}

// configLine takes a line apart: the option, then blanks, an equals sign or a
// colon, then the value, in quotes or up to a blank. Warning says that more
// follows.
func configLine(line string) (option string, param *string, warning bool) {
	separators := " \t=:"
	if line[0] == '-' {
		separators = " \t"
	}
	end := strings.IndexAny(line, separators)
	if end < 0 {
		return line, nil, false
	}
	option = line[:end]
	rest := strings.TrimLeft(line[end:], separators)
	if quoted, ok := strings.CutPrefix(rest, `"`); ok {
		value := unquoteConfig(quoted)
		return option, &value, false
	}
	value, more := rest, ""
	if end := strings.IndexAny(rest, " \t\r\v\f"); end >= 0 {
		value, more = rest[:end], strings.TrimLeft(rest[end+1:], " \t")
	}
	if value == "" {
		return option, nil, false
	}
	return option, &value, more != "" && more[0] != '#' && more[0] != '\r'
}

// unquoteConfig reads up to the closing quote.
func unquoteConfig(s string) string {
	var b strings.Builder
	for i := 0; i < len(s) && s[i] != '"'; i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		if i++; i == len(s) {
			break
		}
		if at := strings.IndexByte("tnrv", s[i]); at >= 0 {
			b.WriteByte("\t\n\r\v"[at])
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// optionFile reads a file that an option names; "-" is standard input. ok is
// false for one that cannot be read.
func (c *curlRun) optionFile(ctx context.Context) func(name string) (string, bool, error) {
	return func(name string) (string, bool, error) {
		b, err := c.localBytes(ctx, name)
		if windowsError(err) {
			return "", false, nil
		}
		return string(b), err == nil, err
	}
}

// ownConfig is the file of options that curl reads by itself, "" if there is none
// or the first argument forbids it. The base image is not read to find it out.
func (c *curlRun) ownConfig(ctx context.Context, args []string) (string, error) {
	if len(args) == 0 || strings.HasPrefix(args[0], "-q") || args[0] == "--disable" {
		return "", nil
	}
	for _, place := range [][2]string{
		{"CURL_HOME", `\.curlrc`}, {"CURL_HOME", `\_curlrc`}, {"XDG_CONFIG_HOME", `\curlrc`}, {"HOME", `\.curlrc`}, {"HOME", `\_curlrc`},
		{"USERPROFILE", `\.curlrc`}, {"USERPROFILE", `\_curlrc`}, {"APPDATA", `\.curlrc`}, {"APPDATA", `\_curlrc`},
		{"CURL_HOME", `\.config\curlrc`}, {"HOME", `\.config\curlrc`},
	} {
		dir, _ := c.p.Env.Get(place[0])
		if dir == "" {
			continue
		}
		full, err := machine.Full(c.p.Dir, dir+place[1])
		if err == nil {
			_, err = c.fs.StatDest(ctx, full)
		}
		if err == nil {
			return full, nil
		}
		if !windowsError(err) {
			return "", err
		}
	}
	return "", nil
}
