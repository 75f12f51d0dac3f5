package provisioner_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// TestCreateThatHeketiHasBegunWith: Heketi's database hangs, so that Heketi may carry a create out at any time, whatever its age.
// Meanwhile, the class names another cluster.
func TestCreateThatHeketiHasBegunWith(t *testing.T) {
	for name, restart := range map[string]bool{"same driver": false, "after a restart": true} {
		t.Run(name, func(t *testing.T) {
			first, second := heketitest.NewCluster(), heketitest.NewCluster()
			f, dir := start(t, first, second), t.TempDir()
			short := timing()
			short.Late = time.Millisecond
			p := f.withJournal(t, dir, short)
			in := func(name string, cluster heketitest.Cluster) volume.Spec {
				s := spec(name)
				s.Parameters.Clusters = []string{cluster.ID}
				return s
			}
			release, carried := make(chan struct{}), make(chan struct{})
			f.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Times: 1, Held: release, Carried: carried})
			f.server.SetUnrecorded(1)
			_, err := p.Create(t.Context(), in("pvc-1", first))
			wantError(t, err, volume.ErrUnavailable)
			time.Sleep(2 * short.Late)
			if _, err := p.Create(t.Context(), in("pvc-2", second)); err != nil { // other requests keep the note
				t.Fatal(err)
			}
			if restart {
				p = f.withJournal(t, dir, short)
			}
			for range 2 {
				time.Sleep(2 * short.Late)
				_, err = p.Create(t.Context(), in("pvc-1", second))
				wantError(t, err, volume.ErrBusy)
				says(t, err, "an earlier create for cluster "+first.ID)
			}
			lift := f.server.Inject(heketitest.Fault{Prefix: "GET /operations", Status: http.StatusBadGateway})
			_, err = p.Create(t.Context(), in("pvc-1", second))
			wantError(t, err, volume.ErrUnavailable)
			lift()
			f.wantVolumes(t, 1)
			close(release)
			<-carried
			f.server.SetUnrecorded(0)
			_, err = p.Create(t.Context(), in("pvc-1", second))
			wantError(t, err, volume.ErrIncompatible)
			if v, err := p.Create(t.Context(), in("pvc-1", first)); err != nil || v.Cluster != first.ID {
				t.Errorf("%+v, %v; want the volume of the first create", v, err)
			}
			f.wantVolumes(t, 2)
			wantNoNotes(t, dir)
		})
	}
}

// TestCreateThatNeverArrives: another cluster may be tried once the create is too old and Heketi has no request that it has begun and
// not recorded.
func TestCreateThatNeverArrives(t *testing.T) {
	first, second := heketitest.NewCluster(), heketitest.NewCluster()
	f, dir := start(t, first, second), t.TempDir()
	short := timing()
	short.Late = time.Millisecond
	p := f.withJournal(t, dir, short)
	s := spec("pvc-1")
	s.Parameters.Clusters = []string{first.ID}
	f.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Times: 1, Drop: true})
	_, err := p.Create(t.Context(), s)
	wantError(t, err, volume.ErrUnavailable)
	f.server.SetUnrecorded(1)
	time.Sleep(2 * short.Late)
	s.Parameters.Clusters = []string{second.ID}
	_, err = p.Create(t.Context(), s)
	wantError(t, err, volume.ErrBusy)
	f.server.SetUnrecorded(0)
	if v, err := p.Create(t.Context(), s); err != nil || v.Cluster != second.ID {
		t.Errorf("%+v, %v; want a volume in the second cluster", v, err)
	}
	wantNoNotes(t, dir)
	f.wantVolumes(t, 1)
}

// TestOverdueCreateUnderAnotherName: the class names volumes differently now, and Heketi has recorded the old create since the driver
// read the records.
func TestOverdueCreateUnderAnotherName(t *testing.T) {
	f, dir := start(t), t.TempDir()
	short := timing()
	short.Late = time.Millisecond
	release, carried := make(chan struct{}), make(chan struct{})
	f.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Times: 1, Held: release, Carried: carried})
	_, err := f.withJournal(t, dir, short).Create(t.Context(), spec("pvc-1"))
	wantError(t, err, volume.ErrUnavailable)
	time.Sleep(2 * short.Late)
	p := f.withJournal(t, dir, short)
	if _, err := p.Create(t.Context(), spec("pvc-2")); err != nil {
		t.Fatal(err)
	}
	close(release)
	<-carried
	renamed := spec("pvc-1")
	renamed.Parameters.Naming.Prefix = "team-a"
	if v, err := p.Create(t.Context(), renamed); err != nil || v.Name != glusterName() {
		t.Errorf("%+v, %v; want the volume of the first create", v, err)
	}
	f.wantVolumes(t, 2)
}
