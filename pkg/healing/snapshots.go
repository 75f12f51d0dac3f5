package healing

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// checkVolumes attends to volumes whose client has ended or may have another graph, and to clients that have ended with mounts in use. With
// namespaces it also reads the tables of all mount namespaces.
func (h *Healer) checkVolumes(ctx context.Context, namespaces bool) {
	calm, inUse, current := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, s := range h.Served() {
		current[s.Client], inUse[s.VolumeID] = true, true
		h.mu.Lock()
		looked := h.volume(s.VolumeID).looked
		h.mu.Unlock()
		if !s.Alive || h.GraphMayHaveChanged(s.VolumeID, looked) {
			h.attend(s.VolumeID) //nolint:contextcheck // it goes on beyond the call
		} else {
			calm[s.VolumeID] = true
		}
	}
	for _, former := range h.memory.list() {
		inUse[former.VolumeID] = true
		if !current[former.Client] {
			h.attend(former.VolumeID) //nolint:contextcheck // it goes on beyond the call
		}
	}
	h.tidy(inUse)
	if namespaces && len(calm) > 0 {
		h.remember(ctx, calm)
	}
}

// remember keeps which mounts of volumes are where, for the time when the kernel has dropped some. It leaves alone a volume whose
// client has ended or changed its graph since the last time, because that is the time.
func (h *Healer) remember(ctx context.Context, volumeIDs map[string]bool) {
	if ctx.Err() != nil {
		return
	}
	var wanted []fuseclient.Served
	var devices []mount.Device
	saves := map[string]int{}
	for _, s := range h.Served() {
		if s.Alive && volumeIDs[s.VolumeID] {
			wanted, devices = append(wanted, s), append(devices, s.Device)
			saves[s.Client] = h.memory.saves(s.Client)
		}
	}
	if len(wanted) == 0 {
		return
	}
	found, err := tables.Scan(devices)
	if err != nil {
		klog.FromContext(ctx).Error(err, "Cannot see all containers that may use volumes")
		h.readAgain()
	}
	var asking sync.WaitGroup // a client that hangs keeps the others waiting for nothing
	for _, s := range wanted {
		asking.Go(func() { h.rememberOne(ctx, s, scanResult{found[s.Device], err == nil, saves[s.Client]}) })
	}
	asking.Wait()
	h.watch(ctx)
}

// scanResult holds what a scan of the node's mount namespaces has found of a volume.
type scanResult struct {
	seen     []tables.Table
	complete bool
	saves    int // how often the memory of the volume's client had been saved before
}

func (h *Healer) rememberOne(ctx context.Context, s fuseclient.Served, l scanResult) {
	asked := time.Now()
	accepts := h.accepts(s.VolumeID)
	kept, known := h.memory.get(s.Client)
	graph, err := h.ActiveGraph(ctx, s.VolumeID)
	if err != nil {
		if known { // the graph may be another, or the client may have ended, and mounts may be missing by now
			h.mu.Lock()
			h.volume(s.VolumeID).looked = time.Time{} // the next checkVolumes attends to it
			h.mu.Unlock()
			return
		}
		graph = "" // bricks are away, say, since the client was started
	}
	now, staged := h.Serves(s.VolumeID)
	if staged && (now.Client != s.Client || !now.Alive) || known && kept.Graph != "" && kept.Graph != graph {
		h.attend(s.VolumeID) //nolint:contextcheck // it goes on beyond the call
		return
	}
	if !staged {
		return
	}
	if isMissingAny(kept.Tables, l.seen, s.Device) && !accepts {
		h.attend(s.VolumeID) //nolint:contextcheck // it goes on beyond the call
		return
	}
	l.seen = containers(s, l, kept.Tables)
	if graph != "" {
		l.seen = h.withDirectories(ctx, s, l.seen, kept.Tables)
	}
	if !h.save(ctx, s, graph, l) {
		h.rememberLater(0, s.VolumeID) //nolint:contextcheck // as attend
		return
	}
	h.mu.Lock()
	h.volume(s.VolumeID).looked = asked
	h.mu.Unlock()
}

// isMissingAny reports whether something that was mounted inside a volume's mount is no longer there, although the mount is. A container
// without privileges cannot unmount: the kernel has dropped it.
func isMissingAny(kept, seen []tables.Table, d mount.Device) bool {
	for _, was := range kept {
		i := slices.IndexFunc(seen, func(t tables.Table) bool { return t.Target() == was.Target() })
		if i < 0 {
			continue
		}
		for _, m := range was.Volume(d) {
			there := slices.ContainsFunc(seen[i].Mounts, func(now tables.Mount) bool { return now.ID == m.ID && now.Device == d })
			nested := seen[i].Nested(m)
			if there && slices.ContainsFunc(was.Nested(m), func(inner tables.Mount) bool { return !hasPoint(nested, inner.Point) }) {
				return true
			}
		}
	}
	return false
}

