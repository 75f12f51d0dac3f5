package driver

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func someUnwell(n int) []volume.Health {
	unwell := make([]volume.Health, n)
	for i := range unwell {
		unwell[i] = volume.Health{
			Handle:     volume.Handle{Backend: "lab", ID: fmt.Sprintf("%032x", i)},
			Conditions: []volume.Condition{{Severity: volume.Inaccessible, Reason: "VolumeStopped", Message: "words"}},
		}
	}
	return unwell
}

func TestControllerListVolumeHealth(t *testing.T) {
	provisioner := &fakeProvisioner{unwell: someUnwell(3)}
	server := &controllerServer{provisioner: provisioner, health: true}
	tests := []struct {
		name        string
		token       string
		max         int32
		entries     int
		next, after string
	}{
		{name: "all", entries: 3},
		{name: "a page", max: 2, entries: 2, next: "lab/00000000000000000000000000000001"},
		{name: "from a token", token: anyHandle, max: 4, entries: 3, after: anyHandle},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			response, err := server.ControllerListVolumeHealth(t.Context(), &csi.ControllerListVolumeHealthRequest{StartingToken: tt.token, MaxEntries: tt.max})
			if err != nil {
				t.Fatal(err)
			}
			if len(response.GetEntries()) != tt.entries || response.GetNextToken() != tt.next || provisioner.after != tt.after {
				t.Errorf("%d entries, next %q, asked for what comes after %q", len(response.GetEntries()), response.GetNextToken(), provisioner.after)
			}
			want := &csi.VolumeHealth{VolumeId: "lab/" + strings.Repeat("0", 32), HealthStatuses: []*csi.VolumeHealth_VolumeHealthEntry{
				{Status: csi.VolumeHealthErrorType_INACCESSIBLE, Reason: "VolumeStopped", Message: "words"},
			}}
			if diff := cmp.Diff(want, response.GetEntries()[0], protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, tt := range []struct {
		request *csi.ControllerListVolumeHealthRequest
		err     error
		code    codes.Code
	}{
		{&csi.ControllerListVolumeHealthRequest{MaxEntries: -1}, nil, codes.InvalidArgument},
		{&csi.ControllerListVolumeHealthRequest{StartingToken: "x"}, nil, codes.Aborted},
		{&csi.ControllerListVolumeHealthRequest{}, volume.ErrUnavailable, codes.Unavailable},
	} {
		provisioner.err = tt.err
		_, err := server.ControllerListVolumeHealth(t.Context(), tt.request)
		wantError(t, err, tt.code)
	}
}

func TestControllerGetVolumeHealth(t *testing.T) {
	provisioner := &fakeProvisioner{unwell: make([]volume.Health, 1)}
	server := &controllerServer{provisioner: provisioner, health: true}
	response, err := server.ControllerGetVolumeHealth(t.Context(), &csi.ControllerGetVolumeHealthRequest{VolumeId: anyHandle, Secrets: map[string]string{"key": "k"}})
	if err != nil {
		t.Fatal(err)
	}
	if health := response.GetVolumeHealth(); health.GetVolumeId() != anyHandle || len(health.GetHealthStatuses()) > 0 || provisioner.credentials.Key != "k" {
		t.Errorf("answer %v, with key %q", response, provisioner.credentials.Key)
	}
	for _, tt := range []struct {
		id   string
		err  error
		code codes.Code
	}{
		{"", nil, codes.InvalidArgument}, {"my-data", nil, codes.NotFound},
		{anyHandle, volume.ErrNotFound, codes.NotFound}, {anyHandle, volume.ErrBusy, codes.Aborted},
	} {
		provisioner.err = tt.err
		_, err := server.ControllerGetVolumeHealth(t.Context(), &csi.ControllerGetVolumeHealthRequest{VolumeId: tt.id})
		wantError(t, err, tt.code)
	}
}

func TestNodeGetVolumeHealth(t *testing.T) {
	mounter := &fakeMounter{}
	server := &nodeServer{mounter: mounter, health: true}
	for _, tt := range []struct{ published, staged, want string }{
		{"/published", "", "health id /published"}, {"", "/staged", "health id /staged"}, {"/published", "/staged", "health id /published"},
		{"", "", "health id "},
	} {
		mounter.calls = nil
		_, err := server.NodeGetVolumeHealth(t.Context(), &csi.NodeGetVolumeHealthRequest{VolumeId: "id", VolumePublishPath: tt.published, StagingTargetPath: tt.staged})
		if err != nil || strings.Join(mounter.calls, "; ") != tt.want {
			t.Errorf("%v: asked for %q, want %q (%v)", tt, mounter.calls, tt.want, err)
		}
	}
	for _, tt := range []struct {
		id, path string
		err      error
		code     codes.Code
		says     string
	}{
		{"", "/published", nil, codes.InvalidArgument, "volume_id"},
		{"id", "relative", nil, codes.InvalidArgument, "volume_publish_path"},
		{"id", "/elsewhere", mount.ErrNotMounted, codes.NotFound, "volume id"},
	} {
		mounter.err = tt.err
		_, err := server.NodeGetVolumeHealth(t.Context(), &csi.NodeGetVolumeHealthRequest{VolumeId: tt.id, VolumePublishPath: tt.path})
		wantError(t, err, tt.code, tt.says)
	}
}

func TestConditionsOf(t *testing.T) {
	away := fmt.Errorf("%w: %w", mount.ErrUnavailable, unix.ENOTCONN)
	tests := []struct {
		name   string
		health mount.Health
		want   string
		says   string
	}{
		{"all is well", mount.Health{Bricks: 3}, "", ""},
		{"dead", mount.Health{Ended: true}, "INACCESSIBLE ClientDead", "client of the volume on this node has ended"},
		{"hung", mount.Health{Hung: true}, "INACCESSIBLE ClientHung", "does not answer"},
		{"one brick", mount.Health{Bricks: 3, Down: []string{"a:/b"}}, "DEGRADED BricksDown", "1 of 3 bricks: a:/b"},
		{"too many", mount.Health{Bricks: 3, Down: []string{"a:/b", "c:/d"}, Lost: true, Root: away}, "INACCESSIBLE BricksDown", "2 of 3 bricks: a:/b, c:/d"},
		{"not told which", mount.Health{Root: away}, "INACCESSIBLE NotAnswering", "transport endpoint is not connected"},
		{"silent", mount.Health{Bricks: 3, Root: mount.ErrTimeout}, "INACCESSIBLE NotAnswering", "timed out"},
		{"one known, one silent", mount.Health{Bricks: 3, Down: []string{"a:/b"}, Root: mount.ErrTimeout}, "DEGRADED BricksDown INACCESSIBLE NotAnswering", "a:/b"},
		{"an error", mount.Health{Bricks: 1, Root: unix.EIO}, "INACCESSIBLE IOError", "input/output error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			described := describeHealth("id", conditionsOf(tt.health))
			var words, messages []string
			for _, entry := range described.GetHealthStatuses() {
				words = append(words, entry.GetStatus().String(), entry.GetReason())
				messages = append(messages, entry.GetMessage())
			}
			if strings.Join(words, " ") != tt.want || !strings.Contains(strings.Join(messages, "; "), tt.says) {
				t.Errorf("got %v, want %s and %q", described, tt.want, tt.says)
			}
		})
	}
}

// TestHealthIsOffByDefault: calls that are not advertised are not implemented either.
func TestHealthIsOffByDefault(t *testing.T) {
	for _, on := range []bool{false, true} {
		controller := &controllerServer{provisioner: &fakeProvisioner{unwell: someUnwell(1)}, health: on}
		node := &nodeServer{mounter: &fakeMounter{}, health: on}
		ofController, _ := controller.ControllerGetCapabilities(t.Context(), nil)
		ofNode, _ := node.NodeGetCapabilities(t.Context(), nil)
		for _, name := range []string{"GET_VOLUME_HEALTH", "LIST_VOLUME_HEALTH"} {
			if strings.Contains(ofController.String(), name) != on {
				t.Errorf("on %t: the controller's capabilities are %v", on, ofController)
			}
		}
		if strings.Contains(ofNode.String(), "GET_VOLUME_HEALTH") != on || strings.Contains(ofNode.String(), "STORAGE_HEALTH") {
			t.Errorf("on %t: the node's capabilities are %v", on, ofNode)
		}
		_, one := controller.ControllerGetVolumeHealth(t.Context(), &csi.ControllerGetVolumeHealthRequest{VolumeId: anyHandle})
		_, all := controller.ControllerListVolumeHealth(t.Context(), &csi.ControllerListVolumeHealthRequest{})
		_, here := node.NodeGetVolumeHealth(t.Context(), &csi.NodeGetVolumeHealthRequest{VolumeId: "id", StagingTargetPath: "/staged"})
		if on && errors.Join(one, all, here) != nil {
			t.Errorf("on: %v, %v, %v", one, all, here)
		}
		if !on {
			for _, err := range []error{one, all, here} {
				wantError(t, err, codes.Unimplemented)
			}
		}
	}
}
