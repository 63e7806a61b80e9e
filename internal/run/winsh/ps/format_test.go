package ps

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDefaultFormats fails if what reaches the host is laid out in another way.
// Each · stands for a blank at the end of a line.
func TestDefaultFormats(t *testing.T) {
	pad := func(s string, n int) string { return s + strings.Repeat(" ", n-len(s)) }
	for _, c := range []struct{ name, text, five, seven string }{
		{"few properties make a table", "[pscustomobject]@{Name='x';N=1}, [pscustomobject]@{Name='yy';N=22}",
			"\nName  N\n----  -\nx     1\nyy   22\n\n\n", "\nName  N\n----  -\nx     1\nyy   22\n\n"},
		{"many make a list", "[pscustomobject]@{a=1;bb=2;c=3;d=4;e=$null}",
			"\n\na  : 1\nbb : 2\nc  : 3\nd  : 4\ne  : \n\n\n\n", "\na  : 1\nbb : 2\nc  : 3\nd  : 4\ne  : \n\n"},
		{"texts between", "[pscustomobject]@{a=1}; 'text'; [pscustomobject]@{a=2}",
			"\na\n-\n1\ntext\n2\n\n\n", "\na\n-\n1\ntext\n2\n\n"},
		{"tables of keys", "@{k='v'}",
			"\n" + pad("Name", 30) + " " + pad("Value", 48) + "\n" + pad("----", 30) + " " + pad("-----", 48) + "\n" + pad("k", 30) + " " + pad("v", 48) + "\n\n\n",
			"\n" + pad("Name", 30) + " Value\n" + pad("----", 30) + " -----\n" + pad("k", 30) + " v\n\n"},
		{"scalars", "1; 'a'; 1.5; $true; [char]'x'; $null; 1,$null,2", "1\na\n1.5\nTrue\nx\n1\n2\n", "1\na\n1.5\nTrue\nx\n1\n2\n"},
		{"dates", "[datetime]'2020-01-02 03:04:05'", "\nThursday, January 2, 2020 3:04:05 AM\n\n\n", "\nThursday, January 2, 2020 3:04:05 AM\n\n"},
		{"versions", "[version]'1.2.3'",
			"\nMajor  Minor  Build  Revision\n-----  -----  -----  --------\n1      2      3      -1      \n\n\n", "\nMajor  Minor  Build  Revision\n-----  -----  -----  --------\n1      2      3      -1\n\n"},
		{"collections in cells", "[pscustomobject]@{l=1,2,3,4,5;h=@{a=1;b=2};n=(1,(2,3))}",
			"\nl               h      n                   \n-               -      -                   \n{1, 2, 3, 4...} {a, b} {1, System.Object[]}\n\n\n", ""},
		{"long cells are cut", "[pscustomobject]@{a='x'*60;b='y'*60}",
			"\n" + pad("a", 60) + " " + pad("b", 18) + "\n" + pad("-", 60) + " " + pad("-", 18) + "\n" + strings.Repeat("x", 60) + " " + strings.Repeat("y", 15) + "...\n\n\n", ""},
		{"long values of lists wrap", "[pscustomobject]@{a='word '*20;b=1;c=1;d=1;e=1} | Format-List a",
			"\n\na : " + strings.Repeat("word ", 15) + "\n    " + strings.Repeat("word ", 5) + "\n\n\n\n", ""},
		{"Format-Table", "[pscustomobject]@{a=1;b='x'} | Format-Table b, @{n='twice';e={$_.a * 2};f='N1'}, @{l='w';e='a';width=5;a='left'}",
			"\nb twice w\n- ----- -\nx   2.0 1\n\n\n", ""},
		{"Format-Table without heads", "[pscustomobject]@{a=1;b='x'} | ft -HideTableHeaders", "\n1 x\n\n\n", "\n1 x\n\n"},
		{"Format-List", "[pscustomobject]@{a=1;bc='x'},[pscustomobject]@{a=2;bc='y'} | fl", "\n\na  : 1\nbc : x\n\na  : 2\nbc : y\n\n\n\n", "\na  : 1\nbc : x\n\na  : 2\nbc : y\n\n"},
		{"Format-Wide", "[pscustomobject]@{Name='a'},[pscustomobject]@{Name='b'},[pscustomobject]@{Name='c'} | fw -Column 2",
			"\n" + pad("a", 39) + " " + pad("b", 39) + "\n" + pad("c", 39) + " " + pad("", 39) + "\n\n\n", ""},
		{"groups", "[pscustomobject]@{g=1;v='a'},[pscustomobject]@{g=2;v='b'} | ft v -GroupBy g", "\n\n   g: 1\n\nv\n-\na\n\n\n   g: 2\n\nv\n-\nb\n\n\n", "\n   g: 1\n\nv\n-\na\n\n   g: 2\n\nv\n-\nb\n\n"},
		{"to a text", "([pscustomobject]@{a=1} | Out-String).Length; 'x' | Out-String -Stream; (1,2 | Out-String) -replace \"`r`n\",'|'", "15\nx\n1|2|\n", "13\nx\n1|2|\n"},
		{"to a file", "[pscustomobject]@{a=1} > f.txt; ${C:\\f.txt} | % { \"<$_>\" }", "<>\n<a>\n<->\n<1>\n<>\n<>\n", "<>\n<a>\n<->\n<1>\n<>\n"},
		{"long lines are not broken", "'y' * 100", strings.Repeat("y", 100) + "\n", strings.Repeat("y", 100) + "\n"},
	} {
		for _, ed := range []struct{ program, want string }{{"powershell", c.five}, {"pwsh", c.seven}} {
			if ed.want == "" {
				continue
			}
			t.Run(c.name+"/"+ed.program, func(t *testing.T) {
				got := start(t, New(Config{}), ed.program, "-Command", c.text)
				if diff := cmp.Diff(ed.want, got.Out+got.Err+got.Failed); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// TestViews fails if the views of types are not used.
func TestViews(t *testing.T) {
	type thing struct {
		dir, name string
		size      int32
	}
	of := func(v any) thing { return v.(*Object).Data.(thing) }
	e := New(Config{
		Types: []*Type{{Name: "Test.Thing", View: func() *View {
			return &View{
				Table: []Column{{Label: "Mode", Width: 6, Width7: 5, Value: func(context.Context, *Session, any) (any, error) { return "-a---", nil }},
					{Label: "Size", Width: 8, Right: true, Property: "Size"}, {Property: "Name"}},
				Group:  func(_ context.Context, _ *Session, v any) string { return of(v).dir },
				Header: func(g string) string { return "    Directory: " + g },
			}
		}, Members: func() []Member {
			return []Member{
				Prop("Size", "int", func(_ context.Context, in *Invoke) (any, error) { return of(in.Self).size, nil }),
				Prop("Name", "string", func(_ context.Context, in *Invoke) (any, error) { return of(in.Self).name, nil }),
			}
		}}},
		Cmdlets: []*Cmdlet{{Name: "Get-Thing", Process: func(ctx context.Context, c *Call) error {
			for _, x := range []thing{{`C:\a`, "one", 5}, {`C:\a`, "two", 1234567890}, {`C:\b`, "three", 0}} {
				if err := c.Write(ctx, c.Session.Object("Test.Thing", x)); err != nil {
					return err
				}
			}
			return nil
		}}},
	})
	want := `

    Directory: C:\a


Mode       Size Name                                                           
----       ---- ----                                                           
-a---         5 one                                                            
-a---  12345... two                                                            


    Directory: C:\b


Mode       Size Name                                                           
----       ---- ----                                                           
-a---         0 three                                                          


`
	want = strings.Replace(want, "-a---  12345...", "-a---  ...67890", 1)
	if diff := cmp.Diff(want, start(t, e, "powershell", "-Command", "Get-Thing").Out); diff != "" {
		t.Error(diff)
	}
	want = `
    Directory: C:\a

Mode      Size Name
----      ---- ----
-a---        5 one
-a--- …4567890 two

    Directory: C:\b

Mode      Size Name
----      ---- ----
-a---        0 three

`
	if diff := cmp.Diff(strings.ReplaceAll(want, "…", "?"), start(t, e, "pwsh", "-Command", "Get-Thing").Out); diff != "" {
		t.Error(diff)
	}
}
