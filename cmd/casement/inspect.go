package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/spf13/cobra"

	"github.com/casement/casement/internal/build"
	"github.com/casement/casement/internal/image"
)

// inspectFlags are the flags of casement inspect.
type inspectFlags struct {
	registryFlags
	platform    string
	json, files bool
	layer       int
}

func newInspect(env *environment) *cobra.Command {
	var f inspectFlags
	cmd := &cobra.Command{
		Use:   "inspect [flags] REF|oci:DIR[:TAG]|TAR [PATH]",
		Short: "Show what an image is made of",
		Long: `Show the index, configs and layers of an image.

The image is one of a registry (REF), of an OCI layout in a directory (oci:DIR)
or a tar, of an archive of docker save, or casement/hostprocess itself. Layers
are not downloaded; what they hold is shown where casement has seen them before.

--files lists the files of the image, or with --layer of one layer, which reads
layers. PATH, with slashes or as on Windows, limits the list to a file or to
what is in a directory. The letters of a Windows file are d directory, a
archive, r read-only, h hidden, s system and l link, as in PowerShell.

--json prints one object with ref, mediaType, digest, size, annotations, index
(whether it is one), images and attestations. An image has platform, release,
mediaType, digest, size, annotations, layerSize, config and layers; a layer has
number, mediaType, digest, diffID, size, foreign, createdBy and holds
(complete, files, bytes, directories, links, whiteouts and hives; absent while
nothing is known). With --files it
is one object a line: name, kind (file, directory, symlink, junction, hard link,
device, fifo, socket, removed), size, modified, target, owner, and attributes or
mode. Fields without a value may be absent, and new fields may be added.`,
		Example: `  casement inspect registry.example/app:1
  casement inspect --platform windows/amd64 --json oci:dist
  casement inspect --files registry.example/app:1
  casement inspect --files image.tar 'C:\app'
  casement inspect --files --layer 3 oci:dist`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 && !f.files {
				return &usageError{fmt.Errorf("a PATH (%q) goes with --files only", args[1]), "casement inspect --files " + args[0] + " " + args[1]}
			}
			if len(args) == 2 {
				return nil
			}
			return exactArgs(1, "an image")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return runInspect(cmd.Context(), env, &f, args)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.platform, "platform", "", "`platform` of the image, if there are several: windows(10.0.20348)/amd64, linux/arm64")
	fl.BoolVar(&f.json, "json", false, "print JSON")
	fl.BoolVar(&f.files, "files", false, "list files; this reads layers")
	fl.IntVar(&f.layer, "layer", 0, "`number` of the layer to list, from 1 (default the whole image)")
	f.registryFlags.add(cmd)
	completeFlag(cmd, "platform", platformChoices()...)
	return cmd
}

// runInspect opens what an argument names and prints it.
func runInspect(ctx context.Context, env *environment, f *inspectFlags, args []string) error {
	var want ocispec.Platform
	if f.platform != "" {
		p, err := parsePlatforms([]string{f.platform})
		if err != nil {
			return err
		}
		want = p[0]
	}
	if f.layer < 0 || f.layer > 0 && !f.files {
		return &usageError{fmt.Errorf("--layer goes with --files, and is a number from 1"), "for example --files --layer 2"}
	}
	st, err := openStore(env)
	if err != nil {
		return err
	}
	defer st.Close()
	client, err := f.client(env, st, nil)
	if err != nil {
		return &usageError{err, hintOf(err, "")}
	}
	defer client.Close()
	place, ref, err := build.OpenImage(ctx, args[0], build.Tools{Store: st, Registry: client})
	if err != nil {
		return err
	}
	if f.files {
		path := ""
		if len(args) == 2 {
			path = args[1]
		}
		img, err := image.Load(ctx, place, ref, want)
		if err != nil {
			return build.AboutImage(args[0], err)
		}
		return runFiles(ctx, env, st, img, args[0], f, path)
	}
	r, err := image.Inspect(ctx, place, ref, image.InspectOptions{Name: args[0], Platform: want, Contents: image.KnownContents(st)})
	if err != nil {
		return build.AboutImage(args[0], err)
	}
	if f.json {
		return printJSON(env.stdout, r)
	}
	printReport(newPrinter(env.stdout, env.getenv), r)
	return nil
}

