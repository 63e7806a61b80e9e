// Package pslang reads PowerShell: a lexer, a parser and the tree that they
// make, for the language of Windows PowerShell 5.1 and, on request, for what
// PowerShell 7 adds to it. It knows nothing of values, commands or machines.
//
// [Parse] turns a text into a [ScriptBlock] or into an [*Errors], which has
// every syntax error with message, identifier and place as PowerShell reports
// them.
package pslang
