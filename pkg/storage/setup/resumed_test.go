package setup

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/storagetest"
)

func (w *world) store() database.Store {
	return database.Store{Secrets: w.secret, Namespace: testNamespace, Name: database.SecretName}
}

// interruptedSetup returns a world whose setup was lost, with its pod, before it marked the backup as finished. The database's
// volume has its bricks on n1, n2 and n3; in the backup, it is complete or is still being made. n4 is new in the topology.
func interruptedSetup(t *testing.T, pending bool) *world {
	t.Helper()
	w := newWorld(t)
	if err := w.run("before create claim"); err == nil {
		t.Fatal("the run was not killed")
	}
	taken, err := w.store().Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "heketi.db")
	if err := database.Write(taken, path); err != nil {
		t.Fatal(err)
	}
	if pending {
		storagetest.MarkPending(t, w.program, path, testVolume)
	}
	if taken, err = database.MakeCopy(t.Context(), storagetest.File(path), w.program); err != nil {
		t.Fatal(err)
	}
	taken.Unfinished = true
	if err := w.store().Save(t.Context(), taken); err != nil {
		t.Fatal(err)
	}
	w.newPod()
	w.write(w.topology, topologyText(4, "/dev/sdb"))
	return w
}

// allOnline reports devices on which Heketi places no bricks.
func (w *world) allOnline() {
	w.t.Helper()
	nodes, err := w.client().Nodes(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, n := range nodes {
		for _, d := range n.Devices {
			if d.State != heketi.DeviceOnline {
				w.t.Errorf("device %s of node %s is %s", d.Name, n.Manage[0], d.State)
			}
		}
	}
}

// TestResumedWithoutANode: a setup is interrupted after it has added four nodes, and continued while one of them is absent. The
// database's volume gets no brick there, and Heketi uses the node once it is back.
func TestResumedWithoutANode(t *testing.T) {
	for name, again := range map[string]string{"once": "", "interrupted again": "after POST /devices/ID/state"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write(w.topology, topologyText(4, "/dev/sdb"))
			if err := w.run("before POST /volumes"); err == nil {
				t.Fatal("the run was not killed")
			}
			w.lose(2, "mute")
			if again != "" {
				if err := w.run(again); err == nil {
					t.Fatal("the run was not killed")
				}
			}
			if err := w.run(""); err != nil {
				t.Fatalf("%v\n%s", err, w.log)
			}
			w.check(4, 4)
			w.allOnline()
			nodes, err := w.client().Nodes(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range nodes {
				if n.Manage[0] == "n2" && len(n.Devices[0].Bricks) > 0 {
					t.Errorf("the absent node has bricks: %q", n.Devices[0].Bricks)
				}
			}
			const want = `"WARNING: the volume of Heketi's database gets no brick on a node on which gluster does not answer" node="n2" why="glusterd does not answer in pod gluster-n2: connection failed"`
			if !strings.Contains(w.log.String(), want) || again == "" && !slices.Contains(w.points.Seen(), "after POST /devices/ID/state") {
				t.Errorf("points %q, the log:\n%s", w.points.Seen(), w.log)
			}
		})
	}
}

// TestAbsentNodeIsBack: an interrupted run has excluded an absent node, which is back, and is needed for three copies.
func TestAbsentNodeIsBack(t *testing.T) {
	w := newWorld(t)
	w.write(w.topology, topologyText(4, "/dev/sdb"))
	if err := w.run("before POST /volumes"); err == nil {
		t.Fatal("the run was not killed")
	}
	w.lose(2, "mute")
	if err := w.run("after POST /devices/ID/state"); err == nil {
		t.Fatal("the run was not killed")
	}
	w.silent = nil
	w.lose(3, "mute")
	if err := w.run(""); err != nil {
		t.Fatalf("%v\n%s", err, w.log)
	}
	w.check(4, 4)
	w.allOnline()
}

