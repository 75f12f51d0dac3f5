package provisioner

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// examinationOf returns an examination of a cluster c of three nodes, 10.0.0.1 to 10.0.0.3, with one volume.
func examinationOf(v heketi.GlusterVolume, change func(nodes map[string]heketi.ExaminedNode)) heketi.Examination {
	found := heketi.Examination{
		Database: heketi.Dump{
			Clusters: map[string]heketi.DumpCluster{"c": {Nodes: []string{"n1", "n2", "n3"}}},
			Nodes:    map[string]heketi.DumpNode{"n1": {Host: "10.0.0.1"}, "n2": {Host: "10.0.0.2"}, "n3": {Host: "10.0.0.3"}},
		},
	}
	nodes := map[string]heketi.ExaminedNode{}
	for _, id := range []string{"n1", "n2", "n3"} {
		nodes[id] = heketi.ExaminedNode{Reached: true, Glusterd: true, Mounted: map[string]bool{"/b/x": true, "/b/y": true}}
	}
	if change != nil {
		change(nodes)
	}
	cluster := heketi.ExaminedCluster{Nodes: nodes}
	for _, node := range nodes {
		if node.Glusterd {
			cluster.Volumes = map[string]heketi.GlusterVolume{"vol": v}
		}
	}
	found.Clusters = map[string]heketi.ExaminedCluster{"c": cluster}
	return found
}

func started(needed, set int, bricks ...string) heketi.GlusterVolume {
	return heketi.GlusterVolume{Status: "Started", Bricks: bricks, Set: set, Needed: needed}
}

// gone marks nodes as unreachable for Heketi.
func gone(ids ...string) func(map[string]heketi.ExaminedNode) {
	return func(nodes map[string]heketi.ExaminedNode) {
		for _, id := range ids {
			nodes[id] = heketi.ExaminedNode{}
		}
	}
}

func TestAssess(t *testing.T) {
	const x1, x2, x3 = "10.0.0.1:/b/x/brick", "10.0.0.2:/b/x/brick", "10.0.0.3:/b/x/brick"
	const y1, y2, y3 = "10.0.0.1:/b/y/brick", "10.0.0.2:/b/y/brick", "10.0.0.3:/b/y/brick"
	replica3 := started(2, 3, x1, x2, x3)
	unmounted := func(nodes map[string]heketi.ExaminedNode) { nodes["n2"].Mounted["/b/x"] = false }
	mute := func(nodes map[string]heketi.ExaminedNode) {
		nodes["n2"] = heketi.ExaminedNode{Reached: true, Mounted: map[string]bool{"/b/x": true}}
	}
	tests := []struct {
		name   string
		volume heketi.GlusterVolume
		change func(map[string]heketi.ExaminedNode)
		want   string   // severities and reasons
		says   []string // in the first message
	}{
		{name: "all is well", volume: replica3},
		{"stopped", heketi.GlusterVolume{Status: "Stopped", Set: 1, Needed: 1}, nil, "2 VolumeStopped", []string{"vol is stopped", "gluster volume start vol"}},
		{"one of three", replica3, gone("n1"), "1 BricksDown", []string{"1 of 3", x1 + " (Heketi does not reach"}},
		{"two of three", replica3, gone("n1", "n3"), "2 BricksDown", []string{"2 of 3", x1, x3}},
		{"not mounted", replica3, unmounted, "1 BricksDown", []string{x2 + " (its file system is not mounted)", "gluster volume start vol force"}},
		{"a brick that the node does not know", started(2, 3, "10.0.0.1:/b/z/brick", x2, x3), nil, "", nil},
		{"a node that Heketi does not know", started(2, 3, "10.0.0.9:/b/x/brick", x2, x3), nil, "", nil},
		{"replica 2", started(1, 2, x1, x2), gone("n1"), "1 BricksDown", nil},
		{"disperse, redundancy 1", started(2, 3, x1, x2, x3), gone("n2"), "1 BricksDown", nil},
		{"disperse, more", started(2, 3, x1, x2, x3), gone("n2", "n3"), "2 BricksDown", nil},
		{"distribute", started(1, 1, x1, x2), gone("n2"), "2 BricksDown", []string{"1 of 2", x2}},
		{"two sets, one brick of each", started(2, 3, x1, x2, x3, y1, y2, y3), gone("n2"), "1 BricksDown", []string{"2 of 6", x2, y2}},
		{"two sets, two bricks of one", started(2, 3, x1, x2, x3, y1, y2, y3), func(nodes map[string]heketi.ExaminedNode) {
			nodes["n1"].Mounted["/b/y"], nodes["n2"].Mounted["/b/y"] = false, false
		}, "2 BricksDown", []string{"2 of 6", y1, y2}},
		{"glusterd", replica3, mute, "1 GlusterdDown", []string{"10.0.0.2", "start glusterd"}},
		{"glusterd and a node", replica3, func(nodes map[string]heketi.ExaminedNode) {
			mute(nodes)
			gone("n1")(nodes)
		}, "1 BricksDown 1 GlusterdDown", []string{x1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := assess(examinationOf(tt.volume, tt.change), "c", "vol")
			if err != nil {
				t.Fatal(err)
			}
			var words []string
			for _, c := range got {
				words = append(words, string(rune('0'+c.Severity)), c.Reason)
			}
			if strings.Join(words, " ") != tt.want {
				t.Errorf("got %v, want %s", got, tt.want)
			}
			for _, part := range tt.says {
				if len(got) == 0 || !strings.Contains(got[0].Message, part) {
					t.Errorf("%v does not say %q", got, part)
				}
			}
		})
	}
}

