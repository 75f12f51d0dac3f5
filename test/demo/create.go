package main

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// volumeName is the CSI name; Kubernetes uses "pvc-<uuid>".
const volumeName = "website"

func createVolume(ctx context.Context, d *demo) error {
	d.called("controller", "CreateVolume name=%s required_bytes=2 GiB volumetype=replicate:3", volumeName)
	begin := time.Now()
	answer, err := d.controller.CreateVolume(ctx, &csi.CreateVolumeRequest{
		Name:               volumeName,
		CapacityRange:      &csi.CapacityRange{RequiredBytes: 2 << 30},
		Parameters:         map[string]string{"volumetype": "replicate:3"},
		VolumeCapabilities: []*csi.VolumeCapability{shared()},
	})
	if err != nil {
		return err
	}
	d.figures.created, d.figures.born = time.Since(begin), time.Now()
	d.volume = answer.GetVolume()
	d.field("volume id", "%s", d.volume.GetVolumeId())
	d.field("capacity", "%s", size(d.volume.GetCapacityBytes()))
	d.field("volume", "%s", d.glusterName())
	d.field("servers", "%s", strings.ReplaceAll(d.volume.GetVolumeContext()["servers"], ",", "  "))
	return nil
}

// glusterName returns the volume's name in GlusterFS, and heketiID its id in Heketi.
func (d *demo) glusterName() string { return d.volume.GetVolumeContext()["volume"] }
func (d *demo) heketiID() string    { return path.Base(d.volume.GetVolumeId()) }

// lookAtVolume reads from GlusterFS where the bricks are.
func lookAtVolume(ctx context.Context, d *demo) error {
	d.called("heketi-cli", "volume info %s", d.heketiID())
	text, err := d.lab.Heketi().CLI(ctx, "volume", "info", d.heketiID())
	if err != nil {
		return err
	}
	heketi := fields(string(text))
	if heketi["Name"] != d.glusterName() || heketi["Size"] != "2" || heketi["Replica Count"] != "3" {
		return fmt.Errorf("heketi has another volume:\n%s", text)
	}
	d.field("name", "%s", heketi["Name"])
	d.field("size", "%s GiB, %s, %s copies", heketi["Size"], heketi["Durability Type"], heketi["Replica Count"])

	d.called("storage1", "gluster volume info %s", d.glusterName())
	info, err := on(ctx, d.lab.Storage(1), "gluster", "volume", "info", d.glusterName())
	if err != nil {
		return err
	}
	gluster := fields(info)
	d.field("state", "%s, %s, %s", gluster["Type"], gluster["Status"], gluster["Number of Bricks"])
	for i := 1; i <= lab.StorageNodes; i++ {
		b, err := outside.BrickAt(d.lab, gluster[fmt.Sprintf("Brick%d", i)])
		if err != nil {
			return fmt.Errorf("%w in:\n%s", err, info)
		}
		d.bricks = append(d.bricks, b)
		d.field(fmt.Sprintf("brick %d", i), "%s:%s", b.Machine.Name, b.Dir)
	}
	if gluster["Status"] != "Started" {
		return fmt.Errorf("the volume is not started:\n%s", info)
	}
	return nil
}
