package fuseclient

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// recover reads the state of an earlier process, and writes the files that doctor reads. Leftovers that cannot be removed stay
// for the next start. They do not stop this process, because without it no volume of the node could be unmounted.
func (m *Manager) recover(ctx context.Context) error {
	log := klog.FromContext(ctx)
	err := errors.Join(m.recoverVolumes(ctx, log), m.resumeEnding(ctx), m.sweepClients(ctx, log), m.sweepLogs(log), m.sweepUnfinished(log))
	m.sweepTrees(log)
	m.writeLeftovers(log)
	if err := m.cfg.Servers.write(m.cfg.StateDir); err != nil {
		log.Error(err, "Cannot record the servers of clusters; doctor uses those of an earlier start")
	}
	return err
}

func (m *Manager) recoverVolumes(ctx context.Context, log klog.Logger) error {
	volumes, err := m.list(volumesDir, ".json")
	var incomplete []record
	for _, path := range volumes {
		r, err := readRecord(path)
		switch {
		case err != nil || path != m.recordPath(r.Source.VolumeID):
			log.Error(err, "Dropping a record that cannot be read; the next call for its volume rebuilds it", "path", path)
			err = removeFile(path)
		case r.BootID != m.bootID:
			err = removeFile(path)
		case !r.ready() && m.inService(r):
			log.Info("Rebuilding a record that was not saved completely", "volumeID", r.Source.VolumeID)
			incomplete = append(incomplete, r)
		case !r.ready():
			log.Info("Removing a GlusterFS client whose start was interrupted", "volumeID", r.Source.VolumeID)
			err = m.interrupted(r)
		case !r.Process.alive() && m.hasSuccessor(r):
			log.Info("Rebuilding a record that is older than the running client", "volumeID", r.Source.VolumeID)
			incomplete = append(incomplete, r)
		default:
			m.records[r.Source.VolumeID] = r
			dropUnpublished(r)
			m.watchForDeath(ctx, r)
		}
		m.recordLeftover(log, path, err)
	}
	// Without a record, nothing would notice the client's end until the next call for the volume.
	for _, former := range incomplete {
		path := m.recordPath(former.Source.VolumeID)
		_, known, err := m.restore(ctx, former.Source.VolumeID, former.StagingPath)
		switch {
		case err != nil:
			log.Error(err, "Cannot rebuild the record of a volume; the next call for the volume tries again", "volumeID", former.Source.VolumeID)
		case !known: // not removed earlier, because restore also reads the file
			m.recordLeftover(log, path, removeFile(path))
		}
	}
	return err
}

// dropUnpublished removes publications whose end the earlier process could not record.
func dropUnpublished(r record) {
	maps.DeleteFunc(r.Publications, func(target string, _ Publication) bool { return !isPublished(target) })
}

// inService reports whether the client of an incomplete record is mounted at the staging path. The record of such a client is
// incomplete if the disk became full between two saves.
func (m *Manager) inService(r record) bool {
	running := runningClients(m.cfg.StateDir, hash(r.Source.VolumeID))
	i := slices.IndexFunc(running, func(c runningClient) bool { return c.generation == r.Generation })
	top, _ := mount.Top(r.StagingPath)
	if i < 0 || top == nil || top.FSType != mount.FSType {
		return false
	}
	// The first mount is removed when the client is mounted at the staging path, unless the client has a separate mount
	// namespace.
	device, mounted, err := mount.DeviceIn(running[i].process.PID, m.freshPath(r))
	return err == nil && (!mounted || device == mount.DeviceOf(top))
}

// hasSuccessor reports whether a later client of the volume runs. The record of that client could not be saved.
func (m *Manager) hasSuccessor(r record) bool {
	return slices.ContainsFunc(runningClients(m.cfg.StateDir, hash(r.Source.VolumeID)), func(c runningClient) bool { return c.generation > r.Generation })
}

// recordLeftover logs and remembers a leftover that could not be removed, if err is not nil.
func (m *Manager) recordLeftover(log klog.Logger, path string, err error) {
	if err != nil {
		m.leftovers = append(m.leftovers, strings.ReplaceAll(path+": "+err.Error(), "\n", "; "))
		log.Error(err, "Cannot remove a leftover of an earlier process", "path", path)
	}
}

