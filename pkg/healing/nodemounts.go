package healing

import (
	"os"
	"slices"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// For a file system without a disk, such as a tmpfs, the kernel makes up a device number, and gives it to another file system when
// the last mount is gone. So the number of a mount inside a volume does not show which file system must be put back after the mount
// was dropped. The place of that file system on the node does: the kubelet's paths contain the UIDs of pods.

// isAnonymous reports whether the kernel has made up the device number of a mount's file system. GlusterFS does not count: its mounts
// are identified by their volumes.
func isAnonymous(m tables.Mount) bool { return m.Device.Major == 0 && m.FSType != mount.FSType }

// noteNode sets Node in the mounts inside the volumes for which it is not known yet.
func noteNode(found map[mount.Device][]tables.Table) {
	wanted := map[string]bool{} // device numbers
	for d, all := range found {
		for _, t := range all {
			for _, m := range t.Mounts {
				if lacksNode(m, d) {
					wanted[m.Device.String()] = true
				}
			}
		}
	}
	if len(wanted) == 0 {
		return
	}
	// A mount on the node that is there before and after the container's table is read has kept its device number all the time.
	before := onNode(wanted)
	now := readTwice(found)
	after := onNode(wanted)
	for d, all := range found {
		for _, t := range all {
			for i, m := range t.Mounts {
				if lacksNode(m, d) && has(now[t.Target()][d].Mounts, m) {
					t.Mounts[i].Node = nodeOf(m, before, after)
				}
			}
		}
	}
}

// readTwice reads the tables again in which a Node is not known yet.
func readTwice(found map[mount.Device][]tables.Table) map[tables.Target]map[mount.Device]tables.Table {
	now := map[tables.Target]map[mount.Device]tables.Table{}
	for d, all := range found {
		for _, t := range all {
			if !slices.ContainsFunc(t.Mounts, func(m tables.Mount) bool { return lacksNode(m, d) }) {
				continue
			}
			if again, err := tables.Read(t.PID, d); err == nil && again.Target() == t.Target() { // otherwise the process has ended
				if now[t.Target()] == nil {
					now[t.Target()] = map[mount.Device]tables.Table{}
				}
				now[t.Target()][d] = again
			}
		}
	}
	return now
}

func lacksNode(m tables.Mount, volume mount.Device) bool {
	return m.Device != volume && isAnonymous(m) && m.Node == ""
}

// onNode returns the mounts of devices that this process sees and then those that process 1 sees.
func onNode(devices map[string]bool) (all []tables.Mount) {
	for _, pid := range []int{os.Getpid(), 1} {
		found, err := tables.Select(pid, func(_ int, device, _ string) bool { return devices[device] })
		if err == nil { // process 1 may not be visible
			all = append(all, found...)
		}
	}
	return all
}

// nodeOf returns the mount point of the oldest mount that shows the content of m and is among the mounts at both times, or "".
func nodeOf(m tables.Mount, before, after []tables.Mount) string {
	for _, other := range before {
		if other.Device == m.Device && shows(other, m) && has(after, other) {
			return other.Point
		}
	}
	return ""
}

// has reports whether a mount is among others that were read at another time.
func has(mounts []tables.Mount, m tables.Mount) bool {
	return slices.ContainsFunc(mounts, func(other tables.Mount) bool {
		return other.ID == m.ID && other.Point == m.Point && other.Device == m.Device
	})
}

// shows reports whether another mount of the same device shows what m shows.
func shows(other, m tables.Mount) bool {
	return !other.Deleted && other.FSType == m.FSType && other.Source == m.Source && below(other.Root, m.Root)
}
