package ps

import (
	"context"
	"sync"

	"github.com/casement/casement/internal/run/winsh/machine"
)

var customType = sync.OnceValue(func() *Type {
	return &Type{Name: "System.Management.Automation.PSCustomObject"}
})

type Regex struct{}
type Invocation struct{}
type frame struct{}
type known struct{}
type state struct {
	engine  *Engine
	edition Edition
	process *machine.Process
	errors  *Array
}
type scope struct{}
type constraint struct{}
type blockInfo struct{}
type printer struct{}
type host struct {
	engine  *Engine
	edition Edition
}

func toInt64(v any) (int64, bool) { panic("todo") }
func (f *frame) has(string) bool { panic("todo") }
func (f *frame) value(string) any { panic("todo") }
func (f *frame) set() string { panic("todo") }
func (f *frame) bound() *Hashtable { panic("todo") }
func (f *frame) input() (any, bool) { panic("todo") }
func (f *frame) piped() bool { panic("todo") }
func (f *frame) write(context.Context, any) error { panic("todo") }
func (f *frame) writeError(context.Context, *ErrorRecord) error { panic("todo") }
func (f *frame) writeStream(context.Context, Stream, string) error { panic("todo") }
func (f *frame) writeInformation(context.Context, any, []string) error { panic("todo") }
func (f *frame) shouldProcess(ctx context.Context, target, action string) (bool, error) { panic("todo") }
func (f *frame) stop() error { panic("todo") }
func (k *known) has(string) bool { panic("todo") }
func (k *known) value(string) (any, bool) { panic("todo") }
func (k *known) text(string) (string, bool) { panic("todo") }
func (k *known) splatted() bool { panic("todo") }
func (k *known) warn(a, b string) { panic("todo") }
func New(Config) *Engine { panic("todo") }
func (e *Engine) cmdlet(string, Edition) *Cmdlet { panic("todo") }
func (e *Engine) listCmdlets(Edition) []*Cmdlet { panic("todo") }
func (e *Engine) findType(string, any) *Type { panic("todo") }
func (h *host) Check(ctx context.Context, c *machine.Checking, args []machine.Arg) error { panic("todo") }
func (h *host) Run(ctx context.Context, p *machine.Process) (int, error) { panic("todo") }
func (p Path) show() string { panic("todo") }
func (p Path) qualified() string { panic("todo") }
func (s *state) resolve(string) (Path, error) { panic("todo") }
func (s *state) resolveFile(string) (string, error) { panic("todo") }
func (s *state) location() Path { panic("todo") }
func (s *state) setLocation(Path) error { panic("todo") }
func (s *state) listDrives() []*Drive { panic("todo") }
func (s *state) addDrive(*Drive) { panic("todo") }
func (s *state) removeDrive(string) { panic("todo") }
func (s *state) getVariable(string) (any, bool) { panic("todo") }
func (s *state) putVariable(string, any) error { panic("todo") }
func (s *state) findVariable(a, b string) (*Variable, error) { panic("todo") }
func (s *state) addVariable(*Variable, string) error { panic("todo") }
func (s *state) dropVariable(a, b string) error { panic("todo") }
func (s *state) listVariables(string) ([]*Variable, error) { panic("todo") }
func (s *state) findCommand(context.Context, string) (*CommandInfo, error) { panic("todo") }
func (s *state) listFunctions() []*CommandInfo { panic("todo") }
func (s *state) putFunction(string, *ScriptBlock) { panic("todo") }
func (s *state) listAliases() []*CommandInfo { panic("todo") }
func (s *state) putAlias(a, b string) { panic("todo") }
func (b *ScriptBlock) text() string { panic("todo") }
func (s *state) callBlock(context.Context, *ScriptBlock, CallOptions) ([]any, error) { panic("todo") }
func (s *state) streamBlock(context.Context, *ScriptBlock, CallOptions, func(context.Context, any) error) error { panic("todo") }
func (s *state) parse(ctx context.Context, a, b string) (*ScriptBlock, error) { panic("todo") }
func (s *state) runCommand(ctx context.Context, n string, h *Hashtable, a []any) ([]any, error) { panic("todo") }
func (s *state) toString(any) string { panic("todo") }
func (s *state) display(any) string { panic("todo") }
func (s *state) formatValue(any, string) (string, error) { panic("todo") }
func (s *state) composite(string, []any) (string, error) { panic("todo") }
func toBool(any) bool { panic("todo") }
func (s *state) cast(context.Context, any, *Type) (any, error) { panic("todo") }
func (s *state) castTo(context.Context, any, string) (any, error) { panic("todo") }
func (s *state) is(any, *Type) bool { panic("todo") }
func (s *state) equal(a, b any, c bool) bool { panic("todo") }
func (s *state) compare(a, b any, c bool) (int, error) { panic("todo") }
func like(a, b string, c bool) bool { panic("todo") }
func hasWildcard(string) bool { panic("todo") }
func escapeWildcard(string) string { panic("todo") }
func unescapeWildcard(string) string { panic("todo") }
func enumerable(any) bool { panic("todo") }
func each(any, func(any) bool) { panic("todo") }
func (s *state) property(context.Context, any, string) (any, bool, error) { panic("todo") }
func (s *state) setProperty(context.Context, any, string, any) error { panic("todo") }
func (s *state) invoke(context.Context, any, string, bool, []any) (any, error) { panic("todo") }
func (s *state) construct(context.Context, *Type, []any) (any, error) { panic("todo") }
func (s *state) properties(any) []MemberInfo { panic("todo") }
func (s *state) methods(any) []MemberInfo { panic("todo") }
func (s *state) typeOf(any) *Type { panic("todo") }
func (s *state) typeNames(any) []string { panic("todo") }
func (s *state) lookupType(string) *Type { panic("todo") }
func (s *state) loadAssembly(string) bool { panic("todo") }
func (s *state) enumName(Enum) string { panic("todo") }
func newPrinter(*Session, int, func(context.Context, string) error) *printer { panic("todo") }
func (p *printer) add(context.Context, any) error { panic("todo") }
func (p *printer) close(context.Context) error { panic("todo") }
func (s *state) outString(context.Context, []any, int) (string, error) { panic("todo") }
func (e *Engine) mustType(string) *Type { panic("todo") }
