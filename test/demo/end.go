package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

func deleteVolume(ctx context.Context, d *demo) error {
	d.called("controller", "DeleteVolume volume_id=%s", d.volume.GetVolumeId())
	if _, err := d.controller.DeleteVolume(ctx, &csi.DeleteVolumeRequest{VolumeId: d.volume.GetVolumeId()}); err != nil {
		return err
	}
	d.figures.life = time.Since(d.figures.born)
	d.answer("done")
	return nil
}

func proveGone(ctx context.Context, d *demo) error {
	for _, prove := range []func(context.Context, *demo) error{goneFromHeketi, goneFromGluster, goneFromBricks, goneFromNodes} {
		if err := prove(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

func goneFromHeketi(ctx context.Context, d *demo) error {
	d.called("heketi-cli", "volume list; topology info")
	volumes, err := d.lab.Heketi().CLI(ctx, "volume", "list")
	if err != nil {
		return err
	}
	topology, err := outside.Topology(ctx, d.lab.Heketi())
	if err != nil {
		return err
	}
	disks, bricks, used := 0, 0, uint64(0)
	for _, c := range topology.ClusterList {
		for _, n := range c.Nodes {
			for _, device := range n.DevicesInfo {
				disks, bricks, used = disks+1, bricks+len(device.Bricks), used+device.Storage.Used
			}
		}
	}
	if disks != lab.StorageNodes || strings.TrimSpace(string(volumes)) != "" || bricks > 0 || used > 0 {
		return fmt.Errorf("in Heketi: %w: %d disks, %d bricks, %d KiB used, volumes: %s", errLeft, disks, bricks, used, volumes)
	}
	d.answer("no volume, no brick, 0 bytes used on %d disks", disks)
	return nil
}

func goneFromGluster(ctx context.Context, d *demo) error {
	d.called("storage1", "gluster volume list")
	cmd := d.lab.Storage(1).Command(ctx, "gluster", "volume", "list")
	out, err := cmd.CombinedOutput() // "No volumes present" is on standard error
	if err != nil {
		return fmt.Errorf("gluster volume list: %w: %s", err, out)
	}
	said := strings.TrimSpace(string(out))
	if said != "No volumes present in cluster" {
		return fmt.Errorf("in GlusterFS: %w: %s", errLeft, said)
	}
	d.answer("%s", said)
	return nil
}

func goneFromBricks(ctx context.Context, d *demo) error {
	for _, b := range d.bricks {
		d.called(b.Machine.Name, "ls %s; brick processes, mounts, fstab", b.Dir)
		pid, err := b.Machine.Pid(ctx)
		if err != nil {
			return err
		}
		root := fmt.Sprintf("/proc/%d/root", pid)
		if err := gone(root + b.Dir); err != nil {
			return fmt.Errorf("on %s: %w", b.Machine.Name, err)
		}
		bricks, err := b.Machine.Processes(ctx, "glusterfsd")
		if err != nil {
			return err
		}
		if len(bricks) > 0 {
			return fmt.Errorf("on %s: %w: brick processes %v", b.Machine.Name, errLeft, bricks)
		}
		table, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
		if err != nil {
			return err
		}
		if strings.Contains(string(table), "/var/lib/heketi/mounts/") {
			return fmt.Errorf("on %s: %w: mounts of bricks", b.Machine.Name, errLeft)
		}
		fstab, err := os.ReadFile(root + "/var/lib/heketi/fstab")
		if err != nil {
			return err
		}
		if strings.TrimSpace(string(fstab)) != "" {
			return fmt.Errorf("on %s: %w: in fstab: %s", b.Machine.Name, errLeft, fstab)
		}
	}
	d.answer("no directory, no process, no mount, no line in fstab on any of them")
	return nil
}

func goneFromNodes(ctx context.Context, d *demo) error {
	for _, n := range d.nodes {
		d.called(n.Name, "mounts and processes; staging and target directories")
		if err := noClient(ctx, n); err != nil {
			return err
		}
		if err := gone(n.target); err != nil {
			return fmt.Errorf("on %s: %w", n.Name, err)
		}
		entries, err := os.ReadDir(n.staging)
		if err != nil {
			return err
		}
		if len(entries) > 0 {
			return fmt.Errorf("on %s: %w: %d files below %s", n.Name, errLeft, len(entries), n.staging)
		}
	}
	d.answer("no mount, no client process, no file beneath the mount points")
	return nil
}

func gone(path string) error {
	_, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("%w: %s", errLeft, path)
}
