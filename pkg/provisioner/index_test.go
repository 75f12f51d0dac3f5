package provisioner

import (
	"testing"
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

// TestSharedGroupID: two in-tree classes could hand out the same group id.
func TestSharedGroupID(t *testing.T) {
	x := newIndex("main", time.Minute)
	x.useDump(heketi.Dump{Volumes: map[string]heketi.DumpVolume{"a": {Name: "vol_a", GID: 2000}, "b": {Name: "vol_b", GID: 2000}}}, time.Now())
	x.recordDeleted("a")
	x.recordDeleted("a")
	mustPick(t, x, nameA, 2001)
	x.recordDeleted("b")
	mustPick(t, x, nameB, 2000)
}

// TestNamesOfVolumes: hasOther reports the other gluster name of a CSI name only as long as the volume of that name exists.
func TestNamesOfVolumes(t *testing.T) {
	const renamed = "team-a-csi-a-00000000000000000001" // of the same CSI name as nameA
	x := newIndex("main", time.Minute)
	x.useDump(heketi.Dump{Volumes: map[string]heketi.DumpVolume{"a": {Name: nameA, GID: 2000}, "b": {Name: "web", GID: 2001}}}, time.Now())
	if !x.hasOther(renamed) || x.hasOther(nameA) || x.hasOther(nameB) {
		t.Error("only renamed has a volume of the same CSI name under another gluster name")
	}
	x.recordDeleted("a")
	if x.hasOther(renamed) || len(x.ours) > 0 || len(x.taken) != 1 {
		t.Errorf("it is gone, and known are %v, %v", x.ours, x.taken)
	}
}
