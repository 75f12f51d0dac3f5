package migrate

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// grow changes the size of the PersistentVolume pvc-a, as external-resizer does.
func grow(t *testing.T, api *fakeAPI, size string) {
	t.Helper()
	pv := api.objects[objectKey(volumesResource(), "", "pvc-a")]
	if err := unstructured.SetNestedField(pv.Object, size, "spec", "capacity", "storage"); err != nil {
		t.Fatal(err)
	}
}

func size(api *fakeAPI) string {
	return sizeOf(api.objects[objectKey(volumesResource(), "", "pvc-a")].Object)
}

// TestGrownVolumeGoesBack: a volume that was expanded after its migration is rolled back with its new size.
func TestGrownVolumeGoesBack(t *testing.T) {
	api, a := migrated(t)
	dir := t.TempDir()
	run(t, api, a, dir, false, Selection{})
	grow(t, api, "30Gi")
	for _, step := range []struct {
		back bool
		want string
	}{
		{false, "projects unchanged; pvc-a unchanged"}, {true, "projects rolled back; pvc-a rolled back"}, {true, "projects unchanged; pvc-a unchanged"},
	} {
		if got := outcomes(run(t, api, a, dir, step.back, Selection{})); got != step.want || size(api) != "30Gi" {
			t.Errorf("got %s, with %s; want %s", got, size(api), step.want)
		}
	}
	checkCluster(t, api, false)
	// The plan still has the old size, which Heketi had when the plan was made.
	if got := outcomes(run(t, api, a, dir, false, Selection{Only: []string{"pvc-a"}})); !strings.Contains(got, "pvc-a refused") || !strings.Contains(got, "its spec has changed (capacity); make a new plan") {
		t.Errorf("migrated again: %s", got)
	}
}

// TestGrownVolumeOtherwiseChanged: a volume that has grown and changed in another way is refused.
func TestGrownVolumeOtherwiseChanged(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *fakeAPI){
		"smaller": func(t *testing.T, api *fakeAPI) { t.Helper(); grow(t, api, "10Gi") },
		"no size": func(t *testing.T, api *fakeAPI) { t.Helper(); grow(t, api, "much") },
		"another handle": func(t *testing.T, api *fakeAPI) {
			t.Helper()
			grow(t, api, "30Gi")
			pv := api.objects[objectKey(volumesResource(), "", "pvc-a")]
			_ = unstructured.SetNestedField(pv.Object, "main/"+idB+"/adopted", "spec", "csi", "volumeHandle")
		},
	} {
		t.Run(name, func(t *testing.T) {
			api, a := migrated(t)
			dir := t.TempDir()
			run(t, api, a, dir, false, Selection{})
			change(t, api)
			if got := outcomes(run(t, api, a, dir, true, Selection{})); !strings.Contains(got, "projects rolled back; pvc-a refused: it differs from the plan: its spec has changed (capacity") {
				t.Errorf("got %s", got)
			}
		})
	}
}

// TestGrownVolumeKilled: the size stays, no matter where the rollback is killed and in which direction the next run goes.
func TestGrownVolumeKilled(t *testing.T) {
	for _, back := range []bool{true, false} {
		for _, after := range []bool{false, true} {
			for at := 1; ; at++ {
				api, a := migrated(t)
				dir := t.TempDir()
				only := Selection{Only: []string{"pvc-a"}}
				run(t, api, a, dir, false, only)
				grow(t, api, "30Gi")
				api.calls, api.killAt, api.after = 0, at, after
				killed := strings.Contains(outcomes(run(t, api, a, dir, true, only)), errKilled.Error())
				api.killAt = 0
				got := outcomes(run(t, api, a, dir, back, only))
				isBack := !isOfDriver(api.objects[objectKey(volumesResource(), "", "pvc-a")].Object)
				refused := !back && isBack && strings.Contains(got, "its spec has changed (capacity)") // a volume that was rolled back needs a new plan
				if size(api) != "30Gi" || isBack != back && !refused || strings.Contains(got, ": ") && !refused {
					t.Errorf("killed at %d, after it %t, back %t: %s, with %s", at, after, back, got, size(api))
				}
				if !killed {
					break
				}
			}
		}
	}
}
