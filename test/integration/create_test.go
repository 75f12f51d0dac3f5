package integration

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/outside"
)

// TestCreate creates a volume of each kind and compares the driver's answers with those of Heketi and gluster.
func TestCreate(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		name       string
		volumeType string
		sizes      *csi.CapacityRange
		gib        int
		durability string
		bricks     int // bricks that hold the file or a part of it
		want       outside.GlusterVolume
	}{
		{
			"a byte more than 1 GiB becomes 2 GiB, on three copies by default", "", &csi.CapacityRange{RequiredBytes: gib + 1},
			2, "replicate:3", 3, outside.GlusterVolume{Type: "Replicate", Replica: 3},
		},
		{
			"disperse has at least 1 GiB for each data brick", "disperse:2:1", &csi.CapacityRange{RequiredBytes: 1},
			2, "disperse:2:1", 3, outside.GlusterVolume{Type: "Disperse", Replica: 1, Disperse: 3, Redundancy: 1},
		},
		{
			"none, and no size asked for", "none", nil,
			1, "none", 1, outside.GlusterVolume{Type: "Distribute", Replica: 1},
		},
		{
			"two copies, with a limit that is no whole number of GiB", "replicate:2", &csi.CapacityRange{RequiredBytes: gib, LimitBytes: gib + gib/2},
			1, "replicate:2", 2, outside.GlusterVolume{Type: "Replicate", Replica: 2},
		},
	} {
		r.Run(c.name, func(t *testing.T) {
			r := r.on(t)
			request := createRequest(nil)
			request.CapacityRange = c.sizes
			if c.volumeType != "" {
				request.Parameters = map[string]string{"volumeType": c.volumeType}
			}
			v := r.create(request)
			if v.GetCapacityBytes() != int64(c.gib)*gib {
				r.Errorf("the driver says that the volume has %d bytes, want %d GiB", v.GetCapacityBytes(), c.gib)
			}
			r.isInHeketi(v, c.gib, c.durability)
			seen := r.mustGlusterVolume(nameOf(v))
			bricks := r.brickPaths(seen)
			c.want.Name, c.want.Status, c.want.Bricks = nameOf(v), "Started", seen.Bricks
			if !equalVolumes(seen, c.want) {
				r.Errorf("gluster has %+v, want %+v", seen, c.want)
			}
			r.canBeUsed(v, seen, c.bricks)
			r.delete(v.GetVolumeId())
			r.nowhere(seen, bricks)
		})
	}
}

// isInHeketi checks that Heketi has exactly this volume, and that the driver names the right servers.
func (r *rig) isInHeketi(v *csi.Volume, size int, durability string) {
	r.Helper()
	found := r.inHeketi(nameOf(v))
	if len(found) != 1 {
		r.Fatalf("Heketi has %d volumes of name %s: %+v", len(found), nameOf(v), found)
	}
	want := outside.HeketiVolume{ID: strings.TrimPrefix(v.GetVolumeId(), "lab/"), Name: nameOf(v), GiB: size, Durability: durability}
	if found[0] != want {
		r.Errorf("Heketi has %+v, want %+v", found[0], want)
	}
	keys := slices.Sorted(maps.Keys(v.GetVolumeContext()))
	if !slices.Equal(keys, []string{"backend", "cluster", "gid", "servers", "volume"}) {
		r.Errorf("volume context has %v", v.GetVolumeContext())
	}
	var servers []string
	for i := 1; i <= 3; i++ {
		servers = append(servers, r.lab.Storage(i).IP)
	}
	if given := strings.Split(v.GetVolumeContext()["servers"], ","); !slices.Equal(slices.Sorted(slices.Values(given)), servers) {
		r.Errorf("volume context has the servers %v, want %v", given, servers)
	}
}

// canBeUsed writes on one node, reads on the other, and counts the bricks that hold the file.
func (r *rig) canBeUsed(v *csi.Volume, seen outside.GlusterVolume, bricks int) {
	r.Helper()
	var staging, target [2]string
	for i, n := range r.nodes {
		staging[i] = r.stage(n, v)
		target[i] = r.publish(n, v, staging[i], false)
	}
	r.write(r.nodes[0], "data", target[0], "file")
	r.read(r.nodes[1], "data", target[1], "file")
	found := 0
	for _, brick := range r.brickPaths(seen) {
		if _, err := os.Stat(filepath.Join(brick, "file")); err == nil {
			found++
		}
	}
	if found != bricks {
		r.Errorf("the file is on %d of the bricks %v, want %d", found, seen.Bricks, bricks)
	}
	for i, n := range r.nodes {
		r.unpublish(n, v, target[i])
		r.unstage(n, v, staging[i])
		r.noClient(n, nameOf(v))
	}
}

func equalVolumes(a, b outside.GlusterVolume) bool {
	return slices.Equal(a.Bricks, b.Bricks) && a.Name == b.Name && a.Status == b.Status && a.Type == b.Type &&
		a.Replica == b.Replica && a.Disperse == b.Disperse && a.Redundancy == b.Redundancy
}
