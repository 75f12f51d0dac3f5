// Package e2e tests the driver on a real Kubernetes beside real gluster servers, all on one machine (see packages lab
// and lab/kubernetes).
//
// The cluster is started once, in build/e2e-test, and ended whatever happens. With -cluster the tests run on one that
// "make e2e-up" has left.
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

// cluster is where all tests run.
var cluster *kubernetes.Cluster

func TestMain(m *testing.M) { os.Exit(clustertest.Main(m, "e2e", labDir(), &cluster, bringUp)) }

func bringUp(ctx context.Context) (*kubernetes.Cluster, error) {
	return clustertest.Up(ctx, root, lab.Options{
		Dir: labDir(),
		// It would keep a server that was switched off out of new volumes for two minutes after its return.
		HeketiEnv: []string{"HEKETI_DISABLE_HEALTH_MONITOR=true"},
	}, kubernetes.Options{Images: []string{filepath.Join(buildDir(), "images")}})
}

func labDir() string { return filepath.Join(buildDir(), "e2e-test") }

// buildDir is where make puts things, seen from this directory, in which go test runs.
func buildDir() string { return filepath.Join("..", "..", "build") }
