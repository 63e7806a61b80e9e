package psnet_test

import "testing"

// TestStrings fails if a method of System.String does not do what .NET does.
func TestStrings(t *testing.T) {
	check(t, nil, []says{
		{script: `'hello'.ToUpper(); 'HeLLo'.ToLower(); 'straße'.ToUpper()`, want: "HELLO\nhello\nSTRAßE"},
		{script: `'hello'.Substring(1); 'hello'.Substring(1,3); 'a😀b'.Substring(1,2).Length; 'a😀b'.Length`, want: "ello\nell\n2\n4"},
		{script: `'abc'.Substring(4)`, want: "!startIndex cannot be larger than length of string.\nParameter name: startIndex", core: "!startIndex cannot be larger than length of string. (Parameter 'startIndex')"},
		{script: `'abc'.Substring(1,5)`, want: "!Index and length must refer to a location within the string.\nParameter name: length", core: "!Index and length must refer to a location within the string. (Parameter 'length')"},
		{script: `'a.b.c'.Replace('.','-'); 'aXbX'.Replace('X','')`, want: "a-b-c\nab"},
		{script: `'abc'.Replace('','x')`, want: "!String cannot be of zero length.\nParameter name: oldValue", core: "!The value cannot be an empty string. (Parameter 'oldValue')"},
		{script: `'Abc'.Replace('a','x',[StringComparison]::OrdinalIgnoreCase)`, want: "!Cannot find an overload for \"Replace\" and the argument count: \"3\".", core: "xbc"},
		// A text of two characters is a set of separators in 5.1 and one separator in 7.
		{script: `'a--b-c'.Split('--').Count; 'a,b;c'.Split(',;').Count`, want: "4\n3", core: "2\n1"},
		{script: `'a,b,,c'.Split(',') -join '|'; 'a,b,,c'.Split(',',[StringSplitOptions]::RemoveEmptyEntries) -join '|'; ' a  b '.Split() -join '|'`, want: "a|b||c\na|b|c\n|a||b|"},
		{script: `'a--b'.Split([string[]]@('--'),[StringSplitOptions]::None) -join '|'; 'a,b,c'.Split(',',2) -join '|'; 'a;b,c'.Split(@(';',',')) -join '|'`, want: "a|b\na|b,c\na|b|c"},
		{script: `'xxaxx'.Trim('x'); ' a '.Trim() + '|'; 'C:\a\\'.TrimEnd('\'); '[' + '/a/'.TrimStart('/') + ']'; 'abcba'.Trim('ab')`, want: "a\na|\nC:\\a\n[a/]\nc"},
		{script: `'hello'.IndexOf('l'); 'hello'.LastIndexOf('l'); 'hello'.IndexOf('z'); 'hello'.IndexOf('l',3); 'HELLO'.IndexOf('l',[StringComparison]::OrdinalIgnoreCase); 'a😀b'.IndexOf('b')`, want: "2\n3\n-1\n3\n2\n3"},
		{script: `'hello'.Contains('ell'); 'hello'.Contains('ELL'); 'hello'.StartsWith('he'); 'hello'.EndsWith('LO',[StringComparison]::OrdinalIgnoreCase)`, want: "True\nFalse\nTrue\nTrue"},
		{script: `'5'.PadLeft(3,'0') + '|' + '5'.PadRight(3) + '|'; 'abc'.Insert(1,'-'); 'abcdef'.Remove(2); 'abcdef'.Remove(2,2)`, want: "005|5  |\na-bc\nab\nabef"},
		{script: `[string]::Join(',',@(1,2,3)); [string]::Join('-','a','b'); [string]::Join(',',[string[]]@('x','y')); [string]::Concat('a',1,$true)`, want: "1,2,3\na-b\nx,y\na1True"},
		{script: `[string]::IsNullOrEmpty(''); [string]::IsNullOrEmpty($null); [string]::IsNullOrWhiteSpace(" ` + "`t" + `"); [string]::IsNullOrEmpty('x')`, want: "True\nTrue\nTrue\nFalse"},
		{script: `[string]::Format('{0:N2}|{1,5}|{2:yyyy}', 1234.5, 'a', [datetime]'2020-05-06')`, want: "1,234.50|    a|2020"},
		{script: `[string]::Compare('a','B'); [string]::Compare('a','A',$true); [string]::CompareOrdinal('a','b'); 'b'.CompareTo('a'); [string]::Equals('a','A')`, want: "-1\n0\n-1\n1\nFalse"},
		{script: `-join 'abcd'.ToCharArray(1,2); foreach ($n in -1, 4) { try { 'abc'.ToCharArray(1,$n) } catch { $_.Exception.InnerException.ParamName } }`, want: "bc\nlength\nstartIndex"},
		{script: `'abc'.ToCharArray() -join ','; 'abc'.Chars(1); [string]::new('x',3); -join [char[]]'hey'; (New-Object string('-',4))`, want: "a,b,c\nb\nxxx\nhey\n----"},
		{script: `'abc'.Equals('ABC'); 'abc'.Equals('ABC',[StringComparison]::OrdinalIgnoreCase); 'abc'.GetType().FullName; 'é'.Normalize([Text.NormalizationForm]::FormD).Length`, want: "False\nTrue\nSystem.String\n2"},
		{script: `'a b c'.Split(' ').ToUpper() -join '.'`, want: "A.B.C"},
	})
}

