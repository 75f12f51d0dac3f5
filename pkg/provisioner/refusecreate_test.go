package provisioner_test

import (
	"context"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/provisioner"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// wrong returns requests that are refused before a create is sent. The class or the driver's configuration has changed since the
// first call.
func wrong(name string) map[string]volume.Spec {
	specs := map[string]volume.Spec{}
	for mistake, change := range map[string]func(*volume.Spec){
		"backend":     func(s *volume.Spec) { s.Parameters.Backend = "gone" },
		"resturl":     func(s *volume.Spec) { s.Parameters.RestURL = "http://gone:8080" },
		"limit_bytes": func(s *volume.Spec) { s.Capacity.LimitBytes = 1 },
		"user":        func(s *volume.Spec) { s.Credentials.User = "a\x00b" },
	} {
		s := spec(name)
		change(&s)
		specs[mistake] = s
	}
	return specs
}

// wantRefused checks that every wrong request is refused with one of the errors of package volume.
func wantRefused(t *testing.T, p *provisioner.Provisioner, name string, final bool, texts ...string) {
	t.Helper()
	for mistake, s := range wrong(name) {
		_, err := p.Create(t.Context(), s)
		kind := volume.ErrBusy
		if final {
			kind = volume.ErrInvalid
		}
		wantError(t, err, kind)
		says(t, err, mistake)
		says(t, err, texts...)
	}
	// The driver itself refuses a request that cannot be made into a Spec.
	refusal := volume.Invalid("volumetyp", "none", "is not a known parameter")
	err := p.RefuseCreate(t.Context(), name, volume.Credentials{}, refusal)
	if final {
		wantError(t, err, volume.ErrInvalid)
		return
	}
	wantError(t, err, volume.ErrBusy)
	says(t, err, refusal.Error())
}

// TestRefusedWhileTheCreateRuns: a repeated create that is refused must not make the caller forget the volume that the first one
// makes.
func TestRefusedWhileTheCreateRuns(t *testing.T) {
	f := start(t)
	f.server.Hold()
	ctx, end := context.WithCancel(t.Context())
	call := background(ctx, f.provisioner, spec("pvc-1"))
	eventually(t, "the create is accepted", func() bool { return f.server.Pending() == 1 })
	end()
	wantError(t, (<-call).err, volume.ErrBusy)

	wantRefused(t, f.provisioner, "pvc-1", false, "the create of "+glusterName()+" is running, but this create is refused")
	wantRefused(t, f.provisioner, "pvc-2", true)

	f.server.Release()
	v := f.create(t, spec("pvc-1"))
	wantRefused(t, f.provisioner, "pvc-1", false, glusterName()+` of backend "main" has made the volume`)
	if err := f.delete(t, v.Handle); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, f.provisioner, "pvc-1", true)
}

// TestRefusedAfterAnUnansweredCreate: the request is on its way, and may also have been sent by an earlier process.
func TestRefusedAfterAnUnansweredCreate(t *testing.T) {
	f, dir := start(t), t.TempDir()
	p := f.withJournal(t, dir, timing())
	release, carried := make(chan struct{}), make(chan struct{})
	f.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Times: 1, Held: release, Carried: carried})
	_, err := p.Create(t.Context(), spec("pvc-1"))
	wantError(t, err, volume.ErrUnavailable)
	wantRefused(t, p, "pvc-1", false, glusterName()+` of backend "main" has made the volume or may still make it`)
	wantRefused(t, f.withJournal(t, dir, timing()), "pvc-1", false, glusterName())
	close(release)
	<-carried
}

// TestRefusedAfterARestart: Heketi's records show what an earlier process has made, without its notes. They are read once.
func TestRefusedAfterARestart(t *testing.T) {
	f := start(t)
	f.create(t, spec("pvc-1"))
	f.server.Hold()
	ctx, end := context.WithCancel(t.Context())
	call := background(ctx, f.provisioner, spec("pvc-2"))
	eventually(t, "the create is accepted", func() bool { return f.server.Pending() == 1 })
	end()
	<-call
	p := f.another(t, 8, timing())
	before := f.server.Requests("GET /db/dump")
	for _, name := range []string{"pvc-1", "pvc-2"} {
		wantRefused(t, p, name, false, volume.GlusterName(name, volume.Naming{})+` of backend "main" has made the volume or may still make it`)
	}
	wantRefused(t, p, "pvc-3", true)
	if n := f.server.Requests("GET /db/dump") - before; n != 1 {
		t.Errorf("the records were read %d times", n)
	}
}

// TestRefusedWithoutRecords: while a backend's records cannot be read, it is not known whether an earlier process has made the
// volume.
func TestRefusedWithoutRecords(t *testing.T) {
	f := start(t)
	v := f.create(t, spec("pvc-1"))
	p := f.another(t, 8, timing())
	lift := f.server.Inject(heketitest.Fault{Prefix: "GET /db/dump", Status: 503})
	for _, s := range wrong("pvc-1") {
		_, err := p.Create(t.Context(), s)
		wantError(t, err, volume.ErrUnavailable)
		says(t, err, "whether an earlier create has made the volume is not known")
	}
	refusal := volume.Invalid("volumetyp", "none", "is not a known parameter")
	err := p.RefuseCreate(t.Context(), "pvc-1", volume.Credentials{User: "of another backend", Key: "k"}, refusal)
	wantError(t, err, volume.ErrUnavailable)
	says(t, err, refusal.Error())
	if err := p.RefuseCreate(t.Context(), "", volume.Credentials{}, refusal); err != refusal { //nolint:errorlint // the same error
		t.Errorf("%v, want the error unchanged", err)
	}
	lift()
	wantRefused(t, p, "pvc-1", false, glusterName())
	if err := f.delete(t, v.Handle); err != nil { // by another process
		t.Fatal(err)
	}
	wantRefused(t, f.another(t, 8, timing()), "pvc-1", true)
}

// TestRefusedForNow: an error after which the caller repeats the create stays as it is.
func TestRefusedForNow(t *testing.T) {
	f := start(t)
	f.create(t, spec("pvc-1"))
	if err := f.provisioner.RefuseCreate(t.Context(), "pvc-1", volume.Credentials{}, volume.ErrUnavailable); err != volume.ErrUnavailable { //nolint:errorlint // the same error
		t.Errorf("%v, want the error unchanged", err)
	}
}
