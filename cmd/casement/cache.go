package main

import (
	"context"
	"slices"
	"time"

	"github.com/casement/casement/internal/build"
	"github.com/casement/casement/internal/source"
	"github.com/casement/casement/internal/store"
)

// kindGit is the kind of git repositories, which lie beside the store.
const kindGit store.ItemKind = "git"

// gitLife is how long a git repository stays that no build uses.
const gitLife = 30 * 24 * time.Hour

// cacheUsage lists what the store and the cache of git repositories hold, least
// recently used first.
func cacheUsage(ctx context.Context, st *store.Store) (store.Usage, error) {
	u, err := st.Usage(ctx)
	if err != nil {
		return u, err
	}
	since, err := st.InUseSince()
	if err != nil {
		return u, err
	}
	repos, err := build.GitCache(st).Cached(ctx)
	for _, it := range repos {
		u.Items = append(u.Items, store.Item{Kind: kindGit, Name: it.Name, Size: it.Size, Used: it.Used, InUse: !it.Used.Before(since)})
		u.Bytes += it.Size
	}
	slices.SortStableFunc(u.Items, func(a, b store.Item) int { return a.Used.Compare(b.Used) })
	return u, err
}

// pruneCache prunes git repositories and the store by the same rules.
func pruneCache(ctx context.Context, st *store.Store, o store.PruneOptions) (store.Pruned, error) {
	u, err := cacheUsage(ctx, st)
	if err != nil {
		return store.Pruned{}, err
	}
	chosen, left := chooseGit(u, o, time.Now())
	if !o.DryRun {
		if chosen, err = removeGit(ctx, st, chosen); err != nil {
			return store.Pruned{}, err
		}
	}
	if o.KeepBytes > 0 {
		o.KeepBytes = max(o.KeepBytes-left, 1) // 0 would be no rule at all
	}
	pruned, err := st.Prune(ctx, o)
	for _, it := range chosen {
		pruned.Bytes += it.Size
	}
	pruned.Items = append(chosen, pruned.Items...)
	return pruned, err
}

// chooseGit returns the git repositories that are to go, and how many bytes the
// others have.
func chooseGit(u store.Usage, o store.PruneOptions, now time.Time) (chosen []store.Item, left int64) {
	keep := o.KeepBytes
	if !o.All && keep <= 0 && o.OlderThan <= 0 {
		if keep = u.MaxBytes; keep <= 0 {
			o.OlderThan = gitLife
		}
	}
	total := u.Bytes
	for _, it := range u.Items {
		stays := it.InUse || !o.All && (keep > 0 && total <= keep || o.OlderThan > 0 && it.Used.After(now.Add(-o.OlderThan)))
		if !stays {
			total -= it.Size
		}
		switch {
		case it.Kind != kindGit:
		case stays:
			left += it.Size
		default:
			chosen = append(chosen, it)
		}
	}
	return chosen, left
}

// removeGit removes repositories that no build uses, and returns those that went.
func removeGit(ctx context.Context, st *store.Store, chosen []store.Item) ([]store.Item, error) {
	since, err := st.InUseSince()
	if err != nil || len(chosen) == 0 {
		return nil, err
	}
	var repos []source.GitItem
	for _, it := range chosen {
		repos = append(repos, source.GitItem{Name: it.Name, Size: it.Size, Used: it.Used})
	}
	gone, err := build.GitCache(st).Remove(ctx, repos, since)
	var items []store.Item
	for _, it := range gone {
		items = append(items, store.Item{Kind: kindGit, Name: it.Name, Size: it.Size, Used: it.Used})
	}
	return items, err
}

// expireGit removes repositories that nobody has used for long. It is meant for
// the end of every build, like the store's Collect, and as that one it leaves to
// the next build what it cannot do.
func expireGit(ctx context.Context, st *store.Store) {
	since, err := st.InUseSince()
	if old := time.Now().Add(-gitLife); err == nil && old.Before(since) {
		_ = build.GitCache(st).Expire(ctx, old)
	}
}
