package tools

import "github.com/casement/casement/internal/run/winsh/machine"

// All returns the programs by name, in small letters and without extension, for
// [machine.Options].
func All() map[string]machine.Program {
	all := make(map[string]machine.Program, 128)
	for _, r := range refusals() {
		all[r.name] = r
	}
	for name, p := range map[string]program{
		"attrib": attrib, "cacls": cacls, "certutil": certutil, "chcp": chcp, "choice": choice, "comp": comp,
		"expand": expand, "fc": fc, "find": find, "findstr": findstr, "forfiles": forfiles, "fsutil": fsutil, "hostname": hostname,
		"icacls": icacls, "more": more, "ping": ping, "refreshenv": refreshenv, "reg": reg, "regedit": regedit, "robocopy": robocopy, "sc": sc,
		"setx": setx, "sort": sortTool, "takeown": takeown, "taskkill": taskkill, "timeout": timeout,
		"tree": treeTool, "tzutil": tzutil, "where": where, "whoami": whoami, "xcopy": xcopy,
	} {
		all[name] = p
	}
	return all
}
