package tools_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/klauspost/compress/flate"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// TestSmall fails if one of the small programs says something else.
func TestSmall(t *testing.T) {
	usage := func(name string, lines ...string) string {
		return crlf(append(lines, `Type "`+name+` /?" for usage.`)...)
	}
	play(t, []scene{
		{name: "timeout", line: `timeout /t 5`, want: result{Err: crlf("ERROR: Input redirection is not supported, exiting the process immediately."), Code: 1}},
		{name: "timeout without a switch", line: `timeout 5 /nobreak`, want: result{Err: crlf("ERROR: Input redirection is not supported, exiting the process immediately."), Code: 1}},
		{name: "timeout too long", line: `timeout /t 100000`, want: result{Err: crlf("ERROR: Invalid value for timeout (/T) specified. Valid range is -1 to 99999 seconds."), Code: 1}},
		{name: "timeout without a value", line: `timeout /t /nobreak`, want: result{Err: usage("TIMEOUT", "ERROR: Invalid syntax. Value expected for '/t'."), Code: 1}},
		{name: "choice", line: `choice /c abc /m Pick`, stdin: "xB\r\n", want: result{Out: "Pick [A,B,C]?B\r\n", Code: 2}},
		{name: "choice without an answer", line: `choice`, want: result{Refused: "choice"}},
		{name: "choice with a time", line: `choice /t 5 /d y`, want: result{Refused: "choice"}},
		{name: "whoami", line: `whoami`, want: result{Out: "user manager\\containeradministrator\r\n"}},
		{
			name: "whoami with its SID", line: `whoami /user`,
			want: result{Out: crlf("", "USER INFORMATION", "----------------", "", "User Name                           SID         ", strings.Repeat("=", 35)+" ============", `user manager\containeradministrator S-1-5-93-2-1`)},
		},
		{name: "whoami as CSV", line: `whoami /user /fo csv /nh`, want: result{Out: "\"user manager\\containeradministrator\",\"S-1-5-93-2-1\"\r\n"}},
		{name: "whoami as a list", line: `whoami /user /fo list`, want: result{Out: crlf("", "USER INFORMATION", "----------------", "", `User Name: user manager\containeradministrator`, `SID:       S-1-5-93-2-1`)}},
		{name: "whoami with groups", line: `whoami /groups`, want: result{Refused: "whoami /groups"}},
		{
			name: "ping of this computer", line: `ping -n 1 127.0.0.1`,
			want: result{Out: crlf("", "Pinging 127.0.0.1 with 32 bytes of data:", "Reply from 127.0.0.1: bytes=32 time<1ms TTL=128", "", "Ping statistics for 127.0.0.1:",
				"    Packets: Sent = 1, Received = 1, Lost = 0 (0% loss),", "Approximate round trip times in milli-seconds:", "    Minimum = 0ms, Maximum = 0ms, Average = 0ms")},
		},
		{
			name: "ping of this computer's name", line: `ping localhost -n 1`,
			want: result{Out: crlf("", "Pinging "+machine.ComputerName+" [::1] with 32 bytes of data:", "Reply from ::1: time<1ms ", "", "Ping statistics for ::1:",
				"    Packets: Sent = 1, Received = 1, Lost = 0 (0% loss),", "Approximate round trip times in milli-seconds:", "    Minimum = 0ms, Maximum = 0ms, Average = 0ms")},
		},
		{
			name: "ping of version 4", line: `ping -4 -n 1 -w 1000 LOCALHOST`,
			want: result{Out: crlf("", "Pinging "+machine.ComputerName+" [127.0.0.1] with 32 bytes of data:", "Reply from 127.0.0.1: bytes=32 time<1ms TTL=128", "", "Ping statistics for 127.0.0.1:",
				"    Packets: Sent = 1, Received = 1, Lost = 0 (0% loss),", "Approximate round trip times in milli-seconds:", "    Minimum = 0ms, Maximum = 0ms, Average = 0ms")},
		},
		{name: "ping of another", line: `ping example.com`, want: result{Refused: "ping example.com"}},
		{
			name: "hard link", files: []string{`C:\w\a=1`}, line: `fsutil hardlink create b a`, want: result{Out: crlf(`Hardlink created for C:\w\b <<===>> C:\w\a`)},
			list: []string{"a=1", "b=1"},
		},
		{name: "hard link to nothing", line: `fsutil hardlink create b a`, want: result{Out: crlf(`Error 2: The system cannot find the file specified.`), Code: 1}},
		{name: "chcp", line: `chcp`, want: result{Out: "Active code page: 437\r\n"}},
		{name: "chcp set", before: []string{`chcp 65001`}, line: `chcp`, want: result{Out: "Active code page: 65001\r\n"}},
		{name: "chcp unknown", line: `chcp 932`, want: result{Refused: "chcp 932"}},
		{name: "chcp nonsense", line: `chcp x`, want: result{Out: "Parameter format not correct - x\r\n", Code: 1}},
		{name: "fsutil", line: `fsutil file createnew z 3`, want: result{Out: "File C:\\w\\z is created\r\n"}, list: []string{"z=\x00\x00\x00"}},
		{name: "fsutil on a file", files: []string{`C:\w\z=1`}, line: `fsutil file createnew z 3`, want: result{Out: "Error 80: The file exists.\r\n", Code: 1}},
		{name: "fsutil otherwise", line: `fsutil behavior query`, want: result{Refused: "fsutil with these arguments"}},
		{name: "taskkill", line: `taskkill /F /IM foo.exe`, want: result{Err: "ERROR: The process \"foo.exe\" not found.\r\n", Code: 128}},
		{name: "taskkill of Windows", line: `taskkill /im svchost.exe`, want: result{Refused: "taskkill /IM svchost.exe"}},
		{name: "time zone", line: `tzutil /g`, want: result{Out: "UTC"}},
		{name: "time zone not there", line: `tzutil /s "Nowhere Standard Time"`, want: result{Refused: "tzutil /s Nowhere Standard Time"}},
		{name: "net", line: `net user bob /add`, want: result{Refused: "net"}},
		{name: "dism", line: `dism /online /enable-feature`, want: result{Refused: "dism"}},
	})
}

