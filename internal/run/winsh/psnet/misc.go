package psnet

import (
	"context"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/run/winsh/pscmd"
)

// miscTypes are console, threads, and what is known of the runtime.
func miscTypes() []*ps.Type {
	return []*ps.Type{
		{Name: "System.Console", Abstract: true, Members: consoleMembers},
		names("System.ConsoleColor", "Black", "DarkBlue", "DarkGreen", "DarkCyan", "DarkRed", "DarkMagenta", "DarkYellow", "Gray", "DarkGray", "Blue", "Green", "Cyan", "Red", "Magenta", "Yellow", "White"),
		{Name: "System.Threading.Thread", Members: threadMembers, New: []ps.Overload{{Refuse: "nothing runs beside the script", Way: "call the code itself", Params: ps.Sig("System.Object start")}}},
		{Name: "System.GC", Abstract: true, Members: collectorMembers},
		{Name: "System.AppDomain", Members: domainMembers},
		{Name: "System.Runtime.InteropServices.RuntimeInformation", Abstract: true, Members: runtimeMembers},
		{Name: "System.Runtime.InteropServices.OSPlatform", Value: true, Members: platformMembers, String: func(v any) string { return v.(*ps.Object).Data.(string) }},
		names("System.Runtime.InteropServices.Architecture", "X86", "X64", "Arm", "Arm64"),
		{Name: "System.Runtime.InteropServices.Marshal", Abstract: true, Members: marshalMembers},
		{Name: "System.IntPtr", Value: true, Members: func() []ps.Member {
			return []ps.Member{field("Zero", "System.IntPtr", func(in *ps.Invoke) any { return in.Session.Object("System.IntPtr", secret("")) }), constant("Size", "int", int32(8))}
		}, String: func(any) string { return "0" }},
		{Name: "System.OperatingSystem", Members: func() []ps.Member {
			is := func(name string, v bool) ps.Member {
				return static(name, "bool", val(func(*ps.Invoke) any { return v }), "")
			}
			return only(ps.Core, is("IsWindows", true), is("IsLinux", false), is("IsMacOS", false))
		}},
		{Name: "System.Guid", Members: guidMembers, New: overloads(can(newGUID), "string g", "byte[] b")},
		{Name: "System.Version", Members: versionMembers, New: overloads(can(newVersion), "string version", "int major, int minor", "int major, int minor, int build", "int major, int minor, int build, int revision", "")},
		{Name: "System.Object", New: overloads(val(func(in *ps.Invoke) any { return in.Session.Object("System.Object", nil) }), "")},
		{Name: "System.DBNull", Members: func() []ps.Member {
			return []ps.Member{field("Value", "System.DBNull", func(*ps.Invoke) any { return nil })}
		}},
		{Name: "System.Activator", Abstract: true, Members: activatorMembers},
		{Name: "System.Net.Dns", Abstract: true, Members: func() []ps.Member {
			return append([]ps.Member{static("GetHostName", "string", val(func(*ps.Invoke) any { return machine.ComputerName }), "")},
				refusedStatic("names are looked up by the build's network only", "leave the lookup out", "GetHostEntry", "GetHostAddresses", "GetHostByName", "Resolve", "GetHostByAddress", "GetHostEntryAsync", "GetHostAddressesAsync")...)
		}},
	}
}

// consoleWriter is one of the console's two writers.
func consoleWriter(s *ps.Session, errors bool) *ps.Object {
	w := &textWriter{s: s, cs: consoleCharset(s), newLine: "\r\n", console: s.HostWrite}
	if errors {
		w.console = func(text string) error {
			_, err := s.Process().Stderr.Write(consoleCharset(s).Encode(text))
			return err
		}
	}
	return s.Object("System.IO.StreamWriter", w)
}

func consoleCharset(s *ps.Session) *pscmd.Charset {
	if cs := pscmd.CodePage(s.Process().CodePage); cs != nil {
		return cs
	}
	return pscmd.OEM()
}

