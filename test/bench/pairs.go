package main

import (
	"context"
	"fmt"
)

// side measures one half of a pair. It returns a figure for each row of its family.
type side func(context.Context) ([]float64, error)

// alternate runs n pairs and returns the samples of each row. The halves alternate in going first, so that neither always runs in
// the state that the other has left.
func alternate(ctx context.Context, n int, ours, baseline side) ([]samples, error) {
	var rows []samples
	for i := range n {
		var mine, its []float64
		first := func() (err error) { mine, err = ours(ctx); return err }
		second := func() (err error) { its, err = baseline(ctx); return err }
		if i%2 == 1 {
			first, second = second, first
		}
		for _, half := range []func() error{first, second} {
			if err := half(); err != nil {
				return nil, fmt.Errorf("pair %d: %w", i+1, err)
			}
		}
		if rows == nil {
			rows = make([]samples, len(mine))
		}
		for r := range rows {
			rows[r].ours = append(rows[r].ours, mine[r])
			rows[r].baseline = append(rows[r].baseline, its[r])
		}
	}
	return rows, nil
}

// fixed returns a baseline that is a constant.
func fixed(figures ...float64) side {
	return func(context.Context) ([]float64, error) { return figures, nil }
}
