// Package clustertest holds what the end-to-end tests share: the start and end of their cluster, and helpers for kubectl.
package clustertest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/kubernetes"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/program"
)

// Main is the TestMain of a package whose tests share a cluster. It starts one with up in the lab directory dir and always stops
// it at the end; with -cluster, it uses a cluster that runs already.
func Main(m *testing.M, name, dir string, cluster **kubernetes.Cluster, up func(context.Context) (*kubernetes.Cluster, error)) int {
	existing := flag.String("cluster", "", "the directory of a running lab")
	flag.Parse()
	var err error
	if *existing == "" {
		return program.Tests(name, dir, func(ctx context.Context) error {
			*cluster, err = up(ctx)
			return err
		}, m.Run)
	}
	if *cluster, err = kubernetes.OpenIn(*existing); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 1
	}
	return m.Run()
}

// Up starts a lab and Kubernetes in it. root is the directory of this repository. EndWithCaller also stops the lab when no code
// of the caller can: after a panic in a test, kill -9, or the time limit of go test.
func Up(ctx context.Context, root string, labOptions lab.Options, options kubernetes.Options) (*kubernetes.Cluster, error) {
	tools, err := tools(ctx, root)
	if err != nil {
		return nil, err
	}
	labOptions.Out, options.Out = os.Stdout, os.Stdout
	labOptions.EndWithCaller = true
	options.Tools = tools
	return kubernetes.UpWithLab(ctx, labOptions, options)
}

// tools builds the programs of Kubernetes, unless they are built already, and returns their directory. The variable KUBERNETES
// selects the version.
func tools(ctx context.Context, root string) (string, error) {
	build := exec.CommandContext(ctx, filepath.Join(root, "test", "e2e", "kubernetes", "build.sh"))
	build.Stderr = os.Stderr
	out, err := build.Output()
	if err != nil {
		return "", fmt.Errorf("tools: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// Apply applies manifests, removes them when the test ends, and waits for the pod if one is named.
func Apply(t *testing.T, c *kubernetes.Cluster, manifests, pod string) {
	t.Helper()
	t.Cleanup(func() {
		if err := c.Delete(context.Background(), manifests); err != nil {
			t.Error(err)
		}
	})
	if err := c.Apply(t.Context(), manifests); err != nil {
		t.Fatal(err)
	}
	if pod == "" {
		return
	}
	if _, err := c.Kubectl(t.Context(), "wait", "--for=condition=Ready", "--timeout=3m", "pod/"+pod); err != nil {
		t.Fatalf("%v\n%s", err, Kubectl(t, c, "describe", "pod", pod))
	}
}

// Kubectl runs kubectl and returns its standard output. A failure ends the test.
func Kubectl(t *testing.T, c *kubernetes.Cluster, args ...string) string {
	t.Helper()
	out, err := c.Kubectl(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Within retries the check until it returns no error, or the limit is over.
func Within(t *testing.T, limit time.Duration, try func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	t.Fatalf("no success within %s: %v", limit, err)
}
