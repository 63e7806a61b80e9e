package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
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
	if s, ok := messages()[code]; ok {
		return s
	}
	return fmt.Sprintf("Unknown error (0x%x)", code)
}

// messages has the texts of the codes that functions of this machine fail with,
// and of those that programs print.
var messages = sync.OnceValue(func() map[uint32]string {
	return map[uint32]string{
		0:                     "The operation completed successfully.",
		ErrorInvalidFunction:  "Incorrect function.",
		ErrorFileNotFound:     "The system cannot find the file specified.",
		ErrorPathNotFound:     "The system cannot find the path specified.",
		4:                     "The system cannot open the file.",
		ErrorAccessDenied:     "Access is denied.",
		ErrorInvalidHandle:    "The handle is invalid.",
		8:                     "Not enough memory resources are available to process this command.",
		11:                    "An attempt was made to load a program with an incorrect format.",
		ErrorInvalidData:      "The data is invalid.",
		ErrorInvalidDrive:     "The system cannot find the drive specified.",
		ErrorCurrentDirectory: "The directory cannot be removed.",
		ErrorNotSameDevice:    "The system cannot move the file to a different disk drive.",
		18:                    "There are no more files.",
		19:                    "The media is write protected.",
		20:                    "The system cannot find the device specified.",
		ErrorNotReady:         "The device is not ready.",
		22:                    "The device does not recognize the command.",
		29:                    "The system cannot write to the specified device.",
		30:                    "The system cannot read from the specified device.",
		31:                    "A device attached to the system is not functioning.",
		ErrorSharingViolation: "The process cannot access the file because it is being used by another process.",
		33:                    "The process cannot access the file because another process has locked a portion of the file.",
		ErrorHandleEOF:        "Reached the end of the file.",
		39:                    "The disk is full.",
		ErrorNotSupported:     "The request is not supported.",
		ErrorBadNetPath:       "The network path was not found.",
		ErrorBadNetName:       "The network name cannot be found.",
		ErrorFileExists:       "The file exists.",
		82:                    "The directory or file cannot be created.",
		ErrorInvalidParameter: "The parameter is incorrect.",
		109:                   "The pipe has been ended.",
		110:                   "The system cannot open the device or file specified.",
		112:                   "There is not enough space on the disk.",
		122:                   "The data area passed to a system call is too small.",
		ErrorInvalidName:      "The filename, directory name, or volume label syntax is incorrect.",
		126:                   "The specified module could not be found.",
		127:                   "The specified procedure could not be found.",
		ErrorDirNotEmpty:      "The directory is not empty.",
		161:                   "The specified path is invalid.",
		ErrorAlreadyExists:    "Cannot create a file when that file already exists.",
		193:                   "%1 is not a valid Win32 application.",
		203:                   "The system could not find the environment option that was entered.",
		ErrorFilenameTooLong:  "The filename or extension is too long.",
		234:                   "More data is available.",
		258:                   "The wait operation timed out.",
		ErrorNoMoreItems:      "No more data is available.",
		ErrorDirectory:        "The directory name is invalid.",
		740:                   "The requested operation requires elevation.",
		995:                   "The I/O operation has been aborted because of either a thread exit or an application request.",
		1010:                  "The configuration registry key is invalid.",
		ErrorKeyDeleted:       "Illegal operation attempted on a registry key that has been marked for deletion.",
		1060:                  "The specified service does not exist as an installed service.",
		1062:                  "The service has not been started.",
		1072:                  "The specified service has been marked for deletion.",
		1073:                  "The specified service already exists.",
		ErrorTooManyLinks:     "An attempt was made to create more links on a file than the file system supports.",
		1223:                  "The operation was canceled by the user.",
		ErrorInvalidOwner:     "This security ID may not be assigned as the owner of this object.",
		ErrorPrivilegeNotHeld: "A required privilege is not held by the client.",
		ErrorNoneMapped:       "No mapping between account names and security IDs was done.",
		1392:                  "The file or directory is corrupted and unreadable.",
		1920:                  "The file cannot be accessed by the system.",
		ErrorCantResolve:      "The name of the file cannot be resolved by the system.",
		ErrorNotReparsePoint:  "The file or directory is not a reparse point.",
	}
})
