package glusterlab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// volume is a volume with its staging path.
type volume struct {
	*csi.Volume
	name    string
	staging string
}

func (v *volume) gluster() string { return v.GetVolumeContext()["volume"] }

// pingTimeout is GlusterFS's network.ping-timeout in seconds: the time for which a silent server holds up I/O.
const pingTimeout = "10"

// newestWins resolves the damage of a client that is killed during a rename: the name may then be another file on each brick, and
// looking it up fails (EIO) unless GlusterFS has a policy for choosing one.
const newestWins = "cluster.favorite-child-policy mtime"

func (c *rig) create(ctx context.Context, name string) (*volume, error) {
	answer, err := c.controller.CreateVolume(ctx, &csi.CreateVolumeRequest{
		Name: name, CapacityRange: &csi.CapacityRange{RequiredBytes: 1 << 30}, VolumeCapabilities: []*csi.VolumeCapability{capability()},
		Parameters: map[string]string{"volumetype": "replicate:3", "volumeoptions": "network.ping-timeout " + pingTimeout + "," + newestWins},
	})
	if err != nil {
		return nil, fmt.Errorf("create volume %s: %w", name, err)
	}
	v := &volume{Volume: answer.GetVolume(), name: name, staging: filepath.Join(c.dir(), name, "staging")}
	return v, os.MkdirAll(v.staging, 0o755)
}

func capability() *csi.VolumeCapability {
	return &csi.VolumeCapability{
		AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{}},
		AccessMode: &csi.VolumeCapability_AccessMode{Mode: csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER},
	}
}

// target returns the path at which a pod has a volume.
func (c *rig) target(v *volume, pod string) string {
	return filepath.Join(c.dir(), v.name, pod)
}

func (c *rig) stage(ctx context.Context, v *volume) error {
	return patiently(ctx, "stage "+v.name, func(ctx context.Context) error {
		_, err := c.node.NodeStageVolume(ctx, &csi.NodeStageVolumeRequest{
			VolumeId: v.GetVolumeId(), VolumeContext: v.GetVolumeContext(), StagingTargetPath: v.staging, VolumeCapability: capability(),
		})
		return err
	})
}

func (c *rig) publish(ctx context.Context, v *volume, pod string) error {
	return patiently(ctx, "publish "+v.name, func(ctx context.Context) error {
		_, err := c.node.NodePublishVolume(ctx, &csi.NodePublishVolumeRequest{
			VolumeId: v.GetVolumeId(), VolumeContext: v.GetVolumeContext(), StagingTargetPath: v.staging, TargetPath: c.target(v, pod),
			VolumeCapability: capability(),
		})
		return err
	})
}

func (c *rig) unpublish(ctx context.Context, v *volume, pod string) error {
	return patiently(ctx, "unpublish "+v.name, func(ctx context.Context) error {
		_, err := c.node.NodeUnpublishVolume(ctx, &csi.NodeUnpublishVolumeRequest{VolumeId: v.GetVolumeId(), TargetPath: c.target(v, pod)})
		return err
	})
}

func (c *rig) unstage(ctx context.Context, v *volume) error {
	return patiently(ctx, "unstage "+v.name, func(ctx context.Context) error {
		_, err := c.node.NodeUnstageVolume(ctx, &csi.NodeUnstageVolumeRequest{VolumeId: v.GetVolumeId(), StagingTargetPath: v.staging})
		return err
	})
}

// life makes all calls of a pod's life with a volume, and uses the volume in between.
func (c *rig) life(ctx context.Context, v *volume) error {
	c.lives.Lock()
	defer c.lives.Unlock()
	err := c.stage(ctx, v)
	if err == nil {
		err = c.publish(ctx, v, "life")
	}
	if err == nil {
		err = c.use(ctx, c.target(v, "life"))
	}
	return errors.Join(err, c.unpublish(ctx, v, "life"), c.unstage(ctx, v))
}

// use writes and reads a file through a mount of the machine. It checks the type of the file system instead of the mount table,
// which may change while it is read.
func (c *rig) use(ctx context.Context, dir string) error {
	const script = `fail() { echo "$1" >&2; exit 1; }
type=$(stat -f -c %t "$1") || fail "cannot read the file system type of $1"
test "$type" = 65735546 || fail "$1 has file system type $type, want 65735546: no volume is mounted there"
wrote=$(date +%s.%N)
echo "$wrote" >"$1/life" || fail "cannot write $1/life"
read=$(cat "$1/life") || fail "cannot read $1/life"
test "$read" = "$wrote" || fail "$1/life has '$read' instead of '$wrote'"`
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	if _, err := c.machine().Output(ctx, "sh", "-c", script, "sh", dir); err != nil {
		return fmt.Errorf("use %s: %w", dir, err)
	}
	return nil
}

const (
	callLimit = 30 * time.Second
	// patience is how long a failed call is repeated. On a busy machine, a stage may be too slow to end between any two of fifty
	// deaths of the plugin, and must be repeated until all of them are over.
	patience = 5 * time.Minute
)

// patiently repeats a call until it succeeds, as the kubelet does.
func patiently(ctx context.Context, what string, call func(context.Context) error) error {
	deadline := time.Now().Add(patience)
	for {
		limited, cancel := context.WithTimeout(ctx, callLimit)
		err := call(limited)
		cancel()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil || status.Code(err) == codes.InvalidArgument {
			return fmt.Errorf("%s: %w", what, err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}
