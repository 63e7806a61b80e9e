package pslang

// Op is an operator. The case-sensitive and the case-insensitive spellings of
// a comparison (-ceq, -ieq, -eq) are one Op; the node says which was meant.
type Op uint8

// The operators.
const (
	OpNone Op = iota

	// Unary operators.
	OpPlus    // +x
	OpNeg     // -x
	OpNot     // !x, -not x
	OpBnot    // -bnot x
	OpPreInc  // ++x
	OpPreDec  // --x
	OpPostInc // x++
	OpPostDec // x--

	// Unary and binary operators.
	OpJoin  // -join x, x -join y
	OpSplit // -split x, x -split y

	// Arithmetic.
	OpAdd
	OpSub
	OpMul
	OpDiv
	OpMod
	OpShl
	OpShr
	OpBand
	OpBor
	OpBxor
	OpRange  // x..y
	OpFormat // x -f y

	// Logic.
	OpAnd
	OpOr
	OpXor

	// Comparison.
	OpEq
	OpNe
	OpGt
	OpGe
	OpLt
	OpLe
	OpLike
	OpNotLike
	OpMatch
	OpNotMatch
	OpReplace
	OpContains
	OpNotContains
	OpIn
	OpNotIn

	// Types.
	OpIs
	OpIsNot
	OpAs

	// OpCoalesce is x ?? y of PowerShell 7.
	OpCoalesce
)

// opNames has the spelling of each operator without the letter for case.
func opNames() []string {
	return []string{
		"", "+", "-", "-not", "-bnot", "++", "--", "++", "--", "-join", "-split",
		"+", "-", "*", "/", "%", "-shl", "-shr", "-band", "-bor", "-bxor", "..", "-f",
		"-and", "-or", "-xor",
		"-eq", "-ne", "-gt", "-ge", "-lt", "-le", "-like", "-notlike", "-match", "-notmatch",
		"-replace", "-contains", "-notcontains", "-in", "-notin",
		"-is", "-isnot", "-as", "??",
	}
}

// String returns the operator as it is written, without the letter for case.
func (o Op) String() string {
	if names := opNames(); int(o) < len(names) {
		return names[o]
	}
	return "?"
}

// Logical says whether the operator is -and, -or or -xor, which convert their
// operands to booleans (the first two evaluate the right one only if needed).
func (o Op) Logical() bool { return o == OpAnd || o == OpOr || o == OpXor }
