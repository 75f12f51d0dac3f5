package fuseclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// restore returns the volume's record. A lost record is rebuilt from the client that serves the volume at path, completed from the
// record's file if that can be read, and saved. If that client hangs, restore returns the record without saving it, and
// ErrUnavailable.
func (m *Manager) restore(ctx context.Context, volumeID, path string) (r record, known bool, err error) {
	if r, known = m.record(volumeID); known {
		return r, true, nil
	}
	r, known, err = m.rebuild(ctx, volumeID, path)
	if !known || err != nil {
		return r, known, err
	}
	logger(ctx, r).Info("The record of a volume was lost; rebuilding it from its client's arguments", "path", path)
	if former, err := readRecord(m.recordPath(volumeID)); err == nil {
		r = m.carryOver(r, former)
	}
	logUnwritten(ctx, volumeID, m.save(r))
	m.watchForDeath(ctx, r)
	return r, true, nil
}

// rebuild makes a record of the volume that is mounted at path from its client's arguments and the mount table. Its error is the
// same as for restore.
func (m *Manager) rebuild(ctx context.Context, volumeID, path string) (r record, known bool, err error) {
	top, _ := mount.Top(path)
	if top == nil || top.FSType != mount.FSType {
		return record{}, false, nil
	}
	device := mount.DeviceOf(top)
	if _, found := m.owner(device, volumeID); found {
		return record{}, false, nil
	}
	found := runningClients(m.cfg.StateDir, hash(volumeID))
	if len(found) == 0 {
		return record{}, false, nil
	}
	// Earlier clients may still serve pods from which the volume was not unpublished.
	c := slices.MaxFunc(found, func(a, b runningClient) int { return cmp.Compare(a.generation, b.generation) })
	if !strings.HasSuffix(top.Source, ":/"+c.source.Path()) {
		return record{}, false, nil
	}
	if c.source.Subdir == "" {
		// A client always mounts the whole volume; only the roots of its mounts show which directory is used.
		if _, c.source.Subdir, err = mount.ParseVolume(c.source.Volume + strings.TrimSuffix(top.Root, deleted)); err != nil {
			return record{}, false, nil //nolint:nilerr // the mount is not the volume's
		}
	}
	ended, err := m.clientEnded(ctx, device, path)
	switch {
	case errors.Is(err, mount.ErrTimeout):
		err = fmt.Errorf("%w: the GlusterFS client at %s hangs", mount.ErrUnavailable, path)
	case err != nil || ended:
		return record{}, false, err
	}
	c.source.VolumeID = volumeID
	return record{
		Source: c.source, StagingPath: path, Generation: c.generation, Process: c.process, BootID: m.bootID, Device: device,
	}, true, err
}

// carryOver completes the rebuilt record r with data that the client's arguments lack: the volume's cluster, servers that the
// client was not started with, and publications. It copies them from the record former, which was not saved completely or is
// older than the client.
func (m *Manager) carryOver(r, former record) record {
	if former.BootID != r.BootID || former.Source.VolumeID != r.Source.VolumeID || former.Source.Volume != r.Source.Volume {
		return r
	}
	if former.Generation == r.Generation {
		r.Source = former.Source
	} else {
		r.Source.Cluster = former.Source.Cluster
		for _, server := range former.Source.Servers {
			if !slices.Contains(r.Source.Servers, server) {
				r.Source.Servers = append(r.Source.Servers, server)
			}
		}
	}
	dropUnpublished(former)
	r.Publications = former.Publications
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records[r.Source.VolumeID] = r // so that save finds the publications
	return r
}

// runningClient is a client of this state directory, described from its process.
type runningClient struct {
	process    process
	hash       string // hash of the volume's id
	generation int64
	source     mount.Source // without the volume id
	version    string       // as in Client; only allRunning and knownClients set it
}

func (c runningClient) name() string { return clientName(c.hash, c.generation) }

// runningClients returns the clients of one volume, or all clients of the state directory if hash is empty.
func runningClients(stateDir, hash string) []runningClient {
	var found []runningClient
	for _, pid := range mount.Processes() {
		c, ok := parseClient(arguments(pid), filepath.Join(stateDir, "clients"))
		if !ok || hash != "" && c.hash != hash {
			continue
		}
		p, err := identifyProcess(pid)
		if err == nil && holdsFUSE(p) && sees(p, filepath.Join(stateDir, "clients")) {
			c.process = p
			found = append(found, c)
		}
	}
	return found
}

// sees reports whether dir is the same directory for the process p and for this process: another node plugin in a container on
// the node may use the same path for another directory.
func sees(p process, dir string) bool {
	own, err := mount.LocationOf(dir)
	theirs, theirErr := mount.LocationIn(p.PID, dir)
	return err == nil && theirErr == nil && own == theirs
}

// parseClient parses the arguments of a process. The process is a client if the last argument is a path below the directory.
func parseClient(args []string, directory string) (runningClient, bool) {
	if len(args) == 0 {
		return runningClient{}, false
	}
	fresh := args[len(args)-1]
	volume, generation, _ := strings.Cut(filepath.Base(fresh), "-")
	number, err := strconv.ParseInt(generation, 10, 64)
	if err != nil || filepath.Dir(fresh) != directory {
		return runningClient{}, false
	}
	source, ok := mount.ReadClientArgs(args)
	return runningClient{hash: volume, generation: number, source: source}, ok
}

// holdsFUSE reports whether a process has /dev/fuse open. Any user, even in a container, can start a process with the arguments
// of a client, but cannot open this device.
func holdsFUSE(p process) bool {
	fds, _ := filepath.Glob(p.procPath("fd/*")) // the pattern is valid
	return slices.ContainsFunc(fds, func(fd string) bool {
		var st unix.Statx_t
		err := unix.Statx(unix.AT_FDCWD, fd, unix.AT_STATX_DONT_SYNC, unix.STATX_TYPE, &st)
		return err == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev_major == 10 && st.Rdev_minor == 229
	})
}
