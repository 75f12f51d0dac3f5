package main

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

func findOnBricks(ctx context.Context, d *demo) error {
	for _, b := range d.bricks {
		d.called(b.Machine.Name, "stat, sha256sum %s/index.html", b.Dir)
	}
	return d.compareBricks(ctx, d.bricks, "index.html")
}

// compareBricks checks that the bricks have the file as it was written.
func (d *demo) compareBricks(ctx context.Context, bricks []outside.Brick, names ...string) error {
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(d.pages))
	}
	for _, name := range names {
		for _, b := range bricks {
			file := path.Join(b.Dir, name)
			length, err := on(ctx, b.Machine, "stat", "-c", "%s", file)
			if err != nil {
				return err
			}
			digest, err := on(ctx, b.Machine, "sha256sum", file)
			if err != nil {
				return err
			}
			digest, _, _ = strings.Cut(digest, " ")
			d.field(b.Machine.Name, "%-12s  %s bytes  sha256 %s", name, length, digest)
			if want := sum(d.pages[name]); digest != want {
				return fmt.Errorf("%s on %s is not what was written: sha256 %s, not %s", name, b.Machine.Name, digest, want)
			}
		}
	}
	return nil
}
