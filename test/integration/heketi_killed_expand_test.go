package integration

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// TestHeketiKilledInExpand kills Heketi at each stage of an expand before gluster has the new bricks, and when the expand is
// complete. The unfinished operation blocks the volume's size until Heketi has undone it; the driver does not speed that up.
func TestHeketiKilledInExpand(t *testing.T) {
	r := newRig(t)
	request := createRequest(replica3())
	v := r.create(request)
	for i, s := range []stage{
		{name: "accepted", program: "mkdir", pattern: "-p /var/lib/heketi/mounts", when: lab.Before, calls: 3},
		{name: "logical volumes made", program: "mkfs.xfs", when: lab.Before, calls: 3, bricks: 3},
		{name: "bricks made", program: "gluster", pattern: "add-brick", when: lab.Before, calls: 1, bricks: 3},
		{name: "finished, answer lost", program: "gluster", pattern: "add-brick", when: lab.After, calls: 1, bricks: 3, members: 3, answerLost: true},
	} {
		size := i + 1 // in GiB, with three bricks each
		s.status, s.members = "Started", s.members+3*size
		r.Run(s.name, func(t *testing.T) {
			r := r.on(t)
			err := r.killedAt(s, request.GetName(), func() error { return r.expand(v, size+1) })
			if s.answerLost {
				r.ok(err, "ControllerExpandVolume that has reached its size")
			} else {
				r.expandBlocked(v, size, err, s.members)
				r.cleanUpByHand()
			}
			r.expands(v, size+1)
		})
	}
}

// TestHeketiKilledAfterAddBrick kills Heketi when gluster uses the new bricks but Heketi's records do not have them yet: no data
// may be lost, the driver must not add bricks again, and the steps in docs/troubleshooting.md must solve the problem.
func TestHeketiKilledAfterAddBrick(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	request := createRequest(replica3())
	v := r.create(request)
	target := r.publish(n, v, r.stage(n, v), false)
	r.write(n, "from before", target, "kept")
	err := r.killedAt(stage{
		program: "gluster", pattern: "add-brick", when: lab.After, calls: 1, bricks: 3, status: "Started", members: 6,
	}, request.GetName(), func() error { return r.expand(v, 2) })
	r.expandBlocked(v, 1, err, 6)
	r.write(n, "on the new bricks or the old", target, "meanwhile")

	// Heketi does this by itself a minute after its start. It cannot remove bricks that are in use, and reports that only in its
	// log.
	r.cleanUpByHand()
	if r.anOperation() == "" {
		r.Error("Heketi has undone the expand while gluster uses its bricks")
	}
	if used, mounted, kept := r.bricksInGluster(), r.brickMounts(), r.bricksInFstab(); !maps.Equal(mounted, used) || len(kept) != len(used)-3 {
		r.Errorf("gluster has the bricks %v, mounted are %v, in fstab are %v: want all mounted, and the three new ones not in fstab any more", used, mounted, kept)
	}
	r.expandBlocked(v, 1, r.expand(v, 2), 6)
	r.read(n, "from before", target, "kept")
	r.read(n, "on the new bricks or the old", target, "meanwhile")

	r.removeNewBricks(nameOf(v))
	r.cleanUpByHand()
	r.noOperation()
	r.expands(v, 2)
	r.read(n, "from before", target, "kept")
	r.read(n, "on the new bricks or the old", target, "meanwhile")
}

// expand requests a size in GiB.
func (r *rig) expand(v *csi.Volume, size int) error {
	_, err := r.controller.ControllerExpandVolume(r.call(), expandRequest(v, int64(size)*gib))
	return err
}

// expandBlocked checks that the answer to an expand by 1 GiB, and to its repetition, names what blocks the volume and where to
// look, and that nothing changes.
func (r *rig) expandBlocked(v *csi.Volume, size int, err error, members int) {
	r.Helper()
	says := []string{nameOf(v), r.anOperation(), "expand", "gluster volume info"}
	for range 2 {
		r.refused(err, codes.Aborted, says...)
		err = r.expand(v, size+1)
	}
	r.isInHeketi(v, size, "replicate:3")
	if seen := r.mustGlusterVolume(nameOf(v)); len(seen.Bricks) != members || seen.Status != "Started" {
		r.Errorf("gluster has %+v, want %d bricks", seen, members)
	}
}

// expands repeats the expand to a size in GiB until it succeeds, and checks the result in Heketi, in gluster and on the bricks.
func (r *rig) expands(v *csi.Volume, size int) {
	r.Helper()
	r.eventually(callLimit, "ControllerExpandVolume succeeds", func() error {
		err := r.expand(v, size)
		if code := status.Code(err); err != nil && code != codes.Aborted && code != codes.Unavailable {
			r.Fatalf("ControllerExpandVolume is not to be repeated after %v", err)
		}
		return err
	})
	r.isInHeketi(v, size, "replicate:3")
	if seen := r.mustGlusterVolume(nameOf(v)); len(seen.Bricks) != 3*size {
		r.Errorf("gluster has %+v, want %d bricks", seen, 3*size)
	}
	r.noOperation()
	r.bricksAgree()
}

// cleanUpByHand starts the cleanup that Heketi runs by itself a minute after its start and then every hour.
func (r *rig) cleanUpByHand() {
	r.Helper()
	_, err := r.lab.Heketi().CLI(r.call(), "server", "operations", "cleanup")
	r.ok(err, "heketi-cli server operations cleanup")
}

// removeNewBricks makes gluster move the data off the second set of bricks and remove it from the volume.
func (r *rig) removeNewBricks(volume string) {
	r.Helper()
	args := append([]string{"volume", "remove-brick", volume}, r.mustGlusterVolume(volume).Bricks[3:]...)
	r.gluster(2, append(args, "start")...)
	r.eventually(callLimit, "the data has been moved", func() error {
		// The query sometimes fails for all nodes if one node has just finished its part.
		out, err := r.command(r.lab.Storage(2), "gluster", append([]string{"--mode=script"}, append(args, "status")...)...)
		if err == nil && strings.Contains(out, "in progress") {
			err = errors.New(out)
		}
		return err
	})
	r.gluster(2, append(args, "commit")...)
}
