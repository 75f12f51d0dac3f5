package healing

import (
	"context"
	"time"
)

// Expand implements mount.Mounter. It waits for the repair of the mounts that the volume's new graph has affected.
func (h *Healer) Expand(ctx context.Context, volumeID, path string) (int64, error) {
	size, err := h.Manager.Expand(ctx, volumeID, path)
	if err != nil {
		return 0, err
	}
	select {
	case <-h.startRepair(volumeID): //nolint:contextcheck // the repair outlives the call
	case <-time.After(h.limits.Ask): // with a long entry-timeout, the kernel drops mounts later, and the repair continues
	case <-ctx.Done():
	}
	return size, nil
}
