package ps

import (
	"errors"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/pslang"
)

// The ways in which a statement ends without an error of the script. They
// travel as Go errors, and nothing in a script can catch them.
type (
	breakSignal    struct{ label string }
	continueSignal struct{ label string }
	returnSignal   struct{}
	exitSignal     struct{ code int }
	// leaveSignal ends the process at once: nothing of the script runs any more.
	leaveSignal struct{ exitSignal }
	// stopSignal ends the part of a pipeline that stands before an element.
	stopSignal struct{ at *element }
	// limitError ends a step that uses too much.
	limitError string
)

func (breakSignal) Error() string    { return "break" }
func (continueSignal) Error() string { return "continue" }
func (returnSignal) Error() string   { return "return" }
func (exitSignal) Error() string     { return "exit" }
func (l leaveSignal) Unwrap() error  { return l.exitSignal }
func (stopSignal) Error() string     { return "stop" }
func (e limitError) Error() string   { return string(e) }

// isControl reports whether an error is none of the script's: a signal, a
// refusal, the end of the context, a fault of casement.
func isControl(err error) bool {
	var r *ErrorRecord
	var x *Exception
	var m *machine.Error
	return err != nil && !errors.As(err, &r) && !errors.As(err, &x) && !errors.As(err, &m)
}

// Exit is what ends the process at once, as Environment.Exit does: no finally
// block runs, and a script file ends its callers too.
func Exit(code int) error { return leaveSignal{exitSignal{code}} }

// fail makes a terminating error of the engine.
func (s *Session) fail(typ, msg, id string, c Category, target any) *ErrorRecord {
	return NewError(typ, msg, id, c, target)
}

// failAt is fail with a place of its own.
func (s *Session) failAt(at pslang.Extent, typ, msg, id string, c Category, target any) *ErrorRecord {
	r := NewError(typ, msg, id, c, target)
	r.at = at
	return r
}

// netFail is what an exception of .NET becomes where no method was called.
func (s *Session) netFail(typ, msg, id string) *ErrorRecord {
	r := s.fail(tRuntime, msg, id, OperationStopped, nil)
	r.Exception.Inner = NewException(typ, msg)
	return r
}

// record makes the error record of any error that is the script's.
func (s *Session) record(err error) *ErrorRecord {
	var r *ErrorRecord
	if errors.As(err, &r) {
		return r
	}
	x := ToException(err)
	if x.Record != nil {
		return x.Record
	}
	return &ErrorRecord{Exception: x, ID: x.Type, Category: OperationStopped}
}

// errText is the message of an error for use within another one's.
func errText(err error) string {
	var r *ErrorRecord
	if errors.As(err, &r) {
		return r.Message()
	}
	return ToException(err).Message
}

// innermost is the exception that .NET threw inside of what PowerShell made of
// it.
func innermost(err error) *Exception {
	x := ToException(err)
	for x.Inner != nil {
		x = x.Inner
	}
	return x
}

// text is Exception.ToString().
func (e *Exception) text() string {
	s := e.Type + ": " + e.Message
	if e.Inner != nil {
		s += " ---> " + e.Inner.text() + "\r\n   --- End of inner exception stack trace ---"
	}
	return s
}

func (s *Session) typeNotFound(name string) error {
	return s.fail(tRuntime, "Unable to find type ["+name+"].", "TypeNotFound", InvalidOperation, name)
}

// syntaxError is the ParseException of a text.
func (s *Session) syntaxError(err error) error {
	var list *pslang.Errors
	if !errors.As(err, &list) {
		return err
	}
	first := list.List[0]
	text := strings.ReplaceAll(list.Describe(s.edition == Core), "\n", "\r\n")
	r := s.failAt(first.Extent, "System.Management.Automation.ParseException", text, first.ID, ParserError, nil)
	r.syntax = list
	return r
}

// startError is an error of what PowerShell was started with: of its text, the
// host shows the exception that the parser's errors are carried in.
func startError(err error) error {
	if r, ok := err.(*ErrorRecord); ok && r.syntax != nil {
		r.Reason = "ParentContainsErrorRecordException"
	}
	return err
}
