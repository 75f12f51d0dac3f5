package setup

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
	"github.com/glusterfs-csi/glusterfs-csi/test/documents"
)

// check verifies the state at the end: one cluster with the given numbers of nodes and devices, each once, and one volume, in a
// consistent database of the cluster's Heketi, whose claim and backup exist.
func (w *world) check(nodes, devices int) {
	w.t.Helper()
	client := w.client()
	dump, err := client.Dump(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if len(dump.Clusters) != 1 || len(dump.Nodes) != nodes || len(dump.Devices) != devices || len(dump.Volumes) != 1 || len(dump.Operations) != 0 {
		w.t.Errorf("%d clusters, %d nodes, %d devices, %d volumes, %d operations", len(dump.Clusters), len(dump.Nodes), len(dump.Devices), len(dump.Volumes), len(dump.Operations))
	}
	for id, v := range dump.Volumes {
		if v.Name != testVolume || v.SizeGiB != 2 || v.GID != 65532 || v.Durability.Replica != 3 || v.Pending != "" {
			w.t.Errorf("volume %s: %+v", id, v)
		}
		info, err := client.Volume(w.t.Context(), id)
		if err != nil || !slices.Contains(info.Options, "user.heketi.dbstoragelevel 1") || !slices.Contains(info.Options, "performance.write-behind off") {
			w.t.Errorf("options %q, %v", info.Options, err)
		}
	}
	wrong, err := client.Inconsistencies(w.t.Context())
	// Heketi reports this for each volume that is older than a node of its cluster.
	wrong = slices.DeleteFunc(wrong, func(text string) bool {
		return strings.Contains(text, "is not same as list of all nodes of the cluster")
	})
	if err != nil || len(wrong) > 0 {
		w.t.Errorf("inconsistent: %q, %v", wrong, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if want := (kube.Claim{Namespace: testNamespace, Name: testClaim, Volume: "storage-heketidbstorage", AccessMode: "ReadWriteOncePod", Size: "2Gi"}); len(w.claims) != 1 ||
		w.claims[0].Volume != want.Volume || w.claims[0].Name != want.Name || w.claims[0].AccessMode != want.AccessMode || w.claims[0].Size != want.Size {
		w.t.Errorf("claims %+v", w.claims)
	}
	if w.secret.Content().Annotations["glusterfs-storage/bootstrap"] != "" || len(w.secret.Content().Data["heketi.db.gz"]) == 0 {
		w.t.Errorf("backup: %v", w.secret.Content().Annotations)
	}
}

func TestFromNothing(t *testing.T) {
	w := newWorld(t)
	if err := w.run(""); err != nil {
		t.Fatalf("%v\n%s", err, w.log)
	}
	w.check(3, 3)
	if log := w.log.String(); strings.Contains(log, "heketi: [negroni]") || !strings.Contains(log, "heketi: Listening on port") {
		t.Errorf("the log of the temporary Heketi:\n%s", w.log)
	}
	documents.Printed(t, "day-one.md", "Install", w.log.String(), `"Step `)
	if err := w.run(""); err != nil {
		t.Fatal(err)
	}
	w.check(3, 3)
	w.write(w.topology, topologyText(4, "/dev/sdb", "/dev/sdc"))
	if err := w.run(""); err != nil {
		t.Fatal(err)
	}
	w.check(4, 8)
	documents.Printed(t, "storage-nodes.md", "Add a node", w.log.String(), `"Step `)
}

// TestKilledAnywhere: the Job is killed, with its children, before or after each kind of step, in a pod that stays or in one that
// is lost. The next run finishes the work.
func TestKilledAnywhere(t *testing.T) {
	whole := newWorld(t)
	if err := whole.run(""); err != nil {
		t.Fatal(err)
	}
	points := whole.points.Seen()
	if len(points) < 20 || !slices.Contains(points, "after POST /volumes") || !slices.Contains(points, "after the last backup") {
		t.Fatalf("points: %q", points)
	}
	whole.stopHeketi()
	for i, point := range points {
		for _, lost := range []bool{false, true} {
			if testing.Short() && (i%2 == 0) == lost {
				continue
			}
			name := strings.ReplaceAll(point, "/", ".") + map[bool]string{true: ", pod lost"}[lost]
			t.Run(name, func(t *testing.T) {
				w := newWorld(t)
				if err := w.run(point); err == nil {
					t.Fatal("the run was not killed")
				}
				if lost {
					w.newPod()
				}
				err := w.run("")
				if lost && err != nil && strings.Contains(err.Error(), "gluster has a volume heketidbstorage that is not in Heketi's database") {
					w.gluster = false // as the message advises
					err = w.run("")
				}
				if err != nil {
					t.Fatalf("%v\n%s", err, w.log)
				}
				w.check(3, 3)
			})
		}
	}
}

// TestVolumeWithoutClaim: an installation was removed and is installed again. Its database is on its volume, and newer than the
// backup.
func TestVolumeWithoutClaim(t *testing.T) {
	w := newWorld(t)
	if err := w.run(""); err != nil {
		t.Fatal(err)
	}
	w.write(w.topology, topologyText(4, "/dev/sdb"))
	if err := w.run(""); err != nil { // the backup lacks the fourth node
		t.Fatal(err)
	}
	w.stopHeketi()
	w.newPod()
	w.claims = nil
	if err := w.run(""); err != nil {
		t.Fatal(err)
	}
	w.check(4, 4)
	if slices.ContainsFunc(w.points.Seen(), func(point string) bool { return strings.Contains(point, "/volumes") }) {
		t.Errorf("a temporary Heketi was started: %q", w.points.Seen())
	}
}

// TestHeketiRestarts: if the claim exists, the setup waits for Heketi's pod.
func TestHeketiRestarts(t *testing.T) {
	w := newWorld(t)
	if err := w.run(""); err != nil {
		t.Fatal(err)
	}
	w.stopHeketi()
	w.asleep = true
	err := w.run("")
	for _, want := range []string{"step 2 of 6, wait for Heketi: not done within 1s: ", "connection refused", "pod heketi-0 is not ready: it sleeps"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

// TestRefusedDevice: Heketi comes up even if it refuses a device; the Job fails at its end.
func TestRefusedDevice(t *testing.T) {
	w := newWorld(t)
	w.write(w.topology, topologyText(3, "/dev/sdb", "/dev/sdc"))
	w.refused["/dev/sdc"] = "Initializing device /dev/sdc failed (already initialized or contains data?): in use"
	err := w.run("")
	if err != nil { // the real Heketi accepts the device
		t.Errorf("%v", err)
	}
	w.check(3, 6)

	w = newWorld(t)
	w.refused["/dev/sdb"] = "Initializing device /dev/sdb failed (already initialized or contains data?): in use"
	err = w.run("")
	if err == nil || !strings.Contains(err.Error(), "step 5 of 6, make the volume of Heketi's database: make volume heketidbstorage: ") {
		t.Errorf("%v", err)
	}
	w.refused = map[string]string{}
	if err := w.run(""); err != nil {
		t.Fatal(err)
	}
	w.check(3, 3)
}

// TestLeftover: a device that an interrupted addition has left behind is wiped and added again. A device with any other content
// is not wiped.
func TestLeftover(t *testing.T) {
	const group = "vg_0123456789abcdef0123456789abcdef"
	for name, tt := range map[string]struct {
		report string
		wiped  bool
	}{
		"an empty group of Heketi":   {report(group, "104726528.00k", "104726528.00k"), true},
		"a group with volumes":       {report(group, "104726528.00k", "104726524.00k"), false},
		"an unknown size":            {report(group, "", ""), false},
		"a foreign group":            {report("data", "104726528.00k", "104726528.00k"), false},
		"a group with a like name":   {report(group+"0", "104726528.00k", "104726528.00k"), false},
		"no group":                   {report("", "104726528.00k", "104726528.00k"), false},
		"no physical volume of LVM":  {"", false},
		"a report about two of them": {strings.Replace(report(group, "1k", "1k"), `[{"pv_name"`, `[{}, {"pv_name"`, 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.refused["/dev/sdb"] = "Initializing device /dev/sdb failed (aleady contains Physical Volume X): exit status 5"
			if tt.report != "" {
				w.reports["/dev/sdb"] = tt.report
			}
			err := w.run("")
			if tt.wiped {
				if err != nil {
					t.Fatal(err)
				}
				w.check(3, 3)
				return
			}
			if err == nil || w.wiped > 0 {
				t.Errorf("%v, %d devices were added with destroydata", err, w.wiped)
			}
		})
	}
}

func report(group, size, free string) string {
	return `{"report": [{"pv": [{"pv_name":"/dev/sdb", "vg_name":"` + group + `", "pv_size":"` + size + `", "pv_free":"` + free + `"}]}]}`
}

// TestEarlierInstallation: a kept backup is not used for new disks.
func TestEarlierInstallation(t *testing.T) {
	w := newWorld(t)
	if err := w.run(""); err != nil {
		t.Fatal(err)
	}
	w.stopHeketi()
	w.newPod()
	w.claims, w.gluster = nil, false
	w.write(w.topology, topologyText(4, "/dev/sdb"))
	before := w.secret.Content().Version
	err := w.run("")
	if w.secret.Content().Version != before || slices.Contains(w.points.Seen(), "before POST /nodes") {
		t.Errorf("the backup was changed; points %q", w.points.Seen())
	}
	if err == nil || !strings.Contains(err.Error(), "the backup in Secret heketi-db-backup has volume heketidbstorage, which gluster lacks") || len(w.claims) > 0 {
		t.Errorf("%v; claims %v", err, w.claims)
	}
}

func TestMistakes(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*world)
		want   string
	}{
		"no topology":     {func(w *world) { _ = os.Remove(w.topology) }, "topology.json: no such file or directory"},
		"a bad topology":  {func(w *world) { w.write(w.topology, "{}") }, "it has no nodes"},
		"an unknown node": {func(w *world) { w.nodes[1].Name = "n22" }, `step 5 of 6, make the volume of Heketi's database: node "n2" of the topology: Kubernetes has no such node: hostnames.manage must be a node's name there; did you mean n1, n22 or n3?`},
		"no node like it": {func(w *world) { w.nodes = []kube.Node{{Name: "worker-7.example.org"}} }, "kubectl get nodes lists the names"},
		"too few nodes":   {func(w *world) { w.write(w.topology, topologyText(2, "/dev/sdb")) }, "step 5 of 6, make the volume of Heketi's database: topology: replica 3 needs 3 nodes with devices in one cluster, and there are 2"},
		"a pod not ready": {func(w *world) {
			w.pods[1].Started, w.pods[1].Why = false, "container glusterfs is waiting: ImagePullBackOff"
		}, "step 5 of 6, make the volume of Heketi's database: the volume has 3 copies, each on a different node, but gluster answers on too few nodes: node n2: pod gluster-n2 has not started: container glusterfs is waiting: ImagePullBackOff"},
		"no pod":           {func(w *world) { w.pods = w.pods[:2] }, "node n3: there is no pod of gluster: is the node labelled for it?"},
		"no pods":          {func(w *world) { w.pods = nil }, "step 3 of 6, wait for gluster: not done within 1s: node n1: there is no pod of gluster: is the node labelled for it?; node n2: "},
		"a mute glusterd":  {func(w *world) { w.silent = map[string]bool{"gluster-n3": true} }, "gluster answers on too few nodes: node n3: glusterd does not answer in pod gluster-n3: connection failed"},
		"a pod not placed": {func(w *world) { w.pods[2] = kube.Pod{Name: "gluster-x", Why: "0/5 nodes are available"} }, "(pod gluster-x is not on a node yet: 0/5 nodes are available)"},
		"no gluster": {func(w *world) {
			w.listing = errors.New("connection failed")
		}, "step 4 of 6, find out what is there: ask gluster on node n"},
		"no configuration":   {func(w *world) { _ = os.Remove(w.config) }, "step 5 of 6, make the volume of Heketi's database: the configuration of Heketi: "},
		"another file":       {func(w *world) { w.write(w.config, `{"port": "1"}`) }, `it has no object "glusterfs"`},
		"no program":         {func(w *world) { w.program = "/nowhere/heketi" }, "start a temporary Heketi: "},
		"a Heketi that ends": {func(w *world) { w.program = "/bin/false" }, "the temporary Heketi has ended: exit status 1; see its log above"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tt.change(w)
			if err := w.run(""); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if len(w.claims) > 0 || w.gluster {
				t.Errorf("claims %v, volume %v", w.claims, w.gluster)
			}
		})
	}
}

// TestBackupIsRestored: the volume is lost, and the pod finds an empty one.
func TestBackupIsRestored(t *testing.T) {
	w := newWorld(t)
	if err := w.run(""); err != nil {
		t.Fatal(err)
	}
	save := database.Saver{From: w.client(), To: database.Store{Secrets: w.secret, Namespace: testNamespace, Name: database.SecretName}, Program: w.program}
	w.write(w.topology, topologyText(4, "/dev/sdb"))
	if err := errors.Join(w.run(""), save.Save(t.Context())); err != nil {
		t.Fatal(err)
	}
	w.stopHeketi()
	if err := os.Rename(filepath.Join(w.volume, "heketi.db"), filepath.Join(w.volume, "lost")); err != nil {
		t.Fatal(err)
	}
	if err := w.startHeketi(); err != nil {
		t.Fatal(err)
	}
	if err := w.run(""); err != nil {
		t.Fatal(err)
	}
	w.check(4, 4)
}
