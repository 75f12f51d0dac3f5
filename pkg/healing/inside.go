package healing

import (
	"fmt"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
)

// inside returns the mounts inside m: the present ones, and those in the snapshots of clients that have ended. The mounts can be made
// in the order of the result. inside returns an error that wraps errLost if the list is incomplete.
func (r *repairer) inside(t tables.Table, m tables.Mount) ([]tables.Mount, error) {
	nested, partial := r.nested(t, m), m.Partial
	for _, former := range r.former {
		for _, then := range former.Tables {
			if !t.Continues(then) {
				continue
			}
			known := false
			for _, was := range then.Volume(former.Device) {
				if was.Point != m.Point {
					continue
				}
				known, partial = true, partial || was.Partial
				for _, inner := range r.nested(then, was) {
					if !hasPoint(nested, inner.Point) {
						nested = append(nested, inner)
					}
				}
			}
			partial = partial || !known && then.LeftOut > 0
		}
	}
	if partial { // the volume's own directories would show in place of the missing mounts
		return nil, fmt.Errorf("%w: its container has more mounts than the driver tracks", errLost)
	}
	return nested, nil
}

// nested is like Table.Nested, for a mount of the volume, and notes which of the mounts inside it are mounts of the same volume.
func (r *repairer) nested(t tables.Table, m tables.Mount) []tables.Mount {
	all := t.Nested(m)
	for i, inner := range all {
		if inner.Device == m.Device {
			all[i].Volume = r.volume.VolumeID
		}
	}
	return all
}

func hasPoint(mounts []tables.Mount, point string) bool {
	for _, m := range mounts {
		if m.Point == point {
			return true
		}
	}
	return false
}
