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

// Served is a staged volume and its client, as package healing sees them.
type Served struct {
	VolumeID    string
	Volume      string // name of the gluster volume
	Subdir      string // the directory of the volume that is mounted, "" for the whole volume
	StagingPath string
	Client      string // different for each client of the volume; "" while a client is being started, or if its start was interrupted
	Device      mount.Device
	PID         int
	Alive       bool // the client has not ended
	// Entries is how long the kernel caches a directory entry that the client returned.
	Entries time.Duration
}

func served(r record) Served {
	s := Served{
		VolumeID: r.Source.VolumeID, Volume: r.Source.Volume, Subdir: r.Source.Subdir, StagingPath: r.StagingPath,
		Entries: r.Source.Options.EntryTimeout(),
	}
	if r.ready() {
		s.Client, s.Device, s.PID, s.Alive = r.name(), r.Device, r.Process.PID, r.Process.alive()
	}
	return s
}

// Owns reports whether a mountinfo line with this type and source belongs to the volume.
func (s Served) Owns(kind, source string) bool {
	_, path, _ := strings.Cut(source, ":/") // the part before it is the first server
	return kind == mount.FSType && (path == s.Volume || s.Subdir != "" && path == s.Volume+"/"+s.Subdir)
}

// Served returns the staged volumes.
func (m *Manager) Served() []Served {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]Served, 0, len(m.records))
	for _, r := range m.records {
		all = append(all, served(r))
	}
	return all
}

// Serves returns a staged volume and whether it is staged.
func (m *Manager) Serves(volumeID string) (s Served, staged bool) {
	r, known := m.record(volumeID)
	if !known {
		return Served{}, false
	}
	return served(r), true
}

// Adopt rebuilds the record of a volume if it is lost. The data come from the client of this state directory that serves the
// volume at stagingPath.
func (m *Manager) Adopt(ctx context.Context, volumeID, stagingPath string) error {
	unlock, err := m.lock(ctx, "a repair", volumeID, stagingPath)
	if err != nil {
		return err
	}
	defer unlock()
	_, _, err = m.restore(ctx, volumeID, stagingPath)
	return err
}

// Repair calls fn while no other call for the volume runs. If the volume's client has ended, Repair first starts a new one and
// mounts it at the staging path. It returns ErrNotStaged and the errors of Stage.
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

// ActiveGraph returns the name of the graph that the volume's client uses now. It asks no brick as long as the client's .meta is
// held open.
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

// GraphMayHaveChanged reports whether the volume's client has logged anything since the given time; a client logs each new graph.
// It returns true if the client's log is missing or its log level hides new graphs. It only reads the time of the log file.
func (m *Manager) GraphMayHaveChanged(volumeID string, since time.Time) bool {
	r, known := m.record(volumeID)
	if level := r.Source.Options.LogLevel(); !known || level == "ERROR" || level == "CRITICAL" || level == "NONE" {
		return known
	}
	info, err := os.Lstat(m.logPath(volumeID))
	return err != nil || !info.ModTime().Before(since)
}

// EndClient kills a client. The function that OnDeath has set is then called. EndClient returns an error if the client is still
// there.
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
