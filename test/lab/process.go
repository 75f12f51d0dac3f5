package lab

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// processInfo describes a process of this machine.
type processInfo struct {
	pid  int
	args []string
}

// processes lists the live processes that match. Dead ones that were not yet reaped are left out: the first process of a
// container often does not reap.
func processes(match func(proc string) bool) ([]processInfo, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var found []processInfo
	for _, dir := range dirs {
		if !match(dir) || !alive(dir) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		found = append(found, processInfo{pid: pid, args: arguments(dir)})
	}
	return found, nil
}

func arguments(proc string) []string {
	data, _ := os.ReadFile(filepath.Join(proc, "cmdline"))
	return strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")
}

// pfExiting is PF_EXITING of the kernel's task flags, field 9 of /proc/PID/stat (proc(5)).
const pfExiting = 0x4

func alive(proc string) bool {
	data, err := os.ReadFile(filepath.Join(proc, "stat"))
	if err != nil {
		return false
	}
	// The name, in parentheses, may contain anything.
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) < 7 || fields[0] == "Z" || fields[0] == "X" {
		return false
	}
	flags, err := strconv.ParseUint(fields[6], 10, 64)
	return err == nil && flags&pfExiting == 0
}
