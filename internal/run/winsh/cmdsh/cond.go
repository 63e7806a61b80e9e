package cmdsh

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// ifStatement is IF.
func (sh *shell) ifStatement(ctx context.Context, n *ifNode) (int, error) {
	if err := sh.tick(ctx); err != nil {
		return 0, err
	}
	left, err := sh.piece(ctx, n.cond.left)
	if err != nil {
		return sh.complain(err)
	}
	right, err := sh.piece(ctx, n.cond.right)
	if err != nil {
		return sh.complain(err)
	}
	if (n.cond.op == "errorlevel" || n.cond.op == "cmdextversion") && !decimal(right) {
		return 1, nil // neither branch
	}
	yes, err := sh.decide(ctx, n.cond, left, right)
	if err != nil {
		return 0, err
	}
	if yes != n.cond.not {
		return sh.exec(ctx, n.then)
	}
	return sh.exec(ctx, n.els)
}

// decimal reports whether text is a decimal number.
func decimal(s string) bool {
	s = strings.TrimLeft(s, "+-")
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}

// decide evaluates a condition without its NOT.
func (sh *shell) decide(ctx context.Context, c condition, left, right string) (bool, error) {
	switch c.op {
	case "==":
		if c.fold {
			return fold(left) == fold(right), nil
		}
		return left == right, nil
	case "defined":
		_, ok := sh.lookup(right)
		return ok, nil
	case "errorlevel":
		return sh.errorlevel >= number(right), nil
	case "cmdextversion":
		return 2 >= number(right), nil
	case "exist":
		return sh.exists(ctx, unquote(right))
	}
	order := compareOperands(left, right, c.fold)
	switch c.op {
	case "EQU":
		return order == 0, nil
	case "NEQ":
		return order != 0, nil
	case "LSS":
		return order < 0, nil
	case "LEQ":
		return order <= 0, nil
	case "GTR":
		return order > 0, nil
	}
	return order >= 0, nil
}

// compareOperands compares two numbers as such, and all else as text.
func compareOperands(left, right string, insensitive bool) int {
	l, lok := wholeNumber(left)
	r, rok := wholeNumber(right)
	if lok && rok {
		return cmp.Compare(l, r)
	}
	return machine.CompareText(left, right, insensitive)
}

// wholeNumber reads a number that is all of the text.
func wholeNumber(s string) (int, bool) {
	if s == "" {
		return 0, false
	}
	n, end := integerAt(s, 0)
	if end != len(s) {
		return 0, false
	}
	return n, true
}

// exists is IF EXIST.
func (sh *shell) exists(ctx context.Context, path string) (bool, error) {
	full, err := sh.full(path)
	if err != nil {
		return false, nil
	}
	if machine.Device(full) == "NUL" {
		// "dir\nul" is an old way to ask for a directory.
		i := strings.LastIndexAny(path, `\/`)
		if i < 0 {
			return true, nil
		}
		if full, err = sh.full(path[:i+1]); err != nil {
			return false, nil
		}
	}
	if machine.HasWildcard(full) {
		list, err := sh.fs.Glob(ctx, parentDir(full), baseName(full))
		if err != nil {
			_, err = win(err)
			return false, err
		}
		// "dir\*" is true for any directory but the root: it has "." and "..".
		dots := len(parentDir(full)) > 3 && (machine.Match(baseName(full), ".") || machine.Match(baseName(full), ".."))
		return len(list) > 0 || dots, nil
	}
	_, err = sh.fs.Lstat(ctx, full)
	code, err := win(err)
	return err == nil && (code == 0 || code == machine.ErrorAccessDenied), err
}

// forStatement is FOR.
func (sh *shell) forStatement(ctx context.Context, n *forNode) (int, error) {
	set, err := sh.piece(ctx, n.set)
	if err != nil {
		return sh.complain(err)
	}
	loop := sh.begin(n)
	defer loop.end()
	switch {
	case n.file:
		return sh.forFile(ctx, n, set, loop)
	case n.count:
		return sh.forCount(ctx, n, set, loop)
	case n.tree:
		root, err := sh.full(orDot(unquote(n.options)))
		if err != nil {
			return 0, nil
		}
		return sh.forTree(ctx, n, trimSlash(root), forItems(set), loop)
	}
	return sh.forSet(ctx, n, "", sh.dir, forItems(set), loop)
}

func orDot(s string) string {
	if s == "" {
		return "."
	}
	return s
}

// forLoop is a FOR that runs. Its variables hide those of loops around it.
type forLoop struct {
	sh     *shell
	n      *forNode
	hidden map[rune]*string
	rc     int
}

