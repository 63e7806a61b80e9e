// Package ps is the PowerShell engine of casement's in-process shells: values,
// conversions, operators, the evaluator, the pipeline, parameter binding,
// streams, errors, formatting and the host programs powershell (5.1) and pwsh
// (7). The language's text is parsed by package pslang; cmdlets come from
// package pscmd and .NET types from package psnet, both of which only use what
// is exported here.
//
// An [Engine] is made once by [New] from a [Config], which is nothing but data:
// cmdlet descriptors, type descriptors and the names that are refused. It is
// immutable and shared. [Engine.Programs] gives the two programs for the
// machine's table. Each start of one makes a [Session], the state of one
// powershell.exe: scopes, functions, preferences, location, error list.
//
// Start reading at [Session], then eval.go (statements), expr.go, pipeline.go
// (elements push objects into each other), function.go, bind.go, command.go and
// native.go. host.go is the command line and the exit code; check.go looks
// everything up before anything runs; format.go makes text of objects.
//
// # Values
//
// A PowerShell value is a Go value of a fixed set of types:
//
//	nil                       $null
//	bool                      System.Boolean
//	byte int8 int16 uint16    System.Byte SByte Int16 UInt16
//	int32 uint32 int64 uint64 System.Int32 UInt32 Int64 UInt64
//	float32 float64           System.Single Double
//	Decimal *big.Int          System.Decimal Numerics.BigInteger
//	Char                      System.Char (a UTF-16 unit)
//	string                    System.String (UTF-8 here; lengths and indexes are UTF-16)
//	*Array                    T[], ArrayList and List[T]
//	*Bytes                    System.Byte[]
//	*Hashtable                Hashtable and OrderedDictionary ([ordered])
//	*Object                   PSCustomObject and every other .NET object
//	*Extended                 a value of another kind with added members (Add-Member on a string)
//	DateTime TimeSpan Version Guid Enum *Regex *Type
//	*ScriptBlock *ErrorRecord *Exception
//
// Helpers: [ToString], [ToBool], [Session.Cast], [Unwrap], [Enumerate],
// [Equal], [Compare]. Go code never has int: [Int] makes an int32 or int64.
//
// # Cmdlets
//
// A cmdlet is a [Cmdlet] value: names, parameters and one function. The engine
// binds and converts parameters, validates them, knows the common ones, and
// refuses what the descriptor says is refused. A cmdlet without state has
// Process, which is called once for each object of the pipeline (once if there
// is none); one with state has Start, which returns closures:
//
//	var cmdlet = &ps.Cmdlet{
//		Name: "Join-Path",
//		Parameters: []ps.Parameter{
//			{Name: "Path", Type: "string[]", Pos: 1, Mandatory: true, FromPipeline: true, FromProperty: true, Aliases: []string{"PSPath"}},
//			{Name: "ChildPath", Type: "string", Pos: 2, Mandatory: true, AllowEmpty: true, FromProperty: true},
//			{Name: "Credential", Type: "object", Refuse: "there are no other accounts"},
//		},
//		Process: func(ctx context.Context, c *ps.Call) error {
//			for _, p := range c.Strings("Path") {
//				if err := c.Write(ctx, p+`\`+c.String("ChildPath")); err != nil {
//					return err
//				}
//			}
//			return nil
//		},
//	}
//
// Every error that a writer returns must be returned at once: it may be the end
// of the pipeline (Select-Object -First), Stop, or a refusal.
// Non-terminating errors go to [Call.Error]; terminating ones are returned
// ([ErrorRecord] and [Exception] are Go errors).
//
// # Types
//
// A .NET type is a [Type]: members with their overloads as C# would declare
// them. The engine picks the overload, converts the arguments and wraps what
// fails as MethodInvocationException. Several Types of the same name (one of
// the engine, one of psnet) are merged:
//
//	&ps.Type{
//		Name: "System.IO.Path",
//		Members: func() []ps.Member {
//			return []ps.Member{
//				ps.StaticMethod("GetFileName", "string", ps.Sig("string path"), func(ctx context.Context, in *ps.Invoke) (any, error) {
//					return path.Base(in.String(0)), nil
//				}),
//			}
//		},
//	}
//
// # Checking
//
// [machine.Program.Check] of the host programs parses the whole text and looks
// up every command, parameter, type and method before anything runs. Cmdlets
// add their own checks of arguments with Check; members do with
// Member.Refuse. A refusal at run time is a *run.RefusedError ([machine.Refuse])
// that no try or trap of the script can catch. Texts that become known late
// (Invoke-Expression, scripts that the line has written, computed names) are
// checked when they do.
//
// A command, parameter, type or method that is not known is refused and not
// reported as an error of the script, since a module or a newer Windows may
// have it; only paths are beyond doubt. A property that no type here has is
// refused on objects of .NET, and $null on all others.
//
// # Decisions
//
// A Hashtable lists its keys in the order of insertion: the order of .NET
// depends on hash codes of the culture. The console has 80 columns, as that of
// a container's process has, and nobody sees progress bars. Errors go to
// stderr as text also with -EncodedCommand, where Windows wraps them in CLIXML.
// Sorting follows NLS (5.1) and ICU (7) for ASCII and letters with marks.
// Commands that would ask somebody fail as in a session that is not
// interactive. Sessions claim to be 5.1.20348.2849 and 7.4.6.
package ps
