// Command bench measures casement against BuildKit, crane and a shell pipeline
// and says whether the aims that the project has set itself are met.
//
// It builds the other programs from the module cache, makes its own fixtures (a
// build context and two images in the layout of Windows bases) from fixed
// seeds, keeps both in the user's cache directory, and runs everything on
// loopback with a real registry. Read cases.go for what is measured and
// bench.go for how; content.go, context.go and base.go make the fixtures.
//
// It needs Linux and root for buildkitd; -tools leaves tools out.
//
// "bench run" measures the execution of RUN instead, beside bsdtar and
// sha256sum, with neither registry nor root; see run.go.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/casement/casement/test/testbed"
)

// options are the flags.
type options struct {
	cases    string
	rounds   int
	tools    string
	json     string
	casement string
	cache    string
	prepare  bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var err error
	if len(os.Args) > 1 && os.Args[1] == "run" {
		err = runMain(ctx, os.Args[2:])
	} else {
		err = run(ctx, parseOptions())
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parseOptions() options {
	var o options
	flag.StringVar(&o.cases, "case", "", "run only the cases whose name matches this regular expression")
	flag.IntVar(&o.rounds, "n", 5, "timed runs of each tool in each case")
	flag.StringVar(&o.tools, "tools", "casement,buildctl,crane,pipeline", "tools to run")
	flag.StringVar(&o.json, "json", "", "also write the report to this file")
	flag.StringVar(&o.casement, "casement", "", "casement program to measure (default: build it)")
	flag.StringVar(&o.cache, "cache", "", "directory for tools and fixtures (default: casement-bench in the user's cache)")
	flag.BoolVar(&o.prepare, "prepare", false, "only build the tools and make the fixtures")
	flag.Parse()
	return o
}

func run(ctx context.Context, o options) error {
	if o.rounds < 1 {
		return fmt.Errorf("-n must be at least 1")
	}
	if o.cache == "" {
		dir, err := testbed.DefaultDir()
		if err != nil {
			return err
		}
		o.cache = dir
	}
	if err := os.MkdirAll(o.cache, 0o755); err != nil {
		return fmt.Errorf("making the cache directory: %w", err)
	}
	bed := testbed.Bed{Dir: o.cache, Log: os.Stderr}
	if o.prepare {
		p, err := programsFor(ctx, bed, o)
		if err != nil {
			return err
		}
		_, err = makeFixtures(ctx, bed, p["registry"], os.Stderr)
		return err
	}
	start := time.Now()
	if err := prepareInChild(ctx, append([]string{"-prepare"}, os.Args[1:]...)); err != nil {
		return err
	}
	phases := []phase{{"tools and fixtures", time.Since(start)}}
	return measureAll(ctx, bed, o, phases)
}

// prepareInChild starts this program once more to make the fixtures, so that
// this process stays small: the kernel counts the parent's memory into a child's
// peak.
func prepareInChild(ctx context.Context, args []string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	child := exec.CommandContext(ctx, self, args...)
	child.Stderr = os.Stderr
	child.Cancel = func() error { return child.Process.Signal(os.Interrupt) }
	if err := child.Run(); err != nil {
		return fmt.Errorf("preparing tools and fixtures: %w", err)
	}
	return nil
}

// programsFor installs what the chosen tools need.
func programsFor(ctx context.Context, bed testbed.Bed, o options) (map[string]string, error) {
	want := []testbed.Tool{testbed.Registry()}
	debian := map[string]string{}
	for t := range strings.SplitSeq(o.tools, ",") {
		switch t {
		case "casement":
		case "buildctl":
			if runtime.GOOS != "linux" || os.Geteuid() != 0 {
				return nil, fmt.Errorf("buildkitd needs Linux and root; leave it out with -tools casement,crane,pipeline")
			}
			want = append(want, testbed.Buildctl(), testbed.Buildkitd())
			debian["runc"] = "runc"
		case "crane":
			want = append(want, testbed.Crane())
			debian["bash"], debian["tar"] = "bash", "tar"
		case "pipeline":
			debian["bash"], debian["tar"], debian["pigz"], debian["sha256sum"] = "bash", "tar", "pigz", "coreutils"
		default:
			return nil, fmt.Errorf("unknown tool %q; there are casement, buildctl, crane and pipeline", t)
		}
	}
	if err := bed.NeedPrograms(ctx, debian); err != nil {
		return nil, err
	}
	programs := map[string]string{}
	for _, t := range want {
		file, err := bed.Install(ctx, t)
		if err != nil {
			return nil, err
		}
		programs[t.Name] = file
	}
	return programs, nil
}

// measureAll runs the chosen cases and prints the report, of what was done even
// if a case fails.
func measureAll(ctx context.Context, bed testbed.Bed, o options, phases []phase) error {
	match, err := regexp.Compile(o.cases)
	if err != nil {
		return fmt.Errorf("reading -case: %w", err)
	}
	begin := time.Now()
	programs, err := programsFor(ctx, bed, o)
	if err != nil {
		return err
	}
	f, err := makeFixtures(ctx, bed, programs["registry"], os.Stderr)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(bed.Dir, "run-*")
	if err != nil {
		return fmt.Errorf("making a working directory: %w", err)
	}
	defer os.RemoveAll(dir)
	b, stop, err := newBench(ctx, dir, f, programs, o)
	if err != nil {
		return err
	}
	defer stop()
	rep := report{System: system(), Rounds: o.rounds, Phases: append(phases, phase{"registry, links, casement itself", time.Since(begin)})}
	var failed error
	for _, c := range allCases(f) {
		if !match.MatchString(c.Name) {
			continue
		}
		res, err := b.run(ctx, c)
		if ctx.Err() != nil {
			failed = fmt.Errorf("interrupted in case %s", c.Name)
			break
		}
		if err != nil {
			failed = err
			break
		}
		rep.Cases = append(rep.Cases, res)
		rep.Phases = append(rep.Phases, phase{"case " + c.Name, res.Took})
	}
	if len(rep.Cases) == 0 {
		if failed == nil {
			failed = fmt.Errorf("no case matches -case %q", o.cases)
		}
		return failed
	}
	if err := rep.print(os.Stdout); err != nil {
		return err
	}
	if o.json != "" {
		data, err := json.MarshalIndent(rep, "", "  ")
		if err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
		if err := os.WriteFile(o.json, append(data, '\n'), 0o644); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
	}
	return failed
}

// newBench starts the registry and the proxy and sets up the chosen tools.
func newBench(ctx context.Context, dir string, f fixtures, programs map[string]string, o options) (*bench, func(), error) {
	b := &bench{dir: dir, context: filepath.Join(dir, "context"), rounds: o.rounds, log: os.Stderr, tools: map[string]tool{}}
	storage := filepath.Join(dir, "registry")
	if err := linkTree(storage, f.registry()); err != nil {
		return nil, nil, fmt.Errorf("linking the registry's contents: %w", err)
	}
	if err := linkTree(b.context, f.context()); err != nil {
		return nil, nil, fmt.Errorf("linking the context: %w", err)
	}
	var err error
	if b.changing, err = middleFile(b.context); err != nil {
		return nil, nil, err
	}
	server, addr, err := testbed.StartRegistry(ctx, programs["registry"], storage, testbed.RegistryOptions{})
	if err != nil {
		return nil, nil, err
	}
	b.registry = addr
	stop := func() {
		for _, t := range b.tools {
			t.stop()
		}
		b.proxy.stop()
		server.Stop()
	}
	if b.proxy, err = startProxy(ctx, addr); err != nil {
		stop()
		return nil, nil, err
	}
	if err := b.addTools(ctx, programs, o); err != nil {
		stop()
		return nil, nil, err
	}
	return b, stop, nil
}

func (b *bench) addTools(ctx context.Context, programs map[string]string, o options) error {
	// No tool may use this user's registry credentials or helpers.
	env := []string{"DOCKER_CONFIG=" + filepath.Join(b.dir, "no-credentials")}
	for t := range strings.SplitSeq(o.tools, ",") {
		switch t {
		case "casement":
			program := o.casement
			if program == "" {
				program = filepath.Join(b.dir, "casement-program")
				if err := buildCasement(ctx, program); err != nil {
					return err
				}
			}
			b.tools[t] = &casement{program: program, cache: filepath.Join(b.dir, "casement"), env: env}
		case "buildctl":
			b.tools[t] = &buildkit{client: programs["buildctl"], daemon: programs["buildkitd"], dir: filepath.Join(b.dir, "buildkit"),
				registries: []string{b.registry, b.proxy.addr}, env: env}
		case "crane":
			b.tools[t] = &crane{program: programs["crane"], dir: filepath.Join(b.dir, "crane"), env: env}
		case "pipeline":
			b.tools[t] = &pipeline{dir: filepath.Join(b.dir, "pipeline")}
		}
	}
	return nil
}

// buildCasement builds the program as it is released.
func buildCasement(ctx context.Context, program string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "github.com/casement/casement/cmd/casement")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building casement: %w: %s", err, out)
	}
	return nil
}

// middleFile finds a file of ordinary size, the one of 20 kB or a little more
// that comes in the middle of all such files.
func middleFile(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		return "", fmt.Errorf("choosing a file to change: %w", err)
	}
	files = slices.DeleteFunc(files, func(f string) bool {
		info, err := os.Stat(f)
		return err != nil || !info.Mode().IsRegular() || info.Size() < 20_000 || info.Size() > 40_000
	})
	if len(files) == 0 {
		return "", fmt.Errorf("choosing a file to change: %s holds none of 20 to 40 kB", dir)
	}
	return files[len(files)/2], nil
}

// system names the machine in the report's first line.
func system() string {
	return fmt.Sprintf("%s/%s, %d processors, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
}
