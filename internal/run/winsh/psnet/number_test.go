package psnet_test

import "testing"

// TestNumbers fails if the types of numbers, Math or Convert differ from .NET's.
func TestNumbers(t *testing.T) {
	check(t, nil, []says{
		{script: `[int]::MaxValue; [long]::MinValue; [byte]::MaxValue; [double]::NaN; [uint32]::MaxValue; [decimal]::MaxValue`, want: "2147483647\n-9223372036854775808\n255\nNaN\n4294967295\n79228162514264337593543950335"},
		{script: `[int]::Parse('42'); [int]::Parse(' -7 '); [double]::Parse('1,234.5'); [decimal]::Parse('1.50'); [int]::Parse('FF','HexNumber'); [long]::Parse('9999999999')`, want: "42\n-7\n1234.5\n1.50\n255\n9999999999"},
		{script: `[int]::Parse('x')`, want: "!Input string was not in a correct format.", core: "!The input string 'x' was not in a correct format."},
		{script: `[int]::Parse('3000000000')`, want: "!Value was either too large or too small for an Int32."},
		{script: `$n = 0; [int]::TryParse('12',[ref]$n); $n; [int]::TryParse('no',[ref]$n); $n`, want: "True\n12\nFalse\n0"},
		{script: `(255).ToString('X4'); (1234.5).ToString('N1'); (0.25).ToString('P0'); (5).ToString('D3'); (3).CompareTo(5)`, want: "00FF\n1,234.5\n25 %\n005\n-1", core: "00FF\n1,234.5\n25%\n005\n-1"},
		{script: `[bool]::Parse('true'); [bool]::TrueString; $b = $true; [bool]::TryParse('x',[ref]$b); $b`, want: "True\nTrue\nFalse\nFalse"},
		{script: `[Math]::Round(2.5); [Math]::Round(3.5); [Math]::Round(2.345,2); [Math]::Round(2.5,[MidpointRounding]::AwayFromZero); [Math]::Round(-2.5,0,'AwayFromZero')`, want: "2\n4\n2.35\n3\n-3"},
		{script: `[Math]::Max(1,2.5); [Math]::Min(3,2); [Math]::Abs(-5).GetType().Name; [Math]::Floor(-1.5); [Math]::Ceiling(1.2); [Math]::Truncate(-1.7); [Math]::Sign(-3)`, want: "2.5\n2\nInt32\n-2\n2\n-1\n-1"},
		{script: `[Math]::Pow(2,10); [Math]::Sqrt(16); [Math]::PI.ToString('F4'); [Math]::Log10(1000); [Math]::Floor(7/2); $r = 0; [Math]::DivRem(7,2,[ref]$r); $r`, want: "1024\n4\n3.1416\n3\n3\n3\n1"},
		{script: `[Convert]::ToInt32('ff',16); [Convert]::ToInt32('1010',2); [Convert]::ToString(255,2); [Convert]::ToString(255,16); [Convert]::ToInt32(2.5); [Convert]::ToInt32(3.5); [Convert]::ToInt32($true)`, want: "255\n10\n11111111\nff\n2\n4\n1"},
		{script: `[Convert]::ToString(-1,16); [Convert]::ToByte('255'); [Convert]::ToBoolean('True'); [Convert]::ToChar(65); [Convert]::ToDouble('1.5'); [Convert]::ToInt32($null)`, want: "ffffffff\n255\nTrue\nA\n1.5\n0"},
		{script: `[Convert]::ToByte(256)`, want: "!Value was either too large or too small for an unsigned byte."},
		{script: `[Convert]::ToInt32('x')`, want: "!Input string was not in a correct format.", core: "!The input string 'x' was not in a correct format."},
		{script: `[Convert]::ChangeType('5',[int]).GetType().Name; [BitConverter]::ToString([byte[]](1,255)); [BitConverter]::GetBytes(1) -join ','; [BitConverter]::ToInt32([byte[]](1,0,0,0),0); [BitConverter]::ToString([byte[]](1,2)).Replace('-','').ToLower()`, want: "Int32\n01-FF\n1,0,0,0\n1\n0102"},
		{script: `$r = New-Object Random 42; $r.Next(); $r.Next(100); $r.Next(5,10); $r.NextDouble().ToString('F6')`, want: "1434747710\n14\n5\n0.522764"},
		{script: `[bigint]::Pow(2,70); [bigint]::Parse('123456789012345678901').ToString('N0')`, want: "1180591620717411303424\n123,456,789,012,345,678,901"},
		{script: `[Enum]::GetNames([EnvironmentVariableTarget]) -join ','; [Enum]::Parse([IO.FileMode],'Open'); [Enum]::IsDefined([IO.FileMode],'Nope'); [int][IO.FileMode]::Append; ([IO.FileAttributes]'Hidden,System').HasFlag([IO.FileAttributes]::Hidden)`, want: "Process,User,Machine\nOpen\nFalse\n6\nTrue"},
		{script: `[Enum]::GetValues([DayOfWeek])[1]; [Enum]::Parse([IO.FileMode],'nope')`, want: "Monday\n!Requested value 'nope' was not found."},
		{script: `[guid]::Empty; [guid]::Parse('{0F8FAD5B-D9CB-469F-A165-70867728950E}').ToString('N'); [guid]::NewGuid().ToString().Length; ([guid]'0f8fad5b-d9cb-469f-a165-70867728950e').ToByteArray()[0]; (New-Object Guid '0f8fad5b-d9cb-469f-a165-70867728950e').Guid`, want: "Guid\n----\n00000000-0000-0000-0000-000000000000\n0f8fad5bd9cb469fa16570867728950e\n36\n91\n0f8fad5b-d9cb-469f-a165-70867728950e"},
		{script: `[version]::Parse('1.2.3').ToString(2); ([version]'1.10').CompareTo([version]'1.9'); $v = $null; [version]::TryParse('x',[ref]$v); [version]::new(1,2).Major; (New-Object Version '2.0').Minor; [version]'1.2' -lt [version]'1.2.3'`, want: "1.2\n1\nFalse\n1\n0\nTrue"},
		{script: `[version]'x'`, want: "!Version string portion was too short or too long."},
		{script: `[Convert]::ToHexString([byte[]](10,255)); [Math]::Clamp(15,1,10)`, want: "refused: [System.Convert]::ToHexString", core: "0AFF\n10"},
	})
}

