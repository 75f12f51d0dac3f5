package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
)

// TestCopiedVolume mounts a volume whose PersistentVolume was copied from a disk's and has fstab options. Settings without a
// meaning for this driver are logged once, and do not prevent the mount.
func TestCopiedVolume(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	brick := r.handMade("copied")
	v := static(newName(), r.lab.Storage(2).IP, "copied")
	request := stageRequest(v, r.directory(n), "_netdev,x-systemd.automount", "log-file=/var/log/x.log,auto_unmount", "noatime")
	request.VolumeCapability.GetMount().FsType = "ext4"
	r.Cleanup(func() { r.unstage(n, v, request.GetStagingTargetPath()) })
	_, err := n.NodeStageVolume(r.call(), request)
	r.ok(err, "NodeStageVolume")
	target := r.publish(n, v, request.GetStagingTargetPath(), false)
	r.write(n, "data", target, "file")
	if data, err := os.ReadFile(filepath.Join(brick, "file")); string(data) != "data" {
		r.Errorf("the brick has %q, %v", data, err)
	}
	for _, line := range []string{
		`have no meaning for this driver are ignored`,
		`fsType="ext4"`,
	} {
		if got := strings.Count(r.logAbout(n, v.GetVolumeId()), line); got != 1 {
			r.Errorf("the log says %q %d times", line, got)
		}
	}
	if args := strings.Join(r.onlyClient(n, "copied").Args, " "); strings.Contains(args, "x.log") || strings.Contains(args, "auto_unmount") || strings.Contains(args, "automount") {
		r.Errorf("the client was started with %s", args)
	}
}

// TestSecretsStayOutOfTheLog sends keys to the running driver, in wrong places where people put them.
func TestSecretsStayOutOfTheLog(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	const key = plantedKey
	create := createRequest(map[string]string{"resturl": "http://admin:" + key + "@heketi:8080", "restuserkeyy": key})
	create.Secrets = map[string]string{"key": key}
	_, err := r.controller.CreateVolume(r.call(), create)
	r.refused(err, codes.InvalidArgument)
	stage := stageRequest(&csi.Volume{VolumeId: "keys", VolumeContext: map[string]string{"volume": "x", "server": "y", "password": key}}, r.directory(n), "password="+key)
	_, stageErr := n.NodeStageVolume(r.call(), stage)
	r.refused(stageErr, codes.InvalidArgument, "password")
	for name, text := range map[string]string{
		"the controller's log": r.logAbout(nil, create.GetName()), "the node's log": r.logAbout(n, "keys"), "an error": err.Error() + stageErr.Error(),
	} {
		if strings.Contains(text, key) {
			r.Errorf("%s has the key: %s", name, text)
		}
	}
}

// logAbout returns the lines of a plugin's log that contain a text; without a node, the controller's.
func (r *rig) logAbout(n *node, what string) string {
	r.Helper()
	path := r.lab.Controller().Log()
	if n != nil {
		path = n.plugin.Log()
	}
	data, err := os.ReadFile(path)
	r.ok(err, "read the log")
	var about strings.Builder
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, what) {
			about.WriteString(line)
		}
	}
	if about.Len() == 0 {
		r.Fatalf("%s has no line with %q", path, what)
	}
	return about.String()
}
