package healing

import (
	"errors"
	"io/fs"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
)

// Unrepaired returns how many mounts of volumes, and inside volumes, fail or are missing, as of the last attempt to repair them.
// It reads no tables. After a death, attempts are repeated until no dead mount is left. Mounts that are lost after a change of
// the graph are not tried again: they count until a later scan of the mount namespaces shows that the loss is over.
func (h *Healer) Unrepaired() (n int) {
	counted := map[string]bool{}
	for _, kept := range h.memory.list() {
		if !counted[kept.VolumeID] {
			n += mountsIn(h.lostOf(kept.VolumeID))
		}
		counted[kept.VolumeID] = true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, v := range h.volumes {
		n += len(v.lost[byDeath]) + v.pending[byDeath] + v.pending[byGraph]
	}
	return n
}

// lostOf returns the lost mounts of a volume. The snapshot of the volume's client includes those that were lost under former
// clients. If there is no such snapshot yet, lostOf collects them from the snapshots of former clients.
func (h *Healer) lostOf(volumeID string) (lost []tables.Table) {
	if s, staged := h.Serves(volumeID); staged {
		if kept, known := h.memory.get(s.Client); known {
			return kept.Lost
		}
	}
	for _, kept := range h.memory.list() {
		if kept.VolumeID == volumeID {
			lost = withLost(lost, kept.Lost)
		}
	}
	return lost
}

// withLost adds lost mounts to others. It counts each mount point of a container once.
func withLost(all, more []tables.Table) []tables.Table {
	all = slices.Clone(all)
	room := mostLost - mountsIn(all)
	for _, t := range more {
		i := slices.IndexFunc(all, func(other tables.Table) bool { return other.Target() == t.Target() })
		if i < 0 {
			i, all = len(all), append(all, tables.Table{Namespace: t.Namespace, PID: t.PID, Start: t.Start, Pod: t.Pod})
		}
		mounts := slices.Clone(all[i].Mounts)
		for _, m := range t.Mounts {
			if room > 0 && !hasPoint(mounts, m.Point) {
				mounts, room = append(mounts, m), room-1
			}
		}
		all[i].Mounts = mounts
	}
	return all
}

func mountsIn(all []tables.Table) (n int) {
	for _, t := range all {
		n += len(t.Mounts)
	}
	return n
}

// stillLost returns the lost mounts that are still lost after a scan. A loss is over if the container has ended or has no mount
// of the volume any more, or if another mount is at the mount point.
func stillLost(lost []tables.Table, l scanResult) (left []tables.Table) {
	for _, was := range lost {
		i := slices.IndexFunc(l.seen, func(t tables.Table) bool { return t.Continues(was) })
		if i < 0 {
			if !l.complete && !hasEnded(was) {
				left = append(left, was)
			}
			continue
		}
		now := l.seen[i].Mounts
		was.Mounts = slices.DeleteFunc(slices.Clone(was.Mounts), func(m tables.Mount) bool {
			there := slices.ContainsFunc(now, func(other tables.Mount) bool { return other.ID == m.ID && other.Point == m.Point })
			return !there && hasPoint(now, m.Point)
		})
		if len(was.Mounts) > 0 {
			left = append(left, was)
		}
	}
	return left
}

// hasEnded reports whether the process of a table has ended.
func hasEnded(t tables.Table) bool {
	pidfd, err := t.Open()
	if err == nil {
		_ = unix.Close(pidfd)
	}
	return errors.Is(err, fs.ErrNotExist)
}
