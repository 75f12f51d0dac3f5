package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/storagetest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/labtest"
)

// apiServer is a fake API server that serves and patches Secrets.
type apiServer struct {
	mu      sync.Mutex
	secrets map[string]map[string]any
}

func newAPIServer(t *testing.T, names ...string) (s *apiServer, kubeconfig string) {
	t.Helper()
	s = &apiServer{secrets: map[string]map[string]any{}}
	for _, name := range names {
		s.secrets[name] = map[string]any{
			"kind": "Secret", "apiVersion": "v1",
			"metadata": map[string]any{"name": name, "namespace": "storage", "resourceVersion": "1"},
		}
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	text := `{"kind": "Config", "apiVersion": "v1", "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c"}}],
		"clusters": [{"name": "c", "cluster": {"server": "` + server.URL + `"}}]}`
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return s, kubeconfig
}

func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	secret, ok := s.secrets[strings.TrimPrefix(r.URL.Path, "/api/v1/namespaces/storage/secrets/")]
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404, "message": "secrets not found"}`))
		return
	}
	if r.Method == http.MethodPatch {
		var patch map[string]any
		_ = json.NewDecoder(r.Body).Decode(&patch)
		merge(secret, patch)
	}
	_ = json.NewEncoder(w).Encode(secret)
}

// merge applies a JSON merge patch (RFC 7396).
func merge(into, patch map[string]any) {
	for key, value := range patch {
		object, isObject := value.(map[string]any)
		inner, hasObject := into[key].(map[string]any)
		switch {
		case value == nil:
			delete(into, key)
		case isObject && hasObject:
			merge(inner, object)
		case isObject:
			into[key] = map[string]any{}
			merge(into[key].(map[string]any), object)
		default:
			into[key] = value
		}
	}
}

func (s *apiServer) annotation(secret, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	metadata := s.secrets[secret]["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	text, _ := annotations[name].(string)
	return text
}

func runCommand(t *testing.T, args ...string) (code int, output string) {
	t.Helper()
	var out bytes.Buffer
	code = run(t.Context(), args, &out, &out)
	return code, out.String()
}

func mustRun(t *testing.T, args ...string) {
	t.Helper()
	if code, output := runCommand(t, args...); code != 0 {
		t.Fatalf("%q: code %d\n%s", args, code, output)
	}
}

// TestRoundTrip: a volume is recorded in a real Heketi, backed up, and found in another Heketi that starts from the backup.
func TestRoundTrip(t *testing.T) {
	mock := labtest.MockHeketi(t)
	t.Setenv(keyVariable, lab.HeketiKey)
	client := connect(t, mock.URL)
	ids, err := client.Clusters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	made, err := client.CreateVolume(t.Context(), heketi.CreateRequest{Name: "data", Cluster: ids[0], SizeGiB: 3, Durability: volume.Durability{Type: volume.None}, SnapFactor: 1},
		func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	server, kubeconfig := newAPIServer(t, "heketi-db-backup", "heketi-db-backup-0", "heketi-db-backup-1")
	cluster := []string{"--kubeconfig=" + kubeconfig, "--namespace=storage"}
	backup := append([]string{"backup", "--heketi-url=" + mock.URL, "--heketi=" + heketiProgram(t)}, cluster...)
	mustRun(t, backup...)
	slots := func(first, second bool) {
		t.Helper()
		mustRun(t, append(backup, "--slots=2")...)
		for name, want := range map[string]bool{"heketi-db-backup-0": first, "heketi-db-backup-1": second} {
			if got := server.annotation(name, "glusterfs-storage/sha256") != ""; got != want {
				t.Errorf("a backup in %s: %v", name, got)
			}
		}
	}
	slots(true, false)
	slots(true, false) // unchanged
	if _, err := client.AddCluster(t.Context(), true, true); err != nil {
		t.Fatal(err)
	}
	slots(true, true)

	path := filepath.Join(t.TempDir(), "heketi.db")
	restore := append([]string{"restore", "--database=" + path}, cluster...)
	mustRun(t, restore...)
	mustRun(t, restore...) // the second time, there is a database already
	url, _ := startHeketi(t, mock, path)
	again, err := connect(t, url).Volume(t.Context(), made.ID)
	if err != nil || again.Name != "data" || again.SizeGiB != 3 {
		t.Errorf("%+v, %v", again, err)
	}
	if wrong, err := connect(t, url).Inconsistencies(t.Context()); err != nil || len(wrong) > 0 {
		t.Errorf("%q, %v", wrong, err)
	}
}

// TestRestoreWarns: the log names a volume that was being made when the backup was taken.
func TestRestoreWarns(t *testing.T) {
	mock := labtest.MockHeketi(t)
	t.Setenv(keyVariable, lab.HeketiKey)
	program := heketiProgram(t)
	client := connect(t, mock.URL)
	ids, err := client.Clusters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"made", "in-the-making"} {
		if _, err := client.CreateVolume(t.Context(), heketi.CreateRequest{Name: name, Cluster: ids[0], SizeGiB: 3, Durability: volume.Durability{Type: volume.None}, SnapFactor: 1},
			func() error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	var content bytes.Buffer
	if err := client.DatabaseCopy(t.Context(), &content); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	midst := filepath.Join(dir, "midst.db")
	if err := os.WriteFile(midst, content.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	storagetest.MarkPending(t, program, midst, "in-the-making")
	_, kubeconfig := newAPIServer(t, "heketi-db-backup")
	cluster, err := kube.NewClient(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	save := database.Saver{From: storagetest.File(midst), To: database.Store{Secrets: cluster, Namespace: "storage", Name: "heketi-db-backup"}, Program: program}
	if err := save.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "heketi.db")
	args := []string{"restore", "--database=" + path, "--heketi=" + program, "--kubeconfig=" + kubeconfig, "--namespace=storage"}
	if code, output := runCommand(t, args...); code != 0 || !strings.Contains(output, `volumes="in-the-making"`) || !strings.Contains(output, "WARNING: the backup was taken during operations") {
		t.Errorf("code %d\n%s", code, output)
	}
	if entries, err := filepath.Glob(path + "*"); err != nil || len(entries) != 1 {
		t.Errorf("%q, %v", entries, err)
	}
}

func connect(t *testing.T, url string) *heketi.Client {
	t.Helper()
	client, err := heketi.NewClient(heketi.BackendConfig{Name: "test", URL: url}, lab.HeketiKey, heketi.DefaultTiming())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// heketiProgram returns the path of the heketi binary.
func heketiProgram(t *testing.T) string {
	t.Helper()
	binaries, err := lab.BuildHeketi(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	return binaries.Server
}

// startHeketi starts a Heketi on a database file, configured like another one.
func startHeketi(t *testing.T, like *lab.MockHeketi, path string) (url string, pid int) {
	t.Helper()
	program := heketiProgram(t)
	port := storagetest.HeldPort(t)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, "--config="+filepath.Join(filepath.Dir(like.Log), "heketi.json"))
	cmd.Env = append(os.Environ(), "HEKETI_DB_PATH="+path, "HEKETI_HTTP_PORT="+port.Number, "HEKETI_ADMIN_KEY="+lab.HeketiKey)
	started, err := lab.StartChild(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = started.Kill() })
	client := connect(t, "http://"+port.Address())
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		_, err := client.Backend().Hello(t.Context())
		if err == nil {
			return "http://" + port.Address(), started.Pid()
		}
		if time.Since(began) > 30*time.Second {
			t.Fatal(err)
		}
	}
}

// TestWatch: the sidecar saves the changes that a real Heketi makes in its file.
func TestWatch(t *testing.T) {
	mock := labtest.MockHeketi(t)
	t.Setenv(keyVariable, lab.HeketiKey)
	dir := t.TempDir()
	path := filepath.Join(dir, "heketi.db")
	url, _ := startHeketi(t, mock, path)
	server, kubeconfig := newAPIServer(t, "heketi-db-backup")
	program := heketiProgram(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int)
	var log bytes.Buffer
	go func() {
		ended <- run(ctx, []string{"backup", "--watch", "--database=" + path, "--heketi-url=" + url, "--heketi=" + program, "--kubeconfig=" + kubeconfig, "--namespace=storage"}, &log, &log)
	}()
	sum := func(not string) string {
		t.Helper()
		for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
			if got := server.annotation("heketi-db-backup", "glusterfs-storage/sha256"); got != not {
				return got
			}
			if time.Since(began) > 25*time.Second { // shorter than the interval at which the file is polled
				t.Error("nothing was saved")
				return ""
			}
		}
	}
	first := sum("")
	if _, err := connect(t, url).AddCluster(t.Context(), true, false); err != nil {
		t.Fatal(err)
	}
	sum(first)
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("code %d\n%s", code, log.String())
	}
}

// TestRestoreWaitsForTheLock: a restore waits while another Heketi has the database open. It does not replace the file before
// that Heketi has ended, since the new file would have no lock.
func TestRestoreWaitsForTheLock(t *testing.T) {
	for name, replaces := range map[string]bool{"a database that stays": false, "a database that is replaced": true} {
		t.Run(name, func(t *testing.T) {
			server, kubeconfig := newAPIServer(t, "heketi-db-backup")
			backup := fakeDatabase("the backup")
			if replaces {
				server.addBackup("heketi-db-backup", backup)
			}
			path := filepath.Join(t.TempDir(), "heketi.db")
			held, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := held.WriteString("a database"); err != nil {
				t.Fatal(err)
			}
			if err := unix.Flock(int(held.Fd()), unix.LOCK_EX); err != nil {
				t.Fatal(err)
			}
			var released, early atomic.Bool
			time.AfterFunc(500*time.Millisecond, func() {
				content, err := os.ReadFile(path)
				early.Store(err != nil || string(content) != "a database")
				released.Store(true)
				_ = held.Close()
			})
			mustRun(t, "restore", "--database="+path, "--heketi=/bin/false", "--kubeconfig="+kubeconfig, "--namespace=storage")
			if !released.Load() {
				t.Error("Heketi could start although another one had the database open: it would have served it read-only")
			}
			if early.Load() {
				t.Error("the database was replaced while another Heketi had it open: both would have run")
			}
			if content, err := os.ReadFile(path); err != nil || (string(content) == string(backup)) != replaces {
				t.Errorf("%q, %v", content, err)
			}
		})
	}
}

// fakeDatabase returns the header of a bolt file, followed by content.
func fakeDatabase(content string) []byte {
	header := make([]byte, 20)
	binary.NativeEndian.PutUint32(header[16:], 0xED0CDAED)
	return slices.Concat(header, []byte(content))
}

// addBackup puts a backup into a Secret, with the annotation that has it replace the database.
func (s *apiServer) addBackup(name string, file []byte) {
	var packed bytes.Buffer
	packer := gzip.NewWriter(&packed)
	_, _ = packer.Write(file)
	_ = packer.Close()
	sum := sha256.Sum256(file)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets[name]["data"] = map[string]any{"heketi.db.gz": base64.StdEncoding.EncodeToString(packed.Bytes())}
	s.secrets[name]["metadata"].(map[string]any)["annotations"] = map[string]any{
		"glusterfs-storage/sha256": hex.EncodeToString(sum[:]), database.RestoreAnnotation: "replace",
	}
}

func TestNothingToRestore(t *testing.T) {
	_, kubeconfig := newAPIServer(t, "heketi-db-backup")
	path := filepath.Join(t.TempDir(), "heketi.db")
	restore := func(more ...string) (int, string) {
		t.Helper()
		return runCommand(t, append([]string{"restore", "--database=" + path, "--kubeconfig=" + kubeconfig, "--namespace=storage"}, more...)...)
	}
	if code, output := restore(); code != 1 || !strings.Contains(output, "use --allow-empty if there really is nothing to lose") {
		t.Errorf("code %d\n%s", code, output)
	}
	if code, output := restore("--allow-empty"); code != 0 {
		t.Errorf("code %d\n%s", code, output)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("%v", err)
	}
}
