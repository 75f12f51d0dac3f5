package fusequery

import (
	"io/fs"
	"path"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// readGraph finds the bricks of the graph that the client took over last. Files may still be served by the graph before it, until
// bricks of the new one have been connected to, or not.
func readGraph(meta fs.FS) (mount.Graph, error) {
	entries, err := fs.ReadDir(meta, graph)
	if err != nil {
		return mount.Graph{}, err
	}
	found := mount.Graph{Connected: true}
	var bricks []string
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		x := translator{meta, path.Join(graph, entry.Name())}
		kind, err := x.read("type")
		if err != nil {
			return mount.Graph{}, err
		}
		if kind != "protocol/client" {
			continue
		}
		brick, err := x.brick()
		if err != nil {
			return mount.Graph{}, err
		}
		up, err := x.boolField("connected")
		if err != nil {
			return mount.Graph{}, err
		}
		bricks, found.Connected = append(bricks, brick), found.Connected && up
	}
	if len(bricks) > 0 {
		found.Bricks = mount.BrickSet(bricks)
	}
	return found, nil
}
