// The tests share a cluster of the lab whose storage machines are nodes, too. It is started once, in build/e2e-storage-test, and
// always stopped at the end. With -cluster, the tests use the running cluster of "make e2e-storage-up".
package storage

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

// root is the directory of the repository, relative to this one, in which go test runs.
var root = filepath.Join("..", "..", "..")

func TestMain(m *testing.M) {
	os.Exit(clustertest.Main(m, "e2e-storage", build("e2e-storage-test"), &cluster, bringUp))
}

func bringUp(ctx context.Context) (*kubernetes.Cluster, error) {
	return clustertest.Up(ctx, root, lab.Options{Dir: build("e2e-storage-test"), BareStorage: true}, Images(root))
}

// build returns a path below the output directory of make.
func build(elem ...string) string { return filepath.Join(append([]string{root, "build"}, elem...)...) }
