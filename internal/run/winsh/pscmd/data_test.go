package pscmd

import "testing"

// Broken if it fails: JSON is written or read otherwise than by the edition.
func TestJSON(t *testing.T) {
	rows(t, nil, []row{
		{name: "an object", text: `[ordered]@{a=1;b='x';c=@(1,2);d=@{};e=$null;f=$true;g=1.5;h=@()} | ConvertTo-Json`,
			want: "{\n    \"a\":  1,\n    \"b\":  \"x\",\n    \"c\":  [\n              1,\n              2\n          ],\n    \"d\":  {\n          },\n    \"e\":  null,\n    \"f\":  true,\n    \"g\":  1.5,\n    \"h\":  [\n          ]\n}"},
		{name: "an object in 7", core: true, text: `[ordered]@{a=1;b='x';c=@(1,2);d=@{};e=$null;f=$true;g=1.5;h=@()} | ConvertTo-Json`,
			want: "{\n  \"a\": 1,\n  \"b\": \"x\",\n  \"c\": [\n    1,\n    2\n  ],\n  \"d\": {},\n  \"e\": null,\n  \"f\": true,\n  \"g\": 1.5,\n  \"h\": []\n}"},
		{name: "compressed", both: true, text: `[ordered]@{a=1;b=@{c='x'};l=1,2} | ConvertTo-Json -Compress; ConvertTo-Json 1,2 -Compress; 1 | ConvertTo-Json; 'a' | ConvertTo-Json; ConvertTo-Json @() -Compress; [pscustomobject]@{p='q'} | ConvertTo-Json -Compress`,
			want: "{\"a\":1,\"b\":{\"c\":\"x\"},\"l\":[1,2]}\n[1,2]\n1\n\"a\"\n[]\n{\"p\":\"q\"}"},
		{name: "escapes of 5.1", text: "ConvertTo-Json \"a'b<c>&`\"\\/`n`t\"", want: `"a\u0027b\u003cc\u003e\u0026\"\\/\n\t"`},
		{name: "escapes of 7", core: true, text: "ConvertTo-Json \"a'b<c>&`\"\\/`n`t\"; ConvertTo-Json 'é<' -EscapeHandling EscapeNonAscii; ConvertTo-Json '<' -EscapeHandling EscapeHtml", want: `"a'b<c>&\"\\/\n\t"` + "\n" + `"\u00e9<"` + "\n" + `"\u003c"`},
		{name: "levels", both: true, text: `@{a=@{b=@{c=@{d=1}}}} | ConvertTo-Json -Compress -WarningAction SilentlyContinue; @{a=@{b=@{c=@{d=1}}}} | ConvertTo-Json -Compress -Depth 5`, want: "{\"a\":{\"b\":{\"c\":\"System.Collections.Hashtable\"}}}\n{\"a\":{\"b\":{\"c\":{\"d\":1}}}}"},
		{name: "dates and enums", text: `ConvertTo-Json ([DayOfWeek]'Monday')`, want: "1"},
		{name: "-EnumsAsStrings", core: true, text: `ConvertTo-Json ([DayOfWeek]'Monday') -EnumsAsStrings; 1 | ConvertTo-Json -AsArray -Compress`, want: "\"Monday\"\n[1]"},
		{name: "read", both: true, text: `$o = '{"a":1,"b":[1,"x",null,true],"c":{"d":"e"}}' | ConvertFrom-Json; $o.a; $o.b.Count; $o.c.d; $o.GetType().Name; $o.psobject.Properties.Name -join ','; ('[1,2]' | ConvertFrom-Json).Count; 'null' | ConvertFrom-Json; '"s"' | ConvertFrom-Json`,
			want: "1\n4\ne\nPSCustomObject\na,b,c\n2\ns"},
		{name: "several lines", both: true, text: `'{','"a":1','}' | ConvertFrom-Json | % a; Set-Content f '{ "version": "1.2" }'; (gc f | ConvertFrom-Json).version; (gc f -Raw | ConvertFrom-Json).version`, want: "1\n1.2\n1.2"},
		{name: "tables in 7", core: true, text: `$h = '{"a":1,"A":2}' | ConvertFrom-Json -AsHashtable; $h.Keys -join ','; $h -is [hashtable]; '{"d":"2020-01-02T03:04:05Z"}' | ConvertFrom-Json | % { $_.d.GetType().Name }; '/*c*/[1,]' | ConvertFrom-Json`, want: "a,A\nTrue\nDateTime\n1"},
		{name: "no tables in 5.1", text: `if ($false) { '{}' | ConvertFrom-Json -AsHashtable }`, refused: "ConvertFrom-Json -AsHashtable"},
		{name: "broken", text: `'{"a":' | ConvertFrom-Json; '{a}' | ConvertFrom-Json; '{"":1}' | ConvertFrom-Json; '' | ConvertFrom-Json`, errs: []string{
			`System.ArgumentException,Microsoft.PowerShell.Commands.ConvertFromJsonCommand NotSpecified Invalid object passed in, ':' or '}' expected. (5): {"a":`,
			`System.ArgumentException,Microsoft.PowerShell.Commands.ConvertFromJsonCommand NotSpecified Invalid object passed in, ':' or '}' expected. (3): {a}`,
			`Argument,Microsoft.PowerShell.Commands.ConvertFromJsonCommand InvalidArgument Cannot process argument because the value of argument "name" is not valid. Change the value of the "name" argument and run the operation again.`,
		}},
		{name: "broken otherwise", text: `'{', '{"a":1,}', '{:1}', '[1,]', '[1,', '[', '[1 2]', '{"a":1} x y', '"a', '<x>', '{"a":1/**/}' | % { ConvertFrom-Json $_ }`, errs: []string{
			`System.ArgumentException,Microsoft.PowerShell.Commands.ConvertFromJsonCommand NotSpecified Invalid object passed in, ':' or '}' expected. (1): {`,
			`System.ArgumentException,Microsoft.PowerShell.Commands.ConvertFromJsonCommand NotSpecified Invalid JSON primitive: .`,
			`System.ArgumentException,Microsoft.PowerShell.Commands.ConvertFromJsonCommand NotSpecified Invalid object passed in, member name expected. (1): {:1}`,
			`System.ArgumentException,Microsoft.PowerShell.Commands.ConvertFromJsonCommand NotSpecified Invalid array passed in, extra trailing ','. (4): [1,]`,
			`System.ArgumentException,Microsoft.PowerShell.Commands.ConvertFromJsonCommand NotSpecified Invalid array passed in, extra trailing ','. (3): [1,`,
			`System.ArgumentException,Microsoft.PowerShell.Commands.ConvertFromJsonCommand NotSpecified Invalid array passed in, ']' expected. (1): [`,
			`System.ArgumentException,Microsoft.PowerShell.Commands.ConvertFromJsonCommand NotSpecified Invalid array passed in, ',' expected. (4): [1 2]`,
			`System.ArgumentException,Microsoft.PowerShell.Commands.ConvertFromJsonCommand NotSpecified Invalid JSON primitive:  y.`,
			`System.ArgumentException,Microsoft.PowerShell.Commands.ConvertFromJsonCommand NotSpecified Unterminated string passed in. (2): "a`,
			`System.ArgumentException,Microsoft.PowerShell.Commands.ConvertFromJsonCommand NotSpecified Invalid JSON primitive: .`,
			`System.ArgumentException,Microsoft.PowerShell.Commands.ConvertFromJsonCommand NotSpecified Invalid object passed in, ':' or '}' expected. (7): {"a":1/**/}`,
		}},
		{name: "nothing in 5.1", text: `$null -eq ($null | ConvertTo-Json); 1,$null,2 | ConvertTo-Json -Compress`, want: "True\n[1,2]"},
		{name: "nothing in 7", core: true, text: `$null | ConvertTo-Json; 1,$null,2 | ConvertTo-Json -Compress`, want: "null\n[1,null,2]"},
		{name: "numbers that are none in 7", core: true, text: `'{"a":[NaN,Infinity,-Infinity,010,0x1F]}' | ConvertFrom-Json | % a | % { "$($_ -is [double]) $($_ -gt 0)" }`, want: "True False\nTrue True\nTrue False\nFalse True\nFalse True"},
		{name: "the place in 7", core: true, text: `'<x>' | ConvertFrom-Json; '{"a":T}' | ConvertFrom-Json`, errs: []string{
			`System.ArgumentException,Microsoft.PowerShell.Commands.ConvertFromJsonCommand NotSpecified Conversion from JSON failed with error: Unexpected character encountered while parsing value: <. Path '', line 0, position 0.`,
			`System.ArgumentException,Microsoft.PowerShell.Commands.ConvertFromJsonCommand NotSpecified Conversion from JSON failed with error: Unexpected character encountered while parsing value: T. Path 'a', line 1, position 5.`,
		}},
		{name: "broken in 7", core: true, text: `'{"a":' | ConvertFrom-Json; '{"a":{"b":[1,' | ConvertFrom-Json; '{' | ConvertFrom-Json`, errs: []string{
			`System.ArgumentException,Microsoft.PowerShell.Commands.ConvertFromJsonCommand NotSpecified Conversion from JSON failed with error: Unexpected end when deserializing object. Path 'a', line 1, position 5.`,
			`System.ArgumentException,Microsoft.PowerShell.Commands.ConvertFromJsonCommand NotSpecified Conversion from JSON failed with error: Unexpected end when reading token. Path 'a.b'.`,
			`System.ArgumentException,Microsoft.PowerShell.Commands.ConvertFromJsonCommand NotSpecified Conversion from JSON failed with error: Unexpected end when reading JSON. Path '', line 1, position 1.`,
		}},
		{name: "Test-Json", core: true, text: `Test-Json '{"a":1}'; Test-Json '{a'`, want: "True\nFalse", errs: []string{"InvalidJson,Microsoft.PowerShell.Commands.TestJsonCommand InvalidData Cannot parse the JSON."}},
	})
}

