package fuseclient

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestStageWithoutLogs: no client is started if its log cannot be opened.
func TestStageWithoutLogs(t *testing.T) {
	n := newNode(t)
	if err := os.Remove(filepath.Join(n.cfg.StateDir, "logs")); err != nil {
		t.Fatal(err)
	}
	if err := n.Stage(t.Context(), source("vol"), n.path("staging")); err == nil || !strings.Contains(err.Error(), "make the client's log") {
		t.Errorf("%v", err)
	}
	if files := n.files(); files != "" {
		t.Errorf("files left: %s", files)
	}
}

// TestRecordInTheWay: a volume whose record cannot be written is still staged, and the next driver rebuilds the record.
func TestRecordInTheWay(t *testing.T) {
	n := newNode(t)
	n.fill(filepath.Join("volumes", filepath.Base(n.recordPath("id-vol"))))
	r := n.stage()
	n.restart()
	if again := n.stage(); again.Process != r.Process {
		t.Error("there is another client")
	}
}

// TestRecordThatStays: a volume whose record cannot be removed can still be staged with other options.
func TestRecordThatStays(t *testing.T) {
	n := newNode(t)
	n.kill(n.stage())
	if err := unix.Unmount(n.path("staging"), 0); err != nil {
		t.Fatal(err)
	}
	undo := n.protect("volumes")
	err := n.Stage(t.Context(), source("vol", "ro"), n.path("staging"))
	undo()
	if err != nil {
		t.Error(err)
	}
	r := n.known()
	older, err := readRecord(n.recordPath("id-vol")) // older than the client
	if err != nil {
		t.Fatal(err)
	}
	older.Source.Cluster, older.Source.Servers = "cluster", append(older.Source.Servers, "refused")
	n.ending.Wait()
	n.Close()
	if err := writeRecord(n.recordPath("id-vol"), older); err != nil {
		t.Fatal(err)
	}
	n.Manager = startManager(t, n.cfg.StateDir)
	now := n.known()
	if now.Process != r.Process || now.Device != r.Device {
		t.Errorf("after the start, the record is %+v", now)
	}
	if now.Source.Cluster != "cluster" || !slices.Equal(now.Source.Servers, older.Source.Servers) || !now.Source.Options.ReadOnly() {
		t.Errorf("after the start, its source is %+v", now.Source)
	}
	if err := n.Stage(t.Context(), source("vol", "ro"), n.path("staging")); err != nil {
		t.Error(err)
	}
	if again := n.known(); again.Process != r.Process {
		t.Error("there is another client")
	}
}

func TestReadRecordFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "record")
	if _, err := readRecord(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no record: %v", err)
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readRecord(path); err == nil || !strings.Contains(err.Error(), "read record "+path) {
		t.Errorf("a damaged record: %v", err)
	}
}

// TestRecordsAreWritten: each volume has a record with a unique name that only root can read.
func TestRecordsAreWritten(t *testing.T) {
	n := newNode(t)
	n.stage()
	path := n.recordPath("id-vol")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 || len(filepath.Base(path)) != len("0123456789abcdef0123456789abcdef.json") {
		t.Errorf("%s: %v, %v", path, info, err)
	}
	dir, err := os.Stat(filepath.Join(n.cfg.StateDir, "volumes"))
	if err != nil || dir.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", dir, err)
	}
}

// TestRecordUnderAnotherName: a record is not used if its file has another volume's name.
func TestRecordUnderAnotherName(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	other := n.recordPath("id-other")
	if err := os.Rename(n.recordPath("id-vol"), other); err != nil {
		t.Fatal(err)
	}
	n.restart()
	if _, known := n.record("id-vol"); known {
		t.Error("it was used")
	}
	if _, err := os.Stat(other); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	n.signal(r, unix.SIGKILL)
}
