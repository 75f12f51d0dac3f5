package healing

import (
	"cmp"
	"slices"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// A container that may mount chooses the type and the source of its mounts, but not their device numbers. So a mount inside a
// volume counts as a mount of another volume only if its device was that of the other volume's client when the table was read.

// scan is like tables.Scan, and also sets Volume and Node in the mounts inside the volumes.
func (h *Healer) scan(devices []mount.Device) (found map[mount.Device][]tables.Table, err error) {
	before := h.Served()
	found, err = tables.Scan(devices)
	h.noteVolumes(before, found)
	noteNode(found)
	return found, err
}

// read is like tables.Read, and also sets Volume and Node in the mounts inside the volume.
func (h *Healer) read(pid int, d mount.Device) (tables.Table, error) {
	before := h.Served()
	t, err := tables.Read(pid, d)
	found := map[mount.Device][]tables.Table{d: {t}} // shares the elements of t.Mounts
	h.noteVolumes(before, found)
	noteNode(found)
	return t, err
}

// noteVolumes sets Volume in the mounts of the tables in found. before holds the volumes that were served before these tables
// were read.
func (h *Healer) noteVolumes(before []fuseclient.Served, found map[mount.Device][]tables.Table) {
	volumes := volumesThroughout(before, h.Served())
	for d, all := range found {
		for _, t := range all {
			for i, m := range t.Mounts {
				if m.Device != d {
					t.Mounts[i].Volume = volumes[m.Device]
				}
			}
		}
	}
	for _, kept := range h.memory.list() {
		keepNotes(found[kept.Device], kept.Tables)
	}
}

// volumesThroughout returns, by device, the volumes that had the same client with the same device at both times. The kernel gives
// the number of a device to another file system as soon as the device has no mount, so the volume must still be mounted.
func volumesThroughout(before, after []fuseclient.Served) map[mount.Device]string {
	volumes := map[mount.Device]string{}
	for _, s := range after {
		same := func(b fuseclient.Served) bool { return b.Client == s.Client && b.Device == s.Device }
		if s.Client == "" || !slices.ContainsFunc(before, same) {
			continue
		}
		if d, mounted, err := mount.DeviceAt(s.StagingPath); err == nil && mounted && d == s.Device {
			volumes[s.Device] = s.VolumeID
		}
	}
	return volumes
}

// keepNotes copies Volume and Node from earlier tables to the mounts that are still there. If the client of an inner volume has been
// replaced and its mount in the container has not, the mount's device no longer shows the volume.
func keepNotes(seen, kept []tables.Table) {
	type identity struct {
		place

		device mount.Device
	}
	of := func(m tables.Mount) identity { return identity{place{m.ID, m.Parent, m.Point}, m.Device} }
	for _, was := range kept {
		known := map[identity]tables.Mount{}
		for _, m := range was.Mounts {
			if m.Volume != "" || m.Node != "" {
				known[of(m)] = m
			}
		}
		if len(known) == 0 {
			continue
		}
		for _, t := range seen {
			if !t.Continues(was) {
				continue
			}
			for i, m := range t.Mounts {
				then := known[of(m)]
				t.Mounts[i].Volume, t.Mounts[i].Node = cmp.Or(m.Volume, then.Volume), cmp.Or(m.Node, then.Node)
			}
		}
	}
}
