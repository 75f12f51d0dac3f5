package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// bench holds the state that the families share.
type bench struct {
	lab        *lab.Lab // nil until a family needs it
	dir        string   // the lab's directory; each rig has one beside it
	driver     string
	pairs      int // replaces the usual number unless 0
	controller csi.ControllerClient
	node       csi.NodeClient // on client machine 1
	names      int

	connections []*grpc.ClientConn // of controller and node
}

// runs returns the number of pairs.
func (b *bench) runs(usual int) int {
	if b.pairs > 0 {
		return b.pairs
	}
	return usual
}

// up starts the lab and connects to the driver there, unless it has done so already.
func (b *bench) up(ctx context.Context) (err error) {
	if b.lab != nil {
		return nil
	}
	if b.lab, err = lab.Up(ctx, lab.Options{Dir: b.dir, Driver: b.driver, Out: os.Stdout, EndWithCaller: true}); err != nil {
		return err
	}
	controller, err := b.lab.Controller().Dial()
	if err != nil {
		return err
	}
	node, err := b.lab.NodePlugin(1).Dial()
	if err != nil {
		return errors.Join(err, controller.Close())
	}
	b.controller, b.node, b.connections = csi.NewControllerClient(controller), csi.NewNodeClient(node), []*grpc.ClientConn{controller, node}
	// The first call also establishes the connection, which an orchestrator does once and not for each volume.
	for _, conn := range b.connections {
		conn.Connect()
	}
	return nil
}

// down ends the lab if there is one.
func (b *bench) down(ctx context.Context) error {
	if b.lab == nil {
		return nil
	}
	var errs []error
	for _, conn := range b.connections {
		errs = append(errs, conn.Close())
	}
	return errors.Join(append(errs, b.lab.Down(ctx))...)
}

// logs names the logs to read after a family's failure.
func (b *bench) logs(f family) string {
	if f.onLab {
		return b.lab.LogDir()
	}
	return b.rigDir()
}

// name returns a new name each time.
func (b *bench) name(prefix string) string {
	b.names++
	return fmt.Sprintf("%s-%d", prefix, b.names)
}

// namesOf returns n new names.
func (b *bench) namesOf(prefix string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = b.name(prefix)
	}
	return names
}

// create creates a volume of 1 GiB with three replicas through the driver.
func (b *bench) create(ctx context.Context, name string) (*csi.Volume, error) {
	return b.createWith(ctx, name, map[string]string{"volumetype": "replicate:3"})
}

// createWith creates a volume of 1 GiB with these class parameters.
func (b *bench) createWith(ctx context.Context, name string, parameters map[string]string) (*csi.Volume, error) {
	answer, err := b.controller.CreateVolume(ctx, &csi.CreateVolumeRequest{
		Name:               name,
		CapacityRange:      &csi.CapacityRange{RequiredBytes: 1 << 30},
		Parameters:         parameters,
		VolumeCapabilities: []*csi.VolumeCapability{capability()},
	})
	return answer.GetVolume(), err
}

func (b *bench) remove(ctx context.Context, v *csi.Volume) error {
	_, err := b.controller.DeleteVolume(ctx, &csi.DeleteVolumeRequest{VolumeId: v.GetVolumeId()})
	return err
}

// capability returns a capability with mount options.
func capability(flags ...string) *csi.VolumeCapability {
	return &csi.VolumeCapability{
		AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{MountFlags: flags}},
		AccessMode: &csi.VolumeCapability_AccessMode{Mode: csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER},
	}
}

// place is where a volume is mounted on node 1: the staging path and the target, or the baseline's equivalents.
type place struct{ staging, target string }

// place makes the directories that an orchestrator makes. The lab's machines share the host's file system.
func (b *bench) place(name string) (place, error) {
	p := place{filepath.Join(b.lab.NodeDir(1), name, "staging"), filepath.Join(b.lab.NodeDir(1), name, "target")}
	return p, os.MkdirAll(p.staging, 0o755)
}

func (b *bench) stage(ctx context.Context, v *csi.Volume, p place, flags ...string) error {
	_, err := b.node.NodeStageVolume(ctx, &csi.NodeStageVolumeRequest{
		VolumeId: v.GetVolumeId(), VolumeContext: v.GetVolumeContext(), StagingTargetPath: p.staging, VolumeCapability: capability(flags...),
	})
	return err
}

func (b *bench) publish(ctx context.Context, v *csi.Volume, p place) error {
	_, err := b.node.NodePublishVolume(ctx, &csi.NodePublishVolumeRequest{
		VolumeId: v.GetVolumeId(), VolumeContext: v.GetVolumeContext(),
		StagingTargetPath: p.staging, TargetPath: p.target, VolumeCapability: capability(),
	})
	return err
}

func (b *bench) unpublish(ctx context.Context, v *csi.Volume, p place) error {
	_, err := b.node.NodeUnpublishVolume(ctx, &csi.NodeUnpublishVolumeRequest{VolumeId: v.GetVolumeId(), TargetPath: p.target})
	return err
}

func (b *bench) unstage(ctx context.Context, v *csi.Volume, p place) error {
	_, err := b.node.NodeUnstageVolume(ctx, &csi.NodeUnstageVolumeRequest{VolumeId: v.GetVolumeId(), StagingTargetPath: p.staging})
	return err
}

// quiet waits until no GlusterFS client is left on node 1. Clients end a little later than their last mount, and one that is
// ending must not slow down the next run.
func (b *bench) quiet(ctx context.Context) error {
	limit := time.Now().Add(30 * time.Second)
	for {
		left, err := b.lab.Node(1).Processes(ctx, "glusterfs")
		if err != nil || len(left) == 0 {
			return err
		}
		if time.Now().After(limit) {
			return fmt.Errorf("GlusterFS clients do not end: %v", left)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// clock returns the seconds since a moment.
func clock(since time.Time) float64 { return time.Since(since).Seconds() }

// clocked returns the duration of do in seconds.
func clocked(do func() error) (float64, error) {
	begin := time.Now()
	err := do()
	return clock(begin), err
}
