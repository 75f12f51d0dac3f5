package mount

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Any directory of a container can be the mount point of a file system that never answers. A path through /proc/PID/root could
// lead into it. The functions below read the process's mount table instead, which asks no file system.

// TopIn returns the last mount at a path in the mount namespace of a process, or nil if there is none. The path is below the
// process's root directory. The error wraps fs.ErrNotExist if the process does not exist; for a zombie, it wraps EINVAL (IsGone).
func TopIn(pid int, path string) (*mountinfo.Info, error) {
	found, err := MountsOfProcess(pid, func(i *mountinfo.Info) (skip, stop bool) { return i.Mountpoint != path, false })
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[len(found)-1], nil
}

// DeviceIn returns the device of the mount that TopIn returns, and whether there is one.
func DeviceIn(pid int, path string) (dev Device, mounted bool, err error) {
	top, err := TopIn(pid, path)
	if top == nil {
		return Device{}, false, err
	}
	return DeviceOf(top), true, nil
}

// TypeIn returns the type of the file system of a mount in the mount namespace of a process, given the mount's id.
func TypeIn(pid int, id uint64) (string, error) {
	found, err := MountsOfProcess(pid, func(i *mountinfo.Info) (skip, stop bool) { return uint64(i.ID) != id, false })
	if err == nil && len(found) == 0 {
		err = fs.ErrNotExist
	}
	if err != nil {
		return "", fmt.Errorf("mount %d of process %d: %w", id, pid, err)
	}
	return found[0].FSType, nil
}

// Location identifies a directory independent of mount points: by its file system, and by its path there.
type Location struct {
	Device Device
	Path   string
}

// LocationIn returns the location of the directory at path in a process's mount namespace. The path must not contain symbolic
// links. The error wraps fs.ErrNotExist if the process does not exist.
func LocationIn(pid int, path string) (Location, error) {
	var above *mountinfo.Info
	all, err := MountsOfProcess(pid, func(i *mountinfo.Info) (skip, stop bool) { return !isAbove(i.Mountpoint, path), false })
	if err != nil {
		return Location{}, err
	}
	for _, i := range all { // the last of the deepest mounts
		if above == nil || len(i.Mountpoint) >= len(above.Mountpoint) {
			above = i
		}
	}
	return locate(above, path)
}

// LocationOf returns the location of the directory at path in this process's mount namespace. The path must not contain symbolic
// links.
func LocationOf(path string) (Location, error) {
	at, err := identify(unix.AT_FDCWD, path)
	if err != nil {
		return Location{}, err
	}
	table, err := os.Open("/proc/thread-self/mountinfo")
	if err != nil {
		return Location{}, err
	}
	defer table.Close()
	above, err := findID(table, at.Mount)
	if err != nil {
		return Location{}, err
	}
	return locate(above, path)
}

func locate(above *mountinfo.Info, path string) (Location, error) {
	if above == nil || !isAbove(above.Mountpoint, path) {
		return Location{}, &fs.PathError{Op: "find the mount of", Path: path, Err: fs.ErrNotExist}
	}
	return Location{DeviceOf(above), filepath.Join(above.Root, strings.TrimPrefix(path, above.Mountpoint))}, nil
}

func isAbove(dir, path string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}
