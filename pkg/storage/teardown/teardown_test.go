package teardown

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube/podexec"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/jobs"
	"github.com/glusterfs-csi/glusterfs-csi/test/documents"
)

// TestWhole: everything is removed, in the order volume, devices, nodes, cluster. A second run finds nothing to do.
func TestWhole(t *testing.T) {
	w := newWorld(t)
	if err := w.run(""); err != nil {
		t.Fatalf("%v\n%s", err, w.log)
	}
	w.check()
	last := -1
	for _, text := range []string{
		"Step 1 of 6: nothing would be lost", "Step 2 of 6: ", "Step 3 of 6: ", `Step 4 of 6: removed a device" node="n1" device="/dev/sdb"`, `node="n1" device="/dev/sdc"`,
		`node="n3" device="/dev/sdb"`, `Step 5 of 6: removed a node" node="n1"`, "Step 5 of 6: removed a cluster", "Step 6 of 6: ", "helm uninstall gfs --namespace storage",
		"kubectl delete pv storage-heketidbstorage", "kubectl delete namespace storage", "rm -r /var/lib/glusterd /var/lib/heketi", "kubectl label nodes -l storagenode=glusterfs storagenode-",
	} {
		at := strings.Index(w.log.String(), text)
		if at < last {
			t.Errorf("%q is not there, or not at its place", text)
		}
		last = max(at, last)
	}
	documents.Printed(t, "day-one.md", "Take it apart", w.log.String(), `"Step `)
	w.newPod()
	commands := len(w.commands)
	if err := w.run(""); err != nil {
		t.Fatal(err)
	}
	w.check()
	for _, line := range w.commands[commands:] {
		if !strings.HasSuffix(line, "gluster --mode=script volume list") && !strings.HasSuffix(line, "gluster --mode=script pool list") {
			t.Errorf("the second run has run %q", line)
		}
	}
}

// outsider is a server that is not in the pool of the others.
const outsider = "gluster-0"

// TestServerOutsideThePool: a node has the label for GlusterFS, but was never added to Heketi. Its server has no volume.
func TestServerOutsideThePool(t *testing.T) {
	w := newWorld(t)
	w.nodes = append(w.nodes, kube.Node{Name: "n0"})
	w.pods = append(w.pods, kube.Pod{Name: outsider, Node: "n0", Started: true, Ready: true})
	if err := w.run(""); err != nil {
		t.Fatalf("%v\n%s", err, w.log)
	}
	w.check()
}

// TestKilledAnywhere: the Job is killed, with its children, before or after each kind of step, in a pod that stays or in one that
// is lost. The next run finishes the work.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	whole := newWorld(t)
	if err := whole.run(""); err != nil {
		t.Fatal(err)
	}
	points := whole.points.Seen()
	for _, point := range []string{"after save secret", "after set replicas", "after gluster --mode=script volume delete", "after DELETE /volumes/ID", "after DELETE /devices/ID", "after DELETE /nodes/ID", "after DELETE /clusters/ID", "after delete claim", "after clear secret"} {
		if !slices.Contains(points, point) {
			t.Fatalf("%s is not among the points: %q", point, points)
		}
	}
	for i, point := range points {
		for _, lost := range []bool{false, true} {
			if testing.Short() && (i%2 == 0) == lost {
				continue
			}
			name := strings.ReplaceAll(point, "/", ".") + map[bool]string{true: ", pod lost"}[lost]
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
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

// TestRefusals: nothing is changed, and the error explains what to do.
func TestRefusals(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*world)
		want   []string
	}{
		"a volume": {func(w *world) { w.makeVolume(w.client(), w.cluster(), "vol_a") }, []string{"Heketi still has volumes: vol_a (id ", "kubectl get pv", "-n storage exec statefulset/heketi -c heketi -- heketi-cli volume delete ID"}},
		"volumes": {func(w *world) {
			for range 12 {
				w.makeVolume(w.client(), w.cluster(), "")
			}
		}, []string{"Heketi still has volumes: vol_", " and 2 more. "}},
		"a volume of gluster alone": {func(w *world) { w.volumes["mine"] = true }, []string{"gluster has volumes that are not in Heketi's database: mine.", "kubectl -n storage exec gluster-n1 -c glusterfs -- gluster --mode=script volume stop NAME"}},
		"another teardown":          {func(w *world) { w.others[jobs.Teardown] = append(w.others[jobs.Teardown], kube.Pod{Name: "again-1"}) }, []string{"pod again-1 of another Job is at work"}},
		"a setup":                   {func(w *world) { w.others[jobs.Setup] = []kube.Pod{{Name: "setup-2"}} }, []string{"pod setup-2 of another Job is at work", "kubectl -n storage get jobs"}},
		"a node without a pod":      {func(w *world) { w.pods = w.pods[:2] }, []string{"node n3 is in Heketi but has no gluster pod", "kubectl label node n3 storagenode=glusterfs", "kubectl delete node n3"}},
		"a broken disk": {func(w *world) {
			for _, d := range w.disks {
				d.pv = d.node != "n2" && d.pv
			}
		}, []string{"LVM on node n2 does not find what Heketi has made on device /dev/sdb", "heketi-cli device disable "}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tt.change(w)
			err := w.run("")
			if !errors.Is(err, ErrRefused) || !strings.HasPrefix(err.Error(), "step 1 of 6, look for what would be lost: refused: ") {
				t.Fatalf("%v", err)
			}
			for _, text := range tt.want {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("%v does not say %q", err, text)
				}
			}
			for _, d := range w.disks {
				d.pv = true // of the broken disk
			}
			w.untouched()
		})
	}
}

