package driver

import (
	"math"
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func createRequest(change func(*csi.CreateVolumeRequest)) *csi.CreateVolumeRequest {
	r := &csi.CreateVolumeRequest{
		Name:               "pvc-1",
		VolumeCapabilities: []*csi.VolumeCapability{anyCapability()},
		CapacityRange:      &csi.CapacityRange{RequiredBytes: volume.GiB},
	}
	change(r)
	return r
}

func TestCreateVolumeRefuses(t *testing.T) {
	capability := func(c *csi.VolumeCapability) func(*csi.CreateVolumeRequest) {
		return func(r *csi.CreateVolumeRequest) { r.VolumeCapabilities = append(r.VolumeCapabilities, c) }
	}
	flags := func(flags ...string) func(*csi.CreateVolumeRequest) {
		return capability(mountCapability(csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER, flags...))
	}
	parameter := func(key, value string) func(*csi.CreateVolumeRequest) {
		return func(r *csi.CreateVolumeRequest) { r.Parameters = map[string]string{key: value} }
	}
	size := func(required, limit int64) func(*csi.CreateVolumeRequest) {
		return func(r *csi.CreateVolumeRequest) {
			r.CapacityRange = &csi.CapacityRange{RequiredBytes: required, LimitBytes: limit}
		}
	}
	tests := []struct {
		name   string
		change func(*csi.CreateVolumeRequest)
		code   codes.Code
		says   []string
	}{
		{"no name", func(r *csi.CreateVolumeRequest) { r.Name = "" }, codes.InvalidArgument, []string{"name", "must be given"}},
		{"long name", func(r *csi.CreateVolumeRequest) { r.Name = strings.Repeat("x", 129) }, codes.InvalidArgument, []string{"name", "128 bytes"}},
		{"control character in name", func(r *csi.CreateVolumeRequest) { r.Name = "a\x1bb" }, codes.InvalidArgument, []string{"name", `a\x1bb`, "control"}},
		{"no capabilities", func(r *csi.CreateVolumeRequest) { r.VolumeCapabilities = nil }, codes.InvalidArgument, []string{"volume_capabilities", "at least one"}},
		{"empty capability", capability(nil), codes.InvalidArgument, []string{"volume_capabilities[1]"}},
		{"access mode unknown", capability(mountCapability(csi.VolumeCapability_AccessMode_UNKNOWN)), codes.InvalidArgument, []string{"volume_capabilities[1].access_mode", "UNKNOWN", "SINGLE_NODE"}},
		{"access mode of the future", capability(mountCapability(99)), codes.InvalidArgument, []string{"access_mode", "99"}},
		{"no access type", capability(&csi.VolumeCapability{AccessMode: anyCapability().GetAccessMode()}), codes.InvalidArgument, []string{"access_type", "mount"}},
		{"block", capability(&csi.VolumeCapability{
			AccessMode: anyCapability().GetAccessMode(),
			AccessType: &csi.VolumeCapability_Block{Block: &csi.VolumeCapability_BlockVolume{}},
		}), codes.InvalidArgument, []string{"access_type", "block", "file systems", "volumeMode: Filesystem"}},
		{"fs_type", func(r *csi.CreateVolumeRequest) { r.VolumeCapabilities[0].GetMount().FsType = "ext4" }, codes.InvalidArgument, []string{"volume_capabilities[0].mount.fs_type", "ext4", "glusterfs"}},
		{"unknown option", flags("acl,noatme"), codes.InvalidArgument, []string{"volume_capabilities[1].mount.mount_flags", `"noatme"`, "did you mean noatime"}},
		{"quote in a flag", flags(`acl"`), codes.InvalidArgument, []string{"mount_flags"}},
		{"xlator-option", flags("xlator-option=a.b=c"), codes.InvalidArgument, []string{"mount_flags", "xlator-option"}},
		{"unknown parameter", parameter("volumetyp", "none"), codes.InvalidArgument, []string{"volumetyp", "volumetype"}},
		{"replicate:9", parameter("volumetype", "replicate:9"), codes.InvalidArgument, []string{"volumetype", "replicate:9", "2 or 3"}},
		{"disperse:3:1", parameter("volumetype", "disperse:3:1"), codes.InvalidArgument, []string{"volumetype", "disperse:3:1", "2:1"}},
		{"size zero", size(0, 0), codes.InvalidArgument, []string{"capacity_range", "required_bytes"}},
		{"size negative", size(-1, 0), codes.InvalidArgument, []string{"required_bytes", "-1"}},
		{"limit negative", size(1, -5), codes.InvalidArgument, []string{"limit_bytes", "-5"}},
		{"limit below required", size(2*volume.GiB, volume.GiB), codes.InvalidArgument, []string{"limit_bytes", "required_bytes"}},
		{"size absurd", size(math.MaxInt64, 0), codes.OutOfRange, []string{"required_bytes", "9223372036854775807", "largest"}},
		{"limit below a GiB", size(0, 5), codes.OutOfRange, []string{"limit_bytes", "5"}},
		{"limit below the smallest of the type", func(r *csi.CreateVolumeRequest) {
			r.Parameters = map[string]string{"volumetype": "disperse:4:2"}
			r.CapacityRange.LimitBytes = 2 * volume.GiB
		}, codes.OutOfRange, []string{"4 GiB"}},
		{"from a snapshot", func(r *csi.CreateVolumeRequest) {
			r.VolumeContentSource = &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Snapshot{
				Snapshot: &csi.VolumeContentSource_SnapshotSource{SnapshotId: "s1"}}}
		}, codes.InvalidArgument, []string{"volume_content_source.snapshot", "s1", "not supported"}},
		{"from a volume", func(r *csi.CreateVolumeRequest) {
			r.VolumeContentSource = &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Volume{
				Volume: &csi.VolumeContentSource_VolumeSource{VolumeId: "v1"}}}
		}, codes.InvalidArgument, []string{"volume_content_source.volume", "v1", "not supported"}},
		{"from nothing", func(r *csi.CreateVolumeRequest) { r.VolumeContentSource = &csi.VolumeContentSource{} }, codes.InvalidArgument, []string{"volume_content_source"}},
		{"mutable parameters", func(r *csi.CreateVolumeRequest) { r.MutableParameters = map[string]string{"iops": "5"} }, codes.InvalidArgument, []string{"mutable_parameters", "iops"}},
		{"topology", func(r *csi.CreateVolumeRequest) {
			r.AccessibilityRequirements = &csi.TopologyRequirement{Requisite: []*csi.Topology{{Segments: map[string]string{"zone": "z1"}}}}
		}, codes.InvalidArgument, []string{"accessibility_requirements", "must be absent"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			provisioner := &fakeProvisioner{}
			_, err := (&controllerServer{provisioner: provisioner}).CreateVolume(t.Context(), createRequest(tt.change))
			wantError(t, err, tt.code, tt.says...)
			if provisioner.calls > 0 {
				t.Error("the backend was asked")
			}
			// After a final code, external-provisioner would forget a volume that an earlier call makes.
			request := createRequest(tt.change)
			_, err = (&controllerServer{provisioner: &fakeProvisioner{unfinished: "pvc-1"}}).CreateVolume(t.Context(), request)
			if request.GetName() == "pvc-1" {
				wantError(t, err, codes.Aborted, tt.says...)
			}
		})
	}
}

