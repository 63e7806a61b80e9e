package pscmd

import (
	"context"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// Secure is the Data of a SecureString. It is a text like any other here: a
// build keeps secrets elsewhere.
type Secure struct{ Text string }

// Credential is the Data of a PSCredential.
type Credential struct {
	User     string
	Password *Secure
}

// SecureOf returns the text of a SecureString.
func SecureOf(v any) (*Secure, bool) {
	o, _ := ps.Unwrap(v).(*ps.Object)
	if o == nil {
		return nil, false
	}
	s, ok := o.Data.(*Secure)
	return s, ok
}

// CredentialOf returns the user and password of a PSCredential.
func CredentialOf(v any) (*Credential, bool) {
	o, _ := ps.Unwrap(v).(*ps.Object)
	if o == nil {
		return nil, false
	}
	c, ok := o.Data.(*Credential)
	return c, ok
}

// SecureObject makes a SecureString.
func SecureObject(s *ps.Session, text string) *ps.Object {
	return s.Object("System.Security.SecureString", &Secure{text})
}

// secureCmdlets make and read SecureStrings.
func secureCmdlets() []*ps.Cmdlet {
	const key = `
		SecureKey object @2 {Secure} !keys are not supported => use -AsPlainText
		Key object {Open} !keys are not supported => use -AsPlainText`
	return []*ps.Cmdlet{
		{
			Name: "ConvertTo-SecureString", Module: moduleSecurity, DefaultSet: "Secure",
			Syntax: params(`
				String string @1 mandatory pipeline
				AsPlainText switch @2 {PlainText}
				Force switch @3 {PlainText}` + key),
			Process: toSecure,
			Check: func(_ context.Context, k *ps.Check) error {
				if !k.Has("AsPlainText") && !k.Splatted() {
					return refuseDPAPI("ConvertTo-SecureString")
				}
				return nil
			},
		},
		{
			Name: "ConvertFrom-SecureString", Module: moduleSecurity, DefaultSet: "Secure",
			Syntax: params(`
				SecureString object @1 mandatory pipeline
				AsPlainText switch {AsPlainText} 7` + key),
			Process: func(ctx context.Context, c *ps.Call) error {
				if !c.Switch("AsPlainText") {
					return refuseDPAPI("ConvertFrom-SecureString")
				}
				s, ok := SecureOf(c.Value("SecureString"))
				if !ok {
					return fail(psArgument, "A SecureString is needed.", "ParameterArgumentTransformationError", ps.InvalidData, nil)
				}
				return c.Write(ctx, s.Text)
			},
		},
	}
}

func refuseDPAPI(command string) error {
	return machine.Refuse(command, "the keys that Windows protects such texts with belong to one machine", "use -AsPlainText")
}

func toSecure(ctx context.Context, c *ps.Call) error {
	if !c.Switch("AsPlainText") {
		return refuseDPAPI("ConvertTo-SecureString")
	}
	if !c.Switch("Force") && c.Session.Edition() == ps.Desktop {
		return fail(argumentException, "The system cannot protect plain text input. To suppress this warning and convert the plain text to a SecureString, reissue the command specifying the Force parameter. For more information ,please type: get-help ConvertTo-SecureString.",
			"ImportSecureString_ForceRequired", ps.InvalidArgument, nil)
	}
	return c.Write(ctx, SecureObject(c.Session, c.String("String")))
}

// secureTypes are SecureString and PSCredential.
func secureTypes() []*ps.Type {
	cred := func(in *ps.Invoke) *Credential { return in.Data().(*Credential) }
	return []*ps.Type{
		policyEnum(),
		{
			Name: "System.Security.SecureString", Aliases: []string{"securestring"}, Implements: []string{"System.IDisposable"},
			String: func(any) string { return "System.Security.SecureString" },
			New: []ps.Overload{ps.O("", func(_ context.Context, in *ps.Invoke) (any, error) {
				return SecureObject(in.Session, ""), nil
			})},
			Members: func() []ps.Member {
				data := func(in *ps.Invoke) *Secure { return in.Data().(*Secure) }
				none := func(context.Context, *ps.Invoke) (any, error) { return nil, nil }
				return []ps.Member{
					ps.Prop("Length", "int", func(_ context.Context, in *ps.Invoke) (any, error) { return ps.Int(utf16Len(data(in).Text)), nil }),
					ps.Method("AppendChar", "void", ps.O("char c", func(_ context.Context, in *ps.Invoke) (any, error) {
						data(in).Text += in.String(0)
						return nil, nil
					})),
					ps.Method("MakeReadOnly", "void", ps.O("", none)), ps.Method("Dispose", "void", ps.O("", none)),
				}
			},
		},
		{
			Name: "System.Management.Automation.PSCredential", Aliases: []string{"pscredential"},
			New: []ps.Overload{ps.O("string userName, System.Security.SecureString password", func(_ context.Context, in *ps.Invoke) (any, error) {
				p, ok := SecureOf(in.Args[1])
				if !ok {
					return nil, ps.NewException(argumentNullException, "Value cannot be null.\r\nParameter name: password")
				}
				return in.Session.Object("System.Management.Automation.PSCredential", &Credential{in.String(0), p}), nil
			})},
			Members: func() []ps.Member {
				return []ps.Member{
					ps.Prop("UserName", "string", func(_ context.Context, in *ps.Invoke) (any, error) { return cred(in).User, nil }),
					ps.Prop("Password", "System.Security.SecureString", func(_ context.Context, in *ps.Invoke) (any, error) {
						return in.Session.Object("System.Security.SecureString", cred(in).Password), nil
					}),
					ps.Method("GetNetworkCredential", "System.Net.NetworkCredential", ps.O("", func(_ context.Context, in *ps.Invoke) (any, error) {
						return in.Session.Object("System.Net.NetworkCredential", cred(in)), nil
					})),
				}
			},
		},
		{
			Name: "System.Net.NetworkCredential",
			New: []ps.Overload{ps.O("string userName, string password", func(_ context.Context, in *ps.Invoke) (any, error) {
				return in.Session.Object("System.Net.NetworkCredential", &Credential{in.String(0), &Secure{in.String(1)}}), nil
			})},
			Members: func() []ps.Member {
				return []ps.Member{
					ps.Prop("UserName", "string", func(_ context.Context, in *ps.Invoke) (any, error) { return cred(in).User, nil }),
					ps.Prop("Password", "string", func(_ context.Context, in *ps.Invoke) (any, error) { return cred(in).Password.Text, nil }),
					ps.Prop("Domain", "string", func(context.Context, *ps.Invoke) (any, error) { return "", nil }),
				}
			},
		},
	}
}
