package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/casement/casement/internal/build"
	"github.com/casement/casement/internal/dockerfile"
	"github.com/casement/casement/internal/image"
	"github.com/casement/casement/internal/layer"
	"github.com/casement/casement/internal/progress"
)

// buildFlags are the flags of casement build.
type buildFlags struct {
	registryFlags
	runFlags
	file, target, progress     string
	tags, platforms, args      []string
	labels, annotations        []string
	contexts, outputs          []string
	noCache, pull, push, quiet bool
	check, sealed              bool
	metadataFile, iidFile      string
	compression                string
	level                      int
}

func newBuild(env *environment) *cobra.Command {
	var f buildFlags
	cmd := &cobra.Command{
		Use:   "build [flags] CONTEXT",
		Short: "Build an image from a Dockerfile",
		Long: `Build an image from a Dockerfile and push it or write it to a file.

CONTEXT is a directory, a git URL, an http(s) URL of a tar or a Dockerfile, or -
for a tar or a Dockerfile on standard input.

Without --platform the image is for what its base image is for, and one FROM
scratch is for Linux. Layers of the base image are not downloaded: a push takes
them over inside the registry, or streams them from one registry to the other.

An image goes where --push or --output says, which may be repeated and combined:
  type=registry          push to the registries of the --tag names; as --push
  type=oci,dest=FILE     an OCI layout in a tar; in a directory with tar=false
  type=docker,dest=FILE  a tar for docker load
  type=tar,dest=FILE     the files of the image in a tar
  type=local,dest=DIR    the files in an empty directory; overwrite=true in any
A tar without dest goes to standard output. Without --push and --output the
image is in the cache only.

--quiet prints the image ID, as docker does: the digest of the config, or of the
index if the image has several platforms. The digest to pull by, NAME@DIGEST, is
containerimage.digest in the --metadata-file.`,
		Example: `  casement build -t registry.example/app:1 --push .
  casement build --platform 'windows(10.0.20348)/amd64' -o type=oci,dest=app.tar .
  casement build --platform linux/amd64,windows/amd64 -t registry.example/app:1 --push .
  casement build --build-context tools=docker-image://registry.example/tools:1 -o dist .
  casement build -f - . <Dockerfile
  casement build --check .`,
		Args: exactArgs(1, "a CONTEXT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			req, err := f.request(env, args[0])
			if err != nil {
				return err
			}
			if f.check {
				return runCheck(cmd.Context(), env, &f, req)
			}
			return runBuild(cmd.Context(), env, &f, req)
		},
	}
	f.add(cmd)
	completeBuild(cmd)
	return cmd
}

func (f *buildFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVarP(&f.file, "file", "f", "", "`path` of the Dockerfile (default CONTEXT/Dockerfile; - is standard input)")
	fl.StringArrayVarP(&f.tags, "tag", "t", nil, "`name` of the image (may be repeated)")
	fl.StringSliceVar(&f.platforms, "platform", nil, "`platform` to build for: windows/amd64, windows(10.0.20348)/amd64, windows/amd64:10.0.20348.1, linux/arm64 (may be repeated)")
	fl.StringArrayVar(&f.args, "build-arg", nil, "`NAME=VALUE` for an ARG of the Dockerfile; NAME alone takes the value from the environment")
	fl.StringVar(&f.target, "target", "", "`stage` to build (default the last)")
	fl.StringArrayVar(&f.labels, "label", nil, "`KEY=VALUE` to put into the image config")
	fl.StringArrayVar(&f.annotations, "annotation", nil, "`[TYPE:]KEY=VALUE` to put into the manifest; TYPE is manifest, index or manifest-descriptor")
	fl.StringArrayVar(&f.contexts, "build-context", nil, "`NAME=SOURCE`: a directory, docker-image://REF, oci-layout://DIR or a URL")
	fl.BoolVar(&f.noCache, "no-cache", false, "do every step again")
	fl.BoolVar(&f.pull, "pull", false, "look for newer base images; casement always does")
	fl.StringArrayVarP(&f.outputs, "output", "o", nil, "`type=TYPE[,dest=PATH]` with TYPE registry, oci, docker, tar or local (may be repeated)")
	fl.BoolVar(&f.push, "push", false, "the same as --output type=registry")
	fl.BoolVar(&f.sealed, "sealed", false, "leave the base image's layers out of an OCI layout, so that none is downloaded")
	fl.StringVar(&f.progress, "progress", "auto", "`mode` of the progress display: "+strings.Join(progress.Modes(), ", "))
	fl.StringVar(&f.metadataFile, "metadata-file", "", "`file` for facts about the result, as JSON: containerimage.digest, containerimage.config.digest, image.name")
	fl.StringVar(&f.iidFile, "iidfile", "", "`file` for the image ID")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "print nothing but the image ID")
	fl.StringVar(&f.compression, "compression", "gzip", "`kind` of compression of new layers: gzip, zstd or none")
	fl.IntVar(&f.level, "compression-level", 0, "`level` of compression (default the fastest)")
	fl.BoolVar(&f.check, "check", false, "check the Dockerfile and build nothing")
	f.registryFlags.add(cmd)
	f.runFlags.add(cmd)
}

