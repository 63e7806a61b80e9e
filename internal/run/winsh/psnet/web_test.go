package psnet_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

// server answers what the tests of the network ask for.
func server(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("/text", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Test", "yes")
		_, _ = w.Write([]byte("héllo"))
	})
	mux.HandleFunc("/latin", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte("h\xe9"))
	})
	mux.HandleFunc("/agent", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.Method + " " + r.UserAgent() + "|" + r.Header.Get("X-A") + "|" + r.Header.Get("Accept") + "|" + r.URL.RawQuery))
	})
	mux.HandleFunc("/cookies", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.Header.Get("Cookie"))) })
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/text", http.StatusFound) })
	mux.HandleFunc("/gzip", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		g := gzip.NewWriter(w)
		_, _ = g.Write([]byte("unpacked"))
		_ = g.Close()
	})
	mux.HandleFunc("/auth", func(w http.ResponseWriter, r *http.Request) {
		if u, p, ok := r.BasicAuth(); !ok || u != "me" || p != "pw" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte("in"))
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(2 * time.Second):
		}
	})
	mux.HandleFunc("/bytes", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte{0, 1, 2, 255}) })
	mux.HandleFunc("/xml", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("<r><v>1.2</v></r>")) })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// TestWebClient fails if WebClient, HttpWebRequest or HttpClient do not do what
