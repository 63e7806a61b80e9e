package pslang

// Walk calls f for a node and, as long as f returns true, for all that it
// consists of, in the order of the text.
func Walk(n Node, f func(Node) bool) {
	if !f(n) {
		return
	}
	for _, c := range children(n) {
		Walk(c, f)
	}
}

// nodes collects children; nil ones are left out.
type nodes []Node

func (l *nodes) statement(s Statement) {
	if s != nil {
		*l = append(*l, s)
	}
}

func (l *nodes) expression(x Expression) {
	if x != nil {
		*l = append(*l, x)
	}
}

func (l *nodes) block(b *Block) {
	if b != nil {
		*l = append(*l, b)
	}
}

func (l *nodes) typ(t *TypeName) {
	if t != nil {
		*l = append(*l, t)
	}
}

// addAll appends a list of nodes of one kind.
func addAll[T Node](l *nodes, list []T) {
	for _, n := range list {
		*l = append(*l, n)
	}
}

// children returns what a node consists of.
func children(n Node) []Node {
	var l nodes
	switch n := n.(type) {
	case Expression:
		l.ofExpression(n)
	case Statement:
		l.ofStatement(n)
	case *ScriptBlock:
		l.ofScriptBlock(n)
	case *Block:
		addAll(&l, n.Traps)
		addAll(&l, n.Statements)
	case *ParamDecl:
		addAll(&l, n.Attributes)
		addAll(&l, n.Types)
		l = append(l, n.Name)
		l.expression(n.Default)
	case *Attribute:
		l.typ(n.Type)
		addAll(&l, n.Positional)
		for _, a := range n.Named {
			l.expression(a.Value)
		}
	case *TypeName:
		addAll(&l, n.Args)
	case *ExpressionElement:
		l.expression(n.X)
		addAll(&l, n.Redirections)
	case *Command:
		l.expression(n.Name)
		addAll(&l, n.Args)
		addAll(&l, n.Redirections)
	case *Parameter:
		l.expression(n.Value)
	case *Redirection:
		l.expression(n.File)
	case *Catch:
		addAll(&l, n.Types)
		l.block(n.Body)
	}
	return l
}

func (l *nodes) ofScriptBlock(n *ScriptBlock) {
	addAll(l, n.Using)
	addAll(l, n.Requires)
	addAll(l, n.Attributes)
	addAll(l, n.Params)
	for _, b := range []*Block{n.Dynamic, n.Begin, n.Process, n.End, n.Clean} {
		l.block(b)
	}
}

func (l *nodes) ofStatement(n Statement) {
	switch n := n.(type) {
	case *ExpressionStatement:
		l.expression(n.X)
	case *Pipeline:
		addAll(l, n.Elements)
	case *Chain:
		l.statement(n.Left)
		l.statement(n.Right)
	case *Assignment:
		l.expression(n.Target)
		l.statement(n.Value)
	case *If:
		for _, c := range n.Clauses {
			l.statement(c.Cond)
			l.block(c.Body)
		}
		l.block(n.Else)
	case *Try:
		l.block(n.Body)
		addAll(l, n.Catches)
		l.block(n.Finally)
	case *Trap:
		l.typ(n.Type)
		l.block(n.Body)
	case *Break:
		l.expression(n.Label)
	case *Continue:
		l.expression(n.Label)
	case *Return:
		l.statement(n.Value)
	case *Exit:
		l.statement(n.Value)
	case *Throw:
		l.statement(n.Value)
	case *Function:
		*l = append(*l, n.Body)
	default:
		l.ofLoop(n)
	}
}

func (l *nodes) ofLoop(n Statement) {
	switch n := n.(type) {
	case *While:
		l.statement(n.Cond)
		l.block(n.Body)
	case *DoWhile:
		l.block(n.Body)
		l.statement(n.Cond)
	case *For:
		l.statement(n.Init)
		l.statement(n.Cond)
		l.statement(n.Next)
		l.block(n.Body)
	case *ForEach:
		if n.Var != nil {
			*l = append(*l, n.Var)
		}
		l.statement(n.In)
		l.block(n.Body)
	case *Switch:
		l.statement(n.Subject)
		l.expression(n.File)
		for _, c := range n.Cases {
			l.expression(c.Pattern)
			l.block(c.Body)
		}
		l.block(n.Default)
	}
}

func (l *nodes) ofExpression(n Expression) {
	switch n := n.(type) {
	case *Expandable:
		addAll(l, n.Parts)
	case *Type:
		l.typ(n.Name)
	case *ScriptBlockExpression:
		*l = append(*l, n.Body)
	case *Unary:
		l.expression(n.X)
	case *Binary:
		l.expression(n.X)
		l.expression(n.Y)
	case *Ternary:
		l.expression(n.Cond)
		l.expression(n.Then)
		l.expression(n.Else)
	case *Cast:
		l.typ(n.Type)
		l.expression(n.X)
	case *Attributed:
		*l = append(*l, n.Attribute)
		l.expression(n.X)
	case *Member:
		l.expression(n.X)
		l.expression(n.Name)
	case *Invoke:
		l.expression(n.X)
		l.expression(n.Name)
		addAll(l, n.TypeArgs)
		addAll(l, n.Args)
	case *Index:
		l.expression(n.X)
		l.expression(n.Index)
	case *List:
		addAll(l, n.Items)
	case *Array:
		l.block(n.Body)
	case *Hashtable:
		for _, e := range n.Pairs {
			l.expression(e.Key)
			l.statement(e.Value)
		}
	case *Paren:
		l.statement(n.X)
	case *SubExpression:
		l.block(n.Body)
	}
}
