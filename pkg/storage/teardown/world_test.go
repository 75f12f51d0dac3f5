package teardown

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/topology"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/jobs"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/servers"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/storagetest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

const (
	testKey       = "the admin key"
	testNamespace = "storage"
	testClaim     = "heketi-db"
	testVolume    = "heketidbstorage"
	testPod       = "teardown-1"
)

// world holds what outlives a run of the Job: Kubernetes with its Secret, claim and StatefulSet, gluster's volumes, LVM on the
// devices, and the cluster's Heketi, which ends when its StatefulSet is scaled to 0. Both Heketis are real, with a mock executor.
type world struct {
	t       *testing.T
	program string
	port    string // of the cluster's Heketi
	base    string
	dir     string // emptyDir of the Job's pod
	log     *storagetest.Buffer
	points  *storagetest.Points
	secret  *storagetest.Secret

	mu       sync.Mutex
	nodes    []kube.Node
	pods     []kube.Pod            // the pods of gluster
	others   map[string][]kube.Pod // pods of other Jobs, by label
	replicas int
	leaving  int // how many lists still include Heketi's pod after its end was requested
	claim    string
	volumes  map[string]bool  // the volumes of gluster
	bricks   []string         // bricks of the database's volume
	peers    map[string]bool  // by storage address in gluster's pool: whether it is connected
	disks    map[string]*disk // by the device's id in Heketi
	failing  map[string]error // commands that fail, by their beginning
	onEnd    func()           // called when Heketi has ended
	noticed  func(kind string, r *http.Request)
	commands []string      // commands that were run in pods
	patience time.Duration // until volumes that are being deleted must be gone; 0 means 100 ms
	heketi   *lab.Child
	child    string // URL of the temporary Heketi
}

// disk is a device with what LVM has on it.
type disk struct {
	node, name string
	pv, group  bool
	lost       bool
}

// newWorld returns an installation of three nodes with four devices, and no volume besides that of the database.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := emptyWorld(t)
	w.startHeketi()
	client := w.client()
	var nodes []topology.Node
	for i := 1; i <= 3; i++ {
		n := topology.Node{Manage: []string{fmt.Sprintf("n%d", i)}, Storage: []string{fmt.Sprintf("10.0.0.%d", i)}, Zone: i, Devices: []topology.Device{{Name: "/dev/sdb"}}}
		nodes = append(nodes, n)
	}
	nodes[0].Devices = append(nodes[0].Devices, topology.Device{Name: "/dev/sdc"})
	loaded, err := topology.Loader{Server: client}.Load(t.Context(), topology.Topology{Clusters: []topology.Cluster{{Nodes: nodes, File: true, Block: true}}})
	if err != nil {
		t.Fatal(err)
	}
	w.makeVolume(client, loaded.Clusters[0], testVolume)
	all, err := nodesOf(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range all {
		for _, d := range n.Devices {
			w.disks[d.ID] = &disk{node: n.name, name: d.Name, pv: true, group: true}
		}
		w.peers[n.Storage[0]] = true
		w.bricks = append(w.bricks, n.Storage[0]+":/var/lib/heketi/mounts/brick")
	}
	w.claim, w.volumes[testVolume] = "Bound", true
	return w
}

// addNode adds node n4 with a device and without a brick of the database's volume.
func (w *world) addNode() {
	w.t.Helper()
	w.nodes = append(w.nodes, kube.Node{Name: "n4"})
	w.pods = append(w.pods, kube.Pod{Name: "gluster-n4", Node: "n4", Started: true, Ready: true})
	w.peers["10.0.0.4"] = true
	client := w.client()
	added, err := client.AddNode(w.t.Context(), heketi.NewNode{Cluster: w.cluster(), Manage: []string{"n4"}, Storage: []string{"10.0.0.4"}, Zone: 4})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := client.AddDevice(w.t.Context(), heketi.NewDevice{Node: added.ID, Name: "/dev/sdb"}); err != nil {
		w.t.Fatal(err)
	}
	if added, err = client.Node(w.t.Context(), added.ID); err != nil {
		w.t.Fatal(err)
	}
	w.disks[added.Devices[0].ID] = &disk{node: "n4", name: "/dev/sdb", pv: true, group: true}
}

