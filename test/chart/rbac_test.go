package chart

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The README says why each account has each verb. It must name exactly the verbs that the chart grants.
func TestReadmeExplainsEveryVerb(t *testing.T) {
	t.Run("glusterfs-csi", func(t *testing.T) {
		checkVerbs(t, renderings(), chartDir, func(role string) string {
			account, _, _ := strings.Cut(strings.TrimPrefix(role, "glusterfs-csi-"), "-")
			return account
		})
	})
	t.Run("glusterfs-storage", func(t *testing.T) {
		checkVerbs(t, storageRenderings(), storageDir, func(role string) string { return strings.TrimPrefix(role, "glusterfs-storage-") })
	})
}

// checkVerbs compares the roles of the renderings with the README's table. accountOf returns the account to which a role of this
// name is bound.
func checkVerbs(t *testing.T, list []rendering, chart string, accountOf func(role string) string) {
	t.Helper()
	granted := map[string]bool{}
	for _, r := range list {
		for _, object := range objects(t, r.render(t)) {
			if kind := object.GetKind(); kind != "ClusterRole" && kind != "Role" {
				continue
			}
			for _, rule := range dig(t, object.Object, "rules").([]any) {
				for _, grant := range grants(rule.(map[string]any)) {
					granted[accountOf(object.GetName())+" "+grant] = true
				}
			}
		}
	}
	explained := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| ([a-z-]+) \\| `([^`]+)`[^|]*\\| ([a-z, ]+) \\|").FindAllStringSubmatch(read(t, chart+"/README.md"), -1) {
		for verb := range strings.SplitSeq(row[3], ", ") {
			explained[row[1]+" "+row[2]+" "+verb] = true
		}
	}
	if diff := cmp.Diff(sorted(granted), sorted(explained)); diff != "" {
		t.Errorf("granted by the chart (-), explained by its README (+):\n%s", diff)
	}
}

func grants(rule map[string]any) []string {
	resources, _, _ := unstructured.NestedStringSlice(rule, "resources")
	verbs, _, _ := unstructured.NestedStringSlice(rule, "verbs")
	list := make([]string, 0, len(resources)*len(verbs))
	for _, resource := range resources {
		for _, verb := range verbs {
			list = append(list, fmt.Sprintf("%s %s", resource, verb))
		}
	}
	return list
}

func sorted(set map[string]bool) []string {
	list := make([]string, 0, len(set))
	for item := range set {
		list = append(list, item)
	}
	slices.Sort(list)
	return list
}

// No account has wider permissions than these, with any values and without an admission policy.
func TestAccountsAreNarrow(t *testing.T) {
	all := func(rule map[string]any, field string, allowed ...string) bool {
		list, _, _ := unstructured.NestedStringSlice(rule, field)
		return !slices.ContainsFunc(list, func(item string) bool { return !slices.Contains(allowed, item) })
	}
	for _, r := range renderings() {
		for _, object := range objects(t, r.render(t)) {
			if kind := object.GetKind(); kind != "ClusterRole" && kind != "Role" {
				continue
			}
			for _, item := range dig(t, object.Object, "rules").([]any) {
				rule := item.(map[string]any)
				names, _, _ := unstructured.NestedStringSlice(rule, "resourceNames")
				for _, resource := range rule["resources"].([]any) {
					narrow := true
					switch resource {
					case "secrets", "pods":
						narrow = all(rule, "verbs", "get") && len(names) > 0 && object.GetKind() == "Role"
					case "persistentvolumeclaims", "storageclasses", "volumeattributesclasses":
						narrow = all(rule, "verbs", "get", "list", "watch")
					case "nodes":
						narrow = all(rule, "verbs", "get", "patch") && object.GetName() == "glusterfs-csi-node"
					case "*":
						narrow = false
					}
					if !narrow || !all(rule, "verbs", "get", "list", "watch", "create", "patch", "update", "delete") {
						t.Errorf("%s: %s %s grants %v on %v", r.name, object.GetKind(), object.GetName(), rule["verbs"], resource)
					}
				}
			}
		}
	}
}

// Accounts that do not use the API get no token.
func TestTokensAreOnlyWhereNeeded(t *testing.T) {
	for _, r := range renderings() {
		list := objects(t, r.render(t))
		roles := slices.ContainsFunc(list, func(o *unstructured.Unstructured) bool {
			return o.GetKind() == "ClusterRole" && o.GetName() == "glusterfs-csi-node"
		})
		same(t, only(t, list, "DaemonSet", "glusterfs-csi-node"), roles, "spec", "template", "spec", "automountServiceAccountToken")
	}
}

// TestSecretsOfOneNamespace: several entries of one namespace make one Role, with all names.
func TestSecretsOfOneNamespace(t *testing.T) {
	said, err := template(t, backend+"classSecrets: [{namespace: team-a, names: [one]}, {namespace: team-b, names: [three]}, {namespace: team-a, names: [two, one]}]")
	if err != nil {
		t.Fatal(said)
	}
	found := map[string][]string{}
	for _, object := range objects(t, said) {
		key := object.GetKind() + " " + object.GetNamespace() + "/" + object.GetName()
		if _, twice := found[key]; twice {
			t.Errorf("%s is there twice", key)
		}
		found[key] = nil
		rules, _ := object.Object["rules"].([]any)
		for _, rule := range rules {
			names, _ := rule.(map[string]any)["resourceNames"].([]any)
			for _, name := range names {
				found[key] = append(found[key], name.(string))
			}
		}
	}
	if got := found["Role team-a/glusterfs-csi-controller-secrets"]; !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("the controller may read %q of team-a", got)
	}
}
