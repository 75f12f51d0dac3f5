package doctor

import (
	"fmt"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

// Contents of a dump, and the findings about them.
func TestCluster(t *testing.T) {
	tests := []struct {
		name     string
		change   func(s site)
		refused  []string
		check    string
		severity report.Severity
		says     string
		number   int
	}{
		{"899 volumes", func(s site) { manyVolumes(s, 899) }, nil, "heketi-volumes", report.OK, "899 volumes", 1},
		{"900 volumes", func(s site) { manyVolumes(s, 900) }, nil, "heketi-volumes", report.Warning, "no more than 1000", 1},
		{"names that differ", func(s site) {
			s.volume(id(0x10), id(1), ourName("pvc-1"), "")
			s.volume(id(0x11), id(1), ourName("pvc-2"), "")
		}, nil, "heketi-names", report.OK, "", 1},
		{"one name, cleaned in two ways", func(s site) {
			s.volume(id(0x10), id(1), ourName("pvc-1"), "")
			s.volume(id(0x11), id(1), "team_"+ourName("pvc-1"), "")
		}, nil, "heketi-names", report.Warning, "team_csi-pvc-1", 1},
		{"two nodes", func(s site) { s.node(id(0xa3), "10.0.0.3", "offline") }, nil, "cluster-capacity", report.Warning, "no volume with three copies", 1},
		{"full", func(s site) { s.device(id(0xd1), id(0xa1), "online", 1<<20) }, nil, "cluster-capacity", report.Warning, "no volume with three copies", 1},
		{"device offline", func(s site) { s.device(id(0xd4), id(0xa1), "offline", 1) }, nil, "cluster-offline", report.Warning, id(0xd4), 1},
		{"nothing offline", func(site) {}, nil, "cluster-offline", "", "", 0},
		{"device of another cluster", func(s site) { s.device(id(0xd4), id(0xaa), "offline", 1) }, nil, "cluster-offline", "", "", 0},
		{"block only", func(s site) { s.cluster(id(1), false) }, nil, "cluster-capacity", report.Info, "block volumes", 1},
		{"one server away", func(site) {}, []string{"10.0.0.1"}, "gluster-port", report.Warning, "10.0.0.1 cannot be reached on port 24007: connection refused", 1},
		{"all servers away", func(site) {}, []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}, "gluster-port", report.Info, "3 gluster servers cannot be reached from here: connection refused", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := heketitest.New(t, heketitest.NewCluster())
			s := newSite()
			tt.change(s)
			s.serve(t, server, nil)
			path := configFile(t, heketitest.DefaultKey, one(server.URL))
			found := find(Run(t.Context(), Config{ConfigFile: path, Prober: prober(tt.refused...)}), tt.check)
			if len(found) != tt.number || tt.number > 0 && (found[0].Severity != tt.severity || !strings.Contains(found[0].Message, tt.says)) {
				t.Errorf("%+v", found)
			}
		})
	}
}

// TestAllServersAwayFromANode: a node that reaches no gluster server can mount nothing, which is critical; a pod need not reach
// any.
func TestAllServersAwayFromANode(t *testing.T) {
	server := heketitest.New(t, heketitest.NewCluster())
	newSite().serve(t, server, nil)
	path := configFile(t, heketitest.DefaultKey, one(server.URL))
	found := find(Run(t.Context(), Config{ConfigFile: path, Node: goodNode(t), Prober: prober("10.0.0.1", "10.0.0.2", "10.0.0.3")}), "gluster-port")
	if len(found) != 3 || found[2].Severity != report.Critical || !strings.Contains(found[2].Message, "10.0.0.3 cannot be reached on port 24007: connection refused") {
		t.Errorf("%+v", found)
	}
}

// TestClusterWithOtherServers: on a node whose clients use other servers for a cluster, those are tried.
func TestClusterWithOtherServers(t *testing.T) {
	server := heketitest.New(t, heketitest.NewCluster())
	newSite().serve(t, server, nil)
	n := goodNode(t)
	writeRecord(t, n, "servers.json", fmt.Sprintf(`{%q: ["10.0.1.1"]}`, id(1)))
	path := configFile(t, heketitest.DefaultKey, one(server.URL))
	found := find(Run(t.Context(), Config{ConfigFile: path, Node: n, Prober: prober("10.0.0.1", "10.0.0.2", "10.0.0.3")}), "gluster-port")
	if len(found) != 1 || found[0].Severity != report.OK || found[0].Message != "port 24007 of 1 gluster server can be reached" {
		t.Errorf("%+v", found)
	}
}

func manyVolumes(s site, n int) {
	for i := range n {
		s.volume(id(1000+i), id(1), fmt.Sprintf("vol-%d", i), "")
	}
}
