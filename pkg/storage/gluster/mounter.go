package gluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"k8s.io/klog/v2"
)

// mounter mounts the file systems of this node's bricks. It mounts only the entries that the table has when mountAll reads it:
// Heketi itself mounts the entries that Heketi adds later.
type mounter struct {
	runner   runner
	limits   limits
	fstab    string
	mounted  func() ([]string, error)
	restart  func() // restarts glusterd, which then starts the bricks whose file systems were mounted late
	slots    *semaphore.Weighted
	attempts sync.WaitGroup

	mu      sync.Mutex
	late    bool             // glusterd is already running
	failing map[string]error // by mount point: why it is not mounted

	activation sync.Mutex // held during an activation: one activation serves all file systems whose devices are missing at the time
	activated  time.Time
}

// parallelMounts bounds the concurrent mounts: after a power cut, each of them replays a journal.
const parallelMounts = 4

func newMounter(r runner, l limits, fstab string, mounted func() ([]string, error), restart func()) *mounter {
	return &mounter{
		runner: r, limits: l, fstab: fstab, mounted: mounted, restart: restart,
		slots: semaphore.NewWeighted(parallelMounts), failing: map[string]error{},
	}
}

// activate activates the volume groups that the table names, and no others: the node may have groups that are not Heketi's, such
// as those inside a virtual machine's disk.
func (m *mounter) activate(ctx context.Context) {
	m.activation.Lock()
	defer m.activation.Unlock()
	if !m.activated.IsZero() && time.Since(m.activated) < m.limits.mountRetry/2 {
		return
	}
	defer func() { m.activated = time.Now() }()
	entries, _ := readFstab(m.fstab) // mountAll reports the errors
	groups := volumeGroups(entries)
	if len(groups) == 0 {
		return
	}
	command := append([]string{"lvm", "vgchange", "-ay"}, groups...)
	if err := within(ctx, m.limits.activation, m.runner, command...); err != nil && ctx.Err() == nil {
		klog.FromContext(ctx).Error(err, "Not all logical volumes may be available")
	}
}

// mountAll tries each entry of the table once, but does not wait for entries that take too long. Failed entries are retried in
// the background until ctx is done.
func (m *mounter) mountAll(ctx context.Context) {
	logger := klog.FromContext(ctx)
	entries, err := readFstab(m.fstab)
	if err != nil {
		logger.Error(err, "Not all bricks may be mounted")
	}
	var first sync.WaitGroup
	for _, entry := range entries {
		first.Add(1)
		m.setFailing(entry.point, errors.New("it is being mounted"))
		m.attempts.Go(func() { m.keepTrying(ctx, entry, sync.OnceFunc(first.Done)) })
	}
	tried := make(chan struct{})
	go func() { first.Wait(); close(tried) }()
	select {
	case <-tried:
	case <-time.After(m.limits.mounting):
	case <-ctx.Done():
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.late = true
	logger.Info("Mounted the bricks' file systems", "mounted", len(entries)-len(m.failing), "failing", len(m.failing))
}

// wait waits for the attempts in flight. It may be called once the context of mountAll is done.
func (m *mounter) wait() { m.attempts.Wait() }

// keepTrying retries the mount of one file system. After the first attempt, it calls the function tried.
func (m *mounter) keepTrying(ctx context.Context, entry fileSystem, tried func()) {
	defer tried()
	logger := klog.FromContext(ctx).WithValues("device", entry.device, "path", entry.point)
	reported := ""
	for {
		err := m.mount(ctx, entry)
		if err == nil {
			if late := m.setMounted(entry.point); late {
				logger.Info("Mounted late; restarting glusterd, so that it starts the bricks there")
				m.restart()
			}
			return
		}
		if ctx.Err() != nil {
			return
		}
		failing := m.setFailing(entry.point, err)
		if text := err.Error(); text != reported { // log only a new error
			logger.Error(err, "Not mounted; the bricks there are offline", "retryAfter", m.limits.mountRetry, "failing", failing)
			reported = text
		}
		tried()
		select {
		case <-time.After(m.limits.mountRetry):
		case <-ctx.Done():
			return
		}
		if !m.listed(entry) {
			logger.Info("No longer in the table; no further attempt to mount it")
			m.setMounted(entry.point)
			return
		}
	}
}

// listed reports whether an entry is still in the table. Heketi removes the entries of bricks that it deletes.
func (m *mounter) listed(entry fileSystem) bool {
	entries, err := readFstab(m.fstab)
	return err != nil || slices.Contains(entries, entry)
}

// mount makes one attempt to mount a file system.
func (m *mounter) mount(ctx context.Context, entry fileSystem) error {
	if err := m.slots.Acquire(ctx, 1); err != nil {
		return err
	}
	release := sync.OnceFunc(func() { m.slots.Release(1) })
	defer release()
	defer time.AfterFunc(m.limits.mountSlot, release).Stop()

	points, err := m.mounted()
	if err != nil {
		return err
	}
	if slices.Contains(points, entry.point) {
		return nil
	}
	if err := m.findDevice(ctx, entry.device); err != nil {
		return err
	}
	if err := os.MkdirAll(entry.point, 0o755); err != nil { //nolint:gosec // as Heketi makes them
		return fmt.Errorf("make the mount point: %w", err)
	}
	// No time limit: replaying a journal can take long, and only this entry waits for it.
	_, err = m.runner.Run(ctx, "mount", "-t", entry.kind, "-o", entry.options, "--source", entry.device, "--target", entry.point)
	return err
}

// findDevice returns an error if a device is still missing after another activation.
func (m *mounter) findDevice(ctx context.Context, device string) error {
	if !filepath.IsAbs(device) { // such as UUID=…, which mount resolves
		return nil
	}
	_, err := os.Stat(device)
	if errors.Is(err, fs.ErrNotExist) {
		m.activate(ctx)
		_, err = os.Stat(device)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("device %s is missing: its disk may be missing, or its volume group incomplete (lvm vgs and lvm lvs list both)", device)
	}
	if err != nil {
		return fmt.Errorf("look for the device: %w", err)
	}
	return nil
}

func (m *mounter) setFailing(point string, err error) (failing int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failing[point] = err
	return len(m.failing)
}

func (m *mounter) setMounted(point string) (late bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.failing, point)
	return m.late
}

// problem returns the reason why the file system that holds path is not mounted, or nil.
func (m *mounter) problem(path string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for point, err := range m.failing {
		if path == point || strings.HasPrefix(path, point+"/") {
			return err
		}
	}
	return nil
}
