package winmeta

import "strings"

// junction is a directory link that Windows sets up for old programs.
type junction struct{ from, to string }

// rootJunctions have both ends given from C:\.
func rootJunctions() []junction {
	return []junction{
		{"Documents and Settings", "Users"},
		{"Users/All Users", "ProgramData"},
		{"Users/Default User", "Users/Default"},
		{"ProgramData/Application Data", "ProgramData"},
		{"ProgramData/Desktop", "Users/Public/Desktop"},
		{"ProgramData/Documents", "Users/Public/Documents"},
		{"ProgramData/Start Menu", "ProgramData/Microsoft/Windows/Start Menu"},
		{"ProgramData/Templates", "ProgramData/Microsoft/Windows/Templates"},
		{"Users/Public/Documents/My Music", "Users/Public/Music"},
		{"Users/Public/Documents/My Pictures", "Users/Public/Pictures"},
		{"Users/Public/Documents/My Videos", "Users/Public/Videos"},
	}
}

// profileJunctions have both ends given from the user's profile.
func profileJunctions() []junction {
	const shell = "AppData/Roaming/Microsoft/Windows/"
	return []junction{
		{"Application Data", "AppData/Roaming"},
		{"Cookies", "AppData/Local/Microsoft/Windows/INetCookies"},
		{"Local Settings", "AppData/Local"},
		{"My Documents", "Documents"},
		{"NetHood", shell + "Network Shortcuts"},
		{"PrintHood", shell + "Printer Shortcuts"},
		{"Recent", shell + "Recent"},
		{"SendTo", shell + "SendTo"},
		{"Start Menu", shell + "Start Menu"},
		{"Templates", shell + "Templates"},
		{"AppData/Local/Application Data", "AppData/Local"},
		{"AppData/Local/History", "AppData/Local/Microsoft/Windows/History"},
		{"AppData/Local/Temporary Internet Files", "AppData/Local/Microsoft/Windows/INetCache"},
		{"Documents/My Music", "Music"},
		{"Documents/My Pictures", "Pictures"},
		{"Documents/My Videos", "Videos"},
	}
}

// ResolveStandardJunctions follows the junctions that Windows has in every
// image, in any spelling and as often as they occur, so that
// Documents and Settings/bob/Local Settings/x becomes Users/bob/AppData/Local/x.
// A path that is itself a junction becomes its target. What was not replaced
// keeps its spelling.
//
// The targets of the table contain no junction, and each replacement consumes
// one of the path's own components; so it ends, also for Application Data, which
// lies inside what it points to.
func ResolveStandardJunctions(name string) string {
	for {
		next, ok := followOne(name)
		if !ok {
			return name
		}
		name = next
	}
}

func followOne(name string) (string, bool) {
	if name == "" || !strings.ContainsRune("DdUuPp", rune(name[0])) {
		return name, false
	}
	switch strings.ToUpper(pathRoot(name)) {
	case "DOCUMENTS AND SETTINGS", "USERS", "PROGRAMDATA":
	default:
		return name, false
	}
	if to, ok := replacePrefix(rootJunctions(), name); ok {
		return to, true
	}
	if prefix, rest := splitProfile(name); rest != "" {
		to, ok := replacePrefix(profileJunctions(), rest)
		return prefix + to, ok
	}
	return name, false
}

func replacePrefix(table []junction, name string) (string, bool) {
	for _, j := range table {
		if n := len(j.from); n <= len(name) && (n == len(name) || name[n] == '/') && strings.EqualFold(j.from, name[:n]) {
			return j.to + name[n:], true
		}
	}
	return name, false
}
