package provisioner_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func TestKeyThatChanges(t *testing.T) {
	f := start(t)
	f.writeKey(t, "a wrong key")
	_, err := f.provisioner.Create(t.Context(), spec("pvc-1"))
	wantError(t, err, volume.ErrUnavailable)
	if !errors.Is(err, volume.ErrLogin) {
		t.Errorf("%v does not wrap ErrLogin", err)
	}
	if err != nil && (!strings.Contains(err.Error(), "clocks") || strings.Contains(err.Error(), "a wrong key")) {
		t.Errorf("%v; want a hint about clocks, and no key", err)
	}

	own := spec("pvc-1")
	own.Credentials = volume.Credentials{User: "admin\n", Key: heketitest.DefaultKey + "\r\n"} // of a Secret made from a file
	f.create(t, own)

	f.server.SetKey("the next key")
	f.writeKey(t, "the next key\n")
	f.create(t, spec("pvc-1"))
	f.wantVolumes(t, 1)

	f.writeKey(t, "\n")
	_, err = f.provisioner.Create(t.Context(), spec("pvc-2"))
	wantError(t, err, volume.ErrUnavailable) // the key may be right again in a moment
}

func TestHeketiAway(t *testing.T) {
	f := start(t)
	v := f.create(t, spec("pvc-1"))
	f.server.Inject(heketitest.Fault{Drop: true})
	_, createErr := f.provisioner.Create(t.Context(), spec("pvc-2"))
	_, getErr := f.provisioner.Get(t.Context(), v.Handle, volume.Credentials{})
	deleteErr := f.provisioner.Delete(t.Context(), v.Handle, volume.Credentials{})
	for _, err := range []error{createErr, getErr, deleteErr} {
		wantError(t, err, volume.ErrUnavailable)
		if err != nil && !strings.Contains(err.Error(), f.server.URL) {
			t.Errorf("%v does not name %s", err, f.server.URL)
		}
	}
	f.wantVolumes(t, 1)
}

func TestMaintenance(t *testing.T) {
	f := start(t)
	f.server.Inject(heketitest.Fault{Prefix: "POST", Status: http.StatusServiceUnavailable, Body: "Service disabled for maintenance"})
	_, err := f.provisioner.Create(t.Context(), spec("pvc-1"))
	wantError(t, err, volume.ErrUnavailable)
	if n := f.server.Requests("GET /db/dump"); n != 1 {
		t.Errorf("%d look-ups after a plain refusal, want only that for the group id", n)
	}
}

func TestHeketiAtItsLimit(t *testing.T) {
	t.Run("for a moment", func(t *testing.T) {
		f := start(t)
		f.server.SetLimit(0)
		call := background(t.Context(), f.provisioner, spec("pvc-1"))
		eventually(t, "it is tried again", func() bool { return f.server.Requests("POST /volumes") > 3 })
		f.server.SetLimit(1)
		if r := <-call; r.err != nil {
			t.Error(r.err)
		}
	})
	t.Run("for long", func(t *testing.T) {
		f := start(t)
		f.server.SetLimit(0)
		impatient := timing()
		impatient.Throttle = time.Millisecond
		_, err := f.another(t, 8, impatient).Create(t.Context(), spec("pvc-1"))
		wantError(t, err, volume.ErrBusy)
	})
}

// TestLimit: operations queue in the driver instead of being refused by Heketi, and queries do not queue behind operations.
func TestLimit(t *testing.T) {
	f := start(t)
	v := f.create(t, spec("first"))
	p := f.another(t, 2, timing())
	f.server.SetLimit(2)
	f.server.Hold()
	calls := make([]<-chan createResult, 0, 10)
	for i := range 10 {
		calls = append(calls, background(t.Context(), p, spec(fmt.Sprintf("pvc-%d", i))))
	}
	eventually(t, "all have looked for clusters", func() bool { return f.server.Requests("GET /clusters") == 11 })
	eventually(t, "two creates run", func() bool { return f.server.Pending() == 2 })
	if _, err := p.Get(t.Context(), v.Handle, volume.Credentials{}); err != nil {
		t.Error(err)
	}
	f.server.Release()
	for _, call := range calls {
		if r := <-call; r.err != nil {
			t.Error(r.err)
		}
	}
	if n := f.server.Requests("POST /volumes"); n != 11 {
		t.Errorf("%d creates were sent for 11 volumes; none should be refused", n)
	}
}
