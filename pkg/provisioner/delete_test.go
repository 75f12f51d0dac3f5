package provisioner_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func (f *fixture) delete(t *testing.T, handle volume.Handle) error {
	t.Helper()
	return f.provisioner.Delete(t.Context(), handle, volume.Credentials{})
}

func TestDelete(t *testing.T) {
	f := start(t)
	v := f.create(t, spec("pvc-1"))
	for _, which := range []string{"first", "repeated"} {
		if err := f.delete(t, v.Handle); err != nil {
			t.Errorf("%s: %v", which, err)
		}
	}
	f.wantVolumes(t, 0)
	_, err := f.provisioner.Get(t.Context(), v.Handle, volume.Credentials{})
	wantError(t, err, volume.ErrNotFound)
	if again := f.create(t, spec("pvc-1")); again.Handle == v.Handle {
		t.Errorf("a new volume has the old handle %v", v.Handle)
	}
}

func TestDeleteRefusesForeignVolumes(t *testing.T) {
	cluster := heketitest.NewCluster()
	for _, tc := range []struct {
		test, name string
		block      bool
	}{
		{"made by hand", "web", false},
		{"of the in-tree plugin", "vol_0123456789abcdef0123456789abcdef", false},
		{"Heketi's database", "heketidbstorage", false},
		{"hosts block volumes", glusterName(), true},
		{"nearly a name of ours", glusterName() + "0", false},
	} {
		t.Run(tc.test, func(t *testing.T) {
			f := start(t, cluster)
			id := f.server.AddVolume(tc.name, cluster.ID, tc.block)
			err := f.delete(t, volume.Handle{Backend: "main", ID: id})
			wantError(t, err, volume.ErrInvalid)
			if n := f.server.Requests("DELETE"); n != 0 {
				t.Errorf("%d deletes were sent", n)
			}
			f.wantVolumes(t, 1)
		})
	}
}

func TestDeleteFromAnUnknownBackend(t *testing.T) {
	f := start(t)
	err := f.delete(t, volume.Handle{Backend: "gone", ID: strings.Repeat("0", 32)})
	wantError(t, err, volume.ErrPrecondition)
}

// TestLostDatabase: a Heketi with an empty database does not make a delete succeed.
func TestLostDatabase(t *testing.T) {
	f := start(t)
	v := f.create(t, spec("pvc-1"))
	f.server.EmptyDatabase()
	_, createErr := f.provisioner.Create(t.Context(), spec("pvc-2"))
	_, getErr := f.provisioner.Get(t.Context(), v.Handle, volume.Credentials{})
	for _, err := range []error{f.delete(t, v.Handle), createErr, getErr} {
		wantError(t, err, volume.ErrUnavailable)
		if err != nil && !strings.Contains(err.Error(), "database is lost") {
			t.Errorf("%v does not say that the database is lost", err)
		}
	}
}

// TestNotHeketi: a "not found" of another server at that address proves nothing.
func TestNotHeketi(t *testing.T) {
	for name, fault := range map[string]heketitest.Fault{
		"another server's 404":  {Prefix: "GET /volumes/", Status: http.StatusNotFound, Body: "404 page not found"},
		"not a dump":            {Prefix: "GET /db/dump", Status: http.StatusOK, Body: "{}"},
		"a truncated dump":      {Prefix: "GET /db/dump", Status: http.StatusOK, Body: `{"clusterentries":{"a":{}},"volumeentries":{`},
		"a web page for a dump": {Prefix: "GET /db/dump", Status: http.StatusOK, Body: "<html>"},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t)
			f.server.Inject(fault)
			handle := volume.Handle{Backend: "main", ID: strings.Repeat("0", 32)}
			wantError(t, f.delete(t, handle), volume.ErrUnavailable)
			_, err := f.provisioner.Get(t.Context(), handle, volume.Credentials{})
			wantError(t, err, volume.ErrUnavailable)
		})
	}
}

func TestDeleteWhilePending(t *testing.T) {
	f := start(t)
	v := f.create(t, spec("pvc-1"))
	f.server.Hold()
	ctx, cancel := context.WithCancel(t.Context())
	call := make(chan error, 1)
	go func() { call <- f.provisioner.Delete(ctx, v.Handle, volume.Credentials{}) }()
	eventually(t, "the delete is accepted", func() bool { return f.server.Pending() == 1 })
	cancel()
	wantError(t, <-call, volume.ErrBusy)

	// A driver that does not follow the operation sees that it is pending.
	other := f.another(t, 8, timing())
	wantError(t, other.Delete(t.Context(), v.Handle, volume.Credentials{}), volume.ErrBusy)
	_, err := other.Get(t.Context(), v.Handle, volume.Credentials{})
	wantError(t, err, volume.ErrBusy)
	_, err = other.Create(t.Context(), spec("pvc-1"))
	wantError(t, err, volume.ErrBusy)

	f.server.Release()
	if err := f.delete(t, v.Handle); err != nil {
		t.Error(err)
	}
	if n := f.server.Requests("DELETE"); n != 1 {
		t.Errorf("%d deletes were sent, want 1: the repeated call joins", n)
	}
	f.wantVolumes(t, 0)
}

