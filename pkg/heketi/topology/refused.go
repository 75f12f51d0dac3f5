package topology

import (
	"fmt"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
)

// RefusedError is returned when Heketi does not add a node or device.
type RefusedError struct {
	Node    string
	Device  string // "": the node itself
	Devices int    // number of devices of the refused node; none of them was tried
	Err     error
}

// Error implements error.
func (e *RefusedError) Error() string {
	reason := heketi.Reason(e.Err)
	if e.Device != "" {
		return fmt.Sprintf("device %s of node %s was not added: %s%s", e.Device, e.Node, reason, deviceHint(reason, e.Device, e.Node))
	}
	text := fmt.Sprintf("node %s was not added: %s", e.Node, reason)
	switch {
	case e.Devices == 1:
		text += " (its device was not tried)"
	case e.Devices > 1:
		text += fmt.Sprintf(" (its %d devices were not tried)", e.Devices)
	}
	return text + nodeHint(reason)
}

// Unwrap returns the cause.
func (e *RefusedError) Unwrap() error { return e.Err }

// deviceHint returns advice for a reason that Heketi or LVM gave, or "" if there is none.
func deviceHint(reason, device, node string) string {
	has := func(parts ...string) bool {
		for _, part := range parts {
			if strings.Contains(reason, part) {
				return true
			}
		}
		return false
	}
	// Heketi adds "already initialized or contains data?" to every reason, so "contains data" is checked last.
	switch {
	case has("not found", "No such file", "No device found"):
		return "; does the node have a disk of this name? lsblk lists its disks"
	case has("excluded by a filter", "is partitioned"):
		return "; the disk has partitions, or is used already: name an empty disk or a partition"
	case has("contains data", "contains Physical Volume", "of volume group", "already in use"):
		return fmt.Sprintf("; it is in use or holds data: name another device, or, if nothing on it is needed, run wipefs --all %s on %s", device, node)
	}
	return ""
}

func nodeHint(reason string) string {
	switch {
	case strings.Contains(reason, "glusterd running"), strings.Contains(reason, "Unable to find a GlusterFS pod"):
		return "; its gluster pod must run, and glusterd in it must answer"
	case strings.Contains(reason, "already used by node"):
		return "; another node of Heketi has this name or address"
	case strings.Contains(reason, "already part of another cluster"):
		return "; its /var/lib/glusterd is from another gluster cluster: detach the node from that cluster, or empty the directory"
	}
	return ""
}
