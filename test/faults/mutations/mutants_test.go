package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMutantsFit fails as soon as the source of a rule has changed.
func TestMutantsFit(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	all := mutants()
	for _, m := range testMutants() {
		all = append(all, m.Mutant)
	}
	for _, m := range all {
		if _, err := m.apply(root); err != nil {
			t.Error(err)
		}
	}
}

func TestApply(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "a.go"), []byte("one two; two"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		edits []Edit
		want  string // content of a.go, or the error after "error: "
	}{
		{"once", []Edit{{"a.go", "one", "1"}}, "1 two; two"},
		{"two edits of one file", []Edit{{"a.go", "one", "1"}, {"a.go", "1 two", "1 2"}}, "1 2; two"},
		{"nowhere", []Edit{{"a.go", "three", "3"}}, "error: 0 times"},
		{"twice", []Edit{{"a.go", "two", "2"}}, "error: 2 times"},
		{"no such file", []Edit{{"b.go", "two", "2"}}, "error: no such file"},
	}
	for _, tt := range tests {
		changed, err := Mutant{Edits: tt.edits}.apply(root)
		got := changed[filepath.Join(root, "a.go")]
		if words, fails := strings.CutPrefix(tt.want, "error: "); fails != (err != nil) || fails && !strings.Contains(err.Error(), words) || !fails && got != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
}
