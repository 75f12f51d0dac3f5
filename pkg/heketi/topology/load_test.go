package topology

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/labtest"
)

// realClient returns a client of a real Heketi with a mock executor. Heketi starts with the lab's cluster of 10.0.1.1 to
// 10.0.1.3.
func realClient(t *testing.T) *heketi.Client {
	t.Helper()
	mock := labtest.MockHeketi(t)
	backends, err := heketi.NewBackends(heketi.Config{Backends: []heketi.BackendConfig{{Name: "mock", URL: mock.URL}}}, heketi.DefaultTiming())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backends.Close)
	client, err := backends.All()[0].Client(volume.Credentials{Key: lab.HeketiKey})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// nodes returns a topology of one cluster of nodes n<first> to n<last>, each with the devices.
func nodes(first, last int, devices ...string) Topology {
	c := Cluster{File: true, Block: true}
	for i := first; i <= last; i++ {
		n := Node{Manage: []string{fmt.Sprintf("n%d", i)}, Storage: []string{fmt.Sprintf("10.1.0.%d", i)}, Zone: 1}
		for _, d := range devices {
			n.Devices = append(n.Devices, Device{Name: d})
		}
		c.Nodes = append(c.Nodes, n)
	}
	return Topology{Clusters: []Cluster{c}}
}

// refusing is a Server that refuses devices and nodes by name.
type refusing struct {
	*heketi.Client
	refused map[string]error
	wiped   []string
}

func (r *refusing) AddDevice(ctx context.Context, d heketi.NewDevice) error {
	if d.DestroyData {
		r.wiped = append(r.wiped, d.Name)
		return r.Client.AddDevice(ctx, d)
	}
	if err := r.refused[d.Name]; err != nil {
		return err
	}
	return r.Client.AddDevice(ctx, d)
}

func (r *refusing) AddNode(ctx context.Context, n heketi.NewNode) (heketi.Node, error) {
	if err := r.refused[n.Manage[0]]; err != nil {
		return heketi.Node{}, err
	}
	return r.Client.AddNode(ctx, n)
}

