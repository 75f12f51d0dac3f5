// Package mounttest provides an in-memory mount.Mounter (New) for tests that need a Mounter but no real mounts. It also has
// helpers for tests that make real mounts: private namespaces (RunPrivate), containers, missing rights and failing calls. Most
// helpers need root. TestMain calls RunPrivate, which skips all tests of a package for other users, or fails with REQUIRE_ALL
// (package needs).
package mounttest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// Mounter behaves like the real one, including the creation and removal of target directories, but mounts nothing.
type Mounter struct {
	mu        sync.Mutex
	staged    map[string]staged            // by volume id
	published map[string]mount.Publication // by target path
}

type staged struct {
	source mount.Source
	path   string
}

var _ mount.Mounter = (*Mounter)(nil)

// New returns a Mounter with nothing mounted.
func New() *Mounter {
	return &Mounter{staged: map[string]staged{}, published: map[string]mount.Publication{}}
}

// Stage implements mount.Mounter.
func (m *Mounter) Stage(_ context.Context, s mount.Source, stagingPath string) error {
	if err := s.Validate(); err != nil {
		return err
	}
	if err := check(stagingPath); err != nil {
		return err
	}
	if info, err := os.Stat(stagingPath); err != nil || !info.IsDir() {
		return fmt.Errorf("%w: staging path %s is not a directory", mount.ErrInvalid, stagingPath)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, other := range m.staged {
		switch {
		case id == s.VolumeID && (other.path != stagingPath || other.source.Difference(s) != ""):
			return fmt.Errorf("%w: volume %s is staged differently", mount.ErrConflict, id)
		case id != s.VolumeID && other.path == stagingPath:
			return fmt.Errorf("%w: volume %s is staged at %s", mount.ErrConflict, id, stagingPath)
		}
	}
	m.staged[s.VolumeID] = staged{s, stagingPath}
	return nil
}

// Unstage implements mount.Mounter.
func (m *Mounter) Unstage(_ context.Context, volumeID, stagingPath string) error {
	if err := check(stagingPath); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.staged[volumeID].path == stagingPath {
		delete(m.staged, volumeID)
	}
	return nil
}

// Publish implements mount.Mounter.
func (m *Mounter) Publish(_ context.Context, p mount.Publication) error {
	if err := errors.Join(check(p.StagingPath), check(p.TargetPath)); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.staged[p.VolumeID]
	if !ok || s.path != p.StagingPath {
		return fmt.Errorf("%w: volume %s at %s", mount.ErrNotStaged, p.VolumeID, p.StagingPath)
	}
	asked := p.Source
	p.Source, p.Pod = nil, mount.Pod{} // not part of a publication
	if old, ok := m.published[p.TargetPath]; ok {
		if old != p {
			return fmt.Errorf("%w: %s is published differently", mount.ErrConflict, p.TargetPath)
		}
		return nil
	}
	if asked != nil && asked.Path() != s.source.Path() {
		return fmt.Errorf("%w: volume %s is staged from %s, not %s", mount.ErrConflict, p.VolumeID, s.source.Path(), asked.Path())
	}
	if err := os.Mkdir(p.TargetPath, 0o750); err != nil {
		entries, readErr := os.ReadDir(p.TargetPath)
		if !errors.Is(err, fs.ErrExist) || readErr != nil || len(entries) > 0 {
			return fmt.Errorf("%w: target path: %v", mount.ErrInvalid, err) //nolint:errorlint // only one sentinel
		}
	}
	m.published[p.TargetPath] = p
	return nil
}

// Unpublish implements mount.Mounter.
func (m *Mounter) Unpublish(_ context.Context, volumeID, targetPath string) error {
	if err := check(targetPath); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if p, ok := m.published[targetPath]; ok && p.VolumeID != volumeID {
		return fmt.Errorf("%w: volume %s is published at %s", mount.ErrInvalid, p.VolumeID, targetPath)
	}
	delete(m.published, targetPath)
	return mount.RemoveDir(targetPath)
}

// Stats implements mount.Mounter: a volume of 1 GiB, a quarter of it used.
func (m *Mounter) Stats(_ context.Context, volumeID, path string) (mount.Stats, error) {
	if err := check(path); err != nil {
		return mount.Stats{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if s, ok := m.staged[volumeID]; ok && (s.path == path || m.published[path].VolumeID == volumeID) {
		return mount.Stats{
			TotalBytes: 1 << 30, UsedBytes: 1 << 28, AvailableBytes: 3 << 28,
			TotalInodes: 1024, UsedInodes: 24, AvailableInodes: 1000,
		}, nil
	}
	return mount.Stats{}, fmt.Errorf("%w: volume %s at %s", mount.ErrNotMounted, volumeID, path)
}

// Health implements mount.Mounter: the volume is healthy.
func (m *Mounter) Health(ctx context.Context, volumeID, path string) (mount.Health, error) {
	if path == "" {
		m.mu.Lock()
		s, ok := m.staged[volumeID]
		m.mu.Unlock()
		if !ok {
			return mount.Health{}, fmt.Errorf("%w: volume %s", mount.ErrNotMounted, volumeID)
		}
		path = s.path
	}
	_, err := m.Stats(ctx, volumeID, path)
	return mount.Health{}, err
}

// Expand implements mount.Mounter: it returns the size of Stats.
func (m *Mounter) Expand(ctx context.Context, volumeID, path string) (int64, error) {
	stats, err := m.Stats(ctx, volumeID, path)
	return stats.TotalBytes, err
}

func check(path string) error {
	if !filepath.IsAbs(path) || filepath.Clean(path) == "/" {
		return fmt.Errorf("%w: path %q: an absolute path below / is needed", mount.ErrInvalid, path)
	}
	return nil
}
