package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
)

// theft is one request that a thief makes with the token of one of the driver's accounts. The API server checks the request
// completely, but changes nothing.
type theft struct {
	name   string
	verb   []string // of kubectl, with its arguments
	object string   // given to it as a manifest, or as a merge patch
	passes bool     // the driver itself does so
}

// TestAttackWithTheControllersToken: RBAC allows the controller all PersistentVolumes and the status of all claims; the policies
// restrict it to the driver's own.
func TestAttackWithTheControllersToken(t *testing.T) {
	theDriver(t)
	s := newSpace(t, "stolen")
	s.apply(claim("data", "", "ReadWriteMany", "1Gi"))
	pv := s.bound("data").Metadata.Name
	uid := s.kubectl("get", "pvc", "data", "-o", "jsonpath={.metadata.uid}")
	create := func(annotations, source string) string {
		return fmt.Sprintf(`{apiVersion: v1, kind: PersistentVolume, metadata: {name: stolen, annotations: {pv.kubernetes.io/provisioned-by: %s%s}},
			spec: {accessModes: [ReadWriteMany], capacity: {storage: 1Gi}, storageClassName: x, claimRef: {namespace: stolen, name: data, uid: %s}, %s}}`,
			driver.Name, annotations, uid, source)
	}
	up(t, `{apiVersion: v1, kind: PersistentVolume, metadata: {name: foreign, finalizers: [example.org/keep]}, spec: {accessModes: [ReadWriteMany], capacity: {storage: 1Gi}, storageClassName: none, hostPath: {path: /tmp/foreign}}}`, "")
	t.Cleanup(func() {
		_, err := cluster.Kubectl(context.Background(), "patch", "pv", "foreign", "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
		ok(t, err)
	})
	mayLook(t, driver.Controller)
	s.apply(`{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: foreign, annotations: {volume.kubernetes.io/storage-provisioner: other.example.org}}, spec: {accessModes: [ReadWriteOnce], storageClassName: none, resources: {requests: {storage: 1Gi}}}}`)
	const id = "0123456789abcdef0123456789abcdef"
	volumes := []string{"patch", "pv", pv}
	for _, c := range []theft{
		{"a path of the node", []string{"create"}, create("", "hostPath: {path: /}"), false},
		{"a volume of another driver", []string{"create"}, create("", "csi: {driver: other.example.org, volumeHandle: production/"+id+"}"), false},
		{"a volume that was taken over", []string{"create"}, create("", "csi: {driver: "+driver.Name+", volumeHandle: production/"+id+"/adopted}"), false},
		{"a volume on a server of the thief", []string{"create"}, create("", "csi: {driver: "+driver.Name+", volumeHandle: x, volumeAttributes: {servers: 192.0.2.1, volume: x}}"), false},
		{"root's group", []string{"create"}, create(`, pv.beta.kubernetes.io/gid: "0"`, "csi: {driver: "+driver.Name+", volumeHandle: production/"+id+", volumeAttributes: {gid: '0'}}"), false},
		{"a Secret of the cluster", []string{"create"}, create("", "csi: {driver: "+driver.Name+", volumeHandle: production/"+id+", nodePublishSecretRef: {namespace: kube-system, name: s}}"), false},
		{"a new volume", []string{"create"}, create("", "csi: {driver: "+driver.Name+", volumeHandle: production/"+id+"}"), true},
		{"another claim", volumes, `{"spec":{"claimRef":{"namespace":"default","name":"mine","uid":"x"}}}`, false},
		{"another reclaim policy", volumes, `{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}`, false},
		{"mount options", volumes, `{"spec":{"mountOptions":["suid"]}}`, false},
		{"an owner that is gone", volumes, `{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"gone","uid":"x"}]}}`, false},
		{"another group", volumes, `{"metadata":{"annotations":{"pv.beta.kubernetes.io/gid":"0"}}}`, false},
		{"no protection", volumes, `{"metadata":{"finalizers":null}}`, false},
		{"a larger volume", volumes, `{"spec":{"capacity":{"storage":"2Gi"}}}`, true},
		{"the end of a bound volume", []string{"delete", "pv", pv, "--wait=false"}, "", false},
		{"the end of another driver's volume", []string{"delete", "pv", "foreign", "--wait=false"}, "", false},
		{"the finalizer of another driver", []string{"patch", "pv", "foreign"}, `{"metadata":{"finalizers":null}}`, false},
		{"an owner of a claim that is gone", []string{"patch", "pvc", "data", "--subresource=status"}, `{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"gone","uid":"x"}]}}`, false},
		{"no protection of a claim", []string{"patch", "pvc", "data", "--subresource=status"}, `{"metadata":{"finalizers":null}}`, false},
		{"the phase of a claim", []string{"patch", "pvc", "data", "--subresource=status"}, `{"status":{"phase":"Lost"}}`, false},
		{"the status of another driver's claim", []string{"patch", "pvc", "foreign", "--subresource=status"}, `{"status":{"conditions":[{"type":"x","status":"True"}]}}`, false},
		{"a larger claim", []string{"patch", "pvc", "data", "--subresource=status"}, `{"status":{"capacity":{"storage":"2Gi"}}}`, true},
	} {
		s.steals(c, driver.Controller)
	}
	wellTyped(t, "own-volumes", "own-claims")
}

// TestAttackWithTheNodePluginsToken: RBAC allows the node plugin all nodes and all events; the policies restrict it to its own
// taint on its own node, and to its own events.
func TestAttackWithTheNodePluginsToken(t *testing.T) {
	theDriver(t)
	s := newSpace(t, "stolen-node")
	kubectl(t, "taint", "node", "node1", driver.NotReadyTaint+"=:PreferNoSchedule", "example.org/mine=:PreferNoSchedule")
	t.Cleanup(func() {
		_, err := cluster.Kubectl(context.Background(), "taint", "node", "node1", "example.org/mine-")
		ok(t, err)
	})
	mayLook(t, driver.Node)
	const mine, more = `{"key":"example.org/mine","effect":"PreferNoSchedule"}`, `{"key":"x","effect":"NoExecute"}`
	on := "--as-user-extra=authentication.kubernetes.io/node-name=node1"
	own := []string{"patch", "node", "node1", on}
	for _, c := range []theft{
		{"its own taint", own, `{"spec":{"taints":[` + mine + `]}}`, true},
		{"all taints", own, `{"spec":{"taints":null}}`, false},
		{"a new taint", own, `{"spec":{"taints":[` + mine + `,` + more + `]}}`, false},
		{"a node that takes no pods", own, `{"spec":{"unschedulable":true}}`, false},
		{"a label", own, `{"metadata":{"labels":{"a":"b"}}}`, false},
		{"another node", []string{"patch", "node", "node2", on}, `{"spec":{"taints":[` + more + `]}}`, false},
		{"a token of no node", []string{"patch", "node", "node1"}, `{"spec":{"taints":[` + mine + `]}}`, false},
		{"its own event", []string{"create", on}, stolenEvent(driver.Name, "node1", "MountHealed", "Pod"), true},
		{"an event of the kubelet", []string{"create", on}, stolenEvent("kubelet", "node1", "MountHealed", "Pod"), false},
		{"an event of another node", []string{"create", on}, stolenEvent(driver.Name, "node2", "MountHealed", "Pod"), false},
		{"an event with another reason", []string{"create", on}, stolenEvent(driver.Name, "node1", "Killing", "Pod"), false},
		{"an event about a claim", []string{"create", on}, stolenEvent(driver.Name, "node1", "MountHealed", "PersistentVolumeClaim"), false},
	} {
		s.steals(c, driver.Node)
	}
	wellTyped(t, "own-node", "own-events")
}

func stolenEvent(component, node, reason, kind string) string {
	return fmt.Sprintf(`{apiVersion: v1, kind: Event, metadata: {name: stolen, namespace: stolen-node}, type: Normal, reason: %[3]s, message: x,
		involvedObject: {apiVersion: v1, kind: %[4]s, namespace: stolen-node, name: web}, source: {component: %[1]s, host: %[2]s},
		reportingComponent: %[1]s, reportingInstance: %[2]s}`, component, node, reason, kind)
}

// mayLook lets an account of the driver get the objects that it may change but not read, because "kubectl patch" reads an object
// before it sends a patch.
func mayLook(t *testing.T, account string) {
	t.Helper()
	up(t, fmt.Sprintf(`{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: looks-%[1]s},
  rules: [{apiGroups: [""], resources: [persistentvolumes, persistentvolumeclaims, persistentvolumeclaims/status, nodes], verbs: [get]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: looks-%[1]s},
  roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: looks-%[1]s},
  subjects: [{kind: ServiceAccount, name: %[1]s, namespace: %[2]s}]}`, account, driver.Namespace), "")
}

// steals makes the request as an account of the driver.
func (s *space) steals(c theft, account string) {
	s.Helper()
	args := append(append([]string{"--namespace=" + s.namespace}, c.verb...), "--dry-run=server", "--as=system:serviceaccount:"+driver.Namespace+":"+account)
	switch c.verb[0] {
	case "create":
		args = append(args, "-f", "-")
	case "patch":
		args = append(args, "--type=merge", "-p", c.object)
	}
	cmd := cluster.Command(s.Context(), "kubectl", args...)
	cmd.Stdin = strings.NewReader(c.object)
	out, err := cmd.CombinedOutput()
	switch {
	case c.passes && err != nil:
		s.Errorf("%s: %v\n%s", c.name, err, out)
	case !c.passes && (err == nil || !strings.Contains(string(out), "ValidatingAdmissionPolicy")):
		s.Errorf("%s: %v, want a refusal by a policy\n%s", c.name, err, out)
	}
}

// wellTyped checks that the API server knows all fields that the policies name.
func wellTyped(t *testing.T, policies ...string) {
	t.Helper()
	for _, name := range policies {
		found := kubectl(t, "get", "validatingadmissionpolicy", name+"."+driver.Name, "-o", "jsonpath={.status.typeChecking.expressionWarnings}")
		if found != "" {
			t.Errorf("%s: %s", name, found)
		}
	}
}
