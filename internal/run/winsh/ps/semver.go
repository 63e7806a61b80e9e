package ps

import (
	"cmp"
	"context"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// semverName is the type of $PSVersionTable.PSVersion in PowerShell 7.
const semverName = "System.Management.Automation.SemanticVersion"

const psArgument = "System.Management.Automation.PSArgumentException"

// semver is the Data of a SemanticVersion.
type semver struct {
	major, minor, patch int32
	pre, build          string
}

// String is the version as it is written.
func (v semver) String() string {
	text := intText(int64(v.major)) + "." + intText(int64(v.minor)) + "." + intText(int64(v.patch))
	if v.pre != "" {
		text += "-" + v.pre
	}
	if v.build != "" {
		text += "+" + v.build
	}
	return text
}

// Compare orders versions; what is built from the same comes out equal.
func (v semver) Compare(other any) int {
	o, _ := other.(semver)
	return cmp.Or(cmp.Compare(v.major, o.major), cmp.Compare(v.minor, o.minor), cmp.Compare(v.patch, o.patch), compareLabels(v.pre, o.pre))
}

// Equal is the equality of .NET, which the build does not matter for.
func (v semver) Equal(other any) bool {
	_, ok := other.(semver)
	return ok && v.Compare(other) == 0
}

// compareLabels orders labels of versions before the release: a release comes
// after them, numbers come before words.
func compareLabels(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == "":
		return 1
	case b == "":
		return -1
	}
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		n, err := strconv.Atoi(x[i])
		m, err2 := strconv.Atoi(y[i])
		c := strings.Compare(x[i], y[i])
		switch {
		case err == nil && err2 == nil:
			c = cmp.Compare(n, m)
		case err == nil:
			c = -1
		case err2 == nil:
			c = 1
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}

// semverForm is what a version looks like: 1, 1.2, 1.2.3-label+build.
var semverForm = sync.OnceValue(func() *regexp.Regexp {
	const unit = `(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)`
	return regexp.MustCompile(`^(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-(` + unit + `(?:\.` + unit + `)*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$`)
})

func parseSemver(text string) (semver, bool) {
	m := semverForm().FindStringSubmatch(text)
	if m == nil {
		return semver{}, false
	}
	var n [3]int32
	for i, digits := range m[1:4] {
		v, err := strconv.ParseInt("0"+digits, 10, 32)
		if err != nil {
			return semver{}, false
		}
		n[i] = int32(v)
	}
	return semver{n[0], n[1], n[2], m[4], m[5]}, true
}

// semverOf is the constructor of a version.
func semverOf(v Version) (semver, error) {
	if v.Revision > 0 {
		return semver{}, NewException(psArgument, "Cannot process argument because the value of argument \"version\" is not valid. Change the value of the \"version\" argument and run the operation again.")
	}
	return semver{major: v.Major, minor: v.Minor, patch: max(v.Build, 0)}, nil
}

func semverType() *Type {
	return &Type{
		Name: semverName, Aliases7: []string{"semver"}, Edition: Core, Implements: []string{"System.IComparable"},
		String: func(v any) string { return v.(*Object).Data.(semver).String() },
		New: []Overload{
			O("string version", newSemver), O("version version", newSemver), O("int major", newSemver), O("int major, int minor", newSemver),
			O("int major, int minor, int patch", newSemver), O("int major, int minor, int patch, string label", newSemver),
			O("int major, int minor, int patch, string preReleaseLabel, string buildLabel", newSemver),
		},
		Members: semverMembers,
		View: func() *View {
			var v View
			for _, name := range []string{"Major", "Minor", "Patch"} {
				v.Table = append(v.Table, Column{Property: name, Width: 6, Left: true})
			}
			v.Table = append(v.Table, Column{Property: "PreReleaseLabel", Width: 15, Left: true}, Column{Property: "BuildLabel", Width: 10, Left: true})
			return &v
		},
	}
}

func newSemver(_ context.Context, in *Invoke) (any, error) {
	v, err := makeSemver(in)
	if err != nil {
		return nil, err
	}
	return in.Session.Object(semverName, v), nil
}

func makeSemver(in *Invoke) (semver, error) {
	switch x := in.Args[0].(type) {
	case string:
		return readSemver(x)
	case Version:
		return semverOf(x)
	}
	text := ""
	for i := range min(3, len(in.Args)) {
		if n, _ := in.Args[i].(int32); n < 0 {
			name := []string{"major", "minor", "patch"}[i]
			return semver{}, NewException(psArgument, "Cannot process argument because the value of argument \""+name+"\" is not valid. Change the value of the \""+name+"\" argument and run the operation again.")
		}
		if i > 0 {
			text += "."
		}
		text += in.Session.ToString(in.Args[i])
	}
	for i, mark := range []string{"-", "+"} {
		if len(in.Args) > 3+i {
			if label := in.Session.ToString(in.Args[3+i]); label != "" {
				text += mark + label
			}
		}
	}
	return readSemver(text)
}

func readSemver(text string) (semver, error) {
	v, ok := parseSemver(text)
	if !ok {
		return v, NewException("System.FormatException", "Input string was not in a correct format.")
	}
	return v, nil
}

func semverMembers() []Member {
	prop := func(name, typ string, get func(v semver) any) Member {
		return Prop(name, typ, func(_ context.Context, in *Invoke) (any, error) { return get(in.Data().(semver)), nil })
	}
	label := func(name string, get func(v semver) string) Member {
		return prop(name, "string", func(v semver) any {
			if text := get(v); text != "" {
				return text
			}
			return nil
		})
	}
	return []Member{
		prop("Major", "int", func(v semver) any { return v.major }), prop("Minor", "int", func(v semver) any { return v.minor }),
		prop("Patch", "int", func(v semver) any { return v.patch }),
		label("PreReleaseLabel", func(v semver) string { return v.pre }), label("BuildLabel", func(v semver) string { return v.build }),
		StaticMethod("Parse", semverName, O("string version", newSemver)),
		StaticMethod("TryParse", "bool", O("string version, out "+semverName+" result", func(_ context.Context, in *Invoke) (any, error) {
			v, ok := parseSemver(in.String(0))
			var out any
			if ok {
				out = in.Session.Object(semverName, v)
			}
			return ok, in.Args[1].(*Ref).Set(out)
		})),
		Method("CompareTo", "int", O(semverName+" value", func(_ context.Context, in *Invoke) (any, error) {
			o, ok := Unwrap(in.Args[0]).(*Object)
			if !ok {
				return Int(1), nil
			}
			return Int(in.Data().(semver).Compare(o.Data)), nil
		})),
	}
}
