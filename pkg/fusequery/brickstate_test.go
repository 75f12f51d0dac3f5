package fusequery

import (
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

func TestReadHealth(t *testing.T) {
	sets := map[string][]string{"vol-replicate-0": {"a", "b", "c"}}
	tests := []struct {
		name string
		meta fstest.MapFS
		want mount.Health
	}{
		{"healthy", mounttest.Meta(map[string]string{"a": "1", "b": "1", "c": "1"}, map[string]string{"vol-replicate-0": "1"}, sets),
			mount.Health{Bricks: 3}},
		{"one of three", mounttest.Meta(map[string]string{"a": "1", "b": "0", "c": "1"}, map[string]string{"vol-replicate-0": "1"}, sets),
			mount.Health{Bricks: 3, Down: []string{"10.0.0.1:/b/b/brick"}}},
		{"too many", mounttest.Meta(map[string]string{"a": "1", "b": "0", "c": "0"}, map[string]string{"vol-replicate-0": "0"}, sets),
			mount.Health{Bricks: 3, Down: []string{"10.0.0.1:/b/b/brick", "10.0.0.1:/b/c/brick"}, Lost: true}},
		{"one of two sets", mounttest.Meta(map[string]string{"a": "1", "b": "0"}, map[string]string{"vol-replicate-0": "1", "vol-replicate-1": "0"},
			map[string][]string{"vol-replicate-0": {"a"}, "vol-replicate-1": {"b"}}),
			mount.Health{Bricks: 2, Down: []string{"10.0.0.1:/b/b/brick"}, Lost: true}},
		{"no set", mounttest.Meta(map[string]string{"a": "1", "b": "0"}, nil, nil),
			mount.Health{Bricks: 2, Down: []string{"10.0.0.1:/b/b/brick"}, Lost: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readHealth(tt.meta)
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(got.Down)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestReadHealthRefuses: missing data is an error, and never a healthy brick.
func TestReadHealthRefuses(t *testing.T) {
	complete := func() fstest.MapFS {
		return mounttest.Meta(map[string]string{"a": "0"}, map[string]string{"vol-replicate-0": "1"}, map[string][]string{"vol-replicate-0": {"a"}})
	}
	for _, name := range []string{"a/type", "a/private", "a/options/remote-host", "a/options/remote-subvolume", "vol-replicate-0/private", "vol-replicate-0/subvolumes/0"} {
		meta := complete()
		delete(meta, graph+"/"+name)
		if health, err := readHealth(meta); err == nil {
			t.Errorf("without %s: %+v", name, health)
		}
	}
	meta := complete()
	meta[graph+"/a/private"].Data = []byte("[xlator.protocol.client.a.priv]\nping_timeout = 42\n")
	if health, err := readHealth(meta); err == nil {
		t.Errorf("without the state of the connection: %+v", health)
	}
	if _, err := readHealth(fstest.MapFS{}); err == nil {
		t.Error("an empty .meta")
	}
}

// TestOneLostSet: a volume is lost if one of its sets has lost too many bricks, whatever the state of the others.
func TestOneLostSet(t *testing.T) {
	below := map[string][]string{"r-0": {"a"}, "r-1": {"b"}, "r-2": {"c"}}
	for _, lost := range []string{"r-0", "r-1", "r-2", ""} {
		sets := map[string]string{"r-0": "1", "r-1": "1", "r-2": "1"}
		if lost != "" {
			sets[lost] = "0"
		}
		got, err := readHealth(mounttest.Meta(map[string]string{"a": "1", "b": "1", "c": "1"}, sets, below))
		if err != nil || got.Lost != (lost != "") {
			t.Errorf("%q is lost: %+v, %v", lost, got, err)
		}
	}
	meta := mounttest.Meta(map[string]string{"a": "1"}, map[string]string{"r-0": "1"}, map[string][]string{"r-0": {"a"}})
	meta[graph+"/r-0/subvolumes/9"] = &fstest.MapFile{Data: []byte("no link")}
	if got, err := readHealth(meta); err == nil {
		t.Errorf("a subvolume that is not a link: %+v", got)
	}
}
