package teardown

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/podexec"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/servers"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/temporary"
)

// removal is the work with a temporary Heketi. It repeats removals that an interrupted run has made but not recorded. That is no
// error: Heketi and the methods here count an object that is already gone as removed.
type removal struct {
	*Teardown
	options temporary.Options
	heketi  *temporary.Heketi
	server  *heketi.Client // client of the temporary Heketi
	pods    servers.Pods
	saver   database.Saver
}

// check repeats the checks of the first step on the backup, since a volume may have been made between that step and the backup.
// Then it leaves lost nodes behind, lets Heketi undo or finish interrupted operations, and checks again. The lost nodes come
// first, because Heketi can neither undo nor finish an operation that has a brick on one of them.
func (r *removal) check(ctx context.Context) error {
	if err := r.checkBeforeCleanUp(ctx); err != nil {
		return err
	}
	if err := r.checkServers(ctx, r.server, r.pods, false); err != nil {
		return err
	}
	if err := r.leaveBehind(ctx); err != nil {
		return err
	}
	if err := temporary.CleanUp(ctx, r.server); err != nil {
		return err
	}
	operations, err := r.server.Operations(ctx)
	if err != nil {
		return err
	}
	if len(operations) > 0 {
		return fmt.Errorf("heketi has neither undone nor finished the interrupted operation %s (%s): see Heketi's log above", operations[0].ID, operations[0].Type)
	}
	if err := r.checkVolumes(ctx, r.server, false); err != nil {
		return err
	}
	return r.checkServers(ctx, r.server, r.pods, false)
}

// volume removes the database's volume: first the volume in gluster, where it has its real name, then the bricks, through Heketi.
func (r *removal) volume(ctx context.Context) error {
	if err := r.glusterVolume(ctx); err != nil {
		return err
	}
	dump, err := r.server.Dump(ctx)
	if err != nil {
		return err
	}
	for id, v := range dump.Volumes {
		if v.Name != r.renamed() {
			continue
		}
		if err := r.server.DeleteVolume(ctx, id); err != nil {
			return err
		}
		if err := r.save(ctx); err != nil {
			return err
		}
		klog.FromContext(ctx).Info("Step 3 of 6: deleted the volume of Heketi's database", "volume", r.Volume, "id", id)
	}
	return nil
}

func (r *removal) glusterVolume(ctx context.Context) error {
	exists, err := r.inGluster(ctx)
	if err != nil || !exists {
		return err
	}
	err = r.volumeCommand(ctx, "stop", r.Volume, "force")
	if _, exited := errors.AsType[*podexec.ExitError](err); err != nil && !exited {
		return err
	}
	// If the stop fails, the volume may have been stopped before.
	if deleteErr := r.volumeCommand(ctx, "delete", r.Volume); deleteErr != nil {
		if allLost, lookErr := r.allBricksLost(ctx); lookErr != nil || !allLost {
			return errors.Join(deleteErr, err, lookErr)
		}
		klog.FromContext(ctx).Info("Step 3 of 6: WARNING: all bricks of the volume of Heketi's database are lost, and gluster cannot delete it; only gluster's record of it is left", "volume", r.Volume)
		r.recordLeft = true
	}
	return nil
}

// inGluster reports whether gluster has the database's volume.
func (r *removal) inGluster(ctx context.Context) (bool, error) {
	names, err := r.pods.Volumes(ctx, r.Runner)
	return err == nil && slices.Contains(names, r.Volume), err
}

// allBricksLost reports whether all bricks of the database's volume are on nodes that Heketi no longer has and that gluster does
// not reach. gluster then neither deletes the volume, which needs all peers, nor detaches these peers, because they have bricks.
func (r *removal) allBricksLost(ctx context.Context) (bool, error) {
	bricks, err := r.pods.Bricks(ctx, r.Runner, r.Volume)
	if err != nil || len(bricks) == 0 {
		return false, err
	}
	nodes, err := nodesOf(ctx, r.server)
	if err != nil {
		return false, err
	}
	for _, b := range bricks {
		if !b.Lost || slices.ContainsFunc(nodes, func(n node) bool { return slices.Contains(n.Storage, b.Host) }) {
			return false, nil
		}
	}
	return true, nil
}

