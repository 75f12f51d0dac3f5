package rounds

import (
	"context"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/tally"
)

// TestDeathsAndGaps: the effects of a client's death or a graph change on calls are allowed only in rounds of that kind.
func TestDeathsAndGaps(t *testing.T) {
	counts := func(change func(*tally.Worker)) func(context.Context, *fake) error {
		return func(ctx context.Context, f *fake) error {
			f.counts <- change
			return f.all.Progress(ctx)
		}
	}
	cut := counts(func(w *tally.Worker) {
		w.Cut, w.Reopened = w.Cut+2, w.Reopened+1
		w.OutagesMilliseconds = []int64{300}
	})
	astray := counts(func(w *tally.Worker) { w.Astray++ })
	for name, c := range map[string]struct {
		round Round[*fake]
		met   bool
	}{
		"a death":             {Round[*fake]{Do: cut, Deaths: true, Within: time.Second}, true},
		"a death, too long":   {Round[*fake]{Do: cut, Deaths: true, Within: 100 * time.Millisecond}, false},
		"an unexpected death": {Round[*fake]{Do: cut}, false},
		"a gap":               {Round[*fake]{Do: astray, Gap: true}, true},
		"an unexpected gap":   {Round[*fake]{Do: astray, Deaths: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			row := c.round.Run(t.Context(), f, false)
			if row.Met != c.met || f.swept != c.round.Gap {
				t.Errorf("%+v, swept: %t", row, f.swept)
			}
			if cut := row.Cut > 0; cut && (row.Reopened != 1 || row.Outages.Count == 0) {
				t.Errorf("%+v", row)
			}
		})
	}
}
