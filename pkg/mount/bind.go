package mount

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// moveMountBeneath (Linux 6.5) attaches a mount beneath the topmost one. x/sys/unix does not define it yet.
const moveMountBeneath = 0x200

// Flags are set on a bind of a volume in addition to the flags of the mount that it copies. Device files in a volume never work:
// root in one pod, or on another machine that mounts the volume, could create one for a disk of the node.
type Flags struct {
	ReadOnly bool
	Suid     bool // set-user-id bits, set-group-id bits and file capabilities take effect
}

func (f Flags) attributes() (attr unix.MountAttr) {
	attr.Attr_set = unix.MOUNT_ATTR_NODEV
	if f.Suid {
		attr.Attr_clr = unix.MOUNT_ATTR_NOSUID
	} else {
		attr.Attr_set |= unix.MOUNT_ATTR_NOSUID
	}
	if f.ReadOnly {
		attr.Attr_set |= unix.MOUNT_ATTR_RDONLY
	}
	return attr
}

// Bind mounts the file system at source also at target. The target is an existing directory or a mount point. At a mount point,
// Bind replaces the topmost mount, for example that of a dead client, and never uncovers the directory below. The bind has the
// flags from its first moment. If the device of source differs from want, for example because the mount at source was just
// replaced, Bind returns an error.
func Bind(source string, want Device, target string, flags Flags) error {
	tree, err := CloneTree(source)
	if err != nil {
		return fmt.Errorf("bind %s: %w", source, err)
	}
	defer tree.Close()
	if err := AttachTree(int(tree.Fd()), want, target, flags); err != nil {
		return fmt.Errorf("bind %s: %w", source, err)
	}
	return nil
}

// AttachTree is like Bind, but takes a copy of a mount that is in no mount namespace yet, as CloneTree returns it. The copy
// leaves the peer group of the original mount. Below a shared mount, the kernel makes the copy the first member of a new group.
// So a mount on one bind of a volume does not propagate to the other binds, whether a pod made the mount or it replaces that of a
// dead client.
func AttachTree(tree int, want Device, target string, flags Flags) error {
	switch at, err := identify(tree, ""); {
	case err != nil:
		return err
	case at.Device != want:
		return fmt.Errorf("its device is %s, expected %s", at.Device, want)
	}
	attr := flags.attributes()
	attr.Propagation = unix.MS_PRIVATE
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &attr); err != nil {
		return fmt.Errorf("prepare the mount (mount_setattr): %w", err)
	}
	return attach(tree, target)
}

const byFD = unix.MOVE_MOUNT_F_EMPTY_PATH | unix.MOVE_MOUNT_T_EMPTY_PATH

func attach(tree int, target string) error {
	point, err := unix.Openat2(unix.AT_FDCWD, target, &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_CLOEXEC | unix.O_NOFOLLOW, Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return fmt.Errorf("open mount point %s: %w", target, err)
	}
	defer unix.Close(point)
	at, err := identify(point, "")
	switch {
	case err != nil:
	case at.IsRoot:
		_, err = replace(tree, point, at.Mount)
	default:
		err = unix.MoveMount(tree, "", point, "", byFD)
	}
	if err != nil {
		return fmt.Errorf("mount at %s: %w", target, err)
	}
	return nil
}

// replace mounts the tree in place of the topmost mount behind point, which has the given id. It removes the old mount only
// afterwards, or not at all: see exchange.
func replace(tree, point int, id uint64) (covered bool, err error) {
	// If the tree can only cover the old mount, the cover propagates to the old mount's peers. These are the same path in other
	// mount namespaces and, if the old mount is from a version of the driver before AttachTree, every other bind of the volume,
	// including read-only binds. If such binds exist, the old mount is first made private, so that the cover does not propagate
	// at all, not even to other namespaces.
	prepare := func() error {
		shared, err := hasOtherPeers(id)
		if err != nil || !shared {
			return err
		}
		return makePrivate(point)
	}
	return exchange(tree, point, func() error { return detach(point) }, prepare)
}

// ErrUncoverable is returned on Linux before 6.5 for a mount that can never be replaced: nothing can be mounted on a directory that
// the kernel has marked as deleted, or that is in such a directory.
var ErrUncoverable = errors.New("Linux before 6.5 cannot replace a mount whose directory is marked as deleted") //nolint:staticcheck // a name

// exchange mounts the tree beneath the mount behind point and removes that mount with detach. On Linux before 6.5, or if a user
// namespace has locked the mount, it calls prepare and mounts the tree on top instead; the covered mount then stays until its
// path is unmounted.
func exchange(tree, point int, detach, prepare func() error) (covered bool, err error) {
	err = unix.MoveMount(tree, "", point, "", byFD|moveMountBeneath)
	if err == nil {
		return false, detach()
	}
	if !errors.Is(err, unix.EINVAL) {
		return false, err
	}
	if err := prepare(); err != nil {
		return false, err
	}
	err = unix.MoveMount(tree, "", point, "", byFD)
	if errors.Is(err, unix.ENOENT) {
		err = fmt.Errorf("%w: %w", ErrUncoverable, err)
	}
	return true, err
}

func makePrivate(mounted int) error {
	return unix.MountSetattr(mounted, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Propagation: unix.MS_PRIVATE})
}
