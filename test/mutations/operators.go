package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// visit makes the mutants of one node and reports whether to visit the nodes below it.
func (m *mutator) visit(n ast.Node) bool {
	if stmt, ok := n.(ast.Stmt); ok && m.inList(stmt) {
		if m.logs(stmt) {
			return false
		}
		m.drop(stmt)
	}
	switch n := n.(type) {
	case *ast.GenDecl:
		return n.Tok == token.VAR // constants must remain constant
	case *ast.CallExpr:
		return !m.isLog(n)
	case *ast.ArrayType, *ast.FuncType, *ast.StructType, *ast.InterfaceType:
		return false
	case ast.Stmt:
		return m.statement(n)
	case *ast.BinaryExpr:
		if m.info.Types[n].Value != nil {
			m.integer(n)
			return false
		}
		m.binary(n)
	case *ast.BasicLit:
		if n.Kind == token.INT {
			m.integer(n)
		}
	}
	return true
}

// statement makes the mutants of a statement itself and reports whether to visit the nodes below it.
func (m *mutator) statement(stmt ast.Stmt) bool {
	if m.onlyLogs(stmt) {
		return false
	}
	switch n := stmt.(type) {
	case *ast.IfStmt:
		m.negate(n.Cond)
	case *ast.ForStmt:
		if n.Cond != nil {
			m.negate(n.Cond)
		}
	case *ast.CaseClause:
		m.clause(n)
	case *ast.ReturnStmt:
		m.returned(n)
	default:
		m.step(n)
	}
	return true
}

// inList reports whether a statement is in a block, so that another statement may enclose it.
func (m *mutator) inList(stmt ast.Stmt) bool {
	switch p := m.parent().(type) {
	case *ast.BlockStmt, *ast.CaseClause:
		return true
	case *ast.CommClause:
		return p.Comm != stmt
	}
	return false
}

// drop removes a call, an assignment, or a jump.
func (m *mutator) drop(stmt ast.Stmt) {
	if !m.droppable(stmt) {
		return
	}
	if id, ok := m.add(stmt, "without", m.text(stmt)); ok {
		m.wrap(stmt, fmt.Sprintf("if !switches__.Is(%d) { ", id), " }")
	}
}

func (m *mutator) droppable(stmt ast.Stmt) bool {
	switch s := stmt.(type) {
	case *ast.ExprStmt:
		call, ok := s.X.(*ast.CallExpr)
		if !ok {
			return true
		}
		fn, ok := call.Fun.(*ast.Ident)
		return !ok || fn.Name != "panic" // for the compiler, code after panic is unreachable
	case *ast.AssignStmt:
		return s.Tok != token.DEFINE && !blank(s)
	case *ast.DeferStmt:
		return !m.releases(s.Call)
	case *ast.IncDecStmt, *ast.SendStmt, *ast.GoStmt:
		return true
	case *ast.BranchStmt:
		return s.Label == nil && s.Tok != token.FALLTHROUGH && s.Tok != token.GOTO
	}
	return false
}

// negate negates a condition.
func (m *mutator) negate(cond ast.Expr) {
	if m.decided[cond] || !isBool(m.info.TypeOf(cond)) {
		return
	}
	m.decided[cond] = true
	if id, ok := m.add(cond, "not", m.told(cond)); ok {
		m.wrap(cond, fmt.Sprintf("(switches__.Is(%d) != (", id), "))")
	}
}

// clause negates the conditions of a case, if the switch has no value to compare with.
func (m *mutator) clause(c *ast.CaseClause) {
	for _, p := range slices.Backward(m.parents) {
		if s, ok := p.(*ast.SwitchStmt); ok {
			if s.Tag == nil {
				for _, cond := range c.List {
					m.negate(cond)
				}
			}
			return
		}
		if _, ok := p.(*ast.BlockStmt); !ok {
			return
		}
	}
}

// returned negates a returned boolean, and replaces a returned error by nil.
func (m *mutator) returned(r *ast.ReturnStmt) {
	sig := m.signature()
	if sig == nil || len(r.Results) != sig.Results().Len() {
		return
	}
	for i, result := range r.Results {
		want := sig.Results().At(i).Type()
		switch {
		case isBool(want) && (m.info.Types[result].Value == nil || !m.besideError(r)):
			m.negate(result)
		case isError(want) && !m.info.Types[result].IsNil():
			if id, ok := m.add(result, "nil for", m.told(result)); ok {
				m.wrap(result, fmt.Sprintf("switches__.Failure(%d, ", id), ")")
			}
		}
	}
}

