package driver

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

const (
	staging = "/var/lib/kubelet/plugins/kubernetes.io/csi/x/globalmount"
	target  = "/var/lib/kubelet/pods/p/volumes/kubernetes.io~csi/x/mount"
)

func badPaths() map[string]string {
	return map[string]string{
		"": "must be given", "relative/path": "absolute", "/": "root", "/a/../b": "..", "/a//b": "doubled", "/a/": "slash at the end", "/a/.": ".",
	}
}

func stageRequest() *csi.NodeStageVolumeRequest {
	return &csi.NodeStageVolumeRequest{
		VolumeId: "my-data", StagingTargetPath: staging, VolumeCapability: anyCapability(),
		VolumeContext: map[string]string{"volume": "data/sub", "servers": "a,b"},
	}
}

func publishRequest() *csi.NodePublishVolumeRequest {
	return &csi.NodePublishVolumeRequest{VolumeId: "my-data", StagingTargetPath: staging, TargetPath: target, VolumeCapability: anyCapability()}
}

func TestNodeStageVolume(t *testing.T) {
	mounter := &fakeMounter{}
	request := stageRequest()
	request.VolumeCapability.GetMount().MountFlags = []string{"noatime"}
	if _, err := (&nodeServer{mounter: mounter}).NodeStageVolume(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if want := []string{"stage my-data " + staging}; !slices.Equal(mounter.calls, want) {
		t.Errorf("calls %q, want %q", mounter.calls, want)
	}
	s := mounter.source
	if s.Volume != "data" || s.Subdir != "sub" || !slices.Equal(s.Servers, []string{"a", "b"}) || s.Options.String() != "noatime" {
		t.Errorf("source %+v", s)
	}
}

// TestNodeStageVolumeIgnores: settings that come with a copied PersistentVolume, or that its class has had for years, do not keep
// a pod from starting. They are logged once.
func TestNodeStageVolumeIgnores(t *testing.T) {
	request := stageRequest()
	request.VolumeCapability.GetMount().FsType = "ext4"
	request.VolumeCapability.GetMount().MountFlags = []string{"noatime,log-file=/x", "x-systemd.automount", "auto_unmount"}
	mounter, out := &fakeMounter{}, &lockedBuffer{}
	ctx := klog.NewContext(t.Context(), textLogger(out, 0))
	if _, err := (&nodeServer{mounter: mounter}).NodeStageVolume(ctx, request); err != nil {
		t.Fatal(err)
	}
	if got := mounter.source.Options.String(); got != "noatime" {
		t.Errorf("mounted with %q", got)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `options=["auto_unmount","log-file"]`) || !strings.Contains(lines[1], `fsType="ext4"`) {
		t.Errorf("logged:\n%s", out)
	}
}

func TestNodeStageVolumeRefuses(t *testing.T) {
	tests := map[string]struct {
		change func(*csi.NodeStageVolumeRequest)
		says   []string
	}{
		"no id":         {func(r *csi.NodeStageVolumeRequest) { r.VolumeId = "" }, []string{"volume_id"}},
		"no capability": {func(r *csi.NodeStageVolumeRequest) { r.VolumeCapability = nil }, []string{"volume_capability"}},
		"no context":    {func(r *csi.NodeStageVolumeRequest) { r.VolumeContext = nil }, []string{"volume_context.volume"}},
		"dump-fuse": {func(r *csi.NodeStageVolumeRequest) {
			r.VolumeCapability.GetMount().MountFlags = []string{"dump-fuse=/x"}
		}, []string{"dump-fuse"}},
		"quote in flags": {func(r *csi.NodeStageVolumeRequest) { r.VolumeCapability.GetMount().MountFlags = []string{"acl'"} }, []string{"acl'"}},
	}
	for path, says := range badPaths() {
		tests["path "+path] = struct {
			change func(*csi.NodeStageVolumeRequest)
			says   []string
		}{func(r *csi.NodeStageVolumeRequest) { r.StagingTargetPath = path }, []string{"staging_target_path", says}}
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			mounter, request := &fakeMounter{}, stageRequest()
			tt.change(request)
			_, err := (&nodeServer{mounter: mounter}).NodeStageVolume(t.Context(), request)
			wantError(t, err, codes.InvalidArgument, tt.says...)
			if len(mounter.calls) > 0 {
				t.Errorf("the mounter was asked: %q", mounter.calls)
			}
		})
	}
}

