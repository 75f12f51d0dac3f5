package mount

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// InUse reports whether a mount of the device is in any mount namespace of this node: containers keep mounts that the host has
// unmounted. fsType is compared as well, since another file system may have the device number by now. A namespace whose only
// process is the client is ignored, because the client's own mount is not a use of the device. Without the host's PID namespace,
// InUse sees only the processes of this PID namespace.
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

// mostOfTable is the maximum number of bytes that are read from a container's table. Any user can make mount namespaces with
// tables of any length. The table shows mounts in the order in which they were made. The mounts of volumes were made before the
// container was started; only repaired ones are newer. So only a container that may mount can hide a repaired mount behind so
// many others, and then only the client of that container's volume is taken for unused.
const mostOfTable = 8 << 20

// seenByOne reads the table of the first process that still exists.
func seenByOne(pids []int, d Device, fsType string) (bool, error) {
	onNode := slices.Contains(pids, 1) || slices.Contains(pids, os.Getpid())
	for _, pid := range pids {
		found, err := byThread(pid, func(dir string) (bool, error) {
			file, err := os.Open(filepath.Join(dir, "mountinfo")) //nolint:gosec // below /proc
			if err != nil {
				return false, err
			}
			defer file.Close()
			var table io.Reader = file
			if !onNode {
				table = io.LimitReader(file, mostOfTable)
			}
			return hasMount(table, d, fsType)
		})
		if err == nil {
			return found, nil
		}
		if !IsGone(err) {
			return false, fmt.Errorf("mounts of process %d: %w", pid, err)
		}
	}
	return false, nil
}

// hasMount looks up a device and its type in a table, which may have thousands of lines.
func hasMount(table io.Reader, d Device, fsType string) (bool, error) {
	number := d.String()
	for lines := newLineReader(table); ; {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		mounted, super, _ := bytes.Cut(line, []byte(" - "))
		fields := bytes.SplitN(mounted, []byte(" "), 4) // id, parent, device
		if len(fields) == 4 && string(fields[2]) == number && bytes.HasPrefix(super, []byte(fsType+" ")) {
			return true, nil
		}
	}
}
