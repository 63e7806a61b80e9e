package pslang

// Options says which language is read. The zero value is Windows PowerShell
// 5.1.
type Options struct {
	// Core adds what PowerShell 7 has: && and ||, ?:, ??, ??=, ?. and ?[],
	// `u{} and `e, & behind a pipeline, more kinds of numbers.
	Core bool
	// Name is the file that the text comes from, "" for a command line.
	Name string
}
