package mount

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Processes returns the numbers of all visible processes. With the host's PID namespace, these are all processes of the node.
func Processes() (pids []int) {
	entries, _ := os.ReadDir("/proc") // without it, no process can be found
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// ProcessStatus returns the first value of a field of /proc/PID/status, such as "Tgid". pid may also be the number of a thread.
func ProcessStatus(pid int, field string) (string, error) {
	path := fmt.Sprintf("/proc/%d/status", pid)
	status, err := os.ReadFile(path) //nolint:gosec // below /proc
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(status)) {
		if values, found := strings.CutPrefix(line, field+":"); found {
			value, _, _ := strings.Cut(strings.TrimSpace(values), "\t")
			return value, nil
		}
	}
	return "", fmt.Errorf("%s has no %s", path, field)
}
