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

// Written describes files that were written into a directory of the volume while the mount on that directory was missing, because
// the kernel had dropped it. The mount is back and hides the files.
type Written struct {
	Pod   string // the pod's UID
	Point string // as the container sees it
	Names []string
	More  bool // there are more files
}

const (
	mostNames   = 5  // maximum number of file names per mount
	mostBeneath = 50 // maximum number of directories examined after one change
)

// reportWritten tells the observer which files were written beneath mounts while the mounts were missing.
func (h *Healer) reportWritten(ctx context.Context, s fuseclient.Served, back []returned) {
	written := h.writtenBeneath(ctx, s, back)
	if len(written) == 0 {
		return
	}
	klog.FromContext(ctx).Info("While mounts inside a volume were missing, files may have been written into the directories beneath them",
		"volumeID", s.VolumeID, "written", written)
	h.observer.WroteBeneath(s.VolumeID, written)
}

// writtenBeneath returns the files that were written into the volume beneath mounts that the kernel had dropped and that are back
// now. It returns all files in these directories that changed after the mount was last seen. Some of these may be files of other
// users of the volume: nothing is mounted on the directory for them, so they can write into it at any time. They rarely write into a
// directory that serves as a mount point.
func (h *Healer) writtenBeneath(ctx context.Context, s fuseclient.Served, back []returned) []Written {
	since := h.lastSeen(s)
	if len(back) == 0 || since.IsZero() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, h.limits.Heal)
	defer cancel()
	r, err := h.open(ctx, s)
	if err != nil {
		return nil // for example because the client has ended
	}
	defer r.close()
	names := map[string][]string{} // by directory, because containers may share one
	var all []Written
	for _, m := range back {
		dir := path.Join(r.inVolume(m.volume), relative(m.volume.Point, m.point))
		if _, known := names[dir]; !known && len(names) < mostBeneath {
			names[dir], err = r.asker.ChangedSince(ctx, h.limits.Ask, r.staging, dir, since, mostNames+1)
			if err != nil {
				klog.FromContext(ctx).V(2).Info("Cannot tell which files were written beneath a mount", "volumeID", s.VolumeID, "path", m.point, "err", err.Error())
			}
		}
		if found := names[dir]; len(found) > 0 {
			all = append(all, Written{Pod: m.pod, Point: m.point, Names: found[:min(len(found), mostNames)], More: len(found) > mostNames})
		}
	}
	return all
}

// returned is a mount inside a volume that was dropped and is mounted again.
type returned struct {
	pod, point string
	volume     tables.Mount // the volume's mount around it
}

// recordReturned records that a mount inside a mount of the volume was put back. It skips a mount that is on another inner mount,
// because such a mount hides no files of the volume.
func (o *Outcome) recordReturned(t tables.Table, m tables.Mount, volume mount.Device) {
	i := slices.IndexFunc(t.Mounts, func(around tables.Mount) bool { return around.ID == m.Parent && around.Device == volume })
	if i >= 0 && m.Device != volume {
		o.returned = append(o.returned, returned{t.Pod, m.Point, t.Mounts[i]})
	}
}

// lastSeen returns when this process last saw the mounts inside the volume. If it has not seen them yet, lastSeen returns the time
// of the snapshot that the process before it saved.
func (h *Healer) lastSeen(s fuseclient.Served) time.Time {
	h.mu.Lock()
	graphReadAt := h.volume(s.VolumeID).graphReadAt
	h.mu.Unlock()
	if !graphReadAt.IsZero() {
		return graphReadAt
	}
	info, err := os.Stat(path.Join(h.memory.disk.Dir, s.Client+".json"))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
