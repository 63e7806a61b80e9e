// Package pslang reads PowerShell: a lexer, a parser and the tree that they
// make, for the language of Windows PowerShell 5.1 and, on request, for what
// PowerShell 7 adds to it. It knows nothing of values, commands or machines.
//
// [Parse] turns a text into a [ScriptBlock] or into an [*Errors], which has
// every syntax error with message, identifier and place as PowerShell reports
// them; [Errors.Describe] is what powershell.exe prints of them. [Walk] visits
// a tree, [Print] shows it, and each node knows its [Extent].
//
// # How it reads
//
// What a character means depends on where it stands. In an expression, a+b is
// a sum, 1.5.2 selects a member of a number, and a quote starts a string. In
// the arguments of a command all of these are bare words: echo a+b prints a+b.
// So there is no list of tokens. The parser descends by the grammar and asks
// the lexer for what can stand at a place: [Expression]s behind = and in
// parentheses, [Argument]s behind a command's name. A statement is read as an
// expression first; only a word that is none names a command.
//
// Some rules surprise, and are kept since scripts depend on them:
//
//   - A bare word goes on over quotes, $ and even >, but not over blanks and
//     & ( ) , ; { | }. So echo a>b prints a>b, while echo a >b writes a file.
//   - A word that starts with a variable is one argument ($a/b, $a$b), unless a
//     dot or a bracket follows ($a.b/c are two). One that starts with a string,
//     with $( ) or with a dot before $ ends there: "a"b are two arguments.
//   - -Name ends at a dot, a comma or a bracket and takes no values in it:
//     -Da.b is -Da and .b, -D$x is literally that.
//   - A sign makes a number only in expressions; the argument -1 is a string.
//   - The end of $( ) in a string is found by counting parentheses, whether
//     they stand in quotes or not, and doubled quotes in it are single ones.
//   - A name may end in a question mark, also in a string ("$a?" has $a?).
//   - < at the start of a command is a command's name, elsewhere an error.
//
// # What it does not do
//
// Classes, enumerations, workflows, configurations and data sections become
// [Unsupported]: their end is found, their inside is not read. Conditions that
// need types or values, such as an attribute's constructor, are not checked.
// After an error the parser goes on at the place where PowerShell does, as far
// as that is known, so that later errors are mostly those that PowerShell
// reports, too. Nesting has a limit of [ScriptBlock]s and other constructs far
// beyond what people write; beyond it a text is too complex, as it is for
// PowerShell at some depth. Time and memory grow with the length of the text.
package pslang
