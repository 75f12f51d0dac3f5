package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// lost is a worker whose file's client has ended and was replaced.
type lost struct {
	writes, reads error
	again         bool
}

func (l *lost) write(int) error     { return l.writes }
func (l *lost) read(int, int) error { return l.reads }
func (l *lost) close() error        { return nil }
func (l *lost) replaced() bool      { return l.again }

func (l *lost) reopen() error {
	l.writes = nil
	return l.reads // as if the new file were read
}

// TestOutage: an outage lasts until writes and reads work, and a file is opened again when another client serves it.
func TestOutage(t *testing.T) {
	l := &lost{}
	r := &turns{worker: l}
	r.turn()
	l.writes = &os.PathError{Op: "write", Err: unix.ECONNABORTED}
	r.turn()
	l.writes = fmt.Errorf("disk I/O error: %w", unix.ENOTCONN)
	r.turn()
	if got := r.status(); got.Cut != 2 || got.Errors != 0 || got.Reopened != 0 || len(got.OutagesMilliseconds) != 0 {
		t.Errorf("in the outage: %+v", got)
	}
	l.again = true
	r.turn()
	if got := r.status(); got.Cut != 2 || got.Reopened != 1 || len(got.OutagesMilliseconds) != 1 || got.Writes != 2 || got.Reads != 4 {
		t.Errorf("after it: %+v", got)
	}
	l.writes = errors.New("other")
	r.turn()
	if got := r.status(); got.Errors != 1 || len(got.OutagesMilliseconds) != 0 {
		t.Errorf("another error: %+v", got)
	}
}

// TestReopen opens the workers' files again, and checks that they continue after what was written.
func TestReopen(t *testing.T) {
	t.Setenv(anywhere, "yes")
	for _, k := range kinds() {
		if !k.holds {
			continue
		}
		dir := directory(t)
		w, err := k.open(dir)
		if err != nil {
			t.Fatal(err)
		}
		again, can := w.(reopener)
		if !can {
			t.Fatalf("%s holds a file and cannot open it again", k.name)
		}
		if again.replaced() {
			t.Errorf("%s: another file system in the same place", k.name)
		}
		if err := errors.Join(w.write(0), again.reopen(), w.read(0, 1), w.write(1), w.read(1, 2), w.close()); err != nil {
			t.Errorf("%s: %v", k.name, err)
		}
	}
}

func TestSameNumber(t *testing.T) {
	dir := t.TempDir()
	files := make([]*os.File, 0, 3)
	for _, name := range []string{"one", "one", "other"} {
		file, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_RDONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		files = append(files, file)
	}
	if !sameNumber(files[0], files[1]) || sameNumber(files[0], files[2]) {
		t.Error("the same file has another number, or another file the same")
	}
}

func TestReplaced(t *testing.T) {
	file, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if !replaced(file, "/proc") {
		t.Error("/proc is on the same file system as a file")
	}
	if replaced(file, filepath.Join(file.Name(), "none")) {
		t.Error("what cannot be looked at counts as replaced")
	}
}

// TestNextMayBeThere: a write that has failed may have been carried out.
func TestNextMayBeThere(t *testing.T) {
	t.Setenv(anywhere, "yes")
	dir := directory(t)
	w, err := openRenamed(dir)
	if err != nil {
		t.Fatal(err)
	}
	for seq := range slots + 1 {
		if err := w.write(seq); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.read(0, slots), w.read(0, slots+1)); err != nil {
		t.Error(err)
	}
	if err := w.read(0, slots-1); !errors.Is(err, errWrong) {
		t.Errorf("a record of another number: %v", err)
	}
}

// TestStrayFiles: only files in the volume are stray.
func TestStrayFiles(t *testing.T) {
	dir := directory(t)
	if err := os.WriteFile(filepath.Join(scratchOf(dir), "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if files, beneath, err := strayFiles(dir); beneath || err != nil || len(files) > 0 {
		t.Errorf("%v, %t, %v", files, beneath, err)
	}
}

// TestSaid: a repeated error has the time of its last occurrence. Otherwise it would be missing from the errors since a time.
func TestSaid(t *testing.T) {
	l := &lost{writes: errors.New("first")}
	r := &turns{worker: l}
	r.turn()
	l.writes = errors.New("second")
	r.turn()
	l.writes = errors.New("first")
	r.turn()
	if said := r.status().Said; len(said) != 2 || !strings.HasSuffix(said[0], "second") || !strings.HasSuffix(said[1], "first") {
		t.Errorf("%q", said)
	}
}
