package e2e

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
)

// TestOneVolumeForEachClaim kills the components that create volumes while they work: in the end there must be exactly one volume
// for each claim. The same components are killed again during the deletion, which must leave no volume.
func TestOneVolumeForEachClaim(t *testing.T) {
	d := theDriver(t)
	undoUpgrades(t, d)
	up(t, singleClass, "")
	heketi := cluster.Lab().Heketi()
	type disturbance func(b *batch, underWay func())
	helm := func(args ...string) disturbance {
		return func(b *batch, underWay func()) {
			b.newController(func() {
				underWay()
				_, err := d.Helm(b.Context(), args...)
				ok(b.T, err)
			})
		}
	}
	upgrade := helm("upgrade", driver.Release, filepath.Join(root, "charts", "glusterfs-csi"), "--reuse-values",
		"--set=controller.podAnnotations.version=next")
	controllerDeleted := func(b *batch, underWay func()) {
		b.newController(func() {
			inDriver(b.T, "delete", "pod", driver.ControllerPod, "--grace-period=0", "--force")
			underWay()
		})
	}
	heketiKilled := func(b *batch, underWay func()) {
		ok(b.T, heketi.Kill(b.Context()))
		underWay()
		ok(b.T, heketi.Start(b.Context()))
	}
	serverKilled := func(b *batch, underWay func()) {
		underWay()
		ok(b.T, cluster.APIServer().Kill(b.Context()))
		ok(b.T, cluster.APIServer().Start(b.Context()))
	}
	for _, test := range []struct {
		name           string
		namespace      string
		count          int // more than the 8 operations that Heketi carries out at a time
		making, ending disturbance
	}{
		{"controller pod deleted", "controller-deleted", 14, controllerDeleted, controllerDeleted},
		{"Heketi killed", "heketi-killed", 12, heketiKilled, heketiKilled},
		{"API server killed", "apiserver-killed", 10, serverKilled, serverKilled},
		{"helm upgrade and rollback", "helm", 15, upgrade, helm("rollback", driver.Release)},
	} {
		t.Run(test.name, func(t *testing.T) {
			begin := time.Now()
			b := newBatch(t, test.namespace, singleClassName, heketi, test.count)
			b.someBound()
			test.making(b, b.isBinding)
			b.complete()
			if volumes := b.inGluster(); len(volumes) != test.count {
				t.Errorf("gluster has %d volumes for %d claims: %q", len(volumes), test.count, volumes)
			}
			t.Logf("%d claims bound after %.1f s", test.count, time.Since(begin).Seconds())

			begin = time.Now()
			b.delete()
			b.someGone()
			test.ending(b, b.isEnding)
			b.waitGone()
			if volumes := b.inGluster(); len(volumes) > 0 {
				t.Errorf("left in gluster: %q", volumes)
			}
			t.Logf("all are gone after %.1f s", time.Since(begin).Seconds())
			ok(t, d.WaitReady(t.Context()))
		})
	}
}

// newController waits until the controller's pod has been replaced.
func (b *batch) newController(replace func()) {
	b.Helper()
	before := inDriver(b.T, "get", "pod", driver.ControllerPod, "-o", "jsonpath={.metadata.uid}")
	replace()
	eventually(b.T, func() error {
		now, err := cluster.Kubectl(b.Context(), "get", "pod", driver.ControllerPod, "--namespace="+driver.Namespace, "-o", "jsonpath={.metadata.uid}")
		if err == nil && now == before {
			err = errors.New("the controller's pod is still the same")
		}
		return err
	})
}

// undoUpgrades restores the chart's first values when the test ends.
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
