package mount

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Device is the device number of a mounted file system. It is unique to a FUSE client as long as a mount of the client exists.
type Device struct{ Major, Minor uint32 }

// String returns the form of mountinfo, such as 0:42.
func (d Device) String() string { return fmt.Sprintf("%d:%d", d.Major, d.Minor) }

// MarshalText writes the form of mountinfo.
func (d Device) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the form of mountinfo.
func (d *Device) UnmarshalText(text []byte) error {
	if _, err := fmt.Sscanf(string(text), "%d:%d", &d.Major, &d.Minor); err != nil {
		return fmt.Errorf("device %q: %w", text, err)
	}
	return nil
}

// FSType is the file system type of all mounts of GlusterFS clients.
const FSType = "fuse.glusterfs"

// DeviceOf returns the device of a line of mountinfo.
func DeviceOf(i *mountinfo.Info) Device { return Device{uint32(i.Major), uint32(i.Minor)} }

// Top returns the topmost mount at path, which must not contain symbolic links, or nil if path is not a mount point. The error
// wraps fs.ErrNotExist if path does not exist. Top never asks the file system mounted there, so it works for dead and hung
// clients: the kernel answers statx with DONT_SYNC, including the mount's id, without the client.
func Top(path string) (*mountinfo.Info, error) {
	for range 10 {
		at, err := identify(unix.AT_FDCWD, path)
		if err != nil || !at.IsRoot {
			return nil, err
		}
		table, err := os.Open("/proc/thread-self/mountinfo")
		if err != nil {
			return nil, fmt.Errorf("read mountinfo: %v", err) //nolint:errorlint // a missing table does not mean a missing path
		}
		found, err := find(table, at.Mount, path)
		_ = table.Close()
		if found != nil || err != nil {
			return found, err
		}
	} // unmounted between the two reads, and the kernel may have reused the id: read again
	return nil, fmt.Errorf("mounts at %s change too fast to be read", path)
}

// find returns the mount with an id if it is mounted at path, and nil otherwise.
func find(table io.Reader, id uint64, path string) (*mountinfo.Info, error) {
	found, err := findID(table, id)
	if found == nil || found.Mountpoint != path {
		return nil, err
	}
	return found, nil
}

// findID returns the mount with an id, or nil.
func findID(table io.Reader, id uint64) (*mountinfo.Info, error) {
	found, err := readMounts(table, func(i *mountinfo.Info) (skip, stop bool) { return uint64(i.ID) != id, uint64(i.ID) == id })
	if err != nil {
		return nil, fmt.Errorf("read mountinfo: %w", err)
	}
	if len(found) == 0 {
		return nil, nil //nolint:nilnil // as documented
	}
	return found[0], nil
}

// MountsOf lists the mounts of a device in this mount namespace.
func MountsOf(d Device) ([]*mountinfo.Info, error) {
	return Mounts(func(i *mountinfo.Info) (skip, stop bool) { return DeviceOf(i) != d, false })
}

// IsReadOnly reports whether writes through this mount are refused.
func IsReadOnly(i *mountinfo.Info) bool {
	return slices.Contains(strings.Split(i.Options, ","), "ro")
}

// Identity holds the properties of a file that the kernel reports without asking its file system.
type Identity struct {
	Mount  uint64 // the id of the mount in mountinfo
	Device Device
	Inode  uint64
	IsRoot bool // the file is the root of the mount
	// IsSealed is set for an immutable directory: nothing can be created in it, and it cannot be removed, see Seal.
	IsSealed bool
}

// identify returns the identity of the file at a path, or of the file descriptor dir if path is empty.
func identify(dir int, path string) (Identity, error) {
	flags := unix.AT_SYMLINK_NOFOLLOW | unix.AT_NO_AUTOMOUNT | unix.AT_STATX_DONT_SYNC
	if path == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	var st unix.Statx_t
	err := Uninterrupted(func() error { return unix.Statx(dir, path, flags, unix.STATX_MNT_ID|unix.STATX_INO, &st) })
	if err != nil {
		return Identity{}, &fs.PathError{Op: "statx", Path: path, Err: err}
	}
	return Identity{
		Mount: st.Mnt_id, Device: Device{st.Dev_major, st.Dev_minor}, Inode: st.Ino,
		IsRoot: st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, IsSealed: st.Attributes&unix.STATX_ATTR_IMMUTABLE != 0,
	}, nil
}
