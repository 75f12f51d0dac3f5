package healing

import (
	"context"
	"errors"
	"time"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// repairGraph puts back the mounts that the kernel has dropped, or is about to drop, because the graph of the volume's client has
// changed. The kernel also drops mounts when it looks a name up while bricks are down. repairGraph reports whether nothing is left
// to try.
func (h *Healer) repairGraph(ctx context.Context, s fuseclient.Served) (complete bool) {
	log := klog.FromContext(ctx).WithValues("volumeID", s.VolumeID)
	began := time.Now()
	graph, err := h.ActiveGraph(ctx, s.VolumeID)
	if err != nil {
		log.V(2).Info("Cannot ask a client for its graph", "err", err.Error())
		return ctx.Err() != nil || h.isUnstaged(s.VolumeID)
	}
	kept, known := h.memory.get(s.Client)
	if !known || (kept.Graph == "" || kept.Graph == graph) && !hasDropped(kept) {
		h.forgetLost(s.VolumeID, byGraph)
		h.rememberLater(0, s.VolumeID) //nolint:contextcheck // as startRepair
		return true
	}
	outcome, err := h.restoreUntilOver(ctx, s, graph)
	if err != nil {
		if !errors.Is(err, errOtherClient) && !errors.Is(err, mount.ErrBusy) && !errors.Is(err, mount.ErrNotStaged) && ctx.Err() == nil {
			log.Error(err, "Cannot repair the mounts of a volume after a change of its client's graph; trying again")
		}
		return errors.Is(err, mount.ErrNotStaged)
	}
	outcome.VolumeID, outcome.Took = s.VolumeID, time.Since(began)
	if len(outcome.Lost) > 0 && h.bricksAway(ctx, s.VolumeID) {
		// The files are not found now, but will be once the bricks are back.
		outcome.Pending, outcome.Lost = outcome.Pending+len(outcome.Lost), nil
	}
	h.reportGraph(ctx, &outcome, kept.Graph == graph)
	h.reportWritten(ctx, s, outcome.returned)
	if outcome.Pending > 0 {
		return false
	}
	h.advance(ctx, s, graph, outcome)
	return true
}

// reportGraph reports which mounts were repaired and which are lost, if that was not reported before.
func (h *Healer) reportGraph(ctx context.Context, outcome *Outcome, sameGraph bool) {
	h.dropReported(outcome, byGraph)
	if outcome.Mounts == 0 && len(outcome.Lost) == 0 {
		return
	}
	what := "Repaired the mounts of a volume after a change of its client's graph"
	if sameGraph {
		what = "Repaired the mounts of a volume whose bricks had been away"
	}
	klog.FromContext(ctx).Info(what, "volumeID", outcome.VolumeID, "mounts", outcome.Mounts, "lost", len(outcome.Lost), "pending", outcome.Pending,
		"took", outcome.Took)
	h.observer.GraphRepaired(*outcome)
}

// bricksAway reports whether so many of the client's bricks are down that files of the volume cannot be used. In a volume with
// several sets of bricks, such files seem not to exist.
func (h *Healer) bricksAway(ctx context.Context, volumeID string) bool {
	health, err := h.Health(ctx, volumeID, "")
	return err == nil && (health.Lost || health.Root != nil)
}

// errOtherClient is returned when the client has ended meanwhile. The function heal repairs the mounts then.
var errOtherClient = errors.New("the client has ended")

// restoreUntilOver restores mounts for as long as the kernel can drop more of them. The kernel drops a mount when it looks up the
// mount's directory again, which it does only after the cache time of the directory entry. Between the attempts, other calls for
// the volume may run, and scans may add containers to the snapshot.
func (h *Healer) restoreUntilOver(ctx context.Context, s fuseclient.Served, graph string) (Outcome, error) {
	h.mu.Lock()
	changed := h.volume(s.VolumeID).changed
	h.mu.Unlock()
	var outcome Outcome
	for over, after := false, time.After(s.Entries+h.limits.Entries); ; {
		repaired := outcome.Mounts
		if now, staged := h.Serves(s.VolumeID); !staged || now.Client != s.Client || !now.Alive {
			return outcome, errOtherClient
		}
		attempt, cancel := context.WithTimeout(ctx, h.limits.Heal)
		err := h.Repair(attempt, s.VolumeID, func(now fuseclient.Served) error {
			if now.Client != s.Client {
				return errOtherClient
			}
			r, err := h.open(attempt, now)
			if err != nil {
				return err
			}
			defer r.close()
			r.outcome = outcome
			kept, _ := h.memory.get(s.Client)
			err = r.restore(dropped(kept, graph), over)
			outcome = r.outcome
			return err
		})
		cancel()
		if err != nil || over {
			return outcome, err
		}
		var pause <-chan time.Time // nil: no pause
		if outcome.Pending > 0 && outcome.Mounts == repaired {
			// An attempt that repairs nothing also changes the mount tables. Without a pause, that change would start the next
			// attempt.
			pause = time.After(futileAttempt)
		}
		if over = waitForChange(ctx, pause, after, changed); ctx.Err() != nil {
			return outcome, ctx.Err()
		}
	}
}

// futileAttempt is the pause after an attempt that has repaired nothing.
const futileAttempt = 200 * time.Millisecond

// waitForChange waits for a change, after the pause if there is one. It reports whether the time ran out instead.
func waitForChange(ctx context.Context, pause, after <-chan time.Time, changed <-chan struct{}) (over bool) {
	if pause != nil {
		select {
		case <-pause:
		case <-after:
			return true
		case <-ctx.Done():
			return false
		}
	}
	select {
	case <-after:
		return true
	case <-changed:
	case <-ctx.Done():
	}
	return false
}

// advance saves a snapshot for the graph, with the mounts that the containers had right after the repair. Mounts that were missing at
// that time cannot be restored. Containers that a scan has added since keep their tables.
func (h *Healer) advance(ctx context.Context, s fuseclient.Served, graph string, outcome Outcome) {
	for saved := false; !saved; { // a scan may save meanwhile
		saves := h.memory.saves(s.Client)
		kept, known := h.memory.get(s.Client)
		if !known {
			return // the volume was unstaged
		}
		repaired := scanResult{seen: outcome.present, saves: saves, lost: withLost(h.lostOf(s.VolumeID), outcome.lostIn)}
		saved = h.save(ctx, s, graph, kept.Tables, repaired)
	}
	h.remember(ctx, map[string]bool{s.VolumeID: true})
}
