package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/heketi/heketi/pkg/glusterfs/api"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// The copies are as good as volumes that Heketi made: Heketi's check finds no error, and it can create and remove volumes beside
// them.
func TestFilledHeketi(t *testing.T) {
	const n = 30
	heketi, err := filledHeketi(t.Context(), t.TempDir(), n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := heketi.Stop(); err != nil {
			t.Error(err)
		}
	})
	admin := newAdmin(heketi.URL)
	list, err := admin.VolumeList()
	if err != nil || len(list.Volumes) != n {
		t.Fatalf("%d volumes, want %d; error: %v", len(list.Volumes), n, err)
	}
	gids, devices := map[int64]bool{}, map[string]bool{}
	for _, id := range list.Volumes {
		v, err := admin.VolumeInfo(id)
		if err != nil {
			t.Fatal(err)
		}
		nodes := map[string]bool{}
		for _, b := range v.Bricks {
			nodes[b.NodeId], devices[b.DeviceId] = true, true
		}
		if !volume.IsOurs(v.Name) || len(nodes) != 3 || gids[v.Gid] {
			t.Errorf("volume %s: on %d nodes, group id %d (already used: %t)", v.Name, len(nodes), v.Gid, gids[v.Gid])
		}
		gids[v.Gid] = true
	}
	if len(devices) != 12 {
		t.Errorf("bricks on %d disks, want all 12", len(devices))
	}
	made, err := admin.VolumeCreate(&api.VolumeCreateRequest{Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{made.Id, list.Volumes[0], list.Volumes[n-1]} {
		if err := admin.VolumeDelete(id); err != nil {
			t.Error(err)
		}
	}
	text, err := admin.DbCheck()
	if err != nil {
		t.Fatal(err)
	}
	var check struct {
		Total   int `json:"totalinconsistencies"`
		Volumes struct {
			OK int `json:"ok"`
		} `json:"volumes"`
	}
	if err := json.Unmarshal([]byte(text), &check); err != nil {
		t.Fatal(err)
	}
	if check.Total != 0 || check.Volumes.OK != n-2 {
		t.Errorf("Heketi's check finds %d inconsistencies and %d good volumes, want 0 and %d: %s", check.Total, check.Volumes.OK, n-2, text)
	}
}

func TestFilledRefusesWhatItCannotCopy(t *testing.T) {
	for name, c := range map[string]struct{ dump, want string }{
		"no dump":          {"[]", "cannot unmarshal"},
		"no volume":        {`{"volumeentries":{}}`, "0 volumes"},
		"two volumes":      {`{"volumeentries":{"a":{},"b":{}}}`, "2 volumes"},
		"two clusters":     {`{"volumeentries":{"a":{}},"clusterentries":{"a":{},"b":{}}}`, "2 clusters"},
		"a lost disk":      {`{"volumeentries":{"a":{}},"clusterentries":{"a":{"Info":{}}},"brickentries":{"b":{"Info":{"device":"d"}}}}`, "no known device"},
		"a disk of no use": {`{"volumeentries":{"a":{}},"clusterentries":{"a":{"Info":{}}},"deviceentries":{"d":{}}}`, "Info.storage.free"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := filled([]byte(c.dump), 1); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestNewID(t *testing.T) {
	ids := []string{newID("volume", 1), newID("volume", 2), newID("brick", 1, 2), newID("brick", 12)}
	for i, id := range ids {
		if err := api.ValidateUUID(id); err != nil || slices.Index(ids, id) != i {
			t.Errorf("%q: %v, first at %d", id, err, slices.Index(ids, id))
		}
	}
}
