package provisioner_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// TestExpandWhileADeleteIsLate: Heketi 10.3 keeps half a record of a volume whose delete meets an expand.
func TestExpandWhileADeleteIsLate(t *testing.T) {
	for _, tc := range []struct {
		name    string
		restart bool // of the driver, while the request is on its way
	}{{"to the same driver", false}, {"after a restart", true}} {
		t.Run(tc.name, func(t *testing.T) {
			f, dir := start(t), t.TempDir()
			v := f.create(t, spec("pvc-1"))
			p := f.withJournal(t, dir, timing())
			release, carried := make(chan struct{}), make(chan struct{})
			f.server.Inject(heketitest.Fault{Prefix: "DELETE /volumes/", Times: 1, Held: release, Carried: carried})
			wantError(t, p.Delete(t.Context(), v.Handle, volume.Credentials{}), volume.ErrUnavailable)
			// A refused delete proves nothing about the first one.
			lift := f.server.Inject(heketitest.Fault{Prefix: "DELETE /volumes/", Status: http.StatusConflict, Body: "refused"})
			if err := p.Delete(t.Context(), v.Handle, volume.Credentials{}); err == nil {
				t.Error("a delete that Heketi refuses has succeeded")
			}
			lift()
			if tc.restart {
				p = f.withJournal(t, dir, timing())
			}
			_, err := p.Expand(t.Context(), v.Handle, volume.Capacity{RequiredBytes: 5 * volume.GiB}, volume.Credentials{})
			wantError(t, err, volume.ErrBusy)
			says(t, err, "The delete sent at", "may still be carried out until")
			close(release)
			<-carried
			if err := p.Delete(t.Context(), v.Handle, volume.Credentials{}); err != nil {
				t.Error(err)
			}
			f.wantVolumes(t, 0)
		})
	}
}

// TestExpandAfterADeleteThatNeverArrives: an expand is sent once the delete is too old for Heketi.
func TestExpandAfterADeleteThatNeverArrives(t *testing.T) {
	f := start(t)
	short := timing()
	short.Late = 100 * time.Millisecond
	v, p := f.create(t, spec("pvc-1")), f.another(t, 8, short)
	f.server.Inject(heketitest.Fault{Prefix: "DELETE /volumes/", Times: 1, Drop: true})
	wantError(t, p.Delete(t.Context(), v.Handle, volume.Credentials{}), volume.ErrUnavailable)
	eventually(t, "the expand", func() bool {
		size, err := p.Expand(t.Context(), v.Handle, volume.Capacity{RequiredBytes: 5 * volume.GiB}, volume.Credentials{})
		return err == nil && size == 5*volume.GiB
	})
	f.wantSize(t, v, 5, 1)
}
