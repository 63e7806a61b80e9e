package store

import (
	"context"
	"errors"
	"strconv"

	"github.com/opencontainers/go-digest"
)

// ErrCorrupt says that bytes are not those of their digest.
var ErrCorrupt = errors.New("corrupt")

// kindDistrusted is the kind of the records that count how often a download of
// a blob turned out to be wrong.
const kindDistrusted = "distrusted"

// Distrust says that bytes of a download of the blob d were wrong. What was
// learnt from its beginning, before that could be known, must not be used any
// more: Trust is another string from now on.
func (s *Store) Distrust(ctx context.Context, d digest.Digest) error {
	n, _ := strconv.Atoi(s.Trust(d))
	return s.Put(ctx, kindDistrusted, d.String(), []byte(strconv.Itoa(n+1)))
}

// Trust returns what belongs into the key of a record about content of the blob
// d that may be written before the whole blob was verified.
func (s *Store) Trust(d digest.Digest) string {
	rec, err := s.Get(kindDistrusted, d.String())
	if err != nil {
		return ""
	}
	return string(rec.Value)
}
