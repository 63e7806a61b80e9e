package ps

import (
	"context"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

const (
	tStyle     = "System.Management.Automation.PSStyle"
	tRendering = "System.Management.Automation.OutputRendering"
	tProgress  = "System.Management.Automation.ProgressView"
)

// style is the Data of $PSStyle in PowerShell 7: escape sequences by name. What
// the host shows has none of them as long as nobody sees it in colours, which
// is so wherever an image is built.
type style struct {
	// rendering is OutputRendering; the others are objects with what it is made of.
	rendering                                              Enum
	foreground, background, formatting, progress, fileInfo *Object
}

func (s *Session) newStyle() *style {
	escape := func(code string) string { return "\x1b[" + code + "m" }
	colors := func(first int) *Object {
		o := NewCustom()
		for i, name := range []string{"Black", "Red", "Green", "Yellow", "Blue", "Magenta", "Cyan", "White"} {
			o.Set(name, escape(strconv.Itoa(first+i)))
			o.Set("Bright"+name, escape(strconv.Itoa(first+60+i)))
		}
		return o
	}
	return &style{
		rendering: s.Enum(tRendering, 0), foreground: colors(30), background: colors(40),
		formatting: NewCustom("FormatAccent", escape("32;1"), "ErrorAccent", escape("36;1"), "Error", escape("31;1"), "Warning", escape("33;1"),
			"Verbose", escape("33;1"), "Debug", escape("33;1"), "TableHeader", escape("32;1"), "CustomTableHeaderLabel", escape("32;1;3"),
			"FeedbackName", escape("33"), "FeedbackText", escape("96"), "FeedbackAction", escape("97")),
		progress: NewCustom("Style", escape("33;1"), "MaxWidth", Int(120), "View", s.Enum(tProgress, 0), "UseOSCIndicator", false),
		fileInfo: NewCustom("Directory", escape("44;1"), "SymbolicLink", escape("36;1"), "Executable", escape("32;1")),
	}
}

// styleTypes are the types of $PSStyle.
func styleTypes() []*Type {
	return []*Type{
		{Name: tRendering, Values: []EnumValue{{"Host", 0}, {"PlainText", 1}, {"Ansi", 2}}},
		{Name: tProgress, Values: []EnumValue{{"Minimal", 0}, {"Classic", 1}}},
		{Name: tStyle, Members: styleMembers},
	}
}

func styleMembers() []Member {
	of := func(in *Invoke) *style { return in.Data().(*style) }
	part := func(name string, get func(*style) *Object) Member {
		return Prop(name, "object", func(_ context.Context, in *Invoke) (any, error) { return get(of(in)), nil })
	}
	list := []Member{
		part("Foreground", func(s *style) *Object { return s.foreground }), part("Background", func(s *style) *Object { return s.background }),
		part("Formatting", func(s *style) *Object { return s.formatting }), part("Progress", func(s *style) *Object { return s.progress }),
		part("FileInfo", func(s *style) *Object { return s.fileInfo }),
		Prop("OutputRendering", tRendering, func(_ context.Context, in *Invoke) (any, error) { return of(in).rendering, nil }).With(func(_ context.Context, in *Invoke) error {
			x, err := in.Session.castNamed(in.Args[0], tRendering)
			if err != nil {
				return err
			}
			if of(in).rendering = x.(Enum); of(in).rendering.Value == 2 {
				return machine.Refuse("$PSStyle.OutputRendering = 'Ansi'", "tables and errors are not coloured here", "leave it at Host or PlainText")
			}
			return nil
		}),
	}
	for name, code := range map[string]string{"Reset": "0", "BlinkOff": "25", "Blink": "5", "BoldOff": "22", "Bold": "1", "DimOff": "22", "Dim": "2",
		"Hidden": "8", "HiddenOff": "28", "Reverse": "7", "ReverseOff": "27", "ItalicOff": "23", "Italic": "3", "UnderlineOff": "24", "Underline": "4",
		"StrikethroughOff": "29", "Strikethrough": "9"} {
		list = append(list, Prop(name, "string", func(context.Context, *Invoke) (any, error) { return "\x1b[" + code + "m", nil }))
	}
	return list
}

// undecorated is a text without colours and links, as PowerShell 7 shows it
// where its output is no terminal.
func undecorated(text string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '\x1b')
		if i < 0 {
			return b.String() + text
		}
		b.WriteString(text[:i])
		n := decoration(text[i:])
		if n == 0 {
			b.WriteByte('\x1b')
			n = 1
		}
		text = text[i+n:]
	}
}

// decoration is the length of the sequence that a text begins with: ESC [ 1;2 m
// or ESC ] 8;; … ESC \.
func decoration(text string) int {
	switch {
	case strings.HasPrefix(text, "\x1b["):
		for i := 2; i < len(text); i++ {
			if c := text[i]; c == 'm' {
				return i + 1
			} else if c != ';' && (c < '0' || c > '9') {
				return 0
			}
		}
	case strings.HasPrefix(text, "\x1b]8;;"):
		if i := strings.Index(text[5:], "\x1b\\"); i >= 0 {
			return 5 + i + 2
		}
	}
	return 0
}
