package provisioner

import (
	"context"
	"fmt"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// checkOtherBackends returns ErrBusy if an earlier create of the CSI name was for another backend, and has made the volume there or
// may still make it. That happens if a StorageClass is made again with another backend between two attempts. It sends requests only
// if the index of another backend has the CSI name.
func (p *Provisioner) checkOtherBackends(ctx context.Context, request creation, client *heketi.Client) error {
	key, own := volume.NameKey(request.name), p.index(request.backend)
	for backend, x := range p.allIndexes() {
		if x == own || x.volumeOf(key) == "" {
			continue
		}
		if b, err := p.backends.ByName(backend); err == nil {
			_ = p.readRecords(ctx, b, request.credentials, time.Now()) // the volume may have been deleted since
		}
		gluster := x.volumeOf(key)
		if gluster == "" {
			continue
		}
		if err := own.readSince(ctx, client, time.Now()); err == nil && own.isRecorded(key) {
			continue // both backends may be the same Heketi; the create finds the volume
		}
		return fmt.Errorf("%w: %s, and this create is for backend %q; let the StorageClass name backend %q again, or make the claim again",
			volume.ErrBusy, earlierCreate(gluster, backend), request.backend, backend)
	}
	return nil
}

// isRecorded reports whether Heketi's records have a volume with this key of a CSI name.
func (x *index) isRecorded(key string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.ours[key] != ""
}
