package fuseclient

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"k8s.io/klog/v2"
)

// raiseOOMScore raises a client's oom_score_adj to 0 if it is lower, so that the kernel treats the client like any daemon of the
// node when the node runs out of memory. A client inherits the value of the node plugin, which the kubelet sets to -997 because of
// the pod's critical priority: the kernel would kill all other pods of the node before a client that leaks memory.
func raiseOOMScore(ctx context.Context, client process) {
	err := raiseBelowZero(client.procPath("oom_score_adj"))
	if err != nil && client.alive() {
		klog.FromContext(ctx).Error(err, "Cannot remove a GlusterFS client's protection from the OOM killer", "pid", client.PID)
	}
}

// raiseBelowZero writes 0 to a file with a number below 0.
func raiseBelowZero(path string) error {
	data, err := os.ReadFile(path) //nolint:gosec // below /proc
	if err != nil {
		return err
	}
	score, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if score >= 0 {
		return nil
	}
	return os.WriteFile(path, []byte("0"), 0) //nolint:gosec // as above
}
