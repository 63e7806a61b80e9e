package psnet

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/run/winsh/pscmd"
)

// binaryIO is the Data of a BinaryReader or BinaryWriter. Neither holds anything
// back: what is written is in the stream, and what is read is not ahead of it.
type binaryIO struct {
	s      *ps.Session
	stream *Stream
	object *ps.Object
	cs     *pscmd.Charset
	reader bool
	leave  bool
	closed bool
	// pending is the beginning of a character that a reader has read.
	pending []byte
}

const (
	binaryReader = "System.IO.BinaryReader"
	binaryWriter = "System.IO.BinaryWriter"
	endOfStream  = "System.IO.EndOfStreamException"

	endOfStreamText = "Unable to read beyond the end of the stream."
)

func binaryTypes() []*ps.Type {
	const stream, enc = "System.IO.Stream stream", ", System.Text.Encoding encoding"
	signatures := []string{stream, stream + enc, stream + enc + ", bool leaveOpen"}
	disposable := []string{"System.IDisposable"}
	return []*ps.Type{
		{Name: binaryReader, Implements: disposable, Members: binaryReaderMembers, New: overloads(newBinary(binaryReader), signatures...)},
		{Name: binaryWriter, Implements: disposable, Members: binaryWriterMembers, New: overloads(newBinary(binaryWriter), signatures...)},
	}
}

func newBinary(typ string) run {
	return can(func(in *ps.Invoke) (any, error) {
		s, err := streamArg(in, 0, either(in.Session, "input", "output"))
		if err != nil {
			return nil, err
		}
		read, write, _ := s.b.can()
		switch {
		case typ == binaryReader && !read:
			return nil, throw(argumentException, "Stream was not readable.")
		case typ == binaryWriter && !write:
			return nil, throw(argumentException, "Stream was not writable.")
		}
		b := &binaryIO{s: in.Session, stream: s, object: object(in, 0), cs: pscmd.UTF8(false), reader: typ == binaryReader}
		if len(in.Args) > 1 {
			b.cs = encodingArg(in, 1)
		}
		b.leave = len(in.Args) > 2 && in.Bool(2)
		return in.Session.Object(typ, b), nil
	})
}

func (b *binaryIO) close(ctx context.Context) error {
	if b.closed {
		return nil
	}
	b.closed = true
	switch {
	case !b.leave:
		return b.stream.close(ctx)
	case b.reader:
		return nil
	}
	return b.stream.b.flush(ctx)
}

// open fails for a reader that has been closed, whatever its stream is. A writer
// does not know: what it does after that is up to its stream.
func (b *binaryIO) open() error {
	if b.closed {
		return throw("System.ObjectDisposedException", "Cannot access a closed file.")
	}
	return nil
}

// binaryEnd are the members that both have.
func binaryEnd() []ps.Member {
	end := func(ctx context.Context, in *ps.Invoke) (any, error) {
		return nil, ioError(in.Session, self[*binaryIO](in).close(ctx))
	}
	return []ps.Member{
		prop("BaseStream", "System.IO.Stream", func(in *ps.Invoke) any {
			b := self[*binaryIO](in)
			if b.reader && b.closed && desktop(in.Session) {
				return nil
			}
			return b.object
		}),
		method("Close", "void", end, ""), method("Dispose", "void", end, ""),
	}
}

func binaryWriterMembers() []ps.Member {
	put := func(ctx context.Context, in *ps.Invoke, p []byte) (any, error) {
		return nil, ioError(in.Session, self[*binaryIO](in).stream.write(ctx, p))
	}
	number := func(ctx context.Context, in *ps.Invoke) (any, error) { return put(ctx, in, smallBytes(in.Args[0])) }
	bytes := func(ctx context.Context, in *ps.Invoke) (any, error) {
		p := bytesArg(in, 0)
		if len(in.Args) == 3 {
			at, n := in.Int(1), in.Int(2)
			if at < 0 || n < 0 || at+n > len(p) {
				return nil, badArgument(in.Session, "Offset and length were out of bounds for the array or count is greater than the number of elements from index to the end of the source collection.", "")
			}
			p = p[at : at+n]
		}
		return put(ctx, in, p)
	}
	text := func(ctx context.Context, in *ps.Invoke) (any, error) {
		p := self[*binaryIO](in).cs.Encode(in.String(0))
		return put(ctx, in, append(binary.AppendUvarint(nil, uint64(len(p))), p...))
	}
	chars := func(ctx context.Context, in *ps.Invoke) (any, error) {
		return put(ctx, in, self[*binaryIO](in).cs.Encode(charsText(in.Args[0])))
	}
	write := method("Write", "void", number, "bool value", "byte value", "sbyte value", "short value", "ushort value", "int value", "uint value", "long value", "ulong value", "float value", "double value")
	write = also(write, overloads(bytes, "byte[] buffer", "byte[] buffer, int index, int count")...)
	write = also(write, overloads(text, "string value")...)
	write = also(write, overloads(chars, "char ch", "char[] chars")...)
	return append(binaryEnd(), write,
		method("Flush", "void", func(ctx context.Context, in *ps.Invoke) (any, error) {
			return nil, ioError(in.Session, self[*binaryIO](in).stream.b.flush(ctx))
		}, ""),
		method("Seek", "long", func(ctx context.Context, in *ps.Invoke) (any, error) {
			origin, _ := in.Args[1].(ps.Enum)
			n, err := self[*binaryIO](in).stream.b.seek(ctx, intOf(in.Args[0]), int(origin.Value))
			return n, ioError(in.Session, err)
		}, "int offset, System.IO.SeekOrigin origin"))
}

