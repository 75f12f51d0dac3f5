package setup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/jobs"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/storagetest"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

const (
	testKey       = "the admin key"
	testNamespace = "storage"
	testClaim     = "heketi-db"
	testVolume    = "heketidbstorage"
)

// world holds what outlives a run of the Job: Kubernetes with its Secrets and claims, gluster's volumes, the database's volume,
// and the cluster's Heketi, which starts once the claim exists. Both Heketis are real, with a mock executor.
type world struct {
	t        *testing.T
	program  string
	port     string // of the cluster's Heketi
	dir      string // emptyDir of the Job's pod
	volume   string // content of the database's volume
	topology string
	config   string
	log      *storagetest.Buffer
	points   *storagetest.Points
	secret   *storagetest.Secret

	mu       sync.Mutex
	nodes    []kube.Node
	pods     []kube.Pod
	claims   []kube.Claim
	gluster  bool   // gluster has the database's volume
	volumes  string // the volumes of gluster while it lacks the database's volume
	listing  error
	silent   map[string]bool   // pods whose glusterd does not answer
	reports  map[string]string // of LVM, by device
	commands []string
	heketi   *lab.Child
	refused  map[string]string
	jobs     map[string][]kube.Pod // of setups and teardowns, by label
	// interrupt reports whether the pod is asked to end after this answer of a temporary Heketi, before the watch has saved
	// anything.
	interrupt   func(kind string, answer *httptest.ResponseRecorder) bool
	interrupted func()
	wiped       int  // number of devices that were added with destroydata
	asleep      bool // Heketi's pod does not start
}

func newWorld(t *testing.T) *world {
	t.Helper()
	binaries, err := lab.BuildHeketi(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	base := t.TempDir()
	w := &world{
		t: t, program: binaries.Server, port: storagetest.HeldPort(t).Number,
		volume: filepath.Join(base, "volume"), topology: filepath.Join(base, "topology.json"), config: filepath.Join(base, "heketi.json"),
		log: &storagetest.Buffer{}, points: &storagetest.Points{}, secret: &storagetest.Secret{Namespace: testNamespace, Name: database.SecretName}, reports: map[string]string{}, refused: map[string]string{},
	}
	for i := 1; i <= 4; i++ {
		w.nodes = append(w.nodes, kube.Node{Name: fmt.Sprintf("n%d", i), Labels: map[string]string{"storagenode": "glusterfs"}})
		w.pods = append(w.pods, kube.Pod{Name: fmt.Sprintf("gluster-n%d", i), Node: fmt.Sprintf("n%d", i), Started: true, Ready: true})
	}
	w.newPod()
	w.write(w.topology, topologyText(3, "/dev/sdb"))
	w.write(w.config, `{"port": "8080", "enable_tls": true, "cert_file": "/nowhere", "key_file": "/nowhere",
		"jwt": {"admin": {"key": ""}, "user": {"key": "u"}}, "glusterfs": {"executor": "mock", "db": "/nowhere/heketi.db", "loglevel": "warning"}}`)
	if err := os.Mkdir(w.volume, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.stopHeketi)
	return w
}

// newPod gives the Job another pod, with an empty emptyDir.
func (w *world) newPod() {
	w.dir = w.t.TempDir()
}

func (w *world) write(path, content string) {
	w.t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func topologyText(nodes int, devices ...string) string {
	var list []any
	for i := 1; i <= nodes; i++ {
		list = append(list, map[string]any{
			"node":    map[string]any{"hostnames": map[string]any{"manage": []string{fmt.Sprintf("n%d", i)}, "storage": []string{fmt.Sprintf("10.0.0.%d", i)}}, "zone": i},
			"devices": devices,
		})
	}
	text, _ := json.Marshal(map[string]any{"clusters": []any{map[string]any{"nodes": list}}})
	return string(text)
}

func (w *world) url() string { return "http://127.0.0.1:" + w.port }

// run runs the Job once. With a point, the run is killed there: its children end at once, and all its requests fail.
func (w *world) run(point string) error {
	w.t.Helper()
	logger := textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(w.log)))
	ctx, cancel := context.WithCancelCause(klog.NewContext(w.t.Context(), logger))
	defer cancel(nil)
	w.points.Begin(point, func() { cancel(storagetest.ErrKilled) })
	timing := Timing{Poll: 10 * time.Millisecond, Others: time.Second, Hello: 5 * time.Second, Answer: time.Second, Pods: time.Second, Heketi: 30 * time.Second, Child: 30 * time.Second, Last: 10 * time.Second, Backup: database.DefaultTiming()}
	timing.Backup.Quiet = 10 * time.Millisecond
	if w.interrupt != nil {
		timing.Backup.Quiet, timing.Backup.Longest = time.Hour, time.Hour
		w.interrupted = func() { cancel(errors.New("SIGTERM")) }
	}
	if w.asleep {
		timing.Heketi = time.Second
	}
	s := &Setup{
		Options: Options{
			Options: jobs.Options{
				Namespace: testNamespace, Pod: "setup-1", HeketiURL: w.url(), Key: testKey,
				Claim: testClaim, Program: w.program, Config: w.config, Dir: w.dir,
			},
			Topology: w.topology, NodeLabel: "storagenode=glusterfs",
			Volume: Volume{Name: testVolume, SizeGiB: 2, Replica: 3, GID: 65532}, Timing: timing,
		},
		Kubernetes: w, Runner: w, Output: w.log,
		started: func(url string, kill func()) string {
			w.points.OnKill(kill)
			return w.points.Proxy(w.t, url, w.refusal, w.notice)
		},
	}
	return s.Run(ctx)
}

