package migrate

import (
	"strings"
	"testing"
)

func TestPlannedEndpoints(t *testing.T) {
	s := testSources(t, dynamicPV)
	labels := "metadata: {labels: {gluster.kubernetes.io/provisioned-for-pvc: data}, namespace: shop, "
	for _, text := range []string{
		"{kind: Endpoints, " + labels + "name: glusterfs-dynamic-uid-claim}}",
		"{kind: Endpoints, " + labels + "name: glusterfs-dynamic-long-gone}}",
	} {
		s.Objects.Endpoints = append(s.Objects.Endpoints, object(t, text))
	}
	for _, text := range []string{
		"{kind: Service, " + labels + "name: glusterfs-dynamic-uid-claim}}",
		"{kind: Service, " + labels + "name: glusterfs-dynamic-web}, spec: {selector: {app: web}}}",
		"{kind: Service, metadata: {namespace: shop, name: glusterfs-cluster}}",
	} {
		s.Objects.Services = append(s.Objects.Services, object(t, text))
	}
	plan, err := NewPlan(s, Choices{Driver: testDriver})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, 0, len(plan.Endpoints))
	for _, e := range plan.Endpoints {
		kinds := make([]string, 0, len(e.Backup))
		for _, b := range e.Backup {
			kinds = append(kinds, b["kind"].(string))
		}
		got = append(got, e.Name+": "+strings.Join(kinds, " ")+" of "+strings.Join(e.Volumes, " "))
	}
	const want = "shop/glusterfs-dynamic-long-gone: Endpoints of \nshop/glusterfs-dynamic-uid-claim: Endpoints Service of pvc-a"
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

// TestFSGroupsOfPods: the plan warns of pods whose fsGroup the kubelet would give to all files of a volume.
func TestFSGroupsOfPods(t *testing.T) {
	s := testSources(t, dynamicPV)
	for _, text := range []string{
		`{metadata: {namespace: shop, name: web-2}, spec: {securityContext: {fsGroup: 1001}, volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]}}`,
		`{metadata: {namespace: shop, name: web-1}, spec: {securityContext: {fsGroup: 0}, volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]}}`,
		`{metadata: {namespace: shop, name: none}, spec: {securityContext: {runAsUser: 1001}, volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]}}`,
		`{metadata: {namespace: shop, name: other}, spec: {securityContext: {fsGroup: 1002}, volumes: [{name: v, persistentVolumeClaim: {claimName: other}}]}}`,
	} {
		s.Objects.Pods = append(s.Objects.Pods, object(t, text))
	}
	v := planOf(t, s, Choices{})
	if got := strings.Join(v.Warnings, "\n"); v.Action != Migrate || len(v.Warnings) != 1 || !strings.Contains(got, "ignored (shop/web-1: 0, shop/web-2: 1001): unless") {
		t.Errorf("%s, warnings %q", v.Action, got)
	}
}

// TestPods: the plan names the pods that use a claim, and those that use a volume without one.
func TestPods(t *testing.T) {
	s := testSources(t, dynamicPV)
	for _, text := range []string{
		`{metadata: {namespace: shop, name: web-1, ownerReferences: [{kind: ReplicaSet, name: web, controller: true}]}, spec: {volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]}}`,
		`{metadata: {namespace: shop, name: done}, spec: {volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]}, status: {phase: Succeeded}}`,
		`{metadata: {namespace: lab, name: old}, spec: {volumes: [{name: v, glusterfs: {endpoints: e, path: data}}]}}`,
	} {
		s.Objects.Pods = append(s.Objects.Pods, object(t, text))
	}
	plan, err := NewPlan(s, Choices{Driver: testDriver})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(plan.Volumes[0].Pods, ", "); got != "shop/web-1 (ReplicaSet web)" {
		t.Errorf("pods %q", got)
	}
	if got := strings.Join(plan.Notes, "\n"); !strings.Contains(got, "Pod lab/old uses gluster volume data without a PersistentVolume") {
		t.Errorf("notes %q", got)
	}
}
