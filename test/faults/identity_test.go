package faults

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/labtest"
)

// TestOtherDatabaseAfterARestart: the driver is restarted, and a Heketi with another database answers at its backend's address.
// The driver notices that by the clusters in its configuration, and continues once the right Heketi is back.
func TestOtherDatabaseAfterARestart(t *testing.T) {
	ctx := t.Context()
	right, other := labtest.MockHeketi(t), labtest.MockHeketi(t)
	list, err := newAdmin(right.URL).ClusterList()
	if err != nil {
		t.Fatal(err)
	}
	d, err := startDriver(ctx, buildDriver(t), filepath.Join(t.TempDir(), "driver"), right.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.stop(); err != nil {
			t.Error(err)
		}
	})
	raw, err := os.ReadFile(d.config)
	if err != nil {
		t.Fatal(err)
	}
	restart := func(server *lab.MockHeketi) {
		t.Helper()
		config := strings.Replace(string(raw), right.URL, server.URL, 1) + fmt.Sprintf("  clusters: %q\n", list.Clusters)
		if err := os.WriteFile(d.config, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := d.child.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := d.start(ctx); err != nil {
			t.Fatal(err)
		}
	}
	request := &csi.CreateVolumeRequest{Name: "pvc-1", VolumeCapabilities: capabilities(), CapacityRange: &csi.CapacityRange{RequiredBytes: gib}}

	restart(right)
	made, err := d.CreateVolume(ctx, request)
	if err != nil {
		t.Fatal(err)
	}
	id := made.GetVolume().GetVolumeId()

	restart(other)
	for call, err := range errorsOf(ctx, d, request, id) {
		if status.Code(err) != codes.Unavailable || !strings.Contains(fmt.Sprint(err), list.Clusters[0]) {
			t.Errorf("%s on another database: %v, want UNAVAILABLE that names cluster %s", call, err, list.Clusters[0])
		}
	}
	if volumes, err := newAdmin(other.URL).VolumeList(); err != nil || len(volumes.Volumes) > 0 {
		t.Errorf("the other Heketi has volumes %v, %v", volumes, err)
	}

	restart(right)
	if again, err := d.CreateVolume(ctx, request); err != nil || again.GetVolume().GetVolumeId() != id {
		t.Errorf("the create on the right database: %v, %v; want volume %s", again, err, id)
	}
	for _, which := range []string{"first", "repeated"} {
		if _, err := d.DeleteVolume(ctx, &csi.DeleteVolumeRequest{VolumeId: id}); err != nil {
			t.Errorf("the %s delete on the right database: %v", which, err)
		}
	}
}

// errorsOf makes the calls that could draw wrong conclusions from a missing record.
func errorsOf(ctx context.Context, d *driver, request *csi.CreateVolumeRequest, id string) map[string]error {
	errs := map[string]error{}
	_, errs["create"] = d.CreateVolume(ctx, request)
	_, errs["delete"] = d.DeleteVolume(ctx, &csi.DeleteVolumeRequest{VolumeId: id})
	_, errs["list"] = d.ListVolumes(ctx, &csi.ListVolumesRequest{})
	_, errs["get"] = d.ControllerGetVolume(ctx, &csi.ControllerGetVolumeRequest{VolumeId: id})
	_, errs["validate"] = d.ValidateVolumeCapabilities(ctx, &csi.ValidateVolumeCapabilitiesRequest{VolumeId: id, VolumeCapabilities: capabilities()})
	_, errs["expand"] = d.ControllerExpandVolume(ctx, &csi.ControllerExpandVolumeRequest{VolumeId: id, CapacityRange: &csi.CapacityRange{RequiredBytes: 2 * gib}})
	return errs
}
