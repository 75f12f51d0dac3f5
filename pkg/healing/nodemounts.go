package healing

import (
	"cmp"
	"os"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// For a file system such as a tmpfs, NFS, CephFS, overlay, btrfs or ZFS, the kernel makes up a device number, and gives it to another
// file system when the last mount is gone. So the number of a mount inside a volume does not show which file system must be put back
// after the mount was dropped. The mount point of that file system on the node shows it, because the kubelet's paths contain the UIDs
// of pods. Several pods may have the same file system: the kernel makes only one for all NFS mounts with the same source and options.

// isAnonymous reports whether the kernel has made up the device number of a mount's file system. GlusterFS does not count: its mounts
// are identified by their volumes.
func isAnonymous(m tables.Mount) bool { return m.Device.Major == 0 && m.FSType != mount.FSType }

// noteNode sets Node in the mounts inside the volumes, if Node is not known or the file system is no longer mounted at Node.
func noteNode(found map[mount.Device][]tables.Table) {
	wanted := map[string]bool{} // device numbers
	for d, all := range found {
		for _, t := range all {
			for _, m := range t.Mounts {
				if needsNode(m, d) {
					wanted[m.Device.String()] = true
				}
			}
		}
	}
	if len(wanted) == 0 {
		return
	}
	// If a mount on the node exists before and after the container's table is read, it has kept its device number all the time.
	before := onNode(wanted)
	lacksNode := func(m tables.Mount, d mount.Device) bool { return needsNode(m, d) && !isAtNode(m, before) }
	now := readTwice(found, lacksNode)
	if len(now) == 0 {
		return
	}
	after := onNode(wanted)
	for d, all := range found {
		for _, t := range all {
			for i, m := range t.Mounts {
				if lacksNode(m, d) && has(now[t.Target()][d].Mounts, m) {
					t.Mounts[i].Node = cmp.Or(nodeOf(t.Pod, m, before, after), m.Node)
				}
			}
		}
	}
}

// readTwice reads those tables again that have a mount without a Node.
func readTwice(found map[mount.Device][]tables.Table, lacksNode func(tables.Mount, mount.Device) bool) map[tables.Target]map[mount.Device]tables.Table {
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

func needsNode(m tables.Mount, volume mount.Device) bool { return m.Device != volume && isAnonymous(m) }

// isAtNode reports whether the content of m is still at its Node.
func isAtNode(m tables.Mount, onNode []tables.Mount) bool {
	return slices.ContainsFunc(onNode, func(other tables.Mount) bool {
		return other.Point == m.Node && other.Device == m.Device && shows(other, m)
	})
}

// onNode returns the mounts of the devices: first those that this process sees, then those that process 1 sees.
func onNode(devices map[string]bool) (all []tables.Mount) {
	for _, pid := range []int{os.Getpid(), 1} {
		found, err := tables.Select(pid, func(_ int, device, _ string) bool { return devices[device] })
		if err == nil { // process 1 may not be visible
			all = append(all, found...)
		}
	}
	return all
}

// nodeOf returns the mount point of a mount that shows the content of m and is both in before and in after, or "". It prefers the
// paths of the container's own pod, because these exist for as long as the container. Its second choice is the oldest mount.
func nodeOf(pod string, m tables.Mount, before, after []tables.Mount) (point string) {
	for _, other := range before {
		if other.Device != m.Device || !shows(other, m) || !has(after, other) {
			continue
		}
		if pod != "" && strings.Contains(other.Point, "/"+pod+"/") {
			return other.Point
		}
		point = cmp.Or(point, other.Point)
	}
	return point
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
