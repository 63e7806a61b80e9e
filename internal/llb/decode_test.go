package llb

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

var update = flag.Bool("update", false, "write golden files")

// definition collects operations as BuildKit's clients do.
type definition struct {
	t   testing.TB
	def *pb.Definition
}

func newDefinition(t testing.TB) *definition {
	return &definition{t: t, def: &pb.Definition{Metadata: map[string]*pb.OpMetadata{}}}
}

// add appends an operation and returns the input that names its first output.
func (d *definition) add(op *pb.Op, inputs ...*pb.Input) *pb.Input {
	d.t.Helper()
	op.Inputs = inputs
	dt, err := op.Marshal()
	if err != nil {
		d.t.Fatal(err)
	}
	d.def.Def = append(d.def.Def, dt)
	return &pb.Input{Digest: digest.FromBytes(dt).String()}
}

func (d *definition) source(id string) *pb.Input {
	return d.add(&pb.Op{Op: &pb.Op_Source{Source: &pb.SourceOp{Identifier: id}}})
}

// finish names the result.
func (d *definition) finish(root *pb.Input) *pb.Definition {
	d.add(&pb.Op{}, root)
	return d.def
}

func fileOp(actions ...*pb.FileAction) *pb.Op {
	return &pb.Op{Op: &pb.Op_File{File: &pb.FileOp{Actions: actions}}}
}

