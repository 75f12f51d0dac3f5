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

// checkVolumes starts an attempt to repair each volume whose client has ended or may have another graph, and each volume with
// snapshots of former clients. If the parameter namespaces is true, it also reads the tables of all mount namespaces, and saves the
// mounts of the volumes whose clients have not changed.
func (h *Healer) checkVolumes(ctx context.Context, namespaces bool) {
	calm, inUse, current := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, s := range h.Served() {
		current[s.Client], inUse[s.VolumeID] = true, true
		h.mu.Lock()
		graphReadAt := h.volume(s.VolumeID).graphReadAt
		h.mu.Unlock()
		if !s.Alive || h.GraphMayHaveChanged(s.VolumeID, graphReadAt) {
			h.startRepair(s.VolumeID) //nolint:contextcheck // the attempt outlives the call
		} else {
			calm[s.VolumeID] = true
		}
	}
	for _, former := range h.memory.list() {
		inUse[former.VolumeID] = true
		if !current[former.Client] {
			h.startRepair(former.VolumeID) //nolint:contextcheck // the attempt outlives the call
		}
	}
	h.tidy(inUse)
	if namespaces && len(calm) > 0 {
		h.remember(ctx, calm)
	}
}

// remember saves where the mounts of volumes are, so that they can be restored after the kernel has dropped some. It skips a
// volume whose client has ended or changed its graph since the last time, because mounts may already be missing.
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
	if !h.scanning.TryLock() {
		h.rememberLater(0, slices.Collect(maps.Keys(volumeIDs))...) //nolint:contextcheck // as startRepair
		return
	}
	found, err := h.scan(devices)
	h.scanning.Unlock()
	if err != nil {
		klog.FromContext(ctx).Error(err, "Cannot see all containers that may use volumes")
		h.readAgain()
	}
	var asking sync.WaitGroup // a client that hangs must not delay the others
	for _, s := range wanted {
		asking.Go(func() {
			h.rememberOne(ctx, s, scanResult{seen: found[s.Device], complete: err == nil, saves: saves[s.Client]})
		})
	}
	asking.Wait()
	h.watch(ctx)
}

// scanResult holds the results of a scan of the node's mount namespaces for one volume, or the tables that a repair has read.
type scanResult struct {
	seen     []tables.Table
	complete bool           // containers that are not in seen have no mounts of the volume
	saves    int            // memory.saves of the volume's client before the scan
	lost     []tables.Table // the mounts that are still lost
}

// rememberOne saves the results of a scan for a volume. While a repair is pending, a scan only adds and removes containers: a missing
// mount stays in the snapshot until the repair has restored it, or has found that the mount is lost.
func (h *Healer) rememberOne(ctx context.Context, s fuseclient.Served, l scanResult) {
	asked := time.Now()
	kept, known := h.memory.get(s.Client)
	if h.memory.saves(s.Client) != l.saves { // a repair may have restored mounts since
		h.rememberLater(0, s.VolumeID) //nolint:contextcheck // as startRepair
		return
	}
	graph, isCertain := h.graphNow(ctx, s.VolumeID, known)
	if !isCertain {
		return
	}
	now, staged := h.Serves(s.VolumeID)
	isSame := now.Client == s.Client && now.Alive
	hasOldGraph := known && kept.Graph != "" && kept.Graph != graph
	if !staged && !hasOldGraph {
		return
	}
	isPending := hasOldGraph || isMissingAny(kept.Tables, l.seen, s.Device)
	if isSame && isPending && !h.addContainers(ctx, s, kept, l) {
		h.rememberLater(0, s.VolumeID) //nolint:contextcheck // as startRepair
	}
	if !isSame || isPending {
		h.startRepair(s.VolumeID) //nolint:contextcheck // the attempt outlives the call
		return
	}
	l.lost = stillLost(h.lostOf(s.VolumeID), l)
	if !h.save(ctx, s, graph, kept.Tables, l) {
		h.rememberLater(0, s.VolumeID) //nolint:contextcheck // as startRepair
		return
	}
	h.mu.Lock()
	h.volume(s.VolumeID).graphReadAt = asked
	h.mu.Unlock()
}

// graphNow returns the graph of the volume's client. If the graph cannot be read, the result depends on whether the client has a
// snapshot. If it has one, graphNow returns false: the graph may have changed, or the client may have ended, and mounts may be
// missing by now. Without a snapshot, graphNow returns "" and true: bricks may have been down since the client was started.
func (h *Healer) graphNow(ctx context.Context, volumeID string, hasSnapshot bool) (graph string, isCertain bool) {
	graph, err := h.ActiveGraph(ctx, volumeID)
	if err == nil {
		return graph, true
	}
	if hasSnapshot {
		h.mu.Lock()
		h.volume(volumeID).graphReadAt = time.Time{} // makes the next checkVolumes start a repair
		h.mu.Unlock()
	}
	return "", !hasSnapshot
}