// .NET's do.
func TestWebClient(t *testing.T) {
	s := server(t)
	for _, host := range []string{"powershell", "pwsh"} {
		t.Run(host, func(t *testing.T) {
			b := newBox(t, host, online(), `C:\w\d\`)
			for _, test := range []says{
				{script: `$w = New-Object Net.WebClient; $w.DownloadString('URL/text'); $w.ResponseHeaders['X-Test']; (New-Object System.Net.WebClient).DownloadData('URL/bytes') -join ','`, want: "héllo\nyes\n0,1,2,255"},
				{script: `(New-Object Net.WebClient).DownloadString('URL/latin')`, want: "hé", core: "h?"},
				{script: `(New-Object Net.WebClient).DownloadFile('URL/bytes','C:\w\b.bin'); (Get-Item C:\w\b.bin).Length; (New-Object Net.WebClient).DownloadFile([uri]'URL/redirect','r.txt'); [IO.File]::ReadAllText('C:\w\r.txt')`, want: "4\nhéllo"},
				{script: `$w = New-Object Net.WebClient; $w.Headers.Add('User-Agent','me'); $w.Headers['X-A']='b'; $w.Headers.Add('Accept: c'); $w.DownloadString('URL/agent?q=1'); (New-Object Net.WebClient).DownloadString('URL/agent')`, want: "GET me|b|c|q=1\nGET |||"},
				{script: `$w = New-Object Net.WebClient; $w.Headers.Add([Net.HttpRequestHeader]::UserAgent, 'me'); $w.Headers['X-A'] = 'b'; $w.Headers[[Net.HttpRequestHeader]::Accept] = 'c'; $w.DownloadString('URL/agent'); $w.Headers.Remove([System.Net.HttpRequestHeader]::Accept); $w.Headers['Accept'] -eq $null; [int][Net.HttpRequestHeader]::Cookie; $w.ResponseHeaders[[Net.HttpResponseHeader]::ContentType]`, want: "GET me|b|c|\nTrue\n25\ntext/plain; charset=utf-8"},
				{script: `(New-Object Net.WebClient).DownloadString('URL/none')`, want: "!The remote server returned an error: (404) Not Found."},
				{script: `try { (New-Object Net.WebClient).DownloadFile('URL/none','C:\w\none') } catch [Net.WebException] { $_.Exception.GetType().Name; [int]$_.Exception.Response.StatusCode; $_.Exception.Message }; Test-Path C:\w\none`, want: "WebException\n404\nThe remote server returned an error: (404) Not Found.\nFalse"},
				{script: `(New-Object Net.WebClient).DownloadFile('URL/text','C:\nodir\x')`, want: "!Could not find a part of the path 'C:\\nodir\\x'."},
				{script: `$w = New-Object Net.WebClient; $w.Credentials = New-Object Net.NetworkCredential('me','pw'); $w.DownloadString('URL/auth'); $w.UseDefaultCredentials = $true; $w.Proxy = [Net.WebRequest]::GetSystemWebProxy(); $w.Proxy.Credentials = [Net.CredentialCache]::DefaultNetworkCredentials; $w.DownloadString('URL/text'); $w.Dispose()`, want: "in\nhéllo"},
				{script: `$w = New-Object Net.WebClient; $w.UseDefaultCredentials = $true; $w.DownloadString('URL/auth')`, want: "refused: WebClient.DownloadString"},
				{script: `$w = New-Object Net.WebClient; $w.Encoding = [Text.Encoding]::UTF8; $w.BaseAddress = 'URL'; $w.DownloadString('/text'); $w.DownloadStringTaskAsync('URL/text').Result; $w.IsBusy`, want: "héllo\nhéllo\nFalse"},
				{script: `(New-Object Net.WebClient).UploadString('URL/text','x')`, want: "refused: System.Net.WebClient.UploadString"},
				{script: `[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12; [Net.ServicePointManager]::SecurityProtocol; [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor 12288; [Net.ServicePointManager]::SecurityProtocol; [Net.ServicePointManager]::SecurityProtocol = 'tls12, tls11, tls'; [Net.ServicePointManager]::SecurityProtocol`, want: "Tls12\nTls12, Tls13\nTls, Tls11, Tls12"},
				{script: `[Net.ServicePointManager]::SecurityProtocol = 'Ssl3'`, want: "refused: [Net.ServicePointManager]::SecurityProtocol = 'Ssl3'"},
				{script: `[Net.ServicePointManager]::ServerCertificateValidationCallback = { $true }; [Net.ServicePointManager]::ServerCertificateValidationCallback = $null; [Net.ServicePointManager]::ServerCertificateValidationCallback = { param($a) $false }`, want: "refused: [Net.ServicePointManager]::ServerCertificateValidationCallback"},
				{script: `$q = [Net.WebRequest]::Create('URL/text'); $q.Method; $q.UserAgent = 'x'; $r = $q.GetResponse(); [int]$r.StatusCode; $r.ContentType; (New-Object IO.StreamReader $r.GetResponseStream()).ReadToEnd(); $r.ResponseUri.AbsolutePath; $r.Close()`, want: "GET\n200\ntext/plain; charset=utf-8\nhéllo\n/text"},
				{script: `$q = [Net.HttpWebRequest]::Create('URL/redirect'); $q.AllowAutoRedirect = $false; $r = $q.GetResponse(); $r.StatusCode; $r.Headers['Location']; $q = [Net.WebRequest]::Create('URL/gzip'); $q.AutomaticDecompression = 'GZip'; (New-Object IO.StreamReader $q.GetResponse().GetResponseStream()).ReadToEnd()`, want: "Found\n/text\nunpacked"},
				{script: `[Net.WebRequest]::Create('URL/none').GetResponse()`, want: "!The remote server returned an error: (404) Not Found."},
				{script: `$q = [Net.WebRequest]::Create('URL/slow'); $q.Timeout = 100; $q.GetResponse()`, want: "!The operation has timed out."},
				{script: `$x = New-Object xml; $x.Load('URL/xml'); $x.r.v`, want: "1.2"},
			} {
				b.sayURL(t, s.URL, test)
			}
		})
	}
}

// TestCookies is about cookies that a script puts in itself.
func TestCookies(t *testing.T) {
	s := server(t)
	for _, host := range []string{"powershell", "pwsh"} {
		t.Run(host, func(t *testing.T) {
			b := newBox(t, host, online())
			const start = `$s = New-Object Microsoft.PowerShell.Commands.WebRequestSession; $u = [uri]'URL/cookies'; `
			for _, test := range []says{
				{script: start + `$c = New-Object System.Net.Cookie; $c.Name = 'a'; $c.Value = '1 2'; $c.Domain = $u.Host; $s.Cookies.Add($c); irm $u -WebSession $s; "$c|$($c.Path)|$($c.Secure)"`, want: "a=1 2\na=1 2||False"},
				{script: start + `$s.Cookies.Add((New-Object Net.Cookie('a', '1', '/', 'other.example'))); $s.Cookies.Add($u, [Net.Cookie]::new('b', '2')); $s.Cookies.Add($u, [Net.Cookie]::new('c', '3', '/cookies')); irm $u -WebSession $s`, want: "b=2; c=3"},
				{script: start + `$j = New-Object Net.CookieContainer; $j.Add($u, [Net.Cookie]::new('b', '2')); $s.Cookies = $j; irm $u -WebSession $s`, want: "b=2"},
				{script: start + `$s.Cookies.Add((New-Object Net.Cookie('a', '1')))`, want: "!The parameter 'cookie.Domain' cannot be an empty string.\nParameter name: cookie.Domain", core: "!The parameter 'cookie.Domain' cannot be an empty string. (Parameter 'cookie.Domain')"},
				{script: `$c = New-Object Net.Cookie; $c.Name = 'a b'`, want: "!The 'Name'='a b' part of the cookie is invalid."},
				{script: start + `$s.Cookies.GetCookies($u)`, want: "refused: [System.Net.CookieContainer].GetCookies"},
			} {
				b.sayURL(t, s.URL, test)
			}
		})
	}
}

// TestHttpClient is about the clients of System.Net.Http.
func TestHttpClient(t *testing.T) {
	s := server(t)
	for _, host := range []string{"powershell", "pwsh"} {
		t.Run(host, func(t *testing.T) {
			b := newBox(t, host, online())
			const load = `Add-Type -AssemblyName System.Net.Http; `
			for _, test := range []says{
				{script: load + `$c = New-Object System.Net.Http.HttpClient; $c.GetStringAsync('URL/text').Result; $r = $c.GetAsync('URL/text').Result; $r.IsSuccessStatusCode; [int]$r.StatusCode; $r.Content.ReadAsStringAsync().Result; $r.Content.ReadAsStringAsync().GetAwaiter().GetResult(); $r.Content.Headers.ContentLength`, want: "héllo\nTrue\n200\nhéllo\nhéllo\n6"},
				{script: load + `$c = [Net.Http.HttpClient]::new(); $c.DefaultRequestHeaders.Add('X-A','1'); $c.DefaultRequestHeaders.UserAgent.ParseAdd('a/1'); $c.DefaultRequestHeaders.UserAgent.ParseAdd('b/2'); $c.DefaultRequestHeaders.Accept.Add([Net.Http.Headers.MediaTypeWithQualityHeaderValue]::new('application/json')); $c.GetStringAsync('URL/agent').GetAwaiter().GetResult()`, want: "GET a/1 b/2|1|application/json|"},
				{script: load + `$c = [Net.Http.HttpClient]::new(); $c.GetStringAsync('URL/none').GetAwaiter().GetResult()`, want: "!Response status code does not indicate success: 404 (Not Found)."},
				{script: load + `$c = [Net.Http.HttpClient]::new(); $t = $c.GetAsync('URL/none'); $t.Status; $t.Result.StatusCode; $t.Result.EnsureSuccessStatusCode()`, want: "RanToCompletion\nNotFound\n!Response status code does not indicate success: 404 (Not Found)."},
				{script: load + `$c = [Net.Http.HttpClient]::new(); $c.BaseAddress = 'URL'; $f = [IO.File]::Create('C:\w\h.bin'); $c.GetAsync('/bytes').Result.Content.CopyToAsync($f).Wait(); $f.Close(); (Get-Item C:\w\h.bin).Length; $c.GetByteArrayAsync('bytes').Result.Length; $s = $c.GetStreamAsync('bytes').Result; $s.ReadByte(); $c.Dispose()`, want: "4\n4\n0"},
				{script: load + `$h = New-Object Net.Http.HttpClientHandler; $h.AllowAutoRedirect = $false; $c = New-Object Net.Http.HttpClient $h; $r = $c.GetAsync('URL/redirect').Result; [int]$r.StatusCode; $m = [Net.Http.HttpRequestMessage]::new([Net.Http.HttpMethod]::Head,'URL/agent'); $m.Headers.Add('X-A','2'); [int]$c.SendAsync($m).Result.StatusCode`, want: "302\n200"},
				{script: load + `$c = [Net.Http.HttpClient]::new(); $s = [Threading.CancellationTokenSource]::new(100); $t = $c.GetAsync('URL/slow',$s.Token); $t.IsCanceled; $c.Timeout = [timespan]::FromMilliseconds(100); $c.GetAsync('URL/slow').IsCanceled`, want: "True\nTrue"},
				{script: load + `[Net.Http.HttpClient]::new().PostAsync('URL/text',$null)`, want: "refused: System.Net.Http.HttpClient.PostAsync"},
			} {
				b.sayURL(t, s.URL, test)
			}
		})
	}
	b := newBox(t, "powershell", online())
	if got := b.say(`[Net.Http.HttpClient]::new()`); !strings.Contains(got, "Unable to find type [Net.Http.HttpClient]") {
		t.Errorf("5.1 knows HttpClient before its assembly is loaded: %s", got)
	}
}

// sayURL runs a script against a server, with its address for URL.
func (b *box) sayURL(t *testing.T, url string, s says) {
	t.Helper()
	want := s.want
	if b.host == "pwsh" && s.core != "" {
		want = s.core
	}
	if diff := gocmp.Diff(want, b.say(strings.ReplaceAll(s.script, "URL", url))); diff != "" {
		t.Errorf("%s\n%s", s.script, diff)
	}
}

// archive makes a zip archive of names and contents.
func archive(t *testing.T, pairs ...string) string {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for i := 0; i < len(pairs); i += 2 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: pairs[i], Method: zip.Deflate, Modified: time.Date(2020, 5, 6, 7, 8, 10, 0, time.UTC)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(pairs[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestZip fails if archives are not read and written as .NET does.
func TestZip(t *testing.T) {
	const load = `Add-Type -AssemblyName System.IO.Compression.FileSystem; `
	files := []string{`C:\w\a.zip=` + archive(t, "x.txt", "one", "d/", "", "d/y.txt", "two"), `C:\w\src\f.txt=f`, `C:\w\src\sub\g.txt=g`, `C:\w\src\empty\`, `C:\w\bad.zip=nope`, `C:\w\evil.zip=` + archive(t, "../../e.txt", "x")}
	check(t, files, []says{
		{script: load + `[IO.Compression.ZipFile]::ExtractToDirectory('C:\w\a.zip','C:\w\out'); (Get-ChildItem C:\w\out -Recurse -File).Name -join ','; (Get-Item C:\w\out\x.txt).LastWriteTime.ToString('s')`, want: "x.txt,y.txt\n2020-05-06T07:08:10"},
		{script: load + `[IO.Compression.ZipFile]::ExtractToDirectory('C:\w\a.zip','C:\w\out')`, want: "!The file 'C:\\w\\out\\x.txt' already exists."},
		{script: load + `[IO.Compression.ZipFile]::ExtractToDirectory('C:\w\a.zip','C:\w\out',$true); 'over'`, want: "!Cannot convert the \"True\" value of type \"System.Boolean\" to type \"System.Text.Encoding\".", core: "over"},
		{script: load + `[IO.Compression.ZipFile]::OpenRead('C:\w\bad.zip')`, want: "!End of Central Directory record could not be found."},
		{script: load + `[IO.Compression.ZipFile]::ExtractToDirectory('C:\w\evil.zip','C:\w\o2')`, want: "!Extracting Zip entry would have resulted in a file outside the specified destination directory."},
		{script: load + `$z = [IO.Compression.ZipFile]::OpenRead('C:\w\a.zip'); $z.Entries.Count; $z.Entries.FullName -join ','; $z.Entries[0].Length; $z.GetEntry('d/y.txt').Name; $z.Entries[0].LastWriteTime.DateTime.ToString('s'); (New-Object IO.StreamReader $z.Entries[2].Open()).ReadToEnd(); $z.Entries | Where-Object Name -like 'x*' | ForEach-Object { [IO.Compression.ZipFileExtensions]::ExtractToFile($_,'C:\w\x2.txt',$true) }; $z.Dispose(); [IO.File]::ReadAllText('C:\w\x2.txt')`, want: "3\nx.txt,d/,d/y.txt\n3\ny.txt\n2020-05-06T07:08:10\ntwo\none"},
		{script: load + `[IO.Compression.ZipFile]::CreateFromDirectory('C:\w\src','C:\w\n.zip'); $z = [IO.Compression.ZipFile]::OpenRead('C:\w\n.zip'); ($z.Entries.FullName | Sort-Object) -join ','; $z.Dispose(); [IO.Compression.ZipFile]::CreateFromDirectory('C:\w\src','C:\w\n2.zip','Optimal',$true); $z = [IO.Compression.ZipFile]::OpenRead('C:\w\n2.zip'); ($z.Entries.FullName | Sort-Object)[-1]; $z.Dispose()`, want: `empty\,f.txt,sub\g.txt` + "\n" + `src\sub\g.txt`, core: "empty/,f.txt,sub/g.txt\nsrc/sub/g.txt"},
		{script: load + `[IO.Compression.ZipFile]::CreateFromDirectory('C:\w\src','C:\w\n.zip')`, want: "!The file 'C:\\w\\n.zip' already exists."},
		{script: load + `$z = [IO.Compression.ZipFile]::Open('C:\w\c.zip','Create'); [void][IO.Compression.ZipFileExtensions]::CreateEntryFromFile($z,'C:\w\src\f.txt','in/f.txt'); $e = $z.CreateEntry('t.txt'); $w = New-Object IO.StreamWriter $e.Open(); $w.Write('made'); $w.Close(); $z.Dispose(); Expand-Archive C:\w\c.zip C:\w\c; Get-Content C:\w\c\t.txt; Get-Content C:\w\c\in\f.txt`, want: "made\nf"},
		{script: load + `$z = [IO.Compression.ZipFile]::Open('C:\w\c.zip','Update'); $z.GetEntry('t.txt').Delete(); $e = $z.CreateEntry('u.txt'); $w = [IO.StreamWriter]::new($e.Open()); $w.Write('new'); $w.Dispose(); $z.Dispose(); $z = [IO.Compression.ZipFile]::OpenRead('C:\w\c.zip'); $z.Entries.FullName -join ','; $z.Dispose()`, want: "in/f.txt,u.txt"},
		{script: load + `$s = [IO.File]::OpenRead('C:\w\a.zip'); $z = New-Object IO.Compression.ZipArchive($s,[IO.Compression.ZipArchiveMode]::Read); $z.Entries[0].FullName; $z.CreateEntry('x')`, want: "x.txt\n!Cannot create entries on an archive opened in read mode."},
	})
}
