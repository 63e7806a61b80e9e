// Package machine is the Windows computer that casement's in-process shells
// believe they run on: drive C:, registry, environment, accounts, programs and
// network.
//
// A [Machine] is made for one RUN step by [New] over the chain that the step
// starts from, and [Machine.Finish] says what the step did: a layer, variables
// of the machine, changes of the registry. Shells and tools work on it through
// a [Process], which is what a Windows process is: a command line, an
// environment, a current directory and three streams. Everything that a shell
// can start is a [Program] in the machine's table; starting one is a function
// call. Start with [Process], then [FS].
//
// Reading is lazy: a question goes to the layers of the chain only when the
// step's own changes do not answer it. Of a base image that nobody has read
// (a sealed layer) every Windows' own directories are known, and what the layers
// above it have; only what a program really asks unseals it: whether something
// else exists, what is in a directory or a file. Making something does not ask.
// A name that only the sealed base could have, in a directory that is known, is
// taken for absent when a file or directory is made there: a step that makes it
// says as much, since on Windows it would fail. From then on the new directory
// has what the step puts into it. What is appended to is looked for. For what was
// made without a look and is removed again, the base is asked in the end, since
// some importers of layers refuse removals of what is not there; but not in the
// root and in directories for temporary files, where downloads come and go. Once
// the base has been read to
// its end for another question nothing is assumed any more. So a step's result depends on
// its own questions only, never on what others have read before.
//
// Writing goes to a scratch set of changes; contents go to a [Spool], so that
// memory does not grow with what a step writes. Times that nobody sets do not
// reach the layer, and descriptors only where they differ from those that layers
// get anyway.
//
// A machine is used by one goroutine at a time; contents may be read by several.
// The package refuses what it cannot do faithfully with a *run.RefusedError,
// which ends the step. Names in the form 8.3 that may stand for others are refused,
// and paths may be longer than the 260 characters that some programs of Windows can
// cope with.
package machine

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// Options say what machine to make. The zero value, with a Root for Windows,
// is a machine with the standard directories, no network and nobody to see its
// output.
type Options struct {
	// Root is the file system to start from.
	Root tree.Chain
	// Env has the variables of the image and the build as NAME=value. What
	// Windows itself sets (SystemRoot, TEMP, USERNAME …) is added.
	Env []string
	// User is the account as USER names it; "" is ContainerAdministrator.
	User string
	// Now is the machine's clock, in its zone; nil is the clock of this computer, in
	// UTC.
	Now func() time.Time
	// Spool takes contents; nil keeps them in memory.
	Spool Spool
	// Network executes requests; nil means that no name resolves.
	Network Network
	// Mounts are directories and files that are not part of the result.
	Mounts []Mount
	// Programs are what can be started by name beside what the file system
	// has: lower-case names without extension ("cmd", "xcopy", "powershell").
	Programs map[string]Program
	// Other runs programs (.exe) that the image brings; nil refuses them.
	Other Programs
	// Deltas says which changes of the registry the layer has to carry, given
	// all that are not variables; an error ends the step. nil carries none.
	Deltas func(changes []RegistryChange) ([]RegistryChange, error)
	// Limits bounds what a step may use.
	Limits Limits
}

// Network executes HTTP requests. *http.Client is one: redirects are followed
// by whoever makes the request (see [Machine.HTTP]).
type Network interface {
	Do(*http.Request) (*http.Response, error)
}

// Mount is a tree that the step sees at Target ("C:\cache"), whose changes are
// not part of the layer.
type Mount struct {
	Target   string
	Tree     tree.Tree // nil is an empty directory
	File     tree.Content
	ReadOnly bool
	// Save receives what the step has changed in the directory, by names in Tree
	// (RUN --mount=type=cache); nil forgets it.
	Save func(ctx context.Context, changes []tree.Change) error
}

// Machine is one computer during one step.
type Machine struct {
	opts     Options
	account  Account
	base     *base
	drive    *drive
	registry *Registry
	image    *Env // the variables of the image and the build
	work     work
}

