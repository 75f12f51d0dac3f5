package logfiles

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/klog/v2"
	"k8s.io/klog/v2/ktesting"
)

func newKeeper(t *testing.T) Keeper {
	t.Helper()
	k := Keeper{Dir: t.TempDir(), Limits: Limits{Size: 10, Copies: 2, Age: time.Hour}}
	if err := os.Mkdir(filepath.Join(k.Dir, "bricks"), 0o755); err != nil {
		t.Fatal(err)
	}
	return k
}

func (k Keeper) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(k.Dir, name)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// lookNow calls look and expects no error.
func (k Keeper) lookNow(t *testing.T) {
	t.Helper()
	if err := k.boundAll(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
}

// content returns a file's text, unpacked, or "none".
func content(t *testing.T, path string) string {
	t.Helper()
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "none"
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var from io.Reader = file
	if strings.HasSuffix(path, ".gz") {
		if from, err = gzip.NewReader(file); err != nil {
			t.Fatal(err)
		}
	}
	text, err := io.ReadAll(from)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestCopiesMoveOn(t *testing.T) {
	k := newKeeper(t)
	for _, name := range []string{"glusterd.log", "cmd_history.log", "bricks/data-b1.log"} {
		path := k.write(t, name, "short")
		for _, line := range []string{"first line", "second line", "third line"} {
			k.lookNow(t)
			k.write(t, name, line)
		}
		k.lookNow(t)
		for file, want := range map[string]string{path: "", path + ".1.gz": "third line", path + ".2.gz": "second line", path + ".3.gz": "none", path + ".1.gz.new": "none"} {
			if got := content(t, file); got != want {
				t.Errorf("%s has %q, want %q", file, got, want)
			}
		}
	}
}

// TestKilledBeforeTheCopyHasItsName: the log is empty by then, so its lines are only in the file that is left. An empty file is no
// copy.
func TestKilledBeforeTheCopyHasItsName(t *testing.T) {
	k := newKeeper(t)
	path := k.write(t, "glusterd.log", "first line")
	log, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if err := pack(log, copyPath(path, 1)+newSuffix); err != nil {
		t.Fatal(err)
	}
	k.write(t, "glusterd.log", "second line")
	other := k.write(t, "glustershd.log", "first line")
	k.write(t, "glustershd.log.1.gz.new", "")
	k.lookNow(t)
	for file, want := range map[string]string{
		path: "", copyPath(path, 1): "second line", copyPath(path, 2): "first line", copyPath(path, 1) + newSuffix: "none",
		other: "", copyPath(other, 1): "first line", copyPath(other, 2): "none",
	} {
		if got := content(t, file); got != want {
			t.Errorf("%s has %q, want %q", file, got, want)
		}
	}
}

// TestFewerCopies: surplus copies are removed after the number was lowered.
func TestFewerCopies(t *testing.T) {
	for copies := range 3 {
		k := newKeeper(t)
		path := k.write(t, "glusterd.log", "a line that is long")
		for n := 1; n <= 4; n++ {
			k.write(t, fmt.Sprintf("glusterd.log.%d.gz", n), "old")
		}
		k.Copies = copies
		k.lookNow(t)
		found, err := filepath.Glob(path + ".*")
		if copies == 0 {
			// The existing copies stay until their age removes them.
			copies = 4
		}
		if err != nil || len(found) != copies || content(t, path) != "" {
			t.Errorf("copies: %q, %v, and the log has %q", found, err, content(t, path))
		}
	}
}

// TestNoLineIsLost: a process keeps writing through its open descriptor, which continues at the beginning of the emptied file.
// Lines between the last read and the truncation may be lost, so the process does not write at that moment.
func TestNoLineIsLost(t *testing.T) {
	k := newKeeper(t)
	path := filepath.Join(k.Dir, "glusterd.log")
	process, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer process.Close()
	const rounds = 3
	for i := range rounds {
		fmt.Fprintf(process, "line %d of the log\n", i)
		k.Copies = rounds
		k.lookNow(t)
	}
	fmt.Fprint(process, "the end")
	var all strings.Builder
	for n := rounds; n >= 1; n-- {
		all.WriteString(content(t, copyPath(path, n)))
	}
	all.WriteString(content(t, path))
	if want := "line 0 of the log\nline 1 of the log\nline 2 of the log\nthe end"; all.String() != want {
		t.Errorf("%q, want %q", all.String(), want)
	}
}

// TestLogThatGrowsMeanwhile: a line that is written during packing is in the copy, and packing ends even if a process writes as
// fast as packing proceeds.
func TestLogThatGrowsMeanwhile(t *testing.T) {
	k := newKeeper(t)
	path := k.write(t, "glusterd.log", "the first line\n")
	log, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	copied := &strings.Builder{}
	if err := packInto(writerFunc(func(p []byte) (int, error) { k.write(t, "glusterd.log", "the next line\n"); return copied.Write(p) }), log); err != nil {
		t.Fatal(err)
	}
	unpacker, err := gzip.NewReader(bufio.NewReader(strings.NewReader(copied.String())))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(unpacker); err != nil || !strings.HasPrefix(string(got), "the first line\nthe next line\n") {
		t.Errorf("%q, %v", got, err)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestNoCopyCanBeMade: the log is emptied even if no copy can be made.
func TestNoCopyCanBeMade(t *testing.T) {
	k := newKeeper(t)
	path := k.write(t, "glusterd.log", "a line that is long")
	if err := os.Mkdir(path+".1.gz.new", 0o755); err != nil {
		t.Fatal(err)
	}
	other := k.write(t, "glustershd.log", "a line that is long")
	if err := k.boundAll(t.Context(), time.Now()); err == nil || !strings.Contains(err.Error(), "glusterd.log is emptied without a copy") {
		t.Errorf("%v", err)
	}
	if content(t, path) != "" || content(t, other) != "" {
		t.Errorf("%q, %q", content(t, path), content(t, other))
	}
}

// TestLogThatCannotBeEmptied: neither the error nor the Keeper's own log says that the log is empty.
func TestLogThatCannotBeEmptied(t *testing.T) {
	for _, copies := range []int{0, 2} {
		k := newKeeper(t)
		k.Copies = copies
		path := k.write(t, "glusterd.log", "a line that is long")
		log, err := os.Open(path) // the kernel truncates no file that is open for reading only
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		own := ktesting.NewLogger(t, ktesting.NewConfig(ktesting.BufferLogs(true)))
		err = k.empty(klog.NewContext(t.Context(), own), log, path)
		if text := own.GetSink().(ktesting.Underlier).GetBuffer().String(); err == nil || strings.Contains(err.Error(), "is emptied") || text != "" {
			t.Errorf("%d copies: %v, log %q", copies, err, text)
		}
		if got := content(t, path); got != "a line that is long" || content(t, copyPath(path, 1)) != "none" {
			t.Errorf("%d copies: the log has %q", copies, got)
		}
	}
}

// TestWhatIsLeftAlone: links, which could lead anywhere, and files that are not logs stay.
func TestWhatIsLeftAlone(t *testing.T) {
	k := newKeeper(t)
	outside := filepath.Join(t.TempDir(), "outside.log")
	if err := errors.Join(os.WriteFile(outside, []byte("something that is long"), 0o600), os.Symlink(outside, filepath.Join(k.Dir, "link.log"))); err != nil {
		t.Fatal(err)
	}
	other := k.write(t, "notes.txt", "something that is long")
	if err := k.boundAll(t.Context(), time.Now().Add(48*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if content(t, outside) != "something that is long" || content(t, other) != "something that is long" {
		t.Errorf("%q, %q", content(t, outside), content(t, other))
	}
}

// TestLogsOfBricksThatAreGone: logs of removed bricks and their copies are removed in the end, also copies that a killed process has
// left unfinished. Logs of daemons and open logs stay.
func TestLogsOfBricksThatAreGone(t *testing.T) {
	k := newKeeper(t)
	for _, name := range []string{"glusterd.log", "bricks/gone.log", "bricks/gone.log.1.gz", "bricks/gone.log.1.gz.new", "bricks/here.log", "glfsheal-data.log", "glusterd.log.2.gz", "bricks/notes"} {
		k.write(t, name, "text")
	}
	k.Proc = t.TempDir() // process 7 writes a log, process 8 has just ended, self is not a process
	link := filepath.Join(k.Proc, "7", "fd", "3")
	if err := errors.Join(os.MkdirAll(filepath.Dir(link), 0o755), os.MkdirAll(filepath.Join(k.Proc, "8"), 0o755), os.Symlink("7", filepath.Join(k.Proc, "self")),
		os.Symlink(filepath.Join(k.Dir, "bricks", "here.log"), link)); err != nil {
		t.Fatal(err)
	}
	expect := func(at time.Time, want ...string) {
		t.Helper()
		if err := k.boundAll(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		var got []string
		_ = filepath.WalkDir(k.Dir, func(path string, entry fs.DirEntry, _ error) error {
			if !entry.IsDir() {
				got = append(got, strings.TrimPrefix(path, k.Dir+"/"))
			}
			return nil
		})
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%q, want %q", got, want)
		}
	}
	all := []string{"bricks/gone.log", "bricks/gone.log.1.gz", "bricks/gone.log.1.gz.new", "bricks/here.log", "bricks/notes", "glfsheal-data.log", "glusterd.log", "glusterd.log.2.gz"}
	expect(time.Now(), all...)
	left := []string{"bricks/here.log", "bricks/notes", "glusterd.log"}
	expect(time.Now().Add(k.Age+time.Minute), left...)
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	// If the open files cannot be listed, nothing is removed.
	proc := k.Proc
	k.Proc = filepath.Join(proc, "missing")
	if err := k.boundAll(t.Context(), time.Now().Add(k.Age+time.Minute)); err == nil || !strings.Contains(err.Error(), "list processes") {
		t.Errorf("%v", err)
	}
	k.Proc = proc
	expect(time.Now().Add(k.Age+time.Minute), "bricks/notes", "glusterd.log")
}

// TestRun: the logs are checked at once, and then each minute.
func TestRun(t *testing.T) {
	k := newKeeper(t)
	synctest.Test(t, func(t *testing.T) {
		path := k.write(t, "glusterd.log", "the first line")
		go k.Run(t.Context())
		synctest.Wait()
		if got := content(t, path); got != "" {
			t.Errorf("at the beginning: %q", got)
		}
		k.write(t, "glusterd.log", "the second line")
		time.Sleep(interval - time.Second)
		synctest.Wait()
		if got := content(t, path); got != "the second line" {
			t.Errorf("within the minute: %q", got)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := content(t, path); got != "" {
			t.Errorf("after a minute: %q", got)
		}
	})
}
