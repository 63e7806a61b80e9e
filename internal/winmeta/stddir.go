package winmeta

import (
	"path"
	"slices"
	"strings"
	"sync"
)

// A StandardDir is a directory that Windows base images bring along.
type StandardDir struct {
	Path string // with the capitals that Windows uses; "" is C:\ itself
	// SDDL is the documented default descriptor of this directory, as the
	// vendor's pages and common tools show it for Windows Server. Not one has
	// been checked against an image. Where it is empty the directory has what it
	// inherits from its parent, or its true descriptor is not known for certain.
	SDDL string
	// Attributes are the documented ones; 0 means just Directory.
	Attributes Attributes
	// Optional marks what not every base image has: Nano Server lacks many
	// directories, and some come with a feature such as IIS.
	Optional bool
}

// Descriptors that several directories share. TI stands for TrustedInstaller,
// which SDDL has no code for; sddl puts its SID in.
const (
	// sddlRoot is what servers give C:\. Users may create directories, and files
	// in those, but no files in C:\ itself.
	sddlRoot = "O:TIG:TID:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)(A;CI;LC;;;BU)(A;CIIO;DC;;;BU)(A;OICIIO;GA;;;CO)"
	// sddlSystem protects what belongs to Windows and installed programs: only
	// TrustedInstaller may change the directory itself.
	sddlSystem = "O:TIG:TID:PAI(A;OICIIO;GA;;;CO)(A;OICIIO;GA;;;SY)(A;;0x1301bf;;;SY)(A;OICIIO;GA;;;BA)(A;;0x1301bf;;;BA)" +
		"(A;OICIIO;GXGR;;;BU)(A;;0x1200a9;;;BU)(A;CIIO;GA;;;TI)(A;;FA;;;TI)" +
		"(A;;0x1200a9;;;AC)(A;OICIIO;GXGR;;;AC)(A;;0x1200a9;;;S-1-15-2-2)(A;OICIIO;GXGR;;;S-1-15-2-2)"
	sddlUsers       = "O:SYG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;;0x1200a9;;;BU)(A;OICIIO;GXGR;;;BU)(A;;0x1200a9;;;WD)(A;OICIIO;GXGR;;;WD)"
	sddlProgramData = "O:SYG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICIIO;GA;;;CO)(A;OICI;0x1200a9;;;BU)(A;CI;DCLCRPCR;;;BU)"
	sddlWindowsTemp = "O:SYG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICIIO;GA;;;CO)(A;CI;0x100026;;;BU)"
	// sddlConfig is the narrow reading for the directory of the hives: users see
	// nothing. Wrongly narrow only hides it; wrongly wide would open the hives.
	sddlConfig  = "O:SYG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICIIO;GA;;;CO)"
	sddlInetpub = "O:TIG:TID:PAI(A;CIIO;GA;;;TI)(A;;FA;;;TI)(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)(A;OICIIO;GA;;;CO)"
	sddlWwwroot = sddlInetpub + "(A;;0x1200a9;;;IS)(A;OICIIO;GXGR;;;IS)"
	// A profile belongs to the system, the administrators and its user.
	sddlAdminProfile = "O:SYG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;S-1-5-93-2-1)"
	sddlUserProfile  = "O:SYG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;S-1-5-93-2-2)"
)

// listed are the attributes of directories for which the Explorer shows an icon
// of their own.
const listed = ReadOnly | Directory

// fixedDirs is the table without the directories inside user profiles.
func fixedDirs() []StandardDir {
	return slices.Concat(topDirs(), windowsDirs(), systemDirs(), serverDirs())
}

