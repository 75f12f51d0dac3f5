package provisioner_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func TestCreate(t *testing.T) {
	cluster := heketitest.NewCluster()
	for _, tc := range []struct {
		volumetype string
		bytes      int64
		wantGiB    int64
	}{
		{"replicate", 2 * volume.GiB, 2},
		{"replicate:2", 1, 1},
		{"none", 2*volume.GiB + 1, 3},
		{"disperse:4:2", 1, 4},
	} {
		t.Run(tc.volumetype, func(t *testing.T) {
			f := start(t, cluster)
			durability, err := volume.ParseDurability(tc.volumetype)
			if err != nil {
				t.Fatal(err)
			}
			s := spec("pvc-1")
			s.Parameters.Durability, s.Capacity.RequiredBytes = durability, tc.bytes
			v := f.create(t, s)
			if v.Handle.Backend != "main" || v.Name != glusterName() || v.CapacityBytes != tc.wantGiB*volume.GiB ||
				v.Durability != durability || v.Cluster != cluster.ID || !slices.Equal(v.Servers, cluster.Hosts) {
				t.Errorf("got %+v", v)
			}
			f.create(t, spec("pvc-2"))
			if n := f.server.Requests("GET /db/dump"); n != 1 {
				t.Errorf("the database was read %d times, want once for all new names", n)
			}
			got, err := f.provisioner.Get(t.Context(), v.Handle, volume.Credentials{})
			if err != nil || !slices.Equal(got.Servers, v.Servers) || got.Name != v.Name || got.CapacityBytes != v.CapacityBytes {
				t.Errorf("Get: %+v, %v; want what Create returned: %+v", got, err, v)
			}
			again := f.create(t, s)
			if again.Handle != v.Handle {
				t.Errorf("repeated: %v, want %v", again.Handle, v.Handle)
			}
			f.wantVolumes(t, 2)
		})
	}
}

func TestCreateUnderAUsedName(t *testing.T) {
	a, b := heketitest.NewCluster(), heketitest.NewCluster()
	for _, tc := range []struct {
		name   string
		change func(*volume.Spec)
		want   string // part of the message; "" is success
	}{
		{"the same", func(*volume.Spec) {}, ""},
		{"smaller, without a limit", func(s *volume.Spec) { s.Capacity.RequiredBytes = 1 }, ""},
		{"larger", func(s *volume.Spec) { s.Capacity.RequiredBytes++ }, "size is 2147483648"},
		{"limited below", func(s *volume.Spec) { s.Capacity = volume.Capacity{LimitBytes: volume.GiB} }, "size is 2147483648"},
		{"another durability", func(s *volume.Spec) { s.Parameters.Durability.Replica = 2 }, "volumetype is replicate:3"},
		{"another cluster", func(s *volume.Spec) { s.Parameters.Clusters = []string{b.ID} }, "lies in cluster " + a.ID},
		{"its cluster among others", func(s *volume.Spec) { s.Parameters.Clusters = []string{b.ID, a.ID} }, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := start(t, a, b)
			first := f.create(t, spec("pvc-1"))
			s := spec("pvc-1")
			tc.change(&s)
			v, err := f.provisioner.Create(t.Context(), s)
			if tc.want == "" {
				if err != nil || v.Handle != first.Handle {
					t.Errorf("got %v, %v; want %v", v.Handle, err, first.Handle)
				}
			} else {
				wantError(t, err, volume.ErrIncompatible)
				if err != nil && !strings.Contains(err.Error(), tc.want) {
					t.Errorf("error %v does not say %q", err, tc.want)
				}
			}
			if n := f.server.Requests("GET /db/dump"); n != 2 {
				t.Errorf("the database was read %d times, want once for each create", n)
			}
			f.wantVolumes(t, 1)
		})
	}
}

func TestCreateConcurrently(t *testing.T) {
	f := start(t)
	f.server.Hold()
	calls := make([]<-chan createResult, 0, 16)
	for range 16 {
		calls = append(calls, background(t.Context(), f.provisioner, spec("pvc-1")))
	}
	eventually(t, "a create is accepted", func() bool { return f.server.Pending() == 1 })
	f.server.Release()
	v := f.create(t, spec("pvc-1"))
	for _, call := range calls {
		if r := <-call; r.err != nil || r.volume.Handle != v.Handle {
			t.Errorf("got %v, %v; want %v", r.volume.Handle, r.err, v.Handle)
		}
	}
	f.wantVolumes(t, 1)
}

