package machine

import (
	"errors"
	"fmt"
	"io/fs"
)

// Error is what a Windows function fails with.
type Error struct {
	Op   string // "open"
	Path string
	Code uint32 // Win32: 2 file not found, 3 path not found, 5 access denied, 32 …
	Err  error  // a cause beyond the code; may be nil
}

// Error is "open C:\x: The system cannot find the file specified."
func (e *Error) Error() string {
	s := e.Message()
	if e.Path != "" {
		s = e.Path + ": " + s
	}
	if e.Op != "" {
		s = e.Op + " " + s
	}
	if e.Err != nil {
		s += " (" + e.Err.Error() + ")"
	}
	return s
}

// Message is the text that FormatMessage has for the code, with its full stop.
func (e *Error) Message() string { return MessageFor(e.Code) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes the error match fs.ErrNotExist, fs.ErrExist, fs.ErrPermission.
func (e *Error) Is(target error) bool {
	switch target {
	case fs.ErrNotExist:
		switch e.Code {
		case ErrorFileNotFound, ErrorPathNotFound, ErrorInvalidDrive, ErrorBadNetPath, ErrorBadNetName:
			return true
		}
	case fs.ErrExist:
		switch e.Code {
		case ErrorFileExists, ErrorAlreadyExists, ErrorDirNotEmpty:
			return true
		}
	case fs.ErrPermission:
		return e.Code == ErrorAccessDenied || e.Code == ErrorPrivilegeNotHeld
	}
	return false
}

// CodeOf returns the Win32 code of an error, and 0 if it has none.
func CodeOf(err error) uint32 {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// Win32 codes that programs ask about.
const (
	ErrorInvalidFunction  = 1
	ErrorFileNotFound     = 2
	ErrorPathNotFound     = 3
	ErrorAccessDenied     = 5
	ErrorInvalidHandle    = 6
	ErrorInvalidData      = 13
	ErrorInvalidDrive     = 15
	ErrorCurrentDirectory = 16
	ErrorNotSameDevice    = 17
	ErrorNotReady         = 21
	ErrorSharingViolation = 32
	ErrorHandleEOF        = 38
	ErrorNotSupported     = 50
	ErrorBadNetPath       = 53
	ErrorBadNetName       = 67
	ErrorFileExists       = 80
	ErrorInvalidParameter = 87
	ErrorInvalidName      = 123
	ErrorDirNotEmpty      = 145
	ErrorAlreadyExists    = 183
	ErrorFilenameTooLong  = 206
	ErrorNoMoreItems      = 259
	ErrorDirectory        = 267
	ErrorKeyDeleted       = 1018
	ErrorTooManyLinks     = 1142
	ErrorInvalidOwner     = 1307
	ErrorPrivilegeNotHeld = 1314
	ErrorNoneMapped       = 1332
	ErrorCantResolve      = 1921
	ErrorNotReparsePoint  = 4390
)

// MessageFor returns the system's text for a Win32 code.
func MessageFor(code uint32) string {
	if s := messages(code); s != "" {
		return s
	}
	return fmt.Sprintf("Unknown error (0x%x)", code)
}

func messages(code uint32) string {
	switch code {
	case 0:
		return "The operation completed successfully."
	case ErrorInvalidFunction:
		return "Incorrect function."
	case ErrorFileNotFound:
		return "The system cannot find the file specified."
	case ErrorPathNotFound:
		return "The system cannot find the path specified."
	case 4:
		return "The system cannot open the file."
	case ErrorAccessDenied:
		return "Access is denied."
	case ErrorInvalidHandle:
		return "The handle is invalid."
	case 8:
		return "Not enough memory resources are available to process this command."
	case 11:
		return "An attempt was made to load a program with an incorrect format."
	case ErrorInvalidData:
		return "The data is invalid."
	case ErrorInvalidDrive:
		return "The system cannot find the drive specified."
	case ErrorCurrentDirectory:
		return "The directory cannot be removed."
	case ErrorNotSameDevice:
		return "The system cannot move the file to a different disk drive."
	case 18:
		return "There are no more files."
	case 19:
		return "The media is write protected."
	case 20:
		return "The system cannot find the device specified."
	case ErrorNotReady:
		return "The device is not ready."
	case 22:
		return "The device does not recognize the command."
	case 29:
		return "The system cannot write to the specified device."
	case 30:
		return "The system cannot read from the specified device."
	case 31:
		return "A device attached to the system is not functioning."
	case ErrorSharingViolation:
		return "The process cannot access the file because it is being used by another process."
	case 33:
		return "The process cannot access the file because another process has locked a portion of the file."
	case ErrorHandleEOF:
		return "Reached the end of the file."
	case 39:
		return "The disk is full."
	}
	return laterMessages(code)
}

func laterMessages(code uint32) string {
	switch code {
	case ErrorNotSupported:
		return "The request is not supported."
	case ErrorBadNetPath:
		return "The network path was not found."
	case ErrorBadNetName:
		return "The network name cannot be found."
	case ErrorFileExists:
		return "The file exists."
	case 82:
		return "The directory or file cannot be created."
	case ErrorInvalidParameter:
		return "The parameter is incorrect."
	case 109:
		return "The pipe has been ended."
	case 110:
		return "The system cannot open the device or file specified."
	case 112:
		return "There is not enough space on the disk."
	case 122:
		return "The data area passed to a system call is too small."
	case ErrorInvalidName:
		return "The filename, directory name, or volume label syntax is incorrect."
	case 126:
		return "The specified module could not be found."
	case 127:
		return "The specified procedure could not be found."
	case ErrorDirNotEmpty:
		return "The directory is not empty."
	case 161:
		return "The specified path is invalid."
	case ErrorAlreadyExists:
		return "Cannot create a file when that file already exists."
	case 193:
		return "%1 is not a valid Win32 application."
	case 203:
		return "The system could not find the environment option that was entered."
	case ErrorFilenameTooLong:
		return "The filename or extension is too long."
	case 234:
		return "More data is available."
	case 258:
		return "The wait operation timed out."
	case ErrorNoMoreItems:
		return "No more data is available."
	case ErrorDirectory:
		return "The directory name is invalid."
	}
	return highMessages(code)
}

func highMessages(code uint32) string {
	switch code {
	case 740:
		return "The requested operation requires elevation."
	case 995:
		return "The I/O operation has been aborted because of either a thread exit or an application request."
	case 1010:
		return "The configuration registry key is invalid."
	case ErrorKeyDeleted:
		return "Illegal operation attempted on a registry key that has been marked for deletion."
	case 1060:
		return "The specified service does not exist as an installed service."
	case 1062:
		return "The service has not been started."
	case 1072:
		return "The specified service has been marked for deletion."
	case 1073:
		return "The specified service already exists."
	case ErrorTooManyLinks:
		return "An attempt was made to create more links on a file than the file system supports."
	case 1223:
		return "The operation was canceled by the user."
	case ErrorInvalidOwner:
		return "This security ID may not be assigned as the owner of this object."
	case ErrorPrivilegeNotHeld:
		return "A required privilege is not held by the client."
	case ErrorNoneMapped:
		return "No mapping between account names and security IDs was done."
	case 1392:
		return "The file or directory is corrupted and unreadable."
	case 1920:
		return "The file cannot be accessed by the system."
	case ErrorCantResolve:
		return "The name of the file cannot be resolved by the system."
	case ErrorNotReparsePoint:
		return "The file or directory is not a reparse point."
	}
	return ""
}
