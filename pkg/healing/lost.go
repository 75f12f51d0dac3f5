package healing

import "slices"

// Why mounts have to be repaired. What cannot be is found again by each attempt after the same cause.
const (
	byDeath = iota // of a client
	byGraph        // another one
)

// mostLost bounds how many mounts of a volume are kept that were reported as lost.
const mostLost = 1000

// onlyNews leaves out what was reported as lost before.
func (h *Healer) onlyNews(outcome *Outcome, cause int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := &h.volume(outcome.VolumeID).lost[cause]
	now := outcome.Lost
	outcome.Lost = slices.DeleteFunc(slices.Clone(now), func(loss Loss) bool { return slices.Contains(*known, loss) })
	outcome.Known = len(now) - len(outcome.Lost)
	if outcome.Pending > 0 { // the attempt has not come to all
		now = slices.Concat(*known, outcome.Lost)
	}
	*known = now[max(len(now)-mostLost, 0):]
}

// forgetLost is called when all mounts are right, as after a restart of the container: what is lost from now on is news.
func (h *Healer) forgetLost(volumeID string, cause int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.volume(volumeID).lost[cause] = nil
}
