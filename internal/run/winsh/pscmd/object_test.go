package pscmd

import "testing"

// Broken if it fails: objects are chosen, sorted, counted or compared otherwise.
func TestObjects(t *testing.T) {
	const list = `$l = [pscustomobject]@{n='b';v=2},[pscustomobject]@{n='a';v=10},[pscustomobject]@{n='c';v=2}; `
	rows(t, nil, []row{
		{name: "a pattern that is none, in 7", core: true, text: `'a' | Select-String '('`, errs: []string{`InvalidRegex,Microsoft.PowerShell.Commands.SelectStringCommand InvalidArgument The string ( is not a valid regular expression: Invalid pattern '(' at offset 1. Not enough )'s.`}},
		{name: "Select-Object", both: true, text: `1..5 | select -First 2; 1..5 | select -Last 1; 1..5 | select -Skip 3; 1..5 | select -SkipLast 4; 1..5 | select -Index 1,3; 1,1,2 | select -Unique; (1..3 | select -First 1).GetType().Name`, want: "1\n2\n5\n4\n5\n1\n2\n4\n1\n2\nInt32"},
		{name: "properties", both: true, text: list + `($l | select n).Count; $l | select -First 1 n, @{Name='w';Expression={$_.v*2}}, nope | fl; $l | select -ExpandProperty n; ($l[0] | select * -ExcludeProperty v).psobject.Properties.Name; $l | select v -Unique | % v`,
			want: "3\nn    : b\nw    : 4\nnope :\nb\na\nc\nn\n2\n10"},
		{name: "no such property", both: true, text: list + `$l[0] | select -ExpandProperty nope`, errs: []string{`ExpandPropertyNotFound,Microsoft.PowerShell.Commands.SelectObjectCommand InvalidArgument Property "nope" cannot be found.`}},
		{name: "Where-Object", both: true, text: list + `($l | ? v -eq 2).n -join ','; ($l | where { $_.v -gt 2 }).n; ($l | ? n -in a,b).n -join ','; ($l | ? n -match '[ab]').Count; ($l | ? n).Count; ($l | ? n -NotLike 'a*').Count`, want: "b,c\na\nb,a\n2\n3\n2"},
		{name: "ForEach-Object", both: true, text: list + `$l | % n; 1,2 | % { $_ * 2 }; 1,2 | % -Begin { 'b' } -Process { $_ } -End { 'e' }; 'x' | % ToString; 'ab' | % Length; 1 | % { 'a' } { 'b' }`, want: "b\na\nc\n2\n4\nb\n1\n2\ne\nx\n2\na\nb"},
		{name: "Sort-Object", both: true, text: list + `($l | sort n).n -join ','; ($l | sort v,n -Descending).n -join ','; ($l | sort @{e='v';Descending=$true},@{e='n'}).n -join ','; 'b','A','c' | sort; 10,9,8 | sort; ($l | sort v -Unique).n -join ','; (3,1,2 | sort { -$_ }) -join ','; ('a10','a2' | sort) -join ','`,
			want: "a,b,c\na,c,b\na,b,c\nA\nb\nc\n8\n9\n10\nb,a\n3,2,1\na10,a2"},
		{name: "Group-Object", both: true, text: list + `$g = $l | group v; $g.Count; $g[0].Name; $g[0].Count; $g[0].Group.n -join ','; ($l | group v -NoElement)[1].Name; $h = $l | group n -AsHashTable -AsString; $h['a'].v; 'x','X' | group | % Count`, want: "2\n2\n2\nb,c\n10\n10\n2"},
		{name: "Measure-Object", both: true, text: list + `$m = $l | measure v -Sum -Average -Maximum -Minimum; $m.Count; $m.Sum; $m.Maximum; $m.Minimum; '{0:n2}' -f $m.Average; (1..4 | measure).Count; $t = 'a b','c' | measure -Line -Word -Character; $t.Lines; $t.Words; $t.Characters`, want: "3\n14\n10\n2\n4.67\n4\n2\n3\n4"},
		{name: "Compare-Object", both: true, text: `diff 1,2,3 2,3,4 | % { "$($_.InputObject) $($_.SideIndicator)" }; (diff a a -IncludeEqual).SideIndicator; (diff a a) -eq $null; diff a,b b,a -PassThru; (diff 1,2 2,3 -ExcludeDifferent -IncludeEqual).InputObject`, want: "4 =>\n1 <=\n==\nTrue\n2"},
		{name: "unique", both: true, text: `1,1,2,1 | Get-Unique; (Measure-Command { 1 }).GetType().Name`, want: "1\n2\n1\nTimeSpan"},
		{name: "members", both: true, text: `$o = [pscustomobject]@{a=1}; $o | Add-Member b 2; $o | Add-Member NoteProperty c 3; $o | Add-Member -NotePropertyMembers @{d=4}; $o | Add-Member ScriptMethod twice { $this.a * 2 }; $o | Add-Member ScriptProperty sp { $this.b + 1 }; $o | Add-Member AliasProperty al a; "$($o.b) $($o.c) $($o.d) $($o.twice()) $($o.sp) $($o.al)"; ('s' | Add-Member q 9 -PassThru).q; ($o | gm -MemberType NoteProperty).Name -join ','`, want: "2 3 4 2 3 1\n9\na,b,c,d"},
		{name: "a member that is there", both: true, text: `$o = [pscustomobject]@{a=1}; $o | Add-Member a 2; $o | Add-Member a 3 -Force; $o.a`, want: "3", errs: []string{
			`MemberAlreadyExists,Microsoft.PowerShell.Commands.AddMemberCommand InvalidOperation Cannot add a member with the name "a" because a member with that name already exists. To overwrite the member anyway, add the Force parameter to your command.`}},
		{name: "Get-Member", both: true, text: `[pscustomobject]@{a=1} | gm`, want: "   TypeName: System.Management.Automation.PSCustomObject\nName        MemberType   Definition\n----        ----------   ----------\nEquals      Method       bool Equals(System.Object obj)\nGetHashCode Method       int GetHashCode()\nGetType     Method       type GetType()\nToString    Method       string ToString()\na           NoteProperty int a=1"},
	})
}

// Broken if it fails: what cannot be done is done half.
func TestRefusals(t *testing.T) {
	rows(t, nil, []row{
		{text: `Get-ChildItem | Out-GridView`, refused: "Out-GridView"},
		{text: `Get-Content f -Wait`, refused: "Get-Content -Wait"},
		{text: `Get-ChildItem Cert:\LocalMachine`, refused: `Cert:\LocalMachine`},
		{text: `Restart-Computer`, refused: "Restart-Computer"},
		{text: `New-WebBinding x`, refused: "New-WebBinding"},
		{text: `Start-Job { 1 }`, refused: "Start-Job"},
		{text: `Get-Help ls`, refused: "Get-Help"},
		{text: `Test-NetConnection x`, refused: "Test-NetConnection"},
		{text: `Import-Certificate x`, refused: "Import-Certificate"},
		{text: `Register-ScheduledTask x`, refused: "Register-ScheduledTask"},
		{text: `Update-Help`, refused: "Update-Help"},
		{text: `Invoke-Item x`, refused: "Invoke-Item"},
		{text: `Invoke-Command -ComputerName x { 1 }`, refused: "Invoke-Command -ComputerName"},
		{text: `Get-Acl x -Audit`, refused: "Get-Acl -Audit"},
		{text: `Get-ChildItem -Foo`, refused: "Get-ChildItem -Foo"},
	})
}
