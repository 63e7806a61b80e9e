package cmdsh

import (
	"context"
	"fmt"
	"strings"
)

// runSet is SET.
func runSet(_ context.Context, sh *shell, args string) (int, error) {
	text := strings.TrimLeft(args, " \t,;")
	if sh.extensions && len(text) >= 2 && text[0] == '/' {
		switch text[1] | 0x20 {
		case 'a':
			return sh.setArithmetic(text[2:])
		case 'p':
			return sh.setPrompted(strings.TrimLeft(text[2:], " \t,;"))
		}
	}
	text = setQuotes(text)
	eq := strings.IndexByte(text, '=')
	switch {
	case eq == 0:
		return sh.syntax()
	case eq < 0:
		return sh.listVariables(strings.TrimRight(text, " \t"))
	}
	sh.setVariable(text[:eq], text[eq+1:])
	return 0, nil
}

// setQuotes takes the quotes off "name=value", and all that follows them.
func setQuotes(text string) string {
	if !strings.HasPrefix(text, `"`) {
		return text
	}
	text = text[1:]
	if i := strings.LastIndexByte(text, '"'); i >= 0 {
		text = text[:i]
	}
	return text
}

func (sh *shell) setVariable(name, value string) {
	if value == "" {
		sh.env.Unset(name)
	} else {
		sh.env.Set(name, value)
	}
}

// listVariables prints the variables that begin with a prefix.
func (sh *shell) listVariables(prefix string) (int, error) {
	found := false
	low := fold(prefix)
	for _, v := range sh.env.List() {
		if strings.HasPrefix(v, "=") && prefix == "" || !strings.HasPrefix(fold(v), low) {
			continue
		}
		found = true
		sh.write(1, v+"\r\n")
	}
	if !found && prefix != "" {
		sh.errout("Environment variable %s not defined\r\n", prefix)
		return 1, nil
	}
	return 0, nil
}

// setPrompted is SET /P. The name may be missing: <nul set /p="text" is how
// scripts print text without a line end.
func (sh *shell) setPrompted(text string) (int, error) {
	text = setQuotes(text)
	name, prompt, ok := strings.Cut(text, "=")
	if !ok {
		return sh.syntax()
	}
	prompt = strings.TrimLeft(prompt, " \t=")
	if strings.HasPrefix(prompt, `"`) {
		prompt = prompt[1:]
		if i := strings.LastIndexByte(prompt, '"'); i >= 0 {
			prompt = prompt[:i]
		}
	}
	sh.out("%s", prompt)
	line, ok, err := sh.readLine()
	if err != nil {
		return 0, err
	}
	// Control characters at the end are left out.
	line = strings.TrimRightFunc(line, func(r rune) bool { return r < ' ' })
	if !ok || line == "" || name == "" {
		return 1, nil
	}
	sh.setVariable(name, line)
	return 0, nil
}

// arithmeticError is a mistake in SET /A, with the code that it sets.
type arithmeticError struct {
	code    int
	message string
}

func (e *arithmeticError) Error() string { return e.message }

func errUnbalanced() error {
	return &arithmeticError{1073750988, "Unbalanced parenthesis.\r\n"}
}
func errOperand() error  { return &arithmeticError{1073750989, "Missing operand.\r\n"} }
func errOperator() error { return &arithmeticError{1073750990, "Missing operator.\r\n"} }
func errNumber() error {
	return &arithmeticError{1073750991, "Invalid number.  Numeric constants are either decimal (17),\r\nhexadecimal (0x11), or octal (021).\r\n"}
}
func errLarge() error {
	return &arithmeticError{1073750992, "Invalid number.  Numbers are limited to 32-bits of precision.\r\n"}
}
func errDivide() error { return &arithmeticError{1073750993, "Divide by zero error.\r\n"} }

// setArithmetic is SET /A. On the command line the result is printed.
func (sh *shell) setArithmetic(text string) (int, error) {
	if strings.Trim(text, " \t") == "" {
		return sh.syntax()
	}
	a := &arithmetic{sh: sh, s: unquote(text)}
	n, err := a.comma()
	if err == nil {
		switch c := a.peek(); {
		case c == ')':
			err = errUnbalanced()
		case c != 0:
			err = errOperator()
		}
	}
	if err != nil {
		e := err.(*arithmeticError)
		sh.errout("%s", e.message)
		return e.code, nil
	}
	for _, v := range a.assigned {
		sh.env.Set(v.name, fmt.Sprint(v.value))
	}
	if sh.batch == nil {
		sh.out("%d", n)
	}
	return 0, nil
}

// arithmetic evaluates an expression of SET /A in 32 bits. Blanks do not count,
// not even inside operators.
type arithmetic struct {
	sh       *shell
	s        string
	i        int
	depth    int
	assigned []assignment
}

type assignment struct {
	name  string
	value int32
}

// peek returns the next character that is not a blank, 0 at the end.
func (a *arithmetic) peek() byte {
	for a.i < len(a.s) && (a.s[a.i] == ' ' || a.s[a.i] == '\t') {
		a.i++
	}
	if a.i == len(a.s) {
		return 0
	}
	return a.s[a.i]
}

// take moves over an operator if it comes next.
func (a *arithmetic) take(op string) bool {
	at := a.i
	for i := 0; i < len(op); i++ {
		if a.peek() != op[i] {
			a.i = at
			return false
		}
		a.i++
	}
	return true
}

// comma evaluates expressions separated by commas; the first assignment is done
// first, the value is the last one's.
func (a *arithmetic) comma() (int32, error) {
	n, err := a.assign()
	for err == nil && a.take(",") {
		if a.peek() == 0 || a.peek() == ')' {
			return n, nil
		}
		n, err = a.assign()
	}
	return n, err
}