// TestResumedWithAnUnfinishedBrick: Heketi was making a brick on a node that is absent now. Nothing is changed until the node is
// back.
func TestResumedWithAnUnfinishedBrick(t *testing.T) {
	w := interruptedSetup(t, true)
	before := w.secret.Content().Version
	w.lose(2, "mute")
	err := w.run("")
	for _, want := range []string{
		"step 5 of 6, make the volume of Heketi's database: an earlier run was interrupted while Heketi made volume heketidbstorage with a brick on node n2, and gluster on that node does not answer: glusterd does not answer in pod gluster-n2: connection failed. ",
		"Bring the node back; the Job is retried.", "kubectl delete node n2",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if len(w.claims) > 0 || w.secret.Content().Version != before || slices.Contains(w.points.Seen(), "before POST /operations/pending/cleanup") || slices.Contains(w.points.Seen(), "before POST /nodes") {
		t.Errorf("claims %v, points %q", w.claims, w.points.Seen())
	}
	w.silent = nil
	if err := w.run(""); err != nil {
		t.Fatalf("%v\n%s", err, w.log)
	}
	w.check(4, 4)
}

// TestResumedWithTheVolume: the database's volume was made, and one of its nodes is absent. Two copies are enough to go on.
func TestResumedWithTheVolume(t *testing.T) {
	w := interruptedSetup(t, false)
	w.lose(2, "not started")
	if err := w.run(""); err != nil {
		t.Fatalf("%v\n%s", err, w.log)
	}
	w.check(4, 4)
	w.allOnline()
	if log := w.log.String(); !strings.Contains(log, `is left alone, since GlusterFS on it does not answer" node="n2"`) {
		t.Errorf("the log:\n%s", log)
	}
}

// TestLostCopies: with two of three copies lost, Heketi cannot start. The setup says so, and changes nothing.
func TestLostCopies(t *testing.T) {
	for name, claim := range map[string]bool{"with the claim": true, "without the claim": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if err := w.run(""); err != nil {
				t.Fatal(err)
			}
			w.stopHeketi()
			w.newPod()
			w.asleep = true
			step := "step 2 of 6, wait for Heketi: "
			if !claim {
				w.claims, step = nil, "step 4 of 6, find out what is there: "
			}
			w.lose(2, "mute")
			w.lose(3, "no pod")
			before := w.secret.Content().Version
			err := w.run("")
			want := step + "volume heketidbstorage, with Heketi's database, needs 2 of its 3 bricks, and gluster does not reach 10.0.0.2, 10.0.0.3. If enough of these nodes come back, so does Heketi. " +
				`If they are lost for good, Heketi cannot start again: keep Secret heketi-db-backup, and see "All copies are lost" in the chart's README`
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
			if len(w.claims) > 0 != claim || w.secret.Content().Version != before || !w.gluster {
				t.Errorf("claims %v, volume %v", w.claims, w.gluster)
			}
			if claim && !strings.Contains(w.log.String(), `"WARNING: Heketi cannot start" why="volume heketidbstorage`) {
				t.Errorf("the log:\n%s", w.log)
			}
		})
	}
}

// TestBackupWithOtherVolumes: the database's volume is gone, and gluster has other volumes, of which the backup is the only record.
func TestBackupWithOtherVolumes(t *testing.T) {
	w := newWorld(t)
	if err := w.run(""); err != nil {
		t.Fatal(err)
	}
	w.makeVolume("vol_a")
	save := database.Saver{From: w.client(), To: w.store(), Program: w.program}
	if err := save.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.stopHeketi()
	if err := os.Remove(filepath.Join(w.volume, "heketi.db")); err != nil {
		t.Fatal(err)
	}
	w.newPod()
	w.claims, w.gluster, w.volumes = nil, false, "vol_a\nvol_b\n"
	w.write(w.topology, topologyText(4, "/dev/sdb"))
	before := w.secret.Content().Version
	err := w.run("")
	const want = "volume heketidbstorage, with Heketi's database, is gone, and gluster has other volumes of Heketi (vol_a). Keep Secret heketi-db-backup"
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "empty it") {
		t.Errorf("%v, want %s", err, want)
	}
	if w.secret.Content().Version != before || len(w.claims) > 0 {
		t.Error("the backup or the claim has changed")
	}
	w.gluster = true // as if an administrator had made an empty volume of that name
	if err := w.run(""); err != nil {
		t.Fatalf("%v\n%s", err, w.log)
	}
	dump, err := w.client().Dump(t.Context())
	if err != nil || len(dump.Volumes) != 2 || len(dump.Nodes) != 4 {
		t.Errorf("%d volumes, %d nodes, %v", len(dump.Volumes), len(dump.Nodes), err)
	}
}
