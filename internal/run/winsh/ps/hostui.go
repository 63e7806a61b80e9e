package ps

import "context"

// hostUI is the type of $Host.UI.
const hostUI = "System.Management.Automation.Internal.Host.InternalHostUserInterface"

// hostUIMembers write to the host past all streams.
func hostUIMembers() []Member {
	text := func(in *Invoke) string { return in.Session.ToString(in.Args[len(in.Args)-1]) }
	write := func(f func(in *Invoke, text string) error) func(context.Context, *Invoke) (any, error) {
		return func(_ context.Context, in *Invoke) (any, error) {
			if len(in.Args) == 0 {
				return nil, f(in, "")
			}
			return nil, f(in, text(in))
		}
	}
	put := write(func(in *Invoke, text string) error { return in.Session.HostWrite(text) })
	line := func(prefix string) func(context.Context, *Invoke) (any, error) {
		return write(func(in *Invoke, text string) error { return in.Session.HostWrite(prefix + text + "\r\n") })
	}
	wrong := write(func(in *Invoke, text string) error {
		if text == "" {
			return nil
		}
		return in.Session.host.write(in.Session.host.err, text+"\r\n")
	})
	const colors = "System.ConsoleColor foregroundColor, System.ConsoleColor backgroundColor, string value"
	list := []Member{
		Method("Write", "void", O("string value", put), O(colors, put)),
		Method("WriteLine", "void", O("", line("")), O("string value", line("")), O(colors, line(""))),
		Method("WriteErrorLine", "void", O("string value", wrong)),
		Method("WriteWarningLine", "void", O("string message", line("WARNING: "))),
		Method("WriteVerboseLine", "void", O("string message", line("VERBOSE: "))),
		Method("WriteDebugLine", "void", O("string message", line("DEBUG: "))),
	}
	for _, name := range []string{"ReadLine", "ReadLineAsSecureString", "Prompt", "PromptForChoice", "PromptForCredential"} {
		list = append(list, Method(name, "System.Object", O("params object[] args", nil)).Refused("there is nobody to answer", "write the answer into the script"))
	}
	return list
}
