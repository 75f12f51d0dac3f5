package integration

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// kill kills a FUSE client, whose mounts stay, and waits until the node sees that they are dead.
func (r *rig) kill(n *node, volume, target string) {
	r.Helper()
	r.signal(n, volume, "KILL")
	r.eventually(commandLimit, "the mount dies with its client", func() error {
		if _, err := os.ReadDir(r.inside(n, target)); !errors.Is(err, syscall.ENOTCONN) {
			return fmt.Errorf("reading %s: %w", target, errors.Join(err, errors.New("still answered")))
		}
		return nil
	})
}

// withoutHealing runs a node plugin that does not repair dead mounts, until the test ends.
func (r *rig) withoutHealing(n *node) *lab.Service {
	r.Helper()
	plugin := n.plugin.WithArgs("--heal-mounts=false")
	r.Cleanup(func() { r.ok(n.plugin.Restart(r.call()), "restart the node plugin") })
	r.ok(n.plugin.Stop(r.call()), "stop the node plugin")
	return plugin
}

// TestDeadClient kills the FUSE client under mounts that are in use.
func TestDeadClient(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	plugin := r.withoutHealing(n)
	r.ok(plugin.Start(r.call()), "start the node plugin")
	v := r.create(createRequest(single()))
	for name, check := range map[string]func(r *rig, staging, target string){
		"unpublish and unstage": func(r *rig, staging, target string) {
			r.unpublish(n, v, target)
			r.absent(n, target)
			r.unstage(n, v, staging)
		},
		"stage again": func(r *rig, staging, target string) {
			_, err := n.NodeStageVolume(r.call(), stageRequest(v, staging))
			r.ok(err, "NodeStageVolume over a dead client")
			r.read(n, "data", staging, "file")
			r.onlyClient(n, nameOf(v))

			_, err = n.NodePublishVolume(r.call(), publishRequest(v, staging, target))
			r.ok(err, "NodePublishVolume over a dead bind")
			r.read(n, "data", target, "file")
			r.write(n, "data", target, "file")
			r.sameDevice(n, staging, target)
		},
		"publish alone": func(r *rig, staging, target string) {
			_, err := n.NodePublishVolume(r.call(), publishRequest(v, staging, target))
			r.ok(err, "NodePublishVolume over a dead client")
			r.read(n, "data", target, "file")
			r.onlyClient(n, nameOf(v))
			r.sameDevice(n, staging, target)
		},
		"statistics": func(r *rig, staging, target string) {
			for _, path := range []string{staging, target} {
				_, err := n.NodeGetVolumeStats(r.call(), &csi.NodeGetVolumeStatsRequest{VolumeId: v.GetVolumeId(), VolumePath: path})
				r.refused(err, codes.Unavailable, "client of volume "+v.GetVolumeId()+" has ended")
			}
		},
		"another node plugin": func(r *rig, staging, target string) {
			r.ok(plugin.Kill(r.call()), "kill the node plugin")
			r.ok(plugin.Start(r.call()), "start the node plugin")
			_, err := n.NodePublishVolume(r.call(), publishRequest(v, staging, target))
			r.ok(err, "NodePublishVolume over a dead client, by another process")
			r.read(n, "data", target, "file")
		},
	} {
		r.Run(name, func(t *testing.T) {
			r := r.on(t)
			staging := r.stage(n, v)
			target := r.publish(n, v, staging, false)
			r.write(n, "data", target, "file")
			r.kill(n, nameOf(v), target)
			check(r, staging, target)
			r.unpublish(n, v, target)
			r.unstage(n, v, staging)
			r.notMounted(n, filepath.Dir(n.dir))
			r.noClient(n, nameOf(v))
		})
	}
}

// TestDeadClientBefore65 replaces a dead client twice as on kernels that cannot mount beneath a dead mount: the covering mount is
// visible on the node outside the node plugin, and a read-only bind stays read-only.
func TestDeadClientBefore65(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	v := r.create(createRequest(single()))
	r.ok(r.withoutHealing(n).Before65().Start(r.call()), "start the node plugin without MOVE_MOUNT_BENEATH")
	staging := r.stage(n, v)
	target, readOnly := r.publish(n, v, staging, false), r.publish(n, v, staging, true)
	r.write(n, "data", target, "file")
	for layers := 2; layers <= 3; layers++ {
		r.kill(n, nameOf(v), target)
		for _, readonly := range []bool{false, true} {
			request := publishRequest(v, staging, target)
			if readonly {
				request.TargetPath, request.Readonly = readOnly, true
			}
			_, err := n.NodePublishVolume(r.call(), request)
			r.ok(err, "NodePublishVolume over a dead client")
		}
		r.write(n, "data", target, "file")
		r.read(n, "data", readOnly, "file")
		if err := os.WriteFile(r.inside(n, readOnly, "file"), nil, 0o600); !errors.Is(err, syscall.EROFS) {
			t.Errorf("a write to the read-only target: %v", err)
		}
		r.sameDevice(n, staging, target)
		if got := len(r.mounts(n, target)); got != layers {
			t.Errorf("%d layers at the target, want %d", got, layers)
		}
	}
	for _, path := range []string{target, readOnly} {
		r.unpublish(n, v, path)
	}
	r.unstage(n, v, staging)
	r.notMounted(n, filepath.Dir(n.dir))
	r.noClient(n, nameOf(v))
}

// sameDevice checks that the mounts visible at both paths belong to one client. On kernels before 6.5 a dead mount stays below,
// covered.
func (r *rig) sameDevice(n *node, staging, target string) {
	r.Helper()
	a, b := r.mounts(n, staging), r.mounts(n, target)
	if len(a) == 0 || len(b) == 0 || device(a[len(a)-1]) != device(b[len(b)-1]) {
		r.Errorf("want one device, mountinfo has %s and %s", describe(a), describe(b))
	}
}

// TestHungClient stops the client instead of killing it: calls must not wait for it, and cleaning up must succeed.
func TestHungClient(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	v := r.create(createRequest(single()))
	staging := r.stage(n, v)
	target := r.publish(n, v, staging, false)
	r.signal(n, nameOf(v), "STOP")

	_, err := n.NodeGetVolumeStats(r.call(), &csi.NodeGetVolumeStatsRequest{VolumeId: v.GetVolumeId(), VolumePath: target})
	r.refused(err, codes.DeadlineExceeded, "volume "+v.GetVolumeId()+" does not answer")
	_, err = n.NodeStageVolume(r.call(), stageRequest(v, staging))
	r.refused(err, codes.Unavailable, "hangs")
	_, err = n.NodePublishVolume(r.call(), publishRequest(v, staging, target))
	r.refused(err, codes.Unavailable, "hangs")

	r.unpublish(n, v, target)
	r.absent(n, target)
	r.unstage(n, v, staging)
	r.notMounted(n, filepath.Dir(n.dir))
	r.noClient(n, nameOf(v))
	r.noState(n)
}
