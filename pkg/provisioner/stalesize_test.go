package provisioner_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/provisioner"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// joins counts the calls that join an operation.
type joins struct{ n atomic.Int64 }

func (*joins) Operation(string) func() { return func() {} }

func (*joins) Existing(string) {}

func (j *joins) Joined(string) { j.n.Add(1) }

// TestCreateThatJoinsOneFromBeforeAnExpand: the create must not return the old size.
func TestCreateThatJoinsOneFromBeforeAnExpand(t *testing.T) {
	f := start(t)
	var joined joins
	p := f.another(t, 8, timing(), provisioner.WithObserver(&joined))
	v := f.create(t, spec("pvc-1"))

	late, carried := make(chan struct{}), make(chan struct{})
	answer := sync.OnceFunc(func() { close(late) })
	t.Cleanup(answer)
	f.server.Inject(heketitest.Fault{Prefix: "GET /volumes/" + v.Handle.ID, Times: 1, Late: late, Carried: carried})
	older := background(t.Context(), p, spec("pvc-1"))
	<-carried // Heketi's answer, of 2 GiB, is under way
	size, err := p.Expand(t.Context(), v.Handle, volume.Capacity{RequiredBytes: 5 * volume.GiB}, volume.Credentials{})
	if err != nil || size != 5*volume.GiB {
		t.Fatalf("expanded to %d bytes, %v", size, err)
	}
	joining := background(t.Context(), p, spec("pvc-1"))
	eventually(t, "the second create joins", func() bool { return joined.n.Load() == 1 })
	answer()
	for _, create := range []<-chan createResult{older, joining} {
		wantError(t, (<-create).err, volume.ErrBusy)
	}
	again, err := p.Create(t.Context(), spec("pvc-1"))
	if err != nil || again.CapacityBytes != size || again.Handle != v.Handle {
		t.Errorf("repeated: %+v, %v; want %d bytes", again, err, size)
	}
	// Answers that are read later count, even if Heketi has lost an expand.
	if _, err := p.Expand(t.Context(), v.Handle, volume.Capacity{RequiredBytes: 7 * volume.GiB}, volume.Credentials{}); err != nil {
		t.Fatal(err)
	}
	f.server.SetSize(v.Handle.ID, 6)
	if again, err = p.Create(t.Context(), spec("pvc-1")); err != nil || again.CapacityBytes != 6*volume.GiB {
		t.Errorf("after an expand was lost: %+v, %v", again, err)
	}
}
