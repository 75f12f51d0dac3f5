package machine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Directories of a bare storage machine's disk, below Layout.DiskDir.
const (
	// DiskLVM holds what the stand-in for lvm knows, and its volumes.
	DiskLVM = "lvm"
	// DiskDevices holds a file for each block device; it is called as the device is in /dev.
	DiskDevices = "devices"
)

func isBareStorage(layout Layout, name string) bool {
	_, err := os.Stat(layout.DiskDir(name))
	return err == nil
}

// setUpBareStorage makes of a storage machine a Kubernetes node on which nothing of GlusterFS runs. Pods find on it what they
// would find on a server's disk, and a /dev and an LVM that no other machine has.
func setUpBareStorage(layout Layout, name string) error {
	if err := setUpDev(); err != nil {
		return err
	}
	disk := layout.DiskDir(name)
	if err := setUpDevices(filepath.Join(disk, DiskDevices)); err != nil {
		return err
	}
	if err := setUpLVM(layout, name, filepath.Join(disk, DiskLVM)); err != nil {
		return err
	}
	// Pods may want to load kernel modules, and the kernel is the host's.
	if err := coverAny(layout, "/lib/modules"); err != nil {
		return err
	}
	return setUpWorker(layout, name,
		[2]string{filepath.Join(disk, "glusterd"), "/var/lib/glusterd"},
		[2]string{filepath.Join(disk, "heketi"), "/var/lib/heketi"},
		[2]string{filepath.Join(disk, "etc-glusterfs"), "/etc/glusterfs"})
}

// setUpDevices makes a block device of each file in a directory.
func setUpDevices(dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, file := range files {
		cmd := exec.CommandContext(context.Background(), "losetup", "--find", "--show", filepath.Join(dir, file.Name()))
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("losetup for /dev/%s: %w: %s", file.Name(), err, out)
		}
		var loop unix.Stat_t
		if err := unix.Stat(strings.TrimSpace(string(out)), &loop); err != nil {
			return err
		}
		if err := unix.Mknod("/dev/"+file.Name(), unix.S_IFBLK|0o660, int(loop.Rdev)); err != nil {
			return fmt.Errorf("make /dev/%s: %w", file.Name(), err)
		}
	}
	return nil
}

// setUpLVM puts the state of the stand-in for lvm, which is on the disk, where the stand-in looks for it.
func setUpLVM(layout Layout, name, state string) error {
	place := strings.TrimSuffix(layout.LoopPrefix(name), "/")
	if err := bind(state, place); err != nil {
		return err
	}
	return os.Symlink(place, "/run/lvm")
}

// coverAny is cover for a directory that the host need not have, and does not get: the one above it is then put under an
// overlay.
func coverAny(layout Layout, dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return cover(layout, dir)
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(dir))
	if err != nil {
		return err
	}
	upper, work := filepath.Join("/run/overlay", parent, "upper"), filepath.Join("/run/overlay", parent, "work")
	if err := makeDirs(upper, work); err != nil {
		return err
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", parent, upper, work)
	if err := syscall.Mount("overlay", parent, "overlay", 0, options); err != nil {
		return fmt.Errorf("overlay over %s: %w", parent, err)
	}
	return makeDirs(dir)
}
