package sanity

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	csisanity "github.com/kubernetes-csi/csi-test/v5/pkg/sanity"
	"github.com/onsi/ginkgo/v2"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/driver"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/provisioner"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// TestInProcess runs csi-sanity over everything but the mounts: the servers, the provisioner and a real Heketi, whose
// executor pretends.
func TestInProcess(t *testing.T) {
	server, err := lab.StartMockHeketi(t.Context(), t.TempDir())
	if err != nil {
		t.Fatalf("starting Heketi: %v (make heketi builds it)", err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})

	config := csisanity.NewTestConfig()
	dir := t.TempDir()
	config.Address = serve(t, server, filepath.Join(dir, "csi.sock"))
	config.TargetPath = filepath.Join(dir, "target")
	config.StagingPath = filepath.Join(dir, "staging")
	config.TestVolumeSize = volume.GiB
	Run(t, config)

	volumes, err := server.CLI(t.Context(), "volume", "list")
	if err != nil || strings.TrimSpace(string(volumes)) != "" {
		t.Errorf("volumes are left in Heketi: %s (%v)", volumes, err)
	}
}

// serve runs the driver in this process until the test ends, and returns its endpoint.
func serve(t *testing.T, server *lab.MockHeketi, socket string) (endpoint string) {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(lab.HeketiKey), 0o600); err != nil {
		t.Fatal(err)
	}
	backends, err := heketi.NewBackends(heketi.Config{Backends: []heketi.BackendConfig{{
		Name: "mock", URL: server.URL, User: lab.HeketiUser, KeyFile: key,
	}}}, heketi.DefaultTiming())
	if err != nil {
		t.Fatal(err)
	}
	p := provisioner.New(backends)
	// Ginkgo shows what is written there with the test that fails.
	logger := textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(ginkgo.GinkgoWriter), textlogger.Verbosity(5)))
	ctx, stop := context.WithCancel(klog.NewContext(t.Context(), logger))
	csi, err := driver.NewServer(ctx, driver.Config{
		Name: driver.DefaultName, Version: "test", Provisioner: p, Mounter: mounttest.New(), NodeID: "node-1",
		Health: true, Metrics: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := driver.Listen(ctx, socket)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- csi.Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := p.Close(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
		backends.Close()
	})
	return "unix://" + socket
}
