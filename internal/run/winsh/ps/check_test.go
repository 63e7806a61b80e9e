package ps

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
	"github.com/google/go-cmp/cmp"
)

// checkConfig has a few cmdlets and types that refuse things.
func checkConfig() Config {
	return Config{
		Cmdlets: []*Cmdlet{
			{Name: "Get-Thing", Aliases: []string{"gt"}, Aliases51: []string{"old"}, Module: "Things", Parameters: []Parameter{
				{Name: "Path", Type: "string[]", Pos: 1}, {Name: "Filter", Type: "string", Pos: 2}, {Name: "Remote", Type: "string", Refuse: "there is only one computer"},
				{Name: "Fast", Type: "switch"}, {Name: "New", Type: "switch", Edition: Core}},
				Process: func(ctx context.Context, c *Call) error { return c.Write(ctx, c.Value("Path")) },
				Check: func(_ context.Context, k *Check) error {
					if p, ok := k.String("Path"); ok && p == "bad" {
						return machine.Refuse("Get-Thing bad", "it is bad", "use good")
					}
					return nil
				}},
			{Name: "Get-Gone", Refuse: "it needs Windows", Way: "do without"},
		},
		Types: []*Type{
			{Name: "System.Thing", Members: func() []Member {
				return []Member{
					StaticMethod("Do", "string", O("string x", func(_ context.Context, in *Invoke) (any, error) { return in.String(0), nil })),
					StaticMethod("Never", "string").Refused("it needs Windows", "do without"),
					Method("Run", "void", O("", func(context.Context, *Invoke) (any, error) { return nil, nil })),
				}
			}, New: []Overload{O("", func(_ context.Context, in *Invoke) (any, error) { return in.Session.Object("System.Thing", nil), nil })}},
			{Name: "System.Bad", Refuse: "it is bad"},
		},
		Refused: func(name string) (string, string, bool) {
			return "it installs a role", "use another image", name == "add-windowsfeature"
		},
	}
}

