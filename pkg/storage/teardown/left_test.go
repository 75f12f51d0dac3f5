package teardown

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/servers"
)

// loseNode makes a node lost for good, and deleted from Kubernetes by the administrator.
func (w *world) loseNode(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nodes = slices.DeleteFunc(w.nodes, func(n kube.Node) bool { return n.Name == name })
	w.pods = slices.DeleteFunc(w.pods, func(p kube.Pod) bool { return p.Node == name })
	w.peers["10.0.0."+name[1:]] = false
	for _, d := range w.disks {
		d.lost = d.lost || d.node == name && d.pv
	}
}

// TestLostNode: the other nodes are emptied, and the log lists what is left on the lost one.
func TestLostNode(t *testing.T) {
	w := newWorld(t)
	w.loseNode("n1")
	w.pods = append(w.pods, kube.Pod{Name: "gluster-n1", Node: "n1", Why: "it is being deleted"}) // Kubernetes has not removed the pod yet
	if err := w.run(""); err != nil {
		t.Fatalf("%v\n%s", err, w.log)
	}
	w.check()
	log := w.log.String()
	for _, want := range []string{
		`Step 3 of 6: WARNING: left behind: the content of the lost node n1" node="n1" devices=["/dev/sdb","/dev/sdc"]`,
		"Nothing is left on the devices, except on lost ones.",
		`what="the content of the lost node n1; if it comes back, run this on the node" do="vgremove --force vg_`,
		"; pvremove /dev/sdb /dev/sdc; rm -r /var/lib/glusterd /var/lib/heketi\"", `Step 5 of 6: removed a node" node="n2"`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %q:\n%s", want, log)
		}
	}
	for id, d := range w.disks {
		if d.lost && !strings.Contains(log, servers.GroupOf(id)) {
			t.Errorf("%s of the lost node is not named", servers.GroupOf(id))
		}
	}
	if i := slices.Index(w.commands, "gluster-n2: gluster --mode=script volume remove-brick heketidbstorage replica 2 10.0.0.1:/var/lib/heketi/mounts/brick force"); i < 0 {
		t.Errorf("commands %q", w.commands)
	}
}

// TestLostNodeKilled: a run with a lost node is killed, and the next one finishes the work.
func TestLostNodeKilled(t *testing.T) {
	t.Parallel()
	points := []string{
		"after gluster --mode=script volume remove-brick", "after gluster --mode=script peer detach", "after gluster --mode=script volume delete", "before DELETE /volumes/ID",
		"after DELETE /volumes/ID", "after DELETE /devices/ID", "after DELETE /nodes/ID", "after clear secret",
	}
	for i, point := range points {
		for _, lost := range []bool{false, true} {
			if testing.Short() && (i%2 == 0) == lost {
				continue
			}
			t.Run(strings.ReplaceAll(point, "/", ".")+map[bool]string{true: ", pod lost"}[lost], func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.loseNode("n3")
				if err := w.run(point); err == nil {
					t.Fatal("the run was not killed")
				}
				if lost {
					w.newPod()
				}
				if err := w.run(""); err != nil {
					t.Fatalf("%v\n%s", err, w.log)
				}
				w.check()
			})
		}
	}
}

// TestLostNodeWithVolumes: volumes are not given up because a node is lost.
func TestLostNodeWithVolumes(t *testing.T) {
	w := newWorld(t)
	w.makeVolume(w.client(), w.cluster(), "vol_a")
	w.volumes["vol_a"] = true
	w.loseNode("n3")
	if err := w.run(""); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "Heketi still has volumes: vol_a (id ") {
		t.Errorf("%v", err)
	}
	w.untouched()
}

