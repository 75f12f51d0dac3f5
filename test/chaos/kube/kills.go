package kube

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sync/errgroup"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/memory"
)

// killed kills the driver on node1. The kubelet starts another in the same pod.
func killed(ctx context.Context, r *Rig) error {
	old, err := r.pluginOn(ctx, "node1")
	if err != nil {
		return err
	}
	pid, err := r.driverPid(ctx)
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err == nil {
		err = r.restarted(ctx, "node1", old, "")
	}
	return err
}

// outOfMemory makes the driver on node1 exceed the memory of its container, so that the kernel kills it. The pod is replaced
// afterwards, because the kubelet waits longer before each restart.
func outOfMemory(ctx context.Context, r *Rig) error {
	old, err := r.pluginOn(ctx, "node1")
	if err != nil {
		return err
	}
	pid, err := r.driverPid(ctx)
	if err != nil {
		return err
	}
	const room = 8 << 20
	group, err := memory.Of(pid)
	if err == nil {
		err = group.SetRoom(room)
	}
	if err != nil {
		return err
	}
	if err := r.flood(ctx, pid); err != nil {
		return err
	}
	return errors.Join(r.restarted(ctx, "node1", old, "OOMKilled"), r.deletePlugin(ctx, "node1"))
}

// driverPid returns the process ID of the driver on node1, on the host.
func (r *Rig) driverPid(ctx context.Context) (int, error) {
	found, err := r.cluster.Node(1).Machine.Processes(ctx, "glusterfs-csi")
	if err != nil {
		return 0, err
	}
	for _, pid := range found {
		if args, _ := os.ReadFile(filepath.Join("/proc", pid, "cmdline")); strings.HasPrefix(string(args), "/glusterfs-csi\x00node\x00") {
			return strconv.Atoi(pid)
		}
	}
	return 0, errors.New("no driver runs on node1")
}

// flood makes large calls, which are refused, until the process has ended.
func (r *Rig) flood(ctx context.Context, pid int) error {
	const (
		limit = time.Minute
		size  = 3 << 20 // below gRPC's limit
		calls = 32
	)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	large := map[string]string{"large": strings.Repeat("x", size)} // secrets are not logged
	var group errgroup.Group
	for range calls {
		group.Go(func() error {
			for ctx.Err() == nil {
				_, _ = csi.NewNodeClient(r.conn).NodeStageVolume(ctx, &csi.NodeStageVolumeRequest{Secrets: large})
			}
			return nil
		})
	}
	err := eventually(ctx, limit, func() error {
		if args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); len(args) > 0 {
			return errors.New("the driver runs in spite of its memory limit")
		}
		return nil
	})
	cancel()
	return errors.Join(err, group.Wait())
}
