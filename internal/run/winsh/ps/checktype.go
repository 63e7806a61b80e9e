package ps

import (
	"strings"

	"github.com/casement/casement/internal/run/winsh/pslang"
)

// typeName looks a type up.
func (k *checker) typeName(n *pslang.TypeName) error {
	switch n.Key {
	case "ordered", "ref", "void":
		return nil
	}
	t := k.e.resolveType(refOf(n), namespacesAt(n.Extent, k.namespaces()), k.ed)
	if t == nil {
		return refuseAt(n.Extent, "["+n.Name+"]", "casement does not know this type", "use a cmdlet or a type that casement knows")
	}
	base := t
	for base.Elem != nil {
		base = base.Elem
	}
	if base.Refuse != "" {
		return refuseAt(n.Extent, "["+n.Name+"]", base.Refuse, base.Way)
	}
	return nil
}

func (k *checker) namespaces() []string {
	if k.s != nil {
		return k.s.using
	}
	return k.pureSession().using
}

// static looks up [type]::Name.
func (k *checker) static(x *pslang.Member) error {
	t, name := k.staticName(x.X, x.Name)
	if t == nil || name == "" {
		return nil
	}
	for _, e := range t.Values {
		if strings.EqualFold(e.Name, name) {
			return nil
		}
	}
	return k.staticMember(x.Extent, t, name)
}

func (k *checker) staticMember(at pslang.Extent, t *Type, name string) error {
	m := t.StaticMember(name)
	switch {
	case m == nil || !m.Edition.In(k.ed):
		return refuseAt(at, "["+t.Name+"]::"+name, "casement does not know this member", "use a cmdlet or a member that casement knows")
	case m.Refuse != "":
		return refuseAt(at, "["+t.Name+"]::"+m.Name, m.Refuse, m.Way)
	}
	return nil
}

func (k *checker) staticName(x, name pslang.Expression) (*Type, string) {
	lit, ok := name.(*pslang.String)
	typ, isType := x.(*pslang.Type)
	if !ok || !isType {
		return nil, ""
	}
	return k.e.resolveType(refOf(typ.Name), namespacesAt(typ.Extent, k.namespaces()), k.ed), lit.Value
}

// method looks up the method of a call: that of the type where it is known,
// else one of any type.
func (k *checker) method(x *pslang.Invoke) error {
	if len(x.TypeArgs) > 0 {
		return refuseAt(x.Extent, "generic method", "type arguments of methods are not supported", "")
	}
	if x.Static {
		t, name := k.staticName(x.X, x.Name)
		if t == nil || name == "" {
			return nil
		}
		if strings.EqualFold(name, "new") {
			return k.constructor(x.Extent, t)
		}
		return k.staticMember(x.Extent, t, name)
	}
	lit, ok := x.Name.(*pslang.String)
	if !ok {
		return nil
	}
	key := strings.ToLower(lit.Value)
	if key == "foreach" || key == "where" || k.added[key] {
		return nil
	}
	if t := k.typeOf(x.X); t != nil && t.Dynamic == nil {
		m := t.Member(key)
		if m != nil && m.Refuse != "" {
			return refuseAt(x.Name.At(), t.Name+"."+m.Name, m.Refuse, m.Way)
		}
		if m != nil || t.Elem != nil {
			return nil
		}
		return refuseAt(x.Name.At(), t.Name+"."+lit.Value+"()", "casement does not know this method", "use a cmdlet or a method that casement knows")
	}
	if !k.e.members()[key] {
		return refuseAt(x.Name.At(), "."+lit.Value+"()", "no type that casement knows has this method", "use a cmdlet or a method that casement knows")
	}
	return nil
}

func (k *checker) constructor(at pslang.Extent, t *Type) error {
	switch {
	case t.Refuse != "":
		return refuseAt(at, "["+t.Name+"]", t.Refuse, t.Way)
	case len(t.New) == 0 && t.Elem == nil && !t.Value:
		return refuseAt(at, "["+t.Name+"]::new", "casement cannot make objects of this type", "use a cmdlet or a type that casement knows")
	}
	return nil
}

// typeOf is the type of an expression where it is plain to see.
func (k *checker) typeOf(x pslang.Expression) *Type {
	switch n := x.(type) {
	case *pslang.String, *pslang.Expandable:
		return k.e.kinds.str
	case *pslang.Type:
		return k.e.kinds.typ
	case *pslang.Cast:
		if n.Type.Key == "ordered" || n.Type.Key == "pscustomobject" || n.Type.Key == "psobject" || n.Type.Key == "ref" {
			return nil
		}
		return k.e.resolveType(refOf(n.Type), namespacesAt(n.Extent, k.namespaces()), k.ed)
	case *pslang.Invoke:
		if t, name := k.staticName(n.X, n.Name); n.Static && t != nil && strings.EqualFold(name, "new") {
			return t
		}
	case *pslang.Paren:
		if e, ok := n.X.(*pslang.ExpressionStatement); ok {
			return k.typeOf(e.X)
		}
		if p, ok := n.X.(*pslang.Pipeline); ok && len(p.Elements) == 1 {
			return k.newObject(p.Elements[0])
		}
	case *pslang.Variable:
		if k.assigned[n.Key] == 1 && k.values[n.Key] != nil && n.Scope == pslang.ScopeNone {
			if _, again := k.values[n.Key].(*pslang.Variable); !again {
				return k.typeOf(k.values[n.Key])
			}
		}
	}
	return nil
}

// newObject is the type that New-Object makes.
func (k *checker) newObject(e pslang.Element) *Type {
	c, ok := e.(*pslang.Command)
	if !ok {
		return nil
	}
	name, ok := c.Name.(*pslang.String)
	if !ok || !strings.EqualFold(name.Value, "New-Object") {
		return nil
	}
	bound := k.bind(k.e.Cmdlet("New-Object", k.ed), c.Args)
	text, ok := bound.text("TypeName")
	if !ok {
		return nil
	}
	t := k.e.findType(text, k.namespaces(), k.ed)
	if t != nil && (t.Name == "System.Management.Automation.PSObject" || t.Name == tCustom) {
		return nil
	}
	return t
}
