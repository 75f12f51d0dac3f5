package main

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// mutated returns the keys of a function body's mutants, without the file, and the source with all mutants built in.
func mutated(t *testing.T, body string, skip ...string) (keys []string, source string) {
	t.Helper()
	text := "package p\n\nvar err error\n\nvar g func() (int, error)\n\nfunc f(a, b bool, n int) (bool, error) {\n" + body + "\n}\n"
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "p.go", text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: importer.Default()}
	if _, err := config.Check("p", fset, []*ast.File{f}, info); err != nil {
		t.Fatal(err)
	}
	n := 0
	m := &mutator{fset: fset, info: info, source: []byte(text), file: "p.go", skip: map[string]bool{}, next: func() int { n++; return n - 1 }}
	for _, line := range skip {
		m.skip[line] = true
	}
	mutants, rewritten := m.mutate(f)
	for i, mutant := range mutants {
		if mutant.id != i {
			t.Errorf("mutant %d has number %d", i, mutant.id)
		}
		keys = append(keys, strings.TrimPrefix(mutant.key(), "p.go f: "))
	}
	if _, err := parser.ParseFile(token.NewFileSet(), "p.go", rewritten, 0); err != nil {
		t.Errorf("%v in:\n%s", err, rewritten)
	}
	if got, want := strings.Count(string(rewritten), "\n"), strings.Count(text, "\n"); got != want {
		t.Errorf("%d lines, want %d as before", got, want)
	}
	return keys, string(rewritten)
}

func TestMutants(t *testing.T) {
	const end = "return a, nil"
	tests := []struct {
		name, body string
		want       []string // without the mutant of the last line
	}{
		{"condition", "if a { n = 2 }", []string{"not: a", "without: n = 2", "1 more than: 2 in n = 2"}},
		{"operands", "if a && (b || n > 1) {}", []string{
			"not: a && (b || n > 1)", "without: a in a && (b || n > 1)", "without: (b || n > 1) in a && (b || n > 1)", "without: b in b || n > 1",
			"without: n > 1 in b || n > 1", ">= for >: n > 1"}},
		{"the same twice", "if a {}; if a {}", []string{"not: a", "not: a (2)"}},
		{"declared", "x, _ := g(); _ = x", nil},
		{"step", "n++; n -= 2", []string{"without: n++", "-- for ++: n++", "without: n -= 2", "+= for -=: n -= 2", "1 more than: 2 in n -= 2"}},
		{"loop", "for range n { continue }", []string{"without: continue"}},
		{"condition of a loop", "for n < 3 { n = n * 2 }", []string{"not: n < 3", "<= for <: n < 3", "without: n = n * 2", "/ for *: n * 2", "1 more than: 2 in n = n * 2"}},
		{"cases", "switch { case a: case n == 1: default: panic(err) }", []string{"not: a", "not: n == 1", "1 more than: 1 in case n == 1:"}},
		{"cases of a value", "switch n { case 1, 2: n = 3 }", []string{"without: n = 3", "1 more than: 3 in case 1, 2: n = 3"}},
		{"returned error", "if a { return false, err }", []string{"not: a", "nil for: err in if a"}},
		{"sizes", "c := make(chan int, 1); s := make([]int, 2, 3); _, _ = c, s", []string{"1 more than: 2 in s := make([]int, 2, 3)"}},
		{"constants", "const c = 3; var x [2]int; _ = x", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, source := mutated(t, tt.body+"\n"+end)
			if diff := cmp.Diff(append(slices.Clone(tt.want), "not: a"), renumbered(got)); diff != "" {
				t.Errorf("%s\n%s", diff, source)
			}
		})
	}
}

// renumbered removes the number from the key of the last line's mutant.
func renumbered(keys []string) []string {
	last := len(keys) - 1
	keys[last], _, _ = strings.Cut(keys[last], " (")
	return keys
}

func TestRewritten(t *testing.T) {
	_, source := mutated(t, "if a && n < 2 { n++ }\nreturn b, err")
	for _, want := range []string{
		`package p; import switches__ "`,
		"if (switches__.Is(0) != (((a) || switches__.Is(1)) && ((switches__.Less(3, n , 2)) || switches__.Is(2)))) {",
		"if !switches__.Is(4) { if switches__.Is(5) { n-- } else { n++ } } }",
		"return (switches__.Is(6) != (b)), switches__.Failure(7, err)",
	} {
		if !strings.Contains(strings.ReplaceAll(source, ",  ", ", "), want) {
			t.Errorf("there is no %s in:\n%s", want, source)
		}
	}
}

func TestLinesThatDoNotBuild(t *testing.T) {
	keys, _ := mutated(t, "n = 2\nn = 3\nreturn a, nil", "p.go:8")
	if len(keys) != 3 || slices.ContainsFunc(keys, func(key string) bool { return strings.Contains(key, "2") }) {
		t.Errorf("%q", keys)
	}
	got := brokenLines("/src", "# pkg\n/src/pkg/a.go:3:4: undefined: x\npkg/b.go:7: missing return\n\tpkg/c.go is fine\n")
	if want := []string{"pkg/a.go:3", "pkg/b.go:7"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
