package e2e

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
)

// restartClaims is how many volumes are wanted while something restarts. Heketi gets eight of them at a time.
const restartClaims = 20

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
			eventually(b.T, func() error {
				out, err := cluster.Kubectl(b.Context(), "get", "pod", driver.ControllerPod, "--namespace="+driver.Namespace, "-o", "jsonpath={.metadata.uid}")
				if err == nil && out == before {
					err = errors.New("the controller's pod is still the same")
				}
				return err
			})
			ok(b.T, d.WaitReady(b.Context()))
		}},
		{"Heketi killed", "heketi-killed", func(b *batch) {
			ok(b.T, heketi.Kill(b.Context()))
			b.isUnderWay()
			ok(b.T, heketi.Start(b.Context()))
		}},
		{"API server killed", "apiserver-killed", func(b *batch) {
			ok(b.T, cluster.APIServer().Kill(b.Context()))
			ok(b.T, cluster.APIServer().Start(b.Context()))
		}},
		{"helm upgrade and rollback", "helm-upgrade", func(b *batch) {
			undoUpgrades(b.T, d)
			first := controllerUID(b.T)
			ok(b.T, d.Upgrade(b.Context(), "controller.podAnnotations.version=next"))
			second := controllerUID(b.T)
			b.isUnderWay()
			_, err := d.Helm(b.Context(), "rollback", driver.Release)
			ok(b.T, err)
			ok(b.T, d.WaitReady(b.Context()))
			if third := controllerUID(b.T); first == second || second == third {
				b.Errorf("the controller's pods were %s, %s after the upgrade, %s after the rollback", first, second, third)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			begin := time.Now()
			b := newBatch(t, test.namespace, "single", heketi, restartClaims)
			b.underWay()
			test.disturb(b)
			b.complete()
			if volumes := b.inGluster(); len(volumes) != b.count {
				t.Errorf("gluster has %d volumes for %d claims: %q", len(volumes), b.count, volumes)
			}
			t.Logf("%d claims bound after %.1f s", b.count, time.Since(begin).Seconds())
			b.remove()
			if volumes := b.inGluster(); len(volumes) > 0 {
				t.Errorf("left in gluster: %q", volumes)
			}
		})
	}
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
