package integration

import (
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
)

// TestExpandUnderAMount expands a volume that a node has mounted, with several concurrent calls.
func TestExpandUnderAMount(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	v := r.create(createRequest(replica3()))
	staging := r.stage(n, v)
	target := r.publish(n, v, staging, false)
	r.write(n, "from before", target, "kept")
	before := r.statfs(n, target)

	r.expandAtOnce(4, v, 3*gib)
	seen := r.mustGlusterVolume(nameOf(v))
	if found := r.inHeketi(nameOf(v)); len(found) != 1 || found[0].GiB != 3 || len(seen.Bricks) != 6 {
		r.Errorf("want 3 GiB on 6 bricks; heketi has %+v, gluster has bricks %v", found, seen.Bricks)
	}
	expanded, err := n.NodeExpandVolume(r.call(), &csi.NodeExpandVolumeRequest{
		VolumeId: v.GetVolumeId(), VolumePath: target, StagingTargetPath: staging, CapacityRange: &csi.CapacityRange{RequiredBytes: 3 * gib},
	})
	r.ok(err, "NodeExpandVolume")
	if after := r.statfs(n, target); after < 5*before/2 || expanded.GetCapacityBytes() != after {
		r.Errorf("NodeExpandVolume answers %d bytes, statfs says %d, before it was %d", expanded.GetCapacityBytes(), after, before)
	}
	r.read(n, "from before", target, "kept")
	r.write(n, "from after", target, "new")
	r.read(n, "from after", target, "new")

	// A volume that is large enough stays as it is.
	answer, err := r.controller.ControllerExpandVolume(r.call(), expandRequest(v, 2*gib))
	r.ok(err, "ControllerExpandVolume to less")
	if answer.GetCapacityBytes() != 3*gib || !answer.GetNodeExpansionRequired() {
		r.Errorf("answer is %v, want 3 GiB and the node's step", answer)
	}
	bricks := r.brickPaths(seen)
	r.unpublish(n, v, target)
	r.unstage(n, v, staging)
	r.delete(v.GetVolumeId())
	r.nowhere(seen, bricks)
}

func expandRequest(v *csi.Volume, bytes int64) *csi.ControllerExpandVolumeRequest {
	return &csi.ControllerExpandVolumeRequest{VolumeId: v.GetVolumeId(), CapacityRange: &csi.CapacityRange{RequiredBytes: bytes}}
}

func (r *rig) expandAtOnce(callers int, v *csi.Volume, bytes int64) {
	r.Helper()
	errs := make([]error, callers)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() { _, errs[i] = r.controller.ControllerExpandVolume(r.call(), expandRequest(v, bytes)) })
	}
	all.Wait()
	for _, err := range errs {
		r.ok(err, "ControllerExpandVolume")
	}
}

func (r *rig) statfs(n *node, target string) int64 {
	r.Helper()
	var st syscall.Statfs_t
	r.ok(syscall.Statfs(r.inside(n, target), &st), "statfs")
	return int64(st.Blocks) * st.Frsize
}

// TestExpandRefused: a refused expand changes nothing.
func TestExpandRefused(t *testing.T) {
	r := newRig(t)
	v := r.create(createRequest(single()))
	_, err := r.controller.ControllerExpandVolume(r.call(), expandRequest(v, 1000*gib))
	r.refused(err, codes.OutOfRange, nameOf(v))
	_, err = r.controller.ControllerExpandVolume(r.call(), &csi.ControllerExpandVolumeRequest{
		VolumeId: v.GetVolumeId(), CapacityRange: &csi.CapacityRange{RequiredBytes: gib + 1, LimitBytes: gib + 2},
	})
	r.refused(err, codes.OutOfRange, "limit_bytes")
	if found := r.inHeketi(nameOf(v)); len(found) != 1 || found[0].GiB != 1 {
		r.Errorf("heketi has %+v, want 1 GiB", found)
	}
}

// TestInTreeClass creates two volumes with every parameter that an in-tree class can have, and checks the result.
func TestInTreeClass(t *testing.T) {
	r := newRig(t)
	class := map[string]string{
		"restURL": r.lab.Heketi().URL + "/", "restAuthEnabled": "true", "restUser": "admin", "secretNamespace": "default", "secretName": "heketi",
		"gidMin": "40000", "gidMax": "40010", "volumeType": "none", "volumeOptions": "performance.quick-read off, network.ping-timeout 20",
		"volumeNamePrefix": "team-a", "snapFactor": "1.2", "customEpNamePrefix": "x",
		"csi.storage.k8s.io/pvc/name": "site", "csi.storage.k8s.io/pvc/namespace": "web",
	}
	first, second := r.create(createRequest(class)), r.create(createRequest(class))
	if a, b := first.GetVolumeContext()["gid"], second.GetVolumeContext()["gid"]; a != "40000" || b != "40001" {
		r.Errorf("group ids are %s and %s, want 40000 and 40001", a, b)
	}
	out := r.gluster(2, "volume", "info", nameOf(first))
	for _, option := range []string{"performance.quick-read: off", "network.ping-timeout: 20", "team-a_csi-web_site-"} {
		if !strings.Contains(out, option) {
			r.Errorf("no %q in\n%s", option, out)
		}
	}
	n := r.nodes[0]
	staging := r.stage(n, second)
	target := r.publish(n, second, staging, false)
	var st syscall.Stat_t
	r.ok(syscall.Stat(r.inside(n, target), &st), "stat")
	if gid := strconv.Itoa(int(st.Gid)); gid != "40001" || st.Mode&0o7777 != 0o2775 {
		r.Errorf("the volume's root has group %s and mode %o, want 40001 and 2775", gid, st.Mode&0o7777)
	}
	r.unpublish(n, second, target)
	r.unstage(n, second, staging)
}
