// Package tables reads the mount tables of this node's mount namespaces, saves the parts that concern volumes on disk (Store), and
// watches the tables (Watcher). It only asks the kernel, never a mounted file system, which could belong to a hung client. A table
// may be outdated by the time it is used: Table.Open checks that its process is still the same and in the same namespace.
//
// The caller needs root's privileges to read other processes' tables, and the host's PID namespace to see all processes. It must
// close each Watcher, and each pidfd from Table.Open. Tables have limits, because containers can make any number of mounts;
// Table.LeftOutBecause describes the missing part. If a process has ended, the errors of Read and Table.Open wrap fs.ErrNotExist.
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

// Mount is one line of a mount table.
type Mount struct {
	ID          int          `json:"id"` // unique on the node for as long as the mount exists
	Parent      int          `json:"parent"`
	Device      mount.Device `json:"device"`
	FSType      string       `json:"fsType"`
	Source      string       `json:"source"`
	Root        string       `json:"root"`              // directory of the file system that the mount shows
	Deleted     bool         `json:"deleted,omitempty"` // the kernel has marked Root as deleted
	Point       string       `json:"point"`             // mount point, below the root directory of the table's process
	Options     string       `json:"options"`           // flags of this mount, field 6 of mountinfo
	Propagation string       `json:"propagation"`       // "shared:1 master:2"; "" for a private mount
	// Directory is the inode number of the directory that a mount inside a volume is mounted on; 0 if it is not known.
	Directory uint64 `json:"directory,omitempty"`
	// Later is set if the container, or a process on the node, has made the mount: the mount was not there yet when the container was
	// first seen, or it shows the container's own root file system.
	Later bool `json:"later,omitempty"`
	// Volume is set for a mount of one of the driver's volumes inside another volume: the id of the inner volume, which was found
	// by the mount's device when the table was read. Volume is "" for other file systems, and in snapshots of earlier versions.
	Volume string `json:"volume,omitempty"`
	// Node is set for a mount inside a volume if the kernel has made up the device number of its file system: the mount point of that
	// file system on the node. Node is "" for GlusterFS, if the node does not have the file system, and in snapshots of earlier
	// versions.
	Node string `json:"node,omitempty"`
	// Partial is set if the table lacks some mounts inside this one, at any depth.
	Partial bool `json:"partial,omitempty"`
}

// newMount converts a line of mountinfo. The root of a mount ends in "//deleted" if its directory was deleted, or if the kernel has
// marked it as deleted after a change of the client's graph. No path of an existing directory ends like that.
func newMount(i *mountinfo.Info) Mount {
	root, deleted := strings.CutSuffix(i.Root, "//deleted")
	return Mount{
		ID: i.ID, Parent: i.Parent, Device: mount.DeviceOf(i), FSType: i.FSType, Source: i.Source,
		Root: cmp.Or(root, "/"), Deleted: deleted, Point: i.Mountpoint, Options: i.Options, Propagation: i.Optional,
	}
}

// Table holds the mounts of one mount namespace that concern one volume. The namespace of the volume's client has a table, too.
type Table struct {
	Namespace uint64 `json:"namespace"`         // inode number of the mount namespace; 0 if it is not visible to this process
	PID       int    `json:"pid"`               // a process in the namespace; this process for its own namespace
	Start     uint64 `json:"start"`             // start time of the process, because its number is reused
	Pod       string `json:"pod"`               // UID of the process's pod; "" outside pods
	LeftOut   int    `json:"leftOut,omitempty"` // mounts of this namespace that are not kept: too many or too long
	Others    int    `json:"others,omitempty"`  // further namespaces of the pod, or of all pods, that were not kept
	// Mounts holds the mounts of the volume's device and all mounts below them, in the order of mountinfo.
	Mounts []Mount `json:"mounts"`
}

// Volume returns the mounts of a device.
func (t Table) Volume(d mount.Device) []Mount {
	return slices.DeleteFunc(slices.Clone(t.Mounts), func(m Mount) bool { return m.Device != d })
}

// Nested returns the mounts inside m, at any depth, each after the mount that it is on. It returns neither a mount that covers m
// nor the mounts inside such a cover.
func (t Table) Nested(m Mount) []Mount {
	children := map[int][]Mount{}
	for _, child := range t.Mounts {
		children[child.Parent] = append(children[child.Parent], child)
	}
	var found []Mount
	reached := map[int]bool{m.ID: true} // a damaged snapshot may contain a cycle
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

// Cover returns the mount that hides m: it lies on top of m, at the same mount point.
func (t Table) Cover(m Mount) (cover Mount, covered bool) {
	i := slices.IndexFunc(t.Mounts, func(c Mount) bool { return c.Parent == m.ID && c.ID != m.ID && c.Point == m.Point })
	if i == -1 {
		return Mount{}, false
	}
	return t.Mounts[i], true
}

// Open returns a pidfd of the table's process, through which its namespace can be entered. The error wraps fs.ErrNotExist if the
// process has ended or is in another namespace by now.
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

// inNamespace returns an error that wraps fs.ErrNotExist if the mount namespace of a process has another number.
func inNamespace(pid int, number uint64) error {
	now, err := mount.NamespaceOf(pid)
	if err == nil && number != 0 && now != number {
		return fmt.Errorf("process %d is in another mount namespace by now: %w", pid, fs.ErrNotExist)
	}
	return nil // entering the namespace fails if the number cannot be read
}