// emptyWorld returns the objects that helm has made, before any Job.
func emptyWorld(t *testing.T) *world {
	t.Helper()
	binaries, err := lab.BuildHeketi(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, program: binaries.Server, port: storagetest.HeldPort(t).Number, base: t.TempDir(),
		log: &storagetest.Buffer{}, points: &storagetest.Points{}, secret: &storagetest.Secret{Namespace: testNamespace, Name: database.SecretName},
		others: map[string][]kube.Pod{}, replicas: 1, leaving: 2, volumes: map[string]bool{}, disks: map[string]*disk{}, peers: map[string]bool{}, failing: map[string]error{},
	}
	for i := 1; i <= 3; i++ {
		w.nodes = append(w.nodes, kube.Node{Name: fmt.Sprintf("n%d", i)})
		w.pods = append(w.pods, kube.Pod{Name: fmt.Sprintf("gluster-n%d", i), Node: fmt.Sprintf("n%d", i), Started: true, Ready: true})
	}
	w.others[jobs.Teardown] = []kube.Pod{{Name: testPod, Ready: true}, {Name: "teardown-0", Ended: true}}
	w.others[jobs.Setup] = []kube.Pod{{Name: "setup-1", Ended: true}}
	w.newPod()
	w.write(w.path("real.json"), `{"port": "8080", "jwt": {"admin": {"key": ""}, "user": {"key": "u"}}, "glusterfs": {"executor": "mock", "db": "/nowhere/heketi.db", "loglevel": "warning"}}`)
	t.Cleanup(w.stopHeketi)
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.base, name) }

func (w *world) write(path, content string) {
	w.t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// newPod gives the Job another pod, with an empty emptyDir.
func (w *world) newPod() {
	dir, err := os.MkdirTemp(w.base, "emptydir")
	if err != nil {
		w.t.Fatal(err)
	}
	w.dir = dir
}

func (w *world) startHeketi() {
	w.t.Helper()
	child, err := storagetest.Heketi{Program: w.program, Port: w.port, Key: testKey, Log: w.log}.Start(w.t, w.path("cluster.json"), w.path("cluster.db"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	w.heketi, w.replicas = child, 1
	w.mu.Unlock()
	client := w.client()
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if _, err := client.Backend().Hello(w.t.Context()); err == nil {
			return
		} else if time.Since(began) > 30*time.Second {
			w.t.Fatal(err)
		}
	}
}

func (w *world) stopHeketi() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.heketi != nil {
		_ = w.heketi.Kill()
		w.heketi = nil
	}
}

func (w *world) store() database.Store {
	return database.Store{Secrets: w.secret, Namespace: testNamespace, Name: database.SecretName}
}

func (w *world) url() string { return "http://127.0.0.1:" + w.port }

func (w *world) client() *heketi.Client {
	w.t.Helper()
	client, err := heketi.NewClient(heketi.BackendConfig{Name: "test", URL: w.url()}, testKey, heketi.DefaultTiming())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(client.Close)
	return client
}

func (w *world) makeVolume(client *heketi.Client, cluster, name string) heketi.Volume {
	w.t.Helper()
	made, err := client.CreateVolume(w.t.Context(), heketi.CreateRequest{
		Name: name, Cluster: cluster, SizeGiB: 2, Durability: volume.Durability{Type: volume.Replicate, Replica: 3}, SnapFactor: 1,
	}, func() error { return nil })
	if err != nil {
		w.t.Fatal(err)
	}
	return made
}

func (w *world) cluster() string {
	w.t.Helper()
	ids, err := w.client().Clusters(w.t.Context())
	if err != nil || len(ids) != 1 {
		w.t.Fatal(ids, err)
	}
	return ids[0]
}

// run runs the Job once. With a point, the run is killed there: its children end at once, and all its requests fail.
func (w *world) run(point string) error {
	w.t.Helper()
	logger := textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(w.log)))
	ctx, cancel := context.WithCancelCause(klog.NewContext(w.t.Context(), logger))
	defer cancel(nil)
	w.points.Begin(point, func() { cancel(storagetest.ErrKilled) })
	timing := DefaultTiming()
	timing.Poll, timing.Answer, timing.Pods, timing.Heketi, timing.Volumes, timing.Gone = 10*time.Millisecond, time.Second, time.Second, time.Second, cmp.Or(w.patience, 100*time.Millisecond), time.Second
	job := &Teardown{
		Options: Options{
			Options: jobs.Options{
				Namespace: testNamespace, Pod: testPod, HeketiURL: w.url(), Key: testKey,
				Claim: testClaim, Program: w.program, Config: w.path("real.json"), Dir: w.dir,
			},
			StatefulSet: "heketi", Volume: testVolume,
			Release: "gfs", NodeLabel: "storagenode=glusterfs", Directories: []string{"/var/lib/glusterd", "/var/lib/heketi"}, Timing: timing,
		},
		Kubernetes: w, Runner: w, Output: w.log,
		started: func(url string, kill func()) string {
			w.points.OnKill(kill)
			w.child = url
			return w.points.Proxy(w.t, url, w.refusal, w.notice)
		},
	}
	return job.Run(ctx)
}