func consoleMembers() []ps.Member {
	write := func(end string) run {
		return func(ctx context.Context, in *ps.Invoke) (any, error) {
			text, err := writtenText(ctx, in)
			if err != nil {
				return nil, err
			}
			return nil, in.Session.HostWrite(text + end)
		}
	}
	signatures := writeSignatures()
	encoding := func(name string) ps.Member {
		return field(name, encodingType, func(in *ps.Invoke) any { return newEncoding(in.Session, consoleCharset(in.Session)) }).With(func(_ context.Context, in *ps.Invoke) error {
			cs := encodingArg(in, 0)
			if !in.Session.SetConsoleEncoding(cs.CodePage) {
				return machine.Refuse("[Console]::"+name+" = "+cs.Name, "the console does not have this code page", "use UTF8")
			}
			in.Session.Process().CodePage = cs.CodePage
			return nil
		})
	}
	color := func(name string, n int64) ps.Member {
		return field(name, "System.ConsoleColor", func(in *ps.Invoke) any { return in.Session.Enum("System.ConsoleColor", n) }).With(func(context.Context, *ps.Invoke) error { return nil })
	}
	list := []ps.Member{
		static("WriteLine", "void", write("\r\n"), append([]string{""}, signatures...)...), static("Write", "void", write(""), signatures...),
		field("Out", "System.IO.TextWriter", func(in *ps.Invoke) any { return consoleWriter(in.Session, false) }), field("Error", "System.IO.TextWriter", func(in *ps.Invoke) any { return consoleWriter(in.Session, true) }),
		encoding("OutputEncoding"), encoding("InputEncoding"), color("ForegroundColor", 7), color("BackgroundColor", 0),
		static("ResetColor", "void", nothing, ""), static("Beep", "void", nothing, "", "int frequency, int duration"), static("Clear", "void", nothing, ""),
		static("ReadLine", "string", val(func(*ps.Invoke) any { return nil }), ""), static("Read", "int", val(func(*ps.Invoke) any { return int32(-1) }), ""),
		static("ReadKey", "System.ConsoleKeyInfo", can(func(*ps.Invoke) (any, error) {
			return nil, throw(invalidOperation, "Cannot read keys when either application does not have a console or when console input has been redirected from a file. Try Console.Read.")
		}), "", "bool intercept"),
		constant("IsOutputRedirected", "bool", true), constant("IsErrorRedirected", "bool", true), constant("IsInputRedirected", "bool", true), constant("KeyAvailable", "bool", false),
		field("Title", "string", func(*ps.Invoke) any { return "" }).With(func(context.Context, *ps.Invoke) error { return nil }),
		field("TreatControlCAsInput", "bool", func(*ps.Invoke) any { return false }).With(func(context.Context, *ps.Invoke) error { return nil }),
		field("CursorVisible", "bool", func(*ps.Invoke) any { return true }).With(func(context.Context, *ps.Invoke) error { return nil }),
		static("OpenStandardOutput", "System.IO.Stream", val(func(in *ps.Invoke) any {
			return newStream(in.Session, netStream, &consoleStream{s: in.Session})
		}), ""),
	}
	return append(list, refusedStatic("the console has no place to write to", "write a line", "SetCursorPosition", "SetWindowSize", "SetBufferSize", "MoveBufferArea", "SetOut", "SetError", "SetIn")...)
}

// consoleStream is the standard output as bytes.
type consoleStream struct {
	noStream
	s *ps.Session
}

func (*consoleStream) can() (bool, bool, bool) { return false, true, false }
func (c *consoleStream) write(_ context.Context, p []byte) error {
	_, err := c.s.Process().Stdout.Write(p)
	return err
}

func threadMembers() []ps.Member {
	const thread = "System.Threading.Thread"
	culture := func(name string) ps.Member {
		return prop(name, cultureName, func(in *ps.Invoke) any { return in.Session.Object(cultureName, culture("en-US")) }).With(func(_ context.Context, in *ps.Invoke) error {
			if c, ok := dataOf[culture](in, 0); ok && c != "en-US" {
				return machine.Refuse("Thread."+name, "the session's culture stays en-US", "give the culture to ToString")
			}
			return nil
		})
	}
	return append(sleepMembers(),
		field("CurrentThread", thread, func(in *ps.Invoke) any { return in.Session.Object(thread, nil) }),
		culture("CurrentCulture"), culture("CurrentUICulture"),
		prop("ManagedThreadId", "int", func(*ps.Invoke) any { return int32(1) }), prop("Name", "string", func(*ps.Invoke) any { return "Pipeline Execution Thread" }),
		prop("IsBackground", "bool", func(*ps.Invoke) any { return false }),
		method("GetApartmentState", "string", val(func(*ps.Invoke) any { return "STA" }), ""),
	)
}

func collectorMembers() []ps.Member {
	none := func(name string, signatures ...string) ps.Member { return static(name, "void", nothing, signatures...) }
	return []ps.Member{
		none("Collect", "", "int generation"), none("WaitForPendingFinalizers", ""), none("SuppressFinalize", "System.Object obj"), none("KeepAlive", "System.Object obj"),
		static("GetTotalMemory", "long", val(func(*ps.Invoke) any { return int64(50 << 20) }), "bool forceFullCollection").Refused("memory is not measured here", "leave it out"),
	}
}

