package migrate

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// withClass returns a cluster with a class and the objects that the in-tree plugin made for a claim, and a plan for it.
func withClass(t *testing.T) (*fakeAPI, Applier) {
	t.Helper()
	s := testSources(t, dynamicPV)
	s.Objects.Classes = []unstructured.Unstructured{object(t, inTreeClass)}
	for i := range s.Objects.Endpoints {
		s.Objects.Endpoints[i].SetLabels(map[string]string{labelProvisionedFor: "data"})
		s.Objects.Endpoints[i].SetUID("uid-e")
	}
	s.Objects.Services = []unstructured.Unstructured{object(t, `
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: glusterfs-dynamic-uid-claim, uid: uid-s, labels: {gluster.kubernetes.io/provisioned-for-pvc: data}}
spec: {clusterIP: 10.96.0.9, ports: [{port: 1}]}
`)}
	s.Backends = backends(t, "http://10.0.0.9:8080")
	plan, err := NewPlan(s, Choices{Driver: testDriver})
	if err != nil {
		t.Fatal(err)
	}
	return newFakeAPI(s), Applier{Plan: plan, Inventories: fixed(s.Inventories), Wait: testWait, Poll: testPoll}
}

func TestApplyClasses(t *testing.T) {
	key := objectKey(classesResource(), "", "gluster")
	provisioner := func(api *fakeAPI) string {
		found, _, _ := unstructured.NestedString(api.objects[key].Object, "provisioner")
		return found
	}
	for at := range 7 {
		for _, after := range []bool{false, true} {
			api, a := withClass(t)
			journal := filepath.Join(t.TempDir(), "journal")
			apply := func(do func(*Applier) error) string {
				var results []Result
				a.API, a.Report = api, func(r Result) { results = append(results, r) }
				a.Journal = openJournal(t, journal)
				defer func() { _ = a.Journal.Close() }()
				if err := do(&a); err != nil && !errors.Is(err, errKilled) {
					t.Fatal(err)
				}
				return outcomes(results)
			}
			forward := func(a *Applier) error { return a.ApplyClasses(t.Context()) }
			api.killAt, api.after = at, after
			apply(forward)
			api.killAt = 0
			if got := apply(forward); !strings.HasSuffix(got, "migrated") && !strings.HasSuffix(got, "unchanged") || provisioner(api) != testDriver {
				t.Errorf("killed at %d, after %t: %s, %s", at, after, got, provisioner(api))
			}
			if got := apply(func(a *Applier) error { return a.RollBackClasses(t.Context()) }); got != "StorageClass gluster rolled back" || provisioner(api) != inTree {
				t.Errorf("killed at %d, after %t: %s, %s", at, after, got, provisioner(api))
			}
			delete(api.objects, key)
			if got := apply(forward); !strings.Contains(got, "refused: it differs from the plan: it does not exist any more") {
				t.Errorf("deleted outside of the migration: %s", got)
			}
		}
	}
}
