package integration

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
)

// TestLifecycle follows the life of a volume that two nodes share.
func TestLifecycle(t *testing.T) {
	r := newRig(t)
	one, two := r.nodes[0], r.nodes[1]
	v := r.create(createRequest(replica3()))
	seen := r.mustGlusterVolume(nameOf(v))
	bricks := r.brickPaths(seen)

	staged := map[*node]string{one: r.stage(one, v), two: r.stage(two, v)}
	first, second, third := r.publish(one, v, staged[one], false), r.publish(one, v, staged[one], false), r.publish(two, v, staged[two], false)
	r.write(one, "written on node1", first, "page")
	r.read(one, "written on node1", second, "page")
	r.read(two, "written on node1", third, "page")
	if n := r.onBricks(seen, "page", "written on node1"); n != 3 {
		r.Errorf("the file is on %d of the bricks %v, want 3", n, seen.Bricks)
	}
	for _, n := range r.nodes {
		r.onlyClient(n, nameOf(v))
	}
	staging := r.glusterMount(one, staged[one])
	for _, target := range []string{first, second} {
		if m := r.glusterMount(one, target); device(m) != device(staging) || isReadOnly(m) {
			r.Errorf("want a writable bind of %s at %s, mountinfo has %s", device(staging), target, describe(r.mounts(one, target)))
		}
	}
	r.statsAgree(one, v, first)

	r.unpublish(one, v, first)
	r.absent(one, first)
	r.read(one, "written on node1", second, "page") // the other mount of the node still works
	r.unpublish(one, v, second)
	r.absent(one, second)
	r.unstage(one, v, staged[one])
	r.notMounted(one, one.dir)
	r.noClient(one, nameOf(v))
	r.read(two, "written on node1", third, "page") // so does the mount on the other node
	r.unpublish(two, v, third)
	r.unstage(two, v, staged[two])
	r.notMounted(two, two.dir)
	r.noClient(two, nameOf(v))
	r.delete(v.GetVolumeId())
	r.nowhere(seen, bricks)
}

// statsAgree compares the driver's numbers with the kernel's.
func (r *rig) statsAgree(n *node, v *csi.Volume, target string) {
	r.Helper()
	answer, err := n.NodeGetVolumeStats(r.call(), &csi.NodeGetVolumeStatsRequest{VolumeId: v.GetVolumeId(), VolumePath: target})
	r.ok(err, "NodeGetVolumeStats")
	var st syscall.Statfs_t
	r.ok(syscall.Statfs(r.inside(n, target), &st), "statfs")
	unit := st.Frsize
	want := map[csi.VolumeUsage_Unit][3]int64{
		csi.VolumeUsage_BYTES:  {int64(st.Blocks) * unit, int64(st.Blocks-st.Bfree) * unit, int64(st.Bavail) * unit},
		csi.VolumeUsage_INODES: {int64(st.Files), int64(st.Files - st.Ffree), int64(st.Ffree)},
	}
	if len(answer.GetUsage()) != len(want) {
		r.Errorf("statistics are %v", answer)
	}
	for _, u := range answer.GetUsage() {
		if got := [3]int64{u.GetTotal(), u.GetUsed(), u.GetAvailable()}; got != want[u.GetUnit()] {
			r.Errorf("%s are total, used, available %v, statfs says %v", u.GetUnit(), got, want[u.GetUnit()])
		}
	}
}

// TestReadOnly publishes one volume for writing and for reading.
func TestReadOnly(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	v := r.create(createRequest(single()))
	staging := r.stage(n, v)
	writable := r.publish(n, v, staging, false)
	byFlag := r.publish(n, v, staging, true)
	byMode := r.target(n, v)
	request := publishRequest(v, staging, byMode)
	request.VolumeCapability = capability(csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY)
	_, err := n.NodePublishVolume(r.call(), request)
	r.ok(err, "NodePublishVolume with a read-only mode")

	r.write(n, "data", writable, "file")
	for what, target := range map[string]string{"readonly": byFlag, "MULTI_NODE_READER_ONLY": byMode} {
		if m := r.glusterMount(n, target); !isReadOnly(m) {
			r.Errorf("published %s, but mountinfo has %s", what, describe(r.mounts(n, target)))
		}
		r.read(n, "data", target, "file")
		if err := os.WriteFile(r.inside(n, target, "file"), nil, 0o644); !errors.Is(err, syscall.EROFS) {
			r.Errorf("writing where it is published %s: %v, want %v", what, err, syscall.EROFS)
		}
	}
	r.write(n, "more", writable, "file")
	r.onlyClient(n, nameOf(v))
}
