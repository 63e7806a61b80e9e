package pslang

// Node is a part of a parsed text. All nodes are pointers to structs that
// embed an [Extent]; a tree is immutable once it is parsed, so several
// goroutines may read it.
type Node interface {
	// At says where the node stands.
	At() Extent
}

// Statement is a node that stands in a list of statements, between the
// parentheses of an if, or on the right of an assignment:
//
//	*ExpressionStatement *Pipeline *Chain *Assignment
//	*If *While *DoWhile *For *ForEach *Switch *Try *Trap
//	*Break *Continue *Return *Exit *Throw
//	*Function *Using *Unsupported
type Statement interface {
	Node
	statement()
}

// Expression is a node that has a value:
//
//	*Number *String *Expandable *Variable *Type *ScriptBlockExpression
//	*Unary *Binary *Ternary *Cast *Attributed
//	*Member *Invoke *Index
//	*List *Array *Hashtable *Paren *SubExpression
type Expression interface {
	Node
	expression()
}

// Argument is an element of a command behind its name: any [Expression]
// (a [*Variable] with Splat set is a splatted one), a [*Parameter], a
// [*EndOfParameters] or a [*Verbatim].
type Argument interface {
	Node
	argument()
}

// Element is a stage of a pipeline: a [*Command] or an [*ExpressionElement].
type Element interface {
	Node
	element()
}

// ScriptBlock is a whole text, the body of a function, or a { block }.
type ScriptBlock struct {
	Extent
	// Using has the using statements at the top of a text.
	Using []*Using
	// Requires has the #requires lines of a text.
	Requires []*Requires
	// Attributes are those before param, such as [CmdletBinding()].
	Attributes []*Attribute
	// HasParam says whether there is a param block or, for a function, a list
	// of parameters behind the name, even an empty one.
	HasParam bool
	Params   []*ParamDecl
	// The named blocks; nil where there is none. A body without named blocks
	// is the End block, or the Process block of a filter. Clean is of 7.3.
	Dynamic, Begin, Process, End, Clean *Block
	// Named says whether the blocks carry their names.
	Named bool
}

// Block is a list of statements. Traps apply to the whole block wherever they
// stand in it, and are kept apart from the statements.
type Block struct {
	Extent
	Statements []Statement
	Traps      []*Trap
}

// Requires is one #requires line.
type Requires struct {
	Extent
	// Args is what follows the word, as written.
	Args string
}

// ParamDecl declares a parameter in a param block or a parameter list.
type ParamDecl struct {
	Extent
	// Name has neither scope nor sigil.
	Name *Variable
	// Attributes and type constraints, each in the order they are written.
	// The rightmost type comes last and is the parameter's static type.
	Attributes []*Attribute
	Types      []*TypeName
	// Default is the value of a parameter that is not bound, or nil.
	Default Expression
}

// Attribute is [Name(positional, Name = value)].
type Attribute struct {
	Extent
	Type       *TypeName
	Positional []Expression
	Named      []NamedArgument
}

// NamedArgument is Name = value in an attribute. Value is nil for a bare Name,
// which means $true.
type NamedArgument struct {
	Extent
	Name  string
	Value Expression
}

// TypeName is the name of a type between brackets. [int[]] has the name "int"
// and the ranks {1}; [Collections.Generic.List[string][,]] has one argument
// and the ranks {2}.
type TypeName struct {
	Extent
	// Name is as written, without arguments, ranks and assembly; a generic
	// type's may carry its arity ("List`1").
	Name string
	// Key is Name in lower case.
	Key string
	// Assembly is what follows the comma of an assembly-qualified name.
	Assembly string
	// Args are the arguments of a generic type.
	Args []*TypeName
	// Ranks has the number of dimensions of each array level, the innermost
	// (leftmost) first.
	Ranks []int
}

// ---- Statements ----

// ExpressionStatement is a pipeline that is nothing but an expression without
// redirections. Its values go to the output.
type ExpressionStatement struct {
	Extent
	X Expression
}

// Pipeline is one command or more stages joined by |.
type Pipeline struct {
	Extent
	Elements []Element
	// Background is set for a pipeline with & behind it (PowerShell 7).
	Background bool
}

// ExpressionElement is an expression as a stage of a pipeline; only the first
// stage can be one.
type ExpressionElement struct {
	Extent
	X            Expression
	Redirections []*Redirection
}

