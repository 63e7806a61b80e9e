package psnet

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/run/winsh/pscmd"
)

const (
	processName   = "System.Diagnostics.Process"
	startInfoName = "System.Diagnostics.ProcessStartInfo"
)

// startInfo is the Data of a ProcessStartInfo.
type startInfo struct {
	file, args, dir, verb string
	list                  *ps.Array // ArgumentList
	env                   *ps.Object
	shell                 bool
	out, err              bool
	noWindow              bool
	style                 int64
	outCS, errCS          *pscmd.Charset
}

// processTypes start programs. Package pscmd has what is known of one that has
// run: nothing runs beside the script, so it runs to its end when it starts.
func processTypes() []*ps.Type {
	return []*ps.Type{
		{Name: processName, Members: processMembers, New: overloads(val(func(in *ps.Invoke) any {
			o := pscmd.ProcessObject(in.Session, &pscmd.Process{})
			o.Set("StartInfo", newStartInfo(in.Session, "", ""))
			return o
		}), "")},
		{Name: startInfoName, Members: startInfoMembers, New: overloads(val(func(in *ps.Invoke) any {
			file, args := "", ""
			if len(in.Args) > 0 {
				file = in.String(0)
			}
			if len(in.Args) > 1 {
				args = in.String(1)
			}
			return newStartInfo(in.Session, file, args)
		}), "", "string fileName", "string fileName, string arguments")},
		names("System.Diagnostics.ProcessWindowStyle", "Normal", "Hidden", "Minimized", "Maximized"),
		enum("System.Diagnostics.ProcessPriorityClass", "Normal", 32, "Idle", 64, "High", 128, "RealTime", 256, "BelowNormal", 16384, "AboveNormal", 32768),
		{Name: "System.Diagnostics.Debug", Abstract: true, Members: func() []ps.Member {
			return []ps.Member{static("WriteLine", "void", nothing, "System.Object value"), static("Write", "void", nothing, "System.Object value")}
		}},
	}
}

func newStartInfo(s *ps.Session, file, args string) *ps.Object {
	return s.Object(startInfoName, &startInfo{file: file, args: args, shell: desktop(s)})
}

func startInfoMembers() []ps.Member {
	data := self[*startInfo]
	text := func(name string, at func(i *startInfo) *string) ps.Member {
		return prop(name, "string", func(in *ps.Invoke) any { return *at(data(in)) }).With(func(_ context.Context, in *ps.Invoke) error {
			*at(data(in)) = in.String(0)
			return nil
		})
	}
	flag := func(name string, at func(i *startInfo) *bool) ps.Member {
		return prop(name, "bool", func(in *ps.Invoke) any { return *at(data(in)) }).With(func(_ context.Context, in *ps.Invoke) error {
			*at(data(in)) = in.Bool(0)
			return nil
		})
	}
	charset := func(name string, at func(i *startInfo) **pscmd.Charset) ps.Member {
		return prop(name, encodingType, func(in *ps.Invoke) any {
			if cs := *at(data(in)); cs != nil {
				return newEncoding(in.Session, cs)
			}
			return nil
		}).With(func(_ context.Context, in *ps.Invoke) error {
			*at(data(in)) = encodingArg(in, 0)
			return nil
		})
	}
	other := func(name string) ps.Member {
		return ps.Prop(name, "object", nil).Refused("there are no other accounts", "run the program as the account of the step")
	}
	variables := func(in *ps.Invoke) any { return data(in).variables(in.Session) }
	list := []ps.Member{
		text("FileName", func(i *startInfo) *string { return &i.file }), text("Arguments", func(i *startInfo) *string { return &i.args }), text("WorkingDirectory", func(i *startInfo) *string { return &i.dir }),
		text("Verb", func(i *startInfo) *string { return &i.verb }), flag("UseShellExecute", func(i *startInfo) *bool { return &i.shell }), flag("RedirectStandardOutput", func(i *startInfo) *bool { return &i.out }),
		flag("RedirectStandardError", func(i *startInfo) *bool { return &i.err }), flag("CreateNoWindow", func(i *startInfo) *bool { return &i.noWindow }), flag("LoadUserProfile", func(*startInfo) *bool { return new(bool) }),
		flag("ErrorDialog", func(*startInfo) *bool { return new(bool) }),
		prop("RedirectStandardInput", "bool", func(*ps.Invoke) any { return false }).With(func(_ context.Context, in *ps.Invoke) error {
			if in.Bool(0) {
				return machine.Refuse("ProcessStartInfo.RedirectStandardInput", "a program has run to its end before anything could be written to it", "pipe the text into the program")
			}
			return nil
		}),
		prop("WindowStyle", "System.Diagnostics.ProcessWindowStyle", func(in *ps.Invoke) any {
			return in.Session.Enum("System.Diagnostics.ProcessWindowStyle", data(in).style)
		}).With(func(_ context.Context, in *ps.Invoke) error { data(in).style = enumArg(in, 0); return nil }),
		charset("StandardOutputEncoding", func(i *startInfo) **pscmd.Charset { return &i.outCS }), charset("StandardErrorEncoding", func(i *startInfo) **pscmd.Charset { return &i.errCS }),
		prop("EnvironmentVariables", "System.Collections.Specialized.StringDictionary", variables), prop("Environment", "System.Collections.IDictionary", variables),
		other("UserName"), other("Password"), other("Domain"),
	}
	return append(list, only(ps.Core, prop("ArgumentList", "System.Collections.ObjectModel.Collection`1[System.String]", func(in *ps.Invoke) any {
		if data(in).list == nil {
			data(in).list = &ps.Array{Type: "System.Collections.ObjectModel.Collection`1[System.String]"}
		}
		return data(in).list
	}))...)
}

