package fuseclient

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// process identifies a process for as long as the machine runs: a number alone is used again.
type process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks after boot, /proc/PID/stat field 22
}

// identifyProcess reads the start time of pid; the process must not have been reaped yet.
func identifyProcess(pid int) (process, error) {
	start, err := readStart(pid)
	return process{pid, start}, err
}

// alive reports whether the process may still be there. A client that was killed is alive as long as one of its threads waits in
// the kernel, since it holds /dev/fuse for that time, although /proc calls it a zombie.
func (p process) alive() bool {
	pidfd, err := p.open()
	if pidfd == -1 {
		return err != nil // in doubt, no second client is started
	}
	_ = unix.Close(pidfd)
	return true
}

// procPath returns the path of what /proc has of the process.
func (p process) procPath(elem ...string) string {
	return filepath.Join(append([]string{"/proc", strconv.Itoa(p.PID)}, elem...)...)
}

// inMountNamespace calls fn on a thread that sees the mounts of the process. It returns errEnded if the process has ended.
func (p process) inMountNamespace(fn func() error) error {
	pidfd, err := p.open()
	if pidfd == -1 {
		return errors.Join(err, errEnded)
	}
	defer unix.Close(pidfd)
	err = mount.InMountNamespace(p.PID, pidfd, fn)
	if err != nil && awaitExit(pidfd, 0) {
		return fmt.Errorf("%w: %w", errEnded, err)
	}
	return err
}

func readStart(pid int) (uint64, error) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, err
	}
	// The command's name, in parentheses, may contain anything.
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	if len(fields) < 20 {
		return 0, fmt.Errorf("/proc/%d/stat is too short", pid)
	}
	return strconv.ParseUint(string(fields[19]), 10, 64)
}

// open returns a descriptor that stands for exactly this process, or -1 with a nil error when all of its threads have ended.
func (p process) open() (pidfd int, err error) {
	if p.PID == 0 {
		return -1, nil
	}
	pidfd, err = unix.PidfdOpen(p.PID, 0)
	switch {
	case errors.Is(err, unix.ESRCH), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOENT):
		return -1, nil // its number is free, or a thread's by now
	case err != nil:
		return -1, fmt.Errorf("pidfd_open %d: %w", p.PID, err)
	}
	start, err := readStart(p.PID)
	if err == nil && start != p.Start || awaitExit(pidfd, 0) {
		_ = unix.Close(pidfd) // it has ended, and its number may be another process's by now
		return -1, nil
	}
	if err != nil {
		_ = unix.Close(pidfd)
		return -1, fmt.Errorf("identify process %d: %w", p.PID, err)
	}
	return pidfd, nil
}

// awaitExit reports whether the process behind pidfd ends within limit. It keeps a thread for that time; awaitWithin does not.
func awaitExit(pidfd int, limit time.Duration) bool {
	deadline := time.Now().Add(limit)
	for {
		left := max(time.Until(deadline), 0)
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, int(left.Milliseconds()))
		if !errors.Is(err, unix.EINTR) {
			return n > 0
		}
	}
}

// awaitIdly waits for the end of the process behind pidfd, which it closes, or for the deadline, if that is not zero, without keeping
// a thread busy.
func awaitIdly(pidfd int, deadline time.Time) {
	_ = unix.SetNonblock(pidfd, true) // what os.NewFile looks at; when it fails, Wait blocks instead
	file := os.NewFile(uintptr(pidfd), "pidfd")
	defer file.Close()
	conn, err := file.SyscallConn()
	if err == nil {
		err = file.SetReadDeadline(deadline)
	}
	if err != nil {
		return
	}
	_ = conn.Read(func(fd uintptr) bool { return awaitExit(int(fd), 0) })
}

// awaitWithin reports whether the process behind pidfd ends within limit, without keeping a thread busy.
func awaitWithin(pidfd int, limit time.Duration) bool {
	own, err := unix.FcntlInt(uintptr(pidfd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return awaitExit(pidfd, limit)
	}
	awaitIdly(own, time.Now().Add(limit))
	return awaitExit(pidfd, 0)
}