// addContainers adds the containers that have started since to a snapshot, and removes the containers that have ended. The tables of
// the other containers must stay in the snapshot until their mounts are repaired, which may never happen. addContainers returns
// false if another snapshot was saved meanwhile.
func (h *Healer) addContainers(ctx context.Context, s fuseclient.Served, kept tables.Snapshot, l scanResult) bool {
	added := containers(s, l, nil)
	there := slices.DeleteFunc(slices.Clone(kept.Tables), func(then tables.Table) bool {
		return hasEnded(then) && !slices.ContainsFunc(added, func(t tables.Table) bool { return t.Continues(then) })
	})
	added = slices.DeleteFunc(added, func(t tables.Table) bool {
		return slices.ContainsFunc(there, func(then tables.Table) bool { return then.Target() == t.Target() })
	})
	if len(added) == 0 && len(there) == len(kept.Tables) {
		return true
	}
	added = noted(added, kept.Tables, func() []tables.Table { return h.formerTables(s.VolumeID, s.Client) })
	kept.Tables = tables.Bounded(append(there, withoutRemovable(added)...))
	saved, err := h.memory.putAfter(l.saves, kept)
	logUnsaved(ctx, s.VolumeID, err)
	return saved
}

// isMissingAny reports whether the kernel has dropped a mount inside a mount of the volume: the inner mount is gone, and the
// volume's mount is still there. If a container has the privilege to unmount, the mounts that it has made do not count, because
// it may have removed them itself. To put them back would be dangerous: the container may go on to remove the directory.
func isMissingAny(kept, seen []tables.Table, d mount.Device) bool {
	for _, was := range withoutRemovable(kept) {
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

// hasDropped is like isMissingAny, for the current tables.
func hasDropped(kept tables.Snapshot) bool {
	var seen []tables.Table
	for _, was := range kept.Tables {
		if now, err := tables.Read(was.PID, kept.Device); err == nil { // on an error, the process has ended
			seen = append(seen, now)
		}
	}
	return isMissingAny(kept.Tables, seen, kept.Device)
}

// withKept returns the seen tables, and the kept tables of processes whose tables were not seen.
func withKept(seen, kept []tables.Table) []tables.Table {
	all := slices.Clone(seen)
	for _, t := range kept {
		if !slices.ContainsFunc(seen, func(other tables.Table) bool { return other.Target() == t.Target() }) {
			all = append(all, t)
		}
	}
	return all
}

// containers returns the tables of namespaces other than the driver's and the node's. If the scan was incomplete, it adds the kept
// tables of the namespaces that the scan has not seen.
func containers(s fuseclient.Served, l scanResult, kept []tables.Table) []tables.Table {
	all := l.seen
	if !l.complete {
		all = tables.Bounded(withKept(all, kept))
	}
	return slices.DeleteFunc(slices.Clone(all), func(t tables.Table) bool { return t.PID == s.PID || seesStaging(t, s) })
}

// save saves a snapshot of the tables that were seen, with the notes from the kept tables (see noted). It returns false if another
// snapshot, which may be newer, was saved meanwhile.
func (h *Healer) save(ctx context.Context, s fuseclient.Served, graph string, kept []tables.Table, l scanResult) bool {
	former := sync.OnceValue(func() []tables.Table { return h.formerTables(s.VolumeID, s.Client) })
	l.seen = noted(containers(s, l, kept), kept, former)
	if graph != "" {
		l.seen = h.withDirectories(ctx, s, l.seen, kept)
	}
	saved, err := h.memory.putAfter(l.saves, tables.Snapshot{
		VolumeID: s.VolumeID, Client: s.Client, Device: s.Device, StagingPath: s.StagingPath, Graph: graph, Tables: l.seen, Lost: l.lost,
	})
	logUnsaved(ctx, s.VolumeID, err)
	if saved {
		h.logLeftOut(ctx, s.VolumeID, l.seen)
	}
	return saved
}

// logLeftOut logs which containers have more mounts than are kept, whenever the list changes.
func (h *Healer) logLeftOut(ctx context.Context, volumeID string, seen []tables.Table) {
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
		klog.FromContext(ctx).Info("Containers have more mounts of a volume, or inside it, than the driver tracks; the mounts beyond the limit are not repaired", "volumeID", volumeID, "leftOut", said)
	}
}

// seesStaging reports whether a namespace contains the mounts in the kubelet's directory, as the namespaces of this process and of
// the node do. The mounts in such a namespace change with each pod.
func seesStaging(t tables.Table, s fuseclient.Served) bool {
	return isOwn(t) || slices.ContainsFunc(t.Mounts, func(m tables.Mount) bool { return m.Point == s.StagingPath })
}

// isOwn reports whether a table belongs to this process. A table that was saved by an earlier process may have the process number
// that this process has now.
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
	// Ended targets are not set again, because the watcher would report their end each time.
	maps.DeleteFunc(h.ended, func(t tables.Target, _ bool) bool { return users[t] == nil })
	watched := slices.DeleteFunc(slices.Collect(maps.Keys(users)), func(t tables.Target) bool { return h.ended[t] })
	h.mu.Unlock()
	if err := h.watcher.Set(watched); err != nil && ctx.Err() == nil {
		klog.FromContext(ctx).Error(err, "Cannot watch the mounts of all containers")
		h.readAgain()
	}
}

// tableChanged is called when the mount table of a container has changed, or when its process has ended.
func (h *Healer) tableChanged(t tables.Target, ended bool) {
	h.mu.Lock()
	volumes := slices.Clone(h.users[t])
	if ended && volumes != nil {
		h.ended[t] = true
	}
	h.mu.Unlock()
	if ended {
		// Another process may have the namespace, and the container may start again.
		for _, after := range []time.Duration{0, time.Second, 5 * time.Second} {
			h.rememberLater(after, volumes...)
		}
		return
	}
	for _, id := range volumes {
		h.startRepairPaced(id, changesOf)
	}
}
