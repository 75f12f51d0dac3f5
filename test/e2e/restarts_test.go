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
	const count = 20
	d := theDriver(t)
	undoUpgrades(t, d)
	up(t, singleClass, "")
	heketi := cluster.Lab().Heketi()
	next := "controller.podAnnotations.version=next"
	helm := func(args ...string) func(*batch) {
		return func(b *batch) {
			before := controllerUID(b.T)
			_, err := d.Helm(b.Context(), args...)
			ok(b.T, err)
			b.isUnderWay()
			b.newController(before)
		}
	}
	for _, test := range []struct {
		name      string
		namespace string
		prepare   []string // what to set with helm before
		disturb   func(*batch)
	}{
		{"controller pod deleted", "controller-deleted", nil, func(b *batch) {
			before := controllerUID(b.T)
			inDriver(b.T, "delete", "pod", driver.ControllerPod, "--grace-period=0", "--force")
			b.newController(before)
		}},
		{"Heketi killed", "heketi-killed", nil, func(b *batch) {
			ok(b.T, heketi.Kill(b.Context()))
			b.isUnderWay()
			ok(b.T, heketi.Start(b.Context()))
		}},
		{"API server killed", "apiserver-killed", nil, func(b *batch) {
			ok(b.T, cluster.APIServer().Kill(b.Context()))
			ok(b.T, cluster.APIServer().Start(b.Context()))
		}},
		{"helm upgrade", "helm-upgrade", nil, helm("upgrade", driver.Release, filepath.Join(root, "charts", "glusterfs-csi"), "--reuse-values", "--set="+next)},
		{"helm rollback", "helm-rollback", []string{next}, helm("rollback", driver.Release)},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.prepare != nil {
				ok(t, d.Upgrade(t.Context()))
				ok(t, d.Upgrade(t.Context(), test.prepare...))
			}
			begin := time.Now()
			b := newBatch(t, test.namespace, "single", heketi, count)
			b.underWay()
			test.disturb(b)
			b.complete()
			if volumes := b.inGluster(); len(volumes) != count {
				t.Errorf("gluster has %d volumes for %d claims: %q", len(volumes), count, volumes)
			}
			t.Logf("%d claims bound after %.1f s", count, time.Since(begin).Seconds())
			ok(t, d.WaitReady(t.Context()))
			b.remove()
			if volumes := b.inGluster(); len(volumes) > 0 {
				t.Errorf("left in gluster: %q", volumes)
			}
		})
	}
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
