package provisioner

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

const (
	nameA = "csi-a-00000000000000000001"
	nameB = "csi-b-00000000000000000002"
)

func mustPick(t *testing.T, x *index, name string, want int64) {
	t.Helper()
	if picked, err := x.pick(name, volume.DefaultGIDRange()); err != nil || picked.gid != want {
		t.Errorf("%s is given group id %d, %v; want %d", name, picked.gid, err, want)
	}
}

// TestRecordsThatAreOvertaken: a volume made while the database was being read is not in what was read.
func TestRecordsThatAreOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newIndex("main", time.Minute)
		first := time.Now()
		time.Sleep(time.Second)
		second := time.Now()
		mustPick(t, x, nameA, 2000)
		time.Sleep(time.Second)
		x.made(volume.Volume{Handle: volume.Handle{ID: "a"}, Name: nameA, GID: 2000})
		x.take(heketi.Dump{}, second)
		x.take(heketi.Dump{}, first) // an answer that took longer
		mustPick(t, x, nameB, 2001)
		time.Sleep(time.Second)
		x.take(heketi.Dump{}, time.Now()) // somebody has deleted it
		mustPick(t, x, "csi-c-00000000000000000003", 2000)
	})
}

func TestReservationInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newIndex("main", time.Minute)
		mustPick(t, x, nameA, 2000)
		x.doubt(nameA)
		time.Sleep(59 * time.Second)
		x.take(heketi.Dump{}, time.Now())
		mustPick(t, x, nameB, 2001)
		time.Sleep(2 * time.Second)
		x.take(heketi.Dump{}, time.Now())
		mustPick(t, x, "csi-c-00000000000000000003", 2000)
		x.take(heketi.Dump{}, time.Now().Add(time.Hour)) // that of a create that runs stays
		mustPick(t, x, "csi-d-00000000000000000004", 2002)
	})
}

// TestSharedGroupID: in-tree classes did not exclude each other's group ids.
func TestSharedGroupID(t *testing.T) {
	x := newIndex("main", time.Minute)
	x.take(heketi.Dump{Volumes: map[string]heketi.DumpVolume{"a": {Name: "vol_a", GID: 2000}, "b": {Name: "vol_b", GID: 2000}}}, time.Now())
	x.gone("a")
	x.gone("a")
	mustPick(t, x, nameA, 2001)
	x.gone("b")
	mustPick(t, x, nameB, 2000)
}
