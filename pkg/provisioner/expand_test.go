package provisioner_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func (f *fixture) expand(t *testing.T, handle volume.Handle, gib int64) (int64, error) {
	t.Helper()
	size, err := f.provisioner.Expand(t.Context(), handle, volume.Capacity{RequiredBytes: gib * volume.GiB}, volume.Credentials{})
	return size / volume.GiB, err
}

func (f *fixture) wantSize(t *testing.T, v volume.Volume, gib, expands int) {
	t.Helper()
	if n := f.server.Size(v.Handle.ID); n != gib {
		t.Errorf("the volume has %d GiB, want %d", n, gib)
	}
	if n := f.server.Requests("POST /volumes/" + v.Handle.ID + "/expand"); n != expands {
		t.Errorf("%d expands were sent, want %d", n, expands)
	}
}

func says(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err != nil && !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
}

func TestExpand(t *testing.T) {
	for _, tc := range []struct {
		name, volumetype string
		ask              volume.Capacity
		want, expands    int
		err              error
	}{
		{"larger", "replicate:3", volume.Capacity{RequiredBytes: 7 * volume.GiB}, 7, 1, nil},
		{"rounded up", "replicate:3", volume.Capacity{RequiredBytes: 6*volume.GiB + 1}, 7, 1, nil},
		{"large enough", "replicate:3", volume.Capacity{RequiredBytes: 4 * volume.GiB}, 4, 0, nil},
		{"smaller", "replicate:3", volume.Capacity{RequiredBytes: volume.GiB}, 4, 0, nil},
		{"nothing asked", "replicate:3", volume.Capacity{}, 4, 0, nil},
		{"limit met", "replicate:3", volume.Capacity{RequiredBytes: 5 * volume.GiB, LimitBytes: 5 * volume.GiB}, 5, 1, nil},
		{"limit below the size", "replicate:3", volume.Capacity{RequiredBytes: volume.GiB, LimitBytes: 2 * volume.GiB}, 4, 0, volume.ErrOutOfRange},
		{"rounding passes the limit", "replicate:3", volume.Capacity{RequiredBytes: 4*volume.GiB + 1, LimitBytes: 5*volume.GiB - 1}, 4, 0, volume.ErrOutOfRange},
		{"disperse grows by a whole set", "disperse:4:2", volume.Capacity{RequiredBytes: 5 * volume.GiB}, 8, 1, nil},
		{"a whole set passes the limit", "disperse:4:2", volume.Capacity{RequiredBytes: 5 * volume.GiB, LimitBytes: 7 * volume.GiB}, 4, 0, volume.ErrOutOfRange},
		{"negative", "none", volume.Capacity{RequiredBytes: -1}, 4, 0, volume.ErrInvalid},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := start(t)
			s := spec("pvc-1")
			s.Capacity.RequiredBytes = 4 * volume.GiB
			s.Parameters.Durability, _ = volume.ParseDurability(tc.volumetype)
			v := f.create(t, s)
			size, err := f.provisioner.Expand(t.Context(), v.Handle, tc.ask, volume.Credentials{})
			wantError(t, err, tc.err)
			if err == nil && size != int64(tc.want)*volume.GiB {
				t.Errorf("size %d, want %d GiB", size, tc.want)
			}
			f.wantSize(t, v, tc.want, tc.expands)
		})
	}
}

func TestExpandConcurrently(t *testing.T) {
	f := start(t)
	v := f.create(t, spec("pvc-1"))
	f.server.Hold()
	results := make(chan error, 8)
	for range 8 {
		go func() {
			size, err := f.expand(t, v.Handle, 5)
			if err == nil && size != 5 {
				t.Errorf("size %d GiB", size)
			}
			results <- err
		}()
	}
	eventually(t, "an expand is accepted", func() bool { return f.server.Pending() == 1 })
	_, err := f.expand(t, v.Handle, 6)
	wantError(t, err, volume.ErrBusy)
	wantError(t, f.delete(t, v.Handle), volume.ErrBusy)
	adopted := v.Handle
	adopted.Adopted = true
	wantError(t, f.delete(t, adopted), volume.ErrBusy)

	// A driver that does not follow the operation, as after a restart, sees that it is pending too.
	other := f.another(t, 8, timing())
	_, err = other.Expand(t.Context(), v.Handle, volume.Capacity{RequiredBytes: 5 * volume.GiB}, volume.Credentials{})
	wantError(t, err, volume.ErrBusy)
	says(t, err, "expand-volume")
	wantError(t, other.Delete(t.Context(), v.Handle, volume.Credentials{}), volume.ErrBusy)
	f.server.Release()
	for range 8 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	f.wantSize(t, v, 5, 1)
}

