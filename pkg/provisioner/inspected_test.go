package provisioner_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/provisioner"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// TestExpandLooksAtOperations: operations on other volumes, and operations that have ended meanwhile, do not delay an expand.
func TestExpandLooksAtOperations(t *testing.T) {
	const operation = "0123456789abcdef0123456789abcdef"
	for name, tt := range map[string]struct {
		list   string // of the operations
		status int    // of the answer for the one operation
		body   string
		want   error
	}{
		"of another volume": {"expand-volume", http.StatusOK, `{"id": "` + operation + `", "type_name": "expand-volume", "changes": [{"id": "x"}]}`, nil},
		"ended meanwhile":   {"expand-volume", http.StatusNotFound, "Id not found", nil},
		"a create":          {"create-volume", http.StatusInternalServerError, "is not asked for", nil},
		"a delete":          {"delete-volume", http.StatusInternalServerError, "is not asked for", nil},
		"not known":         {"expand-volume", http.StatusInternalServerError, "the sky falls", volume.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t)
			v := f.create(t, spec("pvc-1"))
			f.server.Inject(heketitest.Fault{Prefix: "GET /operations/pending/" + operation, Status: tt.status, Body: tt.body})
			f.server.Inject(heketitest.Fault{Prefix: "GET /operations/pending", Status: http.StatusOK, Body: fmt.Sprintf(
				`{"pendingoperations": [{"id": %q, "type_name": %q}]}`, operation, tt.list)})
			_, err := f.expand(t, v.Handle, 3)
			wantError(t, err, tt.want)
		})
	}
}

// TestExpandsAfterTheListing: if another caller expands the volume after its operations were listed, the size that is read includes
// an expand that has ended, and the second look finds one that is still running.
func TestExpandsAfterTheListing(t *testing.T) {
	for name, tt := range map[string]struct {
		running bool
		size    int
		want    error
	}{
		"ended":         {false, 5, nil},
		"still running": {true, 2, volume.ErrBusy},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t)
			v := f.create(t, spec("pvc-1"))
			answer, listed := make(chan struct{}), make(chan struct{})
			f.server.Inject(heketitest.Fault{Prefix: "GET /operations/pending", Times: 1, Late: answer, Carried: listed})
			call := make(chan error, 1)
			go func() {
				_, err := f.expand(t, v.Handle, 5)
				call <- err
			}()
			<-listed
			if tt.running {
				f.server.Hold()
			}
			f.server.Expand(v.Handle.ID, 3)
			close(answer)
			wantError(t, <-call, tt.want)
			f.wantSize(t, v, tt.size, 0)
		})
	}
}

// unwell returns a provisioner over a Heketi with one volume of ours that gluster does not have. record is the volume's entry in
// Heketi's records, gluster is the node's report, and volumes are the HTTP statuses of successive look-ups.
func unwell(t *testing.T, record string, gluster string, volumes ...int) *provisioner.Provisioner {
	t.Helper()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/volumes/") {
			if status := volumes[min(int(asked.Add(1)), len(volumes))-1]; status != http.StatusOK {
				http.Error(w, "Id not found", status)
				return
			}
			_, _ = fmt.Fprintf(w, `{"id": %q, "name": %q, "cluster": "c"}`, strings.TrimPrefix(r.URL.Path, "/volumes/"), nameOf(1))
			return
		}
		if r.URL.Path == "/db/dump" {
			_, _ = fmt.Fprint(w, `{"clusterentries": {"c": {}}, "volumeentries": {}}`)
			return
		}
		_, _ = fmt.Fprintf(w, `{"heketidb": {"clusterentries": {"c": {"Info": {"nodes": ["n1"], "file": true}}}, "volumeentries": {"%032x": %s},
			"nodeentries": {"n1": {"Info": {"hostnames": {"storage": ["a"]}}}}}, "report": [],
			"clusters": [{"ClusterHeketiID": "c", "NodesData": [{"NodeHeketiID": "n1"%s}]}]}`, 1, record, gluster)
	}))
	t.Cleanup(server.Close)
	backends, err := heketi.NewBackends(heketi.Config{Backends: []heketi.BackendConfig{{Name: "main", URL: server.URL}}}, timing())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backends.Close)
	return provisioner.New(backends)
}

