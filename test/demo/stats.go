package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"
)

func askStats(ctx context.Context, d *demo) error {
	n := d.nodes[0]
	d.called(n.Name, "NodeGetVolumeStats volume_path=%s", n.target)
	answer, err := n.NodeGetVolumeStats(ctx, &csi.NodeGetVolumeStatsRequest{VolumeId: d.volume.GetVolumeId(), VolumePath: n.target})
	if err != nil {
		return err
	}
	total := int64(0)
	for _, u := range answer.GetUsage() {
		switch u.GetUnit() {
		case csi.VolumeUsage_BYTES:
			total = u.GetTotal()
			d.field("bytes", "%s of %s used, %s available", size(u.GetUsed()), size(total), size(u.GetAvailable()))
		case csi.VolumeUsage_INODES:
			d.field("inodes", "%d of %d used, %d available", u.GetUsed(), u.GetTotal(), u.GetAvailable())
		case csi.VolumeUsage_UNKNOWN:
		}
	}
	d.called(d.nodes[1].Name, "df %s", d.nodes[1].target)
	text, err := on(ctx, d.nodes[1].Machine, "df", "--block-size=1", "--output=size", d.nodes[1].target)
	if err != nil {
		return err
	}
	rows := strings.Fields(text)
	if df := rows[len(rows)-1]; df != strconv.FormatInt(total, 10) {
		return fmt.Errorf("df on node 2 says %s bytes, the driver on node 1 %d", df, total)
	}
	d.answer("%s, the same", size(total))
	return nil
}
