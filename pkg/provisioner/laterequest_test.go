package provisioner_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/provisioner"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// lateExpand starts an expand to 5 GiB that is not answered, and that is carried out when arrive is called.
func (f *fixture) lateExpand(t *testing.T, p *provisioner.Provisioner, handle volume.Handle) (arrive func()) {
	t.Helper()
	release, carried := make(chan struct{}), make(chan struct{})
	f.server.Inject(heketitest.Fault{Prefix: "POST /volumes/", Times: 1, Held: release, Carried: carried})
	_, err := p.Expand(t.Context(), handle, volume.Capacity{RequiredBytes: 5 * volume.GiB}, volume.Credentials{})
	wantError(t, err, volume.ErrBusy)
	says(t, err, "2 GiB", "may still be carried out until")
	return func() {
		close(release)
		<-carried
	}
}

func (f *fixture) withJournal(t *testing.T, dir string, timing heketi.Timing) *provisioner.Provisioner {
	t.Helper()
	_, err := provisioner.OpenJournal(dir) // by an earlier process
	if err != nil {
		t.Fatal(err)
	}
	journal, err := provisioner.OpenJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f.another(t, 8, timing, provisioner.WithJournal(journal))
}

// TestExpandThatArrivesLate: a gateway, or a Heketi that was suspended, carries an expand out after the driver has given up on
// it.
func TestExpandThatArrivesLate(t *testing.T) {
	for _, tc := range []struct {
		name    string
		restart bool // of the driver, while the request is on its way
	}{{"to the same driver", false}, {"after a restart", true}} {
		t.Run(tc.name, func(t *testing.T) {
			f, dir := start(t), t.TempDir()
			v := f.create(t, spec("pvc-1"))
			p := f.withJournal(t, dir, timing())
			arrive := f.lateExpand(t, p, v.Handle)
			if tc.restart {
				p = f.withJournal(t, dir, timing())
			}
			for range 3 { // external-resizer repeats the call
				_, err := p.Expand(t.Context(), v.Handle, volume.Capacity{RequiredBytes: 5 * volume.GiB}, volume.Credentials{})
				wantError(t, err, volume.ErrBusy)
			}
			// A delete that the expand meets would leave a record of the volume.
			wantError(t, p.Delete(t.Context(), v.Handle, volume.Credentials{}), volume.ErrBusy)
			if size, err := p.Expand(t.Context(), v.Handle, volume.Capacity{RequiredBytes: 2 * volume.GiB}, volume.Credentials{}); err != nil || size != 2*volume.GiB {
				t.Errorf("an expand for which nothing has to be sent: %d bytes, %v", size, err)
			}
			arrive()
			if size, err := p.Expand(t.Context(), v.Handle, volume.Capacity{RequiredBytes: 5 * volume.GiB}, volume.Credentials{}); err != nil || size != 5*volume.GiB {
				t.Errorf("when it has arrived: %d bytes, %v", size, err)
			}
			f.wantSize(t, v, 5, 1)
			if size, err := p.Expand(t.Context(), v.Handle, volume.Capacity{RequiredBytes: 7 * volume.GiB}, volume.Credentials{}); err != nil || size != 7*volume.GiB {
				t.Errorf("the next one: %d bytes, %v", size, err)
			}
			f.wantSize(t, v, 7, 2)
		})
	}
}

// TestExpandThatNeverArrives: once the request is too old for Heketi, the next one is sent.
func TestExpandThatNeverArrives(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fault heketitest.Fault
	}{
		{"connection reset", heketitest.Fault{Prefix: "POST /volumes/", Times: 1, Drop: true}},
		{"a gateway's answer", heketitest.Fault{Prefix: "POST /volumes/", Times: 1, Status: http.StatusBadGateway}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, dir := start(t), t.TempDir()
			short := timing()
			short.Late = time.Second // the first call must end before
			v := f.create(t, spec("pvc-1"))
			f.server.Inject(tc.fault)
			ask := volume.Capacity{RequiredBytes: 5 * volume.GiB}
			_, err := f.withJournal(t, dir, short).Expand(t.Context(), v.Handle, ask, volume.Credentials{})
			wantError(t, err, volume.ErrBusy)
			p := f.withJournal(t, dir, short)
			eventually(t, "the next expand", func() bool {
				size, err := p.Expand(t.Context(), v.Handle, ask, volume.Credentials{})
				return err == nil && size == 5*volume.GiB
			})
			f.wantSize(t, v, 5, 2)
		})
	}
}

