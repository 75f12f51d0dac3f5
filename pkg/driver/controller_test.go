package driver

import (
	"fmt"
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func TestCreateVolumeAnswer(t *testing.T) {
	handle, err := volume.ParseHandle(anyHandle)
	if err != nil {
		t.Fatal(err)
	}
	provisioner := &fakeProvisioner{volume: volume.Volume{
		Handle: handle, Name: "csi-x", CapacityBytes: 3 * volume.GiB, Servers: []string{"a", "fd00::1"}, Cluster: "c",
	}}
	server := &controllerServer{provisioner: provisioner}
	response, err := server.CreateVolume(t.Context(), createRequest(func(r *csi.CreateVolumeRequest) {
		r.CapacityRange = &csi.CapacityRange{RequiredBytes: 2*volume.GiB + 1, LimitBytes: 5 * volume.GiB}
		r.Parameters = map[string]string{"volumeType": "none"}
		r.Secrets = map[string]string{"user": "admin", "key": "topsecret", "other": "x"}
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := &csi.CreateVolumeResponse{Volume: &csi.Volume{
		VolumeId: anyHandle, CapacityBytes: 3 * volume.GiB, VolumeContext: provisioner.volume.Context(),
	}}
	if diff := cmp.Diff(want, response, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
	wantSpec := volume.Spec{
		Name:        "pvc-1",
		Capacity:    volume.Capacity{RequiredBytes: 2*volume.GiB + 1, LimitBytes: 5 * volume.GiB},
		Parameters:  volume.Parameters{Durability: volume.Durability{Type: volume.None}, GIDs: volume.DefaultGIDRange(), SnapFactor: 1},
		Credentials: volume.Credentials{User: "admin", Key: "topsecret"},
	}
	if diff := cmp.Diff(wantSpec, provisioner.spec); diff != "" {
		t.Error(diff)
	}
}

func TestCreateVolumeError(t *testing.T) {
	server := &controllerServer{provisioner: &fakeProvisioner{err: fmt.Errorf("%w: heketi is away", volume.ErrUnavailable)}}
	_, err := server.CreateVolume(t.Context(), createRequest(func(*csi.CreateVolumeRequest) {}))
	wantError(t, err, codes.Unavailable, `"pvc-1"`, "heketi is away")
}

func TestDeleteVolume(t *testing.T) {
	tests := []struct {
		name, id string
		err      error // of the provisioner
		code     codes.Code
		asked    bool
	}{
		{name: "no id", code: codes.InvalidArgument},
		{name: "ours", id: anyHandle, asked: true},
		{name: "gone", id: anyHandle, err: volume.ErrNotFound, asked: true},
		{name: "backend not configured", id: anyHandle, err: volume.ErrPrecondition, asked: true, code: codes.FailedPrecondition},
		{name: "backend away", id: anyHandle, err: volume.ErrUnavailable, asked: true, code: codes.Unavailable},
		// The CSI spec requires OK for a volume that does not exist, and a volume with one of these ids cannot exist.
		{name: "not ours", id: "fake-vol-id"},
		{name: "static", id: "my-data"},
		{name: "nearly ours", id: strings.ToUpper(anyHandle)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			provisioner := &fakeProvisioner{err: tt.err}
			_, err := (&controllerServer{provisioner: provisioner}).DeleteVolume(t.Context(), &csi.DeleteVolumeRequest{
				VolumeId: tt.id, Secrets: map[string]string{"user": "u", "key": "k"},
			})
			if tt.code == codes.OK && err != nil {
				t.Error(err)
			}
			if tt.code != codes.OK {
				wantError(t, err, tt.code)
			}
			if asked := provisioner.calls > 0; asked != tt.asked {
				t.Errorf("backend asked: %t, want %t", asked, tt.asked)
			}
			if tt.asked && (provisioner.deleted[0].String() != anyHandle || provisioner.credentials != volume.Credentials{User: "u", Key: "k"}) {
				t.Errorf("asked to delete %v with %+v", provisioner.deleted, provisioner.credentials)
			}
		})
	}
}