func (sh *shell) begin(n *forNode) *forLoop {
	return &forLoop{sh: sh, n: n, hidden: map[rune]*string{}}
}

// set gives a variable a value for the time of the loop.
func (l *forLoop) set(name rune, value string) {
	if _, seen := l.hidden[name]; !seen {
		l.hidden[name] = nil
		if before, ok := l.sh.forVars[name]; ok {
			l.hidden[name] = &before
		}
	}
	l.sh.forVars[name] = value
}

func (l *forLoop) end() {
	for name, before := range l.hidden {
		if before == nil {
			delete(l.sh.forVars, name)
		} else {
			l.sh.forVars[name] = *before
		}
	}
}

// body executes the body once. done says that the loop is over.
func (l *forLoop) body(ctx context.Context) (done bool, err error) {
	sh := l.sh
	sh.forDepth++
	defer func() { sh.forDepth-- }()
	if err := sh.tick(ctx); err != nil {
		return true, err
	}
	if sh.echo {
		if err := l.show(ctx); err != nil {
			return true, err
		}
	}
	l.rc, err = sh.exec(ctx, l.n.body)
	return err != nil || sh.jump, err
}

// show prints the body with its variables replaced.
func (l *forLoop) show(ctx context.Context) error {
	if _, hidden := l.n.body.(*silent); hidden {
		return nil
	}
	var failed error
	d := display{shown: true, edit: func(s string) string {
		out, err := l.sh.expandFor(ctx, s)
		if err != nil {
			failed = err
		}
		return out
	}}
	d.node(l.n.body)
	l.sh.out("\r\n%s%s\r\n", l.sh.prompt(), d.b.String())
	return failed
}

// one executes the body for a value.
func (l *forLoop) one(ctx context.Context, value string) (bool, error) {
	l.set(l.n.variable, value)
	return l.body(ctx)
}

// forItems takes a set apart.
func forItems(set string) []string {
	var items []string
	for {
		var item string
		if item, set = cutToken(set); item == "" {
			return items
		}
		items = append(items, item)
	}
}

// forSet loops over items; those with wildcards stand for files, or with /D for
// directories. prefix goes before the names that are found, dir is where they
// are looked for.
func (sh *shell) forSet(ctx context.Context, n *forNode, prefix, dir string, items []string, loop *forLoop) (int, error) {
	for _, item := range items {
		if !machine.HasWildcard(item) {
			value := item
			if prefix != "" {
				value = prefix + unquote(item)
			}
			if done, err := loop.one(ctx, value); done {
				return loop.rc, err
			}
			continue
		}
		pattern := unquote(item)
		full, err := machine.Full(dir, pattern)
		if err != nil {
			continue
		}
		list, err := sh.fs.Glob(ctx, parentDir(full), baseName(full))
		if _, err := win(err); err != nil {
			return 0, err
		}
		before := prefix + pattern[:strings.LastIndexAny(pattern, `\:`)+1]
		for _, i := range list {
			if i.IsDir() != n.dirs || !n.dirs && !(delOptions{}).takes(i) {
				continue
			}
			if done, err := loop.one(ctx, before+i.Name); done {
				return loop.rc, err
			}
		}
	}
	return loop.rc, nil
}

// forTree is FOR /R: the loop for a directory and all below it.
func (sh *shell) forTree(ctx context.Context, n *forNode, dir string, items []string, loop *forLoop) (int, error) {
	info, err := sh.fs.Stat(ctx, dir)
	if code, err := win(err); err != nil || code != 0 || !info.IsDir() {
		return 0, err
	}
	rc, err := sh.forSet(ctx, n, under(dir, ""), dir, items, loop)
	if err != nil || sh.jump {
		return rc, err
	}
	list, err := sh.fs.ReadDir(ctx, dir)
	if _, err := win(err); err != nil {
		return 0, err
	}
	for _, i := range list {
		if !i.IsDir() || i.IsLink() {
			continue
		}
		if rc, err = sh.forTree(ctx, n, i.Path, items, loop); err != nil || sh.jump {
			return rc, err
		}
	}
	return loop.rc, nil
}

// forCount is FOR /L.
func (sh *shell) forCount(ctx context.Context, _ *forNode, set string, loop *forLoop) (int, error) {
	var numbers [3]int
	for i, item := range forItems(set) {
		if i < 3 {
			numbers[i], _ = integerAt(item, 0)
		}
	}
	start, step, end := numbers[0], numbers[1], numbers[2]
	for i := start; step >= 0 && i <= end || step < 0 && i >= end; i += step {
		if done, err := loop.one(ctx, strconv.Itoa(i)); done {
			return loop.rc, err
		}
	}
	return loop.rc, nil
}
