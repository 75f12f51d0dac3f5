package integration

import (
	"sync"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
)

// TestCreateAgain repeats creates and deletes, with the same and with other parameters.
func TestCreateAgain(t *testing.T) {
	r := newRig(t)
	request := createRequest(single())
	v := r.create(request)
	if again := r.create(request); !proto.Equal(again, v) {
		r.Errorf("the second call answers %v, the first %v", again, v)
	}
	for _, c := range []struct {
		name   string
		change func(*csi.CreateVolumeRequest)
		says   string
	}{
		{"larger", func(r *csi.CreateVolumeRequest) { r.CapacityRange.RequiredBytes = 2 * gib }, "size"},
		{"replicated", func(r *csi.CreateVolumeRequest) { r.Parameters = map[string]string{"volumetype": "replicate:2"} }, "volumetype"},
	} {
		r.Run(c.name, func(t *testing.T) {
			r := r.on(t)
			other := proto.CloneOf(request)
			c.change(other)
			_, err := r.controller.CreateVolume(r.call(), other)
			r.refused(err, codes.AlreadyExists, nameOf(v), c.says)
		})
	}
	r.isInHeketi(v, 1, "none")
	seen := r.mustGlusterVolume(nameOf(v))
	bricks := r.brickPaths(seen)
	r.delete(v.GetVolumeId())
	r.nowhere(seen, bricks)
	r.delete(v.GetVolumeId())
}

// TestCreateAtOnce sends one create many times concurrently.
func TestCreateAtOnce(t *testing.T) {
	r := newRig(t)
	request := createRequest(single())
	const callers = 16
	volumes, errs := make([]*csi.Volume, callers), make([]error, callers)
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			made, err := r.controller.CreateVolume(r.call(), request)
			volumes[i], errs[i] = made.GetVolume(), err
		})
	}
	group.Wait()
	v := r.create(request)
	for i := range callers {
		if errs[i] != nil || !proto.Equal(volumes[i], v) {
			r.Errorf("call %d answers %v, %v; want %v", i, volumes[i], errs[i], v)
		}
	}
	r.isInHeketi(v, 1, "none")
	count := 0
	for _, seen := range r.glusterVolumes() {
		if seen.Name == nameOf(v) {
			count++
		}
	}
	if count != 1 {
		r.Errorf("gluster has %d volumes of the name", count)
	}
}

// TestManyCreates requests more volumes at once than Heketi accepts.
func TestManyCreates(t *testing.T) {
	r := newRig(t)
	requests := make([]*csi.CreateVolumeRequest, 12)
	errs := make([]error, len(requests))
	var group sync.WaitGroup
	for i := range requests {
		requests[i] = createRequest(single())
		group.Go(func() { _, errs[i] = r.controller.CreateVolume(r.call(), requests[i]) })
	}
	group.Wait()
	for i, err := range errs {
		r.ok(err, "CreateVolume "+requests[i].GetName())
	}
	volumes := make([]*csi.Volume, len(requests))
	for i, request := range requests {
		volumes[i] = r.create(request)
		r.isInHeketi(volumes[i], 1, "none")
	}
	for i, v := range volumes {
		group.Go(func() {
			_, errs[i] = r.controller.DeleteVolume(r.call(), &csi.DeleteVolumeRequest{VolumeId: v.GetVolumeId()})
		})
	}
	group.Wait()
	for i, err := range errs {
		r.ok(err, "DeleteVolume "+volumes[i].GetVolumeId())
	}
}
