package pslang

// The marker methods say which node may stand where.

func (*ExpressionStatement) statement() {}
func (*Pipeline) statement()            {}
func (*Chain) statement()               {}
func (*Assignment) statement()          {}
func (*If) statement()                  {}
func (*While) statement()               {}
func (*DoWhile) statement()             {}
func (*For) statement()                 {}
func (*ForEach) statement()             {}
func (*Switch) statement()              {}
func (*Try) statement()                 {}
func (*Trap) statement()                {}
func (*Break) statement()               {}
func (*Continue) statement()            {}
func (*Return) statement()              {}
func (*Exit) statement()                {}
func (*Throw) statement()               {}
func (*Function) statement()            {}
func (*Using) statement()               {}
func (*Unsupported) statement()         {}

func (*Command) element()           {}
func (*ExpressionElement) element() {}

func (*Parameter) argument()       {}
func (*EndOfParameters) argument() {}
func (*Verbatim) argument()        {}

func (*Number) expression()                {}
func (*String) expression()                {}
func (*Expandable) expression()            {}
func (*Variable) expression()              {}
func (*Type) expression()                  {}
func (*ScriptBlockExpression) expression() {}
func (*Unary) expression()                 {}
func (*Binary) expression()                {}
func (*Ternary) expression()               {}
func (*Cast) expression()                  {}
func (*Attributed) expression()            {}
func (*Member) expression()                {}
func (*Invoke) expression()                {}
func (*Index) expression()                 {}
func (*List) expression()                  {}
func (*Array) expression()                 {}
func (*Hashtable) expression()             {}
func (*Paren) expression()                 {}
func (*SubExpression) expression()         {}

func (*Number) argument()                {}
func (*String) argument()                {}
func (*Expandable) argument()            {}
func (*Variable) argument()              {}
func (*Type) argument()                  {}
func (*ScriptBlockExpression) argument() {}
func (*Unary) argument()                 {}
func (*Binary) argument()                {}
func (*Ternary) argument()               {}
func (*Cast) argument()                  {}
func (*Attributed) argument()            {}
func (*Member) argument()                {}
func (*Invoke) argument()                {}
func (*Index) argument()                 {}
func (*List) argument()                  {}
func (*Array) argument()                 {}
func (*Hashtable) argument()             {}
func (*Paren) argument()                 {}
func (*SubExpression) argument()         {}
