package provisioner_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func TestCreateGoesOnToAClusterThatCan(t *testing.T) {
	full, block, roomy := heketitest.NewCluster(), heketitest.NewCluster(), heketitest.NewCluster()
	full.FreeGiB = 1
	block.BlockOnly = true
	f := start(t, full, block, roomy)
	v := f.create(t, spec("pvc-1"))
	if v.Cluster != roomy.ID {
		t.Errorf("made in cluster %s, want %s", v.Cluster, roomy.ID)
	}
	if again := f.create(t, spec("pvc-1")); again.Handle != v.Handle {
		t.Errorf("repeated: %v, want %v", again.Handle, v.Handle)
	}
	f.wantVolumes(t, 1)
}

func TestCreateWithoutAClusterThatCan(t *testing.T) {
	full, block := heketitest.NewCluster(), heketitest.NewCluster()
	full.FreeGiB = 1
	block.BlockOnly = true
	for _, tc := range []struct {
		name     string
		clusters []heketitest.Cluster
		want     error
	}{
		{"one full", []heketitest.Cluster{full}, volume.ErrExhausted},
		{"one for block volumes", []heketitest.Cluster{block}, volume.ErrPrecondition},
		{"one full, one for block volumes", []heketitest.Cluster{block, full}, volume.ErrExhausted},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := start(t, tc.clusters...)
			_, err := f.provisioner.Create(t.Context(), spec("pvc-1"))
			wantError(t, err, tc.want)
			if n := f.server.Requests("GET /db/dump"); n != 2 {
				t.Errorf("the database was read %d times, want before and after the requests", n)
			}
			f.wantVolumes(t, 0)
		})
	}
}

func TestCreateStopsAtAClusterInDoubt(t *testing.T) {
	for name, fault := range map[string]heketitest.Fault{
		"the request is lost":   {Drop: true},
		"the answer is lost":    {Drop: true, After: true},
		"a gateway answers":     {Status: http.StatusBadGateway, Body: "bad gateway"},
		"the answer is garbage": {Status: http.StatusOK, Body: "<html>"},
	} {
		t.Run(name, func(t *testing.T) {
			first, second := heketitest.NewCluster(), heketitest.NewCluster()
			f := start(t, first, second)
			fault.Prefix, fault.Times = "POST /volumes", 1
			f.server.Inject(fault)
			v, err := f.provisioner.Create(t.Context(), spec("pvc-1"))
			if err != nil {
				wantError(t, err, volume.ErrUnavailable)
				f.wantVolumes(t, 0)
				v = f.create(t, spec("pvc-1"))
			}
			if v.Cluster != first.ID {
				t.Errorf("made in cluster %s, want the first, %s", v.Cluster, first.ID)
			}
			f.wantVolumes(t, 1)
		})
	}
}

// TestCreateInAClusterThatHasGone: Heketi was replaced by another one between two requests, which is not the user's mistake.
func TestCreateInAClusterThatHasGone(t *testing.T) {
	cluster := heketitest.NewCluster()
	f := start(t, cluster)
	lift := f.server.Inject(heketitest.Fault{
		Prefix: "POST /volumes", Status: http.StatusBadRequest, Body: "Cluster id " + cluster.ID + " not found",
	})
	_, err := f.provisioner.Create(t.Context(), spec("pvc-1"))
	wantError(t, err, volume.ErrUnavailable)
	lift()
	f.create(t, spec("pvc-1"))
}

func TestCreateWithTwoVolumesOfTheName(t *testing.T) {
	a, b := heketitest.NewCluster(), heketitest.NewCluster()
	f := start(t, a, b)
	ids := make([]string, 0, 20)
	for range 10 {
		ids = append(ids, f.server.AddVolume(glusterName(), a.ID, false), f.server.AddVolume(glusterName(), b.ID, false))
	}
	slices.Sort(ids)
	_, err := f.provisioner.Create(t.Context(), spec("pvc-1"))
	wantError(t, err, volume.ErrPrecondition)
	says(t, err, "with the ids "+strings.Join(ids, ", "))
	f.wantVolumes(t, 20)
}

// TestForeignVolumeWithOurDigest: a name that does not have our form belongs to another volume, whatever its last part is.
func TestForeignVolumeWithOurDigest(t *testing.T) {
	cluster := heketitest.NewCluster()
	f := start(t, cluster, heketitest.NewCluster())
	foreign := "web" + glusterName()[strings.LastIndex(glusterName(), "-"):]
	adopted := volume.Handle{Backend: "main", ID: f.server.AddVolume(foreign, cluster.ID, false), Adopted: true}
	release, carried := make(chan struct{}), make(chan struct{})
	f.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Times: 1, Held: release, Carried: carried})
	_, err := f.provisioner.Create(t.Context(), spec("pvc-1"))
	wantError(t, err, volume.ErrUnavailable)
	if err := f.delete(t, adopted); err != nil {
		t.Errorf("the late create makes another volume: %v", err)
	}
	close(release)
	<-carried
	f.server.AddVolume(foreign, cluster.ID, false)
	if v := f.create(t, spec("pvc-1")); v.Name != glusterName() {
		t.Errorf("found %s", v.Name)
	}
	f.wantVolumes(t, 2)
}

// TestCreateRepeatedInAClusterThatNowRefuses: the caller never got the answer about the volume that its first call made.
func TestCreateRepeatedInAClusterThatNowRefuses(t *testing.T) {
	cluster := heketitest.NewCluster()
	cluster.BlockOnly = true // Heketi checks this before the name
	f := start(t, cluster)
	id := f.server.AddVolumeOf(2000, glusterName(), cluster.ID)
	same := spec("pvc-1")
	same.Parameters.Durability = volume.Durability{Type: volume.None} // as AddVolume makes the volume
	if v := f.create(t, same); v.Handle.ID != id {
		t.Errorf("found volume %s, want %s", v.Handle.ID, id)
	}
	_, err := f.provisioner.Create(t.Context(), spec("pvc-2"))
	wantError(t, err, volume.ErrPrecondition)
	f.wantVolumes(t, 1)
}
