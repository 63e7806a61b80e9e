package psnet

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/bits"

	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/run/winsh/pscmd"
)

// binaryIO is the Data of a BinaryReader or BinaryWriter. Neither holds anything
// back: what is written is in the stream.
type binaryIO struct {
	s      *ps.Session
	stream *Stream
	object *ps.Object
	cs     *pscmd.Charset
	leave  bool
	closed bool
}

const (
	binaryReader = "System.IO.BinaryReader"
	binaryWriter = "System.IO.BinaryWriter"
	endOfStream  = "System.IO.EndOfStreamException"
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
		b := &binaryIO{s: in.Session, stream: s, object: object(in, 0), cs: pscmd.UTF8(false)}
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
	if b.leave {
		return b.stream.b.flush(ctx)
	}
	return b.stream.close(ctx)
}

// binaryEnd are the members that both have.
func binaryEnd() []ps.Member {
	end := func(ctx context.Context, in *ps.Invoke) (any, error) {
		return nil, ioError(in.Session, self[*binaryIO](in).close(ctx))
	}
	return []ps.Member{
		prop("BaseStream", "System.IO.Stream", func(in *ps.Invoke) any { return self[*binaryIO](in).object }),
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
			n := in.Int(0)
			if n < 0 {
				return nil, outOfRange(in.Session, either(in.Session, "Non-negative number required.", "count ('"+in.Session.ToString(in.Args[0])+"') must be a non-negative value."), "count")
			}
			if err := limit(in.Session, int64(n)); err != nil {
				return nil, err
			}
			p, err := io.ReadAll(io.LimitReader(self[*binaryIO](in).stream, int64(n)))
			return &ps.Bytes{B: p}, ioError(in.Session, err)
		}), "int count"),
		method("ReadString", "string", can(func(in *ps.Invoke) (any, error) {
			text, err := self[*binaryIO](in).text()
			return text, ioError(in.Session, err)
		}), ""),
		method("ReadChar", "char", can(func(in *ps.Invoke) (any, error) {
			units, err := self[*binaryIO](in).chars(1)
			if err != nil {
				return nil, ioError(in.Session, err)
			}
			return ps.Char(units[0]), nil
		}), ""),
		method("ReadChars", "char[]", can(func(in *ps.Invoke) (any, error) {
			units, err := self[*binaryIO](in).chars(in.Int(0))
			var x *ps.Exception
			if err != nil && !(errors.As(err, &x) && x.Type == endOfStream) {
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

// full reads n bytes.
func (b *binaryIO) full(n int) ([]byte, error) {
	p := make([]byte, n)
	if _, err := io.ReadFull(b.stream, p); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, throw(endOfStream, "Unable to read beyond the end of the stream.")
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

// chars reads up to n characters, and fails with endOfStream behind the last.
func (b *binaryIO) chars(n int) ([]uint16, error) {
	var units []uint16
	for len(units) < n {
		p, err := b.full(1)
		if err != nil {
			return units, err
		}
		more := 0
		switch {
		case b.cs.CodePage == 1200 || b.cs.CodePage == 1201:
			more = 1
		case b.cs.CodePage == 65001 && p[0] >= 0xC0:
			more = min(bits.LeadingZeros8(^p[0])-1, 3)
		}
		rest, err := b.full(more)
		if err != nil {
			return units, err
		}
		units = append(units, ps.Units(b.cs.Decode(append(p, rest...)))...)
	}
	return units, nil
}
