// Package pscmd has the cmdlets of PowerShell that make sense in a build, for
// the engine of package ps: those of the modules Microsoft.PowerShell.Management,
// Utility, Archive, Core and Security, and what else build scripts call.
//
// [All] returns the cmdlets, [Types] the .NET types of the objects that they
// write, [Refused] the reasons for commands that Windows has and that cannot be
// done without it. A cmdlet is data and one function. Its parameters are a text
// in the manner of a syntax line (see params): names, types, positions, sets and
// editions are those of the real cmdlet, and a parameter that cannot be done
// says why. Messages, categories and ids of errors are the real ones, since
// scripts compare them and people search for them.
//
// Paths lead to providers: provider.go finds items and expands wildcards, and
// the cmdlets about items (item.go, children.go, copy.go …) work on whatever
// provider a path belongs to: the file system (files.go), the registry
// (registry.go), and environment, variables, functions and aliases (flat.go).
// Objects of the file system are made by [FileObject], so that package psnet
// makes the same ones.
//
// Where Windows PowerShell 5.1 and PowerShell 7 differ, the session's edition
// decides. What neither of them would do the same way twice (Get-Random without
// a seed, New-Guid) is random here, too.
//
// Decisions:
//   - Nothing runs beside the script. Start-Process runs a program to its end, with
//     or without -Wait, and its object is that of a program that has ended. Jobs,
//     events and services are refused, as is what waits for others to write.
//   - Nobody is asked. What would ask is refused: Read-Host, Get-Credential, and
//     Remove-Item of a directory with children without -Recurse.
//   - Sizes, hashes and archives are streamed; Get-Content and Set-Content work line
//     by line, and both at once on one file fail as they do on Windows.
//   - Invoke-WebRequest without -UseBasicParsing needs Internet Explorer in 5.1,
//     which no container has: it fails unless the answer goes to a file.
//   - Cmdlets that Windows has as scripts of a module (Expand-Archive, and 5.1's
//     Get-FileHash) report errors at the line of the caller and not at one of the
//     module, whose text is not here.
//   - The rights of registry keys, alternate data streams (so that no file is
//     blocked) and certificates are not kept or read.
package pscmd

import (
	"slices"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// Modules of the cmdlets.
const (
	moduleCore       = "Microsoft.PowerShell.Core"
	moduleManagement = "Microsoft.PowerShell.Management"
	moduleUtility    = "Microsoft.PowerShell.Utility"
	moduleSecurity   = "Microsoft.PowerShell.Security"
	moduleArchive    = "Microsoft.PowerShell.Archive"
	moduleBITS       = "BitsTransfer"
)

// All returns the cmdlets, for [ps.Config].
func All() []*ps.Cmdlet {
	return slices.Concat(
		itemCmdlets(), childCmdlets(), copyCmdlets(), pathCmdlets(), locationCmdlets(), driveCmdlets(),
		contentCmdlets(), outFileCmdlets(), propertyCmdlets(), propertyMoves(), aclCmdlets(),
		webCmdlets(), bitsCmdlets(), archiveCmdlets(), hashCmdlets(),
		jsonCmdlets(), csvCmdlets(), xmlCmdlets(), stringDataCmdlets(), secureCmdlets(),
		selectCmdlets(), sortCmdlets(), groupCmdlets(), measureCmdlets(), compareCmdlets(), joinCmdlets(), matchCmdlets(), memberCmdlets(),
		timeCmdlets(), randomCmdlets(), variableCmdlets(), aliasCmdlets(), commandCmdlets(), moduleCmdlets(),
		processCmdlets(), serviceCmdlets(), cimCmdlets(), sessionCmdlets(), trustCmdlets(), helpCmdlets(),
	)
}

// Types returns the .NET types of what the cmdlets write, for [ps.Config].
func Types() []*ps.Type {
	return slices.Concat(
		fileTypes(), versionTypes(), hashTypes(), driveTypes(), registryTypes(), aclTypes(), webTypes(), matchTypes(), xmlTypes(),
		memberTypes(), measureTypes(), processTypes(), serviceTypes(), cimTypes(), commandTypes(), secureTypes(), encodingTypes(),
	)
}

// fail makes an error record.
func fail(typ, message, id string, c ps.Category, target any) *ps.ErrorRecord {
	return ps.NewError(typ, message, id, c, target)
}
