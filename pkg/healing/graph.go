package healing

import (
	"context"
	"time"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
)

// repairGraph puts back what the kernel has dropped, or is about to drop, because the volume's client has another graph than before.
// It reports whether nothing is left to be tried.
func (h *Healer) repairGraph(ctx context.Context, s fuseclient.Served) (complete bool) {
	log := klog.FromContext(ctx).WithValues("volumeID", s.VolumeID)
	began := time.Now()
	graph, err := h.ActiveGraph(ctx, s.VolumeID)
	if err != nil {
		log.V(2).Info("Cannot ask a client for its graph", "err", err.Error())
		return false
	}
	kept, known := h.memory.get(s.Client)
	if !known || kept.Graph == "" || kept.Graph == graph {
		h.remember(ctx, []string{s.VolumeID})
		return true
	}
	h.mu.Lock()
	changed := h.volume(s.VolumeID).changed
	h.mu.Unlock()
	outcome := Outcome{VolumeID: s.VolumeID}
	err = h.Repair(ctx, s.VolumeID, func(now fuseclient.Served) error {
		r, err := h.open(ctx, now)
		if err != nil {
			return err
		}
		defer r.close()
		// The kernel looks at an entry again only when its time is over: by then it has dropped all that it will.
		for over, after := false, time.After(h.limits.Entries); ; {
			if err := r.restore(kept); err != nil || over {
				outcome = r.outcome
				return err
			}
			select {
			case <-after:
				over = true
			case <-changed:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	if err != nil {
		log.Error(err, "Cannot repair the mounts of a volume after a change of its client's graph; trying again")
		return false
	}
	outcome.VolumeID, outcome.Took = s.VolumeID, time.Since(began)
	if outcome.Mounts > 0 || len(outcome.Lost) > 0 {
		log.Info("Repaired the mounts of a volume after a change of its client's graph", "mounts", outcome.Mounts, "lost", len(outcome.Lost),
			"pending", outcome.Pending, "took", outcome.Took)
		h.observer.GraphRepaired(outcome)
	}
	if outcome.Pending > 0 {
		return false
	}
	h.advance(ctx, s, kept, graph)
	return true
}

// advance makes the graph the one with which the kept mounts are in order.
func (h *Healer) advance(ctx context.Context, s fuseclient.Served, kept tables.Snapshot, graph string) {
	h.save(ctx, s, graph, kept.Tables)
	h.remember(ctx, []string{s.VolumeID})
}
