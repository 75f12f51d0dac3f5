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

// checkVolfile looks at the volume file of the server that a client would ask first, and returns the servers without those that give
// one which is not for a client. One that gives none comes last. The client fetches the file again: against a server that shows it
// another one, its root directory and its rights are the fence (package placement).
func (m *Manager) checkVolfile(ctx context.Context, source mount.Source, servers []string) ([]string, error) {
	_, servers, err := m.fetchVolfile(ctx, source, servers)
	if len(servers) > 0 {
		return servers, nil // if there is an error, the client gives the reason
	}
	return nil, err
}

// fetchVolfile returns the first volume file for a client that one of the servers gives, and the servers as checkVolfile does.
func (m *Manager) fetchVolfile(ctx context.Context, source mount.Source, servers []string) (file string, usable []string, err error) {
	const limit = 6 * time.Second // of all servers
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
			klog.FromContext(ctx).Error(fetchErr, "A GlusterFS server is not used: a client would run what its volume file names", "volumeID", source.VolumeID, "server", first)
			err = fmt.Errorf("%w: server %s: %w; see docs/security.md", mount.ErrUnavailable, first, fetchErr)
			usable = usable[1:]
		default:
			klog.FromContext(ctx).V(2).Info("Cannot look at the volume file before the client does", "volumeID", source.VolumeID, "server", first, "err", fetchErr.Error())
			if err == nil { // a refusal says more
				err = fetchErr
			}
			usable = append(usable[1:], first)
		}
	}
	return "", usable, err
}
