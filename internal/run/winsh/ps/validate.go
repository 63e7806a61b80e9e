package ps

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/pslang"
)

// elements applies a check to each element of a collection.
func elements(one check) check {
	return func(ctx context.Context, s *Session, v any) (string, error) {
		if !Enumerable(v) {
			return one(ctx, s, v)
		}
		msg := ""
		var err error
		Each(v, func(x any) bool {
			msg, err = one(ctx, s, x)
			return msg == "" && err == nil
		})
		return msg, err
	}
}

func checkSet(values []string, caseSensitive bool) check {
	return elements(func(_ context.Context, s *Session, v any) (string, error) {
		text := s.ToString(v)
		for _, x := range values {
			if textEqual(x, text, caseSensitive) {
				return "", nil
			}
		}
		return `The argument "` + text + `" does not belong to the set "` + strings.Join(values, ",") + `" specified by the ValidateSet attribute. Supply an argument that is in the set and then try the command again.`, nil
	})
}

func checkRange(lo, hi Decimal) check {
	return elements(func(_ context.Context, s *Session, v any) (string, error) {
		d, ok := toDecimal(v)
		text := s.ToString(v)
		switch {
		case !ok:
			return "The argument cannot be validated because its type is not a number.", nil
		case d.Cmp(hi) > 0:
			return "The " + text + " argument is greater than the maximum allowed range of " + hi.String() + ". Supply an argument that is less than or equal to " + hi.String() + " and then try the command again.", nil
		case d.Cmp(lo) < 0:
			return "The " + text + " argument is less than the minimum allowed range of " + lo.String() + ". Supply an argument that is greater than or equal to " + lo.String() + " and then try the command again.", nil
		}
		return "", nil
	})
}

func checkPattern(pattern string, options int64) check {
	return elements(func(_ context.Context, s *Session, v any) (string, error) {
		re, err := s.regex(pattern, options)
		if err != nil {
			return "", err
		}
		text := s.ToString(v)
		ok, err := re.RE.MatchString(text)
		if err != nil {
			return "", s.regexFailed(err)
		}
		if !ok {
			return `The argument "` + text + `" does not match the "` + pattern + `" pattern. Supply an argument that matches "` + pattern + `" and try the command again.`, nil
		}
		return "", nil
	})
}

func checkLength(lo, hi int) check {
	return elements(func(_ context.Context, s *Session, v any) (string, error) {
		n := utf16Len(s.ToString(v))
		switch {
		case n < lo:
			return "The character length (" + intText(int64(n)) + ") of the argument is too short. Specify an argument with a length that is greater than or equal to \"" + intText(int64(lo)) + "\", and then try the command again.", nil
		case n > hi:
			return "The character length of the " + intText(int64(n)) + " argument is too long. Shorten the character length of the argument so it is fewer than or equal to \"" + intText(int64(hi)) + "\" characters, and then try the command again.", nil
		}
		return "", nil
	})
}

func checkCount(lo, hi int) check {
	return func(_ context.Context, s *Session, v any) (string, error) {
		n := len(Items(v))
		if n >= lo && n <= hi {
			return "", nil
		}
		if lo == hi {
			return "The parameter requires exactly " + intText(int64(lo)) + " value(s) - " + intText(int64(n)) + " value(s) were provided.", nil
		}
		return "The parameter requires at least " + intText(int64(lo)) + " value(s) and no more than " + intText(int64(hi)) + " value(s) - " + intText(int64(n)) + " value(s) were provided.", nil
	}
}

func checkScript(b *ScriptBlock) check {
	return elements(func(ctx context.Context, s *Session, v any) (string, error) {
		out, err := s.Call(ctx, b, CallOptions{Under: v, HasUnder: true})
		if err != nil {
			if isControl(err) {
				return "", err
			}
			return errText(err), nil
		}
		if toBool(Collect(out)) {
			return "", nil
		}
		return `The "` + b.String() + `" validation script for the argument with value "` + s.ToString(v) + `" did not return a result of True. Determine why the validation script failed, and then try the command again.`, nil
	})
}

// checkKind is [ValidateRange('Positive')] and its kin of 7.
func checkKind(kind string) check {
	kinds := map[string]struct {
		fits func(sign int) bool
		want string
	}{
		"positive":    {func(n int) bool { return n > 0 }, "greater than zero"},
		"nonnegative": {func(n int) bool { return n >= 0 }, "greater than or equal to zero"},
		"negative":    {func(n int) bool { return n < 0 }, "less than zero"},
		"nonpositive": {func(n int) bool { return n <= 0 }, "less than or equal to zero"},
	}
	k, ok := kinds[strings.ToLower(kind)]
	if !ok {
		return nil
	}
	zero, _ := toDecimal(int32(0))
	return elements(func(_ context.Context, s *Session, v any) (string, error) {
		if d, ok := toDecimal(v); ok && k.fits(d.Cmp(zero)) {
			return "", nil
		}
		return `The argument "` + s.ToString(v) + `" cannot be validated because its value is not ` + k.want + ".", nil
	})
}

