// Package driver installs the driver on a Kubernetes of the lab as an administrator does: with helm and the chart.
package driver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/kubernetes"
)

// Names that the chart sets or is given.
const (
	Name      = "glusterfs.csi.gluster.org"
	Namespace = "glusterfs-csi"
	Release   = "glusterfs-csi"
	// Controller is the StatefulSet, ControllerPod its pod, Node the DaemonSet.
	Controller    = Release + "-controller"
	ControllerPod = Controller + "-0"
	Node          = Release + "-node"
	// NotReadyTaint keeps pods away from a node until the driver can mount there.
	NotReadyTaint = Name + "/agent-not-ready"
)

// readyLimit is the time limit for the start of pods whose images are on the nodes already, on a busy machine.
const readyLimit = 2 * time.Minute

// Driver is the driver on a cluster, installed or not.
type Driver struct {
	cluster *kubernetes.Cluster
	root    string // of this repository
}

// On returns the driver on a cluster. root is the directory of this repository.
func On(c *kubernetes.Cluster, root string) (*Driver, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	d := &Driver{cluster: c, root: root}
	for _, path := range []string{d.Chart(), d.helm()} {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("%w; make e2e has all that is needed", err)
		}
	}
	return d, nil
}

// Chart returns the directory of the chart.
func (d *Driver) Chart() string { return filepath.Join(d.root, "charts", "glusterfs-csi") }

func (d *Driver) helm() string { return filepath.Join(d.root, "build", "bin", "helm") }

// ValuesFile returns the file to which Install writes the chart's values.
func (d *Driver) ValuesFile() string { return filepath.Join(d.cluster.Lab().Dir(), "values.json") }

// Installed reports whether the chart is installed.
func (d *Driver) Installed(ctx context.Context) (bool, error) {
	out, err := d.Helm(ctx, "list", "--short")
	return strings.TrimSpace(out) == Release, err
}

// Install starts the second Heketi, installs the chart with Values, and waits until the driver is ready on all nodes.
func (d *Driver) Install(ctx context.Context) error {
	if err := d.cluster.Lab().StartSecondHeketi(ctx); err != nil {
		return err
	}
	values, err := Values(ctx, d.cluster)
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(values, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(d.ValuesFile(), append(data, '\n'), 0o600); err != nil {
		return err
	}
	if err := d.cluster.Apply(ctx, namespace); err != nil {
		return err
	}
	return d.Upgrade(ctx)
}

// namespace is the manifest of the driver's namespace. Its label allows the node plugin's privileged pods, which a cluster may refuse
// otherwise.
const namespace = `apiVersion: v1
kind: Namespace
metadata:
  name: ` + Namespace + `
  labels: {pod-security.kubernetes.io/enforce: privileged}
`

// Upgrade upgrades the chart with values that replace those of Install, in the syntax of helm's "--set", and waits until the
// driver is ready. Without arguments, it undoes an earlier Upgrade.
func (d *Driver) Upgrade(ctx context.Context, set ...string) error {
	args := []string{"upgrade", "--install", Release, d.Chart(), "--values", d.ValuesFile()}
	if len(set) > 0 {
		args = append(args, "--set", strings.Join(set, ","))
	}
	if _, err := d.Helm(ctx, args...); err != nil {
		return err
	}
	return d.WaitReady(ctx)
}

// WaitReady waits for the controller, the node plugins, and their registration with each kubelet.
func (d *Driver) WaitReady(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return d.wait(ctx, "rollout", "status", "statefulset/"+Controller) })
	group.Go(func() error { return d.rolledOut(ctx) })
	for _, node := range d.cluster.Nodes() {
		group.Go(func() error { return d.registered(ctx, node.Name) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return d.wait(context.WithoutCancel(ctx), "wait", "pod", "--all", "--for=condition=Ready")
}

// rolledOut waits for the node plugins, unless they are replaced by hand.
func (d *Driver) rolledOut(ctx context.Context) error {
	strategy, err := d.cluster.Kubectl(ctx, "get", "daemonset", Node, "--namespace="+Namespace, "-o", "jsonpath={.spec.updateStrategy.type}")
	if err != nil || strategy == "OnDelete" {
		return err
	}
	return d.wait(ctx, "rollout", "status", "daemonset/"+Node)
}

// registered waits until a kubelet has reported the driver to the API server.
func (d *Driver) registered(ctx context.Context, node string) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	for {
		drivers, err := d.cluster.Kubectl(ctx, "get", "csinode", node, "-o", "jsonpath={.spec.drivers[*].name}")
		if err != nil || slices.Contains(strings.Fields(drivers), Name) {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func (d *Driver) wait(ctx context.Context, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	_, err := d.cluster.Kubectl(ctx, append(args, "--namespace="+Namespace, "--timeout="+readyLimit.String())...)
	if err == nil {
		return nil
	}
	state, _ := d.cluster.Kubectl(context.WithoutCancel(ctx), "describe", "pods", "--namespace="+Namespace)
	return fmt.Errorf("the driver does not become ready: %w\n%s", err, state)
}

// Uninstall removes the chart and its namespace. All volumes must be gone before.
func (d *Driver) Uninstall(ctx context.Context) error {
	_, err := d.Helm(ctx, "uninstall", Release, "--wait", "--timeout="+readyLimit.String())
	_, deleted := d.cluster.Kubectl(ctx, "delete", "namespace", Namespace, "--timeout="+readyLimit.String())
	return errors.Join(err, deleted)
}

// Helm runs helm in the driver's namespace and returns its standard output. An error has the whole output.
func (d *Driver) Helm(ctx context.Context, args ...string) (string, error) {
	cmd := d.cluster.Command(ctx, d.helm(), append(args, "--namespace="+Namespace)...)
	var out, problem strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("helm %s: %w: %s%s", strings.Join(args, " "), err, out.String(), problem.String())
	}
	return out.String(), nil
}
