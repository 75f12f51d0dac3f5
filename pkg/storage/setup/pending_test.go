package setup

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/storagetest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// makeVolume makes a volume besides that of the database.
func (w *world) makeVolume(name string) {
	w.t.Helper()
	client := w.client()
	clusters, err := client.Clusters(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := client.CreateVolume(w.t.Context(), heketi.CreateRequest{
		Name: name, Cluster: clusters[0], SizeGiB: 2, Durability: volume.Durability{Type: volume.Replicate, Replica: 3}, SnapFactor: 1,
	}, func() error { return nil }); err != nil {
		w.t.Fatal(err)
	}
}

// TestBackupTakenDuringCreation: the database's volume is lost. The backup lists another volume as unfinished, and gluster has
// that volume.
func TestBackupTakenDuringCreation(t *testing.T) {
	w := newWorld(t)
	if err := w.run(""); err != nil {
		t.Fatal(err)
	}
	w.makeVolume("other")
	w.stopHeketi()
	path := filepath.Join(w.volume, "heketi.db")
	storagetest.MarkPending(t, w.program, path, "other")
	taken, err := database.MakeCopy(t.Context(), storagetest.File(path), w.program)
	if err != nil {
		t.Fatal(err)
	}
	store := w.store()
	if err := errors.Join(store.Save(t.Context(), taken), os.Remove(path)); err != nil {
		t.Fatal(err)
	}
	w.newPod()
	w.claims, w.gluster, w.volumes = nil, false, "other\n"
	for range 2 {
		err = w.run("")
		if err == nil || !strings.Contains(err.Error(), "has volumes that were being made or removed when it was taken, and gluster has them: other. Heketi would delete them") {
			t.Errorf("%v", err)
		}
	}
	if slices.ContainsFunc(w.points.Seen(), func(point string) bool { return strings.Contains(point, "cleanup") }) {
		t.Errorf("points %q", w.points.Seen())
	}
	if now, err := store.Load(t.Context()); err != nil || now.SHA256 != taken.SHA256 || now.Unfinished {
		t.Errorf("the backup has changed: %+v, %v", now.Unfinished, err)
	}
}