func TestExpandWaitsForADelete(t *testing.T) {
	f := start(t)
	v := f.create(t, spec("pvc-1"))
	f.server.Hold()
	call := make(chan error, 1)
	go func() { call <- f.delete(t, v.Handle) }()
	eventually(t, "the delete is accepted", func() bool { return f.server.Pending() == 1 })
	_, err := f.expand(t, v.Handle, 5)
	wantError(t, err, volume.ErrBusy)
	f.server.Release()
	if err := <-call; err != nil {
		t.Error(err)
	}
	_, err = f.expand(t, v.Handle, 5)
	wantError(t, err, volume.ErrNotFound)
}

func TestExpandWhenAnswersAreLost(t *testing.T) {
	for name, tc := range map[string]struct {
		fault heketitest.Fault
		err   error // of the first call
	}{
		"the answer":     {heketitest.Fault{Prefix: "POST /volumes/", Drop: true, After: true, Times: 1}, nil},
		"of the queue":   {heketitest.Fault{Prefix: "GET /queue/", Drop: true, After: true, Times: 1}, nil},
		"before it goes": {heketitest.Fault{Prefix: "GET /operations/pending", Status: http.StatusBadGateway, Times: 1}, volume.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			f := start(t)
			v := f.create(t, spec("pvc-1"))
			f.server.Inject(tc.fault)
			_, err := f.expand(t, v.Handle, 5)
			wantError(t, err, tc.err)
			before := f.server.Requests("POST /volumes/" + v.Handle.ID)
			if before > 1 {
				t.Errorf("%d expands were sent in one call", before)
			}
			if size, err := f.expand(t, v.Handle, 5); err != nil || size != 5 {
				t.Errorf("repeated: %d GiB, %v", size, err)
			}
			if n := f.server.Size(v.Handle.ID); n != 5 {
				t.Errorf("the volume has %d GiB, want 5", n)
			}
		})
	}
}

func TestExpandWhoseAnswerIsLostWhileItRuns(t *testing.T) {
	f := start(t)
	v := f.create(t, spec("pvc-1"))
	f.server.Hold()
	f.server.Inject(heketitest.Fault{Prefix: "POST /volumes/", Drop: true, After: true, Times: 1})
	for range 2 {
		_, err := f.expand(t, v.Handle, 5)
		wantError(t, err, volume.ErrBusy)
	}
	f.server.Release()
	if size, err := f.expand(t, v.Handle, 5); err != nil || size != 5 {
		t.Errorf("%d GiB, %v", size, err)
	}
	f.wantSize(t, v, 5, 1)
}

func TestExpandBesidesAnAdministrator(t *testing.T) {
	f := start(t)
	v := f.create(t, spec("pvc-1"))
	f.server.Expand(v.Handle.ID, 1) // done
	if size, err := f.expand(t, v.Handle, 4); err != nil || size != 4 {
		t.Errorf("%d GiB, %v", size, err)
	}
	f.server.Hold()
	f.server.Expand(v.Handle.ID, 3) // under way
	_, err := f.expand(t, v.Handle, 6)
	wantError(t, err, volume.ErrBusy)
	f.server.Release()
	if size, err := f.expand(t, v.Handle, 6); err != nil || size != 7 {
		t.Errorf("%d GiB, %v; want the administrator's 7", size, err)
	}
	f.wantSize(t, v, 7, 1)
}

// expandHeld starts an expand that Heketi accepts and holds. The channel receives the result.
func (f *fixture) expandHeld(t *testing.T, handle volume.Handle, gib int64) <-chan error {
	t.Helper()
	f.server.Hold()
	call := make(chan error, 1)
	go func() {
		_, err := f.expand(t, handle, gib)
		call <- err
	}()
	eventually(t, "the expand is accepted", func() bool { return f.server.Pending() == 1 })
	return call
}

