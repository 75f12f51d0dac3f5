package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSpread(t *testing.T) {
	for name, c := range map[string]struct {
		figures []float64
		want    spread
	}{
		"one":                     {[]float64{7}, spread{7, 7, 7}},
		"odd, not sorted":         {[]float64{3, 9, 1}, spread{1, 3, 9}},
		"even takes the middle":   {[]float64{4, 1, 2, 10}, spread{1, 3, 10}},
		"an outlier moves no one": {[]float64{2, 2, 2, 2, 1000}, spread{2, 2, 1000}},
	} {
		t.Run(name, func(t *testing.T) {
			before := append([]float64(nil), c.figures...)
			if got := spreadOf(c.figures); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
			if diff := cmp.Diff(before, c.figures); diff != "" {
				t.Error("the figures were put in another order, and pairs are found by order: ", diff)
			}
		})
	}
}

func TestPercentile(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(100 - i)
	}
	for name, c := range map[string]struct {
		figures []float64
		percent int
		want    float64
	}{
		"one":                {[]float64{7}, 99, 7},
		"of a hundred":       {hundred, 99, 99},
		"rounded up":         {[]float64{3, 1, 2}, 50, 2},
		"all":                {[]float64{3, 1, 2}, 100, 3},
		"none is the lowest": {[]float64{3, 1, 2}, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := percentile(c.figures, c.percent); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestRatio(t *testing.T) {
	for name, c := range map[string]struct {
		samples
		want float64
	}{
		"same":                   {samples{[]float64{2}, []float64{2}}, 1},
		"half":                   {samples{[]float64{1, 2, 3}, []float64{2, 4, 6}}, 0.5},
		"a slow time for a pair": {samples{[]float64{1, 100, 1}, []float64{2, 200, 2}}, 0.5},
		// The ratio of the medians would be 2/3.
		"of the pairs, not of the medians": {samples{[]float64{1, 2, 9}, []float64{3, 1, 3}}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.ratios().Median; got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
