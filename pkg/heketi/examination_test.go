package heketi

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// sampleExamination is an answer of Heketi 10.3 about gluster 10 with one node switched off, shortened.
const sampleExamination = `{
    "heketidb": ` + sampleDump + `,
    "report": ["OnDemand Examiner invoked while 0 ops are in flight", "could not fetch data from node 10.0.0.2"],
    "clusters": [{
        "ClusterHeketiID": "c1",
        "NodesData": [
            {"NodeHeketiID": "n2", "VolumeInfo": null, "LVMPVInfo": null, "LVMVGInfo": null, "LVMLVInfo": null, "BricksMountStatus": null, "BlockVolumeNames": null},
            {"NodeHeketiID": "n1", "VolumeInfo": {"XMLName": {"Space": "", "Local": "volInfo"}, "Volumes": {"Count": 2, "VolumeList": [
                {"VolumeName": "one", "Status": 1, "StatusStr": "Started", "BrickCount": 3, "DistCount": 1, "ReplicaCount": 3, "ArbiterCount": 0,
                 "DisperseCount": 0, "RedundancyCount": 0, "Type": 2, "TypeStr": "Replicate",
                 "Bricks": {"BrickList": [{"UUID": "u", "Name": "10.0.0.1:/b/v/x/brick", "HostUUID": "u", "IsArbiter": 0}, {"Name": "10.0.0.2:/b/v/y/brick"}, {"Name": "10.0.0.3:/b/v/z/brick"}]},
                 "OptCount": 1, "Options": {"OptionList": [{"Name": "nfs.disable", "Value": "on"}]}},
                {"VolumeName": "two", "Status": 2, "StatusStr": "Stopped", "ReplicaCount": 1, "DisperseCount": 0,
                 "Bricks": {"BrickList": [{"Name": "10.0.0.1:/b/v/w/brick"}]}, "Options": {"OptionList": null}}]}},
             "LVMPVInfo": {"report": [{"pv": []}]},
             "BricksMountStatus": {"Statuses": [
                {"Device": "/dev/mapper/v-x", "MountPoint": "/b/v/x", "Type": "xfs", "MountOptions": "rw", "Mounted": true},
                {"Device": "/dev/mapper/v-w", "MountPoint": "/b/v/w", "Type": "xfs", "MountOptions": "rw", "Mounted": false}]},
             "BlockVolumeNames": null}
        ]}]
}`

