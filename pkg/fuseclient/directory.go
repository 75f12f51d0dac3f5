package fuseclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// A static volume may be a directory of a gluster volume. Its client has the whole volume, and where other volumes have the client's
// mount, this one has a mount of the directory. Earlier versions of the driver used the client's own option --subdir-mount: with it, a
// brick that lacks the directory, as one that was just added or reset, refuses the client, which then ends. Such clients serve on.

// root returns what mountinfo has as the root of the volume's mounts.
func (r record) root() string {
	if r.Source.Subdir == "" || mountsDirectory(r.Process) {
		return "/"
	}
	return "/" + r.Source.Subdir
}

// mountsDirectory reports whether a client has no more than the directory.
func mountsDirectory(client process) bool {
	cmdline, _ := os.ReadFile(client.procPath("cmdline")) // a client that has ended has no mounts
	return bytes.Contains(cmdline, []byte("\x00--subdir-mount="))
}

// deleted is what mountinfo may have behind the root of a mount that no name leads to any more.
const deleted = "//deleted"

// cloneDirectory clones the volume's directory from the client's first mount.
func (m *Manager) cloneDirectory(ctx context.Context, r record, limit time.Duration) (*os.File, error) {
	root, err := m.openFresh(r)
	if err != nil {
		return nil, fmt.Errorf("%w: first mount of the client of volume %s: %w", mount.ErrUnavailable, r.Source.VolumeID, err)
	}
	defer root.Close()
	dir, err := m.asker.Open(ctx, limit, root, r.Source.Subdir+"/.") // only a directory has this
	if err != nil {
		return nil, directoryError(r, err)
	}
	defer dir.Close()
	return r.Process.cloneIn(dir)
}

// restageDirectory replaces the mount of the directory at the staging path by a new one. After a change of the client's graph the kernel
// gets other numbers for directories: once it looks one up, the mounts of directories below it work on, but can be bound nowhere else.
// mountinfo does not show that.
func (m *Manager) restageDirectory(ctx context.Context, r record) error {
	tree, err := m.cloneFresh(ctx, r, m.limits.ask)
	if err != nil {
		return err
	}
	return attachTree(tree, r, r.StagingPath)
}

func directoryError(r record, err error) error {
	where := fmt.Sprintf("mount GlusterFS volume %q", r.Source.Volume)
	switch {
	case errors.Is(err, unix.ENOENT):
		return fmt.Errorf("%w: %s: directory /%s does not exist in the volume; create it, or correct the attribute volume", mount.ErrUnavailable, where, r.Source.Subdir)
	case errors.Is(err, unix.ENOTDIR):
		return fmt.Errorf("%w: %s: /%s is not a directory; correct the attribute volume", mount.ErrInvalid, where, r.Source.Subdir)
	case errors.Is(err, unix.ELOOP):
		return fmt.Errorf("%w: %s: the path /%s has a symbolic link in it; write the path that it leads to", mount.ErrInvalid, where, r.Source.Subdir)
	case errors.Is(err, mount.ErrTimeout):
		return fmt.Errorf("%s: look for the directory /%s: %w", where, r.Source.Subdir, err)
	}
	return fmt.Errorf("%w: %s: look for the directory /%s: %w", mount.ErrUnavailable, where, r.Source.Subdir, err)
}

// openMetaAbove keeps the client's .meta, to which no path leads from a mount of a directory.
func (m *Manager) openMetaAbove(ctx context.Context, r record) error {
	root, err := m.openFresh(r)
	if err != nil {
		return err
	}
	defer root.Close()
	dir, err := m.asker.Open(ctx, m.limits.ask, root, metaName(r.Process))
	if err == nil {
		m.metas.put(r, dir)
	}
	return err
}
