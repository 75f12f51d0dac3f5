package fuseclient

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// Served is a staged volume and its client, as those see it who repair its mounts.
type Served struct {
	VolumeID    string
	Volume      string // the gluster volume's name
	Subdir      string // the directory of it that is mounted, "" for all
	StagingPath string
	Client      string // names the client; the volume's next one has another name
	Device      mount.Device
	PID         int
	Alive       bool // the client has not ended
	// Entries is how long the kernel trusts a directory entry that it has from the client.
	Entries time.Duration
}

func served(r record) Served {
	return Served{
		VolumeID: r.Source.VolumeID, Volume: r.Source.Volume, Subdir: r.Source.Subdir, StagingPath: r.StagingPath,
		Client: r.name(), Device: r.Device, PID: r.Process.PID, Alive: r.Process.alive(), Entries: r.Source.Options.EntryTimeout(),
	}
}

// Owns reports whether a line of mountinfo, by its type and source, is of the volume.
func (s Served) Owns(kind, source string) bool {
	_, path, _ := strings.Cut(source, ":/") // of the first server
	return kind == fsType && (path == s.Volume || s.Subdir != "" && path == s.Volume+"/"+s.Subdir)
}

// Served returns the staged volumes.
func (m *Manager) Served() []Served {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]Served, 0, len(m.records))
	for _, r := range m.records {
		if r.ready() {
			all = append(all, served(r))
		}
	}
	return all
}

// Serves returns a staged volume.
func (m *Manager) Serves(volumeID string) (s Served, staged bool) {
	r, known := m.record(volumeID)
	if !known || !r.ready() {
		return Served{}, false
	}
	return served(r), true
}

// Repair calls fn while no other call for the volume runs. Before that it starts a client for the volume if the former one has ended,
// and mounts it at the staging path. Errors: ErrNotStaged, and those of Stage.
func (m *Manager) Repair(ctx context.Context, volumeID string, fn func(Served) error) error {
	r, known := m.record(volumeID)
	if !known {
		return fmt.Errorf("%w: volume %s", mount.ErrNotStaged, volumeID)
	}
	unlock, err := m.lock(ctx, "a repair", volumeID, r.StagingPath)
	if err != nil {
		return err
	}
	defer unlock()
	if r, known = m.record(volumeID); !known {
		return fmt.Errorf("%w: volume %s", mount.ErrNotStaged, volumeID)
	}
	if r, err = m.ensure(ctx, r.Source, r.StagingPath); err != nil {
		return err
	}
	return fn(served(r))
}

// ActiveGraph names the graph that the volume's client uses now. It asks no brick, as long as the client's .meta is held.
func (m *Manager) ActiveGraph(ctx context.Context, volumeID string) (string, error) {
	r, known := m.record(volumeID)
	if !known {
		return "", fmt.Errorf("%w: volume %s", mount.ErrNotStaged, volumeID)
	}
	dir := m.holdMeta(ctx, r, r.StagingPath)
	if dir == nil {
		return "", fmt.Errorf("%w: the client's .meta cannot be opened", mount.ErrUnavailable)
	}
	return m.asker.ActiveGraph(ctx, m.limits.ask, r.name(), dir)
}

// GraphMayHaveChanged reports whether the volume's client has logged anything since a time, as it does with each new graph. It costs
// next to nothing.
func (m *Manager) GraphMayHaveChanged(volumeID string, since time.Time) bool {
	r, known := m.record(volumeID)
	if level := r.Source.Options.LogLevel(); !known || level == "ERROR" || level == "CRITICAL" || level == "NONE" {
		return known
	}
	info, err := os.Stat(m.logPath(volumeID))
	return err != nil || !info.ModTime().Before(since)
}

// EndClient ends a client, which OnDeath then reports. The error says that it is still there.
func (m *Manager) EndClient(s Served) error {
	r, known := m.record(s.VolumeID)
	if !known || r.name() != s.Client {
		return nil
	}
	pidfd, err := r.Process.open()
	if pidfd == -1 {
		return err
	}
	defer unix.Close(pidfd)
	return m.kill(pidfd)
}
