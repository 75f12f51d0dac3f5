package machine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// diskFailed, below DiskLVM, holds the content of failed disks. The files stay, because the lab finds their loop devices by them.
const diskFailed = "failed"

// FailDisk makes a disk of a bare storage machine fail, with everything on it. Reads and writes give I/O errors, including those
// of mounted file systems. LVM keeps its metadata on the disk, so it no longer finds the volume group. The caller must remove the
// device's name in /dev.
func FailDisk(layout Layout, name, device string) error {
	disk := layout.DiskDir(name)
	state := filepath.Join(disk, DiskLVM)
	unlock, err := lockLVM(state)
	if err != nil {
		return err
	}
	defer unlock()
	groups, err := volumeGroupsOn(state, device)
	if err != nil {
		return err
	}
	base := filepath.Base(device)
	if err := makeDirs(filepath.Join(state, diskFailed)); err != nil {
		return err
	}
	failed, err := os.MkdirTemp(filepath.Join(state, diskFailed), base+"-")
	if err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(disk, DiskDevices, base), filepath.Join(failed, base)); err != nil {
		return fmt.Errorf("disk %s of %s: %w", device, name, err)
	}
	for _, path := range append(groups, filepath.Join(state, "pv."+base)) {
		if err := os.Rename(path, filepath.Join(failed, filepath.Base(path))); ignoreMissing(err) != nil {
			return err
		}
	}
	return loseFiles(failed, base)
}

// lockLVM takes the lock of the stand-in for lvm, which then waits until unlock is called.
func lockLVM(state string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(state, "lock"), os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return func() { _ = f.Close() }, nil
}

// volumeGroupsOn lists the directories of the stand-in's volume groups on a device.
func volumeGroupsOn(state, device string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(state, "*", "pv"))
	if err != nil {
		return nil, err
	}
	var groups []string
	for _, file := range files {
		on, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if strings.TrimSpace(string(on)) == device {
			groups = append(groups, filepath.Dir(file))
		}
	}
	return groups, nil
}

// loseFiles empties the files of the disk and of its logical volumes, and updates their loop devices: a device without a single
// sector fails each request.
func loseFiles(dir, disk string) error {
	lost := map[fileID]string{} // paths
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || entry.Name() != disk && filepath.Ext(path) != ".img" {
			return err
		}
		var stat unix.Stat_t
		err = unix.Stat(path, &stat)
		lost[fileID{stat.Dev, stat.Ino}] = path
		return errors.Join(err, os.Truncate(path, 0))
	})
	if err != nil {
		return err
	}
	attached, err := attachedLoops()
	if err != nil {
		return err
	}
	for _, l := range attached {
		if path, ok := lost[l.file]; ok {
			if err := loseSectors(l.device, path); err != nil {
				return fmt.Errorf("take the sectors of %s: %w", l.device, err)
			}
		}
	}
	return nil
}

// loseSectors makes a loop device as large as its file, which it empties. While the device still has sectors, its file system
// can make the file larger again by writing to them, so this is repeated.
func loseSectors(device, path string) error {
	f, err := os.Open(device)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	const tries = 1000
	for range tries {
		if err := os.Truncate(path, 0); err != nil {
			return err
		}
		if err := unix.IoctlSetInt(int(f.Fd()), unix.LOOP_SET_CAPACITY, 0); err != nil {
			return err
		}
		if size, err := f.Seek(0, io.SeekEnd); err != nil || size == 0 {
			return err
		}
	}
	return fmt.Errorf("it still has sectors after %d tries", tries)
}
