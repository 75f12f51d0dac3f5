package fuseclient

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// process identifies a process for as long as the machine runs: a number alone is used again.
type process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // clock ticks after boot, /proc/PID/stat field 22
}

// identifyProcess reads the start time of pid; the process must not have been reaped yet.
func identifyProcess(pid int) (process, error) {
	start, _, err := readStat(pid)
	return process{pid, start}, err
}

// alive is false for a process that has ended, reaped or not.
func (p process) alive() bool {
	if p.PID == 0 {
		return false
	}
	start, state, err := readStat(p.PID)
	return err == nil && start == p.Start && !strings.ContainsRune("ZX", rune(state))
}

func readStat(pid int) (start uint64, state byte, err error) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, 0, err
	}
	// The command's name, in parentheses, may contain anything.
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	if len(fields) < 20 {
		return 0, 0, fmt.Errorf("/proc/%d/stat is too short", pid)
	}
	start, err = strconv.ParseUint(string(fields[19]), 10, 64)
	return start, fields[0][0], err
}

// open returns a descriptor that stands for exactly this process, or -1 when it has ended.
func (p process) open() (pidfd int, err error) {
	if !p.alive() {
		return -1, nil
	}
	pidfd, err = unix.PidfdOpen(p.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return -1, nil
	}
	if err != nil {
		return -1, fmt.Errorf("pidfd_open %d: %w", p.PID, err)
	}
	if !p.alive() { // ended, and perhaps somebody else's number by now
		_ = unix.Close(pidfd)
		return -1, nil
	}
	return pidfd, nil
}

// awaitExit tells whether the process behind pidfd ends within limit.
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

// awaitIdly waits for the end of the process behind pidfd, which it closes, without keeping a thread busy.
func awaitIdly(pidfd int) {
	_ = unix.SetNonblock(pidfd, true) // what os.NewFile looks at; when it fails, Wait blocks instead
	file := os.NewFile(uintptr(pidfd), "pidfd")
	defer file.Close()
	conn, err := file.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Read(func(fd uintptr) bool { return awaitExit(int(fd), 0) })
}

// findClient looks for the process that was started for a fresh path, which is unique and the last of its arguments.
func findClient(fresh string) (process, bool) {
	paths, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is valid
	for _, path := range paths {
		data, _ := os.ReadFile(path) //nolint:gosec // below /proc; a process that has ended has no arguments
		if !strings.HasSuffix(string(data), "\x00"+fresh+"\x00") {
			continue
		}
		pid, _ := strconv.Atoi(strings.Split(path, "/")[2]) // what begins with a digit there is a number
		if p, err := identifyProcess(pid); err == nil {
			return p, true
		}
	}
	return process{}, false
}
