package provisioner_test

import (
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/provisioner"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// withOther returns a provisioner with the backend other beside main, and the journal in dir.
func (f *fixture) withOther(t *testing.T, url, dir string) *provisioner.Provisioner {
	t.Helper()
	journal, err := provisioner.OpenJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f.over(t, []heketi.BackendConfig{
		{Name: "main", URL: f.server.URL, KeyFile: f.keyFile}, {Name: "other", URL: url, KeyFile: f.keyFile},
	}, timing(), provisioner.WithJournal(journal))
}

// specFor returns the request of a class that names the backend.
func specFor(name, backend string) volume.Spec {
	s := spec(name)
	s.Parameters.Backend = backend
	return s
}

// TestCreateForAnotherBackend: a class is made again with another backend, and the create for the first one was not answered. There
// is at most one volume, and the other backend gets it only when the first one certainly has none.
func TestCreateForAnotherBackend(t *testing.T) {
	f, other, dir := start(t), heketitest.New(t, heketitest.NewCluster()), t.TempDir()
	p := f.withOther(t, other.URL, dir)
	release, carried := make(chan struct{}), make(chan struct{})
	f.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Times: 1, Held: release, Carried: carried})
	_, err := p.Create(t.Context(), specFor("pvc-1", "main"))
	wantError(t, err, volume.ErrUnavailable)
	wantBusy := func(p *provisioner.Provisioner) {
		t.Helper()
		_, err := p.Create(t.Context(), specFor("pvc-1", "other"))
		wantError(t, err, volume.ErrBusy)
		says(t, err, `of backend "main" has made the volume or may still make it, and this create is for backend "other"`)
	}
	wantBusy(p)
	wantBusy(f.withOther(t, other.URL, dir)) // after a restart
	if n := other.Requests("POST"); n > 0 {
		t.Errorf("%d creates were sent to the other Heketi", n)
	}
	if _, err := p.Create(t.Context(), specFor("pvc-2", "other")); err != nil {
		t.Error(err)
	}
	close(release)
	<-carried
	wantBusy(p)
	v, err := p.Create(t.Context(), specFor("pvc-1", "main"))
	if err != nil {
		t.Fatal(err)
	}
	lift := f.server.Inject(heketitest.Fault{Prefix: "GET /db/dump", Status: 503})
	wantBusy(p)
	lift()
	wantBusy(p)
	if err := f.delete(t, v.Handle); err != nil { // by another process
		t.Fatal(err)
	}
	before := f.server.Requests("")
	if v, err := p.Create(t.Context(), specFor("pvc-1", "other")); err != nil || v.Handle.Backend != "other" {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := p.Create(t.Context(), specFor("pvc-1", "other")); err != nil {
		t.Error(err)
	}
	if n := f.server.Requests("") - before; n != 1 {
		t.Errorf("%d requests to the first Heketi, want one for its records", n)
	}
	f.wantVolumes(t, 0)
}

// TestBackendsOfOneHeketi: a repeated create finds its volume, although another backend has the same volume.
func TestBackendsOfOneHeketi(t *testing.T) {
	f := start(t)
	p := f.withOther(t, strings.Replace(f.server.URL, "127.0.0.1", "localhost", 1), t.TempDir())
	v, err := p.Create(t.Context(), specFor("pvc-1", "main"))
	if err != nil {
		t.Fatal(err)
	}
	for _, backend := range []string{"other", "main"} {
		again, err := p.Create(t.Context(), specFor("pvc-1", backend))
		if err != nil || again.Handle != (volume.Handle{Backend: backend, ID: v.Handle.ID}) {
			t.Errorf("backend %s: %+v, %v", backend, again, err)
		}
	}
	f.wantVolumes(t, 1)
}
