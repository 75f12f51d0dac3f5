package heketi

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// oneGiB is the space that a brick of 1 GiB takes: 1048576 KiB of pool, and 0.5 % of that, 5242 KiB, as 2 extents of metadata.
const oneGiB = 1048576 + 8192

// cluster returns a dump of one cluster "c" with a node for each list of free KiB.
func cluster(nodes ...[]uint64) Dump {
	d := Dump{Clusters: map[string]DumpCluster{}, Nodes: map[string]DumpNode{}, Devices: map[string]DumpDevice{}}
	ids := make([]string, 0, len(nodes))
	for i, disks := range nodes {
		node := fmt.Sprintf("n%d", i+1)
		ids = append(ids, node)
		d.Nodes[node] = DumpNode{Online: true, Zone: i + 1}
		for j, free := range disks {
			d.Devices[fmt.Sprintf("%s-d%d", node, j+1)] = DumpDevice{Node: node, Online: true, FreeKiB: free, ExtentKiB: 4096}
		}
	}
	d.Clusters["c"] = DumpCluster{Nodes: ids, File: true}
	return d
}

func change[T any](of map[string]T, id string, f func(*T)) {
	v := of[id]
	f(&v)
	of[id] = v
}

func disks(free ...uint64) []uint64 { return free }

func TestRoom(t *testing.T) {
	const tib4 = 4 << 30 // KiB
	big := disks(8 << 30)
	option := func(key, value string) []volume.Option { return []volume.Option{{Key: key, Value: value}} }
	tests := []struct {
		name           string
		dump           Dump
		volumeType     string // replicate:3 unless given
		factor         float64
		options        []volume.Option
		arbiter        bool
		bricks         int
		change         func(Dump)
		largest, total int
		lacks          string
	}{
		{name: "nothing", dump: cluster(), lacks: "3 nodes, cluster c has 0"},
		{name: "two nodes for three copies", dump: cluster(big, big), lacks: "3 nodes, cluster c has 2"},
		{name: "three nodes for six bricks", dump: cluster(big, big, big), volumeType: "disperse:4:2", lacks: "6 nodes, cluster c has 3"},
		{name: "six full nodes", dump: cluster(disks(0), disks(0), disks(0), disks(0), disks(0), disks(0)), volumeType: "disperse:4:2"},
		{name: "exactly the space is not enough", dump: cluster(disks(oneGiB), disks(oneGiB), disks(oneGiB)), largest: 0, total: 0},
		{name: "one KiB more is", dump: cluster(disks(oneGiB+1), disks(oneGiB+1), disks(oneGiB+1)), largest: 1, total: 1},
		// 100 GiB: 99 GiB of pool are 103809024 KiB, and the metadata of 519045 KiB take 127 extents, 520192 KiB; together 104329216 of
		// 104857600. For 100 GiB the metadata do not fit.
		{name: "overhead of 100 GiB", dump: cluster(disks(104857600), disks(104857600), disks(104857600)), largest: 99, total: 99},
		{name: "half of that for snapshots", dump: cluster(disks(104857600), disks(104857600), disks(104857600)), factor: 2, largest: 49, total: 49},
		{name: "the third largest node counts", dump: cluster(big, disks(oneGiB+1), big, disks(5*oneGiB+1)), largest: 5, total: 6},
		// Two sets of 1 GiB: each node has two places.
		{name: "two disks, two sets", dump: cluster(disks(oneGiB+1, oneGiB+1), disks(oneGiB+1, oneGiB+1), disks(oneGiB+1, oneGiB+1)), largest: 2, total: 2},
		// The same on one disk: 2 GiB take 2097152 + 12288 KiB.
		{name: "one disk, one set", dump: cluster(disks(2109441), disks(2109441), disks(2109441)), largest: 2, total: 2},
		// Six places on four nodes are two sets of three, but the first set may take places that the second needs.
		{name: "a set may spoil the next", dump: cluster(disks(oneGiB+1), disks(oneGiB+1), disks(2*oneGiB+1), disks(2*oneGiB+1)), volumeType: "replicate:3", largest: 1, total: 2},
		{name: "no durability", dump: cluster(disks(oneGiB+1), disks(3*oneGiB+1)), volumeType: "none", largest: 4, total: 4},
		{name: "dispersed", dump: cluster(disks(oneGiB+1), disks(oneGiB+1), disks(oneGiB+1)), volumeType: "disperse:2:1", largest: 2, total: 2},
		// By default, at most 8 sets of 3 are possible, and a brick has at most 4 TiB. A Heketi with other limits fills the 1 PiB.
		{name: "most bricks", dump: cluster(disks(1<<40), disks(1<<40), disks(1<<40)), largest: 32 << 10, total: 1<<20 - 17},
		// Metadata never take more than 16 GiB: 4 TiB need 4 TiB + 16 GiB.
		{name: "most metadata", dump: cluster(disks(tib4+16<<20), disks(tib4+16<<20), disks(tib4+16<<20+1)), largest: 4095, total: 4095},
		{name: "and one KiB", dump: cluster(disks(tib4+16<<20+1), disks(tib4+16<<20+1), disks(tib4+16<<20+1)), largest: 4096, total: 4096},
		// Each node has two places, of which a set takes one, and only one set is left.
		{name: "one more set", dump: cluster(disks(oneGiB+1, oneGiB+1), disks(oneGiB+1, oneGiB+1), disks(oneGiB+1, oneGiB+1)), bricks: 27, largest: 1, total: 2},
		{name: "all bricks but two", dump: cluster(disks(oneGiB+1), disks(oneGiB+1), disks(oneGiB+1)), bricks: 30, largest: 0, total: 1},
		{name: "device offline", dump: cluster(big, big, big), lacks: "3 nodes, cluster c has 2", change: func(d Dump) {
			change(d.Devices, "n3-d1", func(v *DumpDevice) { v.Online = false })
		}},
		{name: "node offline", dump: cluster(big, big, big), lacks: "3 nodes, cluster c has 2", change: func(d Dump) {
			change(d.Nodes, "n3", func(v *DumpNode) { v.Online = false })
		}},
		{name: "for block volumes", dump: cluster(big, big, big), lacks: "3 nodes, cluster c has 0", change: func(d Dump) {
			change(d.Clusters, "c", func(v *DumpCluster) { v.File = false })
		}},
		{name: "node of another cluster", dump: cluster(big, big, big), lacks: "3 nodes, cluster c has 2", change: func(d Dump) {
			change(d.Clusters, "c", func(v *DumpCluster) { v.Nodes = v.Nodes[:2] })
		}},
		{name: "two zones", dump: cluster(big, big, big), options: option("user.heketi.zone-checking", "strict"), lacks: "3 zones, cluster c has 2", change: func(d Dump) {
			change(d.Nodes, "n3", func(v *DumpNode) { v.Zone = 1 })
		}},
		{name: "two zones, and another option behind", dump: cluster(disks(oneGiB+1), disks(oneGiB+1), disks(oneGiB+1)), largest: 1, total: 1,
			options: slices.Concat(option("user.heketi.zone-checking", "strict"), option("user.heketi.zone-checking", "none")),
			change:  func(d Dump) { change(d.Nodes, "n3", func(v *DumpNode) { v.Zone = 1 }) }},
		{name: "three zones", dump: cluster(disks(oneGiB+1), disks(oneGiB+1), disks(oneGiB+1)), options: option("user.heketi.zone-checking", "strict"), largest: 1, total: 1},
		{name: "tag wanted", dump: cluster(disks(oneGiB+1, 9*oneGiB), disks(oneGiB+1), disks(oneGiB+1)), options: option("user.heketi.device-tag-match", "disk=ssd"), largest: 1, total: 1, change: func(d Dump) {
			change(d.Devices, "n1-d1", func(v *DumpDevice) { v.Tags = map[string]string{"disk": "ssd"} })
			change(d.Nodes, "n2", func(v *DumpNode) { v.Tags = map[string]string{"disk": "ssd"} })
			change(d.Nodes, "n3", func(v *DumpNode) { v.Tags = map[string]string{"disk": "hdd"} })
			change(d.Devices, "n3-d1", func(v *DumpDevice) { v.Tags = map[string]string{"disk": "ssd"} })
		}},
		{name: "tag unwanted", dump: cluster(big, big, big), options: option("user.heketi.device-tag-match", "disk!=slow"), lacks: "3 nodes, cluster c has 2", change: func(d Dump) {
			change(d.Nodes, "n1", func(v *DumpNode) { v.Tags = map[string]string{"disk": "slow"} })
		}},
		// 5 GiB fit if the arbiter brick, which is small, takes the small disk.
		{name: "arbiter anywhere", dump: cluster(disks(5*oneGiB+1), disks(5*oneGiB+1), disks(oneGiB+1)), arbiter: true, largest: 1, total: 5},
		{name: "arbiter and two nodes", dump: cluster(big, big), arbiter: true},
		{name: "arbiter disk", dump: cluster(disks(5*oneGiB+1), disks(5*oneGiB+1), disks(oneGiB+1)), arbiter: true, largest: 5, total: 5, change: func(d Dump) {
			change(d.Nodes, "n3", func(v *DumpNode) { v.Tags = map[string]string{"arbiter": "required"} })
		}},
		{name: "arbiter disks and one more node", dump: cluster(big, big, big), arbiter: true, change: func(d Dump) {
			for _, id := range []string{"n2", "n3"} {
				change(d.Nodes, id, func(v *DumpNode) { v.Tags = map[string]string{"arbiter": "required"} })
			}
		}},
		{name: "arbiter nowhere", dump: cluster(big, big, big), arbiter: true, change: func(d Dump) {
			for id := range d.Nodes {
				change(d.Nodes, id, func(v *DumpNode) { v.Tags = map[string]string{"arbiter": "disabled"} })
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.change != nil {
				tt.change(tt.dump)
			}
			layout := Layout{Durability: volume.DefaultDurability(), SnapFactor: max(tt.factor, 1), Options: tt.options, Bricks: tt.bricks}
			if tt.arbiter {
				layout.Options = append(layout.Options, option("user.heketi.arbiter", "true")...)
			}
			if tt.volumeType != "" {
				d, err := volume.ParseDurability(tt.volumeType)
				if err != nil {
					t.Fatal(err)
				}
				layout.Durability = d
			}
			room := NewRoom(tt.dump, "c", layout)
			if got := room.LargestGiB(); got != tt.largest {
				t.Errorf("largest: %d GiB, want %d", got, tt.largest)
			}
			if got := room.TotalGiB(); got != tt.total {
				t.Errorf("total: %d GiB, want %d", got, tt.total)
			}
			lacks := strings.NewReplacer("it needs ", "", ", and cluster", ", cluster", " with an online disk that may be used for it", "").Replace(room.Lacks())
			if lacks != tt.lacks {
				t.Errorf("lacks %q, want %q", lacks, tt.lacks)
			}
		})
	}
}