// TestVolumeThatIsJustBeingDeleted: the Job waits for a volume that is being deleted.
func TestVolumeThatIsJustBeingDeleted(t *testing.T) {
	w := newWorld(t)
	client := w.client()
	made := w.makeVolume(client, w.cluster(), "vol_a")
	w.patience = 30 * time.Second
	deleted := make(chan error, 1)
	go func() { deleted <- client.DeleteVolume(t.Context(), made.ID) }()
	if err := errors.Join(w.run(""), <-deleted); err != nil {
		t.Fatalf("%v\n%s", err, w.log)
	}
	w.check()
}

// TestVolumeMadeMeanwhile: a volume that is made after the last check is found once Heketi has ended, and Heketi can be started
// again.
func TestVolumeMadeMeanwhile(t *testing.T) {
	w := newWorld(t)
	if err := w.run("after set replicas"); err == nil {
		t.Fatal("the run was not killed")
	}
	w.volumes["vol_a"] = true
	if err := w.run(""); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "gluster has volumes: vol_a. Start Heketi again (kubectl -n storage scale statefulset/heketi --replicas=1). ") || !w.volumes[testVolume] {
		t.Errorf("%v", err)
	}

	w = newWorld(t)
	w.makeVolume(w.client(), w.cluster(), "vol_b")
	save := database.Saver{From: w.client(), To: w.store(), Program: w.program}
	if err := save.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.stopHeketi()
	w.replicas = 0
	err := w.run("")
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "Heketi still has volumes: vol_b (id ") || !strings.Contains(err.Error(), "Start Heketi again (kubectl -n storage scale statefulset/heketi --replicas=1)") {
		t.Errorf("%v", err)
	}
	if !w.volumes[testVolume] {
		t.Error("the volume of the database is gone")
	}
}

// TestHalfRemovedDevice: a run was lost between LVM's two commands.
func TestHalfRemovedDevice(t *testing.T) {
	w := newWorld(t)
	if err := w.run("before DELETE /devices/ID"); err == nil {
		t.Fatal("the run was not killed")
	}
	for _, d := range w.disks {
		if d.node == "n2" {
			d.group = false
		}
	}
	if err := w.run(""); err != nil {
		t.Fatalf("%v\n%s", err, w.log)
	}
	w.check()
	if !slices.Contains(w.commands, "gluster-n2: lvm pvremove -qq /dev/sdb") {
		t.Errorf("%q", w.commands)
	}
}

// TestFailures: these errors are not refusals, so the Job is retried.
func TestFailures(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*world)
		want   string
	}{
		"a pod that is not usable":   {func(w *world) { w.pods[1].Started, w.pods[1].Why = false, "it crashes" }, "step 1 of 6, look for what would be lost: not done within 1s: node n2: pod gluster-n2 has not started: it crashes (if the node is lost for good: kubectl delete node n2)"},
		"no pods":                    {func(w *world) { w.pods = nil }, "there is no gluster pod: are the storage nodes still labelled?"},
		"no Heketi":                  {func(w *world) { w.stopHeketi() }, "the cluster's Heketi does not answer, and its database may be newer than the backup"},
		"no gluster":                 {func(w *world) { w.failing["gluster --mode=script volume list"] = errors.New("no connection") }, "ask gluster on node n1 for its volumes: no connection"},
		"a pod of Heketi that stays": {func(w *world) { w.leaving = 1 << 30 }, "step 2 of 6, back up Heketi's database and end Heketi: not done within 1s: pod heketi-0 is still there: it is being deleted"},
		"a volume that stays": {func(w *world) {
			w.failing["gluster --mode=script volume delete"] = &podexec.ExitError{Command: "gluster", Code: 1, Stderr: "Some of the peers are down"}
		}, "step 3 of 6, delete volume heketidbstorage: gluster ended with code 1: Some of the peers are down"},
		"no configuration": {func(w *world) { w.write(w.path("real.json"), "{}") }, `step 3 of 6, start a temporary Heketi: the configuration of Heketi`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tt.change(w)
			if err := w.run(""); err == nil || errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// TestUnfinishedSetup: the parts of an unfinished setup are removed, although Heketi has never run.
func TestUnfinishedSetup(t *testing.T) {
	w := emptyWorld(t)
	if err := w.run(""); err != nil { // nothing was made yet
		t.Fatal(err)
	}
	w.check()

	w = newWorld(t)
	save := database.Saver{From: w.client(), To: w.store(), Program: w.program, Unfinished: true}
	if err := save.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.stopHeketi()
	w.claim = ""
	if err := w.run(""); err != nil {
		t.Fatalf("%v\n%s", err, w.log)
	}
	w.check()
}

// TestNoBackup: without a database, the content of the devices is unknown.
func TestNoBackup(t *testing.T) {
	w := newWorld(t)
	w.stopHeketi()
	w.replicas = 0
	err := w.run("")
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "gluster has heketidbstorage, and there is no backup of Heketi's database") || w.claim == "" {
		t.Errorf("%v", err)
	}
}
