// Package psnet has the types of .NET that PowerShell scripts of builds use, for
// the engine of package ps: files and streams, texts and numbers, dates,
// collections, regular expressions, archives, downloads, XML, hashes, accounts,
// the registry's roots, processes and the environment. Start with [All].
//
// A type is data: its name, its constructors and members with signatures as C#
// has them, and functions that do the work ([ps.Type]). Where package ps has a
// type already (String, DateTime, Hashtable …) or package pscmd has (FileInfo,
// RegistryKey, FileSecurity, Process …) this package adds members to it. The
// tables of members are made when somebody asks for one.
//
// The Data of objects are types of this package: [Stream] (stream.go,
// fileopen.go, packing.go), textReader and textWriter (textio.go), [Encoding],
// builder, match (regex.go), dict and bag (dictionaries.go, sets.go), webClient,
// transfer (what all clients of HTTP share), zipArchive, node (xmlnode.go) and
// so on. Arrays, lists and tables are the engine's own values.
//
// # Two kinds of .NET
//
// Windows PowerShell 5.1 has .NET Framework 4.8 and PowerShell 7 has .NET 8.
// Members that only one of them has are marked; where messages and results
// differ, the session's edition decides (either, desktop). Exceptions have the
// types and messages of .NET, since scripts compare them and people search for
// them.
//
// # What was decided
//
//   - Relative paths are relative to the directory of the process, which
//     Set-Location does not change: so it is on Windows.
//   - A FileStream that is only read, or only written in order, is a stream. One
//     that is written at other places is held in memory until it is closed.
//   - Nothing runs beside the script. A Task is done when it is made, a process
//     has ended when Start returns; events are refused.
//   - The versions of TLS that ServicePointManager is told are kept and not sent:
//     the build's network takes the newest that both sides know. Versions
//     without TLS 1.2 and 1.3 are refused. ServerCertificateValidationCallback
//     may be { $true }, which accepts any certificate for the rest of the
//     process ([machine.Process.Wire]); any other block is refused.
//   - Nothing is uploaded: POST and its kin are Invoke-WebRequest's.
//   - Formats are those of en-US and the invariant culture. Others are refused.
//   - Random numbers with a seed are .NET's; without one they are random.
//     Path.GetTempFileName counts, so that a file that is left behind has the
//     same name in each build.
//   - Time zones other than the machine's and UTC are refused.
//   - XML is parsed, written and searched by code of this package: of the modules
//     for it none keeps what .NET keeps (whether an element was written <a/>,
//     CDATA, line ends), and those for XPath find names of a default namespace
//     without a prefix. Document types may not declare entities; schemas, style
//     sheets, readers and LINQ to XML are refused.
//   - Types that need Windows (COM, WMI, services, certificates, desktop) are
//     refused with the reason (refused.go).
package psnet

import (
	"slices"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// All returns the types, for [ps.Config]. They have to come before those of
// package pscmd: where both have a member, the one of this package is the more
// complete.
func All() []*ps.Type {
	return slices.Concat(
		environmentTypes(), pathTypes(), fileTypes(), streamTypes(), fileStreamTypes(), compressTypes(), textTypes(), binaryTypes(), encodingTypes(), zipTypes(),
		stringTypes(), wildcardTypes(), numberTypes(), mathTypes(), convertTypes(), timeTypes(), cultureTypes(), regexTypes(), miscTypes(),
		listTypes(), dictionaryTypes(), setTypes(), tupleTypes(),
		uriTypes(), netTypes(), cookieTypes(), headerEnums(), webClientTypes(), webRequestTypes(), httpClientTypes(), taskTypes(),
		cryptoTypes(), identityTypes(), registryTypes(), xmlTypes(), processTypes(), assemblyTypes(), refusedTypes(),
	)
}