// refusal returns Heketi's answer for a device whose volume group is gone, and for requests that need a lost node.
func (w *world) refusal(r *http.Request) string {
	if r.URL.Path == "/operations/pending/cleanup" {
		return w.lostNode(r.Context())
	}
	if r.Method != http.MethodDelete {
		return ""
	}
	if strings.HasPrefix(r.URL.Path, "/volumes/") {
		return w.lostNode(r.Context())
	}
	id, isDevice := strings.CutPrefix(r.URL.Path, "/devices/")
	if !isDevice {
		return ""
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.disks[id].group && !w.disks[id].lost || forgets(r) {
		return ""
	}
	return "Failed to delete device: Volume group not found"
}

// lostNode returns Heketi's answer while it has a lost node, or "".
func (w *world) lostNode(ctx context.Context) string {
	client, err := heketi.NewClient(heketi.BackendConfig{Name: "test", URL: w.child}, testKey, heketi.DefaultTiming())
	if err != nil {
		return err.Error()
	}
	defer client.Close()
	nodes, err := nodesOf(ctx, client)
	if err != nil {
		return err.Error()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range nodes {
		if !w.peers[n.Storage[0]] {
			return "Unable to find a GlusterFS pod on host " + n.name
		}
	}
	return ""
}

func forgets(r *http.Request) bool {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return bytes.Contains(body, []byte(`"forceforget":true`))
}

// notice changes the disks as Heketi's executor would.
func (w *world) notice(kind string, r *http.Request, answer *httptest.ResponseRecorder) {
	if w.noticed != nil {
		w.mu.Lock()
		w.noticed(kind, r)
		w.mu.Unlock()
	}
	if kind == "POST /operations/pending/cleanup" && answer.Code == http.StatusAccepted {
		w.mu.Lock()
		defer w.mu.Unlock()
		maps.DeleteFunc(w.volumes, func(name string, _ bool) bool { return name != testVolume })
		return
	}
	if kind != "DELETE /devices/ID" || answer.Code != http.StatusAccepted {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.disks[strings.TrimPrefix(r.URL.Path, "/devices/")]
	if d.group {
		d.pv, d.group = false, false
	}
}

// check reports everything that is left at the end.
func (w *world) check() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.replicas != 0 || w.claim != "" || len(w.volumes) > 0 {
		w.t.Errorf("%d replicas, claim %q, volumes %v", w.replicas, w.claim, w.volumes)
	}
	for id, d := range w.disks {
		if d.pv != d.lost || d.group != d.lost {
			w.t.Errorf("device %s: %+v", id, d)
		}
	}
	if _, err := w.store().Load(w.t.Context()); !errors.Is(err, database.ErrEmpty) {
		w.t.Errorf("the backup: %v", err)
	}
	if content := w.secret.Content(); len(content.Annotations) > 0 {
		w.t.Errorf("annotations: %v", content.Annotations)
	}
}

// untouched reports what a refused run has changed.
func (w *world) untouched() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.replicas != 1 || w.claim != "Bound" || !w.volumes[testVolume] {
		w.t.Errorf("%d replicas, claim %q, volumes %v", w.replicas, w.claim, w.volumes)
	}
	for id, d := range w.disks {
		if !d.pv || !d.group {
			w.t.Errorf("device %s: %+v", id, d)
		}
	}
}

var _ servers.Runner = (*world)(nil)