// request turns flags into a request.
func (f *buildFlags) request(env *environment, context string) (build.Request, error) {
	req := build.Request{
		Context: context, File: f.file, Stdin: env.stdin, Getenv: env.getenv, Tags: f.tags, Target: f.target,
		NoCache: f.noCache, Level: f.level,
	}
	var err error
	if req.BuildArgs, err = pairs("--build-arg", f.args, env.lookupenv); err != nil {
		return req, err
	}
	if req.Labels, err = pairs("--label", f.labels, nil); err != nil {
		return req, err
	}
	if req.NamedContexts, err = pairs("--build-context", f.contexts, nil); err != nil {
		return req, err
	}
	if req.Annotations, err = image.ParseAnnotations(f.annotations); err != nil {
		return req, &usageError{err, "for example --annotation org.opencontainers.image.title=App"}
	}
	if req.Platforms, err = parsePlatforms(f.platforms); err != nil {
		return req, err
	}
	if req.Compression, err = parseCompression(f.compression, f.level); err != nil {
		return req, err
	}
	if req.Epoch, err = sourceDateEpoch(req.BuildArgs, env.getenv); err != nil {
		return req, err
	}
	if err := f.runFlags.fill(env, &req); err != nil {
		return req, err
	}
	if err := f.checkFiles(); err != nil {
		return req, err
	}
	req.Outputs, err = f.parseOutputs(env.stdout)
	return req, err
}

// checkFiles finds files that could not be written after the build before it.
func (f *buildFlags) checkFiles() error {
	for flag, name := range map[string]string{"--metadata-file": f.metadataFile, "--iidfile": f.iidFile} {
		if name == "" {
			continue
		}
		if fi, err := os.Stat(filepath.Dir(name)); err != nil || !fi.IsDir() {
			return &usageError{fmt.Errorf("%s %s: there is no directory %s", flag, name, filepath.Dir(name)), "make it, or name another file"}
		}
	}
	return nil
}

func (f *buildFlags) parseOutputs(stdout io.Writer) ([]build.Output, error) {
	var outputs []build.Output
	for _, s := range f.outputs {
		o, err := build.ParseOutput(s)
		if err != nil {
			return nil, err
		}
		if err := checkStdout(stdout, o); err != nil {
			return nil, err
		}
		o.Writer, o.Sealed = stdout, o.Sealed || f.sealed && o.Type == "oci"
		outputs = append(outputs, o)
	}
	if f.sealed && !slices.ContainsFunc(outputs, func(o build.Output) bool { return o.Type == "oci" }) {
		return nil, &usageError{errors.New("--sealed is for OCI layouts, and there is none among the outputs"), "add --output type=oci,dest=FILE"}
	}
	if f.push {
		outputs = append(outputs, build.Output{Type: "registry"})
	}
	return outputs, nil
}

// pairs reads NAME=VALUE flags. With lookupenv, a NAME alone takes its value from
// the environment, be it empty, and is left out if it has none there.
func pairs(flag string, args []string, lookupenv func(string) (string, bool)) (map[string]string, error) {
	m := map[string]string{}
	for _, a := range args {
		name, value, ok := strings.Cut(a, "=")
		if name == "" || !ok && lookupenv == nil {
			return nil, &usageError{fmt.Errorf("%s %q is not NAME=VALUE", flag, a), "for example " + flag + " NAME=VALUE"}
		}
		if !ok {
			if value, ok = lookupenv(name); !ok {
				continue
			}
		}
		m[name] = value
	}
	return m, nil
}

func parsePlatforms(args []string) ([]ocispec.Platform, error) {
	out, err := dockerfile.ParsePlatforms(args...)
	if err != nil {
		return nil, &usageError{err, hintOf(err, "for example --platform windows/amd64")}
	}
	return out, nil
}

func parseCompression(kind string, level int) (layer.Compression, error) {
	kinds := map[string]struct {
		c   layer.Compression
		max int
	}{"gzip": {layer.Gzip, 9}, "zstd": {layer.Zstd, 22}, "none": {layer.None, 0}, "uncompressed": {layer.None, 0}}
	k, ok := kinds[kind]
	if !ok {
		return 0, &usageError{fmt.Errorf("compression %q is not known", kind), "kinds are gzip, zstd and none"}
	}
	if level < 0 || level > k.max {
		return 0, &usageError{fmt.Errorf("compression level %d is not between 0 and %d, which %s has", level, k.max, kind), "0 is the fastest"}
	}
	return k.c, nil
}

