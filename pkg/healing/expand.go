package healing

import (
	"context"
	"time"
)

// Expand implements mount.Mounter: it answers when what the volume's new graph has done to mounts is repaired.
func (h *Healer) Expand(ctx context.Context, volumeID, path string) (int64, error) {
	size, err := h.Manager.Expand(ctx, volumeID, path)
	if err != nil {
		return 0, err
	}
	select {
	case <-h.attend(volumeID): //nolint:contextcheck // the repair goes on beyond this call
	case <-time.After(h.limits.Ask): // with a long entry-timeout the kernel drops mounts later, and then they are put back
	case <-ctx.Done():
	}
	return size, nil
}
