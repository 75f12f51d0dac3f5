package faults

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/labtest"
)

// TestExpandThatOutlivesItsDriver: a gateway holds an expand, the driver is killed, and its successor gets a request for the same
// size before Heketi receives the held one.
func TestExpandThatOutlivesItsDriver(t *testing.T) {
	ctx := t.Context()
	server := labtest.MockHeketi(t)
	proxy, err := StartProxy(ctx, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	d, err := startDriver(ctx, buildDriver(t), filepath.Join(t.TempDir(), "driver"), proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.stop() })
	made, err := d.CreateVolume(ctx, &csi.CreateVolumeRequest{
		Name: "pvc-1", VolumeCapabilities: capabilities(), CapacityRange: &csi.CapacityRange{RequiredBytes: 2 * gib},
	})
	if err != nil {
		t.Fatal(err)
	}
	expand := func() (codes.Code, int64) {
		response, err := d.ControllerExpandVolume(ctx, &csi.ControllerExpandVolumeRequest{
			VolumeId: made.GetVolume().GetVolumeId(), CapacityRange: &csi.CapacityRange{RequiredBytes: 5 * gib},
		})
		return status.Code(err), response.GetCapacityBytes()
	}
	proxy.Storm(newStream(1, map[Class][]Rate{ClassExpand: {{Late, 1}}}), NewTrace())
	if code, _ := expand(); code != codes.Aborted {
		t.Errorf("the expand that is held: %s, want %s", code, codes.Aborted)
	}
	proxy.Calm()
	if err := d.child.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := d.start(ctx); err != nil {
		t.Fatal(err)
	}
	repeated := 0
	for code, size := expand(); code != codes.OK || size != 5*gib; code, size = expand() {
		if repeated++; code != codes.Aborted || repeated > 10_000 {
			t.Fatalf("repeated: %s, %d bytes", code, size)
		}
	}
	for proxy.underWay.Load() > 0 && wait(ctx, time.Millisecond) { // the late request, if the driver did not wait for it
	}
	truth, err := readTruth(newAdmin(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	if v := truth.Volumes[idOf(made.GetVolume().GetVolumeId())]; repeated == 0 || v.SizeGiB != 5 || v.DataKiB != 5<<20 {
		t.Errorf("after %d repetitions Heketi records %d GiB, in bricks for %d KiB; want 5 GiB", repeated, v.SizeGiB, v.DataKiB)
	}
}
