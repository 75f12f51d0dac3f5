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
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

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

// bringUp starts the lab and the cluster. EndWithCaller is for ends that nothing here can catch: a panic in a test, kill -9, the
// limit of go test.
func bringUp(ctx context.Context) error {
	build := exec.CommandContext(ctx, filepath.Join("tools", "build.sh"))
	build.Stderr = os.Stderr
	tools, err := build.Output()
	if err != nil {
		return fmt.Errorf("tools: %w", err)
	}
	cluster, err = kubernetes.UpWithLab(ctx, lab.Options{
		Dir: labDir(), Out: os.Stdout, EndWithCaller: true,
		// It would keep a server that was switched off out of new volumes for two minutes after its return.
		HeketiEnv: []string{"HEKETI_DISABLE_HEALTH_MONITOR=true"},
	}, kubernetes.Options{
		Tools: strings.TrimSpace(string(tools)), Images: []string{filepath.Join(buildDir(), "images")}, Out: os.Stdout,
	})
	return err
}

func labDir() string { return filepath.Join(buildDir(), "e2e-test") }

// buildDir is where make puts things, seen from this directory, in which go test runs.
func buildDir() string { return filepath.Join("..", "..", "build") }
