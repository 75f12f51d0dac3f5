package fuseclient

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// end lets a client go that the volume no longer needs. It takes the client's last mount away, upon which a healthy
// one exits by itself; the rest happens in the background and, through a file in ending/, also over a restart.
func (s *Self) end(ctx context.Context, r record) {
	log := logger(ctx, r)
	s.metas.close(r) // or it would keep the client
	err := errors.Join(writeRecord(s.endingPath(r), r), mount.Detach(s.freshPath(r), anyMount))
	if err != nil {
		log.Error(err, "Cannot end the GlusterFS client in good order")
	}
	s.ending.Go(func() { s.finish(log, r) })
}

// finish waits for a client's end, kills it when that does not come, and removes what it leaves.
func (s *Self) finish(log klog.Logger, r record) {
	ended, err := s.awaitEnd(r)
	s.metas.close(r) // of a question that came in between
	if ended {
		err = errors.Join(mount.RemoveDir(s.freshPath(r)), removeFile(s.endingPath(r)))
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
func (s *Self) awaitEnd(r record) (ended bool, err error) {
	pidfd, err := r.Process.open()
	if pidfd == -1 {
		return err == nil, err
	}
	defer unix.Close(pidfd)
	if awaitExit(pidfd, s.limits.exit) {
		return true, nil
	}
	if left, err := mount.MountsOf(r.Device); err != nil || len(left) > 0 {
		return false, err
	}
	err = s.kill(pidfd)
	return err == nil, err
}

func (s *Self) kill(pidfd int) error {
	if err := unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("kill the GlusterFS client: %w", err)
	}
	if !awaitExit(pidfd, s.limits.exit) {
		return errors.New("the GlusterFS client does not end, although it was killed")
	}
	return nil
}

// discard ends a client that nothing uses, at once, and removes its fresh path.
func (s *Self) discard(r record) error {
	fresh := s.freshPath(r)
	if r.Process.PID == 0 { // this process, or the one before it, was stopped before it could write the number down
		r.Process, _ = findClient(fresh)
	}
	err := mount.Detach(fresh, anyMount)
	pidfd, openErr := r.Process.open()
	if pidfd != -1 {
		defer unix.Close(pidfd)
		openErr = s.kill(pidfd)
	}
	// Once more: it may have mounted after the first look.
	return errors.Join(err, openErr, mount.Detach(fresh, anyMount), mount.RemoveDir(fresh))
}