func TestNodePublishVolumeReadOnly(t *testing.T) {
	tests := []struct {
		mode     csi.VolumeCapability_AccessMode_Mode
		readOnly bool
		want     bool
	}{
		{csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER, false, false},
		{csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER, true, true},
		{csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY, false, true},
		{csi.VolumeCapability_AccessMode_SINGLE_NODE_READER_ONLY, false, true},
		{csi.VolumeCapability_AccessMode_SINGLE_NODE_SINGLE_WRITER, false, false},
	}
	for _, tt := range tests {
		mounter, request := &fakeMounter{}, publishRequest()
		request.VolumeCapability, request.Readonly = mountCapability(tt.mode), tt.readOnly
		if _, err := (&nodeServer{mounter: mounter}).NodePublishVolume(t.Context(), request); err != nil {
			t.Fatal(err)
		}
		want := mount.Publication{VolumeID: "my-data", StagingPath: staging, TargetPath: target, ReadOnly: tt.want}
		if mounter.publication != want {
			t.Errorf("%s readonly=%t: %+v, want %+v", tt.mode, tt.readOnly, mounter.publication, want)
		}
	}
}

// TestNodePublishVolumeSource: the volume's attributes are passed on if they can be parsed, and cause no error if not.
func TestNodePublishVolumeSource(t *testing.T) {
	for attributes, want := range map[string]string{"data/sub": "data/sub", "no volume": "", "": ""} {
		mounter, request := &fakeMounter{}, publishRequest()
		request.VolumeContext = map[string]string{"volume": attributes, "servers": "a"}
		if _, err := (&nodeServer{mounter: mounter}).NodePublishVolume(t.Context(), request); err != nil {
			t.Fatal(err)
		}
		got := ""
		if s := mounter.publication.Source; s != nil {
			got = s.Path()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", attributes, got, want)
		}
	}
}

// TestNodePublishVolumePod: the pod that the kubelet names is passed on, and an invalid one is ignored.
func TestNodePublishVolumePod(t *testing.T) {
	for _, tt := range []struct {
		namespace, name, uid string
		want                 bool
	}{
		{"team-a", "web-0.x", "0e3ba1c1-8c4e-4d4c-9f0e-5d9d6c6f8a11", true},
		{"team-a", "etcd", "2bbb0fd8b9c1d8a9e8e4a5a6f6d0a1b2", true}, // a static pod
		{"", "", "", false},
		{"team-a", "web", "", false},
		{"team-a", "", "u", false},
		{"", "web", "u", false},
		{"team.a", "web", "u", false},
		{"team-a", "Web", "u", false},
		{"team-a", "web\n", "u", false},
		{"team-a", "web", "../u", false},
		{"team-a", strings.Repeat("x", 254), "u", false},
	} {
		mounter, request := &fakeMounter{}, publishRequest()
		request.VolumeContext = map[string]string{
			"csi.storage.k8s.io/pod.namespace": tt.namespace, "csi.storage.k8s.io/pod.name": tt.name, "csi.storage.k8s.io/pod.uid": tt.uid,
		}
		if _, err := (&nodeServer{mounter: mounter}).NodePublishVolume(t.Context(), request); err != nil {
			t.Fatal(err)
		}
		want := mount.Pod{}
		if tt.want {
			want = mount.Pod{Namespace: tt.namespace, Name: tt.name, UID: tt.uid}
		}
		if got := mounter.publication.Pod; got != want {
			t.Errorf("%+v: %+v", tt, got)
		}
	}
}

