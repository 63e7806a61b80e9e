package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/casement/casement/internal/progress"
)

// newCompletion replaces cobra's own command, which takes the same arguments:
// here wrong usage gets the exit code that it has everywhere.
func newCompletion(env *environment) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print a script that completes commands in a shell",
		Long: `Print a script that makes a shell complete casement's commands, flags and
values.

bash (with the package bash-completion), for this session and for all later
ones:
  source <(casement completion bash)
  casement completion bash > ~/.local/share/bash-completion/completions/casement

zsh, into a directory of $fpath; compinit has to be loaded:
  casement completion zsh > "${fpath[1]}/_casement"

fish:
  casement completion fish > ~/.config/fish/completions/casement.fish

PowerShell, in the profile:
  casement completion powershell | Out-String | Invoke-Expression`,
		ValidArgs: shells,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs)(cmd, args); err != nil {
				err = errors.New("casement completion wants the name of one shell")
				if len(args) == 1 {
					err = fmt.Errorf("casement completion does not know the shell %q", args[0])
				}
				return &usageError{err, "shells are bash, zsh, fish and powershell"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(env.stdout, true)
			case "zsh":
				return root.GenZshCompletion(env.stdout)
			case "fish":
				return root.GenFishCompletion(env.stdout, true)
			}
			return root.GenPowerShellCompletionWithDesc(env.stdout)
		},
	}
}

// completeFlag tells shells the values of a flag.
func completeFlag(cmd *cobra.Command, flag string, choices ...cobra.Completion) {
	// The only error is that of an unknown flag, which TestDocs would show.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(choices, cobra.ShellCompDirectiveNoFileComp))
}

// completeBuild tells shells the values of build's flags.
func completeBuild(cmd *cobra.Command) {
	completeFlag(cmd, "platform", platformChoices()...)
	completeFlag(cmd, "progress", progress.Modes()...)
	completeFlag(cmd, "compression", "gzip", "zstd", "none")
	outputs := []cobra.Completion{
		cobra.CompletionWithDesc("type=registry", "push to the registry"),
		cobra.CompletionWithDesc("type=oci,dest=", "an OCI layout"),
		cobra.CompletionWithDesc("type=docker,dest=", "a tar for docker load"),
		cobra.CompletionWithDesc("type=tar,dest=", "the files in a tar"),
		cobra.CompletionWithDesc("type=local,dest=", "the files in a directory"),
	}
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(outputs, cobra.ShellCompDirectiveNoSpace|cobra.ShellCompDirectiveNoFileComp))
}

// platformChoices are the platforms that people build for.
func platformChoices() []cobra.Completion {
	return []cobra.Completion{
		"windows/amd64", "windows/arm64",
		cobra.CompletionWithDesc("windows(10.0.17763)/amd64", "ltsc2019"),
		cobra.CompletionWithDesc("windows(10.0.20348)/amd64", "ltsc2022"),
		cobra.CompletionWithDesc("windows(10.0.26100)/amd64", "ltsc2025"),
		"linux/amd64", "linux/arm64",
	}
}
