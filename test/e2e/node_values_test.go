package e2e

import (
	"context"
	"fmt"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
)

// nodePluginsWith upgrades the chart with other values, for which Kubernetes replaces all node plugins. The end of the test
// undoes this.
func nodePluginsWith(t *testing.T, d *driver.Driver, set ...string) {
	t.Helper()
	undoNodePlugins(t, d)
	ok(t, d.Upgrade(t.Context(), set...))
}

// undoNodePlugins restores the chart's first values when the test ends.
func undoNodePlugins(t *testing.T, d *driver.Driver) {
	t.Helper()
	t.Cleanup(func() {
		if err := d.Upgrade(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// replaceNodePlugins replaces the node plugins by hand, on these nodes or on all.
func replaceNodePlugins(t *testing.T, d *driver.Driver, nodes ...string) {
	t.Helper()
	if len(nodes) == 0 {
		for _, node := range cluster.Nodes() {
			nodes = append(nodes, node.Name)
		}
	}
	for _, node := range nodes {
		ok(t, replace(t.Context(), d, node))
	}
}

// replace waits until the new node plugin of a node is ready.
func replace(ctx context.Context, d *driver.Driver, node string) error {
	of := []string{
		"--namespace=" + driver.Namespace, "--selector=app.kubernetes.io/component=node", "--field-selector=spec.nodeName=" + node,
	}
	if _, err := cluster.Kubectl(ctx, append([]string{"delete", "pod", patience}, of...)...); err != nil {
		return err
	}
	if _, err := cluster.Kubectl(ctx, append([]string{"wait", "pod", "--for=create", patience}, of...)...); err != nil {
		return fmt.Errorf("no new node plugin on %s: %w", node, err)
	}
	if _, err := cluster.Kubectl(ctx, append([]string{"wait", "pod", "--for=condition=Ready", patience}, of...)...); err != nil {
		return fmt.Errorf("the new node plugin on %s: %w", node, err)
	}
	return d.WaitReady(ctx)
}
