package integration

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
)

// TestBadCreate sends requests that can never work. The answer names the field, its value and the allowed values.
func TestBadCreate(t *testing.T) {
	r := newRig(t)
	before := r.volumeNames()
	parameter := func(key, value string) func(*csi.CreateVolumeRequest) {
		return func(r *csi.CreateVolumeRequest) { r.Parameters = map[string]string{key: value} }
	}
	sizes := func(required, limit int64) func(*csi.CreateVolumeRequest) {
		return func(r *csi.CreateVolumeRequest) {
			r.CapacityRange = &csi.CapacityRange{RequiredBytes: required, LimitBytes: limit}
		}
	}
	flag := func(flag string) func(*csi.CreateVolumeRequest) {
		return func(r *csi.CreateVolumeRequest) { r.VolumeCapabilities[0] = sharedByAll(flag) }
	}
	for _, c := range []struct {
		name   string
		change func(*csi.CreateVolumeRequest)
		code   codes.Code
		says   []string // the field, its value, and what is allowed
	}{
		{"no name", func(r *csi.CreateVolumeRequest) { r.Name = "" }, codes.InvalidArgument, []string{"name", `""`, "must be given"}},
		{
			"no capabilities", func(r *csi.CreateVolumeRequest) { r.VolumeCapabilities = nil },
			codes.InvalidArgument, []string{"volume_capabilities", "at least one"},
		},
		{
			"a block device", func(r *csi.CreateVolumeRequest) {
				r.VolumeCapabilities[0].AccessType = &csi.VolumeCapability_Block{Block: &csi.VolumeCapability_BlockVolume{}}
			}, codes.InvalidArgument, []string{"volume_capabilities[0].access_type", "block", "must be mount"},
		},
		{"unknown key", parameter("volumetyp", "none"), codes.InvalidArgument, []string{"parameters", "volumetyp", "did you mean volumetype?", "docs/parameters.md"}},
		{"nine copies", parameter("volumetype", "replicate:9"), codes.InvalidArgument, []string{"volumetype", "replicate:9", "2 or 3"}},
		{"disperse 3:1", parameter("volumetype", "disperse:3:1"), codes.InvalidArgument, []string{"volumetype", "disperse:3:1", "2:1, 4:2"}},
		{"no such backend", parameter("backend", "other"), codes.InvalidArgument, []string{"backend", "other", "lab (" + r.lab.Heketi().URL + ")"}},
		{
			"no such URL", parameter("resturl", "http://elsewhere:8080"),
			codes.InvalidArgument, []string{"resturl", "http://elsewhere:8080", "configured backend"},
		},
		{"zero bytes", sizes(0, 0), codes.InvalidArgument, []string{"capacity_range", `"0"`, "above 0"}},
		{"negative", sizes(-1, 0), codes.InvalidArgument, []string{"capacity_range.required_bytes", "-1", "must not be negative"}},
		{"absurd", sizes(1<<63-1, 0), codes.OutOfRange, []string{"capacity_range.required_bytes", "9223372036854775807", "1048576 GiB"}},
		{"limit below required", sizes(2*gib, gib), codes.InvalidArgument, []string{"capacity_range.limit_bytes", "1073741824", "below required_bytes"}},
		{"no whole GiB within the limit", sizes(gib+1, gib+2), codes.OutOfRange, []string{"capacity_range.limit_bytes", "1073741826", "whole GiB"}},
		{"misspelt mount option", flag("acl,noatme"), codes.InvalidArgument, []string{"mount_flags", `"noatme"`, "did you mean noatime?", "docs/parameters.md"}},
		{"quote in a mount flag", flag(`acl"`), codes.InvalidArgument, []string{"mount_flags", `acl\"`, "only letters, digits"}},
		{"dump-fuse as a mount flag", flag("noatime,dump-fuse=/etc/passwd"), codes.InvalidArgument, []string{"mount_flags", "dump-fuse", "files of the node"}},
		{"transport=rdma", flag("transport=rdma"), codes.InvalidArgument, []string{"mount_flags", "transport=rdma", "tcp"}},
		{
			"no such cluster", parameter("clusterid", "0123456789abcdef0123456789abcdef"),
			codes.InvalidArgument, []string{"clusterid", "0123456789abcdef0123456789abcdef", "must be one of"},
		},
	} {
		r.Run(c.name, func(t *testing.T) {
			r := r.on(t)
			request := createRequest(single())
			c.change(request)
			made, err := r.controller.CreateVolume(r.call(), request)
			if err == nil {
				r.delete(made.GetVolume().GetVolumeId())
			}
			r.refused(err, c.code, c.says...)
		})
	}
	if after := r.volumeNames(); !slices.Equal(before, after) {
		r.Errorf("Heketi's volumes were %v and are %v", before, after)
	}
}

