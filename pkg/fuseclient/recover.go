package fuseclient

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// recover reads what the process before this one left.
func (m *Manager) recover(ctx context.Context) error {
	log := klog.FromContext(ctx)
	volumes, err := m.list("volumes", ".json")
	if err != nil {
		return err
	}
	for _, path := range volumes {
		r, err := readRecord(path)
		if err != nil || path != m.recordPath(r.Source.VolumeID) {
			log.Error(err, "Dropping a record that cannot be read; the volume's next NodeUnstageVolume cleans up", "path", path)
			if err := removeFile(path); err != nil {
				return err
			}
			continue
		}
		switch {
		case r.BootID != m.bootID:
			err = removeFile(path)
		case !r.ready():
			log.Info("Clearing away a GlusterFS client whose start was interrupted", "volumeID", r.Source.VolumeID)
			err = m.interrupted(r)
		default:
			m.records[r.Source.VolumeID] = r
		}
		if err != nil {
			return err
		}
	}
	return errors.Join(m.resumeEnding(ctx), m.sweepClients(), m.sweepLogs())
}

// interrupted clears a client away whose start was not finished. When it was to replace a dead one, the volume counts
// as staged all the same: the orchestrator will publish it without staging it again.
func (m *Manager) interrupted(r record) error {
	if err := m.discard(r); err != nil {
		return err
	}
	if top, _ := mount.Top(r.StagingPath); top == nil {
		return m.forget(r.Source.VolumeID)
	}
	return m.save(r)
}

func (m *Manager) resumeEnding(ctx context.Context) error {
	paths, err := m.list("ending", ".json")
	if err != nil {
		return err
	}
	for _, path := range paths {
		r, _ := readRecord(path) // one that cannot be read has no boot
		if r.BootID != m.bootID {
			if err := removeFile(path); err != nil {
				return err
			}
			continue
		}
		m.retire(ctx, r)
	}
	return nil
}

// sweepClients clears fresh paths of which no record tells.
func (m *Manager) sweepClients() error {
	known := map[string]bool{}
	for _, r := range m.records {
		known[m.freshPath(r)] = true
	}
	paths, err := m.list("clients", "")
	for _, path := range paths {
		if !known[path] {
			err = errors.Join(err, mount.Unmount(path, anyMount), mount.RemoveDir(path))
		}
	}
	return err
}

// sweepLogs removes the logs of volumes whose stage has failed and was never repeated.
func (m *Manager) sweepLogs() error {
	known := map[string]bool{}
	for id := range m.records {
		known[hash(id)] = true
	}
	paths, err := m.list("logs", "")
	for _, path := range paths {
		name, _, _ := strings.Cut(filepath.Base(path), ".")
		if !known[name] {
			err = errors.Join(err, removeFile(path))
		}
	}
	return err
}

// list returns the paths of the files in a directory of the state directory, those with the suffix.
func (m *Manager) list(dir, suffix string) ([]string, error) {
	dir = filepath.Join(m.cfg.StateDir, dir)
	entries, err := os.ReadDir(dir)
	var paths []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), suffix) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, err
}
