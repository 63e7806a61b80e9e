package pslang

// Call says how a command is called.
type Call uint8

// The ways to call a command.
const (
	// CallName is a command by its bare name.
	CallName Call = iota
	// CallAmpersand is & command.
	CallAmpersand
	// CallDot is . command, which runs in the caller's scope.
	CallDot
)

// Command is one command of a pipeline.
type Command struct {
	Extent
	Call Call
	// Name is a bare *String for a literal name. With & and . it may be any
	// expression: a *Variable, a *ScriptBlockExpression, a quoted *String …
	Name         Expression
	Args         []Argument
	Redirections []*Redirection
}

// Parameter is -Name or -Name:value in a command.
type Parameter struct {
	Extent
	// Name has neither dash nor colon.
	Name string
	// Colon says whether a colon follows the name at once.
	Colon bool
	// Value is the argument behind the colon, even behind a blank. Other
	// arguments are arguments of their own, also where no blank stands before
	// them: the extents say so.
	Value Expression
}

// EndOfParameters is the first -- of a command: nothing behind it is a
// parameter. Programs get it as an argument, cmdlets do not.
type EndOfParameters struct{ Extent }

// Verbatim is --% with the rest of the line, which goes to a program as it is,
// but for %NAME%.
type Verbatim struct {
	Extent
	// Rest is the text behind --%.
	Rest string
}

// Redirection sends a stream elsewhere.
type Redirection struct {
	Extent
	// From is the number of the stream, 1 to 6, or 0 for all of them (*>).
	From int
	// To is the stream that From is merged into, or 0 where File is set. Only
	// 1 exists in practice; 2 comes from the reserved 1>&2.
	To     int
	Append bool
	File   Expression
}