func domainMembers() []ps.Member {
	const domain = "System.AppDomain"
	return append([]ps.Member{
		field("CurrentDomain", domain, func(in *ps.Invoke) any { return in.Session.Object(domain, nil) }),
		prop("FriendlyName", "string", func(in *ps.Invoke) any { return either(in.Session, "DefaultDomain", "pwsh") }),
		prop("BaseDirectory", "string", func(in *ps.Invoke) any {
			home, _ := in.Session.Variable("PSHOME")
			return in.Session.ToString(home) + `\`
		}),
		prop("Id", "int", func(*ps.Invoke) any { return int32(1) }),
		method("GetAssemblies", assemblyName+"[]", val(func(in *ps.Invoke) any {
			var items []any
			for _, name := range []string{"mscorlib", "System.Management.Automation", "System", "System.Core", "System.Xml"} {
				items = append(items, newAssembly(in.Session, name))
			}
			return ps.NewTyped(assemblyName, items)
		}), ""),
		method("SetPrincipalPolicy", "void", nothing, "System.Object policy"),
	}, refused("assemblies are not loaded and made here", "use a type that casement knows", "Load", "DefineDynamicAssembly", "CreateInstance", "ExecuteAssembly", "add_AssemblyResolve")...)
}

func runtimeMembers() []ps.Member {
	arch := func(in *ps.Invoke) any {
		n := int64(1)
		if in.Session.Machine().Root().Platform.Architecture == "arm64" {
			n = 3
		}
		return in.Session.Enum("System.Runtime.InteropServices.Architecture", n)
	}
	const typ = "System.Runtime.InteropServices.Architecture"
	return []ps.Member{
		field("OSArchitecture", typ, arch), field("ProcessArchitecture", typ, arch),
		ps.StaticProp("OSDescription", "string", can(func(in *ps.Invoke) (any, error) {
			v, err := systemVersion(in.Session)
			return "Microsoft Windows " + ps.Version(v).String(), err
		})),
		ps.StaticProp("FrameworkDescription", "string", nil).Refused("the version of .NET is not known", "ask for $PSVersionTable"),
		static("IsOSPlatform", "bool", val(func(in *ps.Invoke) any {
			p, _ := dataOf[string](in, 0)
			return strings.EqualFold(p, "WINDOWS")
		}), "System.Runtime.InteropServices.OSPlatform osPlatform"),
	}
}

func platformMembers() []ps.Member {
	const typ = "System.Runtime.InteropServices.OSPlatform"
	shared := func(name, text string) ps.Member {
		return field(name, typ, func(in *ps.Invoke) any { return in.Session.Object(typ, text) })
	}
	return []ps.Member{
		shared("Windows", "WINDOWS"), shared("Linux", "LINUX"), shared("OSX", "OSX"),
		static("Create", typ, val(func(in *ps.Invoke) any { return in.Session.Object(typ, in.String(0)) }), "string osPlatform"),
	}
}

// secret is the Data of an IntPtr that leads to the text of a SecureString.
type secret string

// marshalMembers get texts out of secure strings, which is all that builds use
// of Marshal.
func marshalMembers() []ps.Member {
	to := func(name string) ps.Member {
		return static(name, "System.IntPtr", can(func(in *ps.Invoke) (any, error) {
			p, ok := pscmd.SecureOf(in.Args[0])
			if !ok {
				return nil, nullArgument(in.Session, "s")
			}
			return in.Session.Object("System.IntPtr", secret(p.Text)), nil
		}), "System.Security.SecureString s")
	}
	from := func(name string) ps.Member {
		return static(name, "string", val(func(in *ps.Invoke) any { p, _ := dataOf[secret](in, 0); return string(p) }), "System.IntPtr ptr")
	}
	free := func(name string) ps.Member { return static(name, "void", nothing, "System.IntPtr s") }
	return append([]ps.Member{
		to("SecureStringToBSTR"), to("SecureStringToGlobalAllocUnicode"), to("SecureStringToCoTaskMemUnicode"),
		from("PtrToStringAuto"), from("PtrToStringBSTR"), from("PtrToStringUni"),
		free("ZeroFreeBSTR"), free("FreeBSTR"), free("ZeroFreeGlobalAllocUnicode"), free("ZeroFreeCoTaskMemUnicode"),
		static("ReleaseComObject", "int", val(func(*ps.Invoke) any { return int32(0) }), "System.Object o"),
	}, refusedStatic("memory and COM are Windows' own", "leave it out", "GetActiveObject", "AllocHGlobal", "Copy", "PtrToStructure", "GetDelegateForFunctionPointer", "BindToMoniker", "SizeOf", "FreeHGlobal")...)
}

func newGUID(in *ps.Invoke) (any, error) {
	if b, ok := in.Args[0].(*ps.Bytes); ok {
		if len(b.B) != 16 {
			return nil, throw(argumentException, "Byte array for GUID must be exactly 16 bytes long.")
		}
		var g ps.Guid
		copy(g[:], swapped(b.B))
		return g, nil
	}
	return parseGUID(in)
}

// swapped turns the bytes of a GUID into the order of its text, and back: the
// first three numbers are little-endian.
func swapped(b []byte) []byte {
	return []byte{b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]}
}

func parseGUID(in *ps.Invoke) (any, error) {
	g, ok := ps.ParseGuid(in.String(0))
	if !ok {
		return nil, throw(formatException, either(in.Session, "Guid should contain 32 digits with 4 dashes (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx).", "Unrecognized Guid format."))
	}
	return g, nil
}

func guidMembers() []ps.Member {
	return append(formatMembers(),
		static("NewGuid", "guid", val(func(*ps.Invoke) any { return pscmd.NewGUID() }), ""),
		static("Parse", "guid", can(parseGUID), "string input"),
		static("TryParse", "bool", can(func(in *ps.Invoke) (any, error) {
			g, ok := ps.ParseGuid(in.String(0))
			return ok, in.Args[1].(*ps.Ref).Set(g)
		}), "string input, out guid result"),
		constant("Empty", "guid", ps.Guid{}),
		prop("Guid", "string", func(in *ps.Invoke) any { return in.Session.ToString(in.Self) }),
		method("ToByteArray", "byte[]", val(func(in *ps.Invoke) any {
			g, _ := ps.Unwrap(in.Self).(ps.Guid)
			return &ps.Bytes{B: swapped(g[:])}
		}), ""),
	)
}

func newVersion(in *ps.Invoke) (any, error) {
	if len(in.Args) == 0 {
		return ps.Version{Build: -1, Revision: -1}, nil
	}
	if text, ok := in.Args[0].(string); ok {
		return ps.ParseVersion(text)
	}
	parts := make([]string, len(in.Args))
	for i := range in.Args {
		parts[i] = strconv.Itoa(in.Int(i))
	}
	return ps.ParseVersion(strings.Join(parts, "."))
}

func versionMembers() []ps.Member {
	this := func(in *ps.Invoke) ps.Version { v, _ := ps.Unwrap(in.Self).(ps.Version); return v }
	return []ps.Member{
		static("Parse", "version", can(func(in *ps.Invoke) (any, error) { return ps.ParseVersion(in.String(0)) }), "string input"),
		static("TryParse", "bool", can(func(in *ps.Invoke) (any, error) {
			v, err := ps.ParseVersion(in.String(0))
			if err != nil {
				return false, in.Args[1].(*ps.Ref).Set(nil)
			}
			return true, in.Args[1].(*ps.Ref).Set(v)
		}), "string input, out version result"),
		prop("MajorRevision", "int", func(in *ps.Invoke) any { return int16(this(in).Revision >> 16) }), prop("MinorRevision", "int", func(in *ps.Invoke) any { return int16(this(in).Revision & 0xffff) }),
		method("CompareTo", "int", can(func(in *ps.Invoke) (any, error) {
			if ps.IsNull(in.Args[0]) {
				return int32(1), nil
			}
			v, ok := ps.Unwrap(in.Args[0]).(ps.Version)
			if !ok {
				return nil, throw(argumentException, "Object must be of type Version.")
			}
			return ps.Int(this(in).Compare(v)), nil
		}), "version value", "System.Object version"),
		method("Equals", "bool", val(func(in *ps.Invoke) any {
			v, ok := ps.Unwrap(in.Args[0]).(ps.Version)
			return ok && v == this(in)
		}), "System.Object obj"),
		method("ToString", "string", can(func(in *ps.Invoke) (any, error) {
			text := this(in).String()
			if len(in.Args) == 0 {
				return text, nil
			}
			n, parts := in.Int(0), strings.Split(text, ".")
			if n < 0 || n > len(parts) {
				return nil, badArgument(in.Session, "Argument must be between 0 and "+strconv.Itoa(len(parts))+".", "fieldCount")
			}
			return strings.Join(parts[:n], "."), nil
		}), "", "int fieldCount"),
		method("Clone", "System.Object", val(func(in *ps.Invoke) any { return this(in) }), ""),
	}
}

func activatorMembers() []ps.Member {
	return []ps.Member{static("CreateInstance", "System.Object", func(ctx context.Context, in *ps.Invoke) (any, error) {
		t, _ := ps.Unwrap(in.Args[0]).(*ps.Type)
		if t == nil {
			return nil, nullArgument(in.Session, "type")
		}
		var args []any
		if len(in.Args) > 1 {
			args = ps.Items(in.Args[1])
		}
		return in.Session.New(ctx, t, args...)
	}, "type type", "type type, params object[] args")}
}
