package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// tally counts the mutants of a package.
type tally struct{ run, caught, hung, unreached, listed int }

// report prints the results. It fails if a mutant survived that is not on the list, or if the list names one that does not exist.
func report(out io.Writer, results []result, mutants []mutant, list known) error {
	var failures []error
	tallies := map[string]*tally{}
	var packages []string
	total := tally{}
	for _, r := range results {
		t := tallies[r.pkg]
		if t == nil {
			t = &tally{}
			tallies[r.pkg] = t
			packages = append(packages, r.pkg)
		}
		for _, t := range []*tally{t, &total} {
			t.count(r, list[r.key()] != "")
		}
		switch reason := list[r.key()]; {
		case r.caught && reason != "":
			fmt.Fprintf(out, "caught, and on the list of survivors: %s\n", r.key())
		case !r.caught && reason == "":
			how := "survived"
			if !r.reached {
				how = "unreached"
			}
			fmt.Fprintf(out, "%s %s:%d %s\n", how, r.file, r.line, r.key())
		}
	}
	for _, key := range list.missing(mutants) {
		failures = append(failures, fmt.Errorf("survivors.txt has a mutant that does not exist: %s", key))
	}
	slices.Sort(packages)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "package\tbuilt\tcaught\tof these hung\tsurvived\tof these unreached\tlisted\tcaught %\t")
	for _, p := range packages {
		tallies[p].print(w, p)
	}
	total.print(w, "all")
	if err := w.Flush(); err != nil {
		return err
	}
	if left := total.run - total.caught - total.listed; left > 0 {
		failures = append(failures, fmt.Errorf("%d mutants survived and are not in survivors.txt", left))
	}
	const least = 95
	if total.run > 0 && 100*total.caught < least*total.run {
		failures = append(failures, fmt.Errorf("%d of %d mutants were caught, less than %d %%", total.caught, total.run, least))
	}
	return errors.Join(failures...)
}

func (t *tally) count(r result, listed bool) {
	t.run++
	switch {
	case r.caught:
		t.caught++
		if r.hung {
			t.hung++
		}
		return
	case listed:
		t.listed++
	}
	if !r.reached {
		t.unreached++
	}
}

func (t *tally) print(w io.Writer, name string) {
	fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%.1f\t\n", name, t.run, t.caught, t.hung, t.run-t.caught, t.unreached, t.listed, 100*float64(t.caught)/float64(max(t.run, 1)))
}
