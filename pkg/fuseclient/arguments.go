package fuseclient

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// arguments returns the command line of a process that may be a client, and nothing of another. They lie in the memory of the process:
// to read them is to wait for a process of a pod that is stuck in a change of its memory, while a link can always be read.
func arguments(pid int) []string {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	if !mayBeClient(dir) {
		return nil
	}
	cmdline, _ := os.ReadFile(filepath.Join(dir, "cmdline")) //nolint:gosec // below /proc; a process that has ended has no arguments
	return parseArguments(cmdline)
}

func parseArguments(cmdline []byte) []string {
	return strings.Split(strings.TrimSuffix(string(cmdline), "\x00"), "\x00")
}

// mayBeClient reports whether a process has open what a client has from its start, its log, or what makes it a client, /dev/fuse.
func mayBeClient(dir string) bool {
	fds, err := os.Open(filepath.Join(dir, "fd")) //nolint:gosec // below /proc
	if err != nil {
		return false
	}
	defer fds.Close()
	names, _ := fds.Readdirnames(-1) // of a process that ends meanwhile, some
	return slices.ContainsFunc(names, func(fd string) bool {
		open, _ := os.Readlink(filepath.Join(dir, "fd", fd)) // "" when it was closed meanwhile
		name := filepath.Base(open)
		return name == "fuse" || isLog(name)
	})
}

// isLog reports whether a file has the name of a client's log, as it is now or was.
func isLog(name string) bool {
	volume, _, found := strings.Cut(name, ".log")
	return found && len(volume) == hashLength
}

// processes returns the numbers of all processes.
func processes() (pids []int) {
	entries, _ := os.ReadDir("/proc") // without it, no process can be found
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// findClient looks for the process that was started for a fresh path, which is unique and the last of its arguments.
func findClient(fresh string) (process, bool) {
	for _, pid := range processes() {
		args := arguments(pid)
		if len(args) == 0 || args[len(args)-1] != fresh {
			continue
		}
		if p, err := identifyProcess(pid); err == nil {
			return p, true
		}
	}
	return process{}, false
}
