package chart

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The lists in this test are all the permissions that the chart's own accounts may have, with any values.
func TestStorageAccountsAreNarrow(t *testing.T) {
	allowed := map[string][]string{
		"Role heketi": {
			"pods get,list", "pods/exec get,create", "secrets[heketi-db-backup] get,patch",
		},
		"Role storage-setup": {
			"persistentvolumeclaims create", "persistentvolumeclaims[heketi-db] get",
			"pods get,list", "pods/exec get,create", "secrets[heketi-db-backup] get,patch",
		},
		"Role storage-teardown": {
			"persistentvolumeclaims[heketi-db] get,delete", "pods get,list", "pods/exec get,create",
			"secrets[heketi-db-backup] get,patch", "statefulsets/scale[heketi] get,patch",
		},
		"ClusterRole glusterfs-storage-storage-setup":    {"nodes list"},
		"ClusterRole glusterfs-storage-storage-teardown": {"nodes list"},
	}
	for _, r := range storageRenderings() {
		got := map[string][]string{}
		for _, object := range objects(t, r.render(t)) {
			if kind := object.GetKind(); kind == "ClusterRole" || kind == "Role" {
				name := kind + " " + object.GetName()
				got[name] = rules(t, object)
			}
		}
		want := map[string][]string{}
		maps.Copy(want, allowed)
		if slots := map[string]int{"minimal": 7, "everything": 2, "topology": 7}[r.name]; slots > 0 {
			names := make([]string, 0, slots)
			for i := range slots {
				names = append(names, fmt.Sprintf("heketi-db-backup-%d", i))
			}
			want["Role heketi-backup"] = []string{"secrets[" + strings.Join(names, ",") + "] get,patch"}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: allowed (-), granted (+):\n%s", r.name, diff)
		}
	}
}

// rules returns a line for each resource of a role: resource, names, verbs.
func rules(t *testing.T, role *unstructured.Unstructured) []string {
	t.Helper()
	var lines []string
	for _, item := range dig(t, role.Object, "rules").([]any) {
		rule := item.(map[string]any)
		names, _, _ := unstructured.NestedStringSlice(rule, "resourceNames")
		verbs, _, _ := unstructured.NestedStringSlice(rule, "verbs")
		for _, resource := range dig(t, rule, "resources").([]any) {
			line := resource.(string)
			if len(names) > 0 {
				line += "[" + strings.Join(names, ",") + "]"
			}
			lines = append(lines, line+" "+strings.Join(verbs, ","))
		}
	}
	slices.Sort(lines)
	return lines
}

// Each account is bound to its own role, and each pod runs as an account of the chart.
func TestStorageAccountsAreBoundToTheirRoles(t *testing.T) {
	for _, r := range storageRenderings() {
		list := objects(t, r.render(t))
		for _, object := range list {
			if !strings.HasSuffix(object.GetKind(), "RoleBinding") {
				continue
			}
			account := strings.TrimPrefix(object.GetName(), "glusterfs-storage-")
			same(t, object, []any{map[string]any{"kind": "ServiceAccount", "name": account, "namespace": "glusterfs-storage"}}, "subjects")
			same(t, object, object.GetName(), "roleRef", "name")
			only(t, list, "ServiceAccount", account)
			only(t, list, strings.TrimSuffix(object.GetKind(), "Binding"), object.GetName())
		}
		for _, c := range containers(t, r) {
			only(t, list, "ServiceAccount", c.pod["serviceAccountName"].(string))
		}
	}
}
