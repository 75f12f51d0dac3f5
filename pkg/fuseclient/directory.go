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

// A static volume may be a directory of a gluster volume. Its client mounts the whole volume; the staging and target paths get a
// mount of the directory instead of the client's mount. Earlier versions of the driver used the client's option --subdir-mount.
// With that option, a brick that lacks the directory, such as one that was just added or reset, refuses the client, and the
// client ends. Clients that were started that way stay in use.

// root returns the root that mountinfo shows for the volume's mounts.
func (r record) root() string {
	if r.Source.Subdir == "" || mountsDirectory(r.Process) {
		return "/"
	}
	return "/" + r.Source.Subdir
}

// mountsDirectory reports whether a client mounts only the volume's directory (--subdir-mount).
func mountsDirectory(client process) bool {
	cmdline, _ := os.ReadFile(client.procPath("cmdline")) // empty if the client has ended; then it has no mounts
	return bytes.Contains(cmdline, []byte("\x00--subdir-mount="))
}

// deleted is the suffix that mountinfo adds to the root of a mount whose directory no longer has a name.
const deleted = "//deleted"

// cloneDirectory clones the volume's directory from the client's first mount.
func (m *Manager) cloneDirectory(ctx context.Context, r record, limit time.Duration) (*os.File, error) {
	root, err := m.openFresh(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("%w: first mount of the client of volume %s: %w", mount.ErrUnavailable, r.Source.VolumeID, err)
	}
	defer root.Close()
	dir, err := m.asker.Open(ctx, limit, root, r.Source.Subdir+"/.") // only a directory has "."
	if err != nil {
		return nil, directoryError(r, err)
	}
	defer dir.Close()
	return r.Process.cloneIn(dir)
}

// restageDirectory replaces the mount of the directory at the staging path with a new one. When the client switches to a new
// graph of translators, directories get other inode numbers. Once the kernel has looked up such a directory, existing mounts of
// directories below it keep working but can no longer be bound anywhere. mountinfo does not show that.
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

// openMetaAbove opens the client's .meta, which cannot be reached from a mount of a directory, and keeps it open.
func (m *Manager) openMetaAbove(ctx context.Context, r record) error {
	root, err := m.openFresh(ctx, r)
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