// topDirs is the table of what lies beside the directory of Windows.
func topDirs() []StandardDir {
	return []StandardDir{
		{Path: "", SDDL: sddlRoot},
		{Path: "Program Files", SDDL: sddlSystem, Attributes: listed},
		{Path: "Program Files/Common Files"},
		{Path: "Program Files/Common Files/Microsoft Shared", Optional: true},
		{Path: "Program Files/WindowsPowerShell", Optional: true},
		{Path: "Program Files/WindowsPowerShell/Modules", Optional: true},
		{Path: "Program Files/WindowsPowerShell/Scripts", Optional: true},
		{Path: "Program Files (x86)", SDDL: sddlSystem, Attributes: listed, Optional: true},
		{Path: "Program Files (x86)/Common Files", Optional: true},
		{Path: "Program Files (x86)/WindowsPowerShell", Optional: true},
		{Path: "Program Files (x86)/WindowsPowerShell/Modules", Optional: true},
		{Path: "ProgramData", SDDL: sddlProgramData, Attributes: Hidden | Directory},
		{Path: "ProgramData/Microsoft"},
		{Path: "ProgramData/Microsoft/Windows"},
		{Path: "ProgramData/Microsoft/Windows/Start Menu", Optional: true},
		{Path: "ProgramData/Microsoft/Windows/Start Menu/Programs", Optional: true},
		{Path: "ProgramData/Microsoft/Windows/Start Menu/Programs/StartUp", Optional: true},
		{Path: "ProgramData/Microsoft/Windows/Templates", Optional: true},
		{Path: "ProgramData/Package Cache", Attributes: Hidden | Directory, Optional: true},
		{Path: "ProgramData/ssh", Optional: true},
		{Path: "Users", SDDL: sddlUsers, Attributes: listed},
		{Path: "Users/ContainerAdministrator", SDDL: sddlAdminProfile},
		{Path: "Users/ContainerUser", SDDL: sddlUserProfile},
		{Path: "Users/Default", Attributes: Hidden | listed},
		{Path: "Users/Public", Attributes: listed},
		{Path: "Users/Public/Desktop", Attributes: Hidden | listed, Optional: true},
		{Path: "Users/Public/Documents", Attributes: listed, Optional: true},
		{Path: "Users/Public/Downloads", Attributes: listed, Optional: true},
		{Path: "Users/Public/Music", Attributes: listed, Optional: true},
		{Path: "Users/Public/Pictures", Attributes: listed, Optional: true},
		{Path: "Users/Public/Videos", Attributes: listed, Optional: true},
	}
}

// windowsDirs is the table of the directory of Windows up to its system's.
func windowsDirs() []StandardDir {
	return []StandardDir{
		{Path: "Windows", SDDL: sddlSystem},
		{Path: "Windows/AppReadiness", Optional: true},
		{Path: "Windows/assembly", Attributes: listed | System, Optional: true},
		{Path: "Windows/Boot", Optional: true},
		{Path: "Windows/Branding", Optional: true},
		{Path: "Windows/Cursors", Optional: true},
		{Path: "Windows/debug", Optional: true},
		{Path: "Windows/DigitalLocker", Optional: true},
		{Path: "Windows/Fonts", Attributes: listed | System, Optional: true},
		{Path: "Windows/Globalization", Optional: true},
		{Path: "Windows/Help", Optional: true},
		{Path: "Windows/IME", Optional: true},
		{Path: "Windows/INF"},
		{Path: "Windows/Installer", Attributes: Hidden | System | Directory, Optional: true},
		{Path: "Windows/Logs", Optional: true},
		{Path: "Windows/Media", Optional: true},
		{Path: "Windows/Microsoft.NET", Optional: true},
		{Path: "Windows/Microsoft.NET/assembly", Optional: true},
		{Path: "Windows/Microsoft.NET/assembly/GAC_32", Optional: true},
		{Path: "Windows/Microsoft.NET/assembly/GAC_64", Optional: true},
		{Path: "Windows/Microsoft.NET/assembly/GAC_MSIL", Optional: true},
		{Path: "Windows/Microsoft.NET/Framework", Optional: true},
		{Path: "Windows/Microsoft.NET/Framework/v4.0.30319", Optional: true},
		{Path: "Windows/Microsoft.NET/Framework64", Optional: true},
		{Path: "Windows/Microsoft.NET/Framework64/v4.0.30319", Optional: true},
		{Path: "Windows/Panther", Optional: true},
		{Path: "Windows/PolicyDefinitions", Optional: true},
		{Path: "Windows/Prefetch", Optional: true},
		{Path: "Windows/Registration", Optional: true},
		{Path: "Windows/Resources", Optional: true},
		{Path: "Windows/SchCache", Optional: true},
		{Path: "Windows/security", Optional: true},
		{Path: "Windows/ServiceProfiles", Optional: true},
		{Path: "Windows/ServiceProfiles/LocalService", Optional: true},
		{Path: "Windows/ServiceProfiles/NetworkService", Optional: true},
		{Path: "Windows/servicing", Optional: true},
		{Path: "Windows/Setup", Optional: true},
		{Path: "Windows/Setup/Scripts", Optional: true},
		{Path: "Windows/SoftwareDistribution", Optional: true},
		{Path: "Windows/System", Optional: true},
	}
}

