package tables

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// Scan reads the tables of all mount namespaces that a process is in, and returns those that have mounts of one of the devices, by
// device: this process's own namespace is the first. A process that ends meanwhile is no error. What could be read is returned
// beside an error. Namespaces of processes that this one cannot see, for lack of the host's PID namespace, are left out, and so are
// those that belong to another user namespace. Where a pod has very many mounts or namespaces, its tables say how many are left out.
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
	seen := map[int]bool{} // mounts, by id
	for _, n := range namespaces {
		tables, err := r.readNamespace(n, devices)
		if err != nil {
			failed = append(failed, err)
		}
		for d, t := range tables {
			// A process whose namespace cannot be seen may be in one that has been read: its mounts have the same ids.
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

// namespace is a mount namespace with processes whose tables show it.
type namespace struct {
	number    uint64 // 0 when this process may not see it
	processes []int  // that see the same
}

// namespaces lists the mount namespaces: this process's own first, those whose number cannot be seen last, one for each process.
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
	// Processes that have changed their root directory see a part of the namespace only: others are preferred.
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

// readNamespace reads the tables of the first process that is still there for those of the devices that it has mounts of.
func (r *reader) readNamespace(n namespace, devices []mount.Device) (map[mount.Device]Table, error) {
	for _, pid := range n.processes {
		if isKernelThread(pid) {
			continue
		}
		found, err := r.read(pid, devices)
		if err == nil && len(found) > 0 {
			// What a process mounts that has made a user namespace is its own affair.
			var ours bool
			if ours, err = mount.OwnedHere(procPath(pid, "ns/mnt")); err != nil || !ours {
				found, err = nil, ignorePermission(err)
			}
		}
		switch {
		case err == nil:
			return found, nil
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("mounts of process %d: %w", pid, err)
		}
	}
	return nil, nil //nolint:nilnil // no process is left
}

// ignorePermission is for a namespace that this process may not enter either.
func ignorePermission(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

// isKernelThread reports whether a process is the kernel's, whose root directory may be that of the time before the node's root was
// mounted, or a zombie: both have no program.
func isKernelThread(pid int) bool {
	_, err := os.Readlink(procPath(pid, "exe"))
	return errors.Is(err, fs.ErrNotExist)
}
