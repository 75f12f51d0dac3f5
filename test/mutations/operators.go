package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// visit makes the mutants of one node and reports whether to go on below it.
func (m *mutator) visit(n ast.Node) bool { //nolint:cyclop // a case for each kind of node
	if stmt, ok := n.(ast.Stmt); ok && m.inList(stmt) {
		if m.logs(stmt) {
			return false
		}
		m.drop(stmt)
	}
	switch n := n.(type) {
	case *ast.GenDecl:
		return n.Tok == token.VAR // constants have to stay constant
	case *ast.CallExpr:
		return !m.isLog(n)
	case *ast.ArrayType, *ast.FuncType, *ast.StructType, *ast.InterfaceType:
		return false
	case *ast.IfStmt:
		if m.onlyLogs(n) {
			return false
		}
		m.negate(n.Cond)
	case *ast.SwitchStmt:
		return !m.onlyLogs(n)
	case *ast.ForStmt:
		if n.Cond != nil {
			m.negate(n.Cond)
		}
	case *ast.CaseClause:
		m.clause(n)
	case *ast.ReturnStmt:
		m.returned(n)
	case *ast.BinaryExpr:
		if m.info.Types[n].Value != nil {
			m.integer(n)
			return false
		}
		m.binary(n)
	case ast.Stmt:
		m.step(n)
	case *ast.BasicLit:
		if n.Kind == token.INT {
			m.integer(n)
		}
	}
	return true
}

// inList reports whether a statement stands in a block, where another one may stand around it.
func (m *mutator) inList(stmt ast.Stmt) bool {
	switch p := m.parent().(type) {
	case *ast.BlockStmt, *ast.CaseClause:
		return true
	case *ast.CommClause:
		return p.Comm != stmt
	}
	return false
}

// logs reports whether a statement writes to the log: what is logged is checked as a whole, for secrets.
func (m *mutator) logs(stmt ast.Stmt) bool {
	e, ok := stmt.(*ast.ExprStmt)
	if !ok {
		return false
	}
	call, ok := e.X.(*ast.CallExpr)
	return ok && m.isLog(call)
}

// onlyLogs reports whether all that a statement decides is what is logged.
func (m *mutator) onlyLogs(stmt ast.Stmt) bool {
	logs := func(list []ast.Stmt) bool {
		return len(list) > 0 && !slices.ContainsFunc(list, func(s ast.Stmt) bool { return !m.logs(s) })
	}
	switch s := stmt.(type) {
	case *ast.IfStmt:
		other, ok := s.Else.(*ast.BlockStmt)
		return s.Init == nil && logs(s.Body.List) && (s.Else == nil || ok && logs(other.List))
	case *ast.SwitchStmt:
		return s.Init == nil && !slices.ContainsFunc(s.Body.List, func(c ast.Stmt) bool {
			clause, ok := c.(*ast.CaseClause)
			return !ok || !logs(clause.Body)
		})
	}
	return false
}

func (m *mutator) isLog(call *ast.CallExpr) bool {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	fn, ok := m.info.Uses[sel.Sel].(*types.Func)
	if !ok || fn.Pkg() == nil {
		return false
	}
	switch fn.Pkg().Path() {
	case "github.com/go-logr/logr", "k8s.io/klog/v2":
		return true
	}
	return false
}

// drop leaves out a call, an assignment, or a jump.
func (m *mutator) drop(stmt ast.Stmt) { //nolint:cyclop // a case for each kind of statement
	switch s := stmt.(type) {
	case *ast.ExprStmt:
		if call, ok := s.X.(*ast.CallExpr); ok {
			if fn, ok := call.Fun.(*ast.Ident); ok && fn.Name == "panic" {
				return // the compiler knows that nothing comes after it
			}
		}
	case *ast.AssignStmt:
		if s.Tok == token.DEFINE || blank(s) {
			return
		}
	case *ast.DeferStmt:
		if m.releases(s.Call) {
			return
		}
	case *ast.IncDecStmt, *ast.SendStmt, *ast.GoStmt:
	case *ast.BranchStmt:
		if s.Label != nil || s.Tok == token.FALLTHROUGH || s.Tok == token.GOTO {
			return
		}
	default:
		return
	}
	if id, ok := m.add(stmt, "without", m.text(stmt)); ok {
		m.wrap(stmt, fmt.Sprintf("if !switches__.Is(%d) { ", id), " }")
	}
}

// releases reports whether a deferred call only releases what the garbage collector, or the end of a context, releases too:
// a context, a timer, an open file or connection.
func (m *mutator) releases(call *ast.CallExpr) bool {
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		return f.Sel.Name == "Close" && len(call.Args) == 0 || f.Sel.Name == "Stop" && isNamed(m.info.TypeOf(f.X), "time", "Timer", "Ticker")
	case *ast.Ident:
		return isNamed(m.info.TypeOf(f), "context", "CancelFunc", "CancelCauseFunc")
	case *ast.FuncLit:
		if len(f.Body.List) != 1 {
			return false
		}
		assign, ok := f.Body.List[0].(*ast.AssignStmt)
		if !ok || len(assign.Rhs) != 1 {
			return false
		}
		inner, ok := assign.Rhs[0].(*ast.CallExpr)
		return ok && m.releases(inner)
	}
	return false
}

func isNamed(t types.Type, pkg string, names ...string) bool {
	if pointer, ok := t.(*types.Pointer); ok {
		t = pointer.Elem()
	}
	named, ok := t.(*types.Named)
	return ok && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == pkg && slices.Contains(names, named.Obj().Name())
}

