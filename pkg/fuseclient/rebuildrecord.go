package fuseclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// restore returns the volume's record. One that is lost is made again from the client that serves the volume at path, and saved.
// ErrUnavailable: that client hangs; its record is returned and not saved.
func (m *Manager) restore(ctx context.Context, volumeID, path string) (r record, known bool, err error) {
	if r, known = m.record(volumeID); known {
		return r, true, nil
	}
	r, known, err = m.rebuild(ctx, volumeID, path)
	if !known || err != nil {
		return r, known, err
	}
	logger(ctx, r).Info("The record of a volume was lost, and is made again from its client's arguments", "path", path)
	logUnwritten(ctx, volumeID, m.save(r))
	m.watchForDeath(ctx, r)
	return r, true, nil
}

// rebuild makes the record of the volume that is mounted at path from its client's arguments and the table of mounts. The error is as
// in restore.
func (m *Manager) rebuild(ctx context.Context, volumeID, path string) (r record, known bool, err error) {
	top, _ := mount.Top(path)
	if top == nil || top.FSType != fsType {
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
	// Earlier ones may serve on for pods that the volume was not unpublished from.
	c := slices.MaxFunc(found, func(a, b runningClient) int { return cmp.Compare(a.generation, b.generation) })
	if !strings.HasSuffix(top.Source, ":/"+c.source.Path()) {
		return record{}, false, nil
	}
	if c.source.Subdir == "" {
		// A client has the whole volume, and only its mounts say of which directory they are.
		if _, c.source.Subdir, err = mount.ParseVolume(c.source.Volume + strings.TrimSuffix(top.Root, deleted)); err != nil {
			return record{}, false, nil //nolint:nilerr // a mount that is not the volume's
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

// runningClient is a client of this state directory as its process shows it.
type runningClient struct {
	process    process
	hash       string // of the volume's id
	generation int64
	source     mount.Source // without volume id
	version    string       // as in Client; of knownClients only
}

func (c runningClient) name() string { return clientName(c.hash, c.generation) }

// runningClients finds those of one volume, or all of the state directory with an empty hash.
func runningClients(stateDir, hash string) []runningClient {
	var found []runningClient
	for _, pid := range processes() {
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

// sees reports whether a path leads a process to the same directory as this one: another node plugin on the node, in a container,
// has the same path for another directory.
func sees(p process, dir string) bool {
	own, _ := os.Stat(dir)                        //nolint:gosec // the state directory
	theirs, _ := os.Stat(p.procPath("root", dir)) //nolint:gosec // the same, as the process sees it
	return os.SameFile(own, theirs)               // nothing is the same as what is not there
}

// parseClient reads the arguments of a process, the last of which is a path below the directory if it is a client.
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

// holdsFUSE reports whether a process has /dev/fuse open. Anyone may start a process with the arguments of a client, in a container
// too, but not with this device.
func holdsFUSE(p process) bool {
	fds, _ := filepath.Glob(p.procPath("fd/*")) // the pattern is valid
	return slices.ContainsFunc(fds, func(fd string) bool {
		var st unix.Statx_t
		err := unix.Statx(unix.AT_FDCWD, fd, unix.AT_STATX_DONT_SYNC, unix.STATX_TYPE, &st)
		return err == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev_major == 10 && st.Rdev_minor == 229
	})
}
