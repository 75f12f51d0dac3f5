package integration

import (
	"context"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// TestNodeDown calls everything that needs all storage machines while one is off. Each answer gives the reason and asks for a
// repetition, and each call succeeds when the machine is back, without a trace of the attempts.
func TestNodeDown(t *testing.T) {
	r := newRig(t)
	doomed, small := r.create(createRequest(replica3())), r.create(createRequest(replica3()))
	doomedSeen := r.mustGlusterVolume(nameOf(doomed))
	request := createRequest(replica3())
	r.noticeSooner()
	r.Cleanup(func() { r.powerOn() })
	r.ok(r.lab.Storage(1).PowerCut(r.call()), "power cut")

	_, err := r.controller.CreateVolume(r.call(), request)
	// Heketi cannot undo either operation on the machine that is off, so both stay pending.
	const says = "Heketi cannot reach one of its gluster nodes"
	r.refused(err, codes.Aborted, "dial tcp "+r.lab.Storage(1).IP, says)
	err = r.expand(small, 2)
	r.refused(err, codes.Aborted, "dial tcp "+r.lab.Storage(1).IP, says, nameOf(small), "1 GiB")
	remove := func() error {
		_, err := r.controller.DeleteVolume(r.call(), &csi.DeleteVolumeRequest{VolumeId: doomed.GetVolumeId()})
		return err
	}
	err = remove()
	r.refused(err, codes.FailedPrecondition, "peers are down", nameOf(doomed)+" stopped", "must be repeated")
	if seen := r.mustGlusterVolume(nameOf(doomed)); seen.Status != "Stopped" {
		r.Errorf("the message says that the volume may be stopped, and gluster has %+v", seen)
	}
	if found := r.inHeketi(nameOf(doomed)); len(found) != 1 || found[0].Pending != "" {
		r.Errorf("Heketi has %+v, want the volume as before", found)
	}

	r.powerOn()
	r.isTheOnlyOne(request, r.repeat(request))
	r.eventually(callLimit, "DeleteVolume succeeds", remove)
	r.nowhere(doomedSeen, r.brickPaths(doomedSeen))
	// Heketi could not undo its attempt on the machine that was off. It does so within the hour, which may have been just now.
	if err := r.expand(small, 2); err != nil {
		r.expandBlocked(small, 1, err, 3)
		r.cleanUpByHand()
	}
	r.expands(small, 2)
}

// TestPowerCutInCreate switches a storage machine off while Heketi makes a brick there. Heketi waits for the machine, and the
// call ends earlier.
func TestPowerCutInCreate(t *testing.T) {
	r := newRig(t)
	request := createRequest(replica3())
	gate, err := r.lab.Hold("mkdir", "-p /var/lib/heketi/mounts", lab.After)
	r.ok(err, "hold Heketi")
	r.Cleanup(func() { r.ok(gate.Open(), "release Heketi's calls") })
	ctx, cancel := context.WithCancel(r.call())
	defer cancel()
	answers := make(chan error, 1)
	go func() {
		_, err := r.controller.CreateVolume(ctx, request)
		answers <- err
	}()
	r.ok(gate.Wait(r.ctx(commandLimit), 3), "Heketi makes bricks")
	r.Cleanup(func() { r.powerOn() })
	r.ok(r.lab.Storage(1).PowerCut(r.call()), "power cut")
	r.ok(gate.Open(), "let Heketi go on")
	time.AfterFunc(2*time.Second, cancel)
	if err := <-answers; status.Code(err) != codes.Canceled && status.Code(err) != codes.Aborted {
		r.Errorf("CreateVolume that was given up: %v", err)
	}
	r.powerOn()
	r.isTheOnlyOne(request, r.repeat(request))
	r.noOperation()
	r.bricksAgree()
}

// noticeSooner lets the hub notice in 0.3 s instead of 3 s that no machine answers at an address. Heketi would wait many times
// for this.
func (r *rig) noticeSooner() {
	r.Helper()
	set := func(milliseconds string) {
		_, err := r.command(r.lab.Hub(), "ip", "ntable", "change", "name", "arp_cache", "dev", "lab0", "retrans", milliseconds)
		r.ok(err, "change the neighbour table")
	}
	r.Cleanup(func() { set("1000") })
	set("100")
}