// Broken if it fails: tables of text are written or read otherwise.
func TestCSV(t *testing.T) {
	rows(t, nil, []row{
		{name: "written", both: true, text: `[pscustomobject]@{a=1;b='x "y"';c='p,q'} | ConvertTo-Csv -NoTypeInformation; [pscustomobject]@{a=1;b=$null} | Export-Csv f -NoTypeInformation; gc f; [pscustomobject]@{a=2;b=3} | Export-Csv f -Append -NoTypeInformation; (gc f).Count; 1 | select @{n='x';e={$_}} | ConvertTo-Csv -Delimiter ';' -NoTypeInformation`,
			want: "\"a\",\"b\",\"c\"\n\"1\",\"x \"\"y\"\"\",\"p,q\"\n\"a\",\"b\"\n\"1\",\n3\n\"x\"\n\"1\""},
		{name: "with its type in 5.1", text: `[pscustomobject]@{a=1} | ConvertTo-Csv`, want: "#TYPE System.Management.Automation.PSCustomObject\n\"a\"\n\"1\""},
		{name: "quotes in 7", core: true, text: `[pscustomobject]@{a=1;b='p,q'} | ConvertTo-Csv -UseQuotes AsNeeded; [pscustomobject]@{a=1;b=2} | ConvertTo-Csv -QuoteFields b; [pscustomobject]@{a=1} | ConvertTo-Csv -NoHeader`, want: "a,b\n1,\"p,q\"\na,\"b\"\n1,\"2\"\n\"1\""},
		{name: "read", both: true, text: "Set-Content f 'a,b','1,\"x, y\"','2,'; $r = Import-Csv f; $r.Count; $r[0].b; $r[1].b -eq ''; 'n;v','p;q' | ConvertFrom-Csv -Delimiter ';' | % v; '1,2' | ConvertFrom-Csv -Header x,y | % y; $r | ? a -eq 2 | % { $_.psobject.Properties.Name -join '+' }",
			want: "2\nx, y\nTrue\nq\n2\na+b"},
		{name: "lines in quotes", both: true, text: "\"a,b`r`n1,`\"two`r`nlines`\"\" | Set-Content f; (Import-Csv f).b", want: "two\nlines"},
		{name: "errors", both: true, text: `Import-Csv none; 'a,a','1,2' | ConvertFrom-Csv`, errs: []string{
			`FileOpenFailure,Microsoft.PowerShell.Commands.ImportCsvCommand OpenError Could not find file 'C:\w\none'.`,
			`AlreadyPresentPSMemberInfoInternalCollectionAdd,Microsoft.PowerShell.Commands.ConvertFromCsvCommand NotSpecified The member "a" is already present.`,
		}},
	})
}

