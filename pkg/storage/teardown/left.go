package teardown

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
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
	// Once the volume is deleted, this Job may itself have emptied a device on which LVM finds nothing.
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

// detach removes lost nodes from the database's volume and from gluster's pool. While a peer is down, gluster deletes no volume,
// and it detaches no peer that has bricks.
func (r *removal) detach(ctx context.Context, left []leftBehind) error {
	var hosts []string
	for _, l := range left {
		if !l.devicesOnly {
			hosts = append(hosts, l.node.Storage[0])
		}
	}
	if len(hosts) == 0 {
		return nil
	}
	info, err := r.gluster(ctx, "volume", "info", r.Volume)
	if err != nil {
		return err
	}
	kept, lost := bricksOf(string(info), hosts)
	if len(lost) > 0 {
		if kept == 0 {
			return fmt.Errorf("all bricks of volume %s are on nodes that are lost, so that gluster cannot delete it: %s", r.Volume, strings.Join(lost, " "))
		}
		remove := append([]string{"volume", "remove-brick", r.Volume, "replica", strconv.Itoa(kept)}, append(lost, "force")...)
		if _, err := r.gluster(ctx, remove...); err != nil {
			return err
		}
	}
	for _, host := range hosts {
		_, err := r.gluster(ctx, "peer", "detach", host, "force")
		if _, exited := errors.AsType[*podexec.ExitError](err); exited { // it may no longer be a peer; if it still is, deleting the volume fails
			klog.FromContext(ctx).Info("gluster does not detach a lost peer", "host", host, "err", err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

var brickLine = regexp.MustCompile(`(?m)^Brick[0-9]+: ((\S+):/\S+)`)

// bricksOf parses gluster's volume info. It returns the number of the volume's bricks on other hosts, and the bricks on these
// hosts.
func bricksOf(info string, hosts []string) (others int, bricks []string) {
	for _, match := range brickLine.FindAllStringSubmatch(info, -1) {
		if slices.Contains(hosts, match[2]) {
			bricks = append(bricks, match[1])
		} else {
			others++
		}
	}
	return others, bricks
}

// forget removes lost nodes and devices from the database of the temporary Heketi, which it stops and starts again.
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
	r.heketi.End()
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

// what describes what was left behind.
func (l leftBehind) what() string {
	if l.devicesOnly {
		return fmt.Sprintf("what is on %s of node %s, which is broken", strings.Join(names(l.devices), " "), l.node.name)
	}
	return "what is on node " + l.node.name + ", which is lost"
}

// todo returns the commands that clean what was left behind, if it comes back.
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