// sourceDateEpoch reads the time that everything in the image is to have: the
// build argument of that name, else the environment's variable.
func sourceDateEpoch(args map[string]string, getenv func(string) string) (*time.Time, error) {
	const name = "SOURCE_DATE_EPOCH"
	value, ok := args[name]
	if !ok {
		if value = getenv(name); value == "" {
			return nil, nil
		}
		args[name] = value
	}
	if value == "" {
		return nil, nil // an argument that is empty is as good as none
	}
	n, err := strconv.ParseInt(value, 10, 64)
	const lastYear = 253402300799 // the end of 9999: configs cannot say more
	if err != nil || n < 0 || n > lastYear {
		return nil, &usageError{fmt.Errorf("%s %q is not a number of seconds since 1970", name, value), "for example " + name + "=$(git log -1 --format=%ct)"}
	}
	t := time.Unix(n, 0)
	return &t, nil
}

// hintOf returns the hint that an error has, else the one given.
func hintOf(err error, hint string) string {
	if h, ok := err.(interface{ Hint() string }); ok && h.Hint() != "" {
		return h.Hint()
	}
	return hint
}

// runBuild builds and prints what came out.
func runBuild(ctx context.Context, env *environment, f *buildFlags, req build.Request) error {
	tools, done, err := f.tools(ctx, env)
	if err != nil {
		return err
	}
	res, err := build.Run(ctx, req, tools)
	done()
	if err != nil {
		return err
	}
	if err := f.writeFiles(res); err != nil {
		return err
	}
	if f.quiet {
		fmt.Fprintln(env.stdout, res.ID())
		return nil
	}
	if m := progress.Mode(f.progress); m != progress.Quiet && m != progress.RawJSON {
		summarize(env.stderr, res, req.Outputs)
	}
	return nil
}

// tools opens what a build works with. done closes it again; it is safe to
// call it more than once.
func (f *buildFlags) tools(ctx context.Context, env *environment) (t build.Tools, done func(), err error) {
	if t.Store, err = openStore(env); err != nil {
		return t, nil, err
	}
	mode := progress.Mode(f.progress)
	if f.quiet {
		mode = progress.Quiet
	}
	if t.Progress, err = progress.Display(ctx, env.stderr, mode); err != nil {
		_ = t.Store.Close()
		return t, nil, &usageError{err, "modes are " + strings.Join(progress.Modes(), ", ")}
	}
	t.Transfers = &build.Transfers{}
	if t.Registry, err = f.client(env, t.Store, t.Transfers.Observe); err != nil {
		t.Progress.Close()
		_ = t.Store.Close()
		return t, nil, &usageError{err, hintOf(err, "")}
	}
	t.Transport, t.Version = t.Registry.Transport(), buildVersion()
	return t, func() {
		t.Progress.Close()
		t.Registry.Close()
		_ = t.Store.Collect(context.WithoutCancel(ctx)) // the next build tries again
		expireGit(context.WithoutCancel(ctx), t.Store)
		_ = t.Store.Close()
	}, nil
}

func (f *buildFlags) writeFiles(res *build.Result) error {
	if f.metadataFile != "" {
		b, err := res.MarshalMetadata()
		if err == nil {
			err = os.WriteFile(f.metadataFile, b, 0o644)
		}
		if err != nil {
			return fmt.Errorf("writing the metadata file: %w", err)
		}
	}
	if f.iidFile != "" {
		if err := os.WriteFile(f.iidFile, []byte(res.ID()), 0o644); err != nil {
			return fmt.Errorf("writing the image ID file: %w", err)
		}
	}
	return nil
}

// summarize says in a few lines what was built and where it is.
func summarize(w io.Writer, res *build.Result, outputs []build.Output) {
	for _, img := range res.Index.Images {
		fmt.Fprintf(w, "built %s, %s, %s\n", image.DescribePlatform(*img.Descriptor.Platform), count(len(img.Layers), "layer"), img.Descriptor.Digest)
	}
	if len(outputs) == 0 {
		fmt.Fprintln(w, "the image is in casement's cache only; --push or --output takes it somewhere")
	}
	for _, o := range outputs {
		switch {
		case o.Type == "registry":
			for _, r := range res.Refs {
				fmt.Fprintf(w, "pushed %s@%s\n", r, res.Index.Descriptor.Digest)
			}
		case o.Dest != "-":
			fmt.Fprintf(w, "wrote %s (%s)\n", o.Dest, o.Type)
		}
	}
}

// count prints a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// runCheck prints the frontend's lint.
func runCheck(ctx context.Context, env *environment, f *buildFlags, req build.Request) error {
	tools, done, err := f.tools(ctx, env)
	if err != nil {
		return err
	}
	defer done()
	found, err := build.Check(ctx, req, tools)
	if err != nil {
		return err
	}
	done()
	for _, n := range found.Notes {
		fmt.Fprintf(env.stderr, "note: %s\n", oneLine(n))
	}
	fmt.Fprint(env.stdout, found.Text())
	if !found.OK() {
		return errors.New("the Dockerfile has warnings or errors")
	}
	return nil
}

// version returns the program's version.
func version() string {
	v, _, _ := strings.Cut(buildVersion(), " ")
	return v
}

// platformName is the system that the program itself runs on.
func platformName() string { return runtime.GOOS + "/" + runtime.GOARCH }
