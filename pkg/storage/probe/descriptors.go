package probe

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// descriptor is an open file of a process.
type descriptor struct {
	device mount.Device
	writes bool
}

// descriptors returns the open files of a process that have this base name. The parameter process is its directory below /proc.
// Only the base name counts: for a mount that was removed, the kernel shows a path that begins at the root of that mount.
func descriptors(process, name string) ([]descriptor, error) {
	dir := filepath.Join(process, "fd")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []descriptor
	for _, entry := range entries {
		link, err := os.Readlink(filepath.Join(dir, entry.Name()))
		if err == nil && filepath.Base(strings.TrimSuffix(link, " (deleted)")) == name {
			var d descriptor
			if d, err = readDescriptor(process, entry.Name()); err == nil {
				found = append(found, d)
			}
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // a file that does not exist was closed in the meantime
			return nil, err
		}
	}
	return found, nil
}

// readDescriptor asks only the kernel, not the file system of the open file.
func readDescriptor(process, number string) (descriptor, error) {
	path := filepath.Join(process, "fd", number)
	var st unix.Statx_t
	err := mount.Uninterrupted(func() error {
		return unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_DONT_SYNC|unix.AT_NO_AUTOMOUNT, 0, &st)
	})
	if err != nil {
		return descriptor{}, &fs.PathError{Op: "statx", Path: path, Err: err}
	}
	writes, err := opensForWriting(filepath.Join(process, "fdinfo", number))
	return descriptor{device: mount.Device{Major: st.Dev_major, Minor: st.Dev_minor}, writes: writes}, err
}

// opensForWriting reads the flags, in octal digits, from the kernel's information on a descriptor.
func opensForWriting(path string) (bool, error) {
	info, err := os.ReadFile(path) // #nosec G304 -- below /proc
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(string(info)) {
		if digits, ok := strings.CutPrefix(line, "flags:"); ok {
			flags, err := strconv.ParseInt(strings.TrimSpace(digits), 8, 64)
			return flags&unix.O_ACCMODE != unix.O_RDONLY, err
		}
	}
	return false, fmt.Errorf("%s has no line with flags", path)
}
