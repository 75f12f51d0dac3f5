package heketi

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

const sampleDump = `{
    "clusterentries": {
        "c1": {"Info": {"id": "c1", "nodes": ["n2", "n1", "gone"], "volumes": ["v1", "v2"], "block": true, "file": true, "blockvolumes": []}}
    },
    "volumeentries": {
        "v1": {"Info": {"size": 2, "name": "one", "durability": {"type": "replicate", "replicate": {"replica": 3}, "disperse": {}},
                        "gid": 2000, "snapshot": {"enable": false, "factor": 1}, "id": "v1", "cluster": "c1",
                        "mount": {"glusterfs": {"hosts": null, "device": "", "options": null}}, "blockinfo": {}},
               "Bricks": ["b1"], "GlusterVolumeOptions": null, "Pending": {"Id": ""}},
        "v2": {"Info": {"name": "two", "cluster": "c1"}, "Bricks": [], "Pending": {"Id": "o1"}}
    },
    "brickentries": {"b1": {"Info": {"id": "b1", "path": "/x", "size": 1}, "TpSize": 1, "Pending": {"Id": ""}}},
    "nodeentries": {
        "n1": {"State": "online", "Info": {"zone": 1, "hostnames": {"manage": ["a"], "storage": ["10.0.0.1", "x"]}, "cluster": "c1", "id": "n1"}, "Devices": ["d1"]},
        "n2": {"State": "failed", "Info": {"zone": 2, "hostnames": {"manage": ["b"], "storage": ["10.0.0.2"]}, "tags": {"rack": "r1"}}, "Devices": []}
    },
    "deviceentries": {
        "d1": {"State": "online", "Info": {"name": "/dev/x", "tags": {"disk": "ssd"}, "storage": {"total": 524288000, "free": 523231232, "used": 1056768}, "id": "d1"},
               "Bricks": ["b1"], "NodeId": "n1", "ExtentSize": 4096},
        "d2": {"State": "offline", "Info": {"storage": {"total": 1, "free": 1, "used": 0}}, "Bricks": [], "NodeId": "n2", "ExtentSize": 4096}
    },
    "blockvolumeentries": {},
    "dbattributeentries": {"DB_GENERATION_ID": {"Key": "DB_GENERATION_ID", "Value": "x"}},
    "pendingoperations": {"o1": {"Id": "o1", "Timestamp": 1, "Type": 1, "Actions": [{"Change": 2, "Id": "v2", "Delta": null}], "Status": "stale"}},
    "added later": {"x": [1, {"y": 2}]}
}`

func TestReadDump(t *testing.T) {
	got, err := readDump(strings.NewReader(sampleDump))
	if err != nil {
		t.Fatal(err)
	}
	want := Dump{
		Clusters: map[string]DumpCluster{"c1": {Nodes: []string{"n2", "n1", "gone"}, File: true}},
		Volumes: map[string]DumpVolume{
			"v1": {Name: "one", Cluster: "c1", SizeGiB: 2, GID: 2000, Durability: volume.Durability{Type: volume.Replicate, Replica: 3}},
			"v2": {Name: "two", Cluster: "c1", Durability: volume.Durability{Type: volume.None}, Pending: "o1"},
		},
		Operations: map[string]DumpOperation{"o1": {Status: "stale"}},
		Nodes: map[string]DumpNode{
			"n1": {Host: "10.0.0.1", Zone: 1, Online: true},
			"n2": {Host: "10.0.0.2", Zone: 2, Tags: map[string]string{"rack": "r1"}},
		},
		Devices: map[string]DumpDevice{
			"d1": {Node: "n1", Online: true, FreeKiB: 523231232, ExtentKiB: 4096, Tags: map[string]string{"disk": "ssd"}},
			"d2": {Node: "n2", FreeKiB: 1, ExtentKiB: 4096},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"10.0.0.2", "10.0.0.1"}, got.Hosts("c1")); diff != "" {
		t.Errorf("hosts: %s", diff)
	}
}

func TestReadDumpRefuses(t *testing.T) {
	for _, dump := range []string{
		"", "null", "[]", "{}", "<html>", `{"clusterentries":{}}`, `{"volumeentries":{}}`, `{"clusterentries":[],"volumeentries":{}}`,
		`{"clusterentries":{},"volumeentries":{"v":"x"}}`, `{"clusterentries":{"c":1},"volumeentries":{}}`,
		`{"clusterentries":{},"volumeentries":{},"deviceentries":{"d":{"Info":{"storage":{"free":-1}}}}}`,
		`{"clusterentries":{},"volumeentries":{},"nodeentries":{"n":[]}}`,
		`{"clusterentries":{},"volumeentries":{}`, sampleDump[:len(sampleDump)/2],
	} {
		if got, err := readDump(strings.NewReader(dump)); err == nil {
			t.Errorf("readDump(%q) = %v, want an error", dump, got)
		}
	}
}

// FuzzReadDump: any input is either refused or has the parts from which conclusions are drawn.
func FuzzReadDump(f *testing.F) {
	f.Add(sampleDump)
	f.Add(`{"clusterentries":null,"volumeentries":null}`)
	f.Add(`{"clusterentries":{"a":{"Info":{"nodes":["a","a","b"]}}},"volumeentries":{},"nodeentries":{"a":{"Info":null},"b":{}},"deviceentries":{"d":null}}`)
	f.Add(`{"clusterentries":{"a":1},"volumeentries":{"b":{"Pending":null}}}`)
	f.Fuzz(func(t *testing.T, dump string) {
		got, err := readDump(strings.NewReader(dump))
		if err == nil && (!strings.Contains(dump, "{") || got.Clusters == nil || got.Volumes == nil || got.Operations == nil || got.Nodes == nil || got.Devices == nil) {
			t.Errorf("readDump(%q) = %v", dump, got)
		}
		if err != nil && (got.Clusters != nil || got.Volumes != nil) {
			t.Errorf("readDump(%q) returns a part with %v", dump, err)
		}
		for id := range got.Clusters {
			for _, host := range got.Hosts(id) {
				if host == "" {
					t.Errorf("readDump(%q): cluster %q has a host without an address", dump, id)
				}
			}
		}
	})
}
