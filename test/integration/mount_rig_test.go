package integration

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
)

// directory makes a directory on the node, which must be empty when the test ends. Any content was written beneath a mount, or
// should have been removed by the driver.
func (r *rig) directory(n *node) string {
	r.Helper()
	path := filepath.Join(n.dir, rand.Text())
	r.ok(os.Mkdir(path, 0o755), "make a directory") // on the host, whose file system the node shares
	r.Cleanup(func() {
		r.notMounted(n, path) // if the host removed a directory on which the node has a mount, the kernel would drop the mount
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			left, _ := os.ReadDir(path)
			r.Errorf("%s: %v: it has %v", n.Name, err, left)
		}
	})
	return path
}

func stageRequest(v *csi.Volume, staging string, flags ...string) *csi.NodeStageVolumeRequest {
	return &csi.NodeStageVolumeRequest{
		VolumeId: v.GetVolumeId(), VolumeContext: v.GetVolumeContext(),
		StagingTargetPath: staging, VolumeCapability: sharedByAll(flags...),
	}
}

// stage stages a volume at a new directory until the test ends.
func (r *rig) stage(n *node, v *csi.Volume, flags ...string) (staging string) {
	r.Helper()
	staging = r.directory(n)
	r.Cleanup(func() { r.unstage(n, v, staging) })
	_, err := n.NodeStageVolume(r.call(), stageRequest(v, staging, flags...))
	r.ok(err, "NodeStageVolume on "+n.Name)
	return staging
}

func (r *rig) unstage(n *node, v *csi.Volume, staging string) {
	r.Helper()
	_, err := n.NodeUnstageVolume(r.call(), &csi.NodeUnstageVolumeRequest{VolumeId: v.GetVolumeId(), StagingTargetPath: staging})
	r.ok(err, "NodeUnstageVolume on "+n.Name)
}

func publishRequest(v *csi.Volume, staging, target string) *csi.NodePublishVolumeRequest {
	return &csi.NodePublishVolumeRequest{
		VolumeId: v.GetVolumeId(), VolumeContext: v.GetVolumeContext(),
		StagingTargetPath: staging, TargetPath: target, VolumeCapability: sharedByAll(),
	}
}

// publish publishes a staged volume at a new path until the test ends.
func (r *rig) publish(n *node, v *csi.Volume, staging string, readOnly bool) (target string) {
	r.Helper()
	target = r.target(n, v)
	request := publishRequest(v, staging, target)
	request.Readonly = readOnly
	_, err := n.NodePublishVolume(r.call(), request)
	r.ok(err, "NodePublishVolume on "+n.Name)
	return target
}

// target returns a new path for publishing, which is unpublished when the test ends.
func (r *rig) target(n *node, v *csi.Volume) string {
	r.Helper()
	target := filepath.Join(r.directory(n), "mount")
	r.Cleanup(func() { r.unpublish(n, v, target) })
	return target
}

func (r *rig) unpublish(n *node, v *csi.Volume, target string) {
	r.Helper()
	_, err := n.NodeUnpublishVolume(r.call(), &csi.NodeUnpublishVolumeRequest{VolumeId: v.GetVolumeId(), TargetPath: target})
	r.ok(err, "NodeUnpublishVolume on "+n.Name)
}

// write writes a file on the node.
func (r *rig) write(n *node, content string, path ...string) {
	r.Helper()
	r.ok(os.WriteFile(r.inside(n, path...), []byte(content), 0o644), "write on "+n.Name)
}

// read reads a file on the node and checks its content. Data that another node has just written may arrive a moment later: a
// dispersed volume keeps its lock, and with it the new size, for a second (disperse.eager-lock-timeout).
func (r *rig) read(n *node, content string, path ...string) {
	r.Helper()
	r.eventually(10*time.Second, "read on "+n.Name, func() error {
		data, err := os.ReadFile(r.inside(n, path...))
		if err != nil {
			return err
		}
		if string(data) != content {
			return fmt.Errorf("%s: %s has %q, want %q", n.Name, filepath.Join(path...), data, content)
		}
		return nil
	})
}