// Chain is left && right or left || right (PowerShell 7). Chains lean to the
// left: a && b || c is (a && b) || c.
type Chain struct {
	Extent
	Left, Right Statement
	// And tells && from ||.
	And        bool
	Background bool
}

// Assignment is target = value. As a statement it has no output; between
// parentheses its value is what was assigned.
type Assignment struct {
	Extent
	// Target is a *Variable, *Member, *Index, a *Cast or *Attributed one of
	// those, a *List of targets, or a *Paren around a target.
	Target Expression
	// Op is OpNone for =, else the operator before the = sign.
	Op Op
	// OpAt is where the operator stands.
	OpAt  Extent
	Value Statement
}

// If is if, elseif and else.
type If struct {
	Extent
	Clauses []IfClause
	Else    *Block
}

// IfClause is one condition and its body.
type IfClause struct {
	Cond Statement
	Body *Block
}

// While is while (cond) { body }.
type While struct {
	Extent
	// Label has no colon; "" for none.
	Label string
	Cond  Statement
	Body  *Block
}

// DoWhile is do { body } while (cond), or until (cond).
type DoWhile struct {
	Extent
	Label string
	Body  *Block
	Cond  Statement
	Until bool
}

// For is for (init; cond; next) { body }, each part of which may be nil.
type For struct {
	Extent
	Label            string
	Init, Cond, Next Statement
	Body             *Block
}

// ForEach is foreach ($var in value) { body }.
type ForEach struct {
	Extent
	Label string
	Var   *Variable
	In    Statement
	Body  *Block
	// Parallel is set for foreach -parallel, which only workflows may use.
	Parallel bool
}

// SwitchMode says how a switch compares.
type SwitchMode uint8

// The modes of a switch.
const (
	SwitchExact SwitchMode = iota
	SwitchWildcard
	SwitchRegex
)

// Switch is switch (subject) { pattern { body } … default { body } }.
type Switch struct {
	Extent
	Label         string
	Mode          SwitchMode
	CaseSensitive bool
	// Parallel is set for -parallel, which only workflows may use.
	Parallel bool
	// Subject is between the parentheses; File is set instead for -File.
	Subject Statement
	File    Expression
	Cases   []SwitchCase
	Default *Block
}

// SwitchCase is one pattern (a [*ScriptBlockExpression] is a condition) and
// what it does.
type SwitchCase struct {
	Pattern Expression
	Body    *Block
}

// Try is try { } catch [type] { } finally { }.
type Try struct {
	Extent
	Body    *Block
	Catches []*Catch
	Finally *Block
}

// Catch is one catch block. Without types it catches everything.
type Catch struct {
	Extent
	Types []*TypeName
	Body  *Block
}

// Trap is trap [type] { body }. Type is nil where there is none. It stands in
// [Block].Traps, not among the statements.
type Trap struct {
	Extent
	Type *TypeName
	Body *Block
}

// Break is break with a label, which is an expression ("" is nil).
type Break struct {
	Extent
	Label Expression
}

// Continue is continue with a label, as in [Break].
type Continue struct {
	Extent
	Label Expression
}

// Return is return with a value, which may be nil.
type Return struct {
	Extent
	Value Statement
}

// Exit is exit with a value, which may be nil.
type Exit struct {
	Extent
	Value Statement
}

// Throw is throw with a value, which may be nil.
type Throw struct {
	Extent
	Value Statement
}

// Function defines a function or a filter.
type Function struct {
	Extent
	// Scope is the qualifier of the name: ScopeNone, ScopeGlobal, ScopeLocal,
	// ScopeScript or ScopePrivate.
	Scope Scope
	// Name has no scope.
	Name   string
	Filter bool
	// Body has the parameters too, wherever they are written.
	Body *ScriptBlock
}

// Using is using namespace X, using module X or using assembly X.
type Using struct {
	Extent
	// Kind is the second word in lower case; "command" and "type" are reserved.
	Kind string
	// Name is what is used; Alias is set for using … Alias = Name.
	Name, Alias string
}

// Unsupported is a statement of the language that is understood only as far
// as finding its end: class, enum, interface, workflow, configuration, data,
// parallel, sequence, inlinescript. An evaluator refuses it.
type Unsupported struct {
	Extent
	// Keyword is the first word in lower case.
	Keyword string
	// Name is the name of what is defined, or "".
	Name string
}

// ---- Expressions ----

// Number is a literal number.
type Number struct {
	Extent
	// Value is an int32, int64, float64 or [Decimal]; with PowerShell 7 also an
	// int8, uint8, int16, uint16, uint32, uint64 or *big.Int. As an argument
	// of a program, a number is passed as it was written (At().Text()).
	Value any
}

