package ps

import (
	"bytes"
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// nativeStage runs a program. It runs when the pipeline's objects have all
// arrived, which are its standard input.
type nativeStage struct {
	info  *CommandInfo
	args  []argument
	stdin bytes.Buffer
	print *Printer
}

func (n *nativeStage) begin(ctx context.Context, e *element) error {
	n.print = e.s.NewPrinter(0, func(_ context.Context, line string) error {
		if err := e.s.fits(int64(n.stdin.Len())); err != nil {
			return err
		}
		data, err := e.s.encodeInput(line + "\r\n")
		n.stdin.Write(data)
		return err
	})
	return nil
}

func (n *nativeStage) process(ctx context.Context, _ *element, v any) error {
	if IsNull(v) {
		return nil
	}
	return n.print.Write(ctx, v)
}

func (n *nativeStage) end(ctx context.Context, e *element) error {
	s := e.s
	if err := n.print.Close(ctx); err != nil {
		return err
	}
	found := n.info.Found
	line, err := s.commandLine(n.info, n.args)
	if err != nil {
		return err
	}
	if script := strings.ToLower(extension(found.Path)); found.Program == nil && (script == ".cmd" || script == ".bat") {
		if found, line, err = s.throughCmd(ctx, found, line); err != nil {
			return err
		}
	}
	if _, block := withBlocks(n.args); block && (e.piped || hasArgs(n.args) || !s.host.direct(e.out)) {
		return refuseObjects(e.at, e.name)
	}
	child := s.process.Child(line)
	child.Dir = s.Dir()
	child.Terminal = false
	if e.piped {
		child.Stdin = &n.stdin
	}
	out := &lineWriter{s: s, ctx: ctx, to: e.out}
	errs := &lineWriter{s: s, ctx: ctx, to: s.nativeErrors(e, shownName(e.invocationName(), programName(n.info)))}
	child.Stdout, child.Stderr = out, errs
	if s.host.direct(e.out) {
		child.Stdout, child.Terminal = s.process.Stdout, s.process.Terminal
	}
	if s.streams[StreamError] == nil {
		child.Stderr = s.process.Stderr
	}
	code, err := s.process.Machine.Start(ctx, found, child)
	s.process.CodePage = child.CodePage
	for _, w := range []*lineWriter{out, errs} {
		// What became of its lines counts more than that it could not write them.
		if werr := w.finish(); werr != nil {
			return werr
		}
	}
	if err != nil {
		if isControl(err) {
			return err
		}
		return s.fail("System.Management.Automation.ApplicationFailedException", "Program '"+programName(n.info)+"' failed to run: "+errText(err)+s.positionMessage(e.at)+".", "NativeCommandFailed", ResourceUnavailable, nil)
	}
	s.global.put("LASTEXITCODE", Int(code))
	if code != 0 {
		e.failed = true
		return s.nativeFailed(e, n.info, code)
	}
	return nil
}

func programName(info *CommandInfo) string {
	if info.Found.Path != "" {
		return info.Found.Path[strings.LastIndexByte(info.Found.Path, '\\')+1:]
	}
	return info.Name
}

// nativeFailed is what $PSNativeCommandUseErrorActionPreference of PowerShell
// 7.4 makes of an exit code.
func (s *Session) nativeFailed(e *element, info *CommandInfo, code int) error {
	if s.edition != Core {
		return nil
	}
	if v, ok := s.Variable("PSNativeCommandUseErrorActionPreference"); !ok || !toBool(v) {
		return nil
	}
	name := programName(info)
	r := s.fail("System.Management.Automation.NativeCommandExitException", `Program "`+name+`" ended with non-zero exit code: `+intText(int64(code))+` (0x`+strings.ToUpper(hex8(code))+`).`, "ProgramExitedWithNonZeroCode", NotSpecified, name)
	return e.writeError(context.Background(), r, "")
}

func hex8(n int) string {
	text := "00000000" + strings.TrimLeft(bitDigits(int32(n), 'x', 8), "0")
	return text[len(text)-8:]
}

// nativeErrors is where lines of stderr go: 5.1 makes errors of them where the
// stream is redirected, and stops at the first if it has to; 7 makes records
// that are only text.
func (s *Session) nativeErrors(e *element, name string) sink {
	first := true
	return func(ctx context.Context, v any) error {
		text := s.ToString(v)
		id := "NativeCommandErrorMessage"
		if first {
			id = "NativeCommandError"
		}
		r := s.fail("System.Management.Automation.RemoteException", text, id, NotSpecified, text)
		r.at, r.native, r.origin = e.at, true, name
		s.place(r)
		if s.edition == Desktop {
			if s.preference("ErrorActionPreference") == "Stop" {
				r.final = true
				return r
			}
			s.log(r)
		}
		first = false
		return s.emit(ctx, StreamError, r)
	}
}

// throughCmd runs a batch file by cmd.exe, as CreateProcess does.
func (s *Session) throughCmd(ctx context.Context, found machine.Found, line string) (machine.Found, string, error) {
	cmd, err := s.process.Machine.Find(ctx, cmdPath, s.process.Env, s.Dir(), false)
	if err != nil {
		return found, "", err
	}
	return cmd, throughCmd(line), nil
}

const cmdPath = `C:\Windows\System32\cmd.exe`

// throughCmd is the command line that runs the one of a batch file.
func throughCmd(line string) string { return `C:\Windows\system32\cmd.exe /c "` + line + `"` }

// commandLine makes the command line of a program.
func (s *Session) commandLine(info *CommandInfo, args []argument) (string, error) {
	path := info.Found.Path
	if path == "" {
		path = info.Name
	}
	b := s.newNativeArgs(path)
	args, _ = withBlocks(args)
	for _, a := range args {
		b.add(a)
	}
	line := b.commandLine(path)
	return line, s.fits(int64(len(line)))
}

// lineWriter makes strings of the lines of a program's output.
type lineWriter struct {
	s    *Session
	ctx  context.Context
	to   sink
	rest []byte
	err  error
}

// Write passes on the lines that are whole.
func (w *lineWriter) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	w.rest = append(w.rest, p...)
	for {
		i := bytes.IndexByte(w.rest, '\n')
		if i < 0 {
			break
		}
		line := bytes.TrimSuffix(w.rest[:i], []byte{'\r'})
		w.rest = w.rest[i+1:]
		if w.err = w.to(w.ctx, w.s.decodeOutput(line)); w.err != nil {
			return 0, w.err
		}
	}
	if err := w.s.fits(int64(len(w.rest))); err != nil {
		w.err = err
		return 0, err
	}
	return len(p), nil
}

func (w *lineWriter) finish() error {
	if w.err == nil && len(w.rest) > 0 {
		w.err = w.to(w.ctx, w.s.decodeOutput(bytes.TrimSuffix(w.rest, []byte{'\r'})))
		w.rest = nil
	}
	return w.err
}
