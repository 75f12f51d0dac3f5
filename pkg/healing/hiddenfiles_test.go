package healing

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/fuseclient"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// TestWrittenBeneath: the files written into the volume are listed for each mount that was missing. A tmpfs stands for the
// volume.
func TestWrittenBeneath(t *testing.T) {
	h, staging := newHealer(t), filepath.Join(t.TempDir(), "staging")
	device := mountAt(t, staging, "server:/vol", "tmpfs", "")
	long := time.Now().Add(-time.Hour)
	for _, name := range []string{"dir/few/old", "dir/few/b", "dir/few/a", "quiet/old"} {
		write(t, staging, name)
		if filepath.Base(name) == "old" {
			if err := os.Chtimes(filepath.Join(staging, name), long, long); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range []string{"1", "2", "3", "4", "5", "6"} {
		write(t, staging, "many", name)
	}
	back := []returned{
		{"uid", "/sub/few", tables.Mount{Point: "/sub", Root: "/dir"}},
		{"uid", "/data/quiet", tables.Mount{Point: "/data", Root: "/"}},
		{"uid2", "/data/many", tables.Mount{Point: "/data", Root: "/"}},
		{"uid2", "/data/missing", tables.Mount{Point: "/data", Root: "/"}},
	}
	s := fuseclient.Served{VolumeID: "id", Volume: "vol", StagingPath: staging, Client: "new", Device: device, Alive: true}
	if got := h.writtenBeneath(t.Context(), s, back); got != nil {
		t.Errorf("without a time: %+v", got)
	}
	h.volume("id").graphReadAt = time.Now().Add(-time.Minute)
	want := []Written{
		{Pod: "uid", Point: "/sub/few", Names: []string{"a", "b"}},
		{Pod: "uid2", Point: "/data/many", Names: []string{"1", "2", "3", "4", "5"}, More: true},
	}
	if got := h.writtenBeneath(t.Context(), s, back); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := h.writtenBeneath(t.Context(), s, nil); got != nil {
		t.Errorf("nothing was missing: %+v", got)
	}
	s.Device.Minor++ // the volume has another client by now
	if got := h.writtenBeneath(t.Context(), s, back); got != nil {
		t.Errorf("with another client: %+v", got)
	}
	s.Device = device
	h.volume("id").graphReadAt = time.Now().Add(time.Minute)
	if got := h.writtenBeneath(t.Context(), s, back); got != nil {
		t.Errorf("seen later: %+v", got)
	}
}

// TestRecordReturned: only mounts on the volume itself are recorded.
func TestRecordReturned(t *testing.T) {
	volume, other := mount.Device{Minor: 1}, mount.Device{Minor: 2}
	table := tables.Table{Pod: "uid", Mounts: []tables.Mount{
		{ID: 1, Device: volume, Point: "/data"}, {ID: 2, Parent: 1, Device: other, Point: "/data/tmp"},
		{ID: 3, Parent: 2, Device: other, Point: "/data/tmp/in"}, {ID: 4, Parent: 1, Device: volume, Point: "/data/self"},
	}}
	var o Outcome
	for _, m := range table.Mounts {
		o.recordReturned(table, m, volume)
	}
	if want := []returned{{"uid", "/data/tmp", table.Mounts[0]}}; !reflect.DeepEqual(o.returned, want) {
		t.Errorf("%+v, want %+v", o.returned, want)
	}
}

// TestLastSeen: before its first scan, a process uses the time of the snapshot that its predecessor wrote.
func TestLastSeen(t *testing.T) {
	h, s := newHealer(t), fuseclient.Served{VolumeID: "id", Client: "a"}
	if at := h.lastSeen(s); !at.IsZero() {
		t.Errorf("never: %s", at)
	}
	if err := h.memory.put(tables.Snapshot{Client: "a"}); err != nil {
		t.Fatal(err)
	}
	before := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(filepath.Join(h.memory.disk.Dir, "a.json"), before, before); err != nil {
		t.Fatal(err)
	}
	if at := h.lastSeen(s); !at.Equal(before) {
		t.Errorf("%s, want %s", at, before)
	}
	now := time.Now()
	h.volume("id").graphReadAt = now
	if at := h.lastSeen(s); !at.Equal(now) {
		t.Errorf("%s, want %s", at, now)
	}
}
