package provisioner_test

import (
	"net/http"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// TestLookBeforeARefusal: Heketi checks free space and features before it checks the name, so that a cluster that is full by now
// refuses the repeated create of a volume that it has.
func TestLookBeforeARefusal(t *testing.T) {
	for _, refusal := range []string{
		"Failed to allocate new volume: No space",
		"Failed to allocate new volume: Maximum number of bricks reached.",
		"Failed to allocate new volume: No online storage devices in cluster",
		"Failed to allocate new volume: Cluster has 1000 volumes and limit is 1000",
		"Failed to allocate new volume: Cluster does not support requested volume type",
	} {
		t.Run(refusal, func(t *testing.T) {
			f := start(t)
			made := f.create(t, spec("pvc-1"))
			f.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Status: http.StatusInternalServerError, Body: refusal})
			again, err := f.another(t, 8, timing()).Create(t.Context(), spec("pvc-1"))
			if err != nil || again.Handle != made.Handle {
				t.Errorf("the repeated create returns %v, %v; want %v", again.Handle, err, made.Handle)
			}
			larger := spec("pvc-1")
			larger.Capacity.RequiredBytes = 3 * volume.GiB
			_, err = f.provisioner.Create(t.Context(), larger)
			wantError(t, err, volume.ErrIncompatible)
		})
	}
}

// TestLookBeforeARefusalOfAPendingVolume: the incomplete volume of an earlier call may still be completed.
func TestLookBeforeARefusalOfAPendingVolume(t *testing.T) {
	f := start(t)
	f.server.Hold()
	call := background(t.Context(), f.provisioner, spec("pvc-1"))
	eventually(t, "the create is accepted", func() bool { return f.server.Pending() == 1 })
	f.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Status: http.StatusInternalServerError, Body: "Failed to allocate new volume: No space"})
	_, err := f.another(t, 8, timing()).Create(t.Context(), spec("pvc-1"))
	wantError(t, err, volume.ErrBusy)
	f.server.Release()
	if r := <-call; r.err != nil {
		t.Error(r.err)
	}
}

// TestLookBeforeARefusalOfAGroupID: a volume that exists needs no group id, and may have the last one of the range.
func TestLookBeforeARefusalOfAGroupID(t *testing.T) {
	f := start(t)
	made := f.create(t, specOf("pvc-1", 2000, 2000))
	p := f.another(t, 8, timing())
	if again, err := p.Create(t.Context(), specOf("pvc-1", 2000, 2000)); err != nil || again.Handle != made.Handle {
		t.Errorf("the repeated create returns %v, %v; want %v", again.Handle, err, made.Handle)
	}
	_, err := p.Create(t.Context(), specOf("pvc-2", 2000, 2000))
	wantError(t, err, volume.ErrExhausted)
}