// New makes the machine of a step. It is cheap: nothing is read.
func New(o Options) (*Machine, error) {
	account, err := lookupUser(o.User)
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		// The zone of a container is UTC, whatever this computer's is: times in zip
		// files are local ones, and what is unpacked has to be the same everywhere.
		o.Now = func() time.Time { return time.Now().UTC() }
	}
	if o.Spool == nil {
		o.Spool = MemorySpool{}
	}
	o.Limits = o.Limits.filled()
	m := &Machine{opts: o, account: account, base: newBase(o.Root), image: NewEnv(o.Env)}
	m.work.began = time.Now()
	m.drive = &drive{m: m, start: m.Now()}
	m.drive.acls.account = &m.account
	m.drive.root = newRoot(m.base)
	m.registry = &Registry{m: m}
	for i := range o.Mounts {
		if err := m.mount(&o.Mounts[i]); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// newRoot makes C:\, with what layers that can be read for nothing say of it.
func newRoot(b *base) *node {
	e := &tree.Entry{Kind: tree.Dir}
	layers := b.known
	if layers == nil {
		layers = b.whole
	}
	// Nothing is downloaded here. A layer that cannot be read is an error for who
	// asks for something in it.
	if own, err := layers.Lookup(context.Background(), ""); err == nil && own.Windows != nil && own.Windows.Descriptor != nil {
		e = own
	}
	n := &node{object: fromEntry(&source{base: b, entry: e}), kept: true}
	n.attributes = winmeta.Hidden | winmeta.System | winmeta.Directory
	n.object.mount = b
	return n
}

// FS returns the drives.
func (m *Machine) FS() *FS { return &FS{drive: m.drive} }

// Registry returns the registry.
func (m *Machine) Registry() *Registry { return m.registry }

// Account returns who runs the step.
func (m *Machine) Account() Account { return m.account }

// Now is the machine's clock.
func (m *Machine) Now() time.Time { return m.opts.Now() }

// Limits returns the limits with their defaults filled in.
func (m *Machine) Limits() Limits { return m.opts.Limits }

// Root returns the chain that the step started from.
func (m *Machine) Root() tree.Chain { return m.opts.Root }

// Unsealed returns the sealed layers of the chain that the step has asked so
// far, oldest first.
func (m *Machine) Unsealed() []*tree.Layer {
	var out []*tree.Layer
	for _, w := range m.base.sealed {
		if w.asked {
			out = append(out, w.layer)
		}
	}
	return out
}

// HTTP sends a request through the machine's network, without following
// redirects, and as its context asks ([WithWire]). Without a network it fails as
// a name that does not resolve.
func (m *Machine) HTTP(req *http.Request) (*http.Response, error) {
	if m.opts.Network == nil {
		return nil, &net.DNSError{Err: "no such host is known", Name: req.URL.Hostname(), IsNotFound: true}
	}
	if c, ok := m.opts.Network.(*http.Client); ok && WireOf(req.Context()) == (Wire{}) {
		once := *c
		once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		return once.Do(req)
	}
	return SendWire(m.opts.Network, req)
}

// RegistryChange is one thing that a step did to the registry.
type RegistryChange struct {
	Key    string // "HKLM\SOFTWARE\…"
	Name   string // of the value; "" is the default value, or the key itself if Type is ""
	Type   string // REG_SZ …; "" for keys
	Value  string // as reg.exe prints it
	Data   []byte // as the registry stores it
	Delete bool
}

// Result is what a step did.
type Result struct {
	// Changes to drive C:, with a Content for each file that is in the spool.
	Changes []tree.Change
	// Guessed has those of the removed names that may never have been there:
	// only a layer that nobody has read could tell.
	Guessed map[string]bool
	// Repeated has the names of directories that are in Changes as they were: a
	// layer that has something in a directory replaces what is said of it below.
	Repeated map[string]bool
	// Env has variables of the machine (and of the user) that were set
	// persistently, with their new values; a nil value was removed.
	Env map[string]*string
	// UserEnv has those of them that are the user's.
	UserEnv map[string]bool
	// Registry has all other changes of the registry.
	Registry []RegistryChange
	// Hives has those of them that Options.Deltas chose as delta hives, by the
	// names that layers have for them ("System").
	Hives map[string][]byte
}
