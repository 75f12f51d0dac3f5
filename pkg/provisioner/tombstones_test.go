package provisioner

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// TestDeletedVolumes: tombstones are kept as long as a create may still return the volume, but not for ever.
func TestDeletedVolumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newIndex("main", time.Minute)
		x.recordSize(volume.Volume{Handle: volume.Handle{ID: "a"}, CapacityBytes: 5})
		x.recordDeleted("a")
		if !x.wasDeleted("a") || x.wasDeleted("b") || x.isStale(volume.Volume{Handle: volume.Handle{ID: "a"}, CapacityBytes: 1}) {
			t.Error("exactly the one that was deleted is known, and its size is forgotten")
		}
		time.Sleep(time.Hour)
		x.recordDeleted("b")
		if !x.wasDeleted("a") {
			t.Error("it was forgotten after an hour")
		}
		time.Sleep(time.Second)
		x.recordDeleted("c")
		if x.wasDeleted("a") || !x.wasDeleted("b") {
			t.Error("after more than an hour it is still remembered, or the others are not")
		}
	})
}
