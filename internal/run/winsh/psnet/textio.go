package psnet

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/run/winsh/pscmd"
)

// textReader is a StreamReader or StringReader.
type textReader struct {
	s      *ps.Session
	r      *bufio.Reader
	stream *Stream // nil for a StringReader
	object *ps.Object
	cs     *pscmd.Charset
	leave  bool
	closed bool
	// low is the second unit of a surrogate pair that Read has begun.
	low    uint16
	hasLow bool
}

func (t *textReader) open() error {
	if t.closed {
		return throw("System.ObjectDisposedException", "Cannot read from a closed TextReader.")
	}
	if t.r != nil {
		return nil
	}
	r, err := t.cs.NewReader(t.stream)
	t.r = r
	return err
}

// line reads a line; ok is false at the end.
func (t *textReader) line() (text string, ok bool, err error) {
	if err := t.open(); err != nil {
		return "", false, err
	}
	var b strings.Builder
	for {
		if _, err := t.r.Peek(1); err != nil {
			if errors.Is(err, io.EOF) {
				return b.String(), ok, nil
			}
			return "", false, err
		}
		ok = true
		ahead, _ := t.r.Peek(t.r.Buffered())
		i := bytes.IndexAny(ahead, "\r\n")
		if i < 0 {
			b.Write(ahead)
			_, _ = t.r.Discard(len(ahead))
			if err := limit(t.s, int64(b.Len())); err != nil {
				return "", false, err
			}
			continue
		}
		b.Write(ahead[:i])
		alone := ahead[i] == '\r'
		_, _ = t.r.Discard(i + 1)
		if alone {
			if next, err := t.r.Peek(1); err == nil && next[0] == '\n' {
				_, _ = t.r.Discard(1)
			}
		}
		return b.String(), true, nil
	}
}

func (t *textReader) all() (string, error) {
	if err := t.open(); err != nil {
		return "", err
	}
	most := t.s.Machine().Limits().Memory
	var b strings.Builder
	if t.hasLow {
		b.WriteString(ps.Text([]uint16{t.low}))
		t.hasLow = false
	}
	n, err := io.Copy(&b, io.LimitReader(t.r, most+1))
	if err != nil {
		return "", err
	}
	return b.String(), limit(t.s, n)
}

// unit reads one character of .NET; -1 is the end.
func (t *textReader) unit(peek bool) (int32, error) {
	if err := t.open(); err != nil {
		return 0, err
	}
	if t.hasLow {
		t.hasLow = peek
		return int32(t.low), nil
	}
	r, _, err := t.r.ReadRune()
	if errors.Is(err, io.EOF) {
		return -1, nil
	}
	if err != nil {
		return 0, err
	}
	if peek {
		_ = t.r.UnreadRune()
	}
	u := ps.Units(string(r))
	if len(u) > 1 && !peek {
		t.low, t.hasLow = u[1], true
	}
	return int32(u[0]), nil
}

func (t *textReader) close(ctx context.Context) error {
	if t.closed {
		return nil
	}
	t.closed = true
	if t.stream == nil || t.leave {
		return nil
	}
	return t.stream.close(ctx)
}

