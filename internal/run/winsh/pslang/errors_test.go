package pslang

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// reported is an error as the tables below have it: identifier and offset.
type reported struct {
	ID string
	At int
}

// parseErrors returns the errors of a text.
func parseErrors(text string, o Options) []*Error {
	_, err := Parse(text, o)
	if err == nil {
		return nil
	}
	return err.(*Errors).List
}

// TestErrors has the identifier and the offset of the errors of many texts. If
// it fails, a broken RUN line is blamed at another place than on Windows.
func TestErrors(t *testing.T) {
	tests := []struct {
		in   string
		want []reported
	}{
		// Loops.
		{"for", []reported{{"MissingOpenParenthesisAfterKeyword", 3}}},
		{"for(", []reported{{"MissingEndParenthesisAfterStatement", 4}}},
		{"for(;", []reported{{"MissingEndParenthesisAfterStatement", 5}}},
		{"for(;;", []reported{{"MissingEndParenthesisAfterStatement", 6}}},
		{"for($a", []reported{{"MissingEndParenthesisAfterStatement", 6}}},
		{"for($a;$b;$c", []reported{{"MissingEndParenthesisAfterStatement", 12}}},
		{"for($a;$b;$c)", []reported{{"MissingLoopStatement", 13}}},
		{":lab for", []reported{{"MissingOpenParenthesisAfterKeyword", 8}}},
		{":lab for(", []reported{{"MissingEndParenthesisAfterStatement", 9}}},
		{"foreach", []reported{{"MissingOpenParenthesisAfterKeyword", 7}}},
		{"foreach (", []reported{{"MissingVariableNameAfterForeach", 9}}},
		{"foreach ($a", []reported{{"MissingInInForeach", 11}}},
		{"foreach ($a into", []reported{{"MissingInInForeach", 11}}},
		{"foreach ($a in", []reported{{"MissingForeachExpression", 14}}},
		{"foreach ($a in $x", []reported{{"MissingEndParenthesisAfterForeach", 17}}},
		{"foreach ($a in $x)", []reported{{"MissingForeachStatement", 18}}},
		{":lab foreach ($a in", []reported{{"MissingForeachExpression", 19}}},
		{"foreach -x ($a in $b) {}", []reported{{"InvalidForeachFlag", 8}}},
		{"do", []reported{{"MissingLoopStatement", 2}}},
		{"do {}", []reported{{"MissingWhileOrUntilInDoWhile", 5}}},
		{"do {} while", []reported{{"MissingOpenParenthesisAfterKeyword", 11}}},
		{"do {} until (", []reported{{"MissingExpressionAfterKeyword", 13}}},
		{"do {} while (1", []reported{{"MissingEndParenthesisAfterStatement", 14}}},
		{"while", []reported{{"MissingOpenParenthesisAfterKeyword", 5}}},
		{"while (1)", []reported{{"MissingLoopStatement", 9}}},
		// Other statements.
		{"if", []reported{{"MissingOpenParenthesisInIfStatement", 2}}},
		{"if (", []reported{{"IfStatementMissingCondition", 4}}},
		{"if (1", []reported{{"MissingEndParenthesisAfterStatement", 5}}},
		{"if (1)", []reported{{"MissingStatementBlock", 6}}},
		{"if (1) {} else", []reported{{"MissingStatementBlockAfterElse", 14}}},
		{"if (1) {} elseif", []reported{{"MissingOpenParenthesisInIfStatement", 16}}},
		{"if (1 {}", []reported{{"UnexpectedToken", 6}, {"MissingEndParenthesisAfterStatement", 6}}},
		{"if ($a -and Test-Path b) { 1 }", []reported{
			{"ExpectedValueExpression", 11}, {"UnexpectedToken", 12}, {"MissingEndParenthesisAfterStatement", 12}, {"UnexpectedToken", 23},
		}},
		{"trap", []reported{{"MissingTrapStatement", 4}}},
		{"trap [int]", []reported{{"MissingTrapStatement", 10}}},
		{"try", []reported{{"MissingTryStatementBlock", 3}}},
		{"try {}", []reported{{"MissingCatchOrFinally", 6}}},
		{"try {} catch", []reported{{"MissingCatchHandlerBlock", 12}}},
		{"try {} finally", []reported{{"MissingFinallyStatementBlock", 14}}},
		{"try {} catch [int]", []reported{{"MissingCatchHandlerBlock", 18}}},
		{"try {} catch {} finally", []reported{{"MissingFinallyStatementBlock", 23}}},
		{"try {} catch {} catch", []reported{{"MissingCatchHandlerBlock", 21}}},
		{"try {} catch [int],", []reported{{"MissingTypeLiteralToken", 19}}},
		{"try {} finally { return }", []reported{{"ControlLeavingFinally", 17}}},
		{"try {} finally { break }", []reported{{"ControlLeavingFinally", 17}}},
		{"try {} finally { continue }", []reported{{"ControlLeavingFinally", 17}}},
		{"switch", []reported{{"PipelineValueRequired", 6}}},
		{"switch -abc", []reported{{"InvalidSwitchFlag", 7}, {"PipelineValueRequired", 11}}},
		{"switch -file", []reported{{"MissingFilenameOption", 12}}},
		{"switch -file a (1)", []reported{{"PipelineValueRequired", 15}, {"MissingCurlyBraceInSwitchStatement", 18}}},
		{"switch (", []reported{{"PipelineValueRequired", 8}}},
		{"switch ()", []reported{{"PipelineValueRequired", 8}, {"MissingCurlyBraceInSwitchStatement", 9}}},
		{`switch ("abc")  `, []reported{{"MissingCurlyBraceInSwitchStatement", 14}}},
		{`switch ("abc")  {`, []reported{{"MissingSwitchConditionExpression", 17}}},
		{`switch ("abc")  { 1`, []reported{{"MissingSwitchStatementClause", 19}}},
		{`switch ("abc")  { 1 }`, []reported{{"MissingSwitchStatementClause", 19}}},
		{"switch (1) {default {} default {}}", []reported{{"MultipleSwitchDefaultClauses", 23}}},
		{"switch (1) {1 {}", []reported{{"MissingEndCurlyBrace", 11}}},
		// Functions and blocks.
		{"function", []reported{{"MissingNameAfterKeyword", 8}}},
		{"function foo", []reported{{"MissingFunctionBody", 12}}},
		{"function foo(", []reported{{"MissingEndParenthesisInFunctionParameterList", 13}}},
		{"function foo {", []reported{{"MissingEndCurlyBrace", 13}}},
		{"function foo { function bar { if (1) {} }", []reported{{"MissingEndCurlyBrace", 13}}},
		{"function f { param($a,[int]$a) }", []reported{{"DuplicateFormalParameter", 27}}},
		{"function f($a,[int]$a){}", []reported{{"DuplicateFormalParameter", 19}}},
		{"function foo {param(}", []reported{{"MissingEndParenthesisInFunctionParameterList", 20}}},
		{"function f($a) { param($b) }", []reported{{"OnlyOneParameterListAllowed", 17}}},
		{"param($a,)", []reported{{"MissingExpressionAfterToken", 9}}},
		{"begin", []reported{{"MissingNamedStatementBlock", 5}}},
		{"begin process {}", []reported{{"MissingNamedStatementBlock", 5}}},
		{"begin process end", []reported{
			{"MissingNamedStatementBlock", 5}, {"MissingNamedStatementBlock", 13}, {"MissingNamedStatementBlock", 17},
		}},
		{"begin {} Hi", []reported{{"UnexpectedToken", 9}}},
		{"function a {begin {} Hi}", []reported{{"MissingEndCurlyBrace", 11}, {"UnexpectedToken", 23}}},
		{"begin {} begin {}", []reported{{"DuplicateScriptCommandClause", 9}}},
		{"data", []reported{{"MissingStatementBlockForDataSection", 4}}},
		{"data -abc foo {}", []reported{{"InvalidParameterForDataSectionStatement", 5}}},
		// Pipelines and commands.
		{"|gps", []reported{{"EmptyPipeElement", 0}}},
		{"gps|", []reported{{"EmptyPipeElement", 4}}},
		{"gps| |foreach name", []reported{{"EmptyPipeElement", 4}}},
		{"1|1", []reported{{"ExpressionsMustBeFirstInPipeline", 2}}},
		{"a | 'b' -c", []reported{{"ExpressionsMustBeFirstInPipeline", 4}, {"UnexpectedToken", 8}}},
		{"gcm -a:", []reported{{"ParameterRequiresArgument", 7}}},
		{"gcm -a: 1,", []reported{{"MissingExpression", 10}}},
		{"gcm ,", []reported{{"MissingArgument", 4}}},
		{"a b,,c", []reported{{"MissingExpression", 4}, {"MissingArgument", 4}}},
		{"&", []reported{{"MissingExpression", 1}}},
		{". ", []reported{{"MissingExpression", 1}}},
		{"a >", []reported{{"MissingFileSpecification", 3}}},
		{"a > b > c", []reported{{"StreamAlreadyRedirected", 6}}},
		{"a 1>&2", []reported{{"RedirectionStreamCanOnlyMergeToOutputStream", 2}}},
		{"a < b", []reported{{"RedirectionNotSupported", 2}}},
		{"a && b", []reported{{"InvalidEndOfLine", 2}}},
		{"a || b", []reported{{"InvalidEndOfLine", 2}}},
		{"a b&c=1&d", []reported{{"AmpersandNotAllowed", 3}, {"AmpersandNotAllowed", 7}}},
		{"(a b & c)", []reported{{"AmpersandNotAllowed", 5}}},
		{"a @/b", []reported{{"UnrecognizedToken", 2}}},
		{"a @b, c", []reported{{"SplattingNotPermittedInArgumentList", 2}}},
		{"a @b.ps1", []reported{{"SplattingNotPermitted", 2}}},
		{"a @b.</c>", []reported{{"MissingPropertyName", 5}, {"RedirectionNotSupported", 5}}},
		// Tokens at the wrong place.
		{"   )", []reported{{"UnexpectedToken", 3}}},
		{"   }", []reported{{"UnexpectedToken", 3}}},
		{"1 2", []reported{{"UnexpectedToken", 2}}},
		{`"C:\a b\c.exe" -x y`, []reported{{"UnexpectedToken", 15}}},
		{"{ foo ) }", []reported{{"MissingEndCurlyBrace", 0}, {"UnexpectedToken", 6}, {"UnexpectedToken", 8}}},
		{`"a" {"b":"c","d":1}`, []reported{{"UnexpectedToken", 4}, {"UnexpectedToken", 8}, {"MissingArgument", 12}}},
		{`$b = [A]::G(""$m":"$n"")`, []reported{
			{"MissingEndParenthesisInMethodCall", 14}, {"UnexpectedToken", 14}, {"UnexpectedToken", 16},
			{"UnexpectedToken", 19}, {"UnexpectedToken", 21}, {"UnexpectedToken", 23},
		}},
		// Expressions.
		{"1+", []reported{{"ExpectedValueExpression", 2}}},
		{"$a=", []reported{{"ExpectedValueExpression", 3}}},
		{"$a,$b += 1,2", []reported{{"InvalidLeftHandSide", 0}}},
		{"1 = 2", []reported{{"InvalidLeftHandSide", 0}}},
		{"f() = 2", []reported{{"ExpectedExpression", 2}}},
		{"1++", []reported{{"OperatorRequiresVariableOrProperty", 0}}},
		{"-", []reported{{"MissingExpressionAfterOperator", 1}}},
		{"1,2,", []reported{{"MissingExpressionAfterToken", 4}}},
		{"(", []reported{{"ExpectedExpression", 1}}},
		{"()", []reported{{"ExpectedExpression", 1}}},
		{"(1", []reported{{"MissingEndParenthesisInExpression", 2}}},
		{"a (b c", []reported{{"MissingEndParenthesisInExpression", 6}}},
		{"$(1", []reported{{"MissingEndParenthesisInSubexpression", 3}}},
		{"@(1", []reported{{"MissingEndParenthesisInSubexpression", 3}}},
		{"2.GetType().Name", []reported{{"ExpectedExpression", 10}}},
		{"$a.", []reported{{"MissingPropertyName", 3}}},
		{"$a[", []reported{{"MissingArrayIndexExpression", 3}}},
		{"$a[]", []reported{{"MissingArrayIndexExpression", 3}}},
		{"$a[1", []reported{{"MissingEndSquareBracket", 4}}},
		{"$a.b(1,)", []reported{{"MissingExpressionAfterToken", 7}}},
		{"$a.b($c | d)", []reported{{"MissingEndParenthesisInMethodCall", 7}, {"UnexpectedToken", 11}}},
		{"@a", []reported{{"SplattingNotPermitted", 0}}},
		{"param(@a)", []reported{{"SplattingNotPermitted", 6}}},
		{"foreach (@a in $b) {}", []reported{{"SplattingNotPermitted", 9}}},
		// Types and attributes.
		{"[", []reported{{"MissingTypename", 1}}},
		{"[int", []reported{{"EndSquareBracketExpectedAtEndOfAttribute", 4}}},
		{"[a()][b]", []reported{{"UnexpectedAttribute", 0}}},
		{"[a()][b]2", []reported{{"UnexpectedAttribute", 0}}},
		{"param([Parameter(Mandatory=$true]$a)", []reported{{"MissingEndParenthesisInExpression", 32}}},
		{`param([V("a "b)]$x)`, []reported{
			{"MissingEndParenthesisInExpression", 13}, {"InvalidFunctionParameter", 13},
			{"MissingEndParenthesisInFunctionParameterList", 13}, {"UnexpectedToken", 14}, {"UnexpectedToken", 18},
		}},
		{"[int] param()", []reported{{"TypeNotAllowedBeforeParam", 0}}},
		// Hashtables.
		{"@{ a=1;b=2;c=3;", []reported{{"MissingEndCurlyBrace", 2}}},
		{"@{a}", []reported{{"MissingEqualsInHashLiteral", 3}}},
		{"@{a=}", []reported{{"MissingStatementInHashLiteral", 4}}},
		{"@{=1}", []reported{{"MissingKeyInHashLiteral", 2}}},
		{"@{a=1;A=2}", []reported{{"DuplicateKeyInHashLiteral", 6}}},
		// Strings and variables.
		{`"abc`, []reported{{"TerminatorExpectedAtEndOfString", 0}}},
		{`a 'abc`, []reported{{"TerminatorExpectedAtEndOfString", 2}}},
		{`"$x: y"`, []reported{{"InvalidVariableReferenceWithDrive", 1}}},
		{`${}`, []reported{{"EmptyVariableReference", 0}}},
		{`${a:}`, []reported{{"InvalidBracedVariableReference", 0}}},
		{`${a`, []reported{{"IncompleteDollarVariableReference", 0}}},
		{`${a{b}`, []reported{{"OpenBraceNeedsToBeBackTickedInVariableName", 3}}},
		{`"$(1"`, []reported{{"IncompleteDollarSubexpressionReference", 1}, {"TerminatorExpectedAtEndOfString", 0}}},
		{"@\"a", []reported{{"UnexpectedCharactersAfterHereStringHeader", 2}, {"TerminatorExpectedAtEndOfString", 0}}},
		{"@'\na", []reported{{"TerminatorExpectedAtEndOfString", 0}}},
		{"@'\na\n  '@\n", []reported{{"WhitespaceBeforeHereStringFooter", 7}}},
		{"a `", []reported{{"IncompleteString", 3}}},
		{"<# a", []reported{{"MissingTerminatorMultiLineComment", 0}}},
		{"$a = 0x1ffffffffffffffff", []reported{{"BadNumericConstant", 5}}},
		// Words that are reserved.
		{"from x", []reported{{"FromKeywordNotAllowed", 0}}},
		{"var x", []reported{{"ReservedKeywordNotAllowed", 0}}},
		{"a; using module b", []reported{{"UsingMustBeAtStartOfScript", 3}}},
	}
	for _, tt := range tests {
		var got []reported
		for _, e := range parseErrors(tt.in, Options{}) {
			got = append(got, reported{e.ID, e.Start})
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("Parse(%q): errors differ (-want +got):\n%s", tt.in, diff)
		}
	}
}

