package chart

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// constraints has the fields of OpenShift's SecurityContextConstraints (security.openshift.io/v1) that the chart uses. Those
// without omitempty are required.
type constraints struct {
	APIVersion               string         `json:"apiVersion"`
	Kind                     string         `json:"kind"`
	Metadata                 map[string]any `json:"metadata"`
	Priority                 *int32         `json:"priority"`
	AllowPrivilegedContainer *bool          `json:"allowPrivilegedContainer"`
	AllowPrivilegeEscalation *bool          `json:"allowPrivilegeEscalation,omitempty"`
	AllowHostDirVolumePlugin *bool          `json:"allowHostDirVolumePlugin"`
	AllowHostIPC             *bool          `json:"allowHostIPC"`
	AllowHostNetwork         *bool          `json:"allowHostNetwork"`
	AllowHostPID             *bool          `json:"allowHostPID"`
	AllowHostPorts           *bool          `json:"allowHostPorts"`
	AllowedCapabilities      []string       `json:"allowedCapabilities"`
	DefaultAddCapabilities   []string       `json:"defaultAddCapabilities"`
	RequiredDropCapabilities []string       `json:"requiredDropCapabilities"`
	ReadOnlyRootFilesystem   *bool          `json:"readOnlyRootFilesystem"`
	RunAsUser                strategy       `json:"runAsUser"`
	FSGroup                  strategy       `json:"fsGroup"`
	SupplementalGroups       strategy       `json:"supplementalGroups"`
	SELinuxContext           strategy       `json:"seLinuxContext,omitzero"`
	SeccompProfiles          []string       `json:"seccompProfiles,omitempty"`
	Volumes                  []string       `json:"volumes"`
	Users                    []string       `json:"users,omitempty"`
	Groups                   []string       `json:"groups,omitempty"`
}

type strategy struct {
	Type   string `json:"type"`
	UID    *int64 `json:"uid,omitempty"`
	Ranges []struct {
		Min int64 `json:"min"`
		Max int64 `json:"max"`
	} `json:"ranges,omitempty"`
}

// requiredOfConstraints returns the fields that OpenShift requires; null is a valid value.
func requiredOfConstraints() []string {
	return []string{
		"allowHostDirVolumePlugin", "allowHostIPC", "allowHostNetwork", "allowHostPID", "allowHostPorts", "allowPrivilegedContainer", "allowedCapabilities",
		"defaultAddCapabilities", "priority", "readOnlyRootFilesystem", "requiredDropCapabilities", "volumes",
	}
}

// The constraints match OpenShift's API, and allow everything that the pods of their account request.
func TestSecurityContextConstraintsFitThePods(t *testing.T) {
	list := objects(t, groupsRendering().render(t))
	for _, component := range []string{"controller", "node"} {
		name := "glusterfs-csi-" + component
		object := only(t, list, "SecurityContextConstraints", name)
		for _, field := range requiredOfConstraints() {
			if _, has := object.Object[field]; !has {
				t.Errorf("%s has no %s", name, field)
			}
		}
		text, err := yaml.Marshal(object.Object)
		if err != nil {
			t.Fatal(err)
		}
		var allowed constraints
		if err := yaml.UnmarshalStrict(text, &allowed); err != nil {
			t.Fatal(err)
		}
		if want := []string{"system:serviceaccount:glusterfs-csi:" + name}; allowed.APIVersion != "security.openshift.io/v1" || !slices.Equal(allowed.Users, want) || len(allowed.Groups) > 0 {
			t.Errorf("%s is for %q and %q, want %q", name, allowed.Users, allowed.Groups, want)
		}
		for _, object := range list {
			if template := podTemplate(object); template != nil {
				var spec corev1.PodSpec
				if err := runtime.DefaultUnstructuredConverter.FromUnstructured(template["spec"].(map[string]any), &spec); err != nil {
					t.Fatal(err)
				}
				if spec.ServiceAccountName == name {
					allowed.check(t, object.GetName(), spec)
				}
			}
		}
	}
}

