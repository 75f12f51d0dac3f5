package placement

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/osthread"
)

// mountPoints returns the directories of a tree on which mounts are made, always in the same order.
func mountPoints(stateDir string) []string {
	fixed := []string{"/dev", "/proc", "/tmp", "/run", "/var/run", filepath.Join(stateDir, "clients"), filepath.Join(stateDir, "logs")}
	return slices.Concat(fixed, slices.Sorted(maps.Keys(secrets())))
}

const privateFlags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

// root is a mount namespace with a client's root directory. Each client gets a copy of it. root is made only once, because that
// is slow: it begins as a copy of the container's mount namespace, with all mounts of the node, and the thread blocks while the
// kernel drops them.
type root struct {
	namespace *os.File
	state     []stateMount
}

// stateMount is a part of the state directory that a client uses.
type stateMount struct {
	dir        string // or a file
	attributes uint64
}

// makeRoot makes a read-only root directory from the tree. Its mounts are not visible to other processes, and their mounts are
// not visible in it.
func (t tree) makeRoot(stateDir string) (*root, error) {
	const attributes = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	r := &root{state: []stateMount{
		{filepath.Join(stateDir, "clients"), attributes | unix.MOUNT_ATTR_RDONLY},
		{filepath.Join(stateDir, "logs"), attributes | unix.MOUNT_ATTR_RDONLY},
	}}
	err := osthread.Run(func() (err error) {
		for _, step := range []func() error{t.bindTree, t.mountSystem, t.pivot} {
			if err := step(); err != nil {
				return err
			}
		}
		r.namespace, err = os.Open("/proc/thread-self/ns/mnt")
		return err
	})
	return r, err
}

func (r *root) close() { _ = r.namespace.Close() }

// bindTree gives the calling thread a new mount namespace, and binds the tree to itself there.
func (t tree) bindTree() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("make a mount namespace: %w", err)
	}
	// Otherwise unmounting the old root in pivot would unmount every volume of the node.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	clone, err := cloneDir(t.dir, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
	if err != nil {
		return err
	}
	defer clone.Close()
	return attach(clone, t.dir)
}

// enter gives the calling thread a copy of the root directory. In it, the client can write temporary files and the given log,
// unless log is "". It cannot write other files in logs/, because the driver and other clients use them.
func (r *root) enter(log string) error {
	// Read while the container's files are still visible.
	given, err := readSecrets()
	if err != nil {
		return err
	}
	state := r.state
	if log != "" {
		state = append(slices.Clone(state), stateMount{log, state[0].attributes &^ unix.MOUNT_ATTR_RDONLY})
	}
	clones := make([]*os.File, len(state))
	for i, part := range state {
		if clones[i], err = cloneDir(part.dir, part.attributes); err != nil {
			return err
		}
		defer clones[i].Close()
	}
	if err := unix.Unshare(unix.CLONE_FS); err != nil { // otherwise the root of the whole process would change
		return fmt.Errorf("unshare the thread's directories: %w", err)
	}
	if err := unix.Setns(int(r.namespace.Fd()), unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("enter the clients' mount namespace: %w", err)
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("copy the clients' mount namespace: %w", err)
	}
	if err := mountNew("tmpfs", "/tmp", privateFlags, "size=16m,nr_inodes=1k,mode=0700"); err != nil {
		return err
	}
	for i, part := range state {
		if part.dir != log {
			// The directory exists, unless the state directory is below /tmp.
			if err := os.MkdirAll(part.dir, 0o700); err != nil {
				return err
			}
		}
		if err := attach(clones[i], part.dir); err != nil {
			return err
		}
	}
	if err := given.mount(); err != nil {
		return err
	}
	return coverRoot()
}

// coverRoot covers the calling thread's root directory with a mount of the same directory, which the thread does not see. The
// kernel allows a user namespace only to a process whose root directory is that of its mount namespace. A client that was taken
// over could otherwise make one with clone3, and would have all capabilities in it.
func coverRoot() error {
	if err := unix.Mount("/", "/", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("cover the root directory: %w", err)
	}
	return nil
}

// mountProc mounts /proc, where a client reads the groups of callers and the reserved ports, and writes the names of its threads.
// Files that change the node are read-only, as in a container, because root needs no capability to write them.
func (t tree) mountProc() error {
	proc := t.dir + "/proc"
	if err := mountNew("proc", proc, privateFlags, ""); err != nil {
		return err
	}
	for _, name := range []string{"bus", "fs", "irq", "sys", "sysrq-trigger"} {
		path := filepath.Join(proc, name)
		clone, err := cloneDir(path, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the kernel does not have this file
		}
		if err != nil {
			return err
		}
		err = attach(clone, path)
		_ = clone.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// mountSystem mounts /proc and /dev, which every program expects. All clients share these mounts.
func (t tree) mountSystem() error {
	if err := t.mountProc(); err != nil {
		return err
	}
	if err := mountNew("tmpfs", t.dir+"/dev", unix.MS_NOSUID|unix.MS_NOEXEC, "size=64k,mode=0755"); err != nil {
		return err
	}
	for _, name := range []string{"fuse", "null", "zero", "random", "urandom"} {
		var st unix.Stat_t
		if err := unix.Stat("/dev/"+name, &st); err != nil {
			return &fs.PathError{Op: "stat", Path: "/dev/" + name, Err: err}
		}
		if err := unix.Mknod(t.dir+"/dev/"+name, unix.S_IFCHR|0o666, int(st.Rdev)); err != nil {
			return &fs.PathError{Op: "mknod", Path: "/dev/" + name, Err: err}
		}
	}
	if err := unix.Mount("", t.dir+"/dev", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("make /dev of the clients read-only: %w", err)
	}
	return nil
}

// pivot makes the tree the root, and removes the old root.
func (t tree) pivot() error {
	if err := unix.Chdir(t.dir); err != nil {
		return &fs.PathError{Op: "chdir", Path: t.dir, Err: err}
	}
	if err := unix.PivotRoot(".", "."); err != nil { // the old root is then on top
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount the old root: %w", err)
	}
	return unix.Chdir("/")
}

func mountNew(kind, path string, flags uintptr, data string) error {
	if err := unix.Mount(kind, path, kind, flags, data); err != nil {
		return fmt.Errorf("mount %s at %s: %w", kind, path, err)
	}
	return nil
}

// cloneDir returns a clone of the mount of a directory or file, without the mounts below it. Programs in it can be executed even
// if the node's disk is mounted noexec, unless attributes prevent that. The caller closes the clone.
func cloneDir(dir string, attributes uint64) (*os.File, error) {
	clone, err := mount.CloneTree(dir)
	if err != nil {
		return nil, err
	}
	attr := unix.MountAttr{Attr_set: attributes, Attr_clr: unix.MOUNT_ATTR_NOEXEC &^ attributes, Propagation: unix.MS_PRIVATE}
	if err := unix.MountSetattr(int(clone.Fd()), "", unix.AT_EMPTY_PATH, &attr); err != nil {
		_ = clone.Close()
		return nil, &fs.PathError{Op: "mount_setattr", Path: dir, Err: err}
	}
	return clone, nil
}

func attach(clone *os.File, at string) error {
	if err := unix.MoveMount(int(clone.Fd()), "", unix.AT_FDCWD, at, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return &fs.PathError{Op: "move_mount", Path: at, Err: err}
	}
	return nil
}