func TestNodePublishVolumeRefuses(t *testing.T) {
	tests := map[string]struct {
		change func(*csi.NodePublishVolumeRequest)
		code   codes.Code
		says   []string
	}{
		"no id":            {func(r *csi.NodePublishVolumeRequest) { r.VolumeId = "" }, codes.InvalidArgument, []string{"volume_id"}},
		"no capability":    {func(r *csi.NodePublishVolumeRequest) { r.VolumeCapability = nil }, codes.InvalidArgument, []string{"volume_capability"}},
		"no staging path":  {func(r *csi.NodePublishVolumeRequest) { r.StagingTargetPath = "" }, codes.FailedPrecondition, []string{"staging_target_path"}},
		"bad staging path": {func(r *csi.NodePublishVolumeRequest) { r.StagingTargetPath = "x" }, codes.InvalidArgument, []string{"staging_target_path", "absolute"}},
		"no access mode":   {func(r *csi.NodePublishVolumeRequest) { r.VolumeCapability.AccessMode = nil }, codes.InvalidArgument, []string{"access_mode"}},
	}
	for path, says := range badPaths() {
		tests["path "+path] = struct {
			change func(*csi.NodePublishVolumeRequest)
			code   codes.Code
			says   []string
		}{func(r *csi.NodePublishVolumeRequest) { r.TargetPath = path }, codes.InvalidArgument, []string{"target_path", says}}
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			mounter, request := &fakeMounter{}, publishRequest()
			tt.change(request)
			_, err := (&nodeServer{mounter: mounter}).NodePublishVolume(t.Context(), request)
			wantError(t, err, tt.code, tt.says...)
			if len(mounter.calls) > 0 {
				t.Errorf("the mounter was asked: %q", mounter.calls)
			}
		})
	}
}

// TestNodePublishVolumeIgnoresWhatOnlyStagingNeeds: the kubelet publishes a volume in use again, and settings that a later
// version refuses at staging must not fail that call.
func TestNodePublishVolumeIgnoresWhatOnlyStagingNeeds(t *testing.T) {
	request := publishRequest()
	request.VolumeCapability.GetMount().MountFlags = []string{"xlator-option=a.b=c", "no-longer-allowed"}
	request.VolumeCapability.GetMount().FsType = "ext4"
	request.VolumeContext = map[string]string{"unknown": "x"}
	if _, err := (&nodeServer{mounter: &fakeMounter{}}).NodePublishVolume(t.Context(), request); err != nil {
		t.Error(err)
	}
}

func TestNodeUndo(t *testing.T) {
	mounter := &fakeMounter{}
	server := &nodeServer{mounter: mounter}
	if _, err := server.NodeUnpublishVolume(t.Context(), &csi.NodeUnpublishVolumeRequest{VolumeId: "v", TargetPath: target}); err != nil {
		t.Error(err)
	}
	if _, err := server.NodeUnstageVolume(t.Context(), &csi.NodeUnstageVolumeRequest{VolumeId: "v", StagingTargetPath: staging}); err != nil {
		t.Error(err)
	}
	if want := []string{"unpublish v " + target, "unstage v " + staging}; !slices.Equal(mounter.calls, want) {
		t.Errorf("calls %q, want %q", mounter.calls, want)
	}
	for path, says := range badPaths() {
		_, err := server.NodeUnpublishVolume(t.Context(), &csi.NodeUnpublishVolumeRequest{VolumeId: "v", TargetPath: path})
		wantError(t, err, codes.InvalidArgument, "target_path", says)
		_, err = server.NodeUnstageVolume(t.Context(), &csi.NodeUnstageVolumeRequest{VolumeId: "v", StagingTargetPath: path})
		wantError(t, err, codes.InvalidArgument, "staging_target_path", says)
	}
	_, err := server.NodeUnpublishVolume(t.Context(), &csi.NodeUnpublishVolumeRequest{TargetPath: target})
	wantError(t, err, codes.InvalidArgument, "volume_id")
	_, err = server.NodeUnstageVolume(t.Context(), &csi.NodeUnstageVolumeRequest{StagingTargetPath: staging})
	wantError(t, err, codes.InvalidArgument, "volume_id")
}

