package chart

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
)

func groupsRendering() rendering {
	return renderings()[slices.IndexFunc(renderings(), func(r rendering) bool { return r.name == "groups" })]
}

// Each node has exactly one node plugin, whatever groups match it.
func TestEachNodeHasOneNodePlugin(t *testing.T) {
	const ordinary, k0s, edge = "glusterfs-csi-node", "glusterfs-csi-node-k0s", "glusterfs-csi-node-edge"
	sets := daemonSets(t)
	if len(sets) != 3 {
		t.Fatalf("%d DaemonSets", len(sets))
	}
	for name, tt := range map[string]struct {
		labels map[string]string
		want   []string
	}{
		"of no group":          {nil, []string{ordinary}},
		"of a group":           {map[string]string{"example.org/distribution": "k0s"}, []string{k0s}},
		"of another value":     {map[string]string{"example.org/distribution": "k3s"}, []string{ordinary}},
		"of the other group":   {map[string]string{"example.org/place": "edge"}, []string{edge}},
		"of both":              {map[string]string{"example.org/place": "edge", "example.org/distribution": "k0s"}, []string{k0s}},
		"that is not selected": {map[string]string{"storage": "no", "example.org/place": "edge"}, nil},
		"of an architecture":   {map[string]string{"kubernetes.io/arch": "arm64", "example.org/place": "edge"}, []string{edge}},
		"of no architecture":   {map[string]string{"kubernetes.io/arch": "s390x", "example.org/place": "edge"}, nil},
		"of another system":    {map[string]string{"kubernetes.io/os": "windows"}, nil},
	} {
		node := &corev1.Node{}
		node.Labels = labels.Merge(labels.Set{"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "storage": "yes"}, tt.labels)
		var got []string
		for _, set := range sets {
			fits, err := nodeaffinity.GetRequiredNodeAffinity(&corev1.Pod{Spec: set.spec}).Match(node)
			if err != nil {
				t.Fatal(err)
			}
			if fits {
				got = append(got, set.name)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("a node %s: %q, want %q", name, got, tt.want)
		}
	}
}

type daemonSet struct {
	name     string
	selector map[string]any
	spec     corev1.PodSpec
}

func daemonSets(t *testing.T) (sets []daemonSet) {
	t.Helper()
	for _, object := range objects(t, groupsRendering().render(t)) {
		if object.GetKind() != "DaemonSet" {
			continue
		}
		set := daemonSet{name: object.GetName(), selector: dig(t, object.Object, "spec", "selector", "matchLabels").(map[string]any)}
		spec := dig(t, object.Object, "spec", "template", "spec").(map[string]any)
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(spec, &set.spec); err != nil {
			t.Fatal(err)
		}
		sets = append(sets, set)
	}
	return sets
}

// The selectors of the DaemonSets do not overlap, and each DaemonSet uses its group's directories in all its fields.
func TestGroupsAreApart(t *testing.T) {
	sets := daemonSets(t)
	kubeletDirs := []string{"/var/lib/kubelet", "/var/lib/k0s/kubelet", "/var/snap/microk8s/common/var/lib/kubelet"}
	stateDirs := []string{"/var/lib/glusterfs-csi", "/var/lib/glusterfs-csi", "/data/glusterfs-csi"}
	seen := map[string]bool{}
	for i, set := range sets {
		selector := fmt.Sprint(set.selector)
		if seen[selector] {
			t.Errorf("%s has the selector of another: %s", set.name, selector)
		}
		seen[selector] = true
		dir := kubeletDirs[i]
		paths := map[string]string{"registration-dir": dir + "/plugins_registry", "kubelet-dir": dir, "plugin-dir": dir + "/plugins/glusterfs.csi.gluster.org", "state-dir": stateDirs[i]}
		for _, volume := range set.spec.Volumes {
			if want := paths[volume.Name]; want != "" && volume.HostPath.Path != want {
				t.Errorf("%s: %s is %s, want %s", set.name, volume.Name, volume.HostPath.Path, want)
			}
		}
		container := set.spec.Containers[0]
		if want := "--kubelet-endpoint=" + dir + "/plugins/glusterfs.csi.gluster.org/csi.sock"; !slices.Contains(container.Args, want) {
			t.Errorf("%s has no %s: %q", set.name, want, container.Args)
		}
		if !slices.ContainsFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == "kubelet-dir" && m.MountPath == dir }) {
			t.Errorf("%s does not mount %s at the same path", set.name, dir)
		}
	}
}

// The metrics of each component are in a Service.
func TestGroupsHaveServices(t *testing.T) {
	list := objects(t, groupsRendering().render(t))
	for _, set := range daemonSets(t) {
		service := only(t, list, "Service", set.name)
		same(t, service, set.selector, "spec", "selector")
	}
}

// Groups must not change the name and the component label of the default DaemonSet.
func TestTheOrdinaryDaemonSetStays(t *testing.T) {
	for _, r := range renderings() {
		set := only(t, objects(t, r.render(t)), "DaemonSet", "glusterfs-csi-node")
		if got, _, _ := unstructured.NestedString(set.Object, "metadata", "labels", "app.kubernetes.io/component"); got != "node" {
			t.Errorf("%s: component %q", r.name, got)
		}
	}
}

func TestAutoscalerMayMoveTheController(t *testing.T) {
	const annotation = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"
	for _, r := range renderings() {
		if r.name == "static" {
			continue
		}
		controller := only(t, objects(t, r.render(t)), "StatefulSet", "glusterfs-csi-controller")
		annotations, _, _ := unstructured.NestedStringMap(controller.Object, "spec", "template", "metadata", "annotations")
		var empty []string
		for _, volume := range dig(t, controller.Object, "spec", "template", "spec", "volumes").([]any) {
			if fields := volume.(map[string]any); fields["emptyDir"] != nil {
				empty = append(empty, fields["name"].(string))
			}
		}
		want := strings.Join(empty, ",")
		if r.name == "groups" { // this rendering disables it
			want = ""
		}
		if annotations[annotation] != want {
			t.Errorf("%s: %s is %q, want all its emptyDirs, %q", r.name, annotation, annotations[annotation], want)
		}
	}
}
