package driver

import (
	"fmt"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func TestControllerExpandVolume(t *testing.T) {
	block := &csi.VolumeCapability{
		AccessMode: anyCapability().GetAccessMode(),
		AccessType: &csi.VolumeCapability_Block{Block: &csi.VolumeCapability_BlockVolume{}},
	}
	ext4 := anyCapability()
	ext4.GetMount().FsType = "ext4"
	flags := mountCapability(csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER, "no-such-option", "xlator-option=a.b=c")
	three := &csi.CapacityRange{RequiredBytes: 3 * volume.GiB, LimitBytes: 4 * volume.GiB}
	tests := []struct {
		name       string
		id         string
		size       *csi.CapacityRange
		capability *csi.VolumeCapability
		err        error // of the provisioner
		code       codes.Code
		says       string
		asked      bool
	}{
		{name: "no id", size: three, code: codes.InvalidArgument},
		{name: "no range", id: anyHandle, code: codes.InvalidArgument},
		{name: "empty range", id: anyHandle, size: &csi.CapacityRange{}, code: codes.InvalidArgument},
		{name: "contradiction", id: anyHandle, size: &csi.CapacityRange{RequiredBytes: 2, LimitBytes: 1}, code: codes.InvalidArgument},
		{name: "block", id: anyHandle, size: three, capability: block, code: codes.InvalidArgument},
		{name: "static", id: "my-data", size: three, code: codes.NotFound},
		{name: "without capability", id: anyHandle, size: three, asked: true},
		{name: "with capability", id: anyHandle, size: three, capability: anyCapability(), asked: true},
		{name: "with the file system of a copied volume", id: anyHandle, size: three, capability: ext4, asked: true},
		{name: "with mount flags that staging refuses", id: anyHandle, size: three, capability: flags, asked: true},
		{name: "without access mode", id: anyHandle, size: three, capability: mountCapability(csi.VolumeCapability_AccessMode_UNKNOWN), code: codes.InvalidArgument},
		{name: "taken over", id: anyHandle + "/adopted", size: three, asked: true},
		{name: "gone", id: anyHandle, size: three, err: volume.ErrNotFound, code: codes.NotFound, asked: true},
		{name: "too large", id: anyHandle, size: three, err: volume.ErrOutOfRange, code: codes.OutOfRange, asked: true},
		// Final for external-resizer, which would otherwise never request a smaller size.
		{name: "no room", id: anyHandle, size: three, err: fmt.Errorf("%w: 2 GiB more", volume.ErrExhausted), code: codes.OutOfRange, says: "no space: 2 GiB more", asked: true},
		// FAILED_PRECONDITION would make external-resizer wait until no pod uses the volume.
		{name: "peers down", id: anyHandle, size: three, err: fmt.Errorf("%w: peers are down", volume.ErrPrecondition), code: codes.Internal, says: "precondition failed: peers are down", asked: true},
		{name: "busy", id: anyHandle, size: three, err: volume.ErrBusy, code: codes.Aborted, asked: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			provisioner := &fakeProvisioner{volume: volume.Volume{CapacityBytes: 3 * volume.GiB}, err: tt.err}
			response, err := (&controllerServer{provisioner: provisioner}).ControllerExpandVolume(t.Context(), &csi.ControllerExpandVolumeRequest{
				VolumeId: tt.id, CapacityRange: tt.size, VolumeCapability: tt.capability, Secrets: map[string]string{"user": "u", "key": "k"},
			})
			if asked := provisioner.calls > 0; asked != tt.asked {
				t.Errorf("backend asked: %t, want %t", asked, tt.asked)
			}
			if tt.code != codes.OK {
				wantError(t, err, tt.code, tt.says)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if response.GetCapacityBytes() != 3*volume.GiB || !response.GetNodeExpansionRequired() {
				t.Errorf("answer: %v", response)
			}
			if want := (volume.Capacity{RequiredBytes: 3 * volume.GiB, LimitBytes: 4 * volume.GiB}); provisioner.capacity != want {
				t.Errorf("asked for %+v, want %+v", provisioner.capacity, want)
			}
			if want := (volume.Credentials{User: "u", Key: "k"}); provisioner.credentials != want {
				t.Error("the request's credentials were not used")
			}
		})
	}
}
