package provisioner_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// records returns a dump of one cluster, with a node for each list of disks, given by their free GiB.
func records(t *testing.T, cluster string, file bool, nodes ...[]int) string {
	t.Helper()
	ids, online, disks := make([]string, 0, len(nodes)), object{}, object{}
	for i, free := range nodes {
		id := fmt.Sprintf("n%d", i+1)
		ids, online[id] = append(ids, id), object{"State": "online"}
		for j, gib := range free {
			disks[fmt.Sprintf("%s-d%d", id, j+1)] = object{
				"State": "online", "NodeId": id, "ExtentSize": 4096, "Info": object{"storage": object{"free": gib << 20}},
			}
		}
	}
	raw, err := json.Marshal(object{
		"clusterentries": object{cluster: object{"Info": object{"nodes": ids, "file": file}}}, "volumeentries": object{},
		"nodeentries": online, "deviceentries": disks,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestExpandSaysWhatFits(t *testing.T) {
	const (
		few     = "few large steps are better than many small ones"
		perhaps = ", so a smaller size may be possible, and " + few
	)
	cluster := heketitest.NewCluster()
	cluster.FreeGiB = 16
	one := func(gib int) [][]int { return [][]int{{gib}, {gib}, {gib}} }
	for _, tc := range []struct {
		name       string
		parameters map[string]string
		steps      int // of 1 GiB each, made before
		nodes      [][]int
		block      bool
		lost       bool // the records are lost
		says       string
	}{
		// A disk of 10 GiB has room for 9 GiB and the metadata. Two such disks have room for 9.5 GiB each.
		{name: "less", nodes: one(10), says: ", and " + few + "; there is room for 9 GiB more in one step"},
		{name: "on two disks each", nodes: [][]int{{10, 10}, {10, 10}, {10, 10}}, says: "; there is room for 19 GiB more in one step"},
		{name: "and only one set left", steps: 8, nodes: [][]int{{10, 10}, {10, 10}, {10, 10}}, says: "; there is room for 9 GiB more in one step"},
		{name: "with room for snapshots", parameters: map[string]string{"snapfactor": "2"}, nodes: one(10), says: "; there is room for 4 GiB more in one step"},
		{name: "nothing", nodes: one(1), says: ", but there is no room for it to grow now"},
		{
			name: "too few nodes", nodes: [][]int{{10}, {10}},
			says: ", but there is no room for it to grow now: it needs 3 nodes, and cluster " + cluster.ID + " has 2 with an online disk that may be used for it",
		},
		{
			name: "too few zones", parameters: map[string]string{"zonechecking": "strict"}, nodes: one(10),
			says: ": it needs 3 zones, and cluster " + cluster.ID + " has 1 with an online disk that may be used for it",
		},
		{name: "there should be room", nodes: one(100), says: perhaps},
		{name: "there should be just enough room", nodes: one(59), says: perhaps},
		{name: "not for new volumes", nodes: one(10), block: true, says: perhaps},
		{name: "not known", nodes: one(10), lost: true, says: perhaps},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := start(t, cluster)
			s := spec("pvc-1")
			s.Parameters = parse(t, tc.parameters)
			v := f.create(t, s)
			for range tc.steps {
				f.server.Expand(v.Handle.ID, 1)
			}
			fault := heketitest.Fault{Prefix: "GET /db/dump", Status: http.StatusOK, Body: records(t, cluster.ID, !tc.block, tc.nodes...)}
			if tc.lost {
				fault.Status = http.StatusBadGateway
			}
			f.server.Inject(fault)
			_, err := f.expand(t, v.Handle, 60)
			wantError(t, err, volume.ErrExhausted)
			says(t, err, fmt.Sprintf("; gluster volume %s keeps its size of %d GiB, in %d bricks (the limit is 32); it can grow at most %d more times",
				v.Name, 2+tc.steps, 3+3*tc.steps, 9-tc.steps))
			if !strings.HasSuffix(err.Error(), tc.says) {
				t.Errorf("%v: want %q at the end", err, tc.says)
			}
		})
	}
}

// TestExpandWithoutRoomOnTheDisks: the disks refuse what Heketi has accepted. The expand has left nothing behind only if Heketi
// has undone it.
func TestExpandWithoutRoomOnTheDisks(t *testing.T) {
	const refusal = `Volume group "vg_1" has insufficient free space (24 extents): 259 required.`
	for _, tc := range []struct {
		name   string
		happen func(*heketitest.Server)
		err    error
		says   []string
	}{
		{"undone", func(s *heketitest.Server) { s.FailOperations(refusal); s.Release() }, volume.ErrExhausted, []string{"keeps its size of 2 GiB", "it can grow at most 9 more times"}},
		{"cannot be undone", func(s *heketitest.Server) { s.Strand(refusal) }, volume.ErrBusy, []string{"failed", "is uncertain"}},
		{"not known", func(s *heketitest.Server) {
			s.Inject(heketitest.Fault{Prefix: "GET /operations/pending", Status: http.StatusBadGateway})
			s.FailOperations(refusal)
			s.Release()
		}, volume.ErrUnavailable, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := start(t)
			v := f.create(t, spec("pvc-1"))
			call := f.expandHeld(t, v.Handle, 5)
			tc.happen(f.server)
			err := <-call
			wantError(t, err, tc.err)
			says(t, err, append(tc.says, "insufficient free space", "heketi-cli device resync")...)
		})
	}
}