func TestDeleteWhenAnswersAreLost(t *testing.T) {
	for name, fault := range map[string]heketitest.Fault{
		"of the delete": {Prefix: "DELETE /volumes/", Drop: true, After: true, Times: 1},
		"of the queue":  {Prefix: "GET /queue/", Drop: true, After: true, Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t)
			v := f.create(t, spec("pvc-1"))
			f.server.Inject(fault)
			if err := f.delete(t, v.Handle); err != nil {
				t.Error(err)
			}
			f.wantVolumes(t, 0)
		})
	}
	t.Run("the request is lost", func(t *testing.T) {
		f := start(t)
		v := f.create(t, spec("pvc-1"))
		f.server.Inject(heketitest.Fault{Prefix: "DELETE /volumes/", Drop: true, Times: 1})
		wantError(t, f.delete(t, v.Handle), volume.ErrUnavailable)
		f.wantVolumes(t, 1)
		if err := f.delete(t, v.Handle); err != nil {
			t.Error(err)
		}
	})
	t.Run("Heketi restarts", func(t *testing.T) {
		f := start(t)
		v := f.create(t, spec("pvc-1"))
		f.server.Hold()
		call := make(chan error, 1)
		go func() { call <- f.delete(t, v.Handle) }()
		eventually(t, "the delete is accepted", func() bool { return f.server.Pending() == 1 })
		f.server.Restart()
		if err := <-call; err != nil {
			t.Errorf("%v; Heketi should have been asked to finish the delete", err)
		}
		f.wantVolumes(t, 0)
		if n := f.server.Requests("POST /operations/pending/cleanup"); n != 1 {
			t.Errorf("%d clean-ups, want 1", n)
		}
	})
}

// TestDeleteWhileAnExpandLooks: Heketi has no record of the expand yet, so only the driver can keep the two apart.
func TestDeleteWhileAnExpandLooks(t *testing.T) {
	f := start(t)
	v := f.create(t, spec("pvc-1"))
	answer, looking := make(chan struct{}), make(chan struct{})
	f.server.Inject(heketitest.Fault{Prefix: "GET /operations/pending", Times: 1, Late: answer, Carried: looking})
	call := make(chan error, 1)
	go func() {
		_, err := f.expand(t, v.Handle, 5)
		call <- err
	}()
	<-looking
	wantError(t, f.delete(t, v.Handle), volume.ErrBusy)
	close(answer)
	if err := <-call; err != nil {
		t.Error(err)
	}
	f.wantSize(t, v, 5, 1)
}

// TestDeleteOfWhatHasGone: the volume disappears between the look-up and the request to remove it.
func TestDeleteOfWhatHasGone(t *testing.T) {
	for name, tc := range map[string]struct {
		dump *heketitest.Fault
		want error
	}{
		"the records have it":        {nil, volume.ErrBusy},
		"the records cannot be read": {&heketitest.Fault{Prefix: "GET /db/dump", Status: http.StatusBadGateway}, volume.ErrUnavailable},
		"the records do not have it": {&heketitest.Fault{Prefix: "GET /db/dump", Status: http.StatusOK, Body: `{"clusterentries": {"c": {}}, "volumeentries": {}}`}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t)
			v := f.create(t, spec("pvc-1"))
			p := f.another(t, 8, timing()) // has not seen a cluster yet
			f.server.Inject(heketitest.Fault{Prefix: "DELETE /volumes/", Status: http.StatusNotFound, Body: "Id not found"})
			if tc.dump != nil {
				f.server.Inject(*tc.dump)
			}
			wantError(t, p.Delete(t.Context(), v.Handle, volume.Credentials{}), tc.want)
		})
	}
}

func TestDeleteThatGlusterRefuses(t *testing.T) {
	for text, want := range map[string]error{
		"All 3 hosts: Unable to delete volume v: Some of the peers are down":                          volume.ErrPrecondition,
		"All 3 hosts: Unable to delete volume v: Cannot delete Volume v ,as it has 1 snapshots.":      volume.ErrPrecondition,
		"All 3 hosts: Unable to delete volume v: Another transaction is in progress for v. Try again": volume.ErrFailed,
	} {
		t.Run(text, func(t *testing.T) {
			f := start(t)
			v := f.create(t, spec("pvc-1"))
			f.server.FailOperations(text)
			err := f.delete(t, v.Handle)
			wantError(t, err, want)
			if err != nil && !strings.Contains(err.Error(), "stopped") {
				t.Errorf("%v does not say that the volume may be stopped", err)
			}
			f.wantVolumes(t, 1)
			f.server.FailOperations("")
			if err := f.delete(t, v.Handle); err != nil {
				t.Error(err)
			}
		})
	}
}
