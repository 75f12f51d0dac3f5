package e2e

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
)

// theDriver returns the driver on the cluster. The first call installs it, with taints on all nodes that the driver has to
// remove. Parallel tests must not call it.
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

// noDriver uninstalls the driver, for tests that install it themselves.
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

// root is the directory of this repository, relative to this one, in which go test runs.
var root = filepath.Join("..", "..")
