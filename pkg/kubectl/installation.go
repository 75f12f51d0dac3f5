package kubectl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/driver"
)

// The labels and the container name that the chart sets.
const (
	container      = "glusterfs-csi"
	selector       = "app.kubernetes.io/name=glusterfs-csi"
	labelInstance  = "app.kubernetes.io/instance"
	labelComponent = "app.kubernetes.io/component"
	labelVersion   = "app.kubernetes.io/version"
	labelChart     = "helm.sh/chart"
)

// Installation describes the driver's workloads and pods in a cluster.
type Installation struct {
	Workloads []Workload
	Pods      []Pod // sorted by name
}

// Workload is the StatefulSet of the controller, or a DaemonSet of node plugins.
type Workload struct {
	Kind, Namespace, Name string
	Component             string // controller, node, or node-GROUP
	Chart, Version        string // of the last upgrade; "" if it was not installed by helm
	Image                 string // the image of new pods
}

// Pod is a pod of the driver.
type Pod struct {
	Namespace, Name, Node string
	Component             string // as in its workload
	Image                 string // the image in its spec
	ImageID               string // with the digest of the image that the node pulled; "" before that
	Running               bool   // commands can be run in it
	Args                  []string
}

// object holds the fields of pods and workloads that are read.
type object struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Name      string            `json:"name"`
		Namespace string            `json:"namespace"`
		Labels    map[string]string `json:"labels"`
	} `json:"metadata"`
	Spec struct {
		NodeName   string          `json:"nodeName"`
		Containers []containerSpec `json:"containers"`
		Template   struct {
			Spec struct {
				Containers []containerSpec `json:"containers"`
			} `json:"spec"`
		} `json:"template"`
	} `json:"spec"`
	Status struct {
		ContainerStatuses []struct {
			Name    string `json:"name"`
			ImageID string `json:"imageID"`
			State   struct {
				Running *struct{} `json:"running"`
			} `json:"state"`
		} `json:"containerStatuses"`
	} `json:"status"`
}

type containerSpec struct {
	Name  string   `json:"name"`
	Image string   `json:"image"`
	Args  []string `json:"args"`
}

// Find returns the installation in the client's namespace.
func (c Client) Find(ctx context.Context) (Installation, error) {
	objects, err := c.list(ctx)
	if err != nil {
		return Installation{}, fmt.Errorf("list the driver's pods: %w", err)
	}
	if len(objects) == 0 {
		return Installation{}, c.nowhere(ctx)
	}
	releases := map[string]bool{}
	for _, o := range objects {
		releases[o.Metadata.Labels[labelInstance]] = true
	}
	names := slices.Sorted(maps.Keys(releases))
	switch {
	case c.Release != "" && !releases[c.Release]:
		return Installation{}, fmt.Errorf("--release=%s: the namespace has no release of this name; it has %s", c.Release, strings.Join(names, ", "))
	case c.Release == "" && len(names) > 1:
		return Installation{}, fmt.Errorf("the namespace has several releases of the driver, %s: choose one with --release", strings.Join(names, ", "))
	}
	var found Installation
	for _, o := range objects {
		if c.Release == "" || o.Metadata.Labels[labelInstance] == c.Release {
			found.add(o)
		}
	}
	return found, nil
}

func (c Client) list(ctx context.Context, more ...string) ([]object, error) {
	out, _, err := c.run(ctx, append([]string{"get", "pods,statefulsets,daemonsets", "--selector=" + selector, "--output=json"}, more...)...)
	if err != nil {
		return nil, err
	}
	var list struct {
		Items []object `json:"items"`
	}
	if err := json.Unmarshal(out, &list); err != nil {
		return nil, fmt.Errorf("kubectl's answer is not a list of objects: %w", err)
	}
	return list.Items, nil
}

// nowhere returns the error for a namespace without an installation. The error names the namespaces that have an installation, if
// kubectl may list pods and workloads in all namespaces.
func (c Client) nowhere(ctx context.Context) error {
	everywhere := c
	everywhere.Namespace = ""
	namespaces := map[string]bool{}
	if objects, err := everywhere.list(ctx, "--all-namespaces"); err == nil {
		for _, o := range objects {
			namespaces[o.Metadata.Namespace] = true
		}
	}
	if len(namespaces) == 0 {
		return errors.New("the driver is not in this namespace: name its namespace with --namespace")
	}
	return fmt.Errorf("the driver is not in this namespace: write --namespace=%s", strings.Join(slices.Sorted(maps.Keys(namespaces)), " or --namespace="))
}

func (i *Installation) add(o object) {
	labels, meta := o.Metadata.Labels, o.Metadata
	if o.Kind != "Pod" {
		i.Workloads = append(i.Workloads, Workload{
			Kind: o.Kind, Namespace: meta.Namespace, Name: meta.Name, Component: labels[labelComponent],
			Chart: labels[labelChart], Version: labels[labelVersion], Image: driverIn(o.Spec.Template.Spec.Containers).Image,
		})
		return
	}
	spec := driverIn(o.Spec.Containers)
	pod := Pod{
		Namespace: meta.Namespace, Name: meta.Name, Node: o.Spec.NodeName, Component: labels[labelComponent],
		Image: spec.Image, Args: spec.Args,
	}
	for _, status := range o.Status.ContainerStatuses {
		if status.Name == container {
			pod.ImageID, pod.Running = status.ImageID, status.State.Running != nil
		}
	}
	i.Pods = append(i.Pods, pod)
}

func driverIn(containers []containerSpec) containerSpec {
	for _, c := range containers {
		if c.Name == container {
			return c
		}
	}
	return containerSpec{}
}

// Controller returns the controller's pod.
func (i Installation) Controller() (Pod, error) {
	for _, pod := range i.Pods {
		if pod.Component == "controller" && pod.Running {
			return pod, nil
		}
	}
	return Pod{}, errors.New("no controller is running: look at its StatefulSet and pod with kubectl describe; without backends in the chart's values there is none")
}

// Nodes returns the node plugins, including those of groups of nodes.
func (i Installation) Nodes() (pods []Pod) {
	for _, pod := range i.Pods {
		if pod.Component == "node" || strings.HasPrefix(pod.Component, "node-") {
			pods = append(pods, pod)
		}
	}
	return pods
}

// flag returns the value of a flag in the pod's command line. If the flag is not set, it returns the parameter otherwise.
func (p Pod) flag(name, otherwise string) string {
	for _, arg := range p.Args {
		if value, found := strings.CutPrefix(arg, "--"+name+"="); found {
			return value
		}
	}
	return otherwise
}

// Config returns the path of the driver's configuration in the controller's pod.
func (p Pod) Config() string { return p.flag("config", "/etc/glusterfs-csi/config.yaml") }

// Driver returns the CSI driver name.
func (p Pod) Driver() string { return p.flag("driver-name", driver.DefaultName) }
