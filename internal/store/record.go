package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
)

// maxRecord is the largest record. What is larger is a blob, named by a record.
const maxRecord = 16 << 20

// noteKind is the kind of the records that Note makes.
const noteKind = "note"

// A Record is a small value that was computed before, and the blobs that it needs.
type Record struct {
	Value []byte
	Blobs []digest.Digest
}

// Get returns the record of that kind and key, and protects it and its blobs from
// collectors until the store is closed. A record that is missing, damaged, or names a blob
// that is missing or has another size than it had, gives fs.ErrNotExist.
func (s *Store) Get(kind, key string) (Record, error) {
	name, err := s.recordPath(kind, key)
	if err != nil {
		return Record{}, err
	}
	if err := s.enter(); err != nil {
		return Record{}, err
	}
	defer s.leave()
	miss := func() error { return fmt.Errorf("record %s %s: %w", kind, key, fs.ErrNotExist) }
	data, err := readRecord(name)
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, miss()
	} else if err != nil {
		return Record{}, s.fail("reading a record", err)
	}
	r, err := decodeRecord(data)
	if err != nil || r.kind != kind || r.key != key || !s.useBlobs(r.blobs) {
		_ = os.Remove(name)
		return Record{}, miss()
	}
	if _, err := s.use(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Record{}, s.fail("reading a record", err)
	}
	out := Record{Value: r.value}
	for _, b := range r.blobs {
		out.Blobs = append(out.Blobs, b.digest)
	}
	return out, nil
}

// useBlobs reports whether all blobs are there and have the size that they had. A
// blob that has not is damaged and goes. Between enter and leave only.
func (s *Store) useBlobs(blobs []recordBlob) bool {
	for _, b := range blobs {
		h, err := hexOf(b.digest)
		if err != nil {
			return false
		}
		name := s.path(blobDir, h)
		fi, err := s.use(name)
		if err != nil {
			return false
		}
		if fi.Size() != b.size {
			_ = os.Remove(name)
			return false
		}
	}
	return true
}

// Put keeps value under kind and key until it is collected. All blobs that it
// names must be in the store; otherwise the error is fs.ErrNotExist. Kinds are short
// names of lower-case letters, digits and hyphens; keys are any strings.
func (s *Store) Put(ctx context.Context, kind, key string, value []byte, blobs ...digest.Digest) error {
	name, err := s.recordPath(kind, key)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	r := record{kind: kind, key: key, value: value}
	for _, d := range blobs {
		h, err := hexOf(d)
		if err != nil {
			return err
		}
		fi, err := s.use(s.path(blobDir, h))
		if err != nil {
			return s.blobError(d, err)
		}
		r.blobs = append(r.blobs, recordBlob{d, fi.Size()})
	}
	data := encodeRecord(r)
	if len(data) > maxRecord {
		return fmt.Errorf("record %s %s: %d bytes are too many: make it a blob", kind, key, len(data))
	}
	// The same record again is the common case; one read is cheaper than a new file.
	if old, err := readRecord(name); err == nil && bytes.Equal(old, data) {
		_, err := s.use(name)
		return s.fail("writing a record", err)
	}
	return s.fail("writing a record", s.replace(name, data))
}

// replace writes a small file by rename, without an fsync: what is written so
// carries a checksum. Between enter and leave only.
func (s *Store) replace(name string, data []byte) error {
	f, err := s.temp()
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Chtimes(f.Name(), time.Time{}, s.notBefore(time.Now()))
	}
	if err == nil {
		err = rename(f.Name(), name)
		if errors.Is(err, fs.ErrNotExist) { // the first record of its kind
			if err = os.MkdirAll(filepath.Dir(name), 0o700); err == nil {
				err = rename(f.Name(), name)
			}
		}
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	s.added.Add(int64(len(data)))
	return nil
}

// Note says for people what the blob d is: "layer of REF", "index". Usage shows it.
func (s *Store) Note(ctx context.Context, d digest.Digest, what string) error {
	return s.Put(ctx, noteKind, d.String(), []byte(what), d)
}

// recordPath returns the file of a record.
func (s *Store) recordPath(kind, key string) (string, error) {
	if kind == "" || strings.Trim(kind, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return "", fmt.Errorf("record kind %q: %w: use lower-case letters, digits and hyphens", kind, fs.ErrInvalid)
	}
	sum := sha256.Sum256([]byte(key))
	return s.path(recordDir, kind, hex.EncodeToString(sum[:])), nil
}

// readRecord reads a whole record, or so much of a file that is too large for
// one that it will not decode.
func readRecord(name string) ([]byte, error) {
	f, err := openFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, fs.ErrNotExist
	}
	data := make([]byte, min(fi.Size(), maxRecord))
	// What the disk cannot read is missing at the end, and the checksum says so.
	n, _ := f.ReadAt(data, 0)
	return data[:n], nil
}

// record is a record as its file has it.
type record struct {
	kind, key string
	value     []byte
	blobs     []recordBlob
}

// recordBlob is a blob's name and the size that it had when the record was made.
type recordBlob struct {
	digest digest.Digest
	size   int64
}

const recordMagic = "CSMTREC1"

// errRecord is why a record did not decode; nobody needs to know more.
var errRecord = errors.New("not a record")

// encodeRecord gives: magic, SHA-256 of the rest, kind, key, number of blobs,
// each blob's digest and size, value. Strings have their length before them.
func encodeRecord(r record) []byte {
	b := make([]byte, len(recordMagic)+sha256.Size, len(r.key)+len(r.value)+128*(1+len(r.blobs)))
	copy(b, recordMagic)
	text := func(s string) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	text(r.kind)
	text(r.key)
	b = binary.AppendUvarint(b, uint64(len(r.blobs)))
	for _, blob := range r.blobs {
		text(blob.digest.String())
		b = binary.AppendUvarint(b, uint64(blob.size))
	}
	text(string(r.value))
	sum := sha256.Sum256(b[len(recordMagic)+sha256.Size:])
	copy(b[len(recordMagic):], sum[:])
	return b
}

// decodeRecord is the inverse. It takes only what encodeRecord can give.
func decodeRecord(b []byte) (record, error) {
	rest, ok := bytes.CutPrefix(b, []byte(recordMagic))
	if !ok || len(rest) < sha256.Size {
		return record{}, errRecord
	}
	body := rest[sha256.Size:]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], rest[:sha256.Size]) {
		return record{}, errRecord
	}
	return decodeBody(body)
}

func decodeBody(b []byte) (record, error) {
	bad := false
	number := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			bad, b = true, nil
			return 0
		}
		b = b[n:]
		return v
	}
	text := func() []byte {
		n := number()
		if n > uint64(len(b)) {
			bad, b = true, nil
			return nil
		}
		t := b[:n:n]
		b = b[n:]
		return t
	}
	var r record
	r.kind, r.key = string(text()), string(text())
	// A blob takes more than one byte, so the count cannot exceed what is left.
	count := number()
	if count > uint64(len(b)) {
		return record{}, errRecord
	}
	for range count {
		d := digest.Digest(text())
		size := number()
		if _, err := hexOf(d); err != nil || int64(size) < 0 {
			return record{}, errRecord
		}
		r.blobs = append(r.blobs, recordBlob{d, int64(size)})
	}
	r.value = text()
	if bad || len(b) != 0 {
		return record{}, errRecord
	}
	return r, nil
}
