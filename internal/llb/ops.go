package llb

import (
	"fmt"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Scratch is the index of the empty tree, where an operation names an input.
const Scratch = -1

// Discard is the index of an output that nobody can name: what an action or a
// mount leaves behind is for the next ones of the same operation, or for none.
const Discard = -1

// Keep is the value of Mode and Timestamp that leaves them as they are.
const Keep = -1

// Op is one of [*Source], [*File], [*Exec], [*Merge] and [*Diff].
type Op interface {
	// outputs returns the number of results.
	outputs() int
	// check says whether all indexes fit a vertex with this many inputs.
	check(inputs int) error
}

// Source brings a tree in from outside. It has no inputs and one output.
type Source struct {
	// Identifier says what and where: "docker-image://…", "local://context",
	// "https://…", "git://…", "oci-layout://…".
	Identifier string
	// Attrs refine it. The names are those of BuildKit ("local.followpaths").
	Attrs map[string]string
	// Platform is what an image is wanted for; nil where it does not matter.
	Platform *ocispec.Platform
}

// File changes trees by a list of actions. An action works on one of the
// vertex's inputs or on what an earlier action left: with n inputs, index i < n
// is input i, and n+k is the result of action k.
type File struct {
	Actions []Action
}

// Action is one step of a [File].
type Action struct {
	// Input is the tree to change: the index of an input or an earlier
	// action, or Scratch.
	Input int
	// SecondaryInput is where a Copy takes its files from; Scratch otherwise.
	SecondaryInput int
	// Output is the number of the vertex's output that the result is, or
	// Discard.
	Output int
	// Do says what is done. It is never nil.
	Do FileAction
}

// FileAction is one of [*Copy], [*Mkfile], [*Mkdir], [*Remove] and [*Link].
type FileAction interface {
	owner() *ChownOpt
}

// Copy copies files from the secondary input.
type Copy struct {
	Src, Dest string
	// Owner replaces the owner; nil leaves the choice to the copier.
	Owner *ChownOpt
	// Mode replaces the permission bits; Keep leaves them.
	Mode int
	// ModeStr is a mode in symbols ("u=rwX,go=rX") that counts instead of
	// Mode when it is not empty.
	ModeStr string
	// FollowSymlink resolves links in Src, its last component included.
	FollowSymlink bool
	// DirCopyContents copies what is in Src if it is a directory, and not the
	// directory.
	DirCopyContents bool
	// Unpack puts the contents of Src in place if it is an archive.
	Unpack bool
	// CreateDestPath makes missing parents of Dest.
	CreateDestPath bool
	// AllowWildcard takes Src for a pattern.
	AllowWildcard bool
	// AllowEmptyWildcard lets a pattern match nothing.
	AllowEmptyWildcard bool
	// ReplaceExisting replaces entries of Dest whose kind differs.
	ReplaceExisting bool
	// Timestamp replaces the times, in nanoseconds since 1970; Keep leaves
	// them.
	Timestamp int64
	// IncludePatterns and ExcludePatterns choose files below Src. No include
	// pattern chooses all.
	IncludePatterns, ExcludePatterns []string
	// RequiredPaths have to be among what the include patterns choose.
	RequiredPaths []string
}

// Mkfile writes a file.
type Mkfile struct {
	Path      string
	Mode      int
	Data      []byte
	Owner     *ChownOpt
	Timestamp int64 // as in Copy
}

// Mkdir makes a directory. One that exists is left as it is.
type Mkdir struct {
	Path string
	Mode int
	// MakeParents makes missing parents too.
	MakeParents bool
	Owner       *ChownOpt
	Timestamp   int64 // as in Copy
}

// Remove removes an entry with everything below it.
type Remove struct {
	Path string
	// AllowNotFound lets the entry be missing.
	AllowNotFound bool
	// AllowWildcard takes Path for a pattern.
	AllowWildcard bool
}

// Link makes the symbolic link Path, which points to Target.
type Link struct {
	Path, Target string
	Owner        *ChownOpt
	Timestamp    int64 // as in Copy
}

// ChownOpt is the owner that files get. A nil field is not asked for.
type ChownOpt struct {
	User, Group *UserOpt
}

// UserOpt is a user or a group.
type UserOpt struct {
	// Name is the account, if it is named; empty if ID counts.
	Name string
	ID   uint32
	// Input is the index of the tree whose accounts Name is one of, as in
	// Action.
	Input int
}

// Exec runs a command.
type Exec struct {
	// Args is the command with its arguments, and never empty.
	Args []string
	// Env has the variables as NAME=value.
	Env      []string
	Cwd      string
	User     string
	Hostname string
	// ExtraHosts maps names to addresses.
	ExtraHosts []HostIP
	// Proxy has the proxies that the command should use; nil for none.
	Proxy *Proxy
	// Mounts are the trees that the command sees. One of them is its root "/".
	Mounts   []Mount
	Network  Network
	Insecure bool
	// SecretEnv are variables with secret values.
	SecretEnv []SecretEnv
	Ulimits   []Ulimit
	// Devices are names of devices that the command may use.
	Devices      []Device
	CgroupParent string
	// ValidExitCodes are those of a command that worked; empty for 0 only.
	ValidExitCodes []int
	// RemoveMountStubs removes directories that were made as mount points.
	RemoveMountStubs bool
	// Platform is what the command runs on; nil where it does not matter.
	Platform *ocispec.Platform
}

// HostIP is the address of a host name.
type HostIP struct{ Host, IP string }

// Proxy is where requests go through, by protocol.
type Proxy struct{ HTTP, HTTPS, FTP, No, All string }

// Ulimit is a limit of a process.
type Ulimit struct {
	Name       string
	Soft, Hard int64
}

// Device is the name of a device.
type Device struct {
	Name     string
	Optional bool
}

// SecretEnv is a variable whose value is the secret ID.
type SecretEnv struct {
	ID, Name string
	Optional bool
}

// Network says what a command reaches.
type Network uint8

// The kinds of network.
const (
	NetworkSandbox Network = iota // the default
	NetworkHost
	NetworkNone
)

// Mount is one tree that a command sees.
type Mount struct {
	Kind MountKind
	// Input is the index of the vertex's input that is mounted, or Scratch.
	Input int
	// Selector is the part of the input that is mounted.
	Selector string
	// Dest is where the command sees it.
	Dest string
	// Output is the number of the vertex's output that the tree is after the
	// command, or Discard.
	Output   int
	ReadOnly bool
	// TmpfsSize is the limit of a tmpfs in bytes; 0 for none.
	TmpfsSize int64
	// Cache is set for MountCache, Secret for MountSecret and MountSSH.
	Cache  *CacheMount
	Secret *SecretMount
}

// MountKind says what is mounted.
type MountKind uint8

// The kinds of mounts.
const (
	MountBind MountKind = iota
	MountSecret
	MountSSH
	MountCache
	MountTmpfs
)

// CacheMount is a directory that outlives builds.
type CacheMount struct {
	ID      string
	Sharing Sharing
}

// Sharing says what two writers of one cache directory do.
type Sharing uint8

// The ways of sharing.
const (
	Shared  Sharing = iota // they write at once
	Private                // the second gets another directory
	Locked                 // the second waits
)

// SecretMount is a secret as a file, or an agent's socket.
type SecretMount struct {
	ID       string
	UID, GID uint32
	Mode     uint32
	Optional bool
}

// Merge stacks its inputs, the first one lowest. It has one output.
type Merge struct {
	// Inputs are indexes of the vertex's inputs, or Scratch.
	Inputs []int
}

// Diff is what has to be done to Lower to get Upper. It has one output.
type Diff struct {
	// Lower and Upper are indexes of the vertex's inputs, or Scratch.
	Lower, Upper int
}

func (*Source) outputs() int { return 1 }
func (*Merge) outputs() int  { return 1 }
func (*Diff) outputs() int   { return 1 }

func (f *File) outputs() int {
	n := 0
	for _, a := range f.Actions {
		if a.Output != Discard {
			n++
		}
	}
	return n
}

func (e *Exec) outputs() int {
	n := 0
	for _, m := range e.Mounts {
		if m.Output != Discard {
			n++
		}
	}
	return n
}

func (c *Copy) owner() *ChownOpt   { return c.Owner }
func (m *Mkfile) owner() *ChownOpt { return m.Owner }
func (m *Mkdir) owner() *ChownOpt  { return m.Owner }
func (*Remove) owner() *ChownOpt   { return nil }
func (l *Link) owner() *ChownOpt   { return l.Owner }

func (s *Source) check(inputs int) error {
	if inputs != 0 {
		return fmt.Errorf("source with %d inputs", inputs)
	}
	if s.Identifier == "" {
		return fmt.Errorf("source without an identifier")
	}
	return nil
}

func (f *File) check(inputs int) error {
	if len(f.Actions) == 0 {
		return fmt.Errorf("file operation without actions")
	}
	var outs outputSet
	for k, a := range f.Actions {
		if a.Do == nil {
			return fmt.Errorf("action %d does nothing", k)
		}
		idx := []int{a.Input, a.SecondaryInput}
		if o := a.Do.owner(); o != nil {
			for _, u := range []*UserOpt{o.User, o.Group} {
				if u != nil && u.Name != "" {
					idx = append(idx, u.Input)
				}
			}
		}
		for _, i := range idx {
			if i < Scratch || i >= inputs+k {
				return fmt.Errorf("action %d: index %d of %d: %w", k, i, inputs+k, errIndex)
			}
		}
		if err := outs.add(a.Output); err != nil {
			return fmt.Errorf("action %d: %w", k, err)
		}
	}
	return outs.check()
}

func (e *Exec) check(inputs int) error {
	if len(e.Args) == 0 {
		return fmt.Errorf("command without arguments")
	}
	root := false
	var outs outputSet
	for _, m := range e.Mounts {
		if m.Input < Scratch || m.Input >= inputs {
			return fmt.Errorf("mount %s: index %d of %d: %w", m.Dest, m.Input, inputs, errIndex)
		}
		if err := outs.add(m.Output); err != nil {
			return fmt.Errorf("mount %s: %w", m.Dest, err)
		}
		root = root || m.Dest == "/"
	}
	if !root {
		return fmt.Errorf("command without a root file system")
	}
	return outs.check()
}

func (m *Merge) check(inputs int) error {
	if len(m.Inputs) == 0 {
		return fmt.Errorf("merge of nothing")
	}
	for _, i := range m.Inputs {
		if i < Scratch || i >= inputs {
			return fmt.Errorf("merge of index %d of %d: %w", i, inputs, errIndex)
		}
	}
	return nil
}

func (d *Diff) check(inputs int) error {
	for _, i := range []int{d.Lower, d.Upper} {
		if i < Scratch || i >= inputs {
			return fmt.Errorf("difference of index %d of %d: %w", i, inputs, errIndex)
		}
	}
	return nil
}

// outputSet checks that outputs are numbered from 0 without gaps or doubles.
type outputSet struct{ seen map[int]bool }

func (s *outputSet) add(n int) error {
	if n == Discard {
		return nil
	}
	if n < 0 || s.seen[n] {
		return fmt.Errorf("output %d is there twice or negative", n)
	}
	if s.seen == nil {
		s.seen = make(map[int]bool)
	}
	s.seen[n] = true
	return nil
}

func (s *outputSet) check() error {
	for n := range len(s.seen) {
		if !s.seen[n] {
			return fmt.Errorf("output %d is missing", n)
		}
	}
	return nil
}
