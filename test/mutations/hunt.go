package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// test is one test function, fuzz target or example.
type test struct {
	name    string
	took    time.Duration
	reached []byte // one byte per mutant
}

// learn runs each test without a mutant, and records which mutants it reaches. All tests must pass.
func learn(ctx context.Context, dir string, suites []suite, mutants int) error {
	for i := range suites {
		cmd := exec.CommandContext(ctx, suites[i].binary, "-test.list", ".")
		cmd.Dir = suites[i].dir
		out, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("listing the tests of %s: %w", suites[i].pkg, err)
		}
		for name := range strings.FieldsSeq(string(out)) {
			if regexp.MustCompile(`^(Test|Fuzz|Example)`).MatchString(name) {
				suites[i].tests = append(suites[i].tests, test{name: name})
			}
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(workers())
	for i := range suites {
		for j := range suites[i].tests {
			g.Go(func() error { return suites[i].learn(ctx, dir, &suites[i].tests[j], mutants) })
		}
	}
	return g.Wait()
}

func (s suite) learn(ctx context.Context, dir string, t *test, mutants int) error {
	const tries, limit = 3, 2 * time.Minute
	for n := 1; ; n++ {
		o, err := s.run(ctx, dir, -1, mutants, "^"+t.name+"$", limit)
		if err != nil {
			return err
		}
		if o.passed {
			t.took, t.reached = o.took, o.reached
			return nil
		}
		if n == tries {
			return fmt.Errorf("%s of %s fails without any mutant:\n%s", t.name, s.pkg, o.output)
		}
	}
}

// result is the result of a mutant's tests.
type result struct {
	mutant
	caught  bool
	hung    bool
	reached bool
	by      string // the tests that noticed it
}

// hunt runs the tests that reach a mutant until one fails: first those of the mutant's package, the fastest first.
func hunt(ctx context.Context, dir string, suites []suite, m mutant, mutants int) (result, error) {
	r := result{mutant: m}
	order := slices.Clone(suites)
	slices.SortStableFunc(order, func(a, b suite) int { return distance(a, m) - distance(b, m) })
	for _, s := range order {
		for _, batch := range s.batches(m.id) {
			r.reached = true
			names := make([]string, len(batch))
			var expected time.Duration
			for i, t := range batch {
				names[i] = regexp.QuoteMeta(t.name)
				expected += t.took
			}
			const slack, patience = 3 * time.Second, 5
			o, err := s.run(ctx, dir, m.id, mutants, "^("+strings.Join(names, "|")+")$", slack+patience*expected)
			if err != nil {
				return r, err
			}
			if !o.passed {
				r.caught, r.hung, r.by = true, o.hung, s.pkg
				return r, nil
			}
		}
	}
	return r, nil
}

func distance(s suite, m mutant) int {
	if s.pkg == m.pkg {
		return 0
	}
	return 1
}

// batches returns the tests that reach a mutant, the fastest first, in groups of increasing duration: starting a program costs
// more than most tests, and most mutants are noticed early.
func (s suite) batches(id int) [][]test {
	var reaching []test
	for _, t := range s.tests {
		if t.reached[id] != 0 {
			reaching = append(reaching, t)
		}
	}
	slices.SortStableFunc(reaching, func(a, b test) int { return int(a.took - b.took) })
	var batches [][]test
	for limit := 200 * time.Millisecond; len(reaching) > 0; limit *= 3 {
		n, sum := 1, reaching[0].took
		for n < len(reaching) && sum+reaching[n].took <= limit {
			sum += reaching[n].took
			n++
		}
		batches = append(batches, reaching[:n])
		reaching = reaching[n:]
	}
	return batches
}