// TestErrorsCore has errors of what only PowerShell 7 reads.
func TestErrorsCore(t *testing.T) {
	tests := []struct {
		in   string
		want []reported
	}{
		{"1 ??= 1", []reported{{"InvalidLeftHandSide", 0}}},
		{"1..2 ??= 1", []reported{{"InvalidLeftHandSide", 0}}},
		{"$c ?= $s", []reported{{"ExpectedValueExpression", 4}, {"InvalidLeftHandSide", 0}}},
		{"$x??=", []reported{{"ExpectedValueExpression", 5}}},
		{"$x ??Get-Thing", []reported{{"ExpectedValueExpression", 5}, {"UnexpectedToken", 5}}},
		{"[datetime]?::now", []reported{{"ExpectedValueExpression", 11}, {"UnexpectedToken", 11}}},
		{"$x ?.name", []reported{{"ExpectedValueExpression", 4}, {"UnexpectedToken", 4}}},
		{"Get-Date ?.ToString()", []reported{{"ExpectedExpression", 20}}},
		{"${x}?.", []reported{{"MissingPropertyName", 6}}},
		{`${x}?.name = "value"`, []reported{{"InvalidLeftHandSide", 0}}},
		{"${x}?[]", []reported{{"MissingArrayIndexExpression", 6}}},
		{"${x}?[-]", []reported{{"MissingExpressionAfterOperator", 7}}},
		{"${x}?[0] = 1", []reported{{"InvalidLeftHandSide", 0}}},
		{"$true ?", []reported{{"ExpectedValueExpression", 7}}},
		{"$true ? 3", []reported{{"MissingColonInTernaryExpression", 9}}},
		{"$true ? 3 :", []reported{{"ExpectedValueExpression", 11}}},
		{"$true ? :", []reported{{"ExpectedValueExpression", 7}, {"ExpectedValueExpression", 9}}},
		{"a &&", []reported{{"EmptyPipeElement", 4}}},
		{"begin {} Hi", []reported{{"MissingNamedBlocks", 9}}},
		{"{begin {} Hi", []reported{{"MissingNamedBlocks", 10}, {"UnexpectedToken", 10}}},
		{"a & b & c", nil},
		{"\"`u{}\"", []reported{{"InvalidUnicodeEscapeSequence", 1}}},
		{"\"`u{219z}\"", []reported{{"InvalidUnicodeEscapeSequence", 7}}},
		{"\"`u{1234567}\"", []reported{{"TooManyDigitsInUnicodeEscapeSequence", 10}}},
		{"\"`u{110000}\"", []reported{{"InvalidUnicodeEscapeSequenceValue", 4}}},
		{"\"`u2195}\"", []reported{{"InvalidUnicodeEscapeSequence", 1}}},
		{"\"`u{1", []reported{{"InvalidUnicodeEscapeSequence", 5}, {"TerminatorExpectedAtEndOfString", 0}}},
		{"\"`u{123456", []reported{{"MissingUnicodeEscapeSequenceTerminator", 10}, {"TerminatorExpectedAtEndOfString", 0}}},
		{"workflow a {}", []reported{{"WorkflowNotSupportedInPowerShellCore", 0}}},
		{"$a = 500sgb", []reported{{"BadNumericConstant", 5}}},
		{"'a' |\n\n", []reported{{"EmptyPipeElement", 5}}},
		{"'a'\n\n| b", []reported{{"EmptyPipeElement", 5}}},
	}
	for _, tt := range tests {
		var got []reported
		for _, e := range parseErrors(tt.in, Options{Core: true}) {
			got = append(got, reported{e.ID, e.Start})
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("Parse(%q): errors differ (-want +got):\n%s", tt.in, diff)
		}
	}
}

