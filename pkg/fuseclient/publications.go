package fuseclient

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"regexp"
	"slices"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// Publication is a published volume at one target path.
type Publication struct {
	Target   string    `json:"-"` // without symbolic links
	ReadOnly bool      `json:"readOnly,omitempty"`
	Pod      mount.Pod `json:"pod,omitzero"`
	PV       string    `json:"pv,omitempty"` // the PersistentVolume; empty if the target path does not have the kubelet's form
}

// Publications returns where the volume is published, sorted by path. A publication made just before the node plugin was killed
// may be missing. The pod is empty if an earlier version of the driver published the volume.
func (m *Manager) Publications(volumeID string) []Publication {
	r, _ := m.record(volumeID)
	list := make([]Publication, 0, len(r.Publications))
	for _, target := range slices.Sorted(maps.Keys(r.Publications)) {
		p := r.Publications[target]
		p.Target = target
		list = append(list, p)
	}
	return list
}

// addPublication adds a publication to the volume's record in memory; Run writes it shortly after. Writing the record here would
// add a tenth to the time that a publish takes.
func (m *Manager) addPublication(request mount.Publication, target string) {
	m.changePublications(request.VolumeID, func(all map[string]Publication) {
		p := Publication{ReadOnly: request.ReadOnly, Pod: request.Pod, PV: pvOf(target)}
		if p.Pod == (mount.Pod{}) {
			p.Pod = all[target].Pod
		}
		all[target] = p
	})
}

// dropPublication removes a publication from the volume's record in memory, like addPublication.
func (m *Manager) dropPublication(volumeID, target string) {
	m.changePublications(volumeID, func(all map[string]Publication) { delete(all, target) })
}

func (m *Manager) changePublications(volumeID string, change func(all map[string]Publication)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, known := m.records[volumeID]
	changed := map[string]Publication{}
	maps.Copy(changed, r.Publications) // copies of the record share the map
	change(changed)
	if !known || maps.Equal(changed, r.Publications) {
		return
	}
	r.Publications = changed
	m.records[volumeID] = r
	if m.unwritten == nil {
		m.unwritten = map[string]bool{}
	}
	m.unwritten[volumeID] = true
	select {
	case m.changed <- struct{}{}:
	default: // Run has not yet read an earlier signal
	}
}

// takeUnwritten returns the volumes whose publications have changed since the previous call.
func (m *Manager) takeUnwritten() map[string]bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	volumes := m.unwritten
	m.unwritten = nil
	return volumes
}

// writePublications writes the records of volumes whose publications have changed. Records that cannot be written now are written
// by upkeep.
func (m *Manager) writePublications(ctx context.Context) {
	for volumeID := range m.takeUnwritten() {
		m.writeAgain(ctx, volumeID)
	}
}

// closePublications writes the publications that Run has not written yet. No other call runs at this point.
func (m *Manager) closePublications() {
	for volumeID := range m.takeUnwritten() {
		if r, known := m.record(volumeID); known {
			_ = writeRecord(m.recordPath(volumeID), r) // without the record, events cannot name the pod
		}
	}
}

// isPublished reports whether target is still a mount point. A record of an earlier process may also list an unpublished target:
// the process may have been killed before it could record the end.
func isPublished(target string) bool {
	top, err := mount.Top(target)
	return top != nil || err != nil && !errors.Is(err, fs.ErrNotExist)
}

// kubeletTarget matches a target path of the kubelet: .../pods/UID/volumes/kubernetes.io~csi/PV/mount.
var kubeletTarget = regexp.MustCompile(`/volumes/kubernetes\.io~csi/([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)/mount$`)

// pvOf returns the name of the PersistentVolume in a target path of the kubelet, or "".
func pvOf(target string) string {
	found := kubeletTarget.FindStringSubmatch(target)
	if found == nil {
		return ""
	}
	return found[1]
}
