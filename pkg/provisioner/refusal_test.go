package provisioner_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// The errors after which external-provisioner forgets a volume must not be returned while the volume may exist.

// TestCreateThatHeketiCannotUndo: the volume is pending, whatever the cause was.
func TestCreateThatHeketiCannotUndo(t *testing.T) {
	for _, text := range []string{
		`Volume group "vg" has insufficient free space`,
		"volume create: failed: Some of the peers are down",
		"volume set: failed: '64' in 'option shard-block-size 64' is out of range",
		"dial tcp 10.0.0.1:22: connect: no route to host",
	} {
		// With two clusters the driver has looked for the volume before, and has not found it.
		for _, clusters := range [][]heketitest.Cluster{{heketitest.NewCluster()}, {heketitest.NewCluster(), heketitest.NewCluster()}} {
			f := start(t, clusters...)
			f.server.Hold()
			call := background(t.Context(), f.provisioner, spec("pvc-1"))
			eventually(t, "the create is accepted", func() bool { return f.server.Pending() == 1 })
			f.server.Strand(text)
			wantError(t, (<-call).err, volume.ErrBusy)
			f.server.Release()
		}
	}
}

// TestCreateThatFailsForGood: nothing is left, so that the claim may be given up or changed.
func TestCreateThatFailsForGood(t *testing.T) {
	for text, want := range map[string]error{
		"volume set: failed: '64' in 'option shard-block-size 64' is out of range": volume.ErrFailed,
		"no hosts available (3 total)":                                             volume.ErrFailed,
		"dial tcp 10.0.0.1:22: connect: no route to host":                          volume.ErrFailed,
		`Volume group "vg" has insufficient free space`:                            volume.ErrExhausted,
		"volume create: failed: Some of the peers are down":                        volume.ErrPrecondition,
	} {
		f := start(t)
		f.server.FailOperations(text)
		for i := range 2 {
			_, err := f.provisioner.Create(t.Context(), spec("pvc-1"))
			wantError(t, err, want)
			if n := f.server.Requests("POST /volumes"); n != i+1 {
				t.Errorf("%d creates were sent, want %d", n, i+1)
			}
		}
		f.wantVolumes(t, 0)
	}
}

// TestDeleteAndExpandThatHeketiCannotUndo: the volume stays busy until Heketi has cleaned up.
func TestDeleteAndExpandThatHeketiCannotUndo(t *testing.T) {
	f := start(t)
	v := f.create(t, spec("pvc-1"))
	expand := f.expandHeld(t, v.Handle, 5)
	f.server.Strand("add-brick: failed: Staging failed")
	wantError(t, <-expand, volume.ErrBusy)
	f.server.Clean()

	f.server.Hold()
	call := make(chan error, 1)
	go func() { call <- f.delete(t, v.Handle) }()
	eventually(t, "the delete is accepted", func() bool { return f.server.Pending() == 1 })
	f.server.Strand("volume delete: failed: Another transaction is in progress")
	// The driver makes Heketi finish the delete.
	if err := <-call; err != nil {
		t.Error(err)
	}
	f.server.Release()
	f.wantVolumes(t, 0)
}

// TestRefusedBeforeAnyLook: an earlier create has made the volume, and its answer was lost.
func TestRefusedBeforeAnyLook(t *testing.T) {
	html := "<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>"
	for _, tc := range []struct {
		name   string
		key    string
		faults []heketitest.Fault
	}{
		{"wrong key", "key of tomorrow", nil},
		{"empty key", "", nil},
		{"a gateway's 400", heketitest.DefaultKey, []heketitest.Fault{{Prefix: "GET ", Status: http.StatusBadRequest, Body: html}}},
		{"a gateway's 422", heketitest.DefaultKey, []heketitest.Fault{{Prefix: "GET ", Status: http.StatusUnprocessableEntity, Body: html}}},
		{"a gateway's 400, and no records", heketitest.DefaultKey, []heketitest.Fault{
			{Prefix: "POST /volumes", Status: http.StatusBadRequest, Body: html}, {Prefix: "GET /db/dump", Drop: true},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := start(t, heketitest.NewCluster(), heketitest.NewCluster())
			v := f.create(t, spec("pvc-1"))
			f.writeKey(t, tc.key)
			for _, fault := range tc.faults {
				f.server.Inject(fault)
			}
			_, err := f.provisioner.Create(t.Context(), spec("pvc-1"))
			wantError(t, err, volume.ErrUnavailable)
			if err := f.provisioner.Delete(t.Context(), v.Handle, volume.Credentials{}); errors.Is(err, volume.ErrInvalid) {
				t.Errorf("delete: %v", err)
			}
			if _, err := f.expand(t, v.Handle, 5); errors.Is(err, volume.ErrInvalid) {
				t.Errorf("expand: %v", err)
			}
		})
	}
}

