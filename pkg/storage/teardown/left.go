package teardown

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/podexec"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/servers"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/temporary"
)

// leftBehind holds devices that cannot be emptied. Normally they are all devices of a node that the administrator has deleted
// from Kubernetes. If devicesOnly is set, the node still serves, and only these devices are broken: the administrator has
// disabled them in Heketi, and LVM does not find them.
type leftBehind struct {
	node        node
	devices     []heketi.Device
	devicesOnly bool
}

// findLeft returns the devices that cannot be emptied. The earlier checks have made sure that the administrator allows this.
func (r *removal) findLeft(ctx context.Context) (left []leftBehind, err error) {
	nodes, err := nodesOf(ctx, r.server)
	if err != nil {
		return nil, err
	}
	dump, err := r.server.Dump(ctx)
	if err != nil {
		return nil, err
	}
	// Once the volume is deleted, a device on which LVM finds nothing may have been emptied by this Job itself.
	early := slices.ContainsFunc(slices.Collect(maps.Values(dump.Volumes)), func(v heketi.DumpVolume) bool { return v.Name == r.renamed() })
	for _, n := range nodes {
		if _, ok := r.pods[n.name]; !ok {
			left = append(left, leftBehind{node: n, devices: n.Devices})
			continue
		}
		if !early {
			continue
		}
		broken, err := r.brokenDevices(ctx, n, r.pods)
		if err != nil {
			return nil, err
		}
		broken = slices.DeleteFunc(broken, func(d heketi.Device) bool { return d.State == heketi.DeviceOnline })
		if len(broken) > 0 {
			left = append(left, leftBehind{node: n, devices: broken, devicesOnly: true})
		}
	}
	return left, nil
}

// brokenDevices returns the devices of a node on which LVM does not find Heketi's volume group.
func (t *Teardown) brokenDevices(ctx context.Context, n node, pods servers.Pods) (broken []heketi.Device, err error) {
	list, err := pods.PhysicalVolumes(ctx, t.Runner, n.name)
	if err != nil {
		return nil, err
	}
	for _, d := range n.Devices {
		if !slices.ContainsFunc(list, func(pv servers.PhysicalVolume) bool { return pv.Group == servers.GroupOf(d.ID) }) {
			broken = append(broken, d)
		}
	}
	return broken, nil
}

// leaveBehind removes lost nodes and devices from gluster and from Heketi's database. A run that continues an interrupted run
// looks for them again, because more nodes may have been lost since.
func (r *removal) leaveBehind(ctx context.Context) error {
	left, err := r.findLeft(ctx)
	if err != nil {
		return err
	}
	var hosts []string
	for _, l := range left {
		if !l.devicesOnly {
			hosts = append(hosts, l.node.Storage[0])
		}
	}
	if len(hosts) > 0 {
		if err := r.detach(ctx, hosts); err != nil {
			return err
		}
	}
	return r.forget(ctx, left)
}

// detach removes lost nodes from the database's volume and from gluster's pool. While a peer is down, gluster deletes no volume
// and detaches no other peer; it never detaches a peer that has bricks. If all bricks are on lost nodes, detach changes nothing.
func (r *removal) detach(ctx context.Context, hosts []string) error {
	exists, err := r.inGluster(ctx)
	if err != nil {
		return err
	}
	if exists {
		if lastBricks, err := r.removeBricks(ctx, hosts); err != nil || lastBricks {
			return err
		}
	}
	for _, host := range hosts {
		if err := r.detachPeer(ctx, host); err != nil {
			return err
		}
	}
	return nil
}

// removeBricks removes the bricks on lost nodes from the database's volume. If the volume has no other bricks, it removes nothing
// and returns true.
func (r *removal) removeBricks(ctx context.Context, hosts []string) (lastBricks bool, err error) {
	bricks, err := r.pods.Bricks(ctx, r.Runner, r.Volume)
	if err != nil {
		return false, err
	}
	var lost []string
	for _, b := range bricks {
		if slices.Contains(hosts, b.Host) {
			lost = append(lost, b.Name)
		}
	}
	kept := len(bricks) - len(lost)
	if len(lost) == 0 || kept == 0 {
		return len(lost) > 0, nil
	}
	remove := append([]string{"remove-brick", r.Volume, "replica", strconv.Itoa(kept)}, append(lost, "force")...)
	return false, r.volumeCommand(ctx, remove...)
}

// detachPeer asks each server to detach the host. One server is not enough: an interrupted run may have removed nodes from Heketi,
// and the server of such a node is now alone in its pool. If the host is still a peer afterwards, deleting the volume fails.
func (r *removal) detachPeer(ctx context.Context, host string) error {
	var refused []error
	for _, pod := range slices.Sorted(maps.Values(r.pods)) {
		_, err := r.Runner.Run(ctx, pod, servers.Container, "gluster", "--mode=script", "peer", "detach", host, "force")
		if _, exited := errors.AsType[*podexec.ExitError](err); exited {
			refused = append(refused, err)
		} else if err != nil {
			return err
		}
	}
	if len(refused) == len(r.pods) {
		klog.FromContext(ctx).Info("gluster does not detach a lost peer", "host", host, "err", errors.Join(refused...))
	}
	return nil
}

// forget stops the temporary Heketi, removes lost nodes and devices from its database, and starts Heketi again.
func (r *removal) forget(ctx context.Context, left []leftBehind) error {
	if len(left) == 0 {
		return nil
	}
	var lost temporary.Lost
	for _, l := range left {
		if !l.devicesOnly {
			lost.Nodes = append(lost.Nodes, l.node.ID)
		}
		for _, d := range l.devices {
			lost.Devices = append(lost.Devices, d.ID)
		}
		klog.FromContext(ctx).Info("Step 3 of 6: WARNING: left behind: "+l.what(), "node", l.node.name, "devices", names(l.devices))
	}
	r.heketi.Stop()
	if err := r.options.Forget(ctx, lost); err != nil {
		return err
	}
	h, err := r.options.Start(ctx)
	if err != nil {
		return err
	}
	r.heketi, r.server, r.saver.From = h, h.Client, h.Client
	r.left = append(r.left, left...)
	return r.save(ctx)
}

func names(devices []heketi.Device) (names []string) {
	for _, d := range devices {
		names = append(names, d.Name)
	}
	return names
}

// what returns a description of the content that was left behind.
func (l leftBehind) what() string {
	if l.devicesOnly {
		return fmt.Sprintf("the content of broken devices of node %s (%s)", l.node.name, strings.Join(names(l.devices), " "))
	}
	return "the content of the lost node " + l.node.name
}

// todo returns the commands with which an administrator cleans the node or the devices, if they come back.
func (l leftBehind) todo(directories []string) string {
	groups := make([]string, 0, len(l.devices))
	for _, d := range l.devices {
		groups = append(groups, servers.GroupOf(d.ID))
	}
	var commands []string
	if len(groups) > 0 {
		commands = append(commands, "vgremove --force "+strings.Join(groups, " "), "pvremove "+strings.Join(names(l.devices), " "))
	}
	if !l.devicesOnly {
		commands = append(commands, "rm -r "+strings.Join(directories, " "))
	}
	return strings.Join(commands, "; ")
}