// TestAllCopiesLost: all bricks of the database's volume are on lost nodes, so that gluster cannot delete it. Everything else is
// removed, also by a run that continues an interrupted one.
func TestAllCopiesLost(t *testing.T) {
	for _, point := range []string{"", "after save secret", "before DELETE /devices/ID", "after DELETE /devices/ID", "after DELETE /nodes/ID"} {
		t.Run(strings.ReplaceAll(point, "/", "."), func(t *testing.T) {
			w := newWorld(t)
			w.addNode()
			save := database.Saver{From: w.client(), To: w.store(), Program: w.program}
			if err := save.Save(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.stopHeketi() // its database is lost, and the administrator has chosen the backup
			w.replicas = 0
			for _, node := range []string{"n1", "n2", "n3"} {
				w.loseNode(node)
			}
			if point != "" {
				if err := w.run(point); err == nil {
					t.Fatal("the run was not killed")
				}
				w.newPod()
			}
			if err := w.run(""); err != nil {
				t.Fatalf("%v\n%s", err, w.log)
			}
			if !w.volumes[testVolume] {
				t.Error("gluster has deleted the volume; this test must not be able to")
			}
			delete(w.volumes, testVolume) // as when gluster's directories are removed
			w.check()
			if log := w.log.String(); !strings.Contains(log, "gluster's record of volume heketidbstorage and of the lost nodes") {
				t.Errorf("the log does not say what remains:\n%s", log)
			}
		})
	}
}

// TestLostDuringRemoval: a run is interrupted, and a node is lost before the next run, which removes the rest.
func TestLostDuringRemoval(t *testing.T) {
	t.Parallel()
	points := []string{
		"after gluster --mode=script volume stop", "after gluster --mode=script volume delete", "after DELETE /volumes/ID", "after DELETE /devices/ID",
		"before DELETE /nodes/ID", "after DELETE /nodes/ID", // of n1
	}
	for i, point := range points {
		for j, node := range []string{"n1", "n3"} {
			if i%2 == j { // half of the pairs: each takes some seconds
				continue
			}
			t.Run(strings.ReplaceAll(point, "/", ".")+", "+node+" lost", func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				if err := w.run(point); err == nil {
					t.Fatal("the run was not killed")
				}
				w.loseNode(node)
				w.newPod()
				if err := w.run(""); err != nil {
					t.Fatalf("%v\n%s", err, w.log)
				}
				w.check()
				removed := node == "n1" && point == "after DELETE /nodes/ID" // Heketi has detached it
				if _, peer := w.peers["10.0.0."+node[1:]]; peer && !removed {
					t.Error("the lost node is still a peer")
				}
			})
		}
	}
}

// TestUnfinishedVolumeOnLostNode: a setup was interrupted while Heketi made a volume with a brick on a node that is lost since.
// Heketi cannot undo that.
func TestUnfinishedVolumeOnLostNode(t *testing.T) {
	for name, inGluster := range map[string]bool{"gluster has the volume": true, "gluster does not have it": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			taken := w.copyWhileMade(w.client(), testVolume)
			taken.Unfinished = true
			if err := w.store().Save(t.Context(), taken); err != nil {
				t.Fatal(err)
			}
			w.stopHeketi()
			w.claim = ""
			if !inGluster {
				delete(w.volumes, testVolume)
				w.bricks = nil
			}
			w.loseNode("n2")
			if err := w.run(""); err != nil {
				t.Fatalf("%v\n%s", err, w.log)
			}
			w.check()
		})
	}
}

// TestBrokenDisk: the administrator disables the device in Heketi, and everything else is removed.
func TestBrokenDisk(t *testing.T) {
	w := newWorld(t)
	w.pods[1].Ready, w.pods[1].Why = false, "not all bricks of this node are online"
	var id string
	for device, d := range w.disks {
		if d.node == "n2" {
			id = device
			d.pv, d.group = false, false
		}
	}
	if err := w.run(""); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "heketi-cli device disable "+id) {
		t.Fatalf("%v", err)
	}
	if err := w.client().SetDeviceState(t.Context(), id, heketi.DeviceOffline); err != nil {
		t.Fatal(err)
	}
	if err := w.run(""); err != nil {
		t.Fatalf("%v\n%s", err, w.log)
	}
	w.check()
	if log := w.log.String(); !strings.Contains(log, `what="the content of broken devices of node n2 (/dev/sdb); if it comes back, run this on the node" do="vgremove --force `+servers.GroupOf(id)+`; pvremove /dev/sdb"`) {
		t.Errorf("the log:\n%s", log)
	}
}
