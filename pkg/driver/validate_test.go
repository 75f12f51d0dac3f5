package driver

import (
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func TestValidateVolumeCapabilities(t *testing.T) {
	cluster := strings.Repeat("c", 32)
	found := volume.Volume{Name: "csi-x", Cluster: cluster, Durability: volume.Durability{Type: volume.Replicate, Replica: 2}}
	static := map[string]string{"volume": "data", "server": "10.0.0.1"}
	block := &csi.VolumeCapability{
		AccessMode: anyCapability().GetAccessMode(),
		AccessType: &csi.VolumeCapability_Block{Block: &csi.VolumeCapability_BlockVolume{}},
	}
	ext4 := anyCapability()
	ext4.GetMount().FsType = "ext4"
	tests := []struct {
		name       string
		id         string
		attributes map[string]string
		parameters map[string]string
		capability *csi.VolumeCapability
		err        error // of the provisioner
		code       codes.Code
		confirmed  bool
		message    string
	}{
		{name: "no id", capability: anyCapability(), code: codes.InvalidArgument},
		{name: "no capabilities", id: anyHandle, code: codes.InvalidArgument},
		{name: "ours", id: anyHandle, capability: anyCapability(), confirmed: true},
		{name: "gone", id: anyHandle, capability: anyCapability(), err: volume.ErrNotFound, code: codes.NotFound},
		{name: "away", id: anyHandle, capability: anyCapability(), err: volume.ErrUnavailable, code: codes.Unavailable},
		{name: "block", id: anyHandle, capability: block, message: "block"},
		{name: "bad flag", id: anyHandle, capability: mountCapability(csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER, "dump-fuse=x"), message: "dump-fuse"},
		{name: "flag without effect", id: anyHandle, capability: mountCapability(csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER, "log-file=x"), confirmed: true},
		{name: "file system of a disk", id: anyHandle, capability: ext4, message: "never formatted"},
		{name: "same class", id: anyHandle, capability: anyCapability(), confirmed: true, attributes: map[string]string{"volume": "csi-x", "backend": "lab"},
			parameters: map[string]string{"volumetype": "replicate:2", "clusterid": cluster}},
		{name: "other volume", id: anyHandle, capability: anyCapability(), attributes: map[string]string{"volume": "csi-y"}, message: `"csi-x"`},
		{name: "other durability", id: anyHandle, capability: anyCapability(), parameters: map[string]string{"volumetype": "none"}, message: "replicate:2"},
		{name: "other cluster", id: anyHandle, capability: anyCapability(), message: cluster,
			parameters: map[string]string{"volumetype": "replicate:2", "clusterid": strings.Repeat("0", 32)}},
		{name: "other cluster, key in other letters", id: anyHandle, capability: anyCapability(), message: "clusterid is " + strings.Repeat("0", 32) + ", but",
			parameters: map[string]string{"volumetype": "replicate:2", "clusterID": strings.Repeat("0", 32)}},
		{name: "no class", id: anyHandle, capability: anyCapability(), parameters: map[string]string{"volumetype": "none:1"}, message: "volumetype"},
		{name: "not ours", id: "fake-vol-id", capability: anyCapability(), code: codes.NotFound},
		{name: "static", id: "my-data", attributes: static, capability: anyCapability(), confirmed: true},
		{name: "static, block", id: "my-data", attributes: static, capability: block, message: "block"},
		{name: "static, wrong context", id: "my-data", attributes: map[string]string{"volume": "data", "server": "x", "serverz": "y"}, capability: anyCapability(), code: codes.InvalidArgument},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			request := &csi.ValidateVolumeCapabilitiesRequest{VolumeId: tt.id, VolumeContext: tt.attributes, Parameters: tt.parameters}
			if tt.capability != nil {
				request.VolumeCapabilities = []*csi.VolumeCapability{tt.capability}
			}
			response, err := (&controllerServer{provisioner: &fakeProvisioner{volume: found, err: tt.err}}).ValidateVolumeCapabilities(t.Context(), request)
			if tt.code != codes.OK {
				wantError(t, err, tt.code)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := len(response.GetConfirmed().GetVolumeCapabilities()) == 1; got != tt.confirmed {
				t.Errorf("confirmed: %t, want %t (%s)", got, tt.confirmed, response.GetMessage())
			}
			if !strings.Contains(response.GetMessage(), tt.message) {
				t.Errorf("message %q does not say %q", response.GetMessage(), tt.message)
			}
		})
	}
}
