package mounter

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
	volumes, err := filepath.Glob(filepath.Join(s.cfg.StateDir, "volumes", "*.json"))
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
	if top, err := mount.Top(r.StagingPath); err != nil || top == nil {
		return s.forget(r.Source.VolumeID)
	}
	r.Process = process{}
	return s.save(r)
}

func (s *Self) resumeEnding(ctx context.Context) error {
	paths, err := filepath.Glob(filepath.Join(s.cfg.StateDir, "ending", "*.json"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		r, err := readRecord(path)
		if err != nil || r.BootID != s.bootID {
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
	paths, err := filepath.Glob(filepath.Join(s.cfg.StateDir, "clients", "*"))
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
	entries, err := os.ReadDir(filepath.Join(s.cfg.StateDir, "logs"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, _, _ := strings.Cut(e.Name(), ".")
		if !known[name] {
			err = errors.Join(err, removeFile(filepath.Join(s.cfg.StateDir, "logs", e.Name())))
		}
	}
	return err
}
