package mount

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// view is a mount namespace as processes with one root directory see it; a process that has changed its root sees a part only.
type view struct{ namespace, root string }

// viewer is a process, and where /proc shows what it sees: at another of its threads, when the first has ended.
type viewer struct {
	pid int
	dir string
}

// InUse reports whether a mount of the device, whose number a file system of another type may have by now, is in a mount
// namespace of this node: containers keep mounts that the host has unmounted. A namespace that no process is in but the client
// does not count, because the client's own mount does not keep it in use. Namespaces of processes that this one cannot see, for
// lack of the host's PID namespace, do not count either.
func InUse(d Device, fsType string, client int) (bool, error) {
	views, err := views()
	if err != nil {
		return false, err
	}
	for _, viewers := range views {
		if len(viewers) == 1 && viewers[0].pid == client {
			continue
		}
		if used, err := seenByOne(viewers, d, fsType); err != nil || used {
			return used, err
		}
	}
	return false, nil
}

// views lists the processes by what they see.
func views() (map[view][]viewer, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	found := map[view][]viewer{}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		dir := filepath.Join("/proc", entry.Name())
		v, err := viewOf(dir)
		if gone(err) {
			dir, v, err = otherThread(dir)
		}
		switch {
		case err == nil:
			found[v] = append(found[v], viewer{pid, dir})
		case errors.Is(err, fs.ErrPermission):
			v := view{namespace: "of process " + entry.Name()} // its mounts can be read all the same
			found[v] = []viewer{{pid, dir}}
		case !gone(err):
			return nil, fmt.Errorf("mount namespace of process %d: %w", pid, err)
		}
	}
	if len(found) == 0 {
		return nil, errors.New("list processes: /proc shows none")
	}
	return found, nil
}

func viewOf(dir string) (view, error) {
	namespace, err := os.Readlink(filepath.Join(dir, "ns/mnt"))
	root, rootErr := os.Readlink(filepath.Join(dir, "root"))
	return view{namespace, root}, errors.Join(err, rootErr)
}

// otherThread is viewOf a process whose first thread has ended, which has nothing to show, while others go on.
func otherThread(process string) (dir string, v view, err error) {
	threads, _ := filepath.Glob(process + "/task/*") // none, if it has ended
	err = fs.ErrNotExist
	for _, dir = range threads {
		if v, err = viewOf(dir); !gone(err) {
			return dir, v, err
		}
	}
	return process, view{}, err
}

// seenByOne reads the table of the first process that is still there.
func seenByOne(viewers []viewer, d Device, fsType string) (bool, error) {
	for _, v := range viewers {
		table, err := os.ReadFile(filepath.Join(v.dir, "mountinfo"))
		if err == nil {
			return hasMount(string(table), d, fsType), nil
		}
		if !gone(err) {
			return false, fmt.Errorf("mounts of process %d: %w", v.pid, err)
		}
	}
	return false, nil
}

// gone reports whether a file below /proc could not be read because its process has ended. A zombie's table of mounts is EINVAL.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EINVAL)
}

// hasMount looks a device and its type up in a table, which may have thousands of lines.
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
