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
func (s *Self) recover(ctx context.Context) error {
	log := klog.FromContext(ctx)
	volumes, err := s.list("volumes", ".json")
	if err != nil {
		return err
	}
	for _, path := range volumes {
		r, err := readRecord(path)
		if err != nil || path != s.recordPath(r.Source.VolumeID) {
			log.Error(err, "Dropping a record that cannot be read; the volume's next NodeUnstageVolume cleans up", "path", path)
			if err := removeFile(path); err != nil {
				return err
			}
			continue
		}
		switch {
		case r.BootID != s.bootID:
			err = removeFile(path)
		case !r.ready():
			log.Info("Clearing away a GlusterFS client whose start was interrupted", "volumeID", r.Source.VolumeID)
			err = s.interrupted(r)
		default:
			s.records[r.Source.VolumeID] = r
		}
		if err != nil {
			return err
		}
	}
	return errors.Join(s.resumeEnding(ctx), s.sweepClients(), s.sweepLogs())
}

// interrupted clears a client away whose start was not finished. When it was to replace a dead one, the volume counts
// as staged all the same: the orchestrator will publish it without staging it again.
func (s *Self) interrupted(r record) error {
	if err := s.discard(r); err != nil {
		return err
	}
	if top, _ := mount.Top(r.StagingPath); top == nil {
		return s.forget(r.Source.VolumeID)
	}
	return s.save(r)
}

func (s *Self) resumeEnding(ctx context.Context) error {
	paths, err := s.list("ending", ".json")
	if err != nil {
		return err
	}
	for _, path := range paths {
		r, _ := readRecord(path) // one that cannot be read has no boot
		if r.BootID != s.bootID {
			if err := removeFile(path); err != nil {
				return err
			}
			continue
		}
		s.end(ctx, r)
	}
	return nil
}

// sweepClients clears fresh paths of which no record tells.
func (s *Self) sweepClients() error {
	known := map[string]bool{}
	for _, r := range s.records {
		known[s.freshPath(r)] = true
	}
	paths, err := s.list("clients", "")
	for _, path := range paths {
		if !known[path] {
			err = errors.Join(err, mount.Detach(path, anyMount), mount.RemoveDir(path))
		}
	}
	return err
}

// sweepLogs removes the logs of volumes whose stage has failed and was never repeated.
func (s *Self) sweepLogs() error {
	known := map[string]bool{}
	for id := range s.records {
		known[hash(id)] = true
	}
	paths, err := s.list("logs", "")
	for _, path := range paths {
		name, _, _ := strings.Cut(filepath.Base(path), ".")
		if !known[name] {
			err = errors.Join(err, removeFile(path))
		}
	}
	return err
}

// list returns the paths of the files in a directory of the state directory, those with the suffix.
func (s *Self) list(dir, suffix string) ([]string, error) {
	dir = filepath.Join(s.cfg.StateDir, dir)
	entries, err := os.ReadDir(dir)
	var paths []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), suffix) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, err
}