// everything returns a definition with every operation, action and mount.
func everything(t testing.TB) *pb.Definition {
	d := newDefinition(t)
	base := d.add(&pb.Op{
		Op:       &pb.Op_Source{Source: &pb.SourceOp{Identifier: "docker-image://base", Attrs: map[string]string{"image.resolvemode": "pull"}}},
		Platform: &pb.Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0.20348"},
	})
	ctx := d.source("local://context")
	byName := func(n string, in int64) *pb.UserOpt {
		return &pb.UserOpt{User: &pb.UserOpt_ByName{ByName: &pb.NamedUserOpt{Name: n, Input: in}}}
	}
	file := d.add(fileOp(
		&pb.FileAction{Input: 0, SecondaryInput: 1, Output: -1, Action: &pb.FileAction_Copy{Copy: &pb.FileActionCopy{
			Src: "/a*", Dest: "/b/", Mode: -1, ModeStr: "u=rwX", Timestamp: -1,
			Owner:         &pb.ChownOpt{User: byName("Ann", 0), Group: &pb.UserOpt{User: &pb.UserOpt_ByID{ByID: 7}}},
			FollowSymlink: true, DirCopyContents: true, AttemptUnpackDockerCompatibility: true, CreateDestPath: true,
			AllowWildcard: true, AllowEmptyWildcard: true, AlwaysReplaceExistingDestPaths: true,
			IncludePatterns: []string{"i"}, ExcludePatterns: []string{"e"}, RequiredPaths: []string{"r"},
		}}},
		&pb.FileAction{Input: 2, SecondaryInput: -1, Output: -1, Action: &pb.FileAction_Mkfile{Mkfile: &pb.FileActionMkFile{Path: "/f", Mode: 0o644, Data: []byte("x\n"), Timestamp: 5}}},
		&pb.FileAction{Input: 3, SecondaryInput: -1, Output: -1, Action: &pb.FileAction_Mkdir{Mkdir: &pb.FileActionMkDir{Path: "/d", Mode: 0o755, MakeParents: true, Timestamp: -1}}},
		// 0 is what makers leave in the field when they do not think of it.
		&pb.FileAction{Input: 4, SecondaryInput: 0, Output: 1, Action: &pb.FileAction_Rm{Rm: &pb.FileActionRm{Path: "/r", AllowNotFound: true, AllowWildcard: true}}},
		&pb.FileAction{Input: 5, SecondaryInput: -1, Output: 0, Action: &pb.FileAction_Symlink{Symlink: &pb.FileActionSymlink{Oldpath: "target", Newpath: "/link", Timestamp: -1}}},
	), base, ctx)
	d.def.Metadata[file.Digest] = &pb.OpMetadata{
		IgnoreCache: true, Description: map[string]string{customName: "[2/2] COPY a* b/", "other": "x"},
		ProgressGroup: &pb.ProgressGroup{Id: "g", Name: "group", Weak: true},
	}
	d.def.Source = &pb.Source{
		Infos: []*pb.SourceInfo{{Filename: "Dockerfile", Data: []byte("FROM base\r\nCOPY a* \\\r\n  b/\r\n")}},
		Locations: map[string]*pb.Locations{file.Digest: {Locations: []*pb.Location{{
			Ranges: []*pb.Range{{Start: &pb.Position{Line: 2}, End: &pb.Position{Line: 3}}},
		}}}},
	}
	exec := d.add(&pb.Op{
		Op: &pb.Op_Exec{Exec: &pb.ExecOp{
			Meta: &pb.Meta{
				Args: []string{"cmd", "/S", "/C", "dir"}, Env: []string{"A=b"}, Cwd: "/app", User: "Ann", Hostname: "h",
				ProxyEnv:       &pb.ProxyEnv{HttpProxy: "p"},
				ExtraHosts:     []*pb.HostIP{{Host: "h", IP: "::1"}},
				Ulimit:         []*pb.Ulimit{{Name: "nofile", Soft: 1, Hard: 2}},
				ValidExitCodes: []int32{0, 3010},
			},
			Network: pb.NetMode_NONE, Security: pb.SecurityMode_INSECURE,
			Secretenv:  []*pb.SecretEnv{{ID: "id", Name: "TOKEN", Optional: true}},
			CdiDevices: []*pb.CDIDevice{{Name: "v/c=d"}},
			Mounts: []*pb.Mount{
				{Input: 0, Dest: "/", Output: 0},
				{Input: 1, Dest: "/src", Output: -1, Readonly: true, Selector: "/sub"},
				{Input: -1, Dest: "/c", Output: -1, MountType: pb.MountType_CACHE, CacheOpt: &pb.CacheOpt{ID: "c", Sharing: pb.CacheSharingOpt_LOCKED}},
				// Input and output are left 0, as BuildKit's clients do.
				{Dest: "/s", MountType: pb.MountType_SECRET, SecretOpt: &pb.SecretOpt{ID: "s", Mode: 0o400}},
				{Input: -1, Dest: "/a", Output: -1, MountType: pb.MountType_SSH, SSHOpt: &pb.SSHOpt{ID: "default", Optional: true}},
				{Input: -1, Dest: "/t", Output: -1, MountType: pb.MountType_TMPFS, TmpfsOpt: &pb.TmpfsOpt{Size: 9}},
			},
		}},
		Platform: &pb.Platform{OS: "windows", Architecture: "amd64"},
	}, &pb.Input{Digest: file.Digest, Index: 1}, file)
	diff := d.add(&pb.Op{Op: &pb.Op_Diff{Diff: &pb.DiffOp{
		Lower: &pb.LowerDiffInput{Input: 0}, Upper: &pb.UpperDiffInput{Input: 1},
	}}}, base, exec)
	merge := d.add(&pb.Op{Op: &pb.Op_Merge{Merge: &pb.MergeOp{Inputs: []*pb.MergeInput{{Input: 0}, {Input: 1}}}}}, ctx, diff)
	return d.finish(merge)
}

// If this failed, a part of an operation would be lost on the way from the
// frontend, or the order of the vertices would not be topological.
func TestDecodeEverything(t *testing.T) {
	g, err := Decode(everything(t))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := g.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "everything.golden", b.String())

	seen := map[*Vertex]bool{}
	for v := range g.Vertices() {
		for _, in := range v.Inputs {
			if !seen[in.Vertex] {
				t.Errorf("%s comes before its input %s", v.Name, in.Vertex.Name)
			}
		}
		seen[v] = true
	}
	if !seen[g.Root.Vertex] || len(seen) != g.Len() {
		t.Errorf("%d of %d vertices seen, root among them: %v", len(seen), g.Len(), seen[g.Root.Vertex])
	}
}

