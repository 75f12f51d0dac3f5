package storage

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/clustertest"
	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

const (
	namespace = "glusterfs-storage"
	release   = "glusterfs-storage"
	// patience is for what takes seconds, on a machine that is busy with five nodes.
	patience = "--timeout=8m"
)

// installed is the chart on the cluster.
type installed struct {
	*testing.T
	values string // file
}

// install installs the chart with a device on each node, and waits until its class works.
func install(t *testing.T) installed {
	t.Helper()
	i := installed{t, filepath.Join(t.TempDir(), "values.json")}
	i.Cleanup(func() {
		_, _ = cluster.Kubectl(context.Background(), "delete", "pods,pvc", "--all", "--namespace=default", patience)
		i.takeApart(context.WithoutCancel(t.Context()))
	})
	clustertest.Kubectl(t, cluster, "label", "node", "--overwrite", "storage1", "storage2", "storage3", "storagenode=glusterfs")
	clustertest.Kubectl(t, cluster, "create", "namespace", namespace)
	clustertest.Kubectl(t, cluster, "label", "namespace", namespace, "pod-security.kubernetes.io/enforce=privileged")
	i.upgrade(lab.BareDevices()[:1])
	return i
}

// upgrade gives the chart values with these devices on each node, and more, as helm's "--set" writes them.
func (i installed) upgrade(devices []string, set ...string) {
	i.Helper()
	data, err := json.Marshal(i.chartValues(devices))
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
	i.helm(args...)
	i.in("rollout", "status", "daemonset/glusterfs", patience)
	i.in("wait", "--for=condition=Complete", "job", "--selector=app.kubernetes.io/component=setup", patience)
	i.in("rollout", "status", "statefulset/heketi", patience)
}

func (i installed) chartValues(devices []string) map[string]any {
	i.Helper()
	version, err := driver.Version(i.Context(), cluster)
	if err != nil {
		i.Fatal(err)
	}
	image := func(name string) map[string]any {
		return map[string]any{"image": map[string]any{"repository": driver.Registry + "/" + name, "tag": version}}
	}
	nodes := make([]any, 0, lab.StorageNodes)
	for n := 1; n <= lab.StorageNodes; n++ {
		node := cluster.StorageNode(n)
		nodes = append(nodes, map[string]any{"name": node.Name, "address": node.Machine.IP, "zone": n, "devices": devices})
	}
	return map[string]any{
		"nodes":   nodes,
		"gluster": image("glusterfs-storage-gluster"),
		"heketi":  image("glusterfs-storage-heketi"),
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

// heketi runs heketi-cli in Heketi's pod.
func (i installed) heketi(args ...string) string {
	i.Helper()
	out, err := i.tryHeketi(args...)
	if err != nil {
		i.Fatal(err)
	}
	return out
}

func (i installed) tryHeketi(args ...string) (string, error) {
	return cluster.Kubectl(i.Context(), append([]string{
		"--namespace=" + namespace, "exec", "statefulset/heketi", "--container=heketi", "--", "heketi-cli",
	}, args...)...)
}

func (i installed) helm(args ...string) {
	i.Helper()
	cmd := cluster.Command(i.Context(), filepath.Join(absolute(i.T, root), "build", "bin", "helm"), append(args, "--namespace="+namespace)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		i.Fatalf("helm %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// takeApart does what docs/day-one.md says at its end, and needs no volumes but Heketi's own.
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
	helm := cluster.Command(ctx, filepath.Join(absolute(i.T, root), "build", "bin", "helm"), "uninstall", release, "--namespace="+namespace, "--wait")
	if out, err := helm.CombinedOutput(); err != nil {
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
