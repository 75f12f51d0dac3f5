package tables

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// Scan reads the tables of all mount namespaces that have a process. For each device, it returns the tables that have mounts of the
// device, beginning with that of this process's namespace. A process that ends meanwhile is not an error. If there is an error, Scan
// also returns the tables that it could read. Without the host's PID namespace, it sees only the processes of this PID namespace. It
// skips namespaces that belong to another user namespace. If a pod has too many mounts or namespaces, LeftOut and Others in its
// tables count the rest.
func Scan(devices []mount.Device) (map[mount.Device][]Table, error) {
	found := map[mount.Device][]Table{}
	if len(devices) == 0 {
		return found, nil
	}
	namespaces, err := namespaces()
	if err != nil {
		return found, err
	}
	var r reader
	var failed []error
	gathered := map[mount.Device]*bounded{}
	seen := map[int]bool{} // ids of mounts
	for _, n := range namespaces {
		tables, err := r.readNamespace(n, devices)
		if err != nil {
			failed = append(failed, err)
		}
		for d, t := range tables {
			// If the namespace of a process is not visible, its table may have been read before: the mounts then have the same ids.
			if n.number == 0 && slices.ContainsFunc(t.Mounts, func(m Mount) bool { return seen[m.ID] }) {
				continue
			}
			if gathered[d] == nil {
				gathered[d] = &bounded{}
			}
			if gathered[d].add(t) {
				for _, m := range t.Mounts {
					seen[m.ID] = true
				}
			}
		}
	}
	for d, b := range gathered {
		found[d] = b.tables
	}
	return found, errors.Join(failed...)
}

// namespace is a mount namespace and the processes whose tables show it.
type namespace struct {
	number    uint64 // 0 if it is not visible to this process
	processes []int  // with the same view
}

// namespaces lists the mount namespaces. This process's own namespace is the first. Those without a visible number are the last, one
// for each process.
func namespaces() ([]namespace, error) {
	views, err := mount.Views()
	if err != nil {
		return nil, err
	}
	self := os.Getpid()
	own, err := mount.NamespaceOf(self)
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("own mount namespace: %w", err)
	}
	// A process with another root directory sees only a part of its namespace, so processes without one come first.
	slices.SortStableFunc(views, func(a, b mount.View) int { return len(a.Root) - len(b.Root) })
	found, unseen := []namespace{{own, []int{self}}}, []namespace(nil)
	known := map[uint64]bool{own: true}
	for _, v := range views {
		switch {
		case v.Namespace == 0:
			unseen = append(unseen, namespace{0, v.Processes})
		case !known[v.Namespace]:
			known[v.Namespace] = true
			found = append(found, namespace{v.Namespace, v.Processes})
		}
	}
	return append(found, unseen...), nil
}

// readNamespace calls readOwned for the first process of the namespace that still exists.
func (r *reader) readNamespace(n namespace, devices []mount.Device) (map[mount.Device]Table, error) {
	for _, pid := range n.processes {
		if isKernelThread(pid) {
			continue
		}
		found, err := r.readOwned(pid, devices)
		switch {
		case err == nil:
			return found, nil
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("mounts of process %d: %w", pid, err)
		}
	}
	return nil, nil //nolint:nilnil // no process exists any more
}

// readOwned is like read, but skips a process whose mount namespace belongs to another user namespace. The mounts there are not the
// driver's concern, and any user can make user namespaces, with tables of any length.
func (r *reader) readOwned(pid int, devices []mount.Device) (map[mount.Device]Table, error) {
	ours, err := mount.OwnedHere(procPath(pid, "ns/mnt"))
	if err != nil || !ours {
		return nil, ignorePermission(err)
	}
	return r.read(pid, devices)
}

// ignorePermission drops a permission error: this process has no right to enter such a namespace, so it cannot repair mounts there.
func ignorePermission(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

// isKernelThread reports whether a process is a kernel thread or a zombie: neither has a program. The root directory of a kernel
// thread may predate the node's root mount.
func isKernelThread(pid int) bool {
	_, err := os.Readlink(procPath(pid, "exe"))
	return errors.Is(err, fs.ErrNotExist)
}
