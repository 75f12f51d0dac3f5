package topology

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
)

// Server has the calls to Heketi that a load makes; *heketi.Client implements it.
type Server interface {
	Clusters(ctx context.Context) ([]string, error)
	Cluster(ctx context.Context, id string) (heketi.Cluster, error)
	Node(ctx context.Context, id string) (heketi.Node, error)
	AddCluster(ctx context.Context, file, block bool) (string, error)
	AddNode(ctx context.Context, n heketi.NewNode) (heketi.Node, error)
	AddDevice(ctx context.Context, d heketi.NewDevice) error
}

// Loader loads topologies.
type Loader struct {
	Server Server
	// Leftover reports whether a device that Heketi has refused contains only the remains of an interrupted add, so that Heketi may
	// wipe it. If Leftover is nil, no refused device is wiped.
	Leftover func(ctx context.Context, node, device string) (bool, error)
	// Absent holds the nodes that cannot be reached now, with the reason. Load does not add them or their devices; the error names
	// those that Heketi lacks.
	Absent map[string]string
}

// Result describes what a load has found and done.
type Result struct {
	Clusters []string      // ids, in the topology's order; "" for a cluster without nodes
	Added    int           // clusters, nodes and devices
	Found    int           // clusters, nodes and devices that Heketi had before
	Beyond   []string      // descriptions of what Heketi has in addition to the topology
	Differs  []string      // descriptions of settings that differ in Heketi and cannot be changed
	Absent   []heketi.Node // the nodes of Loader.Absent that Heketi has
}

// Load adds what Heketi lacks. If Heketi refuses a node or a device, Load continues with the others. The error names all refused
// nodes and devices.
func (l Loader) Load(ctx context.Context, t Topology) (Result, error) {
	had, err := read(ctx, l.Server)
	if err != nil {
		return Result{}, fmt.Errorf("read Heketi's clusters and nodes: %w", err)
	}
	run := &load{Loader: l, had: had}
	for i, c := range t.Clusters {
		run.result.Clusters = append(run.result.Clusters, "")
		if err := run.cluster(ctx, c, i); err != nil {
			run.errs = append(run.errs, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	run.result.Beyond = had.beyond(t)
	return run.result, errors.Join(run.errs...)
}

// load is the state of one call of Load.
type load struct {
	Loader
	had    *inventory
	result Result
	errs   []error
}

func (l *load) cluster(ctx context.Context, c Cluster, i int) error {
	id, err := l.had.clusterOf(c)
	if err != nil {
		return fmt.Errorf("clusters[%d]: %w", i, err)
	}
	if id != "" {
		l.result.Found++
	}
	for _, n := range c.Nodes {
		if _, known := l.had.nodes[n.Name()]; !known && l.Absent[n.Name()] != "" {
			l.errs = append(l.errs, &RefusedError{Node: n.Name(), Devices: len(n.Devices), Err: errors.New(l.Absent[n.Name()])})
			continue
		}
		if id == "" {
			if id, err = l.newCluster(ctx, c); err != nil {
				return fmt.Errorf("clusters[%d]: %w", i, err)
			}
		}
		l.result.Clusters[i] = id
		node, err := l.node(ctx, n, id)
		if ctx.Err() != nil {
			return errors.Join(err, context.Cause(ctx))
		}
		if err != nil {
			l.errs = append(l.errs, err)
			continue
		}
		if err := l.devices(ctx, n, node); err != nil {
			return err
		}
	}
	return nil
}

// newCluster returns a matching cluster without nodes, such as one from an interrupted load, or makes a cluster.
func (l *load) newCluster(ctx context.Context, c Cluster) (string, error) {
	if id := l.had.takeEmpty(c); id != "" {
		l.result.Found++
		return id, nil
	}
	id, err := l.Server.AddCluster(ctx, c.File, c.Block)
	if err != nil {
		return "", fmt.Errorf("make a cluster: %w", err)
	}
	l.result.Added++
	klog.FromContext(ctx).Info("Made a cluster", "cluster", id)
	return id, nil
}

func (l *load) node(ctx context.Context, n Node, cluster string) (heketi.Node, error) {
	if node, ok := l.had.nodes[n.Name()]; ok {
		l.result.Found++
		if l.Absent[n.Name()] != "" {
			l.result.Absent = append(l.result.Absent, node)
		}
		if node.Storage[0] != n.Storage[0] {
			l.result.Differs = append(l.result.Differs, fmt.Sprintf("node %s has the storage address %s in Heketi and %s in the topology", n.Name(), node.Storage[0], n.Storage[0]))
		}
		if node.Zone != n.Zone {
			l.result.Differs = append(l.result.Differs, fmt.Sprintf("node %s is in zone %d in Heketi and in zone %d in the topology", n.Name(), node.Zone, n.Zone))
		}
		return node, nil
	}
	node, err := l.Server.AddNode(ctx, heketi.NewNode{Cluster: cluster, Manage: n.Manage, Storage: n.Storage, Zone: n.Zone, Tags: n.Tags})
	if err != nil {
		return heketi.Node{}, &RefusedError{Node: n.Name(), Devices: len(n.Devices), Err: err}
	}
	l.result.Added++
	klog.FromContext(ctx).Info("Added a node", "node", n.Name(), "address", n.Storage[0], "cluster", cluster)
	return node, nil
}

// devices returns an error only if ctx is done.
func (l *load) devices(ctx context.Context, n Node, node heketi.Node) error {
	for _, d := range n.Devices {
		if hasDevice(node, d) {
			l.result.Found++
			continue
		}
		err := l.device(ctx, n, node, d)
		switch {
		case err == nil:
			l.result.Added++
			klog.FromContext(ctx).Info("Added a device", "node", n.Name(), "device", d.Name)
		case ctx.Err() != nil:
			return errors.Join(err, context.Cause(ctx))
		default:
			l.errs = append(l.errs, err)
		}
	}
	return nil
}

func (l *load) device(ctx context.Context, n Node, node heketi.Node, d Device) error {
	if why := l.Absent[n.Name()]; why != "" {
		return &RefusedError{Node: n.Name(), Device: d.Name, Err: errors.New(why)}
	}
	request := heketi.NewDevice{Node: node.ID, Name: d.Name, Tags: d.Tags, DestroyData: d.DestroyData}
	err := l.Server.AddDevice(ctx, request)
	if err == nil {
		return nil
	}
	refused := &RefusedError{Node: n.Name(), Device: d.Name, Err: err}
	if l.Leftover == nil || d.DestroyData || ctx.Err() != nil {
		return refused
	}
	switch leftover, err := l.Leftover(ctx, n.Name(), d.Name); {
	case err != nil:
		klog.FromContext(ctx).Info("The contents of the device cannot be determined", "node", n.Name(), "device", d.Name, "err", err)
		return refused
	case !leftover:
		return refused
	}
	klog.FromContext(ctx).Info("The device has only an empty volume group, left behind by an interrupted add; Heketi makes it again", "node", n.Name(), "device", d.Name)
	request.DestroyData = true
	if err := l.Server.AddDevice(ctx, request); err != nil {
		return &RefusedError{Node: n.Name(), Device: d.Name, Err: err}
	}
	return nil
}

// same reports whether Heketi's device is the one in the topology. The field Paths has its other names.
func same(has heketi.Device, d Device) bool {
	name := path.Clean(d.Name)
	return path.Clean(has.Name) == name || slices.Contains(has.Paths, name)
}
