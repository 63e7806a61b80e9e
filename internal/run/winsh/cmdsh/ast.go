package cmdsh

import "strings"

// node is a parsed statement. nil is an empty one.
type node interface{}

// command is a simple command. Carets are gone and redirections are taken out;
// quotes, and variables of FOR and of delayed expansion, are still there.
type command struct {
	// name is the command token and args what follows it, with the delimiters
	// between the two.
	name, args string
	redirs     []redir
	place      place
	rem        bool // REM, which is only ever shown
	// forVar and bang say that the text has a % or a !, which are worth a look
	// when it is executed.
	forVar, bang bool
	resolved     *resolution // of name, once it is known not to vary
}

// place is where something stands in the text: the line from 1, and the byte in
// the line before percent expansion.
type place struct{ line, col int }

// seq is commands one after the other, split by & or by line ends in a block.
type seq struct {
	items []node
	lf    []bool // lf[i] says that a line end, not &, follows items[i]
}

// andThen is &&, orElse is ||, pipe is |.
type (
	andThen struct{ left, right node }
	orElse  struct{ left, right node }
	pipe    struct{ left, right node }
)

// group is a parenthesized block.
type group struct {
	body   node
	redirs []redir
}

// silent is what follows an @.
type silent struct{ body node }

// condition is what IF decides by.
type condition struct {
	not, fold   bool
	op          string // "==", "EQU" …, or "exist", "defined", "errorlevel", "cmdextversion"
	left, right string // left is empty for the unary ones
	// notWord and opWord are NOT and the unary operators as they are written.
	notWord, opWord string
}

// ifNode is IF.
type ifNode struct {
	cond          condition
	then, els     node
	place         place
	word, elsWord string // "IF" and "ELSE" as written
}

// forNode is FOR.
type forNode struct {
	dirs, tree, count, file bool   // /D /R /L /F
	options                 string // of /F, or the directory of /R, as written
	variable                rune
	set                     string // what stands between the parentheses
	body                    node
	place                   place
	words                   [3]string   // "FOR", "IN" and "DO" as written
	fileOptions             fileOptions // options, which have no variables, parsed
	badOption               string      // what is not understood of them
}

// redir is one redirection: of handle to or from a file, or to another handle.
type redir struct {
	handle int
	op     string // "<", ">", ">>"
	target string // the file as written
	dup    int    // the other handle, or -1
	place  place
}

// text writes a redirection as cmd shows it.
func (r redir) text(b *strings.Builder) {
	b.WriteByte('0' + byte(r.handle))
	b.WriteString(r.op)
	if r.dup >= 0 {
		b.WriteByte('&')
		b.WriteByte('0' + byte(r.dup))
	} else {
		b.WriteString(r.target)
	}
	b.WriteByte(' ')
}

// display writes a statement as text: the way cmd echoes it, where shown is set,
// or else the way it gives it to the processes of a pipe. edit is applied to each
// piece that can have variables.
type display struct {
	b     strings.Builder
	edit  func(string) string
	shown bool
}

func (d *display) piece(s string) {
	if d.edit != nil {
		s = d.edit(s)
	}
	d.b.WriteString(s)
}

func (d *display) redirs(list []redir) {
	for _, r := range list {
		r.target = d.edited(r.target)
		r.text(&d.b)
	}
}

func (d *display) edited(s string) string {
	if d.edit == nil {
		return s
	}
	return d.edit(s)
}

// node writes any statement.
func (d *display) node(n node) {
	switch n := n.(type) {
	case nil:
	case *command:
		d.command(n)
	case *seq:
		d.seq(n)
	case *andThen:
		d.binary(n.left, " && ", n.right)
	case *orElse:
		d.binary(n.left, " || ", n.right)
	case *pipe:
		d.binary(n.left, " | ", n.right)
	case *group:
		d.group(n)
	case *silent:
		if !d.shown {
			d.b.WriteByte('@')
			d.node(n.body)
		}
	case *ifNode:
		d.ifNode(n)
	case *forNode:
		d.forNode(n)
	}
}

// command writes a simple command. A blank behind the arguments is only shown:
// in a pipe it would become part of them.
func (d *display) command(c *command) {
	d.piece(c.name)
	d.piece(c.args)
	switch {
	case d.shown && c.args != "", !d.shown && c.redirs != nil && !strings.HasSuffix(c.args, " "):
		d.b.WriteByte(' ')
	}
	d.redirs(c.redirs)
}

// group writes a block, which is shown over several lines if it has several, and
// the first has no &.
func (d *display) group(n *group) {
	open, end := "( ", " ) "
	if d.shown {
		open, end = "(", ") "
		if s, ok := n.body.(*seq); ok && s.lf[0] {
			if _, joined := s.items[0].(*seq); !joined {
				open, end = "(\r\n", "\r\n) "
			}
		}
	}
	d.b.WriteString(open)
	d.node(n.body)
	d.b.WriteString(end)
	d.redirs(n.redirs)
}

func (d *display) binary(left node, op string, right node) {
	d.node(left)
	d.b.WriteString(op)
	d.node(right)
}

func (d *display) seq(n *seq) {
	for i, item := range n.items {
		d.node(item)
		if i == len(n.items)-1 {
			break
		}
		if n.lf[i] && d.shown {
			d.b.WriteString(" \r\n ")
		} else {
			d.b.WriteString(" & ")
		}
	}
}

func (d *display) ifNode(n *ifNode) {
	d.b.WriteString(n.word + " ")
	if n.cond.fold {
		d.b.WriteString("/I ")
	}
	if n.cond.not {
		d.b.WriteString(n.cond.notWord + " ")
	}
	if n.cond.left != "" {
		d.piece(n.cond.left)
		d.b.WriteString(" " + n.cond.op + " ")
	} else {
		d.b.WriteString(n.cond.opWord + " ")
	}
	d.piece(n.cond.right)
	d.b.WriteByte(' ')
	d.node(n.then)
	if n.els != nil {
		d.b.WriteString(" " + n.elsWord + " ")
		d.node(n.els)
	}
}

func (d *display) forNode(n *forNode) {
	d.b.WriteString(n.words[0] + " ")
	for _, s := range []struct {
		on   bool
		text string
	}{{n.dirs, "/D "}, {n.tree, "/R "}, {n.count, "/L "}, {n.file, "/F "}} {
		if s.on {
			d.b.WriteString(s.text)
		}
	}
	if n.options != "" {
		d.b.WriteString(n.options)
		d.b.WriteByte(' ')
	}
	d.b.WriteString("%" + string(n.variable) + " " + n.words[1] + " (")
	d.piece(n.set)
	d.b.WriteString(") " + n.words[2] + " ")
	d.node(n.body)
}
