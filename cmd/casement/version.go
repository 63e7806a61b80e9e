package main

import (
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

func newVersion(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:               "version",
		Short:             "Print the version",
		Long:              "Print the version, the revision that it was built from, the Go version and the platform.",
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprintln(env.stdout, "casement "+buildVersion())
			return nil
		},
	}
}

// buildVersion says what this program was built from:
// "v1.2.0 (revision 0123456789ab, go1.26.8, linux/amd64)".
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{GoVersion: "go"}
	}
	v := info.Main.Version
	if v == "" || v == "(devel)" {
		v = "devel"
	}
	facts := []string{info.GoVersion, platformName()}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if r := settings["vcs.revision"]; r != "" {
		if len(r) > 12 {
			r = r[:12]
		}
		if settings["vcs.modified"] == "true" {
			r += " with changes"
		}
		facts = append([]string{"revision " + r}, facts...)
	}
	return v + " (" + strings.Join(facts, ", ") + ")"
}
