// Package e2e tests the driver on a real Kubernetes beside real gluster servers, all on one machine (see packages lab
// and lab/kubernetes).
//
// The cluster is started once, in build/e2e-test, and ended whatever happens. With -cluster the tests run on one that
// "make e2e-up" has left.
package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/clustertest"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/kubernetes"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/program"
)

// cluster is where all tests run.
var cluster *kubernetes.Cluster

func TestMain(m *testing.M) {
	existing := flag.String("cluster", "", "the directory of a running lab")
	flag.Parse()
	if *existing == "" {
		os.Exit(program.Tests("e2e", labDir(), bringUp, m.Run))
	}
	var err error
	if cluster, err = kubernetes.OpenIn(*existing); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func bringUp(ctx context.Context) (err error) {
	cluster, err = clustertest.Up(ctx, root, lab.Options{
		Dir: labDir(),
		// It would keep a server that was switched off out of new volumes for two minutes after its return.
		HeketiEnv: []string{"HEKETI_DISABLE_HEALTH_MONITOR=true"},
	}, kubernetes.Options{Images: []string{filepath.Join(buildDir(), "images")}})
	return err
}

func labDir() string { return filepath.Join(buildDir(), "e2e-test") }

// buildDir is where make puts things, seen from this directory, in which go test runs.
func buildDir() string { return filepath.Join("..", "..", "build") }
