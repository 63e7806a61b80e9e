package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/casement/casement/internal/store"
)

func newDu(env *environment) *cobra.Command {
	var asJSON, verbose bool
	cmd := &cobra.Command{
		Use:   "du [flags]",
		Short: "Show what the cache holds",
		Long: `Show how much the cache holds, by kind; with -v, every item in it, the least
recently used first.

The cache is in the directory that CASEMENT_CACHE names, else in casement in the
user's cache directory. It is kept to a tenth of the file system, but at least
2 GiB and at most 20 GiB. Git repositories are kept until no build has used them
for 30 days.

--json prints one object: dir, bytes, maxBytes (0 is no limit) and items, each
with kind (blob, record, partial, temp, stat cache, git), name, size, used, note
and inUse.`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDu(cmd.Context(), env, asJSON, verbose)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "list every item")
	return cmd
}

// itemJSON is the form of an item of the cache for programs.
type itemJSON struct {
	Kind  store.ItemKind `json:"kind"`
	Name  string         `json:"name"`
	Size  int64          `json:"size"`
	Used  time.Time      `json:"used"`
	Note  string         `json:"note,omitempty"`
	InUse bool           `json:"inUse,omitempty"`
}

func itemsJSON(items []store.Item) []itemJSON {
	out := []itemJSON{} // never null
	for _, i := range items {
		out = append(out, itemJSON{i.Kind, i.Name, i.Size, i.Used.UTC().Truncate(time.Second), i.Note, i.InUse})
	}
	return out
}

func runDu(ctx context.Context, env *environment, asJSON, verbose bool) error {
	st, err := openStore(env)
	if err != nil {
		return err
	}
	defer st.Close()
	u, err := cacheUsage(ctx, st)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(env.stdout, struct {
			Dir      string     `json:"dir"`
			Bytes    int64      `json:"bytes"`
			MaxBytes int64      `json:"maxBytes"`
			Items    []itemJSON `json:"items"`
		}{u.Dir, u.Bytes, u.MaxBytes, itemsJSON(u.Items)})
	}
	p := newPrinter(env.stdout, env.getenv)
	switch {
	case verbose && len(u.Items) > 0:
		p.table(itemTable(u.Items))
		fmt.Fprintln(p.w)
	case len(u.Items) > 0:
		p.table(kindTable(u.Items))
		fmt.Fprintln(p.w)
	}
	limit := "no limit"
	if u.MaxBytes > 0 {
		limit = "kept to " + bytesText(u.MaxBytes)
	}
	fmt.Fprintf(p.w, "%s in %s (%s)\n", bytesText(u.Bytes), u.Dir, limit)
	return nil
}

// kindTable adds items up by kind.
func kindTable(items []store.Item) *table {
	t := newTable("KIND", ">ITEMS", ">SIZE", ">IN USE")
	for _, k := range []store.ItemKind{store.KindBlob, store.KindRecord, store.KindPartial, store.KindTemp, store.KindStatCache, kindGit} {
		var n int
		var size, used int64
		for _, i := range items {
			if i.Kind != k {
				continue
			}
			n++
			if size += i.Size; i.InUse {
				used += i.Size
			}
		}
		if n > 0 {
			t.add(string(k), strconv.Itoa(n), bytesText(size), bytesText(used))
		}
	}
	return t
}

func itemTable(items []store.Item) *table {
	t := newTable("KIND", ">SIZE", "LAST USED", "IN USE", "WHAT")
	for _, i := range items {
		inUse := "-"
		if i.InUse {
			inUse = "yes"
		}
		t.add(string(i.Kind), bytesText(i.Size), i.Used.Local().Format("2006-01-02 15:04"), inUse, itemName(i))
	}
	return t
}

// itemName is what people know an item by.
func itemName(i store.Item) string {
	name := i.Name
	if strings.HasPrefix(name, "sha256:") {
		name = shortDigest(name)
	}
	if i.Note != "" {
		name += " " + i.Note
	}
	return visible(strings.ReplaceAll(name, "\x00", " "))
}

// printPruned says what was, or would be, removed.
func printPruned(w io.Writer, getenv func(string) string, pruned store.Pruned, dryRun bool) {
	p := newPrinter(w, getenv)
	if len(pruned.Items) > 0 {
		p.table(itemTable(slices.Clone(pruned.Items)))
		fmt.Fprintln(w)
	}
	verb := "removed"
	if dryRun {
		verb = "would remove"
	}
	fmt.Fprintf(w, "%s %s, %s\n", verb, count(len(pruned.Items), "item"), bytesText(pruned.Bytes))
}
