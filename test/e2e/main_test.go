// Package e2e tests the driver on a real Kubernetes beside real gluster servers, all on one machine (see packages lab and
// lab/kubernetes).
//
// The cluster is started once, in build/e2e-test, and always stopped at the end. With -cluster, the tests use the running cluster
// of "make e2e-up".
package e2e

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/clustertest"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/kubernetes"
)

// cluster is shared by all tests.
var cluster *kubernetes.Cluster

func TestMain(m *testing.M) { os.Exit(clustertest.Main(m, "e2e", labDir(), &cluster, bringUp)) }

func bringUp(ctx context.Context) (*kubernetes.Cluster, error) {
	return clustertest.Up(ctx, root, lab.Options{
		Dir: labDir(),
		// With the default, new volumes would avoid a restarted server for two minutes.
		HeketiEnv: []string{"HEKETI_DISABLE_HEALTH_MONITOR=true"},
	}, kubernetes.Options{Images: []string{filepath.Join(buildDir(), "images")}})
}

func labDir() string { return filepath.Join(buildDir(), "e2e-test") }

// buildDir is the output directory of make, relative to this directory, in which go test runs.
func buildDir() string { return filepath.Join("..", "..", "build") }
