package tools

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// Values as reg reads and prints them.

// The numbers of the registry's types.
const (
	regNone       machine.RegType = 0
	regSz         machine.RegType = 1
	regExpandSz   machine.RegType = 2
	regBinary     machine.RegType = 3
	regDword      machine.RegType = 4
	regDwordBig   machine.RegType = 5
	regMultiSz    machine.RegType = 7
	regQword      machine.RegType = 11
	regBadNumber                  = "ERROR: Invalid syntax. Specify valid numeric value for '/d'."
	regBadBinary                  = "ERROR: Invalid syntax. Specify valid binary value for '/d'."
	regBadType                    = "ERROR: Invalid syntax. Specify valid registry type for '/t'."
	regBadDivider                 = "ERROR: Invalid syntax. Specify valid separator for '/s'."
)

// regValueOf makes the value that reg add asks for, or says what reg complains
// about.
func regValueOf(in input) (v machine.RegValue, complaint string) {
	name, data := in.value("V"), in.value("D")
	t := regSz
	if it, ok := in.get("T"); ok {
		if t, ok = regTypeOf(it.text); !ok {
			return v, regBadType
		}
	}
	switch t {
	case regSz:
		return machine.RegString(name, data), ""
	case regNone:
		v = machine.RegString(name, data)
		v.Type = t
		return v, ""
	case regExpandSz:
		return machine.RegExpand(name, data), ""
	case regMultiSz:
		divider := `\0`
		if it, ok := in.get("S"); ok {
			if divider = it.text; len([]rune(divider)) != 1 {
				return v, regBadDivider
			}
		}
		return regMulti(name, data, divider)
	case regDword, regDwordBig, regQword:
		if _, ok := in.get("D"); !ok && t != regQword {
			return v, regBadNumber
		}
		return regNumber(name, data, t)
	}
	if len(data)%2 == 1 {
		data = "0" + data
	}
	b, err := hex.DecodeString(data)
	if err != nil {
		return v, regBadBinary
	}
	return machine.RegValue{Name: name, Type: t, Data: b}, ""
}

func regMulti(name, data, divider string) (v machine.RegValue, complaint string) {
	switch data {
	case "":
		return machine.RegMulti(name, nil), ""
	case divider: // one empty string
		return machine.RegMulti(name, []string{""}), ""
	}
	parts := strings.Split(strings.TrimSuffix(data, divider), divider)
	for _, part := range parts {
		if part == "" { // an empty string would end the list
			return v, "ERROR: Invalid syntax."
		}
	}
	return machine.RegMulti(name, parts), ""
}

func regNumber(name, data string, t machine.RegType) (v machine.RegValue, complaint string) {
	bits := 32
	if t == regQword {
		bits = 64
	}
	n := uint64(0)
	if data != "" {
		base, digits := 10, data
		if len(data) > 2 && strings.EqualFold(data[:2], "0x") {
			base, digits = 16, data[2:]
		}
		var err error
		if n, err = strconv.ParseUint(digits, base, bits); err != nil {
			return v, regBadNumber
		}
	}
	if t == regQword {
		return machine.RegQword(name, n), ""
	}
	v = machine.RegDword(name, uint32(n))
	v.Type = t // big-endian ones are written as the others are, by every Windows
	return v, ""
}

// regTypeOf reads the name of a type.
func regTypeOf(name string) (machine.RegType, bool) {
	switch strings.ToUpper(name) {
	case "REG_DWORD_LITTLE_ENDIAN":
		return regDword, true
	case "REG_DWORD_BIG_ENDIAN":
		return regDwordBig, true
	}
	t, ok := machine.ParseRegType(strings.ToUpper(name))
	switch t {
	case regNone, regSz, regExpandSz, regBinary, regDword, regMultiSz, regQword:
		return t, ok
	}
	return 0, false
}

// regText is a value's data as reg query prints it.
func regText(v machine.RegValue, divider string) string {
	switch v.Type {
	case regSz, regExpandSz:
		return v.String()
	case regMultiSz:
		return strings.Join(v.Strings(), divider)
	case regDword:
		if len(v.Data) == 4 {
			return fmt.Sprintf("0x%x", v.Uint())
		}
	case regQword:
		if len(v.Data) == 8 {
			return fmt.Sprintf("0x%x", v.Uint())
		}
	case regDwordBig:
		if len(v.Data) == 4 {
			return "0x" + strings.TrimLeft(hex.EncodeToString(v.Data[:3]), "0") + hex.EncodeToString(v.Data[3:])
		}
	}
	return strings.ToUpper(hex.EncodeToString(v.Data))
}

// regSearch is what a reg query looks for.
type regSearch struct {
	in      input
	pattern string
	typ     machine.RegType
	hasType bool
	divider string
	keys    bool // names of keys are searched
	names   bool
	data    bool
	found   int
	shown   bool // a key has been printed
}