// smallBytes are the bytes of a number, also of one byte.
func smallBytes(v any) []byte {
	switch x := ps.Unwrap(v).(type) {
	case byte:
		return []byte{x}
	case int8:
		return []byte{byte(x)}
	}
	return numberBytes(ps.Unwrap(v))
}

// charsText is the text of a char or an array of them.
func charsText(v any) string {
	var units []uint16
	for _, c := range ps.Items(v) {
		if c, ok := ps.Unwrap(c).(ps.Char); ok {
			units = append(units, uint16(c))
		}
	}
	return ps.Text(units)
}

func binaryReaderMembers() []ps.Member {
	le := binary.LittleEndian
	number := func(name, typ string, n int, f func(p []byte) any) ps.Member {
		return method("Read"+name, typ, can(func(in *ps.Invoke) (any, error) {
			p, err := self[*binaryIO](in).full(n)
			if err != nil {
				return nil, ioError(in.Session, err)
			}
			return f(p), nil
		}), "")
	}
	return append(binaryEnd(),
		number("Boolean", "bool", 1, func(p []byte) any { return p[0] != 0 }),
		number("Byte", "byte", 1, func(p []byte) any { return p[0] }), number("SByte", "sbyte", 1, func(p []byte) any { return int8(p[0]) }),
		number("Int16", "short", 2, func(p []byte) any { return int16(le.Uint16(p)) }), number("UInt16", "ushort", 2, func(p []byte) any { return le.Uint16(p) }),
		number("Int32", "int", 4, func(p []byte) any { return int32(le.Uint32(p)) }), number("UInt32", "uint", 4, func(p []byte) any { return le.Uint32(p) }),
		number("Int64", "long", 8, func(p []byte) any { return int64(le.Uint64(p)) }), number("UInt64", "ulong", 8, func(p []byte) any { return le.Uint64(p) }),
		number("Single", "float", 4, func(p []byte) any { return math.Float32frombits(le.Uint32(p)) }),
		number("Double", "double", 8, func(p []byte) any { return math.Float64frombits(le.Uint64(p)) }),
		method("ReadBytes", "byte[]", can(func(in *ps.Invoke) (any, error) {
			b := self[*binaryIO](in)
			n, err := b.count(in)
			if err != nil {
				return nil, err
			}
			if err := limit(in.Session, int64(n)); err != nil {
				return nil, err
			}
			p, err := io.ReadAll(io.LimitReader(b.stream, int64(n)))
			return &ps.Bytes{B: p}, ioError(in.Session, err)
		}), "int count"),
		method("ReadString", "string", can(func(in *ps.Invoke) (any, error) {
			text, err := self[*binaryIO](in).text()
			return text, ioError(in.Session, err)
		}), ""),
		method("ReadChar", "char", func(ctx context.Context, in *ps.Invoke) (any, error) {
			c, err := self[*binaryIO](in).char(ctx)
			return c, ioError(in.Session, err)
		}, ""),
		method("ReadChars", "char[]", can(func(in *ps.Invoke) (any, error) {
			b := self[*binaryIO](in)
			n, err := b.count(in)
			if err != nil {
				return nil, err
			}
			units, err := b.chars(n)
			if err != nil {
				return nil, ioError(in.Session, err)
			}
			list := make([]any, len(units))
			for i, u := range units {
				list[i] = ps.Char(u)
			}
			return ps.NewTyped("System.Char", list), nil
		}), "int count"),
	)
}

// count is the argument of a method that reads several.
func (b *binaryIO) count(in *ps.Invoke) (int, error) {
	n := in.Int(0)
	if n < 0 {
		return 0, outOfRange(b.s, either(b.s, "Non-negative number required.", "count ('"+b.s.ToString(in.Args[0])+"') must be a non-negative value."), "count")
	}
	return n, b.open()
}

