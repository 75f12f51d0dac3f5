package migrate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
)

// Command is a subcommand of migrate.
type Command string

// The subcommands.
const (
	CommandPlan     Command = "plan"
	CommandApply    Command = "apply"
	CommandRollback Command = "rollback"
	CommandStatus   Command = "status"
)

// permission lists the verbs that a command needs on one resource or, with a name, on one object of it.
type permission struct {
	group, resource string
	verbs           []string
	name            string
}

// permissions returns the least permissions that a command needs. No command needs Secrets.
func permissions(c Command, scale bool) []permission {
	// Commands with a plan check that the plan was made for this cluster.
	identity := permission{resource: "namespaces", name: kubeSystem, verbs: []string{"get"}}
	status := []permission{
		identity,
		{resource: "persistentvolumes", verbs: []string{"list"}},
		{resource: "persistentvolumeclaims", verbs: []string{"list"}},
	}
	plan := []permission{
		identity,
		{resource: "persistentvolumes", verbs: []string{"list"}},
		{resource: "persistentvolumeclaims", verbs: []string{"list"}},
		{resource: "endpoints", verbs: []string{"list"}},
		{resource: "services", verbs: []string{"list"}},
		{resource: "pods", verbs: []string{"list"}},
		{group: "storage.k8s.io", resource: "storageclasses", verbs: []string{"list"}},
	}
	volumes := permission{resource: "persistentvolumes", verbs: []string{"get", "create", "patch", "delete"}}
	if c == CommandApply {
		volumes.verbs = append(volumes.verbs, "list") // for --remove-endpoints, which also needs the Endpoints and Services below
	}
	replace := []permission{
		identity,
		volumes,
		{resource: "persistentvolumeclaims", verbs: []string{"get", "patch"}},
		{resource: "pods", verbs: []string{"list"}},
		{group: "storage.k8s.io", resource: "storageclasses", verbs: []string{"get", "create", "delete"}},
	}
	if scale {
		for _, of := range []kube.Resource{deploymentsResource(), replicaSetsResource(), statefulSetsResource()} {
			replace = append(replace, permission{group: of.Group, resource: of.Name, verbs: []string{"get", "list", "patch"}})
		}
	}
	switch c {
	case CommandApply:
		return append(replace, permission{resource: "endpoints", verbs: []string{"delete"}}, permission{resource: "services", verbs: []string{"delete"}})
	case CommandRollback:
		return append(replace, permission{resource: "endpoints", verbs: []string{"get", "create"}}, permission{resource: "services", verbs: []string{"get", "create"}})
	case CommandStatus:
		return status
	case CommandPlan:
	}
	return plan
}

// ClusterRole returns the manifest of a role with the least permissions that a command needs. If scale is set, the role includes
// the permissions for --scale-down.
func ClusterRole(c Command, scale bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: glusterfs-csi-migrate-%s\nrules:\n", c)
	for _, p := range permissions(c, scale) {
		verbs := slices.Sorted(slices.Values(p.verbs))
		fmt.Fprintf(&b, "- apiGroups: [%q]\n  resources: [%s]\n  verbs: [%s]\n", p.group, p.resource, strings.Join(verbs, ", "))
		if p.name != "" {
			fmt.Fprintf(&b, "  resourceNames: [%s]\n", p.name)
		}
	}
	return b.String()
}
