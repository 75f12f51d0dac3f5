// Package integration tests the driver on real servers. It calls the CSI sockets of a lab (see package lab) and checks the
// effects from outside the driver: mountinfo and processes of the nodes, the gluster command, heketi-cli, and the files on the
// bricks.
//
// The lab is started once, in build/lab-integration or LAB_DIR, and is always ended. LAB_CLIENT_FILES gives its nodes another
// GlusterFS client (lab.Options.ClientFiles).
package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/program"
)

func TestMain(m *testing.M) {
	if mode := os.Getenv(hostileVariable); mode != "" {
		fmt.Fprintln(os.Stderr, hostileGlusterd(mode))
		os.Exit(1)
	}
	os.Exit(program.Tests("integration", labDir(), up, func() int {
		code := m.Run()
		if os.Geteuid() != 0 {
			return code // the lab did not start, so there are no logs
		}
		// The driver logs at verbosity 5, so its logs cover everything that the tests made it do.
		if found := secretLines(filepath.Join(labDir(), "log")); len(found) > 0 {
			fmt.Fprintf(os.Stderr, "secrets in the driver's logs:\n%s", strings.Join(found, ""))
			return 1
		}
		return code
	}))
}

// plantedKey is a key that the tests put into places where it does not belong.
const plantedKey = "hunter2-integration"

// secretLines returns the lines of the driver's logs that contain a key or a token.
func secretLines(dir string) []string {
	logs := append(make([]string, 0, 1+lab.ClientNodes), filepath.Join(dir, "hub", "controller.log"))
	for i := range lab.ClientNodes {
		node := fmt.Sprintf("node%d", i+1)
		logs = append(logs, filepath.Join(dir, node, node+".log"))
	}
	var found []string
	for _, path := range logs {
		data, err := os.ReadFile(path)
		if err != nil {
			return []string{err.Error() + "\n"}
		}
		for line := range strings.Lines(string(data)) {
			for _, secret := range []string{lab.HeketiKey, plantedKey, "bearer "} {
				if strings.Contains(line, secret) {
					found = append(found, filepath.Base(path)+": "+line)
				}
			}
		}
	}
	return found
}

// up starts the lab. EndWithCaller covers ends that cannot be caught here: a panic in a test, kill -9, the time limit of go test.
func up(ctx context.Context) error {
	_, err := lab.Up(ctx, lab.Options{
		Dir: labDir(), Driver: filepath.Join(buildDir(), "bin", "glusterfs-csi"), Out: os.Stdout, EndWithCaller: true,
		// Otherwise Heketi would not use a server for new volumes for two minutes after the server's return.
		HeketiEnv: []string{"HEKETI_DISABLE_HEALTH_MONITOR=true"},
		// These calls are off by default. The driver's other behaviour must not depend on them.
		DriverArgs:  []string{"--volume-health"},
		ClientFiles: os.Getenv("LAB_CLIENT_FILES"),
	})
	return err
}

func labDir() string {
	if dir := os.Getenv("LAB_DIR"); dir != "" {
		return dir
	}
	return filepath.Join(buildDir(), "lab-integration")
}

// buildDir is make's output directory, relative to this directory, in which go test runs.
func buildDir() string { return filepath.Join("..", "..", "build") }
