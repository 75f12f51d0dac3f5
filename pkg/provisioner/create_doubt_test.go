package provisioner_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func TestCreateWhenAnswersAreLost(t *testing.T) {
	for name, fault := range map[string]heketitest.Fault{
		"of the create": {Prefix: "POST /volumes", Drop: true, After: true, Times: 1},
		"of the queue":  {Prefix: "GET /queue/", Drop: true, After: true, Times: 1}, // results can be read once
		"of the volume": {Prefix: "GET /volumes/", Drop: true, Times: 2},            // net/http itself repeats a GET
		"as garbage":    {Prefix: "GET /volumes/", Status: http.StatusOK, Body: "{}", Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t)
			f.server.Inject(fault)
			if v := f.create(t, spec("pvc-1")); v.Name != glusterName() {
				t.Errorf("got %+v", v)
			}
			f.wantVolumes(t, 1)
			if n := f.server.Requests("POST /volumes"); n != 1 {
				t.Errorf("%d creates sent, want 1", n)
			}
		})
	}
}

func TestCreateWhoseAnswerIsLostWhileItRuns(t *testing.T) {
	f := start(t)
	f.server.Hold()
	f.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Drop: true, After: true, Times: 1})
	for _, cause := range []string{"EOF", ""} { // the second request is refused: the name is in use
		_, err := f.provisioner.Create(t.Context(), spec("pvc-1"))
		wantError(t, err, volume.ErrBusy)
		says(t, err, "is being made, removed or cloned", cause)
		if err != nil && strings.Contains(err.Error(), "looked up after") != (cause != "") {
			t.Errorf("%v: want the cause %q", err, cause)
		}
	}
	f.server.Release()
	f.create(t, spec("pvc-1"))
	f.wantVolumes(t, 1)
}

// TestCreateThatCannotLook: the answer that the name is in use does not describe the volume, so a create that cannot look it up
// fails.
func TestCreateThatCannotLook(t *testing.T) {
	f := start(t)
	v := f.create(t, spec("pvc-1"))
	f.server.Inject(heketitest.Fault{Prefix: "GET /volumes/" + v.Handle.ID, Status: http.StatusBadGateway})
	_, err := f.provisioner.Create(t.Context(), spec("pvc-1"))
	wantError(t, err, volume.ErrUnavailable)
}

// TestCreateWhileHeketiRestarts: the remains of this create are cleaned up, those of others are not.
func TestCreateWhileHeketiRestarts(t *testing.T) {
	for name, interrupt := range map[string]func(*heketitest.Server){
		"killed":        (*heketitest.Server).Restart,
		"cannot undo":   func(s *heketitest.Server) { s.Strand("lvremove failed") },
		"killed, twice": func(s *heketitest.Server) { s.Restart(); s.Restart() },
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t)
			f.server.Hold()
			theirs := background(t.Context(), f.another(t, 8, timing()), spec("pvc-2"))
			call := background(t.Context(), f.provisioner, spec("pvc-1"))
			eventually(t, "the creates are accepted", func() bool { return f.server.Pending() == 2 })
			cleanable := f.server.Inject(heketitest.Fault{Prefix: "POST /operations/", Status: http.StatusBadGateway})
			interrupt(f.server)
			f.server.Release()
			<-call
			<-theirs
			cleanable()
			f.create(t, spec("pvc-1"))
			f.wantVolumes(t, 2)
			if f.server.Pending() != 1 {
				t.Errorf("%d operations are left, want that of the other volume", f.server.Pending())
			}
			f.create(t, spec("pvc-2"))
			f.wantVolumes(t, 2)
			wantGIDs(t, f)
		})
	}
}

// TestNoCleanUpOfWhatRuns: the driver waits for an operation that has not ended.
func TestNoCleanUpOfWhatRuns(t *testing.T) {
	f := start(t)
	f.server.Hold()
	f.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Drop: true, After: true, Times: 1})
	for range 2 {
		_, err := f.provisioner.Create(t.Context(), spec("pvc-1"))
		wantError(t, err, volume.ErrBusy)
	}
	if n := f.server.Requests("POST /operations/"); n != 0 {
		t.Errorf("%d clean-ups were asked for", n)
	}
}

func TestCreateWhileHeketiIsAwayForAMoment(t *testing.T) {
	f := start(t)
	f.server.Hold()
	call := background(t.Context(), f.provisioner, spec("pvc-1"))
	eventually(t, "the create is accepted", func() bool { return f.server.Pending() == 1 })
	before := f.server.Requests("GET /queue/")
	f.server.Inject(heketitest.Fault{Prefix: "GET /queue/", Status: http.StatusBadGateway, Times: 1})
	eventually(t, "it is asked again", func() bool { return f.server.Requests("GET /queue/") > before+1 })
	f.server.Release()
	if r := <-call; r.err != nil {
		t.Error(r.err)
	}
	if n := f.server.Requests("GET /db/dump"); n != 1 {
		t.Errorf("%d look-ups, want only that for the group id: the operation was followed", n)
	}
}

