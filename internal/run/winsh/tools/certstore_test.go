package tools_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// makeCert makes a certificate that is signed with its own key, or by another.
func makeCert(t *testing.T, name pkix.Name, other bool) []byte {
	t.Helper()
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: name, NotBefore: clock(), NotAfter: clock().AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true}
	issuer := c
	if other {
		issuer = &x509.Certificate{Subject: pkix.Name{CommonName: "Another"}}
	}
	der, err := x509.CreateCertificate(nil, c, issuer, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// TestCertutilAddStore fails if a certificate does not come into the registry as
// Windows keeps it, or what is none, or belongs elsewhere, is taken.
func TestCertutilAddStore(t *testing.T) {
	root, issued := makeCert(t, pkix.Name{CommonName: "My CA", Organization: []string{"Org"}}, false), makeCert(t, pkix.Name{Organization: []string{"Only Org"}}, true)
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root}))
	b := newBox(t, machine.Options{}, "C:\\w\\root.cer="+string(root), "C:\\w\\root.pem="+strings.ReplaceAll(text, "\n", "\r\n"),
		"C:\\w\\issued.crt="+string(issued), "C:\\w\\two.pem="+text+text, "C:\\w\\bad.cer=hello")
	const done = "CertUtil: -addstore command completed successfully.\r\n"
	const head = "Root \"Trusted Root Certification Authorities\"\r\nSignature matches Public Key\r\n"
	for _, c := range []struct {
		line string
		want result
	}{
		{`certutil -addstore Root root.cer`, result{Out: head + "Certificate \"My CA\" added to store.\r\n" + done}},
		{`certutil -addstore Root root.pem`, result{Out: head + "Certificate \"My CA\" already in store.\r\n" + done}},
		{`certutil -addstore -f "Root" root.pem`, result{Out: head + "Certificate \"My CA\" added to store.\r\n" + done}},
		{`certutil -f -addstore ca issued.crt`, result{Out: "ca \"Intermediate Certification Authorities\"\r\nCertificate \"Only Org\" added to store.\r\n" + done}},
		{`certutil -addstore Root none.cer`, result{Out: "CertUtil: -addstore command FAILED: 0x80070002 (WIN32: 2 ERROR_FILE_NOT_FOUND)\r\nCertUtil: The system cannot find the file specified.\r\n", Code: -2147024894}},
		{`certutil -addstore Root issued.crt`, result{Refused: "certutil -addstore of issued.crt"}},
		{`certutil -addstore Root two.pem`, result{Refused: "certutil -addstore of two.pem"}},
		{`certutil -addstore Root bad.cer`, result{Refused: "certutil -addstore of bad.cer"}},
		{`certutil -addstore WebHosting root.cer`, result{Refused: "certutil -addstore WebHosting"}},
		{`certutil -user -addstore Root root.cer`, result{Refused: "certutil -user"}},
	} {
		if diff := gocmp.Diff(c.want, b.call(c.line, "")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.line, diff)
		}
	}
	for store, der := range map[string][]byte{"ROOT": root, "CA": issued} {
		sum := sha1.Sum(der)
		key := fmt.Sprintf(`HKLM\SOFTWARE\Microsoft\SystemCertificates\%s\Certificates\%X`, store, sum)
		v, err := b.m.Registry().Value(t.Context(), key, "Blob")
		if err != nil {
			t.Fatal(err)
		}
		want := "03000000010000001400000" + fmt.Sprintf("0%x", sum) + fmt.Sprintf("2000000001000000%02x%02x0000%x", len(der)&255, len(der)>>8, der)
		if diff := gocmp.Diff(want, fmt.Sprintf("%x", v.Data)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", store, diff)
		}
	}
	if check(t, "certutil", "-addstore", "Root", "x.cer") != "" || check(t, "certutil", "-addstore", "Sroot", "x.cer") == "" {
		t.Error("the check does not know the stores")
	}
}
