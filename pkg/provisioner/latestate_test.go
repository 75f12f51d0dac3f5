package provisioner

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
)

// TestNotesByAge: by its age alone, a request that is too old can no longer be carried out. Its note stays, also when another
// request is recorded.
func TestNotesByAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		openJournal(t, dir)
		j := openJournal(t, dir)
		j.late = time.Hour
		if j.hasExpand(journalKey) {
			t.Error("there is one")
		}
		if err := j.record(journalKey, sent{SizeGiB: 2, MoreGiB: 3}); err != nil {
			t.Fatal(err)
		}
		for size, want := range map[int]bool{2: true, 5: false, 4: true} {
			if _, late := j.expandOf(journalKey, heketi.Volume{SizeGiB: size}); late != want {
				t.Errorf("of %d GiB: %t", size, late)
			}
		}
		other := createKey("main", nameA)
		time.Sleep(time.Hour)
		if err := j.record(other, sent{Name: nameA}); err != nil {
			t.Fatal(err)
		}
		if !j.hasExpand(journalKey) || len(j.creates("main")) != 1 {
			t.Errorf("after an hour: %+v", j.sent)
		}
		time.Sleep(time.Nanosecond)
		if j.hasExpand(journalKey) {
			t.Error("after more than an hour")
		}
		time.Sleep(time.Hour) // the create is too old, too
		if err := j.record(createKey("main", nameB), sent{Name: nameB}); err != nil {
			t.Fatal(err)
		}
		if files, _ := filepath.Glob(filepath.Join(dir, "*"+journalSuffix)); len(j.sent) != 3 || len(files) != 3 {
			t.Errorf("kept are %+v, %q", j.sent, files)
		}
		time.Sleep(time.Hour)
		if len(j.creates("main")) != 1 {
			t.Error("a create is over after exactly an hour")
		}
		time.Sleep(time.Nanosecond)
		if len(j.creates("main")) != 0 {
			t.Error("a create is not over after more than an hour")
		}
	})
}

// TestNotesThatCannotBeRead: an unreadable note stands for a request sent at the known time.
func TestNotesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	now := time.Now().Truncate(time.Second)
	write := func(content string, at time.Time) string {
		t.Helper()
		path := filepath.Join(dir, "note")
		if err := errors.Join(os.WriteFile(path, []byte(content), 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := func(at time.Time) string {
		return `{"version":1,"sizeGiB":2,"at":"` + at.UTC().Format(time.RFC3339) + `"}`
	}
	for _, tt := range []struct {
		name string
		path func() string
		want time.Time
		size int
	}{
		{"good", func() string { return write(good(now.Add(-time.Hour)), now.Add(-2*time.Hour)) }, now.Add(-time.Hour), 2},
		{"of the future", func() string { return write(good(now.Add(time.Hour)), now) }, now, 2},
		{"damaged", func() string { return write("{", now.Add(-time.Hour)) }, now.Add(-time.Hour), 0},
		{"damaged, of the future", func() string { return write("{", now.Add(time.Hour)) }, now, 0},
		{"missing", func() string { return filepath.Join(dir, "missing") }, now, 0},
	} {
		if got := readSent(tt.path(), now); !got.At.Equal(tt.want) || got.SizeGiB != tt.size {
			t.Errorf("%s: %+v, want %v", tt.name, got, tt.want)
		}
	}
	for name, want := range map[string]bool{"a_b.json": true, ".a_b.json": false, "a_b.json.new": false, "journal": false} {
		if _, ok := keyOfFile(name); ok != want {
			t.Errorf("%s: %t", name, ok)
		}
	}
	j := newJournal()
	j.dir = dir
	if err := errors.Join(j.write("a/b", sent{}), j.write("a/c", sent{})); err != nil {
		t.Fatal(err)
	}
	j.remove("main/missing")
	for _, key := range []string{"a/b", "a/c"} {
		j.remove(key)
		if _, err := os.Stat(filepath.Join(dir, fileOfKey(key))); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the note of %s stays: %v", key, err)
		}
	}
	j.dir = filepath.Join(dir, "missing")
	if err := j.write("a/b", sent{}); err == nil {
		t.Error("written into a directory that is not there")
	}
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "file"), nil, 0o600), os.MkdirAll(filepath.Join(dir, "used", journalMarker, "x"), 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"file", "used"} {
		if _, err := openJournalDir(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s: a directory that cannot be used is no error", name)
		}
	}
}
