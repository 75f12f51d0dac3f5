package fusequery

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

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

// readMeta finds the bricks, and whether a set of bricks has lost too many of them. The translator of each set reports this loss,
// because the volume's options determine how many bricks a set can lose. A brick outside any set is a set by itself.
func readMeta(meta fs.FS) (mount.Health, error) {
	var health mount.Health
	gone := map[string]bool{}  // bricks
	inSet := map[string]bool{} // bricks
	err := eachTranslator(meta, func(x translator, kind string) error {
		switch kind {
		case "protocol/client":
			health.Bricks++
			up, err := x.boolField("connected")
			if err != nil || up {
				return err
			}
			gone[path.Base(x.dir)] = true
			brick, err := x.brick()
			health.Down = append(health.Down, brick)
			return err
		case "cluster/replicate", "cluster/disperse":
			up, err := x.boolField("up")
			if err != nil {
				return err
			}
			health.Lost = health.Lost || !up
			return x.subvolumes(inSet)
		}
		return nil
	})
	if err != nil {
		return mount.Health{}, err
	}
	for name := range gone {
		health.Lost = health.Lost || !inSet[name]
	}
	return health, nil
}

// translator is one directory of the graph.
type translator struct {
	meta fs.FS
	dir  string
}

// eachTranslator calls fn with each translator of the graph in use, and its type.
func eachTranslator(meta fs.FS, fn func(x translator, kind string) error) error {
	entries, err := fs.ReadDir(meta, graph)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		x := translator{meta, path.Join(graph, entry.Name())}
		kind, err := x.read("type")
		if err == nil {
			err = fn(x, kind)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (x translator) read(name string) (string, error) {
	data, err := fs.ReadFile(x.meta, path.Join(x.dir, name))
	return strings.TrimSpace(string(data)), err
}

// boolField reads a line "name = 1" of the translator's private state.
func (x translator) boolField(name string) (bool, error) {
	text, err := x.read("private")
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(line, "=")
		if strings.TrimSpace(key) == name {
			return strings.TrimSpace(value) == "1", nil
		}
	}
	return false, fmt.Errorf("%s/private has no line %q", x.dir, name)
}

func (x translator) brick() (string, error) {
	host, err := x.read("options/remote-host")
	if err != nil {
		return "", err
	}
	dir, err := x.read("options/remote-subvolume")
	return host + ":" + dir, err
}

// subvolumes adds the names of the translators directly below x to a set. The client shows these translators as links.
func (x translator) subvolumes(to map[string]bool) error {
	dir := path.Join(x.dir, "subvolumes")
	links, err := fs.ReadDir(x.meta, dir)
	if err != nil {
		return err
	}
	for _, link := range links {
		target, err := fs.ReadLink(x.meta, path.Join(dir, link.Name()))
		if err != nil {
			return err
		}
		to[path.Base(target)] = true
	}
	return nil
}
