package driver

import (
	"fmt"
	"slices"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func expandRequest() *csi.NodeExpandVolumeRequest {
	return &csi.NodeExpandVolumeRequest{
		VolumeId: "my-data", VolumePath: target, StagingTargetPath: staging, CapacityRange: &csi.CapacityRange{RequiredBytes: 2 * volume.GiB},
		VolumeCapability: anyCapability(),
	}
}

func TestNodeExpandVolume(t *testing.T) {
	block := &csi.VolumeCapability{
		AccessMode: anyCapability().GetAccessMode(),
		AccessType: &csi.VolumeCapability_Block{Block: &csi.VolumeCapability_BlockVolume{}},
	}
	for name, tt := range map[string]struct {
		change func(*csi.NodeExpandVolumeRequest)
		err    error // of the mounter
		code   codes.Code
		says   string
		asked  bool
	}{
		"published": {asked: true},
		"staged":    {change: func(r *csi.NodeExpandVolumeRequest) { r.VolumePath = staging }, asked: true},
		"only what must be": {change: func(r *csi.NodeExpandVolumeRequest) {
			*r = csi.NodeExpandVolumeRequest{VolumeId: r.VolumeId, VolumePath: target}
		}, asked: true},
		"flags of long ago": {change: func(r *csi.NodeExpandVolumeRequest) {
			r.VolumeCapability.GetMount().MountFlags = []string{"no-longer-allowed"}
		}, asked: true},
		"the kubelet's fs type":  {change: func(r *csi.NodeExpandVolumeRequest) { r.VolumeCapability.GetMount().FsType = "ext4" }, asked: true},
		"no id":                  {change: func(r *csi.NodeExpandVolumeRequest) { r.VolumeId = "" }, code: codes.InvalidArgument, says: "volume_id"},
		"no path":                {change: func(r *csi.NodeExpandVolumeRequest) { r.VolumePath = "" }, code: codes.InvalidArgument, says: "volume_path"},
		"no path of a mount":     {change: func(r *csi.NodeExpandVolumeRequest) { r.VolumePath = "some/path" }, code: codes.NotFound, says: "some/path"},
		"block":                  {change: func(r *csi.NodeExpandVolumeRequest) { r.VolumeCapability = block }, code: codes.InvalidArgument, says: "volume_capability.access_type"},
		"not published":          {err: mount.ErrNotMounted, code: codes.NotFound, says: "my-data", asked: true},
		"a client that is late":  {err: fmt.Errorf("%w: no new bricks", mount.ErrTimeout), code: codes.DeadlineExceeded, says: "my-data on this node: timed out: no new bricks", asked: true},
		"a client that has died": {err: mount.ErrUnavailable, code: codes.Unavailable, says: "my-data", asked: true},
	} {
		t.Run(name, func(t *testing.T) {
			mounter, request := &fakeMounter{stats: mount.Stats{TotalBytes: 77}, err: tt.err}, expandRequest()
			if tt.change != nil {
				tt.change(request)
			}
			response, err := (&nodeServer{mounter: mounter}).NodeExpandVolume(t.Context(), request)
			if tt.code != codes.OK {
				wantError(t, err, tt.code, tt.says)
			} else if err != nil || response.GetCapacityBytes() != 77 {
				t.Errorf("%v, %v", response, err)
			}
			var want []string
			if tt.asked {
				want = []string{"expand my-data " + request.GetVolumePath()}
			}
			if !slices.Equal(mounter.calls, want) {
				t.Errorf("calls %q, want %q", mounter.calls, want)
			}
		})
	}
}
