package cmdsh

import (
	"context"
	"strings"
)

// exec executes a statement and returns its code, which && and || look at.
func (sh *shell) exec(ctx context.Context, n node) (int, error) {
	switch n := n.(type) {
	case *command:
		return sh.command(ctx, n)
	case *seq:
		return sh.seq(ctx, n)
	case *andThen:
		rc, err := sh.left(ctx, n.left)
		if err != nil || rc != 0 || sh.jump {
			return rc, err
		}
		return sh.exec(ctx, n.right)
	case *orElse:
		rc, err := sh.left(ctx, n.left)
		if err != nil || rc == 0 || sh.jump {
			return rc, err
		}
		// Commands that leave ERRORLEVEL alone when they fail set it after all.
		sh.errorlevel = rc
		return sh.exec(ctx, n.right)
	case *pipe:
		return sh.pipe(ctx, n)
	case *group:
		return sh.redirected(ctx, n.redirs, func() (int, error) { return sh.exec(ctx, n.body) })
	case *silent:
		return sh.exec(ctx, n.body)
	case *ifNode:
		return sh.ifStatement(ctx, n)
	case *forNode:
		return sh.forStatement(ctx, n)
	}
	return 0, nil
}

// left executes the left side of && or ||. A batch file that was not called and
// that ended by EXIT /B has succeeded for them, whatever its code.
func (sh *shell) left(ctx context.Context, n node) (int, error) {
	sh.leftByExit = false
	rc, err := sh.exec(ctx, n)
	if sh.leftByExit {
		rc, sh.leftByExit = 0, false
	}
	return rc, err
}

// seq executes commands one after the other. After a jump those that are left
// are not, and the code is that of success.
func (sh *shell) seq(ctx context.Context, n *seq) (rc int, err error) {
	for i, item := range n.items {
		rc, err = sh.exec(ctx, item)
		if err != nil {
			return rc, err
		}
		if sh.jump && i < len(n.items)-1 {
			return 0, nil
		}
	}
	return rc, nil
}

// command executes a simple command: variables of FOR, delayed expansion,
// redirections, and then the command itself.
func (sh *shell) command(ctx context.Context, c *command) (int, error) {
	if err := sh.tick(ctx); err != nil {
		return 0, err
	}
	if c.rem {
		return sh.redirected(ctx, c.redirs, func() (int, error) { return 0, nil })
	}
	name, args, err := sh.words(ctx, c)
	if err != nil {
		return sh.complain(err)
	}
	if c.redirs == nil {
		return sh.run(ctx, name, args, c)
	}
	return sh.redirected(ctx, c.redirs, func() (int, error) { return sh.run(ctx, name, args, c) })
}

// words returns name and arguments of a command with their variables replaced.
func (sh *shell) words(ctx context.Context, c *command) (name, args string, err error) {
	name, args = c.name, c.args
	if c.forVar && sh.forDepth > 0 {
		if name, err = sh.expandFor(ctx, name); err == nil {
			args, err = sh.expandFor(ctx, args)
		}
		if err != nil {
			return "", "", err
		}
	}
	if sh.delayed && (c.bang || c.forVar) {
		if name, err = sh.expandDelayed(name); err == nil {
			args, err = sh.expandDelayed(args)
		}
	}
	return name, args, err
}

// piece replaces the variables in a piece of a statement.
func (sh *shell) piece(ctx context.Context, s string) (string, error) {
	var err error
	if sh.forDepth > 0 && strings.IndexByte(s, '%') >= 0 {
		s, err = sh.expandFor(ctx, s)
	}
	if err == nil && sh.delayed {
		s, err = sh.expandDelayed(s)
	}
	return s, err
}

// pipe executes the two sides of a pipe: the left one to its end, then the right
// one, which reads what it has written. On Windows they run at the same time;
// what they do is the same.
func (sh *shell) pipe(ctx context.Context, n *pipe) (int, error) {
	if err := sh.tick(ctx); err != nil {
		return 0, err
	}
	buf := &spill{}
	defer buf.Close()
	saved := sh.std
	sh.std[1] = &stream{w: buf}
	_, err := sh.side(ctx, n.left)
	sh.std = saved
	if err != nil {
		return 0, err
	}
	r, err := buf.reader()
	if err != nil {
		return 0, err
	}
	sh.std[0] = &stream{r: r}
	rc, err := sh.side(ctx, n.right)
	sh.std = saved
	if err != nil {
		return 0, err
	}
	sh.errorlevel = rc
	return rc, nil
}

// side executes one side of a pipe. A program is started as it is; all else runs
// in a cmd.exe of its own, on the command line, from its text.
func (sh *shell) side(ctx context.Context, n node) (int, error) {
	if p, ok := n.(*pipe); ok {
		return sh.pipe(ctx, p)
	}
	if c, ok := n.(*command); ok && !c.rem {
		name, args, err := sh.words(ctx, c)
		if err != nil {
			return sh.complain(err)
		}
		if !sh.isInternal(ctx, name) {
			return sh.program(ctx, name, args, c)
		}
	}
	line, err := sh.sideText(ctx, n)
	if err != nil {
		return sh.complain(err)
	}
	c, err := sh.child(ctx, `C:\Windows\system32\cmd.exe  /S /D /c" `+line+`"`)
	if err != nil {
		return 0, err
	}
	rc, err := c.main(ctx, options{noAutorun: true}, line)
	sh.changes++
	return rc, err
}

// sideText is the text of a side of a pipe. Variables of FOR are replaced in it,
// those of delayed expansion only outside of blocks.
func (sh *shell) sideText(ctx context.Context, n node) (string, error) {
	var err error
	_, block := n.(*group)
	d := display{edit: func(s string) string {
		out := s
		var failed error
		if block {
			out, failed = sh.forOnly(ctx, s)
		} else {
			out, failed = sh.piece(ctx, s)
		}
		if failed != nil {
			err = failed
		}
		return out
	}}
	d.node(n)
	line := d.b.String()
	if c, ok := n.(*command); !ok || c.redirs != nil {
		line = strings.TrimSuffix(line, " ")
	}
	return line, err
}

// program starts the program on a side of a pipe, with its redirections. One
// that is not there ends everything.
func (sh *shell) program(ctx context.Context, name, args string, c *command) (int, error) {
	return sh.redirected(ctx, c.redirs, func() (int, error) {
		rc, err := sh.external(ctx, name, args)
		if err == nil && sh.missing {
			return 0, abortSignal{badSyntax}
		}
		return rc, err
	})
}

// forOnly replaces the variables of FOR.
func (sh *shell) forOnly(ctx context.Context, s string) (string, error) {
	if sh.forDepth == 0 {
		return s, nil
	}
	return sh.expandFor(ctx, s)
}