// TestMessages has the texts of errors that people look for.
func TestMessages(t *testing.T) {
	tests := []struct{ in, want string }{
		{"{", "Missing closing '}' in statement block or type definition."},
		{"1 x", "Unexpected token 'x' in expression or statement."},
		{`"`, `The string is missing the terminator: ".`},
		{"'", "The string is missing the terminator: '."},
		{"@'\n", "The string is missing the terminator: '@."},
		{"@\"\n", `The string is missing the terminator: "@.`},
		{"1 -And", "You must provide a value expression following the '-And' operator."},
		{"If (1", "Missing closing ')' after expression in 'If' statement."},
		{"If (1)", "Missing statement block after If ( condition )."},
		{"While (1)", "Missing statement body in While loop."},
		{"Function", "Missing name after Function keyword."},
		{"a -Foo:", "Parameter -Foo: requires an argument."},
		{"a 2>b 2>c", "The error stream for this command is already redirected."},
		{"a && b", "The token '&&' is not a valid statement separator in this version."},
		{"a @b[0]", "The splatting operator '@' cannot be used to reference variables in an expression. '@b' can be used only as an " +
			"argument to a command. To reference variables in an expression use '$b'."},
		{"$a = 1e999d", "The numeric constant 1e999d is not valid."},
		{"param($a, $A)", "Duplicate parameter $A in parameter list."},
	}
	for _, tt := range tests {
		list := parseErrors(tt.in, Options{})
		if len(list) == 0 || list[0].Message != tt.want {
			t.Errorf("Parse(%q): errors %v, want the first to be %q", tt.in, list, tt.want)
		}
	}
}

