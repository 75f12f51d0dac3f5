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
	const limit = 6 * time.Second // of all servers
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	servers = slices.Clone(servers)
	var refused error
	for range servers { // as many as there are now
		first := servers[0]
		file, err := m.cfg.FetchVolfile(ctx, first, source.Options.Port(), source.Volume)
		if err == nil {
			err = volfile.Check(file)
		}
		switch {
		case err == nil:
			return servers, nil
		case errors.Is(err, volfile.ErrRefused):
			klog.FromContext(ctx).Error(err, "A GlusterFS server is not used: a client would run what its volume file names", "volumeID", source.VolumeID, "server", first)
			refused = fmt.Errorf("%w: server %s: %w; see docs/security.md", mount.ErrUnavailable, first, err)
			servers = servers[1:]
		default:
			klog.FromContext(ctx).V(2).Info("Cannot look at the volume file before the client does", "volumeID", source.VolumeID, "server", first, "err", err.Error())
			servers = append(servers[1:], first)
		}
	}
	if len(servers) == 0 {
		return nil, refused
	}
	return servers, nil // the client gives the reason
}
