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
	j.late = time.Hour
	return j
}

func TestJournal(t *testing.T) {
	sizes := func(j *Journal, sizeGiB int) bool { // whether an expand may be sent
		late, ok := j.expandOf(journalKey, heketi.Volume{SizeGiB: sizeGiB})
		return !ok || time.Now().After(late.until)
	}
	for _, tc := range []struct {
		name  string
		after func(j *Journal)
		file  string // written in place of the journal's
		size  int
		want  bool
	}{
		{"begun", nil, "", 2, false},
		{"unanswered", func(j *Journal) { j.unanswered(journalKey) }, "", 2, false},
		{"answered", func(j *Journal) { j.forget(journalKey) }, "", 2, true},
		{"carried out", nil, "", 5, true},
		{"another caller has expanded it", nil, "", 4, false},
		{"damaged", nil, "{", 5, false},
		{"of nothing", nil, "{}", 5, false},
		{"of another version", nil, `{"version":2,"sizeGiB":2,"moreGiB":3,"at":"2000-01-01T00:00:00Z"}`, 5, false},
		{"of a clock that was ahead", nil, `{"version":1,"sizeGiB":2,"moreGiB":3,"at":"2999-01-01T00:00:00Z"}`, 2, false},
		{"too old", nil, `{"version":1,"sizeGiB":2,"moreGiB":3,"at":"2000-01-01T00:00:00Z"}`, 2, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state", "requests")
			j := openJournal(t, dir)
			if err := j.record(journalKey, sent{SizeGiB: 2, MoreGiB: 3}); err != nil {
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
		})
	}
}

func overwrite(t *testing.T, dir, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, fileOfKey(journalKey)), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestJournalThatCannotBeWritten: a request that cannot be remembered must not be sent.
func TestJournalThatCannotBeWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "requests")
	j := openJournal(t, dir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := j.record(journalKey, sent{SizeGiB: 2, MoreGiB: 3}); !errors.Is(err, volume.ErrUnavailable) {
		t.Errorf("%v, want %v", err, volume.ErrUnavailable)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenJournal(dir); err == nil {
		t.Error("a file in the place of the directory is no error")
	}
}

// TestJournalKeepsOtherFiles: a temporary file left by a crash is not taken for a request.
func TestJournalKeepsOtherFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "."+fileOfKey(journalKey)+"123"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if j := openJournal(t, dir); len(j.sent) > 0 {
		t.Errorf("requests %v", j.sent)
	}
}

// TestJournalIsPruned: notes of creates that are older than 30 days are removed at the next start. Notes of expands are kept.
func TestJournalIsPruned(t *testing.T) {
	dir := t.TempDir()
	j := openJournal(t, dir)
	old, young := createKey("main", nameA), createKey("main", nameB)
	if err := errors.Join(
		j.write(old, sent{Version: journalVersion, At: time.Now().Add(-keepCreates - time.Hour), Name: nameA}),
		j.write(young, sent{Version: journalVersion, At: time.Now().Add(time.Hour - keepCreates), Name: nameB}),
		j.write(journalKey, sent{Version: journalVersion, At: time.Now().Add(-keepCreates - time.Hour), SizeGiB: 2, MoreGiB: 3}),
	); err != nil {
		t.Fatal(err)
	}
	j = openJournal(t, dir)
	files, err := filepath.Glob(filepath.Join(dir, "*"+journalSuffix))
	if err != nil || len(files) != 2 || len(j.sent) != 2 {
		t.Errorf("files %v, notes %v, %v", files, j.sent, err)
	}
	for key, want := range map[string]bool{old: false, young: true, journalKey: true} {
		if _, ok := j.sent[key]; ok != want {
			t.Errorf("the note of %s is kept: %t", key, ok)
		}
	}
}

// TestJournalWithoutPredecessor: an expand right after the start may repeat one of an earlier process, unless this process has
// made the volume.
func TestJournalWithoutPredecessor(t *testing.T) {
	const otherKey = "main/11111111111111111111111111111111"
	dir := t.TempDir()
	j := openJournal(t, dir)
	j.hasMade(otherKey)
	for key, want := range map[string]bool{journalKey: true, otherKey: false} {
		j.suspect(key)
		if late, ok := j.expandOf(key, heketi.Volume{SizeGiB: 2}); ok != want || ok && !late.until.Equal(j.opened.Add(time.Hour)) {
			t.Errorf("%s: %v, %t", key, late, ok)
		}
	}
	next := openJournal(t, dir)
	for key, want := range map[string]bool{journalKey: true, otherKey: false} {
		if late, ok := next.expandOf(key, heketi.Volume{SizeGiB: 2}); ok != want || late.Suspect != want {
			t.Errorf("%s in the next process: %t, suspect: %t; want %t", key, ok, late.Suspect, want)
		}
	}
	// A request that this process has sent is known, and not suspect.
	if err := j.record(journalKey, sent{SizeGiB: 2, MoreGiB: 3}); err != nil {
		t.Fatal(err)
	}
	j.suspect(journalKey)
	if late, ok := j.expandOf(journalKey, heketi.Volume{SizeGiB: 2}); !ok || late.Suspect || late.MoreGiB != 3 {
		t.Errorf("an expand that was sent has become %+v, %t", late, ok)
	}
	later := openJournal(t, t.TempDir())
	later.suspectUntil = time.Now().Add(-time.Second)
	later.suspect(journalKey)
	if _, ok := later.expandOf(journalKey, heketi.Volume{SizeGiB: 2}); ok {
		t.Error("later expands are suspect")
	}
}