// If this failed, errors and progress could not say which line they are about.
func TestDecodeMetadata(t *testing.T) {
	g, err := Decode(everything(t))
	if err != nil {
		t.Fatal(err)
	}
	for v := range g.Vertices() {
		if f, ok := v.Op.(*File); ok {
			want := Location{File: "Dockerfile", Line: 2, EndLine: 3, Text: "COPY a* \\\n  b/"}
			if diff := cmp.Diff(want, v.Where); diff != "" {
				t.Errorf("place (-want +got):\n%s", diff)
			}
			if v.Where.String() != "Dockerfile:2" || v.Name != "[2/2] COPY a* b/" || !v.IgnoreCache || v.Description["other"] != "x" {
				t.Errorf("got %+v", v)
			}
			if diff := cmp.Diff(&Group{ID: "g", Name: "group", Weak: true}, v.Group); diff != "" {
				t.Errorf("group (-want +got):\n%s", diff)
			}
			if l := f.Actions[3]; l.SecondaryInput != Scratch {
				t.Errorf("remove has the secondary input %d", l.SecondaryInput)
			}
		}
		if s, ok := v.Op.(*Source); ok && s.Platform != nil {
			if diff := cmp.Diff(&ocispec.Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0.20348"}, s.Platform); diff != "" {
				t.Errorf("platform (-want +got):\n%s", diff)
			}
		}
	}
}

// If this failed, a Dockerfile of "FROM scratch" alone would not build.
func TestDecodeEmpty(t *testing.T) {
	for _, def := range []*pb.Definition{nil, {}} {
		g, err := Decode(def)
		if err != nil || g.Root.Vertex != nil || g.Len() != 0 {
			t.Errorf("Decode(%v) = %v, %v", def, g, err)
		}
	}
}

