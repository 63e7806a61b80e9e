package pslang

// Error is one syntax error as PowerShell reports it.
type Error struct {
	Extent
	// Message is PowerShell's text.
	Message string
	// ID is the FullyQualifiedErrorId.
	ID string
	// Incomplete says that more text could mend it.
	Incomplete bool
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Errors has all syntax errors of a text in the order of the text; there is
// always at least one.
type Errors struct {
	List []*Error
}

// Error implements error: it is the first error's text.
func (e *Errors) Error() string { return e.List[0].Message }
