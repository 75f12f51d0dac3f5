package migrate

import (
	"bytes"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// oldKubernetes holds objects that Kubernetes 1.25 and its in-tree plugin wrote; see its README.md.
var oldKubernetes = filepath.Join("testdata", "kubernetes-1.25")

// oldHeketiURL is the resturl of the StorageClasses among these objects.
const oldHeketiURL = "http://10.43.42.186:8080"

// oldSources returns the objects of Kubernetes 1.25, with a Heketi at url that serves the records of their volumes.
func oldSources(t *testing.T) (s Sources, url string) {
	t.Helper()
	dump := readTestFile(t, filepath.Join(oldKubernetes, "heketi-dump.json"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/db/dump" {
			t.Errorf("Heketi is asked for %s", r.URL)
		}
		_, _ = w.Write(dump)
	}))
	t.Cleanup(server.Close)
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("lab-admin-key"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := heketi.Config{Backends: []heketi.BackendConfig{{Name: "main", URL: server.URL, User: "admin", KeyFile: key}}}
	backends, err := heketi.NewBackends(config, heketi.DefaultTiming())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backends.Close)
	s = Sources{Backends: backends, Inventories: ReadInventories(t.Context(), backends.All())}
	if s.Inventories[0].Err != nil {
		t.Fatal(s.Inventories[0].Err)
	}
	s.Objects = Objects{
		Cluster: "uid-cluster",
		Volumes: oldObjects(t, "persistentvolumes", server.URL), Claims: oldObjects(t, "persistentvolumeclaims", server.URL),
		Classes: oldObjects(t, "storageclasses", server.URL), Endpoints: oldObjects(t, "endpoints", server.URL),
		Services: oldObjects(t, "services", server.URL), Pods: oldObjects(t, "pods", server.URL),
	}
	return s, server.URL
}

func oldObjects(t *testing.T, resource, url string) []unstructured.Unstructured {
	t.Helper()
	content := readTestFile(t, filepath.Join(oldKubernetes, resource+".yaml"))
	var list struct {
		Items []map[string]any `json:"items"`
	}
	if err := yaml.Unmarshal(bytes.ReplaceAll(content, []byte(oldHeketiURL), []byte(url)), &list); err != nil {
		t.Fatal(err)
	}
	objects := make([]unstructured.Unstructured, 0, len(list.Items))
	for _, item := range list.Items {
		objects = append(objects, unstructured.Unstructured{Object: item})
	}
	return objects
}

func readTestFile(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// afterUpgrade changes the objects as an upgrade to Kubernetes 1.36 does: provisioned PersistentVolumes with the policy Delete
// get a finalizer. It never removes one.
func afterUpgrade(s Sources) {
	for i, object := range s.Objects.Volumes {
		if object.GetAnnotations()[annotationProvisionedBy] == inTree && s.Objects.Volumes[i].Object["spec"].(map[string]any)["persistentVolumeReclaimPolicy"] == policyDelete {
			object.SetFinalizers(append([]string{"kubernetes.io/pv-controller"}, object.GetFinalizers()...))
		}
	}
}

// TestPlanOfOldKubernetes compares the plan for the objects of Kubernetes 1.25 with the golden one, before and after an upgrade
// of Kubernetes. The golden plan has no backups, which would repeat the objects.
func TestPlanOfOldKubernetes(t *testing.T) {
	golden := filepath.Join(oldKubernetes, "plan.yaml")
	for _, name := range []string{"1.25", "1.36"} {
		t.Run(name, func(t *testing.T) {
			s, url := oldSources(t)
			if name == "1.36" {
				afterUpgrade(s)
			}
			plan := newPlan(t, s)
			got := encodeWithoutBackups(t, plan)
			got = bytes.ReplaceAll(got, []byte(url), []byte(oldHeketiURL))
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(strings.Split(string(readTestFile(t, golden)), "\n"), strings.Split(string(got), "\n")); diff != "" {
				t.Errorf("the plan differs from %s; go test ./pkg/migrate -run OldKubernetes -update writes it:\n%s", golden, diff)
			}
		})
	}
}

func newPlan(t *testing.T, s Sources) Plan {
	t.Helper()
	plan, err := NewPlan(s, Choices{Driver: testDriver})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// encodeWithoutBackups also leaves out the plan's ID, which is a digest of the whole plan.
func encodeWithoutBackups(t *testing.T, plan Plan) []byte {
	t.Helper()
	plan.ID = ""
	plan.Volumes, plan.Classes, plan.Endpoints = slices.Clone(plan.Volumes), slices.Clone(plan.Classes), slices.Clone(plan.Endpoints)
	for i := range plan.Volumes {
		plan.Volumes[i].Backup = nil
	}
	for i := range plan.Classes {
		plan.Classes[i].Backup = nil
	}
	for i := range plan.Endpoints {
		plan.Endpoints[i].Backup = nil
	}
	content, err := plan.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestOldKubernetesThereAndBack applies the plan and rolls it back: claims stay bound, and the objects that Kubernetes 1.25 wrote
// are restored, apart from the fields that the API server sets.
func TestOldKubernetesThereAndBack(t *testing.T) {
	s, _ := oldSources(t)
	afterUpgrade(s)
	plan := newPlan(t, s)
	api, dir := newFakeAPI(s), t.TempDir()
	a := Applier{Plan: plan, Inventories: fixed(s.Inventories), Wait: testWait, Poll: testPoll}
	for _, back := range []bool{false, true} {
		for _, r := range run(t, api, a, dir, back, Selection{}) {
			if r.Err != nil && r.Name != "scratch" {
				t.Errorf("back: %t: %s %s: %v", back, r.Name, r.Outcome, r.Err)
			}
		}
		if len(api.deleted) > 0 {
			t.Fatalf("volumes were deleted: %v", api.deleted)
		}
		for _, c := range s.Objects.Claims {
			if volume, _, _ := unstructured.NestedString(c.Object, "spec", "volumeName"); volume == "" {
				continue // the plugin made none for this claim
			}
			was, _, _ := unstructured.NestedString(c.Object, "status", "phase")
			is, _, _ := unstructured.NestedString(api.objects[objectKey(claimsResource(), c.GetNamespace(), c.GetName())].Object, "status", "phase")
			if is != was {
				t.Errorf("back: %t: claim %s was %s and is %s", back, c.GetName(), was, is)
			}
		}
	}
	for _, pv := range s.Objects.Volumes {
		was, is := lasting(t, pv), lasting(t, *api.objects[objectKey(volumesResource(), "", pv.GetName())])
		if was != is {
			t.Errorf("%s was\n%s\nand is\n%s", pv.GetName(), was, is)
		}
	}
}

// lasting returns the fields that a rollback must restore. The policy of a PersistentVolume without a claim becomes Retain.
func lasting(t *testing.T, pv unstructured.Unstructured) string {
	t.Helper()
	spec := pv.DeepCopy().Object["spec"].(map[string]any)
	unstructured.RemoveNestedField(spec, "claimRef", "resourceVersion")
	if phase, _, _ := unstructured.NestedString(pv.Object, "status", "phase"); phase != "Bound" {
		delete(spec, "persistentVolumeReclaimPolicy")
	}
	text, err := yaml.Marshal([]any{spec, pv.GetAnnotations(), pv.GetLabels()})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
