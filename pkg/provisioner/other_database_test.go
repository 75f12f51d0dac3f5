package provisioner_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/provisioner"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// recognising returns a provisioner that has not yet contacted the server and whose configuration names the clusters.
func (f *fixture) recognising(t *testing.T, clusters ...string) *provisioner.Provisioner {
	t.Helper()
	return f.configured(t, heketi.BackendConfig{Name: "main", URL: f.server.URL, KeyFile: f.keyFile, Clusters: clusters}, timing())
}

// TestOtherDatabaseAfterARestart: a driver that has just started detects another database by means of its configuration.
func TestOtherDatabaseAfterARestart(t *testing.T) {
	a, b := heketitest.NewCluster(), heketitest.NewCluster()
	for _, tc := range []struct {
		name string
		now  []heketitest.Cluster
		want []string // clusters in the message
	}{
		{"of other clusters", []heketitest.Cluster{heketitest.NewCluster()}, []string{a.ID, b.ID}},
		{"without one of the clusters", []heketitest.Cluster{a}, []string{b.ID}},
		{"without any cluster", nil, []string{a.ID, b.ID}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := start(t, a, b)
			v := f.create(t, spec("pvc-1"))
			sent := f.server.Requests("POST /volumes") + f.server.Requests("DELETE /volumes")
			f.server.ReplaceDatabase(tc.now...)
			p := f.recognising(t, a.ID, b.ID)

			errs := map[string]error{"delete": p.Delete(t.Context(), v.Handle, volume.Credentials{})}
			_, errs["create"] = p.Create(t.Context(), spec("pvc-1"))
			_, errs["get"] = p.Get(t.Context(), v.Handle, volume.Credentials{})
			_, errs["expand"] = p.Expand(t.Context(), v.Handle, volume.Capacity{RequiredBytes: 3 * volume.GiB}, volume.Credentials{})
			_, _, errs["list"] = p.List(t.Context(), "", 0)
			_, errs["available"] = p.Available(t.Context(), spec("pvc-1").Parameters)
			for call, err := range errs {
				wantError(t, err, volume.ErrUnavailable)
				for _, part := range append(slices.Clone(tc.want), `backend "main"`, "restore the database", "remove it from the backend's clusters") {
					if err != nil && !strings.Contains(err.Error(), part) {
						t.Errorf("%s: %q does not say %q", call, err, part)
					}
				}
			}
			if n := f.server.Requests("POST /volumes") + f.server.Requests("DELETE /volumes"); n != sent {
				t.Errorf("%d requests to change something were sent", n-sent)
			}
		})
	}
}

// TestRecognisedDatabase: the clusters in the configuration do not restrict where volumes are made.
func TestRecognisedDatabase(t *testing.T) {
	a, b := heketitest.NewCluster(), heketitest.NewCluster()
	f := start(t, a, b)
	p := f.recognising(t, a.ID)
	inB := spec("pvc-b")
	inB.Parameters.Clusters = []string{b.ID}
	v, err := p.Create(t.Context(), inB)
	if err != nil || v.Cluster != b.ID {
		t.Fatalf("a volume in a cluster beyond the configuration's: %+v, %v", v, err)
	}
	if volumes, _, err := p.List(t.Context(), "", 0); err != nil || len(volumes) != 1 {
		t.Errorf("list: %v, %v", volumes, err)
	}
	for range 2 {
		if err := p.Delete(t.Context(), v.Handle, volume.Credentials{}); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
}

// TestRecognisingCostsNoRequest: a create reads the clusters anyway.
func TestRecognisingCostsNoRequest(t *testing.T) {
	cluster := heketitest.NewCluster()
	requests := func(clusters ...string) int {
		f := start(t, cluster)
		p := f.recognising(t, clusters...)
		for _, name := range []string{"pvc-1", "pvc-2"} {
			if _, err := p.Create(t.Context(), spec(name)); err != nil {
				t.Fatal(err)
			}
		}
		return f.server.Requests("") - f.server.Requests("GET /queue/") // polls vary in number
	}
	if with, without := requests(cluster.ID), requests(); with != without {
		t.Errorf("%d requests with the clusters configured, %d without", with, without)
	}
}

// TestDatabaseExchangedDuringACreate: the database changes between the list of clusters and the request for a volume. The request
// names the cluster, so that another database refuses it.
func TestDatabaseExchangedDuringACreate(t *testing.T) {
	cluster := heketitest.NewCluster()
	f := start(t, cluster)
	p := f.recognising(t, cluster.ID)
	if _, err := p.Create(t.Context(), spec("pvc-0")); err != nil { // its records are recent enough for a group id
		t.Fatal(err)
	}
	f.server.ReplaceDatabase(heketitest.NewCluster())
	f.server.Inject(heketitest.Fault{Prefix: "GET /clusters", Times: 1, Status: http.StatusOK, Body: `{"clusters":["` + cluster.ID + `"]}`})
	_, err := p.Create(t.Context(), spec("pvc-1"))
	wantError(t, err, volume.ErrUnavailable)
	if n := f.server.Requests("POST /volumes"); n != 2 {
		t.Errorf("%d creates were sent, want 2: this test is about the second", n)
	}
	f.wantVolumes(t, 0)
}
