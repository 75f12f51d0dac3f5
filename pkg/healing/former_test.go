package healing

import (
	"path/filepath"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fusequery"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// TestInterruptedStart: the last node plugin was killed while it replaced a client that had ended. This one continues, and keeps
// the snapshots of that client until its mounts are repaired.
func TestInterruptedStart(t *testing.T) {
	staging := t.TempDir()
	dead := tables.Snapshot{VolumeID: "id", Client: "a", Device: deadVolume(t, staging)}
	h := newHealer(t)
	h.Manager = managerOf(t, map[string]any{
		"version": 1, "stagingPath": staging, "generation": 2, "source": mount.Source{VolumeID: "id", Volume: "vol", Servers: []string{"127.0.0.1"}},
	})
	if err := h.memory.put(dead); err != nil {
		t.Fatal(err)
	}
	if all := h.Served(); len(all) != 1 || all[0].VolumeID != "id" || all[0].Client != "" || all[0].Alive {
		t.Errorf("served are %+v", all)
	}
	if complete, lives := h.repair(t.Context(), "id"); complete || lives {
		t.Errorf("complete: %t, lives: %t, although no client could be started", complete, lives)
	}
	if kept := h.memory.list(); len(kept) != 1 || kept[0].Client != dead.Client {
		t.Errorf("snapshots %+v, want that of the client that has ended", kept)
	}
}

// TestReplacedBeforeTheFirstScan: a publish replaces a client that has ended before any scan has saved the client's mounts in
// pods. Once the record describes the next client, only a snapshot shows the former one.
func TestReplacedBeforeTheFirstScan(t *testing.T) {
	dir, staging := t.TempDir(), t.TempDir()
	device := deadVolume(t, staging)
	clients := managerOf(t, map[string]any{
		"version": 1, "stagingPath": staging, "device": device, "source": mount.Source{VolumeID: "id", Volume: "vol", Servers: []string{"127.0.0.1"}},
	})
	h, err := New(Config{Clients: clients, Asker: &fusequery.Asker{}, StateDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.watcher.Close)
	if all := h.Served(); len(all) != 1 || all[0].Device != device || all[0].Alive {
		t.Fatalf("served are %+v", all)
	}
	target := filepath.Join(t.TempDir(), "target")
	if err := h.Publish(t.Context(), mount.Publication{VolumeID: "id", StagingPath: staging, TargetPath: target}); err == nil {
		t.Error("a client was started")
	}
	next, err := openMemory(filepath.Join(dir, "mounts")) // by the next plugin
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]*memory{"in memory": h.memory, "on disk": next} {
		if kept := m.list(); len(kept) != 1 || kept[0].VolumeID != "id" || kept[0].Device != device || kept[0].StagingPath != staging {
			t.Errorf("%s: %+v", name, kept)
		}
	}
}

// TestReplacedButNotRemembered: the snapshots of former clients stay until a snapshot of the present client is saved after the
// repair.
func TestReplacedButNotRemembered(t *testing.T) {
	for name, early := range map[string]bool{"no snapshot of the present client": false, "one from before the repair": true} {
		t.Run(name, func(t *testing.T) {
			h := newHealer(t)
			save := func(client string) {
				if err := h.memory.put(tables.Snapshot{VolumeID: "id", Client: client}); err != nil {
					t.Fatal(err)
				}
			}
			save("former")
			if early {
				save("present")
			}
			for range 2 {
				h.forgetReplaced(t.Context(), "id", "present", h.former("id", "present"))
				if kept, known := h.memory.get("former"); !known || !kept.Replaced {
					t.Fatalf("nothing shows any more what was mounted inside the volume, or its device would be searched again: %+v", kept)
				}
			}
			save("present")
			h.forgetReplaced(t.Context(), "id", "present", h.former("id", "present"))
			if list := h.memory.list(); len(list) != 1 || list[0].Client != "present" {
				t.Errorf("%+v", list)
			}
		})
	}
}