// TestExpandThatHeketiHasBegunWith: Heketi's database hangs, so that Heketi may carry the request out at any time, whatever its
// age.
func TestExpandThatHeketiHasBegunWith(t *testing.T) {
	f := start(t)
	short := timing()
	short.Late = time.Millisecond
	p := f.another(t, 8, short)
	v := f.create(t, spec("pvc-1"))
	f.server.Inject(heketitest.Fault{Prefix: "POST /volumes/", Times: 1, Drop: true})
	f.server.SetUnrecorded(1)
	ask := volume.Capacity{RequiredBytes: 5 * volume.GiB}
	for range 3 {
		_, err := p.Expand(t.Context(), v.Handle, ask, volume.Credentials{})
		wantError(t, err, volume.ErrBusy)
		time.Sleep(2 * short.Late)
	}
	f.pass("GET /operations/", 0)
	lift := f.server.Inject(heketitest.Fault{Prefix: "GET /operations", Status: http.StatusBadGateway})
	_, err := p.Expand(t.Context(), v.Handle, ask, volume.Credentials{})
	wantError(t, err, volume.ErrUnavailable)
	lift()
	wantError(t, p.Delete(t.Context(), v.Handle, volume.Credentials{}), volume.ErrBusy)
	f.wantSize(t, v, 2, 1)
	f.server.SetUnrecorded(0)
	if size, err := p.Expand(t.Context(), v.Handle, ask, volume.Credentials{}); err != nil || size != 5*volume.GiB {
		t.Errorf("%d bytes, %v", size, err)
	}
}

// TestOtherRequestsKeepTheNote: requests for other volumes do not remove the note of an expand. However old the note is, the next
// expand asks whether Heketi has begun the earlier one.
func TestOtherRequestsKeepTheNote(t *testing.T) {
	f, dir := start(t), t.TempDir()
	short := timing()
	short.Late = time.Millisecond
	v := f.create(t, spec("pvc-1"))
	p := f.withJournal(t, dir, short)
	f.server.Inject(heketitest.Fault{Prefix: "POST /volumes/", Times: 1, Drop: true})
	f.server.SetUnrecorded(1)
	expand := func(p *provisioner.Provisioner) {
		t.Helper()
		_, err := p.Expand(t.Context(), v.Handle, volume.Capacity{RequiredBytes: 5 * volume.GiB}, volume.Credentials{})
		wantError(t, err, volume.ErrBusy)
	}
	expand(p)
	time.Sleep(2 * short.Late)
	other, err := p.Create(t.Context(), spec("pvc-2"))
	if err != nil {
		t.Fatal(err)
	}
	expand(p)
	p = f.withJournal(t, dir, short)
	if err := p.Delete(t.Context(), other.Handle, volume.Credentials{}); err != nil {
		t.Fatal(err)
	}
	expand(p)
	wantError(t, p.Delete(t.Context(), v.Handle, volume.Credentials{}), volume.ErrBusy)
	f.wantSize(t, v, 2, 1)
}

// TestExpandRefusedWhileOneIsLate: external-resizer would take a final code as the end of the expand.
func TestExpandRefusedWhileOneIsLate(t *testing.T) {
	for _, tc := range []struct {
		name   string
		happen func(t *testing.T, f *fixture, v volume.Volume)
		want   error
		says   bool // the message names the late request
	}{
		{"a final refusal", func(t *testing.T, f *fixture, _ volume.Volume) { t.Helper(); f.writeKey(t, "another key") }, volume.ErrUnavailable, true},
		{"Heketi is away", func(_ *testing.T, f *fixture, _ volume.Volume) {
			f.server.Inject(heketitest.Fault{Prefix: "GET /operations/", Status: http.StatusBadGateway})
		}, volume.ErrUnavailable, false},
		{"it is gone", func(t *testing.T, f *fixture, v volume.Volume) {
			t.Helper()
			if err := f.another(t, 8, timing()).Delete(t.Context(), v.Handle, volume.Credentials{}); err != nil {
				t.Fatal(err)
			}
		}, volume.ErrNotFound, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := start(t)
			v := f.create(t, spec("pvc-1"))
			arrive := f.lateExpand(t, f.provisioner, v.Handle)
			tc.happen(t, f, v)
			_, err := f.expand(t, v.Handle, 5)
			wantError(t, err, tc.want)
			if err != nil && strings.Contains(err.Error(), "an earlier expand was not answered") != tc.says {
				t.Errorf("%v: says that an earlier expand is late: want %t", err, tc.says)
			}
			arrive()
		})
	}
}