// assignOps are the operators that assign, longer ones first.
func assignOps() [11]string {
	return [...]string{"<<=", ">>=", "*=", "/=", "%=", "+=", "-=", "&=", "^=", "|=", "="}
}

// assign evaluates an assignment or an expression.
func (a *arithmetic) assign() (int32, error) {
	if a.depth++; a.depth > nesting {
		return 0, errUnbalanced()
	}
	defer func() { a.depth-- }()
	at := a.i
	if name := a.name(); name != "" {
		for _, op := range assignOps() {
			if !a.take(op) {
				continue
			}
			right, err := a.assign()
			if err != nil {
				return 0, err
			}
			if op != "=" {
				if right, err = apply(op[:len(op)-1], a.value(name), right); err != nil {
					return 0, err
				}
			}
			a.assigned = append(a.assigned, assignment{name, right})
			return right, nil
		}
	}
	a.i = at
	return a.binary(0)
}

// name reads the name of a variable, "" if none stands there.
func (a *arithmetic) name() string {
	c := a.peek()
	if c == 0 || isDigit(c) || operatorByte(c) {
		return ""
	}
	start := a.i
	for a.i < len(a.s) && !operatorByte(a.s[a.i]) && a.s[a.i] != ' ' && a.s[a.i] != '\t' {
		a.i++
	}
	return a.s[start:a.i]
}

func operatorByte(c byte) bool { return strings.IndexByte("()!~-+*/%<>&^|=,", c) >= 0 }

// value returns a variable as a number: 0 if it is none.
func (a *arithmetic) value(name string) int32 {
	for i := len(a.assigned) - 1; i >= 0; i-- {
		if fold(a.assigned[i].name) == fold(name) {
			return a.assigned[i].value
		}
	}
	v, _ := a.sh.lookup(name)
	n, _ := integerAt(v, 0)
	return int32(n)
}

// operatorsOf returns the binary operators that bind alike, the weakest for 0; there
// are levels of them.
func operatorsOf(n int) [3]string {
	switch n {
	case 0:
		return [3]string{"|"}
	case 1:
		return [3]string{"^"}
	case 2:
		return [3]string{"&"}
	case 3:
		return [3]string{"<<", ">>"}
	case 4:
		return [3]string{"+", "-"}
	}
	return [3]string{"*", "/", "%"}
}

const levels = 6

// binary evaluates the operators of a level and those that bind stronger.
func (a *arithmetic) binary(n int) (int32, error) {
	if n == levels {
		return a.unary()
	}
	left, err := a.binary(n + 1)
	for err == nil {
		op := a.operator(n)
		if op == "" {
			return left, nil
		}
		var right int32
		if right, err = a.binary(n + 1); err == nil {
			left, err = apply(op, left, right)
		}
	}
	return left, err
}

// operator takes an operator of a level, unless it is part of one that assigns.
func (a *arithmetic) operator(n int) string {
	at := a.i
	for _, op := range operatorsOf(n) {
		if op == "" || !a.take(op) {
			continue
		}
		if a.peek() == '=' {
			a.i = at
			return ""
		}
		return op
	}
	return ""
}

// unary evaluates signs and what they stand before.
func (a *arithmetic) unary() (int32, error) {
	if a.depth++; a.depth > nesting {
		return 0, errUnbalanced()
	}
	defer func() { a.depth-- }()
	c := a.peek()
	switch c {
	case '-', '+', '~', '!':
		a.i++
		n, err := a.unary()
		switch {
		case c == '-':
			n = -n
		case c == '~':
			n = ^n
		case c == '!' && n == 0:
			n = 1
		case c == '!':
			n = 0
		}
		return n, err
	case '(':
		a.i++
		n, err := a.comma()
		if err == nil && !a.take(")") {
			if a.peek() != 0 {
				return 0, errOperator()
			}
			err = errUnbalanced()
		}
		return n, err
	case 0:
		return 0, errOperand()
	}
	if isDigit(c) {
		return a.number()
	}
	name := a.name()
	if name == "" {
		return 0, errOperand()
	}
	return a.value(name), nil
}

// number reads a number: all letters and digits belong to it.
func (a *arithmetic) number() (int32, error) {
	start := a.i
	for a.i < len(a.s) && digitValue(a.s[a.i]) < 99 {
		a.i++
	}
	digits, base := a.s[start:a.i], int64(10)
	switch {
	case len(digits) > 1 && digits[1]|0x20 == 'x':
		digits, base = digits[2:], 16
	case len(digits) > 1 && digits[0] == '0':
		digits, base = digits[1:], 8
	}
	if digits == "" {
		return 0, errNumber()
	}
	var n int64
	for i := 0; i < len(digits); i++ {
		d := int64(digitValue(digits[i]))
		if d >= base {
			return 0, errNumber()
		}
		n = n*base + d
		switch {
		case base == 16: // all 32 bits can be given, and more are as many
			n = min(n, 1<<32-1)
		case n > 1<<31-1:
			return 0, errLarge()
		}
	}
	return int32(uint32(n)), nil
}

// apply computes one operator.
func apply(op string, x, y int32) (int32, error) {
	switch op {
	case "|":
		return x | y, nil
	case "^":
		return x ^ y, nil
	case "&":
		return x & y, nil
	case "<<":
		if y < 0 || y > 31 {
			return 0, nil
		}
		return x << y, nil
	case ">>":
		if y < 0 || y > 31 {
			y = 31
		}
		return x >> y, nil
	case "+":
		return x + y, nil
	case "-":
		return x - y, nil
	case "*":
		return x * y, nil
	}
	if y == 0 {
		return 0, errDivide()
	}
	if op == "%" {
		return x % y, nil
	}
	return x / y, nil
}