// Quote says how a string is written.
type Quote uint8

// The ways to write a string.
const (
	QuoteBare   Quote = iota // a bare word
	QuoteSingle              // '…'
	QuoteDouble              // "…"
	QuoteHereSingle
	QuoteHereDouble
)

// String is a string that is known when the text is parsed. Escapes are
// resolved and doubled quotes single.
type String struct {
	Extent
	Value string
	Quote Quote
}

// Expandable is a string, or a bare word, with values in it. Parts are
// *String, *Variable and *SubExpression, in bare words any expression; what
// each gives is converted to a string, with $OFS between the elements of
// collections, and all are joined.
type Expandable struct {
	Extent
	Parts []Expression
	Quote Quote
}

// Scope is the qualifier before the colon of a variable's name.
type Scope uint8

// The scopes.
const (
	ScopeNone Scope = iota
	ScopeGlobal
	ScopeLocal
	ScopeScript
	ScopePrivate
	ScopeUsing
	ScopeWorkflow
	// ScopeDrive is a name on a drive, such as $env:PATH or ${C:\file}.
	ScopeDrive
)

// Variable is a variable, or an item on a drive written as one.
type Variable struct {
	Extent
	Scope Scope
	// Drive is set with ScopeDrive, in lower case: "env", "function", "c".
	Drive string
	// Name is as written, without scope and drive, escapes resolved. The
	// special ones are "_", "?", "^", "$".
	Name string
	// Key is Name in lower case, for look-up.
	Key string
	// Splat is set for @name, which only commands have as arguments.
	Splat bool
}

// Type is [name] as a value, or as what stands left of ::.
type Type struct {
	Extent
	Name *TypeName
}

// ScriptBlockExpression is { … } as a value.
type ScriptBlockExpression struct {
	Extent
	Body *ScriptBlock
}

// Unary is an operator with one operand. The unary comma is a [*List] of one.
type Unary struct {
	Extent
	Op Op
	// CaseSensitive is set for -csplit.
	CaseSensitive bool
	OpAt          Extent
	X             Expression
}

// Binary is an operator with two operands.
type Binary struct {
	Extent
	Op Op
	// CaseSensitive is set for -ceq, -cmatch and their kind.
	CaseSensitive bool
	OpAt          Extent
	X, Y          Expression
}

// Ternary is cond ? then : else (PowerShell 7).
type Ternary struct {
	Extent
	Cond, Then, Else Expression
}

// Cast is [type] expression.
type Cast struct {
	Extent
	Type *TypeName
	X    Expression
}

// Attributed is an attribute before a variable that is assigned to, such as
// [ValidateRange(1,5)] $x = 3.
type Attributed struct {
	Extent
	Attribute *Attribute
	X         Expression
}

// Member is x.name or x::name.
type Member struct {
	Extent
	X Expression
	// Name is a bare *String for a plain name, else any expression.
	Name Expression
	// Static tells :: from the dot.
	Static bool
	// NullConditional is set for x?.name (PowerShell 7).
	NullConditional bool
}

// Invoke is x.name(args) or x::name(args). It covers x.foreach{ } and
// x.where{ } too, whose block is the only argument.
type Invoke struct {
	Extent
	X               Expression
	Name            Expression
	Static          bool
	NullConditional bool
	// TypeArgs are those of x.name[types](args) (PowerShell 7.3).
	TypeArgs []*TypeName
	Args     []Expression
}

// Index is x[index]; several indices are a [*List].
type Index struct {
	Extent
	X, Index Expression
	// NullConditional is set for x?[index] (PowerShell 7).
	NullConditional bool
}

// List is a, b, c or , a: the values become the elements of an array.
type List struct {
	Extent
	Items []Expression
}

// Array is @( … ): the output of its statements as an array.
type Array struct {
	Extent
	Body *Block
}

// Hashtable is @{ key = value … }.
type Hashtable struct {
	Extent
	Pairs []Pair
}

// Pair is one entry of a hashtable. A bare key is a *String or, when it looks
// like one, a *Number.
type Pair struct {
	Key   Expression
	Value Statement
}

// Paren is ( statement ). X is an *ExpressionStatement, *Pipeline, *Chain or
// *Assignment.
type Paren struct {
	Extent
	X Statement
}

// SubExpression is $( … ): the output of its statements.
type SubExpression struct {
	Extent
	Body *Block
}
