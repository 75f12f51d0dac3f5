package healing

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// newestProcess returns the number of the process that was started last on this machine.
func newestProcess() string {
	data, _ := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(data))
	if len(fields) == 0 {
		return time.Now().String() // in doubt there is a new one
	}
	return fields[len(fields)-1]
}

// look attends to volumes whose client has ended or may have another graph, and to clients that have ended with mounts in use. With
// namespaces it also looks for new mount namespaces that use a volume.
func (h *Healer) look(ctx context.Context, namespaces bool) {
	var calm []string
	current := map[string]bool{}
	for _, s := range h.Served() {
		current[s.Client] = true
		h.mu.Lock()
		v := h.volume(s.VolumeID)
		looked := v.looked
		h.mu.Unlock()
		if !s.Alive || h.GraphMayHaveChanged(s.VolumeID, looked) {
			h.attend(ctx, s.VolumeID)
		} else {
			calm = append(calm, s.VolumeID)
		}
	}
	for _, former := range h.memory.list() {
		if !current[former.Client] {
			h.attend(ctx, former.VolumeID)
		}
	}
	if namespaces && len(calm) > 0 {
		h.remember(ctx, calm)
	}
}

// remember keeps which mounts of volumes are where, for the time when the kernel has dropped some. It leaves alone a volume whose
// client has ended or changed its graph since the last time, because that is the time.
func (h *Healer) remember(ctx context.Context, volumeIDs []string) {
	if ctx.Err() != nil {
		return
	}
	var wanted []fuseclient.Served
	var devices []mount.Device
	for _, s := range h.Served() {
		if s.Alive && slices.Contains(volumeIDs, s.VolumeID) {
			wanted, devices = append(wanted, s), append(devices, s.Device)
		}
	}
	if len(wanted) == 0 {
		return
	}
	found, err := tables.Scan(devices)
	if err != nil {
		klog.FromContext(ctx).Error(err, "Cannot see which containers use volumes")
		return
	}
	for _, s := range wanted {
		h.rememberOne(ctx, s, found[s.Device])
	}
	h.watch(ctx)
}

func (h *Healer) rememberOne(ctx context.Context, s fuseclient.Served, seen []tables.Table) {
	asked := time.Now()
	kept, known := h.memory.get(s.Client)
	graph, err := h.ActiveGraph(ctx, s.VolumeID)
	if err != nil { // bricks are away, say, since the client was started
		graph = kept.Graph
	}
	now, staged := h.find(s.VolumeID)
	if staged && (now.Client != s.Client || !now.Alive) || known && kept.Graph != "" && kept.Graph != graph {
		h.attend(ctx, s.VolumeID)
		return
	}
	if !staged {
		return
	}
	h.save(ctx, s, graph, seen)
	h.mu.Lock()
	h.volume(s.VolumeID).looked = asked
	h.mu.Unlock()
}

func (h *Healer) save(ctx context.Context, s fuseclient.Served, graph string, seen []tables.Table) {
	containers := slices.DeleteFunc(slices.Clone(seen), func(t tables.Table) bool { return t.PID == s.PID || seesStaging(t, s) })
	err := h.memory.put(tables.Snapshot{VolumeID: s.VolumeID, Client: s.Client, Device: s.Device, Graph: graph, Tables: containers})
	if err != nil {
		klog.FromContext(ctx).Error(err, "Cannot keep which containers use a volume; is the disk of the state directory full?", "volumeID", s.VolumeID)
	}
}

// seesStaging reports whether a namespace has the kubelet's directory, as this process's and the node's have: what is mounted there
// changes with each pod.
func seesStaging(t tables.Table, s fuseclient.Served) bool {
	return isOwn(t) || slices.ContainsFunc(t.Mounts, func(m tables.Mount) bool { return m.Point == s.StagingPath })
}

// isOwn reports whether a table is that of this process.
func isOwn(t tables.Table) bool { return t.PID == os.Getpid() }

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
	h.mu.Unlock()
	if err := h.watcher.Set(slices.Collect(maps.Keys(users))); err != nil {
		klog.FromContext(ctx).Error(err, "Cannot watch the mounts of all containers")
	}
}

// tableChanged is called when the table of mounts of a container has changed, or when the process has ended whose table it was.
func (h *Healer) tableChanged(ctx context.Context, t tables.Target, ended bool) {
	h.mu.Lock()
	volumes := slices.Clone(h.users[t])
	h.mu.Unlock()
	if ended {
		// Perhaps another process has the namespace, and perhaps the container starts again.
		for _, after := range []time.Duration{0, time.Second, 5 * time.Second} {
			time.AfterFunc(after, func() { h.remember(ctx, volumes) })
		}
		return
	}
	for _, id := range volumes {
		h.attend(ctx, id)
	}
}
