package placement

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// UpdateResolver gives clients the current hosts file and resolver configuration below root. The node's files are below
// "/proc/1/root"; the container's files are copies from the time when its pod was created. If root cannot be read, clients get
// the container's files. If the node has no hosts file, it counts as empty, so that clients lose hostAliases that the pod no
// longer has. If another file is missing, clients keep the one that they have.
func (n *Node) UpdateResolver(root string) error {
	n.resolver.Lock()
	defer n.resolver.Unlock()
	err := n.updateResolver(root)
	if err != nil && root != "/" {
		return errors.Join(err, n.updateResolver("/"))
	}
	return err
}

func (n *Node) updateResolver(root string) error {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: root, Err: err}
	}
	defer unix.Close(dir)
	var failed []error
	for _, name := range []string{"hosts", "resolv.conf"} { // the C library reads both again when they change
		// Links are resolved as for a process whose root directory is dir: resolv.conf is often a symbolic link.
		data, err := readBelow(dir, "etc/"+name, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS)
		if name == "hosts" && root != "/" {
			own, _ := os.ReadFile("/etc/hosts") // if it fails, there are no aliases
			data = append(data, hostAliases(own)...)
			if errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
		}
		if err == nil {
			err = n.forEachTree(func(tree string) error { return replaceFile(filepath.Join(tree, "etc", name), data, 0o644) })
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, fmt.Errorf("give GlusterFS clients /etc/%s of %s: %w", name, root, err))
		}
	}
	return errors.Join(failed...)
}

// forEachTree calls fn for the files of each version, because clients of earlier versions keep running.
func (n *Node) forEachTree(fn func(tree string) error) error {
	trees, err := os.ReadDir(filepath.Dir(n.tree.dir))
	failed := []error{err}
	for _, tree := range trees {
		if !strings.HasSuffix(tree.Name(), unfinishedSuffix) {
			failed = append(failed, fn(filepath.Join(filepath.Dir(n.tree.dir), tree.Name())))
		}
	}
	return errors.Join(failed...)
}

// hostAliases returns the lines that the kubelet adds to the hosts file of a pod with hostAliases (kubelet_pods.go,
// hostsEntriesFromHostAliases).
func hostAliases(hosts []byte) []byte {
	const mark = "\n# Entries added by HostAliases.\n"
	if i := bytes.LastIndex(hosts, []byte(mark)); i >= 0 {
		return hosts[i:]
	}
	return nil
}

// readBelow reads a file, at most 1 MiB of it. It resolves the name below a directory, with the given flags of
// unix.OpenHow.Resolve. It does not wait for the writer of a pipe.
func readBelow(dir int, name string, resolve uint64) ([]byte, error) {
	fd, err := unix.Openat2(dir, name, &unix.OpenHow{Flags: unix.O_RDONLY | unix.O_NONBLOCK | unix.O_CLOEXEC, Resolve: resolve})
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	file := os.NewFile(uintptr(fd), name)
	defer file.Close()
	const most = 1 << 20
	return io.ReadAll(io.LimitReader(file, most))
}

// replaceFile replaces a file atomically: readers see either the old content or the new one.
func replaceFile(path string, data []byte, mode fs.FileMode) error {
	if former, err := os.ReadFile(path); err == nil && bytes.Equal(former, data) { //nolint:gosec // below the state directory
		return nil
	}
	return renameio.WriteFile(path, data, mode, renameio.WithTempDir(filepath.Dir(path)))
}
