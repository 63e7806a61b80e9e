// Package llb holds the graph of a build: what is to be done, as a closed set
// of five operations over file trees.
//
// The set is that of BuildKit's LLB, because the Dockerfile frontend produces
// it and API clients send it: [Source] brings a tree in, [File] changes one,
// [Exec] runs a command over one, [Merge] stacks several, [Diff] takes the
// difference of two. [Decode] turns BuildKit's protobuf into a [Graph]; from
// there on nobody sees protobuf. [New] makes a graph of vertices built by hand.
//
// Start with [Vertex], then the operations in ops.go.
//
// The package refuses what it does not know. A definition with an operation
// outside the set, an input that is not there, an index that points nowhere or
// a cycle is an error, so that a consumer may index without checking. It does
// not evaluate anything.
package llb

import (
	"errors"
	"fmt"
	"iter"
	"slices"
)

// Graph is a build: the vertices that lead to one result. Graphs do not change
// once they have been made.
type Graph struct {
	// Root is the result. Its Vertex is nil for an empty tree (FROM scratch
	// and nothing more).
	Root  Input
	order []*Vertex
}

// Vertex is one operation with its inputs.
type Vertex struct {
	// Digest names the vertex with everything below it ("sha256:…").
	Digest string
	// Op says what to do. It is never nil.
	Op Op
	// Inputs are the results that the operation works on. Operations name
	// them by their index.
	Inputs []Input
	// Name says for people what the vertex does ("[2/3] COPY . /app").
	Name string
	// Description has what the maker of the graph wrote about the vertex.
	Description map[string]string
	// Where is the place in the text that the vertex was made from.
	Where Location
	// IgnoreCache asks for the operation to be done even if its result is
	// known.
	IgnoreCache bool
	// Group joins vertices that people see as one step; nil for none.
	Group *Group
}

// Input is one output of a vertex.
type Input struct {
	Vertex *Vertex
	Output int
}

// Group is a set of vertices that is shown as one step.
type Group struct {
	ID, Name string
	// Weak says that vertices shared with another group are not of the group.
	Weak bool
}

// Location is a range of lines of a file. The zero value is no place.
type Location struct {
	File string
	// Line and EndLine are the first and the last line, counted from 1.
	Line, EndLine int
	// Text is the lines themselves, without the last line end.
	Text string
}

// String returns "File:Line", and "" for no place.
func (l Location) String() string {
	if l.File == "" || l.Line == 0 {
		return l.File
	}
	return fmt.Sprintf("%s:%d", l.File, l.Line)
}

// New returns the graph that leads to root, and an error if it is not one:
// if it has a cycle, a vertex without an operation, or an operation that names
// an input or an output that does not exist.
func New(root Input) (*Graph, error) {
	g := &Graph{Root: root}
	if root.Vertex == nil {
		return g, nil
	}
	w := walker{state: make(map[*Vertex]bool)}
	if err := w.visit(root.Vertex); err != nil {
		return nil, err
	}
	if err := checkOutput(root); err != nil {
		return nil, fmt.Errorf("result of the graph: %w", err)
	}
	g.order = w.order
	return g, nil
}

// Vertices yields the vertices in topological order: every vertex comes after
// its inputs, and the last one is the root's. The order depends on nothing but
// the graph.
func (g *Graph) Vertices() iter.Seq[*Vertex] { return slices.Values(g.order) }

// Len returns the number of vertices.
func (g *Graph) Len() int { return len(g.order) }

// walker sorts vertices. state is false for a vertex whose inputs are being
// walked and true for one that is done.
type walker struct {
	state map[*Vertex]bool
	order []*Vertex
}

func (w *walker) visit(v *Vertex) error {
	if done, seen := w.state[v]; done {
		return nil
	} else if seen {
		return fmt.Errorf("vertex %s is its own input", v.label())
	}
	w.state[v] = false
	for i, in := range v.Inputs {
		if in.Vertex == nil {
			return fmt.Errorf("vertex %s: input %d is missing", v.label(), i)
		}
		if err := w.visit(in.Vertex); err != nil {
			return err
		}
		if err := checkOutput(in); err != nil {
			return fmt.Errorf("vertex %s: input %d: %w", v.label(), i, err)
		}
	}
	if v.Op == nil {
		return fmt.Errorf("vertex %s has no operation", v.label())
	}
	if err := v.Op.check(len(v.Inputs)); err != nil {
		return fmt.Errorf("vertex %s: %w", v.label(), err)
	}
	w.state[v] = true
	w.order = append(w.order, v)
	return nil
}

// label names the vertex in errors.
func (v *Vertex) label() string {
	switch {
	case v.Name != "":
		return fmt.Sprintf("%q", v.Name)
	case v.Digest != "":
		return v.Digest
	}
	return "without a name"
}

func checkOutput(in Input) error {
	if n := in.Vertex.Op.outputs(); in.Output < 0 || in.Output >= n {
		return fmt.Errorf("output %d of %s, which has %d", in.Output, in.Vertex.label(), n)
	}
	return nil
}

// errIndex is the reason for an index that names no input.
var errIndex = errors.New("no such input")