// TestIncomplete says which texts a console would wait for more of.
func TestIncomplete(t *testing.T) {
	for in, want := range map[string]bool{
		`"This is a test`: true, "(": true, "(1+ 1),": true, `if ("true")`: true, "if (": true, `if ("true") {1} else`: true,
		"1,2,": true, "function a {": true, "a |": true, "@'\nx": true,
		"| a": false, "if 1 {2}": false, "1 2": false, `"$x:"`: false, "foreach ($i ; $c": false, "begin {} x": false,
	} {
		_, err := Parse(in, Options{})
		list, ok := err.(*Errors)
		if !ok {
			t.Errorf("Parse(%q) succeeds", in)
			continue
		}
		if got := list.Incomplete(); got != want {
			t.Errorf("Parse(%q): incomplete is %v, want %v: %v", in, got, want, list.List[0])
		}
	}
}

// TestDescribe has what PowerShell prints around a place.
func TestDescribe(t *testing.T) {
	tests := []struct {
		name, in string
		core     bool
		want     []string
	}{
		{"one", "if (1 {", false, []string{
			"At line:1 char:7", "+ if (1 {", "+       ~", "Unexpected token '{' in expression or statement.",
			"At line:1 char:7", "+ if (1 {", "+       ~", "Missing closing ')' after expression in 'if' statement.",
			"At line:1 char:7", "+ if (1 {", "+       ~", "Missing closing '}' in statement block or type definition.",
		}},
		{"second line", "a\n\tb 'c", false, []string{"At line:2 char:4", "+     b 'c", "+       ~~", "The string is missing the terminator: '."}},
		{"left dots", "$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'; foo && bar", false, []string{
			"At line:1 char:80",
			"+ ... rorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'; foo && bar"[:6] +
				"erence = 'Stop'; $ProgressPreference = 'SilentlyContinue'; foo && bar",
			"+ " + strings.Repeat(" ", 67) + "~~",
			"The token '&&' is not a valid statement separator in this version.",
		}},
		{"right dots", "foo && bar; " + strings.Repeat("x", 80), false, []string{
			"At line:1 char:5", "+ foo && bar; " + strings.Repeat("x", 57) + " ...", "+     ~~",
			"The token '&&' is not a valid statement separator in this version.",
		}},
		{"dots of 7", strings.Repeat("x", 80) + " ,", true, []string{
			"At line:1 char:82", "+ \u2026 " + strings.Repeat("x", 67) + " ,", "+ " + strings.Repeat(" ", 70) + "~",
			"Missing argument in parameter list.",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(tt.in, Options{Core: tt.core})
			if err == nil {
				t.Fatal("there is no error")
			}
			got := strings.Split(err.(*Errors).Describe(tt.core), "\n")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("texts differ (-want +got):\n%s", diff)
			}
		})
	}
}

// TestTooMany holds that only ten errors are shown.
func TestTooMany(t *testing.T) {
	_, err := Parse(strings.Repeat("a , ;", 12), Options{Name: `C:\x.ps1`})
	text := err.(*Errors).Describe(false)
	if n := strings.Count(text, `At C:\x.ps1:1 char:`); n != 10 {
		t.Errorf("%d errors are shown", n)
	}
	if !strings.HasSuffix(text, "\nNot all parse errors were reported.  Correct the reported errors and try again.") {
		t.Errorf("the text ends in %q", text[len(text)-100:])
	}
}
