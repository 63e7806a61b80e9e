package layer

import (
	"encoding/hex"
	"hash"

	"github.com/opencontainers/go-digest"
)

// sumOf returns the digest of what the SHA-256 h has seen.
func sumOf(h hash.Hash) digest.Digest {
	return digest.Digest("sha256:" + hex.EncodeToString(h.Sum(nil)))
}
