package mount

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrInFUSE is returned by RealPath for a path that leads through a FUSE file system.
var ErrInFUSE = errors.New("the path leads through a FUSE file system")

// RealPath returns the absolute path of a directory without symbolic links. Unlike filepath.EvalSymlinks it never asks a FUSE
// client: it checks the mount of each directory before it accesses the directory. The last directory may itself be a FUSE mount
// point.
func RealPath(path string) (string, error) {
	w := walk{dir: -1}
	defer func() { _ = unix.Close(w.dir) }()
	if err := w.root(); err != nil {
		return "", &fs.PathError{Op: "open", Path: "/", Err: err}
	}
	for rest := strings.Split(path, "/"); len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		if name == "" || name == "." {
			continue
		}
		target, err := w.enter(name)
		if err != nil {
			return "", &fs.PathError{Op: "open", Path: filepath.Join(w.path, name), Err: err}
		}
		if target != "" {
			rest = append(strings.Split(target, "/"), rest...)
		}
	}
	return "/" + strings.TrimPrefix(w.path, "/"), nil
}

// walk is the state of resolving a path.
type walk struct {
	dir   int    // O_PATH
	path  string // path of dir, without symbolic links
	mount uint64 // the last mount that was checked and is not FUSE
	links int
}

func (w *walk) root() error {
	root, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == nil {
		w.step(root, "/")
	}
	return err
}

func (w *walk) step(dir int, path string) {
	_ = unix.Close(w.dir)
	w.dir, w.path = dir, path
}

// enter enters a directory. For a symbolic link it returns the link's target instead.
func (w *walk) enter(name string) (target string, err error) {
	if err := w.checkMount(); err != nil {
		return "", err
	}
	dir, err := unix.Openat(w.dir, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err == nil {
		w.step(dir, filepath.Join(w.path, name)) // Join may resolve "..", because w.path has no links
		return "", nil
	}
	if !errors.Is(err, unix.ENOTDIR) {
		return "", err
	}
	buf := make([]byte, unix.PathMax)
	n, linkErr := unix.Readlinkat(w.dir, name, buf)
	if linkErr != nil {
		return "", err
	}
	if w.links++; w.links > 40 { // the kernel's limit
		return "", unix.ELOOP
	}
	target = string(buf[:n])
	if strings.HasPrefix(target, "/") {
		return target, w.root()
	}
	return target, nil
}

// checkMount returns ErrInFUSE if dir is in a FUSE file system.
func (w *walk) checkMount() error {
	at, err := identify(w.dir, "")
	switch {
	case err != nil:
		return err
	case at.Device.Major != 0 || at.Mount == w.mount: // FUSE file systems have no block device, except fuseblk, which clients do not use
		return nil
	}
	table, err := os.Open("/proc/thread-self/mountinfo")
	if err != nil {
		return fmt.Errorf("read mountinfo: %v", err) //nolint:errorlint // as in Top
	}
	defer table.Close()
	found, err := findID(table, at.Mount)
	switch {
	case err != nil:
		return err
	case found == nil:
		return fmt.Errorf("mounts at %s change too fast to be read", w.path)
	case found.FSType == "fuse", strings.HasPrefix(found.FSType, "fuse."):
		return fmt.Errorf("%w: %s (%s) at %s", ErrInFUSE, found.Source, found.FSType, found.Mountpoint)
	}
	w.mount = at.Mount
	return nil
}
