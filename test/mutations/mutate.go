package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// mutant is one change of one piece of a source file.
type mutant struct {
	id     int
	pkg    string // relative to the module's directory
	file   string // relative to the module's directory
	line   int
	fn     string // the function, as in Server.Run
	kind   string
	code   string // the source of the change, on one line
	number int    // 1, or the position among equal pieces of code in this function
}

// key names a mutant in the list of survivors. It has no line number, because code above a mutant may change.
func (m mutant) key() string {
	key := fmt.Sprintf("%s %s: %s: %s", m.file, m.fn, m.kind, m.code)
	if m.number > 1 {
		key += fmt.Sprintf(" (%d)", m.number)
	}
	return key
}

// edit replaces a range of a source file. An empty range is an insertion. An edit with closes set ends what an earlier edit
// began. At one position, these edits come before all others, the last added first.
type edit struct {
	from, to int
	text     string
	closes   bool
}

// mutator collects the mutants of one file and the edits that build them in.
type mutator struct {
	fset   *token.FileSet
	info   *types.Info
	source []byte
	file   string
	pkg    string
	skip   map[string]bool // lines "file:line" whose mutants do not build
	next   func() int

	mutants []mutant
	edits   []edit
	seen    map[string]int
	parents []ast.Node
	decided map[ast.Expr]bool // conditions that have a mutant already
}

// mutate returns the mutants of a parsed file, and the source with all mutants built in.
func (m *mutator) mutate(f *ast.File) ([]mutant, []byte) {
	m.seen, m.decided = map[string]int{}, map[ast.Expr]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if n == nil {
			m.parents = m.parents[:len(m.parents)-1]
			return true
		}
		if !m.visit(n) {
			return false
		}
		m.parents = append(m.parents, n)
		return true
	})
	if len(m.mutants) == 0 {
		return nil, m.source
	}
	m.insert(f.Name.End(), `; import switches__ "`+switchesPath+`"`, false)
	return m.mutants, m.rewritten()
}

// rewritten applies the edits.
func (m *mutator) rewritten() []byte {
	order := make([]int, len(m.edits))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := m.edits[a], m.edits[b]
		switch {
		case x.from != y.from:
			return x.from - y.from
		case x.closes && y.closes:
			return b - a
		case x.closes != y.closes:
			if x.closes {
				return -1
			}
			return 1
		}
		return (x.to - x.from) - (y.to - y.from)
	})
	var out []byte
	at := 0
	for _, i := range order {
		e := m.edits[i]
		out = append(out, m.source[at:e.from]...)
		out = append(out, e.text...)
		at = e.to
	}
	return append(out, m.source[at:]...)
}

func (m *mutator) offset(p token.Pos) int { return m.fset.Position(p).Offset }

func (m *mutator) insert(p token.Pos, text string, closes bool) {
	at := m.offset(p)
	m.edits = append(m.edits, edit{at, at, text, closes})
}

// wrap inserts a text before and one after a node.
func (m *mutator) wrap(n ast.Node, before, after string) {
	m.insert(n.Pos(), before, false)
	m.insert(n.End(), after, true)
}

// text returns the source of a node on one line, shortened if it is long.
func (m *mutator) text(n ast.Node) string {
	const long = 90
	text := strings.Join(strings.Fields(string(m.source[m.offset(n.Pos()):m.offset(n.End())])), " ")
	if runes := []rune(text); len(runes) > long {
		text = string(runes[:long]) + "…"
	}
	return text
}

// add makes a mutant of a node and returns its number. It fails at lines whose mutants do not build.
func (m *mutator) add(n ast.Node, kind, code string) (int, bool) {
	line := m.fset.Position(n.Pos()).Line
	if m.skip[fmt.Sprintf("%s:%d", m.file, line)] {
		return 0, false
	}
	added := mutant{id: m.next(), pkg: m.pkg, file: m.file, line: line, fn: m.function(), kind: kind, code: code}
	key := added.key()
	m.seen[key]++
	added.number = m.seen[key]
	m.mutants = append(m.mutants, added)
	return added.id, true
}

// function returns the name of the declaration around the current node.
func (m *mutator) function() string {
	for _, n := range m.parents {
		switch d := n.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				return d.Name.Name
			}
			recv := strings.TrimPrefix(m.text(d.Recv.List[0].Type), "*")
			return recv + "." + d.Name.Name
		case *ast.ValueSpec:
			return d.Names[0].Name
		}
	}
	return "file"
}

// parent returns the node around the current one, or nil.
func (m *mutator) parent() ast.Node {
	if len(m.parents) == 0 {
		return nil
	}
	return m.parents[len(m.parents)-1]
}

// signature returns the type of the innermost function.
func (m *mutator) signature() *types.Signature {
	for _, n := range slices.Backward(m.parents) {
		switch f := n.(type) {
		case *ast.FuncLit:
			s, _ := m.info.TypeOf(f).(*types.Signature)
			return s
		case *ast.FuncDecl:
			s, _ := m.info.TypeOf(f.Name).(*types.Signature)
			return s
		}
	}
	return nil
}
