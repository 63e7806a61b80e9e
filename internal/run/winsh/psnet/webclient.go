package psnet

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/casement/casement/internal/run/winsh/fetch"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/run/winsh/pscmd"
)

// webClient is the Data of a WebClient.
type webClient struct {
	headers *ps.Object
	proxy   *proxy
	shown   any // the object of the proxy
	creds   any
	own     bool
	cs      *pscmd.Charset
	enc     any
	base    string
	query   any
	// answer has the headers of the last answer.
	answer http.Header
}

const webClientName = "System.Net.WebClient"

func webClientTypes() []*ps.Type {
	return []*ps.Type{{
		Name: webClientName, Base: "System.ComponentModel.Component", Implements: []string{"System.IDisposable"}, Members: webClientMembers,
		New: overloads(val(func(in *ps.Invoke) any {
			p := systemProxy(in.Session)
			return in.Session.Object(webClientName, &webClient{headers: newHeaders(in.Session), proxy: p.Data.(*proxy), shown: p, cs: defaultCharset(in.Session)})
		}), ""),
	}}
}

// request makes the transfer of an address.
func (w *webClient) request(s *ps.Session, u *url.URL, what string) *transfer {
	t := &transfer{s: s, method: http.MethodGet, url: u, header: w.headers.Data.(*headers).h.Clone(), proxy: w.proxy, own: w.own, redirects: 50, what: "WebClient." + what}
	t.creds, _ = credentialsOf(w.creds)
	if c, own := credentialsOf(w.creds); own && c == nil {
		t.own = true
	}
	if q, ok := w.query.(*ps.Object); ok && w.query != nil {
		if n, ok := q.Data.(*nameValues); ok && len(n.list) > 0 {
			u := *t.url
			u.RawQuery = strings.TrimPrefix(u.RawQuery+"&"+n.String(), "&")
			t.url = &u
		}
	}
	return t
}

// open sends the request of a method whose first argument is the address.
func (w *webClient) open(ctx context.Context, in *ps.Invoke, what string) (io.ReadCloser, *fetch.Response, error) {
	u, err := address(in, 0, w.base)
	if err != nil {
		return nil, nil, err
	}
	if u.Scheme == "file" {
		f, err := fsOf(in).Open(ctx, localPath(u))
		if err != nil {
			return nil, nil, wrapped(in.Session, ioError(in.Session, err))
		}
		return f, nil, nil
	}
	resp, err := w.request(in.Session, u, what).send(ctx)
	if err != nil {
		return nil, nil, webError(in.Session, err)
	}
	w.answer = resp.Header
	if resp.StatusCode >= 400 {
		return nil, nil, statusError(in.Session, resp)
	}
	return resp.Body, resp, nil
}

// wrapped is how WebClient reports what is no WebException.
func wrapped(s *ps.Session, err error) error {
	if err == nil || !isException(err) && !isWindows(err) {
		return err
	}
	x := ps.ToException(ioError(s, err))
	if x.Type == "System.Net.WebException" {
		return x
	}
	return &ps.Exception{Type: "System.Net.WebException", Message: either(s, "An exception occurred during a WebClient request.", "An exception occurred during a WebClient request."), Inner: x,
		Data: map[string]any{"Status": statusEnum(s, "UnknownError")}}
}

// bytes reads an answer whole.
func (w *webClient) bytes(ctx context.Context, in *ps.Invoke, what string) ([]byte, string, error) {
	body, resp, err := w.open(ctx, in, what)
	if err != nil {
		return nil, "", err
	}
	defer body.Close()
	b, err := readBody(in.Session, body)
	if err != nil {
		return nil, "", wrapped(in.Session, webError(in.Session, err))
	}
	kind := ""
	if resp != nil {
		kind = resp.Header.Get("Content-Type")
	}
	return b, kind, nil
}

func downloadString(ctx context.Context, in *ps.Invoke) (any, error) {
	w := self[*webClient](in)
	b, kind, err := w.bytes(ctx, in, "DownloadString")
	if err != nil {
		return nil, err
	}
	return bodyText(b, kind, w.cs), nil
}

func downloadData(ctx context.Context, in *ps.Invoke) (any, error) {
	b, _, err := self[*webClient](in).bytes(ctx, in, "DownloadData")
	return &ps.Bytes{B: b}, err
}

// downloadFile makes the file first, and removes it again when the download
// fails.
func downloadFile(ctx context.Context, in *ps.Invoke) (any, error) {
	s, w := in.Session, self[*webClient](in)
	if in.String(1) == "" {
		return nil, nullArgument(s, "fileName")
	}
	path, err := full(s, in.String(1))
	if err != nil {
		return nil, wrapped(s, err)
	}
	f, err := fsOf(in).Create(ctx, path, machine.CreateOptions{})
	if err != nil {
		return nil, wrapped(s, err)
	}
	err = w.save(ctx, in, f)
	if cerr := f.Close(); err == nil && cerr != nil {
		err = wrapped(s, cerr)
	}
	if err != nil {
		if rerr := fsOf(in).Remove(ctx, path); rerr != nil && !isWindows(rerr) {
			err = errors.Join(err, rerr)
		}
		return nil, err
	}
	return nil, nil
}

