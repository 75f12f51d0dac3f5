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
)

// secrets returns files that an administrator gives to clients, by directory (SSL_CERT_PATH and SECURE_ACCESS_FILE in glusterfs). They
// must not lie on the node's disk, so each client gets a copy in its memory.
func secrets() map[string][]string {
	return map[string][]string{
		"/usr/lib/ssl":      {"glusterfs.pem", "glusterfs.key", "glusterfs.ca", "dhparam.pem"},
		"/etc/ssl":          {"glusterfs.pem", "glusterfs.key", "glusterfs.ca", "dhparam.pem"},
		"/var/lib/glusterd": {"secure-access"},
	}
}

// mountPoints returns the directories of a tree on which enter mounts something, always in the same order.
func mountPoints(stateDir string) []string {
	fixed := []string{"/dev", "/proc", "/tmp", "/run", "/var/run", filepath.Join(stateDir, "clients"), filepath.Join(stateDir, "logs")}
	return slices.Concat(fixed, slices.Sorted(maps.Keys(secrets())))
}

const privateFlags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

// enter gives the calling thread a mount namespace with a root directory made from the tree, in which nothing can be written but
// temporary files, and its log. Nothing of it is seen by other processes, and nothing of theirs by it.
func (t tree) enter(stateDir string) error {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("make a mount namespace: %w", err)
	}
	// Otherwise the end of the old root, below, would unmount every volume of the node.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	if err := bind(t.dir, t.dir, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV); err != nil {
		return err
	}
	for _, step := range []func() error{
		t.mountSystem,
		t.mountSecrets,
		func() error { return t.bindState(filepath.Join(stateDir, "clients"), unix.MOUNT_ATTR_RDONLY) },
		func() error { return t.bindState(filepath.Join(stateDir, "logs"), 0) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return t.pivot()
}

func (t tree) bindState(dir string, attributes uint64) error {
	// It is there, unless the state directory is below /tmp.
	if err := os.MkdirAll(filepath.Join(t.dir, dir), 0o700); err != nil {
		return err
	}
	return bind(dir, filepath.Join(t.dir, dir), attributes|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
}

// mountSystem mounts what every program expects. A client reads the groups of callers in /proc.
func (t tree) mountSystem() error {
	if err := mountNew("proc", t.dir+"/proc", privateFlags, ""); err != nil {
		return err
	}
	if err := mountNew("tmpfs", t.dir+"/tmp", privateFlags, "size=16m,nr_inodes=1k,mode=0700"); err != nil {
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
	return nil
}

func (t tree) mountSecrets() error {
	for dir, names := range secrets() {
		mounted := false
		for _, name := range names {
			data, err := os.ReadFile(filepath.Join(dir, name)) //nolint:gosec // of the administrator
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err == nil && !mounted {
				mounted = true
				err = mountNew("tmpfs", t.dir+dir, privateFlags, "size=1m,mode=0700")
			}
			if err == nil {
				err = os.WriteFile(filepath.Join(t.dir, dir, name), data, 0o400) //nolint:gosec // in the client's memory
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// RefreshSecrets gives a running client, whose root directory is given, the secrets as they are now. It reads them for new
// connections.
func RefreshSecrets(root string) error {
	var failed []error
	for dir, names := range secrets() {
		for _, name := range names {
			data, err := os.ReadFile(filepath.Join(dir, name)) //nolint:gosec // of the administrator
			if err != nil {
				continue // the client goes on with what it has
			}
			path := filepath.Join(root, dir, name)
			if _, err := os.Lstat(path); err == nil {
				failed = append(failed, replaceFile(path, data, 0o400))
			}
		}
	}
	return errors.Join(failed...)
}

// pivot makes the tree the root, and takes the old one away.
func (t tree) pivot() error {
	if err := unix.Chdir(t.dir); err != nil {
		return &fs.PathError{Op: "chdir", Path: t.dir, Err: err}
	}
	if err := unix.PivotRoot(".", "."); err != nil { // the old root is on top then
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

// bind mounts a directory, without what is mounted below it, at a path. Programs in it can be run, also where the node's disk is
// mounted noexec.
func bind(dir, at string, attributes uint64) error {
	clone, err := unix.OpenTree(unix.AT_FDCWD, dir, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return &fs.PathError{Op: "open_tree", Path: dir, Err: err}
	}
	defer unix.Close(clone)
	attr := unix.MountAttr{Attr_set: attributes, Attr_clr: unix.MOUNT_ATTR_NOEXEC &^ attributes, Propagation: unix.MS_PRIVATE}
	if err := unix.MountSetattr(clone, "", unix.AT_EMPTY_PATH, &attr); err != nil {
		return &fs.PathError{Op: "mount_setattr", Path: dir, Err: err}
	}
	if err := unix.MoveMount(clone, "", unix.AT_FDCWD, at, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return &fs.PathError{Op: "move_mount", Path: at, Err: err}
	}
	return nil
}