// volumeCommand runs a command on the database's volume in a server that has the volume.
func (r *removal) volumeCommand(ctx context.Context, args ...string) error {
	pod, err := r.pods.Having(ctx, r.Runner, r.Volume)
	if err == nil {
		_, err = r.Runner.Run(ctx, pod, servers.Container, append([]string{"gluster", "--mode=script", "volume"}, args...)...)
	}
	return err
}

// devices removes Heketi's volume groups from all devices.
func (r *removal) devices(ctx context.Context) error {
	nodes, err := nodesOf(ctx, r.server)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		for _, d := range n.Devices {
			if err := r.device(ctx, n.name, d); err != nil {
				return fmt.Errorf("device %s of node %s: %w", d.Name, n.name, err)
			}
			if err := r.save(ctx); err != nil {
				return err
			}
			klog.FromContext(ctx).Info("Step 4 of 6: removed a device", "node", n.name, "device", d.Name)
		}
	}
	return nil
}

func (r *removal) device(ctx context.Context, node string, d heketi.Device) error {
	if d.State != heketi.DeviceFailed {
		for _, state := range []string{heketi.DeviceOffline, heketi.DeviceFailed} {
			if err := r.server.SetDeviceState(ctx, d.ID, state); err != nil {
				return err
			}
		}
	}
	err := r.server.DeleteDevice(ctx, d.ID, false)
	if err == nil || ctx.Err() != nil {
		return err
	}
	bare, lookErr := r.clearBare(ctx, node, d)
	if lookErr != nil || !bare {
		return errors.Join(err, lookErr)
	}
	klog.FromContext(ctx).Info("Heketi's volume group is not on the device any more, as happens if a run was interrupted; Heketi forgets the device", "node", node, "device", d.Name)
	return r.server.DeleteDevice(ctx, d.ID, true)
}

// clearBare reports whether a device holds nothing that Heketi made. If an interrupted run has removed the volume group but not
// the physical volume, clearBare first removes the physical volume.
func (r *removal) clearBare(ctx context.Context, node string, d heketi.Device) (bool, error) {
	list, err := r.pods.PhysicalVolumes(ctx, r.Runner, node)
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(list, func(pv servers.PhysicalVolume) bool { return pv.Group == servers.GroupOf(d.ID) }) {
		return false, nil
	}
	i := slices.IndexFunc(list, func(pv servers.PhysicalVolume) bool { return isOf(pv, d) })
	switch {
	case i < 0:
		return true, nil
	case list[i].Group != "":
		return false, fmt.Errorf("it belongs to the volume group %s, which is not Heketi's", list[i].Group)
	}
	_, err = r.Runner.Run(ctx, r.pods[node], servers.Container, "lvm", "pvremove", "-qq", list[i].Name)
	return err == nil, err
}

// isOf reports whether a physical volume is the one that Heketi has made on a device. The device's name may have changed since.
func isOf(pv servers.PhysicalVolume, d heketi.Device) bool {
	if d.UUID != "" {
		return pv.UUID == d.UUID
	}
	return pv.Name == d.Name
}

// clusters removes the nodes, which no longer have devices, and the clusters.
func (r *removal) clusters(ctx context.Context) error {
	logger := klog.FromContext(ctx)
	nodes, err := nodesOf(ctx, r.server)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if err := r.server.DeleteNode(ctx, n.ID); err != nil {
			return fmt.Errorf("node %s: %w", n.name, err)
		}
		if err := r.save(ctx); err != nil {
			return err
		}
		logger.Info("Step 5 of 6: removed a node", "node", n.name)
	}
	ids, err := r.server.Clusters(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := r.server.DeleteCluster(ctx, id); err != nil {
			return fmt.Errorf("cluster %s: %w", id, err)
		}
		if err := r.save(ctx); err != nil {
			return err
		}
		logger.Info("Step 5 of 6: removed a cluster", "cluster", id)
	}
	return nil
}

func (r *removal) save(ctx context.Context) error {
	if err := r.saver.Save(ctx); err != nil {
		return fmt.Errorf("back up the database: %w", err)
	}
	return nil
}
