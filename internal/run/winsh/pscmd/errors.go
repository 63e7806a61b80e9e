package pscmd

import (
	"context"
	"errors"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// Types of exceptions that several cmdlets throw.
const (
	argumentException        = "System.ArgumentException"
	argumentNullException    = "System.ArgumentNullException"
	invalidOperation         = "System.InvalidOperationException"
	notSupported             = "System.NotSupportedException"
	ioException              = "System.IO.IOException"
	fileNotFound             = "System.IO.FileNotFoundException"
	directoryNotFound        = "System.IO.DirectoryNotFoundException"
	unauthorized             = "System.UnauthorizedAccessException"
	securityException        = "System.Security.SecurityException"
	psArgument               = "System.Management.Automation.PSArgumentException"
	psInvalidOperation       = "System.Management.Automation.PSInvalidOperationException"
	psNotSupported           = "System.Management.Automation.PSNotSupportedException"
	itemNotFound             = "System.Management.Automation.ItemNotFoundException"
	driveNotFound            = "System.Management.Automation.DriveNotFoundException"
	runtimeException         = "System.Management.Automation.RuntimeException"
	sessionStateUnauthorized = "System.Management.Automation.SessionStateUnauthorizedAccessException"
)

// fatal reports whether an error is not one that Windows would report, but the
// end of the pipeline or of the whole step.
func fatal(err error) bool {
	var record *ps.ErrorRecord
	var exception *ps.Exception
	var win *machine.Error
	return !errors.As(err, &record) && !errors.As(err, &exception) && !errors.As(err, &win) ||
		refused(err)
}

func refused(err error) bool {
	var r *run.RefusedError
	return errors.As(err, &r)
}

// report writes an error that does not end the cmdlet. Errors of the machine
// become exceptions of .NET.
func report(ctx context.Context, c *ps.Call, err error) error {
	return reportAs(ctx, c, err, "", ps.NotSpecified, nil)
}

// reportAs is report with what the record says if the error has none of its own.
func reportAs(ctx context.Context, c *ps.Call, err error, id string, cat ps.Category, target any) error {
	if fatal(err) {
		return err
	}
	if id == "" {
		id = ps.ToException(err).Type
	}
	return c.Error(ctx, ps.Record(err, id, cat, target))
}

// thrown is the record of an exception that ends a cmdlet: its id is its type.
func thrown(err error) error {
	if fatal(err) {
		return err
	}
	return ps.Record(err, ps.ToException(err).Type, ps.NotSpecified, nil)
}

// fileError says how a provider's method reports errors of the file system: the
// id is made of a stem and what went wrong.
type fileError struct {
	stem     string
	category ps.Category
	target   any
}

// report writes the error: access that was denied as xUnauthorizedAccessError,
// the rest as xIOError.
func (f fileError) report(ctx context.Context, c *ps.Call, err error) error {
	if denied(err) {
		return reportAs(ctx, c, err, f.stem+"UnauthorizedAccessError", ps.PermissionDenied, f.target)
	}
	return reportAs(ctx, c, err, f.stem+"IOError", f.category, f.target)
}

func denied(err error) bool { return machine.CodeOf(err) == machine.ErrorAccessDenied }