// variables are the environment that the program will have, for the script to
// change.
func (i *startInfo) variables(s *ps.Session) *ps.Object {
	if i.env == nil {
		d := &dict{s: s, h: &ps.Hashtable{Ordered: true}}
		for _, v := range s.Process().Env.List() {
			if name, value, _ := strings.Cut(v, "="); name != "" {
				d.h.Put(name, value)
			}
		}
		i.env = s.Object("System.Collections.Specialized.StringDictionary", d)
	}
	return i.env
}

func processMembers() []ps.Member {
	data := self[*pscmd.Process]
	start := func(ctx context.Context, in *ps.Invoke, info *startInfo) (any, error) {
		o := pscmd.ProcessObject(in.Session, &pscmd.Process{})
		if err := info.start(ctx, in.Session, o); err != nil {
			return nil, err
		}
		return o, nil
	}
	list := []ps.Member{
		static("Start", processName, func(ctx context.Context, in *ps.Invoke) (any, error) {
			if info, ok := dataOf[*startInfo](in, 0); ok {
				return start(ctx, in, info)
			}
			info := &startInfo{file: in.String(0), shell: desktop(in.Session)}
			if len(in.Args) > 1 {
				info.args = in.String(1)
			}
			return start(ctx, in, info)
		}, "string fileName", "string fileName, string arguments", startInfoName+" startInfo"),
		method("Start", "bool", func(ctx context.Context, in *ps.Invoke) (any, error) {
			o := in.Self.(*ps.Object)
			v, _, err := in.Session.Property(ctx, o, "StartInfo")
			if err != nil {
				return nil, err
			}
			info, ok := ps.Unwrap(v).(*ps.Object)
			if !ok {
				return nil, throw(invalidOperation, "Cannot start process because a file name has not been provided.")
			}
			return true, info.Data.(*startInfo).start(ctx, in.Session, o)
		}, ""),
		static("GetCurrentProcess", processName, val(currentProcess), ""),
		prop("SessionId", "int", func(*ps.Invoke) any { return int32(1) }),
		prop("EnableRaisingEvents", "bool", func(*ps.Invoke) any { return false }).With(func(context.Context, *ps.Invoke) error { return nil }),
		prop("PriorityClass", "System.Diagnostics.ProcessPriorityClass", func(in *ps.Invoke) any {
			return in.Session.Enum("System.Diagnostics.ProcessPriorityClass", 32)
		}).With(func(context.Context, *ps.Invoke) error { return nil }),
		prop("MainWindowTitle", "string", func(*ps.Invoke) any { return "" }),
		only(ps.Core, method("WaitForExitAsync", taskType, later(nothing), ""))[0],
		method("ToString", "string", val(func(in *ps.Invoke) any { return processName + " (" + data(in).Name + ")" }), ""),
	}
	list = append(list, refused("a program has run to its end before its output is asked for", "read StandardOutput", "BeginOutputReadLine", "BeginErrorReadLine", "CancelOutputRead", "CancelErrorRead")...)
	return append(list, refusedStatic("nothing runs beside the script", "leave it out", "GetProcesses", "GetProcessesByName", "GetProcessById")...)
}

