package migrate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
)

// Command is a subcommand of migrate.
type Command string

// The commands.
const (
	CommandPlan     Command = "plan"
	CommandApply    Command = "apply"
	CommandRollback Command = "rollback"
	CommandStatus   Command = "status"
)

// permission lists the verbs that a command needs on one resource.
type permission struct {
	group, resource string
	verbs           []string
}

// permissions returns the least that a command needs. None needs Secrets.
func permissions(c Command, scale bool) []permission {
	status := []permission{
		{"", "persistentvolumes", []string{"list"}},
		{"", "persistentvolumeclaims", []string{"list"}},
	}
	plan := []permission{
		{"", "persistentvolumes", []string{"list"}},
		{"", "persistentvolumeclaims", []string{"list"}},
		{"", "endpoints", []string{"list"}},
		{"", "services", []string{"list"}},
		{"", "pods", []string{"list"}},
		{"storage.k8s.io", "storageclasses", []string{"list"}},
	}
	replace := []permission{
		{"", "persistentvolumes", []string{"get", "create", "patch", "delete"}},
		{"", "persistentvolumeclaims", []string{"get", "patch"}},
		{"", "pods", []string{"list"}},
		{"storage.k8s.io", "storageclasses", []string{"get", "create", "delete"}},
	}
	if scale {
		for _, of := range []kube.Resource{deploymentsResource(), replicaSetsResource(), statefulSetsResource()} {
			replace = append(replace, permission{of.Group, of.Name, []string{"get", "list", "patch"}})
		}
	}
	switch c {
	case CommandApply: // what is added is for --remove-endpoints
		replace[0].verbs = append(replace[0].verbs, "list")
		return append(replace, permission{"", "endpoints", []string{"delete"}}, permission{"", "services", []string{"delete"}})
	case CommandRollback:
		return append(replace, permission{"", "endpoints", []string{"create"}}, permission{"", "services", []string{"create"}})
	case CommandStatus:
		return status
	case CommandPlan:
	}
	return plan
}

// ClusterRole returns the manifest of a role with the least that a command needs, scale with --scale-down.
func ClusterRole(c Command, scale bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: glusterfs-csi-migrate-%s\nrules:\n", c)
	for _, p := range permissions(c, scale) {
		verbs := slices.Sorted(slices.Values(p.verbs))
		fmt.Fprintf(&b, "- apiGroups: [%q]\n  resources: [%s]\n  verbs: [%s]\n", p.group, p.resource, strings.Join(verbs, ", "))
	}
	return b.String()
}
