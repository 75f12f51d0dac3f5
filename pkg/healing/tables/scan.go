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
// beside an error. Namespaces of processes that this one cannot see, for lack of the host's PID namespace, are left out, and so are those that belong to another user namespace.
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
	seen := map[int]bool{} // mounts, by id
	for _, n := range namespaces {
		head, mounts, err := r.readNamespace(n, devices)
		if err != nil {
			failed = append(failed, err)
		}
		for d, mounts := range mounts {
			// A process whose namespace cannot be seen may be in one that has been read: its mounts have the same ids.
			if n.number == 0 && slices.ContainsFunc(mounts, func(m Mount) bool { return seen[m.ID] }) {
				continue
			}
			for _, m := range mounts {
				seen[m.ID] = true
			}
			t := head
			t.Mounts = mounts
			found[d] = append(found[d], t)
		}
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

// readNamespace reads the table of the first process that is still there, and returns the mounts that concern those of the devices
// that it has.
func (r *reader) readNamespace(n namespace, devices []mount.Device) (head Table, mounts map[mount.Device][]Mount, err error) {
	for _, pid := range n.processes {
		if isKernelThread(pid) {
			continue
		}
		head, mounts, err := r.readProcess(pid, devices)
		switch {
		case err == nil:
			return head, mounts, nil
		case !errors.Is(err, fs.ErrNotExist):
			return Table{}, nil, fmt.Errorf("mounts of process %d: %w", pid, err)
		}
	}
	return Table{}, nil, nil
}

// readProcess is readNamespace by one process. The error wraps fs.ErrNotExist when it has ended.
func (r *reader) readProcess(pid int, devices []mount.Device) (head Table, mounts map[mount.Device][]Mount, err error) {
	err = whileAlive(pid, func() error {
		lines, err := r.lines(pid)
		if err != nil {
			return err
		}
		there := present(lines, devices)
		if len(there) == 0 {
			return nil
		}
		// What a process mounts that has made a user namespace is its own affair.
		if ours, err := mount.OwnedHere(procPath(pid, "ns/mnt")); err != nil || !ours {
			return ignorePermission(err)
		}
		all, err := parse(lines)
		if err != nil {
			return err
		}
		mounts = make(map[mount.Device][]Mount, len(there))
		for _, d := range there {
			mounts[d] = concerning(all, d)
		}
		head, err = describe(pid)
		return err
	})
	return head, mounts, err
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
