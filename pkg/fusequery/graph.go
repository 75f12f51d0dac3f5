package fusequery

import (
	"io/fs"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// readGraph returns the bricks of the graph that the client loaded last. Files may still be served by the previous graph until
// the new graph's connections to its bricks have succeeded or failed.
func readGraph(meta fs.FS) (mount.Graph, error) {
	found := mount.Graph{Connected: true}
	var bricks []string
	err := eachTranslator(meta, func(x translator, kind string) error {
		if kind != "protocol/client" {
			return nil
		}
		brick, err := x.brick()
		if err != nil {
			return err
		}
		up, err := x.boolField("connected")
		bricks, found.Connected = append(bricks, brick), found.Connected && up
		return err
	})
	if err != nil {
		return mount.Graph{}, err
	}
	if len(bricks) > 0 {
		found.Bricks = mount.BrickSet(bricks)
	}
	return found, nil
}
