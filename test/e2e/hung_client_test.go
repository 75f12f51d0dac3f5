package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// TestNodePluginEndsWhileAClientHangs kills the node plugin during a request for the statistics of a volume whose bricks, and
// therefore client, do not answer. The container must end and start again, and the new one must serve other volumes. A node
// plugin that called the client from its own threads could not end before the client does.
func TestNodePluginEndsWhileAClientHangs(t *testing.T) {
	d := theDriver(t)
	replaceNodePlugin(t, d)
	s := newSpace(t, "hung")
	s.apply(claim("data", "", "ReadWriteMany", "1Gi") + pod("idle", "node1", "data", 0))
	s.running("idle")
	v := s.bound("data")
	client := clients(t, 1, v.gluster())[0].PID
	defer func() {
		if t.Failed() { // or all tests that follow would fail, too
			signalBricks(t, v.gluster(), "CONT")
			sendSignal(t, "CONT", client)
		}
	}()
	for range 3 {
		signalBricks(t, v.gluster(), "STOP")
		count, socket := restarts(t, "glusterfs-csi"), s.driverSocket()
		go func() { _ = statistics(s, socket, v) }() // fails, with the node plugin
		eventually(t, func() error {
			out, err := cluster.Node(1).Machine.Output(t.Context(), "ps", "-eLo", "comm=,wchan:40=")
			if err == nil && !strings.Contains(out, "request_wait_answer") {
				err = fmt.Errorf("no thread waits for the client:\n%s", out)
			}
			return err
		})
		sendSignal(t, "STOP", client)
		killed := time.Now()
		sendSignal(t, "KILL", s.driverPid())
		eventually(t, func() error {
			if now := restarts(t, "glusterfs-csi"); now == count {
				return fmt.Errorf("the node plugin was restarted %s times, and still is", now)
			}
			return nil
		})
		t.Logf("restarted after %s", time.Since(killed).Round(time.Millisecond))
		ok(t, d.WaitReady(t.Context()))
		s.apply(claim("other", "", "ReadWriteMany", "1Gi") + pod("other", "node1", "other", 0))
		signalBricks(t, v.gluster(), "CONT")
		s.running("other")
		sendSignal(t, "CONT", client)
		s.in("idle", "echo again >> /data/file")
		s.kubectl("delete", "pod/other", "pvc/other", patience)
	}
	if now := clients(t, 1, v.gluster())[0].PID; now != client {
		t.Errorf("the client was %s and is %s", client, now)
	}
}

// driverSocket returns the path at which this process finds node1's CSI socket.
func (s *space) driverSocket() string {
	s.Helper()
	machine, err := cluster.Node(1).Machine.Pid(s.Context())
	ok(s.T, err)
	return fmt.Sprintf("/proc/%d/root/proc/%s/root/csi/csi.sock", machine, s.driverPid())
}

// statistics asks the node plugin for the statistics of a volume, at the staging path that the kubelet uses.
func statistics(s *space, socket string, v volume) error {
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = csi.NewNodeClient(conn).NodeGetVolumeStats(s.Context(), &csi.NodeGetVolumeStatsRequest{
		VolumeId: v.Spec.CSI.VolumeHandle, VolumePath: s.target("idle", v),
	})
	return err
}

// target returns the directory at which the kubelet has a volume published for a pod.
func (s *space) target(pod string, v volume) string {
	s.Helper()
	uid := s.kubectl("get", "pod", pod, "-o", "jsonpath={.metadata.uid}")
	return fmt.Sprintf("/var/lib/kubelet/pods/%s/volumes/kubernetes.io~csi/%s/mount", uid, v.Metadata.Name)
}

// signalBricks sends a signal to all brick processes of a volume.
func signalBricks(t *testing.T, volume, signal string) {
	t.Helper()
	for i := range lab.StorageNodes {
		machine := cluster.Lab().Storage(i + 1)
		out, err := machine.Output(t.Context(), "ps", "-ww", "-eo", "pid=,args=")
		ok(t, err)
		for line := range strings.Lines(out) {
			if pid, args, _ := strings.Cut(strings.TrimSpace(line), " "); strings.Contains(args, "glusterfsd") && strings.Contains(args, volume) {
				_, err := machine.Output(t.Context(), "kill", "-"+signal, pid)
				ok(t, err)
			}
		}
	}
}
