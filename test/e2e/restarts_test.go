package e2e

import (
	"context"
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
		disturb   func(*testing.T, *batch)
	}{
		{"controller pod deleted", "controller-deleted", func(t *testing.T, _ *batch) {
			before := controllerUID(t)
			inDriver(t, "delete", "pod", driver.ControllerPod, "--grace-period=0", "--force")
			ok(t, d.WaitReady(t.Context()))
			if controllerUID(t) == before {
				t.Error("the controller's pod is still the same")
			}
		}},
		{"Heketi killed", "heketi-killed", func(t *testing.T, b *batch) {
			ok(t, heketi.Kill(t.Context()))
			b.isUnderWay()
			ok(t, heketi.Start(t.Context()))
		}},
		{"API server killed", "apiserver-killed", func(t *testing.T, _ *batch) {
			ok(t, cluster.APIServer().Kill(t.Context()))
			ok(t, cluster.APIServer().Start(t.Context()))
		}},
		{"helm upgrade and rollback", "helm-upgrade", func(t *testing.T, b *batch) {
			undoUpgrades(t, d)
			first := controllerUID(t)
			ok(t, d.Upgrade(t.Context(), "controller.podAnnotations.version=next"))
			second := controllerUID(t)
			b.isUnderWay()
			_, err := d.Helm(t.Context(), "rollback", driver.Release)
			ok(t, err)
			ok(t, d.WaitReady(t.Context()))
			if third := controllerUID(t); first == second || second == third {
				t.Errorf("the controller's pods were %s, %s after the upgrade, %s after the rollback", first, second, third)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			begin := time.Now()
			b := newBatch(t, test.namespace, "single", heketi, restartClaims)
			b.underWay()
			test.disturb(t, b)
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
