package machine

import (
	"slices"
	"strings"

	"github.com/casement/casement/internal/run"
)

// RefuseUnknown is the refusal of a command that is none of the programs of the
// table, and that no file of the image is known for. Real cmd would look for it
// and perhaps fail; what it would find is a program in most cases, and a build
// must not go on without it.
func RefuseUnknown(name string) *run.RefusedError {
	if what := foreign(name); what != "" {
		return Refuse(name, "it is "+what+", and programs that an image brings are not executed in process",
			"do this step on a Windows machine, or with docker buildx in a stage for Linux, and COPY its result; leave out what only asks for a version")
	}
	way := "if it is a program, run this step on a Windows machine"
	if !strings.Contains(name, ".") {
		way = "if it is a script, write its path or extension (" + name + ".cmd); " + way
	}
	return Refuse(name, "it is none of the commands that casement has, and no file of the image is known by that name", way)
}

// Foreign reports whether a command is a well-known program that no Windows
// has.
func Foreign(name string) bool { return foreign(name) != "" }

// IsPowerShellScript reports whether a file is a script by its extension. Only
// PowerShell runs it.
func IsPowerShellScript(path string) bool {
	return len(path) > 4 && strings.EqualFold(path[len(path)-4:], ".ps1")
}

// RefuseScript is the refusal of a PowerShell script that is started as if it
// were a program.
func RefuseScript(path string) *run.RefusedError {
	return Refuse(path, "only PowerShell runs such a script: for cmd it is a document, which Windows opens in an editor",
		"write powershell -File "+path)
}

// MayBeScript reports whether a command that is not found now may be a script
// that is there when its time comes: one with the extension of a script, or a
// path that does not end in the name of a well-known program.
func MayBeScript(name string) bool {
	low := strings.ToLower(strings.Trim(name, `"`))
	base := low[strings.LastIndexAny(low, `\/`)+1:]
	ext := ""
	if i := strings.LastIndexByte(base, '.'); i >= 0 {
		ext = base[i:]
	}
	switch ext {
	case ".cmd", ".bat", ".ps1":
		return true
	case ".exe", ".com", ".msi", ".msu", ".vbs", ".js", ".dll", ".cpl", ".scr":
		return false
	}
	return base != low && foreign(base) == ""
}

// foreign says what a well-known program is that no Windows has.
func foreign(name string) string {
	name = strings.TrimSuffix(strings.ToLower(name), ".exe")
	name = name[strings.LastIndexAny(name, `\/`)+1:]
	for _, f := range []struct {
		what  string
		names []string
	}{
		{"a package manager", []string{"npm", "npx", "yarn", "pnpm", "pip", "pip3", "pipenv", "poetry", "conda", "gem", "bundle", "ridk", "composer", "nuget", "choco", "cinst", "scoop", "winget", "vcpkg", "cargo", "mvn", "gradle", "sbt", "paket", "bower"}},
		{"a language's runtime or compiler", []string{"node", "python", "python3", "py", "ruby", "perl", "php", "java", "javac", "jshell", "jar", "keytool", "go", "gofmt", "rustc", "rustup", "dotnet", "csc", "vbc", "ghc", "erl", "elixir", "swift", "deno", "bun", "julia", "r", "rscript", "lua", "luajit"}},
		{"a build tool", []string{"msbuild", "cmake", "ctest", "nmake", "make", "mingw32-make", "ninja", "cl", "link", "gcc", "g++", "clang", "bazel", "devenv", "vstest", "grunt", "gulp", "tsc", "webpack", "vcbuild"}},
		{"a tool", []string{"git", "gh", "svn", "hg", "docker", "kubectl", "helm", "terraform", "packer", "az", "aws", "gcloud", "7z", "7za", "unzip", "wget", "openssl", "ssh", "bash", "sh", "sed", "awk", "vault", "consul", "jq", "busybox", "gpg"}},
		{"a server", []string{"mongo", "mongod", "mysqld", "mysql", "psql", "postgres", "initdb", "redis-server", "nginx", "httpd", "caddy", "sqlcmd", "sqlservr"}},
		{"a part of the .NET Framework", []string{"ngen", "regasm", "gacutil", "aspnet_regiis", "installutil", "sn"}},
		{"a part of IIS", []string{"appcmd", "iisreset"}},
	} {
		if slices.Contains(f.names, name) {
			return f.what
		}
	}
	return ""
}
