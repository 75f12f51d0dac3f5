// Package e2e tests the driver on a real Kubernetes beside real gluster servers, all on one machine (see packages lab
// and lab/kubernetes).
//
// The cluster is started once, in build/e2e-test, and ended whatever happens. With -cluster the tests run on one that
// "make e2e-up" has left.
package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/kubernetes"
)

// cluster is where all tests run.
var cluster *kubernetes.Cluster

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run keeps deferred calls going until the process ends.
func run(m *testing.M) int {
	existing := flag.String("cluster", "", "the directory of a running lab")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if *existing != "" {
		if err := open(*existing); err != nil {
			fmt.Fprintln(os.Stderr, "e2e:", err)
			return 1
		}
		return m.Run()
	}
	dir := filepath.Join(buildDir(), "e2e-test")
	defer context.AfterFunc(ctx, func() {
		_ = bringDown(dir, os.Stderr)
		os.Exit(130)
	})()
	code := 1
	err := bringUp(ctx, dir)
	if err == nil {
		code = m.Run()
	}
	if err := errors.Join(err, bringDown(dir, os.Stderr)); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	return code
}

func open(dir string) error {
	l, err := lab.Open(dir)
	if err != nil {
		return err
	}
	cluster, err = kubernetes.Open(l)
	return err
}

// bringUp starts the lab and the cluster. EndWithCaller is for ends that nothing here can catch: a panic in a test,
// kill -9, the limit of go test.
func bringUp(ctx context.Context, dir string) error {
	build := exec.CommandContext(ctx, filepath.Join("tools", "build.sh"))
	build.Stderr = os.Stderr
	tools, err := build.Output()
	if err != nil {
		return fmt.Errorf("tools: %w", err)
	}
	images, err := kubernetes.ImagesIn(filepath.Join(buildDir(), "images"))
	if err != nil {
		return err
	}
	l, err := lab.Up(ctx, lab.Options{
		Dir: dir, Workers: true, Out: os.Stdout, EndWithCaller: true,
		// It would keep a server that was switched off out of new volumes for two minutes after its return.
		HeketiEnv: []string{"HEKETI_DISABLE_HEALTH_MONITOR=true"},
	})
	if err != nil {
		return err
	}
	cluster, err = kubernetes.Up(ctx, l, kubernetes.Options{
		Tools: strings.TrimSpace(string(tools)), Images: images, Out: os.Stdout,
	})
	return err
}

// bringDown ends the lab, and says where its logs are.
func bringDown(dir string, out io.Writer) error {
	if err := lab.End(dir); err != nil {
		return err
	}
	fmt.Fprintln(out, "e2e: the lab has ended and left nothing behind; its logs are in", filepath.Join(dir, "log"))
	return nil
}

// buildDir is where make puts things, seen from this directory, in which go test runs.
func buildDir() string { return filepath.Join("..", "..", "build") }
