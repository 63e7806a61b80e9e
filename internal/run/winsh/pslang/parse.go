package pslang

import "strings"

// Options says which language is read. The zero value is Windows PowerShell
// 5.1.
type Options struct {
	// Core adds what PowerShell 7 has: && and ||, ?:, ??, ??=, ?. and ?[],
	// `u{} and `e, & behind a pipeline, more kinds of numbers.
	Core bool
	// Name is the file that the text comes from, "" for a command line.
	Name string
}

// Parse reads a whole text. The error is an [*Errors]; with it, the tree is nil.
func Parse(text string, o Options) (*ScriptBlock, error) {
	p := &parser{
		src:  NewSource(o.Name, text),
		text: text,
		core: o.Core,
		errs: &Errors{},
	}
	p.pos = len(text) - len(strings.TrimPrefix(text, "\uFEFF"))
	b := p.script()
	if len(p.errs.List) > 0 {
		return nil, p.errs
	}
	return b, nil
}

// maxDepth limits how deep constructs may be nested. It is far beyond what
// people write and far below what the stack takes.
const maxDepth = 1000

// maxErrors is how many errors are kept. PowerShell prints ten.
const maxErrors = 50

// parser reads a text by recursive descent, without a list of tokens: what a
// character means depends on whether an argument or an expression is read, and
// only the place in the grammar knows that.
type parser struct {
	src  *Source
	text string
	pos  int
	// origin has the offset in the source of each byte of text and of its end.
	// It is nil where text is a prefix of the source's.
	origin []int
	core   bool
	errs   *Errors

	// blankFrom and blankTo are the ends of the white space skipped last, so
	// that errors can point behind the last token.
	blankFrom, blankTo int
	// depth counts open constructs; dead is set when there were too many, and
	// then everything ends.
	depth int
	dead  bool
	// commas are separators and not operators (arguments of methods).
	noComma bool
	// ternary is above zero between ? and : of PowerShell 7, where both end a
	// number.
	ternary int
	// In a finally block, loops counts the loops opened in it.
	finally bool
	loops   int
	// requires collects the #requires lines.
	requires []*Requires
	// skim is set where only the ends of tokens matter: nothing inside of a
	// string is read then.
	skim bool
}

// skimmer returns a parser that looks ahead: its errors are nobody's, and what
// it reads is read in time that grows with the length alone.
func (p *parser) skimmer() *parser {
	q := *p
	q.errs, q.requires, q.skim = &Errors{}, nil, true
	return &q
}

// enter opens a construct and says whether it may be read. Each enter that
// returned true needs a leave.
func (p *parser) enter(weight int) bool {
	if p.dead {
		return false
	}
	if p.depth+weight > maxDepth {
		p.fail(p.extent(p.pos, p.pos), "ScriptTooComplicated", "Processing was stopped because the script is too complex.")
		p.die()
		return false
	}
	p.depth += weight
	return true
}

func (p *parser) leave(weight int) { p.depth -= weight }

// die ends all parsing.
func (p *parser) die() {
	p.dead = true
	p.pos = len(p.text)
}

// origOffset translates an offset in the text into one in the source.
func (p *parser) origOffset(i int) int {
	if p.origin == nil {
		return i
	}
	return p.origin[min(i, len(p.origin)-1)]
}

// extent makes an extent of two offsets in the text.
func (p *parser) extent(start, end int) Extent {
	e := Extent{Source: p.src, Start: p.origOffset(start), End: p.origOffset(end)}
	if p.origin != nil && end > start {
		// What was dropped behind the end does not belong to it.
		e.End = p.origOffset(end-1) + 1
	}
	return e
}

// from makes the extent from an offset to the end of the last token.
func (p *parser) from(start int) Extent { return p.extent(start, max(start, p.after())) }

// after is the offset behind the last token.
func (p *parser) after() int {
	if p.pos == p.blankTo && p.blankTo > 0 {
		return p.blankFrom
	}
	return p.pos
}

// fail reports an error.
func (p *parser) fail(at Extent, id, message string) {
	p.add(&Error{Extent: at, ID: id, Message: message})
}

// missing reports something that should stand behind the last token.
func (p *parser) missing(id, message string) {
	at := p.after()
	p.missingAt(p.extent(at, at), id, message)
}

// missingAt reports something missing at a place; if the text ends here, more
// text could mend it.
func (p *parser) missingAt(at Extent, id, message string) {
	if p.full() {
		return
	}
	p.add(&Error{Extent: at, ID: id, Message: message, Incomplete: p.atEnd()})
}

// full reports that further errors are not kept.
func (p *parser) full() bool { return p.dead || len(p.errs.List) >= maxErrors }

func (p *parser) add(e *Error) {
	if p.full() {
		return
	}
	for _, old := range p.errs.List {
		if old.ID == e.ID && old.Extent == e.Extent {
			return
		}
	}
	p.errs.List = append(p.errs.List, e)
}

// atEnd says whether nothing but white space and comments follows.
func (p *parser) atEnd() bool {
	q := p.skimmer()
	q.newlines(false)
	return q.pos >= len(q.text)
}

// mark is a place to come back to.
type mark struct {
	pos, blankFrom, blankTo, errs, requires int
}

func (p *parser) mark() mark {
	return mark{p.pos, p.blankFrom, p.blankTo, len(p.errs.List), len(p.requires)}
}

// reset goes back to a mark and forgets the errors found since.
func (p *parser) reset(m mark) {
	if p.dead {
		return
	}
	p.pos, p.blankFrom, p.blankTo = m.pos, m.blankFrom, m.blankTo
	p.errs.List = p.errs.List[:m.errs]
	p.requires = p.requires[:m.requires]
}