// systemDirs is the table of the rest of the directory of Windows.
func systemDirs() []StandardDir {
	return []StandardDir{
		{Path: "Windows/System32", SDDL: sddlSystem},
		{Path: "Windows/System32/catroot", Optional: true},
		{Path: "Windows/System32/catroot2", Optional: true},
		{Path: "Windows/System32/CodeIntegrity", Optional: true},
		{Path: "Windows/System32/config", SDDL: sddlConfig},
		{Path: "Windows/System32/Dism", Optional: true},
		{Path: "Windows/System32/downlevel", Optional: true},
		{Path: "Windows/System32/drivers"},
		{Path: "Windows/System32/drivers/etc"},
		{Path: "Windows/System32/DriverStore"},
		{Path: "Windows/System32/DriverStore/FileRepository"},
		{Path: "Windows/System32/en-US"},
		{Path: "Windows/System32/inetsrv", Optional: true},
		{Path: "Windows/System32/inetsrv/config", Optional: true},
		{Path: "Windows/System32/LogFiles", Optional: true},
		{Path: "Windows/System32/migration", Optional: true},
		{Path: "Windows/System32/OpenSSH", Optional: true},
		{Path: "Windows/System32/spool", Optional: true},
		{Path: "Windows/System32/Sysprep", Optional: true},
		{Path: "Windows/System32/Tasks", Optional: true},
		{Path: "Windows/System32/wbem"},
		{Path: "Windows/System32/WindowsPowerShell", Optional: true},
		{Path: "Windows/System32/WindowsPowerShell/v1.0", Optional: true},
		{Path: "Windows/System32/WindowsPowerShell/v1.0/Modules", Optional: true},
		{Path: "Windows/System32/winevt", Optional: true},
		{Path: "Windows/System32/winevt/Logs", Optional: true},
		{Path: "Windows/SystemResources", Optional: true},
		{Path: "Windows/SysWOW64", SDDL: sddlSystem, Optional: true},
		{Path: "Windows/SysWOW64/drivers", Optional: true},
		{Path: "Windows/SysWOW64/en-US", Optional: true},
		{Path: "Windows/SysWOW64/inetsrv", Optional: true},
		{Path: "Windows/SysWOW64/wbem", Optional: true},
		{Path: "Windows/SysWOW64/WindowsPowerShell", Optional: true},
		{Path: "Windows/SysWOW64/WindowsPowerShell/v1.0", Optional: true},
		{Path: "Windows/SysWOW64/WindowsPowerShell/v1.0/Modules", Optional: true},
		{Path: "Windows/Tasks", Optional: true},
		{Path: "Windows/Temp", SDDL: sddlWindowsTemp},
		{Path: "Windows/tracing", Optional: true},
		{Path: "Windows/Web", Optional: true},
		{Path: "Windows/WinSxS"},
	}
}

// serverDirs is the table of what the web server brings.
func serverDirs() []StandardDir {
	return []StandardDir{
		{Path: "inetpub", SDDL: sddlInetpub, Optional: true},
		{Path: "inetpub/logs", Optional: true},
		{Path: "inetpub/logs/LogFiles", Optional: true},
		{Path: "inetpub/wwwroot", SDDL: sddlWwwroot, Optional: true},
	}
}

