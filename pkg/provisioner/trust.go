package provisioner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// trust refuses a Heketi that has no cluster, because it has lost its database. It also refuses a Heketi that has none of the
// clusters that this process has seen before, because its database is another one. After a restart of the driver, another
// database is detected only if the configuration names clusters; the client checks those. Nothing else outside Heketi records
// which database made a volume, and adding the cluster to handles would invalidate the handles of all existing volumes.
func (x *index) trust(clusters []string) error {
	if len(clusters) == 0 {
		return noClusters(x.backend)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	some := slices.ContainsFunc(clusters, func(id string) bool {
		_, ok := x.clusters[id]
		return ok
	})
	if len(x.clusters) > 0 && !some {
		slices.Sort(clusters)
		return fmt.Errorf("%w: backend %q cannot be trusted: it has none of the clusters that it had before, only %s, so its database "+
			"is probably another one; restore the database that has the volumes, or restart the driver if the clusters were replaced on purpose",
			volume.ErrUnavailable, x.backend, plain.Line(strings.Join(clusters, ", "), 200))
	}
	for _, id := range clusters {
		x.clusters[id] = struct{}{}
	}
	return nil
}

func noClusters(backend string) error {
	return fmt.Errorf("%w: backend %q cannot be trusted: %s", volume.ErrUnavailable, backend, heketi.HintNoClusters)
}
