package fetch

import (
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// parseCurl reads a command line, without the program's name. Own is the file of
// options that comes before it, if any; without readFile no such files are read.
// The error is a *curlUsage or a *run.RefusedError.
func parseCurl(args []string, own string, readFile func(name string) (string, bool, error)) (*curlOptions, error) {
	o := &curlOptions{maxRedirs: 50, proto: everyProtocol(), protoRedir: redirProtocols(), readFile: readFile}
	table := curlTable()
	if own != "" {
		err := o.config(table, own)
		if u, ok := err.(*curlUsage); ok {
			return nil, machine.Refuse("curl with "+own, strings.Split(u.text, "\n")[0], "correct the file, or call curl -q")
		}
		if err != nil {
			return nil, err
		}
	}
	flags := true
	for i := 0; i < len(args); i++ {
		word := args[i]
		switch {
		case flags && word == "--":
			flags = false
		case !flags || !strings.HasPrefix(word, "-"):
			o.urls = append(o.urls, word)
		default:
			var next *string
			if i+1 < len(args) {
				next = &args[i+1]
			}
			used, err := o.option(table, word, next)
			if err != nil {
				return nil, err
			}
			if used {
				i++
			}
		}
	}
	return o, o.validate()
}

// option acts on one word with options, and says whether it took the next.
func (o *curlOptions) option(table []curlOption, word string, next *string) (used bool, err error) {
	if long, ok := strings.CutPrefix(word, "--"); ok {
		return o.long(table, word, long, next)
	}
	letters := word[1:]
	if letters == "" {
		return false, badArg(word, "is unknown")
	}
	for i := range len(letters) {
		at := slices.IndexFunc(table, func(c curlOption) bool { return c.short == letters[i] })
		if at < 0 {
			return false, badArg(word, "is unknown")
		}
		opt := table[at]
		if opt.arg == nil && !opt.takes {
			if err := o.act(table, opt, "-"+string(letters[i]), "", true); err != nil {
				return false, err
			}
			continue
		}
		arg := letters[i+1:]
		if arg == "" {
			if next == nil {
				return false, badArg(word, "requires parameter")
			}
			return true, o.act(table, opt, "-"+string(letters[i]), *next, true)
		}
		return false, o.act(table, opt, "-"+string(letters[i]), arg, true)
	}
	return false, nil
}

func (o *curlOptions) long(table []curlOption, word, name string, next *string) (used bool, err error) {
	on := true
	find := func(n string) int { return slices.IndexFunc(table, func(c curlOption) bool { return c.name == n }) }
	at := find(name)
	if at < 0 && strings.HasPrefix(name, "no-") {
		if at = find(name[3:]); at >= 0 && table[at].flag == nil {
			return false, badArg(word, "used '--no-' for option that is not a boolean")
		}
		on = false
	}
	if at < 0 {
		if strings.HasPrefix(name, "expand-") {
			return false, machine.Refuse("curl "+word, "variables of curl are not supported", "write the value out")
		}
		return false, badArg(word, "is unknown")
	}
	opt := table[at]
	if opt.arg == nil && !opt.takes {
		return false, o.act(table, opt, word, "", on)
	}
	if next == nil {
		return false, badArg(word, "requires parameter")
	}
	return true, o.act(table, opt, word, *next, on)
}

// act does what an option says.
func (o *curlOptions) act(table []curlOption, opt curlOption, as, arg string, on bool) error {
	switch {
	case opt.config:
		return o.config(table, arg)
	case opt.gone:
		return badArg(as, "the installed libcurl version does not support this")
	case opt.refuse != "":
		return machine.Refuse("curl "+as, opt.refuse, "do without "+as)
	case opt.flag != nil:
		return opt.flag(o, on)
	case opt.arg != nil:
		err := opt.arg(o, arg)
		if u, ok := err.(*curlUsage); ok && strings.HasPrefix(u.text, "option ") {
			_, reason, _ := strings.Cut(u.text, ": ")
			return badArg(as, reason)
		}
		return err
	}
	return nil
}

// validate looks at the options together.
func (o *curlOptions) validate() error {
	if o.version || o.partial {
		return nil
	}
	var asked []string
	for _, m := range []struct {
		is   bool
		name string
	}{
		{len(o.upload) > 0, "PUT (-T, --upload-file)"}, {len(o.data) > 0 && !o.get, "POST (-d, --data)"},
		{len(o.form) > 0, "multipart formpost (-F, --form)"}, {o.head, "HEAD (-I, --head)"},
	} {
		if m.is {
			asked = append(asked, m.name)
		}
	}
	if len(asked) > 1 {
		return &curlUsage{code: 2, warn: "You can only select one HTTP request method! You asked for both " + asked[0] + " and " + asked[1] + "."}
	}
	if err := checkWriteOut(o.writeOut); err != nil {
		return err
	}
	if len(o.urls) == 0 {
		return &curlUsage{code: 2, text: "(2) no URL specified", help: true}
	}
	if o.contentName && o.resuming {
		return badArg("-J", "--continue-at and --remote-header-name cannot be combined")
	}
	return nil
}

// protocols is a set of URL schemes.
type protocols map[string]bool

func everyProtocol() protocols {
	p := protocols{}
	for _, s := range curlSchemes() {
		p[s] = true
	}
	return p
}

func redirProtocols() protocols {
	return protocols{"http": true, "https": true, "ftp": true, "ftps": true}
}

// curlSchemes are those that the curl of Windows knows.
func curlSchemes() []string {
	return strings.Fields("dict file ftp ftps http https imap imaps ipfs ipns mqtt pop3 pop3s smb smbs smtp smtps telnet tftp")
}

// change applies the argument of --proto: "=https", "-http,+ftp".
func (p *protocols) change(spec string) error {
	set := protocols{}
	for s, ok := range *p {
		set[s] = ok
	}
	for _, item := range strings.Split(spec, ",") {
		item = strings.TrimSpace(item)
		op := byte('+')
		for item != "" && strings.IndexByte("=+-", item[0]) >= 0 {
			op, item = item[0], item[1:]
		}
		names := []string{strings.ToLower(item)}
		if item == "all" {
			names = curlSchemes()
		}
		if op == '=' {
			clear(set)
		}
		for _, n := range names {
			if n != "" {
				set[n] = op != '-'
			}
		}
	}
	*p = set
	return nil
}
