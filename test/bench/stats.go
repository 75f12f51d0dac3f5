package main

import "slices"

// spread describes the distribution of one side's figures.
type spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

// spreadOf needs at least one figure.
func spreadOf(figures []float64) spread {
	return spread{Min: slices.Min(figures), Median: median(figures), Max: slices.Max(figures)}
}

// median returns, for an even number of figures, the mean of the two in the middle.
func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// percentile returns the least figure that is not exceeded by the given percentage of the figures.
func percentile(figures []float64, percent int) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	return sorted[max(0, (len(sorted)*percent+99)/100-1)]
}

// samples holds the figures of both sides; those with the same index are a pair.
type samples struct{ ours, baseline []float64 }

// add adds a pair.
func (s *samples) add(ours, baseline float64) {
	s.ours, s.baseline = append(s.ours, ours), append(s.baseline, baseline)
}

// ratios returns the distribution of the pairs' own ratios. Unlike the ratio of the medians, it does not change if the machine
// was slow for a while, because that affected both halves of a pair.
func (s samples) ratios() spread {
	ratios := make([]float64, len(s.ours))
	for i := range s.ours {
		ratios[i] = s.ours[i] / s.baseline[i]
	}
	return spreadOf(ratios)
}