// check finds settings of a pod that are not allowed, and allowed settings that the pod does not use.
func (c constraints) check(t *testing.T, name string, spec corev1.PodSpec) {
	t.Helper()
	has := map[string]bool{}
	for _, volume := range spec.Volumes {
		has["hostPath"] = has["hostPath"] || volume.HostPath != nil
		for kind, is := range map[string]bool{
			"hostPath": volume.HostPath != nil, "emptyDir": volume.EmptyDir != nil, "projected": volume.Projected != nil, "secret": volume.Secret != nil, "configMap": volume.ConfigMap != nil,
		} {
			if is && !slices.Contains(c.Volumes, kind) {
				t.Errorf("%s has a volume %s, which is not allowed", name, kind)
			}
		}
	}
	ports := false
	for _, container := range spec.Containers {
		security := container.SecurityContext
		has["privileged"] = has["privileged"] || security.Privileged != nil && *security.Privileged
		ports = ports || len(container.Ports) > 0
		if *c.ReadOnlyRootFilesystem && !*security.ReadOnlyRootFilesystem {
			t.Errorf("%s/%s writes to its root file system", name, container.Name)
		}
		if slices.Contains(c.RequiredDropCapabilities, "ALL") && !slices.Contains(security.Capabilities.Drop, "ALL") {
			t.Errorf("%s/%s keeps capabilities", name, container.Name)
		}
	}
	for what, both := range map[string][2]bool{
		"privileged containers": {has["privileged"], *c.AllowPrivilegedContainer}, "hostPath": {has["hostPath"], *c.AllowHostDirVolumePlugin},
		"hostNetwork": {spec.HostNetwork, *c.AllowHostNetwork}, "hostPID": {spec.HostPID, *c.AllowHostPID}, "hostIPC": {spec.HostIPC, *c.AllowHostIPC},
		"ports of the node": {spec.HostNetwork && ports, *c.AllowHostPorts},
	} {
		if both[0] != both[1] {
			t.Errorf("%s: %s: the pod has them: %v, allowed: %v", name, what, both[0], both[1])
		}
	}
	if c.RunAsUser.Type == "MustRunAs" && (*c.RunAsUser.UID != *spec.SecurityContext.RunAsUser || c.FSGroup.Ranges[0].Min != *spec.SecurityContext.FSGroup) {
		t.Errorf("%s is user %d of group %d, allowed %+v and %+v", name, *spec.SecurityContext.RunAsUser, *spec.SecurityContext.FSGroup, c.RunAsUser, c.FSGroup)
	}
}

// The quota has the priority classes of the pods, even if the values change them.
func TestQuotaHasThePriorityClasses(t *testing.T) {
	list := objects(t, groupsRendering().render(t))
	quota := only(t, list, "ResourceQuota", "glusterfs-csi-priority")
	same(t, quota, "50", "spec", "hard", "pods")
	values := dig(t, quota.Object, "spec", "scopeSelector", "matchExpressions").([]any)[0].(map[string]any)["values"].([]any)
	for _, object := range list {
		if template := podTemplate(object); template != nil && !slices.Contains(values, dig(t, template, "spec", "priorityClassName")) {
			t.Errorf("the quota does not allow the priority of %s: %v", object.GetName(), values)
		}
	}
}

// TestDNSPorts: the DNS servers of OpenShift listen on another port.
func TestDNSPorts(t *testing.T) {
	said, err := template(t, backend+"networkPolicy: {enabled: true, dns: {ports: [53, 5353]}}")
	if err != nil {
		t.Fatal(said)
	}
	dns := networkPolicy(t, objects(t, said), "glusterfs-csi-controller").Spec.Egress[0].Ports
	ports := make([]string, 0, len(dns))
	for _, port := range dns {
		ports = append(ports, string(*port.Protocol)+" "+port.Port.String())
	}
	if want := []string{"UDP 53", "TCP 53", "UDP 5353", "TCP 5353"}; !slices.Equal(ports, want) {
		t.Errorf("the controller may reach %q of the DNS servers, want %q", ports, want)
	}
}
