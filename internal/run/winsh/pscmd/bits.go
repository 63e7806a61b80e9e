package pscmd

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/fetch"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// bitsCmdlets download with what Windows calls BITS. Transfers in the
// background need the service, which does not run.
func bitsCmdlets() []*ps.Cmdlet {
	const background = "!transfers in the background need a service => leave it out"
	return []*ps.Cmdlet{{
		Name: "Start-BitsTransfer", Module: moduleBITS, Class: "Microsoft.BackgroundIntelligentTransfer.Management.NewBitsTransferCommand", ShouldProcess: true,
		Syntax: params(`
			Source string[] @1 mandatory property
			Destination string[] @2 property
			Asynchronous switch ` + background + `
			Suspended switch ` + background + `
			Authentication string !the server is asked without credentials
			Credential object !the server is asked without credentials
			Description string property
			DisplayName string property
			Dynamic switch
			HttpMethod string
			MaxDownloadTime int
			NotifyFlags object
			NotifyCmdLine string[]
			Priority string property in=Foreground,High,Normal,Low
			ProxyAuthentication string !proxies that ask who is there are not supported
			ProxyBypass string[] !the proxy is the build's
			ProxyCredential object !proxies that ask who is there are not supported
			ProxyList object !the proxy is the build's
			ProxyUsage string
			RetryInterval int
			RetryTimeout int
			SecurityFlags object
			CustomHeaders string[]
			TransferPolicy object
			TransferType string property in=Download,Upload,UploadReply`),
		Process: startBits,
	}}
}

func startBits(ctx context.Context, c *ps.Call) error {
	if t := strings.ToLower(c.String("TransferType")); t != "" && t != "download" {
		return machine.Refuse("Start-BitsTransfer -TransferType "+t, "only downloads are done", "use Invoke-WebRequest -Method Put")
	}
	sources, dests := c.Strings("Source"), c.Strings("Destination")
	if len(dests) > 0 && len(dests) != len(sources) {
		return fail(argumentException, "The number of items in the destination file list does not match the number of items in the source file list.", "StartBitsTransferInvalidCount", ps.InvalidArgument, nil)
	}
	for i, source := range sources {
		dest := "."
		if i < len(dests) {
			dest = dests[i]
		}
		if err := bitsOne(ctx, c, source, dest); err != nil {
			return err
		}
	}
	return nil
}

func bitsOne(ctx context.Context, c *ps.Call, source, dest string) error {
	w := &webCall{c: c, session: NewWebSession()}
	u, err := parseURL(c, source)
	if err != nil {
		return err
	}
	path, err := c.Session.File(dest)
	if err != nil {
		return err
	}
	dir, err := isDirDest(ctx, c.Session, path)
	if err != nil {
		return report(ctx, c, err)
	}
	if dir {
		path = strings.TrimSuffix(path, `\`) + `\` + u.Path[strings.LastIndexByte(u.Path, '/')+1:]
	}
	w.outFile = path
	w.req = fetch.Request{URL: u, Header: map[string][]string{"User-Agent": {"Microsoft BITS/7.8"}, "Accept": {"*/*"}}}
	for _, h := range c.Strings("CustomHeaders") {
		name, value, _ := strings.Cut(h, ":")
		w.req.Header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	w.client = fetch.Client{Send: c.Session.Machine().HTTP, Redirects: fetch.CurlRedirects(20)}
	resp, err := w.client.Do(ctx, w.req)
	if err != nil {
		var e *fetch.Error
		if !errors.As(err, &e) {
			return err
		}
		message := "The server name or address could not be resolved"
		if e.Kind != fetch.ErrResolve {
			message = "A connection with the server could not be established"
		}
		return bitsError(message)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		return bitsError("HTTP status " + strconv.Itoa(resp.StatusCode) + ": " + bitsStatus(resp.StatusCode))
	}
	return w.save(ctx, resp, resp.Body)
}

func bitsError(message string) error {
	return fail("System.Exception", message, "StartBitsTransferCOMException", ps.InvalidOperation, nil)
}

// bitsStatus is BITS' text for a status code.
func bitsStatus(code int) string {
	switch code {
	case 401:
		return "Access is denied."
	case 403:
		return "The client does not have sufficient access rights to the requested server object."
	case 404:
		return "The requested URL does not exist on the server."
	}
	return "The server returned an invalid or unrecognized response."
}
