package provisioner_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/provisioner"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

type object = map[string]any

// database is a read-only Heketi.
type database struct {
	url string

	mu      sync.Mutex
	db      map[string]object
	dumps   int
	infos   int    // volumes that were requested one by one
	listed  func() // called once, after the next answer with the ids of all volumes
	trusted func() // called once, after the next answer with the clusters
}

// clusterID is the id of every database's cluster.
const clusterID = "cccccccccccccccccccccccccccccccc"

// newDatabase returns a database with one cluster of nodes 1, 2 and 3, each with one disk of 100 GiB, and no volumes.
func newDatabase(t *testing.T) *database {
	t.Helper()
	d := &database{db: map[string]object{
		"clusterentries": {clusterID: object{"Info": object{"nodes": []string{"n1", "n2", "n3"}, "file": true}}},
		"volumeentries":  {}, "nodeentries": {}, "deviceentries": {}, "pendingoperations": {},
	}}
	for i := 1; i <= 3; i++ {
		node := fmt.Sprintf("n%d", i)
		d.db["nodeentries"][node] = object{"State": "online", "Info": object{"hostnames": object{"storage": []string{fmt.Sprintf("192.0.2.%d", i)}}}}
		d.db["deviceentries"]["d"+node] = object{"State": "online", "NodeId": node, "ExtentSize": 4096, "Info": object{"storage": object{"free": 104857600}}}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		value, after := d.answer(r.URL.Path)
		d.mu.Unlock()
		if value == nil {
			http.Error(w, "Id not found", http.StatusNotFound)
		} else if err := json.NewEncoder(w).Encode(value); err != nil {
			t.Error(err)
		}
		if after != nil {
			after()
		}
	}))
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

func (d *database) answer(path string) (value any, after func()) {
	switch path {
	case "/db/dump":
		d.dumps++
		return d.db, nil
	case "/clusters":
		after, d.trusted = d.trusted, nil
		return object{"clusters": slices.Collect(maps.Keys(d.db["clusterentries"]))}, after
	case "/volumes":
		after, d.listed = d.listed, nil
		ids := []string{}
		for id, v := range d.db["volumeentries"] {
			if _, pending := v.(object)["Pending"]; !pending {
				ids = append(ids, id)
			}
		}
		return object{"volumes": ids}, after
	}
	d.infos++
	id := path[strings.LastIndex(path, "/")+1:]
	v, ok := d.db["volumeentries"][id].(object)
	if !ok || v["Pending"] != nil {
		return nil, nil
	}
	info := maps.Clone(v["Info"].(object))
	info["id"] = id
	info["mount"] = object{"glusterfs": object{"hosts": []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}}}
	return info, nil
}

func (d *database) add(id int, entry object) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.db["volumeentries"][fmt.Sprintf("%032x", id)] = entry
}

func (d *database) addOurs(id int) {
	d.add(id, object{"Info": object{
		"name": nameOf(id), "cluster": clusterID, "size": id + 1, "gid": 2000 + id,
		"durability": object{"type": "replicate", "replicate": object{"replica": 3}},
	}})
}

func nameOf(id int) string { return volume.GlusterName(fmt.Sprintf("pvc-%d", id), volume.Naming{}) }

func (d *database) remove(id int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.db["volumeentries"], fmt.Sprintf("%032x", id))
}

// replace installs another database and returns the old one.
func (d *database) replace(db map[string]object) map[string]object {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.db
	d.db = db
	return before
}

func (d *database) asked() (dumps, infos int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dumps, d.infos
}

// over returns a provisioner over backends named a, b and so on.
func over(t *testing.T, databases ...*database) *provisioner.Provisioner {
	t.Helper()
	var config heketi.Config
	for i, d := range databases {
		config.Backends = append(config.Backends, heketi.BackendConfig{Name: string(rune('a' + i)), URL: d.url})
	}
	backends, err := heketi.NewBackends(config, timing())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backends.Close)
	return provisioner.New(backends)
}

