package fusequery

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// readHealth finds the bricks, and whether a set of bricks has lost too many of them. It reads this from
// the translator of each set and does not count bricks, because the volume's options determine how many bricks a set can lose. A
// brick outside any set is a set by itself.
func readHealth(meta fs.FS) (mount.Health, error) {
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
