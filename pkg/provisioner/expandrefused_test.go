package provisioner_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// TestExpandThatHeketiRefuses: a refused request is an error and leaves the volume unchanged.
func TestExpandThatHeketiRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		text   string
		want   error
	}{
		"it is hidden":  {http.StatusNotFound, "Id not found", volume.ErrBusy},
		"a bad request": {http.StatusBadRequest, "Invalid volume size", volume.ErrInvalid},
		"a conflict":    {http.StatusConflict, "no", volume.ErrPrecondition},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t)
			v := f.create(t, spec("pvc-1"))
			f.server.Inject(heketitest.Fault{Prefix: "POST /volumes/", Status: tc.status, Body: tc.text, Times: 1})
			_, err := f.expand(t, v.Handle, 5)
			wantError(t, err, tc.want)
			if size, err := f.expand(t, v.Handle, 5); err != nil || size != 5 {
				t.Errorf("repeated: %d GiB, %v", size, err)
			}
			f.wantSize(t, v, 5, 2)
		})
	}
}

func TestExpandThatFails(t *testing.T) {
	f := start(t)
	v := f.create(t, spec("pvc-1"))
	f.server.FailOperations("add-brick: failed: Staging failed")
	_, err := f.expand(t, v.Handle, 5)
	wantError(t, err, volume.ErrFailed)
	says(t, err, "Staging failed", "keeps its size of 2 GiB")
	if err != nil && strings.Contains(err.Error(), "more times") {
		t.Errorf("%v mentions room", err)
	}
	f.server.FailOperations("")
	if size, err := f.expand(t, v.Handle, 5); err != nil || size != 5 {
		t.Errorf("%d GiB, %v", size, err)
	}
}

// TestExpandOfTheSmallestVolume: the limit of the call is the volume's size, so nothing is sent.
func TestExpandOfTheSmallestVolume(t *testing.T) {
	f := start(t)
	s := spec("pvc-1")
	s.Capacity.RequiredBytes = volume.GiB
	v := f.create(t, s)
	ask := volume.Capacity{RequiredBytes: volume.GiB, LimitBytes: volume.GiB}
	if size, err := f.provisioner.Expand(t.Context(), v.Handle, ask, volume.Credentials{}); err != nil || size != volume.GiB {
		t.Errorf("%d bytes, %v", size, err)
	}
	f.wantSize(t, v, 1, 0)
}

// TestExpandUndoneBeforeTheLook: Heketi has forgotten how the operation ended, and the volume is unchanged.
func TestExpandUndoneBeforeTheLook(t *testing.T) {
	f := start(t)
	v := f.create(t, spec("pvc-1"))
	f.server.FailOperations("add-brick: failed")
	f.server.Inject(heketitest.Fault{Prefix: "GET /queue/", Times: 1, Status: http.StatusNotFound, Body: "Id not found"})
	_, err := f.expand(t, v.Handle, 5)
	wantError(t, err, volume.ErrUnavailable)
	says(t, err, "has 2 GiB, which is less than requested (", "); repeat the expand")
	f.server.FailOperations("")
	if size, err := f.expand(t, v.Handle, 5); err != nil || size != 5 {
		t.Errorf("repeated: %d GiB, %v", size, err)
	}
}

// TestExpandOvertakenByAnAdministrator: the request may still be carried out, but the volume is large enough.
func TestExpandOvertakenByAnAdministrator(t *testing.T) {
	f := start(t)
	v := f.create(t, spec("pvc-1"))
	f.server.Inject(heketitest.Fault{Prefix: "POST /volumes/", Times: 1, Drop: true})
	f.pass("GET /operations/pending", 2) // the two looks before the request
	answer, looking := make(chan struct{}), make(chan struct{})
	f.server.Inject(heketitest.Fault{Prefix: "GET /operations/pending", Times: 1, Late: answer, Carried: looking})
	call := make(chan error, 1)
	go func() {
		size, err := f.expand(t, v.Handle, 5)
		if err == nil && size != 6 {
			t.Errorf("%d GiB, want the administrator's 6", size)
		}
		call <- err
	}()
	<-looking
	f.server.Expand(v.Handle.ID, 4)
	close(answer)
	if err := <-call; err != nil {
		t.Error(err)
	}
	f.wantSize(t, v, 6, 1)
}

