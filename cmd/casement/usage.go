package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/casement/casement/internal/build"
)

// flagError is what a command answers to a flag that it cannot read: for one
// that does not exist, the hint names one that does, or what people do who use
// it elsewhere.
func flagError(cmd *cobra.Command, err error) error {
	hint := "see " + cmd.CommandPath() + " --help"
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "" {
		name := unknown.GetSpecifiedName()
		if other := otherFlags(cmd.Name())[name]; other != "" {
			hint = other
		} else if near := nearFlags(cmd, name); len(near) > 0 {
			hint = "did you mean " + strings.Join(near, " or ") + "?"
		}
	}
	return &usageError{err, hint}
}

// nearFlags returns the flags of a command whose names are like another one.
func nearFlags(cmd *cobra.Command, name string) []string {
	// What commands are like a word is cobra's to know, so flags are commands here.
	flags := &cobra.Command{SuggestionsMinimumDistance: 2}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		flags.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
	})
	near := flags.SuggestionsFor(name)
	for i := range near {
		near[i] = "--" + near[i]
	}
	return near
}

// otherFlags are flags of docker buildx build that a command has not, with what
// to do instead.
func otherFlags(command string) map[string]string {
	if command != "build" {
		return nil
	}
	const (
		attestations = "casement makes no attestations; leave the flag out"
		cache        = "casement has no remote cache; what it packed before is in its own cache, and needs no flag"
		noRun        = "commands of Windows stages run in process, where this means nothing; leave the flag out"
	)
	return map[string]string{
		"load":       "casement speaks to no Docker; --output type=docker,dest=FILE writes a file for docker load",
		"attest":     attestations,
		"provenance": attestations,
		"sbom":       attestations,
		"cache-from": cache,
		"cache-to":   cache,
		"ssh":        "commands of Windows stages have no ssh agent, and git contexts use what the git program uses; leave the flag out",
		"allow":      noRun,
		"add-host":   noRun,
		"shm-size":   noRun,
		"ulimit":     noRun,
		"builder":    "casement is the builder, and has no other; leave the flag out",
	}
}

// checkStdout refuses to write a tar to a terminal.
func checkStdout(stdout io.Writer, o build.Output) error {
	f, ok := stdout.(*os.File)
	if o.Dest != "-" || !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return &usageError{fmt.Errorf("output type=%s would go to the terminal", o.Type), "name a file by dest=FILE, or redirect standard output"}
}
