package integration

import (
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
)

// TestHeketiKilledInCreate loses Heketi while it works. It forgets the operation, and blocks the name until it has
// cleaned up; the driver has to say so, and to succeed afterwards.
func TestHeketiKilledInCreate(t *testing.T) {
	r := newRig(t)
	request := createRequest(replica3())
	answers := r.creating(request)
	r.end(r.lab.Heketi(), r.lab.Heketi().Kill)
	r.ok(r.lab.Heketi().Start(r.call()), "start Heketi")
	r.refused((<-answers).err, codes.Aborted, "heketi-cli server operations cleanup")
	_, err := r.controller.CreateVolume(r.call(), request)
	r.refused(err, codes.Aborted, "heketi-cli server operations cleanup")
	r.cleanUpHeketi()
	r.isTheOnlyOne(request, r.repeat(request))
}

// TestHeketiKilledInDelete does the same to a delete.
func TestHeketiKilledInDelete(t *testing.T) {
	r := newRig(t)
	request := createRequest(replica3())
	v := r.create(request)
	seen := r.mustGlusterVolume(nameOf(v))
	bricks := r.brickPaths(seen)
	answers := make(chan error, 1)
	ctx := r.call()
	go func() {
		_, err := r.controller.DeleteVolume(ctx, &csi.DeleteVolumeRequest{VolumeId: v.GetVolumeId()})
		answers <- err
	}()
	r.pending(request.GetName())
	r.end(r.lab.Heketi(), r.lab.Heketi().Kill)
	r.ok(r.lab.Heketi().Start(r.call()), "start Heketi")
	r.refused(<-answers, codes.Aborted, "heketi-cli server operations cleanup")
	r.cleanUpHeketi()
	r.eventually(callLimit, "DeleteVolume succeeds", func() error {
		_, err := r.controller.DeleteVolume(r.call(), &csi.DeleteVolumeRequest{VolumeId: v.GetVolumeId()})
		return err
	})
	r.nowhere(seen, bricks)
}

// cleanUpHeketi does now what Heketi does by itself a minute after its start.
func (r *rig) cleanUpHeketi() {
	r.Helper()
	_, err := r.lab.Heketi().CLI(r.call(), "server", "operations", "cleanup")
	r.ok(err, "heketi-cli server operations cleanup")
}
