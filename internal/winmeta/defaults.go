package winmeta

import (
	"fmt"
	"slices"
	"sync"
)

// The descriptors that BuildKit gives to what it copies into Windows images.
// casement uses the same ones, so that an image behaves alike whichever of the
// two built it.
const (
	defaultDirSDDL  = "O:BAG:SYD:(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;;FA;;;BA)(A;OICIIO;GA;;;CO)(A;OICI;0x1200a9;;;BU)(A;CI;LC;;;BU)(A;CI;DC;;;BU)"
	defaultFileSDDL = "O:BAG:SYD:(A;;FA;;;BA)(A;;FA;;;SY)(A;;0x1200a9;;;BU)"
)

// DefaultDescriptor returns the security descriptor, encoded, of a new file or
// directory that nobody asked to own: Administrators own it, they and the
// system have full access, users may read and execute and, in a directory, add
// files and directories.
func DefaultDescriptor(dir bool) []byte {
	d := encodedDefaults()
	if dir {
		return slices.Clone(d.dir)
	}
	return slices.Clone(d.file)
}

// encodedDefaults has the two descriptors encoded: every file of a layer asks
// for one. They are constants that Go cannot spell as such.
var encodedDefaults = sync.OnceValue(func() struct{ dir, file []byte } {
	return struct{ dir, file []byte }{constantDescriptor(defaultDirSDDL), constantDescriptor(defaultFileSDDL)}
})

// OwnedDescriptor returns the security descriptor, encoded, of a file or
// directory given to an account, as by COPY --chown: the account owns it and
// has full access, beside Administrators and the system; users may read and
// execute. It is an error only if the SID is not valid.
func OwnedDescriptor(owner SID, dir bool) ([]byte, error) {
	var flags ACEFlags
	if dir {
		flags = ObjectInherit | ContainerInherit
	}
	d := Descriptor{Owner: owner, Group: LocalSystem, DACL: []ACE{
		{Flags: flags, Mask: FullAccess, SID: Administrators},
		{Flags: flags, Mask: FullAccess, SID: LocalSystem},
		{Flags: flags, Mask: FullAccess, SID: owner},
	}}
	if dir {
		d.DACL = append(d.DACL, ACE{Flags: flags | InheritOnly, Mask: GenericAll, SID: CreatorOwner})
	}
	d.DACL = append(d.DACL, ACE{Flags: flags, Mask: ReadAndExecute, SID: Users})
	b, err := d.Bytes()
	if err != nil {
		return nil, fmt.Errorf("giving ownership to %q: %w", string(owner), err)
	}
	return b, nil
}

// constantDescriptor encodes SDDL that is written in this package. Tests parse
// all of it, so a failure is a bug and panics.
func constantDescriptor(text string) []byte {
	d, err := ParseSDDL(text)
	if err != nil {
		panic(err)
	}
	return mustEncode(d)
}
