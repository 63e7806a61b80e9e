package psnet_test

import "testing"

// TestArrays fails if arrays or lists differ from .NET's.
func TestArrays(t *testing.T) {
	check(t, nil, []says{
		{script: `$a = 3,1,2; [array]::Sort($a); "$a"; [array]::Reverse($a); "$a"; [array]::IndexOf($a,1); [array]::IndexOf(@('a','b'),'B')`, want: "1 2 3\n3 2 1\n2\n-1"},
		{script: `$a = 1,2,3; $b = New-Object int[] 5; [array]::Copy($a,$b,2); "$b"; [array]::Resize([ref]$a,2); $a.Count; [array]::Clear($b,0,1); "$b"; $a.GetUpperBound(0)`, want: "1 2 0 0 0\n2\n0 2 0 0 0\n1"},
		{script: `[array]::Find(@(1,2,3),[Predicate[object]]{ param($x) $x -gt 1 })`, want: "2"},
		{script: `[array]::FindAll(@(1,2,3),{ param($x) $x -gt 1 }) -join ','; [array]::Exists(@(1,2),{ $args[0] -eq 2 }); (1,2,3).Contains(2); (1,2).Clone().Count; (1,2).GetValue(1)`, want: "2,3\nTrue\nTrue\n2\n2"},
		{script: `(1,2).Add(3)`, want: "!Collection was of a fixed size."},
		{script: `$k = 3,1; $v = 'c','a'; [array]::Sort($k,$v); "$v"; [array]::CreateInstance([string],2).Length; $b = [byte[]](1,2,3); [array]::Reverse($b); "$b"`, want: "a c\n2\n3 2 1"},
		{script: `$l = New-Object Collections.ArrayList; $l.Add('a'); [void]$l.Add('b'); $l.AddRange(@('c','d')); $l.Remove('b'); $l.RemoveAt(0); $l.Insert(0,'x'); "$l"; $l.Contains('d'); $l.IndexOf('d'); $l.Count; $l.ToArray().GetType().Name`, want: "0\nx c d\nTrue\n2\n3\nObject[]"},
		{script: `$l = [Collections.ArrayList]@(3,1,2); $l.Sort(); "$l"; $l.Reverse(); "$l"; $l.GetRange(0,2).Count; $l.Clear(); $l.Count; $l.RemoveAt(5)`, want: "1 2 3\n3 2 1\n2\n0\n!Index was out of range. Must be non-negative and less than the size of the collection.\nParameter name: index", core: "1 2 3\n3 2 1\n2\n0\n!Index was out of range. Must be non-negative and less than the size of the collection. (Parameter 'index')"},
		{script: `$l = New-Object 'System.Collections.Generic.List[string]'; $l.Add('b'); $l.Add(1); $l.AddRange([string[]]@('a')); $l.Sort(); $l -join ','; $l[0].GetType().Name; $l.Remove('zz'); $l.Exists({ param($x) $x -eq 'a' }); $l.ToArray().GetType().Name`, want: "1,a,b\nString\nFalse\nTrue\nString[]"},
		{script: `$l = [Collections.Generic.List[int]]::new([int[]](5,6)); $l.Find({ $args[0] -gt 5 }); $l.RemoveAll({ $args[0] -gt 5 }); $l.Count; $l.ForEach({ $_ * 2 }); $l.Add('x')`, want: "6\n1\n1\n!Input string was not in a correct format.", core: "6\n1\n1\n!The input string 'x' was not in a correct format."},
		{script: `$e = @(1,2).GetEnumerator(); while ($e.MoveNext()) { $e.Current }; @{a=1}.GetEnumerator() | ForEach-Object { $_.Key + '=' + $_.Value }`, want: "1\n2\na=1"},
	})
}

// TestDictionaries fails if tables, dictionaries, sets and queues differ from
// .NET's.
func TestDictionaries(t *testing.T) {
	check(t, nil, []says{
		{script: `$h = @{b=1}; $h.Add('a',2); $h.ContainsKey('A'); $h.ContainsValue(2); $h.Remove('b'); $h.Count; $h.Item('a'); $h.Clone().Keys; $h.Clear(); $h.Count`, want: "True\nTrue\n1\n2\na\n0"},
		{script: `@{a=1}.Add('A',2)`, want: "!Item has already been added. Key in dictionary: 'a'  Key being added: 'A'"},
		{script: `$o = [ordered]@{b=1;a=2}; $o.Insert(0,'z',0); $o.Keys -join ','; $o.RemoveAt(0); $o[0]; $o.Contains('a')`, want: "z,b,a\n1\nTrue"},
		{script: `(New-Object Collections.Hashtable).GetType().Name; $h = [hashtable]::new(); $h['a']=1; $h['A']=2; $h.Count; [hashtable]::Synchronized(@{x=1}).x`, want: "Hashtable\n2\n1"},
		{script: `$d = New-Object 'Collections.Generic.Dictionary[string,int]'; $d.Add('a',1); $d['b'] = '2'; $d.b; $d.ContainsKey('A'); $v = 0; $d.TryGetValue('a',[ref]$v); $v; $d.Keys -join ','; foreach ($p in $d.GetEnumerator()) { "$($p.Key):$($p.Value)" }; $d.Count; $d['nope']`, want: "2\nFalse\nTrue\n1\na,b\na:1\nb:2\n2"},
		{script: `$d = [Collections.Generic.Dictionary[string,object]]::new([StringComparer]::OrdinalIgnoreCase); $d['a']=1; $d.ContainsKey('A'); $d.Add('A',2)`, want: "True\n!An item with the same key has already been added.", core: "True\n!An item with the same key has already been added. Key: A"},
		{script: `$s = New-Object 'Collections.Generic.HashSet[string]'; $s.Add('a'); $s.Add('a'); $s.Contains('a'); $s.UnionWith([string[]]@('b','c')); $s.Count; ($s | Sort-Object) -join ','; $s.Remove('b'); $s.SetEquals([string[]]@('c','a'))`, want: "True\nFalse\nTrue\n3\na,b,c\nTrue\nTrue"},
		{script: `$q = New-Object Collections.Queue; $q.Enqueue(1); $q.Enqueue(2); $q.Peek(); $q.Dequeue(); $q.Count; $k = [Collections.Generic.Stack[int]]::new(); $k.Push(1); $k.Push(2); $k.Pop(); $k.Count; $q.Dequeue(); $q.Dequeue()`, want: "1\n1\n1\n2\n1\n2\n!Queue empty."},
		{script: `$d = [Collections.Generic.SortedDictionary[string,int]]::new(); $d['b']=2; $d['a']=1; $d.Keys -join ','; $l = New-Object Collections.SortedList; $l.Add('z',1); $l.Add('y',2); $l.GetByIndex(0); $l.Keys -join ','`, want: "a,b\n2\ny,z"},
		{script: `$n = New-Object Collections.Specialized.NameValueCollection; $n.Add('a','1'); $n.Add('a','2'); $n['A']; $n.Count; $n.AllKeys -join ','; [Tuple]::Create(1,'x').Item2`, want: "1,2\n1\na\nx"},
	})
}
