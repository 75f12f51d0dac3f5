package fuseclient

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fusequery"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// resolve follows symbolic links above path. path itself may be missing, dead or hung and is not accessed. The kubelet's
// directories are not in a FUSE file system. If a parent directory is, a child process resolves it, because the resolution may
// block on a client.
func (m *Manager) resolve(ctx context.Context, path string) (string, error) {
	if !filepath.IsAbs(path) || filepath.Clean(path) == "/" {
		return "", fmt.Errorf("%w: path %q: an absolute path below / is needed", mount.ErrInvalid, path)
	}
	path = filepath.Clean(path)
	parent, err := mount.RealPath(filepath.Dir(path))
	if errors.Is(err, mount.ErrInFUSE) {
		parent, err = m.asker.EvalSymlinks(ctx, m.limits.ask, filepath.Dir(path))
	}
	if err != nil {
		return "", err
	}
	return filepath.Join(parent, filepath.Base(path)), nil
}

// resolveMounted is like resolve, for a path that is to be unmounted. It also succeeds if the child process that follows links
// cannot be started, or if the parent is missing: then nothing is mounted.
func (m *Manager) resolveMounted(ctx context.Context, path string) (string, error) {
	resolved, err := m.resolve(ctx, path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fusequery.ErrNotAsked) {
		return filepath.Clean(path), nil
	}
	return resolved, err
}
