package llb

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// customName is the description that BuildKit's frontends name a vertex by.
const customName = "llb.customname"

// Decode turns BuildKit's form of a graph into a [Graph]. An empty definition
// is the empty tree. Every vertex is looked up by the digest of its own bytes,
// so the digests that the graph names are right by construction.
func Decode(def *pb.Definition) (*Graph, error) {
	if def == nil || len(def.Def) == 0 {
		return New(Input{})
	}
	d := decoder{
		def:      def,
		vertices: make(map[string]*Vertex, len(def.Def)),
	}
	last := len(def.Def) - 1
	for i, dt := range def.Def[:last] {
		if err := d.add(dt); err != nil {
			return nil, fmt.Errorf("decoding vertex %d of the build graph: %w", i, err)
		}
	}
	root, err := d.root(def.Def[last])
	if err != nil {
		return nil, fmt.Errorf("decoding the result of the build graph: %w", err)
	}
	for i, p := range d.parsed {
		if p.vertex.Inputs, err = d.inputs(p.op); err != nil {
			return nil, fmt.Errorf("decoding vertex %d (%s) of the build graph: %w", i, p.vertex.label(), err)
		}
	}
	g, err := New(root)
	if err != nil {
		return nil, fmt.Errorf("decoding the build graph: %w", err)
	}
	return g, nil
}

type decoder struct {
	def      *pb.Definition
	vertices map[string]*Vertex // by digest
	parsed   []parsedOp         // in the order of the definition
	lines    map[int32][]string // by index of the source file
}

// parsedOp is a vertex whose inputs are still those of the protobuf.
type parsedOp struct {
	op     *pb.Op
	vertex *Vertex
}

// add decodes one vertex, all but its inputs.
func (d *decoder) add(dt []byte) error {
	var op pb.Op
	if err := op.Unmarshal(dt); err != nil {
		return fmt.Errorf("reading protobuf: %w", err)
	}
	dgst := digest.FromBytes(dt).String()
	o, err := decodeOp(&op)
	if err != nil {
		return err
	}
	v := &Vertex{Digest: dgst, Op: o, Where: d.where(dgst)}
	if md := d.def.Metadata[dgst]; md != nil {
		v.IgnoreCache = md.IgnoreCache
		v.Description = maps.Clone(md.Description)
		v.Name = md.Description[customName]
		if g := md.ProgressGroup; g != nil {
			v.Group = &Group{ID: g.Id, Name: g.Name, Weak: g.Weak}
		}
	}
	if v.Name == "" {
		v.Name = nameOf(o)
	}
	d.vertices[dgst] = v
	d.parsed = append(d.parsed, parsedOp{&op, v})
	return nil
}

// root decodes the last vertex, which does nothing but name the result.
func (d *decoder) root(dt []byte) (Input, error) {
	var op pb.Op
	if err := op.Unmarshal(dt); err != nil {
		return Input{}, fmt.Errorf("reading protobuf: %w", err)
	}
	if op.Op != nil || len(op.Inputs) != 1 {
		return Input{}, fmt.Errorf("it has an operation or %d inputs, not one input", len(op.Inputs))
	}
	in, err := d.inputs(&op)
	if err != nil {
		return Input{}, err
	}
	return in[0], nil
}

func (d *decoder) inputs(op *pb.Op) ([]Input, error) {
	var ins []Input
	for i, in := range op.Inputs {
		if in == nil {
			return nil, fmt.Errorf("input %d is missing", i)
		}
		v := d.vertices[in.Digest]
		if v == nil {
			return nil, fmt.Errorf("input %d: no vertex has the digest %q", i, in.Digest)
		}
		n, err := index(in.Index)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("input %d: output %d does not exist", i, in.Index)
		}
		ins = append(ins, Input{Vertex: v, Output: n})
	}
	return ins, nil
}