func mustLoad(t *testing.T, server Server, topology Topology) Result {
	t.Helper()
	result, err := Loader{Server: server}.Load(t.Context(), topology)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// TestLoad loads a topology into a real Heketi, loads it again, and loads it after it has grown.
func TestLoad(t *testing.T) {
	client := realClient(t)
	old := []string{"node 10.0.1.1", "node 10.0.1.2", "node 10.0.1.3"}

	first := mustLoad(t, client, nodes(1, 3, "/dev/sdb"))
	if first.Added != 7 || first.Found != 0 || !slices.Equal(first.Beyond, old) || len(first.Differs) > 0 {
		t.Errorf("the first time: %+v", first)
	}
	again := mustLoad(t, client, nodes(1, 3, "/dev/sdb"))
	if again.Added != 0 || again.Found != 7 || !slices.Equal(again.Clusters, first.Clusters) {
		t.Errorf("again: %+v", again)
	}
	grown := nodes(1, 4, "/dev/sdb", "/dev/sdc")
	slices.Reverse(grown.Clusters[0].Nodes) // the new node comes first, and joins the existing cluster
	if got := mustLoad(t, client, grown); got.Added != 1+5 || got.Found != 7 || !slices.Equal(got.Clusters, first.Clusters) {
		t.Errorf("grown: %+v", got)
	}
	less := nodes(2, 4, "/dev/sdc")
	less.Clusters[0].Nodes[0].Zone = 2
	less.Clusters[0].Nodes[1].Storage[0] = "10.1.0.99"
	got := mustLoad(t, client, less)
	if want := append(slices.Clone(old), "node n1", "device /dev/sdb of node n2", "device /dev/sdb of node n3", "device /dev/sdb of node n4"); got.Added != 0 || !slices.Equal(got.Beyond, want) {
		t.Errorf("less: %+v", got)
	}
	if want := []string{"node n2 is in zone 1 in Heketi and in zone 2 in the topology", "node n3 has the storage address 10.1.0.3 in Heketi and 10.1.0.99 in the topology"}; !slices.Equal(got.Differs, want) {
		t.Errorf("differs: %q", got.Differs)
	}
	if got := mustLoad(t, client, nodes(1, 4, "/dev/sdb", "/dev/sdc")); got.Added != 0 || got.Found != 13 {
		t.Errorf("nothing is removed: %+v", got)
	}
}

// TestRefusals: the other devices are added, and the error names node, device and Heketi's reason.
func TestRefusals(t *testing.T) {
	client := realClient(t)
	server := &refusing{Client: client, refused: map[string]error{
		"/dev/sdc": &heketi.Error{Status: 500, Text: "Initializing device /dev/sdc failed (already initialized or contains data?): WARNING: xfs signature detected on /dev/sdc"},
		"/dev/sdd": &heketi.Error{Status: 500, Text: "Initializing device /dev/sdd failed (already initialized or contains data?): Device /dev/sdd not found."},
		"n4":       &heketi.Error{Status: 400, Text: "New Node doesn't have glusterd running"},
	}}
	result, err := Loader{Server: server}.Load(t.Context(), nodes(3, 5, "/dev/sdb", "/dev/sdc", "/dev/sdd", "/dev/sde"))
	if err == nil || result.Added != 1+2*3 {
		t.Fatalf("%+v, %v", result, err)
	}
	for _, want := range []string{
		"device /dev/sdc of node n3 was not added: Initializing device /dev/sdc failed (already initialized or contains data?): WARNING: xfs signature detected on /dev/sdc; it is in use or holds data: name another device, or, if nothing on it is needed, run wipefs --all /dev/sdc on n3",
		"device /dev/sdd of node n5 was not added: Initializing device /dev/sdd failed (already initialized or contains data?): Device /dev/sdd not found.; does the node have a disk of this name? lsblk lists its disks",
		"node n4 was not added: New Node doesn't have glusterd running (its 4 devices were not tried); its gluster pod must run, and glusterd in it must answer",
	} {
		if !slices.Contains(strings.Split(err.Error(), "\n"), want) {
			t.Errorf("%q is not in\n%v", want, err)
		}
	}
	clear(server.refused)
	if result := mustLoad(t, server, nodes(3, 5, "/dev/sdb", "/dev/sdc", "/dev/sdd", "/dev/sde")); result.Added != 4+5 {
		t.Errorf("what was missing: %+v", result)
	}
}

// TestHeketisOwnRefusals: the refusals come from a real Heketi.
func TestHeketisOwnRefusals(t *testing.T) {
	client := realClient(t)
	taken := nodes(1, 3, "/dev/sdb")
	taken.Clusters[0].Nodes[1].Storage[0] = "10.0.1.2"
	result, err := Loader{Server: client}.Load(t.Context(), taken)
	if err == nil || !strings.Contains(err.Error(), "node n2 was not added: Hostname 10.0.1.2 already used by node with id ") ||
		!strings.Contains(err.Error(), "another node of Heketi has this name or address") || result.Added != 5 {
		t.Errorf("%+v, %v", result, err)
	}
}

// TestLeftover: only a device that contains nothing but the remains of an interrupted add is made again.
func TestLeftover(t *testing.T) {
	client := realClient(t)
	data := &heketi.Error{Status: 500, Text: "aleady contains Physical Volume X"}
	server := &refusing{Client: client, refused: map[string]error{"/dev/sdb": data, "/dev/sdc": data, "/dev/sdd": data}}
	loader := Loader{Server: server, Leftover: func(_ context.Context, node, device string) (bool, error) {
		if node != "n1" {
			t.Errorf("asked about node %s", node)
		}
		if device == "/dev/sdd" {
			return true, errors.New("no answer")
		}
		return device == "/dev/sdc", nil
	}}
	result, err := loader.Load(t.Context(), nodes(1, 1, "/dev/sdb", "/dev/sdc", "/dev/sdd"))
	if err == nil || strings.Count(err.Error(), "was not added") != 2 || strings.Contains(err.Error(), "/dev/sdc") || result.Added != 3 {
		t.Errorf("%+v, %v", result, err)
	}
	if !slices.Equal(server.wiped, []string{"/dev/sdc"}) {
		t.Errorf("wiped %q", server.wiped)
	}
}

// TestInterruptedLoads: an interrupted load can be repeated, and leaves no second cluster.
func TestInterruptedLoads(t *testing.T) {
	client := realClient(t)
	server := &refusing{Client: client, refused: map[string]error{"n1": errors.New("no answer"), "n2": errors.New("no answer")}}
	for range 2 {
		if _, err := (Loader{Server: server}).Load(t.Context(), nodes(1, 2, "/dev/sdb")); err == nil {
			t.Error("no error")
		}
	}
	clear(server.refused)
	mustLoad(t, server, nodes(1, 2, "/dev/sdb"))
	if clusters, err := client.Clusters(t.Context()); err != nil || len(clusters) != 2 {
		t.Errorf("clusters %q, %v", clusters, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the Job is being deleted"))
	if _, err := (Loader{Server: client}).Load(ctx, nodes(1, 2)); err == nil || !strings.Contains(err.Error(), "the Job is being deleted") {
		t.Errorf("%v", err)
	}
}

// TestSplitCluster: a node cannot move between clusters.
func TestSplitCluster(t *testing.T) {
	client := realClient(t)
	mustLoad(t, client, nodes(1, 1, "/dev/sdb"))
	mustLoad(t, client, nodes(2, 2, "/dev/sdb"))
	both := nodes(1, 2, "/dev/sdb")
	if _, err := (Loader{Server: client}).Load(t.Context(), both); err == nil || !strings.Contains(err.Error(), "clusters[0]: its nodes are in several of Heketi's clusters (n") {
		t.Errorf("%v", err)
	}
	apart := Topology{Clusters: []Cluster{nodes(1, 1, "/dev/sdb").Clusters[0], nodes(2, 2, "/dev/sdb", "/dev/sdc").Clusters[0]}}
	if result := mustLoad(t, client, apart); result.Added != 1 || result.Clusters[0] == result.Clusters[1] {
		t.Errorf("%+v", result)
	}
}
