package teardown

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/database"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/storagetest"
)

// copyWhileMade returns a backup from the time when the volume was being made.
func (w *world) copyWhileMade(client *heketi.Client, volume string) database.Copy {
	w.t.Helper()
	return w.copyWith(client, func(path string) { storagetest.MarkPending(w.t, w.program, path, volume) })
}

// copyWith returns a backup of the database with a change.
func (w *world) copyWith(client *heketi.Client, change func(path string)) database.Copy {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), "heketi.db")
	file, err := os.Create(path) // #nosec G304 -- of a test
	if err != nil {
		w.t.Fatal(err)
	}
	if err := errors.Join(client.DatabaseCopy(w.t.Context(), file), file.Close()); err != nil {
		w.t.Fatal(err)
	}
	change(path)
	taken, err := database.MakeCopy(w.t.Context(), storagetest.File(path), w.program)
	if err != nil {
		w.t.Fatal(err)
	}
	return taken
}

// TestVolumeThatWasMadeSince: in the copy, a volume is unfinished. If gluster has the volume, it may have been finished since,
// and is kept; otherwise Heketi undoes its creation.
func TestVolumeThatWasMadeSince(t *testing.T) {
	const name = "vol_a"
	for _, tt := range []struct {
		name    string
		ended   bool // Heketi has ended before the run
		gluster bool // gluster has the volume
		want    string
	}{
		{"Heketi has ended before", true, true, "step 1 of 6, look for what would be lost: refused: gluster has volumes: vol_a. Start Heketi again"},
		{"Heketi ends in this run", false, true, "step 3 of 6, look again for what would be lost: refused: gluster has volumes: vol_a (in the copy of Heketi's database, it is still being made or removed). Start Heketi again"},
		{"gluster does not have it", true, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			client := w.client()
			made := w.makeVolume(client, w.cluster(), name)
			taken := w.copyWhileMade(client, name)
			if err := client.DeleteVolume(t.Context(), made.ID); err != nil {
				t.Fatal(err)
			}
			restored := func() {
				if err := w.store().Save(t.Context(), taken); err != nil {
					t.Error(err)
				}
				w.mu.Lock()
				defer w.mu.Unlock()
				if tt.gluster {
					w.volumes[name] = true
				}
			}
			if tt.ended {
				w.stopHeketi()
				w.replicas = 0
				restored()
			} else {
				w.onEnd = restored
			}
			err := w.run("")
			if tt.want == "" {
				if err != nil {
					t.Fatalf("%v\n%s", err, w.log)
				}
				w.check()
				return
			}
			if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), tt.want) || !w.volumes[name] || !w.volumes[testVolume] {
				t.Errorf("%v, volumes %v", err, w.volumes)
			}
		})
	}
}

// TestInterruptedDeviceRemoval: in the backup, Heketi was moving the brick of the database's volume from one device of n1 to the
// other. Any device of the volume may be lost since.
func TestInterruptedDeviceRemoval(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, broken, lost, point string }{
		{name: "no device is lost"},
		{name: "killed", point: "after gluster --mode=script volume delete"},
		{name: "the old device is broken", broken: "old"},
		{name: "the new device is broken", broken: "new"},
		{name: "a device with another brick is broken", broken: "other"},
		{name: "a node with another brick is lost", lost: "n3"},
		{name: "the node is lost", lost: "n1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			client := w.client()
			nodes, err := nodesOf(t.Context(), client)
			if err != nil {
				t.Fatal(err)
			}
			of := nodes[0].Devices
			if len(of[0].Bricks) == 0 {
				of[0], of[1] = of[1], of[0]
			}
			devices := map[string]string{"old": of[0].ID, "new": of[1].ID, "other": nodes[1].Devices[0].ID}
			if id := devices[tt.broken]; id != "" {
				if err := client.SetDeviceState(t.Context(), id, heketi.DeviceOffline); err != nil {
					t.Fatal(err)
				}
				w.disks[id].pv, w.disks[id].group = false, false
			}
			taken := w.copyWith(client, func(path string) {
				storagetest.MarkEvicted(t, w.program, path, devices["old"], devices["new"])
			})
			if err := w.store().Save(t.Context(), taken); err != nil {
				t.Fatal(err)
			}
			w.stopHeketi()
			w.replicas = 0
			if tt.lost != "" {
				w.loseNode(tt.lost)
			}
			if tt.point != "" {
				if err := w.run(tt.point); err == nil {
					t.Fatal("the run was not killed")
				}
				w.newPod()
			}
			if err := w.run(""); err != nil {
				t.Fatalf("%v\n%s", err, w.log)
			}
			w.check()
		})
	}
}