// Broken if it fails: other texts are read otherwise.
func TestTexts(t *testing.T) {
	rows(t, nil, []row{
		{name: "string data", both: true, text: "$h = \"a = 1`n# c`n  b=x=y\\\\z`nc=\" | ConvertFrom-StringData; $h.a; $h.b; $h.c -eq ''; 'a=1','b=2' | ConvertFrom-StringData | % Count", want: "1\nx=y\\z\nTrue\n1\n1"},
		{name: "broken string data", both: true, text: "ConvertFrom-StringData 'abc'; ConvertFrom-StringData \"a=1`na=2\"", errs: []string{
			`InvalidOperation,Microsoft.PowerShell.Commands.ConvertFromStringDataCommand InvalidOperation Data line 'abc' is not in 'name=value' format.`,
			`InvalidOperation,Microsoft.PowerShell.Commands.ConvertFromStringDataCommand InvalidOperation Data item 'a' in line 'a=2' is already defined.`,
		}},
		{name: "data files", both: true, text: `Set-Content d.psd1 "@{ A = 1; B = @('x','y'); C = @{ D = 'e' } }"; $d = Import-PowerShellDataFile d.psd1; $d.A; $d.B.Count; $d.C.D; $d.GetType().Name`, want: "1\n2\ne\nHashtable"},
		{name: "data files with commands", text: `Set-Content e.psd1 '@{ A = (Get-Date) }'; $x = Import-PowerShellDataFile e.psd1`, refused: "Import-PowerShellDataFile"},
		{name: "secure strings", both: true, text: `$s = ConvertTo-SecureString pw -AsPlainText -Force; $s.GetType().Name; $s.Length; "$s"; (New-Object PSCredential u, $s).GetNetworkCredential().Password`, want: "SecureString\n2\nSystem.Security.SecureString\npw"},
		{name: "other secure strings", text: `ConvertTo-SecureString 0100`, refused: "ConvertTo-SecureString"},
		{name: "dates", both: true, text: `Get-Date -Format yyyyMMdd; Get-Date -UFormat '%Y-%m-%d %H:%M'; '{0:s}' -f (Get-Date '2024-02-03 04:05'); Get-Date 2024-02-03 -Format D; Get-Date`, want: "20251125\n2025-11-25 18:04\n2024-02-03T04:05:00\nSaturday, February 3, 2024\nTuesday, November 25, 2025 6:04:05 PM"},
		{name: "random and GUIDs", both: true, text: `Get-Random -Minimum 5 -Maximum 6; (1..9 | Get-Random -Count 3).Count; "$(New-Guid)".Length; (Get-Random) -ge 0`, want: "5\n3\n36\nTrue"},
		{name: "culture and host", both: true, text: `(Get-Host).Name`, want: "ConsoleHost"},
		{name: "Start-Sleep", both: true, text: `Start-Sleep -Milliseconds 1; sleep 0; 'end'`, want: "end"},
		{name: "Select-String", both: true, text: `Set-Content s.txt alpha,'Beta 12',gamma,'beta 34'; Select-String beta s.txt; sls BETA s.txt -CaseSensitive; (sls 'beta (\d+)' s.txt).LineNumber -join ','; gc s.txt | sls beta | % Line; sls a. s.txt -SimpleMatch; sls beta s.txt -Quiet; sls no s.txt -Quiet; sls beta s.txt -NotMatch | % { "$_" }; sls x none.txt`,
			want: "s.txt:2:Beta 12\ns.txt:4:beta 34\n2,4\nBeta 12\nbeta 34\nTrue\nFalse\nC:\\w\\s.txt:1:alpha\nC:\\w\\s.txt:3:gamma",
			errs: []string{`PathNotFound,Microsoft.PowerShell.Commands.SelectStringCommand ObjectNotFound Cannot find path 'C:\w\none.txt' because it does not exist.`}},
		{name: "lines around", both: true, text: `Set-Content s.txt 1,2,3,4,5; sls 3 s.txt -Context 1,1; (sls 3 s.txt -Context 2,1).Context.PreContext -join ','`, want: "  s.txt:2:2\n> s.txt:3:3\n  s.txt:4:4\n1,2"},
	})
}