// If this failed, a consumer that indexes without checking would crash on a
// graph that a broken or hostile client sent.
func TestDecodeRefuses(t *testing.T) {
	rootMount := []*pb.Mount{{Input: 0, Dest: "/"}}
	mkdir := func(in int64) *pb.FileAction {
		return &pb.FileAction{Input: in, Output: 0, Action: &pb.FileAction_Mkdir{Mkdir: &pb.FileActionMkDir{Path: "/d"}}}
	}
	one := func(op *pb.Op, n int) func(*definition) *pb.Definition {
		return func(d *definition) *pb.Definition {
			var ins []*pb.Input
			for range n {
				ins = append(ins, d.source("local://x"))
			}
			return d.finish(d.add(op, ins...))
		}
	}
	for name, tt := range map[string]struct {
		make func(*definition) *pb.Definition
		want string
	}{
		"garbage": {func(d *definition) *pb.Definition {
			d.def.Def = [][]byte{{0xff, 0xff}, nil}
			return d.def
		}, "reading protobuf"},
		"no result": {func(d *definition) *pb.Definition { d.source("local://x"); return d.def }, "one input"},
		"dangling input": {func(d *definition) *pb.Definition {
			return d.finish(&pb.Input{Digest: "sha256:00"})
		}, `no vertex has the digest "sha256:00"`},
		"dangling output": {func(d *definition) *pb.Definition {
			in := d.source("local://x")
			in.Index = 1
			return d.finish(in)
		}, "output 1 of"},
		"negative output": {func(d *definition) *pb.Definition {
			in := d.source("local://x")
			in.Index = -1
			return d.finish(in)
		}, "does not exist"},
		"no operation":          {one(&pb.Op{}, 1), "no operation"},
		"nested build":          {one(&pb.Op{Op: &pb.Op_Build{Build: &pb.BuildOp{}}}, 1), "nested builds"},
		"passthrough":           {one(&pb.Op{Op: &pb.Op_Passthrough{Passthrough: &pb.PassthroughOp{}}}, 1), "passthrough"},
		"source with input":     {one(&pb.Op{Op: &pb.Op_Source{Source: &pb.SourceOp{Identifier: "x"}}}, 1), "source with 1 inputs"},
		"source without name":   {one(&pb.Op{Op: &pb.Op_Source{Source: &pb.SourceOp{}}}, 0), "without an identifier"},
		"no actions":            {one(fileOp(), 1), "without actions"},
		"action without action": {one(fileOp(&pb.FileAction{}), 1), "unknown file action"},
		"action after itself":   {one(fileOp(mkdir(1)), 1), "index 1 of 1"},
		"action below scratch":  {one(fileOp(mkdir(-2)), 1), "no such input"},
		"huge index":            {one(fileOp(mkdir(1<<40)), 1), "no such input"},
		"output twice":          {one(fileOp(mkdir(0), mkdir(0)), 1), "there twice"},
		"owner of nothing": {one(fileOp(&pb.FileAction{Action: &pb.FileAction_Mkdir{Mkdir: &pb.FileActionMkDir{
			Owner: &pb.ChownOpt{User: &pb.UserOpt{User: &pb.UserOpt_ByName{ByName: &pb.NamedUserOpt{Name: "a", Input: 4}}}},
		}}}), 1), "index 4 of 1"},
		"no arguments":   {one(&pb.Op{Op: &pb.Op_Exec{Exec: &pb.ExecOp{Mounts: rootMount}}}, 1), "without arguments"},
		"no root":        {one(&pb.Op{Op: &pb.Op_Exec{Exec: &pb.ExecOp{Meta: &pb.Meta{Args: []string{"x"}}}}}, 1), "root file system"},
		"mount index":    {one(&pb.Op{Op: &pb.Op_Exec{Exec: &pb.ExecOp{Meta: &pb.Meta{Args: []string{"x"}}, Mounts: rootMount}}}, 0), "index 0 of 0"},
		"mount kind":     {one(&pb.Op{Op: &pb.Op_Exec{Exec: &pb.ExecOp{Mounts: []*pb.Mount{{MountType: 9}}}}}, 1), "unknown kind 9"},
		"network":        {one(&pb.Op{Op: &pb.Op_Exec{Exec: &pb.ExecOp{Network: 9}}}, 1), "network mode 9"},
		"merge index":    {one(&pb.Op{Op: &pb.Op_Merge{Merge: &pb.MergeOp{Inputs: []*pb.MergeInput{{Input: 1}}}}}, 1), "index 1 of 1"},
		"merge nothing":  {one(&pb.Op{Op: &pb.Op_Merge{Merge: &pb.MergeOp{}}}, 1), "merge of nothing"},
		"diff half":      {one(&pb.Op{Op: &pb.Op_Diff{Diff: &pb.DiffOp{Lower: &pb.LowerDiffInput{}}}}, 1), "two sides"},
		"diff index":     {one(&pb.Op{Op: &pb.Op_Diff{Diff: &pb.DiffOp{Lower: &pb.LowerDiffInput{}, Upper: &pb.UpperDiffInput{Input: 3}}}}, 1), "index 3 of 1"},
		"missing output": {one(fileOp(&pb.FileAction{Output: 1, Action: mkdir(0).Action}), 1), "output 0 is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode(tt.make(newDefinition(t)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// If this failed, a graph built by hand could send a solver round for ever.
func TestNewRefusesCycles(t *testing.T) {
	a := &Vertex{Name: "a", Op: &Merge{Inputs: []int{0}}}
	b := &Vertex{Name: "b", Op: &Merge{Inputs: []int{0}}, Inputs: []Input{{Vertex: a}}}
	a.Inputs = []Input{{Vertex: b}}
	if _, err := New(Input{Vertex: a}); err == nil || !strings.Contains(err.Error(), "own input") {
		t.Errorf("got %v", err)
	}
	if _, err := New(Input{Vertex: &Vertex{Op: &Merge{Inputs: []int{0}}}}); !errors.Is(err, errIndex) {
		t.Errorf("got %v", err)
	}
	if _, err := New(Input{Vertex: &Vertex{}}); err == nil {
		t.Error("a vertex without an operation passes")
	}
}

// If this failed, input from a client could crash the program.
func FuzzDecode(f *testing.F) {
	seed, err := everything(f).Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, dt []byte) {
		var def pb.Definition
		if err := def.Unmarshal(dt); err != nil {
			t.Skip()
		}
		g, err := Decode(&def)
		if err != nil {
			return
		}
		if err := g.WriteText(new(strings.Builder)); err != nil {
			t.Fatal(err)
		}
	})
}

// golden compares got with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}
