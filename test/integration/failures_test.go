package integration

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// TestStageFails stages volumes that cannot be mounted. The error must give the reason, and nothing may be left.
func TestStageFails(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	stopped := r.create(createRequest(single()))
	r.gluster(2, "volume", "stop", nameOf(stopped))
	good := r.create(createRequest(single()))
	servers := good.GetVolumeContext()["servers"]
	for _, c := range []struct {
		name   string
		volume *csi.Volume
		says   []string
	}{
		{"no such volume", static("s", servers, "no-such-volume"), []string{`no such volume "no-such-volume"`}},
		{"stopped volume", stopped, []string{nameOf(stopped), "not started"}},
		{"no such directory", static("s", servers, nameOf(good)+"/no/such"), []string{"directory /no/such does not exist in the volume"}},
		{"server without address", static("s", "nowhere.invalid", nameOf(good)), []string{"no GlusterFS server can be reached", "nowhere.invalid"}},
		{"no glusterd on any server", static("s", r.lab.Hub().IP+",node2", nameOf(good)), []string{
			"no GlusterFS server can be reached", r.lab.Hub().IP + ", node2", "port 24007",
		}},
	} {
		r.Run(c.name, func(t *testing.T) {
			r := r.on(t)
			staging := r.directory(n)
			_, err := n.NodeStageVolume(r.call(), stageRequest(c.volume, staging))
			r.refused(err, codes.Unavailable, c.says...)
			r.notMounted(n, filepath.Dir(n.dir))
			r.noClient(n, "")
			_, err = n.NodePublishVolume(r.call(), publishRequest(c.volume, staging, filepath.Join(staging, "target")))
			r.refused(err, codes.FailedPrecondition, "NodeStageVolume has to come first")
			r.unstage(n, c.volume, staging) // as an orchestrator does when it gives up
			r.noState(n)
		})
	}
}

// TestStageGivenUp stages from servers that accept connections and do not answer, until the caller gives up.
func TestStageGivenUp(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	v := r.create(createRequest(single()))
	r.muteServers()
	staging := r.directory(n)
	ctx, cancel := context.WithTimeout(r.call(), 3*time.Second)
	defer cancel()
	_, err := n.NodeStageVolume(ctx, stageRequest(v, staging))
	if status.Code(err) != codes.DeadlineExceeded {
		r.Errorf("NodeStageVolume of mute servers: %v", err)
	}
	r.noClient(n, nameOf(v))
	r.notMounted(n, filepath.Dir(n.dir))
	r.unstage(n, v, staging)
	r.noState(n)
}

// TestMuteServer stages while the first server accepts connections and does not answer. At log-level ERROR, the in-tree plugin's
// default, the client does not log whether it has received the volume file.
func TestMuteServer(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	v := r.deadFirst(r.create(createRequest(replica3())))
	for _, level := range []string{"ERROR", "WARNING"} {
		r.Run(level, func(t *testing.T) {
			r := r.on(t)
			r.signalGlusterd(1, "-STOP")
			r.Cleanup(func() { r.signalGlusterd(1, "-CONT") })
			staging := r.stage(n, v, "log-level="+level)
			r.signalGlusterd(1, "-CONT")
			target := r.publish(n, v, staging, false)
			r.write(n, "data", target, "file")
			r.read(n, "data", target, "file")
		})
	}
}

// muteServers makes every glusterd hang until the test ends, or until the returned function is called.
func (r *rig) muteServers() (wake func()) {
	r.Helper()
	signal := func(signal string) {
		for i := 1; i <= lab.StorageNodes; i++ {
			r.signalGlusterd(i, signal)
		}
	}
	r.Cleanup(func() { signal("-CONT") })
	signal("-STOP")
	return func() { signal("-CONT") }
}

func (r *rig) signalGlusterd(storage int, signal string) {
	r.Helper()
	pid, err := r.command(r.lab.Storage(storage), "cat", "/run/glusterd.pid")
	r.ok(err, "pid of glusterd")
	_, err = r.command(r.lab.Storage(storage), "kill", signal, strings.TrimSpace(pid))
	r.ok(err, "signal glusterd")
}
