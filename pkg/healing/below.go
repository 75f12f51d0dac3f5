package healing

import (
	"context"
	"os"
	"path"
	"slices"
	"time"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// Written are files in a directory of the volume beneath something that was mounted there, and had been dropped by the kernel for a
// moment. They are hidden again.
type Written struct {
	Pod   string // its UID
	Point string // as the container sees it
	Names []string
	More  bool // there are others
}

const (
	mostNames   = 5  // of files that are named for a mount
	mostBeneath = 50 // directories that are looked at after one change
)

// reportWritten tells the observer what was written beneath mounts that were missing.
func (h *Healer) reportWritten(ctx context.Context, s fuseclient.Served, back []returned) {
	written := h.writtenBeneath(ctx, s, back)
	if len(written) == 0 {
		return
	}
	klog.FromContext(ctx).Info("While mounts inside a volume were missing, files may have been written into the volume's directories beneath",
		"volumeID", s.VolumeID, "written", written)
	h.observer.WroteBeneath(s.VolumeID, written)
}

// writtenBeneath returns what was written into the volume where mounts had been dropped that are back now. Nothing says that a file came
// through the gap: it was written since the mount was last seen, and users of the volume who have nothing mounted there can have done
// that at any time. Where something is mounted they rarely do.
func (h *Healer) writtenBeneath(ctx context.Context, s fuseclient.Served, back []returned) []Written {
	since := h.lastSeen(s)
	if len(back) == 0 || since.IsZero() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, h.limits.Heal)
	defer cancel()
	r, err := h.open(ctx, s)
	if err != nil {
		return nil // the client has ended, say
	}
	defer r.close()
	names := map[string][]string{} // by directory, since containers may share it
	var all []Written
	for _, m := range back {
		dir := path.Join(r.inVolume(m.volume), relative(m.volume.Point, m.point))
		if _, known := names[dir]; !known && len(names) < mostBeneath {
			names[dir], err = r.asker.ChangedSince(ctx, h.limits.Ask, r.staging, dir, since, mostNames+1)
			if err != nil {
				klog.FromContext(ctx).V(2).Info("Cannot tell what was written beneath a mount", "volumeID", s.VolumeID, "path", m.point, "err", err.Error())
			}
		}
		if found := names[dir]; len(found) > 0 {
			all = append(all, Written{Pod: m.pod, Point: m.point, Names: found[:min(len(found), mostNames)], More: len(found) > mostNames})
		}
	}
	return all
}

// returned is something that was dropped inside a volume and is mounted again.
type returned struct {
	pod, point string
	volume     tables.Mount // that it is in
}

// keepReturned keeps what has been mounted again inside a mount of the volume. What is mounted inside another inner mount hides nothing
// of the volume.
func (o *Outcome) keepReturned(t tables.Table, m tables.Mount, volume mount.Device) {
	i := slices.IndexFunc(t.Mounts, func(around tables.Mount) bool { return around.ID == m.Parent && around.Device == volume })
	if i >= 0 && m.Device != volume {
		o.returned = append(o.returned, returned{t.Pod, m.Point, t.Mounts[i]})
	}
}

// lastSeen returns when the mounts inside the volume were last seen, by this process or by the one before it, which has kept them on
// disk.
func (h *Healer) lastSeen(s fuseclient.Served) time.Time {
	h.mu.Lock()
	looked := h.volume(s.VolumeID).looked
	h.mu.Unlock()
	if !looked.IsZero() {
		return looked
	}
	info, err := os.Stat(path.Join(h.memory.disk.Dir, s.Client+".json"))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