// list reads all pages.
func list(t *testing.T, p *provisioner.Provisioner, limit int) []string {
	t.Helper()
	var handles []string
	after := ""
	for {
		page, more, err := p.List(t.Context(), after, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page {
			handles = append(handles, short(v))
		}
		if !more {
			return handles
		}
		if len(page) != limit {
			t.Fatalf("a page of %d, want %d", len(page), limit)
		}
		after = page[len(page)-1].Handle.String()
	}
}

// short returns the backend and the number of a volume.
func short(v volume.Volume) string {
	return v.Handle.Backend + strings.TrimLeft(v.Handle.ID, "0")
}

func TestList(t *testing.T) {
	a, b := newDatabase(t), newDatabase(t)
	a.addOurs(3)
	a.addOurs(1)
	b.addOurs(2)
	a.add(4, object{"Info": object{"name": "data", "cluster": clusterID, "size": 1}})
	a.add(5, object{"Info": object{"name": nameOf(5), "cluster": clusterID, "size": 1}, "Pending": object{"Id": "o"}})
	a.add(6, object{"Info": object{"name": nameOf(6), "cluster": clusterID, "size": 1, "block": true}})
	p := over(t, a, b)

	all, more, err := p.List(t.Context(), "", 0)
	if err != nil || more {
		t.Fatalf("more: %t, error: %v", more, err)
	}
	want := volume.Volume{
		Handle: volume.Handle{Backend: "a", ID: fmt.Sprintf("%032x", 1)}, Name: nameOf(1), CapacityBytes: 2 * volume.GiB,
		Servers: []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}, Cluster: clusterID, GID: 2001, Durability: volume.DefaultDurability(),
	}
	if diff := cmp.Diff(want, all[0]); diff != "" {
		t.Error(diff)
	}
	if len(all) != 3 {
		t.Errorf("%d volumes, want 3: not those of others, those that are pending and those that host block volumes", len(all))
	}
	for _, limit := range []int{0, 1, 2, 3, 4} {
		if got := list(t, p, limit); !slices.Equal(got, []string{"a1", "a3", "b2"}) {
			t.Errorf("limit %d: %v", limit, got)
		}
	}
}

// TestListIsStable: a list that is read in pages queries each backend once, and shows every volume that exists throughout exactly
// once.
func TestListIsStable(t *testing.T) {
	d := newDatabase(t)
	for id := range 10 {
		d.addOurs(id + 16)
	}
	p := over(t, d)
	first, more, err := p.List(t.Context(), "", 4)
	if err != nil || !more || len(first) != 4 {
		t.Fatalf("%d volumes, more: %t, error: %v", len(first), more, err)
	}
	d.remove(19) // the last of the page
	d.addOurs(1) // before it
	after := first[3].Handle.String()
	for i := 0; more; i++ {
		var page []volume.Volume
		if page, more, err = p.List(t.Context(), after, 3); err != nil || len(page) != 3 {
			t.Fatalf("page %d: %d volumes, error: %v", i, len(page), err)
		}
		first, after = append(first, page...), page[2].Handle.String()
	}
	if dumps, _ := d.asked(); len(first) != 10 || dumps != 1 {
		t.Errorf("%d volumes with %d dumps, want 10 with 1", len(first), dumps)
	}
	// A token stays valid when none of the volumes of its list are left.
	rest, more, err := p.List(t.Context(), fmt.Sprintf("a/%032x", 19), 100)
	if err != nil || more || len(rest) != 6 || short(rest[0]) != "a14" {
		t.Errorf("from the middle: %d volumes, more: %t, error: %v", len(rest), more, err)
	}
	if got := list(t, p, 0); !slices.Contains(got, "a1") || slices.Contains(got, "a13") {
		t.Errorf("the first page is not fresh: %v", got)
	}
}

// TestListNeedsEveryBackend: callers regard a volume that is missing from a list as lost, so a partial list must not be returned
// as complete.
func TestListNeedsEveryBackend(t *testing.T) {
	a, b := newDatabase(t), newDatabase(t)
	a.addOurs(1)
	p := over(t, a, b)
	b.replace(nil)
	got, _, err := p.List(t.Context(), "", 0)
	wantError(t, err, volume.ErrUnavailable)
	if len(got) > 0 {
		t.Errorf("a part came with the error: %v", got)
	}

	f := start(t)
	f.create(t, spec("pvc-1"))
	f.server.EmptyDatabase()
	_, _, err = f.provisioner.List(t.Context(), "", 0)
	wantError(t, err, volume.ErrUnavailable)
}

func TestListRefusedKey(t *testing.T) {
	f := start(t)
	f.server.SetKey("another")
	_, _, err := f.provisioner.List(t.Context(), "", 0)
	wantError(t, err, volume.ErrUnauthenticated)
	f.server.SetKey(heketitest.DefaultKey)
	if _, _, err := f.provisioner.List(t.Context(), "", 0); err != nil {
		t.Error(err)
	}
}
