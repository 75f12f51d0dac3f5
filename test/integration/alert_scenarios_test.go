package integration

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
)

const (
	deaths        = "glusterfs_csi_node_client_deaths_total"
	withoutClient = "glusterfs_csi_node_volumes_without_client"
	unrepaired    = "glusterfs_csi_node_unrepaired_mounts"
	hung          = "glusterfs_csi_node_hung_clients_total"
	clientsInPod  = "glusterfs_csi_node_clients_in_pod"
	oldClients    = "glusterfs_csi_node_old_clients"
	healed        = `glusterfs_csi_node_heals_total{outcome="healed"}`
	before        = "before"
)

// alertScenarios returns what happens in each recording. Most are named after the alert that is to fire.
func alertScenarios() map[string]func(m *metricsRecorder) {
	return map[string]func(m *metricsRecorder){
		"plugin-restarts":        recordRestarts,
		"client-not-replaced":    recordClientNotReplaced,
		"clients-end":            recordClientsEnd,
		"clients-hang":           recordClientsHang,
		"clients-in-pod":         recordClientsInPod,
		"mounts-not-repaired":    recordMountsNotRepaired,
		"leftovers":              recordLeftovers,
		"old-clients":            recordOldClients,
		"node-calls-fail":        recordNodeCallsFail,
		"heketi-unavailable":     recordHeketiUnavailable,
		"heketi-unauthenticated": recordWrongKey,
		"controller-calls-fail":  recordControllerCallsFail,
		"no-room":                recordNoRoom,
		"heketi-outcome-unknown": recordOutcomeUnknown,
	}
}

func recordRestarts(m *metricsRecorder) {
	n := m.node()
	m.record(before)
	for i := range 3 {
		m.ok(n.plugin.Kill(m.call()), "kill the node plugin")
		m.start(n.plugin, n.Machine)
		m.record(fmt.Sprintf("killed and started %d times", i+1))
	}
}

func recordClientNotReplaced(m *metricsRecorder) {
	n := m.node()
	v := m.create(createRequest(single()))
	target := m.publish(n, v, m.stage(n, v), false)
	m.record(before)
	wake := m.muteServers()
	m.kill(n, nameOf(v), target)
	m.recordWhen(map[string]string{withoutClient: "1"}, "the client has ended, and no gluster server answers")
	wake()
	m.recordWhen(map[string]string{withoutClient: "0", healed: "1"}, "the servers answer again, and the client was replaced")
}

func recordClientsEnd(m *metricsRecorder) {
	n := m.node()
	v := m.create(createRequest(single()))
	m.publish(n, v, m.stage(n, v), false)
	m.record(before)
	for i := range 3 {
		m.signal(n, nameOf(v), "KILL")
		times := strconv.Itoa(i + 1)
		m.recordWhen(map[string]string{deaths: times, withoutClient: "0", healed: times}, "ended and replaced "+times+" times")
	}
}

func recordClientsHang(m *metricsRecorder) {
	n := m.node("--hung-client-limit=10s")
	v := m.create(createRequest(single()))
	target := m.publish(n, v, m.stage(n, v), false)
	c := m.container(n, "private", "mount -t tmpfs none /mnt && mkdir /mnt/data", "mount --bind "+target+" /mnt/data")
	time.Sleep(noticeTime)
	m.record(before)
	m.signal(n, nameOf(v), "STOP")
	if said, err := c.try("ls /mnt/data/none"); err == nil {
		m.Errorf("a call that was waiting: %s", said)
	}
	m.recordWhen(map[string]string{hung: "1", withoutClient: "0", healed: "1"}, "a client did not answer, and was replaced")
}

// recordClientsInPod has a client in the pod of a node plugin whose successor starts new clients outside.
func recordClientsInPod(m *metricsRecorder) {
	n := m.node()
	m.record(before)
	m.start(n.plugin, n.Machine, "--client-placement=pod")
	v := m.create(createRequest(single()))
	staging := m.stage(n, v)
	m.recordWhen(map[string]string{clientsInPod: "1"}, "a client runs in the pod")
	m.unstage(n, v, staging)
	m.noClient(n, nameOf(v))
	m.start(n.plugin, n.Machine)
	m.record("the client has ended, and clients run outside of the pod again")
}

// recordMountsNotRepaired deletes a directory of which a container has a mount: with the next client, it cannot be mounted again. The
// container has to be restarted.
func recordMountsNotRepaired(m *metricsRecorder) {
	n := m.node()
	v := m.create(createRequest(single()))
	staging := m.stage(n, v)
	target := m.publish(n, v, staging, false)
	dir := m.inside(n, target, "sub")
	m.ok(os.Mkdir(dir, 0o755), "make a directory of the volume")
	c := m.container(n, "private", "mount -t tmpfs none /mnt && mkdir /mnt/data", "mount --bind "+filepath.Join(target, "sub")+" /mnt/data",
		"umount --lazy "+staging, "umount --lazy "+target)
	m.eventually(healLimit, "the container's mount is saved", m.saved(n, v, "/mnt/data"))
	m.record(before)
	m.ok(os.Remove(dir), "remove the directory")
	m.signal(n, nameOf(v), "KILL")
	m.recordWhen(map[string]string{unrepaired: "1"}, "the client was replaced, and the directory of a container's mount does not exist")
	_, err := io.WriteString(c.in, "exit 0\n")
	m.ok(err, "end the container")
	m.recordWhen(map[string]string{unrepaired: "0"}, "the container has ended")
}

