package integration

import (
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
)

// TestHeketiKilledInCreate loses Heketi while it works. It forgets the operation and blocks the name; the driver asks for
// the clean-up of that operation, and makes the volume.
func TestHeketiKilledInCreate(t *testing.T) {
	r := newRig(t)
	request := createRequest(replica3())
	answers := r.creating(request)
	r.end(r.lab.Heketi(), r.lab.Heketi().Kill)
	r.ok(r.lab.Heketi().Start(r.call()), "start Heketi")
	<-answers // a volume, or that the call is to be repeated
	r.isTheOnlyOne(request, r.repeat(request))
	r.noOperation()
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
	if err := <-answers; err != nil {
		r.Logf("the delete is to be repeated: %v", err)
	}
	r.eventually(callLimit, "DeleteVolume succeeds", func() error {
		_, err := r.controller.DeleteVolume(r.call(), &csi.DeleteVolumeRequest{VolumeId: v.GetVolumeId()})
		return err
	})
	r.nowhere(seen, bricks)
	r.noOperation()
}

// noOperation: nothing is left that Heketi would have to clean up.
func (r *rig) noOperation() {
	r.Helper()
	out, err := r.lab.Heketi().CLI(r.call(), "server", "operations", "list")
	r.ok(err, "heketi-cli server operations list")
	if strings.Contains(string(out), "Id:") {
		r.Errorf("operations are left in Heketi:\n%s", out)
	}
}