func TestNodeErrorsNameTheVolume(t *testing.T) {
	server := &nodeServer{mounter: &fakeMounter{err: fmt.Errorf("%w: no such volume", mount.ErrUnavailable)}}
	_, stageErr := server.NodeStageVolume(t.Context(), stageRequest())
	_, publishErr := server.NodePublishVolume(t.Context(), publishRequest())
	_, unpublishErr := server.NodeUnpublishVolume(t.Context(), &csi.NodeUnpublishVolumeRequest{VolumeId: "my-data", TargetPath: target})
	_, unstageErr := server.NodeUnstageVolume(t.Context(), &csi.NodeUnstageVolumeRequest{VolumeId: "my-data", StagingTargetPath: staging})
	_, statsErr := server.NodeGetVolumeStats(t.Context(), &csi.NodeGetVolumeStatsRequest{VolumeId: "my-data", VolumePath: target})
	for _, err := range []error{stageErr, publishErr, unpublishErr, unstageErr, statsErr} {
		wantError(t, err, codes.Unavailable, "my-data", "no such volume")
	}
}

func TestNodeGetVolumeStats(t *testing.T) {
	mounter := &fakeMounter{stats: mount.Stats{TotalBytes: 10, UsedBytes: 4, AvailableBytes: 5, TotalInodes: 100, UsedInodes: 1, AvailableInodes: 99}}
	server := &nodeServer{mounter: mounter}
	response, err := server.NodeGetVolumeStats(t.Context(), &csi.NodeGetVolumeStatsRequest{VolumeId: "v", VolumePath: target})
	if err != nil {
		t.Fatal(err)
	}
	want := &csi.NodeGetVolumeStatsResponse{Usage: []*csi.VolumeUsage{
		{Unit: csi.VolumeUsage_BYTES, Total: 10, Used: 4, Available: 5},
		{Unit: csi.VolumeUsage_INODES, Total: 100, Used: 1, Available: 99},
	}}
	if !proto.Equal(response, want) {
		t.Errorf("%v, want %v", response, want)
	}
	mounter.calls = nil
	_, err = server.NodeGetVolumeStats(t.Context(), &csi.NodeGetVolumeStatsRequest{VolumePath: target})
	wantError(t, err, codes.InvalidArgument, "volume_id")
	_, err = server.NodeGetVolumeStats(t.Context(), &csi.NodeGetVolumeStatsRequest{VolumeId: "v"})
	wantError(t, err, codes.InvalidArgument, "volume_path")
	_, err = server.NodeGetVolumeStats(t.Context(), &csi.NodeGetVolumeStatsRequest{VolumeId: "v", VolumePath: "some/path"})
	wantError(t, err, codes.NotFound, "some/path")
	if len(mounter.calls) > 0 {
		t.Errorf("the mounter was asked: %q", mounter.calls)
	}
}

func TestNodeInfo(t *testing.T) {
	server := &nodeServer{nodeID: "node-1", most: 77}
	info, err := server.NodeGetInfo(t.Context(), nil)
	if err != nil || info.GetNodeId() != "node-1" || info.GetMaxVolumesPerNode() != 77 || info.GetAccessibleTopology() != nil {
		t.Errorf("%v, %v", info, err)
	}
	capabilities, err := server.NodeGetCapabilities(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(capabilities.GetCapabilities()))
	for _, c := range capabilities.GetCapabilities() {
		names = append(names, c.GetRpc().GetType().String())
	}
	if got := strings.Join(names, " "); got != "STAGE_UNSTAGE_VOLUME GET_VOLUME_STATS EXPAND_VOLUME" {
		t.Errorf("capabilities %s", got)
	}
}
