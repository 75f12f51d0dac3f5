package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/glusterfs-csi/glusterfs-csi/test/needs"
)

// program is glusterfs-csi in a separate process, logging JSON.
type program struct {
	cmd    *exec.Cmd
	socket string
	log    *bufio.Scanner
}

// startProgram starts the program and returns when the log says that it has started.
func startProgram(t *testing.T, socket string, args ...string) *program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args = append(args, "--endpoint=unix://"+socket, "--logging-format=json")
	p := &program{cmd: exec.CommandContext(t.Context(), self, args...), socket: socket}
	p.cmd.Env = append(os.Environ(), asMain+"=1")
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.log = bufio.NewScanner(stderr)
	p.awaitLog(t, "Started")
	return p
}

func (p *program) awaitLog(t *testing.T, message string) map[string]any {
	t.Helper()
	for p.log.Scan() {
		var line map[string]any
		if err := json.Unmarshal(p.log.Bytes(), &line); err != nil {
			t.Fatalf("not JSON: %s", p.log.Bytes())
		}
		if line["msg"] == message {
			return line
		}
	}
	t.Fatalf("the log ended without %q", message)
	return nil
}

func (p *program) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func (p *program) dial(t *testing.T) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("unix:"+p.socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// fakeHeketi is a server with one cluster. It answers a create when release is closed.
func fakeHeketi(t *testing.T) (config string, creating, release chan struct{}) {
	t.Helper()
	creating, release = make(chan struct{}), make(chan struct{})
	id := strings.Repeat("c", 32)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /clusters", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"clusters":["`+id+`"]}`)
	})
	mux.HandleFunc("GET /db/dump", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"clusterentries":{"`+id+`":{"Info":{"file":true}}},"volumeentries":{}}`)
	})
	mux.HandleFunc("POST /volumes", func(w http.ResponseWriter, _ *http.Request) {
		close(creating)
		<-release
		http.Error(w, "Failed to allocate new volume: No space", http.StatusInternalServerError)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	config = filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(config, []byte("backends: [{name: lab, url: "+server.URL+"}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return config, creating, release
}

func TestTermStopsCleanly(t *testing.T) {
	for _, s := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		config, _, _ := fakeHeketi(t)
		p := startProgram(t, filepath.Join(t.TempDir(), "csi.sock"), "controller", "--config="+config)
		info, err := csi.NewIdentityClient(p.dial(t)).GetPluginInfo(t.Context(), &csi.GetPluginInfoRequest{})
		if err != nil || info.GetName() != "glusterfs.csi.gluster.org" || info.GetVendorVersion() == "" {
			t.Errorf("%v, %v", info, err)
		}
		p.signal(t, s)
		p.awaitLog(t, "Stopped")
		if err := p.cmd.Wait(); err != nil {
			t.Errorf("%s: %v", s, err)
		}
		if _, err := os.Lstat(p.socket); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the socket is left: %v", s, err)
		}
	}
}

func TestTermLetsACreateFinish(t *testing.T) {
	config, creating, release := fakeHeketi(t)
	p := startProgram(t, filepath.Join(t.TempDir(), "csi.sock"), "controller", "--config="+config)
	conn := p.dial(t)
	created := make(chan error, 1)
	go func() {
		_, err := csi.NewControllerClient(conn).CreateVolume(t.Context(), &csi.CreateVolumeRequest{
			Name: "pvc-1",
			VolumeCapabilities: []*csi.VolumeCapability{{
				AccessMode: &csi.VolumeCapability_AccessMode{Mode: csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER},
				AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{}},
			}},
		})
		created <- err
	}()
	select {
	case <-creating:
	case err := <-created:
		t.Fatalf("the create ended before Heketi was asked: %v", err)
	}
	p.signal(t, syscall.SIGTERM)
	p.awaitLog(t, "Stopping: waiting for the calls that run")
	close(release)
	// The call returns Heketi's answer, so the driver did not give up.
	if err := <-created; err == nil || !strings.Contains(err.Error(), "No space") {
		t.Errorf("create: %v", err)
	}
	p.awaitLog(t, "Stopped")
	if err := p.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// A backend that is added to the configuration is available to the next call.
func TestConfigurationIsFollowed(t *testing.T) {
	config, _, _ := fakeHeketi(t)
	p := startProgram(t, filepath.Join(t.TempDir(), "csi.sock"), "controller", "--config="+config)
	client := csi.NewControllerClient(p.dial(t))
	ask := &csi.GetCapacityRequest{Parameters: map[string]string{"backend": "second"}}
	if _, err := client.GetCapacity(t.Context(), ask); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a backend that is not configured: %v", err)
	}
	content, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, bytes.ReplaceAll(content, []byte("name: lab"), []byte("name: second")), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := client.GetCapacity(t.Context(), ask); err != nil {
		t.Errorf("after it was added: %v", err)
	}
}

func TestStartAfterKill(t *testing.T) {
	config, _, _ := fakeHeketi(t)
	socket := filepath.Join(t.TempDir(), "csi.sock")
	first := startProgram(t, socket, "controller", "--config="+config)
	// The second program finds that the first is alive.
	code, _, stderr := command(t, "controller", "--config="+config, "--endpoint="+socket)
	if code != 1 || !strings.Contains(stderr, "another process answers") {
		t.Errorf("second start: code %d, %s", code, stderr)
	}
	first.signal(t, syscall.SIGKILL)
	_ = first.cmd.Wait()
	if _, err := os.Lstat(socket); err != nil {
		t.Fatalf("kill -9 left no socket: %v", err)
	}
	second := startProgram(t, socket, "controller", "--config="+config)
	if _, err := csi.NewIdentityClient(second.dial(t)).Probe(t.Context(), &csi.ProbeRequest{}); err != nil {
		t.Error(err)
	}
	second.signal(t, syscall.SIGTERM)
	second.awaitLog(t, "Stopped")
	if err := second.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestMetricsAddress(t *testing.T) {
	needs.Root(t, "the node plugin seals its state directory, which needs CAP_SYS_ADMIN")
	p := startProgram(t, filepath.Join(t.TempDir(), "csi.sock"), "node", "--node-id=n1", "--state-dir="+t.TempDir(), "--metrics-address=127.0.0.1:0")
	address, _ := p.awaitLog(t, "Serving metrics")["address"].(string)
	if _, err := csi.NewNodeClient(p.dial(t)).NodeGetInfo(t.Context(), &csi.NodeGetInfoRequest{}); err != nil {
		t.Error(err)
	}
	want := `grpc_server_handled_total{grpc_code="OK",grpc_method="NodeGetInfo"`
	if body := getMetrics(t, address); !strings.Contains(body, want) {
		t.Errorf("no %s in the metrics:\n%s", want, body)
	}
	p.signal(t, syscall.SIGTERM)
	p.awaitLog(t, "Stopped")
	if err := p.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func getMetrics(t *testing.T, address string) string {
	t.Helper()
	response, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestServeEndsWithItsContext(t *testing.T) {
	config, _, _ := fakeHeketi(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var log strings.Builder
	args := []string{"controller", "--config=" + config, "--endpoint=" + filepath.Join(t.TempDir(), "csi.sock"), "--logging-format=json"}
	if code := run(ctx, args, io.Discard, &log); code != 0 {
		t.Errorf("code %d: %s", code, log.String())
	}
	var first map[string]any
	if err := json.NewDecoder(strings.NewReader(log.String())).Decode(&first); err != nil || first["level"] != "info" || first["msg"] != "Started" {
		t.Errorf("%v, %v in %s", first, err, log.String())
	}
}