// binary removes the effect of each operand of && and ||, moves the limit of a comparison, and exchanges + and -, * and /.
func (m *mutator) binary(b *ast.BinaryExpr) {
	switch b.Op { //nolint:exhaustive // the others follow
	case token.LAND:
		m.operand(b, b.X, " || switches__.Is(%d))")
		m.operand(b, b.Y, " || switches__.Is(%d))")
	case token.LOR:
		m.operand(b, b.X, " && !switches__.Is(%d))")
		m.operand(b, b.Y, " && !switches__.Is(%d))")
	case token.EQL, token.NEQ:
		if !m.isOperand(b) {
			m.negate(b)
		}
	}
	name, ok := map[token.Token]string{
		token.LSS: "Less", token.LEQ: "AtMost", token.GTR: "More", token.GEQ: "AtLeast",
		token.ADD: "Plus", token.SUB: "Minus", token.MUL: "Times", token.QUO: "By",
	}[b.Op]
	if !ok || !m.isNumber(b.X) || !m.isNumber(b.Y) {
		return
	}
	kind := map[string]string{"Less": "<= for <", "AtMost": "< for <=", "More": ">= for >", "AtLeast": "> for >=",
		"Plus": "- for +", "Minus": "+ for -", "Times": "/ for *", "By": "* for /"}[name]
	if id, ok := m.add(b, kind, m.text(b)); ok {
		m.insert(b.Pos(), fmt.Sprintf("switches__.%s(%d, ", name, id), false)
		at := m.offset(b.OpPos)
		m.edits = append(m.edits, edit{at, at + len(b.Op.String()), ",", false})
		m.insert(b.End(), ")", true)
	}
}

// operand removes the effect of an operand of && or ||.
func (m *mutator) operand(b *ast.BinaryExpr, x ast.Expr, after string) {
	if inner, ok := x.(*ast.BinaryExpr); ok && inner.Op == b.Op || !isBool(m.info.TypeOf(x)) {
		return
	}
	if id, ok := m.add(x, "without", m.text(x)+" in "+m.text(b)); ok {
		m.wrap(x, "((", ")"+fmt.Sprintf(after, id))
	}
}

// isOperand reports whether an expression is an operand of && or ||, or below one.
func (m *mutator) isOperand(ast.Expr) bool {
	for _, p := range slices.Backward(m.parents) {
		switch p := p.(type) {
		case *ast.BinaryExpr:
			return p.Op == token.LAND || p.Op == token.LOR
		case *ast.ParenExpr, *ast.UnaryExpr:
		default:
			return false
		}
	}
	return false
}

// step exchanges ++ and --, += and -=.
func (m *mutator) step(n ast.Stmt) {
	other := map[token.Token]token.Token{token.INC: token.DEC, token.DEC: token.INC, token.ADD_ASSIGN: token.SUB_ASSIGN, token.SUB_ASSIGN: token.ADD_ASSIGN}
	var is token.Token
	switch s := n.(type) {
	case *ast.IncDecStmt:
		is = s.Tok
	case *ast.AssignStmt:
		is = s.Tok
		if len(s.Lhs) != 1 || !m.isNumber(s.Lhs[0]) {
			return
		}
	}
	becomes, ok := other[is]
	if !ok || !m.inList(n) {
		return
	}
	text := string(m.source[m.offset(n.Pos()):m.offset(n.End())])
	changed := strings.Replace(text, is.String(), becomes.String(), 1)
	if strings.Contains(text, "\n") {
		return // lines must not move
	}
	if id, ok := m.add(n, becomes.String()+" for "+is.String(), m.text(n)); ok {
		m.wrap(n, fmt.Sprintf("if switches__.Is(%d) { %s } else { ", id, changed), " }")
	}
}

// told returns the text of a node and, if that is not specific, the condition around it.
func (m *mutator) told(n ast.Expr) string {
	text := m.text(n)
	if _, ok := n.(*ast.Ident); !ok {
		return text
	}
	for _, p := range slices.Backward(m.parents) {
		switch p := p.(type) {
		case *ast.IfStmt:
			if p.Cond != n {
				return text + " in if " + m.text(p.Cond)
			}
		case *ast.CaseClause:
			if len(p.List) > 0 {
				return text + " in case " + m.text(p.List[0])
			}
			return text + " in default"
		case *ast.FuncLit, *ast.FuncDecl:
			return text
		}
	}
	return text
}

// around returns the code around the current node, up to a statement, if it is short.
func (m *mutator) around() ast.Node {
	around := m.parent()
	for _, p := range slices.Backward(m.parents) {
		if _, ok := p.(*ast.BlockStmt); ok || strings.HasSuffix(m.text(p), "…") {
			break
		}
		around = p
	}
	return around
}

func isBool(t types.Type) bool {
	basic, ok := t.(*types.Basic)
	return ok && (basic.Kind() == types.Bool || basic.Kind() == types.UntypedBool)
}

func isError(t types.Type) bool { return types.Identical(t, types.Universe.Lookup("error").Type()) }
