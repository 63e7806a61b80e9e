package winsh_test

import (
	"errors"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
)

// Broken if it fails: a step takes all of the computer's memory.
func TestValuesHaveALimit(t *testing.T) {
	r := winsh.New(winsh.Options{Limits: machine.Limits{Memory: 1 << 20}})
	for _, line := range []string{
		`$a = 'x' * 1000; while (1) { $a += $a }`,
		`$a = 'x' * 1000; while (1) { $a = \"$a$a\" }`,
		`$a = @(1) * 1000; while (1) { $a += $a }`,
		`'x' * 2mb`,
		`$a = 'x' * 1000; while (1) { $a = $a, $a -join '' }`,
		`$a = 'x' * 1000; while (1) { $a = $a -replace 'x', 'xx' }`,
		`$a = 'x' * 1000; while (1) { $a = '{0}{0}' -f $a }`,
	} {
		step := run.Step{Args: []string{"powershell", "-Command", line}, Root: tree.NewChain(ocispec.Platform{OS: "windows", Architecture: "amd64"})}
		_, err := r.Run(t.Context(), step)
		var exit *run.ExitError
		if err == nil || errors.As(err, &exit) {
			t.Errorf("%s: %v", line, err)
		}
	}
}
