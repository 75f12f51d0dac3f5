package fusequery

import (
	"testing"
	"testing/fstest"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

func TestReadGraph(t *testing.T) {
	two := mount.BrickSet([]string{"10.0.0.1:/b/b/brick", "10.0.0.1:/b/a/brick"})
	for name, tt := range map[string]struct {
		meta fstest.MapFS
		want mount.Graph
	}{
		"all connected":     {mounttest.Meta(map[string]string{"a": "1", "b": "1"}, map[string]string{"set": "1"}, nil), mount.Graph{Bricks: two, Connected: true}},
		"one is down":       {mounttest.Meta(map[string]string{"a": "1", "b": "0"}, nil, nil), mount.Graph{Bricks: two}},
		"the first is down": {mounttest.Meta(map[string]string{"a": "0", "b": "1"}, nil, nil), mount.Graph{Bricks: two}},
		"no bricks":         {mounttest.Meta(nil, nil, nil), mount.Graph{Connected: true}},
	} {
		if got, err := readGraph(tt.meta); err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, tt.want)
		}
	}
}

// TestReadGraphRefuses: an incomplete graph is an error, because a part of a graph would look like another one.
func TestReadGraphRefuses(t *testing.T) {
	for _, name := range []string{"a/type", "a/private", "a/options/remote-host", "a/options/remote-subvolume"} {
		meta := mounttest.Meta(map[string]string{"a": "1", "b": "1"}, nil, nil)
		delete(meta, graph+"/"+name)
		if got, err := readGraph(meta); err == nil {
			t.Errorf("without %s: %+v", name, got)
		}
	}
	if got, err := readGraph(fstest.MapFS{}); err == nil {
		t.Errorf("an empty .meta: %+v", got)
	}
}
