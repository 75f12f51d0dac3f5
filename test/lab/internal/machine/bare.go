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

// The directories on a bare storage machine's disk, below Layout.DiskDir.
const (
	// DiskLVM holds the state of the stand-in for lvm, and its volumes.
	DiskLVM = "lvm"
	// DiskDevices holds a file for each block device, with the device's name in /dev.
	DiskDevices = "devices"
)

func isBareStorage(layout Layout, name string) bool {
	_, err := os.Stat(layout.DiskDir(name))
	return err == nil
}

// setUpBareStorage makes a storage machine a Kubernetes node without any part of GlusterFS. Pods find on it the directories of a
// server's disk, and a /dev and an LVM that no other machine shares.
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
	// Pods may try to load kernel modules, but the kernel is the host's.
	if err := coverAny(layout, "/lib/modules"); err != nil {
		return err
	}
	return setUpWorker(layout, name,
		[2]string{filepath.Join(disk, "glusterd"), "/var/lib/glusterd"},
		[2]string{filepath.Join(disk, "heketi"), "/var/lib/heketi"},
		[2]string{filepath.Join(disk, "etc-glusterfs"), "/etc/glusterfs"})
}

// setUpDevices makes a block device from each file in a directory.
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

// setUpLVM mounts state, a directory on the machine's disk, at the path where the stand-in for lvm expects its state.
func setUpLVM(layout Layout, name, state string) error {
	place := strings.TrimSuffix(layout.LoopPrefix(name), "/")
	if err := bind(state, place); err != nil {
		return err
	}
	return os.Symlink(place, "/run/lvm")
}

// coverAny is like cover, for a directory that may not exist on the host. The directory is then made in an overlay over its
// parent, so that it does not appear on the host.
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