func (w *webClient) save(ctx context.Context, in *ps.Invoke, f io.Writer) error {
	body, _, err := w.open(ctx, in, "DownloadFile")
	if err != nil {
		return err
	}
	defer body.Close()
	if _, err := io.CopyBuffer(writerOnly{f}, onlyReader{body}, make([]byte, 128<<10)); err != nil {
		return wrapped(in.Session, webError(in.Session, err))
	}
	return nil
}

// writerOnly hides all but Write.
type writerOnly struct{ io.Writer }

func webClientMembers() []ps.Member {
	const text, uri = "string address", "uri address"
	const fileText, fileURI = text + ", string fileName", uri + ", string fileName"
	openRead := func(ctx context.Context, in *ps.Invoke) (any, error) {
		body, resp, err := self[*webClient](in).open(ctx, in, "OpenRead")
		if err != nil {
			return nil, err
		}
		size := int64(-1)
		if resp != nil {
			size = resp.ContentLength
		}
		return readStream(in.Session, netStream, body, size, body.Close), nil
	}
	list := []ps.Member{
		method("DownloadFile", "void", downloadFile, fileText, fileURI),
		method("DownloadString", "string", downloadString, text, uri),
		method("DownloadData", "byte[]", downloadData, text, uri),
		method("OpenRead", "System.IO.Stream", openRead, text, uri),
		method("DownloadFileTaskAsync", taskType, later(downloadFile), fileText, fileURI),
		method("DownloadStringTaskAsync", taskType, later(downloadString), text, uri),
		method("DownloadDataTaskAsync", taskType, later(downloadData), text, uri),
		method("CancelAsync", "void", nothing, ""), method("Dispose", "void", nothing, ""),
	}
	list = append(list, refused("events need something that runs beside the script", "use DownloadFile", "DownloadFileAsync", "DownloadStringAsync", "DownloadDataAsync", "OpenReadAsync")...)
	list = append(list, refused("a build brings things in and sends nothing out with this class", "use Invoke-WebRequest -Method Post", "UploadString", "UploadData", "UploadFile", "UploadValues", "OpenWrite",
		"UploadStringTaskAsync", "UploadDataTaskAsync", "UploadFileTaskAsync", "UploadValuesTaskAsync")...)
	return append(list, webClientProps()...)
}

func webClientProps() []ps.Member {
	data := self[*webClient]
	return []ps.Member{
		prop("Headers", "System.Net.WebHeaderCollection", func(in *ps.Invoke) any { return data(in).headers }).With(func(_ context.Context, in *ps.Invoke) error {
			if o := object(in, 0); o != nil {
				data(in).headers = o
			}
			return nil
		}),
		prop("ResponseHeaders", "System.Net.WebHeaderCollection", func(in *ps.Invoke) any {
			if data(in).answer == nil {
				return nil
			}
			return in.Session.Object("System.Net.WebHeaderCollection", &headers{s: in.Session, h: data(in).answer})
		}),
		prop("Proxy", "System.Net.IWebProxy", func(in *ps.Invoke) any { return data(in).shown }).With(func(_ context.Context, in *ps.Invoke) error {
			data(in).shown, data(in).proxy = in.Args[0], proxyArg(in.Args[0])
			return nil
		}),
		prop("Credentials", "System.Net.ICredentials", func(in *ps.Invoke) any { return data(in).creds }).With(func(_ context.Context, in *ps.Invoke) error {
			data(in).creds = in.Args[0]
			return nil
		}),
		prop("UseDefaultCredentials", "bool", func(in *ps.Invoke) any { return data(in).own }).With(func(_ context.Context, in *ps.Invoke) error {
			data(in).own = in.Bool(0)
			return nil
		}),
		prop("Encoding", encodingType, func(in *ps.Invoke) any {
			if data(in).enc != nil {
				return data(in).enc
			}
			return newEncoding(in.Session, data(in).cs)
		}).With(func(_ context.Context, in *ps.Invoke) error {
			if !has(in, 0) {
				return nullArgument(in.Session, "Encoding")
			}
			data(in).enc, data(in).cs = in.Args[0], encodingArg(in, 0)
			return nil
		}),
		prop("BaseAddress", "string", func(in *ps.Invoke) any { return data(in).base }).With(func(_ context.Context, in *ps.Invoke) error {
			data(in).base = in.String(0)
			return nil
		}),
		prop("QueryString", nameValueName, func(in *ps.Invoke) any {
			if data(in).query == nil {
				data(in).query = in.Session.Object(nameValueName, &nameValues{s: in.Session})
			}
			return data(in).query
		}),
		prop("CachePolicy", "System.Object", func(*ps.Invoke) any { return nil }).With(func(context.Context, *ps.Invoke) error { return nil }),
		prop("IsBusy", "bool", func(*ps.Invoke) any { return false }),
	}
}
