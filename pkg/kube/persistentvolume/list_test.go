package persistentvolume

import (
	"reflect"
	"strings"
	"testing"
)

func TestReadList(t *testing.T) {
	const asYAML = `apiVersion: v1
kind: List
metadata: {resourceVersion: ""}
items:
- kind: PersistentVolume
  metadata: {name: pvc-1, deletionTimestamp: "2024-01-01T00:00:00Z"}
  spec:
    claimRef: {namespace: default, name: web}
    csi: {driver: d, volumeHandle: a/b, volumeAttributes: {volume: v}}
  status: {phase: Bound}
- kind: PersistentVolume
  metadata: {name: old}
  spec: {glusterfs: {endpoints: e, path: vol_1}}
`
	const asJSON = `{"kind": "PersistentVolumeList", "items": [
		{"metadata": {"name": "pvc-1", "deletionTimestamp": "2024-01-01T00:00:00Z"}, "spec": {"claimRef": {"namespace": "default", "name": "web"},
		 "csi": {"driver": "d", "volumeHandle": "a/b", "volumeAttributes": {"volume": "v"}}}, "status": {"phase": "Bound"}},
		{"metadata": {"name": "old"}, "spec": {"glusterfs": {"path": "vol_1"}}}]}`
	want := []PV{
		{Name: "pvc-1", Phase: "Bound", Claim: "default/web", Deleting: true, Driver: "d", Handle: "a/b", Context: map[string]string{"volume": "v"}},
		{Name: "old", Gluster: "vol_1"},
	}
	for name, text := range map[string]string{"YAML": asYAML, "JSON": asJSON} {
		got, err := ReadList(strings.NewReader(text))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %+v", name, err, got)
		}
	}
	if got, err := ReadList(strings.NewReader(`{"kind": "List", "items": []}`)); err != nil || len(got) != 0 {
		t.Errorf("no PersistentVolumes: %v, %+v", err, got)
	}
}

// TestReadListRefuses: a partial list would make orphans of volumes that are in use.
func TestReadListRefuses(t *testing.T) {
	tests := map[string]struct{ text, says string }{
		"nothing":        {" \n", "empty"},
		"a table":        {"NAME   CAPACITY\npvc-1  1Gi\n", "kubectl get pv"},
		"a brace":        {"{", "neither the JSON nor the YAML"},
		"cut off":        {`{"kind": "List", "items": [{"metadata"`, "neither the JSON nor the YAML"},
		"one":            {`{"kind": "PersistentVolume", "metadata": {"name": "a"}}`, "not a list"},
		"claims":         {`{"kind": "List", "items": [{"kind": "PersistentVolumeClaim", "metadata": {"name": "a"}}]}`, "holds a PersistentVolumeClaim"},
		"a page":         {`{"kind": "PersistentVolumeList", "metadata": {"continue": "x"}, "items": []}`, "first page"},
		"documents":      {"kind: List\nitems: []\n---\nkind: List\nitems: []\n", "several YAML documents"},
		"an unsafe name": {`{"kind": "PersistentVolumeList", "items": [{"metadata": {"name": "a; reboot"}}]}`, "not a valid name"},
	}
	for name, tt := range tests {
		if got, err := ReadList(strings.NewReader(tt.text)); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, %+v", name, err, got)
		}
	}
}