func TestCreateVolumeAdmits(t *testing.T) {
	tests := map[string]func(*csi.CreateVolumeRequest){
		"longest name":      func(r *csi.CreateVolumeRequest) { r.Name = strings.Repeat("x", 128) },
		"any script":        func(r *csi.CreateVolumeRequest) { r.Name = "größe\t1 卷" },
		"no capacity range": func(r *csi.CreateVolumeRequest) { r.CapacityRange = nil },
		"limit alone":       func(r *csi.CreateVolumeRequest) { r.CapacityRange = &csi.CapacityRange{LimitBytes: volume.GiB} },
		"fs_type glusterfs": func(r *csi.CreateVolumeRequest) { r.VolumeCapabilities[0].GetMount().FsType = "glusterfs" },
		"mount flags": func(r *csi.CreateVolumeRequest) {
			r.VolumeCapabilities[0].GetMount().MountFlags = []string{"noatime", "log-level=ERROR", "log-file=/x", "x-systemd.automount"}
		},
		"every access mode": func(r *csi.CreateVolumeRequest) {
			for mode := range csi.VolumeCapability_AccessMode_Mode_name {
				if mode != 0 {
					r.VolumeCapabilities = append(r.VolumeCapabilities, mountCapability(csi.VolumeCapability_AccessMode_Mode(mode)))
				}
			}
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := (&controllerServer{provisioner: &fakeProvisioner{}}).CreateVolume(t.Context(), createRequest(change)); err != nil {
				t.Error(err)
			}
		})
	}
}
