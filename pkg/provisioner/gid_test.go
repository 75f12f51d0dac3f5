package provisioner_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/provisioner"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// wantGIDs checks that no two volumes have the same group id.
func wantGIDs(t *testing.T, f *fixture) {
	t.Helper()
	gids := f.server.GIDs()
	if distinct := slices.Compact(slices.Clone(gids)); len(distinct) != len(gids) {
		t.Errorf("the volumes have the group ids %v", gids)
	}
}

func specOf(name string, lowest, highest int64) volume.Spec {
	s := spec(name)
	s.Parameters.GIDs = volume.GIDRange{Min: lowest, Max: highest}
	return s
}

func TestGIDsOfParallelCreatesAreUnique(t *testing.T) {
	f := start(t)
	f.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Drop: true, After: true, Times: 3})
	calls := make([]<-chan createResult, 0, 40)
	for i := range 40 { // two classes whose ranges overlap
		s := specOf(fmt.Sprintf("pvc-%d", i), 2000+int64(i%2)*10, 2100)
		calls = append(calls, background(t.Context(), f.provisioner, s))
	}
	for _, call := range calls {
		if r := <-call; r.err != nil || r.volume.GID < 2000 || r.volume.GID > 2100 {
			t.Errorf("group id %d, %v", r.volume.GID, r.err)
		}
	}
	wantGIDs(t, f)

	f.provisioner = f.another(t, 8, timing()) // the driver after a restart
	f.create(t, specOf("pvc-x", 2000, 2100))
	f.wantVolumes(t, 41)
	wantGIDs(t, f)
}

func TestGIDsAreTheLowest(t *testing.T) {
	cluster := heketitest.NewCluster()
	f := start(t, cluster)
	f.server.AddVolumeOf(2001, "vol_of_the_in-tree_plugin", cluster.ID)
	handles := make([]volume.Handle, 0, 3)
	for i, want := range []int64{2000, 2002, 2003} {
		v := f.create(t, spec(fmt.Sprintf("pvc-%d", i)))
		if v.GID != want {
			t.Errorf("volume %d has group id %d, want %d", i, v.GID, want)
		}
		handles = append(handles, v.Handle)
	}
	if again := f.create(t, spec("pvc-1")); again.GID != 2002 {
		t.Errorf("repeated: group id %d, want 2002", again.GID)
	}
	if err := f.delete(t, handles[1]); err != nil {
		t.Fatal(err)
	}
	if v := f.create(t, spec("pvc-3")); v.GID != 2002 {
		t.Errorf("group id %d, want that of the deleted volume, 2002", v.GID)
	}
}

func TestGIDsOfOthersAreNoticed(t *testing.T) {
	cluster := heketitest.NewCluster()
	for name, tc := range map[string]struct {
		refresh time.Duration
		dumps   int
	}{
		"when the records are old": {0, 2},
		"not before":               {time.Hour, 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t, cluster)
			p := f.another(t, 8, timing(), provisioner.WithRefresh(tc.refresh))
			if _, err := p.Create(t.Context(), spec("pvc-1")); err != nil {
				t.Fatal(err)
			}
			f.server.AddVolumeOf(2001, "theirs", cluster.ID)
			if _, err := p.Create(t.Context(), spec("pvc-2")); err != nil {
				t.Fatal(err)
			}
			if tc.refresh == 0 {
				wantGIDs(t, f)
			}
			if n := f.server.Requests("GET /db/dump"); n != tc.dumps {
				t.Errorf("the database was read %d times, want %d", n, tc.dumps)
			}
		})
	}
}

func TestGIDsExhausted(t *testing.T) {
	f := start(t)
	first := f.create(t, specOf("pvc-1", 2000, 2000))
	_, err := f.provisioner.Create(t.Context(), specOf("pvc-2", 2000, 2000))
	wantError(t, err, volume.ErrExhausted)
	if err != nil && (!strings.Contains(err.Error(), "2000 to") || !strings.Contains(err.Error(), "gidMax 2000")) {
		t.Errorf("%v does not name the range", err)
	}
	lift := f.server.Inject(heketitest.Fault{Prefix: "GET /db/dump", Status: http.StatusBadGateway})
	_, err = f.provisioner.Create(t.Context(), specOf("pvc-2", 2000, 2000))
	wantError(t, err, volume.ErrUnavailable) // a group id may be free by now
	lift()
	if again := f.create(t, specOf("pvc-1", 2000, 2000)); again.Handle != first.Handle {
		t.Errorf("repeated: %v, want %v", again.Handle, first.Handle)
	}
	// Another driver deletes the volume.
	if err := f.another(t, 8, timing()).Delete(t.Context(), first.Handle, volume.Credentials{}); err != nil {
		t.Fatal(err)
	}
	if v := f.create(t, specOf("pvc-2", 2000, 2000)); v.GID != 2000 {
		t.Errorf("group id %d", v.GID)
	}
}

// TestGIDOfACreateInDoubt: the group id stays reserved, because the request may still reach Heketi.
func TestGIDOfACreateInDoubt(t *testing.T) {
	f := start(t)
	f.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Drop: true, Times: 1})
	_, err := f.provisioner.Create(t.Context(), spec("pvc-1"))
	wantError(t, err, volume.ErrUnavailable)
	if v := f.create(t, spec("pvc-2")); v.GID != 2001 {
		t.Errorf("group id %d, want 2001", v.GID)
	}
	if v := f.create(t, spec("pvc-1")); v.GID != 2000 {
		t.Errorf("group id %d, want the reserved one, 2000", v.GID)
	}
}

// TestGIDsAreFreeAgain: a group id is free as soon as its volume is deleted, and some time after a create that made no volume.
func TestGIDsAreFreeAgain(t *testing.T) {
	for name, faults := range map[string][]heketitest.Fault{
		"made": nil, "found after a lost answer": {{Prefix: "POST /volumes", Times: 1, Drop: true, After: true}},
	} {
		f := start(t)
		for _, fault := range faults {
			f.server.Inject(fault)
		}
		if err := f.delete(t, f.create(t, spec("pvc-1")).Handle); err != nil {
			t.Fatal(err)
		}
		if v := f.create(t, spec("pvc-2")); v.GID != 2000 {
			t.Errorf("%s: group id %d, want 2000", name, v.GID)
		}
	}
	f := start(t)
	p := f.another(t, 8, timing(), provisioner.WithRefresh(time.Nanosecond))
	f.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Times: 1, Status: http.StatusBadRequest, Body: "Invalid replica value"})
	_, err := p.Create(t.Context(), spec("pvc-1"))
	wantError(t, err, volume.ErrInvalid)
	if v, err := p.Create(t.Context(), spec("pvc-2")); err != nil || v.GID != 2000 {
		t.Errorf("after a refusal: group id %d, %v; want 2000", v.GID, err)
	}
}

func TestGIDsNeedHeketisRecords(t *testing.T) {
	f := start(t)
	f.server.Inject(heketitest.Fault{Prefix: "GET /db/dump", Status: http.StatusInternalServerError, Body: "oops"})
	_, err := f.provisioner.Create(t.Context(), spec("pvc-1"))
	wantError(t, err, volume.ErrUnavailable)
	f.wantVolumes(t, 0)
}