// recordLeftovers puts a directory in the place of a log, which the node plugin can then not remove.
func recordLeftovers(m *metricsRecorder) {
	n := m.node()
	m.record(before)
	log := filepath.Join(filepath.Dir(n.dir), "state", "logs", "former.log")
	remove := func() { m.ok(os.RemoveAll(log), "remove the directory") }
	m.Cleanup(remove)
	m.ok(os.MkdirAll(filepath.Join(log, "content"), 0o755), "make a directory")
	m.start(n.plugin, n.Machine)
	m.record("an earlier node plugin has left a file that cannot be removed")
	remove()
	m.start(n.plugin, n.Machine)
	m.record("the file was removed by hand")
}

// recordOldClients renames the directory of a client's files, whose name is the version.
func recordOldClients(m *metricsRecorder) {
	n := m.node()
	v := m.create(createRequest(single()))
	staging := m.stage(n, v)
	m.record(before)
	m.ok(n.plugin.Stop(m.call()), "stop the node plugin")
	trees := filepath.Join(filepath.Dir(n.dir), "state", "tree")
	entries, err := os.ReadDir(trees)
	m.ok(err, "list the clients' files")
	for _, entry := range entries {
		m.ok(os.Rename(filepath.Join(trees, entry.Name()), filepath.Join(trees, "9.6-old")), "rename the clients' files")
	}
	m.start(n.plugin, n.Machine)
	m.recordWhen(map[string]string{oldClients: "1"}, "a client has the files of an earlier version")
	m.unstage(n, v, staging)
	m.noClient(n, nameOf(v))
	m.recordWhen(map[string]string{oldClients: "0"}, "the client has ended")
}

func recordNodeCallsFail(m *metricsRecorder) {
	n := m.node()
	good := m.create(createRequest(single()))
	lost := static("lost", good.GetVolumeContext()["servers"], "no-such-volume")
	staging := m.directory(n)
	m.Cleanup(func() { m.unstage(n, lost, staging) })
	m.record(before)
	for i := range 6 {
		_, err := n.NodeStageVolume(m.call(), stageRequest(lost, staging))
		m.refused(err, codes.Unavailable)
		m.record(fmt.Sprintf("failed calls: %d", i+1))
	}
	m.stage(n, good)
	m.record("a call has succeeded")
}

func recordHeketiUnavailable(m *metricsRecorder) {
	m.controllerWithMetrics()
	m.record(before)
	m.end(m.lab.Heketi(), m.lab.Heketi().Kill)
	request := createRequest(single())
	for i := range 5 {
		_, err := m.controller.CreateVolume(m.call(), request)
		m.refused(err, codes.Unavailable)
		m.record(fmt.Sprintf("Heketi does not run; failed calls: %d", i+1))
	}
	m.ok(m.lab.Heketi().Start(m.call()), "start Heketi")
	m.create(request)
	m.record("Heketi runs, and a call has succeeded")
}

func recordWrongKey(m *metricsRecorder) {
	m.controllerWithMetrics()
	m.record(before)
	_, restore := m.wrongKey()
	request := createRequest(single())
	_, err := m.controller.CreateVolume(m.call(), request)
	m.refused(err, codes.Unavailable, "clocks")
	m.record("the key is wrong, and a call has failed")
	restore()
	m.create(request)
	m.record("the key is right, and a call has succeeded")
}

// recordControllerCallsFail deletes a volume while one of its servers is off.
func recordControllerCallsFail(m *metricsRecorder) {
	m.controllerWithMetrics()
	v := m.create(createRequest(replica3()))
	m.record(before)
	m.noticeSooner()
	m.Cleanup(func() { m.powerOn() })
	m.ok(m.lab.Storage(1).PowerCut(m.call()), "power cut")
	remove := func() error {
		_, err := m.controller.DeleteVolume(m.call(), &csi.DeleteVolumeRequest{VolumeId: v.GetVolumeId()})
		return err
	}
	for i := range 5 {
		m.refused(remove(), codes.FailedPrecondition, "peers are down")
		m.record(fmt.Sprintf("a server is off; failed calls: %d", i+1))
	}
	m.powerOn()
	m.eventually(callLimit, "DeleteVolume succeeds", remove)
	m.record("the server is on, and a call has succeeded")
}

func recordNoRoom(m *metricsRecorder) {
	m.controllerWithMetrics()
	largest := m.capacity(replica3())
	v := m.create(createRequest(replica3()))
	m.record(before)
	request := sized(createRequest(replica3()), largest+1)
	for i := range 2 {
		_, err := m.controller.CreateVolume(m.call(), request)
		m.refused(err, codes.ResourceExhausted)
		m.record(fmt.Sprintf("failed creates: %d", i+1))
	}
	for i := range 2 {
		m.refused(m.expand(v, int(largest)+1), codes.OutOfRange)
		m.record(fmt.Sprintf("failed expansions: %d", i+1))
	}
}

func recordOutcomeUnknown(m *metricsRecorder) {
	m.controllerWithMetrics()
	m.create(createRequest(replica3()))
	m.record(before)
	for i := range 3 {
		m.loseAnOperation()
		m.record(fmt.Sprintf("Heketi was killed during %d operations", i+1))
	}
}

// loseAnOperation kills Heketi during a create, and starts it again.
func (m *metricsRecorder) loseAnOperation() {
	m.Helper()
	request := createRequest(replica3())
	m.ok(m.killedAt(stagesOfCreate()[0], request.GetName(), func() error {
		_, err := m.controller.CreateVolume(m.call(), request)
		return err
	}), "CreateVolume that was running")
	m.create(request) // the same volume, which is deleted at the end
}
