package fuseclient

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volfile"
)

// checkVolfile checks the volume file of the server that a client would ask first, and returns the servers without those whose
// volume file is not fit for a client. A server that gives no file is moved to the end. The client later fetches the file itself.
// If a server gives the client another file, the client's root directory and privileges confine the client (package placement).
func (m *Manager) checkVolfile(ctx context.Context, source mount.Source, servers []string) ([]string, error) {
	_, servers, err := m.fetchVolfile(ctx, source, servers)
	if len(servers) > 0 {
		return servers, nil // on an error, the client's log will give the reason
	}
	return nil, err
}

// fetchVolfile returns the first volume file for a client that one of the servers gives, and the servers as checkVolfile returns
// them.
func (m *Manager) fetchVolfile(ctx context.Context, source mount.Source, servers []string) (file string, usable []string, err error) {
	const limit = 6 * time.Second // for all servers together
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	usable = slices.Clone(servers)
	for range servers {
		first := usable[0]
		file, fetchErr := m.cfg.FetchVolfile(ctx, first, source.Options.Port(), source.Volume)
		if fetchErr == nil {
			fetchErr = volfile.Check(file)
		}
		switch {
		case fetchErr == nil:
			return file, usable, nil
		case errors.Is(fetchErr, volfile.ErrRefused):
			klog.FromContext(ctx).Error(fetchErr, "A GlusterFS server is not used because its volume file is not fit for a client", "volumeID", source.VolumeID, "server", first)
			err = fmt.Errorf("%w: server %s: %w; see docs/security.md", mount.ErrUnavailable, first, fetchErr)
			usable = usable[1:]
		default:
			klog.FromContext(ctx).V(2).Info("Cannot check the volume file before the client fetches it", "volumeID", source.VolumeID, "server", first, "err", fetchErr.Error())
			if err == nil { // the error of a refused file says more
				err = fetchErr
			}
			usable = append(usable[1:], first)
		}
	}
	return "", usable, err
}
