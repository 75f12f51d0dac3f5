// Package glusterlab runs rounds of chaos on the lab of gluster servers, where a node plugin is a process.
package glusterlab

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/apps"
	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/report"
	"github.com/glusterfs-csi/glusterfs-csi/test/chaos/strays"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// rig is a running lab with volumes, and pods that use them on one of the client machines.
type rig struct {
	lab        *lab.Lab
	at         int // the client machine: 1, or 2 for work on the other machine
	workload   string
	group      string // top-level cgroup of the clients
	before65   bool
	cgroupV2   bool
	controller csi.ControllerClient
	node       csi.NodeClient
	conns      []*grpc.ClientConn

	pods   []*pod
	used   []*volume // by pods
	hung   *volume   // its client is stopped in half of the rounds
	spare  *volume   // staged and unstaged in rounds
	disks  disks
	before strays.Snapshot // the machine before there were volumes

	// If a round does two things concurrently, only one of them may use the spare volume, and only one may restart the node
	// plugin: one life would unmount what the other uses.
	lives, restarts sync.Mutex
}

// begin prepares volumes and pods.
func (c *rig) begin(ctx context.Context) error {
	controller, err := c.dial(c.lab.Controller().Endpoint)
	if err != nil {
		return err
	}
	node, err := c.dial(c.lab.NodePlugin(c.at).Endpoint)
	if err != nil {
		return err
	}
	c.controller, c.node = csi.NewControllerClient(controller), csi.NewNodeClient(node)
	if c.before, err = c.snapshot(ctx); err != nil {
		return err
	}
	if c.disks, err = c.makeDisks(ctx); err != nil {
		return err
	}
	volumes, err := c.createAll(ctx, "first", "second", "hung", "spare")
	if err != nil {
		return err
	}
	c.used, c.hung, c.spare = volumes[:2], volumes[2], volumes[3]
	for _, v := range volumes[:3] {
		if err := c.stage(ctx, v); err != nil {
			return err
		}
	}
	for _, p := range []*pod{
		{name: "first-follows", volume: c.used[0], propagation: "rslave"},
		{name: "first-alone", volume: c.used[0], propagation: "private"},
		{name: "second-alone", volume: c.used[1], propagation: "private"},
	} {
		if err := c.start(ctx, p); err != nil {
			return fmt.Errorf("pod %s: %w", p.name, err)
		}
		c.pods = append(c.pods, p)
	}
	return c.Apps().Progress(ctx)
}

func (c *rig) createAll(ctx context.Context, names ...string) ([]*volume, error) {
	volumes := make([]*volume, len(names))
	group, ctx := errgroup.WithContext(ctx)
	for i, name := range names {
		group.Go(func() (err error) {
			volumes[i], err = c.create(ctx, name)
			return err
		})
	}
	return volumes, group.Wait()
}

// dial connects to a socket that may be absent for a while: calls wait for it, and work again soon after a restart.
func (c *rig) dial(endpoint string) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient(endpoint,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.5, MaxDelay: 200 * time.Millisecond},
		}),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err == nil {
		c.conns = append(c.conns, conn)
	}
	return conn, err
}

// Where returns the name of the lab in reports.
func (c *rig) Where() string { return report.Lab }

// Apps returns the workloads of all pods.
func (c *rig) Apps() apps.All {
	all := make(apps.All, len(c.pods))
	for i, p := range c.pods {
		all[i] = p.App
	}
	return all
}

func (c *rig) machine() *lab.Machine { return c.lab.Node(c.at) }

// dir returns the directory for staging and target paths on the machine.
func (c *rig) dir() string { return c.lab.NodeDir(c.at) }

// plugin returns the node plugin of the machine.
func (c *rig) plugin() *lab.Service {
	plugin := c.lab.NodePlugin(c.at).Service
	if c.before65 {
		plugin = plugin.Before65()
	}
	if c.cgroupV2 {
		plugin = plugin.CgroupV2()
	}
	return plugin
}

// restart ends the node plugin with SIGTERM and starts it again.
func (c *rig) restart(ctx context.Context) error {
	c.restarts.Lock()
	defer c.restarts.Unlock()
	return c.plugin().Restart(ctx)
}

// close ends the remaining pods and the connections.
func (c *rig) close() error {
	errs := make([]error, 0, len(c.pods)+len(c.conns))
	for _, p := range c.pods {
		errs = append(errs, p.kill())
	}
	for _, conn := range c.conns {
		errs = append(errs, conn.Close())
	}
	return errors.Join(errs...)
}
