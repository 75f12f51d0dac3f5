package e2e

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
)

// singleClass makes volumes of one brick, the quickest there are.
const singleClass = `---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: single}
provisioner: ` + driver.Name + `
parameters: {backend: ` + driver.Backend + `, volumetype: none}
`

// TestOneVolumeForEachClaim loses what makes volumes while it is at work: in the end there are 20 volumes, not 21.
func TestOneVolumeForEachClaim(t *testing.T) {
	d := theDriver(t)
	up(t, singleClass, "")
	heketi := cluster.Lab().Heketi()
	for _, test := range []struct {
		name      string
		namespace string
		disturb   func(*batch)
	}{
		{"controller pod deleted", "controller-deleted", func(b *batch) {
			before := controllerUID(b.T)
			inDriver(b.T, "delete", "pod", driver.ControllerPod, "--grace-period=0", "--force")
			b.newController(before)
			ok(b.T, d.WaitReady(b.Context()))
		}},
		{"Heketi killed", "heketi-killed", func(b *batch) {
			ok(b.T, heketi.Kill(b.Context()))
			b.isUnderWay()
			ok(b.T, heketi.Start(b.Context()))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBatch(t, test.namespace, "single", heketi, 20)
			b.undisturbedBy(test.disturb)
			if volumes := b.inGluster(); len(volumes) > 0 {
				t.Errorf("left in gluster: %q", volumes)
			}
		})
	}
}

// TestOneVolumeForEachClaimOfMany does the same with what takes longer than to make 20 volumes. Their Heketi only pretends.
func TestOneVolumeForEachClaimOfMany(t *testing.T) {
	d := theDriver(t)
	undoUpgrades(t, d)
	for _, test := range []struct {
		name      string
		namespace string
		disturb   func(*batch)
	}{
		{"API server killed", "apiserver-killed", func(b *batch) {
			ok(b.T, cluster.APIServer().Kill(b.Context()))
			ok(b.T, cluster.APIServer().Start(b.Context()))
			b.isUnderWay()
		}},
		{"helm upgrade and rollback", "helm-upgrade", func(b *batch) {
			for _, args := range [][]string{
				{"upgrade", driver.Release, filepath.Join(root, "charts", "glusterfs-csi"), "--reuse-values", "--set=controller.podAnnotations.version=next"},
				{"rollback", driver.Release},
			} {
				before := controllerUID(b.T)
				_, err := d.Helm(b.Context(), args...)
				ok(b.T, err)
				b.newController(before)
				b.isUnderWay()
				ok(b.T, d.WaitReady(b.Context()))
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			newBatch(t, test.namespace, driver.ArchiveClass, cluster.Lab().SecondHeketi(), 100).undisturbedBy(test.disturb)
		})
	}
}

// undisturbedBy checks that the claims get what they should in spite of a disturbance, and lose it when they are deleted.
func (b *batch) undisturbedBy(disturb func(*batch)) {
	b.Helper()
	begin := time.Now()
	b.underWay()
	disturb(b)
	b.complete()
	b.Logf("%d claims bound after %.1f s", b.count, time.Since(begin).Seconds())
	b.remove()
}

// newController waits until the controller's pod is another one.
func (b *batch) newController(before string) {
	b.Helper()
	eventually(b.T, func() error {
		now, err := cluster.Kubectl(b.Context(), "get", "pod", driver.ControllerPod, "--namespace="+driver.Namespace, "-o", "jsonpath={.metadata.uid}")
		if err == nil && now == before {
			err = errors.New("the controller's pod is still the same")
		}
		return err
	})
}

func controllerUID(t *testing.T) string {
	t.Helper()
	return inDriver(t, "get", "pod", driver.ControllerPod, "-o", "jsonpath={.metadata.uid}")
}

// undoUpgrades gives the chart its first values back when the test has ended.
func undoUpgrades(t *testing.T, d *driver.Driver) {
	t.Helper()
	t.Cleanup(func() {
		if err := d.Upgrade(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
