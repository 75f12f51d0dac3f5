package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestReadKnown(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       string // of the error; "" means that two entries are read
	}{
		{"good", "# why\n\na.go f: not: x # equivalent\nb.go f: without: y || z # only timing\n", ""},
		{"no reason", "a.go f: not: x\n", "without"},
		{"twice", "a.go f: not: x # one\na.go f: not: x # two\n", "twice"},
	} {
		path := filepath.Join(t.TempDir(), "survivors.txt")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		list, err := readKnown(path)
		switch {
		case tt.want != "":
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v", tt.name, err)
			}
		case err != nil || len(list) != 2 || list["b.go f: without: y || z"] != "only timing":
			t.Errorf("%s: %v, %v", tt.name, list, err)
		}
	}
}

// TestSurvivorsExist: each entry of survivors.txt names a mutant of the present code, even if the mutant does not compile: only a
// hunt leaves those out.
func TestSurvivorsExist(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	listed, err := readKnown("survivors.txt")
	if err != nil {
		t.Fatal(err)
	}
	packages, err := list(t.Context(), root, "./pkg/...")
	if err != nil {
		t.Fatal(err)
	}
	mutants, _, err := generate(packages, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range listed.missing(mutants) {
		t.Errorf("survivors.txt has a mutant that does not exist: %s; change the entry as the code has changed, or delete it", key)
	}
}

func TestReport(t *testing.T) {
	m := func(code string) mutant {
		return mutant{pkg: "pkg/a", file: "pkg/a/a.go", line: 3, fn: "f", kind: "not", code: code, number: 1}
	}
	results := make([]result, 0, 20)
	for range 19 {
		results = append(results, result{mutant: m("x"), caught: true, reached: true})
	}
	results = append(results, result{mutant: m("y"), reached: true})
	mutants := []mutant{m("x"), m("y")}
	for _, tt := range []struct {
		name    string
		results []result
		list    known
		says    []string // parts of the error; none means success
	}{
		{"listed", results, known{m("y").key(): "equivalent"}, nil},
		{"not listed", results, known{}, []string{"1 mutants survived"}},
		{"listed and gone", results, known{m("y").key(): "equivalent", "pkg/a/a.go f: not: z": "equivalent"}, []string{"does not exist: pkg/a/a.go f: not: z"}},
		{"too few", results[10:], known{m("y").key(): "equivalent"}, []string{"9 of 10"}},
	} {
		var out strings.Builder
		err := report(&out, tt.results, mutants, tt.list)
		if (err == nil) != (tt.says == nil) {
			t.Errorf("%s: %v\n%s", tt.name, err, out.String())
		}
		for _, part := range tt.says {
			if err != nil && !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q does not say %q", tt.name, err, part)
			}
		}
	}
}

// TestBatches: the tests that reach a mutant come in groups, the fastest first, starting with small groups.
func TestBatches(t *testing.T) {
	s := suite{tests: []test{
		{"slow", 3 * time.Second, []byte{1}}, {"other", 0, []byte{0}}, {"fast", 10 * time.Millisecond, []byte{1}}, {"also", 20 * time.Millisecond, []byte{1}},
	}}
	got := make([]string, 0, 2)
	for _, batch := range s.batches(0) {
		names := make([]string, 0, len(batch))
		for _, t := range batch {
			names = append(names, t.name)
		}
		got = append(got, strings.Join(names, "+"))
	}
	if want := []string{"fast+also", "slow"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestChoose: a seed always gives the same sample.
func TestChoose(t *testing.T) {
	mutants := make([]mutant, 100)
	for i := range mutants {
		mutants[i] = mutant{id: i, file: "pkg/a/a.go"}
	}
	var out strings.Builder
	ids := func(o options) (ids []int) {
		for _, m := range o.choose(&out, mutants) {
			ids = append(ids, m.id)
		}
		return ids
	}
	first := ids(options{sample: 10, seed: 1})
	if len(first) != 10 || !slices.IsSorted(first) || !slices.Equal(first, ids(options{sample: 10, seed: 1})) || slices.Equal(first, ids(options{sample: 10, seed: 2})) {
		t.Errorf("a sample of 10: %v", first)
	}
	if len(ids(options{})) != 100 || len(ids(options{sample: 1000})) != 100 || len(ids(options{only: "pkg/b/"})) != 0 {
		t.Error("choose returned the wrong number of mutants")
	}
	if !strings.Contains(out.String(), "-seed 1") {
		t.Errorf("the seed is not printed: %s", out.String())
	}
}
