package mount

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Process identifies a process until the next reboot. The number alone is not enough, because numbers are reused.
type Process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks after boot, /proc/PID/stat field 22
}

// IdentifyProcess reads the start time of pid. The process must not have been reaped yet.
func IdentifyProcess(pid int) (Process, error) {
	start, err := readStart(pid)
	return Process{pid, start}, err
}

func readStart(pid int) (uint64, error) {
	data, err := readStat(pid)
	if err != nil {
		return 0, err
	}
	// The command's name, in parentheses, may contain any character.
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	if len(fields) < 20 {
		return 0, fmt.Errorf("/proc/%d/stat is too short", pid)
	}
	return strconv.ParseUint(string(fields[19]), 10, 64)
}

// readStat reads /proc/PID/stat with as few system calls as possible, because all clients are checked twice a minute or more
// often.
func readStat(pid int) ([]byte, error) {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /proc/%d/stat: %w", pid, err)
	}
	defer unix.Close(fd)
	data := make([]byte, 2048) // a name of 16 bytes, and fifty numbers
	n, err := unix.Read(fd, data)
	if err != nil {
		return nil, fmt.Errorf("read /proc/%d/stat: %w", pid, err)
	}
	return data[:n], nil
}

// Open returns a pidfd of exactly this process. The error wraps fs.ErrNotExist if all of its threads have ended.
func (p Process) Open() (pidfd int, err error) {
	pidfd, err = unix.PidfdOpen(p.PID, 0)
	switch {
	case errors.Is(err, unix.ESRCH), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOENT):
		return -1, p.endedError() // the number is free, or a thread's by now
	case err != nil:
		return -1, fmt.Errorf("pidfd_open %d: %w", p.PID, err)
	}
	start, err := readStart(p.PID)
	if err == nil && start != p.Start || AwaitExit(pidfd, 0) {
		_ = unix.Close(pidfd) // the process has ended, and another one may have its number by now
		return -1, p.endedError()
	}
	if err != nil {
		_ = unix.Close(pidfd)
		return -1, fmt.Errorf("identify process %d: %v", p.PID, err) //nolint:errorlint // a missing file does not mean that the process has ended
	}
	return pidfd, nil
}

func (p Process) endedError() error {
	return fmt.Errorf("process %d has ended: %w", p.PID, fs.ErrNotExist)
}

// AwaitExit reports whether the process behind pidfd ends within limit.
func AwaitExit(pidfd int, limit time.Duration) bool {
	deadline := time.Now().Add(limit)
	n := 0
	_ = Uninterrupted(func() (err error) { // with an error, n is not positive
		left := max(time.Until(deadline), 0)
		n, err = unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, int(left.Milliseconds()))
		return err
	})
	return n > 0
}

// IsGone reports whether reading a file below /proc failed because its process has ended. A zombie's mount table gives EINVAL.
func IsGone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ESRCH)
}