// refusal checks a text and returns line:column, construct of what is refused.
func refusal(t testing.TB, e *Engine, program, text string) string {
	t.Helper()
	m, err := machine.New(machine.Options{Root: tree.Chain{OS: "windows"}, Programs: programs(e)})
	if err != nil {
		t.Fatal(err)
	}
	p := m.Process(program, `C:\`, nil, nil)
	c := &machine.Checking{Machine: m, Env: p.Env, Dir: `C:\`}
	err = e.Programs()[program].Check(t.Context(), c, []machine.Arg{{Text: "-Command"}, {Text: text}})
	var r *run.RefusedError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &r):
		return fmt.Sprintf("%d:%d %s", r.Line, r.Column, r.Construct)
	}
	t.Fatal(err)
	return ""
}

// TestCheck fails if something that cannot be done is found only when other
// things have been done, or something that can be done is refused.
func TestCheck(t *testing.T) {
	e := New(checkConfig())
	for _, c := range []struct{ text, want string }{
		{"Get-Thing x; gt x; Things\\Get-Thing x; Get-Thing -Pa x -Fa", ""},
		{"'a'; Get-Nothing x", "1:6 Get-Nothing"},
		{"'a'\n  foo", "2:3 foo"},
		{"if ($false) { Get-Gone }", "1:15 Get-Gone"},
		{"Add-WindowsFeature x", "1:1 Add-WindowsFeature"},
		{"function foo { }; foo; function bar { Get-Nothing }", "1:39 Get-Nothing"},
		{"foo; function foo { }", ""},
		{"Set-Alias q Get-Thing; q x", "1:1 Set-Alias"},
		{"Get-Thing -Remote x", "1:11 Get-Thing -Remote"},
		{"Get-Thing -Rem x", "1:11 Get-Thing -Remote"},
		{"Get-Thing -Nope x", "1:11 Get-Thing -Nope"},
		{"$h = @{Remote='x'}; Get-Thing @h", "1:21 Get-Thing -Remote"},
		{"Get-Thing bad", "1:1 Get-Thing bad"},
		{"$p = 'bad'; Get-Thing -Path $p", "1:13 Get-Thing bad"},
		{"$p = 'b' + 'ad'; Get-Thing -Path \"$p\"", "1:18 Get-Thing bad"},
		{"$p = 'good'; $p = 'bad'; Get-Thing $p", ""},
		{"1 | % { Get-Thing bad }", "1:9 Get-Thing bad"},
		{"[System.Thing]::Do('x'); [Thing]::do(1)", ""},
		{"[Thing]::Never()", "1:1 [System.Thing]::Never"},
		{"[Thing]::Nope()", "1:1 [System.Thing]::Nope"},
		{"[Nope]::X", "1:2 [Nope]"},
		{"[Bad]$x = 1", "1:2 [Bad]"},
		{"(New-Object Thing).Run(); $t = New-Object Thing; $t.Run(); [Thing]::new().Run()", ""},
		{"(New-Object Thing).Walk()", "1:20 System.Thing.Walk()"},
		{"$t = New-Object Thing; $t.Walk()", "1:27 System.Thing.Walk()"},
		{"New-Object Nope", "1:1 New-Object Nope"},
		{"New-Object -ComObject X", "1:12 New-Object -ComObject"},
		{"$x.Foo()", "1:4 .Foo()"},
		{"$x.ToString(); 'a'.ToString(); $x.Run()", ""},
		{"$o = @{}; $o | Add-Member ScriptMethod Foo { 1 }; $o.Foo()", "1:16 Add-Member"},
		{"class C { }", "1:1 class"},
		{"workflow w { }", "1:1 workflow"},
		{"iex 'Get-Nothing'", "1:1 Get-Nothing"},
		{"& 'Get-Nothing'", "1:3 Get-Nothing"},
		{"& $unknown; . $x; iex $y", ""},
		{".\\later.ps1; C:\\x\\later.cmd a", ""},
		{".\\setup.exe /S", "1:1 C:\\setup.exe"},
		{"powershell -Command \"Get-Nothing\"", "1:1 Get-Nothing"},
		{"powershell -Command $x", ""},
		{"try { Get-Gone } catch { }", "1:7 Get-Gone"},
		{"Invoke-Command -ComputerName x { 1 }", "1:16 Invoke-Command -ComputerName"},
		{"using module X", "1:1 using module X"},
		{"if (1 {", ""},
		{"#requires -Modules X\n1", "1:1 #requires -Modules X"},
		{"function f { [Foo()]param($x) }", "1:14 [Foo]"},
	} {
		if got := refusal(t, e, "powershell", c.text); got != c.want {
			t.Errorf("%s\n got %q\nwant %q", c.text, got, c.want)
		}
	}
	for _, c := range []struct{ five, seven, text string }{
		{"", "1:1 old", "old x"},
		{"1:11 Get-Thing -New", "", "Get-Thing -New"},
		{"", "", "1..3 | % -Parallel { 1 }"},
	} {
		if c.text == "1..3 | % -Parallel { 1 }" {
			c.five, c.seven = "1:10 ForEach-Object -Parallel", "1:10 ForEach-Object -Parallel"
		}
		if got := refusal(t, e, "powershell", c.text); got != c.five {
			t.Errorf("5.1: %s\n got %q\nwant %q", c.text, got, c.five)
		}
		if got := refusal(t, e, "pwsh", c.text); got != c.seven {
			t.Errorf("7: %s\n got %q\nwant %q", c.text, got, c.seven)
		}
	}
}

// TestCheckLate fails if what became known at run time runs without having been
// checked, or a script can go on after a refusal.
func TestCheckLate(t *testing.T) {
	e := New(checkConfig())
	for _, text := range []string{
		"try { & ('Get-' + $env:X + 'Gone') } catch { 'caught' }; 'after'",
		"$t = 'Get-Go'; $t += 'ne'; iex $t; 'after'",
		"'Write-Host first; Get-Gone' > C:\\s.ps1; C:\\s.ps1; 'after'",
		"$n = 'Remote'; $n += ''; $h = @{$n = 'x'}; Get-Thing @h; 'after'",
		"$p = 'ba'; $p += 'd'; Get-Thing $p; 'after'",
		"function f { $x = 'Get-Gone'; & $x$y }; f; 'after'",
	} {
		got := start(t, e, "powershell", "-Command", text)
		if got.Failed == "" || got.Out != "" {
			t.Errorf("%s: %+v, want a refusal and nothing else", text, got)
		}
	}
}

// TestCheckSelf fails if a text that contains itself is checked without end: the
// stack of the process would overflow.
func TestCheckSelf(t *testing.T) {
	got := start(t, New(checkConfig()), "powershell", "-Command", "$s = 'iex $s'; iex $s; 'after'")
	if got.Failed != "" || got.Out != "after\n" || !strings.Contains(got.Err, "call depth overflow") {
		t.Errorf("%+v, want an overflow that PowerShell reports", got)
	}
}

// TestCheckNative fails if programs do not hear of their arguments before the
// line runs, or hear more than is known.
func TestCheckNative(t *testing.T) {
	e := New(Config{})
	list := programs(e)
	var seen []machine.Arg
	var raw string
	list["args"] = spy{func(c *machine.Checking, args []machine.Arg) { seen, raw = args, c.Raw }}
	m, err := machine.New(machine.Options{Root: tree.Chain{OS: "windows"}, Programs: list})
	if err != nil {
		t.Fatal(err)
	}
	p := m.Process("powershell", `C:\`, nil, nil)
	for _, c := range []struct {
		text, raw string
		want      []machine.Arg
	}{
		{"args a 'b c' 1.0 -x:y", `"C:\Windows\System32\args.exe" a "b c" 1.0 -x:y`, []machine.Arg{{Text: "a"}, {Text: "b c"}, {Text: "1.0"}, {Text: "-x:y"}}},
		{"args a '' $null b --% c  %OS%", `"C:\Windows\System32\args.exe" a   b  c  Windows_NT`, []machine.Arg{{Text: "a"}, {Text: "b"}, {Text: "c"}, {Text: "Windows_NT"}}},
		{"$v = 'k'; args $v \"$v/$w\" $u", "", []machine.Arg{{Text: "k"}, {Text: "k", Unknown: true}, {Unknown: true}}},
	} {
		seen, raw = nil, ""
		err := list["powershell"].Check(t.Context(), &machine.Checking{Machine: m, Env: p.Env, Dir: `C:\`}, []machine.Arg{{Text: "-Command"}, {Text: c.text}})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, seen); diff != "" || raw != c.raw {
			t.Errorf("%s: %s raw %q", c.text, diff, raw)
		}
	}
}

// spy is a program that tells what it was asked.
type spy struct {
	check func(c *machine.Checking, args []machine.Arg)
}

func (s spy) Check(_ context.Context, c *machine.Checking, args []machine.Arg) error {
	s.check(c, args)
	return nil
}

func (s spy) Run(context.Context, *machine.Process) (int, error) { return 0, nil }

// TestCmdlets fails if the API of cmdlets does something else than it says.
func TestCmdlets(t *testing.T) {
	e := New(Config{Cmdlets: []*Cmdlet{
		{Name: "Get-First", Parameters: []Parameter{{Name: "InputObject", FromPipeline: true}, {Name: "Count", Type: "int", Pos: 1}},
			Start: func(_ context.Context, c *Call) (Steps, error) {
				n := 0
				return Steps{
					Process: func(ctx context.Context, c *Call) error {
						v, _ := c.Input()
						n++
						if err := c.Write(ctx, v); err != nil {
							return err
						}
						if n == c.Int("Count", 1) {
							return c.Stop()
						}
						return nil
					},
					End: func(ctx context.Context, c *Call) error { return c.Write(ctx, "end") },
				}, nil
			}},
		{Name: "Test-Errors", ShouldProcess: true, Parameters: []Parameter{{Name: "How", Type: "string", Pos: 1, Mandatory: true, FromPipeline: true}},
			Process: func(ctx context.Context, c *Call) error {
				if ok, err := c.ShouldProcess(ctx, c.String("How"), "Test"); !ok || err != nil {
					return err
				}
				r := NewError("System.IO.IOException", "it went wrong", "Wrong", WriteError, c.String("How"))
				if c.String("How") == "stop" {
					return r
				}
				if err := c.Error(ctx, r); err != nil {
					return err
				}
				return c.Write(ctx, "went on")
			}},
	}})
	for _, c := range []struct{ text, want string }{
		{"function up { 1; Write-Host made; 2; Write-Host never; 3 }; up | Get-First 2; 'next'", "1\nmade\n2\nend\nnext"},
		{"1..3 | Get-First | % { \"<$_>\" }; foreach ($i in 1,2) { 1..9 | Get-First | Out-Null; $i }", "<1>\n<end>\n1\n2"},
		{"try { 1..5 | % { try { $_ } finally { Write-Host fin } } | Get-First } finally { 'out' }", "1\nfin\nend\nout"},
		{"Test-Errors x; $?", "went on\nFalse\nERR Test-Errors : it went wrong\nAt line:1 char:1\n+ Test-Errors x; $?\n+ ~~~~~~~~~~~~~\n    + CategoryInfo          : WriteError: (x:String) [Test-Errors], IOExceptio \n   n\n    + FullyQualifiedErrorId : Wrong,Microsoft.PowerShell.Commands.TestErrorsCo \n   mmand\n "},
		{"Test-Errors x -EA 0; $Error[0].FullyQualifiedErrorId; try { 'a','b' | Test-Errors -EA Stop } catch [IO.IOException] { \"c $($_.TargetObject)\" }", "went on\nWrong,Microsoft.PowerShell.Commands.TestErrorsCommand\nc a"},
		{"try { Test-Errors stop -EA SilentlyContinue } catch { 'terminating' }; Test-Errors x -ErrorVariable e -EA Ignore; $e.Count", "terminating\nwent on\n0"},
		{"Test-Errors x -WhatIf; $WhatIfPreference = $true; Test-Errors y", "What if: Performing the operation \"Test\" on target \"x\".\nWhat if: Performing the operation \"Test\" on target \"y\"."},
		{"$PSDefaultParameterValues['Test-Errors:ErrorAction'] = 'SilentlyContinue'; Test-Errors x", "went on"},
	} {
		got := start(t, e, "powershell", "-Command", c.text)
		text := got.Out
		if got.Err != "" {
			text += "ERR " + got.Err
		}
		if diff := cmp.Diff(c.want+"\n", text+got.Failed); diff != "" {
			t.Errorf("%s\n%s", c.text, diff)
		}
	}
}