func (r *rig) volumeNames() []string {
	r.Helper()
	all := r.heketiVolumes()
	names := make([]string, len(all))
	for i, v := range all {
		names[i] = v.Name
	}
	slices.Sort(names)
	return names
}

// TestBadNodeRequest does the same with a node.
func TestBadNodeRequest(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	dir := r.directory(n)
	servers := r.lab.Storage(1).IP
	stage := func(change func(*csi.NodeStageVolumeRequest)) error {
		request := stageRequest(static("bad", servers, "any"), dir)
		change(request)
		_, err := n.NodeStageVolume(r.call(), request)
		return err
	}
	attribute := func(key, value string) error {
		return stage(func(r *csi.NodeStageVolumeRequest) { r.VolumeContext[key] = value })
	}
	publish := func(target string) error {
		_, err := n.NodePublishVolume(r.call(), publishRequest(static("bad", servers, "any"), dir, target))
		return err
	}
	unpublish := func(target string) error {
		_, err := n.NodeUnpublishVolume(r.call(), &csi.NodeUnpublishVolumeRequest{VolumeId: "bad", TargetPath: target})
		return err
	}
	missing := filepath.Join(dir, "missing")
	for name, c := range map[string]struct {
		err  error
		says []string
	}{
		"no volume id":        {stage(func(r *csi.NodeStageVolumeRequest) { r.VolumeId = "" }), []string{"volume_id", "must be given"}},
		"no capability":       {stage(func(r *csi.NodeStageVolumeRequest) { r.VolumeCapability = nil }), []string{"volume_capability", "must be given"}},
		"no staging path":     {stage(func(r *csi.NodeStageVolumeRequest) { r.StagingTargetPath = missing }), []string{"staging path", missing, "has to create it"}},
		"mount flag":          {stage(func(r *csi.NodeStageVolumeRequest) { r.VolumeCapability = sharedByAll("context=x") }), []string{"context", "not allowed"}},
		"mount option":        {attribute("mountOptions", "xlator-option=x"), []string{"mountOptions", "xlator-option", "not allowed"}},
		"unknown attribute":   {attribute("sever", "storage1"), []string{"volume_context", `"sever"`, "did you mean server"}},
		"another driver's":    {attribute("share", "/vol/dir"), []string{"volume_context", `"share"`, `use "volume"`}},
		"no server":           {attribute("servers", ""), []string{"servers", "empty"}},
		"server with a port":  {attribute("servers", "storage1:24007"), []string{"servers", "storage1:24007", "without ports"}},
		"server as an option": {attribute("servers", "--log-file=/x"), []string{"servers", "--log-file=/x", "neither a host name nor an address"}},
		"volume as an option": {attribute("volume", "-x"), []string{"volume_context.volume", "-x", "letters, digits"}},
		"directory above":     {attribute("volume", "any/../other"), []string{"volume_context.volume", "../other"}},
		"relative target":     {publish("relative"), []string{"target_path", "relative", "must be an absolute path"}},
		"root as target":      {publish("/"), []string{"target_path", `"/"`, "must not be the root directory"}},
		"unpublish root":      {unpublish("/"), []string{"target_path", `"/"`, "must not be the root directory"}},
		"unpublish dots":      {unpublish(dir + "/../x"), []string{"target_path", "/../x", "must not contain"}},
	} {
		r.Run(name, func(t *testing.T) { r.on(t).refused(c.err, codes.InvalidArgument, c.says...) })
	}
	r.notMounted(n, filepath.Dir(n.dir))
	r.noClient(n, "")
}
