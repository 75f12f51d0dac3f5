package e2e

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
)

// theDriver is the driver on the cluster. The first test that asks installs it, with taints on all nodes that it has to remove.
// It must not be called by parallel tests.
func theDriver(t *testing.T) *driver.Driver {
	t.Helper()
	d := onCluster(t)
	installed, err := d.Installed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if installed {
		return d
	}
	taint := driver.NotReadyTaint + "=:NoSchedule"
	kubectl(t, "taint", "nodes", "--all", "--overwrite", taint)
	if err := d.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if taints := kubectl(t, "get", "nodes", "-o", "jsonpath={.items[*].spec.taints}"); strings.Contains(taints, driver.NotReadyTaint) {
			return errors.New("the driver is ready, and the nodes have still the taints " + taints)
		}
		return nil
	})
	return d
}

// noDriver is for tests that install the driver themselves.
func noDriver(t *testing.T) {
	t.Helper()
	d := onCluster(t)
	installed, err := d.Installed(t.Context())
	if err == nil && installed {
		err = d.Uninstall(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func onCluster(t *testing.T) *driver.Driver {
	t.Helper()
	d, err := driver.On(cluster, root)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// root is the directory of this repository, seen from this one, in which go test runs.
var root = filepath.Join("..", "..")