// where returns the place that the source map has for a vertex; of several, as for
// stages that begin alike, the first in the file. Source maps are for people, so
// what does not fit is left out and is no error.
func (d *decoder) where(dgst string) Location {
	src := d.def.Source
	if src == nil {
		return Location{}
	}
	var first Location
	for _, l := range src.Locations[dgst].GetLocations() {
		i := l.GetSourceIndex()
		if i < 0 || int(i) >= len(src.Infos) {
			continue
		}
		loc := Location{File: src.Infos[i].GetFilename()}
		for _, r := range l.GetRanges() {
			start, end := int(r.GetStart().GetLine()), int(r.GetEnd().GetLine())
			if start <= 0 {
				continue
			}
			if loc.Line == 0 || start < loc.Line {
				loc.Line = start
			}
			loc.EndLine = max(loc.EndLine, start, end)
		}
		loc.EndLine = min(loc.EndLine, len(d.text(i)))
		if loc.Line == 0 || loc.Line > loc.EndLine || first.Line > 0 && first.Line <= loc.Line {
			continue
		}
		loc.Text = strings.Join(d.text(i)[loc.Line-1:loc.EndLine], "\n")
		first = loc
	}
	return first
}

// text returns the lines of a source file.
func (d *decoder) text(i int32) []string {
	if t, ok := d.lines[i]; ok {
		return t
	}
	t := strings.Split(string(bytes.ReplaceAll(d.def.Source.Infos[i].GetData(), []byte("\r\n"), []byte("\n"))), "\n")
	if d.lines == nil {
		d.lines = make(map[int32][]string)
	}
	d.lines[i] = t
	return t
}

// index converts an index of the protobuf.
func index(i int64) (int, error) {
	if i < -1 || i > 1<<24 {
		return 0, fmt.Errorf("index %d: %w", i, errIndex)
	}
	return int(i), nil
}

// indexes converts several.
func indexes(in ...int64) ([]int, error) {
	out := make([]int, len(in))
	for k, i := range in {
		var err error
		if out[k], err = index(i); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func decodeOp(op *pb.Op) (Op, error) {
	switch o := op.Op.(type) {
	case *pb.Op_Source:
		return &Source{
			Identifier: o.Source.GetIdentifier(),
			Attrs:      maps.Clone(o.Source.GetAttrs()),
			Platform:   decodePlatform(op.Platform),
		}, nil
	case *pb.Op_File:
		return decodeFile(o.File)
	case *pb.Op_Exec:
		return decodeExec(o.Exec, op.Platform)
	case *pb.Op_Merge:
		m := &Merge{}
		for _, in := range o.Merge.GetInputs() {
			i, err := index(in.GetInput())
			if err != nil {
				return nil, err
			}
			m.Inputs = append(m.Inputs, i)
		}
		return m, nil
	case *pb.Op_Diff:
		if o.Diff.GetLower() == nil || o.Diff.GetUpper() == nil {
			return nil, fmt.Errorf("difference without two sides")
		}
		i, err := indexes(o.Diff.Lower.Input, o.Diff.Upper.Input)
		if err != nil {
			return nil, err
		}
		return &Diff{Lower: i[0], Upper: i[1]}, nil
	case *pb.Op_Build:
		return nil, fmt.Errorf("nested builds are not supported")
	case *pb.Op_Passthrough:
		return nil, fmt.Errorf("passthrough operations are not supported")
	case nil:
		return nil, fmt.Errorf("it has no operation, or one that is newer than this program")
	}
	return nil, fmt.Errorf("unknown operation %T", op.Op)
}

func decodePlatform(p *pb.Platform) *ocispec.Platform {
	if p == nil {
		return nil
	}
	return &ocispec.Platform{
		Architecture: p.Architecture,
		OS:           p.OS,
		OSVersion:    p.OSVersion,
		OSFeatures:   slices.Clone(p.OSFeatures),
		Variant:      p.Variant,
	}
}

// nameOf names a vertex that its maker has not named.
func nameOf(o Op) string {
	switch o := o.(type) {
	case *Source:
		return o.Identifier
	case *Exec:
		return strings.Join(o.Args, " ")
	case *File:
		var names []string
		for _, a := range o.Actions {
			switch a := a.Do.(type) {
			case *Copy:
				names = append(names, "copy "+a.Src+" "+a.Dest)
			case *Mkfile:
				names = append(names, "mkfile "+a.Path)
			case *Mkdir:
				names = append(names, "mkdir "+a.Path)
			case *Remove:
				names = append(names, "rm "+a.Path)
			case *Link:
				names = append(names, "symlink "+a.Path+" -> "+a.Target)
			}
		}
		return strings.Join(names, ", ")
	case *Merge:
		return "merge"
	case *Diff:
		return "diff"
	}
	return ""
}
