package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// Some code gets no mutants, because no test can notice them or needs to: code that only logs, releases that happen later anyway,
// results beside an error, and numbers that do not count anything.

// logs reports whether a statement writes to the log. Logs are checked only as a whole, for secrets.
func (m *mutator) logs(stmt ast.Stmt) bool {
	e, ok := stmt.(*ast.ExprStmt)
	if !ok {
		return false
	}
	call, ok := e.X.(*ast.CallExpr)
	return ok && m.isLog(call)
}

// onlyLogs reports whether a statement only decides about logging.
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

// releases reports whether a deferred call only releases resources that the garbage collector or the end of a context also
// releases: a context, a timer, an open file or connection.
func (m *mutator) releases(call *ast.CallExpr) bool {
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		return f.Sel.Name == "Close" && len(call.Args) == 0 || f.Sel.Name == "Stop" && isNamed(m.info.TypeOf(f.X), "time", "Timer", "Ticker") ||
			isNamed(m.info.TypeOf(f), "context", "CancelFunc", "CancelCauseFunc")
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

// blank reports whether an assignment exists only to satisfy the compiler.
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

// besideError reports whether a return has an error: callers then ignore the other results.
func (m *mutator) besideError(r *ast.ReturnStmt) bool {
	return len(r.Results) > 1 && m.endsInError() && !m.info.Types[r.Results[len(r.Results)-1]].IsNil()
}

// endsInError reports whether the last result of the innermost function is an error.
func (m *mutator) endsInError() bool {
	sig := m.signature()
	return sig != nil && sig.Results().Len() > 0 && isError(sig.Results().At(sig.Results().Len()-1).Type())
}

// counts reports whether a constant is a count, a size or an index.
func (m *mutator) counts(constant ast.Expr) bool {
	if hasSelector(constant) {
		return false // flags of another package
	}
	switch p := m.parent().(type) {
	case *ast.CaseClause:
		return false // it must remain a constant
	case *ast.KeyValueExpr:
		return p.Key != constant
	case *ast.BinaryExpr:
		return !slices.Contains([]token.Token{token.LSS, token.LEQ, token.GTR, token.GEQ}, p.Op) // comparisons have a mutant already
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
