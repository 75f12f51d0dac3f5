package fuseclient

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// arguments returns the command line of a process that may be a client, and nil for any other process. It first checks the links
// to the process's open files, which can always be read. Reading a command line can block, because the read needs the process's
// memory map, which a stuck process of a pod may keep locked.
func arguments(pid int) []string {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	if !mayBeClient(dir) {
		return nil
	}
	cmdline, _ := os.ReadFile(filepath.Join(dir, "cmdline")) //nolint:gosec // below /proc; empty if the process has ended
	return parseArguments(cmdline)
}

func parseArguments(cmdline []byte) []string {
	return strings.Split(strings.TrimSuffix(string(cmdline), "\x00"), "\x00")
}

// mayBeClient reports whether a process has one of a client's files open: a client's log, which a client has open from its start,
// or /dev/fuse.
func mayBeClient(dir string) bool {
	fds, err := os.Open(filepath.Join(dir, "fd")) //nolint:gosec // below /proc
	if err != nil {
		return false
	}
	defer fds.Close()
	names, _ := fds.Readdirnames(-1) // incomplete if the process ends meanwhile
	return slices.ContainsFunc(names, func(fd string) bool {
		open, _ := os.Readlink(filepath.Join(dir, "fd", fd)) // "" if it was closed meanwhile
		name := filepath.Base(open)
		return name == "fuse" || isLog(name)
	})
}

// isLog reports whether a file has the name of a client's log, current or rotated.
func isLog(name string) bool {
	volume, _, found := strings.Cut(name, ".log")
	return found && len(volume) == hashLength
}

// findClient returns the client that was started for a fresh path. The path is unique and the last of the client's arguments.
func findClient(fresh string) (process, bool) {
	for _, pid := range mount.Processes() {
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
