package provisioner

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

const journalKey = "main/0123456789abcdef0123456789abcdef"

func openJournal(t *testing.T, dir string) *Journal {
	t.Helper()
	j, err := OpenJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestJournal(t *testing.T) {
	sizes := func(j *Journal, sizeGiB int) bool { // whether an expand may be sent
		err := j.check(journalKey, heketi.Volume{Name: "v", SizeGiB: sizeGiB}, time.Hour)
		if err != nil && !errors.Is(err, volume.ErrBusy) {
			t.Error(err)
		}
		return err == nil
	}
	for _, tc := range []struct {
		name  string
		after func(j *Journal)
		file  string // written instead of the journal's
		size  int
		want  bool
	}{
		{"begun", nil, "", 2, false},
		{"unanswered", func(j *Journal) { j.unanswered(journalKey) }, "", 2, false},
		{"answered", func(j *Journal) { j.end(journalKey) }, "", 2, true},
		{"carried out", nil, "", 5, true},
		{"another caller has expanded it", nil, "", 4, false},
		{"damaged", nil, "{", 5, false},
		{"of nothing", nil, "{}", 5, false},
		{"of another version", nil, `{"version":2,"sizeGiB":2,"moreGiB":3,"at":"2000-01-01T00:00:00Z"}`, 5, false},
		{"too old", nil, `{"version":1,"sizeGiB":2,"moreGiB":3,"at":"2000-01-01T00:00:00Z"}`, 2, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state", "expands")
			j := openJournal(t, dir)
			if !sizes(j, 2) {
				t.Error("a new journal has something in it")
			}
			if err := j.begin(journalKey, sent{SizeGiB: 2, MoreGiB: 3}); err != nil {
				t.Fatal(err)
			}
			if tc.after != nil {
				tc.after(j)
			}
			if tc.file != "" {
				overwrite(t, dir, tc.file)
			}
			if got := sizes(openJournal(t, dir), tc.size); got != tc.want {
				t.Errorf("the next process may send an expand of %d GiB: %t, want %t", tc.size, got, tc.want)
			}
			if files, _ := os.ReadDir(dir); tc.want && len(files) > 0 {
				t.Errorf("files are left: %v", files)
			}
		})
	}
}

func overwrite(t *testing.T, dir, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, fileOfKey(journalKey)), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestJournalThatCannotBeWritten: what cannot be remembered must not be sent.
func TestJournalThatCannotBeWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "expands")
	j := openJournal(t, dir)
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := j.begin(journalKey, sent{SizeGiB: 2, MoreGiB: 3}); !errors.Is(err, volume.ErrUnavailable) {
		t.Errorf("%v, want %v", err, volume.ErrUnavailable)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenJournal(dir); err == nil {
		t.Error("a file in the place of the directory is no error")
	}
}

// TestJournalKeepsOtherFiles: what a crash of the writer leaves is not taken for a request.
func TestJournalKeepsOtherFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "."+fileOfKey(journalKey)+"123"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if j := openJournal(t, dir); len(j.sent) > 0 {
		t.Errorf("requests %v", j.sent)
	}
}
