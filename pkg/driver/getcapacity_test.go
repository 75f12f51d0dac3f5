package driver

import (
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func TestGetCapacity(t *testing.T) {
	block := &csi.VolumeCapability{
		AccessMode: anyCapability().GetAccessMode(),
		AccessType: &csi.VolumeCapability_Block{Block: &csi.VolumeCapability_BlockVolume{}},
	}
	available := &csi.GetCapacityResponse{
		AvailableCapacity: 30 * volume.GiB, MaximumVolumeSize: wrapperspb.Int64(20 * volume.GiB), MinimumVolumeSize: wrapperspb.Int64(2 * volume.GiB),
	}
	tests := []struct {
		name       string
		capability *csi.VolumeCapability
		parameters map[string]string
		topology   *csi.Topology
		err        error // of the provisioner
		code       codes.Code
		want       *csi.GetCapacityResponse
		asked      bool
	}{
		{name: "nothing given", asked: true, want: available},
		{name: "capability", capability: anyCapability(), asked: true, want: available},
		{name: "any place", topology: &csi.Topology{Segments: map[string]string{"zone": "z"}}, asked: true, want: available},
		{name: "block", capability: block, want: &csi.GetCapacityResponse{}},
		{name: "no class", parameters: map[string]string{"volumetipe": "none"}, code: codes.InvalidArgument},
		{name: "away", err: volume.ErrUnavailable, code: codes.Unavailable, asked: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			provisioner := &fakeProvisioner{err: tt.err, space: volume.Space{Total: 30 * volume.GiB, Largest: 20 * volume.GiB, Least: 2 * volume.GiB}}
			request := &csi.GetCapacityRequest{Parameters: tt.parameters, AccessibleTopology: tt.topology}
			if tt.capability != nil {
				request.VolumeCapabilities = []*csi.VolumeCapability{tt.capability}
			}
			response, err := (&controllerServer{provisioner: provisioner}).GetCapacity(t.Context(), request)
			if asked := provisioner.calls > 0; asked != tt.asked {
				t.Errorf("backend asked: %t, want %t", asked, tt.asked)
			}
			if tt.code != codes.OK {
				wantError(t, err, tt.code)
				return
			}
			if err != nil || !proto.Equal(response, tt.want) {
				t.Errorf("answer: %v (%v), want %v", response, err, tt.want)
			}
		})
	}
}

func TestGetCapacityReadsTheClass(t *testing.T) {
	provisioner := &fakeProvisioner{}
	_, err := (&controllerServer{provisioner: provisioner}).GetCapacity(t.Context(), &csi.GetCapacityRequest{
		Parameters: map[string]string{"volumeType": "disperse:4:2", "snapfactor": "1.5"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if p := provisioner.parameters; p.Durability.String() != "disperse:4:2" || p.SnapFactor != 1.5 {
		t.Errorf("asked with %+v", p)
	}
}