// TestTimeZone fails if the time zone is not written as Windows keeps it.
func TestTimeZone(t *testing.T) {
	b := newBox(t, machine.Options{})
	tzi := make([]byte, 44)
	binary.LittleEndian.PutUint32(tzi, 0xFFFFFFC4) // an hour east
	key := `HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Time Zones\W. Test Standard Time`
	for _, v := range []machine.RegValue{machine.RegBinary("TZI", tzi), machine.RegString("MUI_Std", "@tzres.dll,-1")} {
		if err := b.m.Registry().SetValue(t.Context(), key, v); err != nil {
			t.Fatal(err)
		}
	}
	if diff := gocmp.Diff(result{}, b.call(`tzutil /s "W. Test Standard Time"`, "")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := gocmp.Diff(result{Out: "W. Test Standard Time"}, b.call(`tzutil /g`, "")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	v, err := b.m.Registry().Value(t.Context(), `HKLM\SYSTEM\CurrentControlSet\Control\TimeZoneInformation`, "ActiveTimeBias")
	if err != nil || v.Uint() != 0xFFFFFFC4 {
		t.Errorf("ActiveTimeBias is %#x, %v", v.Uint(), err)
	}
}

// TestRefreshenv fails if the caller does not get the variables that the
// registry has.
func TestRefreshenv(t *testing.T) {
	b := newBox(t, machine.Options{})
	b.env.Set("PATH", `C:\Windows\System32;C:\ProgramData\chocolatey\bin`)
	b.env.Set("HOMEDIR", `C:\home`)
	b.call(`setx /M NEW %HOMEDIR%\x`, "")
	b.call(`setx /M PATH C:\Windows\System32;C:\new`, "")
	b.call(`setx PATH C:\mine`, "")
	want := result{Out: "Refreshing environment variables from registry for cmd.exe. Please wait...Finished..\r\n"}
	if diff := gocmp.Diff(want, b.call(`refreshenv`, "")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, want := range map[string]string{"NEW": `C:\home\x`, "PATH": `C:\Windows\System32;C:\new;C:\mine`} {
		if got, _ := b.exported.Get(name); got != want {
			t.Errorf("%s=%s, want %s", name, got, want)
		}
	}
}

// server answers requests for the machine.
type server map[string]string

func (s server) Do(req *http.Request) (*http.Response, error) {
	r := &http.Response{StatusCode: 404, Status: "404 Not Found", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Body: http.NoBody, Request: req}
	if text, ok := s[req.URL.Path]; ok {
		r.StatusCode, r.Status, r.Body, r.ContentLength = 200, "200 OK", io.NopCloser(strings.NewReader(text)), int64(len(text))
	}
	return r, nil
}

// TestCertutil fails if a hash, an encoding or a download is not what certutil
// makes of it.
func TestCertutil(t *testing.T) {
	done := func(verb string) string { return "CertUtil: -" + verb + " command completed successfully.\r\n" }
	b := newBox(t, machine.Options{Network: server{"/f.txt": "hello"}}, `C:\w\a.txt=hello`, `C:\w\empty=`, `C:\w\bad=???`, `C:\w\hex=68 65`, "C:\\w\\x.cmd=@echo off\n-----BEGIN X-----\naGk=\n-----END X-----\nexit /b\n")
	for _, c := range []struct {
		line string
		want result
	}{
		{`certutil -hashfile a.txt`, result{Out: "SHA1 hash of a.txt:\r\naaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d\r\n" + done("hashfile")}},
		{`certutil /hashfile C:\w\a.txt md5`, result{Out: "MD5 hash of C:\\w\\a.txt:\r\n5d41402abc4b2a76b9719d911017c592\r\n" + done("hashfile")}},
		{`certutil -hashfile none SHA256`, result{Out: "CertUtil: -hashfile command FAILED: 0x80070002 (WIN32: 2 ERROR_FILE_NOT_FOUND)\r\nCertUtil: The system cannot find the file specified.\r\n", Code: -2147024894}},
		{`certutil -hashfile empty`, result{Out: "CertUtil: -hashfile command FAILED: 0x800703ee (WIN32: 1006 ERROR_FILE_INVALID)\r\nCertUtil: The volume for a file has been externally altered so that the opened file is no longer valid.\r\n", Code: -2147023890}},
		{`certutil -encode a.txt b64`, result{Out: "Input Length = 5\r\nOutput Length = 66\r\n" + done("encode")}},
		{`certutil -decode b64 back`, result{Out: "Input Length = 66\r\nOutput Length = 5\r\n" + done("decode")}},
		{`certutil -decode b64 back`, result{Out: "Input Length = 66\r\nEncodeToFile returned The file exists. 0x80070050 (WIN32: 80 ERROR_FILE_EXISTS)\r\nCertUtil: -decode command FAILED: 0x80070050 (WIN32: 80 ERROR_FILE_EXISTS)\r\nCertUtil: The file exists.\r\n", Code: -2147024816}},
		{`certutil -f -decode b64 back`, result{Out: "Input Length = 66\r\nOutput Length = 5\r\n" + done("decode")}},
		{`certutil -decode bad no`, result{Out: "DecodeFile returned The data is invalid. 0x8007000d (WIN32: 13 ERROR_INVALID_DATA)\r\nCertUtil: -decode command FAILED: 0x8007000d (WIN32: 13 ERROR_INVALID_DATA)\r\nCertUtil: The data is invalid.\r\n", Code: -2147024883}},
		{`certutil -decode x.cmd hi`, result{Out: "Input Length = 57\r\nOutput Length = 2\r\n" + done("decode")}},
		{`certutil -decodehex hex he`, result{Out: "Input Length = 5\r\nOutput Length = 2\r\n" + done("decodehex")}},
		{`certutil -urlcache -split -f http://host/f.txt down.txt`, result{Out: "****  Online  ****\r\n  0000  ...\r\n  0005\r\n" + done("URLCache")}},
		{`certutil.exe -urlcache -f http://host/f.txt down.txt`, result{Out: "****  Online  ****\r\n" + done("URLCache")}},
		{`certutil -urlcache -f http://host/f.txt`, result{Refused: "certutil -urlcache without -f and a file"}},
		{`certutil -urlcache -split -f http://host/none x`, result{Out: "****  Online  ****\r\nCertUtil: -URLCache command FAILED: 0x80190194 (-2145844844 HTTP_E_STATUS_NOT_FOUND)\r\nCertUtil: Not found (404).\r\n", Code: -2145844844}},
		{`certutil -delstore root x`, result{Refused: "certutil -delstore"}},
		{`certutil -hashfile a.txt MD4`, result{Refused: "certutil -hashfile with MD4"}},
	} {
		if diff := gocmp.Diff(c.want, b.call(c.line, "")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.line, diff)
		}
	}
	want := []string{"a.txt=hello", "b64=-----BEGIN CERTIFICATE-----\r\naGVsbG8=\r\n-----END CERTIFICATE-----\r\n", "back=hello", "bad=???", "down.txt=hello", "empty=", "he=he", "hex=68 65", "hi=hi", "x.cmd=@echo off\n-----BEGIN X-----\naGk=\n-----END X-----\nexit /b\n"}
	if diff := gocmp.Diff(want, b.list(`C:\w`)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// makeCab makes a cabinet of one folder.
func makeCab(t testing.TB, method uint16, names []string, contents []string) []byte {
	t.Helper()
	le := binary.LittleEndian
	var files []byte
	whole := ""
	for i, n := range names {
		files = le.AppendUint32(files, uint32(len(contents[i])))
		files = le.AppendUint32(files, uint32(len(whole)))
		files = append(files, 0, 0, 0x64, 0x5C, 0, 0, 0x20, 0) // 2026-03-04
		files = append(append(files, n...), 0)
		whole += contents[i]
	}
	var data, window []byte
	blocks := 0
	for rest := []byte(whole); len(rest) > 0; blocks++ {
		block := rest[:min(len(rest), 32<<10)]
		rest = rest[len(block):]
		packed := block
		if method == 1 {
			var b bytes.Buffer
			b.WriteString("CK")
			w, err := flate.NewWriterDict(&b, 6, window)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(block); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			packed, window = b.Bytes(), block
		}
		data = le.AppendUint32(data, 0)
		data = le.AppendUint16(data, uint16(len(packed)))
		data = le.AppendUint16(data, uint16(len(block)))
		data = append(data, packed...)
	}
	head := []byte("MSCF")
	head = append(head, 0, 0, 0, 0)
	head = le.AppendUint32(head, uint32(36+8+len(files)+len(data)))
	head = append(head, 0, 0, 0, 0)
	head = le.AppendUint32(head, 44)
	head = append(head, 0, 0, 0, 0, 3, 1, 1, 0)
	head = le.AppendUint16(head, uint16(len(names)))
	head = append(head, 0, 0, 0, 0, 0, 0)
	head = le.AppendUint32(head, uint32(44+len(files)))
	head = le.AppendUint16(head, uint16(blocks))
	head = le.AppendUint16(head, method)
	return append(append(head, files...), data...)
}

// TestExpand fails if a cabinet's files come out changed, or elsewhere.
func TestExpand(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 5000)
	for _, method := range []uint16{0, 1} {
		b := newBox(t, machine.Options{}, `C:\w\out\`)
		b.put(`C:\w\x.cab=` + string(makeCab(t, method, []string{"a.txt", `dir\big.bin`}, []string{"alpha", big})))
		want := result{Out: "Microsoft (R) File Expansion Utility\r\nCopyright (c) Microsoft Corporation. All rights reserved.\r\n\r\n" +
			"Adding out\\a.txt to Extraction Queue\r\nAdding out\\dir\\big.bin to Extraction Queue\r\n\r\nExpanding Files ....\r\n\r\nExpanding Files Complete ...\r\n2 files total.\r\n"}
		if diff := gocmp.Diff(want, b.call(`expand x.cab -F:* out`, "")); diff != "" {
			t.Errorf("method %d (-want +got):\n%s", method, diff)
		}
		if diff := gocmp.Diff([]string{"a.txt=alpha", `dir\`, `dir\big.bin=` + big}, b.list(`C:\w\out`)); diff != "" {
			t.Errorf("method %d: files (-want +got):\n%s", method, diff)
		}
		b.put(`C:\w\one\`)
		if r := b.call(`expand /R x.cab /F:a.* one`, ""); r.Code != 0 || len(b.list(`C:\w\one`)) != 1 {
			t.Errorf("one file: %+v", r)
		}
	}
	b := newBox(t, machine.Options{}, `C:\w\no.cab=text`)
	b.put(`C:\w\lzx.cab=` + string(makeCab(t, 3, []string{"a"}, []string{"x"})))
	b.put(`C:\w\up.cab=` + string(makeCab(t, 1, []string{`..\a`}, []string{"x"})))
	for _, c := range []string{`expand no.cab -F:* .`, `expand lzx.cab -F:* .`, `expand up.cab -F:* .`} {
		if r := b.call(c, ""); r.Refused == "" {
			t.Errorf("%s must be refused: %+v", c, r)
		}
	}
	if r := b.call(`expand none.cab -F:* .`, ""); r.Code != -1 {
		t.Errorf("no cabinet: %+v", r)
	}
}

// TestForfiles fails if the command is started for other files, in another
// directory, or with other names.
func TestForfiles(t *testing.T) {
	files := []string{`C:\w\a.txt=1`, `C:\w\b c.log=22`, `C:\w\d\e.txt=333`}
	attribs := func(names ...string) string {
		out := "\r\n"
		for _, n := range names {
			out += "A                    " + n + "\r\n"
		}
		return out
	}
	play(t, []scene{
		{name: "mask", files: files, line: `forfiles /M *.txt /C "attrib @file"`, want: result{Out: attribs(`C:\w\a.txt`)}},
		{name: "below", files: files, line: `forfiles /S /M *.txt /C "attrib @path"`, want: result{Out: attribs(`C:\w\a.txt`, `C:\w\d\e.txt`)}},
		{name: "from a directory, with its names", files: files, line: `forfiles /P C:\w\d /C "where /F @fname.@ext:0x65.txt"`, want: result{Refused: "forfiles with a command that fails"}},
		{name: "quotes", files: files, line: `forfiles /M *.log /C "find 0x2222 0x22 @relpath"`, want: result{Refused: "forfiles with a command that fails"}},
		{name: "days", files: files, line: `forfiles /M *.txt /D -0 /C "attrib @file"`, want: result{Out: attribs(`C:\w\a.txt`)}},
		{name: "too young", files: files, line: `forfiles /D -1`, want: result{Err: "ERROR: No files found with the specified search criteria.\r\n", Code: 1}},
		{name: "nothing", line: `forfiles /M *.x`, want: result{Err: "ERROR: No files found with the specified search criteria.\r\n", Code: 1}},
		{name: "no directory", line: `forfiles /P none`, want: result{Err: "ERROR: The directory name is invalid.\r\n", Code: 1}},
		{name: "no program", files: files, line: `forfiles /C "none @file"`, want: result{Refused: "none"}},
		{name: "what its command may not", line: `forfiles /C "robocopy @path b /SL"`, want: result{Refused: "robocopy /SL"}},
		{name: "no date", line: `forfiles /D x`, want: result{Refused: "forfiles /D x"}},
	})
}
