package pscmd

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

const versionInfoName = "System.Diagnostics.FileVersionInfo"

// versionInfo is the Data of a FileVersionInfo.
type versionInfo struct {
	path string
	// res is nil for a file without a version resource.
	res *versionResource
	// language is the name of the resource's language.
	language any
}

// VersionInfo makes the FileVersionInfo of a file.
func VersionInfo(ctx context.Context, s *ps.Session, path string) (*ps.Object, error) {
	f, err := s.Machine().FS().Open(ctx, path)
	if errors.Is(err, fs.ErrNotExist) || machine.CodeOf(err) == machine.ErrorAccessDenied {
		return nil, ps.NewException(fileNotFound, path)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	v := &versionInfo{path: path}
	if v.res, err = readVersion(f); err != nil && !errors.Is(err, errNoVersion) {
		return nil, err
	}
	if v.res != nil {
		name, ok := languageNames()[v.res.translation>>16]
		if !ok {
			return nil, machine.Refuse("VersionInfo", "the name of the language of "+path+" is not known", "write the version into the Dockerfile")
		}
		v.language = name
	}
	return s.Object(versionInfoName, v), nil
}

// languageNames are the names that Windows gives to the languages of resources.
func languageNames() map[uint32]string {
	return map[uint32]string{
		0x0000: "Language Neutral", 0x007F: "Invariant Language (Invariant Country)", 0x0407: "German (Germany)", 0x0409: "English (United States)",
		0x040A: "Spanish (Spain, Traditional Sort)", 0x040C: "French (France)", 0x0410: "Italian (Italy)", 0x0411: "Japanese (Japan)", 0x0412: "Korean (Korea)",
		0x0413: "Dutch (Netherlands)", 0x0416: "Portuguese (Brazil)", 0x0419: "Russian (Russia)", 0x041D: "Swedish (Sweden)",
		0x0809: "English (United Kingdom)",
	}
}

// text is a text of the resource, nil if there is no resource.
func (v *versionInfo) text(name string) any {
	if v.res == nil {
		return nil
	}
	return v.res.texts()[strings.ToLower(name)]
}

// flag reports whether a flag of the resource is set.
func (v *versionInfo) flag(bit uint32) bool { return v.res != nil && v.res.fixed[fixedFlags]&bit != 0 }

// parts are the four numbers of a version.
func (v *versionInfo) parts(at int) [4]int32 {
	if v.res == nil {
		return [4]int32{}
	}
	high, low := v.res.fixed[at], v.res.fixed[at+1]
	return [4]int32{int32(high >> 16), int32(high & 0xFFFF), int32(low >> 16), int32(low & 0xFFFF)}
}

// raw is a version as an object.
func (v *versionInfo) raw(at int) ps.Version {
	p := v.parts(at)
	return ps.Version{Major: p[0], Minor: p[1], Build: p[2], Revision: p[3]}
}

func versionTypes() []*ps.Type {
	return []*ps.Type{{
		Name: versionInfoName, Abstract: true, Members: versionMembers, String: versionText,
		View: func() *ps.View {
			return &ps.View{Table: []ps.Column{
				{Property: "ProductVersion", Width: 16, Left: true}, {Property: "FileVersion", Width: 16, Left: true}, {Property: "FileName", Left: true},
			}}
		},
	}}
}

func versionMembers() []ps.Member {
	var list []ps.Member
	add := func(name, typ string, get func(v *versionInfo) any) {
		list = append(list, ps.Prop(name, typ, func(_ context.Context, in *ps.Invoke) (any, error) { return get(in.Data().(*versionInfo)), nil }))
	}
	texts := func(names ...string) {
		for _, name := range names {
			add(name, "string", func(v *versionInfo) any { return v.text(name) })
		}
	}
	part := func(name string, at, which int) {
		add(name, "int", func(v *versionInfo) any { return v.parts(at)[which] })
	}
	flag := func(name string, bit uint32) {
		add(name, "bool", func(v *versionInfo) any { return v.flag(bit) })
	}
	add("FileVersionRaw", "System.Version", func(v *versionInfo) any { return v.raw(fixedFile) })
	add("ProductVersionRaw", "System.Version", func(v *versionInfo) any { return v.raw(fixedProduct) })
	for i := range list {
		list[i] = code(list[i], ps.KindScript, ps.Both)
	}
	texts("Comments", "CompanyName")
	part("FileBuildPart", fixedFile, 2)
	texts("FileDescription")
	part("FileMajorPart", fixedFile, 0)
	part("FileMinorPart", fixedFile, 1)
	add("FileName", "string", func(v *versionInfo) any { return v.path })
	part("FilePrivatePart", fixedFile, 3)
	texts("FileVersion", "InternalName")
	flag("IsDebug", 1)
	flag("IsPatched", 4)
	flag("IsPrivateBuild", 8)
	flag("IsPreRelease", 2)
	flag("IsSpecialBuild", 32)
	add("Language", "string", func(v *versionInfo) any { return v.language })
	texts("LegalCopyright", "LegalTrademarks", "OriginalFilename", "PrivateBuild")
	part("ProductBuildPart", fixedProduct, 2)
	part("ProductMajorPart", fixedProduct, 0)
	part("ProductMinorPart", fixedProduct, 1)
	texts("ProductName")
	part("ProductPrivatePart", fixedProduct, 3)
	texts("ProductVersion", "SpecialBuild")
	return append(list, ps.StaticMethod("GetVersionInfo", versionInfoName, ps.O("string fileName", func(ctx context.Context, in *ps.Invoke) (any, error) {
		full, err := fullPath(in.Session, in.String(0))
		if err != nil {
			return nil, err
		}
		return VersionInfo(ctx, in.Session, full)
	})))
}

// versionText is what ToString of a FileVersionInfo writes.
func versionText(o any) string {
	v := o.(*ps.Object).Data.(*versionInfo)
	var b strings.Builder
	line := func(head string, value any) {
		text, _ := value.(string)
		if yes, ok := value.(bool); ok {
			text = map[bool]string{true: "True", false: "False"}[yes]
		}
		b.WriteString(head + ":" + strings.Repeat(" ", 17-len(head)) + text + "\r\n")
	}
	line("File", v.path)
	line("InternalName", v.text("InternalName"))
	line("OriginalFilename", v.text("OriginalFilename"))
	line("FileVersion", v.text("FileVersion"))
	line("FileDescription", v.text("FileDescription"))
	line("Product", v.text("ProductName"))
	line("ProductVersion", v.text("ProductVersion"))
	line("Debug", v.flag(1))
	line("Patched", v.flag(4))
	line("PreRelease", v.flag(2))
	line("PrivateBuild", v.flag(8))
	line("SpecialBuild", v.flag(32))
	line("Language", v.language)
	return b.String()
}