// TestHealthOfLostVolumes: a volume that gluster does not have is looked up again in Heketi.
func TestHealthOfLostVolumes(t *testing.T) {
	const answers, silent = `, "VolumeInfo": {"Volumes": {"VolumeList": []}}, "BricksMountStatus": {"Statuses": null}`, ``
	ours := fmt.Sprintf(`{"Info": {"name": %q, "cluster": "c"}}`, nameOf(1))
	block := fmt.Sprintf(`{"Info": {"name": %q, "cluster": "c", "block": true}}`, nameOf(1))
	handle := volume.Handle{Backend: "main", ID: fmt.Sprintf("%032x", 1)}
	for name, tt := range map[string]struct {
		record, gluster string
		volumes         []int
		health          error
		listErr         error
		listed          int
	}{
		"lost":                 {ours, answers, []int{200}, nil, nil, 2}, // under each of its handles
		"deleted meanwhile":    {ours, answers, []int{200, 404}, volume.ErrNotFound, nil, 0},
		"Heketi has gone":      {ours, answers, []int{200, 500}, volume.ErrUnavailable, volume.ErrUnavailable, 0},
		"hosts block volumes":  {block, answers, []int{200}, nil, nil, 0},
		"no node has answered": {ours, silent, []int{200}, volume.ErrUnavailable, volume.ErrUnavailable, 0},
		"not there":            {ours, answers, []int{404}, volume.ErrNotFound, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			health, err := unwell(t, tt.record, tt.gluster, tt.volumes...).Health(t.Context(), handle, volume.Credentials{})
			wantError(t, err, tt.health)
			if err == nil && (len(health.Conditions) != 1 || health.Conditions[0].Reason != "VolumeMissing") {
				t.Errorf("%+v", health)
			}
			listed, more, err := unwell(t, tt.record, tt.gluster, tt.volumes[len(tt.volumes)-1]).ListHealth(t.Context(), "", 2)
			wantError(t, err, tt.listErr)
			if len(listed) != tt.listed || more {
				t.Errorf("listed: %+v, more: %t", listed, more)
			}
			if err != nil && name == "no node has answered" && !strings.Contains(err.Error(), `backend "main"`) {
				t.Errorf("%v does not name the backend", err)
			}
		})
	}
}

// TestMostAskedOneByOne: up to a hundred new volumes are requested one by one; if there are more, a dump is read.
func TestMostAskedOneByOne(t *testing.T) {
	for many, wantDumps := range map[int]int{100: 1, 101: 2} {
		d := newDatabase(t)
		p := over(t, d)
		list(t, p, 0)
		for id := 1; id <= many; id++ {
			d.addOurs(id)
		}
		got := list(t, p, 0)
		if dumps, infos := d.asked(); len(got) != many || dumps != wantDumps || (infos == many) != (wantDumps == 1) {
			t.Errorf("%d new volumes: %d listed after %d dumps and %d questions", many, len(got), dumps, infos)
		}
	}
}

// TestListOfManyNeedsTheRecords: if too many volumes are new, the records are read, and the volumes may be gone by then.
func TestListOfManyNeedsTheRecords(t *testing.T) {
	d := newDatabase(t)
	p := over(t, d)
	list(t, p, 0)
	for id := range 101 {
		d.addOurs(id + 1)
	}
	d.listed = func() { d.replace(nil) }
	got, _, err := p.List(t.Context(), "", 0)
	wantError(t, err, volume.ErrUnavailable)
	if len(got) > 0 {
		t.Errorf("%d volumes came with the error", len(got))
	}
}

// TestListFailsInTheMiddle: each request of a list that uses its cache may fail.
func TestListFailsInTheMiddle(t *testing.T) {
	f := start(t)
	f.create(t, spec("pvc-1"))
	if _, _, err := f.provisioner.List(t.Context(), "", 0); err != nil {
		t.Fatal(err)
	}
	if _, err := f.another(t, 8, timing()).Create(t.Context(), spec("pvc-2")); err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{"GET /volumes", "GET /volumes/", "GET /clusters"} {
		lift := f.server.Inject(heketitest.Fault{Prefix: prefix, Times: 1, Status: http.StatusInternalServerError, Body: "broken"})
		got, _, err := f.provisioner.List(t.Context(), "", 0)
		lift()
		wantError(t, err, volume.ErrUnavailable)
		if len(got) > 0 {
			t.Errorf("%s fails: %v", prefix, got)
		}
	}
	if got, _, err := f.provisioner.List(t.Context(), "", 0); err != nil || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
}
