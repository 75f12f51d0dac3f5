package fuseclient

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOthersReadTheServers: other programs read from the state directory which servers the client of a volume uses.
func TestOthersReadTheServers(t *testing.T) {
	n := newNode(t)
	restartWith := func(servers ClusterServers) {
		t.Helper()
		n.ending.Wait()
		n.Close()
		config := testConfig(n.cfg.StateDir)
		config.Servers = servers
		var err error
		if n.Manager, err = newManager(t.Context(), config, n.limits); err != nil {
			t.Fatal(err)
		}
	}
	read := func() []string {
		t.Helper()
		clusters, err := ReadClusterServers(n.cfg.StateDir)
		if err != nil {
			t.Fatal(err)
		}
		volumes, err := ReadVolumes(n.cfg.StateDir)
		if err != nil || len(volumes) != 1 {
			t.Fatalf("%+v, %v", volumes, err)
		}
		return slices.Sorted(slices.Values(volumes[0].Servers(clusters)))
	}
	restartWith(ClusterServers{"moved": {"gluster8", "gluster9"}})
	s := source("vol", "backup-volfile-servers=gluster7")
	s.Cluster = "moved"
	if err := n.Stage(t.Context(), s, n.path("staging")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(serversOf(t, n.known()), read()); diff != "" {
		t.Errorf("with servers of the cluster: %s", diff)
	}
	restartWith(nil)
	if diff := cmp.Diff([]string{"gluster1", "gluster2", "gluster7"}, read()); diff != "" {
		t.Errorf("without: %s", diff)
	}
	n.fill("servers.json")
	restartWith(nil) // starts although the file cannot be written
}
