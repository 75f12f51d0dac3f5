package chart

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGolden(t *testing.T) {
	for _, r := range slices.Concat(renderings(), storageRenderings()) {
		t.Run(r.golden(), func(t *testing.T) {
			got := r.render(t)
			if *update {
				write(t, r.golden(), got)
				return
			}
			if diff := cmp.Diff(read(t, r.golden()), got); diff != "" {
				t.Errorf("The rendering has changed (make chart-golden accepts that):\n%s", diff)
			}
			if again := r.render(t); again != got {
				t.Error("A second rendering differs: an upgrade would change objects for nothing")
			}
		})
	}
}

func TestLint(t *testing.T) {
	mustHelm(t, "lint", "--strict", chartDir)
	for _, r := range renderings() {
		mustHelm(t, "lint", "--strict", chartDir, "--values", r.values)
	}
	for _, r := range storageRenderings() {
		mustHelm(t, "lint", "--strict", storageDir, "--values", r.values)
	}
}
