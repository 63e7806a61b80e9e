package tools

import (
	"context"
	"slices"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// refusal is a program of Windows that only a running Windows can be.
type refusal struct{ name, reason, way string }

// Check implements [machine.Program].
func (r refusal) Check(context.Context, *machine.Checking, []machine.Arg) error {
	return machine.Refuse(r.name, r.reason, r.way)
}

// Run implements [machine.Program].
func (r refusal) Run(context.Context, *machine.Process) (int, error) {
	return 1, machine.Refuse(r.name, r.reason, r.way)
}

// refusals lists what is refused whole. The reason follows "NAME: ".
func refusals() []refusal {
	return slices.Concat(refusedSystem(), refusedNetwork(), refusedDevices())
}

// refusedSystem needs services, installers or other parts of a running Windows.
func refusedSystem() []refusal {
	const (
		running   = "no services, tasks or drivers run during a build"
		features  = "features and packages of Windows are installed by Windows itself"
		policies  = "security policies belong to a running Windows"
		scripts   = "scripts of the Windows Script Host need its engines and COM"
		rewrite   = "write the step in PowerShell or cmd"
		onWindows = "run this step on a Windows machine (docker build there)"
		leave     = "leave it out"
		atStart   = "do it when the container starts, in its entry point"
		base      = "choose a base image that has it, such as mcr.microsoft.com/windows/server or an image for the feature"
	)
	return []refusal{
		{"dism", features, base},
		{"pkgmgr", features, base},
		{"wusa", "updates are installed by Windows itself", "choose a newer base image"},
		{"msiexec", "an installer runs programs of its own, which need Windows", "unpack the files before the build and COPY them, or use the product's zip archive"},
		{"regsvr32", "a library registers itself by running its own code", "write the registry keys with reg add"},
		{"rundll32", "it runs code of a library, which needs Windows", onWindows},
		{"sfc", "system files are repaired by Windows itself", "choose a base image that is sound"},
		{"schtasks", running, atStart},
		{"at", running, atStart},
		{"wmic", "it asks a service of a running Windows", "use reg query, sc or where for what they know"},
		{"winrm", running, atStart},
		{"winrs", running, atStart},
		{"wevtutil", running, atStart},
		{"eventcreate", running, atStart},
		{"logman", running, atStart},
		{"typeperf", running, atStart},
		{"lodctr", "performance counters are registered by running code", onWindows},
		{"auditpol", policies, onWindows},
		{"secedit", policies, onWindows},
		{"gpupdate", policies, onWindows},
		{"gpresult", policies, onWindows},
		{"shutdown", "a build does not restart computers", "leave it out"},
		{"logoff", "nobody is logged on during a build", "leave it out"},
		{"cscript", scripts, rewrite},
		{"wscript", scripts, rewrite},
		{"mshta", "it needs a browser", rewrite},
		{"tasklist", "which processes Windows itself runs is not known", "do not depend on them"},
		{"query", "nobody is logged on during a build", "leave it out"},
		{"makecab", "cabinets are not written", "use tar or Compress-Archive"},
		{"replace", "xcopy and robocopy do what it does", "use xcopy /U or robocopy"},
		{"openfiles", running, "leave it out"},
		{"cmdkey", "credentials are kept in a store that only Windows can write", "pass secrets with RUN --mount=type=secret"},
		{"runas", "a step runs as the account of USER", "use USER before RUN"},
		{"dcomcnfg", running, onWindows},
		{"certreq", "certificates are requested by a service of Windows", "make the certificate before the build and COPY it"},
		{"odbcconf", "it registers drivers by running their code", "write the registry keys with reg add"},
		{"mofcomp", "it asks a service of a running Windows", onWindows},
		{"winmgmt", "it asks a service of a running Windows", onWindows},
		{"unlodctr", "performance counters are registered by running code", onWindows},
		{"fondue", features, base},
		{"ocsetup", features, base},
		{"regini", "its scripts are not read", "use reg add, and PowerShell for access lists"},
		{"extrac32", "it unpacks as expand does", "use expand CABINET -F:* DIRECTORY, or tar -xf"},
		{"waitfor", "nobody sends signals during a build", leave},
		{"doskey", "nobody types commands during a build", leave},
		{"help", "it prints the help texts of Windows", leave},
		{"iisreset", running, atStart},
	}
}

// refusedNetwork is what asks or changes the network.
func refusedNetwork() []refusal {
	const (
		setUp   = "the network is set up when a container starts"
		atStart = "do it when the container starts, in its entry point"
		http    = "a build sends HTTP requests and nothing else"
	)
	return []refusal{
		{"net", "accounts, groups, shares and services belong to a running Windows", "use ContainerUser or ContainerAdministrator; start services in the container's entry point"},
		{"net1", "accounts, groups, shares and services belong to a running Windows", "use ContainerUser or ContainerAdministrator"},
		{"netsh", setUp, atStart},
		{"route", setUp, atStart},
		{"arp", setUp, atStart},
		{"ipconfig", setUp, atStart},
		{"netstat", setUp, atStart},
		{"pathping", http, "leave it out"},
		{"tracert", http, "leave it out"},
		{"nslookup", http, "leave it out"},
		{"ftp", http, "download with curl"},
		{"bitsadmin", "its transfers are done by a service", "download with curl"},
	}
}

// refusedDevices is about disks, devices and the computer itself.
func refusedDevices() []refusal {
	const (
		hardware = "the computer that a build runs on is nobody's business"
		leave    = "leave it out"
	)
	return []refusal{
		{"bcdedit", "a container does not boot", leave},
		{"bootcfg", "a container does not boot", leave},
		{"clip", "a build has no clipboard", "write to a file"},
		{"subst", "there is no other drive than C:", "use the directory itself, or mklink /J"},
		{"mountvol", "there is no other drive than C:", "use the directory itself"},
		{"diskpart", hardware, leave},
		{"format", hardware, leave},
		{"chkdsk", hardware, leave},
		{"defrag", hardware, leave},
		{"label", hardware, leave},
		{"convert", hardware, leave},
		{"compact", "how files are compressed on a disk is not kept in an image", leave},
		{"cipher", "encrypted files cannot be kept in an image", leave},
		{"powercfg", hardware, leave},
		{"w32tm", hardware, leave},
		{"systeminfo", hardware, "do not depend on it"},
		{"driverquery", hardware, "do not depend on it"},
		{"pnputil", "drivers belong to the host of a container", leave},
		{"print", "a build has no printer", leave},
		{"verifier", "drivers belong to the host of a container", leave},
		{"manage-bde", hardware, leave},
		{"vssadmin", hardware, leave},
		{"wbadmin", hardware, leave},
		{"mode", "a build has no devices and no console window", leave},
	}
}