// TestChars fails if System.Char or StringBuilder does not do what .NET does.
func TestChars(t *testing.T) {
	check(t, nil, []says{
		{script: `[char]::IsDigit('5'); [char]::IsLetter('5'); [char]::IsUpper('A'); [char]::IsWhiteSpace(' '); [char]::ToUpper('a'); [char]::ConvertFromUtf32(0x1F600).Length`, want: "True\nFalse\nTrue\nTrue\nA\n2"},
		{script: `[int][char]::Parse('A'); [char]::GetNumericValue('7'); [char]::IsLetterOrDigit('_')`, want: "65\n7\nFalse"},
		{script: `$b = New-Object Text.StringBuilder; [void]$b.Append('a').Append(1).AppendLine('x').AppendFormat('{0:x}',255); [void]$b.Insert(0,'>'); $b.ToString(); $b.Length`, want: ">a1x\nff\n8"},
		{script: `$b = [Text.StringBuilder]::new('hello'); [void]$b.Replace('l','L').Remove(0,1); "$b"; $b.Length = 2; $b.ToString(); $b.Clear().Length; $b.Append('x',3).ToString(1,2)`, want: "eLLo\neL\n0\nxx"},
		{script: `$b = New-Object Text.StringBuilder; $b.Append('x')`, want: "Capacity MaxCapacity Length\n-------- ----------- ------\n      16  2147483647      1"},
		{script: `$b = [Text.StringBuilder]::new(); 17, 33, 100, 9000 | ForEach-Object { $b.Append('x' * ($_ - $b.Length)).Capacity }; [Text.StringBuilder]::new('a' * 20).Capacity; [Text.StringBuilder]::new(5).Capacity`, want: "32\n64\n128\n9000\n20\n5"},
		{script: `$b = [Text.StringBuilder]::new("a" * 20); $b.Insert(0,"a").Capacity`, want: "refused: StringBuilder.Capacity"},
		{script: `$b = [Text.StringBuilder]::new(); 1..3 | ForEach-Object { $b.Append($_) | Out-Null }; $b.ToString(); $b.Chars(1)`, want: "123\n2"},
	})
}

