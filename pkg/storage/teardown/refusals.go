package teardown

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/servers"
)

// mostNamed bounds the length of a list in a message.
const mostNamed = 10

// checkVolumes returns ErrRefused while Heketi has volumes besides that of the database. The parameter running is true if server
// is the cluster's Heketi.
func (t *Teardown) checkVolumes(ctx context.Context, server *heketi.Client, running bool) error {
	dump, err := server.Dump(ctx)
	if err != nil {
		return err
	}
	return t.refuseVolumes(t.volumesOf(dump), running)
}

func (t *Teardown) refuseVolumes(names []string, running bool) error {
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("%w: Heketi still has volumes: %s. %sDelete the claims and PersistentVolumes that use them (kubectl get pv). If nothing uses a volume, run kubectl -n %s exec statefulset/%s -c heketi -- heketi-cli volume delete ID. "+
		"Then create this Job again", ErrRefused, few(names), t.startAgain(running), t.Namespace, t.StatefulSet)
}

// startAgain returns the first sentence of a refusal's advice, or "" if the cluster's Heketi runs.
func (t *Teardown) startAgain(running bool) string {
	if running {
		return ""
	}
	return fmt.Sprintf("Start Heketi again (kubectl -n %s scale statefulset/%s --replicas=1). ", t.Namespace, t.StatefulSet)
}

// checkServers returns ErrRefused if gluster has volumes that are missing in Heketi, or if devices cannot be emptied.
func (t *Teardown) checkServers(ctx context.Context, server *heketi.Client, pods servers.Pods, running bool) error {
	if err := t.checkGlusterVolumes(ctx, pods, running); err != nil {
		return err
	}
	nodes, err := nodesOf(ctx, server)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if err := t.checkReachable(ctx, n, pods, running); err != nil {
			return err
		}
	}
	return nil
}

// checkReachable returns ErrRefused if a node's devices cannot be emptied, unless the administrator has declared them lost.
// Without this check, the removal would stop half-way in the temporary Heketi, which the administrator cannot reach. The
// administrator declares a node lost by deleting the node from Kubernetes, and a device by disabling the device in Heketi.
func (t *Teardown) checkReachable(ctx context.Context, n node, pods servers.Pods, running bool) error {
	if _, ok := pods[n.name]; !ok {
		nodes, err := t.nodeNames(ctx)
		if err != nil || !slices.Contains(nodes, n.name) {
			return err
		}
		return fmt.Errorf("%w: node %s is in Heketi but has no gluster pod, which is needed to empty its devices: label the node again (kubectl label node %s %s), and create this Job again. "+
			"If the node is lost for good, delete it from Kubernetes, too (kubectl delete node %s): the Job then leaves its devices as they are", ErrRefused, n.name, n.name, t.NodeLabel, n.name)
	}
	if !running { // devices may already be empty
		return nil
	}
	broken, err := t.brokenDevices(ctx, n, pods)
	if err != nil {
		return err
	}
	for _, d := range broken {
		if d.State != heketi.DeviceOnline {
			continue
		}
		return fmt.Errorf("%w: LVM on node %s does not find what Heketi has made on device %s: is the disk broken? If it is, disable the device: kubectl -n %s exec statefulset/%s -c heketi -- "+
			"heketi-cli device disable %s. Then create this Job again: it leaves the device as it is", ErrRefused, n.name, d.Name, t.Namespace, t.StatefulSet, d.ID)
	}
	return nil
}

// volumesOf describes the volumes in a dump, without that of the database.
func (t *Teardown) volumesOf(dump heketi.Dump) (names []string) {
	for _, id := range slices.Sorted(maps.Keys(dump.Volumes)) {
		v := dump.Volumes[id]
		if v.Name == t.Volume || v.Name == t.renamed() {
			continue
		}
		text := fmt.Sprintf("%s (id %s)", v.Name, id)
		switch {
		case v.Pending != "":
			text += ", which is being made or changed"
		case v.Block:
			text += ", which is for block volumes: heketi-cli blockvolume list"
		}
		names = append(names, text)
	}
	return names
}

// checkGlusterVolumes returns ErrRefused if gluster has volumes that are missing in Heketi. They may be on the same devices.
func (t *Teardown) checkGlusterVolumes(ctx context.Context, pods servers.Pods, running bool) error {
	names, err := pods.Volumes(ctx, t.Runner)
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == t.Volume })
	if len(names) == 0 {
		return nil
	}
	command := pods.VolumeCommand(t.Namespace)
	return fmt.Errorf("%w: gluster has volumes that are not in Heketi's database: %s. %sSee what they are with %s info; if nothing on them is needed, delete each with %s stop NAME and %s delete NAME. "+
		"Then create this Job again", ErrRefused, few(names), t.startAgain(running), command, command, command)
}

// checkNoVolumes returns ErrRefused if gluster has volumes. It is for an installation without a database, where no record shows
// the devices of a volume.
func (t *Teardown) checkNoVolumes(ctx context.Context, pods servers.Pods) error {
	names, err := pods.Volumes(ctx, t.Runner)
	if err == nil && len(names) > 0 {
		err = fmt.Errorf("%w: gluster has %s, and there is no backup of Heketi's database, which is needed to find the volumes' devices: start Heketi again with kubectl -n %s scale statefulset/%s --replicas=1, "+
			"or copy an older backup (Secrets %s-0, -1 ...) into Secret %s; then create this Job again", ErrRefused, few(names), t.Namespace, t.StatefulSet, t.store().Name, t.store().Name)
	}
	if err != nil {
		return fmt.Errorf("step 3 of 6, look for what is there: %w", err)
	}
	return nil
}

func few(things []string) string { return plain.Few(things, mostNamed, ", ", " and ") }

// node is a node of Heketi, with its name in Kubernetes.
type node struct {
	heketi.Node
	name string
}

// nodesOf returns the nodes of all clusters with their devices, both sorted by name.
func nodesOf(ctx context.Context, server *heketi.Client) ([]node, error) {
	all, err := server.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	nodes := make([]node, 0, len(all))
	for _, n := range all {
		slices.SortFunc(n.Devices, func(a, b heketi.Device) int { return strings.Compare(a.Name, b.Name) })
		nodes = append(nodes, node{Node: n, name: n.Manage[0]})
	}
	return nodes, nil
}
