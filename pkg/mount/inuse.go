package mount

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// InUse reports whether a mount of the device is in any mount namespace of this node: containers keep mounts that the host has
// unmounted. fsType is compared as well, since another file system may have the device number by now. A namespace whose only
// process is the client does not count, because the client's own mount does not keep it in use. Without the host's PID namespace,
// InUse sees only the processes of its own PID namespace.
func InUse(d Device, fsType string, client int) (bool, error) {
	views, err := Views()
	if err != nil {
		return false, err
	}
	for _, v := range views {
		if slices.Equal(v.Processes, []int{client}) {
			continue
		}
		if used, err := seenByOne(v.Processes, d, fsType); err != nil || used {
			return used, err
		}
	}
	return false, nil
}

// seenByOne reads the table of the first process that still exists.
func seenByOne(pids []int, d Device, fsType string) (bool, error) {
	for _, pid := range pids {
		table, err := byThread(pid, func(dir string) ([]byte, error) {
			return os.ReadFile(filepath.Join(dir, "mountinfo")) //nolint:gosec // below /proc
		})
		if err == nil {
			return hasMount(string(table), d, fsType), nil
		}
		if !IsGone(err) {
			return false, fmt.Errorf("mounts of process %d: %w", pid, err)
		}
	}
	return false, nil
}

// hasMount looks up a device and its type in a table, which may have thousands of lines.
func hasMount(table string, d Device, fsType string) bool {
	number := d.String()
	for line := range strings.Lines(table) {
		mounted, super, _ := strings.Cut(line, " - ")
		fields := strings.SplitN(mounted, " ", 4) // id, parent, device
		if len(fields) == 4 && fields[2] == number && strings.HasPrefix(super, fsType+" ") {
			return true
		}
	}
	return false
}