// TestRegex fails if Regex, Match or their collections differ from .NET's.
func TestRegex(t *testing.T) {
	check(t, nil, []says{
		{script: `[regex]::Escape('C:\a b\[x](1).txt#'); [regex]::Unescape('a\.b\t').Length`, want: `C:\\a\ b\\\[x]\(1\)\.txt\#` + "\n4"},
		{script: `[regex]::IsMatch('Hello','^h'); [regex]::IsMatch('Hello','^h','IgnoreCase')`, want: "False\nTrue"},
		{script: `$m = [regex]::Match('key=value','(?<k>\w+)=(\w+)'); $m.Success; $m.Value; $m.Groups['k'].Value; $m.Groups[1].Value; $m.Groups.Count; $m.Index; $m.Groups['k'].Index`, want: "True\nkey=value\nkey\nvalue\n3\n0\n0"},
		{script: `$m = [regex]::Matches('a1b22','\d+'); $m.Count; $m[1].Value; $m[1].Index; ($m | ForEach-Object { $_.Value }) -join ','; $m.Value -join '+'`, want: "2\n22\n3\n1,22\n1+22"},
		{script: `[regex]::Replace('a1b2','\d','#'); [regex]::Replace('a1b2','\d',{ param($m) [int]$m.Value + 1 }); [regex]::Replace('abc','(b)','<$1>'); ([regex]'\d').Replace('1a2b','x',1)`, want: "a#b#\na2b3\na<b>c\nxa2b"},
		{script: `[regex]::Split('a1b2c','\d') -join '|'; ([regex]',').Split('a,b,c',2) -join '|'; [regex]::Split('a-b','(-)') -join '|'`, want: "a|b|c\na|b,c\na|-|b"},
		{script: `$r = New-Object regex('b','IgnoreCase'); $r.IsMatch('ABC'); $r.Options; "$r"; $r.Match('xxB').Index; $r.Match('nope').Success; $r.GetGroupNumbers()[0]`, want: "True\nIgnoreCase\nb\n2\nFalse\n0"},
		{script: `$m = [regex]::Match('aa','a'); $m.NextMatch().Index; $m.NextMatch().NextMatch().Success; [regex]::Match('x=1','(\w)=(\d)').Result('$2:$1'); [regex]::Match('😀b','b').Index`, want: "1\nFalse\n1:x\n2"},
		{script: `[regex]::Match('ab','(a)(c)?').Groups[2].Success; [regex]::Match('abab','(?:(a)b)+').Groups[1].Captures.Count`, want: "False\n2"},
		{script: `('one two' | Select-String '\w+' -AllMatches).Matches.Value -join ','; if ('a-b' -match '(\w)-(\w)') { $Matches[2] }`, want: "one,two\nb"},
	})
}

// TestEncodings fails if bytes of texts differ from .NET's.
func TestEncodings(t *testing.T) {
	check(t, nil, []says{
		{script: `[Text.Encoding]::UTF8.GetBytes('é') -join ','; [Text.Encoding]::Unicode.GetBytes('a') -join ','; [Text.Encoding]::ASCII.GetBytes('é') -join ','; [Text.Encoding]::BigEndianUnicode.GetBytes('a') -join ','`, want: "195,169\n97,0\n63\n0,97"},
		{script: `[Text.Encoding]::UTF8.GetString([byte[]](72,105)); [Text.Encoding]::Unicode.GetString([byte[]](72,0,105,0)); [Text.Encoding]::UTF8.GetString([byte[]](65,66,67),1,2)`, want: "Hi\nHi\nBC"},
		{script: `[Text.Encoding]::Default.WebName; [Text.Encoding]::UTF8.GetPreamble().Length; (New-Object Text.UTF8Encoding $false).GetPreamble().Length; [Text.Encoding]::Unicode.CodePage`, want: "Windows-1252\n3\n0\n1200", core: "utf-8\n3\n0\n1200"},
		{script: `[Text.Encoding]::GetEncoding(1252).GetBytes('€') -join ','; [Text.Encoding]::GetEncoding('iso-8859-1').GetBytes('é') -join ','; [Text.Encoding]::GetEncoding('utf-8').EncodingName`, want: "128\n233\nUnicode (UTF-8)"},
		{script: `[Text.Encoding]::Convert([Text.Encoding]::Unicode,[Text.Encoding]::UTF8,[byte[]](65,0)) -join ','; [Text.Encoding]::UTF8.GetByteCount('é'); [Text.Encoding]::UTF8.GetType().Name`, want: "65\n2\nUTF8Encoding"},
		{script: `[Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes('hi')); [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('aGVsbG8='))`, want: "aABpAA==\nhello"},
		{script: `[Convert]::FromBase64String('abc')`, want: "!Invalid length for a Base-64 char array or string.", core: "!The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding characters, or an illegal character among the padding characters."},
		{script: `[Text.Encoding]::UTF7`, want: "refused: [System.Text.Encoding]::UTF7"},
	})
}
