package persistentvolume

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestPV(t *testing.T) {
	long := strings.Repeat("a", 253) // as long as Kubernetes allows
	tests := []struct {
		name   string
		object string
		want   PV     // without a name: refused
		text   string // of want
	}{
		{"ours", `{"metadata": {"name": "pvc-1"}, "spec": {"claimRef": {"namespace": "default", "name": "web"},
			"csi": {"driver": "d", "volumeHandle": "a/b", "volumeAttributes": {"volume": "v"}}}, "status": {"phase": "Bound"}}`,
			PV{Name: "pvc-1", Phase: "Bound", Claim: "default/web", Driver: "d", Handle: "a/b", Context: map[string]string{"volume": "v"}},
			"PersistentVolume pvc-1 (Bound, claim default/web)"},
		{"in-tree", `{"metadata": {"name": "old"}, "spec": {"glusterfs": {"endpoints": "e", "path": "vol_1"}}, "status": {"phase": "Available"}}`,
			PV{Name: "old", Phase: "Available", Gluster: "vol_1"}, "PersistentVolume old (Available)"},
		{"another kind", `{"metadata": {"name": "nfs.example.org"}, "spec": {"nfs": {"server": "s", "path": "/"}}}`,
			PV{Name: "nfs.example.org"}, "PersistentVolume nfs.example.org"},
		{"being deleted", `{"metadata": {"name": "a", "deletionTimestamp": "2024-01-01T00:00:00Z"}}`, PV{Name: "a", Deleting: true}, "PersistentVolume a"},
		{"not being deleted", `{"metadata": {"name": "a", "deletionTimestamp": null}, "spec": {"claimRef": null}}`, PV{Name: "a"}, "PersistentVolume a"},
		{"claim without a name", `{"metadata": {"name": "a"}, "spec": {"claimRef": {"namespace": "default"}}}`, PV{Name: "a"}, "PersistentVolume a"},
		{"unsafe claim", `{"metadata": {"name": "a"}, "spec": {"claimRef": {"namespace": "default", "name": "$(reboot)"}}}`, PV{Name: "a"}, "PersistentVolume a"},
		{"unsafe namespace", `{"metadata": {"name": "a"}, "spec": {"claimRef": {"namespace": "--all", "name": "web"}}}`, PV{Name: "a"}, "PersistentVolume a"},
		{"longest name", `{"metadata": {"name": "` + long + `"}}`, PV{Name: long}, "PersistentVolume " + long},
		{"too long", `{"metadata": {"name": "` + long + `a"}}`, PV{}, ""},
		{"unsafe name", `{"metadata": {"name": "a; reboot"}}`, PV{}, ""},
		{"an option", `{"metadata": {"name": "--all"}}`, PV{}, ""},
		{"no name", `{"metadata": {}}`, PV{}, ""},
	}
	for _, tt := range tests {
		var o Object
		if err := json.Unmarshal([]byte(tt.object), &o); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		got, err := o.PV()
		if (err != nil) != (tt.want.Name == "") || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %v, %+v", tt.name, err, got)
		}
		if err == nil && got.String() != tt.text {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.text)
		}
	}
}
