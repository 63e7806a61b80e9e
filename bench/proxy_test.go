package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestProxyCounts: the aims about bytes rest on these figures. Layers of bases
// count as base bytes; configs and other repositories do not; the registry sees
// the proxy's address as the host, so that upload addresses lead back to it.
func TestProxyCounts(t *testing.T) {
	host := ""
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host = r.Host
		io.Copy(io.Discard, r.Body)
		switch r.URL.Path {
		case "/v2/windows/base/blobs/layer", "/v2/app/blobs/layer":
			io.WriteString(w, strings.Repeat("x", 100_000))
		case "/v2/windows/base/blobs/config":
			io.WriteString(w, strings.Repeat("x", 1000))
		}
	}))
	defer registry.Close()
	p, err := startProxy(t.Context(), strings.TrimPrefix(registry.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	for _, path := range []string{"windows/base/blobs/layer", "windows/base/blobs/config", "app/blobs/layer"} {
		resp, err := http.Get("http://" + p.addr + "/v2/" + path)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	resp, err := http.Post("http://"+p.addr+"/v2/app/blobs/uploads/", "", strings.NewReader("12345"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	got := p.take()
	if got.BaseRead != 100_000 || got.Read != 201_000 || got.Sent != 5 || got.Requests != 4 || got.Busy <= 0 {
		t.Errorf("counted %+v", got)
	}
	if host != p.addr {
		t.Errorf("the registry saw host %s, want %s", host, p.addr)
	}
	if left := p.take(); left != (traffic{}) {
		t.Errorf("after taking, %+v is left", left)
	}
}
