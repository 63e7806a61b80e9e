package ps

import (
	"context"
)

// Stream is the number of an output stream.
type Stream byte

// The streams.
const (
	StreamOutput      Stream = 1
	StreamError       Stream = 2
	StreamWarning     Stream = 3
	StreamVerbose     Stream = 4
	StreamDebug       Stream = 5
	StreamInformation Stream = 6
)

// streams are the sinks of the streams 2 to 6; nil is the host.
type streams [7]sink

// emit writes a record to a stream.
func (s *Session) emit(ctx context.Context, n Stream, v any) error {
	if to := s.streams[n]; to != nil {
		return to(ctx, v)
	}
	return s.host.show(ctx, n, v)
}

// messageRecord is a WarningRecord, VerboseRecord or DebugRecord.
type messageRecord struct{ text string }

// hostMessage is what Write-Host writes to the information stream.
type hostMessage struct {
	text      string
	noNewline bool
}

// information is an InformationRecord.
type information struct {
	data any
	tags []string
	s    *Session
	// shown says that the host has shown it already (Write-Host).
	host bool
}

func (s *Session) messageObject(n Stream, text string) any {
	name := map[Stream]string{StreamWarning: "WarningRecord", StreamVerbose: "VerboseRecord", StreamDebug: "DebugRecord"}[n]
	return s.Object("System.Management.Automation."+name, messageRecord{text})
}

// message writes to the warning, verbose or debug stream as a preference says.
func (s *Session) message(ctx context.Context, n Stream, text, preference string) error {
	switch preference {
	case "SilentlyContinue", "Ignore":
		return nil
	case "Stop":
		name := map[Stream]string{StreamWarning: "WarningPreference", StreamVerbose: "VerbosePreference", StreamDebug: "DebugPreference"}[n]
		r := s.fail("System.Management.Automation.ActionPreferenceStopException",
			`The running command stopped because the preference variable "`+name+`" or common parameter is set to Stop: `+text, "ActionPreferenceStop", OperationStopped, nil)
		r.final = true
		if err := s.emit(ctx, n, s.messageObject(n, text)); err != nil {
			return err
		}
		return r
	}
	return s.emit(ctx, n, s.messageObject(n, text))
}

func messageMembers() []Member {
	return []Member{
		Prop("Message", "string", func(_ context.Context, in *Invoke) (any, error) { return in.Data().(messageRecord).text, nil }),
	}
}

func messageText(v any) string { return v.(*Object).Data.(messageRecord).text }

func hostMessageMembers() []Member {
	return []Member{
		Prop("Message", "string", func(_ context.Context, in *Invoke) (any, error) { return in.Data().(hostMessage).text, nil }),
		Prop("NoNewLine", "bool", func(_ context.Context, in *Invoke) (any, error) { return in.Data().(hostMessage).noNewline, nil }),
	}
}

func hostMessageText(v any) string { return v.(*Object).Data.(hostMessage).text }

// String is the text of the data.
func (i *information) String() string { return i.s.ToString(i.data) }

func informationMembers() []Member {
	of := func(in *Invoke) *information { return in.Data().(*information) }
	return []Member{
		Prop("MessageData", "object", func(_ context.Context, in *Invoke) (any, error) { return of(in).data, nil }),
		Prop("Tags", "string[]", func(_ context.Context, in *Invoke) (any, error) { return Strings(of(in).tags), nil }),
	}
}