// currentProcess is the PowerShell that runs the script.
func currentProcess(in *ps.Invoke) any {
	name := either(in.Session, "powershell", "pwsh")
	home, _ := in.Session.Variable("PSHOME")
	path := in.Session.ToString(home) + `\` + name + ".exe"
	now := in.Session.Machine().Now()
	o := pscmd.ProcessObject(in.Session, &pscmd.Process{ID: 4242, Name: name, Path: path, Started: now, Exited: now})
	o.Set("HasExited", false)
	o.Set("MainModule", ps.NewCustom("ModuleName", name+".exe", "FileName", path))
	return o
}

// line is the command line of the program.
func (i *startInfo) line(path string) string {
	args := i.args
	if i.list != nil && len(i.list.Items) > 0 {
		var parts []string
		for _, v := range i.list.Items {
			text, _ := ps.Unwrap(v).(string)
			parts = append(parts, machine.QuoteArg(text))
		}
		args = strings.Join(parts, " ")
	}
	return strings.TrimSpace(`"` + path + `" ` + args)
}

// start runs the program to its end, and fills the object of the process.
func (i *startInfo) start(ctx context.Context, s *ps.Session, o *ps.Object) error {
	if i.file == "" {
		return throw(invalidOperation, "Cannot start process because a file name has not been provided.")
	}
	if i.shell && (i.out || i.err) {
		return throw(invalidOperation, "The Process object must have the UseShellExecute property set to false in order to redirect IO streams.")
	}
	if i.verb != "" && !strings.EqualFold(i.verb, "open") && !(strings.EqualFold(i.verb, "runas") && s.Machine().Account().Admin) {
		return machine.Refuse("ProcessStartInfo.Verb "+i.verb, "there is no desktop", "start the program by its name")
	}
	dir := currentDir(s)
	if i.dir != "" {
		var err error
		if dir, err = full(s, i.dir); err != nil {
			return err
		}
	}
	child, found, err := i.child(ctx, s, dir)
	if err != nil {
		return err
	}
	var out, errs bytes.Buffer
	child.Stdout, child.Stderr = i.streams(s, &out, &errs)
	started := s.Machine().Now()
	code, err := s.Machine().Start(ctx, found, child)
	if err != nil {
		return cannotStart(s, i.file, dir, err)
	}
	p := o.Data.(*pscmd.Process)
	name := fileName(i.file)
	if ext := extension(name); strings.EqualFold(ext, ".exe") {
		name = name[:len(name)-len(ext)]
	}
	*p = pscmd.Process{ID: 4000 + 4*s.Process().Depth, ExitCode: code, Name: name, Path: found.Path, Started: started, Exited: s.Machine().Now()}
	i.result(s, o, out.Bytes(), errs.Bytes())
	return nil
}

// child makes the process and finds its program.
func (i *startInfo) child(ctx context.Context, s *ps.Session, dir string) (*machine.Process, machine.Found, error) {
	env := s.Process().Env.Clone()
	if i.env != nil {
		env = &machine.Env{}
		for _, e := range i.env.Data.(*dict).h.Entries() {
			env.Set(s.ToString(e.Key), s.ToString(e.Value))
		}
	}
	name := i.file
	if strings.ContainsAny(name, `\/`) {
		if p, err := machine.Full(dir, name); err == nil {
			name = p
		}
	}
	found, err := s.Machine().Find(ctx, name, env, dir, true)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, found, machine.RefuseUnknown(i.file)
	}
	if err != nil {
		return nil, found, cannotStart(s, i.file, dir, err)
	}
	path := found.Path
	if path == "" {
		path = i.file
	}
	child := &machine.Process{Machine: s.Machine(), Env: env, Dir: dir, Stdin: strings.NewReader(""), Depth: s.Process().Depth + 1, CommandLine: i.line(path), CodePage: s.Process().CodePage}
	switch ext := strings.ToLower(extension(found.Path)); {
	case found.Program == nil && (ext == ".cmd" || ext == ".bat"):
		if found, err = s.Machine().Find(ctx, `C:\Windows\System32\cmd.exe`, env, dir, false); err != nil {
			return nil, found, err
		}
		child.CommandLine = `C:\Windows\System32\cmd.exe /c "` + child.CommandLine + `"`
	case found.Program == nil && ext != ".exe" && ext != ".com" && ext != "":
		return nil, found, machine.Refuse("Process.Start "+i.file, "what opens files of this type needs Windows", "start the program itself")
	}
	child.Args = machine.SplitCommandLine(child.CommandLine)
	return child, found, nil
}

// streams are where the program writes: its own console if the shell starts it,
// else what the script reads or the host.
func (i *startInfo) streams(s *ps.Session, out, errs *bytes.Buffer) (io.Writer, io.Writer) {
	pick := func(redirect bool, to *bytes.Buffer, host io.Writer) io.Writer {
		switch {
		case redirect:
			return writerTo{func(p []byte) error {
				to.Write(p)
				return limit(s, int64(to.Len()))
			}}
		case i.shell || i.noWindow:
			return io.Discard
		}
		return host
	}
	return pick(i.out, out, s.Process().Stdout), pick(i.err, errs, s.Process().Stderr)
}

// result gives the script what the program has written.
func (i *startInfo) result(s *ps.Session, o *ps.Object, out, errs []byte) {
	reader := func(b []byte, cs *pscmd.Charset) *ps.Object {
		if cs == nil {
			cs = consoleCharset(s)
		}
		stream := readStream(s, "System.IO.Stream", bytes.NewReader(b), int64(len(b)), nil)
		return s.Object("System.IO.StreamReader", &textReader{s: s, cs: cs, stream: stream.Data.(*Stream), object: stream})
	}
	if i.out {
		o.Set("StandardOutput", reader(out, i.outCS))
	}
	if i.err {
		o.Set("StandardError", reader(errs, i.errCS))
	}
}

// cannotStart is the Win32Exception of a program that does not start.
func cannotStart(s *ps.Session, file, dir string, err error) error {
	code := machine.CodeOf(err)
	if code == 0 {
		return err
	}
	text := machine.MessageFor(code)
	return throw("System.ComponentModel.Win32Exception", either(s, strings.TrimSuffix(text, "."), "An error occurred trying to start process '"+file+"' with working directory '"+dir+"'. "+text))
}
