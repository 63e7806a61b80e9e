package ps

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/pslang"
)

// The texts of values that are not there, or nothing.
const (
	nullText       = "The argument is null. Provide a valid value for the argument, and then try running the command again."
	nullItemText   = "The argument has a null value, or an element of the argument collection contains a null value. Provide a collection that does not contain any null values, and then try the command again."
	emptyText      = "The argument is null or empty. Provide an argument that is not null or empty, and then try the command again."
	emptyItemText  = "The argument is null, empty, or an element of the argument collection contains a null value. Supply a collection that does not contain any null values and then try the command again."
	whiteSpaceText = "The argument is null, empty, or consists of only white-space characters. Provide an argument that contains non white-space characters, and then try the command again."
)

// checkNotNull is [ValidateNotNull()], which looks at elements, too.
func checkNotNull(_ context.Context, _ *Session, v any) (string, error) {
	if IsNull(v) {
		return nullText, nil
	}
	msg := ""
	if Enumerable(v) {
		Each(v, func(x any) bool {
			if IsNull(x) {
				msg = nullItemText
			}
			return msg == ""
		})
	}
	return msg, nil
}

// checkNotEmpty is [ValidateNotNullOrEmpty()], which looks at elements, too.
func checkNotEmpty(_ context.Context, _ *Session, v any) (string, error) {
	return notEmptyOr(v, func(text string) bool { return text == "" }, emptyText, emptyItemText), nil
}

// checkWhiteSpace is [ValidateNotNullOrWhiteSpace()] of 7.
func checkWhiteSpace(_ context.Context, _ *Session, v any) (string, error) {
	return notEmptyOr(v, func(text string) bool { return strings.TrimSpace(text) == "" }, whiteSpaceText, whiteSpaceText), nil
}

// notEmptyOr says what is wrong with a value that is nothing, or has an element
// that is; bad decides about texts.
func notEmptyOr(v any, bad func(string) bool, ofText, ofItem string) string {
	if IsNull(v) {
		return emptyText
	}
	b := Unwrap(v)
	if text, ok := b.(string); ok {
		if bad(text) {
			return ofText
		}
		return ""
	}
	msg := emptyItemText
	if n, ok := dictionaryLen(b); ok && n == 0 {
		return msg
	} else if ok || !Enumerable(v) {
		return ""
	}
	Each(v, func(x any) bool {
		msg = ""
		if text, ok := Unwrap(x).(string); ok && bad(text) {
			msg = ofItem
		} else if IsNull(x) {
			msg = emptyItemText
		}
		return msg == ""
	})
	return msg
}

// dictionaryLen is the number of entries of a dictionary.
func dictionaryLen(v any) (n int, ok bool) {
	switch x := v.(type) {
	case *Hashtable:
		return x.Len(), true
	case *Object:
		if d, ok := x.Data.(Dictionary); ok {
			return d.Len(), true
		}
	}
	return 0, false
}

// elements applies a check to each element of a collection. Nothing is refused
// before it is looked at.
func elements(one check) check {
	return func(ctx context.Context, s *Session, v any) (string, error) {
		if IsNull(v) {
			return emptyItemText, nil
		}
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

// checkRange is [ValidateRange(lo, hi)]. Values are compared as what the limits
// are; nil leaves them as they are.
func checkRange(lo, hi any, t *Type) check {
	return elements(func(ctx context.Context, s *Session, v any) (string, error) {
		if t != nil {
			x, err := s.Cast(ctx, v, t)
			if err != nil {
				return s.notOfType(v, t.Name), nil
			}
			v = x
		}
		below, err := s.Compare(lo, v, true)
		if err != nil {
			return "", err
		}
		above, err := s.Compare(hi, v, true)
		if err != nil {
			return "", err
		}
		text, low, high := s.ToString(v), s.ToString(lo), s.ToString(hi)
		switch {
		case below > 0:
			return "The " + text + " argument is less than the minimum allowed range of " + low + ". Supply an argument that is greater than or equal to " + low + " and then try the command again.", nil
		case above < 0:
			return "The " + text + " argument is greater than the maximum allowed range of " + high + ". Supply an argument that is less than or equal to " + high + " and then try the command again.", nil
		}
		return "", nil
	})
}

// notOfType says that a value has another type than the limits of its range.
func (s *Session) notOfType(v any, want string) string {
	of := strings.TrimPrefix(want, "System.")
	return `The argument cannot be validated because its type "` + strings.TrimPrefix(s.engine.TypeOf(Unwrap(v)).Name, "System.") + `" is not the same type (` + of +
		") as the maximum and minimum limits of the parameter. Make sure the argument is of type " + of + " and then try the command again."
}

// rangeOf makes the check of two limits. They have one type: of two, the one that
// numbers are computed in.
func (s *Session) rangeOf(lo, hi any) (check, error) {
	ctx := context.Background()
	t := s.engine.TypeOf(Unwrap(lo))
	if other := s.engine.TypeOf(Unwrap(hi)); kindOf(Unwrap(hi)) > kindOf(Unwrap(lo)) {
		t = other
	}
	lo, err := s.Cast(ctx, lo, t)
	if err != nil {
		return nil, err
	}
	if hi, err = s.Cast(ctx, hi, t); err != nil {
		return nil, err
	}
	return checkRange(Unwrap(lo), Unwrap(hi), t), nil
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
	return elements(func(_ context.Context, s *Session, v any) (string, error) {
		if kindOf(Unwrap(v)) == notNumber {
			return s.notOfType(v, "System.Int32"), nil
		}
		if k.fits(compareNumbers(Unwrap(v), int32(0))) {
			return "", nil
		}
		return `The argument "` + s.ToString(v) + `" cannot be validated because its value is not ` + k.want + ".", nil
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
			return s.rangeOf(args[0], args[1])
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
		return checkNotNull, nil
	case "validatenotnullorwhitespace":
		if s.edition == Core {
			return checkWhiteSpace, nil
		}
	case "validatenotnullorempty":
		return checkNotEmpty, nil
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