func checkWhiteSpace() check {
	return elements(func(_ context.Context, s *Session, v any) (string, error) {
		if !IsNull(v) && strings.TrimSpace(s.ToString(v)) != "" {
			return "", nil
		}
		return "The argument is null, empty, or consists of only white-space characters. Provide an argument that contains non white-space characters, and then try the command again.", nil
	})
}

// withMessage is a check with the ErrorMessage of its attribute, which PowerShell
// 7 knows: {0} is the value, {1} what it is checked against.
func withMessage(named map[string]any, against string, c check) check {
	format, ok := named["errormessage"]
	if !ok {
		return c
	}
	return elements(func(ctx context.Context, s *Session, v any) (string, error) {
		msg, err := c(ctx, s, v)
		if msg == "" || err != nil {
			return msg, err
		}
		return s.Composite(s.ToString(format), []any{v, against})
	})
}

// validator makes the check of a validation attribute.
func (s *Session) validator(a *pslang.Attribute) (check, error) {
	args, named, err := s.attributeArgs(a)
	if err != nil {
		return nil, err
	}
	number := func(i int) int {
		if i >= len(args) {
			return 0
		}
		n, _ := toInt64(args[i])
		return int(n)
	}
	switch attributeName(a) {
	case "validateset":
		var list []string
		for _, v := range args {
			list = append(list, s.ToString(v))
		}
		ignore := true
		if v, ok := named["ignorecase"]; ok {
			ignore = toBool(v)
		}
		return withMessage(named, strings.Join(list, ","), checkSet(list, !ignore)), nil
	case "validaterange":
		if len(args) == 1 && s.edition == Core {
			if c := checkKind(s.ToString(args[0])); c != nil {
				return c, nil
			}
		}
		if len(args) == 2 {
			lo, okLo := toDecimal(args[0])
			hi, okHi := toDecimal(args[1])
			if okLo && okHi {
				return checkRange(lo, hi), nil
			}
		}
	case "validatepattern":
		if len(args) == 1 {
			options := int64(1)
			if v, ok := named["options"]; ok {
				options = 0
				if strings.Contains(strings.ToLower(s.ToString(v)), "ignorecase") {
					options = 1
				}
			}
			return withMessage(named, s.ToString(args[0]), checkPattern(s.ToString(args[0]), options)), nil
		}
	case "validatelength":
		return checkLength(number(0), number(1)), nil
	case "validatecount":
		return checkCount(number(0), number(1)), nil
	case "validatescript":
		if len(args) == 1 {
			if b, ok := args[0].(*ScriptBlock); ok {
				return withMessage(named, b.String(), checkScript(b)), nil
			}
		}
	case "validatenotnull":
		return func(_ context.Context, s *Session, v any) (string, error) {
			if IsNull(v) {
				return "The argument is null. Provide a valid value for the argument, and then try running the command again.", nil
			}
			return "", nil
		}, nil
	case "validatenotnullorwhitespace":
		if s.edition == Core {
			return checkWhiteSpace(), nil
		}
	case "validatenotnullorempty":
		return func(_ context.Context, s *Session, v any) (string, error) {
			if IsNull(v) || isBlank(v) {
				return "The argument is null or empty. Provide an argument that is not null or empty, and then try the command again.", nil
			}
			return "", nil
		}, nil
	}
	return nil, refuseAt(a.Extent, "["+a.Type.Name+"]", "this attribute is not supported", "check the value in the body")
}

// attributeName is the name without "Attribute" and namespace, in lower case.
func attributeName(a *pslang.Attribute) string {
	key := a.Type.Key[strings.LastIndexByte(a.Type.Key, '.')+1:]
	if key != "attribute" {
		key = strings.TrimSuffix(key, "attribute")
	}
	return key
}

// attributeArgs evaluates the arguments of an attribute, which are constants.
func (s *Session) attributeArgs(a *pslang.Attribute) (args []any, named map[string]any, err error) {
	ctx := context.Background()
	for _, x := range a.Positional {
		v, err := s.eval(ctx, x)
		if err != nil {
			return nil, nil, err
		}
		args = append(args, v)
	}
	named = map[string]any{}
	for _, n := range a.Named {
		var v any = true
		if n.Value != nil {
			if v, err = s.eval(ctx, n.Value); err != nil {
				return nil, nil, err
			}
		}
		named[strings.ToLower(n.Name)] = v
	}
	return args, named, nil
}
