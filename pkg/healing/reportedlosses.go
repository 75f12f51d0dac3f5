package healing

import "slices"

// The causes of a repair. Each attempt for the same cause finds the same irreparable mounts again.
const (
	byDeath = iota // a client has ended
	byGraph        // the client's graph has changed
)

// mostLost limits how many lost mounts of a volume are remembered.
const mostLost = 1000

// dropReported removes from the outcome the lost mounts that were reported before. It also stores the numbers that Unrepaired
// returns.
func (h *Healer) dropReported(outcome *Outcome, cause int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.volume(outcome.VolumeID).pending[cause] = outcome.Pending
	known := &h.volume(outcome.VolumeID).lost[cause]
	now := outcome.Lost
	outcome.Lost = slices.DeleteFunc(slices.Clone(now), func(loss Loss) bool { return slices.Contains(*known, loss) })
	outcome.Known = len(now) - len(outcome.Lost)
	if outcome.Pending > 0 { // the attempt has not reached all mounts
		now = slices.Concat(*known, outcome.Lost)
	}
	*known = now[max(len(now)-mostLost, 0):]
}

// forgetLost is called when all mounts are in order, for example after a restart of the container, so that later losses are
// reported again.
func (h *Healer) forgetLost(volumeID string, cause int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.volume(volumeID).lost[cause], h.volume(volumeID).pending[cause] = nil, 0
}
