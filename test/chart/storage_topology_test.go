package chart

import (
	"fmt"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/topology"
)

// goodTopology is modified by the test cases.
const goodTopology = `{"clusters": [{"file": true, "nodes": [
  {"node": {"hostnames": {"manage": ["n1"], "storage": ["10.0.0.1"]}, "zone": 1}, "devices": ["/dev/sdb"]},
  {"node": {"hostnames": {"manage": ["n2"], "storage": ["10.0.0.2"]}, "zone": 2, "tags": {"rack": "a"}}, "devices": [{"name": "/dev/sdb", "destroydata": true, "tags": {"ssd": "yes"}}]},
  {"node": {"hostnames": {"manage": ["n3"], "storage": ["gluster3.example.org"]}, "zone": 3}, "devices": ["/dev/sdb"]}]}]}`

// TestChartAndJobAcceptTheSameTopologies: the chart's templates and the setup Job, which read a topology.json one after the
// other, accept and refuse the same. Cases with an intended difference say so.
func TestChartAndJobAcceptTheSameTopologies(t *testing.T) {
	const (
		taken     = 0
		byChart   = 1 // the chart refuses it
		byJob     = 2
		byBoth    = byChart | byJob
		sdb       = `"devices": ["/dev/sdb"]}]}]}`
		name      = `"manage": ["n2"]`
		address   = `"10.0.0.2"`
		deviceOf2 = `{"name": "/dev/sdb", "destroydata": true, "tags": {"ssd": "yes"}}`
	)
	for _, tt := range []struct {
		name, old, new string
		refused        int
	}{
		{"as it is", "", "", taken},
		{"not JSON", goodTopology, "clusters: []", byBoth},
		{"something behind its end", goodTopology, goodTopology + "{}", byBoth},
		{"a list", goodTopology, "[]", byBoth},
		{"nothing", goodTopology, "{}", byBoth},
		{"no clusters", goodTopology, `{"clusters": []}`, byBoth},
		{"clusters as an object", goodTopology, `{"clusters": {}}`, byBoth},
		{"a cluster as text", goodTopology, `{"clusters": ["a"]}`, byBoth},
		{"a cluster without nodes", `{"clusters": [`, `{"clusters": [{"nodes": []}, `, byBoth},
		{"nodes as text", goodTopology, `{"clusters": [{"nodes": "n1"}]}`, byBoth},
		{"a flag as text", `"file": true`, `"file": "true"`, byBoth},
		{"another flag", `"file": true`, `"block": false`, taken},
		{"a comment", `"file": true`, `"_file": 1`, taken},
		{"an unknown field", `"file": true`, `"state": "online"`, byBoth},
		{"an unknown field at the top", `{"clusters"`, `{"id": "1", "clusters"`, byBoth},
		{"an unknown field of a node's entry", sdb, `"device": [], ` + sdb, byBoth},
		{"an unknown field of a node", `"zone": 3`, `"zone": 3, "state": "online"`, byBoth},
		{"an unknown field of host names", `"manage": ["n3"]`, `"manage": ["n3"], "alias": ["x"]`, byBoth},
		{"an unknown field of a device", `"destroydata": true`, `"destroyData2": true`, byBoth},
		// heketi-cli accepts any letter case, and so does the Job. Templates read fields by their names.
		{"another letter case", `"zone": 3`, `"Zone": 3`, byChart},
		// Go's JSON decoder uses the last one, which a template cannot detect.
		{"a field twice", `"zone": 3`, `"zone": 3, "zone": 3`, byJob},
		{"an entry as text", goodTopology, `{"clusters": [{"nodes": ["n1"]}]}`, byBoth},
		{"no node", goodTopology, `{"clusters": [{"nodes": [{"devices": []}]}]}`, byBoth},
		{"no host names", goodTopology, `{"clusters": [{"nodes": [{"node": {"zone": 1}}]}]}`, byBoth},
		{"no manage", name + ", ", "", byBoth},
		{"no storage", `, "storage": ["gluster3.example.org"]`, "", byBoth},
		{"an empty list", name, `"manage": []`, byBoth},
		{"a name as text", name, `"manage": "n2"`, byBoth},
		{"a name as number", name, `"manage": [2]`, byBoth},
		{"no name", name, `"manage": [""]`, byBoth},
		{"two names", name, `"manage": ["n2", "n2.example.org"]`, taken},
		{"a second name that is none", name, `"manage": ["n2", "n2; reboot"]`, byBoth},
		{"a name for a shell", name, `"manage": ["n2$(reboot)"]`, byBoth},
		// An external Heketi has other names than Kubernetes nodes; pkg/heketi/topology leaves that check to the setup.
		{"no name of a Kubernetes node", name, `"manage": ["N_2"]`, byChart},
		{"a name twice", name, `"manage": ["n1"]`, byBoth},
		{"a second name twice", name, `"manage": ["n2", "n1"]`, byBoth},
		{"a name twice in one list", name, `"manage": ["n2", "n2"]`, taken},
		{"no zone", `, "zone": 3`, "", byBoth},
		{"zone 0", `"zone": 3`, `"zone": 0`, byBoth},
		{"zone -1", `"zone": 3`, `"zone": -1`, byBoth},
		{"half a zone", `"zone": 3`, `"zone": 1.5`, byBoth},
		{"a zone as text", `"zone": 3`, `"zone": "3"`, byBoth},
		{"a zone twice", `"zone": 3`, `"zone": 1`, taken},
		{"an address twice", address, `"10.0.0.1"`, byBoth},
		{"an address twice in another letter case", address, `"Gluster3.example.org"`, byBoth},
		{"a host name", address, `"gluster2.example.org"`, taken},
		{"an underscore", address, `"gluster_2"`, taken},
		{"IPv6", address, `"fd00::2"`, taken},
		{"IPv6 with zeros at its end", address, `"fd00::"`, taken},
		{"IPv6 of IPv4", address, `"::ffff:10.0.0.2"`, taken},
		{"a port", address, `"gluster2:24007"`, byBoth},
		{"an address with a port", address, `"10.0.0.2:24007"`, byBoth},
		{"a URL", address, `"http://gluster2"`, byBoth},
		{"brackets", address, `"[fd00::2]"`, byBoth},
		{"a zone of IPv6", address, `"fe80::1%eth0"`, byBoth},
		// A template cannot detect that these are not enough parts.
		{"half an IPv6 address", address, `"fd00:1:2"`, byJob},
		{"an option", address, `"--help"`, byBoth},
		{"a list of addresses in one", address, `"10.0.0.2,10.0.0.4"`, byBoth},
		{"loopback", address, `"127.0.0.2"`, byBoth},
		{"loopback of IPv6", address, `"::1"`, byBoth},
		{"loopback of IPv6 at length", address, `"0:0:0:0:0:0:0:1"`, byBoth},
		{"localhost", address, `"LocalHost"`, byBoth},
		{"every address", address, `"0.0.0.0"`, byBoth},
		{"every address of IPv6", address, `"::"`, byBoth},
		{"a second address that is none", address, `"10.0.0.2", "a b"`, byBoth},
		{"no devices", `"devices": ["/dev/sdb"]`, `"devices": []`, byChart}, // of a node: two nodes are too few for the database, which the Job checks in a later step
		{"devices as text", `"devices": ["/dev/sdb"]`, `"devices": "/dev/sdb"`, byBoth},
		{"devices as null", `"devices": ["/dev/sdb"]`, `"devices": null`, byBoth},
		{"a device as number", deviceOf2, "1", byBoth},
		{"a device without name", deviceOf2, `{"destroydata": true}`, byBoth},
		{"a device without path", deviceOf2, `"sdb"`, byBoth},
		{"a device by its id", deviceOf2, `"/dev/disk/by-id/ata-A_B:1"`, taken},
		{"a device for a shell", deviceOf2, `"/dev/sdb; reboot"`, byBoth},
		{"a path that leads elsewhere", deviceOf2, `"/dev/../etc/passwd"`, byBoth},
		{"the directory", deviceOf2, `"/dev/"`, byBoth},
		{"the directory in another way", deviceOf2, `"/dev/."`, byBoth},
		{"a path that is too long", deviceOf2, `"/dev/` + strings.Repeat("x", 251) + `"`, byBoth},
		{"a device twice", deviceOf2, `"/dev/sdb", "/dev/sdb"`, byBoth},
		{"a device twice in two forms", deviceOf2, `"/dev/sdb", {"name": "/dev/sdb"}`, byBoth},
		{"a device twice by two paths", deviceOf2, `"/dev/sdb", "/dev//sdb"`, byBoth},
		{"destroydata as text", `"destroydata": true`, `"destroydata": "true"`, byBoth},
		{"a tag as number", `"ssd": "yes"`, `"ssd": 1`, byBoth},
		{"tags as a list", `{"rack": "a"}`, `["rack"]`, byBoth},
		{"a long tag", `"rack": "a"`, `"rack": "` + strings.Repeat("x", 65) + `"`, byBoth},
		{"a tag's name", `"rack": "a"`, `"the rack": "a"`, byBoth},
		{"a comment among tags", `"rack": "a"`, `"_rack": 1`, taken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := goodTopology
			if tt.old != "" {
				if text = strings.Replace(goodTopology, tt.old, tt.new, 1); text == goodTopology {
					t.Fatal("the case changes nothing")
				}
			}
			said, byTemplates := templateOf(t, storageDir, "topologyJSON: |-\n  "+strings.ReplaceAll(text, "\n", "\n  ")+"\n")
			if got := byTemplates != nil; got != (tt.refused&byChart != 0) {
				t.Errorf("the chart refuses it: %v, %s", got, said)
			}
			_, byParser := topology.Parse([]byte(text))
			if got := byParser != nil; got != (tt.refused&byJob != 0) {
				t.Errorf("the Job refuses it: %v, %v", got, byParser)
			}
			if byTemplates != nil && !strings.Contains(said, "topologyJSON: ") {
				t.Errorf("this is no message of the chart's checks: %s", said)
			}
		})
	}
}

// TestRenderedTopology: the setup Job reads the topology that the chart renders from nodes and from topologyJSON, with the same
// content.
func TestRenderedTopology(t *testing.T) {
	for _, r := range storageRenderings() {
		text := dig(t, only(t, objects(t, r.render(t)), "ConfigMap", "heketi-topology").Object, "data", "topology.json").(string)
		parsed, err := topology.Parse([]byte(text))
		if err != nil || len(parsed.Nodes()) < 3 {
			t.Errorf("%s: %v, %v", r.name, fmt.Sprint(parsed), err)
		}
	}
}