// textTypes are readers and writers of text.
func textTypes() []*ps.Type {
	const reader, writer = "System.IO.TextReader", "System.IO.TextWriter"
	const stream, path, enc = "System.IO.Stream stream", "string path", ", System.Text.Encoding encoding"
	disposable := []string{"System.IDisposable"}
	return []*ps.Type{
		{Name: reader, Base: "System.MarshalByRefObject", Implements: disposable, Abstract: true, Members: readerMembers},
		{Name: writer, Base: "System.MarshalByRefObject", Implements: disposable, Abstract: true, Members: writerMembers},
		{
			Name: "System.IO.StreamReader", Base: reader, Members: streamReaderMembers,
			New: overloads(newStreamReader, stream, stream+", bool detectEncodingFromByteOrderMarks", stream+enc, stream+enc+", bool detectEncodingFromByteOrderMarks",
				stream+enc+", bool detectEncodingFromByteOrderMarks, int bufferSize", stream+enc+", bool detectEncodingFromByteOrderMarks, int bufferSize, bool leaveOpen",
				path, path+", bool detectEncodingFromByteOrderMarks", path+enc, path+enc+", bool detectEncodingFromByteOrderMarks"),
		},
		{
			Name: "System.IO.StreamWriter", Base: writer, Members: streamWriterMembers,
			New: overloads(newStreamWriter, stream, stream+enc, stream+enc+", int bufferSize", stream+enc+", int bufferSize, bool leaveOpen",
				path, path+", bool append", path+", bool append"+enc, path+", bool append"+enc+", int bufferSize"),
		},
		{Name: "System.IO.StringReader", Base: reader, New: overloads(val(func(in *ps.Invoke) any {
			return in.Session.Object("System.IO.StringReader", &textReader{s: in.Session, r: bufio.NewReader(strings.NewReader(in.String(0)))})
		}), "string s")},
		{
			Name: "System.IO.StringWriter", Base: writer, String: func(v any) string { return v.(*ps.Object).Data.(*textWriter).text.String() },
			New: overloads(val(func(in *ps.Invoke) any {
				w := &textWriter{s: in.Session, text: &builder{}, newLine: "\r\n", cs: pscmd.UTF16(false)}
				if b, ok := dataOf[*builder](in, 0); ok {
					w.text = b
				}
				return in.Session.Object("System.IO.StringWriter", w)
			}), "", "System.Text.StringBuilder sb"),
			Members: func() []ps.Member {
				return []ps.Member{method("GetStringBuilder", "System.Text.StringBuilder", val(func(in *ps.Invoke) any {
					return in.Session.Object("System.Text.StringBuilder", self[*textWriter](in).text)
				}), "")}
			},
		},
	}
}

func newStreamReader(ctx context.Context, in *ps.Invoke) (any, error) {
	t := &textReader{s: in.Session, cs: pscmd.UTF8(false)}
	if o := object(in, 0); o != nil {
		s, err := streamArg(in, 0, "stream")
		if err != nil {
			return nil, err
		}
		if read, _, _ := s.b.can(); !read {
			return nil, throw(argumentException, "Stream was not readable.")
		}
		t.stream, t.object = s, o
	} else {
		f, err := openFile(ctx, in.Session, in.String(0), modeOpen, 1, shareRead)
		if err != nil {
			return nil, err
		}
		t.object = newFileStream(in.Session, f)
		t.stream = t.object.Data.(*Stream)
	}
	if object(in, 1) != nil {
		t.cs = encodingArg(in, 1)
	}
	t.leave = len(in.Args) == 5 && in.Bool(4)
	return in.Session.Object("System.IO.StreamReader", t), nil
}

func readerMembers() []ps.Member {
	data := self[*textReader]
	failing := func(f func(in *ps.Invoke, t *textReader) (any, error)) run {
		return can(func(in *ps.Invoke) (any, error) {
			v, err := f(in, data(in))
			return v, ioError(in.Session, err)
		})
	}
	line := failing(func(_ *ps.Invoke, t *textReader) (any, error) {
		text, ok, err := t.line()
		if !ok || err != nil {
			return nil, err
		}
		return text, nil
	})
	all := failing(func(_ *ps.Invoke, t *textReader) (any, error) { return t.all() })
	end := func(ctx context.Context, in *ps.Invoke) (any, error) {
		return nil, ioError(in.Session, data(in).close(ctx))
	}
	return []ps.Member{
		method("ReadLine", "string", line, ""), method("ReadToEnd", "string", all, ""),
		method("ReadLineAsync", taskType, later(line), ""), method("ReadToEndAsync", taskType, later(all), ""),
		method("Read", "int", failing(func(_ *ps.Invoke, t *textReader) (any, error) { return t.unit(false) }), ""),
		method("Peek", "int", failing(func(_ *ps.Invoke, t *textReader) (any, error) { return t.unit(true) }), ""),
		method("Close", "void", end, ""), method("Dispose", "void", end, ""),
	}
}

func streamReaderMembers() []ps.Member {
	data := self[*textReader]
	return []ps.Member{
		ps.Prop("EndOfStream", "bool", can(func(in *ps.Invoke) (any, error) {
			u, err := data(in).unit(true)
			return u < 0, ioError(in.Session, err)
		})),
		prop("BaseStream", "System.IO.Stream", func(in *ps.Invoke) any { return data(in).object }),
		prop("CurrentEncoding", encodingType, func(in *ps.Invoke) any { return newEncoding(in.Session, data(in).cs) }),
	}
}

