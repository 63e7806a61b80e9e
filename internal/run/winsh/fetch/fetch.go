// Package fetch brings things from elsewhere: downloads over HTTP and the
// contents of archives. It is shared by the programs curl and tar, which it
// has, and by the cmdlets and .NET types of PowerShell.
//
// A [Client] sends requests as one kind of Windows program does, with its
// rules for redirects; an [Error] says what went wrong in the words of each of
// them. A [Zip] is unpacked by all processors and handed over in order
// ([Zip.Each]); [Unzip] does with it what .NET's ExtractToDirectory does, and
// [ReadArchive] reads archives as bsdtar does, and a [Cabinet] is for expand too. [NewHash] and [Digest] are
// for Get-FileHash and certutil. Start with [Programs].
//
// curl is the curl 8.13 that Windows has (Schannel, no HTTP/2, gzip and deflate
// only), tar the bsdtar 3.7.7 of Windows Server 2025, which reads xz and zstd
// also where older systems do not. What was decided where they could not be
// followed:
//
//   - Everything streams, and nothing that was packed is held in memory whole.
//   - A zip entry whose checksum is wrong is an error everywhere, though .NET
//     Framework does not look at it.
//   - Revocation of certificates is not asked, so --ssl-no-revoke changes
//     nothing. Who is trusted, and the proxies, are the build's; options that
//     ask for others need a network that is a [machine.WireNetwork], which
//     [NewNetwork] makes.
//   - curl's table of progress is printed once, at the end, without speeds and
//     times. Headers that it prints (-i, -I, -D, -v) are sorted by name.
//   - Archives are written without the time of their making.
//   - Times in archives that are local are read as if the machine were in UTC.
//   - tar does not set the times of the drive's root.
//   - Archives other than tar, zip, 7z and cab (rar, cpio, iso …), compression
//     with bzip2, lzip, lz4 or compress, and adding to archives are refused. 7z
//     archives are read from files only, as bsdtar has to seek in them.
package fetch

import "github.com/casement/casement/internal/run/winsh/machine"

// Programs returns the programs of this package for the machine's table.
func Programs() map[string]machine.Program {
	return map[string]machine.Program{"curl": curlProgram{}, "tar": tarProgram{}}
}
