package heketi

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const sampleDump = `{
    "clusterentries": {
        "c1": {"Info": {"id": "c1", "nodes": ["n1"], "volumes": ["v1", "v2"], "block": true, "file": true, "blockvolumes": []}}
    },
    "volumeentries": {
        "v1": {"Info": {"size": 2, "name": "one", "durability": {"type": "replicate", "replicate": {"replica": 3}, "disperse": {}},
                        "gid": 2000, "snapshot": {"enable": false, "factor": 1}, "id": "v1", "cluster": "c1",
                        "mount": {"glusterfs": {"hosts": null, "device": "", "options": null}}, "blockinfo": {}},
               "Bricks": ["b1"], "GlusterVolumeOptions": null, "Pending": {"Id": ""}},
        "v2": {"Info": {"name": "two", "cluster": "c1"}, "Bricks": [], "Pending": {"Id": "o1"}}
    },
    "brickentries": {"b1": {"Info": {"id": "b1", "path": "/x", "size": 1}, "TpSize": 1, "Pending": {"Id": ""}}},
    "nodeentries": null,
    "deviceentries": {},
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
		Clusters:   map[string]struct{}{"c1": {}},
		Volumes:    map[string]DumpVolume{"v1": {Name: "one", Cluster: "c1"}, "v2": {Name: "two", Cluster: "c1", Pending: "o1"}},
		Operations: map[string]DumpOperation{"o1": {Status: "stale"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadDumpRefuses(t *testing.T) {
	for _, dump := range []string{
		"", "null", "[]", "{}", "<html>", `{"clusterentries":{}}`, `{"volumeentries":{}}`, `{"clusterentries":[],"volumeentries":{}}`,
		`{"clusterentries":{},"volumeentries":{"v":"x"}}`, `{"clusterentries":{},"volumeentries":{}`, sampleDump[:len(sampleDump)/2],
	} {
		if got, err := readDump(strings.NewReader(dump)); err == nil {
			t.Errorf("readDump(%q) = %v, want an error", dump, got)
		}
	}
}

// FuzzReadDump: whatever comes, it is either refused or has the parts that conclusions
// are drawn from.
func FuzzReadDump(f *testing.F) {
	f.Add(sampleDump)
	f.Add(`{"clusterentries":null,"volumeentries":null}`)
	f.Add(`{"clusterentries":{"a":1},"volumeentries":{"b":{"Pending":null}}}`)
	f.Fuzz(func(t *testing.T, dump string) {
		got, err := readDump(strings.NewReader(dump))
		if err == nil && (!strings.Contains(dump, "{") || got.Clusters == nil || got.Volumes == nil || got.Operations == nil) {
			t.Errorf("readDump(%q) = %v", dump, got)
		}
		if err != nil && (got.Clusters != nil || got.Volumes != nil) {
			t.Errorf("readDump(%q) returns a part with %v", dump, err)
		}
	})
}
