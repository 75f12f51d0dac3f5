package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"syscall"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/internal/machine"
)

// plainPath matches paths that need no quoting in a shell, an sshd_config or a mount table.
var plainPath = regexp.MustCompile(`^/[A-Za-z0-9._/+-]+$`)

// maxDir leaves room for the names of sockets below it: the kernel allows 107 bytes in total.
const maxDir = 80

func layoutOf(dir string) (machine.Layout, error) {
	if dir == "" {
		root, err := moduleRoot()
		if err != nil {
			return machine.Layout{}, err
		}
		dir = filepath.Join(root, "build", "lab")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return machine.Layout{}, err
	}
	// The directory must exist before symbolic links in its path can be resolved.
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return machine.Layout{}, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return machine.Layout{}, err
	}
	if !plainPath.MatchString(dir) || len(dir) > maxDir {
		return machine.Layout{}, fmt.Errorf("lab directory %q: choose one of at most %d letters, digits and ._/+- only", dir, maxDir)
	}
	return machine.Layout{Dir: dir}, nil
}

// lock excludes Up and Down of the same directory from each other.
func lock(layout machine.Layout) (unlock func(), err error) {
	unlock, err = lockFile(layout.Path("lock"), syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("%s: another process is starting or ending this lab", layout.Dir)
	}
	return unlock, err
}

// lockFile takes a lock that is released when the process ends, however it ends. It waits for the lock unless the flag LOCK_NB is
// given.
func lockFile(path string, flag int) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|flag); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { _ = f.Close() }, nil
}

func writeJSON(path string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	// The file is renamed into place, so that a reader never sees half of it.
	if err := os.WriteFile(path+".new", append(data, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func readJSON(path string, value any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, value)
}
