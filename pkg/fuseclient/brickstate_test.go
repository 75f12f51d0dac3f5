package fuseclient

import (
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// graphOf is .meta as glusterfs 10 shows it: bricks are connected or not, sets are up or not.
func graphOf(connected map[string]string, sets map[string]string, below map[string][]string) fstest.MapFS {
	meta := fstest.MapFS{
		graph + "/top":          {Mode: fs.ModeSymlink, Data: []byte("vol")},
		graph + "/volfile":      {Data: []byte("volume vol\n")},
		graph + "/vol/type":     {Data: []byte("debug/io-stats\n")},
		graph + "/vol-dht/type": {Data: []byte("cluster/distribute\n")},
	}
	for name, value := range connected {
		dir := graph + "/" + name
		meta[dir+"/type"] = &fstest.MapFile{Data: []byte("protocol/client\n")}
		meta[dir+"/private"] = &fstest.MapFile{Data: []byte("[xlator.protocol.client." + name + ".priv]\nconnected = " + value + "\ntotal_bytes_read = 1\n")}
		meta[dir+"/options/remote-host"] = &fstest.MapFile{Data: []byte("10.0.0.1\n")}
		meta[dir+"/options/remote-subvolume"] = &fstest.MapFile{Data: []byte("/b/" + name + "/brick\n")}
	}
	for name, value := range sets {
		dir := graph + "/" + name
		meta[dir+"/type"] = &fstest.MapFile{Data: []byte("cluster/replicate\n")}
		meta[dir+"/private"] = &fstest.MapFile{Data: []byte("[cluster/replicate." + name + "]\nchild_up[0] = 0\nup = " + value + "\n")}
		for i, brick := range below[name] {
			link := dir + "/subvolumes/" + string(rune('0'+i))
			meta[link] = &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte("../../" + brick)}
		}
	}
	return meta
}

func TestReadMeta(t *testing.T) {
	sets := map[string][]string{"vol-replicate-0": {"a", "b", "c"}}
	tests := []struct {
		name string
		meta fstest.MapFS
		want mount.Health
	}{
		{"all is well", graphOf(map[string]string{"a": "1", "b": "1", "c": "1"}, map[string]string{"vol-replicate-0": "1"}, sets),
			mount.Health{Bricks: 3}},
		{"one of three", graphOf(map[string]string{"a": "1", "b": "0", "c": "1"}, map[string]string{"vol-replicate-0": "1"}, sets),
			mount.Health{Bricks: 3, Down: []string{"10.0.0.1:/b/b/brick"}}},
		{"too many", graphOf(map[string]string{"a": "1", "b": "0", "c": "0"}, map[string]string{"vol-replicate-0": "0"}, sets),
			mount.Health{Bricks: 3, Down: []string{"10.0.0.1:/b/b/brick", "10.0.0.1:/b/c/brick"}, Lost: true}},
		{"one of two sets", graphOf(map[string]string{"a": "1", "b": "0"}, map[string]string{"vol-replicate-0": "1", "vol-replicate-1": "0"},
			map[string][]string{"vol-replicate-0": {"a"}, "vol-replicate-1": {"b"}}),
			mount.Health{Bricks: 2, Down: []string{"10.0.0.1:/b/b/brick"}, Lost: true}},
		{"no set", graphOf(map[string]string{"a": "1", "b": "0"}, nil, nil),
			mount.Health{Bricks: 2, Down: []string{"10.0.0.1:/b/b/brick"}, Lost: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readMeta(tt.meta)
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

// TestReadMetaRefuses: what is missing is an error, and never a healthy brick.
func TestReadMetaRefuses(t *testing.T) {
	complete := func() fstest.MapFS {
		return graphOf(map[string]string{"a": "0"}, map[string]string{"vol-replicate-0": "1"}, map[string][]string{"vol-replicate-0": {"a"}})
	}
	for _, name := range []string{"a/type", "a/private", "a/options/remote-host", "a/options/remote-subvolume", "vol-replicate-0/private", "vol-replicate-0/subvolumes/0"} {
		meta := complete()
		delete(meta, graph+"/"+name)
		if health, err := readMeta(meta); err == nil {
			t.Errorf("without %s: %+v", name, health)
		}
	}
	meta := complete()
	meta[graph+"/a/private"].Data = []byte("[xlator.protocol.client.a.priv]\nping_timeout = 42\n")
	if health, err := readMeta(meta); err == nil {
		t.Errorf("without a word about the connection: %+v", health)
	}
	if _, err := readMeta(fstest.MapFS{}); err == nil {
		t.Error("an empty .meta")
	}
}
