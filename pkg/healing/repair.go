package healing

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// repair examines a volume and repairs the mounts that need it. It reports whether nothing is left to try, and whether the volume
// has a live client.
func (h *Healer) repair(ctx context.Context, volumeID string) (complete, lives bool) {
	s, staged := h.Serves(volumeID)
	if !staged {
		if !h.adopt(ctx, volumeID) {
			return false, false
		}
		if s, staged = h.Serves(volumeID); !staged {
			h.forget(ctx, h.former(volumeID, ""))
			return true, false
		}
	}
	former := h.former(volumeID, s.Client)
	complete = true
	if s.Alive && len(former) == 0 {
		h.forgetLost(volumeID, byDeath)
	} else {
		complete = h.heal(ctx, s, former)
		// repairGraph follows even if heal is incomplete, because mounts of former clients may stay for as long as a pod runs.
		if s, staged = h.Serves(volumeID); !staged || !s.Alive {
			return complete, false
		}
	}
	return h.repairGraph(ctx, s) && complete, true
}

// adopt rebuilds the lost record of a volume whose client still serves pods. Without adopt, only the next call for the volume
// would rebuild the record, perhaps only at the end of a pod. The saved mount tables show where the volume is staged. adopt
// reports whether it could examine all these places. If not, the tables must stay for another attempt: nothing else shows that
// the volume is in use.
func (h *Healer) adopt(ctx context.Context, volumeID string) (examined bool) {
	former := h.former(volumeID, "")
	if len(former) == 0 {
		return true
	}
	if h.slots.Acquire(ctx, 1) != nil {
		return false
	}
	defer h.slots.Release(1)
	tried := map[string]bool{"": true} // snapshots of earlier versions have no staging path
	examined = true
	for _, kept := range former {
		if tried[kept.StagingPath] {
			continue
		}
		tried[kept.StagingPath] = true
		if err := h.Adopt(ctx, volumeID, kept.StagingPath); err != nil {
			examined = false
			if ctx.Err() == nil && h.isNewFailure(volumeID, err.Error()) {
				klog.FromContext(ctx).Error(err, "Cannot rebuild the lost record of a volume; trying again", "volumeID", volumeID)
			}
		}
		if !h.isUnstaged(volumeID) {
			return true
		}
	}
	return examined
}

func (h *Healer) isUnstaged(volumeID string) bool {
	_, staged := h.Serves(volumeID)
	return !staged
}

// saveSnapshot makes a snapshot the newest of its client.
func (h *Healer) saveSnapshot(ctx context.Context, s tables.Snapshot) {
	logUnsaved(ctx, s.VolumeID, h.memory.put(s))
}

// logUnsaved logs why a snapshot could not be saved, if err is not nil.
func logUnsaved(ctx context.Context, volumeID string, err error) {
	if err != nil {
		klog.FromContext(ctx).Error(err, "Cannot save which containers use a volume; is the disk of the state directory full?", "volumeID", volumeID)
	}
}

// keepFormer returns the snapshot of a client that is about to be replaced. A call for the volume may replace an ended client before
// the first scan has found that client's mounts. keepFormer then saves an empty snapshot, so that this plugin and the next one
// count the client as a former one.
func (h *Healer) keepFormer(ctx context.Context, s fuseclient.Served) tables.Snapshot {
	kept, known := h.memory.get(s.Client)
	if !known {
		kept = tables.Snapshot{VolumeID: s.VolumeID, Client: s.Client, Device: s.Device, StagingPath: s.StagingPath, Lost: h.lostOf(s.VolumeID)}
		h.saveSnapshot(ctx, kept)
	}
	if point, err := mount.OpenPath(s.StagingPath); err == nil { // the client's mount stays here until the next client's mount replaces it
		h.hold(kept, point)
		_ = point.Close()
	}
	return kept
}

// former returns the snapshots of the volume's earlier clients, beginning with the newest client. The parameter client is the
// volume's present client, "" for none.
func (h *Healer) former(volumeID, client string) []tables.Snapshot {
	var all []tables.Snapshot
	for _, kept := range h.memory.list() {
		if kept.VolumeID == volumeID && kept.Client != client {
			all = append(all, kept)
		}
	}
	slices.SortFunc(all, func(a, b tables.Snapshot) int { return strings.Compare(startOf(b.Client), startOf(a.Client)) })
	return all
}

