package topology

import (
	"slices"
	"strings"
	"testing"
)

// TestAbsentNodes: a node that cannot be reached is not added, and the others are loaded. If Heketi already has everything of an
// absent node, there is no error.
func TestAbsentNodes(t *testing.T) {
	client := realClient(t)
	mustLoad(t, client, nodes(1, 3, "/dev/sdb"))
	grown := nodes(1, 5, "/dev/sdb")
	for _, i := range []int{0, 1} {
		grown.Clusters[0].Nodes[i].Devices = append(grown.Clusters[0].Nodes[i].Devices, Device{Name: "/dev/sdc"})
	}
	lacks, err := Compare(t.Context(), client, grown)
	if err != nil || !slices.Equal(lacks.Nodes, []string{"n4", "n5"}) || !slices.Equal(lacks.Devices, []string{"n1", "n2"}) {
		t.Errorf("%+v, %v", lacks, err)
	}
	loader := Loader{Server: client, Absent: map[string]string{"n1": "no pod", "n3": "no pod", "n5": "it sleeps"}}
	for range 2 {
		result, err := loader.Load(t.Context(), grown)
		if len(result.Absent) != 2 || result.Absent[0].Manage[0] != "n1" || result.Absent[1].Manage[0] != "n3" {
			t.Errorf("absent: %+v", result.Absent)
		}
		want := []string{"device /dev/sdc of node n1 was not added: no pod", "node n5 was not added: it sleeps (its device was not tried)"}
		if err == nil || !slices.Equal(strings.Split(err.Error(), "\n"), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	lacks, err = Compare(t.Context(), client, grown)
	if err != nil || !slices.Equal(lacks.Nodes, []string{"n5"}) || !slices.Equal(lacks.Devices, []string{"n1"}) {
		t.Errorf("%+v, %v", lacks, err)
	}
	loader.Absent = nil
	if result, err := loader.Load(t.Context(), grown); err != nil || result.Added != 3 {
		t.Errorf("%+v, %v", result, err)
	}

	// No cluster is made for nodes that cannot be reached.
	alone := nodes(7, 8, "/dev/sdb")
	before, _ := client.Clusters(t.Context())
	if _, err := (Loader{Server: client, Absent: map[string]string{"n7": "off", "n8": "off"}}).Load(t.Context(), alone); err == nil {
		t.Error("no error")
	}
	if after, err := client.Clusters(t.Context()); err != nil || !slices.Equal(before, after) {
		t.Errorf("clusters %q, before %q, %v", after, before, err)
	}
}