// dropped is isMissingAny with the tables as they are now.
func dropped(kept tables.Snapshot) bool {
	var seen []tables.Table
	for _, was := range kept.Tables {
		if now, err := tables.Read(was.PID, kept.Device); err == nil { // otherwise the process has ended
			seen = append(seen, now)
		}
	}
	return isMissingAny(kept.Tables, seen, kept.Device)
}

// accepts reports whether what is missing could not be repaired, so that it is no longer to be waited for. That is so for one look only,
// whatever comes of it: a later one may come while something is missing that is about to be repaired.
func (h *Healer) accepts(volumeID string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := h.volume(volumeID)
	accepts := v.accepts
	v.accepts = false
	return accepts
}

// withKept returns the tables that were seen, and those that were known of other processes.
func withKept(seen, kept []tables.Table) []tables.Table {
	all := slices.Clone(seen)
	for _, t := range kept {
		if !slices.ContainsFunc(seen, func(other tables.Table) bool { return other.Target() == t.Target() }) {
			all = append(all, t)
		}
	}
	return all
}

// containers returns the tables of namespaces that are not the driver's or the node's, those that were known before included if not all
// could be seen.
func containers(s fuseclient.Served, l scanResult, kept []tables.Table) []tables.Table {
	all := l.seen
	if !l.complete {
		all = tables.Bounded(withKept(all, kept))
	}
	return slices.DeleteFunc(slices.Clone(all), func(t tables.Table) bool { return t.PID == s.PID || seesStaging(t, s) })
}

// save keeps what was seen of a volume. It reports false if something else was kept meanwhile, which may be newer.
func (h *Healer) save(ctx context.Context, s fuseclient.Served, graph string, l scanResult) bool {
	saved, err := h.memory.putAfter(l.saves, tables.Snapshot{
		VolumeID: s.VolumeID, Client: s.Client, Device: s.Device, Graph: graph, Tables: l.seen,
	})
	if err != nil {
		klog.FromContext(ctx).Error(err, "Cannot keep which containers use a volume; is the disk of the state directory full?", "volumeID", s.VolumeID)
	}
	if saved {
		h.sayLeftOut(ctx, s.VolumeID, l.seen)
	}
	return saved
}

// sayLeftOut logs, when it changes, which containers have more mounts than are kept.
func (h *Healer) sayLeftOut(ctx context.Context, volumeID string, seen []tables.Table) {
	var all []string
	for _, t := range seen {
		if why := t.LeftOutBecause(); why != "" {
			all = append(all, fmt.Sprintf("pod %q, process %d: %s", t.Pod, t.PID, why))
		}
	}
	said := strings.Join(all, "; ")
	h.mu.Lock()
	news := h.volume(volumeID).leftOut.IsNew(said)
	h.mu.Unlock()
	if news {
		klog.FromContext(ctx).Info("Containers have more mounts of a volume, or inside it, than are kept; those are not repaired", "volumeID", volumeID, "leftOut", said)
	}
}

// seesStaging reports whether a namespace has the kubelet's directory, as this process's and the node's have: what is mounted there
// changes with each pod.
func seesStaging(t tables.Table, s fuseclient.Served) bool {
	return isOwn(t) || slices.ContainsFunc(t.Mounts, func(m tables.Mount) bool { return m.Point == s.StagingPath })
}

// isOwn reports whether a table is that of this process. One that an earlier process has kept may have the number that this one has now.
func isOwn(t tables.Table) bool {
	if t.PID != os.Getpid() {
		return false
	}
	self, err := mount.IdentifyProcess(t.PID)
	return err == nil && self.Start == t.Start
}

// watch watches the tables of all containers that use a volume.
func (h *Healer) watch(ctx context.Context) {
	users := map[tables.Target][]string{}
	for _, kept := range h.memory.list() {
		for _, t := range kept.Tables {
			users[t.Target()] = append(users[t.Target()], kept.VolumeID)
		}
	}
	h.mu.Lock()
	h.users = users
	// The watcher reports each target of a process that has ended, again and again if it gets that again.
	maps.DeleteFunc(h.ended, func(t tables.Target, _ bool) bool { return users[t] == nil })
	watched := slices.DeleteFunc(slices.Collect(maps.Keys(users)), func(t tables.Target) bool { return h.ended[t] })
	h.mu.Unlock()
	if err := h.watcher.Set(watched); err != nil && ctx.Err() == nil {
		klog.FromContext(ctx).Error(err, "Cannot watch the mounts of all containers")
		h.readAgain()
	}
}

// tableChanged is called when the table of mounts of a container has changed, or when the process has ended whose table it was.
func (h *Healer) tableChanged(t tables.Target, ended bool) {
	h.mu.Lock()
	volumes := slices.Clone(h.users[t])
	if ended && volumes != nil {
		h.ended[t] = true
	}
	h.mu.Unlock()
	if ended {
		// Perhaps another process has the namespace, and perhaps the container starts again.
		for _, after := range []time.Duration{0, time.Second, 5 * time.Second} {
			h.rememberLater(after, volumes...)
		}
		return
	}
	for _, id := range volumes {
		h.attendPaced(id, changesOf)
	}
}
