package fetch

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"io"
	"strings"

	//lint:ignore SA1019 Get-FileHash of Windows PowerShell has it, for what is old
	"golang.org/x/crypto/ripemd160"
)

// NewHash returns the algorithm that Get-FileHash and certutil call by name
// (SHA1, SHA256, SHA384, SHA512, MD5, RIPEMD160, in any case), and false if
// there is none. MACTripleDES is none: Windows PowerShell runs it with a random
// key, so its result is different each time.
func NewHash(name string) (hash.Hash, bool) {
	switch strings.ToUpper(name) {
	case "SHA1":
		return sha1.New(), true
	case "SHA256":
		return sha256.New(), true
	case "SHA384":
		return sha512.New384(), true
	case "SHA512":
		return sha512.New(), true
	case "MD5":
		return md5.New(), true
	case "RIPEMD160":
		return ripemd160.New(), true
	}
	return nil, false
}

// Digest reads r to its end and returns its sum, reading ahead while it sums.
func Digest(ctx context.Context, r io.Reader, h hash.Hash) ([]byte, error) {
	ahead := readAhead(r)
	defer ahead.Close()
	for {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("hashing: %w", err)
		}
		b, err := ahead.next()
		h.Write(b)
		if err == io.EOF {
			return h.Sum(nil), nil
		}
		if err != nil {
			return nil, fmt.Errorf("hashing: %w", err)
		}
	}
}
