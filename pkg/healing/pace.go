package healing

import (
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
)

// The events that start a repair can be very frequent: a container may mount and unmount without end, and a client may end
// whenever it reads a certain file. The first attempts nevertheless follow at once.
const (
	burst    = 50              // attempts at once
	interval = time.Second / 2 // between later attempts

	batch = 500 * time.Millisecond // volumes due within this time are saved together
)

// pace limits how often an action is carried out.
type pace struct {
	tables.Pace
	waiting bool // an attempt is delayed
}

func changesOf(v *volumeState) *pace { return &v.changes }
func deathsOf(v *volumeState) *pace  { return &v.deaths }

// startRepairPaced is like startRepair, but limits the rate of attempts. It signals the change to a running attempt at once.
func (h *Healer) startRepairPaced(volumeID string, of func(*volumeState) *pace) {
	if !h.mayStartRepair(volumeID, of) {
		return
	}
	h.startRepair(volumeID)
}

// mayStartRepair reports whether an attempt may follow at once. If not, it schedules a later one.
func (h *Healer) mayStartRepair(volumeID string, of func(*volumeState) *pace) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx == nil {
		return false
	}
	v := h.volume(volumeID)
	p := of(v)
	wait := p.Admit(time.Now(), burst, interval)
	if wait == 0 {
		return true
	}
	if v.running {
		v.signal()
	}
	if !p.waiting {
		p.waiting = true
		time.AfterFunc(wait, func() {
			h.mu.Lock()
			p.waiting = false
			h.mu.Unlock()
			h.startRepairPaced(volumeID, of)
		})
	}
	return false
}

// clientEnded is called when the client of a staged volume has ended.
func (h *Healer) clientEnded(volumeID string) { h.startRepairPaced(volumeID, deathsOf) }

// rememberLater saves the mounts of volumes after a delay, together with other volumes, because each save needs a scan of all
// processes of the node.
func (h *Healer) rememberLater(after time.Duration, volumeIDs ...string) {
	at := time.Now().Add(after).Truncate(batch).Add(batch)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx == nil {
		return
	}
	if h.due[at] == nil {
		h.due[at] = map[string]bool{}
		time.AfterFunc(time.Until(at), func() { h.rememberDue(at) })
	}
	for _, id := range volumeIDs {
		h.due[at][id] = true
	}
}

func (h *Healer) rememberDue(at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ctx, volumes := h.ctx, h.due[at]
	delete(h.due, at)
	if ctx != nil {
		h.group.Go(func() { h.remember(ctx, volumes) })
	}
}

// tidy drops the state of volumes that are not staged and have no snapshot.
func (h *Healer) tidy(inUse map[string]bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, v := range h.volumes {
		if inUse[id] || v.running {
			continue
		}
		if v.timer != nil {
			v.timer.Stop()
		}
		delete(h.volumes, id)
	}
}
