package fuseclient

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// recover reads what the process before this one left. What cannot be cleared away stays for the next start, and does not keep
// this one from serving, or no volume of the node could be unmounted.
func (m *Manager) recover(ctx context.Context) error {
	log := klog.FromContext(ctx)
	err := errors.Join(m.recoverVolumes(ctx, log), m.resumeEnding(ctx), m.sweepClients(log), m.sweepLogs(log), m.sweepUnfinished(log))
	m.sweepTrees(log)
	m.tellLeftovers(log)
	return err
}

func (m *Manager) recoverVolumes(ctx context.Context, log klog.Logger) error {
	volumes, err := m.list(volumesDir, ".json")
	for _, path := range volumes {
		r, err := readRecord(path)
		switch {
		case err != nil || path != m.recordPath(r.Source.VolumeID):
			log.Error(err, "Dropping a record that cannot be read; the next call for its volume makes it again", "path", path)
			err = removeFile(path)
		case r.BootID != m.bootID:
			err = removeFile(path)
		case !r.ready() && m.inService(r):
			log.Info("Dropping a record that could not be saved to the end; the next call for its volume makes it again", "volumeID", r.Source.VolumeID)
			err = removeFile(path)
		case !r.ready():
			log.Info("Clearing away a GlusterFS client whose start was interrupted", "volumeID", r.Source.VolumeID)
			err = m.interrupted(r)
		case !r.Process.alive() && m.succeeded(r):
			log.Info("Dropping a record that is older than the client that runs; the next call for its volume makes it again", "volumeID", r.Source.VolumeID)
			err = removeFile(path)
		default:
			m.records[r.Source.VolumeID] = r
			maps.DeleteFunc(r.Publications, func(target string, _ Publication) bool { return !isPublished(target) })
			m.watchForDeath(ctx, r)
		}
		m.leaveBehind(log, path, err)
	}
	return err
}

// inService reports whether the client of a record that does not say so is mounted at its staging path: the disk may have become
// full between two saves.
func (m *Manager) inService(r record) bool {
	running := runningClients(m.cfg.StateDir, hash(r.Source.VolumeID))
	i := slices.IndexFunc(running, func(c runningClient) bool { return c.generation == r.Generation })
	top, _ := mount.Top(r.StagingPath)
	if i < 0 || top == nil || top.FSType != fsType {
		return false
	}
	device, mounted, err := mount.DeviceAt(running[i].process.procPath("root", m.freshPath(r)))
	if errors.Is(err, fs.ErrNotExist) {
		return true // taken off that path, which is done when it is at the other
	}
	return err == nil && (!mounted || device == mount.DeviceOf(top))
}

// succeeded reports whether a later client of the volume runs, whose record could not be saved.
func (m *Manager) succeeded(r record) bool {
	return slices.ContainsFunc(runningClients(m.cfg.StateDir, hash(r.Source.VolumeID)), func(c runningClient) bool { return c.generation > r.Generation })
}

// leaveBehind keeps in mind and logs what could not be cleared away, if err says so.
func (m *Manager) leaveBehind(log klog.Logger, path string, err error) {
	if err != nil {
		m.leftovers = append(m.leftovers, strings.ReplaceAll(path+": "+err.Error(), "\n", "; "))
		log.Error(err, "Leaving behind what an earlier process left, because it cannot be cleared away", "path", path)
	}
}

// Leftovers returns how many files and directories of earlier processes could not be cleared away when this one started.
func (m *Manager) Leftovers() int { return len(m.leftovers) }

// tellLeftovers writes them down, a line each, for doctor.
func (m *Manager) tellLeftovers(log klog.Logger) {
	path := filepath.Join(m.cfg.StateDir, "leftovers")
	err := removeFile(path)
	if len(m.leftovers) > 0 {
		err = os.WriteFile(path, []byte(strings.Join(m.leftovers, "\n")+"\n"), 0o600) //nolint:gosec // below the state directory
	}
	if err != nil {
		log.Error(err, "Cannot write down what could not be cleared away, so that doctor does not report it")
	}
}

// interrupted clears a client away whose start was not finished. When it was to replace a dead one, the volume counts
// as staged all the same: the orchestrator will publish it without staging it again.
func (m *Manager) interrupted(r record) error {
	if r.Process.PID == 0 { // the process before this one was stopped before it could write the number down
		r.Process, _ = findClient(m.freshPath(r))
	}
	err := m.discard(r)
	replaced, _ := mount.Top(r.StagingPath)
	switch {
	case replaced != nil:
		m.records[r.Source.VolumeID] = r // which its file has already
	case err == nil:
		err = m.forget(r.Source.VolumeID)
	}
	if err != nil {
		err = errors.Join(err, writeRecord(m.endingPath(r), r)) // which resumeEnding tries, now and at each start
	}
	return err
}

// resumeEnding retires the clients that an earlier process has told to go, and removes the files that say so of no client.
func (m *Manager) resumeEnding(ctx context.Context) error {
	stale, err := m.retireEnding(ctx)
	for _, path := range stale {
		m.leaveBehind(klog.FromContext(ctx), path, removeFile(path))
	}
	return err
}

// retireEnding retires the clients in ending/, and returns the files there that are of an earlier boot or cannot be read.
func (m *Manager) retireEnding(ctx context.Context) (stale []string, err error) {
	paths, err := m.list(endingDir, ".json")
	for _, path := range paths {
		r, _ := readRecord(path) // one that cannot be read has no boot
		if r.BootID == m.bootID {
			m.retire(ctx, r)
		} else {
			stale = append(stale, path)
		}
	}
	return stale, err
}

// sweepClients clears fresh paths of which no record tells.
func (m *Manager) sweepClients(log klog.Logger) error {
	known := map[string]bool{}
	for _, r := range m.records {
		known[m.freshPath(r)] = true
	}
	running := map[string]process{} // by name of the record
	for _, c := range runningClients(m.cfg.StateDir, "") {
		running[c.name()] = c.process
	}
	paths, err := m.list("clients", "")
	for _, path := range paths {
		name := filepath.Base(path)
		switch {
		case known[path]:
		case running[name].isApart():
			m.leaveBehind(log, path, running[name].leaveUnused(path))
		default:
			m.leaveBehind(log, path, errors.Join(mount.Unmount(path, anyMount), mount.RemoveDir(path), m.removeCgroup(name)))
		}
	}
	return err
}

// sweepLogs removes the logs of volumes whose stage has failed and was never repeated.
func (m *Manager) sweepLogs(log klog.Logger) error {
	known := map[string]bool{}
	for id := range m.records {
		known[hash(id)] = true
	}
	for _, c := range runningClients(m.cfg.StateDir, "") { // the record of one may be lost
		known[c.hash] = true
	}
	paths, err := m.list("logs", "")
	for _, path := range paths {
		name, _, _ := strings.Cut(filepath.Base(path), ".")
		if !known[name] {
			m.leaveBehind(log, path, removeFile(path))
		}
	}
	return err
}

// sweepUnfinished removes the records that a process was writing when it was killed.
func (m *Manager) sweepUnfinished(log klog.Logger) error {
	volumes, err := m.list(volumesDir, ".new")
	ending, endingErr := m.list(endingDir, ".new")
	for _, path := range slices.Concat(volumes, ending) {
		m.leaveBehind(log, path, removeFile(path))
	}
	return errors.Join(err, endingErr)
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
