package fuseclient

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// retire lets a client go that the volume no longer needs. It takes the client's last mount away, upon which a healthy
// one exits by itself; the rest happens in the background and, through a file in ending/, also over a restart.
func (m *Manager) retire(ctx context.Context, r record) {
	if _, begun := m.reaping.LoadOrStore(r.name(), true); begun {
		return
	}
	log := logger(ctx, r)
	m.metas.close(r) // or it would keep the client
	err := errors.Join(writeRecord(m.endingPath(r), r), m.leaveFresh(r))
	// The kernel gives the number of a device without mounts to the next one that is mounted: look before that.
	if used, usedErr := m.inUse(r); usedErr == nil && !used && !r.Unused {
		r.Unused = true
		err = errors.Join(err, writeRecord(m.endingPath(r), r))
	}
	if err != nil {
		log.Error(err, "Cannot end the GlusterFS client in good order")
	}
	m.ending.Go(func() { m.reap(log, r) })
}

// reap waits for a client's end, kills it when that does not come, and removes what it leaves.
func (m *Manager) reap(log klog.Logger, r record) {
	defer m.reaping.Delete(r.name())
	ended, err := m.awaitEnd(r)
	if ended {
		m.metas.forget(r)
		err = errors.Join(mount.RemoveDir(m.freshPath(r)), m.removeCgroup(r.name()), removeFile(m.endingPath(r)))
	}
	switch {
	case err != nil:
		log.Error(err, "Cannot end the GlusterFS client") // its file in ending/ stays for the next start
	case !ended:
		log.Info("GlusterFS client stays until the last mount of its volume is gone")
	default:
		log.V(2).Info("GlusterFS client ended")
	}
}

// awaitEnd reports whether the client is known to have ended. It kills one that nothing uses.
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

// inUse reports whether a mount of the client is anywhere on the node. Containers keep theirs when the host has none left.
func (m *Manager) inUse(r record) (bool, error) {
	return mount.InUse(r.Device, fsType, r.Process.PID)
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

// discard ends a client that nothing uses, at once, and removes its fresh path.
func (m *Manager) discard(r record) error {
	fresh := m.freshPath(r)
	err := mount.Unmount(fresh, anyMount)
	pidfd, openErr := r.Process.open()
	if pidfd != -1 {
		defer unix.Close(pidfd)
		openErr = m.kill(pidfd)
	}
	// Once more: it may have mounted after the first look.
	return errors.Join(err, openErr, mount.Unmount(fresh, anyMount), mount.RemoveDir(fresh), m.removeCgroup(r.name()))
}