// Leftovers returns how many files and directories of earlier processes could not be removed when this one started.
func (m *Manager) Leftovers() int { return len(m.leftovers) }

// writeLeftovers writes the leftovers to a file for doctor, one per line.
func (m *Manager) writeLeftovers(log klog.Logger) {
	path := filepath.Join(m.cfg.StateDir, "leftovers")
	err := removeFile(path)
	if len(m.leftovers) > 0 {
		err = os.WriteFile(path, []byte(strings.Join(m.leftovers, "\n")+"\n"), 0o600) //nolint:gosec // below the state directory
	}
	if err != nil {
		log.Error(err, "Cannot record the leftovers that could not be removed; doctor does not report them")
	}
}

// interrupted removes a client whose start was not finished. If that client was to replace a dead one, the volume still counts as
// staged: the orchestrator will publish the volume without staging it again.
func (m *Manager) interrupted(r record) error {
	if r.Process.PID == 0 { // the earlier process ended before it could write the number
		r.Process, _ = findClient(m.freshPath(r))
	}
	err := m.discard(r)
	replaced, _ := mount.Top(r.StagingPath)
	switch {
	case replaced != nil:
		dropUnpublished(r)
		m.records[r.Source.VolumeID] = r // its file has this record already
	case err == nil:
		err = m.forget(r.Source.VolumeID)
	}
	return err
}

// resumeEnding retires the clients that an earlier process was retiring, and removes the files in ending/ that belong to no
// client.
func (m *Manager) resumeEnding(ctx context.Context) error {
	stale, err := m.retireEnding(ctx)
	for _, path := range stale {
		m.recordLeftover(klog.FromContext(ctx), path, removeFile(path))
	}
	return err
}

// retireEnding retires the clients in ending/, and returns the files there that belong to an earlier boot or cannot be read.
func (m *Manager) retireEnding(ctx context.Context) (stale []string, err error) {
	paths, err := m.list(endingDir, ".json")
	for _, path := range paths {
		r, _ := readRecord(path) // a record that cannot be read has no boot id
		if r.BootID == m.bootID {
			m.retire(ctx, r)
		} else {
			stale = append(stale, path)
		}
	}
	return stale, err
}

// sweepClients removes fresh paths that belong to no record.
func (m *Manager) sweepClients(ctx context.Context, log klog.Logger) error {
	known := map[string]bool{}
	for _, r := range m.records {
		known[m.freshPath(r)] = true
	}
	running := map[string]process{} // keyed by name of the record
	for _, c := range runningClients(m.cfg.StateDir, "") {
		running[c.name()] = c.process
	}
	paths, err := m.list("clients", "")
	for _, path := range paths {
		name := filepath.Base(path)
		switch {
		case known[path]:
		case running[name].isApart():
			m.recordLeftover(log, path, m.removeFirstMountIfUnused(ctx, running[name], path))
		default:
			m.recordLeftover(log, path, errors.Join(mount.Unmount(path, anyMount), mount.RemoveDir(path), m.removeCgroup(name)))
		}
	}
	return err
}

// sweepLogs removes the logs of volumes whose stage failed and was never repeated.
func (m *Manager) sweepLogs(log klog.Logger) error {
	known := map[string]bool{}
	for id := range m.records {
		known[hash(id)] = true
	}
	for _, c := range runningClients(m.cfg.StateDir, "") { // a client's record may be lost
		known[c.hash] = true
	}
	paths, err := m.list("logs", "")
	for _, path := range paths {
		name, _, _ := strings.Cut(filepath.Base(path), ".")
		if !known[name] {
			m.recordLeftover(log, path, removeFile(path))
		}
	}
	return err
}

// sweepUnfinished removes the temporary files of records that a process was writing when it was killed.
func (m *Manager) sweepUnfinished(log klog.Logger) error {
	volumes, err := m.list(volumesDir, ".new")
	ending, endingErr := m.list(endingDir, ".new")
	for _, path := range slices.Concat(volumes, ending) {
		m.recordLeftover(log, path, removeFile(path))
	}
	return errors.Join(err, endingErr)
}

// list returns the paths of the files with the suffix in a directory of the state directory.
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