// printJSON prints a value in lines that people can read too.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// printReport prints a report for people.
func printReport(p *printer, r *image.Report) {
	if r.Index {
		p.heading(visible(r.Ref))
		p.fields([][2]string{{"index", r.Digest.String()}, {"type", visible(r.MediaType)}})
		for _, k := range slices.Sorted(maps.Keys(r.Annotations)) {
			p.fields([][2]string{{"annotation", visible(k + "=" + r.Annotations[k])}})
		}
		fmt.Fprintln(p.w)
		p.table(indexTable(r))
	}
	for _, img := range r.Images {
		if r.Index {
			fmt.Fprintln(p.w)
			p.heading(image.DescribePlatform(img.Platform))
		} else {
			p.heading(visible(r.Ref) + ": " + image.DescribePlatform(img.Platform))
		}
		p.fields(imageFields(img))
		if len(img.Layers) > 0 {
			fmt.Fprintln(p.w)
			p.table(layerTable(img))
		}
	}
}

func indexTable(r *image.Report) *table {
	t := newTable("PLATFORM", "RELEASE", ">LAYERS", ">SIZE", "DIGEST")
	t.indent = "  "
	for _, img := range r.Images {
		t.add(visible(image.FormatPlatform(img.Platform)), dash(img.Release), strconv.Itoa(len(img.Layers)), bytesText(img.LayerSize), img.Digest.String())
	}
	for _, a := range r.Attestations {
		about := "attestation"
		if a.Of != "" {
			about += " of " + shortDigest(a.Of.String())
		}
		t.add(visible(about), "-", "-", bytesText(a.Size), a.Digest.String())
	}
	return t
}

// imageFields are the facts about an image that have a value.
func imageFields(img image.ImageReport) [][2]string {
	c := img.Config
	var out [][2]string
	add := func(name string, values ...string) {
		for _, v := range values {
			if v != "" {
				out = append(out, [2]string{name, visible(v)})
				name = ""
			}
		}
	}
	add("manifest", img.Digest.String())
	add("config", c.Digest.String())
	if c.Created != nil {
		add("created", c.Created.UTC().Format(time.RFC3339))
	}
	add("os.version", img.Platform.OSVersion)
	add("os.features", strings.Join(img.Platform.OSFeatures, ", "))
	add("author", c.Author)
	add("user", c.User)
	add("workdir", c.WorkingDir)
	add("shell", command(c.Shell))
	add("entrypoint", command(c.Entrypoint))
	add("cmd", command(c.Cmd))
	add("env", c.Env...)
	add("ports", strings.Join(c.Ports, ", "))
	add("volumes", strings.Join(c.Volumes, ", "))
	add("stop signal", c.StopSignal)
	add("labels", pairList(c.Labels)...)
	add("annotations", pairList(img.Annotations)...)
	return out
}

func pairList(m map[string]string) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k+"="+m[k])
	}
	return out
}

// command prints a command as its JSON form in a Dockerfile.
func command(args []string) string {
	if len(args) == 0 {
		return ""
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(args); err != nil {
		return fmt.Sprint(args)
	}
	return b.String()
}

func layerTable(img image.ImageReport) *table {
	t := newTable(">LAYER", ">SIZE", "TYPE", "DIGEST", "HOLDS", "MADE BY")
	t.indent = "  "
	for _, l := range img.Layers {
		t.add(strconv.Itoa(l.Number), bytesText(l.Size), layerType(l), shortDigest(l.Digest.String()), holds(l.Holds), visible(dash(l.CreatedBy)))
	}
	return t
}

// layerType shortens a media type to what tells layers apart.
func layerType(l image.LayerReport) string {
	t := l.MediaType
	s := ""
	switch {
	case strings.HasSuffix(t, "zstd"):
		s = "tar+zstd"
	case strings.HasSuffix(t, "gzip"):
		s = "tar+gzip"
	case strings.HasSuffix(t, ".tar"):
		s = "tar"
	default:
		return visible(dash(t))
	}
	if strings.HasPrefix(t, "application/vnd.docker.") {
		s = "docker " + s
	}
	if l.Foreign {
		s = "foreign " + s
	}
	return s
}

// holds says in a few words what a layer has.
func holds(c *image.LayerContents) string {
	if c == nil {
		return "-"
	}
	parts := []string{"no files"}
	if c.Files > 0 {
		parts[0] = count(c.Files, "file") + " of " + bytesText(c.Bytes)
	}
	if c.Links > 0 {
		parts = append(parts, count(c.Links, "link"))
	}
	if c.Whiteouts > 0 {
		parts = append(parts, strconv.Itoa(c.Whiteouts)+" removed")
	}
	if n := len(c.Hives); n > 0 {
		parts = append(parts, count(n, "hive"))
	}
	if !c.Complete {
		parts[0] = "at least " + parts[0]
	}
	return strings.Join(parts, ", ")
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// shortDigest cuts a digest to as much as people compare.
func shortDigest(d string) string {
	if i := strings.IndexByte(d, ':') + 13; i < len(d) {
		return d[:i]
	}
	return d
}
