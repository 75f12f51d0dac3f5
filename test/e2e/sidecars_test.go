package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
)

// withSidecars are the chart's values for the two sidecars that can replace functions of the driver. The images have stand-ins
// for them (package images), which ss names by their first 15 letters.
var withSidecars = []string{
	"registrarSidecar.enabled=true", "registrarSidecar.image.repository=" + driver.Registry + "/registrar-stand-in", "registrarSidecar.image.tag=v1",
	"livenessProbeSidecar.enabled=true", "livenessProbeSidecar.image.repository=" + driver.Registry + "/livenessprobe-stand-in",
	"livenessProbeSidecar.image.tag=v1",
}

const (
	driverListens    = "glusterfs-csi"
	registrarListens = "registrar-stand"
	probeListens     = "livenessprobe-s"
)

// TestSidecars lets sidecars register the driver and answer the probes. The sidecars are stand-ins, so the test only shows that
// the chart gives them what they need: sockets, directories, rights, ports.
func TestSidecars(t *testing.T) {
	d := theDriver(t)
	s := newSpace(t, "sidecars")
	s.apply(claim("data", "", "ReadWriteMany", "1Gi"))
	s.bound("data")
	served(t, driverListens, driverListens)

	t.Run("with", func(t *testing.T) {
		s := &space{T: t, namespace: s.namespace}
		nodePluginsWith(t, d, append(withSidecars, "logging.format=json")...)
		served(t, registrarListens, probeListens)
		s.claimAndPod("first")
		s.apply(writer("writer", "node1"))
		s.running("writer")

		registrarKilled(s)
		ok(t, killed(cluster.Node(1).Kubelet())(t.Context()))
		ok(t, d.WaitReady(t.Context()))
		s.claimAndPod("second") // a kubelet that has just started has no driver until one is registered
		frozenPluginIsNotReady(s)
		s.goesOn("writer", s.lines("writer"))
		if restarted := restarts(t, "glusterfs-csi"); restarted != "0" {
			t.Errorf("the driver's container was restarted %s times", restarted)
		}
	})

	served(t, driverListens, driverListens)
	s.claimAndPod("third")
}

// served checks which process registers the driver with each kubelet, and which answers the probes, by their names.
func served(t *testing.T, registers, answers string) {
	t.Helper()
	for i, node := range cluster.Nodes() {
		for address, want := range map[string]string{registrationSocket: registers, probesAddress: answers} {
			if name, _ := listener(t, i+1, address); name != want {
				t.Errorf("on %s, %q listens at %s, want %q", node.Name, name, address, want)
			}
		}
	}
	want := "glusterfs-csi csi-provisioner csi-resizer"
	if answers != driverListens {
		want += " liveness-probe"
	}
	if got := inDriver(t, "get", "pod", driver.ControllerPod, "-o", "jsonpath={.status.containerStatuses[?(@.ready==true)].name}"); !sameWords(got, want) {
		t.Errorf("the ready containers of the controller are %q, want %q", got, want)
	}
}

// The addresses of the node plugin, as its own containers see them.
const (
	registrationSocket = "/registration/" + driver.Name + "-reg.sock"
	probesAddress      = "127.0.0.1:29680"
)

// listener returns the name and process id of the process that listens at an address of a node, both as the node sees them.
func listener(t *testing.T, node int, address string) (name, pid string) {
	t.Helper()
	out, err := cluster.Node(node).Machine.Command(t.Context(), "ss", "-lxtpnH").Output()
	ok(t, err)
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, " "+address+" ") {
			continue
		}
		_, user, _ := strings.Cut(line, `users:(("`)
		name, rest, _ := strings.Cut(user, `",pid=`)
		pid, _, _ := strings.Cut(rest, ",")
		return name, pid
	}
	t.Fatalf("no process listens at %s on node %d", address, node)
	return "", ""
}

// claimAndPod binds a claim, and writes into its volume from a pod on node1.
func (s *space) claimAndPod(name string) {
	s.Helper()
	s.apply(claim(name, "", "ReadWriteMany", "1Gi") + pod(name, "node1", name, 0))
	s.running(name)
	s.in(name, "echo "+name+" > /data/file")
	onBricks(s.T, s.bound(name).gluster(), "file", name+"\n")
}

// registrarKilled kills the registrar of node1 and waits until its successor has registered the driver again.
func registrarKilled(s *space) {
	s.Helper()
	const container = "node-driver-registrar"
	plugin := nodePlugin(s.T, "node1")
	_, pid := listener(s.T, 1, registrationSocket)
	sendSignal(s.T, "KILL", pid)
	eventually(s.T, func() error {
		if n := restarts(s.T, container); n != "1" {
			return fmt.Errorf("the registrar was restarted %s times, want once", n)
		}
		// This log is of the new container only.
		log, err := cluster.Kubectl(s.Context(), "logs", plugin, "--container="+container, "--namespace="+driver.Namespace)
		if err == nil && !strings.Contains(log, "The kubelet registered the driver") {
			err = fmt.Errorf("the new registrar says %q", log)
		}
		return err
	})
	if _, now := listener(s.T, 1, registrationSocket); now == pid {
		s.Errorf("process %s still listens after it was killed", pid)
	}
}

// frozenPluginIsNotReady stops the driver of node1 for a while, and checks that it is not ready meanwhile.
func frozenPluginIsNotReady(s *space) {
	s.Helper()
	plugin := "pod/" + nodePlugin(s.T, "node1")
	pid := s.driverPid()
	sendSignal(s.T, "STOP", pid)
	_, err := cluster.Kubectl(s.Context(), "wait", "--for=condition=Ready=false", patience, plugin, "--namespace="+driver.Namespace)
	sendSignal(s.T, "CONT", pid)
	ok(s.T, err)
	inDriver(s.T, "wait", "--for=condition=Ready", patience, plugin)
}

// driverPid returns the process id of the driver on node1.
func (s *space) driverPid() string {
	s.Helper()
	name, pid := listener(s.T, 1, "/csi/csi.sock")
	if name != driverListens {
		s.Fatalf("%q listens at the driver's socket", name)
	}
	return pid
}

// sendSignal sends a signal to a process of node1.
func sendSignal(t *testing.T, name, pid string) {
	t.Helper()
	out, err := cluster.Node(1).Machine.Command(t.Context(), "kill", "-"+name, pid).CombinedOutput()
	if err != nil {
		t.Fatalf("kill -%s %s: %v: %s", name, pid, err, out)
	}
}

// restarts returns how often a container of the node plugin on node1 was restarted.
func restarts(t *testing.T, container string) string {
	t.Helper()
	return inDriver(t, "get", "pod", nodePlugin(t, "node1"), "-o",
		`jsonpath={.status.containerStatuses[?(@.name=="`+container+`")].restartCount}`)
}

// sameWords reports whether two texts have the same words in any order.
func sameWords(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}
