package volume

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseParameters(t *testing.T) {
	other := strings.Repeat("f", 32)
	tests := []struct {
		name string
		raw  map[string]string
		want Parameters
	}{
		{name: "none", want: Parameters{Durability: DefaultDurability()}},
		{
			name: "all, in in-tree spelling",
			raw:  map[string]string{"restURL": "HTTP://Heketi.Example:8080/", "clusterId": anyID + ", " + other + "," + anyID, "volumeType": "disperse:4:2"},
			want: Parameters{
				RestURL: "http://heketi.example:8080", Clusters: []string{anyID, other},
				Durability: Durability{Type: Disperse, Data: 4, Redundancy: 2},
			},
		},
		{
			name: "backend and the provisioner's own keys",
			raw:  map[string]string{"backend": "lab", "csi.storage.k8s.io/pvc/name": "data", "csi.storage.k8s.io/pv/name": "pvc-1"},
			want: Parameters{Backend: "lab", Durability: DefaultDurability()},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseParameters(tt.raw)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseParametersRefuses(t *testing.T) {
	tests := []struct {
		raw  map[string]string
		says []string // field, value
	}{
		{map[string]string{"volumetyp": "none"}, []string{"parameters", "volumetyp", "known are"}},
		{map[string]string{"volumetype": "replicate:9"}, []string{"volumetype", "replicate:9", "1 to 3"}},
		{map[string]string{"volumetype": "disperse:3:1"}, []string{"volumetype", "disperse:3:1", "2:1, 4:2"}},
		{map[string]string{"backend": ""}, []string{"backend"}},
		{map[string]string{"backend": "a/b"}, []string{"backend", "a/b"}},
		{map[string]string{"resturl": "heketi:8080"}, []string{"resturl", "heketi:8080", "http://"}},
		{map[string]string{"clusterid": "all"}, []string{"clusterid", "all", "32 hexadecimal"}},
		{map[string]string{"clusterid": ""}, []string{"clusterid"}},
		{map[string]string{"backend": "a", "Backend": "b"}, []string{"twice"}},
		{map[string]string{"backend": "a", "resturl": "http://h:1"}, []string{"resturl", "backend"}},
		{map[string]string{"csi.storage.k8s.iox": "1"}, []string{"csi.storage.k8s.iox"}},
	}
	for _, tt := range tests {
		_, err := ParseParameters(tt.raw)
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%v: %v, want ErrInvalid", tt.raw, err)
			continue
		}
		for _, part := range tt.says {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%v: %q does not say %q", tt.raw, err, part)
			}
		}
	}
}

func FuzzParseParameters(f *testing.F) {
	f.Add("volumetype", "replicate:3")
	f.Add("resturl", "http://user:secret@host:8080/x?y")
	f.Add("clusterid", anyID+",")
	f.Fuzz(func(t *testing.T, key, value string) {
		p, err := ParseParameters(map[string]string{key: value})
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("%q=%q: %v is not ErrInvalid", key, value, err)
			}
			return
		}
		for _, id := range p.Clusters {
			if !heketiID.MatchString(id) {
				t.Errorf("%q=%q: cluster %q", key, value, id)
			}
		}
	})
}
