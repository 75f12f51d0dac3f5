package tables

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// MayUnmount reports whether the table's process can get the privilege to unmount (CAP_SYS_ADMIN in its bounding set). A container
// runtime withholds it, unless the pod asks for it.
func (t Table) MayUnmount() bool {
	set, err := mount.ProcessStatus(t.PID, "CapBnd")
	if err != nil {
		return false
	}
	bits, err := strconv.ParseUint(set, 16, 64)
	return err == nil && bits&(1<<unix.CAP_SYS_ADMIN) != 0
}

// Noted returns the table, with Later set for the mounts that are not in an earlier table of the same namespace (the parameter then).
// A mount that was restored has another id, but the same place and content.
func (t Table) Noted(then Table) Table {
	was := map[content]bool{}
	for _, m := range then.Mounts {
		was[contentOf(m)] = m.Later
	}
	return t.withLater(func(m Mount) bool {
		later, known := was[contentOf(m)]
		return later || !known
	})
}

// FirstSeen is like Noted, for a namespace without an earlier table. It sets Later for mounts of the container's own root file
// system, because a runtime mounts only directories of the node in a container. It cannot recognize other mounts that the container
// has made.
func (t Table) FirstSeen() Table {
	if !slices.ContainsFunc(t.Mounts, func(m Mount) bool { return m.FSType == overlay }) {
		return t
	}
	overlays, err := Select(t.PID, func(_ int, _, fsType string) bool { return fsType == overlay })
	if err != nil {
		return t
	}
	return t.withLater(func(m Mount) bool {
		return m.FSType == overlay && slices.ContainsFunc(overlays, func(root Mount) bool { return root.Point == "/" && root.Device == m.Device })
	})
}

const overlay = "overlay"

func (t Table) withLater(isLater func(Mount) bool) Table {
	mounts := slices.Clone(t.Mounts)
	for i, m := range mounts {
		mounts[i].Later = isLater(m)
	}
	t.Mounts = mounts
	return t
}

// content identifies what a mount shows, and where.
type content struct{ point, device, path string }

// contentOf names a GlusterFS volume by its path, because each client of the volume has another device. A client of an older version
// of the driver has the volume's directory in its source instead of in its root.
func contentOf(m Mount) content {
	if m.FSType != mount.FSType {
		return content{m.Point, m.Device.String(), m.Root}
	}
	_, volume, _ := strings.Cut(m.Source, ":/") // the part before ":/" is the first server
	return content{m.Point, "", path.Join(volume, m.Root)}
}

// WithoutLater returns the table without the mounts that have Later set, and without those on top of them.
func (t Table) WithoutLater() Table {
	var mounts []Mount
	gone := map[int]bool{}
	for _, m := range t.Mounts { // a mount comes after the one that it is on
		if m.Later || gone[m.Parent] {
			gone[m.ID] = true
			continue
		}
		mounts = append(mounts, m)
	}
	t.Mounts = mounts
	return t
}
