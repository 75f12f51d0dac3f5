package tables_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount/mounttest"
)

// anyDevice is a device without mounts.
var anyDevice = mount.Device{Minor: 1 << 19}

func snapshotOf(mounts ...tables.Mount) tables.Snapshot {
	return tables.Snapshot{
		Device: mount.Device{Minor: 42}, Client: "client-7",
		Tables: []tables.Table{{Namespace: 3, PID: 4, Start: 5, Pod: "pod", Mounts: mounts}},
	}
}

func TestSnapshot(t *testing.T) {
	store := tables.Store{Dir: filepath.Join(t.TempDir(), "a/b")}
	if _, exists, err := store.Load("v"); exists || err != nil {
		t.Errorf("before: %t, %v", exists, err)
	}
	if err := store.Remove("v"); err != nil {
		t.Errorf("remove a missing snapshot: %v", err)
	}
	want := snapshotOf(tables.Mount{
		ID: 1, Parent: 2, Device: mount.Device{Major: 8, Minor: 1}, FSType: "ext4", Source: `\src`, Root: "/\xff\xfe ü\\134", Deleted: true,
		Point: "/a b\n\xc3", Options: "ro,noatime", Propagation: "shared:1 master:2",
	}, tables.Mount{})
	path := filepath.Join(store.Dir, "v.json")
	var written os.FileInfo
	for range 2 {
		if err := store.Save("v", want); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || written != nil && !os.SameFile(info, written) || info.Mode() != 0o600 {
			t.Errorf("unchanged content was written again, or %v, %v", info, err)
		}
		written = info
	}
	got, exists, err := store.Load("v")
	if !exists || err != nil || got.BootID == "" || got.Version == 0 {
		t.Fatalf("%+v, %t, %v", got, exists, err)
	}
	if got.BootID, got.Version = "", 0; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	want.Client += "1"
	if err := store.Save("v", want); err != nil {
		t.Fatal(err)
	}
	if got, _, err := store.Load("v"); err != nil || got.Client != want.Client {
		t.Errorf("%+v, %v", got, err)
	}
	if err := store.Remove("v"); err != nil {
		t.Error(err)
	}
	if files, err := os.ReadDir(store.Dir); len(files) > 0 || err != nil {
		t.Errorf("left: %v, %v", files, err)
	}
}

// TestUnusableSnapshot: an unusable snapshot is not returned, and the error gives the reason.
func TestUnusableSnapshot(t *testing.T) {
	store := tables.Store{Dir: t.TempDir()}
	path := filepath.Join(store.Dir, "v.json")
	if err := store.Save("v", snapshotOf()); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	replaced := func(old, replacement string) string {
		t.Helper()
		bad := strings.Replace(string(good), old, replacement, 1)
		if bad == string(good) {
			t.Fatal(bad)
		}
		return bad
	}
	for content, says := range map[string]string{
		"":                                        "JSON",
		string(good[:len(good)/2]):                "JSON",
		"{}":                                      "version 0",
		replaced(`: 1,`, `: 2,`):                  "version 2",
		replaced(`D": "`, `D": "0`):               "earlier boot",
		replaced(`0:42`, `x`):                     "device",
		replaced(`null`, `[{"id": "x"}]`):         "id",
		replaced(`null`, `[{"root": "\\9"}]`):     "digits",
		replaced(`null`, `[{"root": "\\999"}]`):   "path",
		string(good) + strings.Repeat(" ", 4<<20): "more than",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, exists, err := store.Load("v")
		if exists || err == nil || !strings.Contains(err.Error(), says) || !reflect.DeepEqual(got, tables.Snapshot{}) {
			t.Errorf("%.100q: %+v, %t, %v; want an error with %q", content, got, exists, err, says)
		}
	}
	defer mounttest.HideProc(t)()
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, exists, err := store.Load("v"); exists || err == nil {
		t.Errorf("without a boot id: %t, %v", exists, err)
	}
	if err := store.Save("v", snapshotOf()); err == nil {
		t.Error("saved without a boot id")
	}
}

// TestSnapshotOfANewerVersion: the caller can distinguish such a snapshot from a damaged one, unless it is from an earlier boot.
func TestSnapshotOfANewerVersion(t *testing.T) {
	store := tables.Store{Dir: t.TempDir()}
	path := filepath.Join(store.Dir, "v.json")
	if err := store.Save("v", snapshotOf()); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for content, newer := range map[string]bool{
		strings.Replace(string(good), `: 1,`, `: 2, "tables": "others",`, 1):                              true,
		strings.Replace(strings.Replace(string(good), `: 1,`, `: 2,`, 1), `bootID": "`, `bootID": "0`, 1): false,
		strings.Replace(string(good), `: 1,`, `: 0,`, 1):                                                  false,
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, exists, err := store.Load("v"); exists || errors.Is(err, tables.ErrNewer) != newer {
			t.Errorf("%.60s: %t, %v", content, exists, err)
		}
	}
}

// TestSnapshotThatIsTooLarge: a snapshot is saved without the table that makes it too large. The caller's stays whole.
func TestSnapshotThatIsTooLarge(t *testing.T) {
	large := tables.Table{PID: 99, Pod: "uid", Mounts: make([]tables.Mount, 40_000)}
	small := snapshotOf(tables.Mount{ID: 1}).Tables[0]
	for name, s := range map[string]tables.Snapshot{
		"present mounts": {Tables: []tables.Table{small, large, small}},
		"lost mounts":    {Tables: []tables.Table{small, small}, Lost: []tables.Table{large}},
	} {
		store := tables.Store{Dir: t.TempDir()}
		if err := store.Save("v", s); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d mounts of process 99", len(large.Mounts))) {
			t.Errorf("%s: %v", name, err)
		}
		got, exists, err := store.Load("v")
		if !exists || err != nil || len(got.Tables) != 2 || got.Tables[1].PID != small.PID || len(got.Lost) > 0 {
			t.Errorf("%s: %d tables, %d of lost mounts, %t, %v", name, len(got.Tables), len(got.Lost), exists, err)
		}
		if slices.ContainsFunc(s.Tables, func(t tables.Table) bool { return t.PID == 0 }) {
			t.Errorf("%s: the caller's tables are changed: %+v", name, s.Tables)
		}
	}
}

// TestSnapshotThatCannotBeWritten: if a snapshot cannot be written, the former one stays.
func TestSnapshotThatCannotBeWritten(t *testing.T) {
	store := tables.Store{Dir: t.TempDir()}
	if err := store.Save("v", snapshotOf()); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(store.Dir, "v.json.new"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := store.Save("v", snapshotOf(tables.Mount{})); err == nil {
		t.Error("no error")
	}
	if got, exists, err := store.Load("v"); !exists || err != nil || len(got.Tables[0].Mounts) != 0 {
		t.Errorf("%+v, %t, %v", got, exists, err)
	}
	if err := errors.Join(os.Remove(filepath.Join(store.Dir, "v.json")), os.MkdirAll(filepath.Join(store.Dir, "v.json/x"), 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := store.Save("v", snapshotOf()); err == nil {
		t.Error("saved over a directory")
	}
	if _, err := os.Stat(filepath.Join(store.Dir, "v.json.new")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the unfinished file: %v", err)
	}
	file := filepath.Join(store.Dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	inFile := tables.Store{Dir: file}
	if err := inFile.Save("v", snapshotOf()); err == nil {
		t.Error("saved below a file")
	}
	if _, exists, err := inFile.Load("v"); exists || err == nil {
		t.Errorf("%t, %v", exists, err)
	}
	if err := inFile.Remove("v"); err == nil {
		t.Error("removed below a file")
	}
}