// TestTimes fails if dates, spans or clocks differ from .NET's.
func TestTimes(t *testing.T) {
	check(t, nil, []says{
		{script: `$d = [datetime]'2024-02-29 13:05:09'; $d.Year; $d.Month; $d.DayOfWeek; $d.DayOfYear; $d.Hour; $d.Date.ToString('s'); $d.TimeOfDay.ToString(); $d.Kind; $d.Ticks`, want: "2024\n2\nThursday\n60\n13\n2024-02-29T00:00:00\n13:05:09\nUnspecified\n638448087090000000"},
		{script: `$d = [datetime]'2024-01-31'; $d.AddMonths(1).ToString('d'); $d.AddDays(1.5).ToString('s'); $d.AddYears(-1).Year; $d.AddHours(25).Day; $d.Add([timespan]'1:00').Hour; ($d - [datetime]'2024-01-01').Days; $d.Subtract([datetime]'2024-01-30').TotalHours`, want: "2/29/2024\n2024-02-01T12:00:00\n2023\n1\n1\n30\n24"},
		{script: `[datetime]::Now.ToString('yyyy-MM-dd HH:mm:ss'); [datetime]::UtcNow.Kind; [datetime]::Today.Hour; [datetime]::IsLeapYear(2024); [datetime]::DaysInMonth(2023,2); [datetime]::MinValue.Year`, want: "2026-03-04 15:06:07\nUtc\n0\nTrue\n28\n1"},
		{script: `[datetime]::Parse('2020-05-06T07:08:09').ToString('G'); [datetime]::ParseExact('06.05.2020','dd.MM.yyyy',$null).ToString('yyyyMMdd'); [datetime]::ParseExact('20200506-0708','yyyyMMdd-HHmm',[Globalization.CultureInfo]::InvariantCulture).Hour`, want: "5/6/2020 7:08:09 AM\n20200506\n7"},
		{script: `[datetime]::ParseExact('x','yyyy',$null)`, want: "!String was not recognized as a valid DateTime.", core: "!String 'x' was not recognized as a valid DateTime."},
		{script: `$d = [datetime]::MinValue; [datetime]::TryParse('2021-01-02',[ref]$d); $d.Day; [datetime]::TryParseExact('1/2/2021','M/d/yyyy',$null,'None',[ref]$d); $d.Month`, want: "True\n2\nTrue\n1"},
		{script: `(New-Object DateTime 2020,5,6).ToString('D'); [datetime]::new(2020,5,6,7,8,9,'Utc').ToString('o'); (Get-Date '2020-05-06').ToUniversalTime().ToString('u'); [datetime]::FromFileTimeUtc(132000000000000000).ToString('s')`, want: "Wednesday, May 6, 2020\n2020-05-06T07:08:09.0000000Z\n2020-05-06 00:00:00Z\n2019-04-17T18:40:00"},
		{script: `$d = [datetime]'2020-05-06 07:08'; $d.ToString('d',[Globalization.CultureInfo]::InvariantCulture); $d.ToString([Globalization.CultureInfo]::InvariantCulture); $d.ToShortDateString(); $d.ToLongTimeString(); $d.ToFileTimeUtc(); [string]::Format([Globalization.CultureInfo]::InvariantCulture,'{0:d} {0}',$d)`, want: "05/06/2020\n05/06/2020 07:08:00\n5/6/2020\n7:08:00 AM\n132332224800000000\n05/06/2020 05/06/2020 07:08:00"},
		{script: `$t = [timespan]::FromMinutes(90.5); $t.Hours; $t.Minutes; $t.TotalSeconds; $t.ToString(); [timespan]::FromDays(1).Negate().ToString(); [timespan]::Parse('1.02:03:04').TotalHours.ToString('F2'); (New-Object TimeSpan 1,2,3).ToString('hh\:mm'); [timespan]::Zero -eq 0`, want: "1\n30\n5430\n01:30:30\n-1.00:00:00\n26.05\n01:02\nTrue"},
		{script: `[DateTimeOffset]::FromUnixTimeSeconds(1600000000).ToString('o'); ([DateTimeOffset]'2020-09-13T12:26:40Z').ToUnixTimeSeconds(); [DateTimeOffset]::UtcNow.Year; (Get-Date -Date '2020-09-13' | ForEach-Object { ([DateTimeOffset]$_).UtcDateTime.Day })`, want: "2020-09-13T12:26:40.0000000+00:00\n1600000000\n2026\n13"},
		{script: `$w = [Diagnostics.Stopwatch]::StartNew(); $w.IsRunning; $w.Stop(); $w.ElapsedMilliseconds; $w.Elapsed.ToString()`, want: "True\n0\n00:00:00"},
		{script: `[Globalization.CultureInfo]::CurrentCulture.Name; [cultureinfo]::GetCultureInfo('en-US').DisplayName; (Get-Culture).Name; [cultureinfo]::InvariantCulture.TextInfo.ToTitleCase('hello WORLD again'); [Threading.Thread]::CurrentThread.CurrentCulture = 'en-US'`, want: "en-US\nEnglish (United States)\nen-US\nHello WORLD Again"},
		{script: `[cultureinfo]'de-DE'`, want: "refused: [Globalization.CultureInfo] de-DE"},
	})
}
