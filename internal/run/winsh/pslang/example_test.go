package pslang_test

import (
	"errors"
	"fmt"

	"github.com/casement/casement/internal/run/winsh/pslang"
)

func ExampleParse() {
	b, err := pslang.Parse(`if ($n -gt 1) { copy "$dir\a.txt" b -Force }`, pslang.Options{})
	if err != nil {
		panic(err)
	}
	fmt.Println(pslang.Print(b))
	// Output: (if (-gt $n 1) {(cmd copy (str $dir "\\a.txt") b -Force)})
}

func ExampleParse_error() {
	_, err := pslang.Parse("copy a b\nif ($n -gt 1 { exit 1 }", pslang.Options{Name: `C:\setup.ps1`})
	var list *pslang.Errors
	if errors.As(err, &list) {
		fmt.Println(list.List[0].ID)
		fmt.Println(list.Describe(false))
	}
	// Output:
	// UnexpectedToken
	// At C:\setup.ps1:2 char:14
	// + if ($n -gt 1 { exit 1 }
	// +              ~
	// Unexpected token '{' in expression or statement.
	// At C:\setup.ps1:2 char:14
	// + if ($n -gt 1 { exit 1 }
	// +              ~
	// Missing closing ')' after expression in 'if' statement.
}

func ExampleWalk() {
	b, err := pslang.Parse("Get-Item *.log | foreach { Remove-Item $_ }", pslang.Options{})
	if err != nil {
		panic(err)
	}
	pslang.Walk(b, func(n pslang.Node) bool {
		if c, ok := n.(*pslang.Command); ok {
			fmt.Printf("column %d: %s\n", c.From().Column, c.Name.At().Text())
		}
		return true
	})
	// Output:
	// column 1: Get-Item
	// column 18: foreach
	// column 28: Remove-Item
}

func ExampleExtent_Describe() {
	b, err := pslang.Parse("$a = 1; $b = 2 / $a", pslang.Options{})
	if err != nil {
		panic(err)
	}
	fmt.Println(b.End.Statements[1].At().Describe(false))
	// Output:
	// At line:1 char:9
	// + $a = 1; $b = 2 / $a
	// +         ~~~~~~~~~~~
}
