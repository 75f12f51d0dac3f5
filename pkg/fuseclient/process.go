package fuseclient

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// process is a mount.Process as it is stored in records.
type process mount.Process

// identifyProcess reads the start time of pid. The process must not have been reaped yet.
func identifyProcess(pid int) (process, error) {
	p, err := mount.IdentifyProcess(pid)
	return process(p), err
}

// alive reports whether the process may still be there. A killed client counts as alive while one of its threads waits in the
// kernel: /proc already shows a zombie, but the client still holds /dev/fuse.
func (p process) alive() bool {
	pidfd, err := p.open()
	if pidfd == -1 {
		return err != nil // in doubt it is alive, so that no second client is started
	}
	_ = unix.Close(pidfd)
	return true
}

// procPath returns a path below the process's directory in /proc.
func (p process) procPath(elem ...string) string {
	return filepath.Join(append([]string{"/proc", strconv.Itoa(p.PID)}, elem...)...)
}

// inNamespaceOnly calls fn, which may use only open files, on a thread in the process's mount namespace. It returns errEnded if
// the process has ended.
func (p process) inNamespaceOnly(fn func() error) error {
	pidfd, err := p.open()
	if pidfd == -1 {
		return errors.Join(err, errEnded)
	}
	defer unix.Close(pidfd)
	err = mount.InNamespaceOnly(pidfd, fn)
	if err != nil && mount.AwaitExit(pidfd, 0) {
		return fmt.Errorf("%w: %w", errEnded, err)
	}
	return err
}

// open returns a pidfd of exactly this process, or -1 and a nil error if all of its threads have ended.
func (p process) open() (pidfd int, err error) {
	pidfd, err = mount.Process(p).Open()
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil
	}
	return pidfd, err
}

// awaitIdly waits, without blocking a thread, until the process behind pidfd ends or the deadline passes. A zero deadline means
// no limit. awaitIdly closes pidfd.
func awaitIdly(pidfd int, deadline time.Time) {
	_ = unix.SetNonblock(pidfd, true) // makes os.NewFile use the poller; if this fails, Wait blocks a thread instead
	file := os.NewFile(uintptr(pidfd), "pidfd")
	defer file.Close()
	conn, err := file.SyscallConn()
	if err == nil {
		err = file.SetReadDeadline(deadline)
	}
	if err != nil {
		return
	}
	_ = conn.Read(func(fd uintptr) bool { return mount.AwaitExit(int(fd), 0) })
}

// awaitWithin is like mount.AwaitExit, but does not block a thread.
func awaitWithin(pidfd int, limit time.Duration) bool {
	own, err := unix.FcntlInt(uintptr(pidfd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return mount.AwaitExit(pidfd, limit)
	}
	awaitIdly(own, time.Now().Add(limit))
	return mount.AwaitExit(pidfd, 0)
}