// TestCreateByTwoDrivers: the drivers share no memory, so that only Heketi can keep them apart.
func TestCreateByTwoDrivers(t *testing.T) {
	f := start(t)
	f.server.Hold()
	other := f.another(t, 8, timing())
	first := background(t.Context(), f.provisioner, spec("pvc-1"))
	eventually(t, "the create is accepted", func() bool { return f.server.Pending() == 1 })
	_, err := other.Create(t.Context(), spec("pvc-1"))
	wantError(t, err, volume.ErrBusy)

	f.server.Release()
	r := <-first
	v, err := other.Create(t.Context(), spec("pvc-1"))
	if r.err != nil || err != nil || r.volume.Handle != v.Handle {
		t.Errorf("one made %v, %v, the other %v, %v", r.volume.Handle, r.err, v.Handle, err)
	}
	f.wantVolumes(t, 1)
}

func TestCreateJoinsOnlyTheSameRequest(t *testing.T) {
	f := start(t)
	f.server.Hold()
	first := background(t.Context(), f.provisioner, spec("pvc-1"))
	eventually(t, "the create is accepted", func() bool { return f.server.Pending() == 1 })

	larger := spec("pvc-1")
	larger.Capacity.RequiredBytes *= 2
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err := f.provisioner.Create(ctx, larger)
	wantError(t, err, volume.ErrBusy)
	if err != nil && !strings.Contains(err.Error(), "for another call") {
		t.Errorf("%v: want it refused at once", err)
	}

	f.server.Release()
	if r := <-first; r.err != nil {
		t.Error(r.err)
	}
	_, err = f.provisioner.Create(t.Context(), larger)
	wantError(t, err, volume.ErrIncompatible)
	f.wantVolumes(t, 1)
}

func TestCreateOutlivesItsCall(t *testing.T) {
	f := start(t)
	f.server.Hold()
	ctx, cancel := context.WithCancel(t.Context())
	call := background(ctx, f.provisioner, spec("pvc-1"))
	eventually(t, "the create is accepted", func() bool { return f.server.Pending() == 1 })
	cancel()
	r := <-call
	wantError(t, r.err, volume.ErrBusy)

	repeated := background(t.Context(), f.provisioner, spec("pvc-1"))
	f.server.Release()
	if r := <-repeated; r.err != nil || r.volume.Name == "" {
		t.Errorf("repeated: %+v", r)
	}
	f.wantVolumes(t, 1)
	eventually(t, "the operation's result is read", func() bool { return f.server.Unread() == 0 })
}

func TestCreateRefusesBadRequests(t *testing.T) {
	f := start(t, heketitest.NewCluster())
	for _, tc := range []struct {
		name   string
		change func(*volume.Spec)
		want   error
	}{
		{"no name", func(s *volume.Spec) { s.Name = "" }, volume.ErrInvalid},
		{"limit below required", func(s *volume.Spec) { s.Capacity.LimitBytes = 1 }, volume.ErrInvalid},
		{"no whole GiB below the limit", func(s *volume.Spec) { s.Capacity = volume.Capacity{LimitBytes: 1} }, volume.ErrOutOfRange},
		{"absurd size", func(s *volume.Spec) { s.Capacity.RequiredBytes = 1 << 62 }, volume.ErrOutOfRange},
		{"unknown backend", func(s *volume.Spec) { s.Parameters.Backend = "other" }, volume.ErrInvalid},
		{"unknown resturl", func(s *volume.Spec) { s.Parameters.RestURL = "http://other:8080" }, volume.ErrInvalid},
		{"unknown cluster", func(s *volume.Spec) { s.Parameters.Clusters = []string{strings.Repeat("0", 32)} }, volume.ErrInvalid},
		{"a user that may not", func(s *volume.Spec) { s.Credentials.User = "user" }, volume.ErrInvalid},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := spec("pvc-1")
			tc.change(&s)
			_, err := f.provisioner.Create(t.Context(), s)
			wantError(t, err, tc.want)
		})
	}
	if n := f.server.Requests("POST"); n != 0 {
		t.Errorf("%d volumes asked for", n)
	}
}