func regQuery(ctx context.Context, p *proc, in input) (int, error) {
	key, ok, err := regKeyOf(in.operands()[0], in)
	if err != nil {
		return 1, err
	}
	if !ok {
		p.errln("ERROR: Invalid key name.")
		p.errln(`Type "REG QUERY /?" for usage.`)
		return 1, nil
	}
	s := regSearch{in: in, pattern: in.value("F"), divider: `\0`}
	if it, ok := in.get("SE"); ok {
		s.divider = it.text
	}
	if it, ok := in.get("T"); ok {
		if s.typ, s.hasType = regTypeOf(it.text); !s.hasType {
			p.errln(regBadType)
			p.errln(`Type "REG QUERY /?" for usage.`)
			return 1, nil
		}
	}
	all := !in.has("K") && !in.has("D")
	searching := in.has("F") || s.hasType
	s.keys, s.data, s.names = (all || in.has("K")) && !in.has("V"), all || in.has("D"), all
	exists, err := p.Machine.Registry().KeyExists(ctx, key.path)
	if err == nil && !exists {
		err = fs.ErrNotExist
	}
	if err != nil {
		return regFailed(p, err)
	}
	switch {
	case searching:
		if err := s.search(ctx, p, key, true); err != nil {
			return regFailed(p, err)
		}
		p.println("\r\nEnd of search: %d match(es) found.", s.found)
	case in.has("S") || !in.has("V") && !in.has("VE"):
		if err := s.show(ctx, p, key, true); err != nil {
			return regFailed(p, err)
		}
		if in.has("V") || in.has("VE") {
			p.println("\r\nEnd of search: %d match(es) found.", s.found)
			break
		}
		return 0, nil
	default:
		return s.one(ctx, p, key)
	}
	if s.found == 0 {
		return 1, nil
	}
	return 0, nil
}

// one prints a single value.
func (s *regSearch) one(ctx context.Context, p *proc, key regKey) (int, error) {
	v, err := p.Machine.Registry().Value(ctx, key.path, s.in.value("V"))
	if errors.Is(err, fs.ErrNotExist) && s.in.has("VE") {
		p.print("\r\n%s\r\n    (Default)    REG_SZ    (value not set)\r\n\r\n", key.shown)
		return 0, nil
	}
	if err != nil {
		return regFailed(p, err)
	}
	p.print("\r\n%s\r\n%s\r\n\r\n", key.shown, s.line(v))
	return 0, nil
}

// line is a value as it is printed.
func (s *regSearch) line(v machine.RegValue) string {
	name, typ := v.Name, v.Type.String()
	if name == "" {
		name = "(Default)"
	}
	if s.in.has("Z") {
		typ = fmt.Sprintf("%s (%d)", typ, v.Type)
	}
	return "    " + name + "    " + typ + "    " + regText(v, s.divider)
}

// show prints a key with its values and subkeys, or, with /s, all below it.
func (s *regSearch) show(ctx context.Context, p *proc, key regKey, top bool) error {
	if err := errors.Join(p.Machine.Tick(ctx), p.failed); err != nil {
		return err
	}
	r := p.Machine.Registry()
	values, err := r.Values(ctx, key.path)
	if err != nil {
		return err
	}
	one := s.in.has("V") || s.in.has("VE")
	var lines []string
	for _, v := range values {
		if !one || strings.EqualFold(v.Name, s.in.value("V")) {
			lines = append(lines, s.line(v))
		}
	}
	s.found += len(lines)
	recursive := s.in.has("S")
	if shown := len(lines) > 0 || recursive && !one && !top; shown {
		s.shown = true
		p.println("\r\n%s", key.shown)
		for _, l := range lines {
			p.println("%s", l)
		}
	}
	subkeys, err := r.Subkeys(ctx, key.path)
	if err != nil {
		return err
	}
	if !recursive {
		p.print("\r\n")
	}
	for _, sub := range subkeys {
		below := regKey{key.path + `\` + sub, key.shown + `\` + sub}
		if !recursive {
			p.println("%s", below.shown)
			continue
		}
		if err := s.show(ctx, p, below, false); err != nil {
			return err
		}
	}
	if recursive && top && s.shown && !one {
		p.print("\r\n")
	}
	return nil
}

// search prints what matches /f and /t.
func (s *regSearch) search(ctx context.Context, p *proc, key regKey, top bool) error {
	if err := errors.Join(p.Machine.Tick(ctx), p.failed); err != nil {
		return err
	}
	r := p.Machine.Registry()
	values, err := r.Values(ctx, key.path)
	if err != nil {
		return err
	}
	printed := false
	if !top && s.keys && !s.hasType && s.matches(key.shown[strings.LastIndexByte(key.shown, '\\')+1:]) {
		p.println("\r\n%s", key.shown)
		s.found, printed = s.found+1, true
	}
	for _, v := range values {
		if s.in.has("V") && !strings.EqualFold(v.Name, s.in.value("V")) || s.hasType && v.Type != s.typ {
			continue
		}
		name := s.names && !s.in.has("V") && s.matches(v.Name)
		if !name && !(s.data && s.matches(regText(v, s.divider))) {
			continue
		}
		if !printed {
			p.println("\r\n%s", key.shown)
			printed = true
		}
		p.println("%s", s.line(v))
		s.found++
	}
	subkeys, err := r.Subkeys(ctx, key.path)
	if err != nil {
		return err
	}
	for _, sub := range subkeys {
		below := regKey{key.path + `\` + sub, key.shown + `\` + sub}
		if s.in.has("S") {
			if err := s.search(ctx, p, below, false); err != nil {
				return err
			}
		} else if s.keys && !s.hasType && s.matches(sub) {
			p.println("\r\n%s", below.shown)
			s.found++
		}
	}
	return nil
}

// matches compares text with the searched one.
func (s *regSearch) matches(text string) bool {
	pattern := s.pattern
	if pattern == "*" || pattern == "" {
		return true
	}
	if !s.in.has("C") {
		text, pattern = strings.ToUpper(text), strings.ToUpper(pattern)
	}
	if s.in.has("E") {
		return text == pattern
	}
	return strings.Contains(text, pattern)
}