// TestExpandWhileHeketiIsKilled: the error names no size, and the driver neither repeats nor cleans up.
func TestExpandWhileHeketiIsKilled(t *testing.T) {
	f := start(t)
	v := f.create(t, spec("pvc-1"))
	call := f.expandHeld(t, v.Handle, 5)
	f.server.Restart()
	f.server.Release()
	err := <-call
	wantError(t, err, volume.ErrBusy)
	says(t, err, "stale", "2 GiB")
	_, err = f.another(t, 8, timing()).Expand(t.Context(), v.Handle, volume.Capacity{RequiredBytes: 5 * volume.GiB}, volume.Credentials{})
	wantError(t, err, volume.ErrBusy)
	wantError(t, f.delete(t, v.Handle), volume.ErrBusy)
	f.wantSize(t, v, 2, 1)
	if n := f.server.Requests("POST /operations/"); n != 0 {
		t.Errorf("%d clean-ups were asked for", n)
	}
	f.server.Clean()
	if size, err := f.expand(t, v.Handle, 5); err != nil || size != 5 {
		t.Errorf("after Heketi's own clean-up: %d GiB, %v", size, err)
	}
	f.wantSize(t, v, 5, 2)
	if n := f.server.Bricks(v.Handle.ID); n != 6 {
		t.Errorf("%d bricks, want 6", n)
	}
}

func TestExpandWithoutRoom(t *testing.T) {
	cluster := heketitest.NewCluster()
	cluster.FreeGiB = 16
	f := start(t, cluster)
	v := f.create(t, spec("pvc-1"))
	_, err := f.expand(t, v.Handle, 20)
	wantError(t, err, volume.ErrExhausted)
	says(t, err, "2 GiB", "9 more times", "3 brick(s)")
	for gib := int64(3); gib <= 11; gib++ { // up to 30 bricks
		if _, err := f.expand(t, v.Handle, gib); err != nil {
			t.Fatal(err)
		}
	}
	_, err = f.expand(t, v.Handle, 12)
	wantError(t, err, volume.ErrExhausted)
	says(t, err, "Maximum number of bricks", "30 bricks (the limit is 32)", "cannot grow any more")
}

func TestAdoptedVolumes(t *testing.T) {
	cluster := heketitest.NewCluster()
	for _, tc := range []struct {
		name           string
		block, adopted bool
		err            error
	}{
		{"vol_0123456789abcdef0123456789abcdef", false, false, volume.ErrInvalid},
		{"vol_0123456789abcdef0123456789abcdef", false, true, nil},
		{"heketidbstorage", false, true, volume.ErrInvalid},
		{"blockhost", true, true, volume.ErrInvalid},
		{glusterName(), true, false, volume.ErrInvalid},
		{glusterName(), false, false, nil},
	} {
		f := start(t, cluster)
		handle := volume.Handle{Backend: "main", ID: f.server.AddVolume(tc.name, cluster.ID, tc.block), Adopted: tc.adopted}
		if v, err := f.provisioner.Get(t.Context(), handle, volume.Credentials{}); err != nil || v.Handle != handle {
			t.Errorf("%s: Get: %v, %v", tc.name, v.Handle, err)
		}
		size, err := f.expand(t, handle, 5)
		wantError(t, err, tc.err)
		if err == nil && size != 5 {
			t.Errorf("%s: %d GiB", tc.name, size)
		}
		wantError(t, f.delete(t, handle), tc.err)
		if left := len(f.server.VolumeNames()); (left == 0) != (tc.err == nil) {
			t.Errorf("%s: %d volumes left", tc.name, left)
		}
	}
}

func TestExpandOutlivesItsCall(t *testing.T) {
	f := start(t)
	v := f.create(t, spec("pvc-1"))
	f.server.Hold()
	ctx, cancel := context.WithCancel(t.Context())
	call := make(chan error, 1)
	go func() {
		_, err := f.provisioner.Expand(ctx, v.Handle, volume.Capacity{RequiredBytes: 5 * volume.GiB}, volume.Credentials{})
		call <- err
	}()
	eventually(t, "the expand is accepted", func() bool { return f.server.Pending() == 1 })
	cancel()
	if err := <-call; !errors.Is(err, volume.ErrBusy) {
		t.Error(err)
	}
	f.server.Release()
	if size, err := f.expand(t, v.Handle, 5); err != nil || size != 5 {
		t.Errorf("%d GiB, %v", size, err)
	}
	f.wantSize(t, v, 5, 1)
}
