package fuseclient

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// retire ends a client that the volume no longer needs. It removes the client's first mount, usually the last mount that is left.
// A healthy client then exits by itself. reap does the rest in the background, and a file in ending/ lets the next process
// continue.
func (m *Manager) retire(ctx context.Context, r record) {
	if _, begun := m.reaping.LoadOrStore(r.name(), true); begun {
		return
	}
	log := logger(ctx, r)
	m.metas.close(r) // an open .meta would keep the client alive
	// Check the use before the last mount is removed: the kernel may then give the device's number to the next mount, which would count
	// as a use.
	r.Unused = r.Unused || m.isUnused(r)
	err := errors.Join(writeRecord(m.endingPath(r), r), m.removeFirstMount(ctx, r.Process, m.freshPath(r)))
	// A first mount in this process's mount namespace counts as a use itself.
	if !r.Unused && m.isUnused(r) {
		r.Unused = true
		err = errors.Join(err, writeRecord(m.endingPath(r), r))
	}
	if err != nil {
		log.Error(err, "Cannot end the GlusterFS client in the ordinary way")
	}
	m.ending.Go(func() { m.reap(log, r) })
}

// reap waits for a client to end, kills it if it does not, and removes its remains.
func (m *Manager) reap(log klog.Logger, r record) {
	defer m.reaping.Delete(r.name())
	ended, err := m.awaitEnd(r)
	if ended {
		m.metas.forget(r)
		err = errors.Join(mount.RemoveDir(m.freshPath(r)), m.removeCgroup(r.name()), removeFile(m.endingPath(r)))
	}
	switch {
	case err != nil:
		log.Error(err, "Cannot end the GlusterFS client") // the file in ending/ stays for the next start
	case !ended:
		log.Info("GlusterFS client stays until the last mount of its volume is gone")
	default:
		log.V(2).Info("GlusterFS client ended")
	}
}

// awaitEnd reports whether the client is known to have ended. It kills a client that is no longer used.
func (m *Manager) awaitEnd(r record) (ended bool, err error) {
	pidfd, err := r.Process.open()
	if pidfd == -1 {
		return err == nil, err
	}
	defer unix.Close(pidfd)
	if awaitWithin(pidfd, m.limits.exit) {
		return true, nil
	}
	if !r.Unused {
		if used, err := m.inUse(r); err != nil || used {
			return false, err
		}
	}
	err = m.kill(pidfd)
	return err == nil, err
}

// inUse reports whether a mount of the client exists anywhere on the node. Containers keep their mounts when the host has none
// left.
func (m *Manager) inUse(r record) (bool, error) {
	return mount.InUse(r.Device, mount.FSType, r.Process.PID)
}

// isUnused reports whether the client is known to be mounted nowhere outside its mount namespace.
func (m *Manager) isUnused(r record) bool {
	used, err := m.inUse(r)
	return err == nil && !used
}

func (m *Manager) kill(pidfd int) error {
	if err := unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("kill the GlusterFS client: %w", err)
	}
	if !awaitWithin(pidfd, m.limits.exit) {
		return errors.New("the GlusterFS client does not end, although it was killed")
	}
	return nil
}

// discard kills a client that is not used, and removes its fresh path. If that fails, a file in ending/ lets upkeep, and each start
// of the driver, try again.
func (m *Manager) discard(r record) error {
	fresh := m.freshPath(r)
	err := mount.Unmount(fresh, anyMount)
	pidfd, openErr := r.Process.open()
	if pidfd != -1 {
		defer unix.Close(pidfd)
		openErr = m.kill(pidfd)
	}
	// Unmount again: the client may have mounted after the first check.
	err = errors.Join(err, openErr, mount.Unmount(fresh, anyMount), mount.RemoveDir(fresh), m.removeCgroup(r.name()))
	if err != nil {
		err = errors.Join(err, writeRecord(m.endingPath(r), r))
	}
	return err
}