// textWriter is a StreamWriter, a StringWriter or one of the console's.
type textWriter struct {
	s       *ps.Session
	stream  *Stream
	object  *ps.Object
	text    *builder // of a StringWriter
	console func(text string) error
	cs      *pscmd.Charset
	newLine string
	auto    bool
	leave   bool
	closed  bool
	started bool
	buf     strings.Builder
}

// put writes a text.
func (w *textWriter) put(ctx context.Context, text string) error {
	switch {
	case w.closed:
		return throw("System.ObjectDisposedException", "Cannot write to a closed TextWriter.")
	case w.console != nil:
		return w.console(text)
	case w.text != nil:
		w.text.add(text)
		return limit(w.s, int64(len(w.text.b)))
	}
	w.buf.WriteString(text)
	switch {
	case w.auto:
		return w.flushAll(ctx)
	case w.buf.Len() > 32<<10:
		return w.flush(ctx)
	}
	return nil
}

// flush encodes what was written. The mark goes in front of a stream that is
// empty.
func (w *textWriter) flush(ctx context.Context) error {
	if w.stream == nil {
		return nil
	}
	if !w.started {
		w.started = true
		if at, err := w.stream.b.seek(ctx, 0, io.SeekCurrent); err == nil && at == 0 && len(w.cs.BOM) > 0 {
			if err := w.stream.write(ctx, w.cs.BOM); err != nil {
				return err
			}
		}
	}
	if w.buf.Len() == 0 {
		return nil
	}
	b := w.cs.Encode(w.buf.String())
	w.buf.Reset()
	return w.stream.write(ctx, b)
}

// flushAll is Flush: the stream passes on what it has got as well.
func (w *textWriter) flushAll(ctx context.Context) error {
	if err := w.flush(ctx); err != nil || w.stream == nil {
		return err
	}
	return w.stream.b.flush(ctx)
}

func (w *textWriter) holds() string {
	if w.buf.Len() > 0 {
		return "System.IO.StreamWriter"
	}
	return ""
}

func (w *textWriter) close(ctx context.Context) error {
	if w.closed || w.console != nil {
		return nil
	}
	err := w.flush(ctx)
	w.closed = true
	delete(left(w.s).writers, w)
	if w.stream != nil && !w.leave {
		err = errors.Join(err, w.stream.close(ctx))
	}
	return err
}

func newStreamWriter(ctx context.Context, in *ps.Invoke) (any, error) {
	w := &textWriter{s: in.Session, cs: pscmd.UTF8(false), newLine: "\r\n"}
	enc := 1
	if o := object(in, 0); o != nil {
		s, err := streamArg(in, 0, "stream")
		if err != nil {
			return nil, err
		}
		if _, write, _ := s.b.can(); !write {
			return nil, throw(argumentException, "Stream was not writable.")
		}
		w.stream, w.object = s, o
		w.leave = len(in.Args) == 4 && in.Bool(3)
	} else {
		mode := int64(modeCreate)
		if len(in.Args) > 1 && in.Bool(1) {
			mode = modeAppend
		}
		f, err := openFile(ctx, in.Session, in.String(0), mode, 2, shareRead)
		if err != nil {
			return nil, err
		}
		w.object = newFileStream(in.Session, f)
		w.stream = w.object.Data.(*Stream)
		enc = 2
	}
	if object(in, enc) != nil {
		w.cs = encodingArg(in, enc)
	}
	return w.opened(), nil
}

// opened makes the object of a StreamWriter.
func (w *textWriter) opened() *ps.Object {
	left(w.s).writers[w] = true
	return w.s.Object("System.IO.StreamWriter", w)
}

