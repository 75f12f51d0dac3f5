package integration_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/labtest"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// keepDisks sets disks offline until every node has the given number left.
func keepDisks(t *testing.T, server *lab.MockHeketi, n int) {
	t.Helper()
	topology, err := outside.Topology(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range topology.ClusterList[0].Nodes {
		for i, device := range node.DevicesInfo {
			order := "enable"
			if i >= n {
				order = "disable"
			}
			labtest.CLI(t, server, "device", order, device.Id)
		}
	}
}

// The largest volume that is promised can be created, and a larger one cannot. This repeats with the remaining space, until none
// is left.
func TestAvailableIsWhatHeketiCanMake(t *testing.T) {
	server := labtest.MockHeketi(t)
	p := labtest.Provisioner(t, server.URL)
	tests := []struct {
		disks      int // on each node, of 500 GiB each
		parameters map[string]string
		lucky      bool // Heketi may find space for more, since it tries the disks in random order
	}{
		{disks: 1},
		{disks: 1, parameters: map[string]string{"snapfactor": "1.7"}},
		{disks: 1, parameters: map[string]string{"volumetype": "disperse:2:1"}},
		{disks: 1, parameters: map[string]string{"volumetype": "none"}},
		{disks: 4},
		{disks: 3, parameters: map[string]string{"volumetype": "disperse:2:1"}},
		{disks: 2, parameters: map[string]string{"volumetype": "none", "snapfactor": "3"}},
		{disks: 1, parameters: map[string]string{"volumetype": "replicate:2"}, lucky: true},
		{disks: 3, parameters: map[string]string{"volumetype": "replicate:2"}, lucky: true},
	}
	for i, tt := range tests {
		t.Run(fmt.Sprintf("%d disks %v", tt.disks, tt.parameters), func(t *testing.T) {
			keepDisks(t, server, tt.disks)
			parameters, err := volume.ParseParameters(tt.parameters)
			if err != nil {
				t.Fatal(err)
			}
			create := func(round int, bytes int64) (volume.Volume, error) {
				return p.Create(t.Context(), volume.Spec{
					Name: fmt.Sprintf("pvc-%d-%d", i, round), Capacity: volume.Capacity{RequiredBytes: bytes}, Parameters: parameters,
				})
			}
			var made []volume.Handle
			for round := 0; ; round++ {
				space, err := p.Available(t.Context(), parameters)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("round %d: largest %d GiB, total %d GiB", round, space.Largest/volume.GiB, space.Total/volume.GiB)
				if v, err := create(round, space.Largest+volume.GiB); tt.lucky && err == nil {
					made = append(made, v.Handle)
					continue
				} else if !errors.Is(err, volume.ErrExhausted) {
					t.Fatalf("%d GiB were promised, but one more is no error: %+v, %v", space.Largest/volume.GiB, v, err)
				}
				if space.Largest == 0 {
					break
				}
				v, err := create(round, space.Largest)
				if err != nil {
					t.Fatalf("%d GiB were promised: %v", space.Largest/volume.GiB, err)
				}
				made = append(made, v.Handle)
			}
			if len(made) == 0 {
				t.Error("nothing was ever promised")
			}
			for _, handle := range made {
				if err := p.Delete(t.Context(), handle, volume.Credentials{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	if out, err := server.CLI(t.Context(), "volume", "list"); err != nil || strings.TrimSpace(string(out)) != "" {
		t.Errorf("volumes are left in Heketi: %s (%v)", out, err)
	}
}