// profileDirs are the directories inside each user's profile, without the
// profile's path.
func profileDirs() []StandardDir {
	return []StandardDir{
		{Path: "AppData", Attributes: Hidden | Directory},
		{Path: "AppData/Local"},
		{Path: "AppData/Local/Microsoft"},
		{Path: "AppData/Local/Microsoft/Windows"},
		{Path: "AppData/Local/Temp"},
		{Path: "AppData/LocalLow", Optional: true},
		{Path: "AppData/Roaming"},
		{Path: "AppData/Roaming/Microsoft"},
		{Path: "AppData/Roaming/Microsoft/Windows"},
		{Path: "AppData/Roaming/Microsoft/Windows/Start Menu", Attributes: listed},
		{Path: "AppData/Roaming/Microsoft/Windows/Start Menu/Programs", Attributes: listed},
		{Path: "Desktop", Attributes: listed, Optional: true},
		{Path: "Documents", Attributes: listed, Optional: true},
		{Path: "Downloads", Attributes: listed, Optional: true},
		{Path: "Favorites", Attributes: listed, Optional: true},
		{Path: "Links", Attributes: listed, Optional: true},
		{Path: "Music", Attributes: listed, Optional: true},
		{Path: "Pictures", Attributes: listed, Optional: true},
		{Path: "Saved Games", Attributes: listed, Optional: true},
		{Path: "Videos", Attributes: listed, Optional: true},
	}
}

// builtinProfiles are the profiles with those directories in every base.
func builtinProfiles() []string {
	return []string{"ContainerAdministrator", "ContainerUser", "Default"}
}

// StandardDirs lists the standard directories in order of their paths.
func StandardDirs() []StandardDir {
	all := fixedDirs()
	for _, user := range builtinProfiles() {
		for _, d := range profileDirs() {
			d.Path = path.Join("Users", user, d.Path)
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b StandardDir) int { return strings.Compare(a.Path, b.Path) })
	return all
}

// dirTable finds standard directories by their path in capitals. The paths are
// ASCII, so that capitals are all there is to folding.
type dirTable map[string]StandardDir

func newDirTable(dirs []StandardDir) dirTable {
	t := make(dirTable, len(dirs))
	for _, d := range dirs {
		t[strings.ToUpper(d.Path)] = d
	}
	return t
}

// The two tables are asked for every entry of a layer, so they are made once.
var (
	fixedTable   = sync.OnceValue(func() dirTable { return newDirTable(fixedDirs()) })
	profileTable = sync.OnceValue(func() dirTable { return newDirTable(profileDirs()) })
)

// find returns the table's entry for a path in any spelling.
func (t dirTable) find(name string) (StandardDir, bool) {
	var buf [128]byte // longer than any path of the table
	if len(name) > len(buf) {
		return StandardDir{}, false
	}
	for i := range len(name) {
		c := name[i]
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		buf[i] = c
	}
	d, ok := t[string(buf[:len(name)])]
	return d, ok
}

// longestPrefix returns the path of the deepest directory in the table that
// name is or lies in.
func (t dirTable) longestPrefix(name string) string {
	for dir := name; dir != ""; dir = parentName(dir) {
		if d, ok := t.find(dir); ok {
			return d.Path
		}
	}
	return ""
}

// SpellPath gives the longest part of a clean path that is a standard directory
// the spelling that Windows uses, and leaves the rest as it is:
// windows/system32/Foo.dll becomes Windows/System32/Foo.dll. Directories of a
// user's profile are spelled for every user.
func SpellPath(name string) string {
	if !mayBeStandard(name) {
		return name
	}
	best := fixedTable().longestPrefix(name)
	if name[:len(best)] != best {
		name = best + name[len(best):]
	}
	if prefix, rest := splitProfile(name); rest != "" {
		if best := profileTable().longestPrefix(rest); rest[:len(best)] != best {
			name = prefix + best + rest[len(best):]
		}
	}
	return name
}

