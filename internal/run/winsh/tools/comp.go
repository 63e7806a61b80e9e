package tools

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

func comp() tool {
	return tool{
		grammar: grammar{
			name: "comp", own: true,
			flags: join(flags("M", "C"), flags("OFF", "OFFLINE"),
				refusedFlags("differences are only shown by their offsets", "leave it out, or use fc", "D", "A", "L", "N")),
		},
		check: func(in input) error {
			if in.partial {
				return nil
			}
			if len(in.operands()) != 2 || machine.HasWildcard(strings.Join(in.operands(), "")) {
				return machine.Refuse("comp without two names", "it asks for what is missing", "name both files")
			}
			return nil
		},
		run: func(ctx context.Context, p *proc, in input) (int, error) {
			args := in.operands()
			code, err := compPair(ctx, p, in, args[0], args[1])
			if err != nil || in.has("M") {
				return code, err
			}
			for {
				answer, err := p.ask("Compare more files (Y/N) ? ", "asks whether to compare more files", "add /M, or use fc")
				if err != nil {
					return code, err
				}
				if strings.HasPrefix(strings.ToUpper(answer), "N") {
					return code, p.failed
				}
				if strings.HasPrefix(strings.ToUpper(answer), "Y") {
					return code, machine.Refuse("comp of more files", "it asks for their names", "call comp once for each pair")
				}
			}
		},
	}
}

// compPair compares two files; ten differences are enough.
func compPair(ctx context.Context, p *proc, in input, first, second string) (int, error) {
	var readers [2]*bufio.Reader
	var sizes [2]int64
	for i, name := range []string{first, second} {
		full, err := p.full(name)
		if err != nil {
			return 2, err
		}
		f, err := p.fs().Open(ctx, full)
		if code, fatal := winCode(err); fatal != nil {
			return 2, fatal
		} else if code != 0 {
			p.println("Can't find/open file: %s", name)
			return 2, nil
		}
		defer f.Close()
		info, err := p.fs().Stat(ctx, full)
		if err != nil {
			return 2, err
		}
		readers[i], sizes[i] = bufio.NewReader(f), info.Size
	}
	p.println("Comparing %s and %s...", first, second)
	if sizes[0] != sizes[1] {
		p.println("Files are different sizes.\r\n")
		return 1, p.failed
	}
	bad := 0
	for at := int64(0); ; at++ {
		x, err := readers[0].ReadByte()
		y, err2 := readers[1].ReadByte()
		if err = errors.Join(err, err2); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return 2, err
		}
		if x == y || in.has("C") && lowerASCII(x) == lowerASCII(y) {
			continue
		}
		p.println("Compare error at OFFSET %X\r\nfile1 = %X\r\nfile2 = %X", at, x, y)
		if bad++; bad == 10 {
			p.println("10 mismatches - ending compare\r\n")
			return 1, p.failed
		}
	}
	if bad > 0 {
		p.print("\r\n")
		return 1, p.failed
	}
	p.println("Files compare OK \r\n")
	return 0, p.failed
}
