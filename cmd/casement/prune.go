package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/casement/casement/internal/store"
)

// pruneFlags are the flags of casement prune.
type pruneFlags struct {
	all, dryRun, json bool
	keep, older       string
}

func newPrune(env *environment) *cobra.Command {
	var f pruneFlags
	cmd := &cobra.Command{
		Use:   "prune [flags]",
		Short: "Remove what the cache does not need",
		Long: `Remove items from the cache, the least recently used ones first. What a build
that runs at the moment uses stays, whatever the flags say. All that is removed
can be made or downloaded again.

Without flags, prune removes what no build can use any more (temporary files and
downloads of processes that have died, results without their blobs, blobs
without a result), and then more until the cache is within its own limit (see
du).

--keep-storage removes until the cache has that size, --older-than what was not
used for so long; both together remove only such old items, until the size is
reached. Sizes are bytes, or have a unit: k, M, G and T are powers of 1000, Ki,
Mi, Gi and Ti of 1024. Durations have the units s, m, h, d (days) and w (weeks).

--json prints one object: dryRun, bytes, and items as du --json has them.`,
		Example: `  casement prune --keep-storage 5G
  casement prune --older-than 7d --dry-run`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := f.options()
			if err != nil {
				return err
			}
			return runPrune(cmd.Context(), env, &f, o)
		},
	}
	fl := cmd.Flags()
	fl.BoolVarP(&f.all, "all", "a", false, "remove everything that is not in use")
	fl.StringVar(&f.keep, "keep-storage", "", "`size` to bring the cache to: 500M, 10G")
	fl.StringVar(&f.older, "older-than", "", "`duration` since the last use: 72h, 7d")
	fl.BoolVar(&f.dryRun, "dry-run", false, "remove nothing, and say what would be removed")
	fl.BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

// options turns flags into the rules of the store.
func (f *pruneFlags) options() (store.PruneOptions, error) {
	o := store.PruneOptions{All: f.all, DryRun: f.dryRun}
	if f.all && (f.keep != "" || f.older != "") {
		return o, &usageError{errors.New("--all goes with neither --keep-storage nor --older-than"), "leave out --all to keep something"}
	}
	var err error
	if f.keep != "" {
		if o.KeepBytes, err = parseSize(f.keep); err != nil {
			return o, &usageError{fmt.Errorf("--keep-storage: %w", err), "for example --keep-storage 10G"}
		}
		o.All = o.KeepBytes == 0 && f.older == "" // the store's 0 is no rule at all
	}
	if f.older != "" {
		if o.OlderThan, err = parseAge(f.older); err != nil {
			return o, &usageError{fmt.Errorf("--older-than: %w", err), "for example --older-than 7d"}
		}
		o.All = o.OlderThan == 0 && o.KeepBytes == 0
	}
	return o, nil
}

func runPrune(ctx context.Context, env *environment, f *pruneFlags, o store.PruneOptions) error {
	st, err := openStore(env)
	if err != nil {
		return err
	}
	defer st.Close()
	pruned, err := pruneCache(ctx, st, o)
	if err != nil {
		return err
	}
	if f.json {
		return printJSON(env.stdout, struct {
			DryRun bool       `json:"dryRun"`
			Bytes  int64      `json:"bytes"`
			Items  []itemJSON `json:"items"`
		}{o.DryRun, pruned.Bytes, itemsJSON(pruned.Items)})
	}
	printPruned(env.stdout, env.getenv, pruned, o.DryRun)
	return nil
}

// parseSize reads a number of bytes with an optional unit.
func parseSize(s string) (int64, error) {
	number := strings.TrimRight(s, "kKMGTiBb")
	unit := strings.TrimRight(s[len(number):], "Bb")
	power := strings.Index("kmgt", strings.ToLower(strings.TrimSuffix(unit, "i"))) + 1
	base := 1000.0
	if strings.HasSuffix(unit, "i") {
		base = 1024
	}
	if unit == "" {
		power = 0
	}
	n, err := strconv.ParseFloat(number, 64)
	bytes := n * math.Pow(base, float64(power))
	if err != nil || n < 0 || len(strings.TrimSuffix(unit, "i")) > 1 || unit == "i" || !(bytes < math.MaxInt64) {
		return 0, fmt.Errorf("%q is not a size", s)
	}
	return int64(bytes), nil
}

// parseAge reads a duration; days and weeks have 24 hours and 7 days.
func parseAge(s string) (time.Duration, error) {
	hours := map[byte]float64{'d': 24, 'w': 7 * 24}
	bad := fmt.Errorf("%q is not a duration", s)
	if s == "" {
		return 0, bad
	}
	if h, ok := hours[s[len(s)-1]]; ok {
		n, err := strconv.ParseFloat(s[:len(s)-1], 64)
		d := n * h * float64(time.Hour)
		if err != nil || n < 0 || !(d < math.MaxInt64) {
			return 0, bad
		}
		return time.Duration(d), nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, bad
	}
	return d, nil
}