// blank reports whether an assignment only keeps the compiler quiet.
func blank(s *ast.AssignStmt) bool {
	for _, left := range s.Lhs {
		if ident, ok := left.(*ast.Ident); !ok || ident.Name != "_" {
			return false
		}
	}
	return !hasCall(s)
}

func hasCall(n ast.Node) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		_, is := n.(*ast.CallExpr)
		found = found || is
		return !found
	})
	return found
}

// negate turns a condition round.
func (m *mutator) negate(cond ast.Expr) {
	if m.decided[cond] || !isBool(m.info.TypeOf(cond)) {
		return
	}
	m.decided[cond] = true
	if id, ok := m.add(cond, "not", m.told(cond)); ok {
		m.wrap(cond, fmt.Sprintf("(switches__.Is(%d) != (", id), "))")
	}
}

// clause turns the conditions of a case round, where the switch has no value to compare with.
func (m *mutator) clause(c *ast.CaseClause) {
	for _, v := range slices.Backward(m.parents) {
		if s, ok := v.(*ast.SwitchStmt); ok {
			if s.Tag == nil {
				for _, cond := range c.List {
					m.negate(cond)
				}
			}
			return
		}
		if _, ok := v.(*ast.BlockStmt); !ok {
			return
		}
	}
}

// returned turns a returned boolean round, and makes a success of a returned error.
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

// besideError reports whether a return has an error: callers look at nothing else then.
func (m *mutator) besideError(r *ast.ReturnStmt) bool {
	return len(r.Results) > 1 && m.endsInError() && !m.info.Types[r.Results[len(r.Results)-1]].IsNil()
}

// endsInError reports whether the last result of the innermost function is an error.
func (m *mutator) endsInError() bool {
	sig := m.signature()
	return sig != nil && sig.Results().Len() > 0 && isError(sig.Results().At(sig.Results().Len()-1).Type())
}

// binary has an operand of && and || decide nothing, moves the limit of a comparison, and exchanges + and -, * and /.
func (m *mutator) binary(b *ast.BinaryExpr) {
	switch b.Op { //nolint:exhaustive // the others have no mutant
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

// operand makes an operand of && or || decide nothing.
func (m *mutator) operand(b *ast.BinaryExpr, x ast.Expr, after string) {
	if inner, ok := x.(*ast.BinaryExpr); ok && inner.Op == b.Op || !isBool(m.info.TypeOf(x)) {
		return
	}
	if id, ok := m.add(x, "without", m.text(x)+" in "+m.text(b)); ok {
		m.wrap(x, "("+"(", ")"+fmt.Sprintf(after, id))
	}
}

// isOperand reports whether an expression stands below && or ||, or is one of their operands.
func (m *mutator) isOperand(ast.Expr) bool {
	for _, v := range slices.Backward(m.parents) {
		switch p := v.(type) {
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
		return // lines have to stay where they are
	}
	if id, ok := m.add(n, becomes.String()+" for "+is.String(), m.text(n)); ok {
		m.wrap(n, fmt.Sprintf("if switches__.Is(%d) { %s } else { ", id, changed), " }")
	}
}

// integer adds one to a constant. Lengths of time are left alone: how long something takes is measured, not tested.
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

// counts reports whether a constant says how many, how large or which one.
func (m *mutator) counts(constant ast.Expr) bool {
	if hasSelector(constant) {
		return false // flags of another package
	}
	switch p := m.parent().(type) {
	case *ast.CaseClause:
		return false // it has to stay a constant
	case *ast.KeyValueExpr:
		return p.Key != constant
	case *ast.BinaryExpr:
		switch p.Op { //nolint:exhaustive // the others have no mutant
		case token.LSS, token.LEQ, token.GTR, token.GEQ:
			return false // has a mutant already
		}
	case *ast.ReturnStmt:
		return !m.besideError(p)
	case *ast.CallExpr:
		return !m.isFormal(p, constant)
	}
	return true
}

func hasSelector(n ast.Node) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		_, is := n.(*ast.SelectorExpr)
		found = found || is
		return !found
	})
	return found
}

// isFormal reports whether an argument is a base, a number of bits, a flag of a system call, or a capacity.
func (m *mutator) isFormal(call *ast.CallExpr, argument ast.Expr) bool {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		if f.Name != "make" {
			return false
		}
		_, isChan := m.info.TypeOf(call).Underlying().(*types.Chan)
		return isChan || len(call.Args) == 3 && call.Args[2] == argument
	case *ast.SelectorExpr:
		fn, ok := m.info.Uses[f.Sel].(*types.Func)
		return ok && fn.Pkg() != nil && slices.Contains([]string{"strconv", "golang.org/x/sys/unix", "syscall"}, fn.Pkg().Path())
	}
	return false
}

// told returns the text of a node and, where that says little, the condition that it stands under.
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

// around returns what stands around the current node, up to a statement, as far as it is short.
func (m *mutator) around() ast.Node {
	around := m.parent()
	for _, v := range slices.Backward(m.parents) {
		if _, ok := v.(*ast.BlockStmt); ok || strings.HasSuffix(m.text(v), "…") {
			break
		}
		around = v
	}
	return around
}

// typeName returns how a file writes a number's type. It fails for lengths of time and for types of other packages.
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

func isBool(t types.Type) bool {
	basic, ok := t.(*types.Basic)
	return ok && (basic.Kind() == types.Bool || basic.Kind() == types.UntypedBool)
}

func isError(t types.Type) bool { return types.Identical(t, types.Universe.Lookup("error").Type()) }
