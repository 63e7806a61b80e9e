package pscmd

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// webServer is a server with something of everything.
func webServer(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	say := func(path, contentType, body string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			_, _ = io.WriteString(w, body)
		})
	}
	say("/txt", "text/plain; charset=utf-8", "hello\nworld\n")
	say("/html", "text/html", "caf\xe9 <a href='/x' class=q>link</a><img src=i.png>")
	say("/bin", "application/octet-stream", "\x01\x02")
	say("/json", "application/json", `{"a":1,"b":[{"c":"x"},{"c":"y"}]}`)
	say("/list", "application/json", `[{"n":1},{"n":2}]`)
	say("/xml", "application/xml", `<r><i>1</i></r>`)
	mux.Handle("/redir", http.RedirectHandler("/txt", http.StatusFound))
	mux.HandleFunc("/missing", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no such thing", http.StatusNotFound) })
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	mux.HandleFunc("/cookie", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "k", Value: "v"})
		w.Header().Add("X-Two", "1")
		w.Header().Add("X-Two", "2")
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %s", r.Method, r.URL)
		for _, k := range []string{"Content-Type", "Authorization", "X-T", "Cookie"} {
			if v := r.Header.Values(k); v != nil {
				_, _ = fmt.Fprintf(w, " %s=%s", k, strings.Join(v, "+"))
			}
		}
		_, _ = fmt.Fprintf(w, " [%s]", body)
	})
	mux.HandleFunc("/agent", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.UserAgent()) })
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

