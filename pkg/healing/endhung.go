package healing

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/logging"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// watchHung ends clients that hang. It returns when ctx is done.
func (h *Healer) watchHung(ctx context.Context) {
	defer h.connections.close()
	if h.limits.Hung == 0 {
		return
	}
	ticker := time.NewTicker(h.limits.Hung / 4)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			h.endHung(ctx)
		}
	}
}

// endHung ends clients that hang for longer than the limit. Most clients are not even asked, because the kernel shows that no
// request waits for them. The others are asked at the same time, because each of them may take the whole time for an answer.
func (h *Healer) endHung(ctx context.Context) {
	var asked sync.WaitGroup
	defer asked.Wait()
	for _, s := range h.Served() {
		if s.Client == "" {
			continue
		}
		waits, err := h.connections.waiting(s.Device)
		if h.connections.failure.IsNewError(err) {
			klog.FromContext(ctx).Error(err, "Cannot see how many requests wait for clients; a client that hangs is noticed only when the driver asks it", "volumeID", s.VolumeID)
		}
		// A request no longer waits after its caller has given up, although the client may still hang.
		// Two checks are up to a quarter of the limit apart. A request must be remembered for longer, or its client would not be asked.
		unanswered := s.Alive && h.MayHang(s, h.limits.Hung/3)
		if h.hungFor(s, unanswered || waits > 0 && s.Alive) >= h.limits.Hung/2 || unanswered {
			asked.Go(func() { h.endIfHung(ctx, s) })
		}
	}
}

// endIfHung sends a request to a client that may hang. It ends the client if there is no answer and the client has hung for the
// limit. Requests also wait for a healthy client that is busy, and on a machine without a free CPU even the answer to endIfHung may
// take seconds. So the client gets a quarter of the limit for its answer. With the default limit of two minutes, a client is ended
// only after it has failed at least twice to answer within 30 seconds.
func (h *Healer) endIfHung(ctx context.Context, s fuseclient.Served) {
	switch hangs, err := h.Hangs(ctx, s, max(h.limits.Ask, h.limits.Hung/4)); {
	case err != nil:
		klog.FromContext(ctx).Error(err, "Cannot tell whether a client hangs", "volumeID", s.VolumeID)
	case !hangs:
		h.hungFor(s, false)
	default:
		if hung := h.hungFor(s, true); hung >= h.limits.Hung {
			h.endOne(ctx, s, hung)
		}
	}
}

// hungFor returns for how long all checks have found a client that may hang. The parameter waits is the result of the present check.
func (h *Healer) hungFor(s fuseclient.Served, waits bool) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := h.volume(s.VolumeID)
	if !waits || v.waitsFor != s.Client {
		v.waitsFor, v.waitsSince = s.Client, time.Now()
	}
	return time.Since(v.waitsSince)
}

// endOne ends a client that hangs. Its waiting requests get an error, and its mounts are repaired as after any death.
func (h *Healer) endOne(ctx context.Context, s fuseclient.Served, hung time.Duration) {
	log := klog.FromContext(ctx).WithValues("volumeID", s.VolumeID, "pid", s.PID)
	h.mu.Lock()
	h.volume(s.VolumeID).hung = hungClient{s.Client, hung}
	h.mu.Unlock()
	log.Error(nil, "GlusterFS client hangs: it does not answer requests that need no brick; ending and replacing it", "limit", h.limits.Hung)
	if err := h.EndClient(s); err != nil {
		log.Error(err, "Cannot end a client that hangs; cutting its connection to the kernel")
		if err := h.connections.abort(s.Device); err != nil {
			log.Error(err, "Cannot cut the connection of a client that hangs")
		}
	}
	h.hungFor(s, false)
}

// hungClient is a client that was ended because it did not answer.
type hungClient struct {
	client string
	hung   time.Duration
}

// reportEnd tells the observer of a client's end, once.
func (h *Healer) reportEnd(s fuseclient.Served) {
	h.mu.Lock()
	v := h.volume(s.VolumeID)
	known := v.endReported == s.Client
	v.endReported = s.Client
	var hung time.Duration
	if v.hung.client == s.Client {
		hung = v.hung.hung
	}
	h.mu.Unlock()
	if !known {
		h.observer.ClientEnded(s.VolumeID, hung)
	}
}

// connections gives access to the kernel's view of FUSE clients (fusectl). The zero value is ready for use.
type connections struct {
	opening sync.Mutex // endOne calls abort in goroutines, perhaps after open has failed
	dir     *os.File
	failure logging.LastText // the last error of the method waiting; only endHung uses it
}

// open mounts fusectl without a path, invisible to other processes.
func (c *connections) open() (err error) {
	c.opening.Lock()
	defer c.opening.Unlock()
	if c.dir == nil {
		c.dir, err = mount.Detached("fusectl", nil)
	}
	return err
}

// path returns the path of a file of a device's connection, which is named after the device's minor number.
func (c *connections) path(d mount.Device, name string) string {
	return fmt.Sprintf("/proc/self/fd/%d/%d/%s", c.dir.Fd(), d.Minor, name)
}

// waiting returns how many requests wait for the client of a device. A connection that is gone has none.
func (c *connections) waiting(d mount.Device) (int, error) {
	if err := c.open(); err != nil {
		return 0, err
	}
	data, err := os.ReadFile(c.path(d, "waiting"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(data)))
}

// abort makes the kernel answer all requests to a client with an error.
func (c *connections) abort(d mount.Device) error {
	if err := c.open(); err != nil {
		return err
	}
	return os.WriteFile(c.path(d, "abort"), []byte("1"), 0)
}

func (c *connections) close() {
	if c.dir != nil {
		_ = c.dir.Close()
	}
}
