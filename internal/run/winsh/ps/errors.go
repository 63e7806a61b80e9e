package ps

import (
	"errors"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/pslang"
)

// Category is an ErrorCategory by its name.
type Category string

// Categories of errors.
const (
	NotSpecified        Category = "NotSpecified"
	OpenError           Category = "OpenError"
	CloseError          Category = "CloseError"
	DeviceError         Category = "DeviceError"
	DeadlockDetected    Category = "DeadlockDetected"
	InvalidArgument     Category = "InvalidArgument"
	InvalidData         Category = "InvalidData"
	InvalidOperation    Category = "InvalidOperation"
	InvalidResult       Category = "InvalidResult"
	InvalidType         Category = "InvalidType"
	MetadataError       Category = "MetadataError"
	NotImplemented      Category = "NotImplemented"
	NotInstalled        Category = "NotInstalled"
	ObjectNotFound      Category = "ObjectNotFound"
	OperationStopped    Category = "OperationStopped"
	OperationTimeout    Category = "OperationTimeout"
	SyntaxError         Category = "SyntaxError"
	ParserError         Category = "ParserError"
	PermissionDenied    Category = "PermissionDenied"
	ResourceBusy        Category = "ResourceBusy"
	ResourceExists      Category = "ResourceExists"
	ResourceUnavailable Category = "ResourceUnavailable"
	ReadError           Category = "ReadError"
	WriteError          Category = "WriteError"
	FromStdErr          Category = "FromStdErr"
	SecurityError       Category = "SecurityError"
	ProtocolError       Category = "ProtocolError"
	ConnectionError     Category = "ConnectionError"
	AuthenticationError Category = "AuthenticationError"
	LimitsExceeded      Category = "LimitsExceeded"
	QuotaExceeded       Category = "QuotaExceeded"
	NotEnabled          Category = "NotEnabled"
)

// Exception is a .NET exception. As a Go error it is what a .NET member or a
// cmdlet fails with; the engine makes an ErrorRecord of it.
type Exception struct {
	Type    string // "System.IO.FileNotFoundException"
	Message string
	Inner   *Exception
	HResult int32
	// Record is the record that the exception carries (RuntimeException and its
	// kin), or nil.
	Record *ErrorRecord
	// Data has what types with more properties need ("FileName", "Response").
	Data map[string]any
	// thrown says that a throw statement threw it; only those of PowerShell
	// remember.
	thrown bool
	Extra
}

// NewException makes an exception.
func NewException(typ, message string) *Exception { return &Exception{Type: typ, Message: message} }

// Error implements error.
func (e *Exception) Error() string { return e.Message }

// ErrorRecord is a PowerShell error. As a Go error it is a terminating one.
type ErrorRecord struct {
	Exception *Exception
	Category  Category
	// ID is the FullyQualifiedErrorId without the command's part
	// ("PathNotFound"); the engine adds ",Microsoft.PowerShell.Commands.XCommand"
	// for errors of cmdlets.
	ID string
	// Target is the TargetObject.
	Target any
	// Details replaces the message in displays; Recommended is its action.
	Details, Recommended string
	// The fields of CategoryInfo that differ from what is derived.
	Activity, Reason, TargetName, TargetType string

	// command is the class of the cmdlet, which the full id ends with.
	// called is the InvocationName of the command.
	command, called string
	// at is where it happened, and stack the ScriptStackTrace.
	at    pslang.Extent
	stack string
	// logged says that it is in $Error; thrown that it comes from throw; final
	// that no statement may go on after it; native that a program wrote it to
	// its stderr.
	logged, thrown, final, native bool
	// leaves is the function that ThrowTerminatingError ends.
	leaves *functionStage
	// origin is the command that displays put in front of the message, where it
	// is not the activity; noPlace leaves out where it happened.
	origin  string
	noPlace bool
	// syntax has the errors of a text that does not parse.
	syntax *pslang.Errors
	Extra
}

// Error implements error.
func (r *ErrorRecord) Error() string { return r.Message() }

// Message is the text that displays of the record show.
func (r *ErrorRecord) Message() string {
	if r.Details != "" {
		return r.Details
	}
	if r.Exception == nil {
		return ""
	}
	return r.Exception.Message
}

// NewError makes a record: id is the FullyQualifiedErrorId without the command.
func NewError(typ, message, id string, c Category, target any) *ErrorRecord {
	return &ErrorRecord{Exception: NewException(typ, message), ID: id, Category: c, Target: target}
}

// Record makes an ErrorRecord of any Go error: the record itself, that of an
// exception, what .NET would say of an error of the machine.
func Record(err error, id string, c Category, target any) *ErrorRecord {
	var r *ErrorRecord
	if errors.As(err, &r) {
		return r
	}
	return &ErrorRecord{Exception: ToException(err), ID: id, Category: c, Target: target}
}

// ToException makes the exception that .NET would throw for an error: an
// exception as it is, a *[machine.Error] as FileNotFoundException,
// DirectoryNotFoundException, UnauthorizedAccessException or IOException with
// .NET's message for the path.
func ToException(err error) *Exception {
	var x *Exception
	if errors.As(err, &x) {
		return x
	}
	var r *ErrorRecord
	if errors.As(err, &r) {
		return r.Exception
	}
	var m *machine.Error
	if errors.As(err, &m) {
		return machineException(m)
	}
	return NewException("System.Exception", err.Error())
}

func machineException(m *machine.Error) *Exception {
	hr := int32(uint32(0x80070000) | m.Code&0xffff)
	x := &Exception{HResult: hr}
	switch m.Code {
	case machine.ErrorFileNotFound:
		x.Type, x.Message = "System.IO.FileNotFoundException", "Could not find file '"+m.Path+"'."
		x.Data = map[string]any{"FileName": m.Path}
	case machine.ErrorPathNotFound:
		x.Type, x.Message = "System.IO.DirectoryNotFoundException", "Could not find a part of the path '"+m.Path+"'."
	case machine.ErrorAccessDenied:
		x.Type, x.Message = "System.UnauthorizedAccessException", "Access to the path '"+m.Path+"' is denied."
	case machine.ErrorNotReady:
		x.Type, x.Message = "System.IO.DriveNotFoundException", "Could not find the drive '"+m.Path+"'. The drive might not be ready or might not be mapped."
	case machine.ErrorFileExists:
		x.Type, x.Message = "System.IO.IOException", "The file '"+m.Path+"' already exists."
	case machine.ErrorAlreadyExists:
		x.Type, x.Message = "System.IO.IOException", "Cannot create '"+m.Path+"' because a file or directory with the same name already exists."
	case machine.ErrorSharingViolation:
		x.Type, x.Message = "System.IO.IOException", "The process cannot access the file '"+m.Path+"' because it is being used by another process."
	case machine.ErrorDirNotEmpty:
		x.Type, x.Message = "System.IO.IOException", "The directory is not empty."
	default:
		x.Type, x.Message = "System.IO.IOException", m.Message()
	}
	return x
}
