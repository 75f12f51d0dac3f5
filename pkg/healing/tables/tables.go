// Package tables reads the tables of mounts of this node's mount namespaces, as far as they concern volumes, keeps them on disk,
// and watches them. It asks the kernel only, never a file system that is mounted: that could be a hung client.
package tables

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// Mount is one line of a table of mounts.
type Mount struct {
	ID          int          `json:"id"` // of this mount alone on the whole node, for as long as it lives
	Parent      int          `json:"parent"`
	Device      mount.Device `json:"device"`
	FSType      string       `json:"fsType"`
	Source      string       `json:"source"`
	Root        string       `json:"root"`              // directory of the file system that is mounted
	Deleted     bool         `json:"deleted,omitempty"` // the kernel has marked Root as deleted
	Point       string       `json:"point"`             // mount point, below the root directory of the table's process
	Options     string       `json:"options"`           // flags of this mount, field 6 of mountinfo
	Propagation string       `json:"propagation"`       // "shared:1 master:2"; "" for a private mount
	// Directory is the inode number of what this is mounted on, for one that is mounted in a volume; 0 when it is not known.
	Directory uint64 `json:"directory,omitempty"`
	// Partial: what is mounted inside, at any depth, is not all in the table.
	Partial bool `json:"partial,omitempty"`
}

// newMount takes over a line of mountinfo. A directory that has been deleted, or that the kernel has lost sight of after a change of
// the client's graph, ends in "//deleted", which no path of a directory that exists can.
func newMount(i *mountinfo.Info) Mount {
	root, deleted := strings.CutSuffix(i.Root, "//deleted")
	return Mount{
		ID: i.ID, Parent: i.Parent, Device: mount.DeviceOf(i), FSType: i.FSType, Source: i.Source,
		Root: cmp.Or(root, "/"), Deleted: deleted, Point: i.Mountpoint, Options: i.Options, Propagation: i.Optional,
	}
}

// Table holds the mounts of one mount namespace that concern one volume. The namespace of the volume's client has one, too.
type Table struct {
	Namespace uint64 `json:"namespace"`         // inode number of the mount namespace; 0 when this process may not see it
	PID       int    `json:"pid"`               // a process in the namespace; this one for its own namespace
	Start     uint64 `json:"start"`             // start time of the process, since its number is used again
	Pod       string `json:"pod"`               // UID of the process's pod; "" outside of pods
	LeftOut   int    `json:"leftOut,omitempty"` // mounts of this namespace that are too many, or too long, to be kept
	Others    int    `json:"others,omitempty"`  // further namespaces of the pod, or of all pods, that are too many
	// Mounts are those of the volume's device, and at any depth what is mounted below them; in the order of mountinfo.
	Mounts []Mount `json:"mounts"`
}

// Volume returns the mounts of a device.
func (t Table) Volume(d mount.Device) []Mount {
	return slices.DeleteFunc(slices.Clone(t.Mounts), func(m Mount) bool { return m.Device != d })
}

// Nested returns what is mounted inside m, at any depth; what is mounted on something else comes after it.
// It does not return what covers m, nor what is mounted in there.
func (t Table) Nested(m Mount) []Mount {
	children := map[int][]Mount{}
	for _, child := range t.Mounts {
		children[child.Parent] = append(children[child.Parent], child)
	}
	var found []Mount
	reached := map[int]bool{m.ID: true} // a snapshot on disk may be damaged, and lead round in circles
	for parents := []int{m.ID}; len(parents) > 0; parents = parents[1:] {
		for _, child := range children[parents[0]] {
			if reached[child.ID] || child.Point == m.Point {
				continue
			}
			reached[child.ID] = true
			parents, found = append(parents, child.ID), append(found, child)
		}
	}
	return found
}

// Cover returns what is mounted over m, at the same mount point, which hides m.
func (t Table) Cover(m Mount) (cover Mount, covered bool) {
	i := slices.IndexFunc(t.Mounts, func(c Mount) bool { return c.Parent == m.ID && c.ID != m.ID && c.Point == m.Point })
	if i == -1 {
		return Mount{}, false
	}
	return t.Mounts[i], true
}

// Open returns a descriptor for the table's process, with which its namespace can be entered. The error wraps fs.ErrNotExist when
// the process has ended or is in another namespace by now.
func (t Table) Open() (pidfd int, err error) {
	pidfd, err = mount.Process{PID: t.PID, Start: t.Start}.Open()
	if err != nil {
		return -1, err
	}
	if err := inNamespace(t.PID, t.Namespace); err != nil {
		_ = unix.Close(pidfd)
		return -1, err
	}
	return pidfd, nil
}

// inNamespace returns an error that wraps fs.ErrNotExist when a process is in another mount namespace than the one with a number.
func inNamespace(pid int, number uint64) error {
	now, err := mount.NamespaceOf(pid)
	if err == nil && number != 0 && now != number {
		return fmt.Errorf("process %d is in another mount namespace by now: %w", pid, fs.ErrNotExist)
	}
	return nil // entering the namespace fails where the number cannot be read
}