// full reads n bytes.
func (b *binaryIO) full(n int) ([]byte, error) {
	if err := b.open(); err != nil {
		return nil, err
	}
	p := make([]byte, n)
	if _, err := io.ReadFull(b.stream, p); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, throw(endOfStream, endOfStreamText)
	} else if err != nil {
		return nil, err
	}
	return p, nil
}

// text reads a text behind its length.
func (b *binaryIO) text() (string, error) {
	size := uint64(0)
	for shift := 0; ; shift += 7 {
		p, err := b.full(1)
		if err != nil {
			return "", err
		}
		if shift == 28 && p[0] > 15 || shift > 28 {
			return "", throw(formatException, either(b.s, "Too many bytes in what should have been a 7 bit encoded Int32.", "Too many bytes in what should have been a 7-bit encoded integer."))
		}
		size |= uint64(p[0]&0x7F) << shift
		if p[0] < 0x80 {
			break
		}
	}
	if int32(size) < 0 {
		return "", throw(ioException, "BinaryReader encountered an invalid string length of "+b.s.ToString(int32(size))+" characters.")
	}
	if err := limit(b.s, int64(size)); err != nil {
		return "", err
	}
	p, err := b.full(int(size))
	return b.cs.Decode(p), err
}

// char reads a character. If that is none of 16 bits, the stream stays in front
// of it.
func (b *binaryIO) char(ctx context.Context) (any, error) {
	if err := b.open(); err != nil {
		return nil, err
	}
	_, _, seek := b.stream.b.can()
	from := int64(0)
	if seek && b.stream.open() == nil {
		var err error
		if from, err = b.stream.b.seek(ctx, 0, io.SeekCurrent); err != nil {
			return nil, err
		}
	}
	units, err := b.chars(1)
	var x *ps.Exception
	if errors.As(err, &x) && x.Type == argumentException && seek {
		if _, err := b.stream.b.seek(ctx, from, io.SeekStart); err != nil {
			return nil, err
		}
	}
	switch {
	case err != nil:
		return nil, err
	case len(units) == 0:
		return nil, throw(endOfStream, endOfStreamText)
	}
	return ps.Char(units[0]), nil
}

// Sizes for reading characters.
const (
	charsPiece = 4 << 10 // bytes that are read at a time
	charSize   = 16      // bytes that a character takes in an array
)

// chars reads n characters of 16 bits, fewer at the end of the stream. Not a byte
// is read that is not needed, so that what follows can be read as something else.
func (b *binaryIO) chars(n int) ([]uint16, error) {
	if err := b.open(); err != nil {
		return nil, err
	}
	width := 1
	if b.wide() {
		width = 2
	}
	var units []uint16
	piece := make([]byte, min(n*width, charsPiece))
	for len(units) < n {
		want := n - len(units)
		if len(b.pending) > 0 && want > 1 {
			want-- // the rest of what is pending may make a character more
		}
		got, err := io.ReadFull(b.stream, piece[:min(want*width, len(piece))])
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, err
		}
		if got == 0 {
			break
		}
		p := append(b.pending, piece[:got]...)
		whole := len(p) - b.incomplete(p)
		more := ps.Units(b.cs.Decode(p[:whole]))
		if len(more) > n-len(units) {
			return nil, badArgument(b.s, "The output char buffer is too small to contain the decoded characters, encoding '"+encodingName(b.cs.CodePage)+
				"' fallback 'System.Text.DecoderReplacementFallback'.", "chars")
		}
		units, b.pending = append(units, more...), slices.Clone(p[whole:])
		if err := limit(b.s, int64(len(units))*charSize); err != nil {
			return nil, err
		}
	}
	return units, nil
}

// wide reports whether the encoding is UTF-16.
func (b *binaryIO) wide() bool { return b.cs.CodePage == 1200 || b.cs.CodePage == 1201 }

// incomplete returns how many bytes at the end of p begin a character that is not
// complete.
func (b *binaryIO) incomplete(p []byte) int {
	switch {
	case b.cs.CodePage == 12000 || b.cs.CodePage == 12001:
		return len(p) % 4
	case b.wide():
		n := len(p) % 2
		if whole := len(p) - n; whole > 0 {
			high := p[whole-1]
			if b.cs.CodePage == 1201 {
				high = p[whole-2]
			}
			if high>>2 == 0xD8>>2 {
				n += 2
			}
		}
		return n
	case b.cs.CodePage == 65001:
		for n := 1; n < utf8.UTFMax && n <= len(p); n++ {
			if last := p[len(p)-n:]; utf8.RuneStart(last[0]) {
				if !utf8.FullRune(last) {
					return n
				}
				break
			}
		}
	}
	return 0
}
