package storage

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/clustertest"
	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

const (
	namespace = "glusterfs-storage"
	release   = "glusterfs-storage"
	// patience is the time limit for steps that take seconds, on a machine that is busy with five nodes.
	patience = "--timeout=8m"
)

// installed is the installed chart.
type installed struct {
	*testing.T
	values string // file
}

// install installs the chart with a device on each node, and waits until its class works.
func install(t *testing.T) installed {
	t.Helper()
	i := prepare(t)
	i.upgrade(firstNodes(lab.BareDevices()[:1]))
	return i
}

// prepare makes what the chart needs, and takes the installation apart at the end of the test.
func prepare(t *testing.T) installed {
	t.Helper()
	i := installed{t, filepath.Join(t.TempDir(), "values.json")}
	i.Cleanup(func() {
		_, _ = cluster.Kubectl(context.Background(), "delete", "pods,pvc", "--all", "--namespace=default", patience)
		i.takeApart(context.WithoutCancel(t.Context()))
	})
	clustertest.Kubectl(t, cluster, "label", "node", "--overwrite", "storage1", "storage2", "storage3", "storagenode=glusterfs")
	clustertest.Kubectl(t, cluster, "create", "namespace", namespace)
	clustertest.Kubectl(t, cluster, "label", "namespace", namespace, "pod-security.kubernetes.io/enforce=privileged")
	return i
}

// layout holds the devices of storage nodes, by the nodes' numbers.
type layout map[int][]string

// firstNodes assigns these devices to each of the first three nodes.
func firstNodes(devices []string) layout { return onNodes(devices, 1, 2, 3) }

func onNodes(devices []string, nodes ...int) layout {
	l := layout{}
	for _, n := range nodes {
		l[n] = devices
	}
	return l
}

// upgrade upgrades the chart with values for this layout, and more, in the syntax of helm's "--set".
func (i installed) upgrade(l layout, set ...string) {
	i.Helper()
	if out, err := i.tryUpgrade(l, set...); err != nil {
		i.Fatalf("helm upgrade: %v: %s", err, out)
	}
	i.awaitHeketi()
}

// awaitHeketi waits until the servers are ready, the setup Job is complete, and Heketi answers.
func (i installed) awaitHeketi() {
	i.Helper()
	i.in("rollout", "status", "daemonset/glusterfs", patience)
	i.in("wait", "--for=condition=Complete", "job", "--selector=app.kubernetes.io/component=setup", patience)
	i.in("rollout", "status", "statefulset/heketi", patience)
}

func (i installed) tryUpgrade(l layout, set ...string) (string, error) {
	i.Helper()
	data, err := json.Marshal(i.chartValues(l))
	if err != nil {
		i.Fatal(err)
	}
	if err := os.WriteFile(i.values, data, 0o600); err != nil {
		i.Fatal(err)
	}
	args := []string{"upgrade", "--install", release, filepath.Join(absolute(i.T, root), "charts", "glusterfs-storage"), "--values", i.values}
	if len(set) > 0 {
		args = append(args, "--set", strings.Join(set, ","))
	}
	out, err := i.helm(i.Context(), args...).CombinedOutput()
	return string(out), err
}

func (i installed) chartValues(l layout) map[string]any {
	i.Helper()
	version, err := driver.Version(i.Context(), cluster)
	if err != nil {
		i.Fatal(err)
	}
	image := func(name string) map[string]any {
		return map[string]any{"image": map[string]any{"repository": driver.Registry + "/" + name, "tag": version}}
	}
	nodes := make([]any, 0, len(l))
	for _, n := range slices.Sorted(maps.Keys(l)) {
		node := cluster.StorageNode(n)
		nodes = append(nodes, map[string]any{"name": node.Name, "address": node.Machine.IP, "zone": n, "devices": l[n]})
	}
	heketi := image("glusterfs-storage-heketi")
	heketi["backup"] = map[string]any{"schedule": "0 0 1 1 *"} // tests make copies when they need them
	return map[string]any{
		"nodes":   nodes,
		"gluster": image("glusterfs-storage-gluster"),
		"heketi":  heketi,
		"glusterfs-csi": map[string]any{
			"controller": image("glusterfs-csi-controller"), "node": image("glusterfs-csi-node"),
		},
	}
}

// in runs kubectl in the chart's namespace.
func (i installed) in(args ...string) string {
	i.Helper()
	return clustertest.Kubectl(i.T, cluster, append([]string{"--namespace=" + namespace}, args...)...)
}

func (i installed) helm(ctx context.Context, args ...string) *exec.Cmd {
	i.Helper()
	return cluster.Command(ctx, filepath.Join(absolute(i.T, root), "build", "bin", "helm"), append(args, "--namespace="+namespace)...)
}

// takeApart follows the end of docs/day-one.md. It requires that there are no volumes but Heketi's own.
func (i installed) takeApart(ctx context.Context) {
	for _, args := range [][]string{
		{"create", "job", "teardown", "--from=cronjob/storage-teardown"},
		{"wait", "--for=condition=Complete", "job/teardown", patience},
	} {
		if _, err := cluster.Kubectl(ctx, append(args, "--namespace="+namespace)...); err != nil {
			log, _ := cluster.Kubectl(ctx, "logs", "job/teardown", "--namespace="+namespace, "--tail=50")
			i.Errorf("%v\n%s", err, log)
			return
		}
	}
	if out, err := i.helm(ctx, "uninstall", release, "--wait").CombinedOutput(); err != nil {
		i.Errorf("helm uninstall: %v: %s", err, out)
	}
	if _, err := cluster.Kubectl(ctx, "delete", "pv/"+namespace+"-heketidbstorage", "namespace/"+namespace, patience); err != nil {
		i.Error(err)
	}
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