// TestExpandWithoutPredecessorsNotes: right after its start, a driver delays expands that its predecessor may have sent.
func TestExpandWithoutPredecessorsNotes(t *testing.T) {
	f, dir := start(t), t.TempDir()
	v := f.create(t, spec("pvc-1"))
	journal, err := provisioner.OpenJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	p := f.another(t, 8, timing(), provisioner.WithJournal(journal))
	ask := volume.Capacity{RequiredBytes: 5 * volume.GiB}
	_, err = p.Expand(t.Context(), v.Handle, ask, volume.Credentials{})
	wantError(t, err, volume.ErrBusy)
	says(t, err, "without its predecessor's notes, so an earlier expand is perhaps unanswered and may still be carried out until")
	if err := p.Delete(t.Context(), v.Handle, volume.Credentials{}); err != nil {
		t.Errorf("deleting what may have been expanded: %v", err)
	}
	wantNoNotes(t, dir)
	own, err := p.Create(t.Context(), spec("pvc-2"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Expand(t.Context(), own.Handle, ask, volume.Credentials{}); err != nil {
		t.Errorf("the driver's own volume: %v", err)
	}
}

// TestExpandOfAVolumeThatChanges: between the two looks, another request is carried out, or Heketi becomes unreachable.
func TestExpandOfAVolumeThatChanges(t *testing.T) {
	for name, tc := range map[string]struct {
		happen func(s *heketitest.Server, id string)
		size   int
		want   error
	}{
		"an expand":       {func(s *heketitest.Server, id string) { s.Expand(id, 3) }, 5, volume.ErrBusy},
		"its size alone":  {func(s *heketitest.Server, id string) { s.SetSize(id, 4) }, 4, volume.ErrBusy},
		"its bricks only": {func(s *heketitest.Server, id string) { s.Expand(id, 0) }, 2, volume.ErrBusy},
		"Heketi goes away": {func(s *heketitest.Server, _ string) {
			s.Inject(heketitest.Fault{Prefix: "GET /operations/", Status: http.StatusBadGateway})
		}, 2, volume.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t)
			v := f.create(t, spec("pvc-1"))
			answer, looked := make(chan struct{}), make(chan struct{})
			f.server.Inject(heketitest.Fault{Prefix: "GET /volumes/" + v.Handle.ID, Times: 1, Late: answer, Carried: looked})
			call := make(chan error, 1)
			go func() {
				_, err := f.expand(t, v.Handle, 5)
				call <- err
			}()
			<-looked
			tc.happen(f.server, v.Handle.ID)
			close(answer)
			wantError(t, <-call, tc.want)
			f.wantSize(t, v, tc.size, 0)
		})
	}
}

// TestExpandOfAVolumeWithAnotherRecord: Heketi has lost one of two expands, so that its record shows less than the bricks hold.
func TestExpandOfAVolumeWithAnotherRecord(t *testing.T) {
	for _, tc := range []struct {
		volumetype string
		sizeGiB    int
		options    []volume.Option
		want       error
	}{
		{"replicate:3", 2, nil, nil},
		{"replicate:3", 3, nil, volume.ErrPrecondition},
		{"replicate:2", 1, nil, volume.ErrPrecondition},
		{"disperse:2:1", 2, nil, nil},
		{"disperse:2:1", 4, nil, volume.ErrPrecondition},
		{"none", 2, nil, nil},
		{"none", 8, nil, volume.ErrPrecondition},
		{"replicate:3", 3, []volume.Option{{Key: "user.heketi.arbiter", Value: "true"}}, nil}, // the bricks do not show the size
	} {
		f := start(t)
		s := spec("pvc-1")
		s.Parameters.Durability, _ = volume.ParseDurability(tc.volumetype)
		s.Parameters.Options = tc.options
		v := f.create(t, s)
		f.server.SetSize(v.Handle.ID, tc.sizeGiB)
		size, err := f.expand(t, v.Handle, 10)
		wantError(t, err, tc.want)
		says(t, err, "by Heketi's records, but bricks for 2 GiB", "gluster volume info")
		if err == nil && size != 10 {
			t.Errorf("%s: %d GiB, want 10", tc.volumetype, size)
		}
	}
}