// mayBeStandard is a quick look at the first component, so that the many paths
// of an application's own directory cost nothing.
func mayBeStandard(name string) bool {
	root := pathRoot(name)
	if root == "" {
		return name == ""
	}
	switch root[0] | 0x20 {
	case 'w', 'u', 'p', 'i':
	default:
		return false
	}
	switch strings.ToUpper(root) {
	case "WINDOWS", "USERS", "PROGRAMDATA", "PROGRAM FILES", "PROGRAM FILES (X86)", "INETPUB":
		return true
	}
	return false
}

// splitProfile cuts Users/<name>/ off a path that begins so.
func splitProfile(name string) (prefix, rest string) {
	const users = "Users/"
	if len(name) <= len(users) || !strings.EqualFold(name[:len(users)], users) {
		return "", ""
	}
	end := strings.IndexByte(name[len(users):], '/')
	if end < 0 || strings.EqualFold(name[len(users):][:end], "Public") {
		return "", "" // Public has directories of its own
	}
	end += len(users) + 1
	return name[:end], name[end:]
}

// lookupDir finds the table's entry for a clean path, in any spelling.
func lookupDir(name string) (StandardDir, bool) {
	if !mayBeStandard(name) {
		return StandardDir{}, false
	}
	table := fixedTable()
	if prefix, rest := splitProfile(name); rest != "" {
		user := strings.TrimSuffix(prefix[len("Users/"):], "/")
		if !slices.ContainsFunc(builtinProfiles(), func(p string) bool { return strings.EqualFold(p, user) }) {
			return StandardDir{}, false
		}
		table, name = profileTable(), rest
	}
	return table.find(name)
}

// IsStandardDir reports whether a clean path, in any spelling, is a directory
// that base images have; for those of profiles, whether every base has it.
func IsStandardDir(name string) bool {
	_, ok := lookupDir(name)
	return ok
}

// DirDescriptor returns the documented default descriptor, encoded, of a
// standard directory; for one without an own entry in the table, what it
// inherits. The second result is false if the path is not a standard directory.
func DirDescriptor(name string) ([]byte, bool) {
	if !IsStandardDir(name) {
		return nil, false
	}
	return mustEncode(standardDescriptor(name)), true
}

// InheritedDescriptor returns the descriptor, encoded, that Windows would give
// to a new file or directory of this name when an administrator creates it: what
// is inherited from the nearest standard directory above, through directories in
// between. It grants users less than [DefaultDescriptor] in directories that
// Windows protects, such as Program Files.
func InheritedDescriptor(name string, dir bool) []byte {
	return mustEncode(inherited(name, dir))
}

func inherited(name string, dir bool) Descriptor {
	if name == "" {
		return standardDescriptor("") // a volume's root inherits nothing
	}
	parent := parentName(name)
	var d Descriptor
	if IsStandardDir(parent) {
		d = standardDescriptor(parent)
	} else {
		d = inherited(parent, true)
	}
	return d.InheritFor(dir, Administrators, LocalSystem)
}

// standardDescriptor is the descriptor of a path known to be standard: its own
// or what the nearest directory above passes on.
func standardDescriptor(name string) Descriptor {
	if e, _ := lookupDir(name); e.SDDL != "" {
		d, err := ParseSDDL(sddl(e.SDDL))
		if err != nil {
			panic(err) // the table is tested
		}
		return d
	}
	return standardDescriptor(parentName(name)).InheritFor(true, "", "")
}

func parentName(name string) string {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i]
	}
	return ""
}

// sddl replaces TI, casement's own code for TrustedInstaller.
func sddl(text string) string {
	return strings.NewReplacer("O:TI", "O:"+string(TrustedInstaller), "G:TI", "G:"+string(TrustedInstaller), ";TI)", ";"+string(TrustedInstaller)+")").Replace(text)
}

func mustEncode(d Descriptor) []byte {
	b, err := d.Bytes()
	if err != nil {
		panic(err) // made from the table, which is tested
	}
	return b
}

// DirAttributes returns the attributes of a directory: the documented ones of a
// standard directory, and plain Directory for every other.
func DirAttributes(name string) Attributes {
	if d, ok := lookupDir(name); ok && d.Attributes != 0 {
		return d.Attributes
	}
	return Directory
}
