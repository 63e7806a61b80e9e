package ps

import (
	"errors"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/pslang"
)

// refuseAt is a refusal with the place of the construct in its text.
func refuseAt(at pslang.Extent, construct, reason, way string) error {
	e := machine.Refuse(construct, reason, way)
	setPlace(e, at)
	return e
}

// setPlace puts a refusal where a construct stands: in the text of the command,
// or in a script, whose caller gives it a place in the text.
func setPlace(e *run.RefusedError, at pslang.Extent) {
	switch {
	case at.Source == nil:
	case at.Source.Name == "":
		e.Line, e.Column = at.From().Line, at.From().Column
	case e.Script == "":
		e.Line, e.Column = 0, 0
		e.Script = at.Source.Name + ":" + strconv.Itoa(at.From().Line)
	}
}

// refuseNode refuses a part of the language.
func refuseNode(n pslang.Node) error {
	construct := strings.TrimSpace(firstLineOf(n.At().Text()))
	if u, ok := n.(*pslang.Unsupported); ok {
		construct = u.Keyword
	}
	return refuseAt(n.At(), construct, "this part of the PowerShell language is not supported", "write it with functions, hashtables and loops")
}

func firstLineOf(text string) string {
	if i := strings.IndexAny(text, "\r\n"); i >= 0 {
		text = text[:i]
	}
	if r := []rune(text); len(r) > 60 {
		text = string(r[:60]) + "…"
	}
	return text
}

// refuseUnknown refuses a command that is not known: whether Windows has it
// cannot be told.
func refuseUnknown(at pslang.Extent, name string) error {
	return refuseAt(at, name, "there is no such cmdlet, function, script or program here, and a module or a program of the image may have it", "use a cmdlet that casement knows, or do this step on Windows")
}

// placed gives a refusal that has no place the one of what caused it.
func placed(err error, at pslang.Extent) error {
	var r *run.RefusedError
	if errors.As(err, &r) && at.Source != nil {
		c := *r
		setPlace(&c, at)
		return &c
	}
	return err
}

// placedOnce gives a refusal at run time the place of what runs, unless
// something within has given it one.
func placedOnce(err error, at pslang.Extent) error {
	var r *run.RefusedError
	if errors.As(err, &r) && r.Line == 0 {
		return placed(err, at)
	}
	return err
}
