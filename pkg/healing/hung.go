package healing

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// watchHung looks for clients that hang until ctx is done.
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

// endHung ends the clients that hang for longer than the limit: they do not answer for themselves, which no brick is needed for. Most
// clients are not even asked, because the kernel shows that no request waits for them.
func (h *Healer) endHung(ctx context.Context) {
	for _, s := range h.Served() {
		waits, err := h.connections.waiting(s.Device)
		if err != nil {
			klog.FromContext(ctx).V(2).Info("Cannot see how many requests wait for a client", "volumeID", s.VolumeID, "err", err.Error())
			continue
		}
		hung := h.hungFor(s, waits > 0 && s.Alive)
		if hung < h.limits.Hung/2 {
			continue
		}
		hangs, err := h.Hangs(ctx, s)
		switch {
		case err != nil:
			klog.FromContext(ctx).Error(err, "Cannot tell whether a client hangs", "volumeID", s.VolumeID)
		case !hangs:
			h.hungFor(s, false)
		case hung >= h.limits.Hung: // and it has not answered the last times either
			h.endOne(ctx, s)
		}
	}
}

// hungFor returns for how long requests have waited for a client at each look.
func (h *Healer) hungFor(s fuseclient.Served, waits bool) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := h.volume(s.VolumeID)
	if !waits || v.waitsFor != s.Client {
		v.waitsFor, v.waitsSince = s.Client, time.Now()
	}
	return time.Since(v.waitsSince)
}

// endOne ends a client that hangs. What has waited for it gets an error, and its mounts are repaired as after any death.
func (h *Healer) endOne(ctx context.Context, s fuseclient.Served) {
	log := klog.FromContext(ctx).WithValues("volumeID", s.VolumeID, "pid", s.PID)
	log.Error(nil, "GlusterFS client hangs, although it needs no brick to answer; it is ended and replaced", "limit", h.limits.Hung)
	if err := h.EndClient(s); err != nil {
		log.Error(err, "Cannot end a client that hangs; its connection to the kernel is cut")
		if err := h.connections.abort(s.Device); err != nil {
			log.Error(err, "Cannot cut the connection of a client that hangs")
		}
	}
	h.hungFor(s, false)
}

// connections are those of FUSE clients as the kernel shows them (fusectl). The zero value is ready.
type connections struct{ dir *os.File }

// open mounts fusectl where no other process sees it.
func (c *connections) open() (err error) {
	if c.dir == nil {
		c.dir, err = mount.Detached("fusectl", nil)
	}
	return err
}

// path of a file of the connection of a device, whose minor number names it.
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
