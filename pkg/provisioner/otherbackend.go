package provisioner

import (
	"context"
	"fmt"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// checkOtherBackends returns ErrBusy if an earlier create of the CSI name was for another backend, and has made the volume there
// or may still make it. That happens if a StorageClass is made again with another backend between two attempts.
// checkOtherBackends sends requests only to backends that may have a volume of the CSI name.
func (p *Provisioner) checkOtherBackends(ctx context.Context, request creation, client *heketi.Client) error {
	key, own := volume.NameKey(request.name), p.index(request.backend)
	for _, backend := range p.backendsWith(key) {
		if backend == request.backend {
			continue
		}
		gluster, unknown := p.earlierCreate(ctx, backend, key, selection{}, time.Now())
		if gluster == "" {
			continue
		}
		if err := own.readSince(ctx, client, time.Now()); err == nil && own.recorded(key) != "" {
			continue // both backends may be the same Heketi; the create finds the volume
		}
		return fmt.Errorf("%w: %s, and this create is for backend %q; let the StorageClass name backend %q again, or make the claim again%s",
			volume.ErrBusy, describeEarlier(gluster, backend), request.backend, backend, inBrackets(unknown))
	}
	return nil
}