func TestReadExamination(t *testing.T) {
	got, err := readExamination(strings.NewReader(sampleExamination))
	if err != nil {
		t.Fatal(err)
	}
	dump, err := readDump(strings.NewReader(sampleDump))
	if err != nil {
		t.Fatal(err)
	}
	want := Examination{Database: dump, Clusters: map[string]ExaminedCluster{"c1": {
		Nodes: map[string]ExaminedNode{
			"n1": {Reached: true, Glusterd: true, Mounted: map[string]bool{"/b/v/x": true, "/b/v/w": false}},
			"n2": {},
		},
		Volumes: map[string]GlusterVolume{
			"one": {Status: "Started", Bricks: []string{"10.0.0.1:/b/v/x/brick", "10.0.0.2:/b/v/y/brick", "10.0.0.3:/b/v/z/brick"}, Set: 3, Needed: 2},
			"two": {Status: "Stopped", Bricks: []string{"10.0.0.1:/b/v/w/brick"}, Set: 1, Needed: 1},
		},
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	node := got.Clusters["c1"].Nodes["n1"]
	for brick, want := range map[string][2]bool{"/b/v/x/brick": {true, true}, "/b/v/w/brick": {false, true}, "/b/v/y/brick": {false, false}} {
		if mounted, known := node.BrickMounted(brick); mounted != want[0] || known != want[1] {
			t.Errorf("%s: mounted %t, known %t", brick, mounted, known)
		}
	}
}

// TestANodeThatKnowsNothing: a server that was detached or reinstalled does not hide what the others report.
func TestANodeThatKnowsNothing(t *testing.T) {
	c := ExaminedCluster{Nodes: map[string]ExaminedNode{}}
	for _, text := range []string{
		`{"NodeHeketiID": "new", "VolumeInfo": {"Volumes": {"VolumeList": null}}}`,
		`{"NodeHeketiID": "old", "VolumeInfo": {"Volumes": {"VolumeList": [{"VolumeName": "one"}]}}}`,
	} {
		var node nodeData
		if err := json.Unmarshal([]byte(text), &node); err != nil {
			t.Fatal(err)
		}
		c.add(node)
	}
	if _, ok := c.Volumes["one"]; !ok {
		t.Error("the volume is missing")
	}
}

func TestReadExaminationRefuses(t *testing.T) {
	for _, text := range []string{
		``, `[]`, `{}`, `{"heketidb": {}}`, `{"heketidb": {}, "clusters": []}`, `{"clusters": []}`, sampleDump,
		`{"heketidb": {"clusterentries": {}, "volumeentries": {}}, "clusters": {}}`,
		`{"heketidb": {"clusterentries": {}, "volumeentries": {}}, "clusters": [{"NodesData": 1}]}`,
		sampleExamination[:len(sampleExamination)-20],
	} {
		if found, err := readExamination(strings.NewReader(text)); err == nil {
			t.Errorf("%.60q: %+v", text, found)
		}
	}
}

func TestQuorum(t *testing.T) {
	option := func(pairs ...string) (v volumeInfo) {
		for i := 0; i < len(pairs); i += 2 {
			v.Options.OptionList = append(v.Options.OptionList, volumeOption{pairs[i], pairs[i+1]})
		}
		return v
	}
	const kind, count = "cluster.quorum-type", "cluster.quorum-count"
	tests := []struct {
		name                          string
		replica, disperse, redundancy int
		options                       []string
		set, needed                   int
	}{
		{"distribute", 1, 0, 0, nil, 1, 1},
		{"replica 2", 2, 0, 0, nil, 2, 1},
		{"replica 3", 3, 0, 0, nil, 3, 2},
		{"replica 3 without quorum", 3, 0, 0, []string{kind, "none"}, 3, 1},
		{"replica 3, all", 3, 0, 0, []string{count, "3", kind, "fixed"}, 3, 3},
		{"a count without its type", 3, 0, 0, []string{count, "1"}, 3, 2},
		{"a type without its count", 3, 0, 0, []string{kind, "fixed"}, 3, 2},
		{"not told", 0, 0, 0, nil, 1, 1},
		{"nonsense", 3, 0, 0, []string{count, "99", kind, "fixed"}, 3, 3},
		{"disperse", 1, 6, 2, nil, 6, 4},
		{"damaged", 1, 3, 7, nil, 3, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := option(tt.options...)
			v.ReplicaCount, v.DisperseCount, v.RedundancyCount = tt.replica, tt.disperse, tt.redundancy
			if got := v.volume(); got.Set != tt.set || got.Needed != tt.needed {
				t.Errorf("%d of %d, want %d of %d", got.Needed, got.Set, tt.needed, tt.set)
			}
		})
	}
}

// FuzzReadExamination: for any input, reading ends and the result can be used.
func FuzzReadExamination(f *testing.F) {
	f.Add(sampleExamination)
	f.Add(`{"heketidb": {"clusterentries": null, "volumeentries": null}, "clusters": null}`)
	f.Add(`{"heketidb": {"clusterentries": {}, "volumeentries": {}}, "clusters": [null, {"ClusterHeketiID": "c", "NodesData": [null]}]}`)
	f.Add(`{"heketidb": {"clusterentries": {}, "volumeentries": {}}, "clusters": [{"NodesData": [{"VolumeInfo": {"Volumes": {"VolumeList": [{"DisperseCount": -3}]}}}]}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		found, err := readExamination(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, cluster := range found.Clusters {
			for name, v := range cluster.Volumes {
				if v.Set < 1 || v.Needed < 1 || v.Needed > v.Set {
					t.Errorf("volume %q needs %d bricks of %d", name, v.Needed, v.Set)
				}
			}
		}
	})
}

// TestExamineOfAnotherDatabase: the result of such an examination is refused, because it is not about the volumes of the
// configured clusters.
func TestExamineOfAnotherDatabase(t *testing.T) {
	url, _ := serving(t, http.StatusOK, sampleExamination)
	found, err := newTestClient(t, BackendConfig{URL: url, Clusters: []string{clusterA}}, DefaultTiming()).Examine(t.Context())
	if other, ok := errors.AsType[*OtherDatabaseError](err); !ok || len(other.Missing) != 1 || len(found.Clusters) != 0 {
		t.Errorf("%+v, %v", found, err)
	}
}

// TestExamineHasTime: an examination takes Heketi longer than any other request.
func TestExamineHasTime(t *testing.T) {
	timing := DefaultTiming()
	timing.Exchange = 10 * time.Millisecond
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/examine/gluster") {
			<-r.Context().Done() // until the client gives up
			return
		}
		time.Sleep(5 * timing.Exchange)
		_, _ = io.WriteString(w, sampleExamination)
	}))
	defer server.Close()
	backends, err := NewBackends(Config{Backends: []BackendConfig{{Name: "main", URL: server.URL}}}, timing)
	if err != nil {
		t.Fatal(err)
	}
	defer backends.Close()
	backend, err := backends.ByName("main")
	if err != nil {
		t.Fatal(err)
	}
	client, err := backend.Client(volume.Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	if found, err := client.Examine(t.Context()); err != nil || len(found.Clusters) != 1 {
		t.Errorf("%+v, %v", found, err)
	}
	if _, err := client.Dump(t.Context()); !errors.Is(err, volume.ErrUnavailable) {
		t.Errorf("another request has no answer, and got %v", err)
	}
}
