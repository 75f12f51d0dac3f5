package main

import (
	"fmt"
	"go/ast"
	"go/types"
	"strings"
)

// integer adds one to a constant. Durations get no mutants, because tests do not measure time.
func (m *mutator) integer(constant ast.Expr) {
	typ, ok := m.typeName(m.info.TypeOf(constant))
	if !ok {
		return
	}
	if !m.counts(constant) {
		return
	}
	if id, ok := m.add(constant, "1 more than", m.text(constant)+" in "+m.text(m.around())); ok {
		m.wrap(constant, "(", fmt.Sprintf(" + switches__.One[%s](%d))", typ, id))
	}
}

// typeName returns a number's type as the file writes it. It fails for durations and for types of other packages.
func (m *mutator) typeName(t types.Type) (string, bool) {
	switch t := t.(type) {
	case *types.Basic:
		if t.Info()&types.IsUntyped != 0 {
			return "", false
		}
		return t.Name(), t.Info()&types.IsNumeric != 0
	case *types.Named:
		if t.Obj().Pkg() == nil || !strings.HasSuffix(m.pkgPath(), t.Obj().Pkg().Path()) {
			return "", false
		}
		return t.Obj().Name(), isNumeric(t)
	}
	return "", false
}

func (m *mutator) pkgPath() string { return modulePath + "/" + m.pkg }

func (m *mutator) isNumber(x ast.Expr) bool { return isNumeric(m.info.TypeOf(x)) }

func isNumeric(t types.Type) bool {
	if t == nil {
		return false // a variable that is just declared, or a type
	}
	basic, ok := t.Underlying().(*types.Basic)
	return ok && basic.Info()&(types.IsInteger|types.IsFloat) != 0
}
