package fuseclient

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/placement"
)

// clientMajor returns the major version of new clients, or 0 if their arguments do not depend on it.
func (m *Manager) clientMajor(ctx context.Context, servers mount.Reachable) (int, error) {
	if !servers.VersionMatters() {
		return 0, nil
	}
	var version string
	if node := m.node.Load(); node != nil {
		version = node.Version()
	} else {
		var err error
		if version, err = placement.ClientVersion(ctx, m.cfg.Glusterfs); err != nil {
			return 0, err
		}
	}
	first, _, _ := strings.Cut(version, ".")
	major, err := strconv.Atoi(first)
	if err != nil {
		return 0, fmt.Errorf("version %q of the GlusterFS client: %w", version, err)
	}
	return major, nil
}
