package main

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// brick is a directory on a storage node that holds one of the copies.
type brick struct {
	host *lab.Machine
	dir  string
}

// brick reads "address:/directory".
func (d *demo) brick(text string) (brick, error) {
	address, dir, _ := strings.Cut(text, ":")
	for i := 1; i <= lab.StorageNodes; i++ {
		if m := d.lab.Storage(i); m.IP == address || m.Name == address {
			return brick{host: m, dir: dir}, nil
		}
	}
	return brick{}, fmt.Errorf("brick %q is on none of the storage nodes", text)
}

func findOnBricks(ctx context.Context, d *demo) error {
	for _, b := range d.bricks {
		d.called(b.host.Name, "stat, sha256sum %s/index.html", b.dir)
	}
	return d.compareBricks(ctx, d.bricks, "index.html")
}

// compareBricks makes sure that the file is on the bricks as it was written.
func (d *demo) compareBricks(ctx context.Context, bricks []brick, names ...string) error {
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(d.pages))
	}
	for _, name := range names {
		for _, b := range bricks {
			file := path.Join(b.dir, name)
			length, err := on(ctx, b.host, "stat", "-c", "%s", file)
			if err != nil {
				return err
			}
			digest, err := on(ctx, b.host, "sha256sum", file)
			if err != nil {
				return err
			}
			digest, _, _ = strings.Cut(digest, " ")
			d.field(b.host.Name, "%-12s  %s bytes  sha256 %s", name, length, digest)
			if want := sum(d.pages[name]); digest != want {
				return fmt.Errorf("%s on %s is not what was written: sha256 %s, not %s", name, b.host.Name, digest, want)
			}
		}
	}
	return nil
}
