package machine

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/casement/casement/internal/winmeta"
)

// Machine is one computer during one step.
type Machine struct{ _ int }

// New makes the machine of a step.
func New(o Options) (*Machine, error) { panic("todo") }

// FS returns the drives.
func (m *Machine) FS() *FS { panic("todo") }

// Registry returns the registry.
func (m *Machine) Registry() *Registry { panic("todo") }

// Account returns who runs the step.
func (m *Machine) Account() Account { panic("todo") }

// Now is the machine's clock.
func (m *Machine) Now() time.Time { panic("todo") }

// Limits returns the limits with their defaults filled in.
func (m *Machine) Limits() Limits { panic("todo") }

// Tick counts one command, iteration or call. It returns the error of the
// context, or one when a limit is reached; shells call it in every loop.
func (m *Machine) Tick(ctx context.Context) error { panic("todo") }

// Process makes the first process of the step: its environment is the
// machine's and the user's, and its directory is dir as a Windows path.
func (m *Machine) Process(commandLine, dir string, stdout, stderr io.Writer) *Process {
	panic("todo")
}

// Finish says what the step did. The machine must not be used afterwards.
// Files whose times nobody set get none: the build decides.
func (m *Machine) Finish(ctx context.Context) (*Result, error) { panic("todo") }

// HTTP sends a request through the machine's network, without following
// redirects. Without a network it fails as a name that does not resolve.
func (m *Machine) HTTP(req *http.Request) (*http.Response, error) { panic("todo") }

// Found is what a name leads to.
type Found struct {
	// Program is set for what is in the table; Name is its key there.
	Program Program
	Name    string
	// Path is the file, for scripts and programs of the image, and where
	// Windows has the program for those of the table ("C:\Windows\System32\xcopy.exe").
	Path string
}

// Find looks a command name up as SearchPath with PATHEXT does: a path as it
// is, a plain name in the current directory (if cwd) and in PATH. Scripts and
// programs of the file system come before those of the table when a directory
// of PATH before System32 has one; a sealed base is not read for that. The
// error matches fs.ErrNotExist when there is no such thing.
func (m *Machine) Find(ctx context.Context, name string, env *Env, dir string, cwd bool) (Found, error) {
	panic("todo")
}

// Start runs a program that Find has found (not a script: those are for the
// shells) as a child of parent. CommandLine, streams, directory and environment
// are the child's; Args are made from the command line.
func (m *Machine) Start(ctx context.Context, f Found, child *Process) (exitCode int, err error) {
	panic("todo")
}

// Account is a user of the machine.
type Account struct {
	Name   string // "ContainerAdministrator"
	Domain string // "User Manager"
	SID    winmeta.SID
	Groups []winmeta.SID
	Admin  bool
	// Profile is "C:\Users\ContainerAdministrator".
	Profile string
}

// Registry is the registry. Keys are paths ("HKLM\SOFTWARE\X", also
// "HKEY_LOCAL_MACHINE\…", HKCU, HKCR, HKU, HKCC), names in any case. Reads fall
// through to the hives of the base, which are unsealed then; writes stay in
// memory. HKCR is the merged view of HKLM\SOFTWARE\Classes and the user's.
type Registry struct{ m *Machine }

// RegType is the type of a value: REG_SZ 1, REG_EXPAND_SZ 2, REG_BINARY 3,
// REG_DWORD 4, REG_MULTI_SZ 7, REG_QWORD 11, REG_NONE 0.
type RegType uint32

// RegValue is a value. Data is as the registry stores it (UTF-16LE with a
// terminating zero for strings).
type RegValue struct {
	Name string
	Type RegType
	Data []byte
}

// Constructors and readers of values.
func RegString(name, s string) RegValue          { panic("todo") }
func RegExpand(name, s string) RegValue          { panic("todo") }
func RegMulti(name string, s []string) RegValue  { panic("todo") }
func RegDword(name string, n uint32) RegValue    { panic("todo") }
func RegQword(name string, n uint64) RegValue    { panic("todo") }
func RegBinary(name string, b []byte) RegValue   { panic("todo") }
func (v RegValue) String() string                { panic("todo") } // REG_SZ, REG_EXPAND_SZ
func (v RegValue) Strings() []string             { panic("todo") } // REG_MULTI_SZ
func (v RegValue) Uint() uint64                  { panic("todo") } // REG_DWORD, REG_QWORD
func (t RegType) String() string                 { panic("todo") } // "REG_SZ"
func ParseRegType(s string) (t RegType, ok bool) { panic("todo") }

// Errors match fs.ErrNotExist for keys and values that are not there, and
// fs.ErrPermission for what the account may not do.
func (r *Registry) KeyExists(ctx context.Context, key string) (bool, error)       { panic("todo") }
func (r *Registry) Subkeys(ctx context.Context, key string) ([]string, error)     { panic("todo") }
func (r *Registry) Values(ctx context.Context, key string) ([]RegValue, error)    { panic("todo") }
func (r *Registry) Value(ctx context.Context, key, name string) (RegValue, error) { panic("todo") }
func (r *Registry) CreateKey(ctx context.Context, key string) (existed bool, err error) {
	panic("todo")
}
func (r *Registry) SetValue(ctx context.Context, key string, v RegValue) error { panic("todo") } // makes the key
func (r *Registry) DeleteValue(ctx context.Context, key, name string) error    { panic("todo") }
func (r *Registry) DeleteKey(ctx context.Context, key string) error            { panic("todo") } // with all below it
