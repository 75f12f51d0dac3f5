package integration

import (
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

func stagesOfCreate() []stage {
	return []stage{
		{name: "accepted", program: "mkdir", pattern: "-p /var/lib/heketi/mounts", when: lab.Before, calls: 3},
		{name: "logical volumes made", program: "mkfs.xfs", when: lab.Before, calls: 3, bricks: 3},
		{name: "bricks made", program: "gluster", pattern: "volume create", when: lab.Before, calls: 1, bricks: 3},
		{name: "gluster volume made", program: "gluster", pattern: "volume create", when: lab.After, calls: 1, bricks: 3, status: "Created", members: 3},
		{name: "gluster volume started", program: "gluster", pattern: "volume start", when: lab.After, calls: 1, bricks: 3, status: "Started", members: 3},
		{name: "finished, answer lost", program: "gluster", pattern: "volume start", when: lab.After, calls: 1, bricks: 3, status: "Started", members: 3, answerLost: true},
	}
}

func stagesOfDelete() []stage {
	return []stage{
		{name: "accepted", program: "gluster", pattern: "volume stop", when: lab.Before, calls: 1, status: "Started", members: 3},
		{name: "gluster volume stopped", program: "gluster", pattern: "volume stop", when: lab.After, calls: 1, status: "Stopped", members: 3},
		{name: "gluster volume deleted", program: "gluster", pattern: "volume delete", when: lab.After, calls: 1},
		{name: "bricks unmounted", program: "umount", pattern: "/var/lib/heketi/mounts", when: lab.After, calls: 3},
		{name: "finished, answer lost", program: "umount", pattern: "/var/lib/heketi/mounts", when: lab.After, calls: 3, answerLost: true},
	}
}

// TestHeketiKilledInCreateAndDelete kills Heketi at each stage of a create, and at each stage of the delete of that volume.
// Heketi forgets the operation, and blocks the volume's name. The driver makes Heketi clean up: within the running call, a create
// is undone and repeated, and a delete is completed.
func TestHeketiKilledInCreateAndDelete(t *testing.T) {
	r := newRig(t)
	deletes := stagesOfDelete()
	for i, s := range stagesOfCreate() {
		request := createRequest(replica3())
		var v *csi.Volume
		r.Run("create "+s.name, func(t *testing.T) {
			r := r.on(t)
			r.ok(r.killedAt(s, request.GetName(), func() error {
				made, err := r.controller.CreateVolume(r.call(), request)
				v = made.GetVolume()
				return err
			}), "CreateVolume that was running")
			r.isTheOnlyOne(request, v)
			r.noOperation()
			r.bricksAgree()
		})
		if v == nil {
			continue
		}
		if i >= len(deletes) {
			r.delete(v.GetVolumeId())
			continue
		}
		r.Run("delete "+deletes[i].name, func(t *testing.T) {
			r := r.on(t)
			r.Cleanup(func() { r.delete(v.GetVolumeId()) })
			seen := r.mustGlusterVolume(nameOf(v))
			bricks := r.brickPaths(seen)
			r.ok(r.killedAt(deletes[i], request.GetName(), func() error {
				_, err := r.controller.DeleteVolume(r.call(), &csi.DeleteVolumeRequest{VolumeId: v.GetVolumeId()})
				return err
			}), "DeleteVolume that was running")
			r.nowhere(seen, bricks)
			r.noOperation()
			r.bricksAgree()
		})
	}
}