// writerMembers are the members of TextWriter.
func writerMembers() []ps.Member {
	data := self[*textWriter]
	write := func(end bool) run {
		return func(ctx context.Context, in *ps.Invoke) (any, error) {
			text, err := writtenText(ctx, in)
			if err != nil {
				return nil, err
			}
			if end {
				text += data(in).newLine
			}
			return nil, ioError(in.Session, data(in).put(ctx, text))
		}
	}
	signatures := writeSignatures()
	flush := func(ctx context.Context, in *ps.Invoke) (any, error) {
		return nil, ioError(in.Session, data(in).flushAll(ctx))
	}
	end := func(ctx context.Context, in *ps.Invoke) (any, error) {
		return nil, ioError(in.Session, data(in).close(ctx))
	}
	return []ps.Member{
		method("Write", "void", write(false), signatures...), method("WriteLine", "void", write(true), append([]string{""}, signatures...)...),
		method("WriteAsync", taskType, later(write(false)), "string value"), method("WriteLineAsync", taskType, later(write(true)), "", "string value"),
		method("Flush", "void", flush, ""), method("FlushAsync", taskType, later(flush), ""),
		method("Close", "void", end, ""), method("Dispose", "void", end, ""),
		prop("NewLine", "string", func(in *ps.Invoke) any { return data(in).newLine }).With(func(_ context.Context, in *ps.Invoke) error {
			data(in).newLine = in.String(0)
			return nil
		}),
		prop("Encoding", encodingType, func(in *ps.Invoke) any { return newEncoding(in.Session, data(in).cs) }),
	}
}

// writeSignatures are those of Write and WriteLine. One with several arguments
// takes a format, or a char[] with a place and a number.
func writeSignatures() []string {
	return []string{"string value", "char[] buffer", "System.Object value", "System.Object format, params object[] arg"}
}

// writtenText is what Write and WriteLine make of their arguments.
func writtenText(_ context.Context, in *ps.Invoke) (string, error) {
	if len(in.Args) == 0 {
		return "", nil
	}
	var rest []any
	if len(in.Args) > 1 {
		rest = ps.Items(in.Args[1])
	}
	if a, ok := ps.Unwrap(in.Args[0]).(*ps.Array); ok && a.Type == "System.Char[]" {
		items := a.Items
		if len(rest) == 2 {
			from, n := int(intOf(rest[0])), int(intOf(rest[1]))
			if from < 0 || n < 0 || from+n > len(items) {
				return "", badArgument(in.Session, "Offset and length were out of bounds for the array or count is greater than the number of elements from index to the end of the source collection.", "index")
			}
			items = items[from : from+n]
		}
		return unitsText(items), nil
	}
	if len(in.Args) > 1 {
		return in.Session.Composite(in.String(0), rest)
	}
	return in.Session.Format(in.Args[0], "")
}

func streamWriterMembers() []ps.Member {
	data := self[*textWriter]
	return []ps.Member{
		prop("AutoFlush", "bool", func(in *ps.Invoke) any { return data(in).auto }).With(func(ctx context.Context, in *ps.Invoke) error {
			data(in).auto = in.Bool(0)
			return data(in).flush(ctx)
		}),
		prop("BaseStream", "System.IO.Stream", func(in *ps.Invoke) any { return data(in).object }),
	}
}

// wholeText is File.ReadAllText: in the encoding of the file's mark, else in cs.
func wholeText(ctx context.Context, s *ps.Session, path string, cs *pscmd.Charset) (string, error) {
	if err := sharing(s, path, 1, shareRead); err != nil {
		return "", err
	}
	f, err := s.Machine().FS().Open(ctx, path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	t := &textReader{s: s, cs: cs, stream: &Stream{b: &reading{r: f}}}
	return t.all()
}

// saveText writes texts to a file: a mark in front of them if it is new.
func saveText(ctx context.Context, s *ps.Session, path string, cs *pscmd.Charset, appending bool, texts func(put func(string) error) error) error {
	if err := sharing(s, path, 2, shareRead); err != nil {
		return err
	}
	fsys := s.Machine().FS()
	mark := cs.BOM
	if appending {
		info, err := fsys.StatDest(ctx, path)
		if err == nil && info.Size > 0 {
			mark = nil
		} else if err != nil && !isWindows(err) {
			return err
		}
	}
	f, err := fsys.Create(ctx, path, machine.CreateOptions{Append: appending})
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 4<<10)
	_, err = w.Write(mark)
	if err == nil {
		err = texts(func(t string) error { _, err := w.Write(cs.Encode(t)); return err })
	}
	return errors.Join(err, w.Flush(), f.Close())
}
