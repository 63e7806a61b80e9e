package tools

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// The stores of certificates are keys of the registry: below the store each
// certificate has a key of the name of its SHA1 sum, whose value Blob has the
// certificate and what else is known of it.

// certStores are the stores that certificates are added to: by their names in
// capitals, the key's name and what certutil calls them.
func certStores() map[string][2]string {
	return map[string][2]string{
		"ROOT":             {"ROOT", "Trusted Root Certification Authorities"},
		"CA":               {"CA", "Intermediate Certification Authorities"},
		"AUTHROOT":         {"AuthRoot", "Third-Party Root Certification Authorities"},
		"MY":               {"MY", "Personal"},
		"TRUSTEDPEOPLE":    {"TrustedPeople", "Trusted People"},
		"TRUSTEDPUBLISHER": {"TrustedPublisher", "Trusted Publishers"},
		"DISALLOWED":       {"Disallowed", "Untrusted Certificates"},
	}
}

const certStoreWay = "name one certificate, in DER or PEM, and one of the stores Root, CA, My, TrustedPeople, TrustedPublisher, AuthRoot and Disallowed"

// certAddStore adds a certificate to a store of the machine.
func certAddStore(ctx context.Context, p *proc, c certArgs) (int, error) {
	store := c.args[0]
	names := certStores()[strings.ToUpper(store)]
	c.args = c.args[1:]
	b, code, err := c.read(ctx, p)
	if err != nil || code != 0 {
		return failOr(c, p, code, err)
	}
	cert, reason := readCertificate(b)
	if reason == "" && names[0] == "ROOT" && !selfSigned(cert) {
		reason = "a certificate of the root store has to be signed with its own key, and casement cannot verify that of this one"
	}
	if reason != "" {
		return 1, machine.Refuse("certutil -addstore of "+c.args[0], reason, certStoreWay)
	}
	p.println(`%s "%s"`, store, names[1])
	added, err := addCertificate(ctx, p.Machine.Registry(), names[0], cert.Raw, c.force)
	if errors.Is(err, fs.ErrPermission) {
		return c.fail(p, machine.ErrorAccessDenied)
	}
	if err != nil {
		return 1, err
	}
	if selfSigned(cert) {
		p.println("Signature matches Public Key")
	}
	if added {
		p.println(`Certificate "%s" added to store.`, certName(cert))
	} else {
		p.println(`Certificate "%s" already in store.`, certName(cert))
	}
	return c.done(p)
}

// readCertificate reads the one certificate of a file: DER, PEM, or base64 alone.
// The reason says what else it is.
func readCertificate(b []byte) (cert *x509.Certificate, reason string) {
	if len(b) > 0 && b[0] != 0x30 {
		text := string(bytes.TrimPrefix(b, []byte{0xEF, 0xBB, 0xBF}))
		if utf16, ok := fromUTF16(b); ok {
			text = utf16
		}
		if n := strings.Count(text, "-----BEGIN "); n > 1 || n == 1 && !strings.Contains(text, "-----BEGIN CERTIFICATE-----") {
			return nil, "the file has something else than one certificate"
		}
		der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(base64Body(text)), ""))
		if err != nil {
			return nil, "the file is no certificate"
		}
		b = der
	}
	cert, err := x509.ParseCertificate(b)
	if err != nil {
		return nil, "the file is no certificate that casement can read"
	}
	return cert, ""
}

// selfSigned reports whether a certificate is signed with its own key.
func selfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawSubject, c.RawIssuer) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// certName is the name that Windows shows of a certificate: of what it is for,
// the first of these that there is.
func certName(c *x509.Certificate) string {
	s := c.Subject
	for _, list := range [][]string{{s.CommonName}, s.OrganizationalUnit, s.Organization, c.EmailAddresses} {
		if len(list) > 0 && list[0] != "" {
			return list[0]
		}
	}
	return s.String()
}

// addCertificate writes a certificate into a store, and returns false for one that
// is there already, unless it is to be replaced.
func addCertificate(ctx context.Context, r *machine.Registry, store string, der []byte, replace bool) (bool, error) {
	sum := sha1.Sum(der)
	key := fmt.Sprintf(`HKLM\SOFTWARE\Microsoft\SystemCertificates\%s\Certificates\%X`, store, sum)
	if !replace {
		if there, err := r.KeyExists(ctx, key); err != nil || there {
			return false, err
		}
	}
	if _, err := r.CreateKey(ctx, key); err != nil {
		return false, err
	}
	return true, r.SetValue(ctx, key, machine.RegBinary("Blob", certBlob(sum[:], der)))
}

// certBlob is a certificate as a store keeps it: its sum and itself, each behind
// its number, a one and its length. What else Windows may know of a certificate it
// finds out again.
func certBlob(sum, der []byte) []byte {
	const sha1Property, certProperty = 3, 32
	var b []byte
	add := func(property uint32, data []byte) {
		for _, n := range []uint32{property, 1, uint32(len(data))} {
			b = binary.LittleEndian.AppendUint32(b, n)
		}
		b = append(b, data...)
	}
	add(sha1Property, sum)
	add(certProperty, der)
	return b
}
