package provisioner_test

import (
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// TestGIDTakenMeanwhile: the group id of a create in doubt is used again only if no other volume has it by then, and only if it
// is still in the range of the class.
func TestGIDTakenMeanwhile(t *testing.T) {
	for _, tc := range []struct {
		name      string
		meanwhile func(f *fixture, cluster string)
		again     volume.Spec
		want      int64
	}{
		{"free", func(*fixture, string) {}, spec("pvc-1"), 2000},
		{"an administrator has taken it", func(f *fixture, cluster string) { f.server.AddVolumeOf(2000, "web", cluster) }, spec("pvc-1"), 2001},
		{"the class has another range now", func(*fixture, string) {}, specOf("pvc-1", 3000, 3010), 3000},
		{"the class's range begins above it", func(*fixture, string) {}, specOf("pvc-1", 2001, 3000), 2001},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cluster := heketitest.NewCluster()
			f := start(t, cluster)
			f.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Drop: true, Times: 1})
			_, err := f.provisioner.Create(t.Context(), spec("pvc-1"))
			wantError(t, err, volume.ErrUnavailable)
			tc.meanwhile(f, cluster.ID)
			if _, _, err := f.provisioner.List(t.Context(), "", 0); err != nil { // List reads Heketi's records
				t.Fatal(err)
			}
			if v := f.create(t, tc.again); v.GID != tc.want {
				t.Errorf("group id %d, want %d", v.GID, tc.want)
			}
		})
	}
}

// TestGIDsHeldByCreatesInDoubt: each create keeps its group id, in whichever order the creates are repeated.
func TestGIDsHeldByCreatesInDoubt(t *testing.T) {
	f := start(t)
	f.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Drop: true, Times: 2})
	for _, name := range []string{"pvc-1", "pvc-2"} {
		_, err := f.provisioner.Create(t.Context(), spec(name))
		wantError(t, err, volume.ErrUnavailable)
	}
	for i, name := range []string{"pvc-3", "pvc-2", "pvc-1"} {
		if v := f.create(t, spec(name)); v.GID != int64(2002-i) {
			t.Errorf("%s has group id %d, want %d", name, v.GID, 2002-i)
		}
	}
}
