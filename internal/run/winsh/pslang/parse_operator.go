package pslang

// Precedences of binary operators; the higher ones bind tighter.
const (
	precLogical    = 1
	precBitwise    = 2
	precComparison = 5
	precCoalesce   = 7
	precAdd        = 9
	precMultiply   = 10
	precFormat     = 12
	precRange      = 13
)

// operator is what is known of a binary operator.
type operator struct {
	op         Op
	precedence int
	sensitive  bool
}

// binaryOperator looks at the binary operator that stands here, and returns
// its length, or 0 where none stands.
func (p *parser) binaryOperator() (operator, int) {
	next := p.byteAt(p.pos + 1)
	switch p.byteAt(p.pos) {
	case '+':
		if next != '+' && next != '=' {
			return operator{op: OpAdd, precedence: precAdd}, 1
		}
	case '*':
		if next != '=' && next != '>' {
			return operator{op: OpMul, precedence: precMultiply}, 1
		}
	case '/':
		if next != '=' {
			return operator{op: OpDiv, precedence: precMultiply}, 1
		}
	case '%':
		if next != '=' {
			return operator{op: OpMod, precedence: precMultiply}, 1
		}
	case '.':
		if next == '.' {
			return operator{op: OpRange, precedence: precRange}, 2
		}
	case '?':
		if p.core && next == '?' && p.byteAt(p.pos+2) != '=' {
			return operator{op: OpCoalesce, precedence: precCoalesce}, 2
		}
	default:
		return p.dashOperator()
	}
	return operator{}, 0
}

// dashOperator is binaryOperator for what starts with a dash.
func (p *parser) dashOperator() (operator, int) {
	n := p.dash(p.pos)
	if n == 0 {
		return operator{}, 0
	}
	word := p.operatorWord(p.pos + n)
	if word == "" {
		switch next := p.byteAt(p.pos + n); {
		case p.dash(p.pos+n) > 0 || next == '=' || next == '_' || next == '?':
			return operator{}, 0
		}
		if r, _ := p.runeAt(p.pos + n); letter(r) {
			return operator{}, 0
		}
		return operator{op: OpSub, precedence: precAdd}, n
	}
	o, ok := wordOperator(word)
	if !ok {
		return operator{}, 0
	}
	return o, n + len(word)
}

// operatorWord returns the letters at an offset in lower case.
func (p *parser) operatorWord(from int) string {
	i := from
	for c := p.byteAt(i) | 0x20; c >= 'a' && c <= 'z'; c = p.byteAt(i) | 0x20 {
		i++
	}
	return lower(p.text[from:i])
}

// wordOperator looks up an operator by its name without the dash.
func wordOperator(word string) (operator, bool) {
	if op := comparison(word); op != OpNone {
		return operator{op, precComparison, false}, true
	}
	switch word {
	case "and":
		return operator{OpAnd, precLogical, false}, true
	case "or":
		return operator{OpOr, precLogical, false}, true
	case "xor":
		return operator{OpXor, precLogical, false}, true
	case "band":
		return operator{OpBand, precBitwise, false}, true
	case "bor":
		return operator{OpBor, precBitwise, false}, true
	case "bxor":
		return operator{OpBxor, precBitwise, false}, true
	case "shl":
		return operator{OpShl, precComparison, false}, true
	case "shr":
		return operator{OpShr, precComparison, false}, true
	case "is":
		return operator{OpIs, precComparison, false}, true
	case "isnot":
		return operator{OpIsNot, precComparison, false}, true
	case "as":
		return operator{OpAs, precComparison, false}, true
	case "join":
		return operator{OpJoin, precComparison, false}, true
	case "f":
		return operator{OpFormat, precFormat, false}, true
	}
	if len(word) > 2 && (word[0] == 'i' || word[0] == 'c') {
		if op := comparison(word[1:]); op != OpNone {
			return operator{op, precComparison, word[0] == 'c'}, true
		}
	}
	return operator{}, false
}

// comparison looks up an operator that has variants with i and c before its
// name.
func comparison(word string) Op {
	switch word {
	case "eq":
		return OpEq
	case "ne":
		return OpNe
	case "gt":
		return OpGt
	case "ge":
		return OpGe
	case "lt":
		return OpLt
	case "le":
		return OpLe
	case "like":
		return OpLike
	case "notlike":
		return OpNotLike
	case "match":
		return OpMatch
	case "notmatch":
		return OpNotMatch
	case "replace":
		return OpReplace
	case "contains":
		return OpContains
	case "notcontains":
		return OpNotContains
	case "in":
		return OpIn
	case "notin":
		return OpNotIn
	case "split":
		return OpSplit
	}
	return OpNone
}
