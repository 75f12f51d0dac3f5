package heketi

import (
	"context"
	"net/http"

	"github.com/heketi/heketi/pkg/glusterfs/api"
)

// The states of a Device. Heketi deletes only a failed device, and only an offline device can become failed (heketi:
// apps/glusterfs/device_entry.go, stateCheck and CheckDelete).
const (
	DeviceOnline  = "online"
	DeviceOffline = "offline"
	DeviceFailed  = "failed"
)

// SetDeviceState changes a disk's state and waits until Heketi has made the change. If the state is DeviceFailed, Heketi moves
// the disk's bricks to other disks.
func (c *Client) SetDeviceState(ctx context.Context, id, state string) error {
	return c.backend.operate(ctx, "set-device-state", func() error {
		client, err := c.api(ctx, nil)
		if err != nil {
			return err
		}
		if err := client.DeviceState(id, &api.StateRequest{State: api.EntryState(state)}); err != nil {
			return c.typed(err, http.MethodPost, "/devices/"+id+"/state")
		}
		return nil
	})
}

// DeleteDevice makes Heketi remove the volume group that it made on a disk, and delete the disk's record. If forget is true,
// Heketi deletes the record even if it cannot remove the volume group.
func (c *Client) DeleteDevice(ctx context.Context, id string, forget bool) error {
	return c.backend.operate(ctx, "delete-device", func() error {
		client, err := c.api(ctx, nil)
		if err != nil {
			return err
		}
		var options *api.DeviceDeleteOptions
		if forget {
			options = &api.DeviceDeleteOptions{ForceForget: true}
		}
		if err := client.DeviceDeleteWithOptions(id, options); err != nil {
			return c.typed(err, http.MethodDelete, "/devices/"+id)
		}
		return nil
	})
}

// DeleteNode removes a node without disks from its cluster. If gluster cannot detach the peer, Heketi ignores that.
func (c *Client) DeleteNode(ctx context.Context, id string) error {
	return c.backend.operate(ctx, "delete-node", func() error {
		client, err := c.api(ctx, nil)
		if err != nil {
			return err
		}
		if err := client.NodeDelete(id); err != nil {
			return c.typed(err, http.MethodDelete, "/nodes/"+id)
		}
		return nil
	})
}

// DeleteCluster removes a cluster without nodes.
func (c *Client) DeleteCluster(ctx context.Context, id string) error {
	return c.backend.operate(ctx, "delete-cluster", func() error {
		client, err := c.api(ctx, nil)
		if err != nil {
			return err
		}
		if err := client.ClusterDelete(id); err != nil {
			return c.typed(err, http.MethodDelete, clustersPath+"/"+id)
		}
		return nil
	})
}
