package integration

import (
	"crypto/rand"

	"github.com/container-storage-interface/spec/lib/go/csi"
)

const gib = int64(1) << 30

// The parameters of the cheapest volume that keeps its data when a server is lost, and of the cheapest volume of all.
func replica3() map[string]string { return map[string]string{} }
func single() map[string]string   { return map[string]string{"volumetype": "none"} }

func capability(mode csi.VolumeCapability_AccessMode_Mode, flags ...string) *csi.VolumeCapability {
	return &csi.VolumeCapability{
		AccessMode: &csi.VolumeCapability_AccessMode{Mode: mode},
		AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{MountFlags: flags}},
	}
}

func sharedByAll(flags ...string) *csi.VolumeCapability {
	return capability(csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER, flags...)
}

func newName() string { return "pvc-" + rand.Text() }

// createRequest returns a request for a volume of 1 GiB with a unique name.
func createRequest(parameters map[string]string) *csi.CreateVolumeRequest {
	return &csi.CreateVolumeRequest{
		Name:               newName(),
		CapacityRange:      &csi.CapacityRange{RequiredBytes: gib},
		VolumeCapabilities: []*csi.VolumeCapability{sharedByAll()},
		Parameters:         parameters,
	}
}

// create creates a volume, which is deleted when the test ends.
func (r *rig) create(request *csi.CreateVolumeRequest) *csi.Volume {
	r.Helper()
	made, err := r.controller.CreateVolume(r.call(), request)
	r.ok(err, "CreateVolume")
	r.Cleanup(func() { r.delete(made.GetVolume().GetVolumeId()) })
	return made.GetVolume()
}

func (r *rig) delete(id string) {
	r.Helper()
	_, err := r.controller.DeleteVolume(r.call(), &csi.DeleteVolumeRequest{VolumeId: id})
	r.ok(err, "DeleteVolume "+id)
}

// nameOf returns the name of the gluster volume.
func nameOf(v *csi.Volume) string { return v.GetVolumeContext()["volume"] }

// static describes a volume that no controller has made.
func static(id, servers, volume string) *csi.Volume {
	return &csi.Volume{VolumeId: id, VolumeContext: map[string]string{"servers": servers, "volume": volume}}
}