// TestAssessKnowsNothing: if Heketi reaches no node, the fault is more likely Heketi's than the volumes'.
func TestAssessKnowsNothing(t *testing.T) {
	examination := examinationOf(started(2, 3), gone("n1", "n2", "n3"))
	for _, cluster := range []string{"c", "another"} {
		if got, err := assess(examination, cluster, "vol"); !errors.Is(err, volume.ErrUnavailable) {
			t.Errorf("cluster %s: %v, %v", cluster, got, err)
		}
	}
	got, err := assess(examinationOf(started(2, 3), nil), "c", "removed")
	if err != nil || len(got) != 1 || got[0].Reason != reasonMissing || got[0].Severity != volume.Inaccessible {
		t.Errorf("a volume that gluster does not have: %v, %v", got, err)
	}
}

func TestSplitBrick(t *testing.T) {
	for brick, want := range map[string][2]string{
		"10.0.0.1:/b/x":   {"10.0.0.1", "/b/x"},
		"gluster-1:/b/x":  {"gluster-1", "/b/x"},
		"2001:db8::1:/b":  {"2001:db8::1", "/b"},
		"without a slash": {"without a slash", ""},
	} {
		if host, path := splitBrick(brick); host != want[0] || path != want[1] {
			t.Errorf("%q: %q and %q", brick, host, path)
		}
	}
}

func TestExaminationLifetime(t *testing.T) {
	now := time.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for name, tt := range map[string]struct {
		result cachedExamination
		usable bool
	}{
		"just read":              {cachedExamination{ended: ago(time.Second), read: true}, true},
		"quick, read":            {cachedExamination{ended: ago(time.Minute), took: time.Second, read: true}, false},
		"slow, read":             {cachedExamination{ended: ago(time.Minute), took: 25 * time.Second, read: true}, true},
		"slow, long ago":         {cachedExamination{ended: ago(2 * time.Minute), took: 25 * time.Second, read: true}, false},
		"very slow, read":        {cachedExamination{ended: ago(3 * time.Minute), took: 10 * time.Minute, read: true}, false},
		"ended after its caller": {cachedExamination{ended: ago(5 * time.Minute), took: time.Second}, true},
		"no call for too long":   {cachedExamination{ended: ago(7 * time.Minute), took: time.Second}, false},
	} {
		if got := tt.result.usable(now); got != tt.usable {
			t.Errorf("%s: usable is %t", name, got)
		}
	}
}
