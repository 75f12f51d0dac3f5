package provisioner_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

const cleanUps = "POST /operations/pending/cleanup"

// stuck returns a fixture whose pvc-1 is pending and stale, because Heketi was restarted in the middle of its create.
func stuck(t *testing.T) *fixture {
	t.Helper()
	f := start(t)
	f.server.Hold()
	call := background(t.Context(), f.provisioner, spec("pvc-1"))
	eventually(t, "the create is accepted", func() bool { return f.server.Pending() == 1 })
	noCleanUp := f.server.Inject(heketitest.Fault{Prefix: cleanUps, Status: http.StatusBadGateway})
	f.server.Restart()
	if r := <-call; r.err == nil {
		t.Fatal("the create has succeeded")
	}
	noCleanUp()
	f.server.Release() // a stale operation stays stale
	return f
}

// TestCleanUpOnlyWhatBlocksTheVolume: the operation may have changed between the dump and the query for it.
func TestCleanUpOnlyWhatBlocksTheVolume(t *testing.T) {
	const another = "0123456789abcdef0123456789abcdef"
	for _, tc := range []struct {
		name                 string
		kind, status, target string // of the operation; target "" is the volume
		want                 bool
	}{
		{"a stale create", "create-volume", "stale", "", true},
		{"a failed create", "create-volume", "failed", "", true},
		{"a stale delete", "delete-volume", "stale", "", true},
		{"it runs again", "create-volume", "", "", false},
		{"it concerns another volume", "create-volume", "stale", another, false},
		{"an expand", "expand-volume", "stale", "", false},
		{"a clone", "clone-volume", "stale", "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := stuck(t)
			before, creates := f.server.Requests(cleanUps), f.server.Requests("POST /volumes")
			target := tc.target
			if target == "" {
				target = f.server.VolumeIDs()[0]
			}
			operation := f.server.OperationIDs()[0]
			f.server.Inject(heketitest.Fault{Prefix: "GET /operations/pending/" + operation, Status: http.StatusOK, Body: fmt.Sprintf(
				`{"id": %q, "type_name": %q, "status": %q, "changes": [{"id": %q}]}`, operation, tc.kind, tc.status, target)})
			_, err := f.another(t, 8, timing()).Create(t.Context(), spec("pvc-1"))
			if cleaned := f.server.Requests(cleanUps) > before; cleaned != tc.want || tc.want != (err == nil) {
				t.Errorf("cleaned up: %t, error: %v; want %t", cleaned, err, tc.want)
			}
			if !tc.want {
				wantError(t, err, volume.ErrBusy)
				if n := f.server.Requests("POST /volumes") - creates; n != 1 {
					t.Errorf("%d creates were sent, want 1: nothing has changed", n)
				}
			}
		})
	}
}

// TestCleanUpAsksOnlyForWhatHasEnded: a running operation needs no clean-up request.
func TestCleanUpAsksOnlyForWhatHasEnded(t *testing.T) {
	f := start(t)
	f.server.Hold()
	call := background(t.Context(), f.provisioner, spec("pvc-1"))
	eventually(t, "the create is accepted", func() bool { return f.server.Pending() == 1 })
	_, err := f.another(t, 8, timing()).Create(t.Context(), spec("pvc-1"))
	wantError(t, err, volume.ErrBusy)
	if n := f.server.Requests("GET /operations/pending/"); n != 0 {
		t.Errorf("%d questions for an operation that runs", n)
	}
	f.server.Release()
	<-call
}

// TestNoCleanUpOfOthersVolumes: the driver does not finish what an administrator has begun with heketi-cli.
func TestNoCleanUpOfOthersVolumes(t *testing.T) {
	cluster := heketitest.NewCluster()
	f := start(t, cluster)
	id := f.server.AddVolume("web", cluster.ID, false)
	f.server.StrandDelete(id)
	err := f.delete(t, volume.Handle{Backend: "main", ID: id})
	wantError(t, err, volume.ErrBusy)
	says(t, err, " is stale. ", "heketi-cli server operations cleanup "+f.server.OperationIDs()[0])
	if n := f.server.Requests(cleanUps); n != 0 {
		t.Errorf("%d clean-ups were asked for", n)
	}
	f.wantVolumes(t, 1)
}

// TestCleanUpFails: an operation that Heketi does not clean up stays unchanged.
func TestCleanUpFails(t *testing.T) {
	for name, prefix := range map[string]string{"the clean-up": cleanUps, "the question for the operation": "GET /operations/pending/"} {
		t.Run(name, func(t *testing.T) {
			f := stuck(t)
			lift := f.server.Inject(heketitest.Fault{Prefix: prefix, Status: http.StatusBadGateway})
			attempts := f.server.Requests("GET /clusters")
			_, err := f.provisioner.Create(t.Context(), spec("pvc-1"))
			wantError(t, err, volume.ErrBusy)
			if n := f.server.Requests("GET /clusters") - attempts; n != 1 {
				t.Errorf("%d attempts, want 1: nothing has changed", n)
			}
			lift()
			f.create(t, spec("pvc-1"))
			f.wantVolumes(t, 1)
		})
	}
}

// TestCleanUpByHeketi: Heketi itself has cleaned up between the dump and the query for the operation.
func TestCleanUpByHeketi(t *testing.T) {
	f := stuck(t)
	f.pass("GET /db/dump", 1) // for the group id
	answer, asked := make(chan struct{}), make(chan struct{})
	f.server.Inject(heketitest.Fault{Prefix: "GET /db/dump", Times: 1, Late: answer, Carried: asked})
	call := background(t.Context(), f.another(t, 8, timing()), spec("pvc-1"))
	<-asked // for the dump in which the create looks for the volume that has its name
	f.server.Clean()
	close(answer)
	if r := <-call; r.err != nil {
		t.Error(r.err)
	}
	f.wantVolumes(t, 1)
}

// TestCleanUpFreesTheGroupID: the group id of a volume that was never completed is freed, even if it is the last one.
func TestCleanUpFreesTheGroupID(t *testing.T) {
	f := stuck(t)
	p := f.another(t, 8, timing())
	if v, err := p.Create(t.Context(), specOf("pvc-1", 2000, 2000)); err != nil || v.GID != 2000 {
		t.Errorf("with one group id: %d, %v", v.GID, err)
	}
	f.wantVolumes(t, 1)

	f = stuck(t)
	p = f.another(t, 8, timing())
	if v, err := p.Create(t.Context(), spec("pvc-1")); err != nil || v.GID != 2001 {
		t.Errorf("group id %d, %v; want 2001, which was chosen before the clean-up", v.GID, err)
	}
	if v, err := p.Create(t.Context(), spec("pvc-2")); err != nil || v.GID != 2000 {
		t.Errorf("group id %d, %v; want that of the volume that was cleaned up, 2000", v.GID, err)
	}
}

// TestDeleteAfterARepeatedCreate: Heketi was restarted in the middle of the first create, which it had accepted, and works on another
// request during the second one. That request cannot be the first create, so that nothing holds the deletion back.
func TestDeleteAfterARepeatedCreate(t *testing.T) {
	f := stuck(t)
	f.server.SetUnrecorded(1)
	v := f.create(t, spec("pvc-1"))
	f.server.SetUnrecorded(0)
	if err := f.delete(t, v.Handle); err != nil {
		t.Error(err)
	}
}