// refusal returns Heketi's answer for a device that it must refuse.
func (w *world) refusal(r *http.Request) string {
	if r.Method != http.MethodPost || r.URL.Path != "/devices" {
		return ""
	}
	body := new(bytes.Buffer)
	_, _ = body.ReadFrom(r.Body)
	r.Body = http.NoBody
	var request struct {
		Name        string `json:"name"`
		DestroyData bool   `json:"destroydata"`
	}
	_ = json.Unmarshal(body.Bytes(), &request)
	r.Body, r.ContentLength = readCloser{body}, int64(body.Len())
	w.mu.Lock()
	defer w.mu.Unlock()
	if request.DestroyData {
		w.wiped++
		return ""
	}
	return w.refused[request.Name]
}

type readCloser struct{ *bytes.Buffer }

func (readCloser) Close() error { return nil }

// notice updates gluster's state after a request to Heketi.
func (w *world) notice(kind string, _ *http.Request, answer *httptest.ResponseRecorder) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case kind == "POST /volumes" && answer.Code == http.StatusAccepted: // Heketi may make the volume before the Job asks or is killed
		w.gluster = true
	case kind == "POST /operations/pending/cleanup" && answer.Code == http.StatusAccepted:
		w.gluster = false
	}
	if w.interrupt != nil && w.interrupt(kind, answer) {
		w.interrupted()
	}
}

// startHeketi acts as the kubelet once the claim exists: it runs the init container, then Heketi.
func (w *world) startHeketi() error {
	path := filepath.Join(w.volume, "heketi.db")
	ctx := klog.NewContext(w.t.Context(), klog.Logger{})
	if err := database.Restore(ctx, database.Store{Secrets: w.secret, Namespace: testNamespace, Name: database.SecretName}, path, w.program); err != nil {
		return err
	}
	started, err := storagetest.Heketi{Program: w.program, Port: w.port, Key: testKey, Log: w.log}.Start(w.t, filepath.Join(w.volume, "config.json"), path)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heketi = started
	return nil
}

func (w *world) stopHeketi() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.heketi != nil {
		_ = w.heketi.Kill()
		w.heketi = nil
	}
}

func (w *world) client() *heketi.Client {
	w.t.Helper()
	client, err := heketi.NewClient(heketi.BackendConfig{Name: "test", URL: w.url()}, testKey, heketi.DefaultTiming())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(client.Close)
	return client
}