// Broken if it fails: downloads and calls of services do otherwise than on
// Windows.
func TestWeb(t *testing.T) {
	url := webServer(t)
	table := []row{
		{name: "a download", both: true, text: `Invoke-WebRequest URL/txt -OutFile f; gc f; iwr -Uri URL/redir -OutFile g -UseBasicParsing; (gi g).Length; Invoke-RestMethod URL/bin -OutFile b; (gi b).Length`, want: "hello\nworld\n12\n2"},
		{name: "what is sent and what comes, for who wants to know", text: `iwr URL/redir -OutFile f -Verbose 4>&1; irm URL/echo -Method Post -Body ab -Verbose 4>&1`,
			want: "VERBOSE: GET URL/redir with 0-byte payload\nVERBOSE: received 12-byte response of content type text/plain; charset=utf-8\nVERBOSE: POST URL/echo with -1-byte payload\nVERBOSE: received 62-byte response of content type text/plain\nPOST /echo Content-Type=application/x-www-form-urlencoded [ab]"},
		{name: "the same in 7", core: true, text: `iwr URL/redir -OutFile f -Verbose 4>&1; irm URL/echo -Method Post -Body ab -Verbose 4>&1`,
			want: "VERBOSE: Requested HTTP/1.1 GET with 0-byte payload\nVERBOSE: Received HTTP/1.1 12-byte response of content type text/plain\nVERBOSE: File Name: f\nVERBOSE: Requested HTTP/1.1 POST with 2-byte payload\nVERBOSE: Received HTTP/1.1 62-byte response of content type text/plain\nPOST /echo Content-Type=application/x-www-form-urlencoded [ab]"},
		{name: "the list of 5.1", text: `$r = iwr URL/txt -UseBasicParsing; ($r | Out-String) -split "\r?\n" | ? { $_ -match '^(Forms|Images|ParsedHtml) ' } | % { $_ -replace ' *$' }; $null -eq $r.Forms`, want: "Forms             :\nImages            : {}\nParsedHtml        :\nTrue"},
		{name: "the list of 7", core: true, text: `$r = iwr URL/txt; ($r | Out-String) -match 'ParsedHtml'`, want: "False"},
		{name: "an answer", both: true, text: `$r = iwr URL/txt -UseBasicParsing; $r.StatusCode; $r.StatusDescription; $r.Content; $r.RawContentLength; $r.Headers['Content-Type'] -join ''; $r.GetType().Name; ($r.RawContent -split "\r\n")[0]`,
			want: "200\nOK\nhello\nworld\n12\ntext/plain; charset=utf-8\nBasicHtmlWebResponseObject\nHTTP/1.1 200 OK"},
		{name: "bytes", both: true, text: `$r = iwr URL/bin -UseBasicParsing; $r.Content -join ','; $r.GetType().Name`, want: "1,2\nWebResponseObject"},
		{name: "links", both: true, text: `$r = iwr URL/html -UseBasicParsing; $r.Links.href; $r.Links[0].class; $r.Images[0].src`, want: "/x\nq\ni.png"},
		{name: "Latin-1 in 5.1", text: `[int](iwr URL/html -UseBasicParsing).Content[3]`, want: "233"},
		{name: "UTF-8 in 7", core: true, text: `[int](iwr URL/html).Content[3]`, want: "65533"},
		{name: "headers", text: `(iwr URL/cookie -UseBasicParsing).Headers['X-Two']`, want: "1,2"},
		{name: "headers in 7", core: true, text: `(iwr URL/cookie).Headers['X-Two']`, want: "1\n2"},
		{name: "Internet Explorer is not there", text: `iwr URL/txt; iwr URL/txt -OutFile f; Test-Path f; curl URL/txt -OutFile g; Test-Path g`, want: "True\nTrue",
			errs: []string{`WebCmdletIEDomNotSupportedException,Microsoft.PowerShell.Commands.InvokeWebRequestCommand NotImplemented The response content cannot be parsed because the Internet Explorer engine is not available, or Internet Explorer's first-launch configuration is not complete. Specify the UseBasicParsing parameter and try again.`}},
		{name: "services", both: true, text: `(irm URL/json).b.c; irm URL/list | % n; irm URL/txt`, want: "x\ny\n1\n2\nhello\nworld"},
		{name: "numbers of services", text: `(irm URL/json).a.GetType().Name`, want: "Int32"},
		{name: "numbers of services in 7", core: true, text: `(irm URL/json).a.GetType().Name`, want: "Int64"},
		{name: "what is sent", both: true, text: `irm URL/echo -Method Post -Body @{a='x y'} -Headers @{'X-T'='q'}; irm URL/echo -Method Put -Body '{}' -ContentType application/json; irm URL/echo -Body @{a=1}; Set-Content f z -NoNewline; irm URL/echo -Method Post -InFile f -ContentType text/plain; irm URL/echo -Method Delete`,
			want: "POST /echo Content-Type=application/x-www-form-urlencoded X-T=q [a=x+y]\nPUT /echo Content-Type=application/json [{}]\nGET /echo?a=1 []\nPOST /echo Content-Type=text/plain [z]\nDELETE /echo []"},
		{name: "sessions", both: true, text: `$null = iwr URL/cookie -SessionVariable s -UseBasicParsing; irm URL/echo -WebSession $s`, want: "GET /echo Cookie=k=v []"},
		{name: "cookies among headers are not sent", text: `irm URL/echo -Headers @{Cookie='a=1'}`, want: "GET /echo []"},
		{name: "cookies among headers in 7", core: true, text: `$null = iwr URL/cookie -SessionVariable s; irm URL/echo -WebSession $s -Headers @{Cookie='a=1; b=2'}`, want: "GET /echo Cookie=a=1; b=2; k=v []"},
		{name: "agents", text: `irm URL/agent -UserAgent me; (irm URL/agent) -match 'WindowsPowerShell/5\.1'`, want: "me\nTrue"},
		{name: "not found", text: `iwr URL/missing -UseBasicParsing; try { iwr URL/missing -UseBasicParsing -ea Stop } catch { $_.Exception.GetType().FullName; [int]$_.Exception.Response.StatusCode; $_.Exception.Message }; iwr URL/missing -OutFile f; Test-Path f`, want: "System.Net.WebException\n404\nThe remote server returned an error: (404) Not Found.\nFalse",
			errs: []string{
				"WebCmdletWebResponseException,Microsoft.PowerShell.Commands.InvokeWebRequestCommand InvalidOperation no such thing",
				"WebCmdletWebResponseException,Microsoft.PowerShell.Commands.InvokeWebRequestCommand InvalidOperation no such thing",
				"WebCmdletWebResponseException,Microsoft.PowerShell.Commands.InvokeWebRequestCommand InvalidOperation no such thing",
			}},
		{name: "not found in 7", core: true, text: `try { iwr URL/missing -ea Stop } catch { $_.Exception.GetType().FullName; [int]$_.Exception.Response.StatusCode; $_.Exception.Message }; (iwr URL/missing -SkipHttpErrorCheck).StatusCode; irm URL/broken`, want: "Microsoft.PowerShell.Commands.HttpResponseException\n404\nResponse status code does not indicate success: 404 (Not Found).\n404",
			errs: []string{
				"WebCmdletWebResponseException,Microsoft.PowerShell.Commands.InvokeWebRequestCommand InvalidOperation no such thing",
				"WebCmdletWebResponseException,Microsoft.PowerShell.Commands.InvokeRestMethodCommand InvalidOperation Response status code does not indicate success: 500 (Internal Server Error).",
			}},
		{name: "no redirects", text: `(iwr URL/redir -MaximumRedirection 0 -UseBasicParsing).StatusCode`, want: "302",
			errs: []string{"MaximumRedirectExceeded,Microsoft.PowerShell.Commands.InvokeWebRequestCommand InvalidOperation The maximum redirection count has been exceeded. To increase the number of redirections allowed, supply a higher value to the -MaximumRedirection parameter."}},
		{name: "nobody there", text: `iwr http://127.0.0.1:1/ -UseBasicParsing; iwr '' -UseBasicParsing; iwr URL/txt -OutFile C:\no\f`, errs: []string{
			"WebCmdletWebResponseException,Microsoft.PowerShell.Commands.InvokeWebRequestCommand InvalidOperation Unable to connect to the remote server",
			"ParameterArgumentValidationError,Microsoft.PowerShell.Commands.InvokeWebRequestCommand InvalidData Cannot validate argument on parameter 'Uri'. The argument is null or empty. Provide an argument that is not null or empty, and then try the command again.",
			`System.IO.DirectoryNotFoundException,Microsoft.PowerShell.Commands.InvokeWebRequestCommand NotSpecified Could not find a part of the path 'C:\no\f'.`,
		}},
		{name: "credentials", both: true, text: `$c = New-Object System.Management.Automation.PSCredential 'u', (ConvertTo-SecureString p -AsPlainText -Force); $c.UserName; $c.GetNetworkCredential().Password; irm URL/echo -Headers @{Authorization='Basic x'}`, want: "u\np\nGET /echo Authorization=Basic x []"},
		{name: "BITS", both: true, text: `Start-BitsTransfer URL/txt f; gc f; Start-BitsTransfer -Source URL/txt -Destination C:\w; Test-Path C:\w\txt; Import-Module BitsTransfer; Start-BitsTransfer URL/missing g; Test-Path g`, want: "hello\nworld\nTrue\nFalse",
			errs: []string{"StartBitsTransferCOMException,Microsoft.BackgroundIntelligentTransfer.Management.NewBitsTransferCommand InvalidOperation HTTP status 404: The requested URL does not exist on the server."}},
		{name: "BITS in the background", text: `Start-BitsTransfer URL/txt f -Asynchronous`, refused: "Start-BitsTransfer -Asynchronous"},
		{name: "certificates", text: `iwr URL/txt -CertificateThumbprint 00`, refused: "Invoke-WebRequest -CertificateThumbprint"},
	}
	for i := range table {
		table[i].text, table[i].want = strings.ReplaceAll(table[i].text, "URL", url), strings.ReplaceAll(table[i].want, "URL", url)
	}
	rows(t, client{http.DefaultTransport}, table)
}
