package setup

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
)

// This file is about a setup that was interrupted while it made the volume of Heketi's database, and is resumed while one of
// Heketi's nodes is absent.

// checkInterrupted returns an error if Heketi has begun to make a brick on an absent node. Heketi can neither undo nor finish
// such an operation.
func (s *Setup) checkInterrupted(ctx context.Context, server *heketi.Client, r reach) error {
	operations, err := server.Operations(ctx)
	if err != nil || len(operations) == 0 {
		return err
	}
	var objects []string
	for _, op := range operations {
		if op, err = server.Operation(ctx, op.ID); err != nil {
			return err
		}
		objects = append(objects, op.Objects...)
	}
	nodes, err := server.Nodes(ctx)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		why := r.why(n.Manage[0])
		if why == "" || !slices.ContainsFunc(n.Devices, func(d heketi.Device) bool {
			return slices.ContainsFunc(d.Bricks, func(id string) bool { return slices.Contains(objects, id) })
		}) {
			continue
		}
		return fmt.Errorf("an earlier run was interrupted while Heketi made volume %s with a brick on node %s, and gluster on that node does not answer: %s. "+
			"Bring the node back; the Job is retried. If the node is lost for good, no data is lost: run kubectl delete node %s, delete this Job, "+
			"run the teardown (see \"Taking it apart\" in the chart's README), replace the node in the values by another one, and upgrade the release", s.Volume.Name, n.Manage[0], why, n.Manage[0])
	}
	return nil
}

// avoidAbsent makes Heketi place no bricks on absent nodes, and sets all other devices online. No other Heketi has used this
// database yet, so the administrator cannot have disabled a device.
func (s *Setup) avoidAbsent(ctx context.Context, server *heketi.Client, r reach) error {
	return s.setDevices(ctx, server, func(n heketi.Node) string {
		why := r.why(n.Manage[0])
		if why == "" {
			return heketi.DeviceOnline
		}
		klog.FromContext(ctx).Info("WARNING: the volume of Heketi's database gets no brick on a node on which gluster does not answer", "node", n.Manage[0], "why", why)
		return heketi.DeviceOffline
	})
}

// avoidNone undoes avoidAbsent.
func (s *Setup) avoidNone(ctx context.Context, server *heketi.Client) error {
	return s.setDevices(ctx, server, func(heketi.Node) string { return heketi.DeviceOnline })
}

func (s *Setup) setDevices(ctx context.Context, server *heketi.Client, state func(heketi.Node) string) error {
	nodes, err := server.Nodes(ctx)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		want := state(n)
		for _, d := range n.Devices {
			if d.State == want {
				continue
			}
			if err := server.SetDeviceState(ctx, d.ID, want); err != nil {
				return fmt.Errorf("set device %s of node %s %s: %w", d.Name, n.Manage[0], want, err)
			}
		}
	}
	return nil
}