// forget removes snapshots that no repair needs any more.
func (h *Healer) forget(ctx context.Context, former []tables.Snapshot) {
	for _, kept := range former {
		if err := h.memory.remove(kept.Client); err != nil {
			klog.FromContext(ctx).Error(err, "Cannot remove the saved mount tables of a GlusterFS client", "client", kept.Client)
		}
		h.release(kept.Client) // hold keeps no mount of a client whose snapshot is removed
	}
}

// forgetReplaced marks the snapshots of former clients that have no mount left. A later attempt removes these snapshots, after a new
// snapshot of the present client has been saved. Until then, only the former snapshots show which mounts were inside the volume,
// and which of them the containers had made.
func (h *Healer) forgetReplaced(ctx context.Context, volumeID, client string, former []tables.Snapshot) {
	saves := h.memory.saves(client)
	isNew := func(kept tables.Snapshot) bool { return !kept.Replaced }
	h.mu.Lock()
	v := h.volume(volumeID)
	if v.replacedBy != client || slices.ContainsFunc(former, isNew) {
		v.replacedBy, v.replacedAt = client, saves
	}
	savedSince := saves > v.replacedAt
	h.mu.Unlock()
	if savedSince {
		h.forget(ctx, former)
		return
	}
	for _, kept := range former {
		if isNew(kept) {
			h.release(kept.Client)
			kept.Replaced = true
			h.saveSnapshot(ctx, kept)
		}
	}
}

// heal starts a client for the volume if it has no live one, and replaces the mounts of its former clients with mounts of the
// live client.
func (h *Healer) heal(ctx context.Context, s fuseclient.Served, former []tables.Snapshot) (complete bool) {
	began := time.Now()
	log := klog.FromContext(ctx).WithValues("volumeID", s.VolumeID)
	if !s.Alive && s.Client != "" { // otherwise a client is being started, or its start was interrupted
		h.reportEnd(s)
		former = slices.Insert(former, 0, h.keepFormer(ctx, s))
	}
	if !s.Alive { // otherwise mounts of former clients are left, perhaps for as long as a pod runs
		if h.slots.Acquire(ctx, 1) != nil {
			return false
		}
		defer h.slots.Release(1)
	}
	limited, cancel := context.WithTimeout(ctx, h.limits.Heal)
	defer cancel()
	outcome, err := h.replaceAllDead(limited, s.VolumeID, former, !s.Alive)
	switch {
	case errors.Is(err, mount.ErrNotStaged):
		return true
	case errors.Is(err, mount.ErrBusy), err != nil && ctx.Err() != nil: // another call is running, or the driver is ending
		return false
	case err != nil:
		log.Error(err, "Cannot repair the mounts of a volume whose client has ended; trying again")
		return false
	}
	outcome.VolumeID, outcome.Took = s.VolumeID, time.Since(began)
	h.dropReported(&outcome, byDeath)
	if s.Alive && outcome.Mounts == 0 && len(outcome.Lost) == 0 {
		return outcome.Pending == 0 // no change since the last attempt
	}
	log.Info("Repaired the mounts of a volume whose client had ended", "mounts", outcome.Mounts, "lost", len(outcome.Lost), "pending", outcome.Pending, "took", outcome.Took)
	for _, loss := range outcome.Lost {
		log.Info("A mount cannot be repaired", "pod", loss.Pod, "path", loss.Point, "reason", loss.Reason, "cure", loss.Cure())
	}
	h.observer.Healed(outcome)
	h.rememberLater(0, s.VolumeID) //nolint:contextcheck // as startRepair
	return outcome.Pending == 0
}

// replaceAllDead replaces the mounts of the volume's former clients with mounts of its client. If no client lives, it starts one.
// urgent is set if the client has just died.
func (h *Healer) replaceAllDead(ctx context.Context, volumeID string, former []tables.Snapshot, urgent bool) (outcome Outcome, err error) {
	err = h.Repair(ctx, volumeID, func(now fuseclient.Served) error {
		r, err := h.open(ctx, now)
		if err != nil {
			return err
		}
		defer r.close()
		r.former, r.urgent = former, urgent
		var done []tables.Snapshot
		for _, dead := range former {
			if r.replaceDead(dead) {
				done = append(done, dead)
			}
		}
		h.forgetReplaced(ctx, volumeID, now.Client, done)
		outcome = r.outcome
		outcome.Layers = h.addLayers(outcome.coveredIn)
		return nil
	})
	return outcome, err
}
