package integration_test

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
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

// setAside sets one more disk of every node online, for arbiter bricks only. undo removes the tags.
func setAside(t *testing.T, server *lab.MockHeketi, n int) (undo func()) {
	t.Helper()
	topology, err := outside.Topology(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	nodes := topology.ClusterList[0].Nodes
	ids := make([]string, 0, len(nodes))
	for _, node := range nodes {
		id := node.DevicesInfo[n].Id
		labtest.CLI(t, server, "device", "enable", id)
		labtest.CLI(t, server, "device", "settags", id, "arbiter:required")
		ids = append(ids, id)
	}
	return func() {
		for _, id := range ids {
			labtest.CLI(t, server, "device", "rmtags", "--all", id)
		}
	}
}

// promised returns the size in GiB of the largest volume that a refusal promises.
func promised(t *testing.T, refusal error) int64 {
	t.Helper()
	if strings.Contains(refusal.Error(), "there is no room for a volume of type") {
		return 0
	}
	found := regexp.MustCompile(`the largest volume of type \S+ for which there is room has (\d+) GiB`).FindStringSubmatch(refusal.Error())
	if found == nil {
		t.Fatalf("the refusal does not give the size of the largest volume: %v", refusal)
	}
	gib, err := strconv.ParseInt(found[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return gib
}

// TestAvailableIsWhatHeketiCanMake: a create that exceeds the published capacity is refused, and the refusal gives the size of
// the largest volume. A volume of that size can be created, and a larger one cannot. This repeats with the remaining space, until
// none is left.
func TestAvailableIsWhatHeketiCanMake(t *testing.T) {
	server := labtest.MockHeketi(t)
	p := labtest.Provisioner(t, server.URL)
	tests := []struct {
		disks      int // on each node, of 500 GiB each
		parameters map[string]string
		setAside   bool // another disk on each node takes only arbiter bricks
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
		{disks: 1, parameters: map[string]string{"arbiter": "true"}, lucky: true},
		{disks: 3, parameters: map[string]string{"arbiter": "true"}, lucky: true},
		{disks: 1, parameters: map[string]string{"arbiter": "true"}, setAside: true, lucky: true},
		{disks: 2, parameters: map[string]string{"arbiter": "true"}, setAside: true, lucky: true},
	}
	for i, tt := range tests {
		t.Run(fmt.Sprintf("%d disks %v set aside %t", tt.disks, tt.parameters, tt.setAside), func(t *testing.T) {
			keepDisks(t, server, tt.disks)
			if tt.setAside {
				defer setAside(t, server, tt.disks)()
			}
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
				t.Logf("round %d: at most %d GiB, in all %d GiB", round, space.Largest/volume.GiB, space.Total/volume.GiB)
				_, refusal := create(round, space.Largest+volume.GiB)
				if !errors.Is(refusal, volume.ErrExhausted) {
					t.Fatalf("%d GiB are the published capacity, but a larger volume is not refused: %v", space.Largest/volume.GiB, refusal)
				}
				largest := promised(t, refusal)
				if v, err := create(round, (largest+1)*volume.GiB); tt.lucky && err == nil {
					made = append(made, v.Handle)
					continue
				} else if !errors.Is(err, volume.ErrExhausted) {
					t.Fatalf("%d GiB were promised, but one more is no error: %+v, %v", largest, v, err)
				}
				if largest == 0 {
					break
				}
				v, err := create(round, largest*volume.GiB)
				if err != nil {
					t.Fatalf("%d GiB were promised: %v", largest, err)
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
