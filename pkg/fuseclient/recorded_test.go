package fuseclient

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// TestReadRecords: files that are not records, and a record that is removed meanwhile, are skipped.
func TestReadRecords(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"a.json": `{"bootID": "x"}`, "b.json.new": "{", "c": "{"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("gone", filepath.Join(dir, "d.json")); err != nil {
		t.Fatal(err)
	}
	if got, err := readRecords(dir); err != nil || len(got) != 1 || got[0].BootID != "x" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestRecordedIsPartOfTheRecord: other programs read the same values that the node plugin writes.
func TestRecordedIsPartOfTheRecord(t *testing.T) {
	written := record{
		Source: mount.Source{VolumeID: "v", Volume: "web", Servers: []string{"gluster-1"}}, StagingPath: "/stage", BootID: "boot",
		Publications: map[string]Publication{"/target": {}},
	}
	data, err := written.encode()
	if err != nil {
		t.Fatal(err)
	}
	var got Recorded
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if _, published := got.Publications["/target"]; !published || got.Source.VolumeID != "v" || got.Source.Servers[0] != "gluster-1" ||
		got.StagingPath != "/stage" || got.BootID != "boot" {
		t.Errorf("%+v", got)
	}
}
