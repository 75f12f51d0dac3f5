// Package integration tests the driver on real servers: it drives the CSI sockets of a lab (see package lab) and looks at
// what that did from outside of the driver: mountinfo and processes of the nodes, the gluster command, heketi-cli, and
// the files on the bricks.
//
// The lab is started once, in build/lab-integration or LAB_DIR, and ended whatever happens.
package integration

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run keeps deferred calls going until the process ends.
func run(m *testing.M) int {
	dir := labDir()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	// EndWithCaller is for ends that nothing here can catch: a panic in a test, kill -9, the limit of `go test`.
	_, err := lab.Up(ctx, lab.Options{
		Dir: dir, Driver: filepath.Join(buildDir(), "bin", "glusterfs-csi"), Out: os.Stdout, EndWithCaller: true,
		// It would keep a server that was switched off out of new volumes for two minutes after its return.
		HeketiEnv: []string{"HEKETI_DISABLE_HEALTH_MONITOR=true"},
		// The calls are off by default; what else the driver does must not depend on them.
		DriverArgs: []string{"--volume-health"},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
		return 1
	}
	defer context.AfterFunc(ctx, func() {
		_ = bringDown(dir, os.Stderr)
		os.Exit(130)
	})()
	code := m.Run()
	if err := bringDown(dir, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
		return 1
	}
	return code
}

// bringDown ends the lab, and says where its logs are.
func bringDown(dir string, out io.Writer) error {
	if err := lab.End(dir); err != nil {
		return err
	}
	fmt.Fprintln(out, "integration: the lab has ended and left nothing behind; its logs are in", filepath.Join(dir, "log"))
	return nil
}

func labDir() string {
	if dir := os.Getenv("LAB_DIR"); dir != "" {
		return dir
	}
	return filepath.Join(buildDir(), "lab-integration")
}

// buildDir is where make puts things, seen from this directory, in which go test runs.
func buildDir() string { return filepath.Join("..", "..", "build") }
