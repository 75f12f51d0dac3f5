package setup

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
)

// lose makes a node's server unreachable, in one of the ways in which a node is lost.
func (w *world) lose(i int, how string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	pod := &w.pods[i-1]
	switch how {
	case "no node":
		w.nodes = slices.DeleteFunc(w.nodes, func(n kube.Node) bool { return n.Name == pod.Node })
		*pod = kube.Pod{Name: "web", Node: "elsewhere", Started: true}
	case "no pod":
		*pod = kube.Pod{Name: "gluster-x", Why: "0/5 nodes are available"}
	case "not started":
		pod.Started, pod.Ready, pod.Why = false, false, "it crashes"
	case "mute": // the pod's status is the last report of the kubelet
		pod.Ready, pod.Why = false, "node is not ready"
		w.silent = map[string]bool{pod.Name: true}
	}
}

// TestLostNode: a node is lost for good, and another node is added to the topology. The new node is loaded without delay; the
// lost one is left as it is, with a warning.
func TestLostNode(t *testing.T) {
	for how, why := range map[string]string{
		"no node":     "Kubernetes has no such node",
		"no pod":      "there is no pod of gluster: is the node labelled for it? (pod gluster-x is not on a node yet: 0/5 nodes are available)",
		"not started": "pod gluster-n3 has not started: it crashes",
		"mute":        "glusterd does not answer in pod gluster-n3: connection failed",
	} {
		t.Run(how, func(t *testing.T) {
			w := newWorld(t)
			if err := w.run(""); err != nil {
				t.Fatal(err)
			}
			w.lose(3, how)
			w.write(w.topology, topologyText(4, "/dev/sdb"))
			if err := w.run(""); err != nil {
				t.Fatalf("%v\n%s", err, w.log)
			}
			w.check(4, 4)
			log := w.log.String()
			for _, want := range []string{
				`absent=["n3"]`, `"WARNING: a node of Heketi is left alone, since GlusterFS on it does not answer" node="n3" why="` + why,
				"heketi-cli node disable ", "Step 6 of 6: the topology is loaded", "absent=1",
			} {
				if !strings.Contains(log, want) {
					t.Errorf("the log does not say %q:\n%s", want, log)
				}
			}
			if strings.Contains(log, "Waiting for gluster") {
				t.Errorf("the lost node was waited for:\n%s", log)
			}
		})
	}
}

// TestServerThatIsNotReady: a server with a dead disk is not ready, since its brick is offline, but it is usable.
func TestServerThatIsNotReady(t *testing.T) {
	w := newWorld(t)
	for i := range w.pods {
		w.pods[i].Ready, w.pods[i].Why = false, "not all bricks of this node are online"
	}
	if err := w.run(""); err != nil {
		t.Fatalf("%v\n%s", err, w.log)
	}
	w.check(3, 3)
	w.write(w.topology, topologyText(3, "/dev/sdb", "/dev/sdc"))
	if err := w.run(""); err != nil {
		t.Fatal(err)
	}
	w.check(3, 6)
}

// TestNewOnAnAbsentNode: the Job waits for nodes with something that Heketi lacks. If some stay away, the rest is loaded, and the
// error names the missing nodes and devices.
func TestNewOnAnAbsentNode(t *testing.T) {
	w := newWorld(t)
	if err := w.run(""); err != nil {
		t.Fatal(err)
	}
	w.write(w.topology, strings.Replace(topologyText(4, "/dev/sdb"), `["/dev/sdb"]`, `["/dev/sdb","/dev/sdc"]`, 1))
	w.lose(1, "mute")
	w.lose(4, "no pod")
	err := w.run("")
	for _, want := range []string{
		"step 6 of 6, load the topology: device /dev/sdc of node n1 was not added: glusterd does not answer in pod gluster-n1",
		"node n4 was not added: there is no pod of gluster: is the node labelled for it?", "(its device was not tried)",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if log := w.log.String(); !strings.Contains(log, `"Waiting for gluster" why="node n1: glusterd does not answer in pod gluster-n1: connection failed; node n4: there is no pod of gluster`) {
		t.Errorf("the log:\n%s", log)
	}
	w.check(3, 3)
	w.pods[3] = kube.Pod{Name: "gluster-n4", Node: "n4", Started: true} // while n1 stays away
	if err := w.run(""); err == nil || strings.Contains(err.Error(), "n4") {
		t.Errorf("%v", err)
	}
	w.check(4, 4)
	time.AfterFunc(300*time.Millisecond, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.silent = nil
	})
	if err := w.run(""); err != nil {
		t.Fatal(err)
	}
	w.check(4, 5)
}

