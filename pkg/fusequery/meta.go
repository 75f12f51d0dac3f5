package fusequery

import (
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// openMeta opens the .meta directory of the mount at a path. The parameter name is the name of that directory, which differs
// between clients. openMeta uses a detached copy of the mount, so that the mount itself does not become busy.
func openMeta(at, name string, want mount.Device) (*os.File, error) {
	tree, err := mount.CloneTree(at)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	if err := compareDevice(int(tree.Fd()), at, want); err != nil {
		return nil, err
	}
	fd, err := unix.Openat(int(tree.Fd()), name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: at + "/" + name, Err: err}
	}
	return os.NewFile(uintptr(fd), at+"/"+name), nil
}

// askMeta calls the function read with the content of the directory .meta.
func askMeta[T any](dir *os.File, read func(meta fs.FS) (T, error)) (got T, err error) {
	err = control(dir, func(path string) error {
		got, err = read(os.DirFS(path))
		return err
	})
	return got, err
}

// activeGraph reads the link to the graph in use.
func activeGraph(dir *os.File) (name string, err error) {
	err = control(dir, func(path string) error {
		name, err = os.Readlink(path + "/" + graph)
		return err
	})
	return name, err
}

// control calls fn with a path of an open directory, which stays open until fn returns.
func control(dir *os.File, fn func(path string) error) error {
	conn, err := dir.SyscallConn()
	if err != nil {
		return err
	}
	if controlErr := conn.Control(func(fd uintptr) { err = fn(fmt.Sprintf("/proc/self/fd/%d", fd)) }); controlErr != nil {
		return controlErr
	}
	return err
}

// graph is the directory in which the client shows the translators in use, one directory each.
const graph = "graphs/active"
