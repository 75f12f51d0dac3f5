package placement

import (
	"errors"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mountGate lets confined processes mount once. A client starts the process that mounts its volume before it connects to a
// server. Without the gate, an attacker who later controls the client could mount devtmpfs or proc, which give access to the
// node's disks and settings. The filter cannot prevent that: the type of the file system is in the memory of the process, which
// the filter cannot read.
type mountGate struct {
	fd     int
	at     string       // where the client's volume is mounted
	hidden *atomic.Bool // points to Confinement.hidden; set if this client's memory is hidden
	failed chan error   // holds the reason why the mount failed, or why the client must mount by itself; see report
}

// The structures of seccomp_unotify(2).
type (
	notification struct {
		id         uint64
		pid, flags uint32 // pid is the number of the thread
		call       struct {
			number, arch uint32
			pointer      uint64
			arguments    [6]uint64
		}
	}
	notificationAnswer struct {
		id    uint64
		value int64
		errno int32 // negative
		flags uint32
	}
)

// mountOnce waits until a confined process calls mount(2), makes that mount, and closes the gate. It also returns when the last
// confined process has ended.
func (g *mountGate) mountOnce() error {
	defer g.close()
	result := errNotAsked
	for {
		fds := []unix.PollFd{{Fd: int32(g.fd), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); errors.Is(err, unix.EINTR) {
			continue
		} else if err != nil {
			return err
		}
		if fds[0].Revents&unix.POLLIN == 0 {
			return nil
		}
		var asked notification
		err := g.ioctl(unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&asked)) //nolint:gosec // as in seccomp_unotify(2)
		if err == nil {
			// After a signal, the process repeats its call. It must then get the result of the mount that was made.
			if errors.Is(result, errNotAsked) {
				if result = g.mount(asked); result != nil && !g.waits(asked) {
					result = errNotAsked // the process was interrupted or has ended, which may have caused the error
				}
				g.report(result)
			}
			answer := answerTo(asked.id, result)
			err = g.ioctl(unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&answer)) //nolint:gosec // as above
		}
		if !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINTR) { // otherwise the process was killed or interrupted
			return err
		}
	}
}

// report keeps the first reason for Place.MountError. If the client's memory is hidden, report also lets later clients keep the
// capability to mount. It is called before the client gets the answer, so that the reason is there when the client's failure is
// noticed.
func (g *mountGate) report(reason error) {
	if reason == nil || errors.Is(reason, errNotAsked) {
		return
	}
	if errors.Is(reason, errHidden) {
		g.hidden.Store(true)
	}
	select {
	case g.failed <- reason:
	default:
	}
}

// answerTo returns the answer that gives a process the result of its mount.
func answerTo(id uint64, result error) notificationAnswer {
	switch {
	case result == nil:
		return notificationAnswer{id: id}
	case errors.Is(result, errHidden):
		return notificationAnswer{id: id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	}
	errno, ok := errors.AsType[unix.Errno](result)
	if !ok {
		errno = unix.EINVAL
	}
	return notificationAnswer{id: id, errno: -int32(errno)} //nolint:gosec // at most 4095
}

func (g *mountGate) ioctl(request uintptr, argument unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(g.fd), request, uintptr(argument)); errno != 0 {
		return errno
	}
	return nil
}

// close makes all later calls of mount(2) fail with ENOSYS.
func (g *mountGate) close() { _ = unix.Close(g.fd) }