// TestFirstTimeWithoutANode: three of four nodes are enough for the database's volume. The job fails at its end until the fourth
// node is there.
func TestFirstTimeWithoutANode(t *testing.T) {
	w := newWorld(t)
	w.write(w.topology, topologyText(4, "/dev/sdb"))
	w.lose(2, "not started")
	for range 2 {
		err := w.run("")
		if err == nil || !strings.Contains(err.Error(), "step 6 of 6, load the topology: node n2 was not added: pod gluster-n2 has not started: it crashes (its device was not tried)") {
			t.Fatalf("%v", err)
		}
		w.check(3, 3)
	}
	w.pods[1].Started = true
	if err := w.run(""); err != nil {
		t.Fatal(err)
	}
	w.check(4, 4)
}

// TestMisspeltNode: a node that neither Kubernetes nor Heketi has is a mistake, and is not waited for.
func TestMisspeltNode(t *testing.T) {
	w := newWorld(t)
	if err := w.run(""); err != nil {
		t.Fatal(err)
	}
	w.write(w.topology, strings.Replace(topologyText(4, "/dev/sdb"), `"n4"`, `"n44"`, 1))
	err := w.run("")
	if want := `step 2 of 6, compare the topology with Heketi: node "n44" of the topology: Kubernetes has no such node: hostnames.manage must be a node's name there; did you mean n4?`; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	w.check(3, 3)
}

// TestLostNodeAndHeketi: while Heketi starts on another node, the Job waits for Heketi, because only Heketi's database shows
// whether Heketi has the lost node. In an installation without a claim, Heketi has the lost node as soon as it runs.
func TestLostNodeAndHeketi(t *testing.T) {
	for name, claim := range map[string]bool{"starting": true, "removed": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if err := w.run(""); err != nil {
				t.Fatal(err)
			}
			w.stopHeketi()
			w.newPod()
			w.lose(3, "no node")
			started := make(chan error, 1)
			if claim {
				time.AfterFunc(300*time.Millisecond, func() { started <- w.startHeketi() })
			} else {
				w.claims = nil
				started <- nil
			}
			if err := w.run(""); err != nil {
				t.Fatalf("%v\n%s", err, w.log)
			}
			if err := <-started; err != nil {
				t.Fatal(err)
			}
			w.check(3, 3)
			if !strings.Contains(w.log.String(), `is left alone, since GlusterFS on it does not answer" node="n3"`) {
				t.Errorf("the log:\n%s", w.log)
			}
		})
	}
}

// TestTooFewNodesForTheVolume: if two nodes are too few for the database's volume, nothing is made.
func TestTooFewNodesForTheVolume(t *testing.T) {
	w := newWorld(t)
	w.write(w.topology, topologyText(4, "/dev/sdb"))
	w.lose(2, "mute")
	w.lose(4, "no pod")
	err := w.run("")
	const want = "step 5 of 6, make the volume of Heketi's database: the volume has 3 copies, each on a different node, but gluster answers on too few nodes: " +
		"node n2: glusterd does not answer in pod gluster-n2: connection failed; node n4: there is no pod of gluster: is the node labelled for it?"
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
	if _, err := os.Stat(w.dir + "/heketi.db"); err == nil || len(w.claims) > 0 {
		t.Errorf("a temporary Heketi was started: %v, claims %v", err, w.claims)
	}
}