func TestCreateWhenHeketiGoesAwayForGood(t *testing.T) {
	f := start(t)
	f.server.Hold()
	call := background(t.Context(), f.provisioner, spec("pvc-1"))
	eventually(t, "the create is accepted", func() bool { return f.server.Pending() == 1 })
	back := f.server.Inject(heketitest.Fault{Drop: true})
	r := <-call
	wantError(t, r.err, volume.ErrUnavailable)
	back()
	f.server.Release()
	f.create(t, spec("pvc-1"))
	f.wantVolumes(t, 1)
}

func TestCreateThatGlusterRefuses(t *testing.T) {
	f := start(t)
	f.server.FailOperations("volume create: failed: Staging failed on 192.0.2.2")
	_, err := f.provisioner.Create(t.Context(), spec("pvc-1"))
	wantError(t, err, volume.ErrFailed)
	if err != nil && !strings.Contains(err.Error(), "Staging failed on 192.0.2.2") {
		t.Errorf("%v does not say what gluster said", err)
	}
	f.server.FailOperations("")
	f.create(t, spec("pvc-1"))
	f.wantVolumes(t, 1)
}

func TestClose(t *testing.T) {
	f := start(t)
	f.server.Hold()
	p := f.another(t, 8, timing())
	call := background(t.Context(), p, spec("pvc-1"))
	eventually(t, "the create is accepted", func() bool { return f.server.Pending() == 1 })

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Close(ctx); err == nil || !strings.Contains(err.Error(), glusterName()) {
		t.Errorf("Close: %v, want an error that names the volume", err)
	}
	if r := <-call; r.err == nil {
		t.Errorf("the abandoned create returned %+v", r.volume)
	}
	_, err := p.Create(t.Context(), spec("pvc-2"))
	wantError(t, err, volume.ErrUnavailable)

	f.server.Release()
	f.create(t, spec("pvc-1")) // the next start of the driver
	f.wantVolumes(t, 1)
}

// TestCreateJoinsAnOldAnswer: a create that has found the volume gets its answer late, after a delete has succeeded.
func TestCreateJoinsAnOldAnswer(t *testing.T) {
	f := start(t)
	v := f.create(t, spec("pvc-1"))
	answer := make(chan struct{})
	f.server.Inject(heketitest.Fault{Prefix: "GET /volumes/" + v.Handle.ID, Times: 1, Late: answer})
	late := make(chan error, 1)
	before := f.server.Requests("GET /volumes/")
	go func() {
		_, err := f.provisioner.Create(t.Context(), spec("pvc-1"))
		late <- err
	}()
	eventually(t, "the create looks at the volume", func() bool { return f.server.Requests("GET /volumes/") > before })
	if err := f.provisioner.Delete(t.Context(), v.Handle, volume.Credentials{}); err != nil {
		t.Fatal(err)
	}
	close(answer)
	wantError(t, <-late, volume.ErrBusy)
	again := f.create(t, spec("pvc-1"))
	if again.Handle == v.Handle {
		t.Errorf("volume %s was deleted, and is back", v.Handle)
	}
	f.wantVolumes(t, 1)
}

// TestCreateInDoubtUnderAnotherName: the class names volumes differently now, and whether the first call made its volume is not
// known yet.
func TestCreateInDoubtUnderAnotherName(t *testing.T) {
	f := start(t)
	f.create(t, spec("pvc-0")) // the records are fresh from here on
	f.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Times: 1, Drop: true, After: true})
	lift := f.server.Inject(heketitest.Fault{Prefix: "GET /db/dump", Drop: true})
	_, err := f.provisioner.Create(t.Context(), spec("pvc-1"))
	wantError(t, err, volume.ErrUnavailable)
	lift()
	renamed := spec("pvc-1")
	renamed.Parameters.Naming.Prefix = "team-a"
	if v := f.create(t, renamed); v.Name != glusterName() {
		t.Errorf("the volume is %s, the first call had asked for %s", v.Name, glusterName())
	}
	f.wantVolumes(t, 2)
}

// TestCreateAfterARefusalUnderAnotherName: a refused request under another name leaves no trace in the next one.
func TestCreateAfterARefusalUnderAnotherName(t *testing.T) {
	f := start(t)
	v := f.create(t, spec("pvc-1"))
	renamed := spec("pvc-1")
	renamed.Parameters.Naming.Prefix = "team-a"
	renamed.Capacity.RequiredBytes = 7 * volume.GiB
	_, err := f.provisioner.Create(t.Context(), renamed)
	wantError(t, err, volume.ErrIncompatible)
	if again := f.create(t, spec("pvc-1")); again.Handle != v.Handle {
		t.Errorf("the create returned %s, and before %s", again.Handle, v.Handle)
	}
	f.wantVolumes(t, 1)
}