// TestRefusedByHeketiItself: a bad request is refused for good if there is no volume.
func TestRefusedByHeketiItself(t *testing.T) {
	f := start(t)
	lift := f.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Status: http.StatusBadRequest, Body: "Invalid replica value"})
	_, err := f.provisioner.Create(t.Context(), spec("pvc-1"))
	wantError(t, err, volume.ErrInvalid)
	lift()
	v := f.create(t, spec("pvc-1"))
	f.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Status: http.StatusBadRequest, Body: "Invalid replica value"})
	if again, err := f.provisioner.Create(t.Context(), spec("pvc-1")); err != nil || again.Handle != v.Handle {
		t.Errorf("%v, %v; want the volume that there is", again.Handle, err)
	}
	larger := spec("pvc-1")
	larger.Capacity.RequiredBytes = 3 * volume.GiB
	_, err = f.provisioner.Create(t.Context(), larger)
	wantError(t, err, volume.ErrIncompatible)
	f.server.Inject(heketitest.Fault{Prefix: "GET /db/dump", Status: http.StatusBadGateway})
	_, err = f.provisioner.Create(t.Context(), spec("pvc-2"))
	wantError(t, err, volume.ErrUnavailable)
	says(t, err, "Invalid replica value", "whether an earlier create has made the volume is not known")
}

// TestRefusedWhileACreateIsLate: an earlier create was not answered and may still make the volume.
func TestRefusedWhileACreateIsLate(t *testing.T) {
	cluster := heketitest.NewCluster()
	cluster.FreeGiB = 2
	f := start(t, cluster)
	release, carried := make(chan struct{}), make(chan struct{})
	f.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Times: 1, Held: release, Carried: carried})
	_, err := f.provisioner.Create(t.Context(), spec("pvc-1"))
	wantError(t, err, volume.ErrUnavailable)
	other := f.create(t, spec("pvc-2")) // takes the space
	_, err = f.provisioner.Create(t.Context(), spec("pvc-1"))
	wantError(t, err, volume.ErrUnavailable)
	says(t, err, "No space", "may still be carried out until")
	if err := f.delete(t, other.Handle); err != nil {
		t.Fatal(err)
	}
	close(release)
	<-carried
	f.wantVolumes(t, 1)
	f.create(t, spec("pvc-1"))
	f.wantVolumes(t, 1)
}

// TestGroupIDOfALateCreate: a late create would make a second volume once the first one is gone. So the first one is not deleted,
// and its group id is not given to another volume.
func TestGroupIDOfALateCreate(t *testing.T) {
	f := start(t)
	release, carried := make(chan struct{}), make(chan struct{})
	f.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Times: 1, Held: release, Carried: carried})
	_, err := f.provisioner.Create(t.Context(), spec("pvc-1"))
	wantError(t, err, volume.ErrUnavailable)
	v := f.create(t, spec("pvc-1"))
	f.create(t, spec("pvc-1")) // finds the volume, without knowing which of the two requests made it
	// The volume of the late create would belong to no claim.
	wantError(t, f.delete(t, v.Handle), volume.ErrBusy)
	f.create(t, spec("pvc-2"))
	close(release)
	<-carried
	if gids := f.server.GIDs(); len(gids) != 2 || gids[0] == gids[1] {
		t.Errorf("group ids %v, want two different ones", gids)
	}
}

// TestCreatesShareReadings: with several clusters, or without free space, each create looks for its volume in a dump.
func TestCreatesShareReadings(t *testing.T) {
	full := heketitest.NewCluster()
	full.FreeGiB = 1
	for _, tc := range []struct {
		name     string
		clusters []heketitest.Cluster
		want     error
	}{
		{"a full cluster", []heketitest.Cluster{full}, volume.ErrExhausted},
		{"two clusters", []heketitest.Cluster{heketitest.NewCluster(), heketitest.NewCluster()}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := start(t, tc.clusters...)
			release := make(chan struct{})
			f.server.Inject(heketitest.Fault{Prefix: "GET /db/dump", Times: 1, Late: release}) // all others wait for this one
			calls := make([]<-chan createResult, 0, 50)
			for i := range cap(calls) {
				calls = append(calls, background(t.Context(), f.provisioner, spec(fmt.Sprintf("pvc-%d", i))))
			}
			eventually(t, "every create has begun", func() bool { return f.server.Requests("GET /clusters") == cap(calls) })
			close(release)
			for _, call := range calls {
				wantError(t, (<-call).err, tc.want)
			}
			// Without sharing, there would be at least one dump for each create. How many are shared depends on the machine; mostly there
			// are 8 dumps.
			if n := f.server.Requests("GET /db/dump"); n > 40 {
				t.Errorf("%d readings for %d creates", n, cap(calls))
			}
		})
	}
}

// TestCreatesShareFailedReadings: creates that wait for a dump share its failure, and the next caller reads again.
func TestCreatesShareFailedReadings(t *testing.T) {
	f := start(t, heketitest.NewCluster(), heketitest.NewCluster())
	release := make(chan struct{})
	f.server.Inject(heketitest.Fault{Prefix: "GET /db/dump", Times: 1, Late: release})
	lift := f.server.Inject(heketitest.Fault{Prefix: "GET /db/dump", Status: http.StatusBadGateway})
	calls := make([]<-chan createResult, 0, 20)
	for i := range cap(calls) {
		calls = append(calls, background(t.Context(), f.provisioner, spec(fmt.Sprintf("pvc-%d", i))))
	}
	eventually(t, "every create has begun", func() bool { return f.server.Requests("GET /clusters") == cap(calls) })
	close(release)
	failed := 0
	for _, call := range calls {
		if err := (<-call).err; err != nil {
			wantError(t, err, volume.ErrUnavailable)
			failed++
		}
	}
	if n := f.server.Requests("GET /db/dump"); failed == 0 || n > 10 {
		t.Errorf("%d readings for %d creates, of which %d failed", n, cap(calls), failed)
	}
	lift()
	f.create(t, spec("pvc-after"))
}