// TestExpandWhileTheKeyChanges: Heketi carries on with an expand that it has accepted, although it refuses the login of every
// later request. After a final error, external-resizer would let the claim ask for less.
func TestExpandWhileTheKeyChanges(t *testing.T) {
	f := start(t)
	v := f.create(t, spec("pvc-1"))
	expand := f.expandHeld(t, v.Handle, 6)
	lift := f.server.Inject(heketitest.Fault{Prefix: "GET ", Status: http.StatusUnauthorized, Body: "Invalid JWT token"})
	err := <-expand
	for range 2 {
		wantError(t, err, volume.ErrUnavailable)
		if !errors.Is(err, volume.ErrLogin) {
			t.Errorf("%v does not wrap ErrLogin", err)
		}
		_, err = f.expand(t, v.Handle, 6) // the repeated call does not even begin
	}
	lift()
	f.server.Release()
	eventually(t, "the expand has ended", func() bool {
		size, err := f.expand(t, v.Handle, 6)
		return err == nil && size == 6
	})
	f.wantSize(t, v, 6, 1)
}

// TestExpandWhileTheDriverStops: a driver that is stopped between its two looks sends nothing.
func TestExpandWhileTheDriverStops(t *testing.T) {
	f, dir := start(t), t.TempDir()
	slow := timing()
	slow.Again = time.Hour
	p := f.withJournal(t, dir, slow)
	v := f.create(t, spec("pvc-1"))
	before := f.server.Requests("GET /volumes/")
	call := make(chan error, 1)
	go func() {
		_, err := p.Expand(t.Context(), v.Handle, volume.Capacity{RequiredBytes: 5 * volume.GiB}, volume.Credentials{})
		call <- err
	}()
	eventually(t, "the first look", func() bool { return f.server.Requests("GET /volumes/") > before })
	time.Sleep(500 * time.Millisecond) // Heketi answers
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("close: %v", err)
	}
	wantError(t, <-call, volume.ErrUnavailable)
	wantNoNotes(t, dir)
	f.wantSize(t, v, 2, 0)
}

// TestNothingIsSentWithoutANote: a restarted driver could not know of a request that was not written down first.
func TestNothingIsSentWithoutANote(t *testing.T) {
	f, dir := start(t), t.TempDir()
	p := f.withJournal(t, dir, timing())
	v := f.create(t, spec("pvc-1"))
	sent := f.server.Requests("POST")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	_, createErr := p.Create(t.Context(), spec("pvc-2"))
	_, expandErr := p.Expand(t.Context(), v.Handle, volume.Capacity{RequiredBytes: 5 * volume.GiB}, volume.Credentials{})
	for _, err := range []error{createErr, expandErr} {
		wantError(t, err, volume.ErrUnavailable)
		says(t, err, "--state-dir")
	}
	if n := f.server.Requests("POST"); n != sent {
		t.Errorf("%d requests were sent", n-sent)
	}
}

// TestCarriedOutExpandLeavesNoNote: with a note left, a later refusal would be reported as if it were not final.
func TestCarriedOutExpandLeavesNoNote(t *testing.T) {
	f, dir := start(t), t.TempDir()
	p := f.withJournal(t, dir, timing())
	v := f.create(t, spec("pvc-1"))
	f.server.Inject(heketitest.Fault{Prefix: "POST /volumes/", Times: 1, Drop: true, After: true})
	ask := volume.Capacity{RequiredBytes: 5 * volume.GiB}
	if size, err := p.Expand(t.Context(), v.Handle, ask, volume.Credentials{}); err != nil || size != 5*volume.GiB {
		t.Errorf("%d bytes, %v", size, err)
	}
	wantNoNotes(t, dir)
	_, err := p.Expand(t.Context(), v.Handle, volume.Capacity{LimitBytes: 2 * volume.GiB}, volume.Credentials{})
	wantError(t, err, volume.ErrOutOfRange)
}
