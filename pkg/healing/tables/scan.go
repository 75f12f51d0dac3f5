package tables

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// Scan reads the tables of all mount namespaces that have a process, and returns those that have mounts of one of the devices, by
// device, starting with this process's namespace. A process that ends meanwhile is not an error. On an error, Scan also returns
// the tables that it could read. Without the host's PID namespace, it sees only the processes of this PID namespace. It skips
// namespaces that belong to another user namespace. If a pod has too many mounts or namespaces, LeftOut and Others in its tables
// count the rest.
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
			// A process whose namespace is not visible may be in one that was already read: its mounts then have the same ids.
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

// namespaces lists the mount namespaces: this process's own first, and last those without a visible number, one for each process.
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
	// Processes with another root directory see only a part of the namespace, so others are preferred.
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

// readNamespace reads the tables of the first process that still exists, for those of the devices that it has mounts of.
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

// readOwned is like read, but does not read the table of a process in another user namespace. Its mounts are not the driver's
// concern, and any user can make user namespaces, with tables of any length.
func (r *reader) readOwned(pid int, devices []mount.Device) (map[mount.Device]Table, error) {
	ours, err := mount.OwnedHere(procPath(pid, "ns/mnt"))
	if err != nil || !ours {
		return nil, ignorePermission(err)
	}
	return r.read(pid, devices)
}

// ignorePermission drops a permission error: this process may not enter such a namespace, and so cannot repair mounts in it.
func ignorePermission(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

// isKernelThread reports whether a process is a kernel thread, whose root directory may predate the node's root mount, or a
// zombie: neither has a program.
func isKernelThread(pid int) bool {
	_, err := os.Readlink(procPath(pid, "exe"))
	return errors.Is(err, fs.ErrNotExist)
}
