package sanity

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	csisanity "github.com/kubernetes-csi/csi-test/v5/pkg/sanity"
	"github.com/onsi/ginkgo/v2"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/driver"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/unixsocket"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/labtest"
)

// TestInProcess runs csi-sanity with everything except the mounts: the servers, the provisioner and a real Heketi with a mock
// executor.
func TestInProcess(t *testing.T) {
	server := labtest.MockHeketi(t)
	config := csisanity.NewTestConfig()
	dir := t.TempDir()
	config.Address = serve(t, server, filepath.Join(dir, "csi.sock"))
	config.TargetPath = filepath.Join(dir, "target")
	config.StagingPath = filepath.Join(dir, "staging")
	config.TestVolumeSize = volume.GiB
	Run(t, config)

	if volumes := labtest.CLI(t, server, "volume", "list"); strings.TrimSpace(volumes) != "" {
		t.Errorf("volumes are left in Heketi: %s", volumes)
	}
}

// serve runs the driver in this process until the test ends, and returns its endpoint.
func serve(t *testing.T, server *lab.MockHeketi, socket string) (endpoint string) {
	t.Helper()
	// Ginkgo shows this output with a failed test.
	logger := textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(ginkgo.GinkgoWriter), textlogger.Verbosity(5)))
	ctx, stop := context.WithCancel(klog.NewContext(t.Context(), logger))
	csi, err := driver.NewServer(ctx, driver.Config{
		Name: driver.DefaultName, Version: "test", Provisioner: labtest.Provisioner(t, server.URL), Mounter: mounttest.New(),
		NodeID: "node-1", Health: true, Metrics: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := unixsocket.Listen(ctx, socket)
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
	})
	return "unix://" + socket
}
