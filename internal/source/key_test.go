package source

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"runtime"

	"github.com/casement/casement/internal/tree"
	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"
)

// Key returns a digest over everything in the set that can reach an image:
// names, kinds, permissions, the modification times of files in whole seconds,
// link targets, and contents. Times of directories and links are not in it,
// because no layer has them. The contents are digested in parallel.
func Key(ctx context.Context, set *tree.Set) (string, error) {
	entries := make([]*tree.Entry, 0, set.Len())
	for c, err := range set.All(ctx) {
		if err != nil {
			return "", err
		}
		if c.Entry == nil {
			return "", fmt.Errorf("naming a source: it removes %s", c.Removed)
		}
		entries = append(entries, c.Entry)
	}
	digests, err := contentDigests(ctx, entries)
	if err != nil {
		return "", err
	}
	h := blake3.New()
	var b []byte
	for i, e := range entries {
		b = appendEntry(b[:0], e, digests[i])
		_, _ = h.Write(b)
	}
	return "blake3:" + hex.EncodeToString(h.Sum(nil)), nil
}

// contentDigests returns the digest of each entry's content; "" if it has none.
// The shares of the workers are contiguous, which suits the stat cache.
func contentDigests(ctx context.Context, entries []*tree.Entry) ([]string, error) {
	digests := make([]string, len(entries))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	const share = 64
	for from := 0; from < len(entries); from += share {
		to := min(from+share, len(entries))
		group.Go(func() error {
			for i := from; i < to; i++ {
				d, err := contentDigest(ctx, entries[i].Content)
				if err != nil {
					return err
				}
				digests[i] = d
			}
			return nil
		})
	}
	return digests, group.Wait()
}

func contentDigest(ctx context.Context, c tree.Content) (string, error) {
	if c == nil {
		return "", nil
	}
	if d, ok := c.(tree.Digester); ok {
		return d.ContentDigest(ctx)
	}
	return "", fmt.Errorf("content %T has no digest", c)
}

// appendEntry appends an unambiguous form of the entry: every text has its
// length before it.
func appendEntry(b []byte, e *tree.Entry, digest string) []byte {
	text := func(s string) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	text(e.Name)
	b = append(b, byte(e.Kind))
	text(e.Target)
	text(e.Link)
	text(digest)
	if e.DirLink {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	if e.Kind == tree.File {
		b = binary.AppendVarint(b, e.Times.Modified.Unix())
	}
	if u := e.Unix; u != nil {
		b = binary.AppendUvarint(b, uint64(u.Mode))
		for _, n := range []int64{int64(u.UID), int64(u.GID), u.Major, u.Minor} {
			b = binary.AppendVarint(b, n)
		}
		if u.Char {
			b = append(b, 1)
		}
		text(u.Xattrs[capabilityName])
	}
	return b
}
