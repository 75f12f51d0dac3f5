package storage

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/clustertest"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// installInterrupted installs the chart. It deletes the pod of the setup Job while the Job makes the volume of Heketi's database,
// and checks that the next pod continues with what the first one has saved.
func installInterrupted(t *testing.T) installed {
	t.Helper()
	const setup = "--selector=app.kubernetes.io/component=setup"
	i := prepare(t)
	if out, err := i.tryUpgrade(firstNodes(lab.BareDevices()[:1])); err != nil {
		t.Fatalf("helm upgrade: %v: %s", err, out)
	}
	var pod string
	clustertest.Within(t, 5*time.Minute, func() (err error) {
		pod, err = addsDevices(i, pod, setup)
		return err
	})
	i.in("delete", pod, patience)
	i.awaitHeketi()

	log := i.in("logs", setup, "--tail=-1")
	for _, want := range []string{
		"Step 4 of 6: the volume of Heketi's database has to be made", "A temporary Heketi starts with the backup of its database", "Step 6 of 6: the topology is loaded",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("%s was deleted, and the log of its successor lacks %q:\n%s", pod, want, log)
		}
	}
	if clusters := i.heketi("cluster", "list"); strings.Count(clusters, "Id:") != 1 {
		t.Errorf("Heketi has these clusters, want one:\n%s", clusters)
	}
	for n := range lab.StorageNodes {
		i.device(cluster.StorageNode(n+1).Name, lab.BareDevices()[0])
	}
	if bricks := i.bricks(); len(bricks) != lab.StorageNodes {
		t.Errorf("gluster has the bricks %q, want %d", bricks, lab.StorageNodes)
	}
	nothingPending(t, i)
	return i
}

// addsDevices returns the name of the setup Job's pod, and an error until the pod has added a device of each node. Earlier, an
// interrupted addition would leave a volume group behind, which the setup removes with wipefs, and the lab's stand-in for LVM has
// its volume groups elsewhere.
func addsDevices(i installed, pod, selector string) (string, error) {
	if pod == "" {
		names, err := cluster.Kubectl(i.Context(), "--namespace="+namespace, "get", "pods", selector, "--output=name")
		if err != nil {
			return "", err
		}
		if pod = strings.TrimSpace(names); pod == "" {
			return "", errors.New("the setup Job has no pod")
		}
	}
	log, err := cluster.Kubectl(i.Context(), "--namespace="+namespace, "logs", pod)
	if err != nil {
		return pod, err
	}
	if added := strings.Count(log, `"Added a device"`); added < lab.StorageNodes {
		return pod, fmt.Errorf("%s has added %d devices, want %d:\n%s", pod, added, lab.StorageNodes, log)
	}
	return pod, nil
}
