package pscmd

import (
	"context"
	crand "crypto/rand"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// randomCmdlets give what is different each time.
func randomCmdlets() []*ps.Cmdlet {
	const random = `
		Maximum object @1 null {RandomNumberParameterSet}
		Minimum object null {RandomNumberParameterSet}
		InputObject object @1 mandatory pipeline null empty {RandomListItemParameterSet} 5.1
		InputObject object @1 mandatory pipeline null empty {RandomListItemParameterSet,ShuffleParameterSet} 7
		Count int range=1..2147483647`
	return []*ps.Cmdlet{
		{
			Name: "Get-Random", Module: moduleUtility, DefaultSet: "RandomNumberParameterSet",
			Syntax: params(`
				SetSeed int !the numbers of a seed are those of one version of .NET => leave the seed out
				Shuffle switch mandatory {ShuffleParameterSet} 7` + random),
			Start: startRandom,
		},
		{
			Name: "Get-SecureRandom", Module: moduleUtility, Edition: ps.Core, DefaultSet: "RandomNumberParameterSet",
			Syntax: params(`Shuffle switch mandatory {ShuffleParameterSet}` + random),
			Start:  startRandom,
		},
		{
			Name: "New-Guid", Module: moduleUtility, DefaultSet: "Default",
			Syntax: params(`
				Empty switch {Empty} 7
				InputObject string @1 pipeline {InputObject} 7`),
			Process: newGUID,
		},
		{
			Name: "New-TemporaryFile", Module: moduleUtility, ShouldProcess: true,
			Process: newTemporaryFile,
		},
	}
}

func startRandom(_ context.Context, _ *ps.Call) (ps.Steps, error) {
	var list []any
	return ps.Steps{
		Process: func(_ context.Context, c *ps.Call) error {
			list = append(list, c.Values("InputObject")...)
			return nil
		},
		End: func(ctx context.Context, c *ps.Call) error {
			if c.Has("InputObject") || list != nil {
				return randomItems(ctx, c, list)
			}
			for range c.Int("Count", 1) {
				v, err := randomNumber(c)
				if err != nil {
					return err
				}
				if err := c.Write(ctx, v); err != nil {
					return err
				}
			}
			return nil
		},
	}, nil
}

// randomItems picks some of a list, none twice.
func randomItems(ctx context.Context, c *ps.Call, list []any) error {
	n := c.Int("Count", 1)
	if c.Switch("Shuffle") {
		n = len(list)
	}
	for i, j := range rand.Perm(len(list)) {
		if i == n {
			break
		}
		if err := c.Write(ctx, list[j]); err != nil {
			return err
		}
	}
	return nil
}

// randomNumber picks a number from the minimum up to, but not, the maximum.
func randomNumber(c *ps.Call) (any, error) {
	from, to := number(c, "Minimum", int32(0)), number(c, "Maximum", int32(math.MaxInt32))
	bad := func() error {
		return fail(argumentException, fmt.Sprintf("The Minimum value (%s) cannot be greater than or equal to the Maximum value (%s).", c.Session.ToString(from), c.Session.ToString(to)),
			"MinGreaterThanOrEqualMax", ps.InvalidArgument, nil)
	}
	lo, okLo := whole(from)
	hi, okHi := whole(to)
	if okLo && okHi {
		if lo >= hi {
			return nil, bad()
		}
		n := lo + int64(rand.Uint64N(uint64(hi-lo)))
		if _, small := from.(int32); small {
			if _, small := to.(int32); small {
				return int32(n), nil
			}
		}
		return n, nil
	}
	a, b := real(from), real(to)
	if a >= b {
		return nil, bad()
	}
	return a + rand.Float64()*(b-a), nil
}

func number(c *ps.Call, name string, other any) any {
	v := ps.Unwrap(c.Value(name))
	if ps.IsNull(v) {
		return other
	}
	switch x := v.(type) {
	case int32, int64, float64:
		return x
	}
	for _, t := range []string{"int", "long", "double"} {
		if n, err := c.Session.CastTo(context.Background(), v, t); err == nil {
			return n
		}
	}
	return other
}

func whole(v any) (int64, bool) {
	switch x := v.(type) {
	case int32:
		return int64(x), true
	case int64:
		return x, true
	}
	return 0, false
}

func real(v any) float64 {
	if n, ok := whole(v); ok {
		return float64(n)
	}
	f, _ := v.(float64)
	return f
}

func newGUID(ctx context.Context, c *ps.Call) error {
	if c.Switch("Empty") {
		return c.Write(ctx, ps.Guid{})
	}
	if c.Has("InputObject") {
		g, err := c.Session.CastTo(ctx, c.String("InputObject"), "guid")
		if err != nil {
			if fatal(err) {
				return err
			}
			return c.Error(ctx, fail("System.FormatException", "Unrecognized Guid format.", "StringNotRecognizedAsGuid", ps.InvalidArgument, nil))
		}
		return c.Write(ctx, g)
	}
	return c.Write(ctx, NewGUID())
}

// NewGUID makes a random GUID.
func NewGUID() ps.Guid {
	var g ps.Guid
	_, _ = crand.Read(g[:]) // it does not fail
	g[6], g[8] = g[6]&0x0f|0x40, g[8]&0x3f|0x80
	return g
}

func newTemporaryFile(ctx context.Context, c *ps.Call) error {
	s := c.Session
	temp, ok := s.Process().Env.Get("TEMP")
	if !ok {
		temp = `C:\Windows\Temp`
	}
	yes, err := c.ShouldProcess(ctx, temp, "New-TemporaryFile")
	if err != nil || !yes {
		return err
	}
	for range 100 {
		path, err := machine.Full(s.Process().Dir, temp+`\tmp`+fmt.Sprintf("%04X", rand.IntN(1<<16))+".tmp")
		if err != nil {
			return err
		}
		w, err := s.Machine().FS().Create(ctx, path, machine.CreateOptions{New: true})
		if code := machine.CodeOf(err); code == machine.ErrorFileExists || code == machine.ErrorAlreadyExists {
			continue
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			return reportAs(ctx, c, err, "NewTemporaryFileWriteError", ps.WriteError, temp)
		}
		p, err := s.Resolve(path)
		if err != nil {
			return err
		}
		return writeFound(ctx, c, p)
	}
	return fail(ioException, "The file exists.", "NewTemporaryFileWriteError", ps.WriteError, temp)
}
